package rpc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
)

// listenUDP listens on a free port of UDP, on loopback.
func listenUDP(t *testing.T) net.Listener {
	t.Helper()
	l, err := transport.Listen("udp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestUDP(t *testing.T) {
	leaks(t)
	l := listenUDP(t)
	h := newHandler()
	_, svc := serve(t, l, h, rpc.ServerOptions{})
	ctx := context.Background()
	for _, query := range []string{"", "?protocol=compact", "?protocol=json", "?service=Test"} {
		client := dial(t, "udp://"+l.Addr().String()+query, rpc.ClientOptions{Timeout: 20 * time.Second})
		c := bind(t, client, svc)
		if got, err := c.Ping(ctx); got != "pong" || err != nil {
			t.Fatalf("%s: %q, %v", query, got, err)
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				text := strings.Repeat("x", i)
				if got, err := c.Echo(ctx, text); got != text || err != nil {
					t.Errorf("%s: %q, %v", query, got, err)
				}
			})
		}
		all.Wait()
		var denied *Denied
		if err := c.Check(ctx, false); !errors.As(err, &denied) || denied.Why != "not ok" {
			t.Errorf("%s: a declared exception: %v", query, err)
		}
		if err := c.Notify(ctx, query); err != nil {
			t.Errorf("%s: oneway: %v", query, err)
		}
		if got := <-h.notified; got != query {
			t.Errorf("oneway: %q", got)
		}
		most := strings.Repeat("x", 65_000)
		if got, err := c.Echo(ctx, most); got != most || err != nil {
			t.Errorf("%s: 65,000 bytes: %d, %v", query, len(got), err)
		}
		_, err := c.Echo(ctx, strings.Repeat("x", 65_507))
		if code(err) != rpc.CodeArgument || rpc.OutcomeOf(err) != rpc.OutcomeNotSent || !strings.Contains(err.Error(), "does not fit a datagram, which has 65507 at most") {
			t.Errorf("%s: a call that is too long: %v", query, err)
		}
		short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
		defer cancel()
		if err := c.Wait(short, 60_000); !errors.Is(err, context.DeadlineExceeded) || rpc.OutcomeOf(err) != rpc.OutcomeUnknown {
			t.Errorf("%s: a deadline: %v", query, err)
		}
		if got, err := c.Ping(ctx); got != "pong" || err != nil {
			t.Errorf("%s: afterwards: %q, %v", query, got, err)
		}
		client.Close()
		if _, err := c.Ping(ctx); code(err) != rpc.CodeClosed {
			t.Errorf("%s: after Close: %v", query, err)
		}
	}
}

// TestUDPNobody calls where nobody listens: the system says so on loopback.
func TestUDPNobody(t *testing.T) {
	leaks(t)
	for range 10 {
		if udpNobody(t) {
			return
		}
	}
	t.Error("each port was another program's at once")
}

// udpNobody calls where nobody listens, and then somebody. It reports false if another program has got the port meanwhile.
func udpNobody(t *testing.T) bool {
	l := listenUDP(t)
	addr := l.Addr().String()
	l.(*transport.PacketListener).PacketConn.Close()
	c := dial(t, "udp://"+addr, rpc.ClientOptions{Timeout: 20 * time.Second})
	svc := load(t).Service("Test")
	errs := make([]error, 2)
	for i := range errs {
		_, errs[i] = rpc.Invoke[string](context.Background(), c, svc.Method("ping"))
	}
	again, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	for _, err := range errs {
		if code(err) != rpc.CodeConnectionLost && code(err) != rpc.CodeUnavailable || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%v", err)
		}
	}
	serve(t, &transport.PacketListener{PacketConn: again}, newHandler(), rpc.ServerOptions{})
	if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
		t.Errorf("when there is a server: %q, %v", got, err)
	}
	return true
}

// TestUDPOdd sends datagrams that are no calls: they have no answers, and cost the next calls nothing.
func TestUDPOdd(t *testing.T) {
	leaks(t)
	l := listenUDP(t)
	var log errorLog
	s, _ := serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: log.add, Accept: []string{"compact/udp", "binary"}})
	nc, err := net.Dial("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ping := message("ping", wire.Call, 5, "00")
	for _, test := range []struct {
		datagram []byte
		line     string
	}{
		{nil, "it is empty"},
		{[]byte("EHLO me\r\n"), "starts with the bytes 45484c4f206d650d0a"},
		{append([]byte{0, 0, 0, byte(len(ping))}, ping...), "no message of Thrift without a frame"},
		{ping[:len(ping)-7], "at byte"}, // within its header
		{message("ping", wire.Reply, 5, "00"), "it is not a call but of the type reply"},
		{message("ping", wire.Exception, 5, "00"), "it is not a call but of the type exception"},
		{[]byte(`[1,"ping",1,0,{}]`), "it is in json, which this server does not accept"},
		{message("none", wire.Oneway, 5, "00"), `unknown method "none"`},
	} {
		if _, err := nc.Write(test.datagram); err != nil {
			t.Fatal(err)
		}
		log.waitFor(t, test.line)
	}
	for datagram, answer := range map[string]string{
		string(ping): string(message("ping", wire.Reply, 5, "0b0000 00000004 706f6e67 00")),
		string(message("none", wire.Call, 6, "00")):              `unknown method "none"`,
		string(message("echo", wire.Call, 7, "0b0001 00000004")): "unexpected end",
		string(ping) + "more":                                    "4 bytes after the arguments",
	} {
		nc.Write([]byte(datagram))
		nc.SetReadDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, 1<<16)
		if n, err := nc.Read(buf); err != nil || !strings.Contains(string(buf[:n]), answer) { // the first answers that there are
			t.Errorf("%q is answered with %q, %v; want %q", datagram, buf[:n], err, answer)
		}
	}
	if got := s.Stats(); got.UnknownStarts != 3 || got.RefusedDialects != 1 {
		t.Errorf("%+v", got)
	}
}

// TestUDPReplyTooLong has a reply that does not fit a datagram.
func TestUDPReplyTooLong(t *testing.T) {
	leaks(t)
	l := listenUDP(t)
	long := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error { return call.SetResult(strings.Repeat("x", 70_000)) }
	}
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{long}})
	c := dial(t, "udp://"+l.Addr().String(), rpc.ClientOptions{Timeout: 20 * time.Second})
	_, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping"))
	if code(err) != rpc.CodeInternal || !strings.Contains(err.Error(), "the reply is too large: message of 700") || !strings.Contains(err.Error(), "does not fit a datagram") {
		t.Errorf("%v", err)
	}
}

// TestUDPShutdown checks that Shutdown waits for the calls under way, and Close does not.
func TestUDPShutdown(t *testing.T) {
	leaks(t)
	for _, graceful := range []bool{true, false} {
		l := listenUDP(t)
		h := newHandler()
		s := rpc.NewServer(rpc.ServerOptions{})
		svc := load(t).Service("Test")
		if err := s.Register(svc, h); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		c := bind(t, dial(t, "udp://"+l.Addr().String(), rpc.ClientOptions{Timeout: 20 * time.Second}), svc)
		if _, err := c.Ping(context.Background()); err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		wait := int32(300)
		ctx, cancel := context.WithCancel(context.Background())
		if !graceful {
			wait = 60_000
		}
		go func() { result <- c.Wait(ctx, wait) }()
		waitFor(t, "the call", func() bool { return h.waiting.Load() > 0 })
		if graceful {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if err := <-result; err != nil {
				t.Errorf("a call under way: %v", err)
			}
		} else {
			s.Close()
			cancel()
			if err := <-result; err == nil {
				t.Error("a call was answered after Close")
			}
		}
		cancel()
		if err := <-served; !errors.Is(err, rpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	}
	for _, opts := range []rpc.ServerOptions{{RequireSASL: true}, {RequireTLS: true}} {
		if err := rpc.NewServer(opts).Serve(listenUDP(t)); err == nil || !strings.Contains(err.Error(), "datagrams have neither TLS nor SASL") {
			t.Errorf("%v", err)
		}
	}
}
