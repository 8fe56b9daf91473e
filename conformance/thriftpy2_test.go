package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// readChecks makes a subtest of each line of a program that begins with "ok" or "FAIL", and returns the other
// lines. There must be as many checks as want.
func readChecks(t *testing.T, p *process, want int) (others []string) {
	t.Helper()
	lines, code := p.rest()
	checks := 0
	for _, line := range lines {
		verdict, name, _ := strings.Cut(line, " ")
		switch verdict {
		case "ok":
			checks++
			t.Run(name, func(*testing.T) {})
		case "FAIL":
			checks++
			t.Run(name, func(t *testing.T) { t.Error(line) })
		default:
			others = append(others, line)
		}
	}
	if checks != want || code != min(failures(lines), 1) {
		t.Errorf("it made %d checks and exited with %d, want %d checks", checks, code, want)
	}
	return others
}

// failures counts the lines that begin with "FAIL".
func failures(lines []string) (n int) {
	for _, line := range lines {
		if strings.HasPrefix(line, "FAIL ") {
			n++
		}
	}
	return n
}

// spy has a server show look the context of each call.
func spy(look func(ctx context.Context)) thriftkit.ServerOption {
	return thriftkit.WithInterceptors(func(next thriftkit.Handler) thriftkit.Handler {
		return func(ctx context.Context, call *thriftkit.Call) error {
			look(ctx)
			return next(ctx, call)
		}
	})
}

// TestSASL has thriftpy2's SASL transports, the one in Python and the one in Cython, call a server that lets
// nobody in without a password.
func TestSASL(t *testing.T) {
	py := python(t)
	t.Parallel()
	file := mustLoad(t)
	const name, word = "someone", "secret 水"
	verify := func(_ context.Context, user, password string) error {
		if user != name || password != word {
			return errors.New("wrong password")
		}
		return nil
	}
	addr := serveGo(t, "tcp", file.Service("Conformance"), NewHandler(file), thriftkit.WithSASLUsers(verify, true),
		spy(func(ctx context.Context) {
			if peer, _ := thriftkit.PeerOf(ctx); peer.User != name {
				t.Errorf("a call of the user %q, want %q", peer.User, name)
			}
		}))
	const checks = 5 // of sasl_client.py
	if others := readChecks(t, start(t, py, "py/sasl_client.py", addr, "--user", name, "--password", word), checks); others != nil {
		t.Errorf("the client printed %q", others)
	}
}

// trackingRoutes are the ways on which tracking is checked.
func trackingRoutes() []route {
	return []route{{"binary", "buffered", "tcp", false}, {"compact", "framed", "tcp", false}}
}

// TestTrackingClient has thriftpy2's tracked client call a server: what comes with a call is its metadata, and
// the metadata of the reply goes to the client's tracker.
func TestTrackingClient(t *testing.T) {
	py := python(t)
	file := mustLoad(t)
	const calls, oneway, checks = 64, 5, 4 // of tracking_client.py
	for _, w := range trackingRoutes() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var seen []map[string]string
			addr := serveGo(t, "tcp", file.Service("Conformance"), NewHandler(file), spy(func(ctx context.Context) {
				mu.Lock()
				defer mu.Unlock()
				md := thriftkit.Metadata(ctx)
				seen = append(seen, md)
				if !thriftkit.SetReplyMetadata(ctx, "seen", md["seq"]) {
					t.Error("a reply takes no metadata")
				}
			}))
			client := start(t, py, append([]string{"py/tracking_client.py", addr, "--meta", `{"tenant": "水", "empty": ""}`}, w.flags()...)...)
			others := readChecks(t, client, checks)
			if want := "upgraded 2"; len(others) != 1+calls-oneway || others[0] != want {
				t.Fatalf("the client printed %q, want %q and %d responses", others, want, calls-oneway)
			}
			replies := make(map[string]bool)
			for _, line := range others[1:] {
				var md map[string]string
				text, isResponse := strings.CutPrefix(line, "response ")
				if err := json.Unmarshal([]byte(text), &md); !isResponse || err != nil || len(md) != 1 {
					t.Errorf("the client printed %q: %v", line, err)
				}
				replies[md["seen"]] = true
			}
			mu.Lock()
			defer mu.Unlock()
			if len(seen) != calls || len(replies) != calls-oneway {
				t.Errorf("%d calls with metadata, and %d different replies, want %d and %d", len(seen), len(replies), calls, calls-oneway)
			}
			for i, got := range seen {
				want := map[string]string{"tenant": "水", "empty": "", "request_id": got["request_id"], "seq": strconv.Itoa(i + 1)}
				if !reflect.DeepEqual(got, want) || got["request_id"] == "" {
					t.Errorf("call %d has the metadata %q, want %q", i+1, got, want)
				}
			}
		})
	}
}

// TestTrackingTrace has thriftpy2's tracked client call a server with a tracer: the id of a request, a UUID, is that of a trace, in the
// access log as well.
func TestTrackingTrace(t *testing.T) {
	py := python(t)
	file := mustLoad(t)
	var mu sync.Mutex
	traces := make(map[string]bool)  // of requests, as handlers see them
	parents := make(map[string]bool) // likewise, of the spans of their callers
	spans := make(map[string]string) // the parent by trace
	tracer := ops.NewTracer(ops.TracerOptions{Sample: 1, Export: func(s *ops.Span) {
		mu.Lock()
		defer mu.Unlock()
		spans[hex.EncodeToString(s.Trace.ID[:])] = hex.EncodeToString(s.Parent[:])
	}})
	var log lockedBuffer
	addr := serveGo(t, "tcp", file.Service("Conformance"), NewHandler(file), spy(func(ctx context.Context) {
		mu.Lock()
		defer mu.Unlock()
		id, seq, ok := rpc.Tracking(ctx)
		if !ok || seq == "" {
			t.Errorf("request %q, place %q, %v", id, seq, ok)
		}
		traces[strings.ReplaceAll(id, "-", "")] = true
		sum := sha256.Sum256([]byte(id + "/" + seq))
		parents[hex.EncodeToString(sum[:8])] = true
	}), thriftkit.WithTracer(tracer), thriftkit.WithStats(ops.AccessLog(slog.New(slog.NewTextHandler(&log, nil)), ops.AccessLogOptions{})))
	const checks = 4 // of tracking_client.py
	readChecks(t, start(t, py, "py/tracking_client.py", addr), checks)
	mu.Lock()
	defer mu.Unlock()
	if len(traces) == 0 || len(spans) != len(traces) {
		t.Fatalf("%d requests, %d traces", len(traces), len(spans))
	}
	for id, parent := range spans {
		if !traces[id] || !parents[parent] || !strings.Contains(log.String(), "trace_id="+id) {
			t.Errorf("trace %s below %s: no request has that id, or no line of the log", id, parent)
		}
	}
}

// TestTrackingServer has a client, which knows nothing of tracking, call thriftpy2's tracked server.
func TestTrackingServer(t *testing.T) {
	py := python(t)
	file := mustLoad(t)
	svc := file.Service("Conformance")
	for _, w := range trackingRoutes() {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			server := start(t, py, append([]string{"py/tracking_server.py"}, w.flags()...)...)
			_, f := dial(t, file, w.target(server.line("READY ")), thriftkit.WithTimeout(callTimeout))
			for _, r := range preparedRows(svc, nil) {
				if r.large {
					continue
				}
				if err := r.run(t.Context(), boundCaller(svc, f)); err != nil {
					t.Errorf("%s: %v", r.name, err)
				}
			}
		})
	}
}
