// Dynamic serves and calls a service without a single Go type for what the IDL describes:
// values are built, read and printed by the schema.
//
//	go run ./examples/dynamic
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed library.thrift
var idl string

// library answers every method of the service by its name.
type library struct {
	file *schema.File

	mu    sync.Mutex
	books []*dynamic.Struct
}

func (l *library) handle(ctx context.Context, method *schema.Method, args *dynamic.Struct) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch method.Name {
	case "add":
		l.books = append(l.books, args.Get("book").Struct())
		return nil, nil
	case "find":
		for _, b := range l.books {
			if b.Get("title").Text() == args.Get("title").Text() {
				return b, nil
			}
		}
		missing := dynamic.New(l.file.Struct("NoSuchBook"))
		if err := missing.Set("title", args.Get("title")); err != nil {
			return nil, err
		}
		return nil, &thriftkit.Exception{Value: missing}
	case "shelves":
		shelves := make(map[int32][]*dynamic.Struct)
		for _, b := range l.books {
			genre := int32(b.Get("genre").Int())
			shelves[genre] = append(shelves[genre], b)
		}
		return shelves, nil
	}
	return nil, fmt.Errorf("no method %s", method.Name)
}

func main() {
	file, err := thriftkit.Parse("library.thrift", idl)
	if err != nil {
		log.Fatal(err)
	}
	service := file.Service("Library")
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	lib := &library{file: file}
	go func() { log.Fatal(thriftkit.Serve(l, service, thriftkit.DynamicHandler(lib.handle))) }()

	ctx := context.Background()
	client, err := thriftkit.Dial(ctx, l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	// Arguments are plain Go values; they are checked against the IDL on the way.
	for _, book := range []map[string]any{
		{"title": "红楼梦", "authors": []string{"曹雪芹"}, "year": 1791},
		{"title": "On the Nature of Things", "authors": []string{"Lucretius"}, "genre": "POETRY"},
	} {
		if _, err := thriftkit.Invoke[any](ctx, client, service.Method("add"), book); err != nil {
			log.Fatal(err)
		}
	}
	_, err = thriftkit.Invoke[any](ctx, client, service.Method("add"), map[string]any{"title": "Untitled", "year": "soon"})
	fmt.Println(err)

	// A result is a value that knows its schema.
	book, err := thriftkit.Invoke[*dynamic.Struct](ctx, client, service.Method("find"), "红楼梦")
	if err != nil {
		log.Fatal(err)
	}
	for field, value := range book.Fields() {
		fmt.Println(field.Name, "=", value.Interface())
	}

	// Or it is plain Go.
	shelves, err := thriftkit.Invoke[map[int32][]any](ctx, client, service.Method("shelves"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(shelves), "shelves")

	_, err = thriftkit.Invoke[any](ctx, client, service.Method("find"), "Ulysses")
	var exception *thriftkit.Exception
	if errors.As(err, &exception) {
		fmt.Println(exception.Value.Schema().Name, exception.Value.Get("title").Text())
	}
}
