#!/usr/bin/env bash
# Apache Thrift's Node library, as pinned in conformance/node/package-lock.json, and the code that Apache's compiler
# generates for conformance.thrift: as classes with promises, in gen, and as a description of the types, in json.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=conformance/node/package.json
lock=conformance/node/package-lock.json
idl=conformance/testdata

need node "install Node 18 or newer"
need npm "install Node 18 or newer, with npm"

place=$cache/node/$(digest "$package" "$lock" scripts/peers/compiler.sh "$idl"/conformance.thrift "$idl"/shared/*.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_NODE "$place"
	exit
fi

# Prints the versions of what is installed, so it also proves that it works.
describe() {
	node -e 'require(process.argv[1] + "/gen/Conformance"); require(process.argv[1] + "/json/conformance.json")
console.log("peers: Apache Thrift %s on Node %s", require(process.argv[1] + "/node_modules/thrift/package.json").version, process.versions.node)' \
		"$place" 2>/dev/null
}

if describe; then
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/node"
mkdir -p "$work/new"/{gen,json}
cp "$package" "$lock" "$work/new"
run "$work/log" npm --prefix "$work/new" ci --ignore-scripts --no-audit --no-fund || fail "npm could not install what $lock lists"
run "$work/log" "$compiler" -r --gen js:node,es6 -out "$work/new/gen" "$idl/conformance.thrift" &&
	run "$work/log" "$compiler" -r --gen json -out "$work/new/json" "$idl/conformance.thrift" ||
	fail "$compiler could not generate JavaScript"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/new" "$place"
describe || fail "$place was set up but does not work: remove it and try again"
