package clientconn

import (
	"context"
	"net"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// NegotiateSASL negotiates with the mechanism PLAIN on nc, bounded by ctx, and returns the connection
// for calls. It closes nc if that fails.
func NegotiateSASL(ctx context.Context, nc net.Conn, user, password string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	over, err := msgio.DialSASL(nc, user, password)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
	}
	return over, err
}
