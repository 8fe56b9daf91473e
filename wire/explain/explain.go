// Package explain names the parts of messages byte by byte, for people who look at what went over
// a connection: every range of bytes with what it is and what it says, by the names of a schema
// where there is one.
//
// It reads binary and compact in whatever a connection puts around them: frames, THeader,
// TTHeader, requests and responses of HTTP. Messages of JSON, which explain themselves, and
// payloads that are compressed are one range each.
package explain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/header"
	"github.com/thriftkit/thriftkit/wire/ttheader"
)

// A Range is some bytes and what they are. The ranges of a text follow each other without a gap.
type Range struct {
	Start, End int
	Depth      int    // how deep in structs and containers; 0 is the message itself
	Name       string // such as "frame length", "username (field 1, string)"
	Value      string // as text; "" where the name says it all
}

// Options say what is known beforehand. The zero value explains any stream, without names.
type Options struct {
	// Method returns the method of that name, without a service in front, or nil; nil knows none.
	Method func(name string) *schema.Method
	// Protocol is what bare messages are in, such as "compact"; "" finds it out from each.
	Protocol string
	// MaxRanges bounds the result; 0 means 10 000. What is beyond is one range more.
	MaxRanges int
}

// Stream explains what went over a connection in one direction: any number of messages, one after
// the other. The error, a *wire.Error, says where it could not go on; the ranges up to there are
// returned nevertheless, with one for the rest.
func Stream(data []byte, o Options) ([]Range, error) {
	return run(data, o, (*explainer).stream)
}

// Value explains a struct alone, without a message around it, in the protocol of the options,
// binary or compact; desc may be nil.
func Value(data []byte, desc *schema.Struct, o Options) ([]Range, error) {
	return run(data, o, func(x *explainer) {
		x.compact = o.Protocol == "compact"
		x.structure(desc, 0)
		if x.err == nil && x.off < len(x.src) {
			x.fail(wire.ErrInvalid, "unexpected bytes after the struct: %d", len(x.src)-x.off)
		}
	})
}

func run(data []byte, o Options, f func(*explainer)) ([]Range, error) {
	if o.MaxRanges <= 0 {
		o.MaxRanges = 10_000
	}
	x := &explainer{src: data, opts: o}
	f(x)
	if x.full && x.mark < len(data) {
		x.out = append(x.out, Range{x.mark, len(data), 0, "more", strconv.Itoa(len(data)-x.mark) + " bytes"})
		return x.out, nil
	}
	if x.mark < len(data) { // there is an error
		x.out = append(x.out, Range{x.mark, len(data), 0, "not understood", strconv.Itoa(len(data)-x.mark) + " bytes"})
	}
	return x.out, x.err
}

// An explainer reads src. After an error, or when there are enough ranges, nothing is read any more.
type explainer struct {
	src  []byte
	opts Options
	off  int // of what is read next
	mark int // up to where there are ranges
	out  []Range
	err  error
	full bool

	compact bool
	bigEnd  bool // compact version 2: doubles the other way round
}

func (x *explainer) done() bool { return x.err != nil || x.full }

// add makes a range of what was read since the last one.
func (x *explainer) add(depth int, name, format string, args ...any) {
	if x.done() || x.off == x.mark {
		return
	}
	if len(x.out) >= x.opts.MaxRanges {
		x.full = true
		return
	}
	value := format
	if len(args) > 0 {
		value = fmt.Sprintf(format, args...)
	}
	x.out = append(x.out, Range{x.mark, x.off, depth, name, value})
	x.mark = x.off
}

func (x *explainer) fail(cause error, format string, args ...any) {
	if x.err == nil {
		x.err = wire.Errorf(x.off, cause, format, args...)
	}
}

// take reads n bytes; nil, after an error, if there are fewer.
func (x *explainer) take(n int) []byte {
	if x.done() {
		return nil
	}
	if n < 0 || n > len(x.src)-x.off {
		x.err = wire.Truncated(len(x.src))
		return nil
	}
	b := x.src[x.off : x.off+n]
	x.off += n
	return b
}

func (x *explainer) byte() byte {
	if b := x.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (x *explainer) u16() uint16 {
	if b := x.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (x *explainer) u32() uint32 {
	if b := x.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (x *explainer) varint() uint64 {
	if x.done() {
		return 0
	}
	v, n := binary.Uvarint(x.src[x.off:])
	if n <= 0 {
		if n == 0 {
			x.err = wire.Truncated(len(x.src))
		} else {
			x.fail(wire.ErrInvalid, "a number of more than 64 bits")
		}
		return 0
	}
	x.off += n
	return v
}

func (x *explainer) stream() {
	for x.off < len(x.src) && !x.done() {
		x.unit()
	}
}

// unit explains what comes next on a connection.
func (x *explainer) unit() {
	rest := x.src[x.off:]
	if isHTTP(rest) {
		x.http()
		return
	}
	d, ok := detect.Bytes(rest, wire.DefaultMaxMessageBytes)
	switch {
	case x.opts.Protocol != "" && !ok || x.opts.Protocol != "" && !d.Framed && d.Envelope == detect.None:
		x.message(x.opts.Protocol)
	case !ok:
		x.fail(wire.ErrInvalid, "no dialect begins with % x", rest[:min(len(rest), 8)])
	case d.Envelope == detect.THeader:
		if d.Framed {
			x.frame()
		}
		x.theader()
	case d.Envelope == detect.TTHeader:
		x.ttheader()
	case d.Envelope == detect.SASL:
		x.fail(wire.ErrInvalid, "a negotiation by SASL, which is not explained")
	case d.Framed:
		if end, ok := x.frame(); ok {
			x.enclosed(d.Protocol, end)
		}
	default:
		x.message(d.Protocol)
	}
}

// frame explains the length of a frame and returns where the frame ends.
func (x *explainer) frame() (end int, ok bool) {
	n := x.u32()
	x.add(0, "frame length", "%d", n)
	if x.done() {
		return 0, false
	}
	if int64(n) > int64(len(x.src)-x.off) {
		x.err = wire.Truncated(len(x.src))
		return 0, false
	}
	return x.off + int(n), true
}

// isHTTP reports whether b begins a request by POST or a response.
func isHTTP(b []byte) bool {
	return bytes.HasPrefix(b, []byte("POST ")) || bytes.HasPrefix(b, []byte("HTTP/1."))
}

// http explains a request or a response with the length of its body in its head.
func (x *explainer) http() {
	head := bytes.Index(x.src[x.off:], []byte("\r\n\r\n"))
	if head < 0 {
		x.err = wire.Truncated(len(x.src))
		return
	}
	text := string(x.take(head + 4))
	line, fields, _ := strings.Cut(text, "\r\n")
	x.add(0, "HTTP", "%s", quoted([]byte(line)))
	length, chunked := len(x.src)-x.off, false
	for field := range strings.SplitSeq(fields, "\r\n") {
		name, value, _ := strings.Cut(field, ":")
		if strings.EqualFold(name, "Content-Length") {
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 0 {
				length = n
			}
		}
		chunked = chunked || strings.EqualFold(name, "Transfer-Encoding") && strings.EqualFold(strings.TrimSpace(value), "chunked")
	}
	if chunked {
		x.chunked()
		return
	}
	end := x.off + length
	if end > len(x.src) || end < x.off {
		x.err = wire.Truncated(len(x.src))
		return
	}
	x.httpBody(end)
}

// httpBody explains the body of a request or a response, up to end.
func (x *explainer) httpBody(end int) {
	body := x.src[x.off:end]
	if len(body) == 0 {
		return
	}
	switch d, ok := detect.Bytes(body, wire.DefaultMaxMessageBytes); {
	case ok && !d.Framed && d.Envelope == detect.None:
		x.enclosed(d.Protocol, end)
		return
	case ok && !d.Framed && d.Envelope == detect.THeader:
		x.theader()
		return
	}
	x.off = end
	x.add(0, "body", "%s", quoted(body))
}

// chunked explains a body that comes in chunks (RFC 9112, section 7.1): what they are together, and the lines between them.
func (x *explainer) chunked() {
	type chunk struct{ at, from int } // where its first byte is in x.src, and in the body
	var chunks []chunk
	var body []byte
	off := x.off
	line := func() (string, bool) {
		n := bytes.Index(x.src[off:], []byte("\r\n"))
		if n < 0 {
			x.err = wire.Truncated(len(x.src))
			return "", false
		}
		text := string(x.src[off : off+n])
		off += n + 2
		return text, true
	}
	for {
		text, ok := line()
		if !ok {
			return
		}
		digits, _, _ := strings.Cut(text, ";")
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 31)
		if err != nil {
			x.fail(wire.ErrInvalid, "%s is no length of a chunk", quoted([]byte(text)))
			return
		}
		if n == 0 {
			break
		}
		if int64(n)+2 > int64(len(x.src)-off) {
			x.err = wire.Truncated(len(x.src))
			return
		}
		chunks = append(chunks, chunk{off, len(body)})
		body = append(body, x.src[off:off+int(n)]...)
		if off += int(n); string(x.src[off:off+2]) != "\r\n" {
			x.off = off
			x.fail(wire.ErrInvalid, "no end of line after a chunk")
			return
		}
		off += 2
	}
	for text := "-"; text != ""; { // fields after the last chunk
		var ok bool
		if text, ok = line(); !ok {
			return
		}
	}
	inner := &explainer{src: body, opts: x.opts}
	inner.httpBody(len(body))
	place := func(i int) int { // of a byte of the body in x.src
		n := sort.Search(len(chunks), func(n int) bool { return chunks[n].from > i }) - 1
		return chunks[n].at + i - chunks[n].from
	}
	for _, r := range inner.out {
		if x.off = place(r.Start); x.off > x.mark {
			x.add(0, "chunk", "%s", quoted(bytes.TrimSpace(x.src[x.mark:x.off])))
		}
		x.off = place(r.End-1) + 1
		x.add(r.Depth, r.Name, "%s", r.Value)
	}
	if x.err, x.full = inner.err, x.full || inner.full; x.done() {
		return
	}
	x.off = off
	x.add(0, "end of the chunks", "")
}

func (x *explainer) theader() {
	end, ok := x.frame()
	if !ok {
		return
	}
	frame := x.src[x.off:end]
	f, payload, err := header.NewCodec().Parse(frame, wire.DefaultMaxMessageBytes)
	if err != nil {
		x.err = err
		return
	}
	size := x.fixed()
	x.take(size)
	value := fmt.Sprintf("protocol %d", f.Protocol)
	if len(f.Transforms) > 0 {
		value += fmt.Sprintf(", transforms %v", f.Transforms)
	}
	x.add(0, "header", "%s%s%s", value, pairs(f.Info), pairs(f.Persistent))
	if len(f.Transforms) > 0 {
		x.take(end - x.off)
		x.add(0, "payload", "transformed; %d bytes when undone", len(payload))
		return
	}
	x.enclosed(sealed(f.Protocol), end)
}

// fixed explains what THeader and TTHeader begin with, and returns the size of the header that follows.
func (x *explainer) fixed() int {
	magic, flags := x.u16(), x.u16()
	x.add(0, "magic and flags", "%#04x, %d", magic, flags)
	x.add2("sequence id", x.u32())
	words := int(x.u16())
	x.add(0, "header size", "%d words", words)
	return words * 4
}

func (x *explainer) add2(name string, v uint32) { x.add(0, name, "%d", int32(v)) }

func (x *explainer) ttheader() {
	end, ok := x.frame()
	if !ok {
		return
	}
	f, _, err := ttheader.Parse(x.src[x.off:end])
	if err != nil {
		x.err = err
		return
	}
	x.take(x.fixed())
	ints := make(map[string]string)
	for k, v := range f.Ints {
		ints[strconv.Itoa(int(k))] = v
	}
	x.add(0, "header", "protocol %d%s%s", f.Protocol, pairs(ints), pairs(f.Strings))
	if f.Framed {
		x.add2("payload length", x.u32())
	}
	name := "binary"
	if f.Protocol == ttheader.Compact || f.Protocol == ttheader.CompactV2 {
		name = "compact"
	}
	x.enclosed(name, end)
}

func sealed(protocol uint32) string {
	if protocol == header.Compact {
		return "compact"
	}
	return "binary"
}

// enclosed explains a message that ends at end.
func (x *explainer) enclosed(name string, end int) {
	if x.done() {
		return
	}
	whole := x.src
	x.src = whole[:end]
	x.message(name)
	if !x.done() && x.off < end {
		x.fail(wire.ErrInvalid, "unexpected bytes after the message: %d", end-x.off)
	}
	x.src = whole
}

// message explains a message that has nothing around it.
func (x *explainer) message(name string) {
	switch name {
	case "binary", "compact":
		x.compact = name == "compact"
		x.bare()
	default:
		x.text(name)
	}
}

// text explains a message of JSON.
func (x *explainer) text(name string) {
	p, err := protocol.ByName(name)
	if err != nil {
		x.fail(wire.ErrInvalid, "%v", err)
		return
	}
	n, _, err := p.NewSplitter(wire.DefaultMaxMessageBytes).Split(x.src[x.off:])
	switch {
	case err != nil:
		x.err = err
	case n == 0:
		x.err = wire.Truncated(len(x.src))
	default:
		b := x.take(n)
		x.add(0, "message", "%s", quoted(b))
	}
}

// bare explains a binary or compact message: its header and the struct that it carries.
func (x *explainer) bare() {
	var h wire.Header
	if x.compact {
		h = x.compactHeader()
	} else {
		h = x.binaryHeader()
	}
	x.structure(x.body(h), 0)
}

// body returns what a message with that header carries, nil if nobody knows.
func (x *explainer) body(h wire.Header) *schema.Struct {
	if h.Type == wire.Exception {
		return applicationException()
	}
	if x.opts.Method == nil {
		return nil
	}
	m := x.opts.Method(h.Name[strings.IndexByte(h.Name, ':')+1:])
	switch {
	case m == nil:
		return nil
	case h.Type == wire.Reply:
		return m.Reply()
	}
	return m.Args
}

// applicationException is what messages of the type exception carry.
func applicationException() *schema.Struct {
	return &schema.Struct{Name: "TApplicationException", Fields: []*schema.Field{
		{ID: 1, Name: "message", Type: schema.Base(schema.KindString)},
		{ID: 2, Name: "type", Type: schema.Base(schema.KindI32)},
	}}
}

func (x *explainer) binaryHeader() (h wire.Header) {
	first := x.u32()
	if first>>31 == 1 {
		if first>>16 != 0x8001 {
			x.off -= 4
			x.fail(wire.ErrInvalid, "version %#x", first>>16)
			return h
		}
		h.Type = wire.MessageType(first & 0xff)
		x.add(0, "version and type", "binary, %s", h.Type)
		h.Name = string(x.take(int(x.u32())))
		x.add(0, "method", "%s", strconv.Quote(h.Name))
	} else {
		h.Name = string(x.take(int(first)))
		x.add(0, "method", "%s", strconv.Quote(h.Name))
		h.Type = wire.MessageType(x.byte())
		x.add(0, "type", "old binary, %s", h.Type)
	}
	h.SeqID = int32(x.u32())
	x.add(0, "sequence id", "%d", h.SeqID)
	return h
}

func (x *explainer) compactHeader() (h wire.Header) {
	id, second := x.byte(), x.byte()
	if id != 0x82 && !x.done() {
		x.off -= 2
		x.fail(wire.ErrInvalid, "protocol %#02x, not 0x82", id)
		return h
	}
	h.Type = wire.MessageType(second >> 5)
	x.bigEnd = second&0x1f == 2
	x.add(0, "version and type", "compact %d, %s", second&0x1f, h.Type)
	h.SeqID = int32(uint32(x.varint()))
	x.add(0, "sequence id", "%d", h.SeqID)
	h.Name = string(x.take(x.size()))
	x.add(0, "method", "%s", strconv.Quote(h.Name))
	return h
}

// size reads a length of compact.
func (x *explainer) size() int {
	n := x.varint()
	if n > 1<<31-1 {
		x.fail(wire.ErrInvalid, "a length of %d", n)
		return 0
	}
	return int(n)
}

// pairs returns names and values for the value of a range.
func pairs(m map[string]string) string {
	var b strings.Builder
	for _, k := range sortedKeys(m) {
		fmt.Fprintf(&b, ", %s=%s", quoteIfNeeded(k), quoted([]byte(m[k])))
	}
	return b.String()
}
