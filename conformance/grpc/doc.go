// Package grpc tests module x/grpc with peers of gRPC: grpc-go's own client and server, by gRPC's interoperability tests, and
// grpcurl. It is a module of its own, for the sake of the libraries that the peers need.
package grpc
