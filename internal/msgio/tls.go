package msgio

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
)

// IsTLS reports whether the first bytes of a connection, at least 3, begin a TLS handshake
// (RFC 8446, section 5.1: a record of type 22, version 3.x).
func IsTLS(first []byte) bool { return len(first) >= 3 && first[0] == 22 && first[1] == 3 }

// Server returns c as the server's side of TLS. r holds what has been read from c already. Unless config has
// protocols for ALPN (RFC 7301), a client that offers HTTP is told that HTTP is spoken: gRPC insists on it. Others,
// whatever they offer, get no answer to that, which ends no handshake.
//
// The handshake computes only in its turn, and lets others have theirs while it reads, writes or asks config's functions; end ends
// that when it is done.
func (r *Reader) Server(c net.Conn, config *tls.Config, turns Turns) (conn *tls.Conn, end func()) {
	config = SecureTLS(config)
	if len(config.NextProtos) == 0 {
		config.GetConfigForClient = withHTTP(config, config.GetConfigForClient)
	}
	u := &unread{Conn: c, r: r, turn: &turn{turns: turns}}
	u.turn.yieldIn(config)
	return tls.Server(u, config), func() {
		u.turn.release()
		u.turn = nil
	}
}

// Turns bounds how many handshakes compute at once: those of hundreds of clients that come together would keep all processors from
// the calls of others for long. Its capacity is the bound.
type Turns chan struct{}

// A turn is what a handshake has of Turns, on its goroutine.
type turn struct {
	turns Turns
	held  bool
}

func (t *turn) take() {
	if t != nil && !t.held {
		t.turns <- struct{}{}
		t.held = true
	}
}

func (t *turn) release() {
	if t != nil && t.held {
		<-t.turns
		t.held = false
	}
}

// yieldIn makes the functions of config run without a turn, as they may wait for others.
func (t *turn) yieldIn(config *tls.Config) {
	if f := config.GetConfigForClient; f != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			t.release()
			defer t.take()
			return f(hello)
		}
	}
	if f := config.GetCertificate; f != nil {
		config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			t.release()
			defer t.take()
			return f(hello)
		}
	}
	if f := config.VerifyPeerCertificate; f != nil {
		config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			t.release()
			defer t.take()
			return f(raw, chains)
		}
	}
	if f := config.VerifyConnection; f != nil {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			t.release()
			defer t.take()
			return f(state)
		}
	}
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
	r    *Reader
	turn *turn // of a handshake under way, else nil
}

func (u *unread) Write(b []byte) (int, error) {
	if t := u.turn; t != nil {
		t.release()
		defer t.take()
	}
	return u.Conn.Write(b)
}

func (u *unread) Read(b []byte) (int, error) {
	if t := u.turn; t != nil {
		t.release()
		defer t.take()
	}
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
