module github.com/thriftkit/thriftkit/x/zstd

go 1.25

require github.com/thriftkit/thriftkit v0.1.0

require github.com/klauspost/compress v1.20.3
