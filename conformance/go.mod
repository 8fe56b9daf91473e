module github.com/thriftkit/thriftkit/conformance

go 1.25

require (
	github.com/apache/thrift v0.24.0
	github.com/thriftkit/thriftkit v0.0.0
	golang.org/x/mod v0.31.0
)

replace github.com/thriftkit/thriftkit => ..
