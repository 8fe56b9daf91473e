module github.com/thriftkit/thriftkit/examples/grpc

go 1.26.0

require (
	github.com/thriftkit/thriftkit v0.1.0
	github.com/thriftkit/thriftkit/x/grpc v0.1.0
)

require (
	connectrpc.com/connect v1.21.1 // indirect
	connectrpc.com/grpcreflect v1.3.1 // indirect
	golang.org/x/net v0.60.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/thriftkit/thriftkit => ../..

replace github.com/thriftkit/thriftkit/x/grpc => ../../x/grpc
