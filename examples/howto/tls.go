package howto

import (
	"context"
	"net"
	"path/filepath"

	"github.com/thriftkit/thriftkit"
)

// Certified is a handler that only clients of one name may order at.
type Certified struct {
	Shop
	Name string
}

func (s *Certified) Order(ctx context.Context, o Order) (string, error) {
	peer, _ := thriftkit.PeerOf(ctx)
	if name := peer.TLS.PeerCertificates[0].Subject.CommonName; name != s.Name {
		return "", thriftkit.Errorf(thriftkit.CodePermissionDenied, "%s may not order", name)
	}
	return s.Shop.Order(ctx, o)
}

// RunTLS serves clients whose certificates the authority in ca.pem has signed.
func RunTLS(ctx context.Context, l net.Listener, dir string, handler *Certified) error {
	config, err := thriftkit.ServerTLS(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"), filepath.Join(dir, "ca.pem"))
	if err != nil {
		return err
	}
	server := thriftkit.NewServer(thriftkit.WithTLS(config), thriftkit.WithTLSOnly())
	if err := server.Register(shopService, handler); err != nil {
		return err
	}
	return thriftkit.Run(ctx, server, l, 0)
}

// DialTLS shows the server client.pem.
func DialTLS(ctx context.Context, addr, dir string) (*thriftkit.Client, error) {
	return thriftkit.Dial(ctx, "tls://"+addr+"?ca="+filepath.Join(dir, "ca.pem")+"&cert="+filepath.Join(dir, "client.pem")+"&key="+filepath.Join(dir, "client.key"))
}
