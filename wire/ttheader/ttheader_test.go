package ttheader

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// frames are whole frames, and how they are written again if that is the same.
var frames = []struct {
	name    string
	hex     string
	want    Frame
	payload string
	golden  bool
}{
	{"as Kitex writes a call", "00000028 1000 0001 00000007 0006  00 00  01 0001 0003 69736e 0001 53  10 0001 0006 0001 53 000000  80010001 ff",
		Frame{Flags: OutOfOrder, SeqID: 7, Strings: map[string]string{"isn": "S"}, Ints: map[uint16]string{6: "S"}}, "80010001ff", false},
	{"nothing in the header but what must be", "0000000f 1000 0000 ffffffff 0001  02 00 0000 82",
		Frame{SeqID: -1, Protocol: Compact}, "82", true},
	{"a payload with its length", "00000016 1000 0000 00000001 0001  00 00 0000  00000004 80010001",
		Frame{SeqID: 1, Framed: true}, "80010001", true},
	{"a token", "00000016 1000 0000 00000001 0002  00 00  11 0003 616263  80010001",
		Frame{SeqID: 1, Strings: map[string]string{"RPC_TRANSIT_gdpr-token": "abc"}}, "80010001", true},
	{"a number", "0000001a 1000 0000 00000001 0003  00 00  10 0001 000c 0002 3530 00  80010001",
		Frame{SeqID: 1, Ints: map[uint16]string{Timeout: "50"}}, "80010001", true},
}

func TestParse(t *testing.T) {
	for _, test := range frames {
		b := unhex(test.hex)
		if want := len(b) - 4; int(b[3]) != want {
			b[3] = byte(want) // so that the table need not be counted
		}
		f, payload, err := Parse(b[4:])
		if err != nil || !reflect.DeepEqual(*f, test.want) || hex.EncodeToString(payload) != test.payload {
			t.Errorf("%s: %+v, % x, %v", test.name, f, payload, err)
			continue
		}
		out, err := f.Begin([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		at := len(out)
		out = append(out, payload...)
		f.End(out, len("before"), at)
		if out = out[len("before"):]; test.golden && !bytes.Equal(out, b) {
			t.Errorf("%s: written as % x", test.name, out)
		}
		if again, _, err := Parse(out[4:]); err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%s: read again: %+v, %v", test.name, again, err)
		}
	}
}

func TestParseBad(t *testing.T) {
	tests := []struct{ name, hex, want string }{
		{"nothing", "", "at byte 0: unexpected end of message"},
		{"shorter than a header", "1000 0000 00000001 00", "at byte 9: unexpected end of message"},
		{"another magic", "1001 0000 00000001 0000", "at byte 0: invalid data: not a frame of TTHeader: it starts with 10 01"},
		{"a header of no bytes", "1000 0000 00000001 0000 8001", "at byte 8: invalid data: a header of 0 bytes"},
		{"a header longer than the frame", "1000 0000 00000001 ffff 0000", "at byte 8: invalid data: a header of 262140 bytes in a frame that has 2 more"},
		{"transforms", "1000 0000 00000001 0001 00 01 0000", "at byte 11: invalid data: 1 transforms, TTHeader has none"},
		{"an info that nobody knows", "1000 0000 00000001 0001 00 00 00 02", "at byte 13: invalid data: an info of type 0x2"},
		{"more names than bytes", "1000 0000 00000001 0002 00 00 01 ffff 000000", "at byte 13: invalid data: 65535 names in a header that has 3 more bytes"},
		{"more numbers than bytes", "1000 0000 00000001 0002 00 00 10 0001 000000", "at byte 13: invalid data: 1 names in a header that has 3 more bytes"},
		{"a name longer than the header", "1000 0000 00000001 0002 00 00 01 0001 7fff 00", "at byte 13: invalid data: 1 names in a header that has 3 more bytes"},
		{"a value longer than the header", "1000 0000 00000001 0003 00 00 01 0001 0001 61 00ff 0000", "at byte 18: invalid data: a string of 255 bytes in a header that has 2 more"},
		{"a count that is cut off", "1000 0000 00000001 0001 00 00 01 00", "at byte 14: unexpected end of message"},
		{"a token that is cut off", "1000 0000 00000001 0002 00 00 11 0009 616161", "at byte 13: invalid data: a string of 9 bytes in a header that has 3 more"},
		{"a payload that lies about its length", "1000 0000 00000001 0001 00 00 0000 00000005 80010001", "at byte 14: invalid data: a payload that says it has 5 bytes and has 4"},
	}
	for _, test := range tests {
		_, _, err := Parse(unhex(test.hex))
		if err == nil || err.Error() != test.want || !errors.As(err, new(*wire.Error)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestBeginTooLarge(t *testing.T) {
	long := strings.Repeat("v", maxString+1)
	many := make(map[string]string)
	for i := range 5 {
		many[strings.Repeat("k", i)] = long[1:]
	}
	for _, f := range []Frame{{Strings: map[string]string{"k": long}}, {Strings: map[string]string{token: long}}, {Ints: map[uint16]string{1: long}}, {Strings: many}} {
		if _, err := f.Begin(nil); !errors.Is(err, wire.ErrTooLarge) {
			t.Error(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, test := range frames {
		f.Add(unhex(test.hex)[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, payload, err := Parse(b)
		if err != nil {
			if !errors.As(err, new(*wire.Error)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		out, err := frame.Begin(nil)
		if err != nil { // a name may come twice, and then with more than its share of the header
			t.Fatal(err)
		}
		at := len(out)
		out = append(out, payload...)
		frame.End(out, 0, at)
		again, payload2, err := Parse(out[4:])
		if err != nil || !reflect.DeepEqual(again, frame) || !bytes.Equal(payload2, payload) {
			t.Fatalf("%+v became %+v, %v", frame, again, err)
		}
	})
}
