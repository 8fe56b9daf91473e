// Package etcd keeps the instances of services in etcd: servers register under leases, clients watch.
//
//	client, err := thriftkit.Dial(ctx, "etcd://a:2379,b:2379/PingPong", thriftkit.WithResolver("etcd", etcd.Scheme))
//
//	reg := etcd.NewRegistrar(etcdClient, etcd.Options{})
//	registration, err := reg.Register(ctx, "PingPong", discovery.Instance{Addr: "10.0.0.1:9090"})
//
// An instance is the key "/thriftkit/SERVICE/ADDR", whose value is a [discovery.Instance] as JSON. With [Kitex] the keys and values
// are those of Kitex's registry-etcd, so that clients and servers of Kitex and of thriftkit find each other, and with [Rpcx] those of rpcx's.
package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// A Layout says what instances look like in etcd.
type Layout struct {
	prefix string
	name   func(discovery.Instance) string // what a key ends with
	encode func(discovery.Instance) ([]byte, error)
	decode func(name string, value []byte) (discovery.Instance, error)
}

func addr(in discovery.Instance) string { return in.Addr }

// Thriftkit returns the layout of thriftkit: keys that begin with prefix; "" means "/thriftkit".
func Thriftkit(prefix string) *Layout {
	if prefix == "" {
		prefix = "/thriftkit"
	}
	return &Layout{prefix, addr,
		func(in discovery.Instance) ([]byte, error) { return json.Marshal(in) },
		func(_ string, text []byte) (in discovery.Instance, err error) { return in, json.Unmarshal(text, &in) },
	}
}

// kitexInfo is the value of a key of Kitex's registry-etcd, version 0.2.
type kitexInfo struct {
	Network string            `json:"network"`
	Address string            `json:"address"`
	Weight  int               `json:"weight"`
	Tags    map[string]string `json:"tags"`
}

// Kitex returns the layout of Kitex's registry-etcd: keys that begin with prefix; "" means "kitex/registry-etcd". Kitex's tags are metadata of
// the instance; priorities, zones and tags without values are not stored. Its default weight, 10, is 100 here.
func Kitex(prefix string) *Layout {
	if prefix == "" {
		prefix = "kitex/registry-etcd"
	}
	const scale = discovery.DefaultWeight / 10
	return &Layout{prefix, addr,
		func(in discovery.Instance) ([]byte, error) {
			return json.Marshal(kitexInfo{Network: "tcp", Address: in.Addr, Weight: max(1, in.EffectiveWeight()/scale), Tags: in.Metadata})
		},
		func(_ string, text []byte) (in discovery.Instance, err error) {
			var k kitexInfo
			if err := json.Unmarshal(text, &k); err != nil {
				return in, err
			}
			in = discovery.Instance{Addr: k.Address, Weight: min(max(0, k.Weight)*scale, discovery.MaxWeight), Metadata: k.Tags}
			if k.Network == "unix" {
				in.Addr = "unix://" + k.Address
			}
			return in, nil
		},
	}
}

// Rpcx returns the layout of rpcx's registry for etcd 3 (rpcx-etcd): keys that begin with prefix, the base path of rpcx's clients and
// servers as they have it, with or without a slash at the beginning; "" means "/rpcx". The names of services are those of the paths that clients call. Weights are
// written if they are set, and should then be set for all instances of a service; other values of rpcx, such as the group, are metadata.
// Priorities, zones and tags without values are not stored. A server of rpcx that is inactive, or not reached by TCP, is left out.
func Rpcx(prefix string) *Layout {
	if prefix = strings.TrimSuffix(prefix, "/"); prefix == "" {
		prefix = "/rpcx"
	}
	const network = "tcp@"
	return &Layout{prefix,
		func(in discovery.Instance) string { return network + in.Addr },
		func(in discovery.Instance) ([]byte, error) {
			q := url.Values{}
			for k, v := range in.Metadata {
				q.Set(k, v)
			}
			if q.Del("weight"); in.Weight > 0 {
				q.Set("weight", strconv.Itoa(in.Weight))
			}
			return []byte(q.Encode()), nil
		},
		func(name string, text []byte) (in discovery.Instance, err error) {
			var ok bool
			if in.Addr, ok = strings.CutPrefix(name, network); !ok {
				return in, fmt.Errorf("the network is not tcp: %.100q", name)
			}
			q, err := url.ParseQuery(string(text))
			if err != nil {
				return in, err
			}
			if q.Get("state") == "inactive" {
				return in, errInactive
			}
			for k := range q {
				if k == "weight" {
					in.Weight, err = strconv.Atoi(q.Get(k))
					in.Weight = min(max(0, in.Weight), discovery.MaxWeight)
					continue
				}
				if in.Metadata == nil {
					in.Metadata = make(map[string]string)
				}
				in.Metadata[k] = q.Get(k)
			}
			return in, err
		},
	}
}

// errInactive is the error of an instance that is not to be called.
var errInactive = errors.New("the instance is inactive")

func (l *Layout) folder(service string) string { return l.prefix + "/" + service + "/" }

// Options say how instances are kept. The zero value is right for most.
type Options struct {
	Layout *Layout // nil is Thriftkit("")

	// TTL of leases, in whole seconds; 0 means 10 seconds. They are kept alive three times as often.
	TTL time.Duration

	// OnError learns of what has no caller: keys that are no instances, leases that were lost. Several goroutines may call it. nil
	// drops it.
	OnError func(error)
}

func (opts Options) withDefaults() Options {
	if opts.Layout == nil {
		opts.Layout = Thriftkit("")
	}
	if opts.TTL < time.Second {
		opts.TTL = 10 * time.Second
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return opts
}

// Config returns what a client of endpoints, which have commas between them, should begin with: it notices a member that hangs, and logs
// nothing.
func Config(endpoints string) clientv3.Config {
	return clientv3.Config{
		Endpoints: strings.Split(endpoints, ","), DialTimeout: 5 * time.Second,
		DialKeepAliveTime: 5 * time.Second, DialKeepAliveTimeout: 3 * time.Second, Logger: zap.NewNop(),
	}
}

// Scheme makes resolvers of "etcd://a:2379,b:2379/Name", for thriftkit.WithResolver.
func Scheme(u *url.URL) (discovery.Resolver, error) { return scheme(u, Options{}) }

// RpcxScheme is Scheme for the layout of rpcx with the base path "/rpcx".
func RpcxScheme(u *url.URL) (discovery.Resolver, error) {
	return scheme(u, Options{Layout: Rpcx("")})
}

// KitexScheme is Scheme for the layout of Kitex.
func KitexScheme(u *url.URL) (discovery.Resolver, error) {
	return scheme(u, Options{Layout: Kitex("")})
}

func scheme(u *url.URL, opts Options) (discovery.Resolver, error) {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" || name == "" {
		return nil, fmt.Errorf("want %s://host:port/Name", u.Scheme)
	}
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		c, err := clientv3.New(Config(u.Host))
		if err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
		defer c.Close()
		return Resolver(c, name, opts).Watch(ctx, report)
	}), nil
}

// requestTimeout bounds requests other than watches.
const requestTimeout = 5 * time.Second

// Resolver returns what reports the instances of a service. c stays open.
func Resolver(c *clientv3.Client, service string, opts Options) discovery.Resolver {
	opts = opts.withDefaults()
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		for {
			err := watch(ctx, c, service, opts, report)
			if !errors.Is(err, rpctypes.ErrCompacted) && !errors.Is(err, errOther) {
				return fmt.Errorf("etcd: %w", err)
			}
		}
	})
}

// silent returns err, or what says who did not answer in time.
func silent(ctx context.Context, c *clientv3.Client, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("no answer from %s within %s: %w", strings.Join(c.Endpoints(), ","), requestTimeout, err)
	}
	return err
}

// watch lists, and reports the list after each change.
func watch(ctx context.Context, c *clientv3.Client, service string, opts Options, report func(discovery.Snapshot)) error {
	folder := opts.Layout.folder(service)
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	found, err := c.Get(bounded, folder, clientv3.WithPrefix())
	cancel()
	if err != nil {
		return silent(ctx, c, err)
	}
	all := make(map[string]discovery.Instance)
	set := func(key, value []byte) {
		in, err := opts.Layout.decode(strings.TrimPrefix(string(key), folder), value)
		if err == nil {
			err = in.Validate()
		}
		if errors.Is(err, errInactive) {
			delete(all, string(key))
			return
		}
		if err != nil {
			opts.OnError(fmt.Errorf("etcd: skipped key %s: %w", key, err))
			delete(all, string(key))
			return
		}
		all[string(key)] = in
	}
	for _, kv := range found.Kvs {
		set(kv.Key, kv.Value)
	}
	tell := func(revision int64) {
		list := make([]discovery.Instance, 0, len(all))
		for _, key := range slices.Sorted(maps.Keys(all)) {
			list = append(list, all[key])
		}
		report(discovery.Snapshot{Revision: uint64(revision), Instances: list})
	}
	tell(found.Header.Revision)
	return changes(ctx, c, folder, found.Header, func(r *clientv3.WatchResponse) {
		for _, e := range r.Events {
			if e.Type == clientv3.EventTypeDelete {
				delete(all, string(e.Kv.Key))
			} else {
				set(e.Kv.Key, e.Kv.Value)
			}
		}
		tell(r.Header.Revision)
	}, clientv3.WithPrefix())
}

// changes calls changed with what happened at a key after what a response with header has.
func changes(ctx context.Context, c *clientv3.Client, key string, header *etcdserverpb.ResponseHeader, changed func(*clientv3.WatchResponse), opts ...clientv3.OpOption) error {
	watching, stop := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer stop()
	events := c.Watch(watching, key, append(opts, clientv3.WithRev(header.Revision+1))...)
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	last := header.Revision
	for {
		select {
		case r, ok := <-events:
			if !ok {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return errors.New("the watch ended")
			}
			if err := r.Err(); err != nil {
				return err
			}
			if len(r.Events) > 0 {
				last = r.Header.Revision
				changed(&r)
			}
		case <-check.C:
			bounded, cancel := context.WithTimeout(ctx, requestTimeout)
			now, err := c.Get(bounded, key, clientv3.WithCountOnly())
			cancel()
			if err == nil && (now.Header.ClusterId != header.ClusterId || now.Header.Revision < last) {
				return errOther
			}
		}
	}
}

// Source returns what reports the value of a key: a configuration of clients, for govern.OpenConfig. A key that does not exist, or was deleted, is
// reported as no document. c stays open.
func Source(c *clientv3.Client, key string) discovery.Source { return &source{c, key} }

type source struct {
	client *clientv3.Client
	key    string
}

// String says where the document is, as errors do.
func (s *source) String() string { return "etcd " + s.key }

// Watch implements [discovery.Source].
func (s *source) Watch(ctx context.Context, report func([]byte)) error {
	for {
		err := s.watch(ctx, report)
		if !errors.Is(err, rpctypes.ErrCompacted) && !errors.Is(err, errOther) {
			return fmt.Errorf("etcd: %w", err)
		}
	}
}

func (s *source) watch(ctx context.Context, report func([]byte)) error {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	found, err := s.client.Get(bounded, s.key)
	cancel()
	if err != nil {
		return silent(ctx, s.client, err)
	}
	var text []byte
	for _, kv := range found.Kvs {
		text = document(kv.Value)
	}
	report(text)
	return changes(ctx, s.client, s.key, found.Header, func(r *clientv3.WatchResponse) {
		e := r.Events[len(r.Events)-1]
		if e.Type == clientv3.EventTypeDelete {
			report(nil)
			return
		}
		report(document(e.Kv.Value))
	})
}

// document returns value, which is a document even if it is empty.
func document(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// checkEvery is how often a watch looks whether it is still of the same cluster: one that was set up anew begins with low
// revisions, for which the watch of a higher one waits without a word.
const checkEvery = 10 * time.Second

var errOther = errors.New("the cluster was set up anew")

// A Registrar registers instances in etcd. Its methods may be called by any number of goroutines.
type Registrar struct {
	client *clientv3.Client
	opts   Options
}

var _ discovery.Registrar = (*Registrar)(nil)

// NewRegistrar returns a Registrar. c must stay open until the registrations have ended.
func NewRegistrar(c *clientv3.Client, opts Options) *Registrar {
	return &Registrar{c, opts.withDefaults()}
}

// Register implements [discovery.Registrar].
func (r *Registrar) Register(ctx context.Context, service string, in discovery.Instance) (discovery.Registration, error) {
	if service == "" || strings.ContainsAny(service, "/ ") {
		return nil, fmt.Errorf("etcd: the name of the service is %q, want one without spaces and slashes", service)
	}
	if err := in.Validate(); err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	value, err := r.opts.Layout.encode(in.Announced(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	keeping, cancel := context.WithCancel(context.Background())
	x := &registration{r: r, key: r.opts.Layout.folder(service) + r.opts.Layout.name(in), value: string(value), cancel: cancel}
	first := make(chan struct{})
	x.running.Go(func() { x.run(keeping, first) })
	select {
	case <-first:
		return x, nil
	case <-ctx.Done():
		x.Deregister(context.WithoutCancel(ctx))
		if err := x.last; err != nil {
			return nil, fmt.Errorf("etcd: %w: %w", ctx.Err(), err)
		}
		return nil, fmt.Errorf("etcd: %w", ctx.Err())
	}
}

// A registration keeps a key.
type registration struct {
	r          *Registrar
	key, value string
	cancel     context.CancelFunc
	running    sync.WaitGroup
	lease      clientv3.LeaseID // of the goroutine that runs, until that has ended
	last       error
}

// run puts the key, and puts it again when its lease was lost, until ctx ends.
func (x *registration) run(ctx context.Context, first chan struct{}) {
	pause, notified := 100*time.Millisecond, false
	for {
		alive, err := x.put(ctx)
		if err == nil {
			if pause = 100 * time.Millisecond; !notified {
				close(first)
				notified = true
			}
			for range alive { // until the lease is lost
			}
			err = errors.New("the lease was lost")
		}
		if ctx.Err() != nil {
			return
		}
		x.last = err
		wait := pause/2 + rand.N(pause/2)
		x.r.opts.OnError(fmt.Errorf("etcd: %s: %w (registering again in %s)", x.key, err, wait.Round(time.Millisecond)))
		pause = min(2*pause, 5*time.Second)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (x *registration) put(ctx context.Context) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	granted, err := x.r.client.Grant(bounded, int64(x.r.opts.TTL/time.Second))
	if err != nil {
		return nil, err
	}
	x.lease = granted.ID
	if _, err := x.r.client.Put(bounded, x.key, x.value, clientv3.WithLease(granted.ID)); err != nil {
		return nil, err
	}
	return x.r.client.KeepAlive(ctx, granted.ID)
}

// Deregister implements [discovery.Registration].
func (x *registration) Deregister(ctx context.Context) error {
	x.cancel()
	x.running.Wait()
	if x.lease == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := x.r.client.Revoke(ctx, x.lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("etcd: %w", err) // the lease ends by itself
	}
	x.lease = 0
	return nil
}
