package thrifttest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest"
)

type sleeper struct{}

func (sleeper) Ping(context.Context) (string, error) { return "pong", nil }

func (sleeper) Sleep(ctx context.Context, seconds int32) error {
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func service(t *testing.T) *schema.Service {
	file, err := thriftkit.Parse("sleeper.thrift", "service Sleeper { string ping(), void sleep(1: i32 seconds) }")
	if err != nil {
		t.Fatal(err)
	}
	return file.MustService("Sleeper")
}

type client struct {
	Ping  func(context.Context) (string, error)
	Sleep func(ctx context.Context, seconds int32) error
}

// TestNewServer calls in several dialects, in virtual time.
func TestNewServer(t *testing.T) {
	svc := service(t)
	for _, query := range []string{
		"", "transport=framed", "protocol=compact&transport=header", "transport=ttheader",
		"protocol=json", "compression=zlib", "transport=http",
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c client
				if err := thrifttest.NewServer(t, svc, sleeper{}).Dial(query, thriftkit.WithTimeout(time.Hour)).Bind(svc, &c); err != nil {
					t.Fatal(err)
				}
				if pong, err := c.Ping(t.Context()); pong != "pong" || err != nil {
					t.Errorf("%q, %v", pong, err)
				}
				start := time.Now()
				if err := c.Sleep(t.Context(), 1800); err != nil || time.Since(start) < 30*time.Minute {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if err := c.Sleep(t.Context(), 7200); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a sleep longer than the timeout: %v", err)
				}
			})
		})
	}
}

// TestShutdown has a server in memory shut down while a client is connected and idle.
func TestShutdown(t *testing.T) {
	svc := service(t)
	synctest.Test(t, func(t *testing.T) {
		s := thrifttest.NewServer(t, svc, sleeper{})
		var c client
		if err := s.Client().Bind(svc, &c); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		var e *thriftkit.Error
		if _, err := c.Ping(t.Context()); !errors.As(err, &e) || e.Code != thriftkit.CodeUnavailable {
			t.Errorf("after Shutdown: %v", err)
		}
	})
}
