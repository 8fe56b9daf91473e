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
	types         int
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
	w := &wrapper{}
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
			w.types++
		}
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
	if err == nil && w.types != len(w.args) {
		err = fmt.Errorf("%s with %s", plural.Of(len(w.args), "argument"), plural.Of(w.types, "type"))
	}
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
	b := appendWrapped(nil, wrapperSerialization, w.serialization)
	return &message{data: appendWrapped(appendWrapped(b, wrapperData, e.Bytes()), wrapperTypes, class)}
}

func appendWrapped[T string | []byte](dst []byte, number protowire.Number, value T) []byte {
	dst = protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.BytesType), uint64(len(value)))
	return append(dst, value...)
}

// response returns the reply of a call that has a result, or of a oneway method.
func (w *wrapper) response(r *rpc.Result) (*message, error) {
	e := hessian2.NewEncoder(nil)
	class := "void"
	if m := r.Call.Method; m.Oneway || m.Result.Kind == schema.KindVoid {
		e.Null()
	} else {
		class = javamap.TypeName(m.Result)
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

// The headers of Triple by which a call selects a service.
const (
	groupHeader   = "Tri-Service-Group"
	versionHeader = "Tri-Service-Version"
)

// selects returns an error for a call of Triple that does not name the group and the version in which services are served. Other clients of gRPC
// have no names for them.
func (o Options) selects(header http.Header, isTriple bool) error {
	if !isTriple && header.Get(groupHeader) == "" && header.Get(versionHeader) == "" {
		return nil
	}
	for _, x := range []struct{ what, want, name string }{{"group", o.Group, groupHeader}, {"version", o.Version, versionHeader}} {
		if got := header.Get(x.name); x.want != "" && x.want != got {
			return connect.NewError(connect.CodeUnimplemented, fmt.Errorf("the services are served in the %s %s, not in %.100q", x.what, x.want, got))
		}
	}
	return nil
}

// wrappedMethod returns a method that a client calls by its Java interface.
func (c *client) wrappedMethod(svc *schema.Service, m *schema.Method) (*clientMethod, error) {
	if m.Stream != schema.Unary {
		return nil, errors.New("methods that stream cannot be called by Triple in hessian2: want the target's protocol=proto, and a service with a .proto file")
	}
	name := javamap.Interface(svc)
	if s := c.target.Service; strings.Contains(s, ".") {
		name = s
	} else if s != "" {
		name = strings.TrimSuffix(name, javamap.SimpleName(name)) + s // of the same package
	}
	x := &clientMethod{method: method{svc: svc, m: m, wrapped: true}}
	x.call = connect.NewClient[message, message](c.http, c.base+"/"+name+"/"+m.Name, c.opts...)
	return x, nil
}

// A tripleTransport makes replies have the type of the request: Dubbo for Java answers application/grpc+proto, whatever it was asked in.
type tripleTransport struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t tripleTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		resp.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	}
	return resp, err
}

// wrapArgs returns the request of a call.
func wrapArgs(call *rpc.Call) (*message, error) {
	b := appendWrapped(nil, wrapperSerialization, javaHessian) // to which a server may answer with an exception
	for i := range call.Method.Args.Fields {
		e := hessian2.NewEncoder(nil)
		if err := muxconn.AppendHessianArg(e, call, i); err != nil {
			return nil, err
		}
		b = appendWrapped(b, wrapperData, e.Bytes())
	}
	for _, f := range call.Method.Args.Fields {
		b = appendWrapped(b, wrapperTypes, javamap.TypeName(f.Type))
	}
	return &message{data: b}, nil
}

// unwrap reads the reply of a call.
func (m *clientMethod) unwrap(call *rpc.Call, resp *connect.Response[message]) error {
	w, err := parseWrapper(resp.Msg.data)
	if err != nil {
		return muxconn.BadReply(m.m, fmt.Errorf("not a TripleResponseWrapper: %w", err))
	}
	if len(w.args) == 0 || m.m.Oneway { // null
		return nil
	}
	d := hessian2.NewDecoder(w.args[0])
	if resp.Header().Get(exceptionHeader) != "" || resp.Trailer().Get(exceptionHeader) != "" {
		return muxconn.BadReply(m.m, muxconn.ThrownHessian(m.m, d, received(resp.Header(), resp.Trailer())))
	}
	if d.IsNull() {
		return nil
	}
	if err := muxconn.SetHessianResult(d, call); err != nil {
		return muxconn.BadReply(m.m, err)
	}
	return nil
}
