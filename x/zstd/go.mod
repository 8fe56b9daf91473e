module github.com/thriftkit/thriftkit/x/zstd

go 1.25

require github.com/thriftkit/thriftkit v0.0.0

require github.com/klauspost/compress v1.20.3

replace github.com/thriftkit/thriftkit => ../..
