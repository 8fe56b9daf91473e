package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Process is a server or client that this program started, with its standard input and output
// as the line by which it is told what to do.
type Process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // closed when the output ends
	stderr lockedBuffer
	once   sync.Once
}

// lockedBuffer keeps the end of what is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const enough = 4 << 10
	if b.buf.Len() < enough {
		b.buf.Write(p)
	}
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.TrimSpace(b.buf.String())
}

// Start starts a program.
func Start(path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), lines: make(chan string, 1)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			p.lines <- strings.TrimSpace(line)
		}
	}()
	return p, nil
}

// PID returns the number of the process, as a word.
func (p *Process) PID() string { return strconv.Itoa(p.cmd.Process.Pid) }

// Tell sends a line.
func (p *Process) Tell(line string) error {
	_, err := io.WriteString(p.in, line+"\n")
	return err
}

// Expect returns the next line, which must begin with prefix, without it. It fails when the process
// ends or patience does.
func (p *Process) Expect(prefix string, patience time.Duration) (string, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case line, ok := <-p.lines:
		rest, is := strings.CutPrefix(line, prefix)
		switch {
		case !ok:
			p.Stop()
			return "", fmt.Errorf("%s ended: %s", p.cmd.Path, p.stderr.String())
		case !is:
			return "", fmt.Errorf("%s said %q, not %s", p.cmd.Path, line, prefix)
		}
		return strings.TrimSpace(rest), nil
	case <-timer.C:
		return "", fmt.Errorf("%s said nothing for %v: %s", p.cmd.Path, patience, p.stderr.String())
	}
}

// Stat asks a server what it has used so far.
func (p *Process) Stat() (cpu time.Duration, mallocs uint64, err error) {
	if err := p.Tell("stat"); err != nil {
		return 0, 0, err
	}
	line, err := p.Expect("STAT", patience)
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(line, (*int64)(&cpu), &mallocs)
	return cpu, mallocs, err
}

// patience bounds what takes no time.
const patience = 20 * time.Second

// Stop ends the process: by the end of its input, and by force if it does not heed that.
func (p *Process) Stop() {
	p.once.Do(func() {
		p.in.Close()
		timer := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
		defer timer.Stop()
		for range p.lines {
		}
		p.cmd.Wait()
	})
}
