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
	return muxconn.ErrorOf(method, m.metadata, codeOf(text), text)
}

// codeOf returns the code of an error of which only the text is known.
func codeOf(text string) rpc.Code {
	if strings.HasPrefix(text, "rpcx: can't find service ") || strings.HasPrefix(text, "rpcx: can't find method ") {
		return rpc.CodeUnknownMethod
	}
	return rpc.CodeUnknown
}
