# grpcurl: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest
grpcurl -plaintext 127.0.0.1:6000 describe foo.PingPong.login
grpcurl -plaintext -d '{"username": "root", "password": "secret"}' 127.0.0.1:6000 foo.PingPong/login
