package clientconn

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/wire"
)

// An HTTP carries calls over HTTP: each call is a request. It may be used by any number of
// goroutines.
type HTTP struct {
	url       string
	at        *url.URL // the same, with the user
	opts      Options
	transport *http.Transport
	seq       atomic.Int32
	ids       atomic.Uint64   // of connections
	ctx       context.Context // until Close
	cancel    context.CancelFunc

	mu sync.Mutex
	h2 map[net.Conn]uint64 // connections of HTTP/2 over TLS and their numbers, if there is an Observer
}

// NewHTTP returns an HTTP that posts to a URL over the connections that opts.Dial makes, which have done
// TLS if the URL says so.
func NewHTTP(at *url.URL, opts Options) *HTTP {
	bare := *at
	bare.User = nil
	h := &HTTP{url: bare.String(), at: at, opts: opts, h2: make(map[net.Conn]uint64)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	idle := msgio.HTTPIdle
	if opts.MaxIdle > 0 {
		idle = min(idle, opts.MaxIdle)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) }
	h.transport = &http.Transport{
		DialContext:            dial,
		DialTLSContext:         dial,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		MaxConnsPerHost:        opts.MaxConns,
		MaxIdleConnsPerHost:    opts.MaxConns,
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: msgio.MaxHTTPHeaderBytes,
		DisableCompression:     true,
	}
	return h
}

// Connect makes a connection and closes it: HTTP begins with the first call, on another connection,
// because a server that serves one at a time would wait on this one.
func (h *HTTP) Connect(ctx context.Context) error {
	nc, err := h.dial(ctx)
	if err == nil {
		nc.Close()
	}
	return err
}

func (h *HTTP) dial(ctx context.Context) (net.Conn, error) {
	id := h.ids.Add(1)
	d, err := h.opts.Dial(ctx, id)
	o := h.opts.Observer
	if o == nil {
		return d.Conn, err
	}
	if err != nil {
		o.ConnFailed(err)
		return nil, err
	}
	o.ConnOpened(id, d)
	if d.TLS != nil && d.TLS.NegotiatedProtocol == "h2" { // net/http wants to see the *tls.Conn
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.h2 != nil {
			h.h2[d.Conn] = id
		}
		return d.Conn, nil
	}
	return &observedConn{Conn: d.Conn, id: id, observer: o}, nil
}

// connID returns the number of a connection that dial returned, 0 if there is no Observer.
func (h *HTTP) connID(nc net.Conn) uint64 {
	if c, ok := nc.(*observedConn); ok {
		return c.id
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.h2[nc]
}

// An observedConn tells an Observer when it is closed.
type observedConn struct {
	net.Conn
	id       uint64
	observer Observer
	once     sync.Once
}

func (c *observedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.observer.ConnClosed(c.id, nil) })
	return err
}

// Close closes the connections. Pending calls fail with ErrClosed. Connections of HTTP/2 over TLS are
// reported to the Observer as closed only now.
func (h *HTTP) Close() {
	h.cancel()
	h.transport.CloseIdleConnections()
	h.mu.Lock()
	h2 := h.h2
	h.h2 = nil
	h.mu.Unlock()
	for _, id := range h2 {
		h.opts.Observer.ConnClosed(id, nil)
	}
}

// Call sends f and waits for its reply; a oneway call waits until the server has answered that it has
// the call. The error is one of this package's or the context's.
func (h *HTTP) Call(f *Pending) error {
	const positive = 1<<31 - 1 // some peers cannot write a negative id
	f.seq = h.seq.Add(1) & positive
	msg, n, err := h.encode(f)
	if err == nil && n > h.opts.MaxMessageBytes {
		err = msgio.TooLarge(n, h.opts.MaxMessageBytes)
	}
	if err != nil {
		return &ArgumentError{err}
	}
	f.Sent = len(msg)
	ctx, stop := f.context()
	defer stop()
	callCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	f.Reply, err = h.post(callCtx, f, msg)
	f.Received = len(f.Reply.Message)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case h.ctx.Err() != nil:
		return ErrClosed
	}
	return err
}

// encode returns f as it goes over the connection; n is the length of the message in it.
func (h *HTTP) encode(f *Pending) (msg []byte, n int, err error) {
	if h.opts.Headers != nil {
		return h.opts.encodeHeader(nil, f)
	}
	msg, err = f.encode(nil, h.opts.Protocol)
	return msg, len(msg), err
}

// post sends msg and returns the reply. net/http sends it again only as long as nothing of it was
// written, because a POST is not known to be idempotent.
func (h *HTTP) post(ctx context.Context, f *Pending, msg []byte) (Reply, error) {
	var conn atomic.Uint64
	var connected atomic.Bool // and so something may have been sent
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(info httptrace.GotConnInfo) {
			connected.Store(true)
			conn.Store(h.connID(info.Conn))
		},
	})
	compressed := h.opts.Gzip && len(msg) >= msgio.MinGzip
	if compressed {
		msg = msgio.Gzip(msg)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(msg))
	if err == nil {
		if h.opts.Gzip {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		if compressed {
			req.Header.Set("Content-Encoding", "gzip")
		}
		req.Header.Set("User-Agent", "thriftkit")
		if user := h.at.User; user != nil {
			password, _ := user.Password()
			req.SetBasicAuth(user.Username(), password)
		}
		if h.opts.Cookies != nil {
			for _, c := range h.opts.Cookies.Cookies(req.URL) {
				req.AddCookie(c)
			}
		}
		if h.opts.Headers == nil {
			err = msgio.SetHTTPMetadata(req.Header, f.Transient, f.Persistent, f.deadline)
		}
	}
	if err != nil {
		return Reply{}, &ArgumentError{err}
	}
	req.Header.Set("Content-Type", msgio.ContentType)
	req.Header.Set("Accept", msgio.ContentType)
	resp, err := h.transport.RoundTrip(req)
	f.Conn = conn.Load()
	if err != nil {
		if !connected.Load() {
			err = &NotSentError{err}
		}
		return Reply{}, err
	}
	defer resp.Body.Close()
	if h.opts.Cookies != nil {
		if cookies := resp.Cookies(); len(cookies) > 0 {
			h.opts.Cookies.SetCookies(req.URL, cookies)
		}
	}
	body, err := h.read(resp)
	if err != nil {
		return Reply{}, bodyError(resp, err)
	}
	return h.reply(resp, f.Oneway, body)
}

// decode returns the reply that a body is.
func (h *HTTP) decode(resp *http.Response, body []byte) (reply Reply, err error) {
	if h.opts.Headers == nil {
		reply = Reply{body, h.opts.Protocol, msgio.HTTPMetadata(resp.Header)}
	} else if len(body) < 4 || binary.BigEndian.Uint32(body) != uint32(len(body)-4) {
		return reply, wire.Errorf(0, wire.ErrInvalid, "not a frame of THeader")
	} else if reply, err = h.opts.decode(body[4:]); err != nil {
		return reply, err
	}
	_, _, err = reply.Protocol.ConsumeHeader(reply.Message)
	return reply, err
}

// read returns the body of a response, decompressed.
func (h *HTTP) read(resp *http.Response) ([]byte, error) {
	length := resp.ContentLength
	encoding := resp.Header.Get("Content-Encoding")
	if encoding != "" {
		length = -1 // which is that of the compressed body
	}
	body, err := msgio.Decoded(resp.Body, encoding)
	if err != nil {
		return nil, err
	}
	return msgio.ReadBody(body, length, h.opts.MaxMessageBytes)
}

// reply returns the reply that a response with that body is, or an HTTPError.
func (h *HTTP) reply(resp *http.Response, oneway bool, body []byte) (Reply, error) {
	reply, err := h.decode(resp, body)
	switch ok := resp.StatusCode == http.StatusOK; {
	case oneway && resp.StatusCode/100 == 2:
		return Reply{Envelope: msgio.HTTPMetadata(resp.Header)}, nil
	case oneway, !ok && !msgio.IsThrift(resp.Header.Get("Content-Type")):
	case err == nil: // thriftpy2's clients do not look at the status either
		return reply, nil
	case ok && len(body) == 0:
		return Reply{}, &HTTPError{Message: fmt.Sprintf("server answered %s with an empty body", statusLine(resp))}
	case ok:
		return Reply{}, &HTTPError{Message: fmt.Sprintf("server answered %s without a message of the protocol %s: %s", statusLine(resp), h.opts.Protocol.Name(), beginning(body)), Err: err}
	}
	return Reply{}, statusError(resp, body)
}

// An HTTPError is an answer over HTTP that is not a reply.
type HTTPError struct {
	Status  int // 0 for 200: the body is not a reply
	Header  http.Header
	Body    []byte // its beginning
	Message string
	Err     error
}

func (e *HTTPError) Error() string { return e.Message }
func (e *HTTPError) Unwrap() error { return e.Err }

// statusError is the error for a status that is not 200.
func statusError(resp *http.Response, body []byte) *HTTPError {
	text := "server answered " + statusLine(resp)
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		text += fmt.Sprintf(", which points to %.200q", to)
	}
	if len(body) > 0 {
		text += ": " + beginning(body)
	}
	const most = 4 << 10
	return &HTTPError{Status: resp.StatusCode, Header: resp.Header, Body: body[:min(len(body), most)], Message: text}
}

// bodyError is the error for a response whose body could not be read to its end, or exceeds the limit.
func bodyError(resp *http.Response, err error) error {
	switch {
	case resp.StatusCode != http.StatusOK:
		e := statusError(resp, nil)
		e.Err = err
		return e
	case errors.Is(err, wire.ErrTooLarge):
		return &UnreadableReplyError{err}
	}
	return fmt.Errorf("incomplete reply: %w", err)
}

func statusLine(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

// beginning returns the first bytes of a body, quoted.
func beginning(body []byte) string {
	const most = 200
	body = bytes.TrimSpace(body)
	if len(body) > most {
		return fmt.Sprintf("%q…", body[:most])
	}
	return fmt.Sprintf("%q", body)
}
