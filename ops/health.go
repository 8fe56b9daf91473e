package ops

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// Health says whether a program lives and wants calls:
//
//	health := ops.NewHealth()
//	health.Check("database", db.PingContext)
//	http.Handle("/healthz", health.Live())
//	http.Handle("/readyz", health.Ready())
//	server := thriftkit.NewServer(thriftkit.WithHealth(health))
//	err = thriftkit.Run(ctx, server, listener, grace, thriftkit.WithHealth(health))
//
// Run makes it ready when the server accepts connections, and not ready first when it stops. It is not ready in the beginning. All
// methods may be called by any number of goroutines.
type Health struct {
	mu       sync.Mutex
	state    healthState
	checks   []healthCheck
	services map[string]error
}

type healthState uint8

const (
	healthStarting healthState = iota
	healthReady
	healthStopping
)

type healthCheck struct {
	name  string
	check func(context.Context) error
}

// NewHealth returns a Health that is not ready.
func NewHealth() *Health { return &Health{services: make(map[string]error)} }

// SetReady says whether the program wants calls. thriftkit.Run calls it.
func (h *Health) SetReady(ready bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ready:
		h.state = healthReady
	case h.state == healthReady:
		h.state = healthStopping
	}
}

// Check adds a check of what the program needs to be ready, such as a database. It runs each time that somebody asks whether the
// program is ready, for two seconds at most: one that takes long should remember its result.
func (h *Health) Check(name string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, healthCheck{name, check})
}

// SetService says that a service does not want calls, and why; nil, that it does. A service of which nothing was said does.
func (h *Health) SetService(service string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.services[service] = err
}

// checkTimeout bounds how long the checks may take.
const checkTimeout = 2 * time.Second

// A checked is the result of a check.
type checked struct {
	name string
	err  error
}

// Err returns nil if the program wants calls, else why not: the joined errors of the checks that failed.
func (h *Health) Err(ctx context.Context) error {
	var failed []error
	for _, c := range h.run(ctx) {
		if c.err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.name, c.err))
		}
	}
	return errors.Join(failed...)
}

var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
	errTooSlow  = errors.New("no result in time")
)

// run runs all checks side by side; the first of the results is that of the program itself.
func (h *Health) run(ctx context.Context) []checked {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	state := h.state
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := []checked{{name: "server"}}
	switch state {
	case healthStarting:
		results[0].err = errStarting
	case healthStopping:
		results[0].err = errStopping
	}
	ended := make([]chan error, len(checks))
	for i, c := range checks {
		ended[i] = make(chan error, 1) // a check may take longer than anybody waits
		go func() { ended[i] <- c.guarded(ctx) }()
	}
	for i, c := range checks {
		var err error
		select {
		case err = <-ended[i]:
		case <-ctx.Done():
			select {
			case err = <-ended[i]: // while another check was waited for
			default:
				err = errTooSlow
			}
		}
		results = append(results, checked{c.name, err})
	}
	return results
}

// guarded runs the check; a panic is an error.
func (c healthCheck) guarded(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.check(ctx)
}

// Live returns a handler that answers 200 for as long as the process can: for probes that restart what hangs.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { plainText(w, http.StatusOK, "ok\n") })
}

// Ready returns a handler that answers 200 if the program wants calls, and else 503 with the reasons: for balancers. With the query
// "verbose" it lists all checks.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		var text strings.Builder
		for _, c := range h.run(r.Context()) {
			switch _, verbose := r.URL.Query()["verbose"]; {
			case c.err != nil:
				status = http.StatusServiceUnavailable
				fmt.Fprintf(&text, "[-] %s: %s\n", c.name, printable(c.err.Error()))
			case verbose:
				fmt.Fprintf(&text, "[+] %s\n", c.name)
			}
		}
		if text.Len() == 0 {
			text.WriteString("ok\n")
		}
		plainText(w, status, text.String())
	})
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

//go:embed health.thrift
var healthText string

//go:embed fb303.thrift
var fb303Text string

// Services returns services by which a server answers whether it wants calls: Health.checkHealth of ops/health.thrift, and getStatus of
// fb303, which tools of Facebook's Thrift ask. They are for [rpc.ServerOptions].BuiltIn; thriftkit.WithHealth enters them there.
func (h *Health) Services() []rpc.BuiltIn {
	own := compileService("health.thrift", healthText)
	return []rpc.BuiltIn{
		{Service: own, Handler: func(s *rpc.Server) rpc.DynamicHandler {
			return func(ctx context.Context, _ *schema.Method, args *dynamic.Struct) (any, error) {
				return h.status(ctx, s, args.Get("service").Text()), nil
			}
		}},
		{Service: compileService("fb303.thrift", fb303Text), Handler: func(*rpc.Server) rpc.DynamicHandler {
			return func(ctx context.Context, _ *schema.Method, _ *dynamic.Struct) (any, error) { return h.fb303(ctx), nil }
		}},
	}
}

// status returns the result of checkHealth.
func (h *Health) status(ctx context.Context, s *rpc.Server, service string) map[string]any {
	known := service == "" || slices.ContainsFunc(s.Services(), func(svc *schema.Service) bool { return svc.Name == service })
	if !known {
		return map[string]any{"status": "SERVICE_UNKNOWN", "reasons": []string{}}
	}
	h.mu.Lock()
	err := h.services[service]
	h.mu.Unlock()
	reasons := []string{}
	for _, e := range []error{h.Err(ctx), err} {
		if e != nil {
			reasons = append(reasons, strings.Split(e.Error(), "\n")...)
		}
	}
	if len(reasons) > 0 {
		return map[string]any{"status": "NOT_SERVING", "reasons": reasons}
	}
	return map[string]any{"status": "SERVING", "reasons": reasons}
}

// fb303 returns the result of getStatus.
func (h *Health) fb303(ctx context.Context) string {
	h.mu.Lock()
	state := h.state
	h.mu.Unlock()
	switch {
	case state == healthStarting:
		return "STARTING"
	case state == healthStopping:
		return "STOPPING"
	case h.Err(ctx) != nil:
		return "WARNING"
	}
	return "ALIVE"
}

// compileService returns the only service in an embedded text.
func compileService(name, text string) *schema.Service {
	file, diags := compile.Compile(name, compile.Options{Source: compile.Texts{name: text}})
	if file == nil {
		panic(diags) // the embedded text is wrong
	}
	return file.Services[0]
}
