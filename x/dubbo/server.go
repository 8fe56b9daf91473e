package dubbo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Match implements [rpc.ConnDialect].
func (*dialect) Match(first []byte) bool {
	return len(first) >= 2 && first[0] == magic>>8 && first[1] == magic&0xff
}

const (
	maxRequests = 1024                   // of a connection that are decoded or wait for the server's own limits
	goodbyeTime = 200 * time.Millisecond // for callers to hear that the server shuts down
)

// A serverConn answers the requests of a connection.
type serverConn struct {
	d        *dialect
	nc       net.Conn
	s        rpc.Invoker
	services map[string]*schema.Service // by all their names
	slots    chan struct{}              // holds one for each request under way
	wg       sync.WaitGroup             // of requests

	mu sync.Mutex // of writes
}

// ServeConn implements [rpc.ConnDialect].
func (d *dialect) ServeConn(ctx context.Context, nc net.Conn, s rpc.Invoker) error {
	c := &serverConn{d: d, nc: nc, s: s, services: servicesOf(s.Services()), slots: make(chan struct{}, maxRequests)}
	defer c.wg.Wait()
	calls, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	defer close(over)
	draining := s.Draining()
	go func() {
		select {
		case <-draining:
			c.goodbye()
		case <-over:
		}
	}()
	br := bufio.NewReader(nc)
	for {
		err := c.next(ctx, calls, br)
		switch {
		case err == nil:
			continue
		case isClosed(draining):
			defer cancel() // after the calls: goodbye has ended reading
			c.wg.Wait()
			return nil
		}
		cancel() // nobody waits for the replies
		return err
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// goodbye tells the client that the server shuts down, so that it sends no more calls, and soon ends reading.
func (c *serverConn) goodbye() {
	msg := append(make([]byte, headerSize), 1, 'R') // a string: READONLY_EVENT
	putHeader(msg, flagRequest|flagEvent, 0, 0)
	c.write(msg)
	c.nc.SetReadDeadline(time.Now().Add(goodbyeTime))
}

// servicesOf returns services by their Java interfaces, and by their names where those are free.
func servicesOf(services []*schema.Service) map[string]*schema.Service {
	m := make(map[string]*schema.Service)
	for _, svc := range services {
		m[javamap.Interface(svc)] = svc
	}
	for _, svc := range services {
		if m[svc.Name] == nil {
			m[svc.Name] = svc
		}
	}
	return m
}

// write writes a message.
func (c *serverConn) write(msg []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.nc.Write(msg); err != nil {
		c.nc.Close() // reading reports it
	}
}

// next reads a message and begins to answer it: in the context calls if the client waits for a reply, else in ctx. The error ends the
// connection.
func (c *serverConn) next(ctx, calls context.Context, br *bufio.Reader) error {
	if _, err := br.Peek(1); err != nil {
		return err
	}
	h, body, err := c.receive(br)
	switch {
	case err != nil:
		return err
	case h.flags&flagRequest == 0: // we ask nothing
	case h.flags&flagEvent != 0:
		if h.flags&flagTwoWay != 0 {
			c.write(heartbeat(h.id, flagEvent))
		}
	default:
		if h.flags&flagTwoWay != 0 {
			ctx = calls
		}
		c.slots <- struct{}{}
		c.wg.Add(1)
		go func() {
			defer func() { <-c.slots; c.wg.Done() }()
			c.answer(ctx, h, body)
		}()
	}
	return nil
}

// receive reads the message whose first byte has come, within the time that a message may take.
func (c *serverConn) receive(br *bufio.Reader) (h header, body []byte, err error) {
	within, _ := c.s.MessageTimeouts()
	began := time.Now()
	if within > 0 && br.Buffered() < headerSize {
		timer := time.AfterFunc(within, func() { c.nc.Close() })
		defer timer.Stop()
	}
	b, err := br.Peek(headerSize)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return h, nil, err
	}
	if h, err = parseHeader(b); err != nil {
		return h, nil, err
	}
	br.Discard(headerSize)
	if most := c.s.MaxMessageBytes() - headerSize; h.length < 0 || h.length > most {
		text := fmt.Sprintf("a body of %d bytes, at most %d are accepted", h.length, most)
		if h.flags&flagRequest != 0 {
			c.fail(h.id, statusBadRequest, text)
		}
		return h, nil, errors.New("dubbo: " + text)
	}
	if within > 0 && br.Buffered() < h.length {
		timer := time.AfterFunc(within-time.Since(began), func() { c.nc.Close() })
		defer timer.Stop()
	}
	var hold func(size, came int) error
	if holder, ok := c.nc.(rpc.MessageHolder); ok {
		hold = holder.Hold
	}
	body, err = readBody(br, h.length, hold)
	return h, body, err
}

// fail answers a request with a status other than OK.
func (c *serverConn) fail(id uint64, s status, text string) { c.failWith(id, s, text, nil) }

// failWith is fail with attachments after the text, which Dubbo's clients do not read.
func (c *serverConn) failWith(id uint64, s status, text string, md map[string]string) {
	e := hessian2.NewEncoder(make([]byte, headerSize, 256))
	err := e.Any(strings.ToValidUTF8(text, "\ufffd"))
	if err == nil && md != nil {
		err = e.Any(md)
	}
	if err == nil {
		msg := e.Bytes()
		putHeader(msg, 0, s, id)
		c.write(msg)
	}
}

// A request is a call as its body says it.
type request struct {
	version, path, serviceVersion, method, descriptors string

	d           *hessian2.Decoder
	args        int    // where they begin
	value       []byte // all of them
	count       int    // how many there are
	attachments map[string]string
	generic     bool // $invoke

}

// errRefused is why a request is refused before it reaches the server.
type errRefused struct {
	status status
	text   string
}

func (e *errRefused) Error() string { return e.text }

func refuse(s status, format string, args ...any) error {
	return &errRefused{s, fmt.Sprintf(format, args...)}
}

// parse reads the body of a request up to its end; the arguments are looked at later.
func parse(body []byte) (*request, error) {
	r := &request{d: hessian2.NewDecoder(body)}
	for _, to := range []struct {
		name string
		v    *string
	}{{"version of Dubbo", &r.version}, {"path", &r.path}, {"version of the service", &r.serviceVersion}, {"method", &r.method}, {"parameter types", &r.descriptors}} {
		var err error
		if *to.v, err = r.d.Text(); err != nil {
			return nil, fmt.Errorf("%s: %w", to.name, err)
		}
	}
	var err error
	if r.count, err = countDescriptors(r.descriptors); err != nil {
		return nil, err
	}
	r.args = r.d.Offset()
	for i := range r.count {
		if err := r.d.Skip(); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
	}
	r.value = body[r.args:r.d.Offset()]
	if r.d.More() {
		v, err := r.d.Any()
		if err == nil {
			r.attachments, err = attachments(v)
		}
		if err != nil {
			return nil, fmt.Errorf("attachments: %w", err)
		}
	}
	r.d.Rewind(r.args)
	return r, nil
}

// countDescriptors returns how many parameters there are (The Java Virtual Machine Specification, 4.3.2).
func countDescriptors(s string) (n int, err error) {
	for rest := s; rest != ""; n++ {
		rest = strings.TrimLeft(rest, "[")
		switch {
		case rest == "":
			return 0, fmt.Errorf("parameter types %.100q: a type is missing at the end", s)
		case strings.IndexByte("ZBCSIJFD", rest[0]) >= 0:
			rest = rest[1:]
		case rest[0] == 'L':
			i := strings.IndexByte(rest, ';')
			if i < 0 {
				return 0, fmt.Errorf("parameter types %.100q: a class has no end", s)
			}
			rest = rest[i+1:]
		default:
			return 0, fmt.Errorf("parameter types %.100q: no type begins with %q", s, rest[0])
		}
	}
	return n, nil
}

// The methods that every service has.
const (
	methodInvoke      = "$invoke"
	methodInvokeAsync = "$invokeAsync"
	methodEcho        = "$echo"
)

// answer answers a request.
func (c *serverConn) answer(ctx context.Context, h header, body []byte) {
	began := time.Now()
	twoWay := h.flags&flagTwoWay != 0
	r, err := c.read(h, body)
	if err == nil && r.method == methodEcho {
		err = c.echo(h.id, r)
	} else if err == nil {
		c.call(ctx, h, r, began, len(body))
	}
	var refused *errRefused
	switch {
	case err == nil || !twoWay:
	case errors.As(err, &refused):
		c.fail(h.id, refused.status, refused.text)
	default:
		c.fail(h.id, statusBadRequest, err.Error())
	}
}

// read reads a request as far as it is not the method's.
func (c *serverConn) read(h header, body []byte) (*request, error) {
	if h.serial() != hessian2Serial {
		return nil, refuse(statusBadRequest, "the serialization %s is not supported: want hessian2 (2); in Java set dubbo.protocol.serialization=hessian2, "+
			"or serialization=hessian2 in the URL of the reference", serialName(h.serial()))
	}
	r, err := parse(body)
	if err != nil {
		return nil, err
	}
	path := r.path
	if path == "" {
		path = r.attachments[keyInterface]
	}
	r.path = path[strings.LastIndexByte(path, '/')+1:]
	svc := c.services[r.path]
	if svc == nil && r.attachments[keyInterface] != "" {
		svc = c.services[r.attachments[keyInterface]]
	}
	if svc == nil {
		svc = c.services[javamap.SimpleName(r.path)]
	}
	if svc == nil {
		return nil, refuse(statusNotFound, "no service %.200q: this server has %s", path, c.names())
	}
	r.path = svc.Name
	for _, x := range []struct{ what, want, got string }{{"group", c.d.opts.Group, r.attachments[keyGroup]}, {"version", c.d.opts.Version, r.serviceVersion}} {
		if x.want != "" && x.want != x.got {
			return nil, refuse(statusNotFound, "service %s is served in the %s %s, not in %.100q", javamap.Interface(svc), x.what, x.want, x.got)
		}
	}
	if r.isGeneric() {
		return r, r.openGeneric()
	}
	return r, nil
}

func (r *request) isGeneric() bool {
	return (r.method == methodInvoke || r.method == methodInvokeAsync) && r.count == 3
}

func (c *serverConn) names() string {
	var names []string
	for _, svc := range c.s.Services() {
		names = append(names, javamap.Interface(svc))
	}
	return strings.Join(names, ", ")
}

// openGeneric reads what $invoke says: the method, the types and where the arguments begin.
func (r *request) openGeneric() error {
	switch form := r.attachments[keyGeneric]; form {
	case "", "true", "false", "raw.return":
	default:
		return refuse(statusBadRequest, "generic calls in the form %.40q are not supported: want generic=true", form)
	}
	r.generic = true
	var err error
	if r.method, err = r.d.Text(); err != nil {
		return fmt.Errorf("method of %s: %w", methodInvoke, err)
	}
	if err := r.d.Skip(); err != nil { // the types: the schema knows better
		return err
	}
	r.args = r.d.Offset()
	return nil
}

// readArgs reads the arguments into call.
func (r *request) readArgs(call *rpc.Call) error {
	if r.generic {
		n := 0
		err := r.d.Each(func(i int) error {
			n++
			return r.readArg(call, i)
		})
		return r.checkCount(call, n, err)
	}
	for i := range r.count {
		if err := r.readArg(call, i); err != nil {
			return err
		}
	}
	return r.checkCount(call, r.count, nil)
}

func (r *request) checkCount(call *rpc.Call, n int, err error) error {
	if want := call.NumArgs(); err == nil && n != want {
		return fmt.Errorf("%s has %s, got %d", call.Method, plural.Of(want, "parameter"), n)
	}
	return err
}

func (r *request) readArg(call *rpc.Call, i int) error {
	if i >= call.NumArgs() {
		return r.d.Skip()
	}
	return muxconn.ReadHessianArg(r.d, call, i)
}

// echo answers $echo with its argument: a call by which clients look whether a service is there.
func (c *serverConn) echo(id uint64, r *request) error {
	if r.count != 1 {
		return fmt.Errorf("%s has 1 parameter, got %d", methodEcho, r.count)
	}
	e := c.response(r, false)
	var err error
	if r.d.IsNull() {
		err = e.tag(tagNull)
	} else if err = e.tag(tagValue); err == nil {
		e.Raw(r.value) // as it came: nothing before it has a class, a type or a number that it refers to
	}
	if err == nil {
		err = e.end(nil)
	}
	if err == nil {
		c.send(id, e)
	}
	return err
}

// A response is one with statusOK.
type response struct {
	*hessian2.Encoder
	attachments bool
}

// response begins the response to a request.
func (c *serverConn) response(r *request, asMaps bool) *response {
	e := &response{hessian2.NewEncoder(make([]byte, headerSize, 256)), takesAttachments(r.version)}
	if asMaps {
		e.AsMaps()
	}
	return e
}

// tag writes what kind of value follows.
func (e *response) tag(n int32) error {
	if e.attachments {
		n += withMetadata
	}
	return e.Any(n)
}

// end writes the attachments.
func (e *response) end(md map[string]string) error {
	if !e.attachments {
		return nil
	}
	if md == nil {
		md = map[string]string{}
	}
	return e.Any(md)
}

// send sends a response, or why it cannot be sent.
func (c *serverConn) send(id uint64, e *response) int {
	msg := e.Bytes()
	if most := c.s.MaxMessageBytes(); len(msg) > most {
		c.fail(id, statusBadResponse, fmt.Sprintf("the response has %d bytes, at most %d are sent", len(msg), most))
		return 0
	}
	putHeader(msg, 0, statusOK, id)
	c.write(msg)
	return len(msg)
}

// statuses has the status of each code of an rpc.Error for which the method did not run. The others are exceptions: Dubbo's clients call
// again after a status.
var statuses = map[rpc.Code]status{
	rpc.CodeUnknownMethod: statusNotFound, rpc.CodeInvalidMessageType: statusBadRequest, rpc.CodeProtocol: statusBadRequest,
	rpc.CodeInvalidTransform: statusBadRequest, rpc.CodeInvalidProtocol: statusBadRequest, rpc.CodeUnsupportedClientType: statusBadRequest,
	rpc.CodeOverloaded: statusExhausted, rpc.CodeUnavailable: statusServerError, rpc.CodeClosed: statusServerError, rpc.CodeTimeout: statusServerTimeout,
}

// call runs a call and answers it.
func (c *serverConn) call(ctx context.Context, h header, r *request, began time.Time, size int) {
	in := &rpc.Invocation{Service: r.path, Method: r.method, Timeout: timeoutOf(r.attachments), Bytes: headerSize + size, Args: r.readArgs}
	in.Metadata, in.PersistentMetadata = split(r.attachments)
	result := c.s.Invoke(ctx, in)
	defer result.Release()
	if h.flags&flagTwoWay == 0 {
		return
	}
	var e *rpc.Error
	switch {
	case result.Err != nil && in.Timeout > 0 && time.Since(began) >= in.Timeout:
		c.fail(h.id, statusServerTimeout, fmt.Sprintf("%s.%s: not done in %v", r.path, r.method, in.Timeout))
		return
	case errors.As(result.Err, &e):
		if s, ok := statuses[e.Code]; ok {
			text, md := muxconn.ErrorMetadata(result.Err)
			c.failWith(h.id, s, text, md)
			return
		}
	}
	if result.Err == nil {
		out := c.response(r, r.asMaps())
		err := out.result(result)
		if err == nil {
			err = out.end(result.Metadata)
		}
		if err == nil {
			result.Bytes = c.send(h.id, out)
			return
		}
		result.Err = fmt.Errorf("the result cannot be sent: %w", err)
	}
	out := c.response(r, r.asMaps())
	if err := out.exception(r, result); err != nil {
		c.fail(h.id, statusBadResponse, err.Error())
		return
	}
	result.Bytes = c.send(h.id, out)
}

// asMaps reports whether structs of the response are maps.
func (r *request) asMaps() bool { return r.generic && r.attachments[keyGeneric] != "raw.return" }

// result writes the result of a call.
func (e *response) result(r *rpc.Result) error {
	m := r.Call.Method
	if m.Oneway || m.Result.Kind == schema.KindVoid {
		return e.tag(tagNull)
	}
	if err := e.tag(tagValue); err != nil {
		return err
	}
	return muxconn.AppendHessianResult(e.Encoder, r.Call)
}

// genericException is what callers without the class of an exception get.
const genericException = "org.apache.dubbo.rpc.service.GenericException"

// exception writes the error of a call.
func (e *response) exception(r *request, result *rpc.Result) error {
	if err := e.tag(tagException); err != nil {
		return err
	}
	text, md := muxconn.ErrorMetadata(result.Err)
	for k, v := range result.Metadata {
		if md[k] == "" {
			md[k] = v
		}
	}
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		err       error
	)
	class := hessian2.FallbackException
	switch {
	case errors.As(result.Err, &exception) && exception.Value != nil:
		desc := exception.Value.Schema()
		if !r.asMaps() {
			err = e.Dynamic(desc.Type(), dynamic.StructValue(exception.Value))
			class = ""
			break
		}
		class, text = hessian2.ClassOf(desc), strings.TrimPrefix(text, desc.Name+": ")
	case errors.As(result.Err, &business):
		text = business.Error()
	}
	switch {
	case class == "":
	case r.asMaps():
		text = strings.ToValidUTF8(text, "\ufffd")
		err = e.Exception(genericException, class+": "+text, hessian2.Field{Name: "exceptionClass", Value: class}, hessian2.Field{Name: "exceptionMessage", Value: text})
	default:
		err = e.Exception(class, text)
	}
	if err != nil {
		return err
	}
	return e.end(md)
}
