package conformance

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
)

// missing ends a test that lacks a peer or a program: it is skipped, or fails where scripts/peers.sh says that
// all are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("THRIFTKIT_PEERS") == "required" {
		t.Fatal(what)
	}
	t.Skipf("%s (make test-all sets it up)", what)
}

// python returns the Python that has thriftpy2. The test ends if there is none.
func python(t *testing.T) string {
	t.Helper()
	p := os.Getenv("THRIFTKIT_PYTHON")
	if _, err := exec.LookPath(p); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_PYTHON (%q) names no Python with thriftpy2", p))
	}
	return p
}

// patient is how long a test waits for what takes a moment on a machine that is not busy.
const patient = 2 * time.Minute

// A process is a program that a test started; it ends with the test.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Scanner
	stderr lockedBuffer
	stdin  io.WriteCloser
	ended  chan struct{}
}

// start starts a program. Its standard input stays open until it is stopped.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = 5 * time.Second
	stdin, err1 := p.cmd.StdinPipe()
	stdout, stdoutWriter, err2 := os.Pipe() // Wait would close a StdoutPipe before all is read
	p.cmd.Stdout = stdoutWriter
	if err := firstError(err1, err2, p.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	stdoutWriter.Close()
	p.stdin = stdin
	p.stdout = bufio.NewScanner(stdout)
	go func() {
		p.cmd.Wait() // the exit code is in cmd.ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop()
		stdout.Close()
		if t.Failed() && p.stderr.String() != "" {
			t.Logf("standard error of %s:\n%s", filepath.Base(args[0]), p.stderr.tail())
		}
	})
	return p
}

// stop ends the program as it likes to be ended, and kills it if it does not end.
func (p *process) stop() {
	p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(3 * time.Second):
		p.kill()
	}
}

// kill ends the program without a word.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// line returns the next line that the program prints and that begins with prefix, without it.
func (p *process) line(prefix string) string {
	p.t.Helper()
	for p.stdout.Scan() {
		if rest, ok := strings.CutPrefix(p.stdout.Text(), prefix); ok {
			return rest
		}
	}
	p.t.Fatalf("%s ended before it printed %q; its standard error:\n%s", p.cmd.Path, prefix, p.stderr.String())
	return ""
}

// logged returns the first group of the first match of pattern in what the program writes to its standard error.
func (p *process) logged(pattern *regexp.Regexp) string {
	p.t.Helper()
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if found := pattern.FindStringSubmatch(p.stderr.String()); found != nil {
			return found[1]
		}
		select {
		case <-p.ended:
			end = time.Now()
		default:
		}
	}
	p.t.Fatalf("%s did not write %q; its standard error:\n%s", p.cmd.Path, pattern, p.stderr.String())
	return ""
}

// rest returns the lines that the program still prints, and its exit code.
func (p *process) rest() (lines []string, code int) {
	for p.stdout.Scan() {
		lines = append(lines, p.stdout.Text())
	}
	<-p.ended
	return lines, p.cmd.ProcessState.ExitCode()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// tail returns the end of it: a peer's trace for each failed call would hide the rest.
func (b *lockedBuffer) tail() string {
	const most = 2000
	s := b.String()
	return s[max(0, len(s)-most):]
}

// A route is one way for two peers to talk.
type route struct {
	protocol  string // binary, compact, thriftpy2-json, json (Apache's)
	transport string // buffered, framed, http
	socket    string // tcp, tls, unix
	aio       bool   // the Python side runs on asyncio
}

// routes returns all the ways: the protocol makes no difference to a unix socket or HTTPS, nor JSON to TLS.
func routes() []route {
	var all []route
	for _, c := range []struct{ protocol, sockets string }{
		{"binary", "tcp tls unix"}, {"compact", "tcp tls"}, {"thriftpy2-json", "tcp"}, {"json", "tcp"},
	} {
		for _, socket := range strings.Fields(c.sockets) {
			for _, transport := range []string{"buffered", "framed", "http"} {
				if transport != "http" || socket == "tcp" || socket == "tls" && c.protocol == "binary" {
					all = append(all, route{c.protocol, transport, socket, false}, route{c.protocol, transport, socket, true})
				}
			}
		}
	}
	return all
}

// lacks says why thriftpy2 has no such way, "" if it has.
func (w route) lacks() string {
	if w.aio && w.isJSON() {
		return "thriftpy2 has no JSON for asyncio"
	}
	return ""
}

// isJSON reports whether one of the two protocols in JSON goes this way.
func (w route) isJSON() bool { return strings.HasSuffix(w.protocol, "json") }

// isForOneCall reports whether a connection is good for one call only: thriftpy2's Apache JSON never lets go
// of the message that it read first, so its server executes that again and again, and its client returns it
// again. Over HTTP its server makes a new one for each request.
func (w route) isForOneCall() bool { return w.protocol == "json" && w.transport != "http" }

func (w route) String() string {
	return w.protocol + "/" + w.transport + "/" + w.socket + "/" + w.style()
}

func (w route) style() string {
	if w.aio {
		return "asyncio"
	}
	return "threads"
}

// isAlsoDynamic reports whether both Go types and dynamic values take this way; what is below the
// protocol does not know of them.
func (w route) isAlsoDynamic() bool {
	return w.transport == "buffered" && w.socket == "tcp" && !w.aio
}

// flags returns the arguments that tell server.py and client.py so.
func (w route) flags() []string {
	flags := []string{"--protocol", w.protocol, "--transport", w.transport}
	if w.aio {
		flags = append(flags, "--aio")
	}
	return flags
}

// target returns the target for Dial of an address that server.py printed, without TLS.
func (w route) target(addr string) string { return w.cell().target(addr, "") }

// cell returns the way as other peers have it.
func (w route) cell() cell { return cell{w.protocol, w.transport, w.socket} }

// socketPath returns a path for a unix socket: short, because such paths must be.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// servePython starts server.py with no timeout for idle connections but what extra says, and
// returns it with the address that it printed.
func servePython(t *testing.T, w route, extra ...string) (*process, string) {
	t.Helper()
	args := append([]string{"py/server.py", "--client-timeout", "0"}, w.flags()...)
	if w.socket == "unix" {
		args = append(args, "--unix", socketPath(t))
	}
	p := start(t, python(t), append(args, extra...)...)
	return p, p.line("READY ")
}

// serveGo serves handler for the time of the test and returns the address in the form of
// server.py.
func serveGo(t *testing.T, socket string, svc *schema.Service, handler any, opts ...thriftkit.ServerOption) string {
	t.Helper()
	addr, shown := "127.0.0.1:0", ""
	if socket == "unix" {
		path := socketPath(t)
		addr, shown = "unix://"+path, "unix:"+path
	}
	l, err := thriftkit.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	if shown == "" {
		shown = l.Addr().String()
	}
	done := make(chan error, 1)
	go func() { done <- thriftkit.Serve(l, svc, handler, opts...) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil && !isClosed(err) {
			t.Errorf("Serve: %v", err)
		}
	})
	return shown
}

func isClosed(err error) bool { return strings.Contains(err.Error(), net.ErrClosed.Error()) }

// mustLoad returns the schema of conformance.thrift.
func mustLoad(t testing.TB) *schema.File {
	t.Helper()
	file, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A table collects what was checked, for the log: docs/conformance.md has a copy of it.
type table struct {
	mu   sync.Mutex
	rows []string
}

// add adds a row; skipped are the reasons, one for each check.
func (tb *table) add(peer, direction string, w route, ok, failed int, skipped []string) {
	result := "passes"
	if failed > 0 {
		result = fmt.Sprintf("%d fail", failed)
	}
	skips := "none"
	if slices.Sort(skipped); len(skipped) > 0 {
		var counts []string
		for _, why := range slices.Compact(slices.Clone(skipped)) {
			n := len(slices.DeleteFunc(slices.Clone(skipped), func(s string) bool { return s != why }))
			counts = append(counts, fmt.Sprintf("%d: %s", n, why))
		}
		skips = strings.Join(counts, "; ")
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %d | %s |",
		peer, direction, w.protocol, w.transport, w.socket, w.style(), result, ok+failed, skips))
}

// lacks adds a row for a way that there is not.
func (tb *table) lacks(peer, direction string, w route, why string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, fmt.Sprintf("| %s | %s | %s | %s | %s | %s | – | 0 | all: %s |",
		peer, direction, w.protocol, w.transport, w.socket, w.style(), why))
}

// logAfter logs the table when t and its subtests are done.
func (tb *table) logAfter(t *testing.T) {
	t.Cleanup(func() {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		slices.Sort(tb.rows)
		t.Logf("\n| peer | direction | protocol | transport | socket | Python side | result | checks | skipped |\n|---|---|---|---|---|---|---|---|---|\n%s", strings.Join(tb.rows, "\n"))
	})
}
