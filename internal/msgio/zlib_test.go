package msgio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// zlibPair returns the two ends of a compressed connection over TCP.
func zlibPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ca, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cb, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	a, b = Zlib(ca), Zlib(cb)
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// TestZlib writes back and forth: each write arrives without another one behind it.
func TestZlib(t *testing.T) {
	a, b := zlibPair(t)
	for _, n := range []int{1, 100, 1 << 20, 2} {
		msg := bytes.Repeat([]byte("m"), n)
		for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
			go ends[0].Write(msg)
			got := make([]byte, n)
			ends[1].SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.ReadFull(ends[1], got); err != nil || !bytes.Equal(got, msg) {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
	}
}

// TestZlibTimeout has a read time out in the middle of a message: the next one goes on.
func TestZlibTimeout(t *testing.T) {
	a, b := zlibPair(t)
	a.Write([]byte("first "))
	got := make([]byte, 12)
	b.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	n, err := io.ReadFull(b, got)
	if n != 6 || !errors.Is(err, os.ErrDeadlineExceeded) || !IsTimeout(err) {
		t.Fatalf("%d, %v", n, err)
	}
	a.Write([]byte("second"))
	b.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(b, got[n:]); err != nil || string(got) != "first second" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestZlibEnd(t *testing.T) {
	a, b := zlibPair(t)
	a.Write([]byte("last"))
	a.Close()
	b.SetReadDeadline(time.Now().Add(20 * time.Second))
	if got, err := io.ReadAll(b); err != nil || string(got) != "last" {
		t.Errorf("%q, %v", got, err)
	}
	if Alive(b) {
		t.Error("the peer has closed it, and it counts as alive")
	}
	if CanResume(b) {
		t.Error("a write that was interrupted cannot go on")
	}
}

func TestIsZlib(t *testing.T) {
	for start, want := range map[string]bool{"\x78\x01": true, "\x78\x5e": true, "\x78\x9c": true, "\x78\xda": true, "\x78\x00": false, "\x80\x01": false, "\x78": false} {
		if IsZlib([]byte(start)) != want {
			t.Errorf("%x: %v", start, !want)
		}
	}
}
