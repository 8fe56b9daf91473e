// Package govern makes one client of many instances: it finds them, picks one for each attempt, takes out those that fail, and
// calls again only where that is safe.
//
//   - [Fleet] is a Handler over the instances that a discovery.Resolver reports; a [Balancer] picks: [P2C] (the default), [RoundRobin],
//     [WeightedRandom], [LeastInFlight], [ConsistentHash], or one's own.
//   - [Retry] is an interceptor that decides by the outcome of an attempt whether there may be another one. [Hedge], [Fork], [Breaker],
//     [Fallback], [Swallow] and [Later] are others; a [Mode] is a set of them with a name.
//   - [Dial] joins them to a client of a target.
//
// All are plain Handlers and Interceptors of package rpc:
//
//	call -> Retry -> Fleet -> the client of an instance -> wire
//
//	fleet := govern.NewFleet(target.Resolver, func(in discovery.Instance) (*rpc.Client, error) {
//		return rpc.Dial(ctx, target.InstanceTarget(in), rpc.ClientOptions{Lazy: true})
//	}, govern.FleetOptions{})
//	client := rpc.NewClient(fleet.Handle, rpc.ClientOptions{
//		Interceptors: []rpc.Interceptor{govern.Retry(govern.RetryOptions{})}, OnClose: fleet.Close,
//	})
//
// where target is what discovery.ParseTarget read.
package govern
