module github.com/thriftkit/thriftkit/conformance

go 1.25

require github.com/thriftkit/thriftkit v0.0.0

replace github.com/thriftkit/thriftkit => ..
