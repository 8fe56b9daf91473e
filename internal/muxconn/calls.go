package muxconn

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/gonames"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	thrift "github.com/thriftkit/thriftkit/wire/binary"
)

// Names finds the methods that clients name, ignoring case and underscores. The zero value is ready. It is safe for concurrent use.
type Names struct{ known atomic.Pointer[names] }

// names has the methods of some services.
type names struct {
	services []*schema.Service
	of       map[string]serviceNames
	folded   map[string]string // methods of all services
}

type serviceNames struct {
	spelled map[string]string // the IDL's name by itself, and as Go exports it
	folded  map[string]string // by plan.FoldName
}

// Method returns the IDL's name of a method of a service of s; method, if there is none.
func (n *Names) Method(s rpc.Invoker, service, method string) string {
	x := n.known.Load()
	if services := s.Services(); x == nil || !slices.Equal(x.services, services) {
		x = newNames(services)
		n.known.Store(x)
	}
	folded := x.folded
	if of, ok := x.of[service]; ok {
		if name := of.spelled[method]; name != "" {
			return name
		}
		folded = of.folded
	}
	const longest = 255 // of a name that may be a method's in another spelling
	if len(method) <= longest {
		if name := folded[plan.FoldName(method)]; name != "" {
			return name
		}
	}
	return method
}

func newNames(services []*schema.Service) *names {
	n := &names{services: slices.Clone(services), of: make(map[string]serviceNames), folded: make(map[string]string)}
	for _, svc := range services {
		x := serviceNames{make(map[string]string), make(map[string]string)}
		for s := svc; s != nil; s = s.Extends {
			for _, m := range s.Methods {
				x.spelled[m.Name] = m.Name
				for _, to := range []map[string]string{x.folded, n.folded} {
					if fold := plan.FoldName(m.Name); to[fold] == "" {
						to[fold] = m.Name
					}
				}
			}
		}
		for s := svc; s != nil; s = s.Extends {
			for _, m := range s.Methods {
				if goName := gonames.Export(m.Name); x.spelled[goName] == "" {
					x.spelled[goName] = m.Name
				}
			}
		}
		n.of[svc.Name] = x
	}
	return n
}

// Timeout returns how long a caller waits that says so in milliseconds; 0 if it does not.
func Timeout(ms string) time.Duration {
	if ms == "" {
		return 0
	}
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n > math.MaxInt64/int64(time.Millisecond) {
		return 0
	}
	return max(time.Duration(n)*time.Millisecond, 1)
}

// Outcome returns what the caller of a call is to learn that began at a time and has ended with r: of one whose deadline has passed that
// it has, whatever the handler made of it.
func Outcome(r *rpc.Result, began time.Time, timeout time.Duration) error {
	if timeout <= 0 || r.Err == nil || time.Since(began) < timeout {
		return r.Err
	}
	if e := (*rpc.Error)(nil); errors.As(r.Err, &e) && e.Code == rpc.CodeInternal {
		return &rpc.Error{Code: rpc.CodeTimeout, Message: context.DeadlineExceeded.Error(), Cause: r.Err}
	}
	return r.Err
}

// persistentPrefix is before the names of metadata that a server passes on, as Kitex has it in TTHeader.
const persistentPrefix = "RPC_PERSIST_"

// SplitMetadata returns the metadata of a call without what is the protocol's own, and what of it is to be passed on.
func SplitMetadata(md map[string]string, isOwn func(name string) bool) (transient, persistent map[string]string) {
	for k, v := range md {
		if isOwn(k) {
			continue
		}
		to := &transient
		if name, passed := strings.CutPrefix(k, persistentPrefix); passed {
			k, to = name, &persistent
		}
		if *to == nil {
			*to = make(map[string]string)
		}
		(*to)[k] = v
	}
	return transient, persistent
}

// OutgoingMetadata returns the metadata of a call by a client, with its deadline, in milliseconds, under the name timeout. nil if
// there is none.
func OutgoingMetadata(ctx context.Context, timeout string) map[string]string {
	transient, persistent := rpc.OutgoingMetadata(ctx)
	deadline, ok := ctx.Deadline()
	n := len(transient) + len(persistent)
	if !ok && n == 0 {
		return nil
	}
	md := make(map[string]string, n+1)
	for k, v := range persistent {
		md[persistentPrefix+k] = v
	}
	for k, v := range transient {
		md[k] = v
	}
	if ok {
		md[timeout] = strconv.FormatInt(max(int64((time.Until(deadline)+time.Millisecond-1)/time.Millisecond), 1), 10)
	}
	return md
}

// The metadata of replies that are errors, by which clients of thriftkit learn more than a text.
const (
	CodeMetadata      = "thriftkit-code"      // of an rpc.Error
	ExceptionMetadata = "thriftkit-exception" // the name of the declared exception that the reply has

	businessStatus  = "biz-status" // these three as Kitex has them
	businessMessage = "biz-message"
	businessExtra   = "biz-extra"
)

// Received returns the metadata of a reply that is neither about its error nor the protocol's own.
func Received(md map[string]string, isOwn func(name string) bool) map[string]string {
	var out map[string]string
	for k, v := range md {
		switch k {
		case CodeMetadata, ExceptionMetadata, businessStatus, businessMessage, businessExtra:
			continue
		}
		if isOwn(k) {
			continue
		}
		if out == nil {
			out = make(map[string]string)
		}
		out[k] = v
	}
	return out
}

// ErrorMetadata returns the text of an error of a server, and the metadata that says what it is, which is not nil.
func ErrorMetadata(err error) (text string, md map[string]string) {
	var (
		exception *rpc.Exception
		business  *rpc.BusinessError
		e         *rpc.Error
	)
	md = make(map[string]string)
	switch {
	case errors.As(err, &exception) && exception.Value != nil:
		md[ExceptionMetadata] = exception.Value.Schema().Name
		return exception.Error(), md
	case errors.As(err, &business):
		md[businessStatus] = strconv.Itoa(int(business.Code))
		if business.Message != "" {
			md[businessMessage] = business.Message
		}
		if len(business.Extra) > 0 {
			if b, err := json.Marshal(business.Extra); err == nil {
				md[businessExtra] = string(b)
			}
		}
		if business.Message == "" {
			return business.Error(), md
		}
		return business.Message, md
	case errors.As(err, &e):
		md[CodeMetadata] = strconv.Itoa(int(e.Code))
		if e.Message == "" {
			return e.Code.String(), md
		}
		return e.Message, md
	}
	return err.Error(), md
}

// ErrorOf returns the error of a reply with a text. code is what it is of a server that has no [CodeMetadata].
func ErrorOf(method *schema.Method, md map[string]string, code rpc.Code, text string) error {
	if n, err := strconv.ParseInt(md[businessStatus], 10, 32); err == nil && n != 0 {
		x := &rpc.BusinessError{Code: int32(n), Message: md[businessMessage]}
		if extra := md[businessExtra]; extra != "" {
			if err := json.Unmarshal([]byte(extra), &x.Extra); err != nil {
				x.Extra = map[string]string{businessExtra: extra}
			}
		}
		return x
	}
	e := &rpc.Error{Code: code, Outcome: rpc.OutcomeExecuted, Message: text, Remote: true, Method: method.String()}
	if n, err := strconv.ParseInt(md[CodeMetadata], 10, 32); err == nil {
		e.Code = rpc.Code(n)
	}
	switch e.Code {
	case rpc.CodeUnknownMethod, rpc.CodeInvalidMessageType, rpc.CodeInvalidTransform, rpc.CodeInvalidProtocol, rpc.CodeUnsupportedClientType,
		rpc.CodeOverloaded, rpc.CodeUnavailable, rpc.CodeUnauthenticated, rpc.CodePermissionDenied:
		e.Outcome = rpc.OutcomeRefused
	case rpc.CodeTimeout:
		e.Outcome, e.Cause = rpc.OutcomeUnknown, context.DeadlineExceeded
	case rpc.CodeCanceled:
		e.Outcome, e.Cause = rpc.OutcomeUnknown, context.Canceled
	}
	return e
}

// NotSent returns the error of a call that cannot be sent.
func NotSent(m *schema.Method, err error) error {
	return &rpc.Error{Code: rpc.CodeArgument, Outcome: rpc.OutcomeNotSent, Message: err.Error(), Method: m.String(), Cause: err}
}

// BadReply returns the error of a call whose reply cannot be read; err itself if that is what the reply says.
func BadReply(m *schema.Method, err error) error {
	var (
		e         *rpc.Error
		exception *rpc.Exception
		business  *rpc.BusinessError
	)
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &exception), errors.As(err, &business):
		return err
	}
	return &rpc.Error{Code: rpc.CodeProtocol, Outcome: rpc.OutcomeExecuted, Message: err.Error(), Method: m.String(), Cause: err}
}

// InMethod returns err, an error of [Client.Call], with the name of the method.
func InMethod(m *schema.Method, err error) error {
	var e *rpc.Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Method = m.String()
	return &c
}

// Consume reads the value of t that b is in the binary protocol, all of it.
func Consume(b []byte, t *plan.Type, at mem.Pointer) error {
	t.Zero(at)
	end, err := thrift.Protocol{}.ConsumeValue(b, 0, t, at)
	if err == nil && end != len(b) {
		err = wire.Errorf(end, wire.ErrInvalid, "unexpected bytes after the struct: %d", len(b)-end)
	}
	return err
}

// ConsumeStruct reads the struct desc that b is in the binary protocol.
func ConsumeStruct(b []byte, desc *schema.Struct) (*dynamic.Struct, error) {
	var v *dynamic.Struct
	t, err := plan.ForType(reflect.TypeOf(v), desc.Type())
	if err != nil {
		return nil, err
	}
	err = Consume(b, t, mem.To(&v))
	return v, err
}

var (
	zippers   = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// Gzip returns b compressed.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	w := zippers.Get().(*gzip.Writer)
	defer zippers.Put(w)
	w.Reset(&out)
	w.Write(b) // to memory: it does not fail
	w.Close()
	return out.Bytes()
}

// Gunzip returns b decompressed, one member of gzip, which is an error above max bytes. The end of b says how long it is (RFC 1952, section
// 2.3.1): no more is read than that, and no more memory is taken than b can become.
func Gunzip(b []byte, max int) ([]byte, error) {
	r := unzippers.Get().(*gzip.Reader)
	defer unzippers.Put(r)
	if err := r.Reset(bytes.NewReader(b)); err != nil {
		return nil, fmt.Errorf("the payload is not gzip: %w", err)
	}
	r.Multistream(false)
	const mostRatio = 1032 // of deflate
	size := uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	switch {
	case size > uint64(max):
		return nil, fmt.Errorf("the payload exceeds %d bytes when decompressed", max)
	case size > mostRatio*uint64(len(b)):
		return nil, errors.New("the payload is not gzip: it is shorter than its end says")
	}
	out := make([]byte, size)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, fmt.Errorf("the payload is not gzip: %w", err)
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF { // the checksum is compared at the end
		return nil, fmt.Errorf("the payload is not gzip: it is not what its end says: %w", cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return out, nil
}
