package json

import (
	"testing"

	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/wire/binary"
)

var protocols = []Protocol{Apache, ThriftPy2, Simple}

var binaryCodec = codectest.Codec{Protocol: binary.Protocol{}, Skip: binary.Skip}

func codec(p Protocol) codectest.Codec { return codectest.Codec{Protocol: p, Texts: golden(p)} }

func TestProtocol(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.Name(), func(t *testing.T) { codec(p).Test(t) })
	}
}

func BenchmarkEncode(b *testing.B) { benchmark(b, codectest.Codec.BenchmarkEncode) }
func BenchmarkDecode(b *testing.B) { benchmark(b, codectest.Codec.BenchmarkDecode) }
func BenchmarkSplit(b *testing.B)  { benchmark(b, codectest.Codec.BenchmarkSplit) }

func benchmark(b *testing.B, run func(codectest.Codec, *testing.B)) {
	for _, p := range protocols {
		b.Run(p.Name(), func(b *testing.B) { run(codec(p), b) })
	}
}
