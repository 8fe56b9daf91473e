// Package ops has what operators need of a program that serves or calls: [Metrics] for Prometheus, [AccessLog] for log/slog, [Health] for
// probes and balancers, [Tracer] for W3C Trace Context, and [Admin], whose pages show what a running program does.
//
// Everything here listens to what servers and clients do, by [rpc.Stats]. A program that uses none of it pays nothing for it.
package ops
