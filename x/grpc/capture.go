package grpc

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
)

// Capture returns the protocol for [capture.Options.Protocols] that finds calls of gRPC, and of Connect over HTTP/2, whatever the
// server is. Messages are named "Service:method" without the package of the service; the whole path is in Message.Target. The id of
// the stream is in SeqID. Of a stream with several messages, the first request and the first reply are kept, and Call.Note counts them.
//
// HTTP/2 compresses headers by those that were sent before (RFC 7541). So a connection can be read from its beginning on, and up to
// the first place where bytes of it are missing: what comes after is left out.
func Capture() capture.Protocol { return captureProtocol{} }

type captureProtocol struct{}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // RFC 9113, section 3.4

// Match implements [capture.Protocol]: a client begins with the preface, and a server with SETTINGS.
func (captureProtocol) Match(b []byte) (capture.Side, bool) {
	n := min(len(b), len(preface))
	if string(b[:n]) == preface[:n] {
		if n == len(preface) {
			return capture.ClientSide, false
		}
		return capture.NoSide, true
	}
	if len(b) >= frameHead {
		f := frameOf(b)
		if f.kind == frameSettings && f.stream == 0 && f.length%6 == 0 && f.length <= 16*6 && f.flags&^flagEndStream == 0 {
			return capture.ServerSide, false
		}
	}
	return capture.NoSide, false
}

// NewDecoder implements [capture.Protocol].
func (captureProtocol) NewDecoder(emit func(*capture.Call)) capture.Decoder {
	d := &captureDecoder{emit: emit, streams: make(map[uint32]*capturedStream)}
	for i := range d.sides {
		d.sides[i].hpack = hpack.NewDecoder(4096, nil)
		d.sides[i].hpack.SetAllowedMaxDynamicTableSize(1 << 20)
		d.sides[i].hpack.SetMaxStringLength(maxCapturedHeaders)
	}
	d.sides[0].preface = len(preface)
	return d
}

// The frames of HTTP/2 (RFC 9113, section 6).
const (
	frameHead = 9

	frameData         = 0
	frameHeaders      = 1
	frameRSTStream    = 3
	frameSettings     = 4
	framePushPromise  = 5
	frameContinuation = 9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// The bounds of what a captured connection may make the program keep.
const (
	maxCapturedHeaders = 1 << 20
	maxCapturedStreams = 4096
)

type frame struct {
	length      int
	kind, flags byte
	stream      uint32
}

func frameOf(b []byte) frame {
	return frame{int(b[0])<<16 | int(b[1])<<8 | int(b[2]), b[3], b[4], binary.BigEndian.Uint32(b[5:]) &^ (1 << 31)}
}

// A captureDecoder reads one connection.
type captureDecoder struct {
	emit    func(*capture.Call)
	sides   [2]captureSide // what the client sends, and the server
	streams map[uint32]*capturedStream
	kept    int // bytes of all streams
}

// A captureSide is what one side sends.
type captureSide struct {
	buf     []byte
	preface int // bytes of it to come
	lost    bool
	hpack   *hpack.Decoder
	block   []byte // of headers that go on in the next frame
	of      frame  // that began it
}

// A capturedStream is a call that is under way.
type capturedStream struct {
	id      uint32
	path    string
	plain   bool // Connect's unary form: the body is the message
	json    bool
	web     bool        // gRPC-Web
	header  http.Header // of the request
	reply   http.Header // and of the response, with what came after it
	parts   [2]capturedBody
	replied bool // the response has a header
	kept    int  // bytes of headers and bodies
}

// A capturedBody is what one side has sent in a stream.
type capturedBody struct {
	encoding    string
	head        []byte // of a message, which is not complete
	left        int    // bytes to come of a message
	keep        bool   // it is the first
	packed      bool   // the first is compressed
	first       []byte
	missing     int    // bytes of the first that were too many
	trailers    []byte // of gRPC-Web
	count, size int
	start, last time.Time
}

// Buffered implements [capture.Decoder].
func (d *captureDecoder) Buffered() int {
	n := d.kept + 512*len(d.streams)
	for i := range d.sides {
		n += cap(d.sides[i].buf) + cap(d.sides[i].block)
	}
	return n
}

// Gap implements [capture.Decoder].
func (d *captureDecoder) Gap(from capture.Side) {
	s := &d.sides[from-capture.ClientSide]
	s.lost, s.buf, s.block = true, nil, nil
	d.giveUp("bytes of the connection are missing")
}

// End implements [capture.Decoder].
func (d *captureDecoder) End(why string) { d.giveUp(why) }

func (d *captureDecoder) giveUp(why string) {
	for _, id := range slices.Sorted(func(yield func(uint32) bool) {
		for id := range d.streams {
			if !yield(id) {
				return
			}
		}
	}) {
		d.finish(d.streams[id], why)
	}
}

// Data implements [capture.Decoder].
func (d *captureDecoder) Data(from capture.Side, b []byte, at time.Time) {
	side := int(from - capture.ClientSide)
	s := &d.sides[side]
	if s.lost || d.sides[1-side].lost {
		return
	}
	s.buf = append(s.buf, b...)
	used := min(s.preface, len(s.buf))
	s.preface -= used
	for len(s.buf)-used >= frameHead {
		f := frameOf(s.buf[used:])
		if len(s.buf)-used-frameHead < f.length {
			break
		}
		used += frameHead
		if !d.frame(side, f, s.buf[used:used+f.length], at) {
			d.Gap(from)
			return
		}
		used += f.length
	}
	if s.buf = s.buf[:copy(s.buf, s.buf[used:])]; len(s.buf) == 0 && cap(s.buf) > 64<<10 {
		s.buf = nil
	}
}

// frame reads a frame, and reports whether it is one.
func (d *captureDecoder) frame(side int, f frame, b []byte, at time.Time) bool {
	s := &d.sides[side]
	if s.block != nil && f.kind != frameContinuation {
		return false
	}
	switch f.kind {
	case frameHeaders, frameData:
		if f.flags&flagPadded != 0 {
			if len(b) == 0 || int(b[0]) >= len(b) {
				return false
			}
			b = b[1 : len(b)-int(b[0])]
		}
		if f.kind == frameData {
			return d.data(side, f, b, at)
		}
		if f.flags&flagPriority != 0 {
			if len(b) < 5 {
				return false
			}
			b = b[5:]
		}
		if f.flags&flagEndHeaders == 0 {
			s.of, s.block = f, append(make([]byte, 0, 2*len(b)+1), b...)
			return true
		}
		return d.headers(side, f, b, at)
	case frameContinuation:
		if s.block == nil || f.stream != s.of.stream || len(s.block)+len(b) > maxCapturedHeaders {
			return false
		}
		if s.block = append(s.block, b...); f.flags&flagEndHeaders == 0 {
			return true
		}
		whole := s.block
		s.block = nil
		return d.headers(side, s.of, whole, at)
	case frameRSTStream:
		if c := d.streams[f.stream]; c != nil {
			d.reset(c, side, b, at)
		}
	case framePushPromise:
		return false // gRPC has none
	}
	return true
}

// headers reads a block of headers: those of a request or a response, or what comes after a response.
func (d *captureDecoder) headers(side int, f frame, block []byte, at time.Time) bool {
	header, pseudo, size := make(http.Header), make(map[string]string), 0
	s := &d.sides[side]
	s.hpack.SetEmitFunc(func(h hpack.HeaderField) {
		if size += len(h.Name) + len(h.Value) + 32; size > maxCapturedHeaders {
			return
		}
		if h.IsPseudo() {
			pseudo[h.Name] = h.Value
		} else {
			header.Add(h.Name, h.Value)
		}
	})
	if _, err := s.hpack.Write(block); err != nil || s.hpack.Close() != nil || size > maxCapturedHeaders {
		return false
	}
	c := d.streams[f.stream]
	switch {
	case side == 0 && c == nil:
		if c = newCapturedStream(f.stream, pseudo[":path"], header); c == nil || len(d.streams) >= maxCapturedStreams {
			return true // something else over HTTP
		}
		d.streams[f.stream] = c
	case c == nil:
		return true
	case side == 1 && !c.replied:
		c.replied = true
		c.reply = header
		c.reply.Set(":status", pseudo[":status"])
		c.parts[1].encoding = encodingOf(header, c.plain)
	case side == 1:
		for k, values := range header {
			c.reply[k] = append(c.reply[k], values...)
		}
	}
	d.keep(c, size)
	c.parts[side].touch(at)
	return d.ended(c, side, f)
}

func newCapturedStream(id uint32, path string, header http.Header) *capturedStream {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	c := &capturedStream{id: id, path: path, header: header}
	switch kind {
	case "application/grpc", "application/grpc+proto":
	case "application/grpc+json":
		c.json = true
	case "application/connect+proto":
	case "application/connect+json":
		c.json = true
	case "application/proto":
		c.plain = true
	case "application/json":
		c.plain, c.json = true, true
	default:
		return nil
	}
	if service, method := splitPath(path); service == "" || method == "" || c.plain && c.json && !isConnect(path, header) {
		return nil
	}
	c.parts[0].encoding = encodingOf(header, c.plain)
	return c
}

// isConnect reports whether a request of JSON is one of Connect: its header says so, or its path has a package.
func isConnect(path string, header http.Header) bool {
	if header.Get("Connect-Protocol-Version") != "" {
		return true
	}
	service, method, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return ok && strings.Contains(service, ".") && !strings.ContainsAny(method, "/.?")
}

// splitPath returns the service, without its package, and the method of "/package.Service/Method".
func splitPath(path string) (service, method string) {
	path, _, _ = strings.Cut(path, "?")
	i := strings.LastIndexByte(path, '/')
	if i < 1 {
		return "", ""
	}
	service = path[:i]
	return service[strings.LastIndexAny(service, "/.")+1:], path[i+1:]
}

func encodingOf(header http.Header, plain bool) string {
	if plain {
		return header.Get("Content-Encoding")
	}
	return header.Get("Grpc-Encoding") + header.Get("Connect-Content-Encoding")
}

func (p *capturedBody) touch(at time.Time) {
	if p.start.IsZero() {
		p.start = at
	}
	p.last = at
}

// data reads bytes of a request or a response.
func (d *captureDecoder) data(side int, f frame, b []byte, at time.Time) bool {
	c := d.streams[f.stream]
	if c == nil {
		return true
	}
	p := &c.parts[side]
	p.touch(at)
	p.size += len(b)
	was := len(p.first) + len(p.trailers)
	if c.plain {
		p.count, p.packed = 1, p.encoding != ""
		p.add(b)
	} else {
		p.envelopes(b)
	}
	d.keep(c, len(p.first)+len(p.trailers)-was)
	return d.ended(c, side, f)
}

// add keeps bytes of the first message.
func (p *capturedBody) add(b []byte) {
	n := min(len(b), wire.DefaultMaxMessageBytes-len(p.first))
	p.first = append(p.first, b[:n]...)
	p.missing += len(b) - n
}

// envelopes reads messages, each with a flag and its length before it.
func (p *capturedBody) envelopes(b []byte) {
	for len(b) > 0 {
		if p.left > 0 {
			n := min(p.left, len(b))
			if p.keep {
				p.add(b[:n])
			}
			p.left -= n
			b = b[n:]
			continue
		}
		n := min(5-len(p.head), len(b))
		p.head = append(p.head, b[:n]...)
		if b = b[n:]; len(p.head) < 5 {
			return
		}
		const (
			endStream = 2    // of Connect: what follows is no message
			trailers  = 0x80 // of gRPC-Web
		)
		flag := p.head[0]
		p.left = int(binary.BigEndian.Uint32(p.head[1:]))
		p.head = p.head[:0]
		if flag&(endStream|trailers) != 0 {
			p.keep = false
			if flag&trailers != 0 && p.left <= len(b) {
				p.trailers = append([]byte(nil), b[:p.left]...)
			}
			continue
		}
		if p.count++; p.count == 1 {
			p.keep, p.packed = true, flag&1 != 0
			p.first = []byte{}
		} else {
			p.keep = false
		}
	}
}

// keep counts bytes that a call has more, or fewer.
func (d *captureDecoder) keep(c *capturedStream, n int) {
	c.kept += n
	d.kept += n
}

// ended ends a call with its response.
func (d *captureDecoder) ended(c *capturedStream, side int, f frame) bool {
	if side == 1 && f.flags&flagEndStream != 0 {
		d.finish(c, "")
	}
	return true
}

// reset ends a call that was reset.
func (d *captureDecoder) reset(c *capturedStream, side int, b []byte, at time.Time) {
	why := "the server reset the stream"
	if side == 0 {
		why = "the client canceled the call"
	}
	if len(b) == 4 {
		why += ", code " + strconv.Itoa(int(binary.BigEndian.Uint32(b)))
	}
	d.finish(c, why)
}

// finish emits a call, with its reply if why is "".
func (d *captureDecoder) finish(c *capturedStream, why string) {
	delete(d.streams, c.id)
	d.kept -= c.kept
	call := &capture.Call{Request: c.message(0), Status: capture.StatusNoReply, Note: why}
	if why == "" {
		call.Reply = c.message(1)
		call.Status = c.outcome(call.Reply)
	}
	if n, m := c.parts[0].count, c.parts[1].count; n > 1 || m > 1 {
		note := fmt.Sprintf("a stream of %d requests and %d replies, of which the first are shown", n, m)
		if call.Note != "" {
			note = call.Note + "; " + note
		}
		call.Note = note
	}
	d.emit(call)
}

// message returns the request or the response.
func (c *capturedStream) message(side int) *capture.Message {
	p := &c.parts[side]
	service, method := splitPath(c.path)
	m := &capture.Message{
		Header: wire.Header{Name: service + ":" + method, Type: wire.Call, SeqID: int32(c.id)},
		Start:  p.start, Time: p.last, Protocol: "proto", Transport: "grpc", Size: p.size, Missing: p.missing, Bytes: p.first, Target: c.path,
	}
	header := c.header
	if side == 1 {
		m.Type, header = wire.Reply, c.reply
	}
	md, persistent := metadataOf(header)
	for k, v := range persistent {
		if md == nil {
			md = make(map[string]string)
		}
		md[k] = v
	}
	delete(md, ":status")
	m.Metadata = md
	if c.json {
		m.Protocol = "json"
	}
	if c.plain || strings.HasPrefix(c.header.Get("Content-Type"), "application/connect") {
		m.Transport = "connect"
	}
	if c.web {
		m.Transport = "grpc-web"
	}
	if m.Bytes == nil {
		m.Bytes = []byte{}
	}
	codec := captureCodec{json: c.json}
	if p.packed {
		m.Over = p.encoding
		m.Bytes, codec.err = unpack(m.Bytes, p.encoding)
	}
	m.Codec = codec
	return m
}

// unpack decompresses a message.
func unpack(b []byte, encoding string) ([]byte, error) {
	if encoding != "gzip" {
		return b, fmt.Errorf("it is compressed by %.40q", encoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b, err
	}
	out, err := io.ReadAll(io.LimitReader(r, wire.DefaultMaxMessageBytes+1))
	if err == nil && len(out) > wire.DefaultMaxMessageBytes {
		err = errors.New("it decompresses to more than is accepted")
	}
	if err != nil {
		return b, err
	}
	return out, nil
}

// outcome finds out how a call ended, and notes it in its reply.
func (c *capturedStream) outcome(m *capture.Message) capture.Status {
	s, ok := c.status()
	if !ok {
		return capture.StatusOK
	}
	m.Failure = &s.Failure
	m.Type = wire.Exception
	for _, d := range s.details {
		name := d.typeURL[strings.LastIndexByte(d.typeURL, '/')+1:]
		if strings.HasPrefix(name, "google.") {
			continue
		}
		m.Type, m.Failure = wire.Reply, nil
		m.Bytes, m.Protocol = d.value, "proto"
		m.Codec = captureCodec{exception: name}
		return capture.StatusException
	}
	return capture.StatusError
}

type capturedStatus struct {
	capture.Failure
	details []capturedDetail
}

type capturedDetail struct {
	typeURL string
	value   []byte
}

// status returns the error that a response says; false if it says none.
func (c *capturedStream) status() (s capturedStatus, failed bool) {
	if c.plain {
		return c.plainStatus()
	}
	text := c.reply.Get("Grpc-Status")
	if text == "" {
		if code := c.reply.Get(":status"); code != "" && code != "200" {
			s.Name, s.Text = "HTTP", "status "+code
			s.Code, _ = strconv.Atoi(code)
			return s, true
		}
		return s, false
	}
	if s.Code, _ = strconv.Atoi(text); s.Code == 0 {
		return s, false
	}
	s.Name = strings.ToUpper(connect.Code(s.Code).String())
	s.Text = c.reply.Get("Grpc-Message")
	if plain, err := url.PathUnescape(s.Text); err == nil {
		s.Text = plain
	}
	if b, err := connect.DecodeBinaryHeader(c.reply.Get("Grpc-Status-Details-Bin")); err == nil {
		s.details = detailsOf(b)
	}
	return s, true
}

// plainStatus is status for Connect's unary form, where the body of another status than 200 is JSON.
func (c *capturedStream) plainStatus() (s capturedStatus, failed bool) {
	code := c.reply.Get(":status")
	if code == "200" {
		return s, false
	}
	var body struct {
		Code, Message string
		Details       []struct{ Type, Value string }
	}
	s.Code, _ = strconv.Atoi(code)
	s.Name, s.Text = "HTTP", "status "+code
	if json.Unmarshal(c.parts[1].first, &body) != nil || body.Code == "" {
		return s, true
	}
	s.Name, s.Text = strings.ToUpper(body.Code), body.Message
	if code, ok := statusCodes[s.Name]; ok {
		s.Code = int(code)
	}
	for _, d := range body.Details {
		if b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(d.Value, "=")); err == nil {
			s.details = append(s.details, capturedDetail{d.Type, b})
		}
	}
	return s, true
}

// detailsOf reads the details of a google.rpc.Status: its field 3, of which each has the name of a type and a value.
func detailsOf(b []byte) (list []capturedDetail) {
	fields(b, func(n protowire.Number, v []byte) {
		if n != 3 {
			return
		}
		var d capturedDetail
		fields(v, func(n protowire.Number, v []byte) {
			switch n {
			case 1:
				d.typeURL = string(v)
			case 2:
				d.value = v
			}
		})
		list = append(list, d)
	})
	return list
}

// fields calls f for the fields of a message that are bytes.
func fields(b []byte, f func(protowire.Number, []byte)) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return
		}
		if kind == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			f(number, v)
		}
		b = b[n:]
	}
}

// A captureCodec reads captured messages.
type captureCodec struct {
	json      bool
	exception string // the full name of the exception that the message is; "" for none
	err       error  // why it cannot be read
}

// Decode implements [capture.Codec].
func (c captureCodec) Decode(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	switch {
	case c.err != nil:
		return nil, &wire.Error{Cause: c.err}
	case c.exception != "":
		return c.thrown(m, method)
	case m.Type == wire.Call:
		return c.args(m, method)
	}
	s := dynamic.New(method.Reply())
	if method.Result.Kind == schema.KindVoid {
		return s, nil
	}
	v, err := c.value(m, method.Result, protomap.IsResponse(method))
	if err != nil {
		return nil, err
	}
	return s, s.Set("success", v)
}

// args reads a request.
func (c captureCodec) args(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	if protomap.Request(method) == nil && method.ClientItem() == nil {
		v, err := c.value(m, method.Args.Type(), true)
		return v.Struct(), err
	}
	desc := method.Args
	if item := method.ClientItem(); item != nil {
		desc = &schema.Struct{Kind: schema.Arguments, Fields: []*schema.Field{{ID: 1, Name: protomap.ItemField, Type: item}}}
	}
	f := desc.Fields[0]
	v, err := c.value(m, f.Type, f.Type.Kind == schema.KindStruct)
	if err != nil {
		return nil, err
	}
	s := dynamic.New(desc)
	return s, s.Set(f.Name, v)
}

// thrown reads a declared exception.
func (c captureCodec) thrown(m *capture.Message, method *schema.Method) (*dynamic.Struct, error) {
	for _, f := range method.Throws {
		x := f.Type.Struct
		if c.exception != protomap.Package(x.File)+"."+protomap.Ident(x.Name) {
			continue
		}
		v, err := c.value(m, f.Type, true)
		if err != nil {
			return nil, err
		}
		s := dynamic.New(method.Reply())
		return s, s.Set(f.Name, v)
	}
	return nil, wire.Errorf(0, wire.ErrValue, "%s throws no %s", method, c.exception)
}

// value reads a message that is a value of t, or has one as its field 1.
func (c captureCodec) value(m *capture.Message, t *schema.Type, alone bool) (v dynamic.Value, err error) {
	b := m.Bytes
	if c.json {
		name := protomap.ResultField
		if m.Type == wire.Call {
			name = protomap.ItemField
		}
		j, err := jsonFor(t, name, alone)
		if err != nil {
			return v, err
		}
		if b, err = j.AppendMessage(nil, b); err != nil {
			return v, err
		}
	}
	p, err := plan.ForType(reflect.TypeFor[dynamic.Value](), t)
	if err != nil {
		return v, err
	}
	codec, err := codecFor(p, alone)
	if err != nil {
		return v, err
	}
	return v, codec.Consume(b, mem.To(&v))
}

// jsonFor returns the JSON of messages that are a value of t, or have one as their field 1 of that name.
func jsonFor(t *schema.Type, name string, alone bool) (*wireproto.JSON, error) {
	if alone {
		return wireproto.JSONFor(t)
	}
	return wireproto.JSONForField(t, name)
}

// MatchHTTP implements [capture.HTTPProtocol]: calls of Connect and gRPC-Web come by HTTP/1.1 as well.
func (captureProtocol) MatchHTTP(r *capture.HTTPMessage) bool { return newHTTPStream(r) != nil }

// newHTTPStream returns a call over HTTP/1.1, nil if it is none.
func newHTTPStream(r *capture.HTTPMessage) *capturedStream {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	header := r.Header.Clone()
	web, isWeb := strings.CutPrefix(kind, "application/grpc-web")
	switch {
	case r.Method == http.MethodGet:
		q := queryOf(r.Path)
		if q.Get("connect") != "v1" {
			return nil
		}
		header.Set("Content-Type", "application/"+q.Get("encoding"))
		header.Set("Connect-Protocol-Version", "1")
		header.Set("Content-Encoding", q.Get("compression"))
	case r.Method != http.MethodPost:
		return nil
	case isWeb:
		header.Set("Content-Type", "application/grpc"+strings.TrimPrefix(web, "-text"))
	}
	c := newCapturedStream(0, r.Path, header)
	if c != nil {
		c.web = isWeb
	}
	return c
}

// queryOf returns the query of a path; what cannot be read is left out.
func queryOf(path string) url.Values {
	_, query, _ := strings.Cut(path, "?")
	q, _ := url.ParseQuery(query) // which returns the rest beside the error
	return q
}

// HTTPCall implements [capture.HTTPProtocol].
func (captureProtocol) HTTPCall(request, response *capture.HTTPMessage, why string) *capture.Call {
	c := newHTTPStream(request)
	body := request.Body
	if request.Method == http.MethodGet {
		q := queryOf(request.Path)
		if body = []byte(q.Get("message")); q.Get("base64") == "1" {
			body, _ = base64.RawURLEncoding.DecodeString(strings.TrimRight(string(body), "=")) // the rest does not decode, and that is said
		}
	} else if c.plain && c.parts[0].encoding == "gzip" {
		c.parts[0].encoding = "" // whoever found the body has undone it
	}
	c.whole(0, request, body)
	var call *capture.Call
	d := &captureDecoder{emit: func(made *capture.Call) { call = made }}
	if response == nil {
		d.finish(c, why)
		return call
	}
	c.reply = response.Header.Clone()
	c.reply.Set(":status", strconv.Itoa(response.Status))
	c.parts[1].encoding = encodingOf(c.reply, c.plain)
	if c.plain && c.parts[1].encoding == "gzip" {
		c.parts[1].encoding = ""
	}
	c.whole(1, response, response.Body)
	for line := range strings.SplitSeq(string(c.parts[1].trailers), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			c.reply.Set(name, strings.TrimSpace(value))
		}
	}
	d.finish(c, "")
	return call
}

// whole takes the body of a request or a response.
func (c *capturedStream) whole(side int, m *capture.HTTPMessage, body []byte) {
	p := &c.parts[side]
	p.start, p.last, p.size = m.Start, m.Time, len(body)
	if strings.HasPrefix(m.Header.Get("Content-Type"), "application/grpc-web-text") {
		body = fromBase64(body)
	}
	if c.plain {
		p.count, p.packed = 1, p.encoding != ""
		p.add(body)
	} else {
		p.envelopes(body)
	}
}

// fromBase64 decodes the body of application/grpc-web-text: pieces of base64, each with its own padding.
func fromBase64(body []byte) []byte {
	var out []byte
	for len(body) >= 4 {
		n := 4
		for n < len(body) && body[n-1] != '=' {
			n += 4
		}
		n = min(n, len(body))
		b, err := base64.StdEncoding.AppendDecode(out, body[:n])
		if err != nil {
			return out
		}
		out, body = b, body[n:]
	}
	return out
}
