package discovery

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Target names a group of instances.
type Target struct {
	Resolver Resolver
	Scheme   string     // of the instances whose address has none: "tcp", or "tls"
	Keys     url.Values // for every instance: what a single server's target has after the question mark
	Follow   FollowOptions
	text     string
}

// String returns the text that ParseTarget read.
func (t *Target) String() string { return t.text }

// A Scheme makes the Resolver for a URL whose scheme it stands for: a registry, for example. The URL's query has only the keys that
// are not a Target's own. A Scheme takes out of it the keys that it has; those that stay are for all instances.
type Scheme func(u *url.URL) (Resolver, error)

// IsTarget reports whether s names a group of instances, rather than a single server: it is a list with commas, or has
// a scheme of this package or one of schemes.
func IsTarget(s string, schemes map[string]Scheme) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "", s
	}
	if scheme == "dns" || scheme == "dns+srv" || scheme == "file" || schemes[scheme] != nil {
		return true
	}
	hosts, _, _ := strings.Cut(rest, "?")
	return (scheme == "" || scheme == "tcp" || scheme == "tls") && strings.Contains(hosts, ",")
}

// ParseTarget reads the target of a group:
//
//	a:9090,b:9090               a list; tls://a:9090,b:9090 speaks TLS with all
//	dns:///name:9090            A and AAAA records; dns://8.8.8.8/name:9090 asks that server
//	dns+srv:///_x._tcp.name     SRV records with their priorities and weights
//	file:///etc/instances.yaml  see [File]
//
// and those of schemes. The key refresh is the time between look-ups (dns 30s, file 1s), cache names a file for the last good list,
// hold is [FollowOptions.Hold], tls=true speaks TLS with instances whose address does not say. The other keys are those of single
// servers, and apply to all instances.
func ParseTarget(s string, schemes map[string]Scheme) (*Target, error) {
	t, err := parseTarget(s, schemes)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", s, err)
	}
	t.text = s
	return t, nil
}

func parseTarget(s string, schemes map[string]Scheme) (*Target, error) {
	body, rawQuery, _ := strings.Cut(s, "?")
	keys, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	t := &Target{Scheme: "tcp", Keys: keys}
	own, err := t.takeKeys()
	if err != nil {
		return nil, err
	}
	scheme, rest, ok := strings.Cut(body, "://")
	switch {
	case !ok:
		return t, t.setList(body)
	case scheme == "tcp":
		return t, t.setList(rest)
	case scheme == "tls":
		t.Scheme = "tls"
		return t, t.setList(rest)
	}
	u, err := url.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("not a URL: %w", err.(*url.Error).Err)
	}
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("a target has neither user nor fragment")
	}
	name := strings.TrimPrefix(u.Path, "/")
	options := DNSOptions{Refresh: own.refresh}
	if u.Host != "" {
		options.Lookup = serverLookup(u.Host)
	}
	switch u.Scheme {
	case "dns":
		t.Resolver, err = DNS(name, options)
	case "dns+srv":
		t.Resolver, err = SRV(name, options)
	case "file":
		switch {
		case u.Host != "":
			err = fmt.Errorf("a file is on no host: want file:///path")
		case name == "":
			err = fmt.Errorf("the path is missing: want file:///path")
		}
		t.Resolver = File(u.Path, own.refresh)
	default:
		f := schemes[u.Scheme]
		if f == nil {
			all := slices.Sorted(maps.Keys(schemes))
			all = append(all, "dns", "dns+srv", "file")
			slices.Sort(all)
			return nil, fmt.Errorf("unknown scheme %q (known: %s)", u.Scheme, strings.Join(all, ", "))
		}
		u.RawQuery = keys.Encode()
		if t.Resolver, err = f(u); err == nil {
			t.Keys, err = url.ParseQuery(u.RawQuery)
		}
	}
	return t, err
}

type ownKeys struct{ refresh time.Duration }

// takeKeys moves the keys that are the group's own out of Keys.
func (t *Target) takeKeys() (own ownKeys, err error) {
	take := func(key string) (string, bool) {
		v, ok := t.Keys[key]
		delete(t.Keys, key)
		if len(v) > 1 {
			err = fmt.Errorf("key %q is given twice", key)
		}
		return strings.Join(v, ""), ok
	}
	duration := func(key string, d *time.Duration) {
		s, ok := take(key)
		if !ok {
			return
		}
		v, bad := time.ParseDuration(s)
		if bad != nil || v <= 0 {
			err = fmt.Errorf("key %q: got %q, want a time such as 10s", key, s)
		}
		*d = v
	}
	duration("refresh", &own.refresh)
	duration("hold", &t.Follow.Hold)
	t.Follow.CacheFile, _ = take("cache")
	if v, ok := take("tls"); ok {
		switch v {
		case "true":
			t.Scheme = "tls"
		case "false":
		default:
			err = fmt.Errorf("key \"tls\": got %q, want true or false", v)
		}
	}
	return own, err
}

// setList reads addresses with commas between them.
func (t *Target) setList(s string) error {
	var list []Instance
	seen := make(map[string]bool)
	for addr := range strings.SplitSeq(strings.TrimSuffix(s, "/"), ",") {
		in := Instance{Addr: strings.TrimSpace(addr)}
		if err := in.Validate(); err != nil {
			return err
		}
		if seen[in.Addr] {
			return fmt.Errorf("instance %s is listed twice", in.Addr)
		}
		seen[in.Addr] = true
		list = append(list, in)
	}
	t.Resolver = Static(list...)
	return nil
}

// InstanceTarget returns the target of one instance of the group, in the form that transport.ParseTarget reads: its address with
// the keys of the group, over which its metadata wins.
func (t *Target) InstanceTarget(in Instance) string {
	s := in.Addr
	if !strings.Contains(s, "://") {
		s = t.Scheme + "://" + s
	}
	keys := maps.Clone(t.Keys)
	for _, k := range []string{"protocol", "transport", "service", "compression"} {
		if v, ok := in.Metadata[k]; ok {
			if keys == nil {
				keys = make(url.Values)
			}
			keys.Set(k, v)
		}
	}
	if len(keys) > 0 {
		s += "?" + keys.Encode()
	}
	return s
}
