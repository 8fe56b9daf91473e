package howto

import (
	"context"
	"log"
	"net"
	"time"

	"github.com/thriftkit/thriftkit"
)

// Run serves until the process gets SIGTERM or SIGINT, or ctx ends. Calls under way have 25 seconds then.
func Run(ctx context.Context, l net.Listener) error {
	server := thriftkit.NewServer()
	if err := server.Register(shopService, &Shop{}); err != nil {
		return err
	}
	log.Printf("listening on %s", l.Addr())
	return thriftkit.Run(ctx, server, l, 25*time.Second)
}
