package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gateway"
)

const gatewayLong = `gateway answers plain HTTP with JSON by calls of the Thrift server at TARGET, which needs no change:

  POST /Service/method     every method; the body has the arguments by name: {"username": "root"}
  GET  /v1/users/7         and what else annotations such as api.get = "/v1/users/:id" describe
  GET  /openapi.json       the OpenAPI document of all that

Failures are problem details (RFC 9457). The header fields of a request, except those of HTTP and of browsers, go along as metadata if
TARGET has a transport for them. Web pages of other origins are refused unless --origin allows theirs. docs/gateway.md is the
specification. It does not verify who calls: keep it on the loopback interface, or put what does in front of it.

The server is connected to when the first call comes. SIGINT and SIGTERM stop the gateway after pending calls have been answered.`

type gatewayOptions struct {
	call    callOptions
	listen  string
	options gateway.Options
}

func newGateway() *cobra.Command {
	o := &gatewayOptions{}
	cmd := &cobra.Command{
		Use:   "gateway [flags] TARGET",
		Short: "Answer HTTP and JSON by calls of a Thrift server",
		Long:  gatewayLong,
		Example: "  thriftkit gateway --idl foo.thrift 127.0.0.1:9090\n" +
			"  thriftkit gateway --listen 127.0.0.1:8080 --idl foo.thrift --origin https://app.example.com 127.0.0.1:9090?transport=framed",
		Args:              needArgs(1, 1, "TARGET"),
		ValidArgsFunction: completeTarget,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args[0])
		}),
	}
	o.call.source.addFlags(cmd)
	o.call.dialect.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "listen on `ADDR`: host:port or :port; port 0 means any free port")
	f.DurationVar(&o.call.timeout, "timeout", 30*time.Second, "how long a call may take: `D`, such as 5s; 0 means no limit")
	f.StringArrayVar(&o.options.Origins, "origin", nil, "let web pages of `ORIGIN` call, such as https://app.example.com (may be repeated)")
	f.BoolVar(&o.options.Multiplexed, "multiplexed", false, "call each service under its name, as servers with several services on one port need it")
	f.BoolVar(&o.options.NoMethods, "routes-only", false, "do not answer POST /Service/method")
	for _, flag := range []string{"listen", "timeout", "origin"} {
		mustComplete(cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions))
	}
	return cmd
}

func (o *gatewayOptions) run(cmd *cobra.Command, target string) error {
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		return usagef("--listen: want host:port or :port, got %q", o.listen)
	}
	file, err := o.call.schemaOf(cmd, target)
	if err != nil {
		return err
	}
	r := request{target: target}
	if err := o.call.resolve(cmd, &r); err != nil {
		return err
	}
	d := &o.call.dialect
	if target, err = d.target(r.target); err != nil {
		return err
	}
	opts, err := d.connection()
	if err != nil {
		return err
	}
	base, err := d.context(context.Background())
	if err != nil {
		return err
	}
	client, err := thriftkit.Dial(cmd.Context(), target, append(opts, thriftkit.WithLazyDial(), thriftkit.WithDialTimeout(d.connectTimeout))...)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.options.Timeout = o.call.timeout; o.options.Timeout == 0 {
		o.options.Timeout = -1
	}
	o.options.MaxBodyBytes = int(d.maxMessage)
	handler, err := gateway.New(client, servicesOf(file), o.options)
	if err != nil {
		return &exitError{code: exitFailure, err: err}
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	return serveGateway(l, handler, base, cmd.OutOrStdout())
}

// serveGateway serves until SIGINT or SIGTERM; a second signal ends the program at once.
func serveGateway(l net.Listener, handler http.Handler, base context.Context, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hs := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return base },
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	fmt.Fprintf(out, "listening on %s\n", l.Addr())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop()
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := hs.Shutdown(drain); err != nil {
		return fmt.Errorf("calls were still running %v after the signal", drainTime)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
