package dubbo

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Dials implements [rpc.ClientDialect].
func (*dialect) Dials(scheme string) bool { return scheme == "dubbo" }

// DialTarget implements [rpc.ClientDialect]. Calls share one connection, which is made again when it has ended.
func (*dialect) DialTarget(ctx context.Context, t transport.Target, opts rpc.ClientOptions) (rpc.Handler, func(), error) {
	life, end := context.WithCancel(context.Background())
	c := &client{target: t, opts: opts, life: life, dialing: make(chan struct{}, 1)}
	if !opts.Lazy {
		if _, err := c.conn(ctx); err != nil {
			end()
			return nil, nil, err
		}
	}
	return c.handle, func() { end(); c.close() }, nil
}

// A client makes the calls for a target.
type client struct {
	target  transport.Target
	opts    rpc.ClientOptions
	life    context.Context // ends when the client is closed
	dialing chan struct{}   // holds one while a connection is made

	mu      sync.Mutex
	current *clientConn // nil before the first
}

const (
	heartbeatTime = time.Minute // without a byte, after which a client asks whether the server is there
	heartbeatsOut = 3           // so many without an answer end a connection
	messageTime   = time.Minute // that a message may take, from its first byte to its last
)

// A clientConn is a connection with its pending calls.
type clientConn struct {
	nc   net.Conn
	max  int
	out  chan outgoing // to write
	done chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	id      uint64
	pending map[uint64]chan reply
	err     error // why it takes no more calls
	over    bool  // the server shuts down
}

// An outgoing message is one to be written.
type outgoing struct {
	msg     []byte
	written chan struct{} // closed then; nil if nobody waits
}

func newClientConn(nc net.Conn, max int) *clientConn {
	return &clientConn{nc: nc, max: max, out: make(chan outgoing), done: make(chan struct{}), pending: make(map[uint64]chan reply)}
}

// A reply is a response, or why there is none.
type reply struct {
	status status
	body   []byte
	err    error
}

var errClosed = &rpc.Error{Code: rpc.CodeClosed, Outcome: rpc.OutcomeNotSent, Message: "client is closed"}

// conn returns a connection that takes calls.
func (c *client) conn(ctx context.Context) (*clientConn, error) {
	if x := c.usable(); x != nil {
		return x, nil
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-ctx.Done():
		return nil, notConnected(ctx.Err())
	case <-c.life.Done():
		return nil, errClosed
	}
	if x := c.usable(); x != nil { // another call has made it
		return x, nil
	}
	return c.dial(ctx)
}

func (c *client) usable() *clientConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.takesCalls() {
		return c.current
	}
	return nil
}

func notConnected(err error) error {
	e := &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Cause: err}
	switch {
	case errors.Is(err, context.Canceled):
		e.Code = rpc.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Code = rpc.CodeTimeout
	}
	return e
}

func (c *client) dial(ctx context.Context) (*clientConn, error) {
	if c.life.Err() != nil {
		return nil, errClosed
	}
	within := ctx
	if c.opts.DialTimeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, c.opts.DialTimeout)
		defer cancel()
	}
	dial := c.opts.Dialer
	if dial == nil {
		dial = func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error) {
			return t.Dial(ctx, config)
		}
	}
	nc, err := dial(within, c.target, c.opts.TLS)
	if err != nil {
		if ctx.Err() != nil {
			return nil, notConnected(ctx.Err())
		}
		return nil, &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Cause: err}
	}
	x := newClientConn(nc, c.opts.MaxMessageBytes)
	c.mu.Lock()
	c.current = x
	c.mu.Unlock()
	if c.life.Err() != nil { // close has not seen it
		nc.Close()
		return nil, errClosed
	}
	go x.read()
	go x.write()
	return x, nil
}

func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.end(errClosed)
	}
}

// reason returns why the connection has ended.
func (x *clientConn) reason() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *clientConn) takesCalls() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err == nil && !x.over
}

// begin returns the id of a new call, and where its reply comes if it gets one.
func (x *clientConn) begin(twoWay bool) (id uint64, ch chan reply, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return 0, nil, x.err
	}
	x.id++
	if twoWay {
		ch = make(chan reply, 1)
		x.pending[x.id] = ch
	}
	return x.id, ch, nil
}

// forget ends the waiting for a reply. A connection that takes no more calls ends with its last one.
func (x *clientConn) forget(id uint64) (ch chan reply) {
	x.mu.Lock()
	defer x.mu.Unlock()
	ch = x.pending[id]
	delete(x.pending, id)
	if x.over && len(x.pending) == 0 {
		x.nc.Close()
	}
	return ch
}

// end ends the connection and its pending calls.
func (x *clientConn) end(err error) {
	x.mu.Lock()
	if x.err == nil {
		x.err = err
		close(x.done)
	}
	pending := x.pending
	x.pending = nil
	x.mu.Unlock()
	x.nc.Close()
	for _, ch := range pending {
		ch <- reply{err: err}
	}
}

// write writes messages until the connection ends.
func (x *clientConn) write() {
	for {
		select {
		case o := <-x.out:
			x.nc.SetWriteDeadline(time.Now().Add(messageTime))
			if _, err := x.nc.Write(o.msg); err != nil {
				x.end(err)
				return
			}
			if o.written != nil {
				close(o.written)
			}
		case <-x.done:
			return
		}
	}
}

// errNotTaken is the error of a message of which nothing was written.
var errNotTaken = errors.New("the connection has ended")

// send has a message written. The error is that of ctx, or errNotTaken.
func (x *clientConn) send(ctx context.Context, o outgoing) error {
	select {
	case x.out <- o:
		return nil
	case <-x.done:
		return errNotTaken
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read reads responses until the connection ends.
func (x *clientConn) read() {
	err := x.readAll(bufio.NewReader(x.nc))
	if err == io.EOF {
		err = errors.New("the server closed the connection")
	}
	x.end(err)
}

func (x *clientConn) readAll(br *bufio.Reader) error {
	for silent := 0; ; {
		x.nc.SetReadDeadline(time.Now().Add(heartbeatTime))
		_, err := br.Peek(1)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && silent < heartbeatsOut:
			silent++
			if err := x.ask(); err != nil {
				return err
			}
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("the server does not answer heartbeats")
		case err != nil:
			return err
		}
		silent = 0
		x.nc.SetReadDeadline(time.Now().Add(messageTime))
		b, err := br.Peek(headerSize)
		if err != nil {
			return fmt.Errorf("in the header of a message: %w", noEOF(err))
		}
		h, err := parseHeader(b)
		if err != nil {
			return err
		}
		br.Discard(headerSize)
		if h.length < 0 || h.length > x.max {
			return fmt.Errorf("a response with a body of %d bytes, at most %d are accepted", h.length, x.max)
		}
		body, err := readBody(br, h.length, nil)
		if err != nil {
			return fmt.Errorf("in the body of a message: %w", noEOF(err))
		}
		if err := x.message(h, body); err != nil {
			return err
		}
	}
}

// noEOF returns the error of a message that ends too early.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ask sends a heartbeat.
func (x *clientConn) ask() error {
	id, _, err := x.begin(false)
	if err == nil {
		err = x.control(heartbeat(id, flagRequest|flagTwoWay|flagEvent))
	}
	return err
}

// control has a message of ours written.
func (x *clientConn) control(msg []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), messageTime)
	defer cancel()
	return x.send(ctx, outgoing{msg: msg})
}

// message handles what the server has sent.
func (x *clientConn) message(h header, body []byte) error {
	switch {
	case h.flags&flagRequest == 0 && h.flags&flagEvent == 0:
		if ch := x.forget(h.id); ch != nil {
			r := reply{status: h.status, body: body}
			if h.serial() != hessian2Serial {
				r = reply{err: fmt.Errorf("the response is in the serialization %s, want hessian2 (2)", serialName(h.serial()))}
			}
			ch <- r
		}
	case h.flags&flagRequest == 0, h.flags&flagEvent == 0: // the answer to a heartbeat; a call of ours by the server
	case h.flags&flagTwoWay != 0:
		return x.control(heartbeat(h.id, flagEvent))
	default:
		if event, err := hessian2.NewDecoder(body).Any(); err == nil && event == "R" { // READONLY_EVENT: the server shuts down
			x.mu.Lock()
			defer x.mu.Unlock()
			if x.over = true; len(x.pending) == 0 {
				x.nc.Close()
			}
		}
	}
	return nil
}

// handle makes a call.
func (c *client) handle(ctx context.Context, call *rpc.Call) error {
	m := call.Method
	if m.Stream != schema.Unary {
		return notSent(m, errors.New("a method that streams cannot be called by Dubbo"))
	}
	if c.life.Err() != nil {
		return errClosed
	}
	msg, err := c.request(ctx, call)
	if err != nil {
		return notSent(m, err)
	}
	x, err := c.conn(ctx)
	if err != nil {
		return named(err, m)
	}
	id, ch, err := x.begin(!m.Oneway)
	if err != nil {
		return &rpc.Error{Code: rpc.CodeConnectionLost, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Method: m.String(), Cause: err}
	}
	flags := byte(flagRequest)
	if !m.Oneway {
		flags |= flagTwoWay
	}
	putHeader(msg, flags, 0, id)
	o := outgoing{msg: msg}
	if m.Oneway {
		o.written = make(chan struct{})
	}
	if err := x.send(ctx, o); err != nil {
		x.forget(id)
		var e *rpc.Error
		if err == errNotTaken {
			e = lost(m, x.reason())
		} else {
			e = ended(ctx, m)
		}
		e.Outcome = rpc.OutcomeNotSent
		return e
	}
	if m.Oneway {
		select {
		case <-o.written:
			return nil
		case <-x.done:
			if isClosed(o.written) {
				return nil
			}
			return lost(m, x.reason())
		case <-ctx.Done():
			return ended(ctx, m)
		}
	}
	select {
	case r := <-ch:
		if r.err != nil {
			return lost(m, r.err)
		}
		return c.response(ctx, call, r)
	case <-ctx.Done():
		x.forget(id)
		return ended(ctx, m)
	}
}

func notSent(m *schema.Method, err error) error {
	return &rpc.Error{Code: rpc.CodeArgument, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Method: m.String(), Cause: err}
}

func named(err error, m *schema.Method) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	x := *e
	x.Method = m.String()
	return &x
}

// lost returns the error of a call whose connection has ended.
func lost(m *schema.Method, err error) *rpc.Error {
	if errors.Is(err, errClosed) {
		x := *errClosed
		x.Method, x.Outcome = m.String(), rpc.OutcomeUnknown
		return &x
	}
	return &rpc.Error{Code: rpc.CodeConnectionLost, Message: err.Error(), Method: m.String(), Cause: err}
}

// ended returns the error of a call whose context has ended.
func ended(ctx context.Context, m *schema.Method) *rpc.Error {
	e := &rpc.Error{Code: rpc.CodeCanceled, Message: ctx.Err().Error(), Method: m.String(), Cause: ctx.Err()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Code = rpc.CodeTimeout
	}
	return e
}

// request encodes a call, after room for the header.
func (c *client) request(ctx context.Context, call *rpc.Call) ([]byte, error) {
	m := call.Method
	svc := call.Service
	if svc == nil {
		svc = m.Service
	}
	path := javamap.Interface(svc)
	if c.target.Service != "" {
		path = c.target.Service
	}
	e := hessian2.NewEncoder(make([]byte, headerSize, 512))
	for _, s := range []string{protocolVersion, path, c.target.Version, m.Name, javamap.Descriptors(m)} {
		if err := e.Any(s); err != nil {
			return nil, err
		}
	}
	if err := muxconn.AppendHessianArgs(e, call); err != nil {
		return nil, err
	}
	md := map[string]string{keyPath: path, keyInterface: path}
	if c.target.Version != "" {
		md[keyVersion] = c.target.Version
	}
	if c.target.Group != "" {
		md[keyGroup] = c.target.Group
	}
	if deadline, ok := ctx.Deadline(); ok {
		md[keyTimeout] = strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 1), 10)
	}
	transient, persistent := rpc.OutgoingMetadata(ctx)
	for k, v := range transient {
		if reserved[k] {
			return nil, fmt.Errorf("metadata %.60q: Dubbo uses this attachment itself", k)
		}
		md[k] = v
	}
	for k, v := range persistent {
		md[persistentPrefix+k] = v
	}
	if err := e.Any(md); err != nil {
		return nil, err
	}
	if n := len(e.Bytes()); n > c.opts.MaxMessageBytes {
		return nil, fmt.Errorf("the call has %d bytes, at most %d are sent", n, c.opts.MaxMessageBytes)
	}
	return e.Bytes(), nil
}

// receivedCodes has what of rpc stands for a status of servers that say no more.
var receivedCodes = map[status]rpc.Error{
	statusClientTimeout:   {Code: rpc.CodeTimeout},
	statusServerTimeout:   {Code: rpc.CodeTimeout},
	statusChannelInactive: {Code: rpc.CodeConnectionLost, Outcome: rpc.OutcomeUnknown},
	statusBadRequest:      {Code: rpc.CodeProtocol, Outcome: rpc.OutcomeRefused},
	statusBadResponse:     {Code: rpc.CodeInternal, Outcome: rpc.OutcomeExecuted},
	statusNotFound:        {Code: rpc.CodeUnknownMethod, Outcome: rpc.OutcomeRefused},
	statusExhausted:       {Code: rpc.CodeOverloaded, Outcome: rpc.OutcomeRefused},
}

// failure returns the error of a response whose status is not statusOK.
func failure(m *schema.Method, s status, d *hessian2.Decoder) error {
	text, err := d.Text()
	if err != nil {
		text = s.String()
	}
	var md map[string]string
	if err == nil && d.More() {
		if v, err := d.Any(); err == nil {
			md, _ = attachments(v)
		}
	}
	known, ok := receivedCodes[s]
	if !ok {
		known.Code = rpc.CodeInternal
	}
	err = muxconn.ErrorOf(m, md, known.Code, text)
	var e *rpc.Error
	if errors.As(err, &e) && (md[muxconn.CodeMetadata] == "" || known.Outcome == rpc.OutcomeRefused) {
		e.Outcome = known.Outcome
	}
	return err
}

// response reads the response to a call.
func (c *client) response(ctx context.Context, call *rpc.Call, r reply) error {
	d := hessian2.NewDecoder(r.body)
	if r.status != statusOK {
		return failure(call.Method, r.status, d)
	}
	if err := c.body(ctx, call, d); err != nil {
		return muxconn.BadReply(call.Method, err)
	}
	return nil
}

// An openedResponse is a response with statusOK as its body says it.
type openedResponse struct {
	tag         int32
	value       int // where it begins, if it has one
	attachments map[string]string
}

// openResponse reads the body of a response with statusOK, and leaves d at the value.
func openResponse(d *hessian2.Decoder) (x openedResponse, err error) {
	if x.tag, err = d.Int(); err != nil {
		return x, err
	}
	hasMetadata := x.tag >= withMetadata
	if hasMetadata {
		x.tag -= withMetadata
	}
	if x.tag < tagException || x.tag > tagNull {
		return x, fmt.Errorf("a response of the kind %d, want 0 to 5", x.tag)
	}
	x.value = d.Offset()
	if x.tag != tagNull {
		if err := d.Skip(); err != nil {
			return x, err
		}
	}
	if hasMetadata && d.More() {
		v, err := d.Any()
		if err == nil {
			x.attachments, err = attachments(v)
		}
		if err != nil {
			return x, fmt.Errorf("attachments: %w", err)
		}
	}
	d.Rewind(x.value)
	return x, nil
}

// body reads the body of a response with statusOK.
func (c *client) body(ctx context.Context, call *rpc.Call, d *hessian2.Decoder) error {
	x, err := openResponse(d)
	if err != nil {
		return err
	}
	md, _ := split(x.attachments)
	rpc.SetReceivedMetadata(ctx, muxconn.Received(md, func(string) bool { return false }))
	switch x.tag {
	case tagValue:
		return muxconn.SetHessianResult(d, call)
	case tagException:
		return muxconn.ThrownHessian(call.Method, d, x.attachments)
	}
	return nil
}
