#!/usr/bin/env bash
# The .thrift files of the Go modules in conformance/testdata/corpus.tsv, at the versions that stand there. $GO chooses the Go to fetch
# them with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

list=conformance/testdata/corpus.tsv
go=${GO:-go}

salt=$(cut -f 1,2 "$list")
place=$cache/corpus/$(digest scripts/peers/corpus.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_CORPUS "$place"
	exit
fi

need "$go" "install Go, or set GO to one"

describe() {
	echo "peers: $(find "$place" -name '*.thrift' | wc -l) .thrift files of $(($(wc -l <"$list") - 1)) Go modules"
}

if [ -d "$place" ]; then
	describe
	exit
fi

workdir "$cache/corpus"
mkdir "$work/new" "$work/empty"
while IFS=$'\t' read -r module version _; do
	# Outside of any module, so that nothing here chooses another version.
	dir=$(cd "$work/empty" && GOWORK=off GOFLAGS= "$go" mod download -json "$module@$version" 2>"$work/log" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')
	[ -d "$dir" ] || { sed 's/^/    /' "$work/log" >&2; fail "go mod download could not fetch $module@$version"; }
	mkdir -p "$work/new/$module"
	(cd "$dir" && find . -name '*.thrift' -type f -print0 | tar --null -cf - -T -) | tar -C "$work/new/$module" -xf -
done < <(tail -n +2 "$list")
chmod -R u+w "$work/new"

publish "$work/new" "$place"
[ -d "$place" ] || fail "$place was set up but does not work: remove it and try again"
describe
