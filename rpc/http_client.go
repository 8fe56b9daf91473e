package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// An httpCarrier brings messages to a server over HTTP: each call is a request.
type httpCarrier struct {
	url       string
	proto     protocol.Protocol
	opts      ClientOptions
	transport *http.Transport
	seq       atomic.Int32
	ctx       context.Context // until close
	cancel    context.CancelFunc
}

// dialHTTP returns a carrier when somebody listens at t.
func dialHTTP(ctx context.Context, t transport.Target, p protocol.Protocol, opts ClientOptions) (*httpCarrier, error) {
	base := new(tls.Config)
	if opts.TLS != nil {
		base = opts.TLS.Clone()
	}
	base.NextProtos = []string{"h2", "http/1.1"}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		ctx, cancel := dialContext(ctx, opts)
		defer cancel()
		return opts.Dialer(ctx, t, base)
	}
	nc, err := dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	nc.Close()
	h := &httpCarrier{url: t.URL().String(), proto: p, opts: opts}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.transport = &http.Transport{
		DialContext:            dial,
		DialTLSContext:         dial,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		MaxConnsPerHost:        opts.MaxConns,
		MaxIdleConnsPerHost:    opts.MaxConns,
		IdleConnTimeout:        httpIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
	}
	return h, nil
}

func (h *httpCarrier) close() {
	h.cancel()
	h.transport.CloseIdleConnections()
}

func (h *httpCarrier) send(f *flight) error {
	const positive = 1<<31 - 1 // some peers cannot write a negative id
	f.seq = h.seq.Add(1) & positive
	msg, err := f.encode(nil, h.proto)
	if err == nil && len(msg) > h.opts.MaxMessageBytes {
		err = tooLarge(len(msg), h.opts.MaxMessageBytes)
	}
	if err != nil {
		return errArgument{err}
	}
	ctx, stop := f.context()
	defer stop()
	callCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	f.reply, err = h.post(callCtx, f.oneway, msg)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case h.ctx.Err() != nil:
		return errClosed
	}
	return err
}

// post sends msg and returns the reply. net/http may send it again only as long as nothing of
// it was written, because a POST is not known to be idempotent.
func (h *httpCarrier) post(ctx context.Context, oneway bool, msg []byte) (response, error) {
	var connected atomic.Bool // and so something may have been sent
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(msg))
	if err == nil {
		req.Header.Set("User-Agent", "thriftkit")
		err = addMetadata(ctx, req.Header)
	}
	if err != nil {
		return response{}, errArgument{err}
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", contentType)
	resp, err := h.transport.RoundTrip(req)
	if err != nil {
		if !connected.Load() {
			err = errNotSent{err}
		}
		return response{}, err
	}
	defer resp.Body.Close()
	body, err := readBody(resp.Body, resp.ContentLength, h.opts.MaxMessageBytes)
	if err != nil {
		return response{}, bodyFailure(resp, err)
	}
	reply, err := h.reply(resp, oneway, body)
	return response{reply, h.proto, metadataOf(resp.Header)}, err
}

// reply returns the reply that a response with that body is, or what it is instead.
func (h *httpCarrier) reply(resp *http.Response, oneway bool, body []byte) ([]byte, error) {
	_, _, err := h.proto.ConsumeHeader(body)
	switch ok := resp.StatusCode == http.StatusOK; {
	case oneway && resp.StatusCode/100 == 2:
		return nil, nil
	case oneway, !ok && !isThrift(resp.Header.Get("Content-Type")):
	case err == nil: // thriftpy2's clients do not look at the status either
		return body, nil
	case ok && len(body) == 0:
		return nil, Errorf(CodeProtocol, "the server answered %s with an empty body", statusLine(resp))
	case ok:
		e := Errorf(CodeProtocol, "the server answered %s and no message of the protocol %s: %s", statusLine(resp), h.proto.Name(), beginning(body))
		e.Cause = err
		return nil, e
	}
	return nil, statusError(resp, body)
}

// statusError is the error for a status that is not 200.
func statusError(resp *http.Response, body []byte) *Error {
	code := CodeProtocol
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		code = CodeUnavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		code = CodeConnectionLost
	}
	text := "the server answered " + statusLine(resp)
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		text += fmt.Sprintf(", which points to %.200q", to)
	}
	if len(body) > 0 {
		text += ": " + beginning(body)
	}
	e := &Error{Code: code, Message: text}
	if code == CodeUnavailable {
		e.Outcome = OutcomeRefused
	}
	return e
}

// bodyFailure is the error for a response whose body could not be read to its end.
func bodyFailure(resp *http.Response, err error) error {
	switch {
	case resp.StatusCode != http.StatusOK:
		e := statusError(resp, nil)
		e.Cause = err
		return e
	case errors.Is(err, wire.ErrTooLarge):
		return failure("", CodeProtocol, err)
	}
	return fmt.Errorf("the reply breaks off: %w", err)
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
