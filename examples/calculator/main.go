// Calculator shows the parts of Thrift in Go: structs, enums, exceptions, a service that
// extends another, and a oneway method, with an interceptor that times every call.
//
//	go run ./examples/calculator
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit"
)

//go:embed *.thrift
var idl embed.FS

// Operation is an enum of the IDL: any type made of int32.
type Operation int32

const (
	Add Operation = 1 + iota
	Subtract
	Multiply
	Divide
)

// Work is a struct of the IDL. Fields match by name; an optional one is a pointer.
type Work struct {
	Left, Right int32
	Op          Operation
	Comment     *string
}

// InvalidOperation is an exception of the IDL: a Go error.
type InvalidOperation struct {
	Op  Operation
	Why string
}

func (e *InvalidOperation) Error() string { return fmt.Sprintf("operation %d: %s", e.Op, e.Why) }

// Entry and NotFound come from the included shared.thrift.
type Entry struct {
	Key   int32
	Value string
}

type NotFound struct{ Key int32 }

func (e *NotFound) Error() string { return fmt.Sprintf("no entry %d", e.Key) }

// calculator is the handler. It answers for the methods of Calculator and, because that
// extends it, of shared.Log.
type calculator struct {
	mu  sync.Mutex
	log map[int32]Entry
}

func (c *calculator) Ping(ctx context.Context) error { return nil }

func (c *calculator) Calculate(ctx context.Context, key int32, w *Work) (int32, error) {
	var n int32
	switch w.Op {
	case Add:
		n = w.Left + w.Right
	case Subtract:
		n = w.Left - w.Right
	case Multiply:
		n = w.Left * w.Right
	case Divide:
		if w.Right == 0 {
			return 0, &InvalidOperation{w.Op, "division by 0"}
		}
		n = w.Left / w.Right
	default:
		return 0, &InvalidOperation{w.Op, "unknown operation"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log[key] = Entry{key, strconv.Itoa(int(n))}
	return n, nil
}

func (c *calculator) Entry(ctx context.Context, key int32) (*Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.log[key]
	if !ok {
		return nil, &NotFound{key}
	}
	return &e, nil
}

func (c *calculator) Clear(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.log)
	return nil
}

// timing is an interceptor; the same works on a client.
func timing(next thriftkit.Handler) thriftkit.Handler {
	return func(ctx context.Context, call *thriftkit.Call) error {
		start := time.Now()
		err := next(ctx, call)
		fmt.Fprintf(os.Stderr, "%s took %v\n", call.Method, time.Since(start))
		return err
	}
}

func main() {
	file, err := thriftkit.Load("calculator.thrift", thriftkit.WithFS(idl))
	if err != nil {
		log.Fatal(err)
	}
	service := file.Service("Calculator")
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := thriftkit.NewServer(thriftkit.WithInterceptors(timing))
	if err := server.Register(service, &calculator{log: make(map[int32]Entry)}); err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)

	ctx := context.Background()
	client, err := thriftkit.Dial(ctx, l.Addr().String(), thriftkit.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c struct {
		Ping      func(ctx context.Context) error
		Calculate func(ctx context.Context, key int32, work *Work) (int32, error)
		Entry     func(ctx context.Context, key int32) (*Entry, error)
		Clear     func(ctx context.Context) error
	}
	if err := client.Bind(service, &c, &InvalidOperation{}, &NotFound{}); err != nil {
		log.Fatal(err)
	}

	if err := c.Ping(ctx); err != nil {
		log.Fatal(err)
	}
	n, err := c.Calculate(ctx, 1, &Work{Left: 6, Right: 7, Op: Multiply})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("6 * 7 =", n)

	_, err = c.Calculate(ctx, 2, &Work{Left: 1, Op: Divide})
	var invalid *InvalidOperation
	if errors.As(err, &invalid) {
		fmt.Println("1 / 0:", invalid.Why)
	}

	e, err := c.Entry(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("log entry 1:", e.Value)
	if err := c.Clear(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = c.Entry(ctx, 1)
	var missing *NotFound
	if errors.As(err, &missing) {
		fmt.Println("after clear:", missing)
	}
	if err := server.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
