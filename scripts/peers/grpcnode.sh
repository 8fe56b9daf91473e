#!/usr/bin/env bash
# grpc-js, connect-node and buf, as pinned in x/grpc/testdata/node/package-lock.json.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=x/grpc/testdata/node/package.json
lock=x/grpc/testdata/node/package-lock.json

need node "install Node 20 or newer"
need npm "install Node 20 or newer, with npm"

place=$cache/grpcnode/$(digest "$package" "$lock" scripts/peers/grpcnode.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_GRPC_NODE "$place"
	exit
fi

# Prints the versions of what is installed, so it also proves that it works.
describe() {
	node -e 'const version = (name) => require(process.argv[1] + "/node_modules/" + name + "/package.json").version
console.log("peers: grpc-js %s, connect-node %s, buf %s on Node %s", version("@grpc/grpc-js"), version("@connectrpc/connect-node"), version("@bufbuild/buf"), process.versions.node)' \
		"$place" 2>/dev/null
}

if describe; then
	exit
fi

workdir "$cache/grpcnode"
mkdir "$work/new"
cp "$package" "$lock" "$work/new"
run "$work/log" npm --prefix "$work/new" ci --ignore-scripts --no-audit --no-fund || fail "npm could not install what $lock lists"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/new" "$place"
describe || fail "$place was set up but does not work: remove it and try again"
