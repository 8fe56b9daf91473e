package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
)

// told notes what it learns, and of calls only what it wants.
type told struct {
	mu    sync.Mutex
	lines []string
	ended chan struct{} // gets something for each call that was answered
	needs rpc.CallNeeds
}

func newTold(needs rpc.CallNeeds) *told { return &told{needs: needs, ended: make(chan struct{}, 100)} }

func (l *told) CallNeeds() rpc.CallNeeds { return l.needs }

func (l *told) HandleConn(e rpc.ConnEvent) { l.add(fmt.Sprint("conn ", e.Kind)) }

func (l *told) HandleCall(_ context.Context, e rpc.CallEvent) {
	line := fmt.Sprint(e.Kind, " ", e.Name)
	if e.Kind == rpc.CallReplied || e.Kind == rpc.AttemptEnded {
		line += fmt.Sprintf("(%v) %v, declared %v, handled %v", e.Values.Arg(0), e.Err, e.Declared, e.Handled > 0)
		defer func() { l.ended <- struct{}{} }()
	}
	l.add(line)
}

func (l *told) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *told) check(t *testing.T, about string, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.lines, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", about, strings.Join(l.lines, "\n"), strings.Join(want, "\n"))
	}
}

// all is a listener that says nothing of what it wants: it gets everything.
type all struct{ *told }

func (all) CallNeeds() {} // which is another method

type bytesToo struct{ all }

func (bytesToo) HandleBytes(uint64, bool, []byte) {}

type deniedError struct{ Why string }

func (*deniedError) Error() string      { return "denied" }
func (*deniedError) ThriftName() string { return "Denied" }

// TestStatsSelect has listeners of different kinds listen to the same calls.
func TestStatsSelect(t *testing.T) {
	file, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": `
exception Denied { 1: string why }
service S { string get(1: string key) throws (1: Denied denied) }`}})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	svc := file.Service("S")
	everything, begun, handled, client := newTold(rpc.CallNeeds{}), newTold(rpc.CallNeeds{Begun: true}), newTold(rpc.CallNeeds{Handled: true}), newTold(rpc.CallNeeds{})
	s := rpc.NewServer(rpc.ServerOptions{Stats: rpc.JoinStats(nil, rpc.JoinStats(all{everything}, begun), handled)})
	if err := s.Register(svc, getter(func(key string) (string, error) {
		switch key {
		case "denied":
			return "", &deniedError{"no"}
		case "bad":
			return "", errors.New("bad")
		case "ended":
			runtime.Goexit()
		}
		return key, nil
	})); err != nil {
		t.Fatal(err)
	}
	var c struct {
		Get func(context.Context, string) (string, error)
	}
	if err := rpc.NewClient(s.Handle, rpc.ClientOptions{Stats: client}).Bind(svc, &c, &deniedError{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "denied", "bad", "ended"} {
		c.Get(t.Context(), key)
		for _, l := range []*told{everything, begun, handled, client} {
			select {
			case <-l.ended:
			case <-time.After(time.Minute):
				t.Fatalf("%s: the call has not ended", key)
			}
		}
	}
	last := func(handled string) []string {
		return []string{
			"replied get(a) <nil>, declared false, handled " + handled, "replied get(denied) denied, declared true, handled " + handled,
			"replied get(bad) bad, declared false, handled " + handled, "replied get(ended) internal error: the handler ended its goroutine, declared false, handled false",
		}
	}
	replied := last("true") // one of them wants to know
	var full, some []string
	for _, line := range replied {
		full = append(full, "received get", "begun get", line)
		some = append(some, "begun get", line)
	}
	everything.check(t, "everything", full...)
	begun.check(t, "begun", some...)
	handled.check(t, "handled", replied...)
	client.check(t, "client",
		"attempt begun get", "attempt ended get(a) <nil>, declared false, handled false",
		"attempt begun get", "attempt ended get(denied) denied, declared true, handled false",
		"attempt begun get", "attempt ended get(bad) S.get: internal error (from the server), declared false, handled false",
		"attempt begun get", "attempt ended get(ended) S.get: connection lost: handler ended its goroutine, declared false, handled false")

	if rpc.JoinStats(nil, nil) != nil || rpc.JoinStats() != nil || rpc.JoinStats(nil, begun) != rpc.Stats(begun) {
		t.Error("JoinStats of none or one")
	}
	if _, ok := rpc.JoinStats(begun, handled).(rpc.ByteStats); ok {
		t.Error("listeners that want no bytes are a ByteStats")
	}
	if _, ok := rpc.JoinStats(begun, rpc.JoinStats(handled, bytesToo{})).(rpc.ByteStats); !ok {
		t.Error("listeners of which one wants bytes are no ByteStats")
	}
}

// getter has the method get.
type getter func(string) (string, error)

func (g getter) Get(_ context.Context, key string) (string, error) { return g(key) }
