package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/clientconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// A failure is what is known of a call that failed.
type failure struct {
	err    *rpc.Error
	target string // of one server

	connected bool
	answered  bool   // the server answered a call in this dialect before, such as for its schema
	named     bool   // the user said which dialect to speak
	user      bool   // there was a SASL negotiation
	received  []byte // the beginning of what the server sent
}

// next returns the sentence that says what to do about f, "" if the error says it all. Where a server closes connections,
// which says nothing of what it wants, next asks it for its dialects, as probe does, until ctx ends, and says so on status if
// that is a terminal. It does not ask one that is slow.
func (f failure) next(ctx context.Context, status io.Writer) string {
	t, err := transport.ParseTarget(f.target)
	if err != nil || t.Foreign != "" {
		return ""
	}
	if hint := f.tls(t); hint != "" {
		return hint
	}
	if errors.As(f.err, new(*clientconn.SASLWantedError)) {
		return "log in: -u NAME:PASSWORD"
	}
	if !f.connected {
		return ""
	}
	if hint := f.content(t); hint != "" && !t.HTTP {
		return hint
	}
	probe := fmt.Sprintf("thriftkit probe %s", short(t.String()))
	switch f.err.Code {
	case rpc.CodeTimeout:
		switch {
		case f.answered, len(f.received) > 0:
			return "the server speaks " + targetDialect(t) + ": the method may take longer, see --timeout"
		case t.HTTP:
			return ""
		}
		return fmt.Sprintf("it may be slow (see --timeout), or not speak %s: %q finds its dialects", targetDialect(t), probe)
	case rpc.CodeConnectionLost, rpc.CodeProtocol:
		switch {
		case f.answered:
			return "the server speaks " + targetDialect(t) + ", and closed the connection during this call: its log may say why"
		case t.HTTP || f.user || t.Network == "udp":
			return ""
		case f.named:
			return fmt.Sprintf("if the server does not speak %s, %q finds its dialects", targetDialect(t), probe)
		}
		return f.ask(ctx, t, probe, status)
	}
	return ""
}

// tls is next for what TLS says.
func (f failure) tls(t transport.Target) string {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(f.err, &record):
		t.TLS = false
		return fmt.Sprintf("the server does not use TLS: try the target %q", short(t.String()))
	case t.TLS && !f.connected && (errors.Is(f.err, syscall.ECONNRESET) || errors.Is(f.err, io.EOF)):
		t.TLS = false
		return fmt.Sprintf("the server closed the connection instead of a TLS handshake: try the target %q", short(t.String()))
	case wantsCertificate(f.err) && t.Files.Cert == "":
		return "the server wants a client certificate: --cert FILE --key FILE"
	case errors.As(f.err, &authority):
		return "nobody vouches for its certificate: --cacert FILE names its authority, --insecure accepts any certificate"
	case errors.As(f.err, &name):
		return "its certificate is for other names: --servername NAME says which one to expect"
	}
	return ""
}

// wantsCertificate reports whether a server ended a TLS connection for want of a certificate, or of a better one.
func wantsCertificate(err error) bool {
	var alert *net.OpError // crypto/tls has no other type for the alerts of the peer
	return errors.As(err, &alert) && alert.Op == "remote error" &&
		(alert.Err.Error() == "tls: certificate required" || alert.Err.Error() == "tls: bad certificate")
}

// content is next for what the server sent, if that is no answer.
func (f failure) content(t transport.Target) string {
	b := f.received
	if len(b) == 0 {
		return ""
	}
	if hint := otherProtocol(t, b); hint != "" {
		return hint
	}
	if d, ok := detect.Bytes(b, wire.DefaultMaxMessageBytes); !ok {
		return fmt.Sprintf("the answer is no dialect of Thrift; it begins with %s", beginning(b))
	} else if got, want := dialectName(d), targetDialect(t); got != want {
		return fmt.Sprintf("the answer seems to be %s, the call was %s", got, want)
	}
	return ""
}

// ask is next for a server that closes connections without a word.
func (f failure) ask(ctx context.Context, t transport.Target, probe string, status io.Writer) string {
	const patience, most = time.Second, 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if isTerminal(status) {
		fmt.Fprintf(status, "asking %s for its dialects …\r", t.Address)
		defer fmt.Fprint(status, "\x1b[K")
	}
	found, err := rpc.Probe(ctx, f.target, patience, rpc.ClientOptions{Dialects: clientDialects()}) // what it found before an error is as good
	for _, d := range found {
		if !d.Speaks {
			continue
		}
		if other, err := transport.ParseTarget(d.Target); err == nil && other.String() == t.String() {
			return "the server speaks " + targetDialect(t) + ", and closed the connection during this call: its log may say why"
		}
		return fmt.Sprintf("the server does not speak %s: try the target %q", targetDialect(t), short(d.Target))
	}
	for _, d := range found {
		if wantsCertificate(d.Err) && !t.TLS {
			return "the server wants TLS and a client certificate: --cert FILE --key FILE"
		}
	}
	if err != nil || ctx.Err() != nil {
		return fmt.Sprintf("%q finds the dialects that the server speaks", probe)
	}
	return "it answers in no dialect of Thrift: the port may be that of another service"
}
