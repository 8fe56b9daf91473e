# curl needs no framework: Connect is a POST of JSON.
curl -sS -H 'Content-Type: application/json' -d '{"username": "root", "password": "secret"}' http://127.0.0.1:6000/foo.PingPong/login
echo
curl -sS -H 'Content-Type: application/json' -d '{"username": "root", "password": "?"}' http://127.0.0.1:6000/foo.PingPong/login
