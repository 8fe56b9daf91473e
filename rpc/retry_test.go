package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
)

const retryIDL = `
exception Busy { 1: string why }
service Retry {
  void touch() throws (1: Busy busy)
  string name() throws (1: Busy busy)
}`

type Busy struct{ Why string }

func (b *Busy) Error() string { return "busy: " + b.Why }

// A turnstile answers its calls in turn: "busy" throws, "ok" succeeds.
type turnstile struct {
	turns []string
	n     atomic.Int32
}

func (h *turnstile) next() error {
	switch turn := h.turns[h.n.Add(1)-1]; turn {
	case "busy":
		return &Busy{Why: "turn"}
	case "panic":
		panic(turn)
	}
	return nil
}

func (h *turnstile) Touch(context.Context) error { return h.next() }

func (h *turnstile) Name(context.Context) (string, error) {
	n := h.n.Load() + 1
	if err := h.next(); err != nil {
		return "", err
	}
	return fmt.Sprint("name ", n), nil
}

func retryService(t *testing.T) *schema.Service {
	t.Helper()
	file, diags := compile.Compile("retry.thrift", compile.Options{Source: compile.Texts{"retry.thrift": retryIDL}})
	if file == nil {
		t.Fatal(diags.Errors())
	}
	return file.Service("Retry")
}

// twice calls next twice, whatever the first attempt said.
func twice(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, call *rpc.Call) error {
		next(ctx, call)
		return next(ctx, call)
	}
}

// An attempt is one of a hedged call.
type attempt struct {
	call *rpc.Call
	err  error
}

// hedge makes a second attempt beside the first one, unless that ends within delay. The first result wins, and the other
// attempt is cancelled; lost gets it when it has ended.
func hedge(delay time.Duration, lost chan<- attempt) rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			results := make(chan attempt, 2)
			try := func() {
				x := call.Clone()
				go func() { results <- attempt{x, next(ctx, x)} }()
			}
			try()
			select {
			case <-time.After(delay):
				try()
			case r := <-results:
				call.Adopt(r.call)
				return r.err
			}
			r := <-results
			go func() { lost <- <-results }()
			call.Adopt(r.call)
			return r.err
		}
	}
}

// The arguments and replies of generated code.
type (
	touchReply struct{ Busy *Busy }
	nameReply  struct {
		Success *string
		Busy    *Busy
	}
)

// faces calls touch and name in each of the three ways; what they return is "ok", the name, or the
// error.
func faces(t *testing.T, c *rpc.Client, svc *schema.Service) map[string]map[string]func() string {
	t.Helper()
	say := func(name string, err error) string {
		var busy *Busy
		var x *rpc.Exception
		switch {
		case errors.As(err, &busy), errors.As(err, &x):
			return "busy"
		case err != nil:
			return err.Error()
		case name == "":
			return "ok"
		}
		return name
	}
	var bound struct {
		Touch func(context.Context) error
		Name  func(context.Context) (string, error)
	}
	if err := c.Bind(svc, &bound, &Busy{}); err != nil {
		t.Fatal(err)
	}
	touch, name := thriftimpl.MustStub[noArgs, touchReply](c, svc, "touch"), thriftimpl.MustStub[noArgs, nameReply](c, svc, "name")
	ctx := context.Background()
	invoke := func(method string) string {
		m := svc.Method(method)
		v, err := c.Invoke(ctx, m, dynamic.New(m.Args))
		if err == nil && v.IsSet() {
			return v.Text()
		}
		return say("", err)
	}
	return map[string]map[string]func() string{
		"touch": {
			"bound":   func() string { return say("", bound.Touch(ctx)) },
			"dynamic": func() string { return invoke("touch") },
			"generated": func() string {
				x := touch.New()
				defer x.Free()
				return say("", x.Do(ctx))
			},
			"any": func() string {
				_, err := rpc.Invoke[any](ctx, c, svc.Method("touch"))
				return say("", err)
			},
		},
		"name": {
			"bound":   func() string { return say(bound.Name(ctx)) },
			"dynamic": func() string { return invoke("name") },
			"generated": func() string {
				x := name.New()
				defer x.Free()
				if err := x.Do(ctx); err != nil {
					return say("", err)
				}
				return *x.Reply.Success
			},
			"any": func() string { return say(rpc.Invoke[string](ctx, c, svc.Method("name"))) },
		},
	}
}

// TestRetry has interceptors of both sides call next twice: what the first attempt left is gone.
func TestRetry(t *testing.T) {
	svc := retryService(t)
	for _, tt := range []struct {
		method string
		turns  []string
		want   string
	}{
		{"touch", []string{"busy", "ok"}, "ok"},
		{"touch", []string{"ok", "busy"}, "busy"},
		{"name", []string{"busy", "ok"}, "name 2"},
		{"name", []string{"ok", "busy"}, "busy"},
		{"name", []string{"ok", "ok"}, "name 2"},
		{"name", []string{"ok", "panic"}, "Retry.name: internal error (from the server)"},
	} {
		for _, side := range []string{"client", "server", "in-process client"} {
			for _, face := range []string{"bound", "dynamic", "generated", "any"} {
				h := &turnstile{turns: tt.turns}
				var so rpc.ServerOptions
				var co rpc.ClientOptions
				switch side {
				case "server":
					so.Interceptors = []rpc.Interceptor{twice}
				default:
					co.Interceptors = []rpc.Interceptor{twice}
				}
				s := rpc.NewServer(so)
				if err := s.Register(svc, h); err != nil {
					t.Fatal(err)
				}
				c := rpc.NewClient(s.Handle, co)
				if side != "in-process client" {
					l := listen(t)
					go s.Serve(l)
					c = dial(t, l.Addr().String(), co)
				}
				if got := faces(t, c, svc)[tt.method][face](); got != tt.want {
					t.Errorf("%s, %s, %s: %q after %v, want %q", side, face, tt.method, got, tt.turns, tt.want)
				}
				c.Close()
				s.Close()
			}
		}
	}
}

// TestHedge makes attempts side by side of which the loser goes on when the call is over: it has
// arguments that nobody reuses, and a reply of its own.
func TestHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		lost := make(chan attempt, 1)
		handler := func(ctx context.Context, call *rpc.Call) error {
			text := call.Arg(0).(string)
			if slow.CompareAndSwap(false, true) { // the first attempt
				<-ctx.Done()
				time.Sleep(time.Second)
				return errors.Join(call.SetResult("late "+call.Arg(0).(string)), ctx.Err())
			}
			return call.SetResult(text)
		}
		c := rpc.NewClient(handler, rpc.ClientOptions{Interceptors: []rpc.Interceptor{hedge(10*time.Millisecond, lost)}})
		file, diags := compile.Compile("e.thrift", compile.Options{Source: compile.Texts{"e.thrift": "service E { string echo(1: string text) }"}})
		if file == nil {
			t.Fatal(diags.Errors())
		}
		var e struct {
			Echo func(ctx context.Context, text string) (string, error)
		}
		if err := c.Bind(file.Service("E"), &e); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			want := fmt.Sprint("call ", i)
			if got, err := e.Echo(t.Context(), want); got != want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		if r := <-lost; r.call.Attempt() != 1 || r.call.Result() != "late call 0" || !errors.Is(r.err, context.Canceled) {
			t.Errorf("the loser is attempt %d: %v, %v", r.call.Attempt(), r.call.Result(), r.err)
		}
	})
}

// A race has two attempts under way on a server at the same time before it answers one of them.
type race struct {
	winner int32  // in the order of arriving, from 1
	turn   string // how the winner ends: "ok", "busy" or "panic"
	n      atomic.Int32
	both   chan struct{} // closed when both are there
	over   chan struct{} // closed when the loser may end
}

// racers is a handler of races: the one that is on.
type racers struct{ now atomic.Pointer[race] }

func (h *racers) run() (string, error) {
	r := h.now.Load()
	n := r.n.Add(1)
	if n == 2 {
		close(r.both)
	}
	<-r.both
	if n != r.winner {
		<-r.over
		return "late", nil
	}
	ended := turnstile{turns: []string{r.turn}}
	return fmt.Sprint("name ", n), ended.next()
}

func (h *racers) Touch(context.Context) error {
	_, err := h.run()
	return err
}

func (h *racers) Name(context.Context) (string, error) { return h.run() }

// TestHedgeOverConnections makes both attempts of a call at once, over connections: the first result is that of the call,
// the loser is cancelled, and what the server answers to it meanwhile is in no later call.
func TestHedgeOverConnections(t *testing.T) {
	for _, query := range []string{"", "?transport=framed&protocol=compact", "?transport=ttheader"} {
		for _, face := range []string{"bound", "dynamic", "generated", "any"} {
			synctest.Test(t, func(t *testing.T) {
				svc := retryService(t)
				s := rpc.NewServer(rpc.ServerOptions{})
				h := new(racers)
				if err := s.Register(svc, h); err != nil {
					t.Fatal(err)
				}
				l := listen(t)
				served := make(chan error, 1)
				go func() { served <- s.Serve(l) }()
				lost := make(chan attempt, 1)
				c := dial(t, l.Addr().String()+query, rpc.ClientOptions{Interceptors: []rpc.Interceptor{hedge(0, lost)}})
				methods := faces(t, c, svc)
				last := make(chan struct{})
				for _, test := range []struct {
					method string
					winner int32
					turn   string
					want   string
				}{
					{"touch", 1, "ok", "ok"},
					{"touch", 2, "busy", "busy"},
					{"name", 1, "ok", "name 1"},
					{"name", 2, "ok", "name 2"},
					{"name", 1, "busy", "busy"},
					{"name", 2, "panic", "Retry.name: internal error (from the server)"},
					{"name", 1, "ok", "name 1"},
				} {
					r := &race{winner: test.winner, turn: test.turn, both: make(chan struct{}), over: make(chan struct{})}
					h.now.Store(r)
					close(last) // the loser of the race before is answered during this one
					last = r.over
					if got := methods[test.method][face](); got != test.want {
						t.Errorf("%s, %s, %s: %q, want %q", query, face, test.method, got, test.want)
					}
					if n := r.n.Load(); n != 2 {
						t.Errorf("%s, %s, %s: %d attempts", query, face, test.method, n)
					}
					if x := <-lost; !errors.Is(x.err, context.Canceled) || code(x.err) != rpc.CodeCanceled || outcome(x.err) != rpc.OutcomeUnknown {
						t.Errorf("%s, %s, %s: the loser returned %v", query, face, test.method, x.err)
					}
				}
				close(last)
				c.Close()
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				<-served
			})
		}
	}
}

// TestTimeouts bounds the whole call and each attempt.
func TestTimeouts(t *testing.T) {
	svc := retryService(t)
	for _, tt := range []struct {
		what           string
		whole, attempt time.Duration
		retry          bool
		attempts       int
		took           time.Duration
	}{
		{"no retry, whole call", time.Second, 0, false, 1, time.Second},
		{"no retry, attempt", 0, time.Second, false, 1, time.Second},
		{"whole call before attempt", time.Second, 2 * time.Second, false, 1, time.Second},
		{"attempts within the call", 3500 * time.Millisecond, time.Second, true, 4, 3500 * time.Millisecond},
		{"whole call only", time.Second, 0, true, 1, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			handler := func(ctx context.Context, call *rpc.Call) error {
				attempts++
				<-ctx.Done()
				return ctx.Err()
			}
			retry := func(next rpc.Handler) rpc.Handler {
				return func(ctx context.Context, call *rpc.Call) error {
					err := next(ctx, call)
					for ctx.Err() == nil {
						err = next(ctx, call)
					}
					if call.Attempt() != attempts {
						t.Errorf("%s: attempt %d of %d", tt.what, call.Attempt(), attempts)
					}
					return err
				}
			}
			o := rpc.ClientOptions{Timeout: tt.whole, AttemptTimeout: tt.attempt}
			if tt.retry {
				o.Interceptors = []rpc.Interceptor{retry}
			}
			c := rpc.NewClient(handler, o)
			start := time.Now()
			_, err := rpc.Invoke[any](context.Background(), c, svc.Method("touch"))
			if !errors.Is(err, context.DeadlineExceeded) || attempts != tt.attempts || time.Since(start) != tt.took {
				t.Errorf("%s: %v after %d attempts and %v, want %d and %v", tt.what, err, attempts, time.Since(start), tt.attempts, tt.took)
			}
		})
	}
}

// TestLazy creates a client while nobody listens.
func TestLazy(t *testing.T) {
	svc := retryService(t)
	l := listen(t)
	addr := l.Addr().String()
	l.Close()
	c, err := rpc.Dial(context.Background(), addr, inMemory(rpc.ClientOptions{Lazy: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = rpc.Invoke[any](context.Background(), c, svc.Method("touch"))
	if code(err) != rpc.CodeUnavailable || outcome(err) != rpc.OutcomeNotSent {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestFleet spreads calls over clients, as a Handler.
func TestFleet(t *testing.T) {
	svc := retryService(t)
	var instances []*rpc.Client
	for range 2 {
		s := rpc.NewServer(rpc.ServerOptions{})
		if err := s.Register(svc, &turnstile{turns: []string{"busy", "ok"}}); err != nil {
			t.Fatal(err)
		}
		l := listen(t)
		go s.Serve(l)
		defer s.Close()
		instances = append(instances, dial(t, l.Addr().String(), rpc.ClientOptions{}))
	}
	next := 0
	var tries []string
	pick := func(ctx context.Context, call *rpc.Call) error {
		c := instances[next%2]
		next++
		return c.Handle(ctx, call)
	}
	retry := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			var err error
			for range 3 {
				err = next(ctx, call)
				tries = append(tries, fmt.Sprint(call.Attempt(), " ", call.Instance(), " ", call.Outcome()))
				if err == nil {
					break
				}
			}
			return err
		}
	}
	c := rpc.NewClient(pick, rpc.ClientOptions{Interceptors: []rpc.Interceptor{retry}})
	if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("name")); got != "name 2" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for i, try := range tries {
		var n int
		var instance, outcome string
		if fmt.Sscan(try, &n, &instance, &outcome); n != i+1 || "tcp://"+instance != instances[i%2].Target() || outcome != "executed" {
			t.Errorf("try %d: %s", i, try)
		}
	}
	if len(tries) != 3 {
		t.Errorf("%q", tries)
	}
}

// TestNewClientCloses checks what a client over a Handler says of itself, and that it closes what the handler uses, once.
func TestNewClientCloses(t *testing.T) {
	closed, failed := 0, errors.New("cannot close")
	c := rpc.NewClient(func(context.Context, *rpc.Call) error { return nil }, rpc.ClientOptions{
		Target:  "a:9090,b:9090",
		OnClose: func() error { closed++; return failed },
	})
	if got := c.Target(); got != "a:9090,b:9090" {
		t.Errorf("the target is %q", got)
	}
	for range 2 {
		if err := c.Close(); err != failed {
			t.Errorf("Close returned %v", err)
		}
	}
	if closed != 1 {
		t.Errorf("OnClose ran %d times", closed)
	}
	plain := rpc.NewClient(func(context.Context, *rpc.Call) error { return nil }, rpc.ClientOptions{})
	if err := plain.Close(); err != nil || plain.Target() != "" {
		t.Errorf("without options: %v, %q", err, plain.Target())
	}
}
