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
