package thriftkit

import (
	"context"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// A RunOption changes what [Run] does when a server starts and stops.
type RunOption interface{ applyRun(*runConfig) }

type runOption func(*runConfig)

func (f runOption) applyRun(c *runConfig) { f(c) }

// runConfig is what options say about the life of a server.
type runConfig struct {
	health        []*ops.Health
	registrations []registration
	stopDelay     time.Duration
}

type registration struct {
	registrar discovery.Registrar
	service   string
	instance  discovery.Instance
}

// WithRegistration has [Run] register the server as an instance of service while it serves: after it is ready, until it is not.
func WithRegistration(r discovery.Registrar, service string, instance discovery.Instance) RunOption {
	return runOption(func(c *runConfig) { c.registrations = append(c.registrations, registration{r, service, instance}) })
}

// WithStopDelay has [Run] go on serving for the time d after the server is not ready and not registered any more: for clients and
// balancers that take a while to notice, such as those of Kubernetes. It counts as part of the grace. The default is none.
func WithStopDelay(d time.Duration) RunOption {
	return runOption(func(c *runConfig) { c.stopDelay = d })
}

// WithHealth is for both: a server answers whether it wants calls ([ops.Health.Services]), and [Run] says when it does.
func WithHealth(h *ops.Health) interface {
	ServerOption
	RunOption
} {
	return healthOption{h}
}

type healthOption struct{ health *ops.Health }

func (o healthOption) applyServer(s *rpc.ServerOptions) {
	s.BuiltIn = append(s.BuiltIn, o.health.Services()...)
}

func (o healthOption) applyRun(c *runConfig) { c.health = append(c.health, o.health) }

func (c *runConfig) setReady(ready bool) {
	for _, h := range c.health {
		h.SetReady(ready)
	}
}

// An announcement is the registrations of a server that runs.
type announcement struct {
	cancel context.CancelFunc
	failed chan error // gets the first error
	done   chan struct{}
	list   []discovery.Registration // complete when done is closed
}

// announce begins to register the server, which may take as long as a registry is not there.
func (c *runConfig) announce(ctx context.Context) *announcement {
	ctx, cancel := context.WithCancel(ctx)
	a := &announcement{cancel: cancel, failed: make(chan error, 1), done: make(chan struct{})}
	go func() {
		defer close(a.done)
		for _, r := range c.registrations {
			reg, err := r.registrar.Register(ctx, r.service, r.instance)
			if err != nil {
				if ctx.Err() == nil {
					a.failed <- err
				}
				return
			}
			a.list = append(a.list, reg)
		}
	}()
	return a
}

// withdraw ends all registrations, and returns the first error.
func (a *announcement) withdraw(ctx context.Context) (first error) {
	a.cancel()
	<-a.done
	for _, r := range a.list {
		if err := r.Deregister(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}
