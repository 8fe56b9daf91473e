package rpc_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// TestHostileStarts sends what no honest client would to a server, in every dialect. The connection
// is closed with an error that says why, memory stays bounded, and another client that calls all
// the while does not notice.
func TestHostileStarts(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	errs := make(chan error, 100)
	const limit = 1 << 20
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{
		MaxMessageBytes: limit, ReadTimeout: 2 * time.Second,
		ErrorLog: func(err error) { errs <- err },
	})
	neighbour := bind(t, dial(t, l.Addr().String(), rpc.ClientOptions{}), svc)

	zlibBytes := func(b []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		w.Write(b)
		w.Flush()
		return out.Bytes()
	}
	theader := func(head string, payload []byte) []byte {
		h := unhex(head)
		b := append(unhex("0fff 0000 00000001"), byte(len(h)/4>>8), byte(len(h)/4))
		return frame(append(append(b, h...), payload...))
	}
	ttheader := func(head string, payload []byte) []byte {
		b := theader(head, payload)
		binary.BigEndian.PutUint16(b[4:], 0x1000)
		return b
	}
	var bomb bytes.Buffer
	w := zlib.NewWriter(&bomb)
	w.Write(make([]byte, 64<<20))
	w.Close()
	ping := message("ping", wire.Call, 1, "00")
	echoLong := message("echo", wire.Call, 1, "0b0001 7ffffff0")

	tests := []struct {
		what string
		send []byte
		want string // in the error log; "" if the connection goes on with an exception
	}{
		{"nothing known", []byte("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"), "no dialect of Thrift starts with the bytes ff fe fd fc fb fa f9 f8"},
		{"binary, a string of two gigabytes", echoLong, "too large: the message has more than 1048576 bytes"},
		{"framed, a frame of two gigabytes", unhex("7fffffff 80010001"), "too large: frame of 2147483647 bytes"},
		{"THeader, a frame of two gigabytes", unhex("7fffffff 0fff0000"), "too large: frame of 2147483647 bytes"},
		{"THeader, a frame of no size", unhex("00000004 0fff0000"), "at byte 4: unexpected end of message"},
		{"THeader, a header that is longer than the frame", theader("", nil)[:14], "at byte 10: unexpected end of message"},
		{"THeader, 100 million transforms", theader("00 80c2d72f 000000", ping), "too large: 100000000 transforms"},
		{"THeader, 2 billion names", theader("00 00 01 ffffffff 07", ping), "2147483647 names in a header"},
		{"THeader, an unknown transform", theader("00 01 02 00", ping), "transform 2 is not known"},
		{"THeader, an unknown protocol", theader("07 00 0000", ping), ""},
		{"THeader, a bomb", theader("00 01 01 00", bomb.Bytes()), "too large: a payload of more than 1048576 bytes when it is decompressed"},
		{"THeader, a string of two gigabytes", theader("00 00 0000", echoLong), ""},
		{"THeader, no message", theader("00 00 0000", nil), "unexpected end of message"},
		{"TTHeader, a frame of two gigabytes", unhex("7fffffff 10000000"), "too large: frame of 2147483647 bytes"},
		{"TTHeader, names beyond the header", ttheader("00 00 01 ffff 000000", ping), "65535 names in a header"},
		{"TTHeader, an unknown info", ttheader("00 00 02 00", ping), "an info of type 0x2"},
		{"TTHeader, an unknown protocol", ttheader("04 00 0000", ping), ""},
		{"TTHeader, a status that is no number", ttheader("00 00 01 0001 000a 62697a2d737461747573 0001 78 00000000", ping), `the business status "x"`},
		{"TTHeader, a payload that lies", ttheader("00 00 0000", unhex("00000099 80010001")), "a payload that says it has 153 bytes and has 4"},
		{"zlib, and nothing known in it", zlibBytes([]byte("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8")), "no dialect of Thrift starts with the bytes ff fe fd"},
		{"zlib, a bomb", bomb.Bytes(), "no dialect of Thrift starts with the bytes 00 00 00"},
		{"zlib, a bomb behind the start of a message", zlibBytes(append(echoLong, make([]byte, 64<<20)...)), "too large"},
		{"zlib that is none", []byte("\x78\x9cnot compressed at all"), "invalid data"},
		{"SASL, which is not on", unhex("01 00000005 504c41494e 05 00000004 00610062"), "SASL: user \"a\": this server does not accept SASL"},
		{"SASL, another mechanism", unhex("01 00000006 475353415049 05 00000000"), "there is only PLAIN"},
		{"SASL, a response of four gigabytes", unhex("01 00000005 504c41494e 05 ffffffff"), "too large: a SASL message of 4294967295 bytes"},
		{"SASL, a response of one part", unhex("01 00000005 504c41494e 05 00000001 61"), "a PLAIN response of 1 parts"},
		{"SASL, another's name", unhex("01 00000005 504c41494e 05 00000005 6100620063"), `"b" wants to act as "a"`},
		{"SASL that never goes on", unhex("01 00000005 504c41494e"), "timeout"},
		{"THeader that never goes on", unhex("00000100 0fff0000 00"), "timeout"},
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, test := range tests {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		go nc.Write(test.send) // the server may stop reading
		if test.want == "" {
			var length [4]byte
			if _, err := io.ReadFull(nc, length[:]); err != nil {
				t.Errorf("%s: no answer: %v", test.what, err)
			}
		} else if err := <-errs; !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %s", test.what, err, test.want)
		}
		nc.Close()
		if got, err := neighbour.Ping(context.Background()); got != "pong" || err != nil {
			t.Fatalf("%s: another client: %v", test.what, err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 512<<20 {
		t.Errorf("%d MB were allocated in all", got>>20)
	}
}
