package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
)

// A dialect is what flags say about how to talk to a target.
type dialect struct {
	protocol, transport, compression string
	user                             string   // NAME:PASSWORD
	headers                          []string // NAME: VALUE
}

// addFlags adds the flags of d to a command.
func (d *dialect) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.protocol, "protocol", "", "the protocol to speak: `P` "+strings.Join(protocol.Names(), ", ")+" (default: what TARGET says, else binary)")
	f.StringVar(&d.transport, "transport", "", "the transport to speak: `T` "+strings.Join(transport.Names(), ", ")+" (default: what TARGET says, else buffered)")
	f.StringVar(&d.compression, "compression", "", "compress by `C`: zlib (default: what TARGET says, else not at all)")
	f.StringArrayVarP(&d.headers, "header", "H", nil, "send `'NAME: VALUE'` along, over header, ttheader or http (may be repeated)")
	addUserFlag(f, &d.user, "log in by SASL as `NAME:PASSWORD`")
	for flag, values := range map[string][]string{"protocol": protocol.Names(), "transport": transport.Names(), "compression": {"zlib"}} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
	}
}

func addUserFlag(f *pflag.FlagSet, user *string, usage string) {
	f.StringVarP(user, "user", "u", "", usage)
}

// named reports whether target or a flag says which dialect to speak.
func (d *dialect) named(target string) bool {
	t, err := transport.ParseTarget(target)
	return err != nil || t.HTTP || t.Protocol != "" || t.Framing != transport.Buffered || t.Compression != ""
}

// target adds what the flags say to target and checks it.
func (d *dialect) target(target string) (string, error) {
	address, query, _ := strings.Cut(target, "?")
	has, err := url.ParseQuery(query)
	if err != nil {
		return "", usagef("target %q: %w", target, err)
	}
	whole := target
	for _, flag := range []struct{ key, value string }{{"protocol", d.protocol}, {"transport", d.transport}, {"compression", d.compression}} {
		switch {
		case flag.value == "":
		case !has.Has(flag.key):
			if query != "" {
				query += "&"
			}
			query += flag.key + "=" + url.QueryEscape(flag.value)
			whole = address + "?" + query
		case has.Get(flag.key) != flag.value:
			return "", usagef("the target says %s=%s, but --%s says %s", flag.key, has.Get(flag.key), flag.key, flag.value)
		}
	}
	if _, err := transport.ParseTarget(whole); err != nil {
		return "", &exitError{code: exitUsage, err: err}
	}
	return whole, nil
}

// options returns the options of a client.
func (d *dialect) options() ([]thriftkit.ClientOption, error) {
	opts := []thriftkit.ClientOption{thriftkit.WithDialTimeout(-1), thriftkit.WithMetadataRequired()} // a context bounds dialling
	if d.user == "" {
		return opts, nil
	}
	name, password, err := splitUser(d.user)
	return append(opts, thriftkit.WithSASLPlain(name, password)), err
}

func splitUser(user string) (name, password string, err error) {
	name, password, ok := strings.Cut(user, ":")
	if !ok || name == "" {
		return "", "", usagef("--user %q: NAME:PASSWORD is wanted", user)
	}
	return name, password, nil
}

// context adds what --header says to ctx.
func (d *dialect) context(ctx context.Context) (context.Context, error) {
	md := make(map[string]string)
	for _, h := range d.headers {
		name, value, ok := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, usagef("--header %q: 'NAME: VALUE' is wanted", h)
		}
		md[name] = strings.TrimSpace(value)
	}
	if len(md) == 0 {
		return ctx, nil
	}
	return thriftkit.AddMetadata(ctx, md), nil
}

// suggestion returns what a server that does not answer in the default dialect speaks instead,
// as a line to put behind err; "" if that is not to be found out.
func suggestion(err error, target string) string {
	const patience, most = 500 * time.Millisecond, 5 * time.Second
	var e *rpc.Error
	if !errors.As(err, &e) || e.Remote || e.Code != rpc.CodeConnectionLost && e.Code != rpc.CodeTimeout && e.Code != rpc.CodeProtocol {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	found, _ := rpc.Probe(ctx, target, patience, rpc.ClientOptions{}) // what it found before an error is as good
	for _, f := range found {
		if f.Speaks {
			return fmt.Sprintf("the server does not speak binary over buffered: try the target %q", short(f.Target))
		}
	}
	return ""
}

// short leaves the scheme of TCP out, which need not be written.
func short(target string) string { return strings.TrimPrefix(target, "tcp://") }
