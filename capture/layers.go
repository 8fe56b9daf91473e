package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"iter"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// client returns the end that sends calls; before that is known, the one with the higher port.
func (c *conn) client() netip.AddrPort {
	if c.proxied.IsValid() {
		return c.proxied
	}
	return c.ends[c.clientDir()]
}

func (c *conn) server() netip.AddrPort { return c.ends[1-c.clientDir()] }

func (c *conn) clientDir() int {
	if c.pairing.client >= 0 {
		return c.pairing.client
	}
	if c.ends[1].Port() > c.ends[0].Port() {
		return 1
	}
	return 0
}

// datagram takes a datagram of UDP, which has one message.
func (a *Assembler) datagram(s segment) {
	if len(s.payload) == 0 {
		return
	}
	c, dir := a.conn(&s, true)
	c.pairing.gaps = true // whatever is lost, nobody notices
	st := c.halves[dir].stream
	st.transport = "udp"
	m := mark{time: s.time}
	if s.missing > 0 {
		d, ok := detect.Bytes(s.payload, a.opts.MaxMessageBytes)
		if !ok || !strong(d) || d.Framed {
			return
		}
		st.use(d)
		st.marks = append(st.marks[:0], placedMark{0, m})
		st.incomplete(s.payload)
		return
	}
	probe := &stream{c: c, dir: dir}
	d, n, _ := probe.try(s.payload)
	if n != len(s.payload) {
		return
	}
	st.use(d)
	st.marks = append(st.marks[:0], placedMark{0, m})
	head := 0
	if d.Framed || d.Envelope != detect.None {
		head = 4
	}
	st.message(s.payload[head:], n, 0, n-1)
}

// proxyHeader reads the header of the PROXY protocol (haproxy.org, proxy-protocol.txt), with which a proxy says who its client
// is. It returns its length, 0 if there is none, and whether more has to come to tell.
func (s *stream) proxyHeader(b []byte) (n int, more bool) {
	const v1, v2, longest = "PROXY ", "\r\n\r\n\x00\r\nQUIT\n", 107
	switch {
	case bytes.HasPrefix(b, []byte(v1)):
		line, _, ok := bytes.Cut(b[:min(len(b), longest)], []byte("\r\n"))
		if !ok {
			return 0, len(b) < longest
		}
		if words := strings.Fields(string(line)); len(words) == 6 { // PROXY TCP4 source destination port port
			s.c.setProxied(words[2], words[4])
		}
		return len(line) + 2, false
	case bytes.HasPrefix(b, []byte(v2)):
		if len(b) < 16 {
			return 0, true
		}
		n := 16 + int(binary.BigEndian.Uint16(b[14:]))
		if len(b) < n {
			return 0, true
		}
		switch family := b[13] >> 4; {
		case b[12]&0x0f != 1: // the proxy's own connection
		case family == 1 && n >= 16+12:
			s.c.proxied = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:])), binary.BigEndian.Uint16(b[24:]))
		case family == 2 && n >= 16+36:
			s.c.proxied = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[16:])), binary.BigEndian.Uint16(b[48:]))
		}
		return n, false
	case len(b) < len(v2) && (strings.HasPrefix(v2, string(b)) || strings.HasPrefix(v1, string(b))):
		return 0, true
	}
	return 0, false
}

func (c *conn) setProxied(host, port string) {
	addr, err := netip.ParseAddr(host)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err == nil && err2 == nil {
		c.proxied = netip.AddrPortFrom(addr, uint16(n))
	}
}

// A zlibLayer decompresses one direction of a connection. The decompressor runs as a coroutine, which pauses when it has
// read all that has come.
type zlibLayer struct {
	inner *stream
	input []byte
	more  func() ([]byte, bool)
	stop  func()
	dead  bool
}

func newZlibLayer(s *stream) *zlibLayer {
	l := &zlibLayer{inner: s.sub("zlib")}
	l.more, l.stop = iter.Pull(l.inflate)
	return l
}

// inflate yields what it decompresses, and nil when it needs more input.
func (l *zlibLayer) inflate(yield func([]byte) bool) {
	r, err := zlib.NewReader(&zlibInput{l, yield})
	if err != nil {
		return
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 && !yield(buf[:n]) || err != nil {
			return
		}
	}
}

type zlibInput struct {
	l     *zlibLayer
	yield func([]byte) bool
}

func (r *zlibInput) wait() bool {
	for len(r.l.input) == 0 {
		if !r.yield(nil) {
			return false
		}
	}
	return true
}

func (r *zlibInput) Read(p []byte) (int, error) {
	if !r.wait() {
		return 0, io.EOF
	}
	n := copy(p, r.l.input)
	r.l.input = r.l.input[n:]
	return n, nil
}

func (r *zlibInput) ReadByte() (byte, error) {
	if !r.wait() {
		return 0, io.EOF
	}
	c := r.l.input[0]
	r.l.input = r.l.input[1:]
	return c, nil
}

func (l *zlibLayer) data(b []byte, m mark) {
	if l.dead {
		return
	}
	l.input = b
	for {
		out, ok := l.more()
		if !ok {
			l.dead = true
			break
		}
		if out == nil {
			break
		}
		l.inner.data(out, m)
	}
	l.input = nil
}

// gap ends the stream: what follows cannot be decompressed.
func (l *zlibLayer) gap(n int, m mark) {
	if !l.dead {
		l.dead = true
		l.inner.gap(n, m)
	}
}

func (l *zlibLayer) end() {
	l.dead = true
	l.stop()
	l.inner.end()
	l.inner.close()
}

// An httpLayer finds the bodies of requests or responses of HTTP/1.1 (RFC 9112).
type httpLayer struct {
	outer  *stream
	inner  *stream // of the body
	buf    []byte
	body   []byte
	mark   mark // of what is looked at
	first  mark // of the body
	state  httpState
	left   int // bytes of the body, or of a chunk
	path   string
	method string
	status int // of a response
	fields textproto.MIMEHeader
	gzip   bool // the body is compressed
	lost   bool
}

type httpState uint8

const (
	httpHead httpState = iota
	httpBody
	httpChunk      // the line with the length of a chunk
	httpChunkBytes // the chunk, and the end of its line
	httpTrailer
	httpSkip // a body of which a part is missing
)

func newHTTPLayer(s *stream) *httpLayer {
	l := &httpLayer{outer: s, inner: s.sub("")}
	l.inner.over = s.over
	l.inner.transport = "http"
	return l
}

func (l *httpLayer) end() { l.inner.close() }

func (l *httpLayer) data(b []byte, m mark) {
	if l.lost {
		if m.inside || !(len(b) >= 8 && msgio.IsHTTP(b) || bytes.HasPrefix(b, []byte("HTTP/1."))) {
			return
		}
		l.lost = false
	}
	l.mark = m
	was := cap(l.buf) + cap(l.body)
	l.buf = append(l.buf, b...)
	used := 0
	for !l.lost {
		n := l.step(l.buf[used:])
		if n == 0 {
			break
		}
		used += n
	}
	if l.lost {
		l.outer.c.loseHTTP("the connection is not understood as HTTP")
		l.buf, l.body = nil, nil
	} else {
		l.buf = l.buf[:copy(l.buf, l.buf[used:])]
	}
	l.outer.c.a.buffered += cap(l.buf) + cap(l.body) - was
}

// step reads the next part and returns its length; 0 if more has to come.
func (l *httpLayer) step(b []byte) int {
	switch l.state {
	case httpHead:
		return l.head(b)
	case httpSkip:
		n := min(l.left, len(b))
		if l.left -= n; l.left == 0 {
			l.state = httpHead
		}
		return n
	case httpBody:
		n := min(l.left, len(b))
		l.add(b[:n])
		if l.left -= n; l.left == 0 && n > 0 {
			l.done()
		}
		return n
	case httpChunk, httpTrailer:
		i := bytes.Index(b, []byte("\r\n"))
		if i < 0 {
			l.lost = len(b) > 4096
			return 0
		}
		if l.state == httpTrailer {
			if i == 0 {
				l.done()
			}
			return i + 2
		}
		size, _, _ := strings.Cut(string(b[:i]), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil || int(n)+len(l.body) > l.outer.c.a.opts.MaxMessageBytes {
			l.lost = true
			return 0
		}
		if l.left, l.state = int(n), httpChunkBytes; n == 0 {
			l.state = httpTrailer
		}
		return i + 2
	}
	if len(b) < l.left+2 { // a chunk, whole
		return 0
	}
	l.add(b[:l.left])
	l.state = httpChunk
	return l.left + 2
}

func (l *httpLayer) add(b []byte) {
	if len(l.body) == 0 {
		l.first = l.mark
	}
	l.body = append(l.body, b...)
}

// head reads the header of a request or a response.
func (l *httpLayer) head(b []byte) int {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		l.lost = len(b) > msgio.MaxHTTPHeaderBytes
		return 0
	}
	line, rest, _ := strings.Cut(string(b[:i+4]), "\r\n")
	fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest))).ReadMIMEHeader()
	words := strings.SplitN(line, " ", 3)
	if err != nil || len(words) < 2 || !strings.HasPrefix(line, "HTTP/") && (len(words) < 3 || !strings.HasPrefix(words[2], "HTTP/")) {
		l.lost = true
		return 0
	}
	l.path, l.method, l.status, l.fields, l.body, l.first = "", "", 0, fields, l.body[:0], l.mark
	l.gzip = strings.Contains(fields.Get("Content-Encoding"), "gzip")
	if strings.HasPrefix(line, "HTTP/") {
		code := words[1]
		if strings.HasPrefix(code, "1") {
			return i + 4
		}
		if l.status, err = strconv.Atoi(code); err != nil || l.status < 100 {
			l.lost = true
			return 0
		}
		if code == "204" || code == "304" {
			l.httpMessage(nil)
			return i + 4
		}
	} else {
		l.method, l.path = words[0], words[1]
	}
	length := fields.Get("Content-Length")
	switch {
	case strings.Contains(strings.ToLower(fields.Get("Transfer-Encoding")), "chunked"):
		l.state = httpChunk
	case length != "":
		n, err := strconv.ParseUint(length, 10, 31)
		if err != nil || int(n) > l.outer.c.a.opts.MaxMessageBytes {
			l.lost = true
			return 0
		}
		if l.left = int(n); n > 0 {
			l.state = httpBody
		}
	}
	switch {
	case l.state != httpHead:
	case l.status > 0 && length == "": // up to the end of the connection
		l.outer.c.loseHTTP("the response has no length")
	default:
		l.httpMessage(nil)
	}
	return i + 4
}

// done hands the body on.
func (l *httpLayer) done() {
	l.state = httpHead
	in := l.inner
	in.over = l.outer.over
	if l.gzip && len(l.body) > 0 {
		l.body = gunzip(l.body, l.outer.c.a.opts.MaxMessageBytes)
		if in.over != "" {
			in.over += "+"
		}
		in.over += "gzip"
	}
	l.httpMessage(l.body)
	if d, n, _ := in.try(l.body); n > 0 {
		known := in.known
		in.use(d)
		in.target = l.path
		for rest := l.body; len(rest) > 0; {
			n, head, err := in.extent(rest)
			if err != nil || n == 0 || n > len(rest) || n == head {
				break
			}
			in.marks = append(in.marks[:0], placedMark{0, l.first}, placedMark{n - 1, l.mark})
			if !in.message(rest[head:n], n, 0, n-1) {
				break
			}
			rest = rest[n:]
		}
		in.known = known // each body says for itself what it is
	}
	l.body = l.body[:0]
}

// gunzip returns what b decompresses to; nil if it is no gzip, or more than limit bytes.
func gunzip(b []byte, limit int) []byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil || len(out) > limit {
		return nil
	}
	return out
}

func (l *httpLayer) gap(n int, m mark) {
	l.outer.c.loseHTTP("bytes of the connection are missing")
	if l.state == httpBody || l.state == httpSkip {
		if n <= l.left {
			l.left -= n
			l.state, l.body = httpSkip, l.body[:0]
			if l.left == 0 {
				l.state = httpHead
			}
			return
		}
	}
	l.state, l.lost, l.buf, l.body = httpHead, true, nil, nil
}
