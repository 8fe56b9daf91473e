// Package pcapfile reads captured packets from files: pcap, the format of tcpdump (draft-ietf-opsawg-pcap), in both
// byte orders and with microseconds or nanoseconds, pcapng, the format of Wireshark (draft-ietf-opsawg-pcapng), and
// either of them compressed by gzip. It writes pcap.
package pcapfile

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxPacketBytes is how long a packet in a file may be, as captured. Wireshark writes at most 256 KiB for all links that
// are read here.
const MaxPacketBytes = 1 << 20

// maxBlockBytes bounds the other blocks of pcapng: those with secrets are the longest.
const maxBlockBytes = 16 << 20

// A Packet is one packet of a file.
type Packet struct {
	Time   time.Time // zero if the file says nothing
	Link   int       // the link-layer type (LINKTYPE_ of tcpdump.org): what Data begins with
	Data   []byte    // what was captured; valid until the next call of Next
	Length int       // what was on the wire: at least len(Data)
}

// An Error says at which byte of a file, after decompression, it cannot be understood.
type Error struct {
	Offset  int64
	Message string
	Cause   error // io.ErrUnexpectedEOF if the file ends early; else nil
}

// Error returns "at byte 24: …".
func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Message) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// A Reader reads packets from a file. Not for concurrent use.
type Reader struct {
	// OnSecrets, if not nil, is called with the decryption secrets that a pcapng file holds: kind is 0x544c534b for a
	// key log of TLS. It must not keep data.
	OnSecrets func(kind uint32, data []byte)

	r     *bufio.Reader
	off   int64
	order binary.ByteOrder

	// pcap
	link int
	fine bool // nanoseconds

	// pcapng
	ng         bool
	interfaces []ngInterface
}

type ngInterface struct {
	link    int
	snaplen uint32
	perSec  uint64 // units of a time stamp
	offset  int64  // seconds, added to each
}

const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d

	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete, and still found
	blockSimple    = 3
	blockEnhanced  = 6
	blockSecrets   = 10
	byteOrderMagic = 0x1a2b3c4d
)

// SecretsTLS is the kind of secrets that are a key log of TLS, as SSLKEYLOGFILE names one.
const SecretsTLS = 0x544c534b

// NewReader returns a Reader of r, which begins with the header of a file. The error is an *Error if that is no capture.
func NewReader(r io.Reader) (*Reader, error) {
	b := bufio.NewReaderSize(r, MaxPacketBytes+1<<10)
	first, err := b.Peek(4)
	if err == nil && first[0] == 0x1f && first[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &Error{Message: "gzip: " + err.Error()}
		}
		b = bufio.NewReaderSize(z, MaxPacketBytes+1<<10)
		first, err = b.Peek(4)
		if err != nil {
			return nil, startError(first, err)
		}
	}
	if len(first) < 4 {
		return nil, startError(first, err)
	}
	f := &Reader{r: b}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(first) {
		case magicMicro, magicNano:
			f.order, f.fine = order, order.Uint32(first) == magicNano
			return f, f.header()
		case blockSection: // the same in both orders
			f.ng = true
			return f, f.section()
		}
	}
	return nil, &Error{Message: fmt.Sprintf("not a capture: the file begins with % x (pcap, pcapng and both in gzip can be read)", first)}
}

func startError(first []byte, err error) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if len(first) == 0 {
		return &Error{Message: "the capture is empty", Cause: io.ErrUnexpectedEOF}
	}
	return &Error{Message: fmt.Sprintf("not a capture: the file has %d bytes", len(first)), Cause: io.ErrUnexpectedEOF}
}

// take returns the next n bytes, which stay where they are until the next take.
func (f *Reader) take(n int, what string) ([]byte, error) {
	b, err := f.r.Peek(n)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, &Error{Offset: f.off, Message: "the file ends inside " + what, Cause: io.ErrUnexpectedEOF}
		}
		return nil, fmt.Errorf("at byte %d: %w", f.off, err)
	}
	f.r.Discard(n) // they stay in the buffer
	f.off += int64(n)
	return b, nil
}

func (f *Reader) atEnd() bool {
	_, err := f.r.Peek(1)
	return errors.Is(err, io.EOF)
}

func (f *Reader) header() error {
	h, err := f.take(24, "the file header")
	if err != nil {
		return err
	}
	if major := f.order.Uint16(h[4:]); major != 2 {
		return &Error{Offset: 4, Message: fmt.Sprintf("version %d of pcap cannot be read (only 2)", major)}
	}
	f.link = int(f.order.Uint32(h[20:]) & 0x0fffffff) // above: the length of the frame check sequence
	return nil
}

// Next returns the next packet. The error is io.EOF at the end, and an *Error where the file cannot be understood.
func (f *Reader) Next() (Packet, error) {
	if f.ng {
		return f.nextBlock()
	}
	if f.atEnd() {
		return Packet{}, io.EOF
	}
	h, err := f.take(16, "a packet header")
	if err != nil {
		return Packet{}, err
	}
	p := Packet{Link: f.link, Length: int(f.order.Uint32(h[12:]))}
	sec, frac, n := int64(f.order.Uint32(h)), int64(f.order.Uint32(h[4:])), f.order.Uint32(h[8:])
	if !f.fine {
		frac *= 1000
	}
	p.Time = time.Unix(sec, frac)
	if n > MaxPacketBytes {
		return Packet{}, &Error{Offset: f.off - 8, Message: fmt.Sprintf("a packet of %d bytes (at most %d can be read)", n, MaxPacketBytes)}
	}
	if p.Data, err = f.take(int(n), "a packet"); err != nil {
		return Packet{}, err
	}
	p.Length = max(p.Length, len(p.Data))
	return p, nil
}

// section reads a section header block, which says in which order the bytes of what follows are.
func (f *Reader) section() error {
	h, err := f.take(12, "a section header")
	if err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(h[8:]) == byteOrderMagic:
		f.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h[8:]) == byteOrderMagic:
		f.order = binary.BigEndian
	default:
		return &Error{Offset: f.off - 4, Message: fmt.Sprintf("a section header with % x in place of the byte order", h[8:12])}
	}
	n := f.order.Uint32(h[4:])
	if n < 28 || n%4 != 0 || n > maxBlockBytes {
		return &Error{Offset: f.off - 8, Message: fmt.Sprintf("a section header of %d bytes", n)}
	}
	at := f.off
	body, err := f.body(int(n) - 12)
	if err != nil {
		return err
	}
	if major := f.order.Uint16(body); major != 1 {
		return &Error{Offset: at, Message: fmt.Sprintf("version %d of pcapng cannot be read (only 1)", major)}
	}
	f.interfaces = f.interfaces[:0]
	return nil
}

// body returns the n bytes of a block that may be longer than the buffer.
func (f *Reader) body(n int) ([]byte, error) {
	if n <= f.r.Size() {
		return f.take(n, "a block")
	}
	at := f.off
	var all []byte
	for n > 0 { // memory grows as the bytes come
		part, err := f.take(min(n, 64<<10), "a block")
		if err != nil {
			return nil, &Error{Offset: at, Message: "the file ends inside a block", Cause: io.ErrUnexpectedEOF}
		}
		all = append(all, part...)
		n -= len(part)
	}
	return all, nil
}

func (f *Reader) nextBlock() (Packet, error) {
	for {
		if f.atEnd() {
			return Packet{}, io.EOF
		}
		at := f.off
		h, err := f.r.Peek(8)
		if err != nil {
			_, err := f.take(8, "a block header")
			return Packet{}, err
		}
		kind := f.order.Uint32(h)
		if kind == blockSection {
			if err := f.section(); err != nil {
				return Packet{}, err
			}
			continue
		}
		n := f.order.Uint32(h[4:])
		if n < 12 || n%4 != 0 || n > maxBlockBytes {
			return Packet{}, &Error{Offset: at + 4, Message: fmt.Sprintf("a block of %d bytes", n)}
		}
		b, err := f.body(int(n))
		if err != nil {
			return Packet{}, err
		}
		if end := f.order.Uint32(b[n-4:]); end != n {
			return Packet{}, &Error{Offset: at + int64(n) - 4, Message: fmt.Sprintf("a block of %d bytes ends with the length %d", n, end)}
		}
		p, ok, err := f.block(kind, b[8:n-4], at+8)
		if err != nil || ok {
			return p, err
		}
	}
}

// block reads a block, and reports whether it is a packet.
func (f *Reader) block(kind uint32, b []byte, at int64) (Packet, bool, error) {
	short := func(what string) (Packet, bool, error) {
		return Packet{}, false, &Error{Offset: at, Message: fmt.Sprintf("%s of %d bytes is too short", what, len(b))}
	}
	switch kind {
	case blockInterface:
		if len(b) < 8 {
			return short("an interface block")
		}
		i := ngInterface{link: int(f.order.Uint16(b)), snaplen: f.order.Uint32(b[4:]), perSec: 1e6}
		f.options(b[8:], func(code uint16, v []byte) {
			switch {
			case code == 9 && len(v) > 0: // if_tsresol
				i.perSec = resolution(v[0])
			case code == 14 && len(v) >= 8: // if_tsoffset
				i.offset = int64(f.order.Uint64(v))
			}
		})
		f.interfaces = append(f.interfaces, i)
	case blockEnhanced, blockPacket:
		if len(b) < 20 {
			return short("a packet block")
		}
		id := f.order.Uint32(b)
		if kind == blockPacket {
			id = uint32(f.order.Uint16(b))
		}
		if int(id) >= len(f.interfaces) {
			return Packet{}, false, &Error{Offset: at, Message: fmt.Sprintf("a packet of interface %d, of which there are %d", id, len(f.interfaces))}
		}
		i := &f.interfaces[id]
		stamp := uint64(f.order.Uint32(b[4:]))<<32 | uint64(f.order.Uint32(b[8:]))
		n := f.order.Uint32(b[12:])
		if int64(n) > int64(len(b)-20) {
			return Packet{}, false, &Error{Offset: at + 12, Message: fmt.Sprintf("a packet of %d bytes in a block of %d", n, len(b))}
		}
		p := Packet{Time: i.time(stamp), Link: i.link, Data: b[20 : 20+n], Length: int(f.order.Uint32(b[16:]))}
		p.Length = max(p.Length, len(p.Data))
		return p, true, nil
	case blockSimple:
		if len(b) < 4 {
			return short("a packet block")
		}
		if len(f.interfaces) == 0 {
			return Packet{}, false, &Error{Offset: at, Message: "a packet without an interface"}
		}
		i := &f.interfaces[0]
		n := f.order.Uint32(b)
		data := b[4:]
		if i.snaplen > 0 && uint32(len(data)) > i.snaplen {
			data = data[:i.snaplen]
		}
		if uint32(len(data)) > n { // the rest is padding
			data = data[:n]
		}
		return Packet{Link: i.link, Data: data, Length: int(n)}, true, nil
	case blockSecrets:
		if len(b) < 8 {
			return short("a block of secrets")
		}
		kind, n := f.order.Uint32(b), f.order.Uint32(b[4:])
		if int64(n) > int64(len(b)-8) {
			return Packet{}, false, &Error{Offset: at + 4, Message: fmt.Sprintf("secrets of %d bytes in a block of %d", n, len(b))}
		}
		if f.OnSecrets != nil {
			f.OnSecrets(kind, b[8:8+n])
		}
	}
	return Packet{}, false, nil
}

// options calls take with each option of a block.
func (f *Reader) options(b []byte, take func(code uint16, v []byte)) {
	for len(b) >= 4 {
		code, n := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		if b = b[4:]; code == 0 || n > len(b) {
			return
		}
		take(code, b[:n])
		b = b[min((n+3)&^3, len(b)):]
	}
}

// resolution returns the units a second of if_tsresol: a negative power of 10, or of 2 if the first bit is set.
func resolution(v byte) uint64 {
	base, power := uint64(10), min(v&0x7f, 19)
	if v&0x80 != 0 {
		base, power = 2, min(v&0x7f, 63)
	}
	n := uint64(1)
	for range power {
		n *= base
	}
	return n
}

func (i *ngInterface) time(stamp uint64) time.Time {
	sec, rest := stamp/i.perSec, stamp%i.perSec
	var nano uint64
	switch {
	case i.perSec <= 1e9:
		nano = rest * 1e9 / i.perSec
	default:
		nano = uint64(float64(rest) / float64(i.perSec) * 1e9)
	}
	return time.Unix(int64(sec)+i.offset, int64(min(nano, 999_999_999)))
}
