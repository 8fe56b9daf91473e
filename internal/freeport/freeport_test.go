package freeport

import (
	"net"
	"testing"
)

func TestTCP(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port := TCP(t)
		if seen[port] {
			t.Fatalf("%d a second time", port)
		}
		if port < low || port >= high {
			t.Errorf("%d is not in [%d, %d)", port, low, high)
		}
		seen[port] = true
	}
	addr := Addr(t)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	l, err = net.Listen("tcp", ":"+addr[len("127.0.0.1:"):])
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
