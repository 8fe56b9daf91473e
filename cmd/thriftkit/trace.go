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
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/explain"
)

// A tap makes the connections of a client and sees what goes over them: above TLS and compression,
// which it does itself.
type tap struct {
	keep int  // bytes in each direction
	dry  bool // nothing is connected, and nothing sent

	mu             sync.Mutex
	address        string        // that was dialled last
	connect        time.Duration // how long that took
	handshake      time.Duration // and TLS on it
	state          *tls.ConnectionState
	connected      bool
	sent, received []byte // since reset
	cut            bool   // there was more than is kept
	call           int    // counts resets
	start          time.Time
	wrote, first   time.Time // the last byte out and the first one in
}

// reset begins a call.
func (t *tap) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.call++
	t.sent, t.received, t.cut = nil, nil, false
	t.start, t.wrote, t.first = time.Now(), time.Time{}, time.Time{}
}

func (t *tap) dial(ctx context.Context, target transport.Target, config *tls.Config) (net.Conn, error) {
	t.mu.Lock()
	t.address, t.connected, t.state = target.Address, false, nil
	t.mu.Unlock()
	if t.dry {
		return &dryConn{tap: t, http: target.HTTP, whole: make(chan struct{}), closed: make(chan struct{})}, nil
	}
	start := time.Now()
	nc, err := transport.Target{Network: target.Network, Address: target.Address}.Dial(ctx, nil)
	connect := time.Since(start)
	var handshake time.Duration
	var state *tls.ConnectionState
	if err == nil && target.TLS {
		nc, state, err = secureConn(ctx, nc, target, config)
		handshake = time.Since(start) - connect
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connect, t.handshake, t.state = connect, handshake, state
	if err != nil {
		return nil, err
	}
	t.connected = true
	if target.Compression != "" && !target.Framing.HasHeader() {
		nc = msgio.Zlib(nc)
	}
	return &tapConn{nc, t}, nil
}

// secureConn runs the handshake of TLS on nc, which it closes if that fails.
func secureConn(ctx context.Context, nc net.Conn, target transport.Target, config *tls.Config) (net.Conn, *tls.ConnectionState, error) {
	config, err := target.ClientTLS(config)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	if target.HTTP {
		config.NextProtos = []string{"http/1.1"} // HTTP/2 would not be readable
	}
	c := tls.Client(nc, config)
	if err := c.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, nil, err
	}
	state := c.ConnectionState()
	return c, &state, nil
}

// A tapConn tells a tap what goes over it.
type tapConn struct {
	net.Conn
	tap *tap
}

// Write notes b before it is written: afterwards the reply may have come already, and the next call begun.
func (c *tapConn) Write(b []byte) (int, error) {
	call := c.tap.writes(b)
	n, err := c.Conn.Write(b)
	c.tap.wroteAll(call)
	return n, err
}

func (c *tapConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.tap.mu.Lock()
		defer c.tap.mu.Unlock()
		if c.tap.first.IsZero() {
			c.tap.first = time.Now()
		}
		c.tap.received = c.tap.append(c.tap.received, b[:n])
	}
	return n, err
}

// writes notes that b is being written, and returns for which call.
func (t *tap) writes(b []byte) (call int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wrote = time.Now()
	t.sent = t.append(t.sent, b)
	return t.call
}

// wroteAll notes when the write for a call returned, unless its reply has come before that was noticed.
func (t *tap) wroteAll(call int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.call == call && t.first.IsZero() {
		t.wrote = time.Now()
	}
}

// append keeps b behind dst, as far as there is room.
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
	c.tap.writes(b)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
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
	printBytes(w, ">", "sent", t.sent, m, protocol)
	if len(t.received) > 0 {
		printBytes(w, "<", "received", t.received, m, protocol)
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

func printBytes(w io.Writer, mark, what string, data []byte, m *schema.Method, protocol string) {
	fmt.Fprintf(w, "* %s %d bytes\n", what, len(data))
	text, err := dump(data, m, protocol)
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
func dump(data []byte, m *schema.Method, protocol string) ([]byte, error) {
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

// seems says what an answer that is none seems to be, and what may be tried; "" if it is as it should
// be, or if there is none.
func (t *tap) seems(target string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.received
	at, err := transport.ParseTarget(target)
	if len(b) == 0 || err != nil || at.HTTP {
		return ""
	}
	switch {
	case bytes.HasPrefix(b, []byte("HTTP/")):
		line, _, _ := bytes.Cut(b[:min(len(b), 60)], []byte("\r"))
		return fmt.Sprintf("the server answered with HTTP (%q): try the target %q", line, "http://"+at.Address+"/")
	case len(b) > 2 && (b[0] == 21 || b[0] == 22) && b[1] == 3:
		return fmt.Sprintf("the server answered with TLS: try the target %q", "tls://"+at.Address)
	}
	if d, ok := detect.Bytes(b, wire.DefaultMaxMessageBytes); ok {
		return fmt.Sprintf("the answer seems to be %s, and %s was spoken", dialectName(d), spoken(at))
	}
	return fmt.Sprintf("the answer is no dialect of Thrift; it begins with %s", beginning(b))
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

func spoken(t transport.Target) string {
	if t.Protocol == "" {
		return "binary over " + t.Framing.String()
	}
	return t.Protocol + " over " + t.Framing.String()
}
