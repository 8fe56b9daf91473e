#!/usr/bin/env bash
# Prints the path of Apache's Thrift compiler, which generates the code of peers that need some.
#
#   scripts/peers/compiler.sh            fetch it if needed
#   scripts/peers/compiler.sh --path     only print where it is (fetched or not)
#
# It is Debian's thrift-compiler of the version below, unpacked into $THRIFTKIT_CACHE (default:
# thriftkit in the user's cache directory). That takes apt-get and dpkg-deb, and no privileges.
# $THRIFT names another compiler to use.
set -euo pipefail

version=0.17.0
cache=${THRIFTKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/thriftkit}
dir=$cache/compiler/$version-$(uname -m)
compiler=${THRIFT:-$dir/usr/bin/thrift}

fail() {
	printf 'peers: %s\n' "$@" >&2
	exit 1
}

if [ "${1-}" = --path ] || "$compiler" -version >/dev/null 2>&1; then
	printf '%s\n' "$compiler"
	exit
fi
[ -z "${THRIFT-}" ] || fail "$THRIFT, which THRIFT names, does not run"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
	fail "no apt-get here to fetch the Thrift compiler with: set THRIFT to one of version $version"

# It is unpacked beside its place and renamed into it, so that nobody ever sees a half of it.
mkdir -p "$cache/compiler"
work=$(mktemp -d "$cache/compiler/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# What the machine knows of packages may be nothing, or too old: then lists of our own are fetched.
mkdir -p apt/lists/partial apt/cache/archives/partial
own=(-o "Dir::State=$work/apt" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=)
download=(download -q -o APT::Sandbox::User= "thrift-compiler=$version-*")
if ! apt-get "${download[@]}" >log 2>&1 &&
	! { apt-get -q "${own[@]}" update && apt-get "${own[@]}" "${download[@]}"; } >>log 2>&1; then
	sed 's/^/    /' log >&2
	fail "apt-get could not fetch thrift-compiler $version: set THRIFT to a compiler of this version"
fi
dpkg-deb -x thrift-compiler_*.deb new
mv -T new "$dir" 2>/dev/null || true # another run may have been faster, which is as good

"$compiler" -version >/dev/null || fail "$compiler was fetched but does not run: remove $dir and try again"
printf '%s\n' "$compiler"
