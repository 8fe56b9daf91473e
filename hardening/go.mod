module github.com/thriftkit/thriftkit/hardening

go 1.25

require (
	github.com/thriftkit/thriftkit v0.0.0
	github.com/thriftkit/thriftkit/conformance v0.0.0
)

replace (
	github.com/thriftkit/thriftkit => ..
	github.com/thriftkit/thriftkit/conformance => ../conformance
)
