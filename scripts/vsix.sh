#!/usr/bin/env bash
# Packages the extension for Visual Studio Code, editors/vscode, as the file that is given.
#
#   scripts/vsix.sh dist/thriftkit.vsix
#
# What npm installs, as pinned in package-lock.json, lies outside of the tree: scripts/peers/vscode.sh installs it.
. "$(dirname "${BASH_SOURCE[0]}")/peers/lib.sh"

[ $# -eq 1 ] || fail "usage: scripts/vsix.sh FILE"
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")

scripts/peers/vscode.sh
eval "$(scripts/peers/vscode.sh --env)"
workdir "$cache/vscode"
cp -r editors/vscode "$work/extension"
cp -r "$THRIFTKIT_VSCODE/node_modules" "$work/extension"
(cd "$work/extension" && run "$work/log" node node_modules/@vscode/vsce/vsce package --out "$out")
echo "vscode: $(basename "$out"), $(wc -c <"$out") bytes"
