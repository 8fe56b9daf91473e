package rpc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// clock is a service, composed from text here; the root package loads files.
func clock() *schema.Service {
	file, diags := compile.Compile("clock.thrift", compile.Options{Source: compile.Texts{
		"clock.thrift": `
exception Stopped { 1: string since }
service Clock { i32 hour(1: bool afternoon) throws (1: Stopped stopped) }`,
	}})
	if file == nil {
		log.Fatal(diags)
	}
	return file.Service("Clock")
}

type clockHandler struct{}

// Stopped stands for the exception of that name.
type Stopped struct{ Since string }

func (s *Stopped) Error() string { return "stopped since " + s.Since }

func (clockHandler) Hour(ctx context.Context, afternoon bool) (int32, error) {
	if afternoon {
		return 0, &Stopped{"noon"}
	}
	return 9, nil
}

func Example() {
	svc := clock()
	server := rpc.NewServer(rpc.ServerOptions{})
	if err := server.Register(svc, clockHandler{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	client, err := rpc.Dial(context.Background(), l.Addr().String(), rpc.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var c struct {
		Hour func(ctx context.Context, afternoon bool) (int32, error)
	}
	if err := client.Bind(svc, &c, &Stopped{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Hour(context.Background(), false))
	fmt.Println(c.Hour(context.Background(), true))

	// The same without Go types.
	args := dynamic.New(svc.Method("hour").Args)
	if err := args.Set("afternoon", false); err != nil {
		log.Fatal(err)
	}
	v, err := client.Invoke(context.Background(), svc.Method("hour"), args)
	fmt.Println(v.Int(), err)
	// Output:
	// 9 <nil>
	// 0 stopped since noon
	// 9 <nil>
}

// shout is a protocol of lines: a line that begins with "HOUR" is a call, and the answer a line.
type shout struct{}

func (shout) Name() string { return "shout" }
func (shout) Match(first []byte) bool {
	return string(first) == "HOUR"+string(first[min(4, len(first)):])
}

func (shout) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	lines := bufio.NewScanner(nc)
	for lines.Scan() {
		r := s.Invoke(ctx, &rpc.Invocation{Method: "hour", Args: func(call *rpc.Call) error {
			return call.SetArg(0, strings.HasSuffix(lines.Text(), "AFTERNOON"))
		}})
		if r.Err != nil {
			fmt.Fprintln(nc, "SORRY", r.Err)
		} else {
			fmt.Fprintln(nc, "HOUR", r.Call.Result())
		}
		r.Release()
	}
	return lines.Err()
}

// A server speaks a protocol of the program's own, on the same port as Thrift's.
func ExampleConnDialect() {
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{shout{}}})
	if err := server.Register(clock(), clockHandler{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	answers := bufio.NewScanner(nc)
	for _, call := range []string{"HOUR MORNING", "HOUR AFTERNOON"} {
		fmt.Fprintln(nc, call)
		answers.Scan()
		fmt.Println(answers.Text())
	}
	// Output:
	// HOUR 9
	// SORRY Stopped
}

// get is a protocol of HTTP: GET /clock/hour?afternoon=true is a call, and the answer a line of text.
type get struct{}

func (get) Name() string { return "get" }
func (get) MatchHTTP(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/clock/")
}

func (get) ServeHTTP(w http.ResponseWriter, r *http.Request, s rpc.Invoker) {
	result := s.Invoke(r.Context(), &rpc.Invocation{Method: path.Base(r.URL.Path), Args: func(call *rpc.Call) error {
		return call.SetArg(0, r.URL.Query().Get("afternoon") == "true")
	}})
	defer result.Release()
	if result.Err != nil {
		http.Error(w, result.Err.Error(), http.StatusBadRequest)
		return
	}
	result.Bytes, _ = fmt.Fprintln(w, result.Call.Result())
}

// A server answers requests of HTTP that are not Thrift's, on the same port.
func ExampleHTTPDialect() {
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{get{}}})
	if err := server.Register(clock(), clockHandler{}); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	for _, call := range []string{"hour?afternoon=false", "hour?afternoon=true", "minute"} {
		r, err := http.Get("http://" + l.Addr().String() + "/clock/" + call)
		if err != nil {
			log.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		fmt.Print(r.StatusCode, " ", string(text))
	}
	// Output:
	// 200 9
	// 400 Stopped
	// 400 unknown method: unknown method "minute"
}

// An interceptor tries a call again as long as the server has not begun it.
func ExampleInterceptor_retry() {
	retry := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) (err error) {
			for range 3 {
				if err = next(ctx, call); err == nil {
					break
				}
				if o := rpc.OutcomeOf(err); o != rpc.OutcomeNotSent && o != rpc.OutcomeRefused {
					break
				}
			}
			fmt.Println("attempts:", call.Attempt())
			return err
		}
	}
	// A handler in place of a connection: the first attempt is refused.
	flaky := func(ctx context.Context, call *rpc.Call) error {
		if call.Attempt() == 1 {
			return &rpc.Error{Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused}
		}
		return call.SetResult(12)
	}
	client := rpc.NewClient(flaky, rpc.ClientOptions{Interceptors: []rpc.Interceptor{retry}})
	fmt.Println(rpc.Invoke[int32](context.Background(), client, clock().Method("hour"), false))
	// Output:
	// attempts: 2
	// 12 <nil>
}

// slowCalls is a listener that reports calls.
type slowCalls struct{}

func (slowCalls) HandleConn(rpc.ConnEvent) {}

func (slowCalls) HandleCall(ctx context.Context, e rpc.CallEvent) {
	switch e.Kind {
	case rpc.CallRefused:
		fmt.Printf("%s refused: %v\n", e.Name, e.Err)
	case rpc.CallReplied:
		fmt.Printf("%s in %s, request %d bytes, error %v\n", e.Method, e.Dialect, e.RequestBytes, e.Err)
	}
}

// A listener sees all calls, and those that no interceptor sees.
func ExampleStats() {
	svc := clock()
	server := rpc.NewServer(rpc.ServerOptions{Stats: slowCalls{}})
	if err := server.Register(svc, clockHandler{}); err != nil {
		log.Fatal(err)
	}
	client := rpc.NewClient(server.Handle, rpc.ClientOptions{})
	rpc.Invoke[int32](context.Background(), client, svc.Method("hour"), true)
	other, _ := compile.Compile("o.thrift", compile.Options{Source: compile.Texts{"o.thrift": "service Clock { void wind() }"}})
	rpc.Invoke[any](context.Background(), client, other.Service("Clock").Method("wind"))
	// Output:
	// Clock.hour in in-process, request 21 bytes, error stopped since noon
	// wind refused: unknown method: unknown method "wind"
}
