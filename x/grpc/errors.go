package grpc

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// codes has the status code of each code of an rpc.Error.
var codes = map[rpc.Code]connect.Code{
	rpc.CodeUnknown: connect.CodeUnknown, rpc.CodeUnknownMethod: connect.CodeUnimplemented, rpc.CodeInvalidMessageType: connect.CodeInvalidArgument,
	rpc.CodeWrongMethodName: connect.CodeInternal, rpc.CodeBadSequenceID: connect.CodeInternal, rpc.CodeMissingResult: connect.CodeInternal,
	rpc.CodeInternal: connect.CodeInternal, rpc.CodeProtocol: connect.CodeInvalidArgument, rpc.CodeInvalidTransform: connect.CodeInvalidArgument,
	rpc.CodeInvalidProtocol: connect.CodeInvalidArgument, rpc.CodeUnsupportedClientType: connect.CodeInvalidArgument,
	rpc.CodeOverloaded: connect.CodeResourceExhausted, rpc.CodeUnavailable: connect.CodeUnavailable, rpc.CodeConnectionLost: connect.CodeUnavailable,
	rpc.CodeTimeout: connect.CodeDeadlineExceeded, rpc.CodeCanceled: connect.CodeCanceled, rpc.CodeClosed: connect.CodeUnavailable,
	rpc.CodeArgument: connect.CodeInternal, rpc.CodeUnauthenticated: connect.CodeUnauthenticated, rpc.CodePermissionDenied: connect.CodePermissionDenied,
}

// statusCodes has the names of the status codes, which annotations use.
var statusCodes = func() map[string]connect.Code {
	names := make(map[string]connect.Code)
	for c := connect.CodeCanceled; c <= connect.CodeUnauthenticated; c++ {
		names[strings.ToUpper(c.String())] = c
	}
	names["CANCELLED"] = connect.CodeCanceled // gRPC's spelling
	return names
}()

// exceptionCode returns the status code of an exception: that of its annotation, else UNKNOWN.
func exceptionCode(desc *schema.Struct) connect.Code {
	name, _ := desc.Annotations.Get(protomap.CodeAnnotation)
	if c, ok := statusCodes[strings.ToUpper(name)]; ok {
		return c
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil && n > 0 {
		return connect.Code(n)
	}
	return connect.CodeUnknown
}

// connectError returns what a client learns of err.
func (d *description) connectError(err error) *connect.Error {
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		e         *rpc.Error
	)
	switch {
	case errors.As(err, &exception) && exception.Value != nil:
		desc := exception.Value.Schema()
		text := strings.TrimPrefix(exception.Error(), desc.Name+": ")
		x := connect.NewError(exceptionCode(desc), errors.New(text))
		b, err := appendAny(desc.Type(), exception.Value, true)
		if err != nil {
			return connect.NewError(connect.CodeInternal, err)
		}
		detail, err := connect.NewErrorDetail(&anypb.Any{TypeUrl: "type.googleapis.com/" + d.structs[desc], Value: b})
		if err == nil {
			x.AddDetail(detail)
		}
		return x
	case errors.As(err, &business):
		return businessError(business)
	case errors.As(err, &e):
		code, ok := codes[e.Code]
		if !ok {
			code = connect.CodeUnknown
		}
		return connect.NewError(code, errors.New(e.Message))
	}
	return connect.NewError(connect.CodeUnknown, err)
}

// businessError returns the status for e: of its code, if that is one of gRPC's; else UNKNOWN, with the error as Kitex sends
// it, in metadata.
func businessError(e *rpc.BusinessError) *connect.Error {
	code := connect.Code(e.Code)
	if code < connect.CodeCanceled || code > connect.CodeUnauthenticated {
		code = connect.CodeUnknown
	}
	x := connect.NewError(code, errors.New(e.Message))
	if int32(code) == e.Code && len(e.Extra) == 0 {
		return x
	}
	x.Meta().Set(businessStatus, strconv.Itoa(int(e.Code)))
	x.Meta().Set(businessMessage, e.Message)
	if len(e.Extra) > 0 {
		if b, err := json.Marshal(e.Extra); err == nil {
			x.Meta().Set(businessExtra, string(b))
		}
	}
	return x
}

// The metadata of a business error, as Kitex has it.
const (
	businessStatus  = "Biz-Status"
	businessMessage = "Biz-Message"
	businessExtra   = "Biz-Extra"
)

// receivedBusiness returns the business error in the metadata of a status, nil if there is none.
func receivedBusiness(status *connect.Error) error {
	n, err := strconv.ParseInt(status.Meta().Get(businessStatus), 10, 32)
	if err != nil || n == 0 {
		return nil
	}
	x := &rpc.BusinessError{Code: int32(n), Message: status.Message()}
	if text := status.Meta().Get(businessExtra); text != "" {
		if err := json.Unmarshal([]byte(text), &x.Extra); err != nil {
			x.Extra = map[string]string{"biz-extra": text}
		}
	}
	return x
}
