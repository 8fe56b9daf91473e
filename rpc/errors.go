package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
)

// A Code says what kind of failure an [Error] is. Codes from 0 up are those of Thrift's
// TApplicationException and may have come from the peer; negative ones are noticed here.
type Code int32

// The codes of TApplicationException, as Apache Thrift numbers them.
const (
	// CodeUnknown is what a peer sends for no particular reason.
	CodeUnknown Code = 0

	// CodeUnknownMethod means that the server has no such method.
	CodeUnknownMethod Code = 1

	// CodeInvalidMessageType means that a message is neither what a caller sends nor what a server does.
	CodeInvalidMessageType Code = 2

	// CodeWrongMethodName means that the reply names another method.
	CodeWrongMethodName Code = 3

	// CodeBadSequenceID means that the reply has the sequence id of no pending call.
	CodeBadSequenceID Code = 4

	// CodeMissingResult means that the reply has neither a result nor an exception.
	CodeMissingResult Code = 5

	// CodeInternal means that the handler failed with an error that the IDL does not declare, or panicked.
	CodeInternal Code = 6

	// CodeProtocol means that a message could not be decoded.
	CodeProtocol Code = 7

	// CodeInvalidTransform means that the peer does not support a transform of THeader.
	CodeInvalidTransform Code = 8

	// CodeInvalidProtocol means that the peer does not support the protocol.
	CodeInvalidProtocol Code = 9

	// CodeUnsupportedClientType means that the peer does not support the transport.
	CodeUnsupportedClientType Code = 10

	// CodeOverloaded means that the server had too many calls and did not begin this one. Apache Thrift has no
	// number for it; this is fbthrift's (LOADSHEDDING).
	CodeOverloaded Code = 11

	// CodeUnauthenticated means that the server did not begin the call because it does not know who makes it, or because of a token
	// that is wrong. Apache Thrift has no number for it; this is HTTP's.
	CodeUnauthenticated Code = 401

	// CodePermissionDenied means that the server did not begin the call because its caller may not make it. Apache Thrift has no number
	// for it; this is HTTP's.
	CodePermissionDenied Code = 403
)

// The codes of failures that the client reports without a reply.
const (
	// CodeUnavailable means that no connection could be made, or that the server refused the call (HTTP 429, 503); nothing was done.
	CodeUnavailable Code = -1

	// CodeConnectionLost means that the connection closed before the reply; the call may have been executed.
	CodeConnectionLost Code = -2

	// CodeTimeout means that the context's deadline passed; the error matches context.DeadlineExceeded with errors.Is.
	CodeTimeout Code = -3

	// CodeCanceled means that the context was canceled; the error matches context.Canceled with errors.Is.
	CodeCanceled Code = -4

	// CodeClosed means that the client is closed.
	CodeClosed Code = -5

	// CodeArgument means that the call cannot be sent, such as for an argument that cannot be encoded.
	CodeArgument Code = -6
)

var codeNames = map[Code]string{
	CodeUnknown: "unknown", CodeUnknownMethod: "unknown method", CodeInvalidMessageType: "invalid message type",
	CodeWrongMethodName: "wrong method name", CodeBadSequenceID: "bad sequence id", CodeMissingResult: "missing result",
	CodeInternal: "internal error", CodeProtocol: "protocol error", CodeInvalidTransform: "invalid transform",
	CodeInvalidProtocol: "invalid protocol", CodeUnsupportedClientType: "unsupported client type",
	CodeOverloaded: "overloaded", CodeUnavailable: "unavailable", CodeConnectionLost: "connection lost", CodeTimeout: "timeout",
	CodeUnauthenticated: "unauthenticated", CodePermissionDenied: "permission denied",
	CodeCanceled: "cancelled", CodeClosed: "client is closed", CodeArgument: "invalid argument",
}

// String returns the name of c.
func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return "code " + strconv.Itoa(int(c))
}

// An Outcome says whether the server may have executed a failed call: it decides whether calling again is safe.
type Outcome uint8

// The outcomes. After OutcomeNotSent and OutcomeRefused a call may be made again without being executed
// twice; after OutcomeUnknown only one that may be executed twice.
const (
	// OutcomeUnknown means that the call may have been executed: it was sent, or partly, and no reply arrived.
	OutcomeUnknown Outcome = iota

	// OutcomeNotSent means that the call never left this process.
	OutcomeNotSent

	// OutcomeRefused means that the server replied that it did not begin: an unknown method, too many calls.
	OutcomeRefused

	// OutcomeExecuted means that the server replied: the handler ran, and failed or returned what cannot be decoded.
	OutcomeExecuted
)

var outcomeNames = [...]string{"unknown", "not sent", "refused", "executed"}

// String returns the name of o.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "outcome " + strconv.Itoa(int(o))
}

// OutcomeOf returns what became of a call on the server that returned err: what an [Error] says, and
// OutcomeExecuted for nil, a declared exception and a [BusinessError]. An error of another kind,
// such as one of an interceptor, counts as executed unless it is the end of a context.
func OutcomeOf(err error) Outcome {
	var e *Error
	switch {
	case err == nil:
		return OutcomeExecuted
	case errors.As(err, &e):
		return e.Outcome
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return OutcomeUnknown
	}
	return OutcomeExecuted
}

// An Error is a failed call, other than by a declared exception or by a handler in the same
// process. A handler that returns one decides the code and the message that its caller sees.
type Error struct {
	Outcome Outcome // of a call by a client; it is not sent
	Code    Code
	Message string
	Remote  bool   // the peer sent it; else it was noticed here
	Method  string // "Service.method"; "" if unknown
	Cause   error  // what led to it on this side, or nil

	// RetryAfter is how long the server asks to wait before another attempt, see [PushBack]; negative asks for none at all, 0 says nothing.
	RetryAfter time.Duration
}

// Errorf returns an *Error with a code; for handlers.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns "Service.method: code: message".
func (e *Error) Error() string {
	s := e.Code.String()
	if e.Method != "" {
		s = e.Method + ": " + s
	}
	if e.Message != "" && e.Message != e.Code.String() { // a server that says no more says the code in words
		s += ": " + e.Message
	}
	if e.Remote {
		s += " (from the server)"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// failure returns the *Error for err, with the code that fits it: the one place where foreign
// errors get a code.
func failure(method string, fallback Code, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		c := *e
		c.Method = method
		return &c
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		fallback = CodeTimeout
		if !errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(context.DeadlineExceeded, err)
			return &Error{Code: fallback, Message: context.DeadlineExceeded.Error(), Method: method, Cause: err}
		}
	case errors.Is(err, context.Canceled):
		fallback = CodeCanceled
	}
	return &Error{Code: fallback, Message: err.Error(), Method: method, Cause: err}
}

// ofAnswer returns err, which is what an answer said or how it could not be read, with its outcome.
func ofAnswer(err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	e.Outcome = OutcomeExecuted
	if e.Remote {
		switch e.Code {
		case CodeUnknownMethod, CodeInvalidMessageType, CodeInvalidTransform, CodeInvalidProtocol, CodeUnsupportedClientType, CodeOverloaded,
			CodeUnauthenticated, CodePermissionDenied:
			e.Outcome = OutcomeRefused
		}
	}
	return e
}

// A BusinessError is an error of the called program's own kind that the IDL does not declare, with
// a code that is not 0. Programs on Kitex return such errors (kerrors.BizStatusErrorIface). They
// travel in the transports header and ttheader; over the others the caller gets an [Error] with
// CodeInternal and the text.
type BusinessError struct {
	Code    int32
	Message string
	Extra   map[string]string
}

// Error returns "business error 42: message".
func (e *BusinessError) Error() string {
	return fmt.Sprintf("business error %d: %s", e.Code, e.Message)
}

// An Exception is a declared exception for which no Go type was given. errors.As also finds
// the user's own type in it, if that has the exception's name and fields; a method ThriftName() string says the name of a
// type that is called otherwise:
//
//	var e *DivisionByZero
//	if errors.As(err, &e) { … }
//
// A handler may return one to throw an exception without a Go type.
type Exception struct {
	Value *dynamic.Struct
}

// Error returns the exception's name and, if it has one, its field "message".
func (e *Exception) Error() string {
	if e.Value == nil {
		return "rpc: exception without a value"
	}
	name := e.Value.Schema().Name
	for _, field := range []string{"message", "msg", "why", "reason"} {
		if v := e.Value.Get(field); v.Kind() == schema.KindString {
			return name + ": " + v.Text()
		}
	}
	return name
}

// As implements the protocol of errors.As for pointers to error types that stand for the exception.
func (e *Exception) As(target any) bool {
	rv := reflect.ValueOf(target)
	if rv.Kind() != reflect.Pointer || rv.IsNil() || e.Value == nil {
		return false
	}
	t := rv.Type().Elem()
	desc := e.Value.Schema()
	if !plan.SameName(desc.Name, exceptionName(t)) {
		return false
	}
	p, err := plan.ForType(t, desc.Type())
	if err != nil {
		return false
	}
	plan.Assign(p, mem.Of(rv), dynamic.StructValue(e.Value))
	return true
}

// exceptionName returns the name of the exception that a struct type, or a pointer to one, stands for: what its method
// ThriftName says, else its own.
func exceptionName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if named, ok := reflect.New(t).Interface().(interface{ ThriftName() string }); ok {
		return named.ThriftName()
	}
	return t.Name()
}

// applicationException is the struct in which codes from 0 up travel (TApplicationException of
// every Thrift library).
type applicationException struct {
	Message *string
	Type    *int32
}

// newApplicationPlan composes the schema of TApplicationException, which no IDL declares.
func newApplicationPlan() *plan.Type {
	desc := &schema.Struct{
		Name: "TApplicationException",
		Kind: schema.Exception,
		Fields: []*schema.Field{
			{ID: 1, Name: "message", Type: schema.Base(schema.KindString), Requiredness: schema.Optional},
			{ID: 2, Name: "type", Type: schema.Base(schema.KindI32), Requiredness: schema.Optional},
		},
	}
	if err := schema.Link(&schema.File{Structs: []*schema.Struct{desc}}); err != nil {
		panic(err) // the literal above is wrong
	}
	p, err := plan.ForType(reflect.TypeFor[applicationException](), desc.Type())
	if err != nil {
		panic(err)
	}
	return p
}

// An HTTPError is what a client got over HTTP in place of a reply: found in the error of a call with [errors.As].
type HTTPError struct {
	Status int         // such as 401
	Header http.Header // of the response; not to be changed
	Body   []byte      // its first 4 KiB, decompressed; nil if it could not be read
	Err    error       // why it could not be read, else nil
}

func (e *HTTPError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s", e.Status, http.StatusText(e.Status)))
}

// Unwrap returns Err.
func (e *HTTPError) Unwrap() error { return e.Err }
