module github.com/thriftkit/thriftkit/x/jwt

go 1.26.0

require (
	github.com/go-jose/go-jose/v4 v4.1.9
	github.com/thriftkit/thriftkit v0.1.0
)
