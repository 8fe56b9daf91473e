#!/usr/bin/env bash
# connect-web, esbuild, buf and its plugin for JavaScript, as pinned in examples/grpc/web/package-lock.json.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=examples/grpc/web/package.json
lock=examples/grpc/web/package-lock.json

need node "install Node 20 or newer"
need npm "install Node 20 or newer, with npm"

place=$cache/grpcweb/$(digest "$package" "$lock" scripts/peers/grpcweb.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_GRPC_WEB "$place"
	exit
fi

# Prints the versions of what is installed, so it also proves that it works.
describe() {
	node -e 'const version = (name) => require(process.argv[1] + "/node_modules/" + name + "/package.json").version
console.log("peers: connect-web %s, esbuild %s, buf %s on Node %s", version("@connectrpc/connect-web"), version("esbuild"), version("@bufbuild/buf"), process.versions.node)' \
		"$place" 2>/dev/null
}

if describe; then
	exit
fi

workdir "$cache/grpcweb"
mkdir "$work/new"
cp "$package" "$lock" "$work/new"
run "$work/log" npm --prefix "$work/new" ci --ignore-scripts --no-audit --no-fund || fail "npm could not install what $lock lists"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/new" "$place"
describe || fail "$place was set up but does not work: remove it and try again"
