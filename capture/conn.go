package capture

import (
	"net/netip"
	"time"
)

// A Conn is a connection whose bytes are known without packets, such as one that a proxy passes on. Not for concurrent use, and
// neither are its Assembler and the other Conns of that.
type Conn struct{ c *conn }

// Conn returns a connection between two addresses. Close ends it.
func (a *Assembler) Conn(client, server netip.AddrPort) *Conn {
	key := connKey{a: client, b: server}
	if old := a.conns[key]; old != nil {
		a.remove(old)
	}
	c := a.newConn(key)
	c.pairing.client = 0
	for i := range c.halves {
		c.halves[i].begin(0, true)
	}
	return &Conn{c}
}

// Request takes bytes that the client sent at a time. It does not keep b.
func (c *Conn) Request(b []byte, at time.Time) { c.add(0, b, at) }

// Reply takes bytes that the server sent at a time. It does not keep b.
func (c *Conn) Reply(b []byte, at time.Time) { c.add(1, b, at) }

func (c *Conn) add(dir int, b []byte, at time.Time) {
	a := c.c.a
	a.now = max(a.now, at.UnixNano())
	c.c.lastSeen = a.now
	a.lru.touch(c.c)
	c.c.halves[dir].stream.data(b, mark{time: at.UnixNano()})
	if a.buffered > a.opts.MaxBufferedBytes {
		a.shrink()
	}
}

// Close ends the connection: calls without a reply are emitted.
func (c *Conn) Close() {
	if c.c.a.conns[c.c.key] == c.c {
		c.c.halves[0].done, c.c.halves[1].done = true, true
		c.c.a.remove(c.c)
	}
}
