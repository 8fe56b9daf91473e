#!/usr/bin/env bash
# Sets the version in which the released modules require each other, which is that of the next release, and prints the tags
# that make it one.
#
#   scripts/version.sh v0.2.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?usage: scripts/version.sh VERSION, such as v0.2.0}
if ! [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "version.sh: $version is not the version of a Go module, such as v0.2.0" >&2
	exit 2
fi
released="cmd/thriftkit idl/lsp x/etcd x/grpc x/jwt x/otel x/zookeeper x/zstd"
for folder in $released examples/everyone examples/grpc; do # which are not released, but require them
	sed -i -E "/^module /! s#(github\.com/thriftkit/thriftkit[a-z/]*) v[^ ]+#\1 $version#" "$folder/go.mod"
done
sed -i -E "s#^(\tgithub\.com/thriftkit/thriftkit[a-z/]*) v[^ ]+ =>#\1 $version =>#" go.work

echo "git tag $version"
for folder in $released; do
	echo "git tag $folder/$version"
done
