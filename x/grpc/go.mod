module github.com/thriftkit/thriftkit/x/grpc

go 1.26.0

require (
	connectrpc.com/connect v1.21.1
	connectrpc.com/grpcreflect v1.3.1
	github.com/thriftkit/thriftkit v0.1.0
	golang.org/x/net v0.60.0
	google.golang.org/protobuf v1.36.12
)
