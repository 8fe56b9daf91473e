package serverconn

import "time"

// reply makes the reply to a call that ran in place. flush sends it.
func (c *Conn) reply(in Call) (err error) {
	if c.queue.ordered && c.queue.busy.Load() {
		return c.replyInOrder(in)
	}
	if c.replyBuf == nil {
		c.replyBuf = c.group.buffers.Get()
		c.replies = (*c.replyBuf)[:0]
	}
	c.replies, err = in.AppendReply(c.replies)
	return err
}

// flush writes the replies that are ready. It returns the error of this or an earlier write.
func (c *Conn) flush() (err error) {
	if c.replyBuf != nil {
		*c.replyBuf = c.replies
		err = c.send(c.replies)
		c.group.buffers.Put(c.replyBuf)
		c.replyBuf, c.replies = nil, nil
	}
	if c.queue.busy.Load() {
		err = c.flushQueue()
	}
	return err
}

// send writes b.
func (c *Conn) send(b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	return c.sendLocked(b)
}

// sendLocked is send with writeMu. After an error nothing is written any more: the peer would not
// understand it.
func (c *Conn) sendLocked(b []byte) error {
	if c.writeErr != nil || len(b) == 0 {
		return c.writeErr
	}
	if now, d := time.Now(), c.group.WriteTimeout; d > 0 && !c.writeBound.Holds(now, d) {
		c.nc.SetWriteDeadline(c.writeBound.Set(now, d))
	}
	_, c.writeErr = c.out.Write(b)
	return c.writeErr
}
