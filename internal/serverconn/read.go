package serverconn

import "github.com/thriftkit/thriftkit/internal/msgio"

// AwaitMessage waits, as long as the connection may rest, for the first byte of a message.
func (c *Conn) AwaitMessage() error {
	if c.read.r.Unread() == 0 {
		c.SetReadDeadline(c.group.IdleTimeout)
		for {
			_, err := c.read.r.Peek(1)
			if err == nil {
				return nil
			}
			if !msgio.IsTimeout(err) || c.is(connDraining) || !c.queue.busy.Load() {
				return err
			}
			c.read.bound = TimeBound{} // it does not rest while calls are under way
			c.SetReadDeadline(c.group.IdleTimeout)
		}
	}
	return nil
}

// loop answers calls until the connection ends, or until the watchdog has given the reading to another
// goroutine: then it returns true when the handler that took so long has returned.
func (c *Conn) loop() (offloaded bool, err error) {
	in := c.codec.NewCall()
	var msg []byte
	for {
		if msg == nil {
			if msg, err = c.recv(); err != nil {
				c.refuse(err)
				return false, err
			}
		}
		if !c.read.begun.Load() {
			c.read.begun.Store(true)
		}
		if err := in.Decode(msg); err != nil {
			c.flush()
			return false, err
		}
		slow := in.Slow()
		if slow != nil && slow.Load() > 0 {
			c.spawn(in, slow)
			in = c.codec.NewCall()
		} else {
			c.run.slow = slow
			turn := c.run.turn.Load() + 1 // which is odd: a handler runs
			c.run.turn.Store(turn)
			if !c.run.watched.Load() {
				c.group.watch(c)
			}
			in.Execute()
			if !c.run.turn.CompareAndSwap(turn, turn+1) {
				c.complete(in, c.offloadedReply(turn))
				return true, nil
			}
			if err := c.reply(in); err != nil {
				c.flush()
				return false, err
			}
		}
		// What has arrived together is answered together.
		if msg, err = c.read.r.Next(); err != nil {
			c.refuse(err)
			c.flush()
			return false, err
		}
		c.read.follows = msg != nil
		const much = 64 << 10
		if msg == nil || len(c.write.replies) >= much {
			if err := c.flush(); err != nil {
				return false, err
			}
		}
		if c.queue.busy.Load() {
			c.awaitCapacity()
			c.read.follows = false
		}
	}
}

// Follows reports whether the message that is being decoded was there already when the one before it was answered, and nothing was
// waited for since. It is for [Call.Decode].
func (c *Conn) Follows() bool { return c.read.follows }

// refuse answers a message that cannot be read to its end, if it is a call.
func (c *Conn) refuse(err error) {
	if in := c.codec.Refuse(c.read.r.Refused(), err); in != nil && c.reply(in) == nil {
		c.flush()
		c.read.lingers = true
	}
}

// recv returns the next message. What has arrived is taken even when the connection is to end.
func (c *Conn) recv() ([]byte, error) {
	if err := c.AwaitMessage(); err != nil {
		return nil, err
	}
	if msg, err := c.read.r.Next(); msg != nil || err != nil {
		return msg, err
	}
	c.SetReadDeadline(c.group.ReadTimeout)
	return c.read.r.Recv()
}
