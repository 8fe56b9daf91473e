package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/restmap"
	"github.com/thriftkit/thriftkit/rpc"
)

// A problem is what went wrong with a request (RFC 9457). Its type is about:blank: the title is that of the status.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`

	Code      string            `json:"code,omitempty"`      // of an rpc.Error, in words
	Exception string            `json:"exception,omitempty"` // name of a declared exception
	Value     json.RawMessage   `json:"value,omitempty"`     // and its fields
	Business  int32             `json:"businessCode,omitempty"`
	Extra     map[string]string `json:"extra,omitempty"`
	Errors    []mistake         `json:"errors,omitempty"`
}

// A mistake is one thing that is wrong with a request.
type mistake struct {
	Detail string `json:"detail"`
	Path   string `json:"path,omitempty"`   // in the body
	Line   int    `json:"line,omitempty"`   // of the body
	Column int    `json:"column,omitempty"` // in bytes
}

// fail answers a request by a problem.
func (x *exchange) fail(w http.ResponseWriter, r *http.Request, p *problem) {
	if p.Title = http.StatusText(p.Status); p.Status == restmap.ClientClosed {
		p.Title = "Client Closed Request"
	}
	if p.Status == http.StatusRequestEntityTooLarge || p.Status == http.StatusRequestTimeout {
		w.Header().Set("Connection", "close") // net/http need not wait for the rest of the body
	}
	w.Header().Set("Cache-Control", "no-store")
	b, err := json.Marshal(p)
	if err != nil { // the value is JSON: this does not happen
		b = []byte("{}")
	}
	x.write(w, r, p.Status, "application/problem+json", append(b, '\n'))
}

// maxMistakes is how many mistakes an answer has at most.
const maxMistakes = 20

// badRequest returns the problem of a request of which no call could be made.
func badRequest(err error) *problem {
	p := &problem{Status: http.StatusBadRequest}
	var status *statusError
	if errors.As(err, &status) {
		p.Status, p.Detail = status.status, status.text
		return p
	}
	p.add(err)
	p.Detail = "the request does not fit the method"
	if len(p.Errors) == 1 {
		p.Detail = p.Errors[0].Detail
	}
	return p
}

// add adds what err has, each mistake by itself.
func (p *problem) add(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			p.add(err)
		}
		return
	}
	if len(p.Errors) == maxMistakes {
		return
	}
	m := mistake{Detail: err.Error()}
	if e, ok := err.(*dynamic.JSONError); ok {
		m.Path, m.Line, m.Column = e.Path, e.Line, e.Column
	}
	p.Errors = append(p.Errors, m)
}

// statuses has the status for each code.
var statuses = map[rpc.Code]int{
	rpc.CodeUnknown: http.StatusInternalServerError, rpc.CodeUnknownMethod: http.StatusNotImplemented, rpc.CodeInvalidMessageType: http.StatusBadGateway,
	rpc.CodeWrongMethodName: http.StatusBadGateway, rpc.CodeBadSequenceID: http.StatusBadGateway, rpc.CodeMissingResult: http.StatusBadGateway,
	rpc.CodeInternal: http.StatusInternalServerError, rpc.CodeProtocol: http.StatusBadGateway, rpc.CodeInvalidTransform: http.StatusBadGateway,
	rpc.CodeInvalidProtocol: http.StatusBadGateway, rpc.CodeUnsupportedClientType: http.StatusBadGateway,
	rpc.CodeOverloaded: http.StatusTooManyRequests, rpc.CodeUnavailable: http.StatusServiceUnavailable, rpc.CodeConnectionLost: http.StatusBadGateway,
	rpc.CodeTimeout: http.StatusGatewayTimeout, rpc.CodeCanceled: restmap.ClientClosed, rpc.CodeClosed: http.StatusServiceUnavailable,
	rpc.CodeArgument: http.StatusBadRequest, rpc.CodeUnauthenticated: http.StatusUnauthorized, rpc.CodePermissionDenied: http.StatusForbidden,
}

// problemOf returns the problem of a call that failed. It sets what its status asks for in the header.
func problemOf(ctx context.Context, h http.Header, err error) *problem {
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		e         *rpc.Error
	)
	switch {
	case errors.As(err, &exception) && exception.Value != nil:
		desc := exception.Value.Schema()
		p := &problem{Status: restmap.ExceptionStatus(desc), Exception: desc.Name, Detail: strings.TrimPrefix(exception.Error(), desc.Name+": ")}
		if p.Value, err = dynamic.AppendJSON(nil, desc.Type(), dynamic.StructValue(exception.Value), dynamic.JSONOptions{}); err != nil {
			return &problem{Status: http.StatusInternalServerError, Detail: "the exception cannot be written: " + err.Error()}
		}
		challenge(h, p.Status)
		return p
	case errors.As(err, &business):
		return &problem{Status: http.StatusUnprocessableEntity, Business: business.Code, Detail: business.Message, Extra: business.Extra}
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &problem{Status: http.StatusGatewayTimeout, Code: rpc.CodeTimeout.String(), Detail: "the call took too long"}
	case !errors.As(err, &e):
		return &problem{Status: http.StatusInternalServerError, Detail: err.Error()}
	}
	p := &problem{Status: statuses[e.Code], Code: e.Code.String(), Detail: e.Message}
	switch {
	case p.Status == 0:
		p.Status = http.StatusInternalServerError
	case !e.Remote && (e.Code == rpc.CodeUnavailable || e.Code == rpc.CodeConnectionLost): // texts of the network have addresses in them
		p.Detail = "the server cannot be reached"
		if e.Code == rpc.CodeConnectionLost {
			p.Detail = "the connection to the server was lost; the call may have been executed"
		}
	}
	challenge(h, p.Status)
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
		if wait := e.RetryAfter; wait >= 0 {
			seconds := max(1, (wait+time.Second-1)/time.Second)
			h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
		}
	}
	return p
}

// challenge names a way to say who calls, as a response with the status 401 must (RFC 9110, section 15.5.2).
func challenge(h http.Header, status int) {
	if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", "Bearer")
	}
}
