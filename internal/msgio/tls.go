package msgio

import (
	"crypto/tls"
	"net"
	"slices"
)

// IsTLS reports whether the first bytes of a connection, at least 3, begin a TLS handshake
// (RFC 8446, section 5.1: a record of type 22, version 3.x).
func IsTLS(first []byte) bool { return len(first) >= 3 && first[0] == 22 && first[1] == 3 }

// Server returns c as the server's side of TLS. r holds what has been read from c already. Unless config has
// protocols for ALPN (RFC 7301), a client that offers HTTP is told that HTTP is spoken: gRPC insists on it. Others,
// whatever they offer, get no answer to that, which ends no handshake.
func (r *Reader) Server(c net.Conn, config *tls.Config) *tls.Conn {
	config = SecureTLS(config)
	if len(config.NextProtos) == 0 {
		config.GetConfigForClient = withHTTP(config, config.GetConfigForClient)
	}
	return tls.Server(r.Conn(c), config)
}

var httpProtocols = []string{"h2", "http/1.1"}

// withHTTP returns a GetConfigForClient that adds ALPN to what choose, which may be nil, or else base says.
func withHTTP(base *tls.Config, choose func(*tls.ClientHelloInfo) (*tls.Config, error)) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (chosen *tls.Config, err error) {
		if choose != nil {
			if chosen, err = choose(hello); err != nil {
				return nil, err
			}
		}
		offersHTTP := func(name string) bool { return slices.Contains(httpProtocols, name) }
		if chosen != nil && len(chosen.NextProtos) > 0 || !slices.ContainsFunc(hello.SupportedProtos, offersHTTP) {
			return chosen, nil
		}
		if chosen == nil {
			chosen = base
		}
		chosen = chosen.Clone()
		chosen.NextProtos = httpProtocols
		return chosen, nil
	}
}

// Conn returns c from the start of what r has read from it and not handed out. r is not to be
// used any more.
func (r *Reader) Conn(c net.Conn) net.Conn { return &unread{Conn: c, r: r} }

// unread is a connection of which a Reader has read the beginning.
type unread struct {
	net.Conn
	r *Reader
}

func (u *unread) Read(b []byte) (int, error) {
	if n := copy(b, u.r.buf[u.r.r0:u.r.w0]); n > 0 {
		u.r.r0 += n
		return n, nil
	}
	return u.Conn.Read(b)
}

// SecureTLS returns a copy of base, which may be nil, that accepts TLS 1.2 and newer only.
func SecureTLS(base *tls.Config) *tls.Config {
	config := &tls.Config{}
	if base != nil {
		config = base.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return config
}
