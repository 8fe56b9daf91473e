package call

import (
	"context"
	"errors"
	"sync"

	"github.com/thriftkit/thriftkit"
	ourgen "github.com/thriftkit/thriftkit/bench/internal/gen/thriftkit/bench"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

// load loads the schema once, as a program does.
var load = sync.OnceValues(payload.Load)

// dialThriftkit connects as a target with no more than an address does: buffered, binary, with
// calls that share connections. The deadline is the client's.
func dialThriftkit(s Spec, options ...thriftkit.ClientOption) (*thriftkit.Client, *schema.Service, error) {
	file, err := load()
	if err != nil {
		return nil, nil, err
	}
	if s.Deadline {
		options = append(options, thriftkit.WithTimeout(timeout))
	}
	if s.Slow > 0 {
		options = append(options, thriftkit.WithMaxConns(1))
	}
	c, err := thriftkit.Dial(context.Background(), s.Addr, options...)
	return c, file.Service("Bench"), err
}

func dialBound(s Spec) (*session, error) { return dialFuncs(s) }

// dialAround has something around the calls.
func dialAround(option thriftkit.ClientOption) func(Spec) (*session, error) {
	return func(s Spec) (*session, error) { return dialFuncs(s, option) }
}

// dialExclusive has a connection for each caller.
func dialExclusive(s Spec) (*session, error) {
	return dialFuncs(s, thriftkit.WithExclusiveConns(), thriftkit.WithMaxConns(s.Callers))
}

func dialFuncs(s Spec, options ...thriftkit.ClientOption) (*session, error) {
	c, svc, err := dialThriftkit(s, options...)
	if err != nil {
		return nil, err
	}
	var funcs struct {
		Echo   func(ctx context.Context, v []byte) ([]byte, error)
		Login  func(ctx context.Context, v *payload.Login) (*payload.Login, error)
		Nested func(ctx context.Context, v *payload.Nested) (*payload.Nested, error)
		Slow   func(ctx context.Context, millis int32) (int32, error)
	}
	if err := c.Bind(svc, &funcs); err != nil {
		return nil, err
	}
	ctx := context.Background()
	var call caller
	switch s.Method {
	case Login:
		v := payload.NewLogin()
		call = func() error {
			got, err := funcs.Login(ctx, v)
			if err != nil {
				return err
			}
			return checkLen(len(got.Username), len(v.Username))
		}
	case Nested:
		v := payload.NewNested(1)
		call = func() error {
			got, err := funcs.Nested(ctx, v)
			if err != nil {
				return err
			}
			return checkLen(len(got.Items), len(v.Items))
		}
	default:
		v := make([]byte, s.Size)
		call = func() error {
			got, err := funcs.Echo(ctx, v)
			return errors.Join(err, checkLen(len(got), s.Size))
		}
	}
	same := func(call caller) func(int) (caller, error) {
		return func(int) (caller, error) { return call, nil }
	}
	callers, err1 := each(s.Callers, same(call))
	slow, err2 := each(s.Slow, same(func() error {
		_, err := funcs.Slow(ctx, slowMillis)
		return err
	}))
	return &session{callers: callers, slow: slow, close: func() { c.Close() }}, errors.Join(err1, err2)
}

// dialGenerated is dialBound with the generated client.
func dialGenerated(s Spec) (*session, error) {
	c, svc, err := dialThriftkit(s)
	if err != nil {
		return nil, err
	}
	client := ourgen.NewBenchClient(c)
	ctx := context.Background()
	var call caller
	switch s.Method {
	case Login:
		v := new(ourgen.Login)
		if err := convert(svc.File.Struct("Login"), payload.NewLogin(), v); err != nil {
			return nil, err
		}
		call = func() error {
			got, err := client.Login(ctx, v)
			if err != nil {
				return err
			}
			return checkLen(len(got.Username), len(v.Username))
		}
	case Nested:
		v := new(ourgen.Nested)
		if err := convert(svc.File.Struct("Nested"), payload.NewNested(1), v); err != nil {
			return nil, err
		}
		call = func() error {
			got, err := client.Nested(ctx, v)
			if err != nil {
				return err
			}
			return checkLen(len(got.Items), len(v.Items))
		}
	default:
		v := make([]byte, s.Size)
		call = func() error {
			got, err := client.Echo(ctx, v)
			return errors.Join(err, checkLen(len(got), s.Size))
		}
	}
	callers, err := each(s.Callers, func(int) (caller, error) { return call, nil })
	return &session{callers: callers, close: func() { c.Close() }}, err
}

// convert makes *to, another Go type for desc, what from is.
func convert(desc *schema.Struct, from, to any) error {
	b, err := thriftkit.Marshal(desc, from)
	if err != nil {
		return err
	}
	return thriftkit.Unmarshal(desc, b, to)
}

// dialDynamic calls with dynamic values that are made once.
func dialDynamic(s Spec) (*session, error) {
	c, svc, err := dialThriftkit(s)
	if err != nil {
		return nil, err
	}
	m := svc.Method(s.Method)
	args := dynamic.New(m.Args)
	var arg any = make([]byte, s.Size)
	if s.Method != Echo {
		if arg, err = structs(s.Method); err != nil {
			return nil, err
		}
		b, err := thriftkit.Marshal(m.Args.Field("v").Type.Struct, arg)
		if err != nil {
			return nil, err
		}
		var v *dynamic.Struct
		if err := thriftkit.Unmarshal(m.Args.Field("v").Type.Struct, b, &v); err != nil {
			return nil, err
		}
		arg = v
	}
	if err := args.Set("v", arg); err != nil {
		return nil, err
	}
	want := args.Get("v")
	ctx := context.Background()
	check := func(got dynamic.Value) error { return checkLen(len(got.Bytes()), s.Size) }
	if s.Method != Echo {
		first := want.Struct().Schema().Fields[0].Name
		n := len(want.Struct().Get(first).Text())
		check = func(got dynamic.Value) error { return checkLen(len(got.Struct().Get(first).Text()), n) }
	}
	callers, err := each(s.Callers, func(int) (caller, error) {
		return func() error {
			got, err := c.Invoke(ctx, m, args)
			if err != nil {
				return err
			}
			return check(got)
		}, nil
	})
	return &session{callers: callers, close: func() { c.Close() }}, err
}
