package serverconn

import "time"

// reply makes the reply to a call that ran in place. flush sends it.
func (c *Conn) reply(in Call) (err error) {
	if c.queue.ordered && c.queue.busy.Load() {
		return c.replyInOrder(in)
	}
	if c.write.buf == nil {
		c.write.buf = c.group.buffers.Get()
		c.write.replies = (*c.write.buf)[:0]
	}
	c.write.replies, err = in.AppendReply(c.write.replies)
	return err
}

// flush writes the replies that are ready. It returns the error of this or an earlier write.
func (c *Conn) flush() (err error) {
	if c.write.buf != nil {
		*c.write.buf = c.write.replies
		err = c.send(c.write.replies)
		c.group.buffers.Put(c.write.buf)
		c.write.buf, c.write.replies = nil, nil
	}
	if c.queue.busy.Load() {
		err = c.flushQueue()
	}
	return err
}

// send writes b.
func (c *Conn) send(b []byte) error {
	c.write.mu.Lock()
	defer c.write.mu.Unlock()
	return c.sendLocked(b)
}

// sendLocked is send with writeMu. After an error nothing is written any more: the peer would not
// understand it.
func (c *Conn) sendLocked(b []byte) error {
	if c.write.err != nil || len(b) == 0 {
		return c.write.err
	}
	if now, d := time.Now(), c.group.WriteTimeout; d > 0 && !c.write.bound.Holds(now, d) {
		c.nc.SetWriteDeadline(c.write.bound.Set(now, d))
	}
	_, c.write.err = c.out.Write(b)
	return c.write.err
}
