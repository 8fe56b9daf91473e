// Package ops has what operators need of a program that serves or calls: [Metrics] for Prometheus, [AccessLog] for log/slog, and [Health] for
// probes and balancers.
//
// Everything here listens to what servers and clients do, by [rpc.Stats]. A program that uses none of it pays nothing for it.
package ops
