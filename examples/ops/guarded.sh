#!/usr/bin/env bash
# Operates two PingPong servers that let in only whom policy.yaml names, by certificates: makes the certificates with openssl, calls as
# somebody who may and as somebody who may not, has $PROMETHEUS scrape both if that is set (docs/grafana-dashboard.json shows the numbers),
# asks one for twice what it can do, shows it as thriftkit top does, and stops both without losing a call.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'kill ${servers[@]:-} ${scraper:-} 2>/dev/null || true; wait; rm -rf "$work"' EXIT
servers=() targets=() admins=()

# certificate NAME SUBJECT [SAN]: signed by the authority.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 1 -out "$work/$1.pem" \
		-extfile <(echo "${3:+subjectAltName=$3}") 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=authority -days 1 -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
certificate server server IP:127.0.0.1
certificate web web URI:spiffe://example/web
certificate job job
certificate guest guest

for n in 1 2; do
	thriftkit serve --listen 127.0.0.1:0 --cert "$work/server.pem" --key "$work/server.key" --client-ca "$work/ca.pem" --policy policy.yaml \
		--rules slow.yaml --in-flight 4 --queue-time 5ms --admin 127.0.0.1:0 -q foo.thrift >"$work/$n" 2>"$work/$n.log" & servers+=($!)
	until grep -qs listening "$work/$n"; do sleep 0.1; done
	targets+=("$(sed 's/listening on //' "$work/$n")")
	admins+=("$(sed -n 's|.*admin pages on http://||p' "$work/$n.log")")
done

# as NAME COMMAND…: runs a command of thriftkit with the certificate of NAME.
as() { thriftkit "$2" --idl foo.thrift --cacert "$work/ca.pem" --cert "$work/$1.pem" --key "$work/$1.key" "${@:3}"; }
echo "web: $(as web call "${targets[0]}" login root secret)"
as job call "${targets[1]}" ping >/dev/null && echo "job: may ping"
! as job call "${targets[1]}" login root secret 2>"$work/denied" && echo "job: $(grep -om1 'permission denied' "$work/denied")"
! as guest call "${targets[0]}" ping 2>"$work/denied" && echo "guest: $(grep -om1 'permission denied' "$work/denied")"

if [ -n "${PROMETHEUS:-}" ]; then
	printf 'global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n- job_name: pingpong\n  static_configs: [{targets: ["%s", "%s"]}]\n' "${admins[@]}" >"$work/prometheus.yml"
	"$PROMETHEUS" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" --web.listen-address=127.0.0.1:0 2>"$work/prometheus.log" & scraper=$!
fi

as web bench --rate 400 --duration "${DURATION:-5s}" "${targets[0]}" login 'user-{{.Number}}' secret >/dev/null || true # what is too much is refused
top=$(thriftkit top --json "${admins[0]}")
jq -r '.server[] | select(.method == "login") | if .codes.overloaded > 0 and .calls > .errors then "overload: some calls were answered, the others refused" else "overload: \(.)" end' <<<"$top"
thriftkit top "${admins[0]}"

if [ -n "${PROMETHEUS:-}" ]; then
	until prometheus=$(sed -n 's/.*"Listening on" address=//p' "$work/prometheus.log") && [ -n "$prometheus" ]; do sleep 0.1; done
	until [ "$(curl -fsS "$prometheus/api/v1/query" --data-urlencode 'query=count(thriftkit_server_calls_total{code="overloaded"} > 0) + sum(up)' |
		jq -r '.data.result[0].value[1]')" = 3 ]; do sleep 0.2; done
	echo "Prometheus: scrapes both, and knows of the overload"
fi

for pid in "${servers[@]}"; do
	kill -TERM "$pid"
	wait "$pid"
done
servers=()
echo "both have stopped"
