package motan

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
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
func readCaptured(from capture.Side, b []byte) (x muxconn.Captured, ok bool) {
	m, err := parse(b)
	if err != nil {
		return x, false
	}
	x.ID, x.Reply = m.id, m.kind&typeResponse != 0
	if m.kind&typeHeartbeat != 0 {
		return x, true
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
			return x, false
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
	return x, true
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
