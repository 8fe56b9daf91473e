//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A console is a program on a terminal of its own.
type console struct {
	t   *testing.T
	tty *os.File
	cmd *exec.Cmd
	out bytes.Buffer // its standard output

	mu   sync.Mutex
	seen bytes.Buffer // what it wrote to the terminal
	done chan struct{}
}

// startConsole starts thriftkit with standard input and standard error on a terminal.
func startConsole(t *testing.T, args ...string) *console {
	t.Helper()
	own, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(own, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, tty: own, done: make(chan struct{})}
	c.cmd = exec.Command("thriftkit", args...)
	c.cmd.Stdin, c.cmd.Stderr, c.cmd.Stdout = theirs, theirs, &c.out
	c.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	go func() {
		defer close(c.done)
		buf := make([]byte, 4096)
		for {
			n, err := own.Read(buf)
			c.mu.Lock()
			c.seen.Write(buf[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		c.cmd.Process.Kill() // in vain where it has ended
		own.Close()
		<-c.done
	})
	return c
}

// expect waits until the terminal has been sent text since the last call.
func (c *console) expect(text string) {
	c.t.Helper()
	for deadline := time.Now().Add(patient); ; time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		seen := c.seen.String()
		if i := strings.Index(seen, text); i >= 0 {
			c.seen.Next(i + len(text))
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if time.Now().After(deadline) {
			c.t.Fatalf("no %q on the terminal:\n%q", text, seen)
		}
	}
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := io.WriteString(c.tty, keys); err != nil {
		c.t.Fatal(err)
	}
}

// end waits for the program and returns its standard output.
func (c *console) end(wantCode int) string {
	c.t.Helper()
	late := time.AfterFunc(patient, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	c.cmd.Wait()
	if code := c.cmd.ProcessState.ExitCode(); code != wantCode {
		c.t.Errorf("exit code %d, want %d\n%q", code, wantCode, c.seen.String())
	}
	return c.out.String()
}

const (
	keyEnter = "\r"
	keyTab   = "\t"
	keyRight = "\x1b[C"
	keyCall  = "\x13" // ctrl-s
	keyEnd   = "\x03" // ctrl-c
)

const consoleIDL = `
enum Color { RED = 1, GREEN = 2 }
struct Item {
  /** What it is called. */
  1: required string name
  2: Color color = Color.RED
  3: optional list<string> tags
}
service Shop {
  string ping()
  /** Keeps an item. */
  Item keep(1: Item item, 2: i32 times = 3)
}
`

// TestInteractive finds a method, fills in its form and makes the call, then makes it once more.
func TestInteractive(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	write(t, "shop.thrift", consoleIDL)
	addr := startServer(t, "--listen", "127.0.0.1:0", "--echo", "shop.thrift")

	c := startConsole(t, "call", addr)
	c.expect("Shop.ping")
	c.expect("Shop.keep(Item item, i32 times) Item")
	c.expect("Keeps an item.")
	c.press("kp") // letters of keep, and of no other
	c.press(keyEnter)
	c.expect("[ call ]")
	c.press(keyTab) // from item to its name
	c.expect("What it is called.")
	c.press("lamp" + keyTab)
	c.expect("RED, GREEN")
	c.press(keyRight + keyRight) // RED, then GREEN
	c.expect("GREEN")
	c.press(keyTab + keyEnter + "x") // one tag
	c.expect("[0]")
	c.press(keyTab + "many") // times
	c.press(keyCall)
	c.expect("times: want i32, got many")
	c.press("\x7f\x7f\x7f\x7f" + "7" + keyCall)
	want := `{"name":"lamp","color":"GREEN","tags":["x"]}` + "\n"
	if got := c.end(0); got != want {
		t.Errorf("the call gave %q, want %q", got, want)
	}

	c = startConsole(t, "call", addr, "-H", "secret: hush", "--transport", "header")
	c.expect("again: Shop.keep " + `{"item":{"name":"lamp"`)
	c.press(keyEnter)
	c.expect("[ call ]")
	c.press(keyTab + "s" + keyCall)
	if got, want := c.end(0), strings.Replace(want, "lamp", "lamps", 1); got != want {
		t.Errorf("the call from before gave %q, want %q", got, want)
	}
	history, err := os.ReadFile(historyPath())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(history), "hush") || strings.Count(string(history), "\n") != 2 {
		t.Errorf("remembered are %s", history)
	}
	if info, err := os.Stat(historyPath()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	c = startConsole(t, "call", addr)
	c.expect("Shop.ping")
	c.press(keyEnd)
	if got := c.end(0); got != "" {
		t.Errorf("without a call there is %q", got)
	}
}
