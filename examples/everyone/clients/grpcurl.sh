# grpcurl: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest
grpcurl -plaintext -d '{"username": "grpcurl", "password": "secret"}' 127.0.0.1:6000 foo.PingPong/login
