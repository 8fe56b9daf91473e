package rpc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
	thrift "github.com/thriftkit/thriftkit/wire/binary"
)

// TestRefusedReply has servers whose first answers a client cannot read, to two calls of one connection.
func TestRefusedReply(t *testing.T) {
	const (
		limit  = 1000
		tooBig = "Test.echo: protocol error: the reply is too large: "
		unread = "Test.echo: connection lost: at byte 0: too large: frame of "
		lost   = "Test.echo: connection lost: after the reply to another call: at byte "
		sasl   = "Test.echo: unavailable: the server wants SASL (a user and a password): "
	)
	long := strings.Repeat("x", limit)
	reply := func(seq int32, text string) []byte {
		msg := thrift.AppendHeader(nil, wire.Header{Name: "echo", Type: wire.Reply, SeqID: seq})
		return append(thrift.AppendStringField(msg, 0, text), 0)
	}
	frame := func(msg []byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
	}
	for _, test := range []struct {
		what, transport string
		answer          func(first, second int32) []byte
		errs            [2]string // how those of the calls begin
		outcomes        [2]rpc.Outcome
	}{
		{"the first call's", "framed", func(first, _ int32) []byte { return frame(reply(first, long)) },
			[2]string{tooBig + "frame of 1024 bytes", lost}, [2]rpc.Outcome{rpc.OutcomeExecuted, rpc.OutcomeUnknown}},
		{"the second call's", "framed", func(_, second int32) []byte { return frame(reply(second, long)) },
			[2]string{lost, tooBig + "frame of 1024 bytes"}, [2]rpc.Outcome{rpc.OutcomeUnknown, rpc.OutcomeExecuted}},
		{"after another", "framed", func(first, second int32) []byte {
			return append(frame(reply(first, "x")), frame(reply(second, long))...)
		},
			[2]string{"", tooBig + "frame of 1024 bytes"}, [2]rpc.Outcome{rpc.OutcomeExecuted, rpc.OutcomeExecuted}},
		{"without its header", "framed", func(int32, int32) []byte { return []byte{0, 0, 4, 0} },
			[2]string{unread, unread}, [2]rpc.Outcome{}},
		{"of another method", "framed", func(first, _ int32) []byte {
			return bytes.Replace(frame(reply(first, long)), []byte("echo"), []byte("ping"), 1)
		},
			[2]string{unread, unread}, [2]rpc.Outcome{}},
		{"of another protocol", "framed", func(int32, int32) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
			[2]string{unread, unread}, [2]rpc.Outcome{}},
		{"buffered", "buffered", func(first, _ int32) []byte { return reply(first, long) },
			[2]string{tooBig, lost}, [2]rpc.Outcome{rpc.OutcomeExecuted, rpc.OutcomeUnknown}},
		{"a server that wants SASL", "buffered", func(int32, int32) []byte { return []byte("\x04\x00\x00\x00\x13Invalid status -128") },
			[2]string{sasl + `"Invalid status -128"`, sasl}, [2]rpc.Outcome{rpc.OutcomeRefused, rpc.OutcomeRefused}},
		{"the same, framed", "framed", func(int32, int32) []byte { return []byte("\x03\x00\x00\x00\x13Invalid status -128") },
			[2]string{sasl + `"Invalid status -128"`, sasl}, [2]rpc.Outcome{rpc.OutcomeRefused, rpc.OutcomeRefused}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := listen(t)
				defer l.Close()
				c, err := rpc.Dial(t.Context(), l.Addr().String()+"?transport="+test.transport, inMemory(rpc.ClientOptions{Lazy: true, MaxConns: 1, MaxMessageBytes: limit}))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				echo := load(t).Service("Test").Method("echo")
				var wg sync.WaitGroup
				wg.Go(func() {
					nc, err := l.Accept()
					if err != nil {
						t.Error(err)
						return
					}
					defer nc.Close()
					at := 0 // of a message
					if test.transport == "framed" {
						at = 4
					}
					var seqs [2]int32
					for i := range seqs {
						call := make([]byte, at+25)
						if _, err := io.ReadFull(nc, call); err != nil {
							t.Error(err)
							return
						}
						seqs[i] = int32(binary.BigEndian.Uint32(call[at+12:]))
					}
					nc.Write(test.answer(seqs[0], seqs[1]))
				})
				for i, want := range test.errs {
					wg.Go(func() {
						_, err := rpc.Invoke[string](t.Context(), c, echo, "x")
						if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) || rpc.OutcomeOf(err) != test.outcomes[i] {
							t.Errorf("call %d: %v, outcome %v; want %s, %v", i+1, err, rpc.OutcomeOf(err), want, test.outcomes[i])
						}
						if strings.HasPrefix(want, tooBig) && !errors.Is(err, wire.ErrTooLarge) {
							t.Errorf("call %d: not wire.ErrTooLarge", i+1)
						}
					})
					synctest.Wait() // so that the first is the first
				}
				wg.Wait()
			})
		})
	}
}
