package thriftkit_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// The examples of this file are those of docs/from-thriftpy2.md: its Go code is theirs, line by line.

const (
	storeThrift = `
include "shared.thrift"
namespace py store

const i32 LIMIT = 10
const set<string> WORDS = ["a", "b"]

enum Color { RED = 1, GREEN = 2 }

typedef i64 Cents

struct Item {
  1: required string name,
  2: Color color = Color.RED,
  3: Cents price (unit = "cent"),
  4: set<string> tags,
  5: optional string note,
}

union Key { 1: i32 number, 2: string word }

exception NotFound { 1: string name }

service Clock { i64 now() }

service Store extends Clock {
  Item find(1: string name, 2: i32 limit = 10) throws (1: NotFound missing),
  list<Later> list_all(),
  oneway void note(1: string text),
  string slow(),
  shared.Page page(),
}

struct Later { 1: i32 n }
`
	sharedThrift = `struct Page { 1: i32 number }`
)

type (
	color int32

	storeItem struct {
		Name  string
		Color color
		Price int64
		Tags  map[string]struct{}
		Note  *string
	}

	NotFound struct{ Name string }

	later struct{ N int32 }
	page  struct{ Number int32 }

	store struct {
		noted  chan string
		answer chan struct{} // closed when Slow may answer
	}

	storeClient struct {
		Find    func(ctx context.Context, name string, limit int32) (*storeItem, error)
		ListAll func(ctx context.Context) ([]later, error)
		Note    func(ctx context.Context, text string) error
		Slow    func(ctx context.Context) (string, error)
	}
)

func (e *NotFound) Error() string { return "not found: " + e.Name }

func (*store) Now(ctx context.Context) (int64, error) { return 42, nil }

func (*store) Find(ctx context.Context, name string, limit int32) (*storeItem, error) {
	switch name {
	case "lamp":
		return &storeItem{Name: name, Color: 2, Price: int64(limit)}, nil
	case "teapot":
		return nil, rpc.Errorf(rpc.CodeProtocol, "short and stout")
	case "bug":
		return nil, errors.New("nobody's business")
	}
	return nil, &NotFound{name}
}

func (*store) ListAll(ctx context.Context) ([]later, error) { return []later{{1}, {2}}, nil }

func (s *store) Note(ctx context.Context, text string) error {
	s.noted <- text
	return nil
}

func (s *store) Slow(ctx context.Context) (string, error) {
	<-s.answer
	return "late", nil
}

func (*store) Page(ctx context.Context) (page, error) { return page{7}, nil }

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func storeFile() *schema.File {
	return must(thriftkit.Load("store.thrift", thriftkit.WithTexts(map[string]string{
		"store.thrift": storeThrift, "shared.thrift": sharedThrift,
	})))
}

// startStore serves Store on a free port.
func startStore(opts ...thriftkit.ServerOption) (svc *schema.Service, addr string, handler *store) {
	svc, handler = storeFile().Service("Store"), &store{make(chan string, 1), make(chan struct{})}
	l := must(thriftkit.Listen("127.0.0.1:0"))
	go thriftkit.Serve(l, svc, handler, opts...)
	return svc, l.Addr().String(), handler
}

func Example_fromThriftpy2Loading() {
	file := thriftkit.MustLoad("examples/tutorial/foo.thrift")
	fmt.Println(file.Path, file.Service("PingPong").Name)

	files := fstest.MapFS{ // an embed.FS will do as well
		"store.thrift":      {Data: []byte(storeThrift)},
		"idl/shared.thrift": {Data: []byte(sharedThrift)},
	}
	file, err := thriftkit.Load("store.thrift", thriftkit.WithFS(files), thriftkit.WithIncludeDirs("idl"))
	fmt.Println(file.Name, err)
	texts := map[string]string{"shared.thrift": sharedThrift}
	file, err = thriftkit.Parse("store.thrift", storeThrift, thriftkit.WithTexts(texts))
	fmt.Println(file.Name, err)

	fmt.Println(file.Struct("shared.Page").Name)
	fmt.Println(len(file.Structs), len(file.Enums), len(file.Constants), len(file.Services), len(file.Includes))
	fmt.Println(file.Namespace("py"))
	fmt.Println(file.Struct("Item").Pos, file.Struct("Item").Field("price").Pos, file.Enum("Color").Values[1].Pos)
	fmt.Println(file.Struct("Item").Field("price").Annotations.Get("unit"))
	fmt.Println(file.Constant("LIMIT").Value.Int)
	// Output:
	// examples/tutorial/foo.thrift PingPong
	// store <nil>
	// store <nil>
	// Page
	// 4 1 2 2 1
	// store
	// store.thrift:12:8 store.thrift:15:12 store.thrift:8:23
	// cent true
	// 10
}

func Example_fromThriftpy2Language() {
	warn := thriftkit.WithWarnings(func(d *syntax.Diagnostic) { fmt.Println(d) })
	for _, text := range []string{
		`struct S { 1: uuid id };`,
		`struct S { string name }`,
		`struct S { 1: string from, 2: string None }`,
		`const i8 A = 300`,
		`const list<i32> A = ["x"]`,
		`const i32 A = B const i32 B = 0x10`,
		`enum E { A, A }`,
		`struct S {} union S {}`,
		`struct T {} service S { void f() throws (1: T t) }`,
		`include "a.thrift"`,
		"struct A { 1: strin x }\nstruct A {}",
	} {
		_, err := thriftkit.Parse("a.thrift", text, warn)
		fmt.Println(err)
		var d *syntax.Diagnostic
		if errors.As(err, &d) {
			fmt.Println(d.Line, d.Column, d.Code)
		}
	}
	// Output:
	// <nil>
	// a.thrift:1:19: warning: field name has no id and gets -1 (give it an id: without one, a change of the order changes the wire) [missing-id]
	// <nil>
	// <nil>
	// a.thrift:1:14: error: 300 does not fit i8, which holds -128 to 127 [value-range]
	// 1 14 value-range
	// a.thrift:1:22: error: i32 expected, found "x" [type-mismatch]
	// 1 22 type-mismatch
	// <nil>
	// a.thrift:1:13: error: enum E already has a value A; defined at a.thrift:1:10 [duplicate-value]
	// 1 13 duplicate-value
	// a.thrift:1:19: error: S is already defined as a struct; defined at a.thrift:1:8 [duplicate-definition]
	// 1 19 duplicate-definition
	// a.thrift:1:45: error: function f throws T, which is not an exception; defined at a.thrift:1:8 [not-an-exception]
	// 1 45 not-an-exception
	// a.thrift:1:9: error: a.thrift includes itself [include-cycle]
	// 1 9 include-cycle
	// a.thrift:1:15: error: unknown type strin (did you mean string?) [unknown-type]
	// a.thrift:2:8: error: A is already defined as a struct; defined at a.thrift:1:8 [duplicate-definition]
	// 1 15 unknown-type
}

func Example_fromThriftpy2Values() {
	file := storeFile()
	desc := file.Struct("Item")
	fmt.Println(desc.Field("price").Type.Kind == schema.KindI64, wire.TypeOf(schema.KindI64))

	// A Go type:
	item := storeItem{Name: "lamp", Tags: map[string]struct{}{"new": {}}}
	err := thriftkit.SetDefaults(desc, &item)
	fmt.Println(item.Color, err)

	// No Go type:
	s := dynamic.New(desc)
	err = s.Set("name", "lamp")
	fmt.Println(s.Get("name").Text(), s.Get("note").IsSet(), err)
	s.SetDefaults()
	fmt.Println(s.Get("color").Int())
	err = s.Set("color", nil)
	fmt.Println(s.Get("color").IsSet(), err)
	v, err := dynamic.Of(desc.Type(), map[string]any{"name": "lamp"})
	fmt.Println(dynamic.Equal(v, dynamic.StructValue(s)), err)
	text, err := dynamic.AppendJSON(nil, desc.Type(), v, dynamic.JSONOptions{})
	fmt.Println(string(text), err)
	v, err = dynamic.ParseJSON(desc.Type(), []byte(`{"name": "lamp", "color": "GREEN"}`), dynamic.JSONOptions{})
	fmt.Println(v.Interface(), err)

	fmt.Println(file.Enum("Color").ByNumber(2).Name, file.Enum("Color").ByName("RED").Number)
	words := dynamic.FromLiteral(file.Constant("WORDS").Value)
	other, err := dynamic.Of(file.Constant("WORDS").Type, []string{"b", "a"})
	fmt.Println(words.Interface(), dynamic.Equal(words, other), err)
	err = s.Set("price", "much")
	fmt.Println(err, errors.Is(err, wire.ErrValue))
	_, err = thriftkit.Marshal(file.Struct("Key"), map[string]any{"number": 1, "word": "a"})
	fmt.Println(err)
	err = s.Set("note", "\xff\xfe")
	fmt.Println(s.Get("note").Bytes(), err)
	// Output:
	// true i64
	// 1 <nil>
	// lamp false <nil>
	// 1
	// false <nil>
	// true <nil>
	// {"name":"lamp"} <nil>
	// map[color:2 name:lamp] <nil>
	// GREEN 1
	// [a b] true <nil>
	// in Item.price (field 3): invalid value: want Cents, got "much" true
	// invalid value: union Key must have exactly one member set, it has 2
	// [255 254] <nil>
}

func Example_fromThriftpy2Utils() {
	desc := storeFile().Struct("Item")
	data, err := thriftkit.Marshal(desc, map[string]any{"name": "lamp"})
	fmt.Printf("% x %v\n", data, err)
	var item storeItem
	err = thriftkit.Unmarshal(desc, data, &item)
	fmt.Println(item.Name, item.Color, err)
	err = thriftkit.Unmarshal(desc, data[:5], &item)
	var bad *wire.Error
	fmt.Println(errors.As(err, &bad), errors.Is(err, wire.ErrTruncated), bad.Offset)

	item = storeItem{Name: "desk", Color: 2}
	data, err = thriftkit.Marshal(desc, &item, thriftkit.WithProtocol("thriftpy2-json"))
	fmt.Printf("%q %v\n", data, err)
	err = thriftkit.Unmarshal(desc, data, &item, thriftkit.WithProtocol("thriftpy2-json"))
	fmt.Println(item.Name, item.Color, err)
	// Output:
	// 0b 00 01 00 00 00 04 6c 61 6d 70 00 <nil>
	// lamp 1 <nil>
	// true true 5
	// "\x00\x00\x00]{\"metadata\": {\"version\": 1}, \"payload\": {\"name\": \"desk\", \"color\": 2, \"price\": 0, \"tags\": []}}" <nil>
	// desk 2 <nil>
}

func Example_fromThriftpy2Transports() {
	ctx := context.Background()
	svc := storeFile().Service("Store")
	verify := func(ctx context.Context, user, password string) error { return nil }
	server := thriftkit.NewServer(thriftkit.WithIdleTimeout(3*time.Second), thriftkit.WithMaxMessageBytes(1<<20), thriftkit.WithSASLUsers(verify, false))
	err := server.Register(svc, &store{})
	fmt.Println(err)
	dir := must(os.MkdirTemp("", "store"))
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	ul, err := thriftkit.Listen("unix://" + socket)
	fmt.Println(err)
	go server.Serve(ul)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println(err)
	go server.Serve(l)
	mux := http.NewServeMux()
	mux.Handle("/thrift", server.HTTPHandler())
	web := httptest.NewServer(mux)
	defer web.Close()

	addr := l.Addr().String()
	for _, dial := range []func() (*thriftkit.Client, error){
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, addr) },
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "tcp://"+addr+"?transport=framed") },
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "tcp://"+addr+"?protocol=compact") },
		func() (*thriftkit.Client, error) {
			return thriftkit.Dial(ctx, "tcp://"+addr+"?protocol=thriftpy2-json")
		},
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "tcp://"+addr+"?protocol=json") },
		func() (*thriftkit.Client, error) {
			return thriftkit.Dial(ctx, "tcp://"+addr+"?transport=header&compression=zlib")
		},
		func() (*thriftkit.Client, error) {
			return thriftkit.Dial(ctx, addr, thriftkit.WithSASLPlain("root", "pwd"))
		},
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "unix://"+socket) },
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "http://"+addr+"/any/path") },
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, web.URL+"/thrift") },
		func() (*thriftkit.Client, error) { return thriftkit.Dial(ctx, "tcp://"+addr+"?service=Store") },
		func() (*thriftkit.Client, error) {
			return thriftkit.Dial(ctx, addr, thriftkit.WithDialTimeout(time.Second), thriftkit.WithTimeout(3*time.Second))
		},
	} {
		client := must(dial())
		fmt.Println(thriftkit.Invoke[int64](ctx, client, svc.Method("now")))
		client.Close()
	}
	fmt.Println(server.Shutdown(ctx))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// 42 <nil>
	// <nil>
}

func Example_fromThriftpy2Metadata() {
	ctx := context.Background()
	trace := func(next thriftkit.Handler) thriftkit.Handler {
		return func(ctx context.Context, call *thriftkit.Call) error {
			fmt.Println(thriftkit.Metadata(ctx)["trace"], thriftkit.Metadata(ctx)["tenant"])
			return next(ctx, call)
		}
	}
	svc, addr, _ := startStore(thriftkit.WithInterceptors(trace))
	client := must(thriftkit.Dial(ctx, "http://"+addr+"/"))
	defer client.Close()
	ctx = thriftkit.AddMetadata(ctx, map[string]string{"trace": "42"})
	ctx = thriftkit.AddPersistentMetadata(ctx, map[string]string{"tenant": "blue"})
	fmt.Println(thriftkit.Invoke[int64](ctx, client, svc.Method("now")))
	// Output:
	// 42 blue
	// 42 <nil>
}

func Example_fromThriftpy2Multiplexing() {
	ctx := context.Background()
	store1, foo := storeFile().Service("Store"), thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	server := thriftkit.NewServer()
	fmt.Println(server.Register(store1, &store{}), server.Register(foo, pingPong{}))
	l := must(thriftkit.Listen("127.0.0.1:0"))
	go server.Serve(l)
	defer server.Close()
	client, err := thriftkit.Dial(ctx, "tcp://"+l.Addr().String()+"?service=PingPong")
	fmt.Println(err)
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("ping")))
	// Output:
	// <nil> <nil>
	// <nil>
	// pong <nil>
}

func Example_fromThriftpy2Calls() {
	ctx := context.Background()
	trace := func(next thriftkit.Handler) thriftkit.Handler {
		return func(ctx context.Context, call *thriftkit.Call) error {
			_, remote := thriftkit.PeerOf(ctx)
			fmt.Println(call.Method, remote)
			return next(ctx, call)
		}
	}
	svc, addr, handler := startStore(thriftkit.WithInterceptors(trace))
	client, err := thriftkit.Dial(ctx, addr)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c storeClient
	err = client.Bind(svc, &c, &NotFound{})
	fmt.Println(err)
	item, err := c.Find(ctx, "lamp", 3)
	fmt.Println(item.Name, item.Price, err)
	fmt.Println(c.ListAll(ctx))
	err = c.Note(ctx, "hello")
	fmt.Println(<-handler.noted, err)

	// Without Go types; what is not given takes its default at the server:
	v, err := thriftkit.Invoke[*dynamic.Struct](ctx, client, svc.Method("find"), "lamp")
	fmt.Println(v.Get("price").Int(), err)
	args := dynamic.New(svc.Method("find").Args)
	err = args.Set("name", "lamp")
	fmt.Println(err)
	result, err := client.Invoke(ctx, svc.Method("find"), args)
	fmt.Println(result.Struct().Get("price").Int(), err)
	err = args.Set("nam", "lamp")
	fmt.Println(err)
	// Output:
	// <nil>
	// Store.find true
	// lamp 3 <nil>
	// Store.list_all true
	// [{1} {2}] <nil>
	// Store.note true
	// hello <nil>
	// Store.find true
	// 10 <nil>
	// <nil>
	// Store.find true
	// 10 <nil>
	// method Store.find has no parameter "nam"
}

func Example_fromThriftpy2Errors() {
	ctx := context.Background()
	svc, addr, handler := startStore()
	client := must(thriftkit.Dial(ctx, addr))
	defer client.Close()
	var c storeClient
	if err := client.Bind(svc, &c, &NotFound{}); err != nil {
		log.Fatal(err)
	}
	_, err := c.Find(ctx, "chair", 1)
	var missing *NotFound
	fmt.Println(errors.As(err, &missing), missing.Name)
	_, err = thriftkit.Invoke[any](ctx, client, svc.Method("find"), "chair")
	var exception *thriftkit.Exception
	fmt.Println(errors.As(err, &exception), exception.Value.Get("name").Text())

	_, err = c.Find(ctx, "teapot", 1)
	var failed *thriftkit.Error
	fmt.Println(errors.As(err, &failed), failed.Code == rpc.CodeProtocol, failed.Remote, failed.Message)
	_, err = c.Find(ctx, "bug", 1)
	fmt.Println(err)
	other := must(thriftkit.Parse("o.thrift", "service O { void f() }")).Service("O")
	_, err = thriftkit.Invoke[any](ctx, client, other.Method("f"))
	fmt.Println(errors.As(err, &failed), failed.Code == rpc.CodeUnknownMethod)
	_, err = thriftkit.Invoke[any](ctx, client, svc.Method("find"), 42)
	fmt.Println(errors.As(err, &failed), failed.Code == rpc.CodeArgument)

	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = c.Slow(short)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	close(handler.answer)
	item, err := c.Find(ctx, "lamp", 5) // not the late answer
	fmt.Println(item.Name, err)

	l := must(net.Listen("tcp", "127.0.0.1:0"))
	l.Close()
	_, err = thriftkit.Dial(ctx, l.Addr().String())
	fmt.Println(errors.As(err, &failed), failed.Code == rpc.CodeUnavailable)
	// Output:
	// true chair
	// true chair
	// true true true short and stout
	// Store.find: internal error (from the server)
	// true true
	// true true
	// true
	// lamp <nil>
	// true true
}

func Example_fromThriftpy2TLS() {
	ctx := context.Background()
	dir := must(os.MkdirTemp("", "store"))
	defer os.RemoveAll(dir)
	cert, key := selfSigned(dir)

	config, err := thriftkit.ServerTLS(cert, key, "")
	fmt.Println(err)
	svc, addr, _ := startStore(thriftkit.WithTLS(config), thriftkit.WithTLSOnly())
	client, err := thriftkit.Dial(ctx, "tls://"+addr+"?ca="+cert+"&servername=store.test")
	fmt.Println(err)
	fmt.Println(thriftkit.Invoke[int64](ctx, client, svc.Method("now")))
	client.Close()

	mutual, err := thriftkit.ServerTLS(cert, key, cert)
	fmt.Println(err)
	svc, addr, _ = startStore(thriftkit.WithTLS(mutual), thriftkit.WithTLSOnly())
	client, err = thriftkit.Dial(ctx, "tls://"+addr+"?ca="+cert+"&servername=store.test&cert="+cert+"&key="+key)
	fmt.Println(err)
	fmt.Println(thriftkit.Invoke[int64](ctx, client, svc.Method("now")))
	client.Close()

	own := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{must(tls.LoadX509KeyPair(cert, key))}}
	client, err = thriftkit.Dial(ctx, "tls://"+addr, thriftkit.WithTLS(own))
	fmt.Println(err)
	fmt.Println(thriftkit.Invoke[int64](ctx, client, svc.Method("now")))
	client.Close()
	_, err = thriftkit.Dial(ctx, "localhost:9090?ca=ca.pem")
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// 42 <nil>
	// <nil>
	// <nil>
	// 42 <nil>
	// <nil>
	// 42 <nil>
	// target "localhost:9090?ca=ca.pem": unknown key "ca" (known: compression, protocol, service, transport)
}

// selfSigned writes a certificate for store.test, which is its own authority, and its key.
func selfSigned(dir string) (cert, key string) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"store.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der},
		key:  {Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private))},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	return cert, key
}

func Example_fromThriftpy2Concurrency() {
	ctx := context.Background()
	svc, addr, _ := startStore()
	client := must(thriftkit.Dial(ctx, addr, thriftkit.WithMaxConns(1)))
	defer client.Close()
	var c storeClient
	if err := client.Bind(svc, &c); err != nil {
		log.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			item, err := c.Find(ctx, "lamp", int32(i))
			if err != nil || item.Price != int64(i) {
				fmt.Println(i, item, err)
			}
		})
	}
	group.Wait()
	fmt.Println("done")
	// Output: done
}

// TestFromThriftpy2 checks that the Go code in the tables of both pages is code of this file's
// examples, that these are run, and that the pages have the same code in the same rows.
func TestFromThriftpy2(t *testing.T) {
	source, err := os.ReadFile("from_thriftpy2_test.go")
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	var code strings.Builder
	for text := range strings.SplitSeq(string(source), "\nfunc ") {
		if strings.HasPrefix(text, "Example_") {
			examples++
			if !strings.Contains(text, "// Output:") {
				t.Errorf("no output: %.60s", text)
			}
		}
		if !strings.HasPrefix(text, "Test") {
			code.WriteString(text)
		}
	}
	english, chinese := goColumn(t, "docs/from-thriftpy2.md"), goColumn(t, "docs/from-thriftpy2.zh-CN.md")
	if !slices.Equal(english, chinese) {
		for i := range min(len(english), len(chinese)) {
			if english[i] != chinese[i] {
				t.Errorf("row %d: %s in English, %s in Chinese", i, english[i], chinese[i])
			}
		}
		t.Errorf("%d rows in English, %d in Chinese", len(english), len(chinese))
	}
	spans := 0
	for _, cell := range english {
		for _, span := range regexp.MustCompile("`+ ?([^`]+?) ?`+").FindAllStringSubmatch(cell, -1) {
			spans++
			if !strings.Contains(code.String(), span[1]) {
				t.Errorf("no example has %s", span[1])
			}
		}
	}
	if examples < 9 || spans < 50 {
		t.Errorf("only %d examples and %d pieces of code found", examples, spans)
	}
}

// goColumn returns the third cells of all table rows of a page.
func goColumn(t *testing.T, page string) (cells []string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") {
			continue
		}
		row := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(row) != 3 {
			t.Errorf("%s: not three cells: %s", page, line)
			continue
		}
		if row[0] != "thriftpy2" {
			cells = append(cells, row[2])
		}
	}
	return cells
}
