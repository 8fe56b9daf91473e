package govern

import (
	_ "embed" // for the schema
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/document"
	"github.com/thriftkit/thriftkit/schema"
)

// ConfigSchema is the JSON Schema of configurations (draft 2020-12), for editors and other programs.
//
//go:embed config.schema.json
var ConfigSchema string

// A Config says how the calls of services and methods are made and where they go. It is not changed once it is made.
type Config struct {
	services map[string]*serviceConfig // by name; "*" is of those that have no value of their own
	resolved sync.Map                  // *sync.Map of *settings by *schema.Method, by *schema.Service
}

type serviceConfig struct {
	own     settings
	methods map[string]*settings
}

// settings are what a document says of calls; what is nil or 0 it does not say.
type settings struct {
	chainSettings
	breaker  *breakerSettings
	balancer Balancer
	routes   []*route // not nil, but empty: none
}

// chainSettings are of what stands around a fleet.
type chainSettings struct {
	timeout, attemptTimeout time.Duration
	idempotent              *bool
	retry                   *retrySettings
	hedge                   *hedgeSettings
}

type retrySettings struct {
	off                 bool
	attempts            int
	backoff, maxBackoff time.Duration
	budget              *budgetKey
}

type hedgeSettings struct {
	off        bool
	percentile float64
	after      time.Duration
	minCalls   int
	budget     *budgetKey
}

// A budgetKey tells budgets apart: those with one key are the same one, also in a later configuration.
type budgetKey struct {
	path      string // in the document
	ratio     float64
	perSecond int
}

type breakerSettings struct{ opts *BreakerOptions } // nil: none

// A ConfigError is a mistake in a configuration.
type ConfigError struct {
	Line, Column int    // from 1
	Path         string // such as services.Shop.routes[0].to; "" for the document
	Message      string
}

// Error implements error.
func (e *ConfigError) Error() string { return (*document.Error)(e).Error() }

// maxConfigBytes is the longest configuration that is read.
const maxConfigBytes = 1 << 20

// ParseConfig returns the configuration in a document of YAML or JSON. It is refused as a whole if it has a mistake: the error joins a
// *[ConfigError] for each. Of YAML that is: block and flow maps and lists, plain and quoted scalars on one line, comments.
func ParseConfig(text []byte) (*Config, error) {
	if len(text) > maxConfigBytes {
		return nil, &ConfigError{1, 1, "", fmt.Sprintf("the document is longer than %d bytes", maxConfigBytes)}
	}
	root, err := document.Parse(text)
	if e := (*document.Error)(nil); errors.As(err, &e) {
		return nil, (*ConfigError)(e)
	}
	r := &configReader{}
	c := r.config(root)
	var errs []error
	for _, e := range r.Errs {
		errs = append(errs, (*ConfigError)(e))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return c, nil
}

// LoadConfig is ParseConfig for a file. Its errors begin with path:line:column.
func LoadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(text)
	return c, configErrorAt(path, err)
}

// configErrorAt puts the name of a document before each of its errors.
func configErrorAt(name string, err error) error {
	if err == nil {
		return nil
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	for i, err := range errs {
		errs[i] = fmt.Errorf("%s:%w", name, err)
	}
	return errors.Join(errs...)
}

// settingsOf returns what c says of a method of a service.
func (c *Config) settingsOf(svc *schema.Service, m *schema.Method) *settings {
	methods, ok := c.resolved.Load(svc)
	if !ok {
		methods, _ = c.resolved.LoadOrStore(svc, new(sync.Map))
	}
	found, ok := methods.(*sync.Map).Load(m)
	if !ok {
		s := &settings{}
		for _, name := range []string{svc.Name, "*"} {
			if sc := c.services[name]; sc != nil {
				if own := sc.methods[m.Name]; own != nil {
					s.take(own)
				}
				s.take(&sc.own)
			}
		}
		found, _ = methods.(*sync.Map).LoadOrStore(m, s)
	}
	return found.(*settings)
}

// take sets what s does not say to what o says.
func (s *settings) take(o *settings) {
	orElse(&s.timeout, o.timeout)
	orElse(&s.attemptTimeout, o.attemptTimeout)
	orElse(&s.idempotent, o.idempotent)
	orElse(&s.retry, o.retry)
	orElse(&s.hedge, o.hedge)
	orElse(&s.breaker, o.breaker)
	if s.balancer == nil {
		s.balancer = o.balancer
	}
	if s.routes == nil {
		s.routes = o.routes
	}
}

func orElse[T comparable](v *T, other T) {
	if zero := *new(T); *v == zero {
		*v = other
	}
}

// A configReader makes a Config of a document.
type configReader struct{ document.Reader }

// The keys of objects, in the order in which mistakes list them.
var (
	configKeys   = []string{"services"}
	settingsKeys = []string{"timeout", "attempt-timeout", "idempotent", "retry", "hedge", "breaker", "balancer", "routes"}
	serviceKeys  = append(slices.Clip(settingsKeys), "methods")
	retryKeys    = []string{"attempts", "backoff", "max-backoff", "budget"}
	hedgeKeys    = []string{"percentile", "after", "min-calls", "budget"}
	breakerKeys  = []string{"ratio", "min-calls", "open-time"}
	routeKeys    = []string{"name", "match", "to", "split", "sticky", "strict"}
	matchKeys    = []string{"metadata"}
	shareKeys    = []string{"percent", "to"}
	selectKeys   = []string{"tags", "without-tags", "metadata", "zone"}
)

func (r *configReader) config(root *document.Node) *Config {
	c := &Config{services: make(map[string]*serviceConfig)}
	r.Object(root, configKeys, func(_ string, v *document.Node) {
		r.Map(v, "names of services, or *", func(name string, v *document.Node) { c.services[name] = r.service(v) })
	})
	return c
}

func (r *configReader) service(n *document.Node) *serviceConfig {
	sc := &serviceConfig{methods: make(map[string]*settings)}
	r.Object(n, serviceKeys, func(key string, v *document.Node) {
		if key != "methods" {
			r.setting(&sc.own, key, v)
			return
		}
		r.Map(v, "names of methods", func(name string, v *document.Node) {
			s := &settings{}
			r.Object(v, settingsKeys, func(key string, v *document.Node) { r.setting(s, key, v) })
			sc.methods[name] = s
		})
	})
	return sc
}

func (r *configReader) setting(s *settings, key string, v *document.Node) {
	switch key {
	case "timeout":
		s.timeout = r.Duration(v)
	case "attempt-timeout":
		s.attemptTimeout = r.Duration(v)
	case "idempotent":
		b := r.Bool(v)
		s.idempotent = &b
	case "retry":
		s.retry = r.retry(v)
	case "hedge":
		s.hedge = r.hedge(v)
	case "breaker":
		s.breaker = r.breaker(v)
	case "balancer":
		if name := r.Text(v); name != "" {
			b, err := ParseBalancer(name)
			if err != nil {
				r.Errorf(v, "%v", err)
			}
			s.balancer = b
		}
	case "routes":
		s.routes = []*route{}
		r.List(v, func(v *document.Node) {
			x := r.route(v)
			if slices.ContainsFunc(s.routes, func(o *route) bool { return o.name == x.name && x.name != "" }) {
				r.Errorf(v, "another route is called %q, too", x.name)
			}
			s.routes = append(s.routes, x)
		})
	}
}

// off reports whether n is false, which turns a thing off.
func off(n *document.Node) bool {
	b, ok := n.Value.(bool)
	return ok && !b
}

func (r *configReader) retry(n *document.Node) *retrySettings {
	if off(n) {
		return &retrySettings{off: true}
	}
	s := &retrySettings{}
	r.Object(n, retryKeys, func(key string, v *document.Node) {
		switch key {
		case "attempts":
			s.attempts = r.Int(v, 1, 100)
		case "backoff":
			s.backoff = r.Duration(v)
		case "max-backoff":
			s.maxBackoff = r.Duration(v)
		case "budget":
			s.budget = &budgetKey{path: v.Path, ratio: 0.2, perSecond: 10}
			r.Object(v, []string{"ratio", "per-second"}, func(key string, v *document.Node) {
				if key == "ratio" {
					s.budget.ratio = r.Number(v, 0, 10)
				} else {
					s.budget.perSecond = r.Int(v, 0, 1_000_000)
				}
			})
		}
	})
	if s.maxBackoff > 0 && s.maxBackoff < s.backoff {
		r.Errorf(n, "max-backoff is %v, less than backoff, %v", s.maxBackoff, s.backoff)
	}
	return s
}

func (r *configReader) hedge(n *document.Node) *hedgeSettings {
	if off(n) {
		return &hedgeSettings{off: true}
	}
	s := &hedgeSettings{}
	r.Object(n, hedgeKeys, func(key string, v *document.Node) {
		switch key {
		case "percentile":
			s.percentile = r.Number(v, 50, 99.99) / 100
		case "after":
			s.after = r.Duration(v)
		case "min-calls":
			s.minCalls = r.Int(v, 1, 1_000_000)
		case "budget":
			s.budget = &budgetKey{path: v.Path, ratio: r.Number(v, 0, 1)}
		}
	})
	return s
}

func (r *configReader) breaker(n *document.Node) *breakerSettings {
	if off(n) {
		return &breakerSettings{}
	}
	var opts BreakerOptions
	r.Object(n, breakerKeys, func(key string, v *document.Node) {
		switch key {
		case "ratio":
			opts.Ratio = r.Number(v, 0.01, 1)
		case "min-calls":
			opts.MinCalls = r.Int(v, 1, 1_000_000)
		case "open-time":
			opts.OpenTime = r.Duration(v)
		}
	})
	opts = opts.withDefaults()
	return &breakerSettings{&opts}
}

func (r *configReader) route(n *document.Node) *route {
	x := &route{}
	var to *selector
	var split []share
	targets := 0
	ok := r.Object(n, routeKeys, func(key string, v *document.Node) {
		switch key {
		case "name":
			x.name = r.Text(v)
		case "match":
			r.Object(v, matchKeys, func(_ string, v *document.Node) {
				r.Map(v, "names of metadata", func(name string, v *document.Node) {
					x.match = append(x.match, condition{name, r.texts(v)})
				})
			})
			if len(x.match) == 0 {
				r.Errorf(v, "there is no condition: a route without match takes every call")
			}
		case "to":
			targets++
			to = r.selector(v)
		case "split":
			targets++
			split = r.split(v)
		case "sticky":
			x.sticky = r.Text(v)
		case "strict":
			x.strict = r.Bool(v)
		}
	})
	switch {
	case !ok:
	case targets != 1:
		r.Errorf(n, "a route has either to, which says what instances, or split")
	case x.name == "":
		r.Errorf(n, "a route needs a name")
	}
	if to != nil {
		split = []share{{100, to}}
	}
	sum := 0.0
	for _, s := range split {
		x.shares = append(x.shares, newTarget(s.to, x.sticky))
		sum += s.percent
		x.bounds = append(x.bounds, sum)
	}
	return x
}

// A share is a part of the calls of a route.
type share struct {
	percent float64
	to      *selector
}

func (r *configReader) split(n *document.Node) (all []share) {
	mistakes, sum := len(r.Errs), 0.0
	r.Filled(n, func(v *document.Node) {
		s := share{percent: -1, to: &selector{}}
		r.Object(v, shareKeys, func(key string, v *document.Node) {
			if key == "to" {
				s.to = r.selector(v)
				return
			}
			if s.percent = r.Number(v, 0, 100); s.percent == 0 && len(r.Errs) == mistakes {
				r.Errorf(v, "percent is 0, want more than 0: leave out what takes no calls")
			}
		})
		if s.percent < 0 && len(r.Errs) == mistakes {
			r.Errorf(v, "percent is missing")
		}
		sum += s.percent
		all = append(all, s)
	})
	if len(r.Errs) == mistakes && math.Abs(sum-100) > 1e-9 {
		r.Errorf(n, "the percentages sum to %.6g, want 100", sum)
	}
	return all
}

// texts reads a string, or a list of them, of which there is at least one.
func (r *configReader) texts(n *document.Node) (all []string) {
	if _, ok := n.Value.([]*document.Node); !ok {
		return []string{r.Text(n)}
	}
	r.Filled(n, func(v *document.Node) { all = append(all, r.Text(v)) })
	return all
}

func (r *configReader) selector(n *document.Node) *selector {
	s := &selector{}
	r.Object(n, selectKeys, func(key string, v *document.Node) {
		switch key {
		case "tags":
			s.tags = r.texts(v)
		case "without-tags":
			s.without = r.texts(v)
		case "metadata":
			r.Map(v, "names of metadata", func(name string, v *document.Node) {
				s.metadata = append(s.metadata, condition{name, r.texts(v)})
			})
		case "zone":
			s.zone = r.Text(v)
		}
	})
	for _, tag := range s.tags {
		if slices.Contains(s.without, tag) {
			r.Errorf(n, "no instance has the tag %q and is without it", tag)
		}
	}
	return s
}

// String returns the selector in words.
func (s *selector) String() string {
	var all []string
	if len(s.tags) > 0 {
		all = append(all, "with the tags "+strings.Join(s.tags, ", "))
	}
	if len(s.without) > 0 {
		all = append(all, "without the tags "+strings.Join(s.without, ", "))
	}
	for _, c := range s.metadata {
		all = append(all, fmt.Sprintf("with %s=%s", c.name, strings.Join(c.values, "|")))
	}
	if s.zone != "" {
		all = append(all, "in the zone "+s.zone)
	}
	if len(all) == 0 {
		return "all instances"
	}
	return "instances " + strings.Join(all, " and ")
}
