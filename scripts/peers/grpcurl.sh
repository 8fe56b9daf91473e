#!/usr/bin/env bash
# grpcurl, as pinned in conformance/grpc/grpcurl/go.mod. $GO chooses the Go to build with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=conformance/grpc/grpcurl
go=${GO:-go}

need "$go" "install Go, or set GO to one"

version=$(sed -n 's,.*github.com/fullstorydev/grpcurl \([^ ]*\).*,\1,p' "$source/go.mod")
salt=$("$go" env GOVERSION GOOS GOARCH)
place=$cache/grpcurl/$(digest scripts/peers/grpcurl.sh "$source"/*)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_GRPCURL "$place/grpcurl"
	exit
fi

describe() {
	echo "peers: grpcurl $version with $("$go" env GOVERSION)"
}

if [ -x "$place/grpcurl" ]; then
	describe
	exit
fi

workdir "$cache/grpcurl"
mkdir "$work/new"
run "$work/log" env GOWORK=off CGO_ENABLED=0 "$go" build -C "$source" -o "$work/new/grpcurl" github.com/fullstorydev/grpcurl/cmd/grpcurl ||
	fail "grpcurl does not compile"

publish "$work/new" "$place"
[ -x "$place/grpcurl" ] || fail "$place was set up but does not work: remove it and try again"
describe
