package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
)

// brokenConn takes the first write and refuses the others; reads wait until it is closed.
type brokenConn struct {
	net.Conn
	wrote  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (c *brokenConn) Write(b []byte) (int, error) {
	select {
	case <-c.wrote:
		return 0, syscall.EPIPE
	default:
		close(c.wrote)
		return len(b), nil
	}
}

func (c *brokenConn) Read([]byte) (int, error) { <-c.closed; return 0, io.EOF }

func (c *brokenConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// TestNotSentIsNotShared makes a call whose write fails before a byte has left, while another
// call waits for its reply: only the first may be sent again.
func TestNotSentIsNotShared(t *testing.T) {
	p, err := protocol.ByName("binary")
	if err != nil {
		t.Fatal(err)
	}
	nc := &brokenConn{wrote: make(chan struct{}), closed: make(chan struct{})}
	c := newConn(nc, transport.Buffered, nil, p, 1<<20, new(scratch))
	call := func() error {
		c.claim(time.Now())
		_, err := c.call(context.Background(), time.Now(), request{method: new(schema.Method)}, func(dst []byte, seq int32) ([]byte, error) {
			return append(dst, "message"...), nil
		})
		return err
	}
	waiting := make(chan error, 1)
	go func() { waiting <- call() }()
	<-nc.wrote
	for { // until the first call waits for its reply
		c.mu.Lock()
		reading := c.reading
		c.mu.Unlock()
		if reading {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := call(); !errors.As(err, new(errNotSent)) || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("the call that was not sent: %v", err)
	}
	if err := <-waiting; err == nil || errors.As(err, new(errNotSent)) {
		t.Errorf("the call that was sent would be sent again: %v", err)
	}
}

// turnConn takes two writes and refuses the third; what is read comes from replies.
type turnConn struct {
	net.Conn
	writes  int
	second  func() // runs in the second write
	replies chan []byte
	closed  chan struct{}
	once    sync.Once
}

func (c *turnConn) Write(b []byte) (int, error) {
	switch c.writes++; c.writes {
	case 1:
	case 2:
		c.second()
	default:
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

func (c *turnConn) Read(b []byte) (int, error) {
	select {
	case r := <-c.replies:
		return copy(b, r), nil
	case <-c.closed:
		return 0, io.EOF
	}
}

func (c *turnConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// TestAnsweredWhileWriting has a call write for another one after its own message is sent. The
// reply comes in the meantime, and the other's message cannot be written: the call succeeds.
func TestAnsweredWhileWriting(t *testing.T) {
	p, err := protocol.ByName("binary")
	if err != nil {
		t.Fatal(err)
	}
	nc := &turnConn{replies: make(chan []byte), closed: make(chan struct{})}
	c := newConn(nc, transport.Buffered, nil, p, 1<<20, new(scratch))
	seqs := make(chan int32, 3)
	call := func() error {
		c.claim(time.Now())
		_, err := c.call(context.Background(), time.Now(), request{method: new(schema.Method)}, func(dst []byte, seq int32) ([]byte, error) {
			seqs <- seq
			return append(dst, "message"...), nil
		})
		return err
	}
	waitFor := func(ok func() bool) {
		for !ok() {
			time.Sleep(time.Millisecond)
		}
	}
	reader, other := make(chan error, 1), make(chan error, 1)
	go func() { reader <- call() }()
	<-seqs
	waitFor(func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.reading
	})
	nc.second = func() {
		mine := <-seqs
		go func() { other <- call() }()
		<-seqs
		waitFor(func() bool {
			c.wmu.Lock()
			defer c.wmu.Unlock()
			return len(c.out) > 0
		})
		nc.replies <- append(binary.AppendHeader(nil, wire.Header{Name: "m", Type: wire.Reply, SeqID: mine}), 0)
		waitFor(func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.pending[mine] == nil
		})
	}
	if err := call(); err != nil {
		t.Errorf("the call that was answered: %v", err)
	}
	if err := <-other; err == nil {
		t.Error("the call that was not sent succeeded")
	}
	if err := <-reader; err == nil {
		t.Error("the call that waits on a connection that has ended succeeded")
	}
}
