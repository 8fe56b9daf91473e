package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		long := strings.Repeat("x", bufferBytes+1)
		done := make(chan error)
		go func() {
			_, err := io.WriteString(a, long)
			a.(interface{ CloseWrite() error }).CloseWrite()
			done <- err
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Error("a write above the buffer did not wait")
		default:
		}
		got, err := io.ReadAll(b)
		if string(got) != long || err != nil || <-done != nil {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if _, err := io.WriteString(b, "back"); err != nil {
			t.Error(err)
		}
		b.Close()
		if got, err := io.ReadAll(a); string(got) != "back" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
		if _, err := a.Write([]byte{1}); err == nil {
			t.Error("write to a closed peer succeeded")
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		start := time.Now()
		a.SetReadDeadline(start.Add(time.Second))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(start))
		}
		a.SetReadDeadline(time.Time{})
		b.Write([]byte{7})
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("after the deadline was removed: %d, %v", n, err)
		}
		a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, bufferBytes+1)); n != bufferBytes || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %d, %v", n, err)
		}
		a.SetDeadline(time.Unix(1, 0))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline in the past: %v", err)
		}
	})
}

func TestListener(t *testing.T) {
	l := Listen()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(c, c)
		}
	}()
	c, err := l.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "echo")
	var got [4]byte
	if _, err := io.ReadFull(c, got[:]); string(got[:]) != "echo" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	c.Close()
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Dial(canceled); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := l.Dial(context.Background()); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
