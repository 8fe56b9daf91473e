package clientconn

import (
	"net"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// A writeQueue holds messages that wait to be written: short ones one after the other in one
// buffer, long ones as they are, so that they are not copied.
type writeQueue struct {
	pieces net.Buffers
	owned  []*[]byte  // buffers of long messages, to be reused when they are written
	open   bool       // the last piece takes more short messages
	spare  writeBatch // written, for the next take
	small  []byte     // the buffer of short messages
}

// A writeBatch is what is written at once.
type writeBatch struct {
	pieces net.Buffers
	all    net.Buffers // the memory of pieces, which writing consumes
	owned  []*[]byte
	small  []byte
}

const (
	longMessage = 16 << 10  // bytes from which on a message is not copied
	keepSmall   = 256 << 10 // a larger buffer for short messages is not reused
)

func (q *writeQueue) empty() bool { return len(q.pieces) == 0 }

// add appends the message in buf and takes buf.
func (q *writeQueue) add(buf *[]byte, s *msgio.Buffers) {
	if len(*buf) >= longMessage {
		q.pieces = append(q.pieces, *buf)
		q.owned = append(q.owned, buf)
		q.open = false
		return
	}
	if q.open {
		last := &q.pieces[len(q.pieces)-1]
		*last = append(*last, *buf...)
		q.small = *last
	} else {
		q.small = append(q.small[:len(q.small):cap(q.small)], *buf...)
		q.pieces = append(q.pieces, q.small[len(q.small)-len(*buf):])
		q.open = true
	}
	s.Put(buf)
}

// pushFront inserts bytes before the others.
func (q *writeQueue) pushFront(b []byte) {
	q.pieces = append(q.pieces, nil)
	copy(q.pieces[1:], q.pieces)
	q.pieces[0] = b
	if len(q.pieces) == 1 {
		q.open = false
	}
}

// take returns all messages and leaves none.
func (q *writeQueue) take() writeBatch {
	b := writeBatch{pieces: q.pieces, all: q.pieces, owned: q.owned, small: q.small}
	q.pieces, q.owned, q.small, q.open = q.spare.all[:0], q.spare.owned[:0], q.spare.small[:0], false
	q.spare = writeBatch{}
	return b
}

// writeTo writes b. It returns how many bytes were written; the rest stays in b.
func (b *writeBatch) writeTo(nc net.Conn) (n int, err error) {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		if len(b.pieces) > 1 {
			m, err := b.pieces.WriteTo(nc)
			return int(m), err
		}
	}
	for len(b.pieces) > 0 {
		m, err := nc.Write(b.pieces[0])
		n += m
		if err != nil {
			b.pieces[0] = b.pieces[0][m:]
			return n, err
		}
		b.pieces = b.pieces[1:]
	}
	return n, nil
}

// putBack returns the rest of b to the front of the queue. Its buffers are not reused.
func (q *writeQueue) putBack(b writeBatch) {
	q.pieces = append(append(net.Buffers(nil), b.pieces...), q.pieces...)
}

// done takes back the memory of b, which was written.
func (q *writeQueue) done(b writeBatch, s *msgio.Buffers) {
	for i, buf := range b.owned {
		b.owned[i] = nil
		s.Put(buf)
	}
	clear(b.all)
	if cap(b.small) > keepSmall {
		b.small = nil
	}
	q.spare = b
}
