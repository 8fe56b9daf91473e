package rpc_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/thrifttest"
	"github.com/thriftkit/thriftkit/wire"
	thrift "github.com/thriftkit/thriftkit/wire/binary"
)

// TestRefusedCallInHeader sends calls in frames with headers that are too long: what has come of them says who is to be answered.
func TestRefusedCallInHeader(t *testing.T) {
	leaks(t)
	l := listen(t)
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{MaxMessageBytes: 2000})
	for _, query := range []string{"", "?transport=framed", "?protocol=compact", "?transport=header", "?transport=header&protocol=compact", "?transport=framed-header", "?transport=ttheader", "?transport=ttheader&service=Test"} {
		c := dial(t, l.Addr().String()+query, rpc.ClientOptions{Timeout: 20 * time.Second})
		_, err := rpc.Invoke[string](t.Context(), c, svc.Method("echo"), strings.Repeat("x", 300_000))
		if code(err) != rpc.CodeProtocol || rpc.OutcomeOf(err) != rpc.OutcomeExecuted || !strings.Contains(err.Error(), "too large: ") {
			t.Errorf("%s: %v, %v", query, err, rpc.OutcomeOf(err))
		}
		if got, err := rpc.Invoke[string](t.Context(), c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s: afterwards: %q, %v", query, got, err)
		}
	}
}

// TestRefusedCall sends calls that a server cannot read to their ends. Whoever can be told is told, in the order of the calls,
// and the connection ends.
func TestRefusedCall(t *testing.T) {
	const limit = 2000
	long := strings.Repeat("x", limit)
	call := func(name string, seq int32, typ wire.MessageType, text string) []byte {
		msg := thrift.AppendHeader(nil, wire.Header{Name: name, Type: typ, SeqID: seq})
		return append(thrift.AppendStringField(msg, 1, text), 0)
	}
	deep := thrift.AppendHeader(nil, wire.Header{Name: "echo", Type: wire.Call, SeqID: 7})
	deep = append(deep, strings.Repeat("\x0c\x00\x09", wire.MaxDepth+1)...)
	frame := func(msg []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...) }
	for _, test := range []struct {
		what string
		send []byte
		want []string // the answers; none: the connection ends without a word
	}{
		{"too long, framed", frame(call("echo", 7, wire.Call, long)), []string{"7 echo: at byte 0: too large: frame of 2024 bytes, at most 2000 are accepted"}},
		{"too long, buffered", call("echo", 7, wire.Call, long), []string{"7 echo: at byte 19: too large: the message has more than 2000 bytes"}},
		{"too deep, buffered", deep, []string{"7 echo: at byte 781: nested too deep: more than 256 levels"}},
		{"a length of -1", append(call("echo", 7, wire.Call, "")[:19], "\xff\xff\xff\xff\x00"...), []string{"7 echo: at byte 19: invalid data: length -1"}},
		{"with the name of its service", call("Test:echo", 7, wire.Call, long), []string{"7 echo: at byte 24: too large: the message has more than 2000 bytes"}},
		{"after another", append(frame(call("echo", 6, wire.Call, "a")), frame(call("echo", 7, wire.Call, long))...),
			[]string{"6 echo: a", "7 echo: at byte 0: too large: frame of 2024 bytes, at most 2000 are accepted"}},
		{"after a slow one", append(frame(append(thrift.AppendI32Field(thrift.AppendHeader(nil, wire.Header{Name: "wait", Type: wire.Call, SeqID: 6}), 1, 100), 0)),
			frame(call("echo", 7, wire.Call, long))...),
			[]string{"6 wait: ", "7 echo: at byte 0: too large: frame of 2024 bytes, at most 2000 are accepted"}},
		{"oneway", frame(call("echo", 7, wire.Oneway, long)), nil},
		{"of no method", frame(call("nothing", 7, wire.Call, long)), nil},
		{"a reply", frame(call("echo", 7, wire.Reply, long)), nil},
	} {
		t.Run(test.what, func(t *testing.T) {
			leaks(t)
			l := listen(t)
			var log errorLog
			var heard thrifttest.Recorder
			serve(t, l, newHandler(), rpc.ServerOptions{MaxMessageBytes: limit, ErrorLog: log.add, Stats: &heard})
			nc := connectTo(t, l)
			defer nc.Close()
			go nc.Write(test.send)
			nc.SetReadDeadline(time.Now().Add(20 * time.Second))
			all, err := io.ReadAll(nc)
			if err != nil {
				t.Fatal(err)
			}
			framed := strings.HasPrefix(string(test.send), "\x00")
			var got []string
			for b := all; len(b) > 0; {
				if framed {
					b = b[4:]
				}
				h, off, err := thrift.ConsumeHeader(b)
				if err != nil {
					t.Fatal(err)
				}
				end, err := thrift.Skip(b, off, wire.Struct)
				if err != nil {
					t.Fatal(err)
				}
				text := ""
				if b[off] == byte(wire.String) {
					text = string(b[off+7 : off+7+int(binary.BigEndian.Uint32(b[off+3:]))])
				}
				got = append(got, fmt.Sprintf("%d %s: %s", h.SeqID, h.Name, text))
				b = b[end:]
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("%q, want %q", got, test.want)
			}
			waitFor(t, "a line of the error log", func() bool { return log.String() != "" })
			refused := 0
			for _, e := range heard.Calls() {
				if e.Kind == rpc.CallRefused {
					refused++
				}
			}
			if want := min(len(test.want), 1); refused != want {
				t.Errorf("%d refused calls for Stats, want %d", refused, want)
			}
		})
	}
}
