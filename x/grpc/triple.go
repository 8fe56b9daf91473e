package grpc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// A wrapper is a request of Triple, Dubbo's gRPC, by a caller that has an interface and no .proto file: its arguments are in
// Hessian. In protobuf ("Triple Specification", dubbo.apache.org, reference manual, protocols):
//
//	message TripleRequestWrapper  { string serializeType = 1; repeated bytes args = 2; repeated string argTypes = 3; }
//	message TripleResponseWrapper { string serializeType = 1; bytes data = 2; string type = 3; }
type wrapper struct {
	serialization string
	args          [][]byte
}

// The names of hessian2: Dubbo for Java, and dubbo-go.
const (
	javaHessian = "hessian4"
	goHessian   = "hessian2"
)

// The fields of both wrappers.
const (
	wrapperSerialization = 1
	wrapperData          = 2
	wrapperTypes         = 3
)

// parseWrapper returns the wrapper that a message is.
func parseWrapper(b []byte) (*wrapper, error) {
	w, types := &wrapper{}, 0
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		if number > wrapperTypes || kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return nil, protowire.ParseError(n)
			}
			b = b[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		b = b[n:]
		switch number {
		case wrapperSerialization:
			w.serialization = string(v)
		case wrapperData:
			if len(w.args) == maxWrapped {
				return nil, fmt.Errorf("more than %d arguments", maxWrapped)
			}
			w.args = append(w.args, v)
		case wrapperTypes:
			types++
		}
	}
	if types != len(w.args) {
		return nil, fmt.Errorf("%s with %s", plural.Of(len(w.args), "argument"), plural.Of(types, "type"))
	}
	return w, nil
}

// maxWrapped is more arguments than a method in Java has.
const maxWrapped = 255

// wrapper returns the wrapper that a request is, nil if it is a message of the mapping to protobuf. At a path where both may come, a
// wrapper is what names hessian2, and has as many arguments and types as the method has parameters.
func (m *method) wrapper(msg *message) (*wrapper, error) {
	if msg.json || m.m.Stream != schema.Unary {
		return nil, nil
	}
	w, err := parseWrapper(msg.data)
	isHessian := err == nil && (w.serialization == javaHessian || w.serialization == goHessian)
	switch {
	case !m.wrapped && (!isHessian || len(w.args) != len(m.m.Args.Fields)):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("not a TripleRequestWrapper: %w", err)
	case !isHessian:
		return nil, fmt.Errorf("the serialization %.40q is not supported: want hessian2; in Java set dubbo.protocol.serialization=hessian2", w.serialization)
	}
	return w, nil
}

// readArgs reads the arguments of call.
func (w *wrapper) readArgs(call *rpc.Call) error {
	if want := call.NumArgs(); len(w.args) != want {
		return fmt.Errorf("%s has %s, got %d", call.Method, plural.Of(want, "parameter"), len(w.args))
	}
	for i, b := range w.args {
		d := hessian2.NewDecoder(b)
		err := muxconn.ReadHessianArg(d, call, i)
		if err == nil && d.More() {
			err = fmt.Errorf("unexpected bytes after argument %d", i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reply returns the message of a response whose data e has.
func (w *wrapper) reply(e *hessian2.Encoder, class string) *message {
	b := protowire.AppendTag(nil, wrapperSerialization, protowire.BytesType)
	b = protowire.AppendString(b, w.serialization)
	b = protowire.AppendTag(b, wrapperData, protowire.BytesType)
	b = protowire.AppendBytes(b, e.Bytes())
	b = protowire.AppendTag(b, wrapperTypes, protowire.BytesType)
	return &message{data: protowire.AppendString(b, class)}
}

// response returns the reply of a call that has a result, or of a oneway method.
func (w *wrapper) response(r *rpc.Result) (*message, error) {
	e := hessian2.NewEncoder(nil)
	class := "void"
	if m := r.Call.Method; m.Oneway || m.Result.Kind == schema.KindVoid {
		e.Null()
	} else {
		class = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(javamap.Descriptor(m.Result), "L"), ";"), "/", ".")
		if err := muxconn.AppendHessianResult(e, r.Call); err != nil {
			return nil, err
		}
	}
	msg := w.reply(e, class)
	r.Bytes = len(msg.data)
	return msg, nil
}

// What says that a response is an exception.
const (
	exceptionHeader = "Tri-Exception-Code"
	bizException    = "3"
	codeBizError    = connect.Code(17) // of dubbo-go, which calls again after other codes
)

// exception returns the response for the error of a method that ran: for Dubbo for Java a message that is the exception; an error for
// dubbo-go, which reads texts only. Both are nil if the method did not run: then there is a status, as for other clients.
func (w *wrapper) exception(header http.Header, err error) (*message, *connect.Error) {
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		x         *rpc.Error
	)
	isDeclared := errors.As(err, &exception) && exception.Value != nil
	text := err.Error()
	switch {
	case isDeclared:
		text = strings.TrimPrefix(text, exception.Value.Schema().Name+": ")
	case errors.As(err, &business):
	case errors.As(err, &x) && (x.Code == rpc.CodeInternal || x.Code == rpc.CodeUnknown):
		text = x.Message
	default:
		return nil, nil
	}
	if w.serialization != javaHessian {
		return nil, connect.NewError(codeBizError, errors.New(text))
	}
	e := hessian2.NewEncoder(nil)
	class := hessian2.FallbackException
	if isDeclared {
		desc := exception.Value.Schema()
		class = hessian2.ClassOf(desc)
		err = e.Dynamic(desc.Type(), dynamic.StructValue(exception.Value))
	} else {
		err = e.Exception(class, strings.ToValidUTF8(text, "\ufffd"))
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	header.Set(exceptionHeader, bizException)
	return w.reply(e, class), nil
}
