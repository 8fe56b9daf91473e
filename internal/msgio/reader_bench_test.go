package msgio

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
	thrift "github.com/thriftkit/thriftkit/wire/binary"
)

// An endless returns the same message again and again, a part at a time, as a socket does.
type endless struct {
	msg []byte
	at  int
}

func (e *endless) Read(b []byte) (int, error) {
	const much = 64 << 10
	if len(b) > much {
		b = b[:much]
	}
	n := copy(b, e.msg[e.at:])
	e.at = (e.at + n) % len(e.msg)
	return n, nil
}

// BenchmarkRecv reads messages of one size.
func BenchmarkRecv(b *testing.B) {
	for _, size := range []int{100, 10_000, 120_000, 1_000_000} {
		for _, f := range []wire.Framing{wire.Framed, wire.Buffered} {
			b.Run(fmt.Sprintf("%dB/%s", size, f), func(b *testing.B) {
				msg := thrift.AppendHeader(make([]byte, 4), wire.Header{Name: "echo", Type: wire.Call, SeqID: 1})
				msg = append(thrift.AppendStringField(msg, 1, string(make([]byte, size))), 0)
				if binary.BigEndian.PutUint32(msg, uint32(len(msg)-4)); f == wire.Buffered {
					msg = msg[4:]
				}
				r := NewReader(io.Reader(&endless{msg: msg}), 16<<20)
				r.Start(f, thrift.NewSplitter(16<<20))
				b.SetBytes(int64(len(msg)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Recv(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
