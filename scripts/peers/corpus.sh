#!/usr/bin/env bash
# The .thrift files of the packages in conformance/testdata/corpus.tsv, at the versions that stand there: Go modules, crates, and packages
# of npm and PyPI, each fetched by its own client and compared with the checksum beside it. $GO and $PYTHON choose the Go
# and the Python to fetch with (go, python3).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

list=conformance/testdata/corpus.tsv
go=${GO:-go}
python=${PYTHON:-python3}

# The verdicts may change without another download.
salt=$(cut -f 1-4 "$list")
place=$cache/corpus/$(digest scripts/peers/corpus.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_CORPUS "$place"
	exit
fi

# packages SOURCE prints the lines of a source: package, version, checksum.
packages() {
	awk -F '\t' -v OFS='\t' -v source="$1" '$1 == source { print $2, $3, $4 }' "$list"
}

# checked FILE SUM fails unless SUM is the file's SHA-256.
checked() {
	printf '%s  %s\n' "$2" "$1" | sha256sum --check --status || fail "$1 is not what $list says: its SHA-256 is $(sha256sum <"$1" | cut -c 1-64)"
}

# keep DIR PACKAGE copies the .thrift files in a folder to those of a package.
keep() {
	mkdir -p "$work/new/$2"
	(cd "$1" && find . -name '*.thrift' -type f -print0 | tar --null -cf - -T -) | tar -C "$work/new/$2" -xf -
}

# unpacked ARCHIVE SUM PACKAGE keeps the .thrift files of an archive whose files are in one folder.
unpacked() {
	checked "$1" "$2"
	rm -rf "$work/archive"
	mkdir "$work/archive"
	tar -C "$work/archive" --strip-components 1 -xzf "$1"
	keep "$work/archive" "$3"
}

fetch_go() {
	local module version sum dir
	mkdir "$work/empty"
	while IFS=$'\t' read -r module version sum; do
		# Outside of any module, so that nothing here chooses another version.
		(cd "$work/empty" && GOWORK=off GOFLAGS= "$go" mod download -json "$module@$version") >"$work/json" 2>"$work/log" ||
			{ sed 's/^/    /' "$work/log" >&2; fail "go mod download could not fetch $module@$version"; }
		grep -qF "\"Sum\": \"$sum\"" "$work/json" || fail "$module@$version is not what $list says: $(grep -F '"Sum"' "$work/json")"
		dir=$(sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p' "$work/json")
		keep "$dir" "$module"
	done
}

fetch_crates() {
	local crate version sum archive
	while IFS=$'\t' read -r crate version sum; do
		# Of all of Cargo's commands, this one fetches a crate without what it depends on.
		run "$work/log" cargo info --quiet --color never "$crate@$version" ||
			fail "cargo could not fetch $crate@$version" "it takes Cargo 1.82 or newer"
		archive=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/cache" -name "$crate-$version.crate" | head -n 1)
		unpacked "$archive" "$sum" "$crate"
	done
}

fetch_npm() {
	local package version sum archive
	mkdir "$work/packed"
	while IFS=$'\t' read -r package version sum; do
		archive=$(npm pack --silent --ignore-scripts --pack-destination "$work/packed" "$package@$version" 2>"$work/log" | tail -n 1)
		[ -f "$work/packed/$archive" ] || { sed 's/^/    /' "$work/log" >&2; fail "npm could not fetch $package@$version"; }
		unpacked "$work/packed/$archive" "$sum" "$package"
	done
}

fetch_pypi() {
	local package version sum
	while IFS=$'\t' read -r package version sum; do
		printf '%s==%s --hash=sha256:%s\n' "$package" "$version" "$sum" >"$work/requirements"
		rm -rf "$work/wheel" "$work/archive"
		# Wheels alone: what is built from source would run its own code.
		run "$work/log" "$python" -m pip download --disable-pip-version-check --no-input --no-deps --only-binary :all: --require-hashes \
			--dest "$work/wheel" -r "$work/requirements" || fail "pip could not fetch $package $version"
		run "$work/log" "$python" -m zipfile -e "$work"/wheel/*.whl "$work/archive" || fail "$package $version is not a wheel"
		keep "$work/archive" "$package"
	done
}

# setup SOURCE CLIENT HINT fetches what is not there yet.
setup() {
	local source=$1
	if ! [ -d "$place/$source" ]; then
		if ! command -v "$2" >/dev/null; then
			[ "${CI:-false}" = false ] || fail "no $2 on this machine: $3"
			echo "peers: no $2 on this machine ($3): the corpus is without the packages of $source" >&2
			return
		fi
		workdir "$place"
		mkdir "$work/new"
		packages "$source" | "fetch_$source"
		chmod -R u+w "$work/new"
		publish "$work/new" "$place/$source"
		[ -d "$place/$source" ] || fail "$place/$source was set up but does not work: remove it and try again"
		rm -rf "$work"
	fi
	echo "peers: $(find "$place/$source" -name '*.thrift' | wc -l) .thrift files of $(packages "$source" | wc -l) packages of $source"
}

setup go "$go" "install Go, or set GO to one"
setup crates cargo "install Rust"
setup npm npm "install Node 18 or newer, with npm"
setup pypi "$python" "install Python 3.9 or newer with pip, or set PYTHON to one"
