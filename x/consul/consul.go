// Package consul keeps the instances of services in Consul: servers register at its agent with a check that they renew, clients watch.
//
//	client, err := thriftkit.Dial(ctx, "consul://127.0.0.1:8500/PingPong", thriftkit.WithResolver("consul", consul.Scheme))
//
//	reg, err := consul.NewRegistrar("127.0.0.1:8500", consul.Options{})
//	registration, err := reg.Register(ctx, "PingPong", discovery.Instance{Addr: "10.0.0.1:9090"})
//
// It uses Consul's HTTP API, version 1: health/service with blocking queries, agent/service and agent/check. Other programs see and register
// instances as they do with all services of Consul. The tests run against a server that was written from the documentation of the API, not
// against Consul.
package consul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/announce"
	"github.com/thriftkit/thriftkit/internal/httpapi"
)

// Options say how instances are kept. The zero value is right for most.
type Options struct {
	Token      string // of Consul's access control; "" sends none
	Datacenter string // in which resolvers look; "" is that of the agent
	Tag        string // which instances must have; "" is all

	// TTL is after how long without a renewal a server counts as gone; 0 means 10 seconds. It is renewed three times as often. Consul removes
	// an instance a minute later.
	TTL time.Duration

	// Wait is how long Consul may leave a query of a resolver without an answer; 0 means one minute, Consul's most is 10.
	Wait time.Duration

	// HTTP sends the requests; nil is [http.DefaultClient].
	HTTP *http.Client

	// OnError learns of what has no caller: entries that are no instances, renewals that failed. Several goroutines may call it. nil
	// drops it.
	OnError func(error)
}

func (opts Options) withDefaults() Options {
	if opts.TTL <= 0 {
		opts.TTL = 10 * time.Second
	}
	if opts.Wait <= 0 {
		opts.Wait = time.Minute
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return opts
}

func (opts Options) header() http.Header {
	if opts.Token == "" {
		return nil
	}
	return http.Header{"X-Consul-Token": {opts.Token}}
}

// Scheme makes resolvers of "consul://host:8500/Name", for thriftkit.WithResolver; of "consul+https://host:8501/Name" too, if it is given
// for that scheme. The keys dc and tag of the target are [Options.Datacenter] and [Options.Tag]. The token is in the variable
// CONSUL_HTTP_TOKEN.
func Scheme(u *url.URL) (discovery.Resolver, error) {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("want %s://host:8500/Name", u.Scheme)
	}
	q := u.Query()
	opts := Options{Token: os.Getenv("CONSUL_HTTP_TOKEN"), Datacenter: q.Get("dc"), Tag: q.Get("tag")}
	q.Del("dc")
	q.Del("tag")
	u.RawQuery = q.Encode()
	return Resolver(httpapi.Servers(u), name, opts)
}

// Resolver returns what reports the instances of a service whose checks pass. The servers are agents, or servers of Consul, as host:port or
// as URLs; the next is asked where one cannot be reached.
func Resolver(servers []string, service string, opts Options) (discovery.Resolver, error) {
	c, err := httpapi.New("http", servers, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	opts = opts.withDefaults()
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		q := url.Values{"passing": {"true"}}
		if opts.Datacenter != "" {
			q.Set("dc", opts.Datacenter)
		}
		if opts.Tag != "" {
			q.Set("tag", opts.Tag)
		}
		err := watch(ctx, c, httpapi.Request{Path: "/v1/health/service/" + url.PathEscape(service), Query: q, Header: opts.header()}, opts,
			func(index uint64, text json.RawMessage) error {
				var entries []entry
				if err := json.Unmarshal(text, &entries); err != nil {
					return fmt.Errorf("the answer is not a list of services: %w", err)
				}
				list := make([]discovery.Instance, 0, len(entries))
				for _, e := range entries {
					in, err := e.instance()
					if err == nil {
						err = in.Validate()
					}
					if err != nil {
						opts.OnError(fmt.Errorf("consul: skipped service %q: %w", e.Service.ID, err))
						continue
					}
					list = append(list, in)
				}
				report(discovery.Snapshot{Revision: index, Instances: list})
				return nil
			})
		return fmt.Errorf("consul: %w", err)
	}), nil
}

// shortest is the least time between two queries: what changes all the time is not asked for all the time.
const shortest = 100 * time.Millisecond

const indexHeader = "X-Consul-Index"

// watch sends a query, and again after each change, by the rules of Consul's blocking queries: an index that is not above 0 counts as 1, and one that
// went back begins anew. text is nil where there is no such key.
func watch(ctx context.Context, c *httpapi.Client, r httpapi.Request, opts Options, changed func(index uint64, text json.RawMessage) error) error {
	for index, first := uint64(0), true; ; first = false {
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		if !first {
			cancel()
			r.Query.Set("index", strconv.FormatUint(index, 10))
			r.Query.Set("wait", opts.Wait.String())
			bounded, cancel = context.WithTimeout(ctx, opts.Wait+opts.Wait/16+5*time.Second) // the sixteenth is Consul's, by chance
		}
		var text json.RawMessage
		header, err := c.Do(bounded, r, &text)
		cancel()
		if e := (*httpapi.StatusError)(nil); errors.As(err, &e) && e.Status == http.StatusNotFound && e.Header.Get(indexHeader) != "" {
			header, text, err = e.Header, nil, nil // there is no such key
		}
		if err != nil {
			return err
		}
		now, err := strconv.ParseUint(header.Get(indexHeader), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: the header %s is %.30q, want a number: is this Consul?", r.Path, indexHeader, header.Get(indexHeader))
		}
		if first || now != index {
			if err := changed(now, text); err != nil {
				return err
			}
		}
		if now < index {
			now = 0
		}
		index = max(now, 1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(shortest):
		}
	}
}

// An entry is one of health/service.
type entry struct {
	Node    struct{ Address string }
	Service service
}

// A service is one of health/service and, with a check, of agent/service/register.
type service struct {
	ID       string
	Name     string `json:",omitempty"` // when it is registered
	Address  string
	Port     int
	Tags     []string
	Meta     map[string]string
	Weights  weights
	Locality *struct{ Zone string } `json:",omitempty"`
	Check    *check                 `json:",omitempty"`
}

type weights struct{ Passing, Warning int }

type check struct {
	CheckID                        string
	TTL                            string
	Status                         string
	DeregisterCriticalServiceAfter string
}

// instance returns the instance of e. Consul's weight 1, its default, is 100.
func (e entry) instance() (discovery.Instance, error) {
	s := e.Service
	host := s.Address
	if host == "" {
		host = e.Node.Address
	}
	in := discovery.Instance{
		Addr: net.JoinHostPort(host, strconv.Itoa(s.Port)), Tags: s.Tags, Metadata: s.Meta,
		Weight: min(max(0, s.Weights.Passing), discovery.MaxWeight/discovery.DefaultWeight) * discovery.DefaultWeight,
	}
	if s.Port == 0 {
		return in, errors.New("it has no port")
	}
	if s.Locality != nil {
		in.Zone = s.Locality.Zone
	}
	return in, announce.TakeMetadata(&in)
}

// serviceOf returns what is registered for in.
func serviceOf(name string, in discovery.Instance, ttl time.Duration) (service, error) {
	keys := []string{announce.Scheme, announce.Priority, announce.Zone, announce.Started}
	weight := in.EffectiveWeight()
	if weight%discovery.DefaultWeight != 0 {
		keys = append(keys, announce.Weight)
	}
	host, port, meta, err := announce.Metadata(in, keys...)
	if err != nil {
		return service{}, err
	}
	for k, v := range meta {
		if strings.Trim(k, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || k == "" || len(k) > 128 || len(v) > 512 {
			return service{}, fmt.Errorf("instance %s: metadata %q: Consul wants keys of letters, digits, - and _, at most 128, and values of at most 512 bytes", in.Addr, k)
		}
	}
	id := name + "-" + net.JoinHostPort(host, strconv.Itoa(port))
	return service{
		ID: id, Name: name, Address: host, Port: port, Tags: in.Tags, Meta: meta,
		Weights: weights{Passing: max(1, weight/discovery.DefaultWeight), Warning: 1},
		Check:   &check{CheckID: "service:" + id, TTL: ttl.String(), Status: "passing", DeregisterCriticalServiceAfter: "1m"},
	}, nil
}

// A Registrar registers instances at an agent of Consul. Its methods may be called by any number of goroutines.
type Registrar struct {
	c    *httpapi.Client
	opts Options
}

var _ discovery.Registrar = (*Registrar)(nil)

// NewRegistrar returns a Registrar. The agent, as host:port or as URL, should be the one of the instances' machine.
func NewRegistrar(agent string, opts Options) (*Registrar, error) {
	c, err := httpapi.New("http", []string{agent}, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return &Registrar{c, opts.withDefaults()}, nil
}

// Register implements [discovery.Registrar]. Other than the metadata, what Consul has no place for (a weight that is not a multiple of 100,
// priority, zone, scheme, start) is kept as metadata whose keys begin with thriftkit-.
func (r *Registrar) Register(ctx context.Context, name string, in discovery.Instance) (discovery.Registration, error) {
	if name == "" || strings.ContainsAny(name, "/ ") {
		return nil, fmt.Errorf("consul: the name of the service is %q, want one without spaces and slashes", name)
	}
	s, err := serviceOf(name, in.Announced(time.Now()), r.opts.TTL)
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	put := func(path string, body any) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := r.c.Do(ctx, httpapi.Request{Method: http.MethodPut, Path: path, Header: r.opts.header(), Body: body}, nil)
			return err
		}
	}
	pass := put("/v1/agent/check/pass/"+url.PathEscape(s.Check.CheckID), nil)
	l, err := announce.Start(ctx, announce.Options{
		Put: put("/v1/agent/service/register", s),
		Renew: func(ctx context.Context) error {
			err := pass(ctx)
			if httpapi.IsStatus(err, http.StatusNotFound, http.StatusInternalServerError) { // of an agent that does not know the check
				return fmt.Errorf("%w: %w", announce.ErrUnknown, err)
			}
			return err
		},
		Remove:  put("/v1/agent/service/deregister/"+url.PathEscape(s.ID), nil),
		Every:   r.opts.TTL / 3,
		OnError: func(err error) { r.opts.OnError(fmt.Errorf("consul: %s: %w", s.ID, err)) },
	})
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return l, nil
}

// Source returns what reports the value of a key of Consul's key/value store: a configuration of clients, for govern.OpenConfig. A key that does
// not exist, or was deleted, is reported as no document.
func Source(servers []string, key string, opts Options) (discovery.Source, error) {
	c, err := httpapi.New("http", servers, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("consul: %w", err)
	}
	return &source{c, strings.TrimPrefix(key, "/"), opts.withDefaults()}, nil
}

type source struct {
	c    *httpapi.Client
	key  string
	opts Options
}

// String says where the document is, as errors do.
func (s *source) String() string { return "consul " + s.key }

// Watch implements [discovery.Source].
func (s *source) Watch(ctx context.Context, report func([]byte)) error {
	q := url.Values{}
	if s.opts.Datacenter != "" {
		q.Set("dc", s.opts.Datacenter)
	}
	path := (&url.URL{Path: "/v1/kv/" + s.key}).EscapedPath()
	err := watch(ctx, s.c, httpapi.Request{Path: path, Query: q, Header: s.opts.header()}, s.opts, func(_ uint64, text json.RawMessage) error {
		if text == nil {
			report(nil)
			return nil
		}
		var found []struct{ Value []byte }
		if err := json.Unmarshal(text, &found); err != nil || len(found) == 0 {
			return fmt.Errorf("%s: the answer is not a list of keys: %.100q", path, text)
		}
		value := found[0].Value
		if value == nil {
			value = []byte{} // a document, although it is empty
		}
		report(value)
		return nil
	})
	return fmt.Errorf("consul: %w", err)
}
