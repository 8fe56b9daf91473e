package ops_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// A lockedBuffer is written by many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.b.String(), "\n"), "\n")
}

// logger returns a logger whose lines are always the same, without time and durations.
func logger(l *lockedBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestAccessLog(t *testing.T) {
	var server, client lockedBuffer
	c := serve(t, shop(t), ops.AccessLog(logger(&server), ops.AccessLogOptions{Arguments: true, MaxArgumentBytes: 85}), ops.AccessLog(logger(&client), ops.AccessLogOptions{}))
	ctx := rpc.AddMetadata(t.Context(), map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	c.Echo(ctx, "hello")
	c.Buy(t.Context(), "pen", card{"4111 1111", "Ann"}, "0000")
	c.Buy(t.Context(), "gone", card{"4111 1111", strings.Repeat("長", 20)}, "0000")
	c.Buy(t.Context(), "boom", card{}, "0000")
	check(t, "server", server.lines(), `
level=INFO msg=call method=Shop.echo dialect=in-process code=ok outcome=executed request_bytes=29 reply_bytes=29 trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 args="{\"text\":\"hello\"}"
level=INFO msg=call method=Shop.buy dialect=in-process code=ok outcome=executed request_bytes=67 reply_bytes=26 args="{\"item\":\"pen\",\"card\":{\"number\":\"[redacted]\",\"holder\":\"Ann\"},\"pin\":\"[redacted]\"}"
level=INFO msg=call method=Shop.buy dialect=in-process code=exception outcome=executed request_bytes=125 reply_bytes=31 error="sold out" args="{\"item\":\"gone\",\"card\":{\"number\":\"[redacted]\",\"holder\":\"長長長長長長長長長長…"
level=WARN msg=call method=Shop.buy dialect=in-process code=internal outcome=executed request_bytes=56 reply_bytes=44 error="rpc: Shop.buy panicked: boom" args="{\"item\":\"boom\",\"card\":{\"number\":\"[redacted]\",\"holder\":\"\"},\"pin\":\"[redacted]\"}"`)
	check(t, "client", client.lines(), `
level=INFO msg=attempt method=Shop.echo code=ok outcome=executed request_bytes=0 reply_bytes=0 attempt=1 trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331
level=INFO msg=attempt method=Shop.buy code=ok outcome=executed request_bytes=0 reply_bytes=0 attempt=1
level=INFO msg=attempt method=Shop.buy code=exception outcome=executed request_bytes=0 reply_bytes=0 attempt=1 error="SoldOut: gone"
level=WARN msg=attempt method=Shop.buy code=internal outcome=executed request_bytes=0 reply_bytes=0 attempt=1 error="Shop.buy: internal error (from the server)"`)
}

func check(t *testing.T, about string, got []string, want string) {
	t.Helper()
	if lines := strings.Split(strings.TrimPrefix(want, "\n"), "\n"); !slices.Equal(got, lines) {
		t.Errorf("%s: got\n%s\nwant\n%s", about, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// Which calls are logged.
func TestAccessLogChooses(t *testing.T) {
	quick := rpc.CallEvent{Kind: rpc.CallReplied, Name: "quick", Duration: time.Millisecond}
	slow := rpc.CallEvent{Kind: rpc.CallReplied, Name: "slow", Duration: time.Second}
	failed := rpc.CallEvent{Kind: rpc.CallReplied, Name: "failed", Err: errors.New("bad")}
	thrown := rpc.CallEvent{Kind: rpc.CallReplied, Name: "thrown", Err: errors.New("gone"), Declared: true}
	refused := rpc.CallEvent{Kind: rpc.CallRefused, Name: "refused\n\x1b[31m" + strings.Repeat("x", 1000), Err: rpc.Errorf(rpc.CodeUnknownMethod, "unknown")}
	for _, test := range []struct {
		about string
		opts  ops.AccessLogOptions
		want  map[string]int // of a thousand
	}{
		{"all", ops.AccessLogOptions{}, map[string]int{"quick": 1000, "slow": 1000, "failed": 1000, "thrown": 1000, "refused": 1000}},
		{"failed", ops.AccessLogOptions{Sample: -1}, map[string]int{"failed": 1000, "refused": 1000}},
		{"failed and slow", ops.AccessLogOptions{Sample: -1, Slow: time.Second}, map[string]int{"failed": 1000, "slow": 1000, "refused": 1000}},
		{"half", ops.AccessLogOptions{Sample: 0.5}, map[string]int{"quick": 500, "slow": 500, "thrown": 500, "failed": 1000, "refused": 1000}},
	} {
		var out lockedBuffer
		log := ops.AccessLog(logger(&out), test.opts)
		for range 1000 {
			for _, e := range []rpc.CallEvent{quick, slow, failed, thrown, refused, {Kind: rpc.CallReceived, Name: "received"}, {Kind: rpc.CallBegun, Name: "begun"}} {
				if e.Declared {
					e.Method = shop(t).Method("echo")
				}
				log.HandleCall(context.Background(), e)
			}
		}
		got := make(map[string]int)
		for _, line := range out.lines() {
			for _, name := range []string{"quick", "slow", "failed", "echo", "refused", "received", "begun"} {
				if strings.Contains(line, "method="+name) || strings.Contains(line, `method="`+name) {
					if name == "echo" {
						name = "thrown"
					}
					got[name]++
				}
			}
			if len(line) > 600 || strings.Contains(line, "\x1b") {
				t.Fatalf("%s: %q", test.about, line)
			}
		}
		for name, n := range got {
			if want := test.want[name]; want == 0 || n < want*8/10 || n > want*12/10 {
				t.Errorf("%s: %d lines of %s, want %d", test.about, n, name, want)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: %v, want %v", test.about, got, test.want)
		}
	}
}

func TestAccessLogIsBounded(t *testing.T) {
	var out lockedBuffer
	log := ops.AccessLog(logger(&out), ops.AccessLogOptions{MaxLines: 2})
	start := time.Unix(1000, 0)
	for i := range 7 {
		log.HandleCall(t.Context(), rpc.CallEvent{Kind: rpc.CallReplied, Name: "ping", Time: start.Add(time.Duration(i) * 200 * time.Millisecond)})
	}
	check(t, "lines", out.lines(), `
level=INFO msg=call method=ping code=ok outcome=executed request_bytes=0 reply_bytes=0
level=INFO msg=call method=ping code=ok outcome=executed request_bytes=0 reply_bytes=0
level=WARN msg="3 lines of the access log left out" left_out=3
level=INFO msg=call method=ping code=ok outcome=executed request_bytes=0 reply_bytes=0
level=INFO msg=call method=ping code=ok outcome=executed request_bytes=0 reply_bytes=0`)
}

func ExampleAccessLog() {
	// Calls that failed or took longer than 100 ms, and one in a hundred of the others.
	stats := ops.AccessLog(slog.New(slog.NewJSONHandler(os.Stdout, nil)), ops.AccessLogOptions{Sample: 0.01, Slow: 100 * time.Millisecond})
	server := rpc.NewServer(rpc.ServerOptions{Stats: stats})
	defer server.Close()
}
