// Command thriftkit serves bench.thrift with thriftkit: a handler with Go types or, with the
// argument dynamic, one without.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

type handler struct{}

func (handler) Echo(_ context.Context, v []byte) ([]byte, error) { return v, nil }

func (handler) Login(_ context.Context, v *payload.Login) (*payload.Login, error) { return v, nil }

func (handler) Nested(_ context.Context, v *payload.Nested) (*payload.Nested, error) { return v, nil }

func (handler) Slow(_ context.Context, millis int32) (int32, error) {
	time.Sleep(time.Duration(millis) * time.Millisecond)
	return millis, nil
}

// echo answers without Go types: every method but slow returns its argument.
func echo(_ context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
	if m.Name == "slow" {
		return nil, fmt.Errorf("not served without Go types")
	}
	return args.Get("v"), nil
}

func main() {
	child.Serve(func(l net.Listener, ready func()) error {
		file, err := payload.Load()
		if err != nil {
			return err
		}
		var h any = handler{}
		if len(os.Args) > 1 && os.Args[1] == "dynamic" {
			h = thriftkit.DynamicHandler(echo)
		}
		s := thriftkit.NewServer()
		if err := s.Register(file.Service("Bench"), h); err != nil {
			return err
		}
		ready()
		return s.Serve(l)
	})
}
