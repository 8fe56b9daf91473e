#!/usr/bin/env bash
# Packages the extension for Visual Studio Code, editors/vscode, as the file that is given.
#
#   scripts/vsix.sh dist/thriftkit.vsix
#
# What npm installs, as pinned in package-lock.json, lies outside of the tree, in $THRIFTKIT_CACHE.
. "$(dirname "${BASH_SOURCE[0]}")/peers/lib.sh"

[ $# -eq 1 ] || fail "usage: scripts/vsix.sh FILE"
need node "install Node.js 20 or later"
need npm "install npm"

mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
salt=$(node --version)
place=$cache/vscode/$(digest scripts/vsix.sh editors/vscode/package.json editors/vscode/package-lock.json)

workdir "$cache/vscode"
if ! [ -d "$place/node_modules" ]; then
	mkdir "$work/new"
	cp editors/vscode/package.json editors/vscode/package-lock.json "$work/new"
	(cd "$work/new" && run "$work/log" npm ci --ignore-scripts --no-audit --no-fund)
	publish "$work/new" "$place"
fi
cp -r editors/vscode "$work/extension"
cp -r "$place/node_modules" "$work/extension"
(cd "$work/extension" && run "$work/log" node node_modules/@vscode/vsce/vsce package --out "$out")
echo "vscode: $(basename "$out"), $(wc -c <"$out") bytes"
