package thriftkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

const fooThrift = `
service PingPong {
  string ping(),
  string login(1: string username, 2: string password),
}`

type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	return "登录成功!", nil
}

// start serves PingPong on a free port and returns its address.
func start(opts ...thriftkit.ServerOption) (*schema.Service, string) {
	file, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		log.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go thriftkit.Serve(l, file.Service("PingPong"), pingPong{}, opts...)
	return file.Service("PingPong"), l.Addr().String()
}

func ExampleMustLoad() {
	foo := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	for _, m := range foo.AllMethods() {
		fmt.Println(m)
	}
	// Output:
	// PingPong.ping
	// PingPong.login
}

func ExampleLoad() {
	_, err := thriftkit.Load("shop.thrift", thriftkit.WithTexts(map[string]string{
		"shop.thrift": "struct Order {\n  1: i8 size = 300,\n  1: Custumer buyer,\n}\nstruct Customer {}\n",
	}))
	fmt.Println(err)
	var first *syntax.Diagnostic
	if errors.As(err, &first) {
		fmt.Println(first.Line, first.Column, first.Code)
	}
	// Output:
	// shop.thrift:2:16: error: 300 does not fit i8, which holds -128 to 127 [value-range]
	// shop.thrift:3:3: error: id 1 of field buyer is already used by size; defined at shop.thrift:2:9 [duplicate-id]
	// shop.thrift:3:6: error: unknown type Custumer (did you mean Customer?) [unknown-type]
	// 2 16 value-range
}

func ExampleParse() {
	file, err := thriftkit.Parse("foo.thrift", "service Clock { i64 now() }")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Name, file.Service("Clock").Method("now").Result)
	// Output: foo i64
}

func ExampleListenAndServe() {
	foo := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	type half struct{} // has none of the methods
	err := thriftkit.ListenAndServe("127.0.0.1:0", foo, half{})
	fmt.Println(err)
	// Output:
	// examples/tutorial/foo.thrift:2:10: PingPong.ping and Go thriftkit_test.half: the handler has no method for it
	// examples/tutorial/foo.thrift:3:10: PingPong.login and Go thriftkit_test.half: the handler has no method for it
}

func ExampleServe() {
	foo := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go thriftkit.Serve(l, foo, pingPong{})

	client, err := thriftkit.Dial(context.Background(), l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](context.Background(), client, foo.Method("ping")))
	// Output: pong <nil>
}

func ExampleDial() {
	foo, addr := start()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	client, err := thriftkit.Dial(ctx, "tcp://"+addr+"?transport=framed")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var c struct {
		Ping  func(ctx context.Context) (string, error)
		Login func(ctx context.Context, username, password string) (string, error)
	}
	if err := client.Bind(foo, &c); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Ping(ctx))
	fmt.Println(c.Login(ctx, "root", "secret"))
	// Output:
	// pong <nil>
	// 登录成功! <nil>
}

func ExampleInvoke() {
	foo, addr := start()
	ctx := context.Background()
	client, err := thriftkit.Dial(ctx, addr)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	fmt.Println(thriftkit.Invoke[string](ctx, client, foo.Method("login"), "root", "secret"))
	_, err = thriftkit.Invoke[string](ctx, client, foo.Method("login"), "root", 42)
	fmt.Println(err)
	// Output:
	// 登录成功! <nil>
	// PingPong.login: invalid argument: in PingPong.login.password (field 2): invalid value: want string, got 42
}

func ExampleDynamicHandler() {
	file, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		log.Fatal(err)
	}
	foo := file.Service("PingPong")
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	echo := func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		return fmt.Sprint(m.Name, args.Interface()), nil
	}
	go thriftkit.Serve(l, foo, thriftkit.DynamicHandler(echo))

	client, err := thriftkit.Dial(context.Background(), l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[any](context.Background(), client, foo.Method("login"), "root"))
	// Output: loginmap[username:root] <nil>
}

func ExampleNewServer() {
	foo := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	server := thriftkit.NewServer(thriftkit.WithIdleTimeout(time.Minute))
	if err := server.Register(foo, pingPong{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(thriftkit.Invoke[string](context.Background(), thriftkit.NewClient(server.Handle), foo.Method("ping")))
	// Output: pong <nil>
}

// A server runs until its context ends, or somebody ends the process with ^C or kill.
func ExampleRun() {
	foo := thriftkit.MustLoad("examples/tutorial/foo.thrift").MustService("PingPong")
	server := thriftkit.NewServer()
	if err := server.Register(foo, pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0") // l.Addr() says where
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // here at once
	fmt.Println(thriftkit.Run(ctx, server, l, 30*time.Second))
	// Output: <nil>
}

func ExampleWithInterceptors() {
	trace := func(name string) thriftkit.Interceptor {
		return func(next thriftkit.Handler) thriftkit.Handler {
			return func(ctx context.Context, call *thriftkit.Call) error {
				fmt.Println(name, "before", call.Method)
				err := next(ctx, call)
				fmt.Println(name, "after", call.Result())
				return err
			}
		}
	}
	foo, addr := start(thriftkit.WithInterceptors(trace("server")))
	client, err := thriftkit.Dial(context.Background(), addr, thriftkit.WithInterceptors(trace("outer"), trace("inner")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := thriftkit.Invoke[string](context.Background(), client, foo.Method("ping")); err != nil {
		log.Fatal(err)
	}
	// Output:
	// outer before PingPong.ping
	// inner before PingPong.ping
	// server before PingPong.ping
	// server after pong
	// inner after pong
	// outer after pong
}

func ExampleListen() {
	l, err := thriftkit.Listen("localhost")
	fmt.Println(l == nil, err)
	// Output: true listen tcp: address localhost: missing port in address
}

type order struct {
	Item  string
	Count int32
	Note  *string
}

const orderThrift = `struct Order { 1: string item, 2: i32 count = 1, 3: optional string note }`

func ExampleMarshal() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	data, err := thriftkit.Marshal(file.Struct("Order"), &order{Item: "tea", Count: 2})
	fmt.Printf("% x %v\n", data, err)
	// Output: 0b 00 01 00 00 00 03 74 65 61 08 00 02 00 00 00 02 00 <nil>
}

func ExampleUnmarshal() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	data := []byte("\x0b\x00\x01\x00\x00\x00\x03tea\x00")
	var o order
	err = thriftkit.Unmarshal(file.Struct("Order"), data, &o)
	fmt.Println(o.Item, o.Count, o.Note, err)
	err = thriftkit.Unmarshal(file.Struct("Order"), data[:9], &o)
	fmt.Println(err)
	// Output:
	// tea 1 <nil> <nil>
	// at byte 3, in Order.item (field 1): unexpected end of message: length 3, but only 2 bytes left
}

func ExampleUnmarshalNext() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	data := []byte("\x0b\x00\x01\x00\x00\x00\x03tea\x00" + "\x0b\x00\x01\x00\x00\x00\x03mug\x00")
	for len(data) > 0 {
		var o order
		if data, err = thriftkit.UnmarshalNext(file.Struct("Order").Type(), data, &o); err != nil {
			log.Fatal(err)
		}
		fmt.Println(o.Item)
	}
	// Output:
	// tea
	// mug
}

// A map whose keys are structs that Go cannot compare is a slice of structs of a Key and a Value.
func ExampleMarshalValue_entries() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	type entry struct {
		Key   *order
		Value []int64
	}
	prices := schema.MapOf(file.Struct("Order").Type(), schema.ListOf(schema.Base(schema.KindI64)))
	data, err := thriftkit.MarshalValue(prices, []entry{{&order{Item: "tea", Count: 2}, []int64{5, 7}}})
	if err != nil {
		log.Fatal(err)
	}
	var m []entry
	err = thriftkit.UnmarshalValue(prices, data, &m)
	fmt.Println(m[0].Key.Item, m[0].Key.Count, m[0].Value, err)
	// Output: tea 2 [5 7] <nil>
}

func ExampleMarshalValue() {
	counts := schema.MapOf(schema.Base(schema.KindString), schema.Base(schema.KindI32))
	data, err := thriftkit.MarshalValue(counts, map[string]int32{"tea": 2})
	fmt.Printf("% x %v\n", data, err)
	var m map[string]int32
	err = thriftkit.UnmarshalValue(counts, data, &m)
	fmt.Println(m, err)
	// Output:
	// 0b 08 00 00 00 01 00 00 00 03 74 65 61 00 00 00 02 <nil>
	// map[tea:2] <nil>
}

func ExampleSetDefaults() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	o := order{Item: "tea"}
	err = thriftkit.SetDefaults(file.Struct("Order"), &o)
	fmt.Println(o.Item, o.Count, err)
	// Output: tea 1 <nil>
}

func ExampleAddMetadata() {
	svc, addr := start(thriftkit.WithInterceptors(func(next thriftkit.Handler) thriftkit.Handler {
		return func(ctx context.Context, call *thriftkit.Call) error {
			fmt.Println("trace", thriftkit.Metadata(ctx)["trace"])
			thriftkit.SetReplyMetadata(ctx, "served-by", "a")
			return next(ctx, call)
		}
	}))
	client, err := thriftkit.Dial(context.Background(), addr+"?transport=header")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var reply map[string]string
	ctx := thriftkit.AddMetadata(context.Background(), map[string]string{"trace": "0af7"})
	pong, err := thriftkit.Invoke[string](thriftkit.ReceiveMetadata(ctx, &reply), client, svc.Method("ping"))
	fmt.Println(pong, reply, err)
	// Output:
	// trace 0af7
	// pong map[served-by:a] <nil>
}

func ExampleWithSASLUsers() {
	svc, addr := start(thriftkit.WithSASLUsers(func(ctx context.Context, user, password string) error {
		if user != "root" || password != "pwd" {
			return errors.New("no such user")
		}
		return nil
	}, true))
	client, err := thriftkit.Dial(context.Background(), addr, thriftkit.WithSASLPlain("root", "pwd"))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(thriftkit.Invoke[string](context.Background(), client, svc.Method("ping")))
	_, err = thriftkit.Dial(context.Background(), addr, thriftkit.WithSASLPlain("root", "guess"))
	fmt.Println(err)
	// Output:
	// pong <nil>
	// unavailable: SASL: the server refused: "authentication failed"
}

func ExampleWithProtocol() {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		log.Fatal(err)
	}
	for _, protocol := range []string{"json", "simple-json", "compact"} {
		data, err := thriftkit.Marshal(file.Struct("Order"), &order{Item: "tea", Count: 2}, thriftkit.WithProtocol(protocol))
		fmt.Printf("%q %v\n", data, err)
	}
	// Output:
	// "{\"1\":{\"str\":\"tea\"},\"2\":{\"i32\":2}}" <nil>
	// "{\"item\":\"tea\",\"count\":2}" <nil>
	// "\x18\x03tea\x15\x04\x00" <nil>
}

func ExampleDialReflect() {
	_, addr := start(thriftkit.WithReflection())

	// The client has no file.
	ctx := context.Background()
	client, told, err := thriftkit.DialReflect(ctx, addr)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	login := told.File.Service("PingPong").Method("login")
	fmt.Println(thriftkit.Invoke[string](ctx, client, login, "root", "pwd"))
	// Output: 登录成功! <nil>
}
