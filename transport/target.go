// Package transport names servers and listens: a [Target] is an address with the dialect to speak
// there, [Listen] makes a listener, [ServerTLS] the TLS configuration of a server from files.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/wire"
)

// A Target is the address of a server and the dialect to speak with it.
type Target struct {
	Network  string // "tcp", "unix" or "udp"
	Address  string // host:port, or the socket's path
	Framing  wire.Framing
	Protocol string // "" is binary
	Service  string // the name before method names where services share a connection; "" for none
	// Compression is what messages are compressed by, "" for nothing: zlib; over HTTP gzip; with THeader and FramedTHeader any
	// transform that the client knows, or zlib-stream, which compresses the connection as zlib does with the others.
	Compression string
	HTTP        bool   // each message, or with THeader each frame, is the body of a POST
	Path        string // of HTTP and of Foreign, escaped, with the slash in front; else ""
	Query       string // of HTTP: the server's own, escaped, in the order of its keys; else ""
	// User is who HTTP's Basic authentication says we are: a name, or a name, a colon and a password, both escaped as in URLs; else "".
	User string
	// Foreign is the scheme of a protocol besides Thrift's, without the s that stands for TLS: connect, dubbo, grpc, motan2, rpcx, tri; else "".
	Foreign string
	// Group and Version select a service of a dubbo or tri target; "" for none.
	Group, Version string

	TLS   bool
	Files TLSFiles // of TLS, where the defaults do not do

	// ServerName is the name that the server's certificate must have; "" is the host.
	ServerName string
}

// Names lists the transports by the names that targets and flags use: the framings, http and udp.
func Names() []string { return append(wire.FramingNames(), "http", "udp") }

// Transport returns the name of t's transport, one of Names.
func (t Target) Transport() string {
	switch {
	case t.HTTP:
		return "http"
	case t.Network == "udp":
		return "udp"
	}
	return t.Framing.String()
}

// ParseTarget reads a target: host:port, tcp://host:port, tls://host:port,
// unix:///path/of/socket, http://host:port/path or https://host:port/path, or udp://host:port with a message in each datagram, with the query keys
// transport (buffered, framed, header for THeader, framed-header for THeader in frames, ttheader for Kitex's), protocol (binary,
// compact, json for Apache's, thriftpy2-json, simple-json), service (a name for multiplexing)
// and compression (zlib, over HTTP gzip, of connections with headers zlib-stream). A tls or https target takes ca, the file of the authorities that the
// server's certificate is checked against instead of the system's; cert and key, the files of a
// certificate for the server to check; crl, a file of revocation lists; and servername.
//
// grpc://host:port, connect://host:port/path and, with TLS, grpcs and connects name servers of another protocol; its
// messages are in protobuf, or JSON with protocol=json. There service names the service that is called, in place of the one
// that declares the method or is bound. A client needs the dialect for it: module x/grpc. rpcx://host:port and rpcxs are those of
// package x/rpcx: there protocol is binary (Thrift's), json, msgpack or proto, and compression may be gzip. motan2://host:port and motan2s are
// those of package x/motan.
//
// dubbo://host:port and, with TLS, dubbos name servers of Dubbo's classic protocol, by port 20880 unless they say another; the keys
// service, group and version select a service, and dubbo://host:port/com.acme.Calculator is another way to write
// service=com.acme.Calculator. A client needs the dialect of package x/dubbo. tri://host:port and tris are the same for Triple, Dubbo's gRPC,
// by port 50051: protocol is hessian2, for services that are Java interfaces, or proto, for those of a .proto file. The dialect is that of x/grpc.
//
// The port of an http or https target may be left out. Its messages are not framed, but may be in THeader (transport=header);
// host:port?transport=http is another way to write http://host:port/, and with tls:// https. It may have a user, as in
// http://name:password@host/, for Basic authentication, and keys of the server's own, which are sent as its query.
// Errors name what exists.
func ParseTarget(s string) (Target, error) {
	t, err := parseTarget(s)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", withoutPassword(s), err)
	}
	return t, nil
}

// withoutPassword returns the target s as it may be shown.
func withoutPassword(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if !ok || at < 0 {
		return s
	}
	name, _, hasPassword := strings.Cut(authority[:at], ":")
	if !hasPassword {
		return s
	}
	return scheme + "://" + name + ":xxxxx" + rest[at:]
}

func parseTarget(s string) (t Target, err error) {
	if !strings.Contains(s, "://") {
		s = "tcp://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return t, fmt.Errorf("not a URL: %w", err.(*url.Error).Err)
	}
	switch isHTTP := u.Scheme == "http" || u.Scheme == "https"; {
	case u.Fragment != "", u.User != nil && !isHTTP:
		return t, fmt.Errorf("a target has neither user nor fragment; one of HTTP may have a user")
	case u.User != nil:
		t.User = u.User.String()
	}
	switch u.Scheme {
	case "http", "https":
		t.Network, t.Address, t.TLS, t.HTTP, t.Path = "tcp", u.Host, u.Scheme == "https", true, u.EscapedPath()
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: want %s://host:port/path", u.Scheme)
		case u.Port() == "":
			t.Address = net.JoinHostPort(u.Hostname(), defaultPort(t.TLS))
		}
		if t.Path == "" {
			t.Path = "/"
		}
	case "tcp", "tls", "udp":
		t.Network, t.Address, t.TLS = "tcp", u.Host, u.Scheme == "tls"
		if u.Scheme == "udp" {
			t.Network = "udp"
		}
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: want host:port")
		case u.Port() == "":
			return t, fmt.Errorf("the port is missing: want host:port")
		case u.Path != "" && u.Path != "/":
			return t, fmt.Errorf("a %s target has no path", u.Scheme)
		case strings.Contains(u.Host, ","):
			return t, fmt.Errorf("a target here is one server: lists are for thriftkit.Dial")
		}
	case "motan2", "motan2s", "rpcx", "rpcxs":
		t.Foreign, t.TLS = strings.CutSuffix(u.Scheme, "s")
		t.Network, t.Address, t.Path = "tcp", u.Host, "/"
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: want %s://host:port", u.Scheme)
		case u.Port() == "":
			return t, fmt.Errorf("the port is missing: want %s://host:port", u.Scheme)
		case u.Path != "" && u.Path != "/":
			return t, fmt.Errorf("a %s target has no path", t.Foreign)
		}
	case "grpc", "grpcs", "connect", "connects":
		t.Foreign, t.TLS = strings.CutSuffix(u.Scheme, "s")
		t.Network, t.Address, t.Path = "tcp", u.Host, u.EscapedPath()
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: want %s://host:port", u.Scheme)
		case u.Port() == "":
			t.Address = net.JoinHostPort(u.Hostname(), defaultPort(t.TLS))
		}
		if t.Path == "" {
			t.Path = "/"
		}
	case "dubbo", "dubbos", "tri", "tris":
		t.Foreign, t.TLS = strings.CutSuffix(u.Scheme, "s")
		t.Network, t.Address, t.Path = "tcp", u.Host, "/"
		t.Service = strings.Trim(u.Path, "/")
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: want %s://host:port", u.Scheme)
		case u.Port() == "":
			t.Address = net.JoinHostPort(u.Hostname(), dubboPorts[t.Foreign])
		}
	case "unix":
		t.Network, t.Address = "unix", u.Host+u.Path
		if t.Address == "" {
			return t, fmt.Errorf("the path of the socket is missing: want unix:///path")
		}
	default:
		if scheme, ok := map[string]string{"motan": "motan2", "triple": "tri"}[u.Scheme]; ok {
			return t, fmt.Errorf("unknown scheme %q (did you mean %s?)", u.Scheme, scheme)
		}
		return t, fmt.Errorf("unknown scheme %q (known: connect, connects, dubbo, dubbos, grpc, grpcs, http, https, motan2, motan2s, rpcx, rpcxs, tcp, tls, tri, tris, udp, unix)", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return t, err
	}
	return t, t.setKeys(query)
}

// ownKeys lists all keys that a target may have.
var ownKeys = []string{"ca", "cert", "compression", "crl", "key", "protocol", "servername", "service", "transport"}

// isForServer reports whether the key k of an HTTP target is the server's: it is none of ours, nor one that is mistyped.
func isForServer(k string) bool {
	const least = 5 // bytes of a name that is known again when it is mistyped
	var m edits.Measure
	return !slices.ContainsFunc(ownKeys, func(own string) bool {
		return k == own || len(own) >= least && m.Distance(strings.ToLower(k), own) <= 2
	})
}

// setKeys fills in what the query of a target says.
func (t *Target) setKeys(query url.Values) error {
	known := map[string]*string{"protocol": &t.Protocol, "service": &t.Service, "compression": &t.Compression, "transport": new(string)}
	if t.TLS {
		known["ca"], known["cert"], known["crl"], known["key"], known["servername"] = &t.Files.CA, &t.Files.Cert, &t.Files.CRL, &t.Files.Key, &t.ServerName
	}
	if t.Foreign == "dubbo" || t.Foreign == "tri" {
		known["group"], known["version"] = &t.Group, &t.Version
	}
	own := make(url.Values)
	for _, k := range slices.Sorted(maps.Keys(query)) {
		value, ok := known[k]
		switch {
		case !ok && t.HTTP && isForServer(k):
			own[k] = query[k]
			continue
		case !ok:
			if t.Foreign != "" { // these are known, to say what is wrong with them
				delete(known, "transport")
				if !t.compresses() {
					delete(known, "compression")
				}
			}
			return fmt.Errorf("unknown key %q (known: %s)", k, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case len(query[k]) > 1:
			return fmt.Errorf("key %q is given twice", k)
		}
		*value = query[k][0]
	}
	t.Query = own.Encode()
	if (t.Files.Cert == "") != (t.Files.Key == "") {
		return fmt.Errorf("cert and key go together")
	}
	return t.setTransport(*known["transport"])
}

// setTransport fills in what the key transport says. HTTP is one as well, over TCP.
func (t *Target) setTransport(name string) (err error) {
	switch {
	case (name == "http" || name == "udp") && t.Network == "unix":
		return fmt.Errorf("transport %s does not go over a unix socket", name)
	case name == "udp" && (t.HTTP || t.TLS || t.Foreign != ""):
		return fmt.Errorf("transport udp goes with udp://host:port alone")
	case name == "udp":
		t.Network = "udp"
	case t.Network == "udp" && name != "":
		return fmt.Errorf("a udp target has no other transport")
	case name == "http" && !t.HTTP:
		t.HTTP, t.Path = true, "/"
	case name != "http":
		t.Framing, err = wire.ParseFraming(name)
	}
	switch {
	case err != nil && t.Network != "unix":
		return fmt.Errorf("unknown transport %q (known: %s)", name, strings.Join(Names(), ", "))
	case err != nil:
		return err
	}
	return t.checkCombination()
}

// checkCombination returns an error for what does not go together.
func (t *Target) checkCombination() error {
	if t.Foreign != "" {
		return t.checkForeign()
	}
	carried := t.Protocol == "" || t.Protocol == "binary" || t.Protocol == "compact"
	switch {
	case t.Network == "udp" && t.Compression != "":
		return fmt.Errorf("a udp target has no compression")
	case t.HTTP && t.Framing != wire.Buffered && t.Framing != wire.THeader:
		return fmt.Errorf("messages over HTTP are not %s", t.Framing)
	case t.HTTP && t.Compression != "" && t.Compression != "gzip":
		return fmt.Errorf("unknown compression %q over HTTP (known: gzip)", t.Compression)
	case t.Framing == wire.TTHeader && t.Compression != "" && t.Compression != zlibStream:
		return fmt.Errorf("messages of the transport ttheader are not compressed: compression is %s, of the connection", zlibStream)
	case !t.HTTP && !t.Framing.HasHeader() && t.Compression != "" && t.Compression != "zlib":
		return fmt.Errorf("unknown compression %q (known: zlib)", t.Compression)
	case t.Framing.HasHeader() && !carried:
		return fmt.Errorf("transport %s carries the protocols binary and compact, not %q", t.Framing, t.Protocol)
	}
	return nil
}

// zlibStream is the compression of a connection where zlib is that of each message.
const zlibStream = "zlib-stream"

// IsCompressed reports whether connections to t are compressed as a whole, as [Target.Dial] does it.
func (t Target) IsCompressed() bool {
	if t.Framing.HasHeader() {
		return t.Compression == zlibStream
	}
	return t.Compression != "" && !t.HTTP && t.Foreign == ""
}

// foreignProtocols lists the protocols of each foreign scheme, the default first.
var foreignProtocols = map[string][]string{
	"connect": {"proto", "json"}, "dubbo": {"hessian2"}, "grpc": {"proto", "json"}, "motan2": {"simple", "hessian2"}, "rpcx": {"binary", "json", "msgpack", "proto"}, "tri": {"hessian2", "proto"},
}

// compresses reports whether targets of the foreign scheme may have compression=gzip.
func (t *Target) compresses() bool { return t.Foreign == "motan2" || t.Foreign == "rpcx" }

func (t *Target) checkForeign() error {
	known := foreignProtocols[t.Foreign]
	compresses := t.compresses()
	switch {
	case t.Framing != wire.Buffered || t.HTTP || t.Compression != "" && !compresses:
		if compresses {
			return fmt.Errorf("%s targets have no transport", t.Foreign)
		}
		return fmt.Errorf("%s targets have no transport and no compression", t.Foreign)
	case t.Compression != "" && t.Compression != "gzip":
		return fmt.Errorf("unknown compression %q of %s (known: gzip)", t.Compression, t.Foreign)
	case t.Protocol == known[0]:
		t.Protocol = ""
	case t.Protocol != "" && !slices.Contains(known, t.Protocol):
		return fmt.Errorf("unknown protocol %q of %s (known: %s)", t.Protocol, t.Foreign, strings.Join(slices.Sorted(slices.Values(known)), ", "))
	}
	return nil
}

var dubboPorts = map[string]string{"dubbo": "20880", "tri": "50051"}

func defaultPort(isTLS bool) string {
	if isTLS {
		return "443"
	}
	return "80"
}

// URL returns the address of an HTTP target, with its query and its user, or of a foreign one as HTTP.
func (t Target) URL() *url.URL {
	u := &url.URL{Scheme: "http", Host: t.Address, Path: "/"}
	if t.TLS {
		u.Scheme = "https"
	}
	if host, ok := strings.CutSuffix(t.Address, ":"+defaultPort(t.TLS)); ok {
		u.Host = host
	}
	if path, err := url.PathUnescape(t.Path); err == nil {
		u.Path, u.RawPath = path, t.Path
	}
	u.RawQuery = t.Query
	if name, password, ok := strings.Cut(t.User, ":"); t.User != "" {
		name, _ = url.PathUnescape(name) // what is wrong in it stays as it is
		u.User = url.User(name)
		if ok {
			password, _ = url.PathUnescape(password)
			u.User = url.UserPassword(name, password)
		}
	}
	return u
}

// String returns the target in the form that ParseTarget reads.
func (t Target) String() string {
	q := make(url.Values)
	for k, v := range map[string]string{
		"protocol": t.Protocol, "service": t.Service, "group": t.Group, "version": t.Version, "compression": t.Compression,
		"ca": t.Files.CA, "cert": t.Files.Cert, "crl": t.Files.CRL, "key": t.Files.Key, "servername": t.ServerName,
	} {
		if v != "" {
			q.Set(k, v)
		}
	}
	if t.Framing != wire.Buffered {
		q.Set("transport", t.Framing.String())
	}
	s := t.Network + "://" + t.Address
	switch {
	case t.Foreign != "":
		u := t.URL()
		u.Scheme, u.Host = t.Foreign, t.Address
		if t.TLS {
			u.Scheme += "s"
		}
		s = strings.TrimSuffix(u.String(), "/")
	case t.HTTP:
		u := t.URL()
		u.RawQuery = ""
		s = u.String()
		if t.Query != "" && len(q) > 0 {
			return s + "?" + q.Encode() + "&" + t.Query
		} else if t.Query != "" {
			return s + "?" + t.Query
		}
	case t.TLS:
		s = "tls://" + t.Address
	case t.Network == "unix":
		s = "unix://" + (&url.URL{Path: t.Address}).EscapedPath()
	}
	if len(q) > 0 {
		s += "?" + q.Encode()
	}
	return s
}

// Dial connects to t. For a tls or https target config is what TLS starts from, nil for the defaults;
// the files of t are read anew each time, so that new certificates are used as they come.
func (t Target) Dial(ctx context.Context, config *tls.Config) (net.Conn, error) {
	return t.DialBy(ctx, config, new(net.Dialer).DialContext)
}

// DialBy is Dial over the connection that dial makes to t's network and address, such as by way of a proxy: TLS and
// compression come on top of it.
//
//	thriftkit.WithDialer(func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error) {
//		return t.DialBy(ctx, config, proxy.DialContext)
//	})
func (t Target) DialBy(ctx context.Context, config *tls.Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) (net.Conn, error) {
	if t.TLS {
		var err error
		if config, err = t.ClientTLS(config); err != nil {
			return nil, err
		}
	}
	nc, err := dial(ctx, t.Network, t.Address)
	if err != nil {
		return nil, err
	}
	if t.TLS {
		secured := tls.Client(nc, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			nc.Close()
			return nil, err
		}
		nc = secured
	}
	if t.IsCompressed() {
		nc = msgio.Zlib(nc)
	}
	return nc, nil
}

// A PacketListener is what Listen returns for UDP: a listener that accepts nothing, for servers that receive datagrams from its
// PacketConn.
type PacketListener struct{ net.PacketConn }

// Accept implements [net.Listener]. Its error is errors.ErrUnsupported.
func (l *PacketListener) Accept() (net.Conn, error) {
	return nil, fmt.Errorf("accept on a socket of UDP: %w", errors.ErrUnsupported)
}

// Addr implements [net.Listener].
func (l *PacketListener) Addr() net.Addr { return l.LocalAddr() }

// Listen listens on what s names: a target, or just ":port". For a unix socket, a file left
// behind by a server that is gone is removed first. For UDP, as in "udp://:6831", it returns a *[PacketListener].
func Listen(s string) (net.Listener, error) {
	if !strings.Contains(s, "://") {
		return net.Listen("tcp", s)
	}
	if rest, ok := strings.CutPrefix(s, "tcp://:"); ok {
		return net.Listen("tcp", ":"+rest)
	}
	if rest, ok := strings.CutPrefix(s, "udp://:"); ok {
		return listenPacket(":" + rest)
	}
	t, err := ParseTarget(s)
	if err != nil {
		return nil, err
	}
	switch {
	case t.Foreign != "":
		return nil, fmt.Errorf("listen on %q: a server answers %s on any listener, see its dialects", s, t.Foreign)
	case t.HTTP:
		return nil, fmt.Errorf("listen on %q: a server takes HTTP on any listener, give its host:port", s)
	case t.TLS:
		return nil, fmt.Errorf("listen on %q: a server takes TLS on any listener, see its options", s)
	case t.Framing != wire.Buffered || t.Protocol != "" || t.Service != "" || t.Compression != "":
		return nil, fmt.Errorf("listen on %q: a server detects what its clients speak: leave the query out", s)
	}
	if t.Network == "udp" {
		return listenPacket(t.Address)
	}
	l, err := net.Listen(t.Network, t.Address)
	if err != nil && t.Network == "unix" && removeStale(t.Address) {
		l, err = net.Listen(t.Network, t.Address)
	}
	return l, err
}

func listenPacket(addr string) (net.Listener, error) {
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	return &PacketListener{pc}, nil
}

// removeStale removes the file of a unix socket on which nobody listens any more, and reports
// whether it did.
func removeStale(path string) bool {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode()&os.ModeSocket == 0 {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return false
	}
	return os.Remove(path) == nil
}
