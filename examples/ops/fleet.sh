#!/usr/bin/env bash
# Manages a fleet of PingPong servers with thriftkit and jq: starts two mocks, asks each whether it is well, puts load
# on it, and fails if one of them is slow or wrong. Real servers are named by arguments: fleet.sh host:port…
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'kill ${mocks:-} 2>/dev/null || true; wait; rm -rf "$work"' EXIT

fleet=("$@")
for n in 1 2; do
	[ $# -gt 0 ] && break
	thriftkit serve --listen 127.0.0.1:0 --rules rules.yaml --log "$work/$n.jsonl" foo.thrift >"$work/$n" 2>/dev/null & mocks="${mocks:-} $!"
	until grep -qs listening "$work/$n"; do sleep 0.1; done
	fleet+=("$(sed 's/listening on //' "$work/$n")")
done
for server in "${fleet[@]}"; do
	thriftkit call --idl foo.thrift "$server" login root secret | jq -e '. == "登录成功!"' >/dev/null
	thriftkit bench --idl foo.thrift --rate "${RATE:-200}" --duration "${DURATION:-5s}" --json "$work/report" \
		--fail 'errors<1%' --fail "p99<${P99:-50ms}" "$server" login 'user-{{.Number}}' secret >/dev/null
	jq -r --arg server "$server" '"\($server) is well: \(.all.calls) calls, p99 \(.all.latency.p99 | round) µs"' "$work/report"
done
[ $# -gt 0 ] || jq -s '"the mocks answered \(length) calls, by \(map(.by) | unique | join(", "))"' -r "$work"/*.jsonl
