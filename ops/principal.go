package ops

import (
	"net"

	"github.com/thriftkit/thriftkit/rpc"
)

// principal returns who a client is: the user that SASL verified, or what its certificate says, which is the first URI (as of SPIFFE),
// DNS name or the common name; "" if it is not known.
func principal(p rpc.Peer) string {
	if p.User != "" {
		return p.User
	}
	if p.TLS == nil || len(p.TLS.VerifiedChains) == 0 {
		return ""
	}
	switch cert := p.TLS.PeerCertificates[0]; {
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	default:
		return cert.Subject.CommonName
	}
}

// addrText returns the address of a client. Those of unix sockets have none.
func addrText(a net.Addr) string {
	switch {
	case a == nil:
		return ""
	case a.Network() == "unix":
		return "unix"
	}
	return a.String()
}
