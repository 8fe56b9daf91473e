package json

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/wire"
)

// FuzzDecode reads any text in each protocol: bound and dynamic agree, and what was written is
// read as it was.
func FuzzDecode(f *testing.F) {
	var codecs []codectest.Codec
	for i, p := range protocols {
		codecs = append(codecs, codec(p))
		codecs[i].Seeds(func(which uint8, src []byte) {
			if p == ThriftPy2 {
				src = src[4:]
			}
			f.Add(uint8(i), which, src)
		})
	}
	for _, text := range []string{
		`{"1":{"str":"\ud83d\ude00\u00e9\/"},"99":{"map":["i64","rec",1,{"5":{"1":{"lst":["dbl",2,"NaN",1e5]}}}]}}`,
		` { "payload" : { "x" : "7" , "y" : null , "z" : [ { } , -0.5e+3 , true ] } , "metadata" : 1 } `,
	} {
		f.Add(uint8(0), uint8(0), []byte(text))
		f.Add(uint8(1), uint8(0), []byte(text))
	}
	f.Fuzz(func(t *testing.T, protocol, which uint8, data []byte) {
		i := int(protocol) % len(protocols)
		if protocols[i] == ThriftPy2 {
			data = []byte(sized(string(data)))
		}
		codecs[i].CheckDecode(t, which, data)
	})
}

// FuzzSendOn keeps what a struct without fields does not know, and sends it on.
func FuzzSendOn(f *testing.F) { codec(Apache).FuzzSendOn(f, binaryCodec) }

// FuzzSplit compares the splitters with the other way to find the end of a message: to read it.
func FuzzSplit(f *testing.F) {
	nothing, err := plan.ForType(reflect.TypeFor[codectest.Relay](), schematest.Struct("Nothing").Type())
	if err != nil {
		f.Fatal(err)
	}
	for i, p := range protocols {
		msg, err := p.AppendMessage(nil, wire.Header{Name: `a"]\`, Type: wire.Call, SeqID: -1}, nothing, mem.To(&codectest.Relay{Unknown: codectest.Unhex("0b 0001 00000003 5d227d")}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), msg)
		f.Add(uint8(i), append(msg, msg...))
	}
	f.Add(uint8(0), []byte(" \n[1,\"\\\\\\\"\",1,0,{\"1\":{\"map\":[\"rec\",\"lst\",1,{{}:[\"i8\",0]}]}} ] "))
	f.Add(uint8(0), []byte(strings.Repeat("[", 200)))
	f.Fuzz(func(t *testing.T, protocol uint8, data []byte) {
		const limit = 1 << 12
		p := protocols[int(protocol)%len(protocols)]
		n, need, err := p.NewSplitter(limit).Split(data)
		if end := messageEnd(p, data, nothing); end > 0 && end <= limit && n != end {
			t.Fatalf("split: %d, %d, %v; but a message of %d bytes is read", n, need, err, end)
		}
		if n > limit || err == nil && n == 0 && need <= len(data) {
			t.Fatalf("split: %d, %d of %d bytes", n, need, len(data))
		}
		// Byte by byte it must come to the same.
		s := p.NewSplitter(limit)
		for i := range len(data) + 1 {
			n1, _, err1 := s.Split(data[:i:i])
			if n1 == 0 && err1 == nil && i < len(data) {
				continue
			}
			if n1 != n || (err1 == nil) != (err == nil) {
				t.Fatalf("at once %d, %v; with %d bytes %d, %v", n, err, i, n1, err1)
			}
			break
		}
	})
}

// messageEnd returns the length of the message at the start of data, 0 if there is none.
func messageEnd(p Protocol, data []byte, nothing *plan.Type) int {
	if p == ThriftPy2 {
		var err error
		if data, err = enclosed(data); err != nil {
			return 0
		}
	}
	var v codectest.Relay
	_, off, err := p.ConsumeHeader(data)
	if err == nil {
		off, err = p.ConsumeValue(data, off, nothing, mem.To(&v))
	}
	if err != nil {
		return 0
	}
	end, err := p.ConsumeTrailer(data, off)
	switch {
	case err != nil, p == ThriftPy2 && end != len(data):
		return 0
	case p == ThriftPy2:
		return end
	}
	return off + bytes.IndexByte(data[off:end], ']') + 1
}
