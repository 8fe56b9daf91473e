#!/usr/bin/env bash
# Apache's Thrift compiler, whose verdicts are compared with ours: see compiler.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_THRIFT "$(scripts/peers/compiler.sh --path)"
	exit
fi

compiler=$(scripts/peers/compiler.sh)
echo "peers: $("$compiler" -version)"
