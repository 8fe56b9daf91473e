package howto

import (
	"context"
	"log/slog"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
)

// NewLoggedServer returns a server that logs failed calls and those of 100 ms and more, with their arguments, and what goes wrong
// outside of calls.
func NewLoggedServer(logger *slog.Logger) *thriftkit.Server {
	return thriftkit.NewServer(
		thriftkit.WithStats(ops.AccessLog(logger, ops.AccessLogOptions{Sample: -1, Slow: 100 * time.Millisecond, Arguments: true})),
		thriftkit.WithErrorLog(func(err error) { logger.Error("server", "err", err) }),
		thriftkit.WithInterceptors(addTenant(logger)),
	)
}

// addTenant gives handlers a logger that knows whom a call is for: LoggerOf returns it.
func addTenant(logger *slog.Logger) thriftkit.Interceptor {
	return func(next thriftkit.Handler) thriftkit.Handler {
		return func(ctx context.Context, call *thriftkit.Call) error {
			tenant := thriftkit.Metadata(ctx)["tenant"]
			return next(context.WithValue(ctx, loggerKey{}, logger.With("tenant", tenant, "method", call.Method.Name)), call)
		}
	}
}

type loggerKey struct{}

// LoggerOf returns the logger of the call that has ctx.
func LoggerOf(ctx context.Context) *slog.Logger { return ctx.Value(loggerKey{}).(*slog.Logger) }
