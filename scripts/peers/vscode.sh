#!/usr/bin/env bash
# What the extension for Visual Studio Code needs, as pinned in editors/vscode/package-lock.json: the language server is tested with its
# client, and scripts/vsix.sh packages it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need node "install Node.js 20 or later"
need npm "install npm"

salt=$(node --version)
place=$cache/vscode/$(digest scripts/peers/vscode.sh editors/vscode/package.json editors/vscode/package-lock.json)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_VSCODE "$place"
	exit
fi

# Prints the version of what is installed, so it also proves that it works.
describe() {
	node -e 'require(process.argv[1] + "/node_modules/vscode-languageserver-protocol/node")
console.log("peers: vscode-languageclient %s on Node %s, for the language server", require(process.argv[1] + "/node_modules/vscode-languageclient/package.json").version, process.versions.node)' "$place" 2>/dev/null
}

if ! describe; then
	workdir "$cache/vscode"
	mkdir "$work/new"
	cp editors/vscode/package.json editors/vscode/package-lock.json "$work/new"
	run "$work/log" npm --prefix "$work/new" ci --ignore-scripts --no-audit --no-fund || fail "npm could not install what editors/vscode/package-lock.json lists"
	publish "$work/new" "$place"
	describe || fail "$place was set up but does not work: remove it and try again"
fi
