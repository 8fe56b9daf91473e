package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/explain"
)

// A tap is the listener of a client: it sees how its connections are made and what goes over them, above
// TLS and compression.
type tap struct {
	keep int  // bytes in each direction
	dry  bool // nothing is connected, and nothing sent

	foreign bool          // the target is one of another framework
	codec   *foreignCodec // of that; nil if its messages cannot be shown
	group   bool          // address is that of the instance to which the last connection was made

	mu             sync.Mutex
	address        string        // of the target
	connect        time.Duration // how long connecting took
	handshake      time.Duration // and TLS on it
	state          *tls.ConnectionState
	connected      bool
	sent, received []byte // since reset
	cut            bool   // there was more than is kept
	start          time.Time
	wrote, first   time.Time // the last byte out and the first one in
}

// reset begins a call.
func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent, t.received, t.cut = nil, nil, false
	t.start, t.wrote, t.first = time.Now(), time.Time{}, time.Time{}
}

// options returns what makes a client report to t.
func (t *tap) options() []thriftkit.ClientOption {
	if t.dry {
		return []thriftkit.ClientOption{thriftkit.WithDialer(t.dial)}
	}
	opts := []thriftkit.ClientOption{thriftkit.WithStats(t)}
	if t.foreign { // of other frameworks' connections the statistics tell nothing
		opts = append(opts, thriftkit.WithDialer(func(ctx context.Context, target transport.Target, config *tls.Config) (net.Conn, error) {
			start := time.Now()
			nc, err := target.Dial(ctx, config)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connected, t.connect = err == nil, time.Since(start)
			if err == nil && t.codec != nil {
				nc = &tappedConn{nc, t}
			}
			return nc, err
		}))
	}
	return opts
}

// dial returns a connection to nobody.
func (t *tap) dial(ctx context.Context, target transport.Target, config *tls.Config) (net.Conn, error) {
	return &dryConn{tap: t, http: target.HTTP, whole: make(chan struct{}), closed: make(chan struct{})}, nil
}

// A tappedConn reports what goes over it.
type tappedConn struct {
	net.Conn
	tap *tap
}

func (c *tappedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.tap.HandleBytes(0, false, b[:n])
	}
	return n, err
}

func (c *tappedConn) Write(b []byte) (int, error) {
	c.tap.HandleBytes(0, true, b)
	return c.Conn.Write(b)
}

// HandleConn implements [rpc.Stats].
func (t *tap) HandleConn(e rpc.ConnEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case rpc.ConnOpened:
		t.connected, t.connect, t.handshake, t.state = true, e.Connect, e.Handshake, e.TLS
		if t.group && e.Peer != nil {
			t.address = e.Peer.String()
		}
	case rpc.ConnFailed:
		t.connected = false
	}
}

// HandleCall implements [rpc.Stats].
func (t *tap) HandleCall(context.Context, rpc.CallEvent) {}

// HandleBytes implements [rpc.ByteStats].
func (t *tap) HandleBytes(_ uint64, sent bool, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case sent && len(b) > 0:
		t.wroteLocked(b)
	case sent:
		if t.first.IsZero() { // else the reply came first
			t.wrote = time.Now()
		}
	default:
		if t.first.IsZero() {
			t.first = time.Now()
		}
		t.received = t.append(t.received, b)
	}
}

// wroteLocked notes that b is being written.
func (t *tap) wroteLocked(b []byte) {
	t.wrote = time.Now()
	t.sent = t.append(t.sent, b)
}

// append keeps b after dst, as far as there is room.
func (t *tap) append(dst, b []byte) []byte {
	if room := t.keep - len(dst); len(b) > room {
		t.cut = true
		b = b[:max(room, 0)]
	}
	return append(dst, b...)
}

// A dryConn takes what is sent, and its peer hangs up when it has all.
type dryConn struct {
	tap    *tap
	http   bool
	whole  chan struct{} // closed when all was sent
	closed chan struct{}
	once   sync.Once
	done   sync.Once
}

func (c *dryConn) Write(b []byte) (int, error) {
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.wroteLocked(b)
	if !c.http || wholeRequest(c.tap.sent) {
		c.done.Do(func() { close(c.whole) })
	}
	return len(b), nil
}

// wholeRequest reports whether b is a request of HTTP with all of its body.
func wholeRequest(b []byte) bool {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

func (c *dryConn) Read([]byte) (int, error) {
	select {
	case <-c.whole:
	case <-c.closed:
	}
	return 0, io.EOF
}

func (c *dryConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *dryConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *dryConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *dryConn) SetDeadline(time.Time) error      { return nil }
func (c *dryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *dryConn) SetWriteDeadline(time.Time) error { return nil }

// all returns what was sent since reset.
func (t *tap) all() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}

// printConnection says how the connection was made.
func (t *tap) printConnection(w io.Writer) {
	if !t.connected {
		return
	}
	fmt.Fprintf(w, "* connected to %s in %s\n", t.address, brief(t.connect))
	if t.state != nil {
		fmt.Fprintf(w, "* %s, %s, in %s\n", tls.VersionName(t.state.Version), tls.CipherSuiteName(t.state.CipherSuite), brief(t.handshake))
		if len(t.state.PeerCertificates) > 0 {
			cert := t.state.PeerCertificates[0]
			fmt.Fprintf(w, "* certificate of %s, until %s\n", certificateName(cert.DNSNames, cert.Subject.String()), cert.NotAfter.Format(time.DateOnly))
		}
	}
}

func certificateName(names []string, subject string) string {
	if len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return subject
}

// printCall says what a call sent and got, and how long each part took.
func (t *tap) printCall(w io.Writer, m *schema.Method, protocol string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := time.Now()
	t.printBytes(w, ">", "sent", t.sent, m, protocol)
	if len(t.received) > 0 {
		t.printBytes(w, "<", "received", t.received, m, protocol)
	}
	if t.cut {
		fmt.Fprintf(w, "* of each direction the first %d bytes are shown\n", t.keep)
	}
	if t.wrote.IsZero() {
		return
	}
	fmt.Fprintf(w, "* written in %s", brief(t.wrote.Sub(t.start)))
	if !t.first.IsZero() {
		fmt.Fprintf(w, ", first byte after %s, read and decoded in %s", brief(t.first.Sub(t.wrote)), brief(end.Sub(t.first)))
	}
	fmt.Fprintf(w, ", all in %s\n", brief(end.Sub(t.start)))
}

func (t *tap) printBytes(w io.Writer, mark, what string, data []byte, m *schema.Method, protocol string) {
	fmt.Fprintf(w, "* %s %s\n", what, plural.Of(len(data), "byte"))
	text, err := t.dump(data, m, protocol)
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		if line != "" {
			fmt.Fprintf(w, "%s %s\n", mark, line)
		}
	}
	if err != nil {
		fmt.Fprintf(w, "* %v\n", err)
	}
}

// dump explains data, which are the bytes of a call of m or of its reply.
func (t *tap) dump(data []byte, m *schema.Method, protocol string) ([]byte, error) {
	if t.codec != nil {
		ranges, err := t.codec.explain(data, func(*capture.Call) *schema.Method { return m })
		return explain.AppendDump(nil, data, ranges), err
	}
	ranges, err := explain.Stream(data, explain.Options{Protocol: protocol, Method: func(name string) *schema.Method {
		if name == m.Name {
			return m
		}
		return nil
	}})
	return explain.AppendDump(nil, data, ranges), err
}

func brief(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

// beginning returns the beginning of what the server sent since reset.
func (t *tap) beginning() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.received)
}

// otherProtocol says what the server of t speaks if it answered with b, "" if b is neither HTTP nor TLS.
func otherProtocol(t transport.Target, b []byte) string {
	switch {
	case t.HTTP:
	case bytes.HasPrefix(b, []byte("HTTP/")):
		line, _, _ := bytes.Cut(b[:min(len(b), 60)], []byte("\r"))
		return fmt.Sprintf("the server answered with HTTP (%q): try the target %q", line, "http://"+t.Address+"/")
	case len(b) > 2 && (b[0] == 21 || b[0] == 22) && b[1] == 3:
		return fmt.Sprintf("the server answered with TLS: try the target %q", "tls://"+t.Address)
	}
	return ""
}

func beginning(b []byte) string {
	b = b[:min(len(b), 16)]
	for _, c := range b {
		if c < ' ' && c != '\r' && c != '\n' && c != '\t' || c > '~' {
			return fmt.Sprintf("% x", b)
		}
	}
	return fmt.Sprintf("%q", b)
}

func dialectName(d detect.Dialect) string {
	switch {
	case d.Envelope == detect.THeader && d.Framed:
		return "THeader in frames"
	case d.Envelope == detect.THeader:
		return "THeader"
	case d.Envelope == detect.TTHeader:
		return "TTHeader"
	case d.Envelope == detect.SASL:
		return "SASL"
	case d.Framed:
		return d.Protocol + " over framed"
	}
	return d.Protocol + " over buffered"
}

func targetDialect(t transport.Target) string {
	if t.Protocol == "" {
		return "binary over " + t.Transport()
	}
	return t.Protocol + " over " + t.Transport()
}
