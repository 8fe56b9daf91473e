package attack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
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

// record returns the bytes by which m is called, with the one argument unless it is nil. A server answers the call: when the
// call and then the connection have ended, all of it has arrived, however long that took.
func record(d Dialect, m *schema.Method, arg any) ([]byte, error) {
	file, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := thriftkit.NewServer()
	defer s.Close()
	if err := s.Register(file.Service("Conformance"), conformance.NewHandler(file)); err != nil {
		return nil, err
	}
	recorder := &recorder{Listener: l, ended: make(chan []byte)}
	go s.Serve(recorder)
	ctx, cancel := context.WithTimeout(context.Background(), recording)
	defer cancel()
	c, err := thriftkit.Dial(ctx, d.Target(l.Addr().String()))
	if err != nil {
		return nil, err
	}
	args := []any{arg}
	if len(m.Args.Fields) == 0 {
		args = nil
	}
	_, err = thriftkit.Invoke[any](ctx, c, m, args...)
	if err := errors.Join(err, c.Close()); err != nil {
		return nil, err
	}
	for {
		select {
		case b := <-recorder.ended:
			if len(b) > 0 { // over HTTP the first connection has nothing on it
				return b, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("the connection does not end: %w", ctx.Err())
		}
	}
}

// recording bounds what takes a moment on a machine that is not busy.
const recording = 2 * time.Minute

// A recorder keeps what comes on each of its connections and, when the connection is closed, sends it to ended.
type recorder struct {
	net.Listener
	ended chan []byte
}

func (r *recorder) Accept() (net.Conn, error) {
	nc, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordedConn{Conn: nc, ended: r.ended}, nil
}

type recordedConn struct {
	net.Conn
	ended chan []byte

	mu     sync.Mutex
	read   []byte
	closed bool
}

func (c *recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, b[:n]...)
	return n, err
}

func (c *recordedConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		whole := c.read                  // a read that is under way may yet bring more
		go func() { c.ended <- whole }() // for the one who may be waiting
	}
	return c.Conn.Close()
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
