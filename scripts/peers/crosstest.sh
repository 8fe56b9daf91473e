#!/usr/bin/env bash
# The cross test of Apache Thrift: the part of its source tree that has the clients and servers of ThriftTest in Python and Node, from the
# Go module of the version below, with the code that Apache's compiler of the same version generates, and what the Node programs
# take, as pinned in conformance/crosstest/package-lock.json. The Python programs run in the environment of apachepy.sh.
# $GO chooses the Go to fetch with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=v0.17.0
sum=h1:cMd2aj52n+8VoAtvSvLn4kDC3aZ6IAkBuqWQ2IDu7wo=
package=conformance/crosstest/package.json
lock=conformance/crosstest/package-lock.json
go=${GO:-go}

need "$go" "install Go, or set GO to one"
need node "install Node 18 or newer"
need npm "install Node 18 or newer, with npm"

place=$cache/crosstest/$(digest "$package" "$lock" scripts/peers/compiler.sh scripts/peers/crosstest.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_CROSSTEST "$place"
	exit
fi

describe() {
	[ -f "$place/test/py/gen-py-default/ThriftTest/ThriftTest.py" ] && (cd "$place/lib/nodejs/test" && node -e 'require("thrift"); require("tape"); require("./gen-nodejs-es6/ThriftTest")' 2>/dev/null) &&
		echo "peers: the cross test of Apache Thrift ${version#v}"
}

if describe; then
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/crosstest"
mkdir -p "$work/empty" "$work/new"/{lib/nodejs,test}
# Outside of any module, so that nothing here chooses another version.
(cd "$work/empty" && GOWORK=off GOFLAGS= "$go" mod download -json "github.com/apache/thrift@$version") >"$work/json" 2>"$work/log" ||
	{ sed 's/^/    /' "$work/log" >&2; fail "go mod download could not fetch github.com/apache/thrift@$version"; }
grep -qF "\"Sum\": \"$sum\"" "$work/json" || fail "github.com/apache/thrift@$version is not what it was: $(grep -F '"Sum"' "$work/json")"
source=$(sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p' "$work/json")
cp -R "$source/lib/nodejs/lib" "$source/lib/nodejs/test" "$work/new/lib/nodejs"
cp -R "$source/test/py" "$source/test/keys" "$source/test/ThriftTest.thrift" "$work/new/test"
chmod -R u+w "$work/new"
cp "$package" "$lock" "$work/new"
run "$work/log" npm --prefix "$work/new" ci --ignore-scripts --no-audit --no-fund || fail "npm could not install what $lock lists"
# The generated code and the programs ask for thrift by that name, and must get the same library.
mkdir "$work/new/node_modules/thrift"
echo 'module.exports = require("../../lib/nodejs/lib/thrift");' >"$work/new/node_modules/thrift/index.js"
mkdir "$work/new/test/py/gen-py-default" "$work/new/lib/nodejs/test/"gen-nodejs{,-es6}
idl=$work/new/test/ThriftTest.thrift
run "$work/log" "$compiler" --gen py -out "$work/new/test/py/gen-py-default" "$idl" &&
	run "$work/log" "$compiler" --gen js:node -out "$work/new/lib/nodejs/test/gen-nodejs" "$idl" &&
	run "$work/log" "$compiler" --gen js:node,es6 -out "$work/new/lib/nodejs/test/gen-nodejs-es6" "$idl" ||
	fail "$compiler could not generate code"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/new" "$place"
describe || fail "$place was set up but does not work: remove it and try again"
