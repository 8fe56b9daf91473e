module github.com/thriftkit/thriftkit/conformance

go 1.25

require (
	github.com/apache/thrift v0.24.0
	github.com/prometheus/common v0.67.4
	github.com/thriftkit/thriftkit v0.0.0
	golang.org/x/mod v0.31.0
)

require (
	github.com/kr/pretty v0.3.1 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	go.yaml.in/yaml/v2 v2.4.3 // indirect
	google.golang.org/protobuf v1.36.10 // indirect
)

replace github.com/thriftkit/thriftkit => ..
