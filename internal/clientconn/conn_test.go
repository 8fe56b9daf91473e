package clientconn

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/internal/schematest"
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
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, tt := range []struct {
		what   string
		ctx    context.Context
		oneway bool
	}{
		{"a call", context.Background(), false},
		{"a call that may give up", cancellable, false},
		{"a oneway call", context.Background(), true},
		{"a oneway call that may give up", cancellable, true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			nc := &brokenConn{wrote: make(chan struct{}), closed: make(chan struct{})}
			c := newTestConn(nc)
			waiting := make(chan error, 1)
			go func() { waiting <- callOver(c) }()
			<-nc.wrote
			for { // until the first call waits for its reply
				c.mu.Lock()
				reading := c.read.owner != nil
				c.mu.Unlock()
				if reading {
					break
				}
				time.Sleep(time.Millisecond)
			}
			err := callWith(c, tt.ctx, tt.oneway)
			if !errors.Is(err, syscall.EPIPE) {
				t.Errorf("the call that was not sent: %v", err)
			}
			// The goroutine that writes for a call that may give up does not know which of the two was sent.
			if known := tt.oneway || tt.ctx.Done() == nil; known != notSent(err) {
				t.Errorf("the call that was not sent: %v, %T", err, err)
			}
			if err := <-waiting; err == nil || notSent(err) {
				t.Errorf("the call that was sent would be sent again: %v", err)
			}
		})
	}
}

// callOver calls a method without arguments.
func callOver(c *Conn) error { return callWith(c, context.Background(), false) }

func callWith(c *Conn, ctx context.Context, oneway bool) error {
	f := NewPending()
	f.Start(ctx, time.Now(), 0)
	f.Oneway = oneway
	f.expect()
	c.reserve(f)
	f.Args, f.ArgsAt = nothing(), mem.To(&struct{}{})
	return c.call(f)
}

// nothing returns the plan of a struct without fields.
func nothing() *plan.Type {
	p, err := plan.ForType(reflect.TypeFor[struct{}](), schematest.Struct("Nothing").Type())
	if err != nil {
		panic(err)
	}
	return p
}

// newTestConn returns a connection of a pool that dials nothing.
func newTestConn(nc net.Conn) *Conn {
	p, err := protocol.ByName("binary")
	if err != nil {
		panic(err)
	}
	return newConn(NewPool(Options{Protocol: p, MaxMessageBytes: 1 << 20, MaxConns: 1, Buffers: new(msgio.Buffers)}), 1, nc)
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
	nc := &turnConn{replies: make(chan []byte), closed: make(chan struct{})}
	c := newTestConn(nc)
	call := func() error { return callOver(c) }
	entered := func() uint32 { // how many calls were
		c.mu.Lock()
		defer c.mu.Unlock()
		return uint32(c.pending.n)
	}
	waitFor := func(ok func() bool) {
		for !ok() {
			time.Sleep(time.Millisecond)
		}
	}
	reader, other := make(chan error, 1), make(chan error, 1)
	go func() { reader <- call() }()
	waitFor(func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.read.owner != nil
	})
	nc.second = func() {
		mine := msgio.SequenceID(entered())
		go func() { other <- call() }()
		waitFor(func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return !c.write.queue.empty()
		})
		nc.replies <- append(binary.AppendHeader(nil, wire.Header{Name: "m", Type: wire.Reply, SeqID: mine}), 0)
		waitFor(func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.pending.get(mine) == nil
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
