package dubbo

import (
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Capture returns the protocol for [capture.Options.Protocols] that finds calls of Dubbo's classic protocol in the serialization hessian2,
// whatever the client and the server are. Messages are named "Service:method" without the package of the interface, which is in
// Message.Target. A generic call has the name of the method that $invoke is to call. Attachments are in Message.Metadata. Events, such as
// heartbeats, are left out, and a reply without its call, which does not say which method it is of.
//
// An exception of Java or of Dubbo itself is a [capture.Failure] with its class and text; one of another class is taken for one that the
// method declares.
func Capture() capture.Protocol { return captureProtocol{} }

type captureProtocol struct{}

var captureFormat = muxconn.CaptureFormat{Format: muxconn.Format{Head: headerSize, Size: capturedSize}, IsHead: isCaptured, Read: readCaptured}

// MatchMessage implements [capture.ResumableProtocol].
func (p captureProtocol) MatchMessage(b []byte) (side capture.Side, more bool) {
	return captureFormat.MatchMessage(p.Match, b)
}

// NewDecoder implements [capture.Protocol].
func (captureProtocol) NewDecoder(emit func(*capture.Call)) capture.Decoder {
	return muxconn.NewCapture(captureFormat, emit)
}

// Match implements [capture.Protocol]: the first message that is no event tells the sides.
func (captureProtocol) Match(b []byte) (side capture.Side, more bool) {
	head := []byte{magic >> 8, magic & 0xff}
	for {
		n := min(len(b), len(head))
		if string(b[:n]) != string(head[:n]) {
			return capture.NoSide, false
		}
		if len(b) < headerSize {
			return capture.NoSide, true
		}
		if !isHeader(b) {
			return capture.NoSide, false
		}
		h, _ := parseHeader(b) // which begins as it has to
		switch {
		case h.flags&flagEvent == 0 && h.flags&flagRequest != 0:
			return capture.ClientSide, false
		case h.flags&flagEvent == 0:
			return capture.ServerSide, false
		}
		const mostOfEvent = 64 // bytes of a body
		if h.length > mostOfEvent {
			return capture.NoSide, false
		}
		if b = b[headerSize:]; len(b) < h.length {
			return capture.NoSide, true
		}
		b = b[h.length:]
	}
}

// isHeader reports whether a message begins with b, as peers write it.
func isHeader(b []byte) bool {
	h, err := parseHeader(b)
	if err != nil || h.length < 0 || h.length > wire.DefaultMaxMessageBytes || serialNames[h.serial()] == "" {
		return false
	}
	_, isStatus := statusNames[h.status]
	switch {
	case h.flags&flagRequest != 0:
		return true // whatever the status is
	case h.flags&flagTwoWay != 0 && h.flags&flagEvent == 0:
		return false
	}
	return isStatus || h.status == statusOK
}

func isCaptured(from capture.Side, b []byte) bool {
	h, err := parseHeader(b)
	return err == nil && isHeader(b) && (h.flags&flagEvent != 0 || (h.flags&flagRequest == 0) == (from == capture.ServerSide))
}

// capturedSize is the Size of a muxconn.Format.
func capturedSize(b []byte) (int, bool, error) {
	h, err := parseHeader(b)
	if err == nil && h.length < 0 {
		err = fmt.Errorf("dubbo: a body of %d bytes", h.length)
	}
	const most = 1<<31 - 1
	return min(h.length, most-headerSize) + headerSize, true, err
}

// readCaptured is the Read of a muxconn.CaptureFormat.
func readCaptured(from capture.Side, b []byte) (x muxconn.Captured, err error) {
	h, err := parseHeader(b)
	switch {
	case err != nil:
		return x, err
	case !isHeader(b):
		return x, fmt.Errorf("dubbo: the header % x is not one", b[:headerSize])
	}
	x.ID, x.Reply = h.id, h.flags&flagRequest == 0
	if h.flags&flagEvent != 0 {
		return x, nil
	}
	msg := &capture.Message{
		Header: wire.Header{Type: wire.Call, SeqID: int32(h.id)}, Protocol: "hessian2", Transport: Name, Bytes: b[headerSize:],
	}
	switch {
	case h.serial() != hessian2Serial && !x.Reply:
		return x, nil // the name of the method cannot be read
	case h.serial() != hessian2Serial:
		msg.Protocol = serialNames[h.serial()]
		msg.Type, msg.Codec = wire.Reply, captureCodec{err: fmt.Errorf("values in the serialization %s are not supported", serialName(h.serial()))}
	case x.Reply:
		x.Status, err = readCapturedReply(msg, h)
	default:
		if err = readCapturedCall(msg); err == nil && h.flags&flagTwoWay == 0 {
			msg.Type = wire.Oneway
		}
	}
	x.Message = msg
	return x, err
}

func readCapturedCall(msg *capture.Message) error {
	r, err := parse(msg.Bytes)
	if err != nil {
		return err
	}
	msg.Target = r.path
	if msg.Target == "" {
		msg.Target = r.attachments[keyInterface]
	}
	msg.Target = msg.Target[strings.LastIndexByte(msg.Target, '/')+1:]
	if r.isGeneric() {
		if err := r.openGeneric(); err != nil {
			r.generic = false // in a form that says no more than $invoke
		}
	}
	if msg.Target == "" || r.method == "" {
		return fmt.Errorf("dubbo: a call without a service or a method")
	}
	msg.Name = javamap.SimpleName(msg.Target) + ":" + r.method
	msg.Offset = r.args
	msg.Metadata = capturedMetadata(r.attachments)
	if r.serviceVersion != "" && msg.Metadata[keyVersion] == "" {
		if msg.Metadata == nil {
			msg.Metadata = make(map[string]string)
		}
		msg.Metadata[keyVersion] = r.serviceVersion
	}
	msg.Codec = captureCodec{request: true, generic: r.generic}
	return nil
}

// capturedMetadata returns the attachments that say more than what a message is named.
func capturedMetadata(all map[string]string) map[string]string {
	for _, name := range []string{keyPath, keyInterface, keyDubbo} {
		delete(all, name)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// readCapturedReply reads a response up to its value.
func readCapturedReply(msg *capture.Message, h header) (capture.Status, error) {
	d := hessian2.NewDecoder(msg.Bytes)
	msg.Type = wire.Exception
	if h.status != statusOK {
		text, err := d.Text()
		msg.Failure = &capture.Failure{Code: int(h.status), Name: statusNames[h.status], Text: text}
		msg.Codec = captureCodec{err: fmt.Errorf("the response says %s", h.status)}
		return capture.StatusError, err
	}
	x, err := openResponse(d)
	if err != nil {
		return capture.StatusUnknown, err
	}
	msg.Offset = x.value
	codec := captureCodec{tag: x.tag, attachments: x.attachments}
	msg.Metadata = capturedMetadata(x.attachments)
	msg.Codec = codec
	if x.tag != tagException {
		msg.Type = wire.Reply
		return capture.StatusOK, nil
	}
	class, text, err := d.Exception()
	switch {
	case err != nil:
		return capture.StatusUnknown, err
	case muxconn.IsFailure(x.attachments):
		msg.Failure = muxconn.FailureOf(x.attachments, rpc.CodeUnknown, text)
	case isUndeclared(class) && x.attachments[muxconn.ExceptionMetadata] == "" || class == genericException:
		msg.Failure = &capture.Failure{Code: int(h.status), Name: class, Text: text}
	default:
		msg.Type = wire.Reply
		return capture.StatusException, nil
	}
	return capture.StatusError, nil
}

// isUndeclared reports whether a class of exceptions is none that IDL declares: one of Java or Dubbo.
func isUndeclared(class string) bool {
	for _, prefix := range []string{"java.", "javax.", "org.apache.dubbo.", "com.alibaba.dubbo."} {
		if strings.HasPrefix(class, prefix) {
			return true
		}
	}
	return class == ""
}

// A captureCodec reads bodies of captured messages.
type captureCodec struct {
	request     bool
	generic     bool
	tag         int32 // of a reply
	attachments map[string]string
	err         error // why it cannot be read
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
	if c.request {
		return c.args(m, method)
	}
	d := hessian2.NewDecoder(m.Bytes)
	if _, err := openResponse(d); err != nil {
		return nil, err
	}
	s := dynamic.New(method.Reply())
	switch {
	case c.tag == tagException:
		at := d.Offset()
		class, _, err := d.Exception()
		if err != nil {
			return nil, err
		}
		desc := muxconn.DeclaredException(method, class, c.attachments[muxconn.ExceptionMetadata])
		if desc == nil {
			return nil, wire.Errorf(at, wire.ErrValue, "%s throws no %s", method, class)
		}
		d.Rewind(at)
		v, err := d.Dynamic(desc.Type())
		if err != nil {
			return nil, err
		}
		return muxconn.Thrown(method, v.Struct())
	case c.tag == tagNull || method.Result.Kind == schema.KindVoid:
		return s, nil
	}
	v, err := d.Dynamic(method.Result)
	if err != nil || !v.IsSet() {
		return s, err
	}
	return s, s.Set("success", v)
}

// args reads the arguments of a call.
func (c captureCodec) args(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	r, err := parse(m.Bytes)
	if err != nil {
		return nil, err
	}
	s := dynamic.New(method.Args)
	read := func(i int) error { return muxconn.HessianArg(r.d, method, i, s) }
	if c.generic {
		if err := r.openGeneric(); err != nil {
			return nil, err
		}
		return s, r.d.Each(read)
	}
	for i := range r.count {
		if err := read(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ReadMessage implements [capture.MessageProtocol].
func (captureProtocol) ReadMessage(b []byte) (*capture.Call, int, error) {
	return captureFormat.ReadMessage(b)
}

// ExplainMessage implements [capture.MessageProtocol].
func (captureProtocol) ExplainMessage(msg []byte, method *schema.Method) []explain.Range {
	h, _ := parseHeader(msg) // which begins as it has to
	p := muxconn.PartsOf(msg)
	p.Add(2, 0, "Dubbo", "")
	p.Add(1, 0, "flags and serialization", "%s, %s", flagText(h.flags), serialName(h.serial()))
	text := "none in a request"
	switch {
	case h.status == statusOK:
		text = "ok (20)"
	case h.flags&flagRequest == 0:
		text = h.status.String()
	}
	p.Add(1, 0, "status", "%s", text)
	p.Add(8, 0, "id", "%d", h.id)
	p.Add(4, 0, "length of the body", "%d", h.length)
	if h.serial() == hessian2Serial {
		explainBody(p, h, method)
	}
	p.Add(len(p.Rest()), 0, "body", "%s", serialName(h.serial()))
	return p.Ranges
}

// explainBody says what the values of a body are, up to one that cannot be read.
func explainBody(p *muxconn.Parts, h header, method *schema.Method) {
	body := p.Rest()
	d := hessian2.NewDecoder(body)
	values := func(names ...string) bool {
		for _, name := range names {
			if !d.More() || p.Hessian(d, 0, name) != nil {
				return false
			}
		}
		return true
	}
	switch {
	case h.flags&flagEvent != 0:
		values("event")
	case h.flags&flagRequest != 0:
		r, err := parse(body)
		if err != nil || !values("version of Dubbo", "path", "version of the service", "method", "parameter types") {
			return
		}
		if r.isGeneric() {
			if !values("method of "+r.method, "its parameter types", "its arguments") {
				return
			}
			r.count = 0
		}
		for i := range r.count {
			if !values(muxconn.Argument(method, i)) {
				return
			}
		}
		values("attachments")
	case h.status != statusOK:
		values("error")
	default:
		tag, err := hessian2.NewDecoder(body).Int()
		if err != nil || !values("kind of response") {
			return
		}
		kind := tag % withMetadata
		if kind == tagException && !values("exception") || kind == tagValue && !values("result") {
			return
		}
		values("attachments")
	}
}

// flagText names the flags of a message.
func flagText(flags byte) string {
	text := "response"
	if flags&flagRequest != 0 {
		text = "request"
		if flags&flagTwoWay != 0 {
			text += ", two-way"
		}
	}
	if flags&flagEvent != 0 {
		text += ", event"
	}
	return text
}
