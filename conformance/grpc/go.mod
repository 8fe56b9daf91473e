module github.com/thriftkit/thriftkit/conformance/grpc

go 1.26.0

require (
	github.com/bufbuild/protocompile v0.14.1
	github.com/thriftkit/thriftkit v0.0.0
	github.com/thriftkit/thriftkit/x/grpc v0.0.0
	golang.org/x/net v0.60.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	cloud.google.com/go/compute/metadata v0.9.0 // indirect
	connectrpc.com/connect v1.21.1 // indirect
	connectrpc.com/grpcreflect v1.3.1 // indirect
	github.com/cncf/xds/go v0.0.0-20260202195803-dba9d589def2 // indirect
	github.com/envoyproxy/protoc-gen-validate v1.3.3 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
)

replace github.com/thriftkit/thriftkit => ../..

replace github.com/thriftkit/thriftkit/x/grpc => ../../x/grpc
