package raw

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

func listen(t *testing.T, serve func(net.Listener) error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go serve(l)
	return l.Addr().String()
}

var sizes = []int{0, 1, 1000, 100_000, 300_000}

func TestGo(t *testing.T) {
	for name, serve := range map[string]func(net.Listener) error{"go": ServeGo, "mux": ServeMux} {
		c, err := Dial(listen(t, serve))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, size := range sizes {
			want := bytes.Repeat([]byte{byte(size + 1)}, size)
			if got, err := c.Call(want, time.Minute); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes: got %d, %v", name, size, len(got), err)
			}
		}
	}
}

func TestMux(t *testing.T) {
	const callers = 10
	m, err := DialMux(listen(t, ServeMux), callers)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for number := range callers {
		group.Go(func() {
			for _, size := range sizes {
				want := bytes.Repeat([]byte{byte(number)}, size)
				if got, err := m.Call(number, want); err != nil || !bytes.Equal(got, want) {
					t.Errorf("caller %d: %d bytes: got %d, %v", number, size, len(got), err)
				}
			}
		})
	}
	group.Wait()
	m.Close()
	if _, err := m.Call(0, nil); err == nil {
		t.Error("a call after Close succeeds")
	}
}
