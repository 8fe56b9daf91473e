#!/usr/bin/env bash
# Makes the code in internal/gen of internal/payload/idl again: thriftkit's own and the peers', with the generators that go.mod
# pins, and with Apache's and Google's compilers as Debian has them.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/peers/lib.sh"

go=${GO:-go}
protoc=3.21.12
gen=$PWD/bench/internal/gen
idl=$PWD/bench/internal/payload/idl
export GOWORK=off

workdir "$cache/bench"
compiler=$(scripts/peers/compiler.sh)
unpack "protobuf-compiler=$protoc-*" "libprotoc32=$protoc-*" "libprotobuf32=$protoc-*"
for tool in github.com/cloudwego/kitex/tool/cmd/kitex google.golang.org/protobuf/cmd/protoc-gen-go \
	google.golang.org/grpc/cmd/protoc-gen-go-grpc storj.io/drpc/cmd/protoc-gen-go-drpc \
	github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway; do
	"$go" build -C bench -o "$work/bin/" "$tool"
done
env -u GOWORK "$go" build -C cmd/thriftkit -o "$work/bin/" . # which requires modules of the workspace
export PATH=$work/bin:$PATH

rm -rf "$gen"
mkdir -p "$gen/apache"
module=github.com/thriftkit/thriftkit/bench
run "$work/log" thriftkit gen go --out "$gen/thriftkit" "$idl/bench.thrift" || fail "thriftkit's generator failed"
run "$work/log" "$compiler" --gen "go:package_prefix=$module/internal/gen/apache/,skip_remote" -out "$gen/apache" "$idl/bench.thrift" ||
	fail "Apache's compiler failed"
(cd bench && run "$work/log" kitex -module "$module" -gen-path internal/gen/kitex -thrift frugal_tag,naming_style=apache internal/payload/idl/bench.thrift) ||
	fail "Kitex's generator failed"
LD_LIBRARY_PATH=$(dirname "$(find "$work/debian" -name 'libprotoc.so.*' | head -n 1)")
export LD_LIBRARY_PATH
proto() { # FILE OPTION... of protoc
	run "$work/log" "$work/debian/usr/bin/protoc" -I "$idl" "${@:2}" "$1" || fail "protoc failed"
}
proto blob.proto --go_out="$gen/.." --go_opt="module=$module/internal"
proto grpc.proto --go-grpc_out="$gen/.." --go-grpc_opt="module=$module/internal"
run "$work/log" thriftkit gen proto --go-package "$module/internal/gen/protobuf" --out "$work/proto" "$idl/bench.thrift" ||
	fail "thriftkit's generator of .proto files failed"
proto bench.proto -I "$work/proto" --go_out="$gen/.." --go_opt="module=$module/internal"
proto gateway.proto -I "$work/proto" --go-grpc_out="$gen/.." --go-grpc_opt="module=$module/internal" \
	--grpc-gateway_out="$gen/.." --grpc-gateway_opt="module=$module/internal,generate_unbound_methods=true"
proto drpc.proto --go-drpc_out="$gen/.." --go-drpc_opt="module=$module/internal"
"$("$go" env GOROOT)/bin/gofmt" -w "$gen"
find "$gen" -name '*.go' | sort
