package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cloudwego/gopkg/bufiox"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/genericclient"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/generic"
	gthrift "github.com/cloudwego/kitex/pkg/generic/thrift"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/transport"

	"github.com/thriftkit/thriftkit"
	kitexgen "github.com/thriftkit/thriftkit/bench/internal/gen/kitex/bench"
	"github.com/thriftkit/thriftkit/bench/internal/gen/kitex/bench/bench"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
)

// A kitexForm is how Kitex's client holds connections, and its transport.
type kitexForm int

const (
	framed   kitexForm = iota // pool
	ttheader                  // pool
	mux                       // one connection, TTHeader
)

// options are those of Kitex's client: a pool of long connections or a multiplexed one. The
// deadline is Kitex's own, which its documentation tells everybody to set.
func (f kitexForm) options(s Spec) []client.Option {
	klog.SetOutput(io.Discard)
	options := []client.Option{client.WithHostPorts(s.Addr), client.WithConnectTimeout(5 * time.Second)}
	if f == framed {
		options = append(options, client.WithTransportProtocol(transport.Framed))
	} else {
		options = append(options, client.WithTransportProtocol(transport.TTHeader))
	}
	if f == mux {
		options = append(options, client.WithMuxConnection(1))
	} else {
		options = append(options, client.WithLongConnection(connpool.IdleConfig{MaxIdlePerAddress: 4096, MaxIdleGlobal: 4096, MaxIdleTimeout: time.Minute}))
	}
	if s.Deadline {
		options = append(options, client.WithRPCTimeout(timeout))
	}
	return options
}

func dialKitex(form kitexForm) func(Spec) (*session, error) {
	return func(s Spec) (*session, error) {
		c, err := bench.NewClient("Bench", form.options(s)...)
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		var call caller
		switch s.Method {
		case Login:
			var v kitexgen.Login
			if err := kitexStruct(s.Method, &v); err != nil {
				return nil, err
			}
			call = func() error {
				got, err := c.Login(ctx, &v)
				if err != nil {
					return err
				}
				return checkLen(len(got.Username), len(v.Username))
			}
		case Nested:
			var v kitexgen.Nested
			if err := kitexStruct(s.Method, &v); err != nil {
				return nil, err
			}
			call = func() error {
				got, err := c.Nested(ctx, &v)
				if err != nil {
					return err
				}
				return checkLen(len(got.Items), len(v.Items))
			}
		default:
			v := make([]byte, s.Size)
			call = func() error {
				got, err := c.Echo(ctx, v)
				return errors.Join(err, checkLen(len(got), s.Size))
			}
		}
		callers, err1 := each(s.Callers, func(int) (caller, error) { return call, nil })
		slow, err2 := each(s.Slow, func(int) (caller, error) {
			return func() error {
				_, err := c.Slow(ctx, slowMillis)
				return err
			}, nil
		})
		return &session{callers: callers, slow: slow, close: func() {}}, errors.Join(err1, err2)
	}
}

// encoded returns the bytes of what a method is called with.
func encoded(method string) ([]byte, error) {
	file, err := payload.Load()
	if err != nil {
		return nil, err
	}
	v, err := structs(method)
	if err != nil {
		return nil, err
	}
	return thriftkit.Marshal(file.Service("Bench").Method(method).Args.Field("v").Type.Struct, v)
}

func kitexStruct(method string, into interface{ FastRead([]byte) (int, error) }) error {
	b, err := encoded(method)
	if err != nil {
		return err
	}
	_, err = into.FastRead(b)
	return err
}

// dialKitexMap calls with a map that is made once.
func dialKitexMap(s Spec) (*session, error) {
	provider, err := generic.NewThriftContentWithAbsIncludePathProvider("bench.thrift", map[string]string{"bench.thrift": payload.IDL})
	if err != nil {
		return nil, err
	}
	reading, err := generic.NewThriftContentWithAbsIncludePathProvider("bench.thrift", map[string]string{"bench.thrift": payload.IDL})
	if err != nil {
		return nil, err
	}
	b, err := encoded(s.Method)
	if err != nil {
		return nil, err
	}
	b = append(append([]byte{12, 0, 1}, b...), 0) // the arguments' struct
	v, err := gthrift.NewReadStruct(<-reading.Provide()).Read(context.Background(), s.Method, false, len(b), bufiox.NewBytesReader(b))
	if err != nil {
		return nil, err
	}
	g, err := generic.MapThriftGeneric(provider)
	if err != nil {
		return nil, err
	}
	want := len(v.(map[string]any))
	return dialGeneric(s, g, v, func(got any) error {
		m, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("got %T", got)
		}
		return checkLen(len(m), want)
	})
}

// dialKitexJSON calls with a text that is made once; dynamicgo turns it into Thrift and the reply
// into text.
func dialKitexJSON(s Spec) (*session, error) {
	provider, err := generic.NewThriftContentWithAbsIncludePathProviderWithDynamicGo("bench.thrift", map[string]string{"bench.thrift": payload.IDL})
	if err != nil {
		return nil, err
	}
	g, err := generic.JSONThriftGeneric(provider)
	if err != nil {
		return nil, err
	}
	file, err := payload.Load()
	if err != nil {
		return nil, err
	}
	b, err := encoded(s.Method)
	if err != nil {
		return nil, err
	}
	desc := file.Service("Bench").Method(s.Method).Args.Field("v").Type.Struct
	var v dynamic.Value
	if err := thriftkit.Unmarshal(desc, b, &v); err != nil {
		return nil, err
	}
	text, err := dynamic.AppendJSON(nil, desc.Type(), v, dynamic.JSONOptions{})
	if err != nil {
		return nil, err
	}
	return dialGeneric(s, g, string(text), func(got any) error {
		reply, ok := got.(string)
		if !ok {
			return fmt.Errorf("got %T", got)
		}
		return checkLen(len(reply), len(text))
	})
}

func dialGeneric(s Spec, g generic.Generic, v any, check func(any) error) (*session, error) {
	c, err := genericclient.NewClient("Bench", g, framed.options(s)...)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	callers, err := each(s.Callers, func(int) (caller, error) {
		return func() error {
			got, err := c.GenericCall(ctx, s.Method, v)
			if err != nil {
				return err
			}
			return check(got)
		}, nil
	})
	return &session{callers: callers, close: func() { c.Close() }}, err
}
