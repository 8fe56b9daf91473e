package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/transport"
)

type tapOptions struct {
	view   viewOptions
	listen string
}

const tapLong = `tap listens, passes every connection on to TARGET without changing a byte, and shows the calls that go over it: what capture
shows, for those who may not capture packets. Give clients the address of tap in place of the server's.

TARGET is host:port or unix:///path; nothing is to be said about its dialect, which is recognized. Connections with TLS pass as they
are, and their calls cannot be seen. The views and filters are those of capture.`

const tapExample = `  thriftkit tap --listen 127.0.0.1:9999 --idl foo.thrift 127.0.0.1:9090
  thriftkit tap --listen 127.0.0.1:9999 --idl foo.thrift -f 'exception || error' --json 127.0.0.1:9090`

func newTap() *cobra.Command {
	o := &tapOptions{}
	cmd := &cobra.Command{
		Use:     "tap [flags] TARGET",
		Short:   "Pass connections on and show the calls on them",
		Long:    tapLong,
		Example: tapExample,
		Args:    needArgs(1, 1, "TARGET"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args[0])
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.view.addFlags(cmd)
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:0", "listen on `ADDRESS`, host:port or unix:///path")
	mustComplete(cmd.RegisterFlagCompletionFunc("listen", cobra.NoFileCompletions))
	return cmd
}

// A tapper passes connections on. Its lock guards the assembler and everything after it.
type tapper struct {
	target transport.Target
	errOut io.Writer

	mu    sync.Mutex
	a     *capture.Assembler
	v     *callView
	err   error
	conns map[net.Conn]bool
	stop  context.CancelFunc
}

func (o *tapOptions) run(cmd *cobra.Command, name string) error {
	target, err := transport.ParseTarget(name)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	listen, err := transport.ParseTarget(o.listen)
	if err != nil {
		return usagef("--listen: %w", err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	v, err := o.view.view(ctx, cmd.OutOrStdout(), "tap of "+name)
	if err != nil {
		return err
	}
	l, err := net.Listen(listen.Network, listen.Address)
	if err != nil {
		return err
	}
	t := &tapper{
		target: transport.Target{Network: target.Network, Address: target.Address}, errOut: cmd.ErrOrStderr(), v: v,
		conns: make(map[net.Conn]bool), stop: stop,
	}
	t.a = capture.NewAssembler(capture.Options{HeadersOnly: o.view.headersOnly(), Protocols: capturedProtocols()}, func(c *capture.Call) {
		if t.err == nil {
			if t.err = v.add(c); t.err != nil {
				stop()
			}
		}
	})
	if o.view.watch {
		in, err := terminal(cmd.InOrStdin(), cmd.ErrOrStderr(), false)
		if err != nil {
			l.Close()
			return err
		}
		v.title += ", listening on " + l.Addr().String()
		t.errOut = io.Discard
		returned, err := v.watch(func() error { return t.serve(ctx, l) }, stop, in, cmd.ErrOrStderr())
		if err != nil || !returned {
			return err
		}
	} else {
		fmt.Fprintf(cmd.ErrOrStderr(), "listening on %s\n", l.Addr())
		if err := t.serve(ctx, l); err != nil {
			return err
		}
	}
	if t.err != nil && !errors.Is(t.err, errEnough) {
		return t.err
	}
	return v.finish(t.a.Counters(), cmd.ErrOrStderr())
}

// serve passes connections on until ctx ends.
func (t *tapper) serve(ctx context.Context, l net.Listener) error {
	var wait sync.WaitGroup
	wait.Go(func() {
		<-ctx.Done()
		l.Close()
		t.mu.Lock()
		defer t.mu.Unlock()
		for c := range t.conns {
			c.Close()
		}
	})
	wait.Go(func() { t.flush(ctx) })
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			var passing interface{ Timeout() bool }
			if errors.As(err, &passing) && passing.Timeout() || errors.Is(err, syscall.EMFILE) {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			t.stop()
			wait.Wait()
			return err
		}
		wait.Go(func() { t.pass(ctx, c) })
	}
	wait.Wait()
	t.a.Flush()
	return nil
}

// flush shows what has come, several times a second.
func (t *tapper) flush(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.mu.Lock()
			err := t.v.out.Flush()
			t.mu.Unlock()
			if err != nil {
				t.stop()
				return
			}
		}
	}
}

// pass passes one connection on until both sides have closed it.
func (t *tapper) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	server, err := t.target.Dial(dialing, nil)
	cancel()
	if err != nil {
		fmt.Fprintf(t.errOut, "* %s: %v\n", client.RemoteAddr(), err)
		return
	}
	defer server.Close()
	t.mu.Lock()
	if ctx.Err() != nil {
		t.mu.Unlock()
		return
	}
	t.conns[client], t.conns[server] = true, true
	c := t.a.Conn(addrOf(client.RemoteAddr(), len(t.conns)), addrOf(server.RemoteAddr(), 0))
	t.mu.Unlock()
	var wait sync.WaitGroup
	wait.Go(func() { t.copy(server, client, c.Request) })
	t.copy(client, server, c.Reply)
	wait.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Close()
	delete(t.conns, client)
	delete(t.conns, server)
}

// copy copies from one side to the other until it ends, and closes that direction.
func (t *tapper) copy(to, from net.Conn, seen func([]byte, time.Time)) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			// Before it is passed on: the reply must not be seen before the call.
			t.mu.Lock()
			seen(buf[:n], time.Now())
			t.mu.Unlock()
			if _, werr := to.Write(buf[:n]); werr != nil {
				from.Close()
				to.Close()
				return
			}
		}
		if err != nil {
			if half, ok := to.(interface{ CloseWrite() error }); ok && errors.Is(err, io.EOF) {
				half.CloseWrite()
			} else {
				to.Close()
			}
			return
		}
	}
}

// addrOf returns an address of TCP; for others one that stands for the nth connection.
func addrOf(a net.Addr, n int) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		addr := tcp.AddrPort()
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n))
}
