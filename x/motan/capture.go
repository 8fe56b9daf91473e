package motan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Capture returns the protocol for [capture.Options.Protocols] that finds calls of Motan2, whatever the client and the server are. Messages
// are named "Service:method" as the client spells them, often getUser for get_user, and without the package of the service, which is
// in Message.Target; the serialization is in Message.Protocol. Values of the serializations simple and hessian2 can be read. Heartbeats are left
// out. A reply without its call does not say which method it is of, and is left out as well.
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

// Match implements [capture.Protocol].
func (captureProtocol) Match(b []byte) (side capture.Side, more bool) {
	head := []byte{0xf1, 0xf1}
	switch n := min(len(b), len(head)); {
	case string(b[:n]) != string(head[:n]):
		return capture.NoSide, false
	case len(b) < headSize:
		return capture.NoSide, true
	case isCaptured(capture.ClientSide, b):
		return capture.ClientSide, false
	case isCaptured(capture.ServerSide, b):
		return capture.ServerSide, false
	}
	return capture.NoSide, false
}

// isCaptured reports whether a message begins with b, as peers write it.
func isCaptured(from capture.Side, b []byte) bool {
	const known = typeHeartbeat | typeGzip | typeOneway | typeProxy | typeResponse
	const mostMetadata = 1 << 20 // bytes
	return b[0] == 0xf1 && b[1] == 0xf1 && b[2]&^known == 0 && b[3]>>3 == version2 && b[3]&7 <= statusException && b[4]&7 == 0 &&
		binary.BigEndian.Uint32(b[headerSize:]) <= mostMetadata && (b[2]&typeResponse != 0) == (from == capture.ServerSide)
}

var captureNames = [...]string{"hessian2", "grpc-pb", "json", "msgpack", "hprose", "pb", "simple", "grpc-pb-json", "breeze"}

// readCaptured is the Read of a muxconn.CaptureFormat.
func readCaptured(from capture.Side, b []byte) (x muxconn.Captured, err error) {
	m, err := parse(b)
	if err != nil {
		return x, err
	}
	x.ID, x.Reply = m.id, m.kind&typeResponse != 0
	if m.kind&typeHeartbeat != 0 {
		return x, nil
	}
	msg := &capture.Message{Header: wire.Header{Type: wire.Call, SeqID: int32(m.id)}, Protocol: "unknown", Transport: Name, Metadata: m.metadata}
	codec := captureCodec{serialization: m.serialization}
	if int(m.serialization) < len(captureNames) {
		msg.Protocol = captureNames[m.serialization]
	}
	if m.kind&typeGzip != 0 {
		msg.Over = "gzip"
	}
	codec.err = m.decompress(wire.DefaultMaxMessageBytes)
	switch {
	case x.Reply && m.status != 0:
		msg.Type, x.Status = wire.Exception, capture.StatusError
		e, code := exceptionIn(m)
		if codec.exception = e.More[muxconn.ExceptionMetadata]; codec.exception != "" && len(m.body) > 0 {
			msg.Type, x.Status = wire.Reply, capture.StatusException
			break
		}
		msg.Failure = muxconn.FailureOf(e.More, code, e.Message)
	case x.Reply:
		msg.Type, x.Status = wire.Reply, capture.StatusOK
	default:
		msg.Target = m.metadata[pathMetadata]
		if msg.Target == "" || m.metadata[methodMetadata] == "" {
			return x, errors.New("a call without a service or a method")
		}
		msg.Name = msg.Target[strings.LastIndexByte(msg.Target, '.')+1:] + ":" + m.metadata[methodMetadata]
		if m.kind&typeOneway != 0 {
			msg.Type = wire.Oneway
		}
	}
	if msg.Bytes = m.body; msg.Bytes == nil {
		msg.Bytes = []byte{}
	}
	msg.Codec = codec
	x.Message = msg
	return x, nil
}

// A captureCodec reads bodies of captured messages.
type captureCodec struct {
	serialization byte
	exception     string // the declared exception that a reply has; "" for none
	err           error  // why it cannot be read
}

// Decode implements [capture.Codec].
func (c captureCodec) Decode(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	s, err := c.decode(m, method)
	return s, muxconn.UnreadValue(err)
}

func (c captureCodec) decode(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	if c.err != nil {
		return nil, c.err
	}
	var f *schema.Field // of the reply
	switch {
	case m.Type != wire.Reply:
	case c.exception != "":
		if f = thrownField(method, c.exception); f == nil {
			return nil, wire.Errorf(0, wire.ErrValue, "%s throws no %s", method, c.exception)
		}
	case method.Result.Kind == schema.KindVoid:
		return dynamic.New(method.Reply()), nil
	default:
		f = method.Reply().Fields[0]
	}
	switch {
	case c.serialization == hessian:
		return capturedHessian(m.Bytes, method, f)
	case c.serialization != simple:
		return nil, fmt.Errorf("values in the serialization %s are not supported", m.Protocol)
	case f == nil:
		b, err := readArgs(nil, m.Bytes, method.Args)
		if err != nil {
			return nil, err
		}
		return muxconn.ConsumeStruct(b, method.Args)
	}
	b, err := readValue(nil, m.Bytes, method.Reply(), f)
	if err != nil {
		return nil, err
	}
	return muxconn.ConsumeStruct(b, method.Reply())
}

// ReadMessage implements [capture.MessageProtocol].
func (captureProtocol) ReadMessage(b []byte) (*capture.Call, int, error) {
	return captureFormat.ReadMessage(b)
}

// ExplainMessage implements [capture.MessageProtocol].
func (captureProtocol) ExplainMessage(msg []byte, method *schema.Method) []explain.Range {
	m := parseHead(msg)
	p := muxconn.PartsOf(msg)
	p.Add(2, 0, "Motan", "")
	p.Add(1, 0, "type", "%s", typeText(m.kind))
	text := "normal"
	if m.status == statusException {
		text = "exception"
	}
	p.Add(1, 0, "version 2 and status", "%s", text)
	name := fmt.Sprintf("the unknown number %d", m.serialization)
	if int(m.serialization) < len(captureNames) {
		name = captureNames[m.serialization]
	}
	p.Add(1, 0, "serialization", "%s", name)
	p.Add(8, 0, "id", "%d", m.id)
	n := int(binary.BigEndian.Uint32(p.Rest()))
	p.Add(4, 0, "length of the metadata", "%d", n)
	lines := strings.SplitAfter(string(p.Rest()[:n]), "\n")
	for i, line := range lines {
		p.Add(len(line), 1, []string{"name", "value"}[i%2], "%s", muxconn.Quote([]byte(strings.TrimSuffix(line, "\n"))))
	}
	p.Add(4, 0, "length of the body", "%d", binary.BigEndian.Uint32(p.Rest()))
	label := func(i int) string {
		if m.kind&typeResponse == 0 {
			return muxconn.Argument(method, i)
		}
		return "result"
	}
	body := p.Rest()
	switch {
	case m.kind&typeGzip != 0:
		name = "compressed, " + name
	case m.serialization == simple && m.kind&typeHeartbeat == 0:
		for i, at := 0, 0; at < len(body); i++ {
			n, text, err := simpleText(body[at:])
			if err != nil {
				break
			}
			p.Add(n, 0, label(i), "%s", text)
			at += n
		}
	case m.serialization == hessian && m.kind&typeHeartbeat == 0:
		d := hessian2.NewDecoder(body)
		for i := 0; d.More() && p.Hessian(d, 0, label(i)) == nil; i++ {
		}
	}
	p.Add(len(p.Rest()), 0, "body", "%s", name)
	return p.Ranges
}

// typeText names the bits of the type.
func typeText(kind byte) string {
	text := "call"
	if kind&typeResponse != 0 {
		text = "reply"
	}
	for _, f := range []struct {
		bit  byte
		name string
	}{{typeHeartbeat, "heartbeat"}, {typeGzip, "gzip"}, {typeOneway, "oneway"}, {typeProxy, "proxy"}} {
		if kind&f.bit != 0 {
			text += ", " + f.name
		}
	}
	return text
}

// simpleText returns the length of the value that src, in the serialization simple, begins with, and what it is.
func simpleText(src []byte) (n int, text string, err error) {
	r := reader{src: src}
	tag, err := r.tag()
	if err != nil {
		return 0, "", err
	}
	fixed := map[byte]uint64{tagBool: 1, tagByte: 1, tagInt16: 2, tagFloat32: 4, tagFloat64: 8}
	text = tagNames[tag]
	var b []byte
	switch tag {
	case tagNull:
	case tagString, tagBytes:
		b, err = r.sized()
		text += " " + muxconn.Quote(b)
	case tagStringMap, tagStrings, tagMap, tagArray:
		b, err = r.sized()
		text += " of " + plural.Of(len(b), "byte")
	case tagInt32, tagInt64:
		v, n := binary.Varint(src[1:])
		if n <= 0 {
			return 0, "", wire.Errorf(1, wire.ErrInvalid, "not a number of at most 64 bits")
		}
		_, err = r.take(uint64(n))
		text += fmt.Sprintf(" %d", v)
	case tagBool, tagByte, tagInt16, tagFloat32, tagFloat64:
		if b, err = r.take(fixed[tag]); err != nil {
			break
		}
		switch tag {
		case tagBool:
			text += fmt.Sprintf(" %t", b[0] == 1)
		case tagByte:
			text += fmt.Sprintf(" %d", int8(b[0]))
		case tagInt16:
			text += fmt.Sprintf(" %d", int16(binary.BigEndian.Uint16(b)))
		case tagFloat32:
			text += fmt.Sprintf(" %v", math.Float32frombits(binary.BigEndian.Uint32(b)))
		case tagFloat64:
			text += fmt.Sprintf(" %v", math.Float64frombits(binary.BigEndian.Uint64(b)))
		}
	default:
		err = wire.Errorf(0, wire.ErrInvalid, "the unknown tag %d", tag)
	}
	return r.off, text, err
}
