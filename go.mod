module github.com/thriftkit/thriftkit

go 1.25
