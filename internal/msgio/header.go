package msgio

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
	"github.com/thriftkit/thriftkit/wire/ttheader"
)

// An Envelope is what a header dialect has beside a message.
type Envelope struct {
	SeqID    int32
	Protocol string // of the message: binary, compact
	Reply    bool

	// Metadata. Transient is for the receiver, Persistent also for those that it calls.
	Transient, Persistent map[string]string

	Timeout         time.Duration // that the caller gives the call; 0 if it says nothing
	Service, Method string        // what is called, where the dialect says so (TTHeader)
	CloseSoon       bool          // the sender will close the connection (TTHeader)
	Status          *Status       // a business error in place of the result

	flags      uint16
	transforms []uint32
	framed     bool // TTHeader: the message has its length in front as well
}

// A Status is an error of the called program's own kind, as Kitex has it: the message has an
// empty result then.
type Status struct {
	Code    int32 // not 0
	Message string
	Extra   map[string]string
}

// Answer returns the envelope of the answer to a message that came in e: in the same protocol,
// with the same transforms.
func (e *Envelope) Answer() *Envelope {
	return &Envelope{SeqID: e.SeqID, Protocol: e.Protocol, Reply: true, flags: e.flags, transforms: e.transforms, framed: e.framed}
}

// OutOfOrder reports whether the sender of a call takes answers in any order: a flag of THeader
// (HEADER_FLAG_SUPPORT_OUT_OF_ORDER in Apache's HeaderFormat.md) and of Kitex's TTHeader.
func (e *Envelope) OutOfOrder() bool { return e.flags&1 != 0 }

// Form is what a message says of the way in which it was written, besides its protocol.
type Form struct {
	Flags      uint16
	Transforms []uint32 // of THeader, in the order in which they were applied
	Framed     bool     // of TTHeader: the message has its length in front as well
}

// Form returns how the message of e came.
func (e *Envelope) Form() Form { return Form{e.flags, e.transforms, e.framed} }

// SetForm makes e go out in the form f.
func (e *Envelope) SetForm(f Form) { e.flags, e.transforms, e.framed = f.Flags, f.Transforms, f.Framed }

// SetTransient adds a name and a value to the metadata for the receiver.
func (e *Envelope) SetTransient(name, value string) { put(&e.Transient, name, value) }

// SetPersistent adds a name and a value to the metadata for the receiver and those that it calls.
func (e *Envelope) SetPersistent(name, value string) { put(&e.Persistent, name, value) }

// A HeaderCodec decodes and encodes the envelopes of one dialect. It is safe for concurrent use.
type HeaderCodec struct {
	framing    wire.Framing
	codec      *header.Codec
	transforms []uint32 // of our own messages
	maxBytes   int
}

// NewHeaderCodec returns a HeaderCodec for messages of at most maxBytes; compression, "" for none, names
// the transform of what it sends first.
func NewHeaderCodec(f wire.Framing, codec *header.Codec, compression string, maxBytes int) (*HeaderCodec, error) {
	s := &HeaderCodec{framing: f, codec: codec, maxBytes: maxBytes}
	if compression != "" {
		id, err := codec.Named(compression)
		if err != nil {
			return nil, err
		}
		s.transforms = []uint32{id}
	}
	return s, nil
}

// Envelope returns an envelope for a call in the protocol called name.
func (s *HeaderCodec) Envelope(seq int32, protocol string) *Envelope {
	return &Envelope{SeqID: seq, Protocol: protocol, transforms: s.transforms}
}

// The numbers of protocols are the same in both dialects except for one.
var protocolNames = map[uint32]string{header.Binary: "binary", header.Compact: "compact"}

// ErrProtocol is the error of Decode for a message in a protocol that the dialect does not have;
// test with errors.Is.
var ErrProtocol = errors.New("unknown protocol in the header")

// Decode returns the envelope and the message in it. When the error is ErrProtocol there is an
// envelope nevertheless.
func (s *HeaderCodec) Decode(frame []byte) (*Envelope, []byte, error) {
	if s.framing == wire.TTHeader {
		return decodeTTHeader(frame)
	}
	f, msg, err := s.codec.Parse(frame, s.maxBytes)
	if err != nil {
		return nil, nil, err
	}
	e := &Envelope{
		SeqID: int32(f.SeqID), Protocol: protocolNames[f.Protocol], flags: f.Flags, transforms: f.Transforms,
		Transient: f.Info, Persistent: f.Persistent,
	}
	e.takeTimeout(clientTimeout)
	if err := e.takeStatus(); err != nil {
		return nil, nil, err
	}
	if e.Protocol == "" {
		err = fmt.Errorf("%w: %d", ErrProtocol, f.Protocol)
	}
	return e, msg, err
}

// clientTimeout is the name by which fbthrift's clients say how long they wait, in milliseconds.
const clientTimeout = "client_timeout"

func decodeTTHeader(frame []byte) (*Envelope, []byte, error) {
	f, msg, err := ttheader.Parse(frame)
	if err != nil {
		return nil, nil, err
	}
	e := &Envelope{SeqID: f.SeqID, flags: f.Flags, framed: f.Framed, Method: f.Ints[ttheader.ToMethod]}
	for k, v := range f.Strings {
		if name, ok := strings.CutPrefix(k, ttheader.Persistent); ok {
			e.SetPersistent(name, v)
		} else {
			e.SetTransient(strings.TrimPrefix(k, ttheader.Transient), v)
		}
	}
	e.Service = e.take(ttheader.ServiceName)
	e.CloseSoon = e.take(ttheader.CloseSoon) != ""
	if ms, err := strconv.ParseInt(f.Ints[ttheader.Timeout], 10, 32); err == nil && ms > 0 {
		e.Timeout = time.Duration(ms) * time.Millisecond
	}
	if err := e.takeStatus(); err != nil {
		return nil, nil, err
	}
	switch f.Protocol {
	case ttheader.Binary:
		e.Protocol = "binary"
	case ttheader.Compact, ttheader.CompactV2:
		e.Protocol = "compact"
	default:
		err = fmt.Errorf("%w: %d", ErrProtocol, f.Protocol)
	}
	return e, msg, err
}

func put(m *map[string]string, k, v string) {
	if *m == nil {
		*m = make(map[string]string)
	}
	(*m)[k] = v
}

// take removes a name that is not for the program from the metadata and returns its value.
func (e *Envelope) take(name string) string {
	v := e.Transient[name]
	delete(e.Transient, name)
	return v
}

func (e *Envelope) takeTimeout(name string) {
	if ms, err := strconv.ParseInt(e.Transient[name], 10, 32); err == nil && ms > 0 {
		e.Timeout = time.Duration(ms) * time.Millisecond
	}
	delete(e.Transient, name)
}

func (e *Envelope) takeStatus() error {
	code, message, extra := e.take(ttheader.Status), e.take(ttheader.StatusMessage), e.take(ttheader.StatusExtra)
	if code == "" || code == "0" {
		return nil
	}
	n, err := strconv.ParseInt(code, 10, 32)
	if err != nil {
		return wire.Errorf(-1, wire.ErrInvalid, "the business status %.40q in the header", code)
	}
	e.Status = &Status{Code: int32(n), Message: message}
	if extra != "" && json.Unmarshal([]byte(extra), &e.Status.Extra) != nil {
		return wire.Errorf(-1, wire.ErrInvalid, "the extra of a business status in the header: %.40q", extra)
	}
	return nil
}

// Begin appends what stands before the message; payload is where that is to begin.
func (s *HeaderCodec) Begin(dst []byte, e *Envelope) (out []byte, payload int, err error) {
	if s.framing == wire.TTHeader {
		f := e.ttheader()
		out, err = f.Begin(dst)
	} else {
		f := e.header()
		out, err = f.Begin(s.outer().Begin(dst))
	}
	return out, len(out), err
}

// End completes the envelope that Begin started when dst had the length start.
func (s *HeaderCodec) End(dst []byte, start, payload int, e *Envelope) ([]byte, error) {
	if s.framing == wire.TTHeader {
		f := ttheader.Frame{Framed: e.framed}
		f.End(dst, start, payload)
		return dst, nil
	}
	f := header.Frame{Transforms: e.transforms}
	outer := start
	if s.outer() == wire.Framed {
		start += 4
	}
	dst, err := f.End(dst, start, payload, s.codec)
	s.outer().End(dst, outer)
	return dst, err
}

// outer is how frames of THeader follow each other.
func (s *HeaderCodec) outer() wire.Framing {
	if s.framing == wire.FramedTHeader {
		return wire.Framed
	}
	return wire.Buffered
}

func (e *Envelope) header() *header.Frame {
	f := &header.Frame{Flags: e.flags, SeqID: uint32(e.SeqID), Transforms: e.transforms, Info: e.Transient, Persistent: e.Persistent}
	if e.Protocol == "compact" {
		f.Protocol = header.Compact
	}
	if e.Timeout > 0 || e.Status != nil {
		f.Info = maps.Clone(f.Info)
		if e.Timeout > 0 {
			put(&f.Info, clientTimeout, Milliseconds(e.Timeout))
		}
		e.putStatus(&f.Info)
	}
	return f
}

func (e *Envelope) ttheader() *ttheader.Frame {
	f := &ttheader.Frame{Flags: e.flags, SeqID: e.SeqID, Framed: e.framed}
	if e.Protocol == "compact" {
		f.Protocol = ttheader.Compact
	}
	transient := ttheader.Transient
	if e.Reply { // Kitex takes the names in replies as they are
		transient = ""
	}
	for k, v := range e.Transient {
		put(&f.Strings, transient+k, v)
	}
	for k, v := range e.Persistent {
		put(&f.Strings, ttheader.Persistent+k, v)
	}
	if e.CloseSoon {
		put(&f.Strings, ttheader.CloseSoon, "1")
	}
	if e.Service != "" {
		put(&f.Strings, ttheader.ServiceName, e.Service)
	}
	e.putStatus(&f.Strings)
	if e.Reply {
		return f
	}
	f.Ints = map[uint16]string{ttheader.MessageType: "1"}
	for k, v := range map[uint16]string{ttheader.ToService: e.Service, ttheader.ToMethod: e.Method} {
		if v != "" {
			f.Ints[k] = v
		}
	}
	if e.Timeout > 0 {
		f.Ints[ttheader.Timeout] = Milliseconds(e.Timeout)
	}
	return f
}

func (e *Envelope) putStatus(m *map[string]string) {
	if e.Status == nil {
		return
	}
	put(m, ttheader.Status, strconv.Itoa(int(e.Status.Code)))
	put(m, ttheader.StatusMessage, e.Status.Message)
	if len(e.Status.Extra) > 0 {
		extra, _ := json.Marshal(e.Status.Extra) // strings always can be
		put(m, ttheader.StatusExtra, string(extra))
	}
}

// Milliseconds returns d as peers want to read it. It rounds up: no timeout becomes none, and
// the called side never gives up before the caller.
func Milliseconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}
