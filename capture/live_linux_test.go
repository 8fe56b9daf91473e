package capture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// openLive captures from the loopback interface, where that is allowed.
func openLive(t testing.TB) *capture.Live {
	t.Helper()
	l, err := capture.OpenLive("lo")
	if errors.Is(err, os.ErrPermission) {
		if os.Getenv("THRIFTKIT_PEERS") == "required" && os.Getenv("THRIFTKIT_LIVE") != "elsewhere" {
			t.Fatalf("%v: run as root, or set THRIFTKIT_LIVE=elsewhere where another job runs this test", err)
		}
		t.Skip("capturing needs root or CAP_NET_RAW: run this test once by sudo")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// captureUntil hands packets to take until done is closed and, for half a second, no more come.
func captureUntil(t testing.TB, l *capture.Live, done <-chan struct{}, take func(capture.Packet)) {
	for quiet := 0; quiet < 5; {
		p, err := l.Next()
		switch {
		case err == nil:
			quiet = 0
			take(p)
			continue
		case !errors.Is(err, capture.ErrQuiet):
			t.Errorf("Next: %v", err)
			return
		}
		select {
		case <-done:
			quiet++
		default:
		}
	}
}

// All calls of a busy server are found, or it is known how many packets were lost.
func TestLive(t *testing.T) {
	live := openLive(t)
	svc := service(t)
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- thriftkit.Serve(l, svc, thriftkit.DynamicHandler(users{}.handle)) }()
	defer func() { l.Close(); <-served }()
	server := netip.MustParseAddrPort(l.Addr().String())

	const conns, calls = 8, 250
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wait sync.WaitGroup
		defer wait.Wait()
		for i := range conns {
			wait.Go(func() {
				client, err := thriftkit.Dial(context.Background(), server.String()+"?transport=framed", thriftkit.WithTimeout(time.Minute))
				if err != nil {
					t.Error(err)
					return
				}
				defer client.Close()
				for j := range calls {
					name := strconv.Itoa(i*calls + j)
					user, err := thriftkit.Invoke[*dynamic.Struct](context.Background(), client, svc.Method("get"), name, true)
					if err != nil || user.Get("name").Text() != name {
						t.Errorf("get %s: %v", name, err)
						return
					}
				}
			})
		}
	}()
	found := make(map[string]bool)
	a := capture.NewAssembler(capture.Options{}, func(c *capture.Call) {
		if c.Server != server || c.Request == nil || c.Reply == nil {
			return
		}
		asked, answered := value(t, c.Request, svc.Method("get")).Get("name").Text(), value(t, c.Reply, svc.Method("get")).Get("success")
		if got := answered.Struct().Get("name").Text(); got != asked || found[asked] {
			t.Errorf("the reply to %q is that to %q, or is found twice", asked, got)
		}
		found[asked] = true
	})
	captureUntil(t, live, done, func(p capture.Packet) {
		a.Packet(p)
		if age := time.Since(p.Time); age < -time.Second || age > time.Hour {
			t.Errorf("a packet of %s", p.Time)
		}
	})
	a.Flush()
	dropped, err := live.Dropped()
	if err != nil {
		t.Error(err)
	}
	if len(found) != conns*calls && dropped == 0 {
		t.Errorf("%d calls of %d, and no packet was dropped; %+v", len(found), conns*calls, a.Counters())
	}
}

// What is not read in time is counted.
func TestLiveDropped(t *testing.T) {
	live := openLive(t)
	to, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	from, err := net.Dial("udp", to.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	const sent, size = 2500, 60_000 // more than the ring has room for
	for range sent {
		if _, err := from.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	close(done)
	read, port := 0, from.LocalAddr().(*net.UDPAddr).Port
	captureUntil(t, live, done, func(p capture.Packet) {
		if len(p.Data) == size+28 && int(p.Data[20])<<8|int(p.Data[21]) == port {
			read++
		}
	})
	dropped, err := live.Dropped()
	if err != nil || dropped == 0 || read == 0 || int64(read)+dropped < sent { // other packets may be dropped as well
		t.Errorf("%d packets sent, %d read, %d dropped, %v", sent, read, dropped, err)
	}
	if again, err := live.Dropped(); err != nil || again < dropped {
		t.Errorf("dropped %d, then %d, %v", dropped, again, err)
	}
}

// Close ends a Next that waits.
func TestLiveClose(t *testing.T) {
	live := openLive(t)
	var closing atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := live.Next(); err != nil && !errors.Is(err, capture.ErrQuiet) {
				if !closing.Load() || err.Error() != "EOF" {
					t.Errorf("Next: %v", err)
				}
				return
			}
		}
	}()
	closing.Store(true)
	if err := live.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	if err := live.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkLive captures b.N calls of 200 bytes, with replies of 200 bytes, on the loopback interface, at THRIFTKIT_LIVE_RATE calls a
// second (default 50,000) over 50 connections, one or several to a packet. It reports how many were made a second, which is fewer where the
// machine cannot, and which share of them was found. For 1-a-packet-injected the packets are handed to the interface as they are, with one
// message in each, since programs that make so many calls one by one would need the processors for themselves.
func BenchmarkLive(b *testing.B) {
	rate := 50_000
	if v := os.Getenv("THRIFTKIT_LIVE_RATE"); v != "" {
		var err error
		if rate, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	for _, batch := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d-a-packet", batch), func(b *testing.B) { benchmarkLive(b, rate, batch) })
	}
	b.Run("1-a-packet-injected", func(b *testing.B) { benchmarkInjected(b, rate) })
}

const liveConns = 50 // connections of BenchmarkLive

// framedGet returns a framed message of 200 bytes of the method get: a call for kind 1, a reply for kind 2.
func framedGet(kind byte) []byte {
	const text = 173
	return []byte("\x00\x00\x00\xc4\x80\x01\x00" + string([]byte{kind}) + "\x00\x00\x00\x03get\x00\x00\x00\x07\x0b\x00\x00\x00\x00\x00" +
		string([]byte{text}) + strings.Repeat("x", text) + "\x00")
}

// countPaired returns an Assembler that counts the calls of server whose reply it finds.
func countPaired(server netip.AddrPort, found *int) *capture.Assembler {
	return capture.NewAssembler(capture.Options{ReuseCalls: true}, func(c *capture.Call) {
		if c.Server == server && c.Request != nil && c.Reply != nil {
			*found++
		}
	})
}

func reportLive(b *testing.B, n, found int, live *capture.Live, took time.Duration) {
	dropped, err := live.Dropped()
	if err != nil {
		b.Fatal(err)
	}
	if found != n && dropped == 0 || found > n {
		b.Errorf("found %d calls of %d, and no packet was dropped", found, n)
	}
	b.ReportMetric(float64(n)/took.Seconds(), "calls/s")
	b.ReportMetric(100*float64(found)/float64(n), "%found")
	b.ReportMetric(float64(dropped), "dropped")
	b.ReportMetric(0, "ns/op") // a rate says more
}

func benchmarkInjected(b *testing.B, rate int) {
	live := openLive(b)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		b.Fatal(err)
	}
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer syscall.Close(socket)
	to := &syscall.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16([]byte{8, 0}), Ifindex: lo.Index} // IPv4
	network := &capturetest.Network{}                                                                       // between addresses that are not this machine's: nothing answers
	var conns []*capturetest.Conn
	for range liveConns {
		conns = append(conns, network.Open())
	}
	call, reply := framedGet(1), framedGet(2)
	for i := range b.N {
		conns[i%liveConns].Send(0, call)
		conns[i%liveConns].Send(1, reply)
	}
	packets := network.Packets()
	server := netip.MustParseAddrPort("10.0.0.2:9090")
	found, done := 0, make(chan struct{})
	a := countPaired(server, &found)
	b.ResetTimer()
	var took time.Duration
	go func() {
		defer close(done)
		began := time.Now()
		for i, p := range packets {
			if i%32 == 0 {
				time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(2*rate))))
			}
			if err := syscall.Sendto(socket, p.Data, 0, to); err != nil {
				b.Error(err)
				return
			}
		}
		took = time.Since(began)
	}()
	captureUntil(b, live, done, a.Packet)
	a.Flush()
	reportLive(b, b.N, found, live, took)
}

func benchmarkLive(b *testing.B, rate, batch int) {
	live := openLive(b)
	calls, replies := bytes.Repeat(framedGet(1), batch), bytes.Repeat(framedGet(2), batch)
	n := (b.N + batch - 1) / batch * batch
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := make([]byte, len(calls)); ; {
					if _, err := io.ReadFull(c, in); err != nil {
						return
					}
					if _, err := c.Write(replies); err != nil {
						return
					}
				}
			}()
		}
	}()
	server := l.Addr().(*net.TCPAddr).AddrPort()
	var clients []net.Conn
	for range liveConns {
		c, err := net.Dial("tcp", server.String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	found, done := 0, make(chan struct{})
	a := countPaired(server, &found)
	b.ResetTimer()
	var took time.Duration
	go func() {
		defer close(done)
		began := time.Now()
		var next atomic.Int64
		var wait sync.WaitGroup
		for _, c := range clients {
			wait.Go(func() {
				in := make([]byte, len(replies))
				for {
					i := next.Add(int64(batch)) - int64(batch)
					if i >= int64(n) {
						return
					}
					time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
					if _, err := c.Write(calls); err != nil {
						b.Error(err)
						return
					}
					if _, err := io.ReadFull(c, in); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wait.Wait()
		took = time.Since(began)
	}()
	captureUntil(b, live, done, a.Packet)
	a.Flush()
	reportLive(b, n, found, live, took)
}
