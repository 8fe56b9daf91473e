// Package msgio reads and writes whole messages over connections: it finds the end of each message,
// encodes and decodes the headers of THeader and TTHeader, and wraps connections in zlib and SASL.
// It knows nothing of what is in a message. Package transport is the public face: targets and
// listeners.
package msgio

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/thriftkit/thriftkit/wire"
)

const (
	firstChunk = 256       // bytes of a new connection's first chunk: many never say much
	bigChunk   = 32 << 10  // bytes of a busy connection's chunks
	keepChunk  = 256 << 10 // bytes of a chunk that a connection keeps which may rest
	trusted    = 64 << 10  // bytes that are allocated because a peer announces them
	evidence   = 8         // times as many as have come, else

	minSpare = 512 // bytes of a chunk that is gone on with

	maxEmptyReads = 100 // a stream may return nothing at times, but not for ever
)

// A Reader takes messages out of a stream. It reads in chunks and hands out parts of them
// without copying, so it never writes to a byte that it has handed out. Not for concurrent use.
type Reader struct {
	r        io.Reader
	framing  wire.Framing
	split    wire.Splitter // of Buffered
	maxBytes int

	buf  []byte // the current chunk; what lies between r0 and w0 is unread
	r0   int
	w0   int
	next int // bytes of the next chunk
	last int // bytes of the message that was taken last, which the next may have as well

	account *Account // nil: no Budget
	holds   bool     // buf counts in account

	spare []byte // what was left of a chunk when a message came that was longer; no byte of it was handed out
}

// NewReader returns a Reader that refuses messages of more than maxBytes. Before Recv it needs
// Start; Peek works without.
func NewReader(r io.Reader, maxBytes int) *Reader {
	return &Reader{r: r, maxBytes: maxBytes, next: firstChunk}
}

// Charge makes the memory for long messages count in a, which may be nil; Discharge gives it back when nothing is read any more.
func (r *Reader) Charge(a *Account) { r.account = a }

// Discharge ends what Charge began.
func (r *Reader) Discharge() {
	if r.holds {
		r.holds = false
		r.account.drop()
	}
}

// Start says how messages follow each other; split is needed for Buffered.
func (r *Reader) Start(f wire.Framing, split wire.Splitter) {
	if r.framing, r.split = f, split; f.HasHeader() {
		r.maxBytes += maxEnvelope
	}
}

// maxEnvelope is how many bytes a header dialect may have beside a message.
const maxEnvelope = 4*0xffff + 32

// Unread returns the number of bytes that have come and were not handed out yet.
func (r *Reader) Unread() int { return r.w0 - r.r0 }

// Peeked returns the bytes that have come and were not handed out yet. They are valid until the next call.
func (r *Reader) Peeked() []byte { return r.buf[r.r0:r.w0] }

// Refused returns what has come of a message for which Recv returned an error, without the length of a frame. It is valid until the
// next call.
func (r *Reader) Refused() []byte {
	b := r.Peeked()
	if r.framing != wire.Buffered && len(b) >= 4 {
		b = b[4:]
	}
	return b
}

// Peek returns the next n bytes, or fewer and the error that ended them, and leaves them to be
// read. They are valid until the next call.
func (r *Reader) Peek(n int) ([]byte, error) {
	for r.Unread() < n {
		if err := r.fill(n); err != nil {
			return r.buf[r.r0:r.w0], err
		}
	}
	return r.buf[r.r0 : r.r0+n], nil
}

// skip drops the next n bytes, which have come.
func (r *Reader) skip(n int) { r.r0 += n }

// Recv returns the next message; in a header dialect the frame that it is in. The caller owns
// it. The error is io.EOF if the stream ends between messages, io.ErrUnexpectedEOF if it ends
// inside one, a *wire.Error if it cannot be
// understood, and otherwise what the stream said; after a timeout of the stream, Recv may be
// called again and goes on where it was.
func (r *Reader) Recv() ([]byte, error) {
	for {
		n, need, err := r.message()
		if err != nil {
			return nil, err
		}
		if n >= 0 {
			return r.take(n), nil
		}
		if err := r.fill(need); err != nil {
			if errors.Is(err, io.EOF) && r.Unread() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// Next is Recv without reading: it returns nil if no whole message has come yet.
func (r *Reader) Next() ([]byte, error) {
	n, _, err := r.message()
	if n < 0 || err != nil {
		return nil, err
	}
	return r.take(n), nil
}

// message returns the length of the next message, the frame's header dropped, or -1 and how
// many bytes must be there before it is worth while to look again.
func (r *Reader) message() (n, need int, err error) {
	if r.framing == wire.Buffered {
		n, need, err := r.split.Split(r.buf[r.r0:r.w0])
		if n == 0 {
			n = -1
		}
		return n, need, err
	}
	for {
		if r.Unread() < 4 {
			return -1, 4, nil
		}
		n := int64(int32(binary.BigEndian.Uint32(r.buf[r.r0:])))
		switch {
		case n < 0:
			return 0, 0, wire.Errorf(0, wire.ErrInvalid, "frame of %d bytes", n)
		case n > int64(r.maxBytes):
			return 0, 0, wire.Errorf(0, wire.ErrTooLarge, "frame of %d bytes, at most %d are accepted", n, r.maxBytes)
		case int64(r.Unread()) < 4+n:
			return -1, 4 + int(n), nil
		}
		r.r0 += 4
		if n > 0 && r.framing == wire.FramedTHeader {
			inner := int64(-4)
			if n >= 4 {
				inner = int64(binary.BigEndian.Uint32(r.buf[r.r0:]))
			}
			if inner != n-4 {
				return 0, 0, wire.Errorf(4, wire.ErrInvalid, "a frame of %d bytes around one of %d", n, max(0, inner))
			}
			r.r0, n = r.r0+4, inner
		}
		if n > 0 { // an empty frame is legal and means nothing
			return int(n), 0, nil
		}
	}
}

func (r *Reader) take(n int) []byte {
	msg := r.buf[r.r0 : r.r0+n : r.r0+n]
	r.r0 += n
	if r.holds { // the message belongs to its call now
		if rest := r.Unread(); rest == 0 {
			r.Discharge()
		} else {
			r.account.restart(rest)
		}
	}
	if r.last = n; r.r0 == r.w0 && len(r.buf) > keepChunk { // the connection may rest now, and does not keep a long message
		r.buf, r.r0, r.w0 = nil, 0, 0
	}
	return msg
}

// fill reads once. need is how many unread bytes the caller waits for: room for them is made
// at once up to the trusted size, or to some times what has come, above it only as fast as they
// come.
func (r *Reader) fill(need int) error {
	if r.w0 == len(r.buf) || r.r0 > 0 && r.r0+need > len(r.buf) {
		if err := r.grow(need); err != nil {
			return err
		}
	}
	for range maxEmptyReads {
		n, err := r.r.Read(r.buf[r.w0:])
		r.w0 += n
		if n > 0 {
			return r.charge()
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// charge makes the chunk count as long as there is something unread in it, if it is no short one, and tells how much has come.
func (r *Reader) charge() error {
	switch {
	case r.holds:
		r.account.came.Store(int64(r.Unread()))
	case r.account != nil && len(r.buf) > bigChunk:
		if err := r.account.take(len(r.buf), r.Unread()); err != nil {
			return err
		}
		r.holds = true
	}
	return nil
}

// grow starts a new chunk with the unread bytes of the old one. It at least doubles what has
// come, because need may be no more than the next byte. A long message gets a chunk of its own, which
// is no longer than it; the old one is then gone on with. It fails if the Budget is used up and this is the slowest.
func (r *Reader) grow(need int) error {
	have := r.Unread()
	if have > 0 {
		need = max(need, r.last)
	}
	if have == 0 && len(r.spare) >= min(need, minSpare) {
		r.buf, r.r0, r.w0, r.spare = r.spare, 0, 0, nil
		return nil
	}
	room := max(r.next, min(need, max(trusted, evidence*have)), 2*have)
	if r.account != nil && room > bigChunk {
		if err := r.account.take(room, have); err != nil {
			r.holds = false
			return err
		}
		r.holds = true
	} else {
		r.Discharge()
	}
	if room == need && len(r.buf)-r.r0 >= minSpare && len(r.buf) <= keepChunk {
		r.spare = r.buf[r.r0:]
	}
	chunk := make([]byte, room)
	copy(chunk, r.buf[r.r0:r.w0])
	r.buf, r.r0, r.w0 = chunk, 0, have
	r.next = min(2*r.next, bigChunk)
	return nil
}

// IsTimeout reports whether err is a timeout of the stream, so that Recv may be called again.
func IsTimeout(err error) bool {
	if err == nil {
		return false
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// TooLarge is the error for a message of our own above the limit.
func TooLarge(n, max int) error {
	return wire.Errorf(-1, wire.ErrTooLarge, "message of %d bytes exceeds the limit of %d", n, max)
}
