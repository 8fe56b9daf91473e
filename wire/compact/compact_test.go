package compact

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
)

var (
	codec       = codectest.Codec{Protocol: Protocol{}, Skip: Skip}
	binaryCodec = codectest.Codec{Protocol: binary.Protocol{}, Skip: binary.Skip}
)

func unhex(s string) []byte { return codectest.Unhex(s) }

func TestProtocol(t *testing.T) { codec.Test(t) }

func TestSendOn(t *testing.T) {
	t.Run("compact to compact", func(t *testing.T) { codec.TestSendOn(t, codec) })
	t.Run("compact to binary", func(t *testing.T) { codec.TestSendOn(t, binaryCodec) })
	t.Run("binary to compact", func(t *testing.T) { binaryCodec.TestSendOn(t, codec) })
	t.Run("binary to binary", func(t *testing.T) { binaryCodec.TestSendOn(t, binaryCodec) })
}

func TestReadBad(t *testing.T) {
	corpus := codectest.Corpus()
	tests := []struct {
		name string
		desc *schema.Struct
		hex  string
		err  string
		is   error
	}{
		{"nothing", corpus.Point, "", "at byte 0: unexpected end of message", wire.ErrTruncated},
		{"no stop", corpus.Point, "15 02", "at byte 2: unexpected end of message", wire.ErrTruncated},
		{"no id", corpus.Point, "05", "at byte 1: unexpected end of message", wire.ErrTruncated},
		{"half an id", corpus.Point, "05 80", "at byte 2: unexpected end of message", wire.ErrTruncated},
		{"half a number", corpus.Point, "15 80", "at byte 2, in Point.x (field 1): unexpected end of message", wire.ErrTruncated},

		{"i32 of 6 bytes", corpus.Point, "15 808080808000 00", "at byte 1, in Point.x (field 1): invalid data: a number of more than 32 bits", wire.ErrInvalid},
		{"i32 that goes on at its 5th byte, the last", corpus.Point, "15 8080808080", "at byte 1, in Point.x (field 1): invalid data: a number of more than 32 bits", wire.ErrInvalid},
		{"i32 of 33 bits", corpus.Point, "15 ffffffff1f 00", "at byte 1, in Point.x (field 1): invalid data: a number of more than 32 bits", wire.ErrInvalid},
		{"i64 of 11 bytes", corpus.Scalars, "56 8080808080808080808000 00", "at byte 1, in Scalars.big (field 5): invalid data: a number of more than 64 bits", wire.ErrInvalid},
		{"i64 of 65 bits", corpus.Scalars, "56 ffffffffffffffffff02 00", "at byte 1, in Scalars.big (field 5): invalid data: a number of more than 64 bits", wire.ErrInvalid},
		{"i16 too large", corpus.Scalars, "34 808004 00", "at byte 1, in Scalars.small (field 3): invalid data: 32768 is not an i16", wire.ErrInvalid},
		{"i16 too small", corpus.Scalars, "34 818004 00", "at byte 1, in Scalars.small (field 3): invalid data: -32769 is not an i16", wire.ErrInvalid},
		{"unknown i16 too large", corpus.Point, "34 808004 00", "at byte 1: invalid data: 32768 is not an i16", wire.ErrInvalid},
		{"unknown i32 of 6 bytes", corpus.Point, "35 808080808000 00", "at byte 1: invalid data: a number of more than 32 bits", wire.ErrInvalid},
		{"unknown i64 of 11 bytes", corpus.Point, "36 8080808080808080808000 00", "at byte 1: invalid data: a number of more than 64 bits", wire.ErrInvalid},

		{"id too large", corpus.Point, "05 808004 02 00", "at byte 1: invalid data: 32768 is not an i16", wire.ErrInvalid},
		{"id of 6 bytes", corpus.Point, "05 808080808000 02 00", "at byte 1: invalid data: a number of more than 32 bits", wire.ErrInvalid},
		{"id too large by a step", corpus.Point, "05 feff03 02  15 02 00", "at byte 5: invalid data: field id 32768", wire.ErrInvalid},
		{"id too large by a step, in a bool", corpus.Steps, "01 e0ff03  f1  11 00", "at byte 5: invalid data: field id 32768", wire.ErrInvalid},

		{"unknown field of type 14", corpus.Point, "3e 00", "at byte 0: invalid data: type 14 is not the type of a value", wire.ErrInvalid},
		{"field of type 15", corpus.Point, "1f 00", "at byte 0: invalid data: type 15 is not the type of a value", wire.ErrInvalid},
		{"elements of type 0", corpus.Containers, "19 10 00", "at byte 1, in Containers.ints (field 1): invalid data: type 0 is not the type of a value", wire.ErrInvalid},
		{"elements of type 14", corpus.Containers, "19 1e 00", "at byte 1, in Containers.ints (field 1): invalid data: type 14 is not the type of a value", wire.ErrInvalid},
		{"elements of type 15, in an unknown field", corpus.Point, "3a 1f 00", "at byte 1: invalid data: type 15 is not the type of a value", wire.ErrInvalid},
		{"keys of type 0", corpus.Containers, "5b 01 05 02 02 00", "at byte 2, in Containers.counts (field 5): invalid data: type 0 is not the type of a value", wire.ErrInvalid},
		{"keys of type 14", corpus.Containers, "5b 01 e5 02 02 00", "at byte 2, in Containers.counts (field 5): invalid data: type 14 is not the type of a value", wire.ErrInvalid},
		{"values of type 0", corpus.Containers, "5b 01 80 02 02 00", "at byte 2, in Containers.counts (field 5): invalid data: type 0 is not the type of a value", wire.ErrInvalid},
		{"values of type 15, in an unknown field", corpus.Point, "3b 01 8f 02 02 00", "at byte 2: invalid data: type 15 is not the type of a value", wire.ErrInvalid},

		{"negative length", corpus.Oops, "18 ffffffff0f 00", "at byte 1, in Oops.message (field 1): invalid data: size -1", wire.ErrInvalid},
		{"negative count of a list", corpus.Containers, "19 f5 8080808008 00", "at byte 2, in Containers.ints (field 1): invalid data: size -2147483648", wire.ErrInvalid},
		{"negative count of a map", corpus.Containers, "5b ffffffff0f 85 00", "at byte 1, in Containers.counts (field 5): invalid data: size -1", wire.ErrInvalid},
		{"string longer than the message", corpus.Oops, "18 05 6e6f 00", "at byte 1, in Oops.message (field 1): unexpected end of message: length 5, but only 3 bytes left", wire.ErrTruncated},
		{"list longer than the message", corpus.Containers, "19 55 02 00", "at byte 1, in Containers.ints (field 1): unexpected end of message: count 5, but only 2 bytes left", wire.ErrTruncated},
		{"map longer than the message", corpus.Containers, "5b 02 85 00 00 00", "at byte 1, in Containers.counts (field 5): unexpected end of message: count 2, but only 3 bytes left", wire.ErrTruncated},

		{"element in depth", corpus.Node, "39 2c 00 15", "at byte 4, in Node.children (field 3)[1] > Node.value (field 1): unexpected end of message", wire.ErrTruncated},
		{"required field", corpus.Presence, "00", "at byte 0, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"required field of another type", corpus.Presence, "16 02 00", "at byte 2, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"union with two members", corpus.Shape, "27 0000000000000000  18 00  00", "at byte 11: invalid data: union Shape has more than one member", wire.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec.TestReadBad(t, test.desc, unhex(test.hex), test.err, test.is)
		})
	}
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name string
		p    Protocol
		h    wire.Header
		hex  string
	}{
		{"call", Protocol{}, wire.Header{Name: "ping", Type: wire.Call, SeqID: 1}, "82 21 01 04 70696e67"},
		{"call, version 2", Protocol{Version2: true}, wire.Header{Name: "ping", Type: wire.Call, SeqID: 1}, "82 22 01 04 70696e67"},
		{"the sequence id is no zigzag number", Protocol{}, wire.Header{Name: "é", Type: wire.Reply, SeqID: 128}, "82 41 8001 02 c3a9"},
		{"negative sequence id", Protocol{}, wire.Header{Name: "a", Type: wire.Exception, SeqID: -1}, "82 61 ffffffff0f 01 61"},
		{"lowest sequence id", Protocol{}, wire.Header{Name: "a", Type: wire.Exception, SeqID: math.MinInt32}, "82 61 8080808008 01 61"},
		{"oneway, no name, version 2", Protocol{Version2: true}, wire.Header{Type: wire.Oneway, SeqID: math.MaxInt32}, "82 82 ffffffff07 00"},
	}
	for _, test := range tests {
		want := unhex(test.hex)
		if got := test.p.AppendHeader(nil, test.h); !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", test.name, got, want)
		}
		h, off, err := test.p.ConsumeHeader(append(want, 0xff))
		if h != test.h || off != len(want) || err != nil {
			t.Errorf("%s: %+v, %d, %v", test.name, h, off, err)
		}
		for i := range want {
			if _, _, err := test.p.ConsumeHeader(want[:i]); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: %d bytes: %v", test.name, i, err)
			}
		}
	}
}

// TestHeaderBad has starts that are no message: the splitter says the same of them.
func TestHeaderBad(t *testing.T) {
	for _, test := range []struct{ hex, err string }{
		{"80 01 00 01", "at byte 0: invalid data: protocol 0x80, not 0x82"},
		{"00", "at byte 0: invalid data: protocol 0x00, not 0x82"},
		{"82 22 00 00", "at byte 1: invalid data: version 2, not 1"},
		{"82 20", "at byte 1: invalid data: version 0, not 1"},
		{"82 31 00 00", "at byte 1: invalid data: version 17, not 1"},
		{"82 21 808080808001 00", "at byte 2: invalid data: a number of more than 32 bits"},
		{"82 21 00 ffffffff0f", "at byte 3: invalid data: size -1"},
	} {
		if _, _, err := (Protocol{}).ConsumeHeader(unhex(test.hex)); err == nil || err.Error() != test.err {
			t.Errorf("%s: %v, want %s", test.hex, err, test.err)
		}
		if _, _, err := (Protocol{}).NewSplitter(1000).Split(unhex(test.hex)); err == nil || err.Error() != test.err {
			t.Errorf("%s: split: %v, want %s", test.hex, err, test.err)
		}
	}
	want := "at byte 1: invalid data: version 1, not 2"
	if _, _, err := (Protocol{Version2: true}).ConsumeHeader(unhex("82 21 00 00")); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	want = "at byte 3: unexpected end of message: length 9, but only 1 byte left"
	if _, _, err := (Protocol{}).ConsumeHeader(unhex("82 21 00 09 61")); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSplitBad(t *testing.T) {
	const head = "82 21 00 00"
	tests := []struct{ name, hex, err string }{
		{"name longer than a message", "82 21 00 e807", "at byte 5: too large: the message has more than 1000 bytes"},
		{"longest name there is", "82 21 00 ffffffff07", "at byte 8: too large: the message has more than 1000 bytes"},
		{"type of a field", head + "1e", "at byte 4: invalid data: type 14 is not the type of a value"},
		{"id too large", head + "05 808004", "at byte 5: invalid data: 32768 is not an i16"},
		{"type of elements", head + "19 10", "at byte 5: invalid data: type 0 is not the type of a value"},
		{"type of keys", head + "1b 01 0f", "at byte 6: invalid data: type 0 is not the type of a value"},
		{"type of values", head + "1b 01 5e", "at byte 6: invalid data: type 14 is not the type of a value"},
		{"long number", head + "15 8080808080", "at byte 5: invalid data: a number of more than 32 bits"},
		{"negative length", head + "18 8080808008", "at byte 5: invalid data: size -2147483648"},
		{"negative count", head + "19 f5 ffffffff0f", "at byte 6: invalid data: size -1"},
		{"string longer than a message", head + "18 e207", "at byte 7: too large: the message has more than 1000 bytes"},
		{"list longer than a message", head + "19 fc e207", "at byte 5: too large: the message has more than 1000 bytes"},
		{"list of doubles longer than a message", head + "19 f7 7d", "at byte 5: too large: the message has more than 1000 bytes"},
		{"map longer than a message", head + "1b f103 55", "at byte 5: too large: the message has more than 1000 bytes"},
		{"count whose bytes exceed 32 bits", head + "19 fd ffffffff07", "at byte 5: too large: the message has more than 1000 bytes"},
		{"long by many bools", head + strings.Repeat("11", 1000), "at byte 1001: too large: the message has more than 1000 bytes"},
		{"long by many structs", head + "19 fc e007" + strings.Repeat("11", 1000), "at byte 1001: too large: the message has more than 1000 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := (Protocol{}).NewSplitter(1000).Split(unhex(test.hex))
			if err == nil || err.Error() != test.err {
				t.Errorf("%v, want %s", err, test.err)
			}
		})
	}
}

// TestVersion2 has the bytes in which the versions differ: those of doubles.
func TestVersion2(t *testing.T) {
	type doubles struct {
		One     float64
		List    []float64
		Map     map[float64]float64
		Rest    wire.UnknownFields
		Dynamic any
	}
	list := schema.ListOf(schematest.Double)
	desc := schematest.Struct("Doubles", schematest.Field(1, "one", schematest.Double), schematest.Field(2, "list", list),
		schematest.Field(3, "map", schema.MapOf(schematest.Double, schematest.Double)), schematest.Field(4, "dynamic", list))
	v := &doubles{One: 1.5, List: []float64{-2}, Map: map[float64]float64{1: 0.5}, Dynamic: []any{1.5}}
	v.Rest = unhex("04 0005 3ff8000000000000  0f 0006 04 00000001 c000000000000000")
	for _, test := range []struct {
		p   Protocol
		hex string
	}{
		{Protocol{}, "17 000000000000f83f  19 17 00000000000000c0  1b 01 77 000000000000f03f 000000000000e03f  19 17 000000000000f83f" +
			"17 000000000000f83f  19 17 00000000000000c0  00"},
		{Protocol{Version2: true}, "17 3ff8000000000000  19 17 c000000000000000  1b 01 77 3ff0000000000000 3fe0000000000000  19 17 3ff8000000000000" +
			"17 3ff8000000000000  19 17 c000000000000000  00"},
	} {
		p, err := plan.ForType(reflect.TypeFor[doubles](), desc.Type())
		if err != nil {
			t.Fatal(err)
		}
		got, err := test.p.AppendValue(nil, p, mem.To(v))
		if want := unhex(test.hex); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: % x, %v; want % x", test.p, got, err, want)
		}
		back := new(doubles)
		if _, err := test.p.ConsumeValue(got, 0, p, mem.To(back)); err != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("%+v: %+v, %v; want %+v", test.p, back, err, v)
		}
	}
}

// TestUnknownBad sends on what no decoder kept.
func TestUnknownBad(t *testing.T) {
	p, err := plan.ForType(reflect.TypeFor[codectest.Relay](), schematest.Struct("Nothing").Type())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"00", "08", "08 0001", "08 0001 000000", "0b 0001 00000002 61", "0b 0001 ffffffff", "05 0001", "00 0001", "08 0001 00000001 00", "0f 0001 05 00000001 00"} {
		_, err := Protocol{}.AppendValue(nil, p, mem.To(&codectest.Relay{Unknown: unhex(s)}))
		if want := "invalid value: unknown fields that are not in the binary protocol"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", s, err, want)
		}
	}
	// An empty list may name any type.
	got, err := Protocol{}.AppendValue(nil, p, mem.To(&codectest.Relay{Unknown: unhex("0f 0001 ff 00000000")}))
	if want := unhex("19 00 00"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("% x, %v; want % x", got, err, want)
	}
}

func FuzzSplit(f *testing.F)         { codec.FuzzSplit(f) }
func FuzzDecodeBound(f *testing.F)   { codec.FuzzDecodeBound(f) }
func FuzzDecodeDynamic(f *testing.F) { codec.FuzzDecodeDynamic(f) }

// FuzzSendOn keeps whatever a peer sends and sends it on, as it came and by way of the binary
// protocol.
func FuzzSendOn(f *testing.F) { codec.FuzzSendOn(f, binaryCodec) }

func BenchmarkEncode(b *testing.B) { codec.BenchmarkEncode(b) }
func BenchmarkDecode(b *testing.B) { codec.BenchmarkDecode(b) }
func BenchmarkSplit(b *testing.B)  { codec.BenchmarkSplit(b) }
