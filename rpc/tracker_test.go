package rpc_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func frame(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

const trackName = "__thriftpy_tracing_method_name__v2"

// TestTracker is a client of thriftpy2 that tracks its calls.
func TestTracker(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()

	// request_id "r", seq "1", meta {"m": "x"}; and the metadata that the server is to send back: {"b": "y"}
	tracked := unhex("0b0001 00000001 72  0b0002 00000001 31  0d0003 0b0b 00000001 00000001 6d 00000001 78  00")
	back := "0d0001 0b0b 00000001 00000001 62 00000001 79 00"
	seen := "0d0000 0b0b 00000003 "
	tests := []struct {
		what  string
		send  [][]byte // messages, one after the other
		reply []byte   // what must come back to the last; of a map only the beginning
	}{
		{"the handshake", [][]byte{message(trackName, wire.Call, 0, "080002 00000002 00")}, message(trackName, wire.Reply, 0, "080001 00000002 00")},
		{"the handshake of one that tells no version", [][]byte{message(trackName, wire.Call, 0, "00")}, message(trackName, wire.Reply, 0, "00")},
		{"a call", [][]byte{message(trackName, wire.Call, 0, "080002 00000002 00"), append(tracked, message("metadata", wire.Call, 1, back)...)},
			append(unhex(back), message("metadata", wire.Reply, 1, seen)...)},
		{"a call of one that takes nothing in front of replies", [][]byte{message(trackName, wire.Call, 0, "080002 00000001 00"), append(tracked, message("metadata", wire.Call, 1, back)...)},
			message("metadata", wire.Reply, 1, seen)},
		{"an empty struct in front", [][]byte{message(trackName, wire.Call, 0, "080002 00000002 00"), append([]byte{0}, message("ping", wire.Call, 1, "00")...)},
			append([]byte{0}, message("ping", wire.Reply, 1, "0b0000 00000004 706f6e67 00")...)},
		{"an unknown method", [][]byte{message(trackName, wire.Call, 0, "080002 00000002 00"), append(tracked, message("nope", wire.Call, 1, "00")...)},
			append([]byte{0}, message("nope", wire.Exception, 1, "")...)},
		{"not first, so that it is a method like others", [][]byte{message("ping", wire.Call, 0, "00"), message(trackName, wire.Call, 1, "080002 00000002 00")},
			message(trackName, wire.Exception, 1, "")},
	}
	for _, test := range tests {
		for _, framed := range []bool{false, true} {
			for _, chunk := range []int{1, 1 << 20} {
				nc := connectTo(t, l)
				nc.SetDeadline(time.Now().Add(20 * time.Second))
				var got []byte
				for i, msg := range test.send {
					want := test.reply
					if i < len(test.send)-1 {
						want = []byte{0} // any reply at all
					}
					if framed {
						msg, want = frame(msg), append(make([]byte, 4), want...)
					}
					for c := range chunks(msg, chunk) {
						nc.Write(c)
					}
					got = make([]byte, len(want))
					if _, err := io.ReadFull(nc, got); err != nil {
						t.Fatalf("%s: %v", test.what, err)
					}
					if i < len(test.send)-1 {
						drain(nc)
					}
				}
				if framed {
					got = got[4:]
				}
				if !bytes.Equal(got, test.reply) {
					t.Errorf("%s, framed %v, in chunks of %d:\ngot  %q\nwant %q", test.what, framed, chunk, got, test.reply)
				}
				nc.Close()
			}
		}
	}
}

// chunks ranges over the parts of b of n bytes.
func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

// drain reads what comes within a moment.
func drain(nc net.Conn) {
	nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	io.Copy(io.Discard, nc)
	nc.SetReadDeadline(time.Now().Add(20 * time.Second))
}

// TestTrackerBad has what stands in front of a call be no struct, or have no end.
func TestTrackerBad(t *testing.T) {
	leaks(t)
	l := listen(t)
	errs := make(chan error, 10)
	serve(t, l, newHandler(), rpc.ServerOptions{ErrorLog: func(err error) { errs <- err }})
	tests := []struct {
		what string
		send []byte
		want string
	}{
		{"no struct", unhex("99 0001 00"), "at byte 3: invalid data: type 153 is not the type of a value"},
		{"a struct without an end", append(unhex("0b0001 00020000"), make([]byte, 128<<10)...), "too large: more than 65536 bytes before a call"},
	}
	for _, test := range tests {
		nc := connectTo(t, l)
		defer nc.Close()
		nc.Write(append(message(trackName, wire.Call, 0, "080002 00000002 00"), test.send...))
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		io.Copy(io.Discard, nc)
		if err := <-errs; !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
