// Package discovery finds the instances of a service.
//
//   - [Resolver] reports the instances: [Static] a fixed list, [DNS] and [SRV] those of a name, [File] those of a file
//     that is read again when it changes.
//   - [Follow] runs a Resolver for as long as a client lives: it retries after failures, does not believe an empty or
//     suddenly shrunken list at once, and keeps the last good list in a file on request.
//   - [List] looks once.
//   - [Registrar] announces instances; package registry has one, with a registry of our own.
//   - [ParseTarget] makes a Resolver from text: "a:9090,b:9090", "dns:///name:9090", "dns+srv:///name",
//     "file:///etc/instances.yaml".
package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// DefaultWeight is the weight of an instance whose Weight is 0.
const DefaultWeight = 100

// MaxWeight is the largest weight of an instance.
const MaxWeight = 1_000_000

// An Instance is one server of a service.
type Instance struct {
	// Addr is host:port, or a whole target such as tls://host:9090 or unix:///run/a.sock, without keys.
	// It tells instances apart.
	Addr string `json:"addr"`

	// Weight is the share of calls that the instance takes compared with others; 0 means DefaultWeight. A
	// negative weight is an error.
	Weight int `json:"weight,omitempty"`

	// Priority ranks instances: those with a higher number take calls only when none with a lower one is
	// available.
	Priority int `json:"priority,omitempty"`

	Zone string   `json:"zone,omitempty"` // where it runs; "" is unknown
	Tags []string `json:"tags,omitempty"`

	// Metadata are free pairs. The keys of targets (protocol, transport, service, compression) override those of the
	// target that named the instance.
	Metadata map[string]string `json:"metadata,omitempty"`

	// Started is when the instance began to serve; zero is unknown. Warm-up counts from it.
	Started time.Time `json:"started,omitzero"`
}

// EffectiveWeight returns the weight of in, with the default for 0.
func (in Instance) EffectiveWeight() int {
	if in.Weight == 0 {
		return DefaultWeight
	}
	return in.Weight
}

// Validate returns an error that says what is wrong with in.
func (in Instance) Validate() error {
	switch {
	case in.Addr == "":
		return errors.New("instance without addr: want host:port")
	case in.Weight < 0 || in.Weight > MaxWeight:
		return fmt.Errorf("instance %s: weight is %d, want 1 to %d", in.Addr, in.Weight, MaxWeight)
	case strings.ContainsAny(in.Addr, "?#, \t\r\n"):
		return fmt.Errorf("instance %q: want host:port, or a target without keys", in.Addr)
	case strings.Contains(in.Addr, "://"):
		return nil
	}
	host, port, err := net.SplitHostPort(in.Addr)
	switch {
	case err != nil:
		return fmt.Errorf("instance %q: %s, want host:port", in.Addr, err.(*net.AddrError).Err)
	case host == "" || port == "":
		return fmt.Errorf("instance %q: want host:port", in.Addr)
	}
	return nil
}

// Announced returns in as a [Registrar] announces it: if Started is zero, it is now. Otherwise clients would take an instance that was
// missing from a list for a moment for a new one, and warm it up again.
func (in Instance) Announced(now time.Time) Instance {
	if in.Started.IsZero() {
		in.Started = now.Truncate(time.Millisecond)
	}
	return in
}

// Equal reports whether in and x are the same instance with the same properties.
func (in Instance) Equal(x Instance) bool {
	return in.Addr == x.Addr && in.Weight == x.Weight && in.Priority == x.Priority && in.Zone == x.Zone && in.Started.Equal(x.Started) &&
		slices.Equal(in.Tags, x.Tags) && maps.Equal(in.Metadata, x.Metadata)
}

// A Snapshot is the whole list of instances at one moment. It must not be changed.
type Snapshot struct {
	// Revision grows with each snapshot of one source. [Follow] numbers the ones that it reports from 1.
	Revision  uint64     `json:"revision"`
	Instances []Instance `json:"instances"`
}

// A Resolver reports the instances of a service.
type Resolver interface {
	// Watch calls report with the instances, and again after each change, until ctx ends or it fails. It calls
	// report on the goroutine that called Watch. It need not retry: Follow calls it again.
	Watch(ctx context.Context, report func(Snapshot)) error
}

// A ResolverFunc is a func as a Resolver.
type ResolverFunc func(ctx context.Context, report func(Snapshot)) error

// Watch implements [Resolver].
func (f ResolverFunc) Watch(ctx context.Context, report func(Snapshot)) error { return f(ctx, report) }

// Static returns a Resolver that reports instances once: a list that does not change.
func Static(instances ...Instance) Resolver {
	return ResolverFunc(func(ctx context.Context, report func(Snapshot)) error {
		report(Snapshot{Revision: 1, Instances: instances})
		<-ctx.Done()
		return ctx.Err()
	})
}

// A Registrar announces instances to those who resolve.
type Registrar interface {
	// Register announces in as an instance of service, and keeps it announced whatever happens to the registry, until the Registration
	// ends. It returns when the registry has it, or an error when ctx ends before or in is invalid. If in.Started is zero it is now.
	Register(ctx context.Context, service string, in Instance) (Registration, error)
}

// A Registration is an instance that is announced.
type Registration interface {
	// Deregister ends it. After an error the registry may list the instance until its lease ends.
	Deregister(ctx context.Context) error
}
