package rpcx

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
)

// Capture returns the protocol for [capture.Options.Protocols] that finds calls of rpcx, whatever the client and the server are. Messages
// are named "Service:method" as the client spells them, often GetUser for get_user; the path of the service is in Message.Target, and
// the serialization in Message.Protocol: thrift, msgpack, json, proto or raw. Heartbeats, and what a server pushes, are left out.
//
// Calls over HTTP, of rpcx's gateway and of JSON-RPC 2.0, are not found.
func Capture() capture.Protocol { return captureProtocol{} }

type captureProtocol struct{}

var captureFormat = muxconn.CaptureFormat{Format: format, IsHead: isCaptured, Read: readCaptured}

// MatchMessage implements [capture.ResumableProtocol].
func (p captureProtocol) MatchMessage(b []byte) (side capture.Side, more bool) {
	return captureFormat.MatchMessage(p.Match, b)
}

// NewDecoder implements [capture.Protocol].
func (captureProtocol) NewDecoder(emit func(*capture.Call)) capture.Decoder {
	return muxconn.NewCapture(captureFormat, emit)
}

// Match implements [capture.Protocol]: a message begins with a header, a path and a method that fit.
func (captureProtocol) Match(b []byte) (side capture.Side, more bool) {
	head := []byte{magic, 0}
	switch n := min(len(b), len(head)); {
	case string(b[:n]) != string(head[:n]):
		return capture.NoSide, false
	case len(b) < headSize:
		return capture.NoSide, true
	case !isHeader(b):
		return capture.NoSide, false
	}
	rest, total := b[headSize:], int(binary.BigEndian.Uint32(b[headerSize:]))
	for range 2 {
		if len(rest) < 4 {
			return capture.NoSide, true
		}
		n := binary.BigEndian.Uint32(rest)
		if n > maxCapturedName || int(n) > total-leastRest || b[2]&flagHeartbeat == 0 && n == 0 {
			return capture.NoSide, false
		}
		if rest = rest[4:]; len(rest) < int(n) {
			return capture.NoSide, true
		}
		if !isName(string(rest[:n])) {
			return capture.NoSide, false
		}
		rest = rest[n:]
	}
	if b[2]&flagResponse != 0 {
		return capture.ServerSide, false
	}
	return capture.ClientSide, false
}

const maxCapturedName = 1024 // bytes of a path or a method

// isHeader reports whether a message begins with b, as peers write it.
func isHeader(b []byte) bool {
	n := binary.BigEndian.Uint32(b[headerSize:])
	return b[0] == magic && b[1] == 0 && b[2]&maskStatus <= flagError && b[3]&0xf == 0 && n >= leastRest && n <= wire.DefaultMaxMessageBytes
}

func isCaptured(from capture.Side, b []byte) bool {
	return isHeader(b) && (b[2]&flagResponse != 0) == (from == capture.ServerSide)
}

func isName(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

var captureNames = [...]string{rawBytes: "raw", jsonText: "json", protobuf: "proto", msgPack: "msgpack", thriftBinary: "thrift"}

// readCaptured is the Read of a muxconn.CaptureFormat.
func readCaptured(from capture.Side, b []byte) (x muxconn.Captured, err error) {
	m, err := parse(b)
	switch {
	case err != nil:
		return x, err
	case !isName(m.path) || !isName(m.method):
		return x, fmt.Errorf("%.60q and %.60q are not the names of a service and a method", m.path, m.method)
	}
	x.ID, x.Reply = m.id, m.flags&flagResponse != 0
	if m.flags&flagHeartbeat != 0 {
		return x, nil
	}
	codec := captureCodec{form: form{serialization: m.serialization}, exception: m.metadata[muxconn.ExceptionMetadata]}
	msg := &capture.Message{
		Header:   wire.Header{Name: m.path[strings.LastIndexByte(m.path, '.')+1:] + ":" + m.method, Type: wire.Call, SeqID: int32(m.id)},
		Protocol: "unknown", Transport: Name, Metadata: m.metadata, Target: m.path,
	}
	if int(m.serialization) < len(captureNames) {
		msg.Protocol = captureNames[m.serialization]
	}
	if m.flags&maskCompress == flagGzip {
		msg.Over = "gzip"
	}
	codec.err = m.decompress(wire.DefaultMaxMessageBytes)
	if codec.err == nil {
		codec.err = m.serialization.check()
	}
	switch {
	case x.Reply && m.flags&maskStatus == flagError:
		msg.Type, x.Status = wire.Exception, capture.StatusError
		if codec.exception != "" && len(m.payload) > 0 {
			msg.Type, x.Status = wire.Reply, capture.StatusException
			break
		}
		text := m.metadata[errorMetadata]
		msg.Failure = muxconn.FailureOf(m.metadata, codeOf(text), text)
	case x.Reply:
		msg.Type, x.Status = wire.Reply, capture.StatusOK
		codec.exception = ""
	case m.flags&flagOneway != 0:
		msg.Type = wire.Oneway
	}
	if msg.Bytes = m.payload; msg.Bytes == nil {
		msg.Bytes = []byte{}
	}
	msg.Codec = codec
	x.Message = msg
	return x, nil
}

// A captureCodec reads payloads of captured messages.
type captureCodec struct {
	form
	exception string // the declared exception that a reply has; "" for none
	err       error  // why it cannot be read
}

// Decode implements [capture.Codec].
func (c captureCodec) Decode(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	if c.err != nil {
		return nil, muxconn.UnreadValue(c.err)
	}
	s, err := c.decode(m, method)
	return s, muxconn.UnreadValue(err)
}

func (c captureCodec) decode(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	switch {
	case m.Type != wire.Reply:
		desc := argument(method)
		if c.serialization == protobuf {
			desc = protomap.Request(method)
		}
		return c.value(m.Bytes, method.Args, desc)
	case c.exception != "":
		x := c.form.exception(method, m.Bytes, c.exception)
		if x == nil {
			return nil, wire.Errorf(0, wire.ErrValue, "%s throws no %s", method, c.exception)
		}
		return muxconn.Thrown(method, x.Value)
	case method.Result.Kind == schema.KindVoid:
		return dynamic.New(method.Reply()), nil
	case c.serialization == protobuf:
		v, err := consumeProtoAny(m.Bytes, method.Result, protomap.IsResponse(method))
		if err != nil {
			return nil, err
		}
		s := dynamic.New(method.Reply())
		return s, s.Set("success", v)
	}
	return c.value(m.Bytes, method.Reply(), result(method))
}

// value reads a payload: the struct whole, or with alone that struct, which is the first field of whole.
func (c captureCodec) value(payload []byte, whole, alone *schema.Struct) (*dynamic.Struct, error) {
	desc := whole
	if alone != nil {
		desc = alone
	}
	var v *dynamic.Struct
	if c.serialization == protobuf {
		x, err := consumeProtoAny(payload, desc.Type(), true)
		if err != nil {
			return nil, err
		}
		v = x.Struct()
	} else {
		b, _, err := c.form.binary(payload, desc)
		if err != nil {
			return nil, err
		}
		if v, err = muxconn.ConsumeStruct(b, desc); err != nil {
			return nil, err
		}
	}
	if alone == nil {
		return v, nil
	}
	s := dynamic.New(whole)
	return s, s.Set(whole.Fields[0].Name, v)
}

// ReadMessage implements [capture.MessageProtocol].
func (captureProtocol) ReadMessage(b []byte) (*capture.Call, int, error) {
	return captureFormat.ReadMessage(b)
}

// ExplainMessage implements [capture.MessageProtocol].
func (captureProtocol) ExplainMessage(msg []byte, method *schema.Method) []explain.Range {
	m := parseHead(msg)
	p := muxconn.PartsOf(msg)
	p.Add(2, 0, "rpcx", "version %d", msg[1])
	p.Add(1, 0, "flags", "%s", flagText(m.flags))
	name := fmt.Sprintf("the unknown number %d", m.serialization)
	if int(m.serialization) < len(captureNames) {
		name = captureNames[m.serialization]
	}
	p.Add(1, 0, "serialization", "%s", name)
	p.Add(8, 0, "id", "%d", m.id)
	p.Add(4, 0, "length of the rest", "%d", binary.BigEndian.Uint32(msg[headerSize:]))
	p.Sized(0, "path", muxconn.Quote)
	p.Sized(0, "method", muxconn.Quote)
	n := int(binary.BigEndian.Uint32(p.Rest()))
	p.Add(4, 0, "length of the metadata", "%d", n)
	for end := len(p.Rest()) - n; len(p.Rest()) > end; {
		p.Sized(1, "name", muxconn.Quote)
		p.Sized(1, "value", muxconn.Quote)
	}
	p.Add(4, 0, "length of the payload", "%d", binary.BigEndian.Uint32(p.Rest()))
	payload := p.Rest()
	switch compression := m.flags & maskCompress; {
	case compression != 0:
		p.Add(len(payload), 0, "payload", "compressed, %s", name)
	case m.serialization == thriftBinary:
		ranges, _ := explain.Value(payload, payloadOf(m.flags, method), explain.Options{}) // an error is a range of what is not understood
		p.Append(0, ranges)
	default:
		p.Add(len(payload), 0, "payload", "%s, %s", name, muxconn.Quote(payload))
	}
	return p.Ranges
}

// payloadOf returns the struct that a payload of Thrift is; nil if it is not known.
func payloadOf(flags byte, method *schema.Method) *schema.Struct {
	desc := (*schema.Struct)(nil)
	switch {
	case method == nil || flags&(flagHeartbeat|maskStatus) != 0:
	case flags&flagResponse == 0:
		if desc = argument(method); desc == nil {
			desc = method.Args
		}
	default:
		if desc = result(method); desc == nil {
			desc = method.Reply()
		}
	}
	return desc
}

// flagText names the flags of a message.
func flagText(flags byte) string {
	text := "call"
	if flags&flagResponse != 0 {
		text = "reply"
	}
	for _, f := range []struct {
		mask, is byte
		name     string
	}{{flagHeartbeat, flagHeartbeat, "heartbeat"}, {flagOneway, flagOneway, "oneway"}, {maskCompress, flagGzip, "gzip"}, {maskStatus, flagError, "error"}} {
		if flags&f.mask == f.is {
			text += ", " + f.name
		}
	}
	return text
}
