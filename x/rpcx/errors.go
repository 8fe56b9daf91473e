package rpcx

import (
	"strings"

	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// errorFields returns the metadata that says what err is.
func errorFields(err error) map[string]string {
	text, md := muxconn.ErrorMetadata(err)
	md[errorMetadata] = text
	return md
}

// isOwn reports whether the metadata of that name is rpcx's own.
func isOwn(name string) bool { return name == errorMetadata || name == timeoutMetadata }

// failureOf returns the error that a reply of a server is.
func failureOf(method *schema.Method, m *message) error {
	text := m.metadata[errorMetadata]
	code := rpc.CodeUnknown
	if strings.HasPrefix(text, "rpcx: can't find service ") || strings.HasPrefix(text, "rpcx: can't find method ") {
		code = rpc.CodeUnknownMethod
	}
	return muxconn.ErrorOf(method, m.metadata, code, text)
}
