#!/usr/bin/env bash
# The program of conformance/gopeers/apache with Apache Thrift's Go library, as pinned in conformance/gopeers/go.mod, and the code that
# Apache's compiler generates. $GO chooses the Go to build with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=conformance/gopeers
go=${GO:-go}

need "$go" "install Go, or set GO to one"

version=$(sed -n 's,.*github.com/apache/thrift ,,p' "$source/go.mod")
salt=$("$go" env GOVERSION GOOS GOARCH)
place=$cache/apachego/$(digest scripts/peers/{apachego,compiler}.sh "$source"/{go.*,*.thrift,contract/*,apache/*} conformance/testdata/{conformance,shared/shared}.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_APACHEGO "$place"
	exit
fi

describe() {
	echo "peers: Apache Thrift $version for Go with $("$go" env GOVERSION)"
}

if [ -x "$place/peer" ]; then
	describe
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/apachego"
cp -r "$source" "$work/src"
cp -r conformance/testdata "$work/idl"
mkdir "$work/src/gen" "$work/new"
# The compiler calls the receivers of methods p as well.
sed -i 's/Point p)/Point point)/' "$work/idl/shared/shared.thrift"
for idl in "$work/idl/conformance.thrift" "$source/later.thrift"; do
	run "$work/log" "$compiler" -r -I "$work/idl" --gen go:package_prefix=peer/gen/,skip_remote -out "$work/src/gen" "$idl" ||
		fail "the Thrift compiler failed"
done
run "$work/log" env GOWORK=off "$go" build -C "$work/src" -o "$work/new/peer" ./apache || fail "the peer does not compile"

publish "$work/new" "$place"
[ -x "$place/peer" ] || fail "$place was set up but does not work: remove it and try again"
describe
