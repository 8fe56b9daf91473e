#!/usr/bin/env bash
# Sets up the peers that conformance tests talk to: one script for each language in scripts/peers.
#
#   scripts/peers.sh [LANGUAGE...]  set up what is not set up yet, print one line for each
#   scripts/peers.sh --env          print the variables by which tests find them, for a shell's eval
#
# All of it lives outside of the tree, in $THRIFTKIT_CACHE (default: thriftkit in the user's cache
# directory), under names made of the hash of what it is made from: a changed input gets a new place, and
# an existing one is never altered. A peer that cannot be set up is an error on build machines (CI is set);
# elsewhere a line says so, and the tests of that peer are skipped. Tests learn it from $THRIFTKIT_PEERS, which --env
# prints too: where it is "required", a test fails without its peer, or without a program that it needs, such as curl;
# elsewhere, as in "make test", such a test is skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/peers"

languages=()
for language in python apachepy jaeger cpp java dubbojava motanjava node apachego crosstest kitex rpcx grpcurl grpcpy grpcnode grpcweb chromium openapi neovim emacs vscode treesitter thrift corpus etcd zookeeper prometheus tshark; do
	if [ -x "$language.sh" ]; then
		languages+=("$language")
	fi
done

peers=optional
if [ "${CI:-false}" != false ]; then
	peers=required
fi

if [ "${1-}" = --env ]; then
	printf 'export THRIFTKIT_PEERS=%s\n' "$peers"
	for language in "${languages[@]}"; do
		"./$language.sh" --env
	done
	exit
fi

for language in "${@:-${languages[@]}}"; do
	if ! "./$language.sh"; then
		if [ "$peers" = required ]; then
			exit 1
		fi
		echo "peers: $language is not set up: its tests are skipped" >&2
	fi
done

# What tests run besides the peers.
[ $# -eq 0 ] || exit 0
for program in curl jq; do
	if ! command -v "$program" >/dev/null; then
		echo "peers: no $program on this machine: the tests that need it are skipped" >&2
		[ "$peers" = optional ] || exit 1
	fi
done
