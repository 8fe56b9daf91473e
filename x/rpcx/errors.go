package rpcx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// errorFields returns the metadata that says what err is.
func errorFields(err error) map[string]string {
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		e         *rpc.Error
	)
	switch {
	case errors.As(err, &exception) && exception.Value != nil:
		return map[string]string{errorMetadata: exception.Error(), exceptionMetadata: exception.Value.Schema().Name}
	case errors.As(err, &business):
		md := map[string]string{errorMetadata: business.Message, businessStatus: strconv.Itoa(int(business.Code)), businessMessage: business.Message}
		if md[errorMetadata] == "" {
			md[errorMetadata] = business.Error()
		}
		if len(business.Extra) > 0 {
			if b, err := json.Marshal(business.Extra); err == nil {
				md[businessExtra] = string(b)
			}
		}
		return md
	case errors.As(err, &e):
		text := e.Message
		if text == "" {
			text = e.Code.String()
		}
		return map[string]string{errorMetadata: text, codeMetadata: strconv.Itoa(int(e.Code))}
	}
	return map[string]string{errorMetadata: err.Error()}
}

// failureOf returns the error that a reply of a server is.
func failureOf(method *schema.Method, m *message) error {
	text := m.metadata[errorMetadata]
	if n, err := strconv.ParseInt(m.metadata[businessStatus], 10, 32); err == nil && n != 0 {
		x := &rpc.BusinessError{Code: int32(n), Message: m.metadata[businessMessage]}
		if extra := m.metadata[businessExtra]; extra != "" {
			if err := json.Unmarshal([]byte(extra), &x.Extra); err != nil {
				x.Extra = map[string]string{businessExtra: extra}
			}
		}
		return x
	}
	e := &rpc.Error{Code: rpc.CodeUnknown, Outcome: rpc.OutcomeExecuted, Message: text, Remote: true, Method: method.String()}
	if n, err := strconv.ParseInt(m.metadata[codeMetadata], 10, 32); err == nil {
		e.Code = rpc.Code(n)
	} else if strings.HasPrefix(text, "rpcx: can't find service ") || strings.HasPrefix(text, "rpcx: can't find method ") {
		e.Code = rpc.CodeUnknownMethod
	}
	switch e.Code {
	case rpc.CodeUnknownMethod, rpc.CodeOverloaded, rpc.CodeUnavailable:
		e.Outcome = rpc.OutcomeRefused
	case rpc.CodeTimeout:
		e.Outcome, e.Cause = rpc.OutcomeUnknown, context.DeadlineExceeded
	case rpc.CodeCanceled:
		e.Outcome, e.Cause = rpc.OutcomeUnknown, context.Canceled
	}
	return e
}

// badReply is the error for a reply that cannot be read.
func badReply(m *schema.Method, err error) error {
	var e *rpc.Error
	if errors.As(err, &e) {
		return e
	}
	return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: fmt.Sprint(err), Method: m.String(), Cause: err}
}
