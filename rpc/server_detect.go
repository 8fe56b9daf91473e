package rpc

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// How a server finds out what a connection carries: TLS, zlib, then HTTP, a dialect of Thrift, or a Dialect
// of the options, by the certainty of their first bytes.

// peek returns the bytes that tell what the peer speaks. The first message of a Dialect may be shorter
// than any of Thrift's: then there are fewer of them, and c.dialect is set.
func (c *serverConn) peek() ([]byte, error) {
	first, err := c.Reader().Peek(1)
	if err != nil {
		return first, err
	}
	size := detect.Size(first)
	for len(c.s.connDialects) > 0 && len(first) < size {
		if !mayBeKnown(first, c.s.opts.MaxMessageBytes) {
			if c.dialect = c.s.matchDialect(first); c.dialect != nil {
				return first, nil
			}
		}
		if first, err = c.Reader().Peek(min(size, max(len(first)+1, c.Reader().Unread()))); err != nil {
			return first, err
		}
	}
	if first, err = c.Reader().Peek(size); err == nil && detect.Size(first) > size {
		first, err = c.Reader().Peek(detect.Size(first))
	}
	return first, err
}

// mayBeKnown reports whether a connection that begins with b may be one of those that are recognised
// before those of dialects.
func mayBeKnown(b []byte, maxFrame int) bool {
	switch {
	case b[0] == 0x80 || b[0] == 0x82: // a version of Thrift's binary or compact protocol
		return true
	case b[0] > 0x80:
		return false
	case len(b) < 4: // of a frame's length
		return true
	}
	return int(binary.BigEndian.Uint32(b)) <= maxFrame || msgio.IsTLS(b) || msgio.IsZlib(b) || msgio.MayBeHTTP(b)
}

// detect finds out which dialect the peer speaks.
func (c *serverConn) detect() error {
	if tc, ok := c.NetConn().(tlsConn); ok {
		if err := c.finishTLS(tc); err != nil {
			return err
		}
	}
	c.MayRest = true
	if err := c.AwaitMessage(); err != nil {
		return err
	}
	c.MayRest = false
	c.SetReadDeadline(c.s.opts.ReadTimeout)
	if err := c.takeProxy(); err != nil {
		return err
	}
	first, err := c.peek()
	if err == nil && c.s.opts.TLS != nil && c.dialect == nil && msgio.IsTLS(first) {
		if err = c.startTLS(); err == nil {
			first, err = c.peek()
		}
	} else if err == nil && c.s.opts.RequireTLS && c.peer.TLS == nil {
		return &refusedConn{errors.New("the client does not speak TLS")}
	}
	if err == nil && c.dialect == nil && msgio.IsZlib(first) {
		c.Over(c.s.compressors.Zlib(c.Reader().Conn(c.Upper())))
		c.SetReadDeadline(c.s.opts.ReadTimeout)
		first, err = c.peek()
	}
	if err != nil {
		if len(first) > 0 && errors.Is(err, io.EOF) {
			return fmt.Errorf("%w after the bytes % x", io.ErrUnexpectedEOF, first)
		}
		return err
	}
	if c.dialect != nil {
		return c.startDialect()
	}
	if msgio.IsHTTP(first) {
		if !c.s.acceptsHTTP() {
			return c.notAccepted("http", "")
		}
		c.detectedAs("http")
		c.multiplexes.Store(msgio.IsHTTP2(first))
		c.http.Store(true)
		return nil
	}
	d, ok := detect.Bytes(first, c.s.opts.MaxMessageBytes)
	if !ok || isGuess(d) {
		if c.dialect = c.s.matchDialect(first); c.dialect != nil {
			return c.startDialect()
		}
	}
	if !ok {
		return c.unknownStart(first)
	}
	c.MayRest = d.Envelope != detect.SASL
	if c.s.opts.RequireSASL && d.Envelope != detect.SASL {
		c.NetConn().SetWriteDeadline(time.Now().Add(time.Second))
		msgio.RefuseWithoutSASL(c.Upper()) // if it fails, the client finds its connection closed
		return errNoSASL
	}
	return c.start(d)
}

// takeProxy learns who the client is from a proxy before the server.
func (c *serverConn) takeProxy() error {
	if !c.s.trustsProxy(c.peer.Addr) {
		return nil
	}
	client, found, err := msgio.ReadProxy(c.Reader())
	if err != nil || !found {
		return err
	}
	peer := c.peer
	if peer.Proxy = peer.Addr; client != nil {
		peer.Addr = client
	}
	c.setPeer(peer)
	c.MayRest = true // the client may not have said anything yet
	if err := c.AwaitMessage(); err != nil {
		return err
	}
	c.MayRest = false
	c.SetReadDeadline(c.s.opts.ReadTimeout)
	return nil
}

// trustsProxy reports whether a header of the PROXY protocol is believed that comes from addr.
func (s *Server) trustsProxy(addr net.Addr) bool {
	if len(s.opts.ProxyProtocol) == 0 {
		return false
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.Network() == "unix"
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(s.opts.ProxyProtocol, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// isGuess reports whether messages of d begin with neither a version nor a magic number.
func isGuess(d detect.Dialect) bool {
	return d.Envelope == detect.None && d.Protocol != "compact" && (d.Old || d.Protocol != "binary")
}

// startDialect makes ready to hand the connection to c.dialect.
func (c *serverConn) startDialect() error {
	if c.s.opts.RequireSASL {
		return errNoSASL
	}
	if !c.s.acceptsDialect(c.dialect) {
		return c.notAccepted("", c.dialect.Name())
	}
	c.detectedAs(c.dialect.Name())
	c.MayRest = true
	return nil
}

// detectedAs notes the dialect for Stats.
func (c *serverConn) detectedAs(name string) {
	if c.s.opts.Stats != nil {
		c.source.dialect = name
		c.report(ConnDetected, nil)
	}
}

// refusedConn is the error for a connection that the server does not serve.
type refusedConn struct{ error }

var errNoSASL = &refusedConn{errors.New("the client does not negotiate SASL")}

// unknownStart counts a connection that speaks nothing known.
func (c *serverConn) unknownStart(first []byte) error {
	c.s.counters.unknownStarts.Add(1)
	hint := ""
	if name := detect.Foreign(first); name != "" {
		hint = ", but " + name + " does"
		if name == "the PROXY protocol" {
			hint += ": it is accepted from proxies that WithProxyProtocol (thriftkit serve: --proxy-protocol) names"
		}
	}
	return &refusedConn{fmt.Errorf("no dialect of Thrift starts with the bytes % x%s", first, hint)}
}

// notAccepted counts a connection that speaks what the options leave out.
func (c *serverConn) notAccepted(framing, protocol string) error {
	c.s.counters.refusedDialects.Add(1)
	return &refusedConn{fmt.Errorf("the client speaks %s, which this server does not accept", strings.Trim(protocol+"/"+framing, "/"))}
}

// start makes ready to read messages of the dialect d.
func (c *serverConn) start(d detect.Dialect) (err error) {
	switch d.Envelope {
	case detect.SASL:
		return c.startSASL()
	case detect.THeader:
		if c.framing = wire.THeader; d.Framed {
			c.framing = wire.FramedTHeader
		}
	case detect.TTHeader:
		c.framing = wire.TTHeader
	default:
		return c.startBare(d)
	}
	if !c.s.accepts(c.framing.String(), "") {
		return c.notAccepted(c.framing.String(), "")
	}
	c.detectedAs(c.framing.String())
	c.headers, err = msgio.NewHeaderCodec(c.framing, c.s.codec, "", c.s.opts.MaxMessageBytes)
	c.Reader().Start(c.framing, nil)
	return err
}

// startBare is start for a dialect without an envelope.
func (c *serverConn) startBare(d detect.Dialect) error {
	if d.Framed {
		c.framing = wire.Framed
	}
	c.proto = c.s.protocols.Of(d)
	if !c.s.accepts(c.framing.String(), c.proto.Name()) {
		return c.notAccepted(c.framing.String(), c.proto.Name())
	}
	if c.s.opts.Stats != nil {
		c.detectedAs(c.proto.Name() + "/" + c.framing.String())
	}
	c.Reader().Start(c.framing, c.proto.NewSplitter(c.s.opts.MaxMessageBytes))
	return nil
}

// startSASL negotiates, and detects the dialect of the frames that follow.
func (c *serverConn) startSASL() error {
	c.SetReadDeadline(c.s.opts.HandshakeTimeout)
	nc, user, err := msgio.ServeSASL(c.Reader().Conn(c.Upper()), func(user, password string) error { return c.s.verify(c.ctx, user, password) })
	if err != nil {
		return err
	}
	peer := c.peer
	peer.User = user
	c.setPeer(peer)
	c.Over(nc)
	c.MayRest = true
	if err := c.AwaitMessage(); err != nil {
		return err
	}
	c.SetReadDeadline(c.s.opts.ReadTimeout)
	first, err := c.peek()
	if err != nil {
		return err
	}
	d, ok := detect.Bytes(first, c.s.opts.MaxMessageBytes)
	if !ok || d.Envelope == detect.SASL {
		return c.unknownStart(first)
	}
	return c.start(d)
}

// startTLS shakes hands, and reads what TLS carries from then on.
func (c *serverConn) startTLS() error {
	tc, end := c.Reader().Server(c.NetConn(), c.s.opts.TLS, c.s.handshakes)
	err := c.finishTLS(tc)
	end()
	if err != nil {
		return err
	}
	c.Over(tc)
	c.SetReadDeadline(c.s.opts.ReadTimeout)
	return nil
}

// tlsConn is a connection of TLS, of this package or of the listener that Serve has.
type tlsConn interface {
	HandshakeContext(context.Context) error
	ConnectionState() tls.ConnectionState
}

// finishTLS shakes hands, if that was not done, and notes who the client is.
func (c *serverConn) finishTLS(tc tlsConn) error {
	c.SetReadDeadline(c.s.opts.HandshakeTimeout)
	if err := tc.HandshakeContext(c.ctx); err != nil {
		err = fmt.Errorf("TLS: %w", err)
		if revoked := new(transport.RevokedError); errors.As(err, &revoked) {
			c.s.counters.revokedConns.Add(1)
			return &refusedConn{err}
		}
		return err
	}
	state := tc.ConnectionState()
	peer := c.peer
	peer.TLS = &state
	c.setPeer(peer)
	return nil
}
