package capture

import (
	"net/http"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/explain"
)

// A Protocol finds the calls of another framework, such as gRPC, in the bytes of connections. Packages of that framework have one;
// [Options.Protocols] takes it.
type Protocol interface {
	// Match looks at what a side of a connection sends first. more is whether it takes more bytes to tell.
	Match(first []byte) (side Side, more bool)
	// NewDecoder returns what reads one connection. It calls emit with each call, which has everything but Conn, Client, Server and
	// Message.Over.
	NewDecoder(emit func(*Call)) Decoder
}

// A ResumableProtocol is a [Protocol] whose connections can be read from the middle on: each message says by itself what it is.
type ResumableProtocol interface {
	Protocol
	// MatchMessage reports which side sends bytes that begin, with a packet, somewhere in a connection, if that is certain. more is
	// whether it takes more bytes to tell.
	MatchMessage(b []byte) (side Side, more bool)
}

// A MessageProtocol is a [Protocol] whose messages can be read without their connection.
type MessageProtocol interface {
	Protocol
	// ReadMessage reads the message that b begins with, of either side, and returns how many bytes it has. The call has the request or
	// the reply alone, in the memory of b; it is nil for what is neither, such as a heartbeat. A reply that does not say which method
	// it is of has no name. A message that ends early is a wire.ErrTruncated.
	ReadMessage(b []byte) (c *Call, n int, err error)
	// ExplainMessage says what the bytes of a message mean, all that ReadMessage has taken for one. method is what it is of; nil if that
	// is not known.
	ExplainMessage(msg []byte, method *schema.Method) []explain.Range
}

// A Side is an end of a connection.
type Side uint8

// The sides.
const (
	NoSide Side = iota // it is not this protocol
	ClientSide
	ServerSide
)

// A Decoder reads a connection of another framework. Its methods are called one after the other.
type Decoder interface {
	// Data takes the next bytes that a side sent, and when. It does not keep b.
	Data(from Side, b []byte, at time.Time)
	// Gap says that bytes of a side are missing here.
	Gap(from Side)
	// End emits calls without a reply, whose note is why.
	End(why string)
	// Buffered returns how many bytes the Decoder keeps, about.
	Buffered() int
}

// A Codec reads messages of another framework.
type Codec interface {
	// Decode returns the value of m, which is complete: the arguments of method, or the fields of its reply.
	Decode(m *Message, method *schema.Method) (*dynamic.Struct, error)
}

// An HTTPProtocol is a [Protocol] whose calls may also be requests of HTTP/1.1.
type HTTPProtocol interface {
	Protocol
	// MatchHTTP reports whether a request is a call of this protocol.
	MatchHTTP(request *HTTPMessage) bool
	// HTTPCall returns the call that a request and its response make. Without a response, which is nil then, the note of the call is why.
	HTTPCall(request, response *HTTPMessage, why string) *Call
}

// An HTTPMessage is a request or a response of HTTP/1.1.
type HTTPMessage struct {
	Method, Path string // of a request
	Status       int    // of a response
	Header       http.Header
	Body         []byte    // without chunks and gzip; its owner is the callee
	Start, Time  time.Time // of the packets with its first and last byte
}

// A Failure is what a reply of another framework says in place of a result or a declared exception.
type Failure struct {
	Code int
	Name string // of the code, such as NOT_FOUND
	Text string
}

// foreignConn is a connection of another framework.
type foreignConn struct {
	decoder  Decoder
	client   int // the half that sends calls
	buffered int // as accounted for
	over     string
}

// An httpRequest waits for its response.
type httpRequest struct {
	protocol HTTPProtocol // nil: the request is for others
	message  *HTTPMessage
}

const maxHTTPRequests = 1024 // that wait on one connection

// httpMessage takes a message of HTTP/1.1. Requests and responses are in the same order.
func (l *httpLayer) httpMessage(body []byte) {
	c := l.outer.c
	if len(c.a.opts.Protocols) == 0 || c.httpLost {
		return
	}
	m := &HTTPMessage{Method: l.method, Path: l.path, Status: l.status, Header: http.Header(l.fields), Start: at(l.first.time), Time: at(l.mark.time)}
	if l.status == 0 {
		r := httpRequest{message: m}
		for _, p := range c.a.opts.Protocols {
			if p, ok := p.(HTTPProtocol); ok && p.MatchHTTP(m) {
				r.protocol = p
				m.Body = c.a.own(body)
				c.pairing.client = l.outer.dir
				break
			}
		}
		if r.protocol == nil {
			r.message = nil
		}
		if len(c.httpRequests) >= maxHTTPRequests {
			c.loseHTTP("too many requests wait for responses")
			return
		}
		c.a.buffered += r.size()
		c.httpRequests = append(c.httpRequests, r)
		return
	}
	if len(c.httpRequests) == 0 {
		return
	}
	r := c.httpRequests[0]
	c.httpRequests = c.httpRequests[1:]
	c.a.buffered -= r.size()
	if r.protocol != nil {
		m.Body = c.a.own(body)
		c.emitForeign(r.protocol.HTTPCall(r.message, m, ""), l.outer.over)
	}
}

func (r httpRequest) size() int {
	if r.message == nil {
		return 0
	}
	return len(r.message.Body) + 1024
}

// loseHTTP gives up the requests that wait for responses, and all that come: which response is whose is not clear any more.
func (c *conn) loseHTTP(why string) {
	c.httpLost = true
	c.dropHTTP(why)
}

// dropHTTP gives up the requests that wait for responses.
func (c *conn) dropHTTP(why string) {
	list := c.httpRequests
	c.httpRequests = nil
	for _, r := range list {
		c.a.buffered -= r.size()
		if r.protocol != nil {
			c.emitForeign(r.protocol.HTTPCall(r.message, nil, why), "")
		}
	}
}

// isForeign makes the decoder of one of Options.Protocols the layer of s if b begins as that does; more is whether it takes more bytes
// to tell.
func (s *stream) isForeign(b []byte) (ok, more bool) {
	return s.matches(func(p Protocol) (Side, bool) { return p.Match(b) })
}

// resumesForeign is isForeign for b within a connection, where a packet begins.
func (s *stream) resumesForeign(b []byte) (ok, more bool) {
	return s.matches(func(p Protocol) (Side, bool) {
		if p, ok := p.(ResumableProtocol); ok {
			return p.MatchMessage(b)
		}
		return NoSide, false
	})
}

func (s *stream) matches(match func(p Protocol) (Side, bool)) (ok, more bool) {
	c := s.c
	for _, p := range c.a.opts.Protocols {
		side, m := match(p)
		if more = more || m; side == NoSide {
			continue
		}
		f := &foreignConn{client: s.dir, over: s.over}
		if side == ServerSide {
			f.client = 1 - s.dir
		}
		f.decoder = p.NewDecoder(func(call *Call) { c.emitForeign(call, f.over) })
		c.foreign = f
		c.pairing.client = f.client
		s.layer = &foreignLayer{s}
		return true, false
	}
	return false, more
}

// attach makes the decoder of the connection, which the other half has begun, the layer of s.
func (s *stream) attach() {
	l := &foreignLayer{s}
	s.layer = l
	if s.state == foreign || s.messages > 0 || !s.fromStart {
		l.gap(0, mark{})
	}
	if s.state != foreign && s.messages == 0 && len(s.buf) > 0 {
		l.data(s.buf, s.marks[len(s.marks)-1].mark)
	}
	s.reset()
}

// emitForeign completes a call and emits it.
func (c *conn) emitForeign(call *Call, over string) {
	call.Conn, call.Client, call.Server = c.id, c.client(), c.server()
	if !c.isThrift {
		c.isThrift = true
		c.a.counters.Thrift++
	}
	for _, m := range []*Message{call.Request, call.Reply} {
		if m == nil {
			continue
		}
		c.a.counters.Messages++
		if m.Missing > 0 {
			c.a.counters.Incomplete++
		}
		if m.Over = join(over, m.Over); c.a.opts.HeadersOnly {
			m.Bytes = nil
		}
	}
	c.a.emit(call)
}

// join returns what is around a message, the outer part first.
func join(outer, inner string) string {
	if outer == "" || inner == "" {
		return outer + inner
	}
	return outer + "+" + inner
}

// A foreignLayer hands the bytes of a half to the decoder of its connection.
type foreignLayer struct{ s *stream }

func (l *foreignLayer) side() Side {
	if l.s.dir == l.s.c.foreign.client {
		return ClientSide
	}
	return ServerSide
}

func (l *foreignLayer) data(b []byte, m mark) {
	f := l.s.c.foreign
	f.decoder.Data(l.side(), b, at(m.time))
	f.account(l.s.c.a)
}

func (l *foreignLayer) gap(int, mark) {
	f := l.s.c.foreign
	f.decoder.Gap(l.side())
	f.account(l.s.c.a)
}

func (l *foreignLayer) end() {}

func (f *foreignConn) account(a *Assembler) {
	n := f.decoder.Buffered()
	a.buffered += n - f.buffered
	f.buffered = n
}

// end ends the connection.
func (f *foreignConn) end(a *Assembler, why string) {
	f.decoder.End(why)
	a.buffered -= f.buffered
	f.buffered = 0
}
