package ops

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// AccessLogOptions say which calls an access log has, and what of them. The zero value logs every call, without its arguments.
type AccessLogOptions struct {
	// Sample is the part of the calls to log, from 0 to 1, besides those that failed or were slow; 0 means all, negative none.
	Sample float64

	// Slow is how long a call must take to be logged whatever Sample says; 0 means that no call is slow.
	Slow time.Duration

	// Arguments adds the arguments as JSON. Those that the IDL annotates as sensitive are "[redacted]", see [schema.Field.IsSensitive].
	Arguments bool

	// MaxArgumentBytes is how long the JSON of the arguments may be; 0 means 1024. What is longer is cut off.
	MaxArgumentBytes int

	// MaxLines bounds how many lines are logged in a second, 0 meaning no bound; the next line in another second says how many were left out.
	MaxLines int
}

// AccessLog returns a listener that logs a line for each call of a server, and for each attempt of a client:
//
//	log := ops.AccessLog(slog.Default(), ops.AccessLogOptions{Sample: 0.01, Slow: 100 * time.Millisecond})
//	server := thriftkit.NewServer(thriftkit.WithStats(log))
//
// The message is "call" or "attempt"; the attributes:
//
//	method         Service.method; of an unknown method what the message said
//	dialect        such as compact/framed
//	peer           the address of the client, or of the server that a client called
//	principal      who the caller is, see [rpc.PrincipalOf]: the subject of a token, the user of SASL, or what the certificate says
//	rule           by which the policy of the server allowed or refused the call
//	code, outcome  how it ended, as in the labels of [Metrics]
//	duration       since the call arrived, or the attempt began, in microseconds
//	request_bytes  of the messages, without frames and headers
//	reply_bytes
//	attempt        of a client, counted from 1
//	trace_id       of the call's W3C Trace Context, with span_id: that of the server's [Tracer], else the caller's
//	error          what failed
//	args           the arguments as JSON, if asked for
//
// Attributes without a value are left out. The level is Info for calls that succeeded or threw a declared exception, else Warn.
func AccessLog(logger *slog.Logger, opts AccessLogOptions) rpc.Stats {
	if opts.Sample == 0 {
		opts.Sample = 1
	}
	if opts.MaxArgumentBytes <= 0 {
		opts.MaxArgumentBytes = 1024
	}
	return &accessLog{logger: logger, opts: opts}
}

type accessLog struct {
	logger *slog.Logger
	opts   AccessLogOptions

	mu      sync.Mutex // of what MaxLines needs
	second  int64
	lines   int
	leftOut int
}

// HandleConn implements [rpc.Stats].
func (l *accessLog) HandleConn(rpc.ConnEvent) {}

// CallNeeds implements [rpc.SelectiveStats].
func (l *accessLog) CallNeeds() rpc.CallNeeds { return rpc.CallNeeds{} }

// HandleCall implements [rpc.Stats].
func (l *accessLog) HandleCall(ctx context.Context, e rpc.CallEvent) {
	switch e.Kind {
	case rpc.CallReplied, rpc.CallRefused, rpc.AttemptEnded:
	default:
		return
	}
	level := slog.LevelInfo
	if e.Err != nil && !e.Declared {
		level = slog.LevelWarn
	}
	slow := l.opts.Slow > 0 && e.Duration >= l.opts.Slow
	if level == slog.LevelInfo && !slow && l.opts.Sample < 1 && (l.opts.Sample < 0 || rand.Float64() >= l.opts.Sample) {
		return
	}
	if l.logger.Enabled(ctx, level) && l.admit(ctx, e.Time) {
		l.log(ctx, level, &e)
	}
}

// admit reports whether there may be another line.
func (l *accessLog) admit(ctx context.Context, now time.Time) bool {
	if l.opts.MaxLines <= 0 {
		return true
	}
	l.mu.Lock()
	leftOut := 0
	if s := now.Unix(); s != l.second {
		l.second, l.lines = s, 0
		leftOut, l.leftOut = l.leftOut, 0
	}
	ok := l.lines < l.opts.MaxLines
	if ok {
		l.lines++
	} else {
		l.leftOut++
	}
	l.mu.Unlock()
	if leftOut > 0 {
		l.logger.LogAttrs(ctx, slog.LevelWarn, plural.Of(leftOut, "line")+" of the access log left out", slog.Int("left_out", leftOut))
	}
	return ok
}

func (l *accessLog) log(ctx context.Context, level slog.Level, e *rpc.CallEvent) {
	attrs := make([]slog.Attr, 0, 16)
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("method", methodName(e))
	text("dialect", e.Dialect)
	message, trace := "call", traceOfEvent(ctx, e)
	if e.Kind == rpc.AttemptEnded {
		message = "attempt"
		text("peer", e.Instance)
	} else {
		if peer, ok := rpc.PeerOf(ctx); ok {
			text("peer", addrText(peer.Addr))
		}
		text("principal", cut(printable(rpc.PrincipalOf(ctx).String()), maxText))
	}
	text("rule", rpc.CallerOf(ctx).Rule)
	text("code", CodeOf(e))
	text("outcome", outcomeLabel(outcomeOfEvent(e)))
	attrs = append(attrs, slog.Int64("duration", e.Duration.Microseconds()), slog.Int("request_bytes", e.RequestBytes), slog.Int("reply_bytes", e.ReplyBytes))
	if e.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", e.Attempt))
	}
	text("trace_id", trace.id())
	text("span_id", trace.span())
	if e.Err != nil {
		text("error", errorText(e))
	}
	if l.opts.Arguments && e.Values != nil {
		text("args", argsText(e.Values, l.opts.MaxArgumentBytes))
	}
	l.logger.LogAttrs(ctx, level, message, attrs...)
}

// maxText bounds what clients can put into a line: names of methods, texts of errors.
const maxText = 256

// methodName returns Service.method; of an unknown method what the message said.
func methodName(e *rpc.CallEvent) string {
	if e.Method == nil {
		return cut(printable(e.Name), maxText)
	}
	if e.Service == nil {
		return e.Method.Name
	}
	return e.Service.Name + "." + e.Method.Name
}

// errorText returns the first line of an error: a panic has a stack after it. Of a declared exception that may hold what is sensitive
// nothing is shown.
func errorText(e *rpc.CallEvent) string {
	if e.Declared && slices.ContainsFunc(e.Method.Throws, func(f *schema.Field) bool { return f.IsSensitive() || f.Type.Struct.HoldsSensitive() }) {
		return dynamic.Redacted
	}
	text, _, _ := strings.Cut(e.Err.Error(), "\n")
	return cut(printable(text), maxText)
}

// printable returns s without control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// cut returns the beginning of s that is no longer than n bytes, with a mark if anything is missing.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// argsText returns the arguments of a call as JSON, without what is sensitive.
func argsText(c *rpc.Call, most int) string {
	args, err := c.DynamicArgs()
	if err != nil {
		return ""
	}
	text, err := dynamic.AppendJSON(nil, args.Schema().Type(), dynamic.StructValue(args), dynamic.JSONOptions{Redact: true})
	if err != nil {
		return ""
	}
	return cut(string(text), most)
}
