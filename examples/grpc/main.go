// Grpc serves foo.thrift to programs that know gRPC, Connect, gRPC-Web or HTTP, on one port and without a proxy, and the page in the folder web to
// browsers.
//
//	go run .                                          in this folder
//	sh clients/grpcurl.sh                             gRPC, without any file: by reflection
//	thriftkit gen proto --out proto foo.thrift        the file that other clients are generated from
//	python3 clients/client.py                         gRPC with grpcio, whose first lines say what it needs
//	sh clients/curl.sh                                Connect with JSON
//	cd web && npm install && npm run build            the page at http://127.0.0.1:6000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/grpc"
)

type pingPong struct{}

func (pingPong) Ping(ctx context.Context) (string, error) { return "pong", nil }

func (pingPong) Login(ctx context.Context, username, password string) (string, error) {
	if password != "secret" {
		return "", thriftkit.Errorf(thriftkit.CodeUnauthenticated, "wrong password")
	}
	return "登录成功!", nil
}

// page is a dialect that answers requests of browsers by the files of the page: its calls go to where it is from.
type page struct{ files http.Handler }

func (page) Name() string { return "page" }

func (page) MatchHTTP(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/" || r.URL.Path == "/dist/page.js")
}

func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request, _ rpc.Invoker) {
	p.files.ServeHTTP(w, r)
}

func main() {
	addr := flag.String("listen", "127.0.0.1:6000", "the address of the server")
	flag.Parse()
	server := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect(), page{http.FileServerFS(os.DirFS("web"))}))
	if err := server.Register(thriftkit.MustLoad("foo.thrift").MustService("PingPong"), pingPong{}); err != nil {
		log.Fatal(err)
	}
	l, err := thriftkit.Listen(*addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, thriftkit.ErrServerClosed) {
		log.Fatal(err)
	}
}
