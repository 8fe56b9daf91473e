#!/usr/bin/env bash
# The program of conformance/gopeers/kitex with Kitex and the code that its generator makes, both as pinned in
# conformance/gopeers/go.mod. $GO chooses the Go to build with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=conformance/gopeers
go=${GO:-go}

need "$go" "install Go, or set GO to one"

version=$(sed -n 's,.*github.com/cloudwego/kitex ,,p' "$source/go.mod")
salt=$("$go" env GOVERSION GOOS GOARCH)
place=$cache/kitex/$(digest scripts/peers/kitex.sh "$source"/{go.*,*.thrift,contract/*,kitex/*} conformance/testdata/{conformance,kitex,shared/shared}.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_KITEX "$place"
	exit
fi

describe() {
	echo "peers: Kitex $version with $("$go" env GOVERSION)"
}

if [ -x "$place/peer" ]; then
	describe
	exit
fi

workdir "$cache/kitex"
cp -r "$source" "$work/src"
cp -r conformance/testdata "$work/src/idl"
cp "$source"/*.thrift "$work/src/idl"
mkdir "$work/new"
# The generator (thriftgo 0.4.5) ends with a fault at defaults of fields that are names of an enum's values.
sed -i 's/= Color.GREEN/= 5/; s/= shared.Level.MIDDLE/= 5/; s/= shared.Level.HIGH/= 10/' "$work/src/idl/conformance.thrift"
for idl in conformance kitex later; do
	run "$work/log" env GOWORK=off "$go" tool -C "$work/src" kitex -module peer -gen-path gen -thrift naming_style=apache "idl/$idl.thrift" ||
		fail "Kitex's generator failed"
done
run "$work/log" env GOWORK=off "$go" build -C "$work/src" -o "$work/new/peer" ./kitex || fail "the peer does not compile"
cp -r "$work/src/idl" "$work/new" # for calls without generated code

publish "$work/new" "$place"
[ -x "$place/peer" ] || fail "$place was set up but does not work: remove it and try again"
describe
