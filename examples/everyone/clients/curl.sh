# curl, which needs no framework: Connect with JSON.
curl -H 'Content-Type: application/json' -d '{"username": "curl", "password": "secret"}' http://127.0.0.1:6000/foo.PingPong/login
