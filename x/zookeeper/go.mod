module github.com/thriftkit/thriftkit/x/zookeeper

go 1.25.0

require github.com/thriftkit/thriftkit v0.1.0

require github.com/go-zookeeper/zk v1.0.4
