package clientconn

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// Datagrams carries calls over UDP, each in a datagram, and so are replies. Nothing is sent twice, and nobody notices that a
// datagram was lost but the caller whose time is over. It may be used by any number of goroutines.
type Datagrams struct {
	opts Options

	mu      sync.Mutex
	closed  bool
	sock    *socket // nil: none, or none any more
	sockets uint64  // that there were
	seq     int32   // of the last call
	pending map[int32]chan<- answered
}

// A socket is what a Datagrams sends and receives by.
type socket struct {
	net.Conn
	id uint64
}

// answered is what comes of a call: a reply, or an error.
type answered struct {
	reply Reply
	err   error
}

// NewDatagrams returns a Datagrams for the server to which opts.Dial makes sockets.
func NewDatagrams(opts Options) *Datagrams {
	return &Datagrams{opts: opts, pending: make(map[int32]chan<- answered)}
}

// Connect makes a socket: whether there is a server nobody can say.
func (d *Datagrams) Connect(ctx context.Context) error {
	_, err := d.connected(ctx)
	return err
}

// unanswered is how long a call without a deadline waits for its reply.
const unanswered = 10 * time.Second

// Call sends f and waits for its reply; for none if f is oneway. A call without a deadline waits for 10 seconds. The error is one of
// this package's or the context's.
func (d *Datagrams) Call(f *Pending) error {
	ctx, stop := f.context()
	defer stop()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, unanswered)
		defer cancel()
	}
	sock, err := d.connected(ctx)
	if err != nil {
		return err
	}
	f.Conn = sock.id
	var done chan answered
	if !f.Oneway {
		done = make(chan answered, 1)
	}
	f.seq = d.enter(done)
	if !f.Oneway {
		defer d.leave(f.seq)
	}
	msg, err := f.encode(nil, d.opts.Protocol)
	switch most := min(d.opts.MaxMessageBytes, msgio.MaxDatagram); {
	case err != nil:
	case len(msg) > msgio.MaxDatagram:
		err = msgio.DatagramTooLarge(len(msg))
	case len(msg) > most:
		err = msgio.TooLarge(len(msg), most)
	}
	if err != nil {
		return &ArgumentError{err}
	}
	f.Sent = len(msg)
	if _, err := sock.Write(msg); err != nil { // it may be what came of an earlier datagram
		if _, err = sock.Write(msg); err != nil {
			return &NotSentError{err}
		}
	}
	if f.Oneway {
		return nil
	}
	select {
	case a := <-done:
		f.Reply, f.Received = a.reply, len(a.reply.Message)
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enter returns a sequence id for a call whose reply goes to done, if that is not nil.
func (d *Datagrams) enter(done chan<- answered) int32 {
	const positive = 1<<31 - 1
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		d.seq = (d.seq + 1) & positive
		if d.pending[d.seq] == nil {
			break
		}
	}
	if done != nil {
		d.pending[d.seq] = done
	}
	return d.seq
}

func (d *Datagrams) leave(seq int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, seq)
}

// connected returns the socket, which it makes if there is none.
func (d *Datagrams) connected(ctx context.Context) (*socket, error) {
	d.mu.Lock()
	sock, closed, id := d.sock, d.closed, d.sockets+1
	d.mu.Unlock()
	switch {
	case closed:
		return nil, &NotSentError{ErrClosed}
	case sock != nil:
		return sock, nil
	}
	c, err := d.opts.Dial(ctx, id)
	if err != nil {
		if d.opts.Observer != nil {
			d.opts.Observer.ConnFailed(err)
		}
		return nil, &NotSentError{err}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch { // meanwhile
	case d.closed:
		c.Close()
		return nil, &NotSentError{ErrClosed}
	case d.sock != nil:
		c.Close()
		return d.sock, nil
	}
	d.sockets++
	d.sock = &socket{c.Conn, d.sockets}
	if d.opts.Observer != nil {
		d.opts.Observer.ConnOpened(d.sock.id, c)
	}
	go d.receive(d.sock)
	return d.sock, nil
}

// receive hands replies to their callers until the socket fails. It may fail because nobody listens where it sends to: then
// the calls that wait fail, and the next one gets another socket.
func (d *Datagrams) receive(sock *socket) {
	buf := make([]byte, 1<<16)
	for {
		n, err := sock.Read(buf)
		if err != nil {
			d.fail(sock, err)
			return
		}
		msg := append([]byte(nil), buf[:n]...)
		h, _, err := d.opts.Protocol.ConsumeHeader(msg)
		if err != nil {
			continue // whatever it is, no reply
		}
		d.mu.Lock()
		done := d.pending[h.SeqID]
		delete(d.pending, h.SeqID)
		d.mu.Unlock()
		if done != nil { // else it came twice, or too late
			done <- answered{reply: Reply{Message: msg, Protocol: d.opts.Protocol}}
		}
	}
}

// fail ends the socket, and the calls that wait.
func (d *Datagrams) fail(sock *socket, err error) {
	sock.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	reported := err
	if d.closed {
		err, reported = ErrClosed, nil
	} else {
		err = fmt.Errorf("the server cannot be reached: %w", err)
	}
	for seq, done := range d.pending {
		done <- answered{err: err}
		delete(d.pending, seq)
	}
	if d.sock == sock {
		d.sock = nil
	}
	if d.opts.Observer != nil {
		d.opts.Observer.ConnClosed(sock.id, reported)
	}
}

// Close closes the socket. Pending calls fail with ErrClosed.
func (d *Datagrams) Close() {
	d.mu.Lock()
	d.closed = true
	sock := d.sock
	d.mu.Unlock()
	if sock != nil {
		sock.Close()
	}
}
