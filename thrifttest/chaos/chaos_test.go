package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/thrifttest/chaos"
)

// patient is how long a test waits for what happens at once on a machine that is not busy.
const patient = 2 * time.Minute

// echo serves connections by sending back what comes, until the test ends, and returns its address.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveEcho(t, l)
	return l.Addr().String()
}

func serveEcho(t *testing.T, l net.Listener) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				io.Copy(nc, nc)
			}()
		}
	}()
}

func newProxy(t *testing.T, address string) *chaos.Proxy {
	t.Helper()
	before := runtime.NumGoroutine()
	p, err := chaos.New(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		for end := time.Now().Add(patient); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) { // the echo may be ending
			if time.Now().After(end) {
				t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
				return
			}
		}
	})
	return p
}

func dial(t *testing.T, p *chaos.Proxy) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patient))
	return nc.(*net.TCPConn)
}

// exchange sends msg and returns what comes back, as long, and how long that took.
func exchange(t *testing.T, nc net.Conn, msg []byte) ([]byte, time.Duration) {
	t.Helper()
	start := time.Now()
	go nc.Write(msg)
	got := make([]byte, len(msg))
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	return got, time.Since(start)
}

func TestPass(t *testing.T) {
	p := newProxy(t, echo(t))
	msg := bytes.Repeat([]byte("0123456789"), 100_000)
	nc := dial(t, p)
	if got, _ := exchange(t, nc, msg); !bytes.Equal(got, msg) {
		t.Error("the bytes are not the same")
	}
	nc.CloseWrite() // the end is passed on, and what comes back as well
	if rest, err := io.ReadAll(nc); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestUnix(t *testing.T) {
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveEcho(t, l)
	if got, _ := exchange(t, dial(t, newProxy(t, path)), []byte("hello")); string(got) != "hello" {
		t.Errorf("%q", got)
	}
}

// TestSlow has faults that take time: at least so much, and the bytes are right.
func TestSlow(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name     string
		up, down chaos.Faults
		bytes    int
		least    time.Duration
	}{
		{"latency", chaos.Faults{Latency: 30 * ms}, chaos.Faults{Latency: 20 * ms}, 10, 50 * ms},
		{"latency is not bandwidth", chaos.Faults{Latency: 30 * ms}, chaos.Faults{}, 1 << 20, 30 * ms},
		{"jitter", chaos.Faults{Latency: 10 * ms, Jitter: 5 * ms, Seed: 3}, chaos.Faults{}, 100_000, 10 * ms},
		{"bandwidth", chaos.Faults{}, chaos.Faults{Bandwidth: 100_000}, 10_000, 90 * ms},
		{"one byte at a time", chaos.Faults{ChunkBytes: 1}, chaos.Faults{ChunkBytes: 3}, 1000, 0},
		{"coalescing", chaos.Faults{Coalesce: 30 * ms}, chaos.Faults{}, 100, 30 * ms},
	}
	p := newProxy(t, echo(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p.Set(test.up, test.down)
			msg := bytes.Repeat([]byte("a"), test.bytes)
			for i := range msg {
				msg[i] = byte(i)
			}
			got, took := exchange(t, dial(t, p), msg)
			if !bytes.Equal(got, msg) {
				t.Error("the bytes are not the same")
			}
			if took < test.least {
				t.Errorf("it took %v, at least %v is wanted", took, test.least)
			}
		})
	}
}

func TestFlipBit(t *testing.T) {
	p := newProxy(t, echo(t))
	p.Set(chaos.Faults{}, chaos.Faults{FlipBit: 8*3 + 1, ChunkBytes: 2})
	if got, _ := exchange(t, dial(t, p), []byte("aaaaaa")); string(got) != "aaa`aa" {
		t.Errorf("%q", got)
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		how  chaos.Ending
		want error
	}{{chaos.Close, io.EOF}, {chaos.Reset, syscall.ECONNRESET}, {chaos.Abandon, os.ErrDeadlineExceeded}} {
		p := newProxy(t, echo(t))
		p.Set(chaos.Faults{}, chaos.Faults{CutAfter: 3, Cut: test.how})
		nc := dial(t, p)
		nc.Write([]byte("abcdef"))
		got := make([]byte, 3)
		if _, err := io.ReadFull(nc, got); string(got) != "abc" && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v: %q, %v", test.how, got, err)
		}
		if test.how == chaos.Abandon { // nothing comes, however long one waits
			nc.SetDeadline(time.Now().Add(100 * time.Millisecond))
		}
		if _, err := nc.Read(got); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.how, err, test.want)
		}
	}
}

func TestEnd(t *testing.T) {
	for how, want := range map[chaos.Ending]error{chaos.Close: io.EOF, chaos.Reset: syscall.ECONNRESET, chaos.Abandon: os.ErrDeadlineExceeded} {
		p := newProxy(t, echo(t))
		nc := dial(t, p)
		exchange(t, nc, []byte("a"))
		if p.Conns() != 1 {
			t.Errorf("%d connections", p.Conns())
		}
		p.End(how)
		if how == chaos.Abandon {
			nc.SetDeadline(time.Now().Add(100 * time.Millisecond))
		}
		if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", how, err, want)
		}
	}
}

// TestHole drops or holds back what the client sends, and lets it pass again.
func TestHole(t *testing.T) {
	p := newProxy(t, echo(t))
	for _, f := range []chaos.Faults{{Drop: true}, {Stall: true}} {
		p.Set(chaos.Faults{}, chaos.Faults{})
		nc := dial(t, p)
		exchange(t, nc, []byte("a"))
		p.Set(chaos.Faults{}, f)
		nc.Write([]byte("b"))
		nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := nc.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) && f.Drop {
			t.Errorf("%+v: %d bytes, %v", f, n, err)
		}
		p.Set(chaos.Faults{}, chaos.Faults{})
		nc.SetReadDeadline(time.Now().Add(patient))
		nc.Write([]byte("c"))
		got := make([]byte, 1)
		for got[0] != 'c' {
			if _, err := nc.Read(got); err != nil {
				t.Fatalf("%+v: %v", f, err)
			}
		}
	}
}

func TestRefuse(t *testing.T) {
	p := newProxy(t, echo(t))
	p.Refuse(true)
	if err := refused(p); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that was refused: %v", err)
	}
	p.Refuse(false)
	exchange(t, dial(t, p), []byte("a"))
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := refused(newProxy(t, l.Addr().String())); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("there is no server behind it: %v", err)
	}
}

// refused returns how a new connection ends.
func refused(p *chaos.Proxy) error {
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patient))
	_, err = nc.Read(make([]byte, 1))
	return err
}

func TestCloseDelay(t *testing.T) {
	p := newProxy(t, echo(t))
	p.Set(chaos.Faults{}, chaos.Faults{CloseDelay: 50 * time.Millisecond})
	nc := dial(t, p)
	exchange(t, nc, []byte("a"))
	start := time.Now()
	nc.CloseWrite()
	if _, err := io.ReadAll(nc); err != nil || time.Since(start) < 50*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err == nil {
			io.Copy(nc, nc)
		}
	}()
	proxy, err := chaos.New(l.Addr().String())
	if err != nil {
		panic(err)
	}
	defer proxy.Close()
	proxy.Set(chaos.Faults{Latency: 10 * time.Millisecond}, chaos.Faults{CutAfter: 5})

	var d net.Dialer
	nc, err := d.DialContext(context.Background(), "tcp", proxy.Addr())
	if err != nil {
		panic(err)
	}
	fmt.Fprint(nc, "hello, world")
	got, err := io.ReadAll(nc)
	fmt.Printf("%q %v\n", got, err)
	// Output: "hello" <nil>
}
