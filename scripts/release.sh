#!/usr/bin/env bash
# Builds the program for every system that is released, each one static file, and their checksums.
#
#   scripts/release.sh DIR
#
# The same commit, built with the same Go, gives the same bytes, wherever it is built: no paths, no times, no cgo. Nothing is
# fetched but what Go's module cache lacks; the programs themselves need no network and no other file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=${1:?usage: scripts/release.sh DIR}
go=${GO:-go}
systems="linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"

mkdir -p "$dir"
rm -f "$dir"/thriftkit-* "$dir/SHA256SUMS"
for system in $systems; do
	os=${system%/*} arch=${system#*/} suffix=
	if [ "$os" = windows ]; then
		suffix=.exe
	fi
	file=$dir/thriftkit-$os-$arch$suffix
	CGO_ENABLED=0 GOOS=$os GOARCH=$arch "$go" build -trimpath -buildvcs=true -ldflags='-s -w' -o "$file" ./cmd/thriftkit
	echo "$file"
done
(cd "$dir" && sha256sum thriftkit-* >SHA256SUMS)
