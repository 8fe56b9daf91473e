package capture

import (
	"net/netip"
	"reflect"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/transcode"
)

// A Status says how a call ended, as far as that was captured.
type Status uint8

// The statuses.
const (
	StatusUnknown   Status = iota // there is a reply, and what it says is not known: its bytes are missing or cannot be read
	StatusOK                      // a result
	StatusException               // a declared exception
	StatusError                   // a TApplicationException
	StatusOneway                  // no reply is due
	StatusNoReply                 // no reply was seen; Call.Note says why
)

// String returns the name of s.
func (s Status) String() string {
	return [...]string{"unknown", "ok", "exception", "error", "oneway", "no reply"}[s]
}

// A Call is a call with its reply, or what was captured of them.
type Call struct {
	Conn           int64 // numbers the connections of a capture, from 1
	Client, Server netip.AddrPort
	Request, Reply *Message // either may be nil, but not both
	Status         Status
	Note           string // why the request or the reply is nil, or what else there was; else ""
}

// Time returns when the call was sent; if only the reply was captured, when that was.
func (c *Call) Time() time.Time {
	if c.Request != nil {
		return c.Request.Time
	}
	return c.Reply.Time
}

// Method returns the name of the method, without a service.
func (c *Call) Method() string {
	m := c.Request
	if m == nil {
		m = c.Reply
	}
	return m.Method()
}

// Service returns the name of the service, where the call says it; else "".
func (c *Call) Service() string {
	if c.Request != nil {
		return c.Request.Service()
	}
	return ""
}

// Latency returns the time from the last byte of the request to the last byte of the reply, where it was captured. It is
// false if either is missing.
func (c *Call) Latency() (time.Duration, bool) {
	if c.Request == nil || c.Reply == nil || c.Request.Time.IsZero() || c.Reply.Time.IsZero() {
		return 0, false
	}
	return c.Reply.Time.Sub(c.Request.Time), true
}

// A Message is one message of Thrift, or of another framework: then Type, SeqID and Name are what comes nearest.
type Message struct {
	wire.Header
	Start, Time time.Time // of the packets with its first and last byte
	Protocol    string    // binary, compact, json, thriftpy2-json, simple-json; of another framework, as that names it
	Transport   string    // buffered, framed, header, ttheader, http, sasl, udp
	Over        string    // what is around that: "tls", "zlib", "gzip" of HTTP, or several, as in "tls+zlib"; "" for nothing
	Size        int       // bytes, with the frame or header around it; of HTTP, the body
	Missing     int       // bytes of it that were not captured; Bytes ends where they begin
	Offset      int       // in Bytes, of the value: the arguments or the result
	Bytes       []byte    // the message alone, or its beginning; nil with Options.HeadersOnly
	Whole       []byte    // of a MessageProtocol, what was sent, with its header; else nil
	Metadata    map[string]string
	Target      string // the path of a request of HTTP, and the service where TTHeader names it

	Codec   Codec    // of another framework's message; nil for Thrift
	Failure *Failure // of another framework's reply of StatusError

	service     string
	status      Status
	own         []byte // what Bytes is written to, if that is used again
	codec       protocol.Protocol
	dir         int
	first, last mark
}

// Service returns the service that is named before the method, or in the header; "" if there is none.
func (m *Message) Service() string {
	if service, _, ok := cutService(m.Name); ok {
		return service
	}
	return m.service
}

// Method returns the name of the method, without a service.
func (m *Message) Method() string {
	_, method, _ := cutService(m.Name)
	return method
}

func cutService(name string) (service, method string, ok bool) {
	for i := range len(name) {
		if name[i] == ':' {
			return name[:i], name[i+1:], true
		}
	}
	return "", name, false
}

// Value returns the value of the message: the arguments of method, or the fields of its reply, as their receiver reads them: fields that
// were not sent have their defaults. It shares memory with Bytes. The error is a *wire.Error: the message is incomplete, or not
// of this method.
func (m *Message) Value(method *schema.Method) (*dynamic.Struct, error) {
	switch {
	case m.Codec != nil:
		if err := m.check(); err != nil {
			return nil, err
		}
		return m.Codec.Decode(m, method)
	case m.Type == wire.Call || m.Type == wire.Oneway:
		return m.Decode(method.Args)
	}
	return m.Decode(method.Reply())
}

// Sent is Decode without defaults: only fields that were sent are set. The schema of the value is a copy of desc without defaults, if
// desc has any.
func (m *Message) Sent(desc *schema.Struct) (*dynamic.Struct, error) {
	return m.Decode(plan.WithoutDefaults(desc))
}

// Decode returns the value of a message of Thrift, read as the struct desc: Method.Args of a call, Method.Reply() of a reply. Fields
// that were not sent have their defaults, as for the receiver; Sent leaves them unset. It shares memory with Bytes. The error is a
// *wire.Error: the message is incomplete, or no such struct.
func (m *Message) Decode(desc *schema.Struct) (*dynamic.Struct, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.codec == nil {
		return nil, wire.Errorf(0, wire.ErrInvalid, "a message in %s is not one of Thrift", m.Protocol)
	}
	t, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), desc.Type())
	if err != nil {
		return nil, err
	}
	var s *dynamic.Struct
	_, err = m.codec.ConsumeValue(m.Bytes, m.Offset, t, mem.To(&s))
	return s, err
}

func (m *Message) check() error {
	switch {
	case m.Bytes == nil:
		return wire.Errorf(0, wire.ErrTruncated, "the bytes of the message were not kept")
	case m.Missing > 0:
		return wire.Errorf(len(m.Bytes), wire.ErrTruncated, "%s not captured", plural.Of(m.Missing, "byte"))
	}
	return nil
}

// AppendJSON appends what was sent, read as the struct desc, to dst as JSON in the form of [dynamic.AppendJSON]: fields that
// have a default and were not sent are left out, and so are those that desc does not have. The error is a *wire.Error, as of Decode.
func (m *Message) AppendJSON(dst []byte, desc *schema.Struct, opts dynamic.JSONOptions) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, err
	}
	desc = plan.WithoutDefaults(desc)
	if p, ok := m.transcodes(); ok {
		return transcode.AppendJSON(dst, m.Bytes[m.Offset:], desc, transcode.Options{Protocol: p, JSON: opts})
	}
	s, err := m.Decode(desc)
	if err != nil {
		return dst, err
	}
	return dynamic.AppendJSON(dst, desc.Type(), dynamic.StructValue(s), opts)
}

// transcodes returns the protocol by which package transcode reads m, if it does.
func (m *Message) transcodes() (transcode.Protocol, bool) {
	switch {
	case m.Codec != nil:
	case m.Protocol == "binary":
		return transcode.Binary, true
	case m.Protocol == "compact" && len(m.Bytes) > 1 && m.Bytes[1]&0x1f == 1:
		return transcode.Compact, true
	}
	return 0, false
}

// AppendResult appends what a reply in the binary or the compact protocol answers to dst as JSON: the value of the only field of
// reply, Method.Reply(), that was sent, which it returns. The field is nil if there was none, as of a method that returns nothing. It
// is AppendJSON without a bracket around it, for those that look at many calls; it reports false, and returns dst as it was, of
// what is not so simple: several fields, ones that reply does not have, other protocols, whatever is wrong.
func (m *Message) AppendResult(dst []byte, reply *schema.Struct, opts dynamic.JSONOptions) ([]byte, *schema.Field, bool) {
	p, ok := m.transcodes()
	if !ok || m.check() != nil {
		return dst, nil, false
	}
	out, f, ok := transcode.AppendOnly(dst, m.Bytes[m.Offset:], plan.WithoutDefaults(reply), transcode.Options{Protocol: p, JSON: opts})
	if f != nil {
		f = reply.Fields[f.Index]
	}
	return out, f, ok
}

// NeedsSchema reports whether the message can be read by a schema only: its fields have names in place of ids, or it is not one of
// Thrift. Then Value reads it, and Decode and AppendJSON do not.
func (m *Message) NeedsSchema() bool {
	return m.Codec != nil || m.Protocol == "thriftpy2-json" || m.Protocol == "simple-json"
}

// statusOf returns what a reply says of its call.
func statusOf(m *Message) Status {
	if m.Type == wire.Exception {
		return StatusError
	}
	return m.status
}

// resultStatus looks at the first field of a result: 0 is the result itself, others are exceptions.
func resultStatus(protocolName string, msg []byte, off int) Status {
	switch protocolName {
	case "binary":
		if off < len(msg) && msg[off] == byte(wire.Stop) {
			return StatusOK
		}
		if off+3 > len(msg) {
			return StatusUnknown
		}
		if msg[off+1]|msg[off+2] != 0 {
			return StatusException
		}
		return StatusOK
	case "compact":
		if off >= len(msg) {
			return StatusUnknown
		}
		switch b := msg[off]; {
		case b&0x0f == 0:
			return StatusOK
		case b>>4 != 0: // ids from 1
			return StatusException
		case off+1 < len(msg) && msg[off+1] == 0:
			return StatusOK
		case off+1 < len(msg):
			return StatusException
		}
	case "json":
		for i := off; i+1 < len(msg); i++ {
			switch msg[i] {
			case '{', ' ', '\n', '\r', '\t':
			case '}':
				return StatusOK
			case '"':
				if msg[i+1] == '0' {
					return StatusOK
				}
				return StatusException
			default:
				return StatusUnknown
			}
		}
	case "thriftpy2-json", "simple-json":
		return nameStatus(msg, off)
	}
	return StatusUnknown
}

// nameStatus is resultStatus where fields have names: "success" is the result.
func nameStatus(msg []byte, off int) Status {
	at := off
	for at < len(msg) && (msg[at] == '{' || msg[at] == ' ' || msg[at] == '\n' || msg[at] == '\r' || msg[at] == '\t' || msg[at] == ':' || msg[at] == ',') {
		at++
	}
	const success = `"success"`
	switch {
	case at >= len(msg):
		return StatusUnknown
	case msg[at] == '}':
		return StatusOK
	case len(msg)-at >= len(success) && string(msg[at:at+len(success)]) == success:
		return StatusOK
	case msg[at] == '"':
		return StatusException
	}
	return StatusUnknown
}
