package clientconn

import (
	"runtime"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// A writeHalf is what a connection knows of writing, guarded by the connection's mutex. While
// somebody writes, all others leave their messages in the queue.
type writeHalf struct {
	queue       writeQueue
	active      bool     // somebody writes
	owner       *Pending // the call whose caller writes, nil also while a goroutine does
	interrupted bool     // a write deadline was set, to make the owner give up
	resumes     bool     // an interrupted write can be continued with the rest
}

// writeMessage sends the message in buf, which it takes, together with what others have to send. mu is
// held when it is called, and not when it returns. If somebody writes already, it only queues the
// message. When f gives up while the server does not read, a goroutine writes the rest, so that
// the stream stays whole; wait then notices that f gave up.
func (c *Conn) writeMessage(f *Pending, buf *[]byte) error {
	if c.write.active {
		c.write.queue.add(buf, c.pool.opts.Buffers)
		c.mu.Unlock()
		return nil
	}
	if c.write.active = true; !c.write.resumes && f.canEnd() {
		c.write.queue.add(buf, c.pool.opts.Buffers)
		c.mu.Unlock()
		return c.writeInBackground(f)
	}
	c.write.owner = f
	var n int
	var err error
	if alone := c.pending.n <= 1; alone {
		c.mu.Unlock()
		n, err = c.writeAlone(buf)
	} else {
		c.write.queue.add(buf, c.pool.opts.Buffers)
		c.mu.Unlock()
		// Callers that have just got their replies are about to call again: their messages go
		// along, in the same write.
		runtime.Gosched()
		n, err = c.writeQueued()
	}
	if err == nil {
		return nil
	}
	return c.interruptedWrite(f, n, err)
}

// writeAlone writes the message in buf without copying it, and then what was queued meanwhile. n is
// how much of all that was written.
func (c *Conn) writeAlone(buf *[]byte) (n int, err error) {
	n, err = c.nc.Write(*buf)
	c.mu.Lock()
	if err != nil {
		c.write.queue.pushFront((*buf)[n:])
		c.mu.Unlock()
		return n, err
	}
	c.pool.opts.Buffers.Put(buf)
	if c.write.queue.empty() {
		c.stopWritingLocked()
		c.unlock()
		return n, nil
	}
	c.mu.Unlock()
	m, err := c.writeQueued()
	return n + m, err
}

// interruptedWrite handles the error of a write of which n bytes went out.
func (c *Conn) interruptedWrite(f *Pending, n int, err error) error {
	c.mu.Lock()
	c.write.owner = nil
	c.mu.Unlock()
	if !msgio.IsTimeout(err) {
		if n == 0 {
			err = &NotSentError{err}
		}
		return err
	}
	c.pool.run(func() {
		if _, err := c.writeQueued(); err != nil {
			c.fail(err)
		}
	})
	if f.Oneway {
		return errGaveUp{contextError(f.ctx)}
	}
	return nil
}

// writeInBackground writes the queue on a goroutine: f may give up, and the write must not, because
// a partial write could not be continued and would end the other calls of the connection. A
// oneway call waits for the end of the write as long as it may.
func (c *Conn) writeInBackground(f *Pending) error {
	written := make(chan error, 1)
	entered := !f.Oneway // f may be another call by the time the write ends
	c.pool.run(func() {
		n, err := c.writeQueued()
		if err != nil && n == 0 {
			c.failUnsent(err, entered)
			err = &NotSentError{err}
		} else if err != nil {
			c.fail(err)
		}
		written <- err
	})
	if entered {
		return nil
	}
	ctx, cancel := f.context()
	defer cancel()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return errGaveUp{contextError(ctx)}
	}
}

// failUnsent is fail after a write of which nothing went out. entered says that the call which was to
// be written is pending: if it is the only one, it may use another connection. Other pending calls
// may have been sent.
func (c *Conn) failUnsent(err error, entered bool) {
	c.mu.Lock()
	alone := entered && c.pending.n == 1
	c.mu.Unlock()
	if alone {
		err = &NotSentError{err}
	}
	c.fail(err)
}

// writeQueued writes until the queue is empty, or puts the rest back for whoever continues. n is how
// much was written; the caller's own message was at the front.
func (c *Conn) writeQueued() (n int, err error) {
	c.mu.Lock()
	defer c.unlock()
	if c.write.interrupted && c.write.owner == nil {
		c.nc.SetWriteDeadline(time.Time{})
		c.write.interrupted = false
		c.closeIfDrainedLocked() // bounds the write if nobody waits any more
	}
	for !c.write.queue.empty() {
		batch := c.write.queue.take()
		c.mu.Unlock()
		m, err := batch.writeTo(c.nc)
		c.mu.Lock()
		n += m
		if err != nil {
			c.write.queue.putBack(batch)
			return n, err
		}
		c.write.queue.done(batch, c.pool.opts.Buffers)
	}
	c.stopWritingLocked()
	return n, nil
}

func (c *Conn) stopWritingLocked() {
	c.write.active, c.write.owner = false, nil
	if c.write.interrupted {
		c.nc.SetWriteDeadline(time.Time{})
		c.write.interrupted = false
	}
	c.closeIfDrainedLocked()
}
