// Package header reads and writes the frames of THeader, Apache Thrift's header transport (Apache
// Thrift, doc/specs/HeaderFormat.md; fbthrift speaks it as well). A frame has the message as its
// payload and before it names and values, the protocol of the payload, and the transforms
// that the payload went through.
package header

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// The protocols of payloads.
const (
	Binary  = 0
	JSON    = 1 // a number that only C++ knows, and no implementation writes
	Compact = 2 // the payload says in which version
)

// The blocks of a header.
const (
	infoKeyValue   = 1
	infoPersistent = 2 // fbthrift's: what a server sends on with its own calls
)

const (
	magic      = 0x0fff
	fixedSize  = 10         // of a frame: magic, flags, sequence id, size of the header
	maxHeader  = 0xffff * 4 // bytes that the size field can say
	maxEntries = 4096       // of one header
)

// MaxTransforms is how many transforms a payload may have gone through.
const MaxTransforms = 4

// A Frame is what a frame has before its payload.
type Frame struct {
	Flags      uint16
	SeqID      uint32
	Protocol   uint32
	Transforms []uint32          // as the sender applied them
	Info       map[string]string // for the receiver
	Persistent map[string]string // for the receiver and for those that it calls (fbthrift)
}

// Begin appends the frame's header. The payload goes after it, and End completes both. The
// error is wire.ErrTooLarge if there is too much in f.
func (f *Frame) Begin(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0) // the frame's length
	dst = binary.BigEndian.AppendUint16(dst, magic)
	dst = binary.BigEndian.AppendUint16(dst, f.Flags)
	dst = binary.BigEndian.AppendUint32(dst, f.SeqID)
	dst = append(dst, 0, 0) // the header's size
	dst = binary.AppendUvarint(dst, uint64(f.Protocol))
	dst = binary.AppendUvarint(dst, uint64(len(f.Transforms)))
	for _, id := range f.Transforms {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	dst = appendInfo(dst, infoKeyValue, f.Info)
	dst = appendInfo(dst, infoPersistent, f.Persistent)
	size := len(dst) - start - 4 - fixedSize
	for ; size%4 != 0; size++ {
		dst = append(dst, 0)
	}
	if size > maxHeader || len(f.Info) > maxEntries || len(f.Persistent) > maxEntries {
		return dst, wire.Errorf(-1, wire.ErrTooLarge, "a header of %d bytes and %d names, at most %d and %d fit a frame",
			size, len(f.Info)+len(f.Persistent), maxHeader, maxEntries)
	}
	binary.BigEndian.PutUint16(dst[start+12:], uint16(size/4))
	return dst, nil
}

func appendInfo(dst []byte, id byte, info map[string]string) []byte {
	if len(info) == 0 {
		return dst
	}
	dst = append(dst, id)
	dst = binary.AppendUvarint(dst, uint64(len(info)))
	for k, v := range info {
		dst = append(binary.AppendUvarint(dst, uint64(len(k))), k...)
		dst = append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	}
	return dst
}

// End completes the frame that Begin started when dst had the length start: it transforms the
// payload, which begins at payload, and fills in the length.
func (f *Frame) End(dst []byte, start, payload int, c *Codec) ([]byte, error) {
	for _, id := range f.Transforms {
		t := c.transform(id)
		if t == nil {
			return dst, wire.Errorf(-1, wire.ErrValue, "transform %d is not known", id)
		}
		buf := c.buffer()
		*buf = append((*buf)[:0], dst[payload:]...)
		var err error
		dst, err = t.Append(dst[:payload], *buf)
		c.putBuffer(buf)
		if err != nil {
			return dst, err
		}
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, nil
}

// Parse reads a frame, without the length before it, and returns the payload with its
// transforms undone; unless there were any, it is a part of src. It has at most maxBytes.
func (c *Codec) Parse(src []byte, maxBytes int) (*Frame, []byte, error) {
	if len(src) < fixedSize {
		return nil, nil, wire.Truncated(len(src))
	}
	if binary.BigEndian.Uint16(src) != magic {
		return nil, nil, wire.Errorf(0, wire.ErrInvalid, "not a frame of THeader: it starts with % x", src[:2])
	}
	f := &Frame{Flags: binary.BigEndian.Uint16(src[2:]), SeqID: binary.BigEndian.Uint32(src[4:])}
	size := int(binary.BigEndian.Uint16(src[8:])) * 4
	if size > len(src)-fixedSize {
		return nil, nil, wire.Errorf(8, wire.ErrInvalid, "a header of %d bytes in a frame that has %d more", size, len(src)-fixedSize)
	}
	r := reader{src: src[:fixedSize+size], off: fixedSize}
	if err := f.parse(&r); err != nil {
		return nil, nil, err
	}
	payload := src[fixedSize+size:]
	for i := len(f.Transforms) - 1; i >= 0; i-- {
		t := c.transform(f.Transforms[i])
		if t == nil {
			return nil, nil, wire.Errorf(fixedSize, wire.ErrInvalid, "transform %d is not known", f.Transforms[i])
		}
		var err error
		if payload, err = t.Undo(payload, maxBytes); err != nil {
			return nil, nil, err
		}
	}
	return f, payload, nil
}

func (f *Frame) parse(r *reader) error {
	f.Protocol = r.varint()
	n := r.varint()
	if n > MaxTransforms {
		return wire.Errorf(r.off, wire.ErrTooLarge, "%d transforms, at most %d are undone", n, MaxTransforms)
	}
	for range n {
		f.Transforms = append(f.Transforms, r.varint())
	}
	for r.err == nil && r.off < len(r.src) {
		switch r.varint() {
		case infoKeyValue:
			f.Info = r.info(f.Info)
		case infoPersistent:
			f.Persistent = r.info(f.Persistent)
		default: // padding, or a block that only its sender knows, and with it where it ends
			return r.err
		}
	}
	return r.err
}

// reader reads a header; after an error everything it returns is zero.
type reader struct {
	src []byte
	off int
	err error
}

func (r *reader) varint() uint32 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.src[r.off:])
	switch {
	case n == 0:
		r.err = wire.Truncated(len(r.src))
		return 0
	case n < 0 || n > 5 || v > 1<<32-1:
		r.err = wire.Errorf(r.off, wire.ErrInvalid, "a number of more than 32 bits")
		return 0
	}
	r.off += n
	return uint32(v)
}

func (r *reader) string() string {
	n := r.varint()
	if r.err != nil {
		return ""
	}
	if int64(n) > int64(len(r.src)-r.off) {
		r.err = wire.Errorf(r.off, wire.ErrInvalid, "a string of %d bytes in a header that has %d more", n, len(r.src)-r.off)
		return ""
	}
	s := string(r.src[r.off : r.off+int(n)])
	r.off += int(n)
	return s
}

// info adds the names and values of a block to into. Each takes two bytes at least.
func (r *reader) info(into map[string]string) map[string]string {
	n := r.varint()
	if r.err == nil && (int64(n) > int64(len(r.src)-r.off)/2 || n > maxEntries) {
		r.err = wire.Errorf(r.off, wire.ErrInvalid, "%d names in a header that has %d more bytes; at most %d are accepted", n, len(r.src)-r.off, maxEntries)
	}
	if r.err != nil {
		return into
	}
	if into == nil {
		into = make(map[string]string, n)
	}
	for range n {
		k := r.string()
		v := r.string()
		if r.err != nil {
			return into
		}
		into[k] = v
	}
	return into
}
