package rpc

import "context"

// A PrincipalKind says what verified a [Principal].
type PrincipalKind string

// The kinds of principals.
const (
	PrincipalToken PrincipalKind = "token" // the subject of a bearer token
	PrincipalUser  PrincipalKind = "user"  // the user of SASL
	PrincipalURI   PrincipalKind = "uri"   // a URI of the client's certificate, such as an identity of SPIFFE
	PrincipalDNS   PrincipalKind = "dns"   // a DNS name of it
	PrincipalCN    PrincipalKind = "cn"    // its common name
)

// A Principal is who makes a call, as far as it was verified. The zero value is nobody.
type Principal struct {
	Kind PrincipalKind
	Name string
}

// String returns the kind and the name as in "user:alice" and "dns:web.example", and "" for nobody. URIs have no kind before them where
// they begin as in "spiffe://".
func (p Principal) String() string {
	switch {
	case p == Principal{}:
		return ""
	case p.Kind == PrincipalURI && hasAuthority(p.Name):
		return p.Name
	}
	return string(p.Kind) + ":" + p.Name
}

// hasAuthority reports whether uri begins with a scheme and two slashes.
func hasAuthority(uri string) bool {
	for i := range len(uri) {
		switch c := uri[i] | 0x20; {
		case c >= 'a' && c <= 'z', i > 0 && (c >= '0' && c <= '9' || uri[i] == '+' || uri[i] == '-' || uri[i] == '.'):
		default:
			return i > 0 && len(uri) >= i+3 && uri[i:i+3] == "://"
		}
	}
	return false
}

// Principals returns who the peer is, by everything that was verified: the user of SASL, then the URIs, the DNS names and the common
// name of its certificate.
func (p Peer) Principals() []Principal {
	var list []Principal
	if p.User != "" {
		list = append(list, Principal{PrincipalUser, p.User})
	}
	if p.TLS == nil || len(p.TLS.VerifiedChains) == 0 || len(p.TLS.PeerCertificates) == 0 {
		return list
	}
	cert := p.TLS.PeerCertificates[0]
	for _, u := range cert.URIs {
		list = append(list, Principal{PrincipalURI, u.String()})
	}
	for _, name := range cert.DNSNames {
		list = append(list, Principal{PrincipalDNS, name})
	}
	if cn := cert.Subject.CommonName; cn != "" {
		list = append(list, Principal{PrincipalCN, cn})
	}
	return list
}

// Caller is what a [Gate] found out of a call: who makes it, and why it may.
type Caller struct {
	Token Principal // of the call's bearer token; the zero value if it has none
	Rule  string    // that decided, for logs; "" if none did
}

type callerKey struct{}

// ContextWithCaller returns a context for a call: for a [Gate].
func ContextWithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, &c)
}

// CallerOf returns what the gates of the server found out of the call that a handler, an interceptor or a [Stats] gets ctx with; the
// zero value if there are none.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}

// PrincipalsOf returns who makes the call that a handler or an interceptor of a server runs with ctx: the subject of its token first,
// then [Peer.Principals].
func PrincipalsOf(ctx context.Context) []Principal {
	peer, _ := PeerOf(ctx)
	list := peer.Principals()
	if c := CallerOf(ctx); c.Token != (Principal{}) {
		list = append([]Principal{c.Token}, list...)
	}
	return list
}

// PrincipalOf returns the first of [PrincipalsOf], which is what logs show; the zero value if nobody is known.
func PrincipalOf(ctx context.Context) Principal {
	if list := PrincipalsOf(ctx); len(list) > 0 {
		return list[0]
	}
	return Principal{}
}
