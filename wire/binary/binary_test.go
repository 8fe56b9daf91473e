package binary

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

var (
	codec    = codectest.Codec{Protocol: Protocol{}, Skip: Skip}
	oldCodec = codectest.Codec{Protocol: Protocol{Old: true}, Skip: Skip}
)

func TestProtocol(t *testing.T) {
	t.Run("strict", codec.Test)
	t.Run("old", oldCodec.Test)
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
		{"no stop", corpus.Point, "08 0001 00000001", "at byte 7: unexpected end of message", wire.ErrTruncated},
		{"half a field header", corpus.Point, "08 00", "at byte 2: unexpected end of message", wire.ErrTruncated},
		{"half a number", corpus.Point, "08 0001 0000", "at byte 5, in Point.x (field 1): unexpected end of message", wire.ErrTruncated},
		{"unknown field of no type", corpus.Point, "05 0063 00", "at byte 3: invalid data: type 5 is not the type of a value", wire.ErrInvalid},
		{"unknown field of type void", corpus.Point, "01 0063 00", "at byte 3: invalid data: void is not the type of a value", wire.ErrInvalid},
		{"string longer than the message", corpus.Oops, "0b 0001 00000005 6e6f 00", "at byte 3, in Oops.message (field 1): unexpected end of message: length 5, but only 3 bytes left", wire.ErrTruncated},
		{"negative length", corpus.Oops, "0b 0001 ffffffff 00", "at byte 3, in Oops.message (field 1): invalid data: length -1", wire.ErrInvalid},
		{"negative count", corpus.Containers, "0f 0001 08 80000000 00", "at byte 3, in Containers.ints (field 1): invalid data: count -2147483648", wire.ErrInvalid},
		{"count larger than the message", corpus.Containers, "0f 0001 08 00000002 00000001 00", "at byte 3, in Containers.ints (field 1): unexpected end of message: count 2, but only 5 bytes left", wire.ErrTruncated},
		{"elements of no type", corpus.Containers, "0f 0001 00 00000001 00", "at byte 3, in Containers.ints (field 1): invalid data: stop is not the type of a value", wire.ErrInvalid},
		{"keys of no type", corpus.Containers, "0d 0005 07 08 00000001 00", "at byte 3, in Containers.counts (field 5): invalid data: type 7 is not the type of a value", wire.ErrInvalid},
		{"element in depth", corpus.Node, "0f 0003 0c 00000002  00  08 0001 00", "at byte 13, in Node.children (field 3)[1] > Node.value (field 1): unexpected end of message", wire.ErrTruncated},
		{"required field", corpus.Presence, "00", "at byte 0, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"required field of another type", corpus.Presence, "0a 0001 0000000000000001 00", "at byte 11, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"union with two members", corpus.Shape, "04 0002 0000000000000000  0b 0003 00000000  00", "at byte 18: invalid data: union Shape has more than one member", wire.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec.TestReadBad(t, test.desc, codectest.Unhex(test.hex), test.err, test.is)
		})
	}
}

func TestHeader(t *testing.T) {
	tests := []struct {
		name string
		h    wire.Header
		hex  string
		old  string
	}{
		{"call", wire.Header{Name: "ping", Type: wire.Call, SeqID: 1}, "8001 0001 00000004 70696e67 00000001", "00000004 70696e67 01 00000001"},
		{"reply, negative sequence id", wire.Header{Name: "é", Type: wire.Reply, SeqID: -1}, "8001 0002 00000002 c3a9 ffffffff", "00000002 c3a9 02 ffffffff"},
		{"exception", wire.Header{Name: "a", Type: wire.Exception}, "8001 0003 00000001 61 00000000", "00000001 61 03 00000000"},
		{"oneway, no name", wire.Header{Type: wire.Oneway, SeqID: math.MaxInt32}, "8001 0004 00000000 7fffffff", "00000000 04 7fffffff"},
	}
	for _, test := range tests {
		for _, form := range []struct {
			p   Protocol
			hex string
		}{{Protocol{}, test.hex}, {Protocol{Old: true}, test.old}} {
			want := codectest.Unhex(form.hex)
			if got := form.p.AppendHeader(nil, test.h); !bytes.Equal(got, want) {
				t.Errorf("%s: % x, want % x", test.name, got, want)
			}
			h, off, err := Protocol{}.ConsumeHeader(append(want, 0xff))
			if h != test.h || off != len(want) || err != nil {
				t.Errorf("%s: %+v, %d, %v", test.name, h, off, err)
			}
			for i := range want {
				if _, _, err := ConsumeHeader(want[:i]); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("%s: %d bytes: %v", test.name, i, err)
				}
			}
		}
	}
	// The byte between version and type means nothing.
	if h, _, err := ConsumeHeader(codectest.Unhex("8001 ff01 00000000 00000000")); err != nil || h.Type != wire.Call {
		t.Errorf("%+v, %v", h, err)
	}
	for _, test := range []struct{ hex, err string }{
		{"8002 0001 00000000 00000000", "at byte 0: invalid data: version 0x8002, not 0x8001"},
		{"8001 0001 ffffffff 00000000", "at byte 4: invalid data: length -1"},
		{"8001 0001 00000009 61 00000000", "at byte 4: unexpected end of message: length 9, but only 5 bytes left"},
		{"7fffffff 61 01 00000000", "at byte 0: unexpected end of message: length 2147483647, but only 6 bytes left"},
	} {
		if _, _, err := ConsumeHeader(codectest.Unhex(test.hex)); err == nil || err.Error() != test.err {
			t.Errorf("%s: %v, want %s", test.hex, err, test.err)
		}
	}
}

func TestSplitBad(t *testing.T) {
	strict := "8001 0001 00000000 00000000"
	tests := []struct{ name, hex, err string }{
		{"version", "8002 0001 00000000", "at byte 0: invalid data: version 0x8002, not 0x8001"},
		{"length of the name", "8001 0001 ffffffff", "at byte 4: invalid data: length -1"},
		{"name longer than a message", "8001 0001 000003e8", "at byte 4: too large: the message has more than 1000 bytes"},
		{"old name longer than a message", "000003e8 61616161", "at byte 0: too large: the message has more than 1000 bytes"},
		{"type of a field", strict + "05 0001", "at byte 12: invalid data: type 5 is not the type of a value"},
		{"type of elements", strict + "0f 0001 00 00000001", "at byte 15: invalid data: stop is not the type of a value"},
		{"type of keys", strict + "0d 0001 00 08 00000001", "at byte 15: invalid data: stop is not the type of a value"},
		{"negative length", strict + "0b 0001 80000000", "at byte 15: invalid data: length -2147483648"},
		{"negative count", strict + "0f 0001 08 ffffffff", "at byte 15: invalid data: count -1"},
		{"string longer than a message", strict + "0b 0001 000003e0", "at byte 15: too large: the message has more than 1000 bytes"},
		{"count larger than a message", strict + "0f 0001 0c 000003e8", "at byte 15: too large: count 1000 in a message of at most 1000 bytes"},
		{"list longer than a message", strict + "0f 0001 0a 0000007b", "at byte 15: too large: the message has more than 1000 bytes"},
		{"count whose bytes exceed 32 bits", strict + "0f 0001 10 7fffffff", "at byte 15: too large: count 2147483647 in a message of at most 1000 bytes"},
		{"long by many fields", strict + strings.Repeat("02 0001 01", 250), "at byte 1004: too large: the message has more than 1000 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := NewSplitter(1000).Split(codectest.Unhex(test.hex))
			if err == nil || err.Error() != test.err {
				t.Errorf("%v, want %s", err, test.err)
			}
		})
	}
}

func FuzzSplit(f *testing.F)         { codec.FuzzSplit(f, oldCodec) }
func FuzzDecodeBound(f *testing.F)   { codec.FuzzDecodeBound(f) }
func FuzzDecodeDynamic(f *testing.F) { codec.FuzzDecodeDynamic(f) }

func BenchmarkEncode(b *testing.B) { codec.BenchmarkEncode(b) }
func BenchmarkDecode(b *testing.B) { codec.BenchmarkDecode(b) }
func BenchmarkSplit(b *testing.B)  { codec.BenchmarkSplit(b) }
