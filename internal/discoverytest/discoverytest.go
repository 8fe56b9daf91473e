// Package discoverytest has what tests of packages for registries share.
package discoverytest

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/discovery"
)

// Follow follows r until the test ends, and believes every list at once.
func Follow(t *testing.T, r discovery.Resolver) <-chan []discovery.Instance {
	lists := make(chan []discovery.Instance, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		discovery.Follow(ctx, r, discovery.FollowOptions{Hold: -1, OnError: func(err error) { t.Log(err) }}, func(s discovery.Snapshot) { lists <- s.Instances })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return lists
}

// Until waits for a list of n instances.
func Until(lists <-chan []discovery.Instance, n int) {
	for got := <-lists; len(got) != n; got = <-lists {
	}
}

// An Entry is what a registry has of an instance, and how it is read.
type Entry struct {
	Text    string // as the registry has it
	Want    discovery.Instance
	Skipped string // part of the error for which it is skipped; "": it is not
}

// Check lists by the resolver that resolve returns for a registry with the entry alone.
func (e Entry) Check(t *testing.T, resolve func(onError func(error)) (discovery.Resolver, error)) {
	t.Helper()
	var skipped error
	r, err := resolve(func(err error) { skipped = err })
	if err != nil {
		t.Fatal(err)
	}
	got, err := discovery.List(t.Context(), r)
	switch {
	case err != nil:
		t.Errorf("%s: %v", e.Text, err)
	case e.Skipped != "":
		if len(got) != 0 || skipped == nil || !strings.Contains(skipped.Error(), e.Skipped) {
			t.Errorf("%s: got %v and error %v, want none and %q", e.Text, got, skipped, e.Skipped)
		}
	case len(got) != 1 || !got[0].Equal(e.Want) || skipped != nil:
		t.Errorf("%s: got %+v and error %v, want %+v", e.Text, got, skipped, e.Want)
	}
}

// Fails checks that listing by r, which was made with err, fails, and how.
func Fails(t *testing.T, r discovery.Resolver, err error, prefix, part string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := discovery.List(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), part) {
		t.Errorf("got error %v, want %s…%s", err, prefix, part)
	}
}

// A Target is one of a scheme.
type Target struct {
	Target string
	Keys   string // that stay for the instances
	Err    string // part of the error; "": there is none
}

// CheckTargets makes resolvers of targets.
func CheckTargets(t *testing.T, scheme discovery.Scheme, targets []Target) {
	t.Helper()
	for _, test := range targets {
		u, err := url.Parse(test.Target)
		if err != nil {
			t.Fatal(err)
		}
		_, err = scheme(u)
		if test.Err != "" {
			if err == nil || !strings.Contains(err.Error(), test.Err) {
				t.Errorf("%s: %v, want %s", test.Target, err, test.Err)
			}
			continue
		}
		if err != nil || u.RawQuery != test.Keys {
			t.Errorf("%s: %v, keys for the instances %q, want %q", test.Target, err, u.RawQuery, test.Keys)
		}
	}
}

// A Mistake is an instance that cannot be registered.
type Mistake struct {
	Service  string
	Instance discovery.Instance
	Err      string // part of the error
}

// CheckMistakes registers them.
func CheckMistakes(t *testing.T, r discovery.Registrar, mistakes []Mistake) {
	t.Helper()
	for _, test := range mistakes {
		if _, err := r.Register(t.Context(), test.Service, test.Instance); err == nil || !strings.Contains(err.Error(), test.Err) {
			t.Errorf("Register(%q, %+v): %v, want %q", test.Service, test.Instance, err, test.Err)
		}
	}
}
