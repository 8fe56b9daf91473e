// Package json has the three forms in which Thrift travels as JSON.
//
// [Apache] is TJSON, the JSON protocol of Apache Thrift, which every one of its languages
// speaks. It tells fields by id and says the type of everything:
//
//	[1,"login",1,7,{"1":{"str":"root"},"2":{"lst":["i32",2,5,6]},"3":{"map":["str","i32",1,{"a":7}]}}]
//
// [ThriftPy2] is thriftpy2's TJSONProtocol, which has nothing in common with it. It tells fields
// by name, and needs the schema to be read. Four bytes with the length of the text, big-endian,
// stand in front, of a value alone too, whose metadata is only the version:
//
//	{"metadata": {"version": 1, "name": "login", "ttype": 1, "seqid": 7},
//	 "payload": {"name": "root", "ids": [5, 6], "counts": [{"key": "a", "value": 7}]}}
//
// [Simple] is what TSimpleJSONProtocol of Apache's Java writes for scripts to read. We read it
// too, by the schema:
//
//	["login",1,7,{"name":"root","ids":[5,6],"counts":{"a":7}}]
//
//	                  Apache              ThriftPy2               Simple
//	bool              1                   true                    1
//	binary            base64, padded      base64, padded          base64, padded
//	uuid              "xxxxxxxx-xxxx-…"   the same                the same
//	enum              its number          the same                the same
//	NaN, ±Infinity    "NaN"               NaN                     "NaN"
//	not ASCII         as it is            \uXXXX                  as it is
//	set               as list: "set"      as list                 as list
//	map keys          "5":  {…}:  […]:    any value               "5":  composite keys: an error
//	unknown fields    kept, sent on       left out                left out
//
// Java's TSimpleJSONProtocol writes the bytes of a binary as if they were text, and so loses
// them; base64 is what Apache's Go writes there. Go's form of lists and maps is another one,
// which is not read.
//
// Where there is no doubt what is meant, readers take more than is written: white space; a
// number, bool, NaN or Infinity with or without quotes; true, false, 1 and 0 alike; base64
// without padding; every escape of JSON's. A field that is null counts as absent, but not in
// Apache's form. Numbers must be in range, and integers have no fraction. Strings should be
// UTF-8; other bytes are written as they are, and read as they are.
//
// An unknown field of Apache's form is kept as the binary protocol would have it. Its strings
// are kept as text, for nothing tells which of them are binaries in base64.
//
// Decoded strings share the message's memory unless they had escapes: the caller must own the
// message and never write to it again. Offsets count from the start of the message; errors are
// *wire.Error with the offset and the path of fields.
package json

import (
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
)

// A Protocol is one of the JSON protocols, as connections use it.
type Protocol uint8

// The protocols. The package comment shows them.
const (
	Apache Protocol = iota
	ThriftPy2
	Simple
)

// Name returns "json", "thriftpy2-json" or "simple-json".
func (p Protocol) Name() string { return [...]string{"json", "thriftpy2-json", "simple-json"}[p] }

// AppendMessage appends a whole message.
func (p Protocol) AppendMessage(dst []byte, h wire.Header, t *plan.Type, v mem.Pointer) ([]byte, error) {
	start := len(dst)
	dst, err := p.appendTyped(p.appendHeader(dst, h), t, v, wire.MaxDepth)
	if err != nil {
		return dst, err
	}
	return p.appendTrailer(dst, start), nil
}

// ConsumeHeader reads the header at the start of a message; off is where the value begins.
func (p Protocol) ConsumeHeader(src []byte) (h wire.Header, off int, err error) {
	if p == ThriftPy2 {
		return consumeEnvelope(src, true)
	}
	return p.consumeHeader(src)
}

// AppendValue appends the value at v, most often a struct, without a message around it.
func (p Protocol) AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error) {
	if p != ThriftPy2 {
		return p.appendTyped(dst, t, v, wire.MaxDepth)
	}
	start := len(dst)
	dst = append(dst, "\x00\x00\x00\x00"+`{"metadata": {"version": 1}, "payload": `...)
	dst, err := p.appendTyped(dst, t, v, wire.MaxDepth)
	if err != nil {
		return dst, err
	}
	return p.appendTrailer(dst, start), nil
}

// ConsumeValue reads the value at off into the zeroed memory at v and returns the offset behind
// it. What it stores shares src's memory. An offset of 0 means a value without a message around
// it.
func (p Protocol) ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error) {
	if p != ThriftPy2 || off > 0 {
		return p.consumeTyped(src, off, t, v, wire.MaxDepth)
	}
	_, off, err := consumeEnvelope(src, false)
	if err != nil {
		return off, err
	}
	if off, err = p.consumeTyped(src, off, t, v, wire.MaxDepth); err != nil {
		return off, err
	}
	return p.ConsumeTrailer(src, off)
}

// ConsumeTrailer reads what closes the message whose value ends at off, and white space, and
// returns the offset behind it.
func (p Protocol) ConsumeTrailer(src []byte, off int) (int, error) {
	var err error
	if p == ThriftPy2 {
		off, err = closeEnvelope(src, off)
	} else {
		off, err = jsontext.Expect(src, off, ']')
	}
	if err != nil {
		return off, err
	}
	if _, end, err := jsontext.Peek(src, off); err != nil { // nothing but white space
		return end, nil
	}
	return off, nil
}

// NewSplitter returns what finds the ends of messages of at most max bytes in a stream.
func (p Protocol) NewSplitter(max int) wire.Splitter {
	if p == ThriftPy2 {
		return lengthSplitter{max}
	}
	return &splitter{max: max}
}
