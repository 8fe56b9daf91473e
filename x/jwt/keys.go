package jwt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Keys are the public keys of an issuer: a set of JSON Web Keys (RFC 7517, section 5), which may change. They are safe for concurrent use.
type Keys struct {
	set  atomic.Pointer[jose.JSONWebKeySet]
	read func(ctx context.Context) (text []byte, changed bool, err error) // nil: they do not change

	maxAge, minAge time.Duration // when to read them again: always, and at the earliest
	report         func(error)

	mu   sync.Mutex   // of who reads
	last atomic.Int64 // when that was, in nanoseconds of Unix
	bad  atomic.Bool  // it failed
}

const (
	maxSet  = 1 << 20 // bytes
	maxKeys = 1000
)

// ParseKeys returns the keys in a document of JSON.
func ParseKeys(text []byte) (*Keys, error) {
	k := new(Keys)
	if err := k.parse(text); err != nil {
		return nil, err
	}
	return k, nil
}

// LoadKeys returns the keys in a file, which is read again when it has changed, within a second. A file with mistakes changes nothing;
// report, which may be nil, gets the error.
func LoadKeys(path string, report func(error)) (*Keys, error) {
	var stamp string
	k := &Keys{maxAge: time.Second, minAge: time.Second, report: report}
	k.read = func(context.Context) ([]byte, bool, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, false, fmt.Errorf("jwt: %w", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, false, fmt.Errorf("jwt: %w", err)
		}
		now := fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())
		if now == stamp {
			return nil, false, nil
		}
		stamp = now
		text, err := readSet(f)
		return text, true, err
	}
	if err := k.refresh(context.Background()); err != nil {
		return nil, err
	}
	return k, nil
}

// FetchOptions say how [FetchKeys] fetches keys.
type FetchOptions struct {
	// Client makes the requests; nil means one of its own. Its redirects may only lead to https.
	Client *http.Client

	// Timeout bounds a request; 0 means 5 seconds.
	Timeout time.Duration

	// MaxAge is when the keys are fetched again; 0 means an hour. MinAge is the time between two requests, also when tokens name keys
	// that are not known, or a request failed; 0 means a minute. So tokens that somebody made up cause no more requests than that.
	MaxAge, MinAge time.Duration

	// Report gets the errors of requests after the first one: the keys from before stay. nil drops them.
	Report func(error)
}

// FetchKeys fetches the keys at a URL of https, at first now. Then a call with a token fetches them again when they are old, or do not have
// the key of the token.
func FetchKeys(ctx context.Context, address string, opts FetchOptions) (*Keys, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("jwt: want the URL of keys as in https://login.example/keys, got %q", address)
	}
	client := http.Client{}
	if opts.Client != nil {
		client = *opts.Client
	}
	follow := client.CheckRedirect
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch {
		case r.URL.Scheme != "https":
			return errors.New("the keys are not at an address of https")
		case follow != nil:
			return follow(r, via)
		case len(via) >= 5:
			return errors.New("too many redirects")
		}
		return nil
	}
	timeout := cmp.Or(opts.Timeout, 5*time.Second)
	k := &Keys{maxAge: cmp.Or(opts.MaxAge, time.Hour), minAge: cmp.Or(opts.MinAge, time.Minute), report: opts.Report}
	k.read = func(ctx context.Context) ([]byte, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, false, fmt.Errorf("jwt: %w", err)
		}
		resp, err := client.Do(r)
		if err != nil {
			return nil, false, fmt.Errorf("jwt: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, false, fmt.Errorf("jwt: %s answered %s", address, resp.Status)
		}
		text, err := readSet(resp.Body)
		return text, true, err
	}
	if err := k.refresh(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

func readSet(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSet+1))
	if err != nil {
		return nil, fmt.Errorf("jwt: keys: %w", err)
	}
	if len(text) > maxSet {
		return nil, fmt.Errorf("jwt: the keys have more than %d bytes", maxSet)
	}
	return text, nil
}

// parse replaces the keys. Those for other purposes, and of kinds that are not known, are left out.
func (k *Keys) parse(text []byte) error {
	var all jose.JSONWebKeySet
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("jwt: keys: %w", err)
	}
	if len(all.Keys) > maxKeys {
		return fmt.Errorf("jwt: there are %d keys, more than %d", len(all.Keys), maxKeys)
	}
	set := new(jose.JSONWebKeySet)
	for i, key := range all.Keys {
		switch {
		case !key.IsPublic():
			return fmt.Errorf("jwt: key %d is secret: want public keys", i)
		case key.Valid() && (key.Use == "" || key.Use == "sig"):
			set.Keys = append(set.Keys, key)
		}
	}
	if len(set.Keys) == 0 {
		return errors.New("jwt: there are no keys for signatures")
	}
	k.set.Store(set)
	return nil
}

// refresh reads the keys. mu is held, or nobody else has them yet.
func (k *Keys) refresh(ctx context.Context) error {
	k.last.Store(time.Now().UnixNano())
	text, changed, err := k.read(ctx)
	if err == nil && changed {
		err = k.parse(text)
	}
	k.bad.Store(err != nil)
	return err
}

// find returns the keys that a token may be signed with.
func (k *Keys) find(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	keys := k.known(id, algorithm)
	if k.read != nil {
		age := time.Duration(time.Now().UnixNano() - k.last.Load())
		if age >= k.maxAge || (len(keys) == 0 || k.bad.Load()) && age >= k.minAge {
			k.again(ctx, len(keys) == 0)
			keys = k.known(id, algorithm)
		}
	}
	switch {
	case len(keys) == 0:
		return nil, fmt.Errorf("jwt: no key %.40q for %s", id, algorithm)
	case len(keys) > 1 && id == "":
		return nil, errors.New("jwt: the token does not say which key it is signed with")
	}
	return keys, nil
}

// again reads the keys unless somebody has just done so. If they are being read, it waits for that only if it must.
func (k *Keys) again(ctx context.Context, must bool) {
	if !k.mu.TryLock() {
		if !must {
			return
		}
		k.mu.Lock()
	}
	defer k.mu.Unlock()
	if time.Duration(time.Now().UnixNano()-k.last.Load()) < k.minAge {
		return
	}
	// Not with ctx alone: a caller that gives up must not use up the request of the others.
	if err := k.refresh(context.WithoutCancel(ctx)); err != nil && k.report != nil {
		k.report(err)
	}
}

// known returns the keys with an id, or all if that is "", which fit an algorithm.
func (k *Keys) known(id, algorithm string) (list []jose.JSONWebKey) {
	for _, key := range k.set.Load().Keys {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) && fits[algorithm](key.Key) {
			list = append(list, key)
		}
	}
	return list
}
