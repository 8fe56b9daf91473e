package rpc_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestIdleBuffers has connections that carried long messages and rest: what they keep must not depend on how long those were.
func TestIdleBuffers(t *testing.T) {
	const conns, size, most = 10, 10 << 20, 512 << 10 // bytes of a connection, both sides together
	for _, query := range []string{"", "?transport=framed", "?protocol=compact", "?transport=header", "?transport=ttheader", "?protocol=json", "?compression=zlib"} {
		t.Run(query, func(t *testing.T) {
			most := int64(most)
			if strings.Contains(query, "zlib") {
				most += 2 << 20 // compressors and windows
			}
			leaks(t)
			l := listen(t)
			_, svc := serve(t, l, newHandler(), rpc.ServerOptions{})
			text := strings.Repeat("x", size)
			heap := func() int64 {
				var m runtime.MemStats
				for range 3 { // pools give back what they have in two rounds
					runtime.GC()
				}
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before := heap()
			var clients []*rpc.Client
			for range conns {
				c := dial(t, l.Addr().String()+query, rpc.ClientOptions{})
				if got, err := rpc.Invoke[string](t.Context(), c, svc.Method("echo"), text); len(got) != size || err != nil {
					t.Fatal(len(got), err)
				}
				clients = append(clients, c)
			}
			each := int64(0)
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if each = (heap() - before) / conns; each <= most {
					break
				}
			}
			t.Logf("%d bytes", each)
			if each > most {
				t.Errorf("a connection that rests keeps %d bytes, more than %d", each, most)
			}
			runtime.KeepAlive(clients)
		})
	}
}
