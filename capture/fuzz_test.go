package capture_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// FuzzStreams sends the same bytes over both directions of a connection, in segments of a size, and reads them from any packet on.
func FuzzStreams(f *testing.F) {
	svc := service(f)
	for _, dialect := range dialects {
		network := &capturetest.Network{}
		record(f, network, svc, dialect, 1, false)
		var stream []byte
		for _, p := range network.Packets() {
			stream = append(stream, p.Data[66:]...)
		}
		f.Add(stream, uint16(100), byte(0))
		f.Add(stream, uint16(7), byte(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint16, from byte) {
		network := &capturetest.Network{MSS: int(size)%1400 + 1}
		if len(stream)/network.MSS > 2000 {
			return
		}
		c := network.Open()
		c.Send(0, stream)
		c.Send(1, stream)
		c.Close()
		packets := network.Packets()
		packets = packets[min(int(from), len(packets)):]
		calls, _ := analyze(packets, capture.Options{MaxMessageBytes: 1 << 20})
		for _, c := range calls {
			if c.Request == nil && c.Reply == nil || c.Method() == "" {
				t.Fatalf("%+v", c)
			}
		}
	})
}

// FuzzFile reads any bytes as a capture.
func FuzzFile(f *testing.F) {
	svc := service(f)
	network := &capturetest.Network{}
	record(f, network, svc, "transport=framed", 1, false)
	var file bytes.Buffer
	w := pcapfile.NewWriter(&file, capture.LinkEthernet)
	for _, p := range network.Packets() {
		if err := w.Write(p); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := capture.Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, err := range capture.Calls(r, capture.Options{MaxMessageBytes: 1 << 20}) {
			_ = err
		}
	})
}

// BenchmarkFramed reads 64-byte calls, binary over framed, out of packets.
func BenchmarkFramed(b *testing.B) {
	svc := service(b)
	network := &capturetest.Network{}
	record(b, network, svc, "transport=framed", 300, true)
	packets := network.Packets()
	size := 0
	for _, p := range packets {
		size += len(p.Data)
	}
	for _, headers := range []bool{true, false} {
		name := "bytes"
		if headers {
			name = "headers"
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				calls := 0
				a := capture.NewAssembler(capture.Options{HeadersOnly: headers}, func(*capture.Call) { calls++ })
				for _, p := range packets {
					a.Packet(p)
				}
				a.Flush()
				if calls != 300*6+1 {
					b.Fatal(calls)
				}
			}
		})
	}
}

// BenchmarkLongJSON reads one call as JSON without frames out of packets of 1,400 bytes: the time for a byte does not depend on its length.
func BenchmarkLongJSON(b *testing.B) {
	svc := service(b)
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			network := &capturetest.Network{}
			conn, closeAll := dialRecorded(b, network, svc, "protocol=json")
			if _, err := thriftkit.Invoke[any](b.Context(), conn, svc.Method("get"), "missing "+strings.Repeat("x", size), true); err == nil {
				b.Fatal("no exception")
			}
			closeAll()
			packets := network.Packets()
			b.SetBytes(int64(size))
			for b.Loop() {
				calls := 0
				a := capture.NewAssembler(capture.Options{}, func(*capture.Call) { calls++ })
				for _, p := range packets {
					a.Packet(p)
				}
				if a.Flush(); calls != 1 {
					b.Fatal(calls)
				}
			}
		})
	}
}
