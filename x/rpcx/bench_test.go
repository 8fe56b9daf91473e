package rpcx_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// BenchmarkServer has a server answer calls with 1 KB, which come a hundred at a time. The time includes the client, which does no more
// than read and write.
func BenchmarkServer(b *testing.B) {
	file, err := thriftkit.Parse("shop.thrift", shopIDL)
	if err != nil {
		b.Fatal(err)
	}
	s := thriftkit.NewServer(thriftkit.WithDialects(rpcx.Dialect()))
	if err := s.Register(file.MustService("Shop"), shop{}); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	text := strings.Repeat("x", 1<<10)
	thrift := append(append(binary.BigEndian.AppendUint32([]byte{11, 0, 1}, 1<<10), text...), 0)
	packed := append([]byte("\x81\xa4Text\xda\x04\x00"), text...)
	for _, bench := range []struct {
		name          string
		serialization byte
		payload       []byte
	}{{"Thrift", 4, thrift}, {"msgpack", 3, packed}} {
		b.Run(bench.name, func(b *testing.B) {
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			const atOnce = 100
			var batch []byte
			for range atOnce {
				batch = append(batch, message(0, bench.serialization, "Echo", bench.payload)...)
			}
			r := bufio.NewReaderSize(nc, 256<<10)
			b.ReportAllocs()
			for b.Loop() {
				nc.Write(batch)
				for range atOnce {
					var head [16]byte
					if _, err := io.ReadFull(r, head[:]); err != nil || head[2] != 0x80 {
						b.Fatalf("% x, %v", head, err)
					}
					r.Discard(int(binary.BigEndian.Uint32(head[12:])))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/atOnce, "ns/call")
		})
	}
}
