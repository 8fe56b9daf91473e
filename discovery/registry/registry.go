// Package registry is a registry of instances: a Thrift service, described by registry.thrift, that runs inside any server or by
// "thriftkit registry serve". Servers register instances under leases, clients list and watch them.
//
//	r, err := registry.Open(registry.Options{Dir: "/var/lib/registry"})
//	err = r.AddTo(server) // which may have other services too
//
//	reg, err := registry.Connect("registry-a:9000,registry-b:9000", registry.ClientOptions{})
//	registration, err := reg.Register(ctx, "Shop", discovery.Instance{Addr: "10.0.0.1:9090"})
//
// Clients find the instances by the target "registry://registry-a:9000,registry-b:9000/Shop".
//
// Several registries know nothing of each other: servers register with all of them, and clients merge what they say, so that
// one is enough.
package registry

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed registry.thrift
var idlText string

// Service returns the service of registry.thrift.
func Service() *schema.Service {
	file, diags := compile.Compile("registry.thrift", compile.Options{Source: compile.Texts{"registry.thrift": idlText}})
	if file == nil {
		panic(diags) // the embedded text is wrong
	}
	return file.Service("Registry")
}

// Options say how a Registry behaves. The zero value keeps nothing beyond the end of the program.
type Options struct {
	// Dir is where instances are kept, in a snapshot and a log: what was acknowledged survives a crash of the program, and of the
	// machine unless NoSync is set. "" keeps them in memory.
	Dir string

	// NoSync does not wait for the disk.
	NoSync bool

	// TTL of leases that ask for none; 0 means 10 seconds. Leases last 1 second to 10 minutes.
	TTL time.Duration

	// Protect is the share of all leases that must end within one moment for their instances to be kept: then it is more likely
	// that the network or the registry failed than the instances. They are removed when fewer are overdue. 0 means 0.5, negative
	// removes them always. Fewer than 4 leases are never protected.
	Protect float64

	// Changes is how many are kept for watchers, which list again when they are further behind; 0 means 10,000.
	Changes int

	// MaxInstances is how many there are at most; 0 means 100,000.
	MaxInstances int

	// OnError learns of what has no caller: a log that was cut, a disk that fails, instances that are protected. Several
	// goroutines may call it. nil drops it.
	OnError func(error)
}

const (
	minTTL       = time.Second
	maxTTL       = 10 * time.Minute
	maxWait      = 30 * time.Second
	expireEvery  = 250 * time.Millisecond
	compactAfter = 10_000 // records in the log, if they are more than twice the instances
)

// A Registry keeps the instances of services. Its methods may be called by any number of goroutines.
type Registry struct {
	opts    Options
	store   *store // nil: memory
	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex
	closed   bool
	epoch    int64 // of this run: watchers may have seen changes that a crash of the machine lost
	revision int64
	services map[string]*service
	created  chan struct{} // closed with the next service
	leases   map[int64]*entry
	changes  []record // the last ones, of consecutive revisions up to revision
	guarding bool     // overdue instances are protected
}

// A service has instances.
type service struct {
	entries map[string]*entry
	changed chan struct{} // closed with the next change
	last    int64         // revision of the last change
}

// An entry is an instance with its lease.
type entry struct {
	service  string
	instance discovery.Instance
	lease    int64
	ttl      time.Duration
	until    time.Time
}

// Open returns a Registry with what opts.Dir has. All leases last for their time from now. Close ends it.
func Open(opts Options) (*Registry, error) {
	if opts.TTL <= 0 {
		opts.TTL = 10 * time.Second
	}
	if opts.Protect == 0 {
		opts.Protect = 0.5
	}
	if opts.Changes <= 0 {
		opts.Changes = 10_000
	}
	if opts.MaxInstances <= 0 {
		opts.MaxInstances = 100_000
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	r := &Registry{
		opts: opts, stop: make(chan struct{}), stopped: make(chan struct{}), epoch: rand.Int64(),
		services: make(map[string]*service), leases: make(map[int64]*entry), created: make(chan struct{}),
	}
	if opts.Dir != "" {
		if err := r.restore(); err != nil {
			return nil, fmt.Errorf("registry: %w", err)
		}
	}
	go r.run()
	return r, nil
}

// restore reads the directory.
func (r *Registry) restore() error {
	s, snap, records, err := openStore(r.opts.Dir, !r.opts.NoSync, r.opts.OnError)
	if err != nil {
		return err
	}
	r.store = s
	r.revision = snap.Revision
	for _, one := range snap.Records {
		r.applyLocked(one)
	}
	for _, one := range records {
		if one.Revision > r.revision {
			r.revision = one.Revision
			r.applyLocked(one)
		}
	}
	return nil
}

// Close ends the registry: watchers get an error.
func (r *Registry) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	for _, s := range r.services {
		close(s.changed)
	}
	close(r.created)
	r.mu.Unlock()
	close(r.stop)
	<-r.stopped
	if r.store != nil {
		return r.store.close()
	}
	return nil
}

var errClosed = errors.New("registry: closed")

// run removes instances whose leases have ended.
func (r *Registry) run() {
	defer close(r.stopped)
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case now := <-tick.C:
			r.expire(now)
		}
	}
}

// expire removes the instances whose leases have ended, unless they are too many.
func (r *Registry) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var overdue []*entry
	for _, e := range r.leases {
		if !now.Before(e.until) {
			overdue = append(overdue, e)
		}
	}
	guarding := r.opts.Protect > 0 && len(r.leases) >= 4 && len(overdue) > 1 && float64(len(overdue)) > r.opts.Protect*float64(len(r.leases))
	if guarding != r.guarding {
		r.guarding = guarding
		if guarding {
			r.opts.OnError(fmt.Errorf("registry: %d of %d leases are overdue at once: their instances are kept", len(overdue), len(r.leases)))
		}
	}
	if guarding {
		return
	}
	slices.SortFunc(overdue, func(a, b *entry) int { return a.until.Compare(b.until) })
	for _, e := range overdue {
		if _, err := r.changeLocked(record{Service: e.service, Instance: discovery.Instance{Addr: e.instance.Addr}, Removed: true}); err != nil {
			r.opts.OnError(fmt.Errorf("registry: %w", err))
			return // the next round tries again
		}
	}
}

// changeLocked makes a change: in the log, in memory, for watchers. It returns the size of the log that has to be on the disk.
func (r *Registry) changeLocked(one record) (size int64, err error) {
	if r.closed {
		return 0, errClosed
	}
	one.Revision = r.revision + 1
	if r.store != nil {
		if r.store.records >= compactAfter && r.store.records > 2*len(r.leases) {
			if err := r.store.compact(r.snapshotLocked()); err != nil {
				r.opts.OnError(fmt.Errorf("registry: no snapshot: %w", err)) // the log goes on
			}
		}
		if err := r.store.append(one); err != nil {
			return 0, err
		}
		size = r.store.size
	}
	r.revision = one.Revision
	r.applyLocked(one)
	r.changes = append(r.changes, one)
	if len(r.changes) >= 2*r.opts.Changes {
		r.changes = slices.Clone(r.changes[len(r.changes)-r.opts.Changes:])
	}
	s := r.serviceLocked(one.Service)
	s.last = one.Revision
	close(s.changed)
	s.changed = make(chan struct{})
	return size, nil
}

// applyLocked makes a change in memory.
func (r *Registry) applyLocked(one record) {
	s := r.serviceLocked(one.Service)
	if old := s.entries[one.Instance.Addr]; old != nil {
		delete(r.leases, old.lease)
		delete(s.entries, one.Instance.Addr)
	}
	if one.Removed {
		return
	}
	ttl := time.Duration(one.TTL) * time.Millisecond
	e := &entry{service: one.Service, instance: one.Instance, lease: one.Lease, ttl: ttl, until: time.Now().Add(ttl)}
	s.entries[one.Instance.Addr], r.leases[one.Lease] = e, e
}

func (r *Registry) serviceLocked(name string) *service {
	s := r.services[name]
	if s == nil {
		s = &service{entries: make(map[string]*entry), changed: make(chan struct{})}
		r.services[name] = s
		close(r.created)
		r.created = make(chan struct{})
	}
	return s
}

func (r *Registry) snapshotLocked() snapshot {
	snap := snapshot{Revision: r.revision}
	for _, e := range r.leases {
		snap.Records = append(snap.Records, record{Service: e.service, Instance: e.instance, Lease: e.lease, TTL: e.ttl.Milliseconds()})
	}
	return snap
}

// flush waits for the disk.
func (r *Registry) flush(size int64) error {
	if r.store == nil || size == 0 {
		return nil
	}
	return r.store.flush(size)
}

// An invalidError says what is wrong with arguments.
type invalidError struct{ message string }

func (e *invalidError) Error() string { return e.message }

func checkService(name string) error {
	switch {
	case name == "":
		return &invalidError{"the name of the service is missing"}
	case len(name) > 256:
		return &invalidError{fmt.Sprintf("the name of the service has %d bytes, want at most 256", len(name))}
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("/?#", r) }):
		return &invalidError{fmt.Sprintf("the name of the service is %q, want one without spaces, slashes, ? and #", name)}
	}
	return nil
}

func checkInstance(in discovery.Instance) error {
	if err := in.Validate(); err != nil {
		return &invalidError{err.Error()}
	}
	size := len(in.Addr) + len(in.Zone)
	for _, t := range in.Tags {
		size += len(t)
	}
	for k, v := range in.Metadata {
		size += len(k) + len(v)
	}
	if size > 16<<10 {
		return &invalidError{fmt.Sprintf("instance %s has %d bytes of tags and metadata, want at most 16384", in.Addr, size)}
	}
	return nil
}

// add registers an instance.
func (r *Registry) add(name string, in discovery.Instance, ttl time.Duration) (lease int64, lasts time.Duration, err error) {
	if err := checkService(name); err != nil {
		return 0, 0, err
	}
	if err := checkInstance(in); err != nil {
		return 0, 0, err
	}
	if ttl <= 0 {
		ttl = r.opts.TTL
	}
	ttl = min(max(ttl, minTTL), maxTTL)
	lease = rand.Int64()
	r.mu.Lock()
	if len(r.leases) >= r.opts.MaxInstances && !r.hasLocked(name, in.Addr) {
		r.mu.Unlock()
		return 0, 0, &invalidError{fmt.Sprintf("there are %d instances, which is the most", r.opts.MaxInstances)}
	}
	size, err := r.changeLocked(record{Service: name, Instance: in, Lease: lease, TTL: ttl.Milliseconds()})
	r.mu.Unlock()
	if err == nil {
		err = r.flush(size)
	}
	return lease, ttl, err
}

func (r *Registry) hasLocked(name, addr string) bool {
	s := r.services[name]
	return s != nil && s.entries[addr] != nil
}

// renew makes a lease last, and reports whether there is one.
func (r *Registry) renew(lease int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.leases[lease]
	if e == nil {
		return false
	}
	e.until = time.Now().Add(e.ttl)
	return true
}

// release ends a lease.
func (r *Registry) release(lease int64) error {
	r.mu.Lock()
	e := r.leases[lease]
	if e == nil {
		r.mu.Unlock()
		return nil
	}
	return r.removeAndUnlock(e)
}

// remove removes an instance, and reports whether there was one.
func (r *Registry) remove(name, addr string) (bool, error) {
	r.mu.Lock()
	if !r.hasLocked(name, addr) {
		r.mu.Unlock()
		return false, nil
	}
	return true, r.removeAndUnlock(r.services[name].entries[addr])
}

func (r *Registry) removeAndUnlock(e *entry) error {
	size, err := r.changeLocked(record{Service: e.service, Instance: discovery.Instance{Addr: e.instance.Addr}, Removed: true})
	r.mu.Unlock()
	if err == nil {
		err = r.flush(size)
	}
	return err
}

// list returns the instances of a service, by address.
func (r *Registry) list(name string) (epoch, revision int64, list []discovery.Instance, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, 0, nil, errClosed
	}
	if s := r.services[name]; s != nil {
		for _, addr := range slices.Sorted(maps.Keys(s.entries)) {
			list = append(list, s.entries[addr].instance)
		}
	}
	return r.epoch, r.revision, list, nil
}

// A compactedError says that changes are not known any more.
type compactedError struct{ revision int64 }

func (e *compactedError) Error() string {
	return fmt.Sprintf("the changes after revision %d are not known any more", e.revision)
}

// watch waits for changes of a service after a revision.
func (r *Registry) watch(ctx context.Context, name string, epoch, after int64, wait time.Duration) (int64, []record, error) {
	timer := time.NewTimer(min(max(wait, 0), maxWait))
	defer timer.Stop()
	for over := false; ; {
		r.mu.Lock()
		first := r.revision - int64(len(r.changes)) + 1
		switch {
		case r.closed:
			r.mu.Unlock()
			return 0, nil, errClosed
		case epoch != r.epoch || after > r.revision || after < first-1:
			defer r.mu.Unlock()
			return 0, nil, &compactedError{after}
		}
		last, changed := int64(0), r.created // a service that nobody registered takes no memory
		if s := r.services[name]; s != nil {
			last, changed = s.last, s.changed
		}
		if last > after || over {
			defer r.mu.Unlock()
			var found []record
			for _, c := range r.changes[after-first+1:] {
				if c.Service == name {
					found = append(found, c)
				}
			}
			return r.revision, found, nil
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			over = true // nobody waits any more: that is no error, which a server would log
		case <-timer.C:
			over = true
		case <-changed:
		}
	}
}

// counts returns how many instances each service has that has any.
func (r *Registry) counts() map[string]int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]int32)
	for name, s := range r.services {
		if len(s.entries) > 0 {
			all[name] = int32(len(s.entries))
		}
	}
	return all
}
