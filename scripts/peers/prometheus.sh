#!/usr/bin/env bash
# Prometheus as Debian has it at the version below, which scrapes the metrics of package ops.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prometheus=2.42.0

salt="$prometheus $(uname -m)"
place=$cache/prometheus/$prometheus-$(digest scripts/peers/prometheus.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_PROMETHEUS "$place/usr/bin/prometheus"
	exit
fi

if ! "$place/usr/bin/prometheus" --version >/dev/null 2>&1; then
	workdir "$cache/prometheus"
	unpack "prometheus=$prometheus+*"
	run "$work/log" "$work/debian/usr/bin/prometheus" --version
	publish "$work/debian" "$place"
fi
echo "peers: prometheus $prometheus"
