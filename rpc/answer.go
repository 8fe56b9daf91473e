package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// lookup returns the method that a message names. service is the one that its envelope names, or
// "": in one that s does not have, the method is looked for as without.
func (s *Server) lookup(service, name string) (*boundMethod, *Error) {
	m, err := s.registered(service, name)
	if err != nil && len(s.builtIn) > 0 {
		if b, ok := s.builtIn[name[strings.IndexByte(name, ':')+1:]]; ok {
			return b, nil
		}
	}
	return m, err
}

func (s *Server) registered(service, name string) (*boundMethod, *Error) {
	if service != "" {
		if bound, ok := s.services[service]; ok {
			if m, ok := bound.methods[name]; ok {
				return m, nil
			}
		}
	}
	if m, ok := s.methods[name]; ok {
		return m, nil
	}
	service, method, multiplexed := strings.Cut(name, ":")
	if !multiplexed {
		return nil, Errorf(CodeUnknownMethod, "unknown method %q", name)
	}
	bound, ok := s.services[service]
	if !ok {
		return nil, Errorf(CodeUnknownMethod, "unknown service %q", service)
	}
	if m, ok := bound.methods[method]; ok {
		return m, nil
	}
	return nil, Errorf(CodeUnknownMethod, "service %s has no method %q", service, method)
}

// An incoming is a call that a server has got, from its message to its reply.
type incoming struct {
	ctx   context.Context // for the handler
	p     protocol.Protocol
	msg   []byte
	off   int       // where the arguments begin in msg
	x     *exchange // what the call has beside msg, nil if that is nothing
	h     wire.Header
	m     *boundMethod // nil for a call that is refused
	call  *Call
	err   error  // of the handler; or why the call is refused, an *Error
	ready []byte // the reply to the call by which a client begins to track, else nil

	cancel context.CancelFunc // of ctx, or nil
	s      *Server            // where m is not nil
	conn   *serverConn        // nil: not over a connection of Thrift
	from   *source            // nil: a call within the process
	stats  *callStats         // nil: nobody listens

	// For stats: when the call was received, if that is known without a look at the clock, and when it was replied to.
	arrived, ended time.Time

	running bool // the handler runs
	ran     bool // it has begun to

	foreign *Invocation // of a Dialect: it reads the arguments, not p
}

// errNoStreams refuses a call by a message of Thrift.
var errNoStreams = Errorf(CodeUnknownMethod, "the method streams, which connections of Thrift do not carry")

// prepare reads the header of the call in in.msg and finds its method. It fails only if the
// header cannot be read.
func (s *Server) prepare(in *incoming) (err error) {
	if in.h, in.off, err = in.p.ConsumeHeader(in.msg); err != nil {
		return err
	}
	m, unknown := s.lookup(in.x.service(), in.h.Name)
	if i := strings.IndexByte(in.h.Name, ':'); i >= 0 {
		in.h.Name = in.h.Name[i+1:] // a reply carries the method's name alone
	}
	in.stats = s.received(in.ctx, in.from, m, in.h.Name, len(in.msg), in.arrived)
	switch {
	case in.h.Type != wire.Call && in.h.Type != wire.Oneway:
		in.err = Errorf(CodeInvalidMessageType, "want a call, got a %s", in.h.Type)
	case unknown != nil:
		s.logRefused(in.ctx, unknown)
		in.err = unknown
	case m.method.Stream != schema.Unary:
		in.err = errNoStreams
	default:
		in.m, in.s = m, s
		return nil
	}
	in.stats.refused(in.ctx, in.err)
	return nil
}

// execute runs the handler of a call that was prepared.
func (in *incoming) execute() {
	if in.m == nil {
		return
	}
	in.call = in.m.newCall()
	in.err = in.run()
}

// run runs the handler of the call if the gates let it in.
func (in *incoming) run() error {
	if len(in.s.opts.Gates) > 0 {
		return in.pass(0)
	}
	return in.runAdmitted()
}

// runAdmitted reads the arguments of the call and runs its handler, when there are not too many under way.
func (in *incoming) runAdmitted() error {
	ok, waited := in.s.limiter.acquire(in.ctx)
	if !ok {
		in.s.counters.refusedCalls.Add(1)
		PushBack(in.ctx, in.s.limiter.wait())
		in.stats.refused(in.ctx, errOverloaded)
		return errOverloaded
	}
	defer in.leave() // also when the handler ends its goroutine
	if in.x != nil && errors.Is(in.ctx.Err(), context.DeadlineExceeded) {
		in.stats.refused(in.ctx, errTooLate)
		return errTooLate
	}
	if err := in.readArgs(); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Code: CodeProtocol, Message: err.Error(), Cause: err}
		}
		in.s.logRefused(in.ctx, fmt.Errorf("the arguments of %s: %w", in.m.method, err))
		in.stats.refused(in.ctx, e)
		return e
	}
	in.stats.begun(in.ctx, waited || in.mayHaveWaited())
	in.running, in.ran = true, true
	err := in.m.handler(in.ctx, in.call)
	in.running = false
	in.stats.handled()
	return err
}

// errEnded is what listeners learn of a call whose handler ended its goroutine.
var errEnded = &Error{Code: CodeInternal, Message: "the handler ended its goroutine"}

// leave makes room for another call. If the handler has ended its goroutine nothing else tells the listeners that the call has ended.
func (in *incoming) leave() {
	in.s.limiter.release()
	if in.running {
		in.stats.replied(in.ctx, in.call, 0, errEnded, false)
	}
}

// mayHaveWaited reports whether it is worth a look at the clock when the call begins: it runs on another goroutine than the one that
// read it, or its arguments took a while to decode.
func (in *incoming) mayHaveWaited() bool {
	const long = 4 << 10
	return in.conn == nil || len(in.msg) > long || in.m.slow.Load() > 0
}

// finish appends the reply to a call that was executed, with what it has in front; nothing for oneway.
func (s *Server) finish(dst []byte, in *incoming) (out []byte) {
	m, call, err := in.m, in.call, in.err
	if m == nil {
		if in.h.Type == wire.Oneway {
			return dst
		}
		return s.refuse(dst, in.p, in.h, in.x, err.(*Error))
	}
	defer m.release(call)
	declared := false
	if in.stats != nil {
		start := len(dst)
		defer func() { in.ended = in.stats.replied(in.ctx, call, len(out)-start, in.err, declared) }()
	}
	if m.method.Oneway {
		if err != nil {
			s.report(in.ctx, m, err)
		}
		return dst
	}
	if err != nil {
		err = s.throw(m, call, err)
		declared = err == nil
	}
	if in.x.putStatus(err) {
		m.clearReply(call)
		err = nil
	}
	if err != nil {
		return s.refuse(dst, in.p, in.h, in.x, s.conceal(in.ctx, m, err))
	}
	if in.err == nil && m.method.Result.Kind == schema.KindStruct && !m.hasResult(call) {
		in.err = missingResult(m.method) // which is what the client finds
		s.report(in.ctx, m, errNilResult)
	}
	start := len(dst)
	if dst, err = s.reply(dst, in.p, in.h, in.x, m.reply, call.reply); err != nil {
		in.err = fmt.Errorf("the result cannot be sent: %w", err)
		return s.refuse(dst[:start], in.p, in.h, in.x, s.conceal(in.ctx, m, in.err))
	}
	return dst
}

// errNilResult is logged for a handler that returned nil as a struct, and no error.
var errNilResult = errors.New("the handler returned neither a result nor an error")

// hasResult reports whether a handler that returned no error has returned a result, which may be nil for a struct.
func (m *boundMethod) hasResult(call *Call) bool {
	if m.reply.Op == plan.OpDynStruct {
		return (*mem.As[*dynamic.Struct](call.reply)).At(0).IsSet()
	}
	return m.reply.Struct.Fields[0].IsSet(call.reply)
}

// answer runs the call in msg and appends its reply to dst; nothing for oneway. x is what the call
// has beside msg, nil if that is nothing; what it has before the reply is appended as well.
// It fails only if the header cannot be read.
func (s *Server) answer(ctx context.Context, dst []byte, p protocol.Protocol, msg []byte, x *exchange, from *source) ([]byte, error) {
	in := incoming{ctx: ctx, p: p, msg: msg, x: x, from: from}
	if err := s.prepare(&in); err != nil {
		return dst, err
	}
	in.execute()
	return s.finish(dst, &in), nil
}

// reply appends the reply to the call with the header h.
func (s *Server) reply(dst []byte, p protocol.Protocol, h wire.Header, x *exchange, t *plan.Type, v mem.Pointer) ([]byte, error) {
	h.Type = wire.Reply
	dst, err := x.begin(dst)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst, err = p.AppendMessage(dst, h, t, v)
	if n := len(dst) - start; err == nil && n > s.opts.MaxMessageBytes {
		err = msgio.TooLarge(n, s.opts.MaxMessageBytes)
	}
	return dst, err
}

// refuse appends the exception that answers the call with the header h.
func (s *Server) refuse(dst []byte, p protocol.Protocol, h wire.Header, x *exchange, e *Error) []byte {
	start := len(dst)
	dst, err := x.begin(dst)
	if err != nil {
		dst = x.beginBare(dst[:start])
	}
	return exceptionMessage(dst, p, s.app, h, e)
}

// clearReply takes out of the reply what is in it.
func (m *boundMethod) clearReply(call *Call) {
	m.reply.Zero(call.reply)
	if m.reply.Op == plan.OpDynStruct {
		*mem.As[*dynamic.Struct](call.reply) = dynamic.New(m.method.Reply())
	}
}

// readArgs reads the arguments.
func (in *incoming) readArgs() error {
	if in.foreign != nil {
		return in.foreign.readArgs(in.call)
	}
	end, err := in.p.ConsumeValue(in.msg, in.off, in.m.args, in.call.args)
	if err == nil {
		end, err = in.p.ConsumeTrailer(in.msg, end)
	}
	if err == nil && end != len(in.msg) {
		err = wire.Errorf(end, wire.ErrInvalid, "%s after the arguments", plural.Of(len(in.msg)-end, "byte"))
	}
	return err
}

// throw puts err into the reply if the method declares it; else it returns err.
func (s *Server) throw(m *boundMethod, call *Call, err error) error {
	first := 0 // the place of the first exception in the reply
	if m.method.Result.Kind != schema.KindVoid {
		first = 1
	}
	for e := range unwrapped(err) {
		i, thrown := m.declared(e)
		if i < 0 {
			continue
		}
		m.clearReply(call)
		if m.reply.Op == plan.OpDynStruct {
			if (*mem.As[*dynamic.Struct](call.reply)).Set(m.method.Throws[i].Name, thrown) != nil {
				return err
			}
			return nil
		}
		f := &m.reply.Struct.Fields[first+i]
		if !store(f.Type, call.reply.Add(f.Offset), thrown) {
			return err
		}
		return nil
	}
	return err
}

// store stores an exception in its field of a reply, and reports whether it can: a Dispatcher's has
// a type of its own.
func store(t *plan.Type, at mem.Pointer, thrown any) bool {
	v := reflect.ValueOf(thrown)
	switch s, isDynamic := thrown.(*dynamic.Struct); {
	case v.Type().AssignableTo(t.Go):
		at.Value(t.Go).Set(v)
	case isDynamic:
		plan.Assign(t, at, dynamic.StructValue(s))
	case t.Go.Kind() == reflect.Pointer && v.Type() == t.Go.Elem():
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		at.Value(t.Go).Set(p)
	default:
		return false
	}
	return true
}

// unwrapped ranges over err and everything it wraps.
func unwrapped(err error) func(yield func(error) bool) {
	return func(yield func(error) bool) { walk(err, yield) }
}

func walk(err error, yield func(error) bool) bool {
	if err == nil {
		return true
	}
	if !yield(err) {
		return false
	}
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return walk(x.Unwrap(), yield)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			if !walk(e, yield) {
				return false
			}
		}
	}
	return true
}

// declared returns the place of e among the exceptions of m and what to send for it, or -1.
func (m *boundMethod) declared(e error) (int, any) {
	if x, ok := e.(*Exception); ok {
		for i, f := range m.method.Throws {
			if x.Value != nil && f.Type.Struct == x.Value.Schema() {
				return i, x.Value
			}
		}
		return -1, nil
	}
	t := reflect.TypeOf(e)
	i, ok := m.thrown.Load(t)
	if !ok {
		i, _ = m.thrown.LoadOrStore(t, m.match(t))
	}
	return i.(int), e
}

// match finds the declared exception that the Go type t stands for. A Dispatcher's reply has the type itself, whatever its
// name; any other is found by name, and if its fields fit.
func (m *boundMethod) match(t reflect.Type) int {
	if m.reply.Op != plan.OpDynStruct {
		fields := m.reply.Struct.Fields
		for i, f := range fields[len(fields)-len(m.method.Throws):] {
			if g := f.Type.Go; g == t || g.Kind() == reflect.Pointer && g.Elem() == t {
				return i
			}
		}
	}
	for i, f := range m.method.Throws {
		if !plan.SameName(f.Type.Struct.Name, exceptionName(t)) {
			continue
		}
		if _, err := plan.ForType(t, f.Type); err == nil {
			return i
		}
	}
	return -1
}

// conceal returns what the caller learns of err: an *Error as it is, of any other error only
// that there was one, unless the options say otherwise.
func (s *Server) conceal(ctx context.Context, m *boundMethod, err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Code >= 0 && !e.Remote {
		return e
	}
	var business *BusinessError
	if errors.As(err, &business) { // which is for the caller
		return Errorf(CodeInternal, "%s", business)
	}
	s.report(ctx, m, err)
	var p *panicError
	switch {
	case errors.As(err, &p):
		return Errorf(CodeInternal, "internal error")
	case s.opts.ExposeErrors:
		return Errorf(CodeInternal, "%s", err)
	}
	return Errorf(CodeInternal, "internal error")
}
