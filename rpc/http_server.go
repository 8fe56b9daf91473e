package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// HTTPHandler returns a handler that answers the calls of s over HTTP: a POST, whatever its
// path and Content-Type, whose body is one message, not framed, in any protocol that s knows.
// It is for an http.Server of the caller's own, next to other handlers or with HTTP/2;
// connections of [Server.Serve] that speak HTTP are answered without it.
//
//	http.Handle("/thrift", server.HTTPHandler())
//
// The answer is 200 with the reply, exceptions included, as its body, and for oneway 200 with
// an empty body at once, while the handler goes on: with the values of the request's context,
// but not ended by it. What is no call is answered with another status: 400 for a body that is
// no message, 405 for other methods, 408 for a body that takes longer than the options'
// ReadTimeout, 413 for one above MaxMessageBytes, and 503 after Shutdown, which waits for the
// pending calls.
//
// A handler for calls finds the request's context below its own: it is cancelled when the client
// goes away, and [PeerOf] knows the client.
//
// Web pages of others can make a browser send such requests. Serve refuses what a browser says
// is of another origin with 403; before this handler [http.CrossOriginProtection] does the
// same, if it is wanted.
func (s *Server) HTTPHandler() http.Handler { return httpHandler{s} }

type httpHandler struct{ s *Server }

// maxDetached is how many oneway calls go on after their answers. When there are more, they are
// answered as they end.
const maxDetached = 100

func (h httpHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.s.serveHealth(w, r) {
		return
	}
	r, body := h.s.chargeBody(w, r)
	defer body.end()
	r, ok := h.login(w, r)
	if !ok || h.s.serveHTTPDialect(w, r) {
		return
	}
	rc := http.NewResponseController(w)
	readTimeout, writeTimeout := h.timeouts(r)
	if readTimeout > 0 {
		rc.SetReadDeadline(time.Now().Add(readTimeout))
	}
	if writeTimeout > 0 {
		rc.SetWriteDeadline(time.Time{}) // the last answer on this connection may have set one
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		leaveBody(w, r)
		h.logRefused(r, fmt.Errorf("a call is a POST, not a %.20s", r.Method))
		http.Error(w, "a call is a POST", http.StatusMethodNotAllowed)
		return
	}
	msg, err := h.read(w, r)
	if err != nil {
		leaveBody(w, r)
		h.logRefused(r, err)
		refuse(w, err)
		return
	}
	rc.SetReadDeadline(time.Time{}) // it would end the call's context as well
	call, err := h.s.inspect(msg)
	if err != nil {
		h.logRefused(r, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !h.s.begin() {
		http.Error(w, "the server shuts down", http.StatusServiceUnavailable)
		return
	}
	x := call.exchange(r)
	if call.oneway {
		h.s.answerDetached(r, call, x)
		h.write(w, r, nil)
		return
	}
	defer h.s.wg.Done()
	ctx, cancel := h.s.callContext(withPeer(r.Context(), r))
	defer cancel()
	ctx, stop := x.context(ctx)
	defer stop()
	reply, err := h.s.answer(ctx, nil, call.p, call.msg, x, h.s.sourceHTTP(call.p))
	if err == nil && x.headers != nil && len(reply) > 0 { // nothing answers a oneway call of an unknown method
		reply, err = x.end(reply, 0)
	}
	if err != nil {
		h.logRefused(r, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if x.headers == nil {
		for k, v := range x.replyMetadata() {
			if err := msgio.SetHTTPField(w.Header(), k, v); err != nil {
				h.s.logClient(fmt.Errorf("rpc: reply over HTTP: %w", err))
			}
		}
	}
	h.write(w, r, reply)
}

// logRefused tells the error log of a request that is no call.
func (h httpHandler) logRefused(r *http.Request, err error) {
	h.s.logRefused(withPeer(r.Context(), r), fmt.Errorf("over HTTP: %w", err))
}

// serveHealth answers a request to the path of the options by whether the server takes calls, and reports whether r is one.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) bool {
	if s.opts.HealthPath == "" || r.URL.Path != s.opts.HealthPath || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !s.isOpen() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
	} else {
		io.WriteString(w, "ok\n")
	}
	return true
}

// login verifies the user of a request, by Basic authentication (RFC 7617), where the server knows users. It returns the request with
// a context that knows the user, or answers it and reports false.
func (h httpHandler) login(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	if h.s.opts.SASLPlain == nil && !h.s.opts.RequireSASL {
		return r, true
	}
	user, password, ok := r.BasicAuth()
	if !ok && !h.s.opts.RequireSASL {
		return r, true
	}
	ctx := withPeer(r.Context(), r)
	err := errors.New("no user has logged in")
	if ok {
		err = h.s.verify(ctx, user, password)
	}
	if err != nil {
		leaveBody(w, r)
		h.logRefused(r, err)
		w.Header().Set("WWW-Authenticate", `Basic realm="thrift", charset="UTF-8"`)
		http.Error(w, "log in first", http.StatusUnauthorized)
		return nil, false
	}
	peer, _ := PeerOf(ctx)
	peer.User = user
	return r.WithContext(context.WithValue(ctx, peerKey{}, peer)), true
}

// verify reports by an error that a user is not let in.
func (s *Server) verify(ctx context.Context, user, password string) error {
	if s.opts.SASLPlain == nil {
		return errors.New("this server does not accept SASL")
	}
	return s.opts.SASLPlain(ctx, user, password)
}

// read returns the body of a request.
func (h httpHandler) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := h.s.opts.MaxMessageBytes
	body, length := io.Reader(http.MaxBytesReader(w, r.Body, int64(limit))), r.ContentLength
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" {
		var err error
		if body, err = msgio.Decoded(body, encoding); err != nil {
			return nil, err
		}
		length = -1 // which is that of the compressed body
		if charged, ok := r.Body.(*chargedBody); ok {
			body = charged.Decoded(body)
		}
	}
	return msgio.ReadBody(body, length, limit)
}

// leaveBody lets net/http answer at once instead of waiting for the rest of the body.
func leaveBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
	}
}

// write sends the answer to a call.
func (h httpHandler) write(w http.ResponseWriter, r *http.Request, reply []byte) {
	if _, timeout := h.timeouts(r); timeout > 0 {
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
	}
	if h.s.isDraining() {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", msgio.ContentType)
	if len(reply) >= msgio.MinGzip {
		w.Header().Set("Vary", "Accept-Encoding")
		if msgio.AcceptsGzip(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
			w.Header().Set("Content-Encoding", "gzip")
			reply = msgio.Gzip(reply)
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
	w.Write(reply) // if it fails the client is gone
}

// timeouts returns how long reading the request and writing the answer may take; 0 for what
// the http.Server that has r bounds itself.
func (h httpHandler) timeouts(r *http.Request) (read, write time.Duration) {
	read, write = h.s.opts.ReadTimeout, h.s.opts.WriteTimeout
	if hs, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		if hs.ReadTimeout > 0 {
			read = 0
		}
		if hs.WriteTimeout > 0 {
			write = 0
		}
	}
	return read, write
}

// refuse answers a request whose body could not be read. The texts of the network's errors stay
// here: they have addresses in them.
func refuse(w http.ResponseWriter, err error) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, wire.ErrTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
	case errors.As(err, &tooLong):
		http.Error(w, fmt.Sprintf("too large: at most %d bytes are accepted", tooLong.Limit), http.StatusRequestEntityTooLarge)
	case errors.Is(err, msgio.ErrBudget):
		http.Error(w, "the server has no memory for the body", http.StatusServiceUnavailable)
	case errors.Is(err, os.ErrDeadlineExceeded):
		http.Error(w, "the body takes too long", http.StatusRequestTimeout)
	case errors.Is(err, msgio.ErrEncoding):
		w.Header().Set("Accept-Encoding", "gzip")
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
	default:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
	}
}

// An httpCall is a message that stands alone.
type httpCall struct {
	p        protocol.Protocol
	msg      []byte
	oneway   bool               // it calls a oneway method
	headers  *msgio.HeaderCodec // of THeader, else nil
	envelope *msgio.Envelope    // likewise
}

// exchange returns what the call has beside its message: the fields of the request, and what its THeader says, which wins.
func (c *httpCall) exchange(r *http.Request) *exchange {
	fields := msgio.HTTPMetadata(r.Header)
	if c.headers == nil {
		return &exchange{in: fields}
	}
	e := c.envelope
	e.Transient, e.Persistent = merge(fields.Transient, e.Transient), merge(fields.Persistent, e.Persistent)
	if e.Timeout == 0 {
		e.Timeout = fields.Timeout
	}
	return &exchange{in: e, headers: c.headers, answer: e.Answer()}
}

// inspect returns the call in a body.
func (s *Server) inspect(body []byte) (*httpCall, error) {
	if len(body) == 0 {
		return nil, errors.New("the body is empty: want a Thrift message")
	}
	d, ok := detect.Bytes(body, s.opts.MaxMessageBytes)
	c := &httpCall{msg: body}
	switch {
	case !ok:
		return nil, errors.New("the body is not a Thrift message")
	case d.Envelope == detect.THeader && !d.Framed:
		if err := c.open(s); err != nil {
			return nil, err
		}
	case d.Framed:
		return nil, errors.New("the body is a framed message: over HTTP there are no frames")
	case d.Envelope != detect.None:
		return nil, errors.New("the body is in an envelope: over HTTP there is only THeader")
	default:
		c.p = s.protocols.Of(d)
	}
	if !s.accepts("http", c.p.Name()) {
		s.counters.refusedDialects.Add(1)
		return nil, fmt.Errorf("protocol %s is not accepted", c.p.Name())
	}
	h, _, err := c.p.ConsumeHeader(c.msg)
	if err != nil {
		return nil, err
	}
	m, unknown := s.lookup("", h.Name)
	c.oneway = unknown == nil && m.method.Oneway
	return c, nil
}

// open takes the message out of a frame of THeader, as Apache's THeaderTransport over its clients of HTTP sends it.
func (c *httpCall) open(s *Server) (err error) {
	if n := binary.BigEndian.Uint32(c.msg); int64(n) != int64(len(c.msg)-4) {
		return fmt.Errorf("the body has a frame of %d bytes, and %d more", n, len(c.msg)-4)
	}
	if c.headers, err = msgio.NewHeaderCodec(wire.THeader, s.codec, "", s.opts.MaxMessageBytes); err != nil {
		return err
	}
	if c.envelope, c.msg, err = c.headers.Decode(c.msg[4:]); err != nil {
		return err
	}
	c.p = s.protocols.InHeader(c.envelope.Protocol, c.msg)
	return nil
}

// begin counts a call that Shutdown waits for, which is to call wg.Done; or returns false if
// the server takes no more.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state >= serverRefusing {
		return false
	}
	s.wg.Add(1)
	return true
}

// drainHTTP lets connections that speak HTTP end with an answer: what closes one that is between two requests may cross the next
// one, of which nobody would know whether it was executed.
func (s *Server) drainHTTP(ctx context.Context) {
	const patience, pause = msgio.HTTPIdle + 500*time.Millisecond, 5 * time.Millisecond
	end := time.Now().Add(patience)
	for s.hasHTTP() && time.Now().Before(end) && ctx.Err() == nil {
		time.Sleep(pause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enterLocked(serverRefusing)
}

// hasHTTP reports whether there are connections of HTTP/1, or some that may turn out to be: the server can say that it ends only in an
// answer, and net/http takes no connection any more when it shuts down. Those of HTTP/2 have GOAWAY.
func (s *Server) hasHTTP() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if !c.notHTTP.Load() && !c.multiplexes.Load() {
			return true
		}
	}
	return false
}

// sourceHTTP returns what Stats learns of where a call over HTTP comes from.
func (s *Server) sourceHTTP(p protocol.Protocol) *source {
	if s.opts.Stats == nil {
		return nil
	}
	return &source{dialect: p.Name() + "/http"}
}

// callContext returns ctx, ended by Close as well.
func (s *Server) callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// answerDetached runs the oneway call in msg, which was counted by begin. It returns at once,
// unless too many go on already.
func (s *Server) answerDetached(r *http.Request, call *httpCall, x *exchange) {
	x.in.Timeout = 0 // nobody waits
	ctx, _ := x.context(context.WithoutCancel(withPeer(r.Context(), r)))
	run := func() {
		defer s.wg.Done()
		ctx, cancel := s.callContext(ctx)
		defer cancel()
		s.answer(ctx, nil, call.p, call.msg, nil, s.sourceHTTP(call.p)) // nobody waits for a reply, and inspect has read the header
	}
	select {
	case s.detached <- struct{}{}:
		go func() {
			defer func() { <-s.detached }()
			run()
		}()
	default:
		run()
	}
}

// withPeer adds the client of r to ctx, unless Serve has done so.
func withPeer(ctx context.Context, r *http.Request) context.Context {
	if _, ok := PeerOf(ctx); ok {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, Peer{Addr: remoteAddr(r.RemoteAddr), TLS: r.TLS})
}

func remoteAddr(s string) net.Addr {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return net.TCPAddrFromAddrPort(a)
	}
	return &net.UnixAddr{Net: "unix", Name: s}
}

// newHTTPServer returns the server for connections of Serve that speak HTTP: 1.1, and 2 where
// the client begins with it.
func (s *Server) newHTTPServer() *http.Server {
	hs := &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(s.HTTPHandler()),
		ReadHeaderTimeout: s.opts.ReadTimeout,
		IdleTimeout:       s.opts.IdleTimeout,
		MaxHeaderBytes:    msgio.MaxHTTPHeaderBytes,
		ErrorLog:          slog.NewLogLogger(httpLog(s.opts.ErrorLog), slog.LevelError),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			peer, _ := PeerOf(nc.(*httpConn).ctx)
			return context.WithValue(ctx, peerKey{}, peer)
		},
		Protocols: new(http.Protocols),
	}
	if hs.IdleTimeout == 0 {
		hs.IdleTimeout = -1 // 0 would be ReadHeaderTimeout
	}
	hs.Protocols.SetHTTP1(true)
	hs.Protocols.SetUnencryptedHTTP2(true)
	return hs
}

// An httpLog hands to an error log what net/http would write to the log of the process.
type httpLog func(error)

func (f httpLog) Enabled(context.Context, slog.Level) bool { return true }
func (f httpLog) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f httpLog) WithGroup(string) slog.Handler            { return f }

func (f httpLog) Handle(_ context.Context, r slog.Record) error {
	f(errors.New("rpc: " + r.Message))
	return nil
}

// serveHTTP hands the connection to net/http, from the first byte, and returns when it is closed.
func (c *serverConn) serveHTTP() {
	if c.IsDraining() { // else drain sees that net/http has the connection
		c.Uncut() // one that is new has its first call answered, unless drainHTTP has ended
	}
	nc := &httpConn{Conn: c.Reader().Conn(c.Upper()), ctx: c.ctx, under: c.Upper(), peer: c.peer.Addr, closed: make(chan struct{})}
	l := &singleListener{nc: nc, closed: make(chan struct{})}
	c.s.http.Serve(l)
	if l.accepted {
		<-nc.closed
	}
}

// httpConn is a connection that net/http has.
type httpConn struct {
	net.Conn
	ctx    context.Context // of calls: it knows the peer
	under  net.Conn
	peer   net.Addr
	once   sync.Once
	closed chan struct{}
}

// RemoteAddr implements [net.Conn].
func (c *httpConn) RemoteAddr() net.Addr { return c.peer }

func (c *httpConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.closed) })
	return err
}

// CloseWrite lets net/http say that it is done before it stops reading, so that a client which
// is still sending gets the answer.
func (c *httpConn) CloseWrite() error {
	if w, ok := c.under.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// singleListener accepts one connection, and then nothing until one of the two is closed.
type singleListener struct {
	nc       *httpConn
	accepted bool
	once     sync.Once
	closed   chan struct{}
}

func (l *singleListener) Accept() (net.Conn, error) {
	if !l.accepted {
		l.accepted = true
		return l.nc, nil
	}
	select {
	case <-l.nc.closed:
	case <-l.closed:
	}
	return nil, net.ErrClosed
}

// Close leaves the connection alone: it may be answering.
func (l *singleListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *singleListener) Addr() net.Addr { return l.nc.LocalAddr() }
