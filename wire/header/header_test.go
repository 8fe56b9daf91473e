package header

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"reflect"
	"runtime"
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

// frames are whole frames; what has the golden flag is also written so.
var frames = []struct {
	name    string
	hex     string
	want    Frame
	payload string
	golden  bool
}{
	{"as Apache Go writes it", "0000001b 0fff 0000 00000007 0003  00 00  01 01 01 6b 02 7631 000000  80010001 ff",
		Frame{SeqID: 7, Info: map[string]string{"k": "v1"}}, "80010001ff", true},
	{"nothing in the header but what must be", "0000000e 0fff 0000 00000001 0001  02 00 0000",
		Frame{SeqID: 1, Protocol: Compact}, "", true},
	{"a persistent name, as fbthrift has it", "00000012 0fff 0001 ffffffff 0002  00 00  02 01 01 61 00 00",
		Frame{Flags: 1, SeqID: 0xffffffff, Persistent: map[string]string{"a": ""}}, "", false},
	{"a whole zero word of padding, as C++ has it", "00000012 0fff 0000 00000001 0002  00 00 0000 00000000",
		Frame{SeqID: 1}, "", false},
	{"two blocks, of one kind", "00000019 0fff 0000 00000001 0003  00 00  01 01 00 01 62  01 00 00 00 00  ff",
		Frame{SeqID: 1, Info: map[string]string{"": "b"}}, "ff", false},
	{"a block that nobody knows, and what follows it", "00000012 0fff 0000 00000001 0002  00 00  07 01 01 61 01 62",
		Frame{SeqID: 1}, "", false},
	{"a protocol of more than a byte", "0000000f 0fff 0000 00000001 0001  ff01 00 00  ff",
		Frame{SeqID: 1, Protocol: 255}, "ff", false},
}

func TestParse(t *testing.T) {
	c := NewCodec()
	for _, test := range frames {
		b := unhex(test.hex)
		f, payload, err := c.Parse(b[4:], 1<<20)
		if err != nil || !reflect.DeepEqual(*f, test.want) || hex.EncodeToString(payload) != test.payload {
			t.Errorf("%s: %+v, % x, %v", test.name, f, payload, err)
			continue
		}
		out, err := f.Begin([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		at := len(out)
		if out, err = f.End(append(out, payload...), len("before"), at, c); err != nil {
			t.Fatal(err)
		}
		if out = out[len("before"):]; test.golden && !bytes.Equal(out, b) {
			t.Errorf("%s: written as % x", test.name, out)
		}
		if again, _, err := c.Parse(out[4:], 1<<20); err != nil || !reflect.DeepEqual(again, f) {
			t.Errorf("%s: read again: %+v, %v", test.name, again, err)
		}
	}
}

func TestParseBad(t *testing.T) {
	c := NewCodec()
	tests := []struct{ name, hex, want string }{
		{"nothing", "", "at byte 0: unexpected end of message"},
		{"shorter than a header", "0fff 0000 00000001 00", "at byte 9: unexpected end of message"},
		{"another magic", "0ffe 0000 00000001 0000", "at byte 0: invalid data: not a frame of THeader: it starts with 0f fe"},
		{"a header of no bytes", "0fff 0000 00000001 0000 8001", "at byte 10: unexpected end of message"},
		{"a header longer than the frame", "0fff 0000 00000001 ffff 0000", "at byte 8: invalid data: a header of 262140 bytes in a frame that has 2 more"},
		{"a number of six bytes", "0fff 0000 00000001 0002 8080808080 0100 00", "at byte 10: invalid data: a number of more than 32 bits"},
		{"a number of 33 bits", "0fff 0000 00000001 0002 ffffffff 1f 0000 00", "at byte 10: invalid data: a number of more than 32 bits"},
		{"a number that does not end", "0fff 0000 00000001 0001 80808080", "at byte 14: unexpected end of message"},
		{"100 million transforms", "0fff 0000 00000001 0002 00 80c2d72f 000000", "at byte 15: too large: 100000000 transforms, at most 4 are undone"},
		{"a transform that nobody knows", "0fff 0000 00000001 0001 00 01 02 00", "at byte 10: invalid data: transform 2 is not known"},
		{"more names than bytes", "0fff 0000 00000001 0002 00 00 01 ffffffff 07", "at byte 18: invalid data: 2147483647 names in a header that has 0 more bytes; at most 4096 are accepted"},
		{"a name longer than the header", "0fff 0000 00000001 0002 00 00 01 01 7f 61 00 00", "at byte 15: invalid data: a string of 127 bytes in a header that has 3 more"},
		{"a value that is missing", "0fff 0000 00000001 0002 00 00 01 01 03 616161", "at byte 18: unexpected end of message"},
		{"not compressed", "0fff 0000 00000001 0001 00 01 01 00 ff", "unexpected end of message: the compressed payload"},
		{"compressed by something else", "0fff 0000 00000001 0001 00 01 01 00 ffff ffff ffff", "invalid data: the compressed payload: zlib: invalid header"},
	}
	for _, test := range tests {
		_, _, err := c.Parse(unhex(test.hex), 1<<20)
		if err == nil || err.Error() != test.want || !errors.As(err, new(*wire.Error)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// seal returns a frame with the payload, transformed.
func seal(t testing.TB, c *Codec, payload []byte, transforms ...uint32) []byte {
	f := &Frame{Transforms: transforms}
	b, err := f.Begin(nil)
	if err == nil {
		b, err = f.End(append(b, payload...), 0, len(b), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b[4:]
}

// reverse is a transform of the test's own.
type reverse struct{ id uint32 }

func (r reverse) ID() uint32   { return r.id }
func (r reverse) Name() string { return "reverse" }

func (r reverse) Append(dst, src []byte) ([]byte, error) {
	for i := range src {
		dst = append(dst, src[len(src)-1-i])
	}
	return append(dst, byte(r.id)), nil
}

func (r reverse) Undo(src []byte, maxBytes int) ([]byte, error) {
	if len(src) == 0 || src[len(src)-1] != byte(r.id) {
		return nil, wire.Errorf(-1, wire.ErrInvalid, "not transformed by %d", r.id)
	}
	dst, err := r.Append(nil, src[:len(src)-1])
	return dst[:len(src)-1], err
}

func TestTransforms(t *testing.T) {
	c := NewCodec(reverse{9}, reverse{10})
	payload := []byte(strings.Repeat("payload ", 100))
	for _, transforms := range [][]uint32{nil, {ZlibID}, {9, 10}, {ZlibID, 9}, {9, ZlibID, 10, ZlibID}} {
		for range 2 { // the second time with used scratch
			src := seal(t, c, payload, transforms...)
			before := bytes.Clone(src)
			f, got, err := c.Parse(src, len(payload)+2)
			if err != nil || !bytes.Equal(got, payload) || len(f.Transforms) != len(transforms) {
				t.Errorf("%v: %d bytes, %v", transforms, len(got), err)
			}
			if !bytes.Equal(src, before) {
				t.Errorf("%v: the frame was written to", transforms)
			}
			if _, _, err := c.Parse(src, len(payload)-1); len(transforms) > 0 && transforms[0] == ZlibID && !errors.Is(err, wire.ErrTooLarge) {
				t.Errorf("%v: above the limit: %v", transforms, err)
			}
		}
	}
	if id, err := c.Named("zlib"); id != ZlibID || err != nil {
		t.Errorf("zlib: %d, %v", id, err)
	}
	if _, err := c.Named("zstd"); err == nil || err.Error() != `unknown compression "zstd" (known: zlib, reverse, reverse)` {
		t.Errorf("zstd: %v", err)
	}
	f := Frame{Transforms: []uint32{4}}
	if _, err := f.End(make([]byte, 20), 0, 14, c); !errors.Is(err, wire.ErrValue) {
		t.Errorf("an unknown transform: %v", err)
	}
}

// TestBomb has a small frame become a very large payload: memory stays near the limit, and the
// limit is one for each message.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 32 {
		w.Write(zeros)
	}
	w.Close()
	src := append(unhex("0fff 0000 00000001 0001 00 01 01 00"), b.Bytes()...)
	c := NewCodec()
	const limit = 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 3 {
		if _, _, err := c.Parse(src, limit); !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("a bomb: %v", err)
		}
		if _, got, err := c.Parse(seal(t, c, zeros, ZlibID), limit); err != nil || len(got) != limit {
			t.Errorf("a message of the limit after it: %d bytes, %v", len(got), err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := (after.TotalAlloc - before.TotalAlloc) / 6; got > 8*limit {
		t.Errorf("%d bytes were allocated for each, for a limit of %d", got, limit)
	}
}

func TestBeginTooLarge(t *testing.T) {
	many := make(map[string]string)
	for i := range maxEntries + 1 {
		many[strings.Repeat("k", i%8)+string(rune(i))] = ""
	}
	for _, f := range []Frame{{Info: map[string]string{"k": strings.Repeat("v", maxHeader)}}, {Persistent: many}} {
		if _, err := f.Begin(nil); !errors.Is(err, wire.ErrTooLarge) {
			t.Error(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := NewCodec()
	for _, test := range frames {
		f.Add(unhex(test.hex)[4:])
	}
	f.Add(seal(f, c, []byte("payload"), ZlibID))
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 12
		frame, payload, err := c.Parse(b, limit)
		if err != nil {
			if !errors.As(err, new(*wire.Error)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if len(frame.Transforms) > 0 && len(payload) > limit {
			t.Fatalf("%d bytes", len(payload))
		}
		out, err := frame.Begin(nil)
		if err != nil {
			if !errors.Is(err, wire.ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if out, err = frame.End(append(out, payload...), 0, len(out), c); err != nil {
			t.Fatal(err)
		}
		again, payload2, err := c.Parse(out[4:], len(payload))
		if err != nil || !sameFrame(again, frame) || !bytes.Equal(payload2, payload) {
			t.Fatalf("%+v became %+v, %v", frame, again, err)
		}
	})
}

// sameFrame takes an empty map for none.
func sameFrame(a, b *Frame) bool {
	same := func(a, b map[string]string) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }
	return a.SeqID == b.SeqID && a.Flags == b.Flags && a.Protocol == b.Protocol &&
		same(a.Info, b.Info) && same(a.Persistent, b.Persistent)
}
