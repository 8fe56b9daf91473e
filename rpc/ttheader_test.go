package rpc_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
	wirebinary "github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/ttheader"
)

// sealed returns a message in a frame of TTHeader.
func sealed(f ttheader.Frame, msg []byte) []byte {
	dst, err := f.Begin(nil)
	if err != nil {
		panic(err)
	}
	payload := len(dst)
	dst = append(dst, msg...)
	f.End(dst, 0, payload)
	return dst
}

// recvSealed reads a frame of TTHeader and the header of the message in it.
func recvSealed(r *msgio.Reader) (*ttheader.Frame, wire.Header, error) {
	frame, err := r.Recv()
	if err != nil {
		return nil, wire.Header{}, err
	}
	f, msg, err := ttheader.Parse(frame)
	if err != nil {
		return nil, wire.Header{}, err
	}
	h, _, err := wirebinary.ConsumeHeader(msg)
	return f, h, err
}

// TestServerSaysItCloses has a server send what Kitex's sends over multiplexed connections when it shuts down: a frame that answers
// no call. The call under way gets its reply, the next one another connection.
func TestServerSaysItCloses(t *testing.T) {
	leaks(t)
	l := listen(t)
	closing := sealed(ttheader.Frame{Strings: map[string]string{ttheader.CloseSoon: "1"}}, message("none", wire.Reply, 0, "00"))
	var conns atomic.Int32
	var group sync.WaitGroup
	group.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conn := conns.Add(1)
			r := msgio.NewReader(nc, 1<<20)
			r.Start(wire.TTHeader, nil)
			for n := 0; ; n++ {
				f, h, err := recvSealed(r)
				if err != nil {
					break
				}
				if conn == 1 && n == 1 || conn == 2 { // at the first call, or later
					nc.Write(closing)
				}
				nc.Write(sealed(ttheader.Frame{SeqID: f.SeqID}, pong("pong", h.SeqID)))
			}
			nc.Close()
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	ping := pinger(t, l.Addr().String()+"?transport=ttheader", rpc.ClientOptions{MaxConns: 1})
	for i := range 5 {
		if got, err := ping(context.Background()); got != "pong" || err != nil {
			t.Errorf("call %d: %q, %v", i, got, err)
		}
	}
	if n := conns.Load(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// TestOutOfOrderFlag has a server give the flags of a call back.
func TestOutOfOrderFlag(t *testing.T) {
	leaks(t)
	l := listen(t)
	serve(t, l, newHandler(), rpc.ServerOptions{})
	nc := connectTo(t, l)
	defer nc.Close()
	r := msgio.NewReader(nc, 1<<20)
	r.Start(wire.TTHeader, nil)
	for i, flags := range []uint16{ttheader.OutOfOrder, 0, ttheader.OutOfOrder} {
		seq := int32(i + 7)
		nc.Write(sealed(ttheader.Frame{Flags: flags, SeqID: seq}, message("ping", wire.Call, seq, "00")))
		f, h, err := recvSealed(r)
		if err != nil || f.Flags != flags || f.SeqID != seq || h.SeqID != seq || h.Type != wire.Reply {
			t.Errorf("flags %d: %+v, %+v, %v", flags, f, h, err)
		}
	}
}
