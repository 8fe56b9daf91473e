package muxconn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// A Client makes calls over one connection, which it makes again after it was lost. It is safe for concurrent use.
type Client struct {
	format Format
	id     func(msg []byte) (id uint64, isReply bool)
	target transport.Target
	opts   rpc.ClientOptions

	dialing chan struct{} // held by whoever connects
	mu      sync.Mutex
	conn    *clientConn // nil: none
	closed  bool
}

// NewClient returns a client of t, with a connection unless opts say otherwise. id returns the id of a message, and whether it
// is the reply to a call.
func NewClient(ctx context.Context, t transport.Target, opts rpc.ClientOptions, format Format, id func(msg []byte) (uint64, bool)) (*Client, error) {
	c := &Client{format: format, id: id, target: t, opts: opts, dialing: make(chan struct{}, 1)}
	if opts.Lazy {
		return c, nil
	}
	_, err := c.connection(ctx)
	return c, err
}

var errClosed = &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent, Message: "client is closed"}

// Close closes the connection. Calls that wait for replies fail with CodeClosed.
func (c *Client) Close() {
	c.mu.Lock()
	conn := c.conn
	c.conn, c.closed = nil, true
	c.mu.Unlock()
	if conn != nil {
		conn.fail(&rpc.Error{Code: rpc.CodeClosed, Message: errClosed.Message})
	}
}

// current returns the connection, nil if there is none that works.
func (c *Client) current() (*clientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, errClosed
	case c.conn != nil && c.conn.works():
		return c.conn, nil
	}
	return nil, nil
}

// connection returns the connection, and makes one if there is none.
func (c *Client) connection(ctx context.Context) (*clientConn, error) {
	if conn, err := c.current(); conn != nil || err != nil {
		return conn, err
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-ctx.Done():
		return nil, ended(ctx, rpc.OutcomeNotSent)
	}
	if conn, err := c.current(); conn != nil || err != nil {
		return conn, err
	}
	nc, err := c.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ended(ctx, rpc.OutcomeNotSent)
		}
		return nil, &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Cause: err}
	}
	conn := &clientConn{nc: nc, pending: make(map[uint64]chan reply), wake: make(chan struct{}, 1), done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		nc.Close()
		return nil, errClosed
	}
	c.conn = conn
	go conn.read(&reader{Reader: bufio.NewReaderSize(nc, 16<<10), format: c.format, max: c.opts.MaxMessageBytes}, c.id)
	go conn.write()
	return conn, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	if c.opts.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opts.DialTimeout)
		defer cancel()
	}
	if c.opts.Dialer != nil {
		return c.opts.Dialer(ctx, c.target, c.opts.TLS)
	}
	return c.target.Dial(ctx, c.opts.TLS)
}

// Call sends the message that appendTo makes with an id, and returns the reply, which the caller owns; nil for a oneway call, once it
// was written. Errors are
// an *rpc.Error: of the network, of ctx, or what appendTo returned.
func (c *Client) Call(ctx context.Context, oneway bool, appendTo func(dst []byte, id uint64) ([]byte, error)) ([]byte, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	id, answer := conn.add(oneway)
	msg, err := appendTo((*buf)[:0], id)
	if err == nil && len(msg) > c.opts.MaxMessageBytes {
		err = &rpc.Error{Code: rpc.CodeArgument, Outcome: rpc.OutcomeNotSent, Message: (&TooLong{Size: len(msg), Max: c.opts.MaxMessageBytes}).Error()}
	}
	if err != nil {
		conn.drop(id)
		return nil, err
	}
	written, err := conn.send(ctx, msg, oneway)
	if cap(msg) <= maxKept {
		*buf = msg[:0]
	}
	if err != nil {
		conn.drop(id)
		return nil, err
	}
	if oneway {
		return nil, conn.wait(ctx, written)
	}
	select {
	case r := <-answer:
		answers.Put(answer)
		return r.msg, r.err
	case <-ctx.Done():
		conn.drop(id)
		return nil, ended(ctx, rpc.OutcomeUnknown)
	}
}

// ended returns the error of a call whose context ended.
func ended(ctx context.Context, outcome rpc.Outcome) error {
	e := &rpc.Error{Code: rpc.CodeCanceled, Outcome: outcome, Message: ctx.Err().Error(), Cause: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Code = rpc.CodeTimeout
	}
	return e
}

// A clientConn is a connection of a client.
type clientConn struct {
	nc   net.Conn
	wake chan struct{} // there is something to write
	done chan struct{} // closed when the connection has failed

	mu      sync.Mutex
	last    uint64 // id
	pending map[uint64]chan reply
	err     *rpc.Error    // of the connection
	out     []byte        // what is to be written
	written chan struct{} // closed when out was written; nil if nobody waits for that
	room    chan struct{}
}

// A reply is what a call waits for.
type reply struct {
	msg []byte
	err error
}

// answers has channels on which nobody sends any more.
var answers = sync.Pool{New: func() any { return make(chan reply, 1) }}

func (c *clientConn) works() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil
}

// add returns the id of a new call.
func (c *clientConn) add(oneway bool) (uint64, chan reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	if oneway {
		return c.last, nil
	}
	answer := answers.Get().(chan reply)
	c.pending[c.last] = answer
	return c.last, answer
}

// drop forgets a call.
func (c *clientConn) drop(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// wait waits until a oneway call was written: whoever closes the client after that does not lose it.
func (c *clientConn) wait(ctx context.Context, written chan struct{}) error {
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ended(ctx, rpc.OutcomeUnknown)
	case <-c.done:
	}
	select {
	case <-written: // before
		return nil
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := *c.err
	return &e
}

// send queues a message. It waits while too much is queued. For a oneway call it returns what is closed when the message was written.
func (c *clientConn) send(ctx context.Context, msg []byte, oneway bool) (written chan struct{}, err error) {
	for {
		c.mu.Lock()
		if c.err != nil {
			e := *c.err
			c.mu.Unlock()
			e.Outcome = rpc.OutcomeNotSent
			return nil, &e
		}
		if len(c.out) <= maxQueued {
			c.out = append(c.out, msg...)
			if oneway {
				if c.written == nil {
					c.written = make(chan struct{})
				}
				written = c.written
			}
			c.mu.Unlock()
			select {
			case c.wake <- struct{}{}:
			default:
			}
			return written, nil
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-c.done:
		case <-ctx.Done():
			return nil, ended(ctx, rpc.OutcomeNotSent)
		}
	}
}

// write writes what is queued.
func (c *clientConn) write() {
	var spare []byte
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		c.mu.Lock()
		b, written := c.out, c.written
		c.out, c.written = spare[:0], nil
		if c.room != nil {
			close(c.room)
			c.room = nil
		}
		c.mu.Unlock()
		if len(b) == 0 {
			spare = b
			continue
		}
		if _, err := c.nc.Write(b); err != nil {
			c.fail(&rpc.Error{Code: rpc.CodeConnectionLost, Message: err.Error(), Cause: err})
			return
		}
		if written != nil {
			close(written)
		}
		if spare = nil; cap(b) <= maxKept {
			spare = b
		}
	}
}

// read hands replies to their calls.
func (c *clientConn) read(r *reader, id func([]byte) (uint64, bool)) {
	for {
		msg, err := r.next(func() {})
		if err != nil {
			e := &rpc.Error{Code: rpc.CodeConnectionLost, Message: "the server closed the connection", Cause: err}
			var long *TooLong
			var operation *net.OpError
			switch {
			case errors.As(err, &operation), errors.Is(err, io.ErrUnexpectedEOF):
				e.Message = err.Error()
			case errors.As(err, &long), !errors.Is(err, io.EOF):
				e.Code, e.Message = rpc.CodeProtocol, err.Error()
			}
			c.fail(e)
			return
		}
		n, isReply := id(msg)
		if !isReply {
			continue
		}
		c.mu.Lock()
		answer := c.pending[n]
		delete(c.pending, n)
		c.mu.Unlock()
		if answer != nil {
			answer <- reply{msg: msg}
		}
	}
}

// fail ends the connection. Calls that wait for replies fail with e.
func (c *clientConn) fail(e *rpc.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = e
	close(c.done)
	c.nc.SetDeadline(time.Unix(1, 0))
	c.nc.Close()
	for id, answer := range c.pending {
		x := *e
		answer <- reply{err: &x}
		delete(c.pending, id)
	}
}
