package attack

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/schema"
)

// corpus returns correct calls as a client of thriftkit sends them, of which the attacks by truncation and by changed bytes are made.
func corpus(d Dialect) ([]input, error) {
	file, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	svc := file.Service("Conformance")
	var all []input
	for _, c := range []struct {
		method string
		arg    any
	}{
		{"ping", nil},
		{"echoString", "红楼梦"},
		{"notify", "token"},
		{"echoStringToItems", map[string]any{"a": []any{map[string]any{"name": "b", "count": 3, "price": 1.5}}}},
		{"echoTree", map[string]any{"name": "root", "children": []any{map[string]any{"name": "leaf"}}, "named": map[string]any{"x": map[string]any{"name": "y"}}}},
		{"echoChoice", map[string]any{"many": []any{map[string]any{"number": 1}, map[string]any{"flag": true}}}},
		{"echoDeep", map[string]any{"a": map[int32]any{7: []any{"x", "y"}}}},
	} {
		b, err := record(d, svc.Method(c.method), c.arg)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", d, c.method, err)
		}
		all = append(all, input{c.method, b, c.method})
	}
	return all, nil
}

// record returns the bytes by which m is called, with the one argument unless it is nil.
func record(d Dialect, m *schema.Method, arg any) ([]byte, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	recorded := make(chan []byte, 2)
	go func() {
		for { // over HTTP the first connection has nothing on it
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				nc.SetReadDeadline(time.Now().Add(recording))
				first := make([]byte, 1)
				if n, _ := nc.Read(first); n > 0 {
					recorded <- append(first, readAll(nc, 50*time.Millisecond)...)
				}
			}()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := thriftkit.Dial(ctx, d.Target(l.Addr().String()))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	args := []any{arg}
	if len(m.Args.Fields) == 0 {
		args = nil
	}
	ctx, stop := context.WithTimeout(ctx, recording)
	defer stop()
	_, err = thriftkit.Invoke[any](ctx, c, m, args...) // nobody answers
	select {
	case b := <-recorded:
		return b, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("nothing was sent: %w", err)
	}
}

// recording is how long a call may take to be sent.
const recording = 2 * time.Second

// readAll reads until nothing has come for a while.
func readAll(nc net.Conn, pause time.Duration) []byte {
	var all []byte
	buf := make([]byte, 4096)
	for {
		nc.SetReadDeadline(time.Now().Add(pause))
		n, err := nc.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return all
		}
	}
}

// truncated returns in cut off at every step-th byte.
func truncated(in input, step int) []input {
	var all []input
	for n := 0; n < len(in.bytes); n += step {
		all = append(all, input{fmt.Sprintf("%s, %d of %d bytes", in.name, n, len(in.bytes)), in.bytes[:n], in.method})
	}
	return all
}

// flipped returns in with every step-th byte changed, in each of some ways.
func flipped(in input, step int) []input {
	var all []input
	for i := 0; i < len(in.bytes); i += step {
		for _, mask := range []byte{0xff, 0x80, 0x01} {
			b := append([]byte(nil), in.bytes...)
			b[i] ^= mask
			all = append(all, input{fmt.Sprintf("%s, byte %d ^ %02x", in.name, i, mask), b, in.method})
		}
	}
	return all
}
