#!/usr/bin/env bash
# Prints the path of Apache's Thrift compiler, which generates the code of peers that need some.
#
#   scripts/peers/compiler.sh            fetch it if needed
#   scripts/peers/compiler.sh --path     only print where it is (fetched or not)
#
# It is Debian's thrift-compiler of the version below. $THRIFT names another one to use.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=0.17.0
dir=$cache/compiler/$version-$(uname -m)
compiler=${THRIFT:-$dir/usr/bin/thrift}

if [ "${1-}" = --path ] || "$compiler" -version >/dev/null 2>&1; then
	printf '%s\n' "$compiler"
	exit
fi
[ -z "${THRIFT-}" ] || fail "$THRIFT, which THRIFT names, does not run"

workdir "$cache/compiler"
unpack "thrift-compiler=$version-*"
publish "$work/debian" "$dir"
"$compiler" -version >/dev/null || fail "$compiler was fetched but does not run: remove $dir and try again"
printf '%s\n' "$compiler"
