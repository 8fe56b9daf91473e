// Package freeport finds ports for the servers of tests that cannot choose one themselves.
package freeport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports are below those that systems give to connections and to listeners of port 0: 32768 and up on Linux, 49152 and up elsewhere.
// Whatever connects or listens beside the test does not get one of them.
const low, high = 12_000, 32_000

// TCP returns a port on which nobody listens, at any address. No other caller of TCP, in this or another process, gets the same until the test has ended.
func TCP(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := low + rand.IntN(high-low)
		addr := ":" + strconv.Itoa(port)
		// The UDP port of the same number says that the port is taken: a server may listen on TCP now, this stays.
		mark, err := net.ListenPacket("udp", "127.0.0.1"+addr)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err == nil {
			l.Close()
			l, err = net.Listen("tcp", "127.0.0.1"+addr)
		}
		if err != nil {
			mark.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { mark.Close() })
		return port
	}
	t.Fatal("no TCP port is free")
	return 0
}

// Addr returns 127.0.0.1 with a port as that of TCP.
func Addr(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(TCP(t)))
}
