package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/server"

	"peer/contract"
	"peer/gen/kitex"
	"peer/gen/kitex/headers"
)

// headersHandler implements Headers.
type headersHandler struct{}

// asleep counts the calls of Sleep that are under way.
var asleep atomic.Int32

func (*headersHandler) See(ctx context.Context, back map[string]string) (*kitex.Seen, error) {
	metainfo.SendBackwardValuesFromMap(ctx, back)
	n := asleep.Load()
	seen := &kitex.Seen{Metadata: make(map[string]string), Asleep: &n}
	maps.Copy(seen.Metadata, metainfo.GetAllValues(ctx))
	maps.Copy(seen.Metadata, metainfo.GetAllPersistentValues(ctx))
	if deadline, ok := ctx.Deadline(); ok {
		seen.TimeoutMs = time.Until(deadline).Milliseconds()
	}
	return seen, nil
}

func (*headersHandler) Relay(ctx context.Context, address string) (*kitex.Seen, error) {
	c, err := headers.NewClient("Headers", clientOptions(contract.Route{Transport: "ttheader"}, address)...)
	if err != nil {
		return nil, err
	}
	return c.See(ctx, nil)
}

func (*headersHandler) Refuse(_ context.Context, f *kitex.Failure) (*kitex.Failure, error) {
	return nil, kerrors.NewBizStatusErrorWithExtra(f.Code, f.Message, f.Extra)
}

func (*headersHandler) Sleep(ctx context.Context, ms int32) error {
	asleep.Add(1)
	defer asleep.Add(-1)
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// serveHeaders serves Headers on a new listener and returns its address.
func serveHeaders(options ...server.Option) (string, server.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := headers.NewServer(&headersHandler{}, append(options, append(serverOptions(), server.WithListener(l))...)...)
	go s.Run()
	return l.Addr().String(), s, nil
}

// headersChecks are the checks of Headers.
func headersChecks(r contract.Route, address string) []contract.Check {
	const timeout = 20 * time.Second
	c := headers.MustNewClient("Headers", append(clientOptions(r, address), client.WithRPCTimeout(timeout))...)
	ctx := metainfo.WithPersistentValue(metainfo.WithValue(context.Background(), "transient", "t 水"), "persistent", "p")
	return []contract.Check{
		{Name: "metadata", Run: func() {
			seen := must(c.See(ctx, nil))
			contract.Same(seen.Metadata, map[string]string{"transient": "t 水", "persistent": "p"})
			seen = must(c.See(context.Background(), nil))
			contract.Same(seen.Metadata, map[string]string{})
		}},
		{Name: "metadata of replies", Run: func() {
			for i := range 3 {
				ctx := metainfo.WithBackwardValues(context.Background())
				want := map[string]string{"number": fmt.Sprint(i), "text": "b 水"}
				must(c.See(ctx, want))
				got := make(map[string]string)
				for k := range want {
					got[k], _ = metainfo.RecvBackwardValue(ctx, k)
				}
				contract.Same(got, want)
			}
		}},
		{Name: "persistent metadata is passed on", Run: func() {
			own, _, err := serveHeaders()
			if err != nil {
				contract.Failf("%v", err)
			}
			seen := must(c.Relay(ctx, own))
			contract.Same(seen.Metadata, map[string]string{"persistent": "p"})
		}},
		{Name: "the timeout of the client is the handler's", Run: func() {
			for _, d := range []time.Duration{timeout, 10 * time.Second} {
				seen := must(c.See(ctx, nil, callopt.WithRPCTimeout(d)))
				if ms := seen.TimeoutMs; ms > d.Milliseconds() || ms < d.Milliseconds()-5000 {
					contract.Failf("the handler has %d ms, want %s", ms, d)
				}
			}
		}},
		{Name: "a call that takes too long", Run: func() {
			err := c.Sleep(ctx, 10000, callopt.WithRPCTimeout(50*time.Millisecond))
			// The handler notices as well, and its error may be there first.
			if !kerrors.IsTimeoutError(err) && typeOf(err) != remote.InternalError {
				contract.Failf("error %v, want a timeout", err)
			}
			must(c.See(ctx, nil))
		}},
		{Name: "business errors", Run: func() {
			for _, f := range []*kitex.Failure{{Code: 404, Message: "not found 水"}, {Code: -1, Message: "", Extra: map[string]string{"a": "b \"c\"", "": "水"}}} {
				_, err := c.Refuse(ctx, f)
				e, ok := kerrors.FromBizStatusError(err)
				if !ok {
					contract.Failf("error %v, want a business error", err)
				}
				got := &kitex.Failure{Code: e.BizStatusCode(), Message: e.BizMessage(), Extra: e.BizExtra()}
				if len(got.Extra) == 0 {
					got.Extra = nil
				}
				contract.Same(got, f)
				must(c.See(ctx, nil))
			}
		}},
		{Name: "50 calls at once", Run: func() { atOnce(c) }},
	}
}

// atOnce makes calls that must not get each other's metadata.
func atOnce(c headers.Client) {
	var group sync.WaitGroup
	errs := make(chan error, 50)
	for i := range cap(errs) {
		group.Go(func() {
			want := fmt.Sprint(i)
			seen, err := c.See(metainfo.WithValue(context.Background(), "number", want), nil)
			if err == nil && seen.Metadata["number"] != want {
				err = fmt.Errorf("the handler of call %d saw %v", i, seen.Metadata)
			}
			errs <- err
		})
	}
	group.Wait()
	for range cap(errs) {
		if err := <-errs; err != nil {
			contract.Failf("%v", err)
		}
	}
}

// must ends a check that cannot go on.
func must[T any](v T, err error) T {
	if err != nil {
		contract.Failf("%v", err)
	}
	return v
}
