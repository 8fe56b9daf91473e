package rpc

import (
	"fmt"
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// exceptionMessage appends the message that answers a call with a TApplicationException.
func exceptionMessage(dst []byte, p protocol.Protocol, app *plan.Type, h wire.Header, e *Error) []byte {
	code := int32(e.Code)
	if e.Code < 0 {
		code = int32(CodeInternal)
	}
	body := applicationException{Message: &e.Message, Type: &code}
	h.Type = wire.Exception
	dst, err := p.AppendMessage(dst, h, app, mem.To(&body))
	if err != nil {
		panic(fmt.Sprintf("rpc: a TApplicationException cannot be written: %v", err)) // both fields are set
	}
	return dst
}

// readReply reads the reply in msg into call. The error is what the caller gets: a declared
// exception, or an *Error.
func readReply(call *Call, app *plan.Type, msg []byte, p protocol.Protocol) error {
	sig, name := call.sig, call.Method.Name
	fail := func(code Code, format string, args ...any) error {
		return &Error{Code: code, Message: fmt.Sprintf(format, args...), Method: sig.method.String()}
	}
	h, off, err := p.ConsumeHeader(msg)
	if err != nil {
		return failure(sig.method.String(), CodeProtocol, err)
	}
	switch h.Type {
	case wire.Exception:
		var body applicationException
		if _, err := p.ConsumeValue(msg, off, app, mem.To(&body)); err != nil {
			return failure(sig.method.String(), CodeProtocol, err)
		}
		return remoteError(sig.method.String(), body)
	case wire.Reply:
	default:
		return fail(CodeInvalidMessageType, "the answer is a %s", h.Type)
	}
	if h.Name != name {
		return fail(CodeWrongMethodName, "the answer is to %q", h.Name)
	}
	end, err := p.ConsumeValue(msg, off, sig.reply, call.reply)
	if err == nil {
		end, err = p.ConsumeTrailer(msg, end)
	}
	if err != nil {
		return failure(sig.method.String(), CodeProtocol, err)
	}
	if end != len(msg) {
		return fail(CodeProtocol, "%s after the reply", plural.Of(len(msg)-end, "byte"))
	}
	return replyError(sig, call.reply)
}

// remoteError is the error for a TApplicationException from the peer. thriftpy2 leaves the
// message out for an unknown method.
func remoteError(method string, body applicationException) error {
	e := &Error{Remote: true, Method: method}
	if body.Type != nil {
		e.Code = Code(*body.Type)
	}
	if body.Message != nil {
		e.Message = *body.Message
	}
	return e
}

// replyError returns the declared exception that a reply holds, or the error for a result that
// is missing, or nil.
func replyError(sig *signature, reply mem.Pointer) error {
	m := sig.method
	hasResult := m.Result.Kind != schema.KindVoid
	if sig.reply.Op == plan.OpDynStruct {
		s := *mem.As[*dynamic.Struct](reply)
		for f, v := range s.Fields() {
			if f.ID != 0 || !hasResult {
				return &Exception{Value: v.Struct()}
			}
		}
		if hasResult && !s.At(0).IsSet() {
			return missingResult(m)
		}
		return nil
	}
	for i := range sig.reply.Struct.Fields {
		f := &sig.reply.Struct.Fields[i]
		switch {
		case !f.IsSet(reply):
		case i == 0 && hasResult:
			return nil
		default:
			return thrown(reply.Add(f.Offset).Value(f.Type.Go))
		}
	}
	if hasResult {
		return missingResult(m)
	}
	return nil
}

// thrown returns the exception that a field of a reply holds.
func thrown(f reflect.Value) error {
	switch e := f.Interface().(type) {
	case *dynamic.Struct:
		return &Exception{Value: e}
	case error:
		return e
	default: // a pointer to a type that is an error itself
		return f.Elem().Interface().(error)
	}
}

func missingResult(m *schema.Method) error {
	return &Error{Code: CodeMissingResult, Message: "the reply has neither a result nor an exception", Method: m.String()}
}
