package rpc

import "net"

// outQueue holds messages that wait to be written: short ones one behind the other in one
// buffer, long ones as they are, so that they are not copied.
type outQueue struct {
	pieces net.Buffers
	owned  []*[]byte // buffers of long messages, to be used again when they are written
	open   bool      // short messages go behind the last piece
	spare  outBatch  // written, for the next take
	small  []byte    // a buffer for short messages
}

// outBatch is what is written at once.
type outBatch struct {
	pieces net.Buffers
	all    net.Buffers // the memory of pieces, which writing consumes
	owned  []*[]byte
	small  []byte
}

const (
	longMessage = 16 << 10  // bytes from which on a message is not copied
	keepSmall   = 256 << 10 // bytes of a buffer for short messages that is used again
)

func (q *outQueue) empty() bool { return len(q.pieces) == 0 }

// add puts the message in buf behind the others and takes buf.
func (q *outQueue) add(buf *[]byte, s *scratch) {
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
	s.putBuffer(buf)
}

// pushFront puts bytes in front of the others.
func (q *outQueue) pushFront(b []byte) {
	q.pieces = append(q.pieces, nil)
	copy(q.pieces[1:], q.pieces)
	q.pieces[0] = b
	if len(q.pieces) == 1 {
		q.open = false
	}
}

// take returns all that is there and leaves nothing.
func (q *outQueue) take() outBatch {
	b := outBatch{pieces: q.pieces, all: q.pieces, owned: q.owned, small: q.small}
	q.pieces, q.owned, q.small, q.open = q.spare.all[:0], q.spare.owned[:0], q.spare.small[:0], false
	q.spare = outBatch{}
	return b
}

// writeTo writes b; n is how much of it was written, and what is left is in b.
func (b *outBatch) writeTo(nc net.Conn) (n int, err error) {
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

// putBack puts what is left of b in front of what has come since. Its buffers are not used again.
func (q *outQueue) putBack(b outBatch) {
	q.pieces = append(append(net.Buffers(nil), b.pieces...), q.pieces...)
}

// done takes back the memory of b, which was written.
func (q *outQueue) done(b outBatch, s *scratch) {
	for i, buf := range b.owned {
		b.owned[i] = nil
		s.putBuffer(buf)
	}
	clear(b.all)
	if cap(b.small) > keepSmall {
		b.small = nil
	}
	q.spare = b
}
