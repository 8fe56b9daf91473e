#!/usr/bin/env bash
# Runs every fuzz target of the modules given, one after the other, for $FUZZTIME each (30s).
#
#   scripts/fuzz.sh DIR...
#
# Targets are found by their "func Fuzz" in the test files, so a new one needs no list. All
# targets are run, also after one has failed; the last line names those that failed.
set -euo pipefail
shopt -s inherit_errexit

fuzztime=${FUZZTIME:-30s}
failed=()

# Prints "directory target", one line a target.
targets() {
	find "$1" -name testdata -prune -o -name '*_test.go' -exec grep -HEo '^func Fuzz[A-Za-z0-9_]*' {} + |
		sed -E 's|/[^/]*_test\.go:func | |' | LC_ALL=C sort -u
}

# A directory below another one given is scanned once.
list=$(for dir; do targets "$dir"; done | LC_ALL=C sort -u)
[ -n "$list" ] || { echo "fuzz: no targets"; exit; }

while read -r dir target <&3; do
	echo "fuzz: $dir $target for $fuzztime"
	go -C "$dir" test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" . || failed+=("$dir:$target")
done 3<<<"$list"

if [ ${#failed[@]} -gt 0 ]; then
	echo "fuzz: failed: ${failed[*]}" >&2
	exit 1
fi
echo "fuzz: all targets passed"
