package serverconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/wire"
)

// A server has connections of frames of text: a call is a text, and its reply the same in capitals. A call
// that begins with "slow" waits for release.
type server struct {
	group    Group
	wg       sync.WaitGroup
	anyOrder bool
	release  chan struct{}
	slow     atomic.Int32
	failed   chan error
	closed   chan error
}

type textCodec struct {
	s *server
	c *Conn
}

func (t textCodec) NewCall() Call             { return &textCall{s: t.s} }
func (t textCodec) GoAway() []byte            { return frame("GOING AWAY") }
func (t textCodec) Refuse([]byte, error) Call { return nil }

type textCall struct {
	s    *server
	text string
}

var errBad = errors.New("bad call")

func (c *textCall) Decode(msg []byte) error {
	if c.text = string(msg); c.text == "bad" {
		return errBad
	}
	return nil
}

func (c *textCall) Slow() *atomic.Int32 {
	if strings.HasPrefix(c.text, "slow") {
		return &c.s.slow
	}
	return new(atomic.Int32)
}

func (c *textCall) Execute() {
	if strings.HasPrefix(c.text, "slow") {
		<-c.s.release
	}
}

func (c *textCall) AppendReply(dst []byte) ([]byte, error) {
	return append(dst, frame(strings.ToUpper(c.text))...), nil
}

func frame(text string) []byte {
	b := wire.Framed.Begin(nil)
	b = append(b, text...)
	wire.Framed.End(b, 0)
	return b
}

func (s *server) Failed(err error) { s.failed <- err }
func (s *server) Closed(err error) { s.closed <- err }

func newServer(t *testing.T, anyOrder bool) *server {
	s := &server{anyOrder: anyOrder, release: make(chan struct{}), failed: make(chan error, 10), closed: make(chan error, 1)}
	s.group = Group{MaxMessageBytes: 1 << 20, MaxCalls: 100, IdleTimeout: time.Hour, WaitGroup: &s.wg}
	s.wg.Add(1) // as a server that accepts connections does
	t.Cleanup(func() {
		s.wg.Done()
		s.wg.Wait() // no goroutine is left
	})
	return s
}

// serve has a connection served and returns it, and the client's end.
func (s *server) serve(t *testing.T) (*Conn, net.Conn, func() string) {
	client, nc := memnet.Pipe()
	t.Cleanup(func() { client.Close() })
	c := New(&s.group, nc, s)
	c.MayRest = true
	c.Reader().Start(wire.Framed, nil)
	if s.anyOrder {
		c.AcceptAnyOrder()
	}
	go c.Serve(textCodec{s, c})
	r := bufio.NewReader(client)
	return c, client, func() string {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err.Error()
		}
		text := make([]byte, int(head[3]))
		io.ReadFull(r, text)
		return string(text)
	}
}

// TestOrder has a slow call between quick ones: the quick ones behind it run beside it, and replies leave in
// the order of the calls, or as they are ready where the peer accepts that.
func TestOrder(t *testing.T) {
	for _, anyOrder := range []bool{false, true} {
		t.Run(fmt.Sprint("any order: ", anyOrder), func(t *testing.T) {
			s := newServer(t, anyOrder)
			_, client, reply := s.serve(t)
			for _, text := range []string{"one", "slow", "two", "three"} {
				client.Write(frame(text))
			}
			var got []string
			got = append(got, reply())
			if anyOrder {
				got = append(got, reply(), reply())
			}
			close(s.release)
			for len(got) < 4 {
				got = append(got, reply())
			}
			want := "ONE SLOW TWO THREE"
			if anyOrder {
				want = "ONE TWO THREE SLOW"
			}
			if got := strings.Join(got, " "); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if s.slow.Load() == 0 {
				t.Error("the method was not found to be slow")
			}
			client.Close()
			if err := <-s.closed; err != nil {
				t.Errorf("closed with %v", err)
			}
		})
	}
}

// TestDrain has a connection drain while a call is under way: it gets its reply, then GOAWAY.
func TestDrain(t *testing.T) {
	s := newServer(t, false)
	c, client, reply := s.serve(t)
	client.Write(frame("slow"))
	for s.slow.Load() == 0 { // until another goroutine reads
		time.Sleep(time.Millisecond)
	}
	c.Drain()
	c.Cut()
	close(s.release)
	if got := []string{reply(), reply(), reply()}; fmt.Sprint(got) != "[SLOW GOING AWAY EOF]" {
		t.Error(got)
	}
	client.Close()
	if err := <-s.closed; err != nil {
		t.Errorf("closed with %v", err)
	}
}

// TestFail has a connection end by an error: the calls before it have their replies.
func TestFail(t *testing.T) {
	s := newServer(t, false)
	_, client, reply := s.serve(t)
	client.Write(append(frame("one"), frame("bad")...))
	if got := []string{reply(), reply()}; fmt.Sprint(got) != "[ONE EOF]" {
		t.Error(got)
	}
	if err := <-s.failed; err != errBad {
		t.Error(err)
	}
	if err := <-s.closed; err != errBad {
		t.Error(err)
	}
}

// TestIdle has a connection close after the idle timeout, and not while a call is under way.
func TestIdle(t *testing.T) {
	s := newServer(t, true)
	s.group.IdleTimeout = 20 * time.Millisecond
	_, client, reply := s.serve(t)
	client.Write(frame("slow"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	close(s.release)
	if got := []string{reply(), reply(), reply()}; fmt.Sprint(got) != "[SLOW GOING AWAY EOF]" {
		t.Error(got)
	}
}
