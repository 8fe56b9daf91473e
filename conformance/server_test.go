package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// clientChecks is how many checks client.py has. A check that disappears would not be missed
// otherwise.
const clientChecks = 66

// TestServer has client.py check a bound handler and a dynamic one.
func TestServer(t *testing.T) {
	python(t)
	file := mustLoad(t)
	svc := file.Service("Conformance")
	tb := new(table)
	tb.logAfter(t)
	for _, h := range []struct {
		name    string
		handler func() any
	}{
		{"bound", func() any { return NewHandler(file) }},
		{"dynamic", func() any { return NewDynamicHandler(file) }},
	} {
		for _, w := range routes() {
			direction := "thriftpy2 → thriftkit (" + h.name + ")"
			if h.name == "dynamic" && !w.isAlsoDynamic() {
				continue
			}
			if why := w.lacks(); why != "" {
				tb.lacks("thriftpy2", direction, w, why)
				continue
			}
			t.Run(h.name+"/"+w.String(), func(t *testing.T) {
				t.Parallel()
				addr, flags := "", w.flags()
				if w.socket == "tls" {
					certs := certificates(t)
					addr, _ = serveAll(t, file, certs, h.handler())
					flags = append(flags, "--tls", certs)
				} else {
					addr = serveGo(t, w.socket, svc, h.handler())
				}
				ok, failed, skipped := runClient(t, addr, clientChecks, flags...)
				tb.add("thriftpy2", direction, w, ok, failed, skipped)
			})
		}
	}
}

// runClient runs client.py, each line that it prints as a subtest, and counts them; skipped are the
// reasons. There must be checks of them.
func runClient(t *testing.T, addr string, checks int, flags ...string) (ok, failed int, skipped []string) {
	t.Helper()
	source, err := os.ReadFile("py/client.py")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, python(t), append([]string{"py/client.py", addr}, flags...)...)
	lines, code := p.rest()
	last := ""
	for _, line := range lines {
		verdict, rest, _ := strings.Cut(line, " ")
		name, why := rest, ""
		if i := strings.LastIndex(rest, ": "); i >= 0 {
			name, why = rest[:i], rest[i+2:]
		}
		switch verdict {
		case "ok":
			ok++
			t.Run(rest, func(*testing.T) {})
		case "skip":
			skipped = append(skipped, why)
			t.Run(rest, func(t *testing.T) {
				if why == "" || !strings.Contains(string(source), why) {
					t.Fatalf("client.py does not state this reason: %q", line)
				}
				t.Skip(why)
			})
		case "FAIL":
			failed++
			t.Run(name, func(t *testing.T) { t.Error(line) })
		default:
			last = line
		}
	}
	if want := fmt.Sprintf("%d ok, %d failed, %d skipped", ok, failed, len(skipped)); last != want {
		t.Errorf("client.py ended with %q, want %q", last, want)
	}
	if wantCode := min(failed, 1); code != wantCode {
		t.Errorf("client.py exited with %d, want %d", code, wantCode)
	}
	if made := ok + failed + len(skipped); made != checks {
		t.Errorf("client.py made %d checks, want %d: if it was changed, change the number here", made, checks)
	}
	return ok, failed, skipped
}
