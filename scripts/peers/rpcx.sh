#!/usr/bin/env bash
# The program of hardening/peers/rpcx, with rpcx as pinned in its go.mod. $GO chooses the Go to build with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=hardening/peers/rpcx
go=${GO:-go}

need "$go" "install Go, or set GO to one"

version=$(sed -n 's,.*github.com/smallnest/rpcx ,,p' "$source/go.mod")
salt=$("$go" env GOVERSION GOOS GOARCH)
place=$cache/rpcx/$(digest scripts/peers/rpcx.sh "$source"/*)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_RPCX "$place"
	exit
fi

describe() {
	echo "peers: rpcx $version with $("$go" env GOVERSION)"
}

if [ -x "$place/peer" ]; then
	describe
	exit
fi

workdir "$cache/rpcx"
mkdir "$work/new"
run "$work/log" env GOWORK=off "$go" build -C "$source" -o "$work/new/peer" . || fail "the peer does not compile"

publish "$work/new" "$place"
[ -x "$place/peer" ] || fail "$place was set up but does not work: remove it and try again"
describe
