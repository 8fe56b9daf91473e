module github.com/thriftkit/thriftkit/bench

go 1.25

require (
	github.com/apache/thrift v0.24.0
	github.com/thriftkit/thriftkit v0.0.0
	go.uber.org/thriftrw v1.32.0
)

replace github.com/thriftkit/thriftkit => ..
