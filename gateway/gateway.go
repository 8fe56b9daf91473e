// Package gateway answers calls that come as plain HTTP with JSON: for browsers, curl and whoever has no Thrift.
//
//	POST /PingPong/login   {"username": "root"}        every method: its arguments by name
//	GET  /v1/users/7?full=true                         methods with CloudWeGo's annotations, such as api.get = "/v1/users/:id"
//
// [New] returns a handler that calls a server through a client, [Dialect] makes a server answer such requests itself, on its one port.
// Values have the JSON form of package dynamic, failures are problem details (RFC 9457). docs/gateway.md is the specification: where
// the value of each field is, and which status an error has.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/restmap"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Name is the name of the dialect, for thriftkit.WithAccept.
const Name = "rest"

// Options say what a gateway does. The zero value is right for most.
type Options struct {
	// Timeout bounds each call; 0 means 30 seconds, negative no bound. A request may ask for less, by the header field Client-Timeout, in
	// milliseconds.
	Timeout time.Duration

	// MaxBodyBytes is the longest body accepted, decompressed; 0 means 4 MiB. A Dialect has what its server says.
	MaxBodyBytes int

	// ReadTimeout bounds the reading of a body; 0 means 30 seconds, negative no bound. A Dialect has what its server says.
	ReadTimeout time.Duration

	// Origins are those of web pages that may call, exactly as browsers send them, such as "https://app.example.com" (CORS). By
	// default only pages of the gateway's own origin may. A server that has connections itself refuses pages of other origins before a
	// Dialect sees them: put its HTTPHandler into an http.Server.
	Origins []string

	// Multiplexed makes New call each service under its name, as Apache's TMultiplexedProtocol does: for servers that have several on one
	// port. It does not matter to a Dialect.
	Multiplexed bool

	// NoMethods leaves out POST /Service/method: only requests that annotations describe are answered.
	NoMethods bool
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBodyBytes <= 0 {
		o.MaxBodyBytes = 4 << 20
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = 30 * time.Second
	}
	return o
}

// New returns a handler that answers requests by calls of client, for the methods of the services. It needs no lock and keeps nothing.
// The error joins all mistakes in annotations, each with its position in the IDL: paths that two methods have, parameters without a
// field, fields that have no text.
//
// The header fields of a request are metadata of the call, except those that are HTTP's or the browser's own; the metadata of the reply
// are header fields of the response.
func New(client *rpc.Client, services []*schema.Service, o Options) (http.Handler, error) {
	g, err := newGateway(services, o)
	if err != nil {
		return nil, err
	}
	byService := make(map[*schema.Service]*rpc.Client)
	for _, svc := range services {
		byService[svc] = client
		if o.Multiplexed {
			byService[svc] = client.ForService(svc.Name)
		}
	}
	rest := g.opts
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.serve(w, r, &exchange{maxBody: rest.MaxBodyBytes, readTimeout: rest.ReadTimeout, invoke: func(ctx context.Context, t *target, args *dynamic.Struct, in *msgio.Envelope) (*answer, error) {
			a := new(answer)
			ctx = rpc.ReceiveMetadata(rpc.AddPersistentMetadata(rpc.AddMetadata(ctx, in.Transient), in.Persistent), &a.metadata)
			var err error
			a.result, err = byService[t.svc].Invoke(ctx, t.method, args)
			return a, err
		}})
	}), nil
}

// Dialect makes a server answer the requests of a gateway, for services that are registered with it, by its handlers: interceptors, limits,
// statistics and shutdown are those of the server. The error is as for New.
func Dialect(services []*schema.Service, o Options) (rpc.HTTPDialect, error) {
	g, err := newGateway(services, o)
	if err != nil {
		return nil, err
	}
	return dialect{g}, nil
}

type dialect struct{ g *gateway }

func (dialect) Name() string { return Name }

// MatchHTTP implements [rpc.HTTPDialect].
func (d dialect) MatchHTTP(r *http.Request) bool {
	t := strings.ToLower(r.Header.Get("Content-Type"))
	if msgio.IsThrift(t) || strings.HasPrefix(t, "application/vnd.apache.thrift") || strings.HasPrefix(t, "application/grpc") ||
		strings.HasPrefix(t, "application/connect+") || strings.HasPrefix(t, "application/proto") || r.Header.Get("Connect-Protocol-Version") != "" {
		return false
	}
	if r.URL.Path == openAPIPath {
		return true
	}
	found, allowed, _ := d.g.find(r)
	return found != nil || len(allowed) > 0
}

// ServeHTTP implements [rpc.HTTPDialect].
func (d dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, s rpc.Invoker) {
	x := &exchange{maxBody: s.MaxMessageBytes(), release: func(int) {}}
	x.readTimeout, x.writeTimeout = s.MessageTimeouts()
	x.invoke = func(ctx context.Context, t *target, args *dynamic.Struct, in *msgio.Envelope) (*answer, error) {
		result := s.Invoke(ctx, &rpc.Invocation{
			Service: t.svc.Name, Method: t.method.Name, Metadata: in.Transient, PersistentMetadata: in.Persistent, Bytes: x.bytes,
			Args: func(call *rpc.Call) error { return call.SetArgs(args) },
		})
		x.release = func(n int) {
			result.Bytes = n
			result.Release()
		}
		a := &answer{metadata: result.Metadata}
		if result.Err != nil {
			return a, result.Err
		}
		var err error
		a.result, err = result.Call.DynamicResult()
		return a, err
	}
	defer func() { x.release(x.written) }()
	d.g.serve(w, r, x)
}

// A target is a method that requests call.
type target struct {
	svc    *schema.Service
	method *schema.Method
	route  *restmap.Route // nil for POST /Service/method
}

// An answer is what a call returned.
type answer struct {
	result   dynamic.Value
	metadata map[string]string
}

// An exchange is one request and how its call is made.
type exchange struct {
	maxBody                   int
	readTimeout, writeTimeout time.Duration
	bytes, written            int // of the two bodies
	invoke                    func(ctx context.Context, t *target, args *dynamic.Struct, in *msgio.Envelope) (*answer, error)
	release                   func(written int)
}

// A gateway knows which requests call which methods.
type gateway struct {
	opts    Options
	methods map[string]*target // by path
	root    node
	origins map[string]bool
	cross   *http.CrossOriginProtection
	openAPI []byte
}

const openAPIPath = "/openapi.json"

func newGateway(services []*schema.Service, o Options) (*gateway, error) {
	g := &gateway{opts: o.withDefaults(), methods: make(map[string]*target), origins: make(map[string]bool), cross: http.NewCrossOriginProtection()}
	for _, origin := range o.Origins {
		if err := g.cross.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("gateway: origin %q: want scheme://host or scheme://host:port: %w", origin, err)
		}
		g.origins[origin] = true
	}
	routes, err := restmap.Of(services)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, svc := range services {
		for _, m := range svc.AllMethods() {
			path := "/" + svc.Name + "/" + m.Name
			if other := g.methods[path]; other != nil && !o.NoMethods {
				errs = append(errs, fmt.Errorf("%s: %s: another service is called %s (%s): requests cannot tell them apart", svc.Pos, path, svc.Name, other.svc.Pos))
			}
			g.methods[path] = &target{svc: svc, method: m}
		}
	}
	if o.NoMethods {
		clear(g.methods)
	}
	for _, r := range routes {
		shape := restmap.Shape(r.Segments)
		switch t := g.methods[shape]; {
		case t != nil && (r.HTTPMethod == http.MethodPost || r.HTTPMethod == ""):
			errs = append(errs, fmt.Errorf("%s: %s: the path %q is that of %s for all methods: NoMethods leaves those out", r.Method.Pos, r.Method, r.Pattern, t.method))
		case shape == openAPIPath && (r.HTTPMethod == http.MethodGet || r.HTTPMethod == ""):
			errs = append(errs, fmt.Errorf("%s: %s: the path %q is that of the gateway's own description", r.Method.Pos, r.Method, r.Pattern))
		}
		g.root.add(r.Segments, r.HTTPMethod, &target{r.Service, r.Method, r})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	g.openAPI, err = describeServices(services, o)
	return g, err
}

// find returns what a request calls and the values of the parameters of its path, else which methods of HTTP the path has.
func (g *gateway) find(r *http.Request) (t *target, allowed []string, values []string) {
	path := r.URL.EscapedPath()
	if t := g.methods[path]; t != nil {
		if r.Method == http.MethodPost {
			return t, nil, nil
		}
		allowed = []string{http.MethodPost}
	}
	segments, ok := splitPath(path)
	if !ok {
		return nil, nil, nil
	}
	t, values, more := g.root.find(segments, r.Method)
	return t, append(allowed, more...), values
}

// serve answers a request.
func (g *gateway) serve(w http.ResponseWriter, r *http.Request, x *exchange) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if origin := r.Header.Get("Origin"); len(g.origins) > 0 {
		w.Header().Add("Vary", "Origin")
		if g.origins[origin] {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "*")
		}
	}
	t, allowed, values := g.find(r)
	if isPreflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""; isPreflight && g.origins[r.Header.Get("Origin")] {
		g.preflight(w, r)
		return
	}
	if err := g.cross.Check(r); err != nil {
		x.fail(w, r, &problem{Status: http.StatusForbidden, Detail: "web pages of another origin may not call this gateway"})
		return
	}
	switch {
	case t != nil:
		g.call(w, r, x, t, values)
	case r.URL.Path == openAPIPath && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		g.describe(w, r, x)
	case len(allowed) > 0:
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		x.fail(w, r, &problem{Status: http.StatusMethodNotAllowed, Detail: fmt.Sprintf("%.20s is not allowed here", r.Method)})
	default:
		x.fail(w, r, &problem{Status: http.StatusNotFound, Detail: "no method has this path"})
	}
}

// preflight answers what a browser asks before a request of a page of another origin (the Fetch standard, section 3.2).
func (g *gateway) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// call makes the call of a request and answers it.
func (g *gateway) call(w http.ResponseWriter, r *http.Request, x *exchange, t *target, values []string) {
	if t.method.Stream != schema.Unary {
		x.fail(w, r, &problem{Status: http.StatusNotImplemented, Detail: t.method.String() + " streams: only gRPC and Connect carry it"})
		return
	}
	body, err := x.read(w, r)
	if err != nil {
		x.fail(w, r, unreadable(w, err))
		return
	}
	var args *dynamic.Struct
	if t.route == nil {
		args, err = methodArgs(t.method, r, body)
	} else {
		args, err = routeArgs(t.route, r, body, values)
	}
	if err != nil {
		x.fail(w, r, badRequest(err))
		return
	}
	in := metadataOf(r.Header)
	ctx, timeout := r.Context(), g.opts.Timeout
	if in.Timeout > 0 && (timeout < 0 || in.Timeout < timeout) {
		timeout = in.Timeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	a, err := x.invoke(ctx, t, args, in)
	for k, v := range a.metadata {
		if !strings.HasPrefix(k, "thriftkit-") && !strings.HasPrefix(strings.ToLower(k), "access-control-") {
			msgio.SetHTTPField(w.Header(), k, v) // what HTTP cannot carry is left out
		}
	}
	if err != nil {
		x.fail(w, r, problemOf(ctx, w.Header(), err))
		return
	}
	status, result, err := t.reply(w.Header(), a.result)
	if err != nil {
		x.fail(w, r, &problem{Status: http.StatusInternalServerError, Detail: "the result cannot be written: " + err.Error()})
		return
	}
	x.write(w, r, status, "application/json", result)
}

// reply returns the status and the body for a result; nil for none.
func (t *target) reply(h http.Header, v dynamic.Value) (status int, body []byte, err error) {
	m := t.method
	switch {
	case m.Oneway:
		return http.StatusAccepted, nil, nil
	case m.Result.Kind == schema.KindVoid:
		return http.StatusNoContent, nil, nil
	}
	status = http.StatusOK
	of, what := m.Result, v
	if t.route != nil && t.route.Response != nil {
		r, s := t.route.Response, v.Struct()
		if r.Status >= 0 && s.At(r.Status).IsSet() {
			n := s.At(r.Status).Int()
			if n < 200 || n > 599 {
				return 0, nil, fmt.Errorf("%s: %d is not a status from 200 to 599", m.Result.Struct.Fields[r.Status].Name, n)
			}
			status = int(n)
		}
		for _, x := range r.Headers {
			if f := s.At(x.Index); f.IsSet() {
				text, err := headerText(m.Result.Struct.Fields[x.Index].Type, f)
				if err == nil {
					err = msgio.SetHTTPField(h, x.Name, text)
				}
				if err != nil {
					return 0, nil, err
				}
			}
		}
		part := dynamic.New(r.Body)
		for i, index := range r.BodyFields {
			if err := part.Set(r.Body.Fields[i].Name, s.At(index)); err != nil {
				return 0, nil, err
			}
		}
		of, what = r.Body.Type(), dynamic.StructValue(part)
	}
	body, err = dynamic.AppendJSON(make([]byte, 0, 256), of, what, dynamic.JSONOptions{})
	return status, append(body, '\n'), err
}

// headerText returns a value as it is in a header field.
func headerText(t *schema.Type, v dynamic.Value) (string, error) {
	if restmap.IsList(t) {
		var parts []string
		for _, e := range v.List().All() {
			text, err := headerText(t.Elem, e)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ", "), nil
	}
	if t.Kind == schema.KindString {
		return v.Text(), nil
	}
	b, err := dynamic.AppendJSON(nil, t, v, dynamic.JSONOptions{})
	return string(bytes.Trim(b, `"`)), err
}

// read returns the body of a request.
func (x *exchange) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Time{}) // the last answer on this connection may have set one
	if x.readTimeout > 0 {
		rc.SetReadDeadline(time.Now().Add(x.readTimeout))
		defer rc.SetReadDeadline(time.Time{}) // it would end the call's context as well
	}
	if r.ContentLength > int64(x.maxBody) {
		return nil, wire.ErrTooLarge
	}
	body, err := msgio.Decoded(http.MaxBytesReader(w, r.Body, int64(x.maxBody)), r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	if charged, ok := r.Body.(interface{ Decoded(io.Reader) io.Reader }); ok { // of package rpc: what it is decompressed to counts
		body = charged.Decoded(body)
	}
	length := r.ContentLength
	if r.Header.Get("Content-Encoding") != "" {
		length = -1 // it is not that of what is compressed
	}
	b, err := msgio.ReadBody(body, length, x.maxBody)
	x.bytes = len(b)
	return b, err
}

// unreadable returns the problem of a body that could not be read.
func unreadable(w http.ResponseWriter, err error) *problem {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, wire.ErrTooLarge), errors.As(err, &tooLong):
		return &problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large"}
	case errors.Is(err, msgio.ErrBudget):
		return &problem{Status: http.StatusServiceUnavailable, Detail: "the server has no memory for the body"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{Status: http.StatusRequestTimeout, Detail: "the body takes too long"}
	case errors.Is(err, msgio.ErrEncoding):
		w.Header().Set("Accept-Encoding", "gzip")
		return &problem{Status: http.StatusUnsupportedMediaType, Detail: err.Error()}
	}
	return &problem{Status: http.StatusBadRequest, Detail: "the body cannot be read"}
}

// write sends a response; body nil is none.
func (x *exchange) write(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	if x.writeTimeout > 0 {
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(x.writeTimeout))
	}
	if body == nil || status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", contentType)
	if len(body) >= msgio.MinGzip {
		w.Header().Add("Vary", "Accept-Encoding")
		if msgio.AcceptsGzip(strings.Join(r.Header.Values("Accept-Encoding"), ",")) {
			w.Header().Set("Content-Encoding", "gzip")
			body = msgio.Gzip(body)
		}
	}
	x.written = len(body)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // if it fails the client is gone
}

// notMetadata are names of header fields that are not metadata, besides those with the prefixes in metadataOf.
var notMetadata = []string{"Cache-Control", "Cookie", "Origin", "Pragma", "Priority", "Range", "Referer", "Upgrade-Insecure-Requests", "User-Agent"}

// metadataOf returns the header fields of a request that are metadata: not those by which browsers and proxies describe themselves.
func metadataOf(h http.Header) *msgio.Envelope {
	var kept http.Header
	for k, v := range h {
		switch {
		case strings.HasPrefix(k, "Accept"), strings.HasPrefix(k, "Access-Control-"), strings.HasPrefix(k, "Content-"), strings.HasPrefix(k, "If-"), strings.HasPrefix(k, "Sec-"):
		case slices.Contains(notMetadata, k):
		default:
			if kept == nil {
				kept = make(http.Header)
			}
			kept[k] = v
		}
	}
	return msgio.HTTPMetadata(kept)
}
