package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// FollowOptions say how much [Follow] believes. The zero value is right for most.
type FollowOptions struct {
	// Hold is how long an empty list, or one with less than half of the instances before it, must last until it is
	// believed. Meanwhile the instances that are missing stay, and new ones are added. 0 means 30 seconds, negative
	// believes every list at once.
	Hold time.Duration

	// CacheFile keeps the last good list, as JSON. It is reported when the resolver has none within CacheAfter of
	// the start. "" keeps none.
	CacheFile string

	// CacheAfter is how long the resolver has before the list of CacheFile is used; 0 means 1 second.
	CacheAfter time.Duration

	// OnError learns of failures of the resolver, of instances that were skipped, of lists that are held back, and of a CacheFile
	// that cannot be used. Several goroutines may call it. nil drops them.
	OnError func(error)
}

// The pauses between attempts of a Resolver that fails: equal jitter, doubled each time.
const (
	firstPause = 500 * time.Millisecond
	longPause  = 30 * time.Second
)

// Follow runs r until ctx ends, and reports each list that is new and to be believed. Calls of report do not
// overlap. A resolver that fails, or returns, is run again after a pause of 0.5 to 30 seconds, and changes nothing
// meanwhile. Follow returns when all of its work has ended.
func Follow(ctx context.Context, r Resolver, opts FollowOptions, report func(Snapshot)) {
	if opts.Hold == 0 {
		opts.Hold = 30 * time.Second
	}
	if opts.CacheAfter <= 0 {
		opts.CacheAfter = time.Second
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	f := &follower{opts: opts, report: report}
	if opts.CacheFile != "" {
		f.cache = time.AfterFunc(opts.CacheAfter, f.useCache)
	}
	defer f.stop()
	keepWatching(ctx, opts.OnError, func(good func()) error {
		return r.Watch(ctx, func(s Snapshot) {
			good()
			f.received(s.Instances)
		})
	})
}

// List returns the first list that r reports, without instances that are wrong: for programs that look once. It returns
// the error of r if that fails before, and that of ctx.
func List(ctx context.Context, r Resolver) ([]Instance, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var list []Instance
	found := false
	err := r.Watch(ctx, func(s Snapshot) {
		if found {
			return
		}
		found = true
		for _, in := range s.Instances {
			if in.Validate() == nil {
				list = append(list, in)
			}
		}
		cancel()
	})
	if found {
		return list, nil
	}
	if err == nil {
		err = errors.New("the resolver returned")
	}
	return nil, err
}

// A follower decides which lists are believed.
type follower struct {
	opts   FollowOptions
	report func(Snapshot)
	cache  *time.Timer

	mu       sync.Mutex
	stopped  bool
	revision uint64
	current  []Instance // as last reported
	believed []Instance // without those that are only kept
	known    bool       // there was a list from the resolver
	held     []Instance // the list that is not believed yet
	hold     *time.Timer
}

// stop ends the timers; nothing is reported afterwards.
func (f *follower) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	if f.cache != nil {
		f.cache.Stop()
	}
	f.dropHeldLocked()
}

// received takes a list of the resolver.
func (f *follower) received(list []Instance) {
	list = f.valid(list)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.suspectLocked(list) {
		f.dropHeldLocked()
		f.believeLocked(list)
		return
	}
	f.held = list
	if f.hold == nil {
		f.opts.OnError(fmt.Errorf("discovery: the list shrank from %d to %d instances: it is used if it stays so for %s", len(f.believed), len(list), f.opts.Hold))
		f.hold = time.AfterFunc(f.opts.Hold, f.believeHeld)
	}
	f.reportLocked(union(list, f.believed))
}

// suspectLocked reports whether list is used only if it stays so for opts.Hold.
func (f *follower) suspectLocked(list []Instance) bool {
	switch {
	case f.opts.Hold < 0 || len(f.believed) == 0:
		return false
	case len(list) == 0:
		return true
	}
	return len(f.believed) > 2 && 2*len(list) < len(f.believed)
}

// believeHeld runs when a suspect list has stayed the same for opts.Hold.
func (f *follower) believeHeld() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hold == nil || f.stopped {
		return
	}
	list := f.held
	f.dropHeldLocked()
	f.believeLocked(list)
}

func (f *follower) dropHeldLocked() {
	if f.hold != nil {
		f.hold.Stop()
		f.hold, f.held = nil, nil
	}
}

func (f *follower) believeLocked(list []Instance) {
	f.believed, f.known = list, true
	if f.cache != nil {
		f.cache.Stop()
	}
	if f.reportLocked(list) && f.opts.CacheFile != "" && len(list) > 0 {
		if err := writeCache(f.opts.CacheFile, Snapshot{Revision: f.revision, Instances: list}); err != nil {
			f.opts.OnError(fmt.Errorf("discovery: %w", err))
		}
	}
}

// reportLocked reports list unless it is what was reported last, and says whether it did.
func (f *follower) reportLocked(list []Instance) bool {
	if f.stopped || f.revision > 0 && slices.EqualFunc(list, f.current, Instance.Equal) {
		return false
	}
	f.revision++
	f.current = list
	f.report(Snapshot{Revision: f.revision, Instances: list})
	return true
}

// useCache reports the list of the file when the resolver has none.
func (f *follower) useCache() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known || f.stopped {
		return
	}
	s, err := readCache(f.opts.CacheFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return
	case err != nil:
		f.opts.OnError(fmt.Errorf("discovery: %w", err))
		return
	}
	if list := f.valid(s.Instances); len(list) > 0 {
		f.believed = list
		f.reportLocked(list)
	}
}

// valid returns the instances of list that can be used, each address once.
func (f *follower) valid(list []Instance) []Instance {
	good := make([]Instance, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, in := range list {
		err := in.Validate()
		if err == nil && seen[in.Addr] {
			err = fmt.Errorf("instance %s is listed twice", in.Addr)
		}
		if err != nil {
			f.opts.OnError(fmt.Errorf("discovery: skipped: %w", err))
			continue
		}
		seen[in.Addr] = true
		good = append(good, in)
	}
	return good
}

// union returns list, and after it what is in old alone.
func union(list, old []Instance) []Instance {
	both := append([]Instance(nil), list...)
	has := make(map[string]bool, len(list))
	for _, in := range list {
		has[in.Addr] = true
	}
	for _, in := range old {
		if !has[in.Addr] {
			both = append(both, in)
		}
	}
	return both
}

// writeCache replaces the file as a whole, so that a crash leaves the old list or the new one.
func writeCache(name string, s Snapshot) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

func readCache(name string) (s Snapshot, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: not a list of instances: %w", name, err)
	}
	return s, nil
}
