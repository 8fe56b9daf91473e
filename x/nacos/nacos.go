// Package nacos keeps the instances of services in Nacos: servers register ephemeral instances that they renew, clients ask again and again.
//
//	client, err := thriftkit.Dial(ctx, "nacos://127.0.0.1:8848/PingPong", thriftkit.WithResolver("nacos", nacos.Scheme))
//
//	reg, err := nacos.NewRegistrar([]string{"127.0.0.1:8848"}, nacos.Options{})
//	registration, err := reg.Register(ctx, "PingPong", discovery.Instance{Addr: "10.0.0.1:9090"})
//
// It uses Nacos' HTTP API: that of Nacos 3 (/nacos/v3/client), or that of Nacos 1 and 2 (/nacos/v1) where a server does not have it. Nacos
// tells of changes by gRPC only: here a change is seen after [Options.Refresh]. The tests run against servers that were written from the
// documentation of the API, not against Nacos.
package nacos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/announce"
	"github.com/thriftkit/thriftkit/internal/httpapi"
)

// Options say how instances are kept. The zero value is right for most.
type Options struct {
	Namespace string // the id of the namespace; "" is public
	Group     string // "" is DEFAULT_GROUP
	Cluster   string // in which instances are registered, or looked for; "" is DEFAULT, or all

	// Username and Password, if Nacos asks for them.
	Username, Password string

	// Refresh is how often a resolver asks; 0 means 5 seconds.
	Refresh time.Duration

	// Heartbeat is how often a registered instance is renewed; 0 means 5 seconds. Nacos takes one for unhealthy after 15 seconds without, and
	// removes it after 30, by default.
	Heartbeat time.Duration

	// HTTP sends the requests; nil is [http.DefaultClient].
	HTTP *http.Client

	// OnError learns of what has no caller: entries that are no instances, renewals that failed. Several goroutines may call it. nil
	// drops it.
	OnError func(error)
}

func (opts Options) withDefaults() Options {
	if opts.Group == "" {
		opts.Group = "DEFAULT_GROUP"
	}
	if opts.Refresh <= 0 {
		opts.Refresh = 5 * time.Second
	}
	if opts.Heartbeat <= 0 {
		opts.Heartbeat = 5 * time.Second
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	return opts
}

// Scheme makes resolvers of "nacos://host:8848/Name", for thriftkit.WithResolver; of "nacos+https://host/Name" too, if it is given for that
// scheme. The keys namespace, group and cluster of the target are those of [Options]. The variables NACOS_USERNAME and NACOS_PASSWORD have
// the user.
func Scheme(u *url.URL) (discovery.Resolver, error) {
	name := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" || name == "" {
		return nil, fmt.Errorf("want %s://host:8848/Name", u.Scheme)
	}
	q := u.Query()
	opts := Options{Namespace: q.Get("namespace"), Group: q.Get("group"), Cluster: q.Get("cluster"),
		Username: os.Getenv("NACOS_USERNAME"), Password: os.Getenv("NACOS_PASSWORD")}
	for _, key := range []string{"namespace", "group", "cluster"} {
		q.Del(key)
	}
	u.RawQuery = q.Encode()
	return Resolver(httpapi.Servers(u), name, opts)
}

// An api is Nacos' HTTP API.
type api struct {
	c    *httpapi.Client
	opts Options

	mu      sync.Mutex
	version int // 3 or 1; 0 is not known yet
	token   string
	renew   time.Time // when the token is to be replaced
}

func newAPI(servers []string, opts Options) (*api, error) {
	c, err := httpapi.New("http", servers, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("nacos: %w", err)
	}
	return &api{c: c, opts: opts.withDefaults()}, nil
}

// An answer is what version 3 has around each result.
type answer struct {
	Code    int
	Message string
	Data    json.RawMessage
}

// A codeError is an answer of version 3 whose code is not 0.
type codeError struct {
	path    string
	answer  answer
	refused bool // by the status: the user, or the token
}

func (e *codeError) Error() string {
	return fmt.Sprintf("%s: code %d: %s %.200s", e.path, e.answer.Code, e.answer.Message, e.answer.Data)
}

// codeNotFound is of an instance that Nacos has not, or not any more.
const codeNotFound = 21003

const requestTimeout = 5 * time.Second

// call sends one request by one version, with a token if there is a user; with a new one if the old one is refused, as a server that was set up
// anew does.
func (a *api) call(ctx context.Context, version int, method, path string, q url.Values) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if a.opts.Username == "" {
		return a.send(ctx, version, method, path, q)
	}
	for again := true; ; again = false {
		token, fresh, err := a.login(ctx, version)
		if err != nil {
			return nil, err
		}
		q := maps.Clone(q)
		q.Set("accessToken", token)
		text, err := a.send(ctx, version, method, path, q)
		var e *codeError
		refused := httpapi.IsStatus(err, http.StatusForbidden, http.StatusUnauthorized) || errors.As(err, &e) && e.refused
		if !refused || fresh || !again {
			return text, err
		}
		a.mu.Lock()
		a.token = ""
		a.mu.Unlock()
	}
}

func (a *api) send(ctx context.Context, version int, method, path string, q url.Values) (json.RawMessage, error) {
	r := httpapi.Request{Method: method, Path: path, Query: q}
	if version == 1 {
		resp, err := a.c.Open(ctx, r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return httpapi.ReadAll(resp)
	}
	var found answer
	_, err := a.c.Do(ctx, r, &found)
	var e *httpapi.StatusError
	if errors.As(err, &e) && json.Unmarshal([]byte(e.Message), &found) == nil && found.Code != 0 { // errors have a status as well
		return nil, &codeError{path, found, e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized}
	}
	if err != nil {
		return nil, err
	}
	if found.Code != 0 {
		return nil, &codeError{path, found, false}
	}
	return found.Data, nil
}

// do sends a request by version 3, and by version 1 to a server that has no version 3.
func (a *api) do(ctx context.Context, v3, v1 func(ctx context.Context) (json.RawMessage, error)) (text json.RawMessage, version int, err error) {
	a.mu.Lock()
	version = a.version
	a.mu.Unlock()
	if version != 1 {
		text, err = v3(ctx)
		if version == 0 && httpapi.IsStatus(err, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusGone) {
			version = 1
		} else {
			version = 3
		}
	}
	if version == 1 {
		text, err = v1(ctx)
	}
	if err == nil {
		a.mu.Lock()
		a.version = version
		a.mu.Unlock()
	}
	return text, version, err
}

// login returns the token of the user, new before the old one ends, and whether it is new.
func (a *api) login(ctx context.Context, version int) (token string, fresh bool, err error) {
	a.mu.Lock()
	token, renew := a.token, a.renew
	a.mu.Unlock()
	if token != "" && time.Now().Before(renew) {
		return token, false, nil
	}
	path := "/nacos/v3/auth/user/login"
	if version == 1 {
		path = "/nacos/v1/auth/login"
	}
	resp, err := a.c.Open(ctx, httpapi.Request{Method: http.MethodPost, Path: path, Form: url.Values{"username": {a.opts.Username}, "password": {a.opts.Password}}})
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	text, err := httpapi.ReadAll(resp)
	if err != nil {
		return "", false, err
	}
	var found struct {
		AccessToken string
		TokenTTL    int // seconds
	}
	if err := json.Unmarshal(text, &found); err != nil || found.AccessToken == "" {
		return "", false, fmt.Errorf("%s: the answer has no accessToken", path)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token, a.renew = found.AccessToken, time.Now().Add(time.Duration(found.TokenTTL)*time.Second*9/10)
	return a.token, true, nil
}

// A host is an instance as Nacos has it.
type host struct {
	IP       string
	Port     int
	Weight   *float64
	Healthy  *bool
	Enabled  *bool
	Metadata map[string]string
}

// names are the parameters that say which service.
func (a *api) names(service string) url.Values {
	q := url.Values{"serviceName": {service}, "groupName": {a.opts.Group}}
	if a.opts.Namespace != "" {
		q.Set("namespaceId", a.opts.Namespace)
	}
	return q
}

func (a *api) list(ctx context.Context, service string) ([]host, error) {
	q := a.names(service)
	text, version, err := a.do(ctx, func(ctx context.Context) (json.RawMessage, error) {
		q := maps.Clone(q)
		if a.opts.Cluster != "" {
			q.Set("clusterName", a.opts.Cluster)
		}
		return a.call(ctx, 3, http.MethodGet, "/nacos/v3/client/ns/instance/list", q)
	}, func(ctx context.Context) (json.RawMessage, error) {
		q := maps.Clone(q)
		q.Set("healthyOnly", "true")
		if a.opts.Cluster != "" {
			q.Set("clusters", a.opts.Cluster)
		}
		return a.call(ctx, 1, http.MethodGet, "/nacos/v1/ns/instance/list", q)
	})
	if err != nil {
		return nil, err
	}
	var hosts []host
	if version == 1 {
		var found struct{ Hosts []host }
		err = json.Unmarshal(text, &found)
		hosts = found.Hosts
	} else if len(text) > 0 {
		err = json.Unmarshal(text, &hosts)
	}
	if err != nil {
		return nil, fmt.Errorf("the answer is not a list of instances: %w: %.100q", err, text)
	}
	return hosts, nil
}

// Resolver returns what reports the healthy and enabled instances of a service. The servers are host:port or URLs; the next is asked where one cannot be reached.
// A change is seen after Options.Refresh.
func Resolver(servers []string, service string, opts Options) (discovery.Resolver, error) {
	a, err := newAPI(servers, opts)
	if err != nil {
		return nil, err
	}
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		for revision := uint64(1); ; revision++ {
			hosts, err := a.list(ctx, service)
			if err != nil {
				return fmt.Errorf("nacos: %w", err)
			}
			list := make([]discovery.Instance, 0, len(hosts))
			for _, h := range hosts {
				if h.Healthy != nil && !*h.Healthy || h.Enabled != nil && !*h.Enabled || h.Weight != nil && *h.Weight <= 0 {
					continue
				}
				in, err := h.instance()
				if err == nil {
					err = in.Validate()
				}
				if err != nil {
					a.opts.OnError(fmt.Errorf("nacos: skipped instance %s of %s: %w", net.JoinHostPort(h.IP, strconv.Itoa(h.Port)), service, err))
					continue
				}
				list = append(list, in)
			}
			slices.SortFunc(list, func(x, y discovery.Instance) int { return strings.Compare(x.Addr, y.Addr) }) // Nacos has no order
			report(discovery.Snapshot{Revision: revision, Instances: list})
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(a.opts.Refresh):
			}
		}
	}), nil
}

// instance returns the instance of h. Nacos' weight 1, its default, is 100.
func (h host) instance() (discovery.Instance, error) {
	in := discovery.Instance{Addr: net.JoinHostPort(h.IP, strconv.Itoa(h.Port)), Metadata: h.Metadata}
	if h.Port == 0 {
		return in, errors.New("it has no port")
	}
	if h.Weight != nil {
		in.Weight = int(min(max(1, *h.Weight*discovery.DefaultWeight+0.5), discovery.MaxWeight))
	}
	return in, announce.TakeMetadata(&in)
}

// A Registrar registers instances in Nacos. Its methods may be called by any number of goroutines.
type Registrar struct{ a *api }

var _ discovery.Registrar = (*Registrar)(nil)

// NewRegistrar returns a Registrar. The servers are host:port or URLs.
func NewRegistrar(servers []string, opts Options) (*Registrar, error) {
	a, err := newAPI(servers, opts)
	if err != nil {
		return nil, err
	}
	return &Registrar{a}, nil
}

// Register implements [discovery.Registrar]. Weights are hundredths of Nacos' weights; what Nacos has no place for (priority, zone, tags,
// scheme, start) is kept as metadata whose keys begin with thriftkit-.
func (r *Registrar) Register(ctx context.Context, service string, in discovery.Instance) (discovery.Registration, error) {
	if service == "" || strings.ContainsAny(service, "/@ ") {
		return nil, fmt.Errorf("nacos: the name of the service is %q, want one without spaces, slashes and @", service)
	}
	ip, port, metadata, err := announce.Metadata(in.Announced(time.Now()), announce.Scheme, announce.Priority, announce.Zone, announce.Tags, announce.Started)
	if err != nil {
		return nil, fmt.Errorf("nacos: %w", err)
	}
	a := r.a
	metadataText, err := json.Marshal(metadata)
	if err != nil {
		return nil, fmt.Errorf("nacos: %w", err)
	}
	where := a.names(service)
	where.Set("ip", ip)
	where.Set("port", strconv.Itoa(port))
	where.Set("ephemeral", "true")
	if a.opts.Cluster != "" {
		where.Set("clusterName", a.opts.Cluster)
	}
	weight := strconv.FormatFloat(float64(in.EffectiveWeight())/discovery.DefaultWeight, 'g', -1, 64)
	whole := maps.Clone(where)
	whole.Set("weight", weight)
	whole.Set("enabled", "true")
	whole.Set("healthy", "true")
	whole.Set("metadata", string(metadataText))
	both := func(ctx context.Context, method string, q url.Values) error {
		_, _, err := a.do(ctx, func(ctx context.Context) (json.RawMessage, error) {
			return a.call(ctx, 3, method, "/nacos/v3/client/ns/instance", q)
		}, func(ctx context.Context) (json.RawMessage, error) {
			return a.call(ctx, 1, method, "/nacos/v1/ns/instance", q)
		})
		return err
	}
	l, err := announce.Start(ctx, announce.Options{
		Put:     func(ctx context.Context) error { return both(ctx, http.MethodPost, whole) },
		Renew:   func(ctx context.Context) error { return a.beat(ctx, service, where, weight, metadata) },
		Remove:  func(ctx context.Context) error { return both(ctx, http.MethodDelete, where) },
		Every:   a.opts.Heartbeat,
		OnError: func(err error) { a.opts.OnError(fmt.Errorf("nacos: %s of %s: %w", in.Addr, service, err)) },
	})
	if err != nil {
		return nil, fmt.Errorf("nacos: %w", err)
	}
	return l, nil
}

// beat renews an instance. Version 1 wants a description with it.
func (a *api) beat(ctx context.Context, service string, where url.Values, weight string, metadata map[string]string) error {
	text, version, err := a.do(ctx, func(ctx context.Context) (json.RawMessage, error) {
		q := maps.Clone(where)
		q.Set("heartBeat", "true")
		return a.call(ctx, 3, http.MethodPost, "/nacos/v3/client/ns/instance", q)
	}, func(ctx context.Context) (json.RawMessage, error) {
		cluster := a.opts.Cluster
		if cluster == "" {
			cluster = "DEFAULT"
		}
		beat, err := json.Marshal(map[string]any{
			"serviceName": a.opts.Group + "@@" + service, "ip": where.Get("ip"), "port": json.Number(where.Get("port")), "cluster": cluster,
			"weight": json.Number(weight), "metadata": metadata, "scheduled": true,
		})
		if err != nil {
			return nil, err
		}
		q := maps.Clone(where)
		q.Set("beat", string(beat))
		return a.call(ctx, 1, http.MethodPut, "/nacos/v1/ns/instance/beat", q)
	})
	var e *codeError
	if errors.As(err, &e) && e.answer.Code == codeNotFound {
		return fmt.Errorf("%w: %w", announce.ErrUnknown, err)
	}
	if err != nil || version != 1 {
		return err
	}
	var found struct{ Code int }
	if json.Unmarshal(text, &found) == nil && found.Code == v1NotFound {
		return fmt.Errorf("%w: the heartbeat was answered by code %d", announce.ErrUnknown, found.Code)
	}
	return nil
}

// v1NotFound is the code of a heartbeat of version 1 for an instance that Nacos does not have.
const v1NotFound = 20404
