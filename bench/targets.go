package main

import (
	"github.com/thriftkit/thriftkit/bench/internal/call"
	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// The project's own sides that targets are about. Those that do not exist yet are absent from
// the report's rows, and it says so.
const (
	bound         = "thriftkit-bound"
	dynamic       = "thriftkit-dynamic"
	dynamicClient = "thriftkit-dynamic-client"
	generated     = "thriftkit-generated"
	exclusive     = "thriftkit-exclusive" // a connection a caller
	direct        = "thriftkit"           // no Go values: transcoding, loading
)

// targets returns all of them.
func targets() []report.Target {
	var all []report.Target
	add := func(row, side, metric string, factor float64, of ...string) {
		all = append(all, report.Target{Row: row, Side: side, Metric: metric, Factor: factor, Of: of})
	}
	for _, size := range []string{"60B", "89B", "4.5KB", "120KB"} {
		encode, decode := "encode/binary/"+size, "decode/binary/"+size
		add(encode, bound, report.NsPerOp, 1, "kitex-fastcodec")
		add(encode, bound, report.AllocsPerOp, 0)
		add(encode, generated, report.NsPerOp, 0.7, "kitex-fastcodec")
		add(encode, dynamic, report.NsPerOp, 1.3, bound)
		add(encode, dynamic, report.NsPerOp, 0.2, "kitex-map")
		add(decode, bound, report.NsPerOp, 0.85, "kitex-fastcodec", "frugal")
		add(decode, bound, report.AllocsPerOp, 1, "frugal")
		if size == "4.5KB" || size == "120KB" {
			add(decode, bound, report.NsPerOp, 1.3, report.GraphFloor)
		}
		add(decode, dynamic, report.NsPerOp, 1.3, bound)
		add(decode, dynamic, report.NsPerOp, 0.2, "kitex-map")
		add("encode/compact/"+size, bound, report.NsPerOp, 0.4, "apache-compact")
		add("decode/compact/"+size, bound, report.NsPerOp, 0.4, "apache-compact")
		add("encode/proto/"+size, bound, report.NsPerOp, 1, "protobuf-go")
		add("encode/proto/"+size, bound, report.NsPerOp, 0.2, "dynamicpb")
		add("decode/proto/"+size, bound, report.NsPerOp, 1, "protobuf-go")
		add("decode/proto/"+size, bound, report.NsPerOp, 0.2, "dynamicpb")
		add("encode/hessian2/"+size, bound, report.NsPerOp, 0.5, "dubbo-go-hessian2")
		add("decode/hessian2/"+size, bound, report.NsPerOp, 0.5, "dubbo-go-hessian2")
		add("JSON-to-Thrift/"+size, direct, report.NsPerOp, 0.85, "dynamicgo")
		add("Thrift-to-JSON/"+size, direct, report.NsPerOp, 0.65, "dynamicgo")
	}
	add("encode/binary/longs", bound, report.NsPerOp, 2, report.Memcpy)
	add("decode/binary/longs", bound, report.NsPerOp, 2, report.Memcpy)
	add("IDL/108KB", direct, report.NsPerOp, 0.7, "thriftrw")

	for _, callers := range []string{"1", "16", "100"} {
		add("gateway/60B/"+callers, "thriftkit-gateway", report.CallsPerSec, 2, "grpc-gateway")
		add("gateway-proxy/60B/"+callers, "thriftkit-gateway-proxy", report.CallsPerSec, 2, "grpc-gateway-proxy")
	}

	for _, size := range []string{"0B", "1KB"} {
		one, sixteen, hundred := "echo/"+size+"/1", "echo/"+size+"/16", "echo/"+size+"/100"
		add(one, bound, report.CallsPerSec, 0.85, report.RawGo)
		add(one, bound, report.P50, 1.3, report.RawGo)
		add(one, bound, report.CallsPerSec, 1, report.BestPeer)
		add(sixteen, bound, report.CallsPerSec, 0.7, report.RawMux)
		add(sixteen, bound, report.CallsPerSec, 1.5, report.BestPeer)
		add(sixteen, bound, report.SecPerMillion, 12)
		add(hundred, bound, report.CallsPerSec, 0.5, report.RawMux)
		add(hundred, bound, report.CallsPerSec, 4, report.BestPeer)
		add(hundred, bound, report.SecPerMillion, 5)
		add("echo-deadline/"+size+"/16", exclusive, report.SecPerMillion, 0.85, report.BestPeer)
		add("echo-deadline/"+size+"/16", exclusive, report.SecPerMillion, 1.2, report.RawGo)
		for _, callers := range []string{"1", "16", "100"} {
			add("echo-deadline/"+size+"/"+callers, bound, report.CallsPerSec, 0.97, "thriftkit-bound-without") // 3 % slower
		}
	}
	for _, callers := range []string{"1", "16"} {
		add("echo/100KB/"+callers, bound, report.CallsPerSec, 0.6, report.RawGo)
		add("echo/100KB/"+callers, bound, report.CallsPerSec, 2, report.BestPeer)
		add("structs/60B/"+callers, dynamicClient, report.CallsPerSec, 0.95, bound)  // 5 % slower
		add("structs/4.5KB/"+callers, dynamicClient, report.CallsPerSec, 0.8, bound) // 25 % slower
	}
	for _, method := range []string{call.RPCXThrift, call.RPCXMsgpack} {
		for _, callers := range []string{"16", "100"} {
			add(method+"/1KB/"+callers, "thriftkit-rpcx", report.CallsPerSec, 1.5, "rpcx")
		}
	}
	add("echo-around/0B/16", "thriftkit-ops", report.CallsPerSec, 0.95, bound) // 5 % slower
	add("echo/0B/16", generated, report.AllocsPerCall, 2)
	add("echo/0B/16", bound, report.AllocsPerCall, 8)
	add("echo/0B/16", dynamic, report.AllocsPerCall, 12)

	add(call.Start, bound, report.StartMs, 8)
	add(call.Start, bound, report.StartRSS, 8)
	add(call.Start, bound, report.Stripped, 9)
	add(call.Idle+"2000", bound, report.IdleKB, 5)

	const offload = 2000 // µs: how long a call may wait for a slow one before it, twice offloadAfter of internal/serverconn
	all = append(all, report.Target{Row: "slow/beside", Side: bound, Metric: report.P99, Factor: 2, Plus: offload, Of: []string{bound}, OfRow: "slow/alone", OfSide: "alone"})
	return all
}
