// Command observed serves foo.thrift on port 9090 and shows what it does on http://127.0.0.1:9091: pages for people, /metrics for
// Prometheus, /healthz and /readyz for probes. Failed and slow calls are lines on standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"log/slog"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/ops"
)

type pingPong struct{}

func (pingPong) Ping(context.Context) (string, error) { return "pong", nil }
func (pingPong) Login(_ context.Context, username, password string) (string, error) {
	return "登录成功!", nil
}

func main() {
	addr, adminAddr := flag.String("listen", ":9090", "the address of the server"), flag.String("admin", ":9091", "that of the pages")
	flag.Parse()
	health := ops.NewHealth()
	admin := ops.NewAdmin(ops.AdminOptions{Health: health})
	defer admin.Close()
	accessLog := ops.AccessLog(slog.Default(), ops.AccessLogOptions{Sample: -1, Slow: 100 * time.Millisecond, Arguments: true})
	server := thriftkit.NewServer(thriftkit.WithStats(admin.Server()), thriftkit.WithStats(accessLog), thriftkit.WithHealth(health))
	admin.Watch(server)
	err := server.Register(thriftkit.MustLoad("foo.thrift").MustService("PingPong"), pingPong{})
	l, err1 := thriftkit.Listen(*addr)
	pages, err2 := ops.ListenAdmin(*adminAddr) // on the loopback interface
	if err := errors.Join(err, err1, err2); err != nil {
		log.Fatal(err)
	}
	go admin.Serve(pages)
	log.Printf("listening on %s, admin pages on http://%s", l.Addr(), pages.Addr())
	if err := thriftkit.Run(context.Background(), server, l, 25*time.Second, thriftkit.WithHealth(health)); err != nil {
		log.Fatal(err)
	}
}
