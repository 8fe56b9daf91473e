package govern

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/rpc"
)

// DialOptions say how a client of [Dial] behaves. The zero value is right for most.
type DialOptions struct {
	// Client is for the calls and for the connections to each instance. Its interceptors are around retries. Its Stats learns of
	// the attempts at instances.
	Client rpc.ClientOptions

	Fleet FleetOptions // Fleet.Follow's fields that the target sets as well are those of the target
	Retry RetryOptions

	// Mode is what is done about calls that fail; "" is Failover, with Retry.
	Mode Mode

	// Hedge, if not nil, makes second attempts of slow calls: see [Hedge]. It does not go with Forking and Broadcast.
	Hedge *HedgeOptions

	// Config says more, by service and method, and may change while calls are made. What it says comes before the other fields. It goes with the
	// modes Failover and Failtry. nil says nothing.
	Config *LiveConfig

	configFile string // of the target
}

// Dial returns a client of the instances that target names: a [Fleet] with [Retry] around it. It waits for the first list of
// instances, unless opts.Client.Lazy is set, and makes no connection: the first call of an instance does. The error is an *rpc.Error
// with CodeUnavailable if there is no list, or says what is wrong with target or opts. Close of the client closes the Fleet.
//
// Keys of the target come before opts:
//
//	balance=     see [ParseBalancer]
//	zone=        FleetOptions.Zone
//	subset=      FleetOptions.Subset
//	attempts=    RetryOptions.Attempts
//	mode=        see [Mode]
//	hedge=       a percentile, such as 95: HedgeOptions.Percentile
//	config=      a file with a configuration, which is read again when it changes: Config
//
// and those of [discovery.ParseTarget]. The others are for each instance.
func Dial(ctx context.Context, target *discovery.Target, opts DialOptions) (*rpc.Client, error) {
	dial, err := opts.dial(target)
	if err != nil {
		return nil, err
	}
	stop := func() error { return nil }
	if opts.configFile != "" {
		live, err := OpenConfig(ctx, discovery.FileSource(opts.configFile, 0), opts.Fleet.Follow.OnError)
		if err != nil {
			return nil, fmt.Errorf("target %q: key \"config\": %w", target, err)
		}
		opts.Config, stop = live, live.Close
	}
	opts.Fleet.Config = opts.Config
	f := NewFleet(target.Resolver, dial, opts.Fleet)
	end := func() error {
		stop()
		return f.Close()
	}
	if !opts.Client.Lazy {
		hasCache := opts.Fleet.Follow.CacheFile != "" // which may have a list if the resolver fails
		if err := f.first(ctx, !hasCache); err != nil {
			end()
			return nil, &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: fmt.Sprintf("no list of instances from %s: %v", target, err), Cause: err}
		}
	}
	whole := opts.Client
	whole.AttemptTimeout, whole.AttemptInterceptors, whole.Stats = 0, nil, nil // the clients of the instances have them
	whole.Target, whole.OnClose = target.String(), end
	around, handle, err := opts.Mode.interceptors(f, opts)
	if err != nil {
		end()
		return nil, err
	}
	whole.Interceptors = append(slices.Clip(whole.Interceptors), around...)
	if opts.Hedge != nil && opts.Config == nil {
		whole.Interceptors = append(whole.Interceptors, Hedge(*opts.Hedge))
	}
	return rpc.NewClient(handle, whole), nil
}

// Check returns the error that [Dial] has for a target and opts that cannot be used, whatever instances there are.
func Check(target *discovery.Target, opts DialOptions) error {
	_, err := opts.dial(target)
	return err
}

// dial returns what makes the client of an instance of target, whose keys it moves to opts.
func (opts *DialOptions) dial(target *discovery.Target) (func(discovery.Instance) (*rpc.Client, error), error) {
	t := *target
	if err := opts.takeKeys(&t); err != nil {
		return nil, fmt.Errorf("target %q: %w", target, err)
	}
	each := opts.Client
	each.Lazy, each.Interceptors, each.Timeout = true, nil, 0
	dial := func(in discovery.Instance) (*rpc.Client, error) {
		return rpc.Dial(context.Background(), t.InstanceTarget(in), each)
	}
	if opts.Mode != "" {
		if _, err := ParseMode(string(opts.Mode)); err != nil {
			return nil, err
		}
	}
	if opts.Hedge != nil && (opts.Mode == Forking || opts.Mode == Broadcast) {
		return nil, fmt.Errorf("target %q: hedging does not go with the mode %s", target, opts.Mode)
	}
	switch opts.Mode {
	case "", Failover, Failtry:
	default:
		if opts.Config != nil || opts.configFile != "" {
			return nil, fmt.Errorf("target %q: a configuration does not go with the mode %s", target, opts.Mode)
		}
	}
	c, err := dial(discovery.Instance{Addr: "localhost:1"}) // which is never used
	if err == nil {
		return dial, c.Close()
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "target ") {
		err = inner // without the address
	}
	return nil, fmt.Errorf("target %q: %w", target, err)
}

// first waits for the first list of instances, if hasty only until the resolver fails.
func (f *Fleet) first(ctx context.Context, hasty bool) error {
	ctx, cancel := context.WithTimeout(ctx, f.opts.ListTimeout)
	defer cancel()
	var failed <-chan struct{}
	if hasty {
		failed = f.failed
	}
	select {
	case <-f.ready:
		return nil
	case <-ctx.Done():
	case <-failed:
	}
	select {
	case <-f.ready:
		return nil
	default:
	}
	if err := f.failure.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// takeKeys moves the keys that are not of instances from the target to opts.
func (opts *DialOptions) takeKeys(t *discovery.Target) error {
	keys := make(url.Values)
	maps.Copy(keys, t.Keys)
	t.Keys = keys
	if t.Follow.Hold != 0 {
		opts.Fleet.Follow.Hold = t.Follow.Hold
	}
	if t.Follow.CacheFile != "" {
		opts.Fleet.Follow.CacheFile = t.Follow.CacheFile
	}
	for key, set := range map[string]func(string) error{
		"balance":  func(v string) (err error) { opts.Fleet.Balancer, err = ParseBalancer(v); return err },
		"zone":     func(v string) error { opts.Fleet.Zone = v; return nil },
		"subset":   func(v string) error { return positive(v, &opts.Fleet.Subset) },
		"attempts": func(v string) error { return positive(v, &opts.Retry.Attempts) },
		"mode":     func(v string) (err error) { opts.Mode, err = ParseMode(v); return err },
		"config": func(v string) error {
			opts.configFile = v
			_, err := LoadConfig(v)
			return err
		},
		"hedge": func(v string) error {
			p, err := strconv.ParseFloat(v, 64)
			if err != nil || p < 50 || p >= 100 {
				return fmt.Errorf("got %q, want a percentile from 50 to below 100, such as 95", v)
			}
			opts.Hedge = &HedgeOptions{Percentile: p / 100}
			return nil
		},
	} {
		v, ok := keys[key]
		if !ok {
			continue
		}
		delete(keys, key)
		if len(v) > 1 {
			return fmt.Errorf("key %q is given twice", key)
		}
		if err := set(v[0]); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	return nil
}

func positive(text string, n *int) (err error) {
	if *n, err = strconv.Atoi(text); err != nil || *n < 1 {
		return fmt.Errorf("got %q, want a number above 0", text)
	}
	return nil
}
