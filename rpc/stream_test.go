package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const streamsIDL = `
struct Item { 1: i32 n }
exception Halted { 1: string why }
service Streams {
  Item count(1: i32 upTo) throws (1: Halted halted) (streaming.mode = "server"),
  i32 sum(1: Item item) throws (1: Halted halted) (streaming.mode = "client"),
  void put(1: Item item) (streaming.mode = "client"),
  Item echo(1: Item item) throws (1: Halted halted) (streaming.mode = "bidirectional"),
  stream<Item> flow(1: i32 upTo),
  sink<Item, i32> collect(1: i32 start),
  string ping()
}`

type Item struct{ N int32 }

type Halted struct{ Why string }

func (e *Halted) Error() string { return "halted: " + e.Why }

// streams is a handler of streams.
type streams struct{ put chan []int32 }

func (streams) Ping(context.Context) (string, error) { return "pong", nil }

func (streams) Count(ctx context.Context, upTo int32, out *rpc.Sender[Item]) error {
	for n := range upTo {
		if n == 1000 {
			return &Halted{"enough"}
		}
		if err := out.Send(Item{n}); err != nil {
			return err
		}
	}
	return nil
}

func (s streams) Flow(ctx context.Context, upTo int32, out *rpc.Sender[Item]) error {
	return s.Count(ctx, upTo, out)
}

func (streams) Sum(ctx context.Context, in *rpc.Receiver[*Item]) (sum int32, err error) {
	for item, err := range in.All() {
		if err != nil {
			return 0, err
		}
		if item.N < 0 {
			return 0, &Halted{fmt.Sprint("at ", item.N)}
		}
		sum += item.N
	}
	return sum, nil
}

func (s streams) Collect(ctx context.Context, start int32, in *rpc.Receiver[*Item]) (int32, error) {
	sum, err := s.Sum(ctx, in)
	return start + sum, err
}

func (s streams) Put(ctx context.Context, in *rpc.Receiver[*Item]) error {
	var all []int32
	for item, err := range in.All() {
		if err != nil {
			all = append(all, -1)
			s.put <- all
			return err
		}
		all = append(all, item.N)
	}
	s.put <- all
	return nil
}

func (streams) Echo(ctx context.Context, in *rpc.Receiver[Item], out *rpc.Sender[Item]) error {
	for {
		item, err := in.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if item.N < 0 {
			panic("secret")
		}
		if err := out.Send(item); err != nil {
			return err
		}
	}
}

type streamsClient struct {
	Count   func(ctx context.Context, upTo int32) (*rpc.Receiver[Item], error)
	Flow    func(ctx context.Context, upTo int32) (*rpc.Receiver[Item], error)
	Sum     func(ctx context.Context) (*rpc.ClientStream[Item, int32], error)
	Collect func(ctx context.Context, start int32) (*rpc.ClientStream[Item, int32], error)
	Put     func(ctx context.Context) (*rpc.ClientStream[Item, struct{}], error)
	Echo    func(ctx context.Context) (*rpc.BidiStream[Item, Item], error)
	Ping    func(ctx context.Context) (string, error)
}

func streamsService(t testing.TB) *schema.Service {
	t.Helper()
	file, diags := compile.Compile("streams.thrift", compile.Options{Source: compile.Texts{"streams.thrift": streamsIDL}})
	if file == nil {
		t.Fatal(diags)
	}
	return file.MustService("Streams")
}

// serveStreams returns a client in this process of a server with h.
func serveStreams(t *testing.T, h any, serverOpts rpc.ServerOptions, opts rpc.ClientOptions) (*rpc.Server, *rpc.Client, streamsClient) {
	t.Helper()
	svc := streamsService(t)
	s := rpc.NewServer(serverOpts)
	if err := s.Register(svc, h); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := rpc.NewClient(s.Handle, opts)
	var funcs streamsClient
	if err := c.Bind(svc, &funcs, &Halted{}); err != nil {
		t.Fatal(err)
	}
	return s, c, funcs
}

// TestStreams uses each kind of stream from bound funcs.
func TestStreams(t *testing.T) {
	leaks(t)
	h := streams{make(chan []int32, 10)}
	s, _, c := serveStreams(t, h, rpc.ServerOptions{}, rpc.ClientOptions{})
	ctx := t.Context()
	for name, call := range map[string]func(context.Context, int32) (*rpc.Receiver[Item], error){"count": c.Count, "flow": c.Flow} {
		for _, n := range []int32{0, 1, 500} {
			in, err := call(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			var next int32
			for item, err := range in.All() {
				if err != nil || item.N != next {
					t.Fatalf("%s: item %d: %v, %v", name, next, item, err)
				}
				next++
			}
			if next != n {
				t.Errorf("%s(%d): %d items", name, n, next)
			}
		}
	}
	in, err := c.Count(ctx, 2000)
	if err != nil {
		t.Fatal(err)
	}
	items := 0
	for _, err = range in.All() {
		items++
	}
	var stopped *Halted
	if items != 1001 || !errors.As(err, &stopped) || stopped.Why != "enough" {
		t.Errorf("a declared exception after %d items: %v", items, err)
	}

	sum := func(call func(context.Context) (*rpc.ClientStream[Item, int32], error), ns ...int32) (int32, error) {
		out, err := call(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ns {
			if err := out.Send(Item{n}); err != nil && err != io.EOF {
				t.Error(err)
			}
		}
		return out.CloseAndRecv()
	}
	if got, err := sum(c.Sum, 1, 2, 3); got != 6 || err != nil {
		t.Errorf("sum: %d, %v", got, err)
	}
	if got, err := sum(func(ctx context.Context) (*rpc.ClientStream[Item, int32], error) { return c.Collect(ctx, 100) }, 1, 2); got != 103 || err != nil {
		t.Errorf("collect: %d, %v", got, err)
	}
	if _, err := sum(c.Sum, 1, -2, 3); !errors.As(err, &stopped) || stopped.Why != "at -2" {
		t.Errorf("a declared exception: %v", err)
	}
	put, err := c.Put(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put.Send(Item{7})
	if _, err := put.CloseAndRecv(); err != nil || !slices.Equal(<-h.put, []int32{7}) {
		t.Error(err)
	}

	echo, err := c.Echo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range int32(100) {
		if err := echo.Send(Item{n}); err != nil {
			t.Fatal(err)
		}
		if got, err := echo.Recv(); got.N != n || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if err := echo.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := echo.Recv(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	echo, err = c.Echo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	echo.Send(Item{-1})
	var e *rpc.Error
	if _, err := echo.Recv(); !errors.As(err, &e) || e.Code != rpc.CodeInternal || !e.Remote || strings.Contains(err.Error(), "secret") {
		t.Errorf("a panic: %v", err)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := c.Echo(ctx); rpc.OutcomeOf(err) != rpc.OutcomeRefused {
		t.Errorf("after Shutdown: %v", err)
	}
}

// TestDynamicStreams uses streams without Go types on both sides.
func TestDynamicStreams(t *testing.T) {
	h := rpc.DynamicHandler(func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		s := rpc.StreamOf(ctx)
		sum := int32(0)
		if m.Name == "count" {
			for n := range int32(args.Get("upTo").Int()) {
				if err := s.Send("text"); err == nil {
					t.Error("a text was sent as an Item")
				}
				item := dynamic.New(m.Result.Struct)
				item.Set("n", n)
				if err := s.Send(dynamic.StructValue(item)); err != nil {
					return nil, err
				}
			}
			stopped := dynamic.New(m.Throws[0].Type.Struct)
			stopped.Set("why", "done")
			return nil, &rpc.Exception{Value: stopped}
		}
		for {
			var item dynamic.Value
			if err := s.Recv(&item); err == io.EOF {
				return sum, nil
			} else if err != nil {
				return nil, err
			}
			sum += int32(item.Struct().Get("n").Int())
		}
	})
	_, c, _ := serveStreams(t, h, rpc.ServerOptions{ErrorLog: func(err error) { t.Log(err) }}, rpc.ClientOptions{})
	svc := streamsService(t)
	args := dynamic.New(svc.Method("count").Args)
	args.Set("upTo", 3)
	in, err := c.OpenStream(t.Context(), svc.Method("count"), args)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for {
		var item dynamic.Value
		if err = in.Recv(&item); err != nil {
			break
		}
		got = append(got, item.Struct().Get("n").Int())
	}
	var x *rpc.Exception
	if fmt.Sprint(got) != "[0 1 2]" || !errors.As(err, &x) || x.Error() != "Halted: done" {
		t.Errorf("%v, %v", got, err)
	}
	out, err := c.OpenStream(t.Context(), svc.Method("sum"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if err := out.Send(&Item{int32(n)}); err != nil {
			t.Error(err)
		}
	}
	out.CloseSend()
	var sum dynamic.Value
	if err := out.Recv(&sum); err != nil || sum.Int() != 6 {
		t.Errorf("%v, %v", sum, err)
	}
	if err := out.Recv(&sum); err != io.EOF {
		t.Error(err)
	}
	if _, err := c.Invoke(t.Context(), svc.Method("sum"), dynamic.New(svc.Method("sum").Args)); err == nil || !strings.Contains(err.Error(), "the method streams") {
		t.Errorf("Invoke: %v", err)
	}
	if _, err := c.OpenStream(t.Context(), svc.Method("ping"), nil); err == nil || !strings.Contains(err.Error(), "does not stream") {
		t.Errorf("OpenStream: %v", err)
	}
}

// TestStreamEnds ends streams early, in virtual time.
func TestStreamEnds(t *testing.T) {
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}
	run("the client cancels", func(t *testing.T) {
		h := streams{make(chan []int32, 1)}
		_, _, c := serveStreams(t, h, rpc.ServerOptions{}, rpc.ClientOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		put, err := c.Put(ctx)
		if err != nil {
			t.Fatal(err)
		}
		put.Send(Item{1})
		synctest.Wait()
		cancel()
		if got := <-h.put; fmt.Sprint(got) != "[1 -1]" {
			t.Errorf("the handler got %v", got)
		}
		var e *rpc.Error
		if _, err := put.CloseAndRecv(); !errors.As(err, &e) || e.Code != rpc.CodeCanceled {
			t.Error(err)
		}
	})
	run("the receiver is slow", func(t *testing.T) {
		_, _, c := serveStreams(t, streams{}, rpc.ServerOptions{}, rpc.ClientOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		in, err := c.Count(ctx, 900)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		for _, err = range in.All() {
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
	})
	run("timeouts bound the opening only", func(t *testing.T) {
		wait := func(d time.Duration) rpc.Interceptor {
			return func(next rpc.Handler) rpc.Handler {
				return func(ctx context.Context, call *rpc.Call) error {
					select {
					case <-time.After(d):
					case <-ctx.Done():
						return ctx.Err()
					}
					return next(ctx, call)
				}
			}
		}
		opts := rpc.ClientOptions{Timeout: time.Second, AttemptTimeout: time.Second}
		_, _, c := serveStreams(t, streams{}, rpc.ServerOptions{}, opts)
		echo, err := c.Echo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		echo.Send(Item{1})
		if item, err := echo.Recv(); item.N != 1 || err != nil {
			t.Errorf("%v, %v", item, err)
		}
		echo.CloseSend()
		echo.Recv()
		opts.Interceptors = []rpc.Interceptor{wait(time.Minute)}
		_, _, c = serveStreams(t, streams{}, rpc.ServerOptions{}, opts)
		if _, err := c.Echo(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an opening that takes too long: %v", err)
		}
	})
	run("overload", func(t *testing.T) {
		_, _, c := serveStreams(t, streams{}, rpc.ServerOptions{MaxCalls: 1}, rpc.ClientOptions{})
		echo, err := c.Echo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var e *rpc.Error
		if _, err := c.Count(t.Context(), 1); !errors.As(err, &e) || e.Code != rpc.CodeOverloaded || e.Outcome != rpc.OutcomeRefused {
			t.Errorf("above MaxCalls: %v", err)
		}
		echo.CloseSend()
		echo.Recv()
	})
	run("the handler returns early", func(t *testing.T) {
		_, _, c := serveStreams(t, streams{}, rpc.ServerOptions{}, rpc.ClientOptions{})
		sum, err := c.Sum(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sum.Send(Item{-1})
		synctest.Wait()
		if err := sum.Send(Item{1}); err != io.EOF {
			t.Errorf("Send: %v", err)
		}
		var stopped *Halted
		if _, err := sum.CloseAndRecv(); !errors.As(err, &stopped) {
			t.Error(err)
		}
	})
}

// TestStreamInterceptors wraps the streams of both sides.
func TestStreamInterceptors(t *testing.T) {
	var client, server int
	wrap := func(n *int) []rpc.Interceptor {
		return []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				if s := call.Stream(); s != nil {
					call.SetStream(countingStream{s, n})
				}
				err := next(ctx, call)
				if s := call.Stream(); err == nil && s != nil && n == &client {
					call.SetStream(countingStream{s, n})
				}
				return err
			}
		}}
	}
	_, _, c := serveStreams(t, streams{}, rpc.ServerOptions{Interceptors: wrap(&server)}, rpc.ClientOptions{Interceptors: wrap(&client)})
	in, err := c.Count(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	for range in.All() {
	}
	if client != 6 || server != 5 {
		t.Errorf("%d on the client, %d on the server", client, server)
	}
}

type countingStream struct {
	rpc.Stream
	n *int
}

func (s countingStream) Send(item any) error { *s.n++; return s.Stream.Send(item) }
func (s countingStream) Recv(into any) error { *s.n++; return s.Stream.Recv(into) }

// TestStreamBinding reports what does not fit.
func TestStreamBinding(t *testing.T) {
	svc := streamsService(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	err := s.Register(svc, wrongStreams{streams{}})
	want := "its method streams: want func(context.Context, i32, *rpc.Sender[Item]) (error)"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Register: %v", err)
	}
	c := rpc.NewClient(s.Handle, rpc.ClientOptions{})
	for want, target := range map[string]any{
		"want func(context.Context) (*rpc.BidiStream[Item, Item], error)": &struct{ Echo func(context.Context) error }{},
		"want func(context.Context) (*rpc.ClientStream[Item, i32], error)": &struct {
			Sum func(context.Context, Item) (int32, error)
		}{},
		"want func(context.Context, i32) (*rpc.Receiver[Item], error)": &struct {
			Count func(context.Context, int32) (*rpc.Sender[Item], error)
		}{},
		"streams.thrift:2:": &struct {
			Count func(context.Context, int32) (*rpc.Receiver[struct{ N string }], error)
		}{},
	} {
		if err := c.Bind(svc, target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Bind: %v\nwant %s", err, want)
		}
	}
	l := listen(t)
	if err := s.Register(svc, streams{}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	overThrift := dial(t, l.Addr().String(), rpc.ClientOptions{})
	var funcs streamsClient
	if err := overThrift.Bind(svc, &funcs); err == nil || !strings.Contains(err.Error(), "the method streams, which connections of Thrift do not carry") {
		t.Errorf("Bind over Thrift: %v", err)
	}
	if _, err := overThrift.OpenStream(t.Context(), svc.Method("echo"), nil); rpc.OutcomeOf(err) != rpc.OutcomeNotSent {
		t.Errorf("OpenStream over Thrift: %v", err)
	}
	nc := connect(t, l, 0)
	nc.send([]byte("\x80\x01\x00\x01\x00\x00\x00\x05count\x00\x00\x00\x01\x00"))
	if msg, err := nc.r.Recv(); err != nil || !bytes.Contains(msg, []byte("the method streams")) {
		t.Errorf("a call over Thrift: %q, %v", msg, err)
	}
}

type wrongStreams struct{ streams }

func (wrongStreams) Count(context.Context, int32) (Item, error) { return Item{}, nil }
