#!/usr/bin/env bash
# etcd as Debian has it at the version below, which x/etcd is tested with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

etcd=3.4.23

salt="$etcd $(uname -m)"
place=$cache/etcd/$etcd-$(digest scripts/peers/etcd.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_ETCD "$place/usr/bin/etcd"
	exit
fi

if ! "$place/usr/bin/etcd" --version >/dev/null 2>&1; then
	workdir "$cache/etcd"
	unpack "etcd-server=$etcd-*"
	run "$work/log" "$work/debian/usr/bin/etcd" --version
	publish "$work/debian" "$place"
fi
echo "peers: etcd $etcd"
