package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/x/consul"
	"github.com/thriftkit/thriftkit/x/etcd"
	"github.com/thriftkit/thriftkit/x/kubernetes"
	"github.com/thriftkit/thriftkit/x/nacos"
	"github.com/thriftkit/thriftkit/x/zookeeper"
)

// schemes are the registries whose names stand before targets.
func schemes() map[string]discovery.Scheme {
	return map[string]discovery.Scheme{
		"registry":        registry.Scheme,
		"consul":          consul.Scheme,
		"consul+https":    consul.Scheme,
		"etcd":            etcd.Scheme,
		"etcd+kitex":      etcd.KitexScheme,
		"etcd+rpcx":       etcd.RpcxScheme,
		"kubernetes":      kubernetes.Scheme,
		"kubernetes+http": kubernetes.Scheme,
		"nacos":           nacos.Scheme,
		"nacos+https":     nacos.Scheme,
		"zookeeper":       zookeeper.Scheme,
		"zookeeper+dubbo": zookeeper.DubboScheme,
		"zookeeper+motan": zookeeper.MotanScheme,
	}
}

// registries are the options by which a client knows the schemes.
func registries() []thriftkit.ClientOption {
	var all []thriftkit.ClientOption
	for name, scheme := range schemes() {
		all = append(all, thriftkit.WithResolver(name, scheme))
	}
	return all
}

// groupOf returns the group of instances that target names; nil if it is a single server, or nothing that can be read.
func groupOf(target string) *discovery.Target {
	if !discovery.IsTarget(target, schemes()) {
		return nil
	}
	g, err := discovery.ParseTarget(target, schemes())
	if err != nil {
		return nil
	}
	return g
}

// checkTarget returns an error for what is neither a server nor a group of instances.
func checkTarget(target string) error {
	if !discovery.IsTarget(target, schemes()) {
		_, err := transport.ParseTarget(target)
		return err
	}
	g, err := discovery.ParseTarget(target, schemes())
	if err != nil {
		return err
	}
	return govern.Check(g, govern.DialOptions{})
}

// instancesOf returns what target names: itself, or a target for each instance of a group.
func instancesOf(ctx context.Context, target string) ([]string, error) {
	g := groupOf(target)
	if g == nil {
		return []string{target}, nil
	}
	list, err := discovery.List(ctx, g.Resolver)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("it has no instances")
	}
	if err != nil {
		return nil, &rpc.Error{Code: rpc.CodeUnavailable, Outcome: rpc.OutcomeNotSent, Message: fmt.Sprintf("no list of instances from %s: %v", target, err), Cause: err}
	}
	var all []string
	for _, in := range list {
		all = append(all, g.InstanceTarget(in))
	}
	return all, nil
}

// explainRouting returns a context whose calls print which instances were considered and which was picked.
func explainRouting(ctx context.Context, w io.Writer, target string) context.Context {
	if groupOf(target) == nil {
		fmt.Fprintf(w, "* routing: %s is one server\n", short(target))
		return ctx
	}
	var mu sync.Mutex
	attempt := 0
	return govern.ExplainPicks(ctx, func(p govern.Pick) {
		mu.Lock()
		defer mu.Unlock()
		attempt++
		fmt.Fprintf(w, "* routing, attempt %d: %s of %s\n", attempt, plural.Of(len(p.Instances), "instance"), short(target))
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range p.Instances {
			mark := " "
			if s.Instance.Addr == p.Addr {
				mark = ">"
			}
			cells := []string{mark + " " + s.Instance.Addr, s.State.String(), fmt.Sprintf("weight %.0f", s.Weight)}
			if more := facts(s); len(more) > 0 {
				cells = append(cells, strings.Join(more, ", "))
			}
			fmt.Fprintln(table, strings.Join(cells, "\t"))
		}
		table.Flush()
		if p.Route != "" {
			fmt.Fprintf(w, "* route %s\n", p.Route)
		}
		fmt.Fprintf(w, "* picked %s: %s\n", p.Addr, p.Reason)
	})
}

// facts says what else is known of an instance, in words.
func facts(s govern.Status) (all []string) {
	in := s.Instance
	if in.Zone != "" {
		all = append(all, "zone "+in.Zone)
	}
	if in.Priority != 0 {
		all = append(all, fmt.Sprintf("priority %d", in.Priority))
	}
	if s.Calls > 0 {
		all = append(all, fmt.Sprintf("%s, %d failed, %v", plural.Of(int(s.Calls), "call"), s.Failures, brief(s.Latency)))
	}
	switch {
	case s.State == govern.StateReady && !s.Considered:
		all = append(all, "not considered: of a later priority or another zone, or not of the route")
	case s.State == govern.StateDown && !s.Considered:
		all = append(all, "not considered: no connection could be made")
	case s.State == govern.StateEjected && !s.Considered:
		all = append(all, "not considered: it failed calls")
	}
	return all
}
