package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

// AddTo adds the service of r to a server, which may have other services as well.
func (r *Registry) AddTo(s *rpc.Server) error { return s.Register(Service(), &handler{r}) }

// The types of registry.thrift.
type (
	instance struct {
		Addr      string
		Weight    int32
		Priority  int32
		Zone      string
		Tags      []string
		Metadata  map[string]string
		StartedMs int64
	}
	leased struct {
		ID    int64
		TTLMs int64
	}
	listing struct {
		Epoch     int64
		Revision  int64
		Instances []*instance
	}
	change struct {
		Revision int64
		Instance *instance
		Removed  bool
	}
	changes struct {
		Revision int64
		Changes  []*change
	}
	invalid   struct{ Message string }
	noLease   struct{ ID int64 }
	compacted struct{ Revision int64 }
)

func (e *invalid) Error() string   { return e.Message }
func (e *noLease) Error() string   { return fmt.Sprintf("there is no lease %d", e.ID) }
func (e *compacted) Error() string { return (&compactedError{e.Revision}).Error() }

func toWire(in discovery.Instance) *instance {
	w := &instance{Addr: in.Addr, Weight: int32(in.Weight), Priority: int32(in.Priority), Zone: in.Zone, Tags: in.Tags, Metadata: in.Metadata}
	if !in.Started.IsZero() {
		w.StartedMs = in.Started.UnixMilli()
	}
	return w
}

func fromWire(w *instance) discovery.Instance {
	in := discovery.Instance{Addr: w.Addr, Weight: int(w.Weight), Priority: int(w.Priority), Zone: w.Zone, Tags: w.Tags, Metadata: w.Metadata}
	if w.StartedMs > 0 {
		in.Started = time.UnixMilli(w.StartedMs)
	}
	return in
}

// A handler answers the calls of the service.
type handler struct{ r *Registry }

// answer returns err as callers see it.
func answer(err error) error {
	var wrong *invalidError
	var old *compactedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return &invalid{wrong.message}
	case errors.As(err, &old):
		return &compacted{old.revision}
	case errors.Is(err, errClosed):
		return rpc.Errorf(rpc.CodeOverloaded, "the registry closes")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return rpc.Errorf(rpc.CodeInternal, "%v", err)
}

func (h *handler) Register(_ context.Context, service string, in *instance, ttlMs int64) (*leased, error) {
	if in == nil {
		return nil, &invalid{"the instance is missing"}
	}
	const most = int64(maxTTL / time.Millisecond)
	id, ttl, err := h.r.add(service, fromWire(in), time.Duration(min(ttlMs, most))*time.Millisecond)
	if err != nil {
		return nil, answer(err)
	}
	return &leased{id, ttl.Milliseconds()}, nil
}

func (h *handler) KeepAlive(_ context.Context, lease int64) error {
	if !h.r.renew(lease) {
		return &noLease{lease}
	}
	return nil
}

func (h *handler) Release(_ context.Context, lease int64) error { return answer(h.r.release(lease)) }

func (h *handler) Deregister(_ context.Context, service, addr string) (bool, error) {
	found, err := h.r.remove(service, addr)
	return found, answer(err)
}

func (h *handler) Instances(_ context.Context, service string) (*listing, error) {
	epoch, revision, list, err := h.r.list(service)
	if err != nil {
		return nil, answer(err)
	}
	l := &listing{Epoch: epoch, Revision: revision, Instances: []*instance{}}
	for _, in := range list {
		l.Instances = append(l.Instances, toWire(in))
	}
	return l, nil
}

func (h *handler) Watch(ctx context.Context, service string, epoch, revision, waitMs int64) (*changes, error) {
	const most = int64(maxWait / time.Millisecond)
	at, found, err := h.r.watch(ctx, service, epoch, revision, time.Duration(min(waitMs, most))*time.Millisecond)
	if err != nil {
		return nil, answer(err)
	}
	c := &changes{Revision: at, Changes: []*change{}}
	for _, one := range found {
		c.Changes = append(c.Changes, &change{one.Revision, toWire(one.Instance), one.Removed})
	}
	return c, nil
}

func (h *handler) Services(context.Context) (map[string]int32, error) { return h.r.counts(), nil }
