// Package ttheader reads and writes the frames of TTHeader, the header transport of Kitex
// (CloudWeGo, "Transport Protocol TTHeader"). It resembles THeader, but its numbers have fixed
// widths and it has infos of its own.
package ttheader

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// The protocols of payloads.
const (
	Binary    = 0
	Compact   = 2
	CompactV2 = 3
)

// The flags.
const (
	OutOfOrder = 1 // the sender takes answers in any order
)

// Keys of Frame.Ints that have a meaning here; Kitex has more (pkg/remote/transmeta).
const (
	TransportType = 1 // "framed" or "unframed": whether the payload has its length in front
	FromService   = 3
	ToService     = 6
	ToMethod      = 9
	Timeout       = 12 // of the call, in milliseconds
	MessageType   = 22
)

// Keys of Frame.Strings that have a meaning.
const (
	ServiceName = "isn"   // the service that is called, where several share a port
	RemoteAddr  = "rip"   // the address of the sender
	CloseSoon   = "crrst" // the sender will close the connection

	// A business error: the message has an empty result, and these say what happened.
	Status        = "biz-status"  // a number; 0 is none
	StatusMessage = "biz-message" // for people
	StatusExtra   = "biz-extra"   // a JSON object of strings

	Transient  = "RPC_TRANSIT_" // before names for the receiver
	Persistent = "RPC_PERSIST_" // before names for the receiver and those that it calls
	token      = Transient + "gdpr-token"
)

// The infos of a header.
const (
	infoPadding = 0
	infoStrings = 0x01
	infoInts    = 0x10
	infoToken   = 0x11
)

const (
	magic     = 0x1000
	fixedSize = 10 // of a frame: magic, flags, sequence id, size of the header
	maxHeader = 0xffff * 4
	maxString = 0xffff
)

// A Frame is what a frame has before its payload. The access token (info 0x11) is the
// string RPC_TRANSIT_gdpr-token, as in Kitex.
type Frame struct {
	Flags    uint16
	SeqID    int32
	Protocol uint8
	Framed   bool // the payload has its length in front
	Ints     map[uint16]string
	Strings  map[string]string
}

// Begin appends the frame's header. The payload goes after it, and End completes both. The
// error is wire.ErrTooLarge if there is too much in f.
func (f *Frame) Begin(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0) // the frame's length
	dst = binary.BigEndian.AppendUint16(dst, magic)
	dst = binary.BigEndian.AppendUint16(dst, f.Flags)
	dst = binary.BigEndian.AppendUint32(dst, uint32(f.SeqID))
	dst = append(dst, 0, 0, f.Protocol, 0) // the header's size, the protocol, no transforms
	dst, err := f.appendInfos(dst)
	size := len(dst) - start - 4 - fixedSize
	for ; size%4 != 0; size++ {
		dst = append(dst, 0)
	}
	if err == nil && size > maxHeader {
		err = wire.Errorf(-1, wire.ErrTooLarge, "a header of %d bytes, at most %d fit a frame", size, maxHeader)
	}
	if err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint16(dst[start+12:], uint16(size/4))
	if f.Framed {
		dst = append(dst, 0, 0, 0, 0)
	}
	return dst, nil
}

func (f *Frame) appendInfos(dst []byte) ([]byte, error) {
	count := len(f.Strings)
	if t, ok := f.Strings[token]; ok {
		count--
		dst = append(dst, infoToken)
		if len(t) > maxString {
			return dst, tooLong(token, t)
		}
		dst = appendString(dst, t)
	}
	if count > 0 {
		dst = binary.BigEndian.AppendUint16(append(dst, infoStrings), uint16(count))
		for k, v := range f.Strings {
			if len(k) > maxString || len(v) > maxString {
				return dst, tooLong(k, v)
			}
			if k != token {
				dst = appendString(appendString(dst, k), v)
			}
		}
	}
	if len(f.Ints) > 0 {
		dst = binary.BigEndian.AppendUint16(append(dst, infoInts), uint16(len(f.Ints)))
		for k, v := range f.Ints {
			if len(v) > maxString {
				return dst, tooLong("", v)
			}
			dst = appendString(binary.BigEndian.AppendUint16(dst, k), v)
		}
	}
	return dst, nil
}

func tooLong(k, v string) error {
	return wire.Errorf(-1, wire.ErrTooLarge, "the name %.40q with a value of %d bytes, at most %d fit", k, len(v), maxString)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// End completes the frame that Begin started when dst had the length start; the payload begins
// at payload.
func (f *Frame) End(dst []byte, start, payload int) {
	if f.Framed {
		binary.BigEndian.PutUint32(dst[payload-4:], uint32(len(dst)-payload))
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
}

// Parse reads a frame, without the length before it, and returns its payload, a part of
// src, without the length that that may have.
func Parse(src []byte) (*Frame, []byte, error) {
	if len(src) < fixedSize {
		return nil, nil, wire.Truncated(len(src))
	}
	if binary.BigEndian.Uint16(src) != magic {
		return nil, nil, wire.Errorf(0, wire.ErrInvalid, "not a frame of TTHeader: it starts with % x", src[:2])
	}
	f := &Frame{Flags: binary.BigEndian.Uint16(src[2:]), SeqID: int32(binary.BigEndian.Uint32(src[4:]))}
	size := int(binary.BigEndian.Uint16(src[8:])) * 4
	switch {
	case size > len(src)-fixedSize:
		return nil, nil, wire.Errorf(8, wire.ErrInvalid, "a header of %d bytes in a frame that has %d more", size, len(src)-fixedSize)
	case size < 2:
		return nil, nil, wire.Errorf(8, wire.ErrInvalid, "a header of %d bytes", size)
	}
	r := reader{src: src[:fixedSize+size], off: fixedSize + 2}
	f.Protocol = src[fixedSize]
	if n := src[fixedSize+1]; n > 0 {
		return nil, nil, wire.Errorf(fixedSize+1, wire.ErrInvalid, "%d transforms, TTHeader has none", n)
	}
	if err := f.parse(&r); err != nil {
		return nil, nil, err
	}
	return f.payload(src, fixedSize+size)
}

// payload returns what follows the header, which ends at off. Whether it has a length in front
// is seen from the length itself: no message starts with the number of the bytes after it.
func (f *Frame) payload(src []byte, off int) (*Frame, []byte, error) {
	payload := src[off:]
	if len(payload) < 4 || payload[0] >= 0x80 {
		return f, payload, nil
	}
	if n := binary.BigEndian.Uint32(payload); int64(n) != int64(len(payload)-4) {
		return nil, nil, wire.Errorf(off, wire.ErrInvalid, "a payload that says it has %d bytes and has %d", n, len(payload)-4)
	}
	f.Framed = true
	return f, payload[4:], nil
}

func (f *Frame) parse(r *reader) error {
	for r.err == nil && r.off < len(r.src) {
		r.off++
		switch info := r.src[r.off-1]; info {
		case infoPadding:
		case infoStrings:
			f.strings(r)
		case infoInts:
			f.ints(r)
		case infoToken:
			t := r.string()
			f.setString(token, t)
		default:
			return wire.Errorf(r.off-1, wire.ErrInvalid, "an info of type %#x", info)
		}
	}
	return r.err
}

func (f *Frame) setString(k, v string) {
	if f.Strings == nil {
		f.Strings = make(map[string]string)
	}
	f.Strings[k] = v
}

func (f *Frame) strings(r *reader) {
	for range r.count() {
		k := r.string()
		v := r.string()
		if r.err != nil {
			return
		}
		f.setString(k, v)
	}
}

func (f *Frame) ints(r *reader) {
	for range r.count() {
		k := r.uint16()
		v := r.string()
		if r.err != nil {
			return
		}
		if f.Ints == nil {
			f.Ints = make(map[uint16]string)
		}
		f.Ints[k] = v
	}
}

// reader reads a header; after an error everything it returns is zero.
type reader struct {
	src []byte
	off int
	err error
}

func (r *reader) uint16() uint16 {
	if r.err == nil && len(r.src)-r.off < 2 {
		r.err = wire.Truncated(len(r.src))
	}
	if r.err != nil {
		return 0
	}
	r.off += 2
	return binary.BigEndian.Uint16(r.src[r.off-2:])
}

// count reads how many pairs follow. Each takes four bytes at least.
func (r *reader) count() int {
	n := int(r.uint16())
	if r.err == nil && n > (len(r.src)-r.off)/4 {
		r.err = wire.Errorf(r.off-2, wire.ErrInvalid, "%d names in a header that has %d more bytes", n, len(r.src)-r.off)
		return 0
	}
	return n
}

func (r *reader) string() string {
	n := int(r.uint16())
	if r.err == nil && n > len(r.src)-r.off {
		r.err = wire.Errorf(r.off-2, wire.ErrInvalid, "a string of %d bytes in a header that has %d more", n, len(r.src)-r.off)
	}
	if r.err != nil {
		return ""
	}
	r.off += n
	return string(r.src[r.off-n : r.off])
}
