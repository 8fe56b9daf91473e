package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/filter"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/raw"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
)

// A callReader gives names to what is in captured calls.
type callReader struct {
	decoder
	redact bool // fields that are annotated as sensitive

	methods map[methodKey]*namedMethod
	line    lineCache
}

type methodKey struct{ service, method string }

type namedMethod struct {
	methodKey
	method *schema.Method // nil: not known
	name   string         // in full
	quoted []byte         // as JSON
}

// A lineCache has texts of the latest lines of JSON: most calls have them in common with others.
type lineCache struct {
	methods   [16]*namedMethod
	second    int64 // since 1970
	time      []byte
	conns     [64]connText
	transport transportText
}

// A connText is what the lines of a connection have in common.
type connText struct {
	conn           int64
	client, server netip.AddrPort
	text           []byte
}

// A transportText is what the lines of messages that came the same way have in common.
type transportText struct {
	protocol, transport, over, target string
	text                              []byte
}

// named returns what is known of the method of a call.
func (r *callReader) named(c *capture.Call) *namedMethod {
	key := methodKey{c.Service(), c.Method()}
	recent := &r.line.methods[0]
	if n := len(key.method); n > 0 {
		recent = &r.line.methods[(n+int(key.method[n-1]))%len(r.line.methods)]
	}
	if n := *recent; n != nil && n.methodKey == key {
		return n
	}
	n := r.methods[key]
	if n == nil {
		if r.methods == nil || len(r.methods) > 10000 {
			r.methods = make(map[methodKey]*namedMethod)
		}
		n = r.nameOf(key, c)
		r.methods[key] = n
	}
	*recent = n
	return n
}

// nameOf looks for the method of a call in the file.
func (r *callReader) nameOf(key methodKey, c *capture.Call) *namedMethod {
	n := &namedMethod{methodKey: key, name: key.method}
	if key.service != "" {
		n.name = key.service + "." + key.method
		n.method = r.method(key.service + ":" + key.method)
	}
	if n.method == nil { // services may have other names in the header
		n.method = r.method(key.method)
	}
	if n.method == nil && isForeign(c) {
		n.method = r.spelled(key)
	}
	if n.method != nil {
		n.name = n.method.String()
	}
	n.quoted = jsontext.AppendString(nil, n.name)
	return n
}

// isForeign reports whether a call is one of another framework.
func isForeign(c *capture.Call) bool {
	return c.Request != nil && c.Request.Codec != nil || c.Reply != nil && c.Reply.Codec != nil
}

// spelled returns the method that a call of another framework names as its languages spell it, such as GetUser for get_user: one of the
// service if it is known, else one of any.
func (r *callReader) spelled(key methodKey) *schema.Method {
	if r.file == nil {
		return nil
	}
	name, services := plan.FoldName(key.method), servicesOf(r.file)
	if svc := r.file.Service(key.service); svc != nil {
		services = []*schema.Service{svc}
	}
	for _, svc := range services {
		for _, m := range svc.AllMethods() {
			if plan.FoldName(m.Name) == name {
				return m
			}
		}
	}
	return nil
}

// methodOf returns the method of a call, or nil.
func (r *callReader) methodOf(c *capture.Call) *schema.Method { return r.named(c).method }

// fullName returns Service.method as far as it is known.
func (r *callReader) fullName(c *capture.Call) string { return r.named(c).name }

// json appends the arguments of method as JSON; what a message has by ids if method is nil.
func (r *callReader) json(dst []byte, m *capture.Message, method *schema.Method) ([]byte, error) {
	if method == nil {
		if m.Codec != nil {
			return dst, fmt.Errorf("messages in %s over %s cannot be read without their types: --idl is needed", m.Protocol, m.Transport)
		}
		if m.NeedsSchema() {
			return dst, fmt.Errorf("messages in %s have names in place of ids: --idl is needed", m.Protocol)
		}
		s, err := m.Decode(anything())
		if err != nil {
			return dst, err
		}
		return r.decoder.value(dst, s)
	}
	opts := dynamic.JSONOptions{Binary: r.form, Redact: r.redact}
	if m.Codec == nil {
		return m.AppendJSON(dst, method.Args, opts)
	}
	s, err := m.Value(method)
	if err != nil {
		return dst, err
	}
	return dynamic.AppendJSON(dst, s.Schema().Type(), dynamic.StructValue(s), opts)
}

// An answerText is what a reply says.
type answerText struct {
	kind string // result, exception, error; "" if nothing is known
	name string // of the exception or the kind of error
	json []byte // the result, or the value of the exception; nil for void
	code int32  // of the error
	text string // of the error
	err  error  // why it cannot be read
}

// outcome reads the reply of a call.
func (r *callReader) outcome(c *capture.Call) answerText {
	m := c.Reply
	if m == nil {
		return answerText{}
	}
	if c.Status == capture.StatusError {
		o := answerText{kind: "error"}
		if f := m.Failure; f != nil {
			o.code, o.name, o.text = int32(f.Code), f.Name, strings.ToValidUTF8(f.Text, "\ufffd")
			return o
		}
		s, err := m.Decode(rpcError())
		if err != nil {
			o.err = err
			return o
		}
		o.code = int32(s.Get("type").Int())
		o.name, o.text = rpc.Code(o.code).String(), strings.ToValidUTF8(s.Get("message").Text(), "\ufffd")
		return o
	}
	o := answerText{kind: "result"}
	if c.Status == capture.StatusException {
		o.kind = "exception"
	}
	method := r.methodOf(c)
	if method == nil {
		o.json, o.err = r.json(nil, m, nil)
		if o.kind == "exception" {
			o.name = "exception"
		}
		return o
	}
	opts := dynamic.JSONOptions{Binary: r.form, Redact: r.redact}
	if text, f, ok := m.AppendResult(nil, method.Reply(), opts); ok {
		if f != nil {
			o.json = text
		}
		if f != nil && f.ID != 0 {
			o.kind, o.name = "exception", f.Type.Struct.Name
		}
		return o
	}
	var s *dynamic.Struct
	var err error
	if m.Codec != nil {
		s, err = m.Value(method)
	} else {
		s, err = m.Sent(method.Reply())
	}
	if err != nil {
		o.err = err
		return o
	}
	for f, v := range s.Fields() {
		if f.ID != 0 {
			o.kind, o.name = "exception", method.Reply().Fields[f.Index].Type.Struct.Name
		}
		o.json, o.err = dynamic.AppendJSON(nil, f.Type, v, opts)
		return o
	}
	if len(s.Unknown()) > 0 {
		o.json, o.err = raw.AppendJSON(nil, s.Unknown())
		if o.kind == "exception" {
			o.name = "unknown exception"
		}
	}
	return o
}

// args returns the arguments of a call as JSON; nil without a request.
func (r *callReader) args(c *capture.Call) ([]byte, error) {
	if c.Request == nil {
		return nil, nil
	}
	return r.appendArgs(nil, c)
}

// appendArgs appends the arguments of a call, of which there is a request, as JSON.
func (r *callReader) appendArgs(dst []byte, c *capture.Call) ([]byte, error) {
	return r.json(dst, c.Request, r.methodOf(c))
}

const shortText = 100 // bytes of arguments or a result in a line

// inShort returns the beginning of a JSON text.
func inShort(text []byte) string {
	if len(text) <= shortText {
		return string(text)
	}
	n := shortText - len("…")
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return string(text[:n]) + "…"
}

// appendLine appends the one-line view of a call.
func (r *callReader) appendLine(dst []byte, c *capture.Call) []byte {
	dst = c.Time().AppendFormat(dst, "15:04:05.000000")
	dst = fmt.Appendf(dst, " %s > %s %s ", c.Client, c.Server, r.fullName(c))
	size := 0
	switch args, err := r.args(c); {
	case c.Request == nil:
		dst = append(dst, "?"...)
	case err != nil:
		size = c.Request.Size
		dst = append(dst, r.cannot(c.Request, err)...)
	default:
		size = c.Request.Size
		dst = append(dst, inShort(args)...)
	}
	switch o := r.outcome(c); {
	case c.Status == capture.StatusOneway:
		dst = append(dst, " (oneway)"...)
	case c.Reply == nil:
		dst = append(append(dst, " → ?"...), " ("+c.Note+")"...)
	case o.err != nil:
		dst = append(append(dst, " → "...), o.name...)
		if o.name != "" {
			dst = append(dst, ' ')
		}
		dst = append(dst, r.cannot(c.Reply, o.err)...)
	case o.kind == "error":
		dst = fmt.Appendf(dst, " → error %s: %s", o.name, inShort([]byte(strconv.Quote(o.text))))
	case o.kind == "exception":
		dst = append(append(dst, " → "...), o.name+" "...)
		dst = append(dst, inShort(o.json)...)
	case o.json == nil:
		dst = append(dst, " → void"...)
	default:
		dst = append(append(dst, " → "...), inShort(o.json)...)
	}
	if c.Request == nil {
		dst = append(dst, " ("+c.Note+")"...)
	}
	if c.Reply != nil {
		size += c.Reply.Size
	}
	if d, ok := c.Latency(); ok {
		dst = fmt.Appendf(dst, " %s", brief(d))
	}
	return fmt.Appendf(dst, " %s\n", plural.Of(size, "byte"))
}

// cannot says why a message is not shown.
func (r *callReader) cannot(m *capture.Message, err error) string {
	if m.Missing > 0 {
		return fmt.Sprintf("(%s of it were not captured)", plural.Of(m.Missing, "byte"))
	}
	return "(" + err.Error() + ")"
}

// appendJSONLine appends a call as a line of JSON. With a reply it is an entry of a mock's record.
func (r *callReader) appendJSONLine(dst []byte, c *capture.Call) []byte {
	first := c.Request
	if first == nil {
		first = c.Reply
	}
	text := func(name, value string) {
		if value != "" {
			dst = append(append(append(dst, `,"`...), name...), `":`...)
			dst = jsontext.AppendString(dst, value)
		}
	}
	number := func(name string, n int64) {
		dst = append(append(append(dst, `,"`...), name...), `":`...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	dst = r.line.appendTime(append(dst, `{"time":"`...), c.Time())
	dst = append(append(dst, '"'), r.line.conn(c)...)
	if name := r.named(c); name.name != "" {
		dst = append(append(dst, `,"method":`...), name.quoted...)
	}
	number("seqid", int64(first.SeqID))
	dst = append(dst, r.line.way(first)...)
	if len(first.Metadata) > 0 {
		md, _ := json.Marshal(first.Metadata) // texts always can be
		dst = append(append(dst, `,"metadata":`...), md...)
	}
	dst = append(append(append(dst, `,"status":"`...), c.Status.String()...), '"')
	notes, missing := c.Note, 0
	note := func(what string, err error) {
		if notes != "" {
			notes += "; "
		}
		notes += what + ": " + err.Error()
	}
	if c.Request != nil {
		missing = c.Request.Missing
		start := len(dst)
		var err error
		if dst, err = r.appendArgs(append(dst, `,"args":`...), c); err != nil {
			dst = dst[:start]
			note("arguments", err)
		}
	}
	answered := true
	if c.Reply != nil {
		missing += c.Reply.Missing
		dst, answered = r.appendResult(dst, c)
	}
	if !answered {
		switch o := r.outcome(c); {
		case o.err != nil:
			note("reply", o.err)
		case o.kind == "error":
			dst = strconv.AppendInt(append(dst, `,"error":{"code":`...), int64(o.code), 10)
			text("kind", o.name)
			dst = jsontext.AppendString(append(dst, `,"message":`...), o.text)
			dst = append(dst, '}')
		case o.kind == "exception":
			text("exception", o.name)
			dst = append(append(dst, `,"value":`...), o.json...)
		case o.json == nil:
			dst = append(dst, `,"result":null`...)
		default:
			dst = append(append(dst, `,"result":`...), o.json...)
		}
	}
	if d, ok := c.Latency(); ok {
		dst = appendMicros(append(dst, `,"micros":`...), d)
	}
	if c.Request != nil {
		number("request_bytes", int64(c.Request.Size))
	}
	if c.Reply != nil {
		number("reply_bytes", int64(c.Reply.Size))
	}
	if missing > 0 {
		number("missing_bytes", int64(missing))
	}
	text("note", notes)
	return append(dst, `,"by":"capture"}`+"\n"...)
}

// appendResult appends the result of a call that has one, and reports whether it did; outcome reads the others.
func (r *callReader) appendResult(dst []byte, c *capture.Call) ([]byte, bool) {
	method := r.methodOf(c)
	if method == nil || c.Status != capture.StatusOK {
		return dst, false
	}
	start := len(dst)
	dst, f, ok := c.Reply.AppendResult(append(dst, `,"result":`...), method.Reply(), dynamic.JSONOptions{Binary: r.form, Redact: r.redact})
	switch {
	case !ok || f != nil && f.ID != 0:
		return dst[:start], false
	case f == nil:
		dst = append(dst, "null"...)
	}
	return dst, true
}

// appendTime appends a time in the form of RFC 3339, as UTC.
func (l *lineCache) appendTime(dst []byte, t time.Time) []byte {
	if second := t.Unix(); second != l.second || l.time == nil {
		l.second, l.time = second, t.UTC().AppendFormat(l.time[:0], "2006-01-02T15:04:05")
	}
	dst = append(dst, l.time...)
	return append(appendFraction(dst, uint64(t.Nanosecond()), 9), 'Z')
}

// appendMicros appends a duration in microseconds.
func appendMicros(dst []byte, d time.Duration) []byte {
	if d < 0 {
		d, dst = -d, append(dst, '-')
	}
	dst = strconv.AppendUint(dst, uint64(d)/1000, 10)
	return appendFraction(dst, uint64(d)%1000, 3)
}

// appendFraction appends n, of so many digits, as the fraction of a number, without zeros at the end.
func appendFraction(dst []byte, n uint64, digits int) []byte {
	if n == 0 {
		return dst
	}
	for ; n%10 == 0; n /= 10 {
		digits--
	}
	start := len(dst) + 1
	dst = append(dst, ".000000000"[:1+digits]...)
	for i := start + digits - 1; n > 0; i, n = i-1, n/10 {
		dst[i] = byte('0' + n%10)
	}
	return dst
}

// conn returns the members that name the connection of a call.
func (l *lineCache) conn(c *capture.Call) []byte {
	known := &l.conns[uint64(c.Conn)%uint64(len(l.conns))]
	if known.text == nil || known.conn != c.Conn || known.client != c.Client || known.server != c.Server {
		known.conn, known.client, known.server = c.Conn, c.Client, c.Server
		text := strconv.AppendInt(append(known.text[:0], `,"conn":`...), c.Conn, 10)
		text = c.Client.AppendTo(append(text, `,"peer":"`...))
		text = c.Server.AppendTo(append(text, `","server":"`...))
		known.text = append(text, '"')
	}
	return known.text
}

// way returns the members that say in which way a message came.
func (l *lineCache) way(m *capture.Message) []byte {
	known := &l.transport
	if known.text == nil || known.protocol != m.Protocol || known.transport != m.Transport || known.over != m.Over || known.target != m.Target {
		known.protocol, known.transport, known.over, known.target = m.Protocol, m.Transport, m.Over, m.Target
		text := known.text[:0]
		for _, member := range [...]struct{ name, value string }{
			{"protocol", m.Protocol}, {"transport", m.Transport}, {"over", m.Over}, {"path", m.Target},
		} {
			if member.value != "" {
				text = append(append(append(text, `,"`...), member.name...), `":`...)
				text = jsontext.AppendString(text, member.value)
			}
		}
		known.text = text
	}
	return known.text
}

// printFull prints a call with its values, indented.
func (r *callReader) printFull(w io.Writer, c *capture.Call) error {
	out := bytes.NewBuffer(r.appendLine(nil, c))
	show := func(title string, text []byte) {
		if text == nil {
			return
		}
		out.WriteString("  " + title + " ")
		_ = json.Indent(out, text, "  ", "  ") // it is valid
		out.WriteByte('\n')
	}
	for _, m := range []*capture.Message{c.Request, c.Reply} {
		if m == nil {
			continue
		}
		fmt.Fprintf(out, "  %s: seqid %d, %s over %s", m.Type, m.SeqID, m.Protocol, m.Transport)
		if m.Over != "" {
			fmt.Fprintf(out, " in %s", m.Over)
		}
		if m.Target != "" {
			fmt.Fprintf(out, ", path %s", m.Target)
		}
		fmt.Fprintf(out, ", %s\n", plural.Of(m.Size, "byte"))
		if len(m.Metadata) > 0 {
			text, err := json.Marshal(m.Metadata)
			if err != nil {
				return err
			}
			show("metadata", text)
		}
		if m == c.Request {
			if args, err := r.args(c); err == nil {
				show("arguments", args)
			}
		} else if o := r.outcome(c); o.err == nil {
			show(strings.TrimSpace(o.kind+" "+o.name), o.json)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// printExplained prints a call with every range of its bytes.
func (r *callReader) printExplained(w io.Writer, c *capture.Call) error {
	out := bytes.NewBuffer(r.appendLine(nil, c))
	method := r.methodOf(c)
	for i, m := range []*capture.Message{c.Request, c.Reply} {
		if m == nil {
			continue
		}
		var ranges []explain.Range
		var err error
		b := m.Bytes
		switch f := foreignNamed(m.Transport); {
		case f != nil && m.Whole != nil:
			b = m.Whole
			ranges = f.ExplainMessage(b, method)
		case m.Codec == nil:
			ranges, err = explain.Stream(b, explain.Options{Protocol: m.Protocol, Method: func(string) *schema.Method { return method }})
		}
		mark := []string{"  > ", "  < "}[i]
		for line := range strings.SplitSeq(strings.TrimSuffix(string(explain.AppendDump(nil, b, ranges)), "\n"), "\n") {
			out.WriteString(mark + line + "\n")
		}
		if m.Missing > 0 {
			fmt.Fprintf(out, "%s%s were not captured\n", mark, plural.Of(m.Missing, "byte"))
		} else if err != nil {
			fmt.Fprintf(out, "%s%v\n", mark, err)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// foreignTargets has the transports of captured messages that are schemes of targets, with what the key protocol is for the protocols that
// are not the scheme's default.
var foreignTargets = map[string]map[string]string{
	"dubbo":  {},
	"motan2": {"hessian2": "hessian2"},
	"rpcx":   {"json": "json", "msgpack": "msgpack", "proto": "proto"},
}

// callTarget returns the target that a call was sent to, as the command call takes it.
func callTarget(c *capture.Call) string {
	m := c.Request
	q := url.Values{}
	if m.Protocol != "binary" {
		q.Set("protocol", m.Protocol)
	}
	address, scheme := c.Server.String(), ""
	if strings.Contains(m.Over, "tls") {
		scheme = "tls://"
	}
	switch m.Transport {
	case "http":
		scheme = "http://"
		if strings.Contains(m.Over, "tls") {
			scheme = "https://"
		}
		address += m.Target
	case "framed", "header", "ttheader":
		q.Set("transport", m.Transport)
	case "sasl":
		q.Set("transport", "framed")
	case "grpc", "connect":
		scheme = m.Transport + "://"
		if q.Del("protocol"); m.Protocol == "json" {
			q.Set("protocol", "json")
		}
		if strings.Contains(m.Over, "tls") {
			scheme = m.Transport + "s://"
		}
		if len(q) > 0 {
			address += "?" + q.Encode()
		}
		return scheme + address
	}
	if protocols, ok := foreignTargets[m.Transport]; ok {
		scheme, q = m.Transport+"://", url.Values{}
		if strings.Contains(m.Over, "tls") {
			scheme = m.Transport + "s://"
		}
		if name := protocols[m.Protocol]; name != "" {
			q.Set("protocol", name)
		}
		if strings.Contains(m.Over, "gzip") {
			q.Set("compression", "gzip")
		}
		if m.Target != m.Service() {
			q.Set("service", m.Target)
		}
		if m.Transport == "dubbo" {
			for _, key := range []string{"group", "version"} {
				if v := m.Metadata[key]; v != "" && v != "0.0.0" { // which Java writes for none
					q.Set(key, v)
				}
			}
		}
		if len(q) > 0 {
			address += "?" + q.Encode()
		}
		return scheme + address
	}
	if strings.Contains(m.Over, "zlib") {
		q.Set("compression", "zlib")
	}
	if service, _, ok := strings.Cut(m.Name, ":"); ok {
		q.Set("service", service)
	}
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	return scheme + address
}

// printCommand prints the command that repeats a call.
func (r *callReader) printCommand(w io.Writer, c *capture.Call, idl []string) error {
	if c.Request == nil || c.Request.Missing > 0 {
		return nil
	}
	m := r.methodOf(c)
	if m == nil {
		_, err := fmt.Fprintf(w, "# %s: --idl does not declare it\n", r.fullName(c))
		return err
	}
	args, err := r.args(c)
	if err != nil {
		_, err := fmt.Fprintf(w, "# %s: %v\n", m, err)
		return err
	}
	words := []string{"thriftkit", "call"}
	for _, name := range idl {
		words = append(words, "--idl", shellQuote(name))
	}
	if h := c.Request.Transport; h == "header" || h == "ttheader" {
		names := make([]string, 0, len(c.Request.Metadata))
		for name := range c.Request.Metadata {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			words = append(words, "-H", shellQuote(name+": "+c.Request.Metadata[name]))
		}
	}
	words = append(words, shellQuote(callTarget(c)), m.String())
	if len(m.Args.Fields) > 0 {
		words = append(words, "-d", shellQuote(string(args)))
	}
	_, err = fmt.Fprintln(w, strings.Join(words, " "))
	return err
}

func shellQuote(s string) string {
	plain := s != ""
	for _, c := range []byte(s) {
		plain = plain && (c == '.' || c == '/' || c == ':' || c == '_' || c == '-' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z')
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// filterFields are the fields of filters, with what they are.
var filterFields = []struct{ name, what string }{
	{"method", "the method's name"}, {"service", "the service's name"}, {"client", "the client's address"}, {"server", "the server's address"},
	{"status", "ok, exception, error, oneway, no reply, unknown"}, {"latency", "such as 10ms"}, {"exception", "the exception's name"}, {"error", "the kind of error"},
	{"message", "the error's message"}, {"oneway", "true or false"}, {"args", "the arguments, as in args.name"}, {"result", "the result, as in result.name"},
	{"value", "the exception, as in value.name"}, {"size", "bytes of request and reply"}, {"request_bytes", ""}, {"reply_bytes", ""},
	{"protocol", "binary, compact, …"}, {"transport", "buffered, framed, …"}, {"over", "tls, zlib"}, {"conn", "the connection's number"}, {"seqid", "the sequence id"},
	{"metadata", "what the header says, as in metadata.name"}, {"path", "of HTTP"}, {"note", "why something is missing"}, {"missing", "bytes that were not captured"},
}

func filterNames() []string {
	names := make([]string, len(filterFields))
	for i, f := range filterFields {
		names[i] = f.name
	}
	return names
}

// parseFilter reads a filter; nil for "".
func parseFilter(text string) (*filter.Filter, error) {
	if text == "" {
		return nil, nil
	}
	f, err := filter.Parse(text, filterNames())
	if err != nil {
		return nil, usagef("%w", err)
	}
	return f, nil
}

// matches reports whether a call is what f selects; nil selects everything.
func (r *callReader) matches(f *filter.Filter, c *capture.Call) bool {
	if f == nil {
		return true
	}
	var o *answerText // read when it is needed
	read := func() *answerText {
		if o == nil {
			found := r.outcome(c)
			o = &found
		}
		return o
	}
	first := c.Request
	if first == nil {
		first = c.Reply
	}
	return f.Match(func(path []string) any {
		switch path[0] {
		case "method":
			if m := c.Method(); len(path) == 1 {
				return m
			}
		case "service":
			if m := r.methodOf(c); m != nil {
				return m.Service.Name
			}
			return textOrNil(c.Service())
		case "client":
			return c.Client.String()
		case "server":
			return c.Server.String()
		case "status":
			return c.Status.String()
		case "latency":
			if d, ok := c.Latency(); ok {
				return d
			}
		case "exception":
			if c.Status == capture.StatusException {
				if name := read().name; name != "" {
					return name
				}
				return true
			}
		case "error":
			if c.Status == capture.StatusError {
				if name := read().name; name != "" {
					return name
				}
				return true
			}
		case "message":
			return textOrNil(read().text)
		case "oneway":
			return c.Status == capture.StatusOneway
		case "args":
			if text, err := r.args(c); err == nil && text != nil {
				return inJSON(text, path[1:])
			}
		case "result", "value":
			if out := read(); out.json != nil && (out.kind == "result") == (path[0] == "result") {
				return inJSON(out.json, path[1:])
			}
		case "size":
			return float64(bytesOf(c.Request) + bytesOf(c.Reply))
		case "request_bytes":
			return float64(bytesOf(c.Request))
		case "reply_bytes":
			return float64(bytesOf(c.Reply))
		case "protocol":
			return first.Protocol
		case "transport":
			return first.Transport
		case "over":
			return textOrNil(first.Over)
		case "conn":
			return float64(c.Conn)
		case "seqid":
			return float64(first.SeqID)
		case "metadata":
			if len(path) == 1 {
				return len(first.Metadata) > 0
			}
			return textOrNil(first.Metadata[strings.Join(path[1:], ".")])
		case "path":
			return textOrNil(first.Target)
		case "note":
			return textOrNil(c.Note)
		case "missing":
			n := 0
			for _, m := range []*capture.Message{c.Request, c.Reply} {
				if m != nil {
					n += m.Missing
				}
			}
			return float64(n)
		}
		return nil
	})
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func bytesOf(m *capture.Message) int {
	if m == nil {
		return 0
	}
	return m.Size
}

// inJSON returns the part of a JSON text that a path names.
func inJSON(text []byte, path []string) any {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	for _, name := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// completeFilter completes the last part of a filter.
func completeFilter(file *schema.File, toComplete string) []string {
	cut := strings.LastIndexAny(toComplete, "&|!( ") + 1
	before, part := toComplete[:cut], toComplete[cut:]
	var out []string
	if at := strings.IndexAny(part, "=<>~"); at >= 0 {
		name, values := part[:at], []string(nil)
		op := part[at:]
		for len(op) > 0 && strings.ContainsRune("=<>~", rune(op[0])) {
			op = op[1:]
		}
		head := before + part[:len(part)-len(op)]
		switch strings.TrimSuffix(name, "!") {
		case "method":
			if file != nil {
				for _, svc := range servicesOf(file) {
					values = append(values, methodNames(svc)...)
				}
			}
		case "service":
			if file != nil {
				for _, svc := range servicesOf(file) {
					values = append(values, svc.Name)
				}
			}
		case "exception":
			if file != nil {
				for _, s := range file.Structs {
					if s.Kind == schema.Exception {
						values = append(values, s.Name)
					}
				}
			}
		case "status":
			for s := capture.StatusUnknown; s <= capture.StatusNoReply; s++ {
				values = append(values, strconv.Quote(s.String()))
			}
		case "transport":
			values = []string{wire.Buffered.String(), wire.Framed.String(), wire.THeader.String(), wire.TTHeader.String(), wire.FramedTHeader.String(), "http", "udp", "sasl"}
		case "protocol":
			values = []string{"binary", "compact", "json", "thriftpy2-json", "simple-json"}
		}
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			if strings.HasPrefix(v, op) {
				out = append(out, head+v)
			}
		}
		return out
	}
	if root, _, ok := strings.Cut(part, "."); ok && file != nil && (root == "args" || root == "result" || root == "value") {
		at := strings.LastIndexByte(part, '.') + 1
		for _, name := range namesUnder(valuesOf(file, root), strings.Split(part[:at-1], ".")[1:]) {
			if strings.HasPrefix(name, part[at:]) {
				out = append(out, before+part[:at]+name)
			}
		}
		return out
	}
	for _, f := range filterFields {
		if strings.HasPrefix(f.name, part) {
			text := before + f.name
			if f.what != "" {
				text += "\t" + f.what
			}
			out = append(out, text)
		}
	}
	return out
}

// valuesOf returns the structs whose fields filters name after args, result or value.
func valuesOf(file *schema.File, what string) []*schema.Struct {
	var list []*schema.Struct
	for _, svc := range servicesOf(file) {
		for _, m := range svc.AllMethods() {
			switch {
			case what == "args":
				list = append(list, m.Args)
			case what == "result":
				list = append(list, m.Result.Struct)
			default:
				for _, f := range m.Throws {
					list = append(list, f.Type.Struct)
				}
			}
		}
	}
	return list
}

// namesUnder returns the names of the fields that are at the end of path in structs, sorted; nil structs have none.
func namesUnder(structs []*schema.Struct, path []string) []string {
	for _, step := range path {
		step, _, _ = strings.Cut(step, "[")
		var next []*schema.Struct
		for _, s := range structs {
			if s == nil {
				continue
			}
			for _, f := range s.Fields {
				t := f.Type
				for t.Kind == schema.KindList || t.Kind == schema.KindSet {
					t = t.Elem
				}
				if f.Name == step {
					next = append(next, t.Struct)
				}
			}
		}
		structs = next
	}
	var names []string
	for _, s := range structs {
		if s != nil {
			for _, f := range s.Fields {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
