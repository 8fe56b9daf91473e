package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/grpc"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// A dialect is what flags and thriftkit.yaml say about how to talk to a target.
type dialect struct {
	protocol, transport, compression string
	user                             string   // NAME:PASSWORD
	basic                            bool     // which goes into the header Authorization; target finds it out
	headers                          []string // NAME: VALUE
	tls                              transport.TLSFiles
	serverName                       string
	insecure                         bool
	connectTimeout                   time.Duration
	maxMessage                       byteSize
	vars                             map[string]string // what ${NAME} means, before the environment
}

// addFlags adds the flags of d to a command.
func (d *dialect) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	d.addConnectionFlags(cmd)
	f.StringVar(&d.protocol, "protocol", "", "the protocol to speak: `P` "+strings.Join(protocol.Names(), ", ")+"; of grpc and connect proto, json, of rpcx binary, json, msgpack, proto, of motan2 simple, hessian2 (default: what TARGET says, else the first)")
	f.StringVar(&d.transport, "transport", "", "the transport to speak: `T` "+strings.Join(transport.Names(), ", ")+" (default: what TARGET says, else buffered)")
	f.StringVar(&d.compression, "compression", "", "compress with `C`: zlib, over HTTP gzip (default: what TARGET says, else none)")
	f.DurationVar(&d.connectTimeout, "connect-timeout", 0, "timeout for connecting: `D`, such as 500ms (default: --timeout)")
	mustComplete(cmd.RegisterFlagCompletionFunc("connect-timeout", cobra.NoFileCompletions))
	for flag, values := range map[string][]string{"protocol": protocol.Names(), "transport": transport.Names(), "compression": {"gzip", "zlib"}} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
	}
}

// addConnectionFlags adds the flags of d that do not say which dialect to speak.
func (d *dialect) addConnectionFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&d.headers, "header", "H", nil, "send `'NAME: VALUE'` as metadata, over header, ttheader, http or another framework's protocol; ${NAME} is an environment variable (may be repeated)")
	addUserFlag(f, &d.user, "log in as `NAME:PASSWORD` by SASL, over HTTP and gRPC by Basic authentication")
	f.StringVar(&d.tls.CA, "cacert", "", "use TLS and verify the server with the authorities in this PEM `FILE`")
	f.StringVar(&d.tls.Cert, "cert", "", "use TLS with the client certificate in this PEM `FILE`")
	f.StringVar(&d.tls.Key, "key", "", "the PEM `FILE` of the certificate's key")
	f.StringVar(&d.tls.CRL, "crl", "", "use TLS and refuse a server whose certificate the revocation lists in this `FILE` (PEM or DER) name")
	f.StringVar(&d.serverName, "servername", "", "the `NAME` that the server's certificate must have (default: the host)")
	f.BoolVarP(&d.insecure, "insecure", "k", false, "use TLS and accept any certificate")
	addMessageFlag(f, &d.maxMessage)
	for _, flag := range []string{"header", "user", "servername", "max-message"} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
}

func addUserFlag(f *pflag.FlagSet, user *string, usage string) {
	f.StringVarP(user, "user", "u", "", usage)
}

// named reports whether target or a flag says which dialect to speak.
func (d *dialect) named(target string) bool {
	if groupOf(target) != nil {
		return true // there is no one server to ask
	}
	t, err := transport.ParseTarget(target)
	return err != nil || t.HTTP || t.Foreign != "" || t.Protocol != "" || t.Framing != wire.Buffered || t.Compression != ""
}

// target adds what the flags say to target and checks it.
func (d *dialect) target(target string) (string, error) {
	if d.connectTimeout < 0 {
		return "", usagef("--connect-timeout %v is negative", d.connectTimeout)
	}
	address, query, _ := strings.Cut(target, "?")
	has, err := url.ParseQuery(query)
	if err != nil {
		return "", usagef("target %q: %w", target, err)
	}
	if d.insecure && (d.tls.CRL != "" || has.Has("crl")) {
		return "", usagef("--insecure accepts any certificate, also one that the revocation lists of --crl name")
	}
	group := discovery.IsTarget(target, schemes())
	if d.wantsTLS() && !strings.Contains(address, "://") {
		address = "tls://" + address
	}
	scheme, rest, _ := strings.Cut(address, "://")
	if isForeignScheme(scheme) && strings.Contains(rest, ",") {
		return "", usagef("target %q: several instances of %s go into a file, a line for each, such as %[2]s://host:port, whose target is file:///path", address, scheme)
	}
	isTLS := slices.Contains([]string{"tls", "https", "grpcs", "connects", "dubbos", "motan2s", "rpcxs", "tris"}, scheme)
	if d.wantsTLS() && !isTLS && group && !strings.HasPrefix(address, "tcp://") && !has.Has("tls") {
		isTLS = true
		query = strings.TrimPrefix(query+"&tls=true", "&")
	}
	whole := address
	if query != "" {
		whole += "?" + query
	}
	for _, flag := range []struct{ key, flag, value string }{
		{"protocol", "protocol", d.protocol}, {"transport", "transport", d.transport}, {"compression", "compression", d.compression},
		{"ca", "cacert", d.tls.CA}, {"cert", "cert", d.tls.Cert}, {"key", "key", d.tls.Key}, {"crl", "crl", d.tls.CRL}, {"servername", "servername", d.serverName},
	} {
		switch {
		case flag.value == "":
		case !has.Has(flag.key):
			if query != "" {
				query += "&"
			}
			query += flag.key + "=" + url.QueryEscape(flag.value)
			whole = address + "?" + query
		case has.Get(flag.key) != flag.value:
			return "", usagef("the target says %s=%s, but --%s says %s", flag.key, has.Get(flag.key), flag.flag, flag.value)
		}
	}
	if d.wantsTLS() && !isTLS {
		return "", usagef("the flags for TLS go with tls://, https://, grpcs://, connects://, dubbos://, motan2s://, rpcxs:// and tris:// targets, and with host:port, not with %q", address)
	}
	if err := checkTarget(whole); err != nil {
		return "", &exitError{code: exitUsage, err: err}
	}
	if t, err := transport.ParseTarget(whole); err == nil {
		d.basic = t.HTTP || t.Foreign == "grpc" || t.Foreign == "connect" || t.Foreign == "tri"
	}
	return whole, nil
}

// isForeignScheme reports whether targets of a scheme are of other frameworks.
func isForeignScheme(scheme string) bool {
	t, err := transport.ParseTarget(scheme + "://localhost:1")
	return err == nil && t.Foreign != ""
}

func (d *dialect) wantsTLS() bool {
	return d.insecure || d.serverName != "" || d.tls != transport.TLSFiles{}
}

// clientDialects are the dialects besides Thrift's that clients speak.
func clientDialects() []rpc.Dialect {
	return []rpc.Dialect{dubbo.Dialect(), grpc.Dialect(), motan.Dialect(), rpcx.Dialect()}
}

// foreignDialects returns the option by which clients speak them.
func foreignDialects() thriftkit.Option { return thriftkit.WithDialects(clientDialects()...) }

// capturedProtocols are those of captures besides Thrift's.
func capturedProtocols() []capture.Protocol {
	return []capture.Protocol{dubbo.Capture(), grpc.Capture(), motan.Capture(), rpcx.Capture()}
}

// options returns the options of a client.
func (d *dialect) options() ([]thriftkit.ClientOption, error) {
	bound := time.Duration(-1) // a context bounds dialling
	if d.connectTimeout > 0 {
		bound = d.connectTimeout
	}
	opts, err := d.connection()
	return append(opts, thriftkit.WithDialTimeout(bound), thriftkit.WithMetadataRequired()), err
}

// connection returns the options of a client that are about its connections.
func (d *dialect) connection() ([]thriftkit.ClientOption, error) {
	opts := append(registries(), foreignDialects(), d.maxMessage.option())
	if d.insecure {
		opts = append(opts, thriftkit.WithTLS(&tls.Config{InsecureSkipVerify: true}))
	}
	if d.user == "" || d.basic {
		return opts, nil
	}
	name, password, err := splitUser(d.user)
	return append(opts, thriftkit.WithSASLPlain(name, password)), err
}

func splitUser(user string) (name, password string, err error) {
	name, password, ok := strings.Cut(user, ":")
	if !ok || name == "" {
		return "", "", usagef("--user: want NAME:PASSWORD, got %q", user)
	}
	return name, password, nil
}

// context adds what --header says to ctx, and --user over HTTP.
func (d *dialect) context(ctx context.Context) (context.Context, error) {
	md := make(map[string]string)
	for _, h := range d.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef("--header: want 'NAME: VALUE', got %q", h)
		}
		value, err := d.expand(strings.TrimSpace(value))
		if err != nil {
			return nil, usagef("--header %s: %w", name, err)
		}
		md[name] = value
	}
	if d.basic && d.user != "" {
		name, password, err := splitUser(d.user)
		if err != nil {
			return nil, err
		}
		md["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
	}
	if len(md) == 0 {
		return ctx, nil
	}
	return thriftkit.AddMetadata(ctx, md), nil
}

// expand replaces ${NAME} by the variable of that name: one of the target, else of the environment.
// One that does not exist is an error, so that no secret is sent as an empty text by mistake.
func (d *dialect) expand(text string) (string, error) {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		out.WriteString(before)
		if !ok {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("${ has no closing }")
		}
		value, known := d.vars[name]
		if !known {
			value, known = os.LookupEnv(name)
		}
		if !known {
			return "", fmt.Errorf("there is no variable %s in the environment", name)
		}
		out.WriteString(value)
		text = after
	}
}

// short leaves the scheme of TCP out, which need not be written.
func short(target string) string { return strings.TrimPrefix(target, "tcp://") }
