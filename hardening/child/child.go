// Package child runs the programs of the suites in processes of their own, where a crash is seen for what it is and
// memory can be measured from outside.
//
// A child is this very program in a role (Main has them), or the server of another library. Both serve the service
// Conformance, say on their standard output where, and end when their standard input is closed.
package child

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// roleVariable names the role of a child in its environment.
const roleVariable = "THRIFTKIT_HARDENING_ROLE"

// Main runs the role that the environment names, and exits; without one it returns. Programs and tests that start
// children call it first.
func Main() {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		return
	case "server":
		err = serve(os.Args[1:])
	case "load":
		err = load(os.Args[1:])
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A Process is a child. Its methods may be called by any number of goroutines.
type Process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string   // of its standard output
	done  chan struct{} // closed when it has ended
	err   error         // of its end; after done

	mu     sync.Mutex // one question at a time
	stderr lockedBuffer
	peak   atomic.Int64
}

// lockedBuffer keeps the beginning of what is written to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const keptOutput = 64 << 10 // bytes of a child's standard error

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(p[:min(len(p), max(0, keptOutput-b.buf.Len()))])
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// role returns the command for a child in a role. files become its descriptors from 3 on.
func role(name string, files []*os.File, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+name)
	cmd.ExtraFiles = files
	ownGroup(cmd)
	return cmd, nil
}

// Start starts cmd.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, lines: make(chan string, 64), done: make(chan struct{})}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdin, cmd.Stderr = stdin, &p.stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	go func() {
		<-read
		p.err = cmd.Wait()
		close(p.done)
	}()
	go p.watch()
	return p, nil
}

// watch measures the memory until the end.
func (p *Process) watch() {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		if rss, err := RSS(p.Pid()); err == nil && rss > p.peak.Load() {
			p.peak.Store(rss)
		}
		select {
		case <-ticker.C:
		case <-p.done:
			return
		}
	}
}

// Pid returns the number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Alive reports whether the process runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Peak returns the most resident memory, in bytes, since the last call of it; 0 where it cannot be measured.
func (p *Process) Peak() int64 {
	peak := p.peak.Swap(0)
	if rss, err := RSS(p.Pid()); err == nil {
		peak = max(peak, rss)
	}
	return peak
}

// Output returns the beginning of what the process wrote to its standard error.
func (p *Process) Output() string { return p.stderr.String() }

// Panicked reports whether the output has the trace of a panic or of a fatal error of Go's runtime.
func (p *Process) Panicked() bool {
	for line := range strings.Lines(p.Output()) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.Contains(line, "panicked: ") {
			return true
		}
	}
	return false
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the process at once and waits for it.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	p.drain()
}

// Stop closes the standard input, upon which a child ends by itself, and waits; after 15 seconds it kills.
func (p *Process) Stop() error {
	p.stdin.Close()
	timer := time.AfterFunc(15*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	p.drain()
	return p.err
}

func (p *Process) drain() {
	for range p.lines {
	}
	<-p.done
}

// Line returns the next line of the standard output.
func (p *Process) Line(timeout time.Duration) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.done
			return "", fmt.Errorf("the process has ended: %v\n%s", p.err, p.Output())
		}
		return line, nil
	case <-time.After(timeout):
		return "", errors.New("the process does not answer")
	}
}

// ask writes a line and reads the answer, as JSON, into v.
func (p *Process) ask(question string, timeout time.Duration, v any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintln(p.stdin, question); err != nil {
		return fmt.Errorf("%s: %w\n%s", question, err, p.Output())
	}
	line, err := p.Line(timeout)
	if err != nil {
		return fmt.Errorf("%s: %w", question, err)
	}
	return json.Unmarshal([]byte(line), v)
}

// Attach returns a Process for one that somebody else started: its memory can be measured, and whether it is alive.
func Attach(pid int) *Process {
	p := &Process{cmd: &exec.Cmd{Process: &os.Process{Pid: pid}}, done: make(chan struct{})}
	go func() {
		for {
			if _, err := RSS(pid); err != nil {
				p.err = err
				close(p.done)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	go p.watch()
	return p
}
