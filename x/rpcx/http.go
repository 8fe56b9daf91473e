package rpcx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
)

// The header fields of rpcx's gateway.
const (
	fieldVersion     = "X-RPCX-Version"
	fieldMessageID   = "X-RPCX-MessageID"
	fieldPath        = "X-RPCX-ServicePath"
	fieldMethod      = "X-RPCX-ServiceMethod"
	fieldSerialize   = "X-RPCX-SerializeType"
	fieldCompress    = "X-RPCX-CompressType"
	fieldMeta        = "X-RPCX-Meta"
	fieldOneway      = "X-RPCX-Oneway"
	fieldHeartbeat   = "X-RPCX-Heartbeat"
	fieldStatus      = "X-RPCX-MessageStatusType"
	fieldError       = "X-RPCX-ErrorMessage"
	fieldJSONRPC     = "X-JSONRPC-2.0"
	jsonRPCVersion   = "2.0"
	contentJSON      = "application/json"
	contentOctets    = "application/octet-stream"
	authorization    = "Authorization"
	messageIsAnError = "Error"
)

// MatchHTTP implements [rpc.HTTPDialect].
func (d *dialect) MatchHTTP(r *http.Request) bool {
	return r.Header.Get(fieldMethod) != "" || r.Header.Get(fieldSerialize) != "" || r.Header.Get(fieldJSONRPC) == "true"
}

// ServeHTTP implements [rpc.HTTPDialect].
func (d *dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, s rpc.Invoker) {
	h := &handler{d, s}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.MaxMessageBytes())))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	md, err := httpMetadata(r.Header)
	if r.Header.Get(fieldJSONRPC) == "true" {
		h.serveJSONRPC(r.Context(), w, body, md, err)
		return
	}
	h.serveGateway(w, r, body, md, err)
}

// httpMetadata returns the metadata of a request.
func httpMetadata(header http.Header) (map[string]string, error) {
	q, err := url.ParseQuery(header.Get(fieldMeta))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fieldMeta, err)
	}
	if len(q) > maxMetadata {
		return nil, fmt.Errorf("%s: more than %d names of metadata", fieldMeta, maxMetadata)
	}
	md := make(map[string]string)
	for k, v := range q {
		md[k] = v[0]
	}
	if token := header.Get(authorization); token != "" {
		md[AuthMetadata] = token
	}
	return md, nil
}

// serveGateway answers a request whose body is a payload.
func (h *handler) serveGateway(w http.ResponseWriter, r *http.Request, body []byte, md map[string]string, err error) {
	m, headerErr := gatewayMessage(r)
	for _, name := range []string{fieldVersion, fieldMessageID, fieldMethod, fieldSerialize} {
		if v := r.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.Header().Set(fieldPath, m.path)
	if err = errors.Join(headerErr, err); err != nil {
		gatewayError(w, http.StatusBadRequest, err.Error())
		return
	}
	m.metadata, m.payload = md, body
	if m.flags&flagHeartbeat != 0 {
		w.Write(body)
		return
	}
	out, denied := h.call(r.Context(), m, len(body), nil)
	q := make(url.Values)
	for k, v := range muxconn.Received(out.metadata, isOwn) {
		q.Set(k, v)
	}
	w.Header().Set(fieldMeta, q.Encode())
	w.Header().Set("Content-Type", contentOctets)
	if m.serialization == jsonText {
		w.Header().Set("Content-Type", contentJSON)
	}
	if out.flags&maskStatus == flagError {
		status := http.StatusInternalServerError
		if denied {
			status = http.StatusUnauthorized
		}
		w.Header().Set(fieldStatus, messageIsAnError)
		w.Header().Set(fieldError, headerText(out.metadata[errorMetadata]))
		w.WriteHeader(status)
	} else if out.flags&maskCompress != 0 {
		w.Header().Set(fieldCompress, strconv.Itoa(flagGzip>>2))
	}
	w.Write(out.payload)
}

// gatewayError answers with an error.
func gatewayError(w http.ResponseWriter, status int, text string) {
	w.Header().Set(fieldStatus, messageIsAnError)
	w.Header().Set(fieldError, headerText(text))
	w.WriteHeader(status)
}

// headerText returns a text as a header field may have it: in one line.
func headerText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// gatewayMessage returns the message of a request, without its metadata and payload.
func gatewayMessage(r *http.Request) (*message, error) {
	m := &message{path: r.Header.Get(fieldPath), method: r.Header.Get(fieldMethod)}
	if m.path == "" {
		m.path = strings.Trim(r.URL.Path, "/")
	}
	if r.Header.Get(fieldHeartbeat) != "" {
		m.flags |= flagHeartbeat
		return m, nil
	}
	if r.Header.Get(fieldOneway) != "" {
		m.flags |= flagOneway
	}
	if m.method == "" {
		return m, fmt.Errorf("the header field %s is missing", fieldMethod)
	}
	n, err := strconv.ParseUint(r.Header.Get(fieldSerialize), 10, 4)
	if err != nil {
		return m, fmt.Errorf("the header field %s: want a number of a serialization, got %.40q", fieldSerialize, r.Header.Get(fieldSerialize))
	}
	m.serialization = serialization(n)
	if text := r.Header.Get(fieldCompress); text != "" {
		n, err := strconv.ParseUint(text, 10, 3)
		if err != nil {
			return m, fmt.Errorf("the header field %s: want a number of a compression, got %.40q", fieldCompress, text)
		}
		m.flags |= byte(n) << 2
	}
	return m, nil
}

// The codes of errors of JSON-RPC 2.0 (jsonrpc.org/specification, section 5.1).
const (
	jsonParseError     = -32700
	jsonInvalidRequest = -32600
	jsonUnknownMethod  = -32601
	jsonInvalidParams  = -32602
	jsonInternal       = -32603
	jsonServerError    = -32000
)

type jsonRequest struct {
	Version string          `json:"jsonrpc"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	ID      json.RawMessage `json:"id"`
}

type jsonReply struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *jsonError      `json:"error,omitempty"`
	ID      json.RawMessage `json:"id"`
}

type jsonError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// serveJSONRPC answers a request of JSON-RPC 2.0, whose method is "Service.method".
func (h *handler) serveJSONRPC(ctx context.Context, w http.ResponseWriter, body []byte, md map[string]string, err error) {
	reply := &jsonReply{Version: jsonRPCVersion, ID: json.RawMessage("null")}
	var req jsonRequest
	parseErr := json.Unmarshal(body, &req)
	dot := strings.LastIndexByte(req.Method, '.')
	switch {
	case !json.Valid(body):
		reply.Error = &jsonError{Code: jsonParseError, Message: parseErr.Error()}
	case parseErr != nil:
		reply.Error = &jsonError{Code: jsonInvalidRequest, Message: "want one request of JSON-RPC 2.0: " + parseErr.Error()}
	case req.Version != jsonRPCVersion && req.Version != "":
		reply.Error = &jsonError{Code: jsonInvalidRequest, Message: fmt.Sprintf(`want "jsonrpc": "2.0", got %.40q`, req.Version)}
	case err != nil:
		reply.Error = &jsonError{Code: jsonInvalidRequest, Message: err.Error()}
	case dot <= 0:
		reply.Error = &jsonError{Code: jsonUnknownMethod, Message: fmt.Sprintf(`want the method as "Service.method", got %.60q`, req.Method)}
	}
	if req.ID != nil && parseErr == nil {
		reply.ID = req.ID
	}
	if reply.Error == nil {
		m := &message{serialization: jsonText, path: req.Method[:dot], method: req.Method[dot+1:], metadata: md, payload: req.Params}
		if string(m.payload) == "null" {
			m.payload = nil
		}
		out, denied := h.call(ctx, m, len(body), nil)
		if req.ID == nil { // a notification
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if out.flags&maskStatus == flagError {
			reply.Error = jsonErrorOf(out, denied)
		} else {
			reply.Result = out.payload
		}
	}
	w.Header().Set("Content-Type", contentJSON)
	json.NewEncoder(w).Encode(reply)
}

// jsonErrorOf returns the error that a reply is. Its data are what a declared exception has.
func jsonErrorOf(m *message, denied bool) *jsonError {
	e := &jsonError{Code: jsonServerError, Message: m.metadata[errorMetadata], Data: m.payload}
	n, err := strconv.Atoi(m.metadata[muxconn.CodeMetadata])
	switch {
	case denied, err != nil:
	case rpc.Code(n) == rpc.CodeUnknownMethod:
		e.Code = jsonUnknownMethod
	case rpc.Code(n) == rpc.CodeProtocol:
		e.Code = jsonInvalidParams
	case rpc.Code(n) == rpc.CodeInternal:
		e.Code = jsonInternal
	}
	return e
}
