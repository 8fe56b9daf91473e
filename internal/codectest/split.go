package codectest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// splitAll feeds the stream in pieces of the sizes that piece returns and returns the messages.
func (c Codec) splitAll(t *testing.T, stream []byte, piece func() int) [][]byte {
	t.Helper()
	s := c.NewSplitter(1 << 20)
	var out [][]byte
	have, want := 0, 0
	for start := 0; start < len(stream); {
		n, need, err := s.Split(stream[start:have:have])
		if err != nil {
			t.Fatalf("message %d, %d bytes there: %v", len(out), have-start, err)
		}
		if n > 0 {
			if start+n < want {
				t.Fatalf("message %d: it was to have %d bytes at least, and has %d", len(out), want-start, n)
			}
			out = append(out, stream[start:start+n])
			start, want = start+n, 0
			continue
		}
		if need <= have-start {
			t.Fatalf("message %d: %d bytes are there, %d are asked for", len(out), have-start, need)
		}
		want = max(want, start+need)
		have = min(len(stream), have+piece())
	}
	return out
}

func (c Codec) testSplit(t *testing.T) {
	all := c.messages()
	stream := bytes.Join(all, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for name, piece := range map[string]func() int{
		"byte by byte":  func() int { return 1 },
		"random pieces": func() int { return 1 + random.IntN(100) },
		"at once":       func() int { return len(stream) },
	} {
		got := c.splitAll(t, stream, piece)
		if len(got) != len(all) {
			t.Fatalf("%s: %d messages, want %d", name, len(got), len(all))
		}
		for i := range all {
			if !bytes.Equal(got[i], all[i]) {
				t.Errorf("%s: message %d: % x, want % x", name, i, got[i], all[i])
			}
		}
	}
}

// testSplitMax has messages that end in every kind of thing, with every limit around their size.
func (c Codec) testSplitMax(t *testing.T) {
	for _, body := range []Hex{
		{"00", "00"},
		{"0b 0001 00000003 616263 00", "18 03 616263 00"},
		{"02 0001 01  02 0002 01  02 0003 01 00", "11 11 11 00"},
		{"08 0001 00000001 00", "15 808001 00"},
		{"0f 0001 0c 00000003 00 00 00 00", "19 3c 00 00 00 00"},
		{"0f 0001 03 00000003 00 00 00 00", "19 33 00 00 00 00"},
		{"0d 0001 03 02 00000002 00 00 00 00 00", "1b 02 31 00 00 00 00 00"},
		{"0c 0001 0c 0001 0c 0001 00 00 00 00", "1c 1c 1c 00 00 00 00"},
	} {
		msg := append(c.appendHeader(nil, wire.Header{Name: "m", Type: wire.Call}), c.bytes(body)...)
		for size := range len(msg) + 2 {
			n, _, err := c.NewSplitter(size).Split(msg)
			if want := size >= len(msg); want && (n != len(msg) || err != nil) || !want && !errors.Is(err, wire.ErrTooLarge) {
				t.Errorf("% x: %d bytes, at most %d: %d, %v", msg, len(msg), size, n, err)
			}
			// A message that will be too long must not make the reader wait for ever.
			s := c.NewSplitter(size)
			for i := range len(msg) + 1 {
				n, need, err := s.Split(msg[:i:i])
				if err == nil && (n > size || need > max(size, 8)) {
					t.Errorf("% x: at most %d: with %d bytes it wants %d", msg, size, i, need)
				}
				if n > 0 || err != nil {
					break
				}
			}
		}
	}
}

// testSplitIsLinear feeds a message of many elements byte by byte. If each call
// scanned from the start, it would take minutes.
func (c Codec) testSplitIsLinear(t *testing.T) {
	const n = 1 << 18
	for _, x := range []struct{ head, elem Hex }{
		{Hex{"0f 0001 0b 00040000", "19 f8 808010"}, Hex{"00000000", "00"}},
		{Hex{"0d 0001 08 0b 00040000", "1b 808010 58"}, Hex{"00000001 00000000", "02 00"}},
		{Hex{"0f 0001 0c 00040000", "19 fc 808010"}, Hex{"00", "00"}},
	} {
		msg := slices.Concat(c.appendHeader(nil, wire.Header{Name: "m", Type: wire.Call}),
			c.bytes(x.head), bytes.Repeat(c.bytes(x.elem), n), []byte{0})
		s := c.NewSplitter(len(msg))
		start := time.Now()
		for i := 1; ; i++ {
			end, _, err := s.Split(msg[:i])
			if err != nil {
				t.Fatal(err)
			}
			if end > 0 {
				if end != len(msg) {
					t.Errorf("%d bytes, want %d", end, len(msg))
				}
				break
			}
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	}
}
