package binary

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/wire"
)

// allocated returns how many bytes f allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// splitAll feeds the stream in pieces of the sizes that piece returns and returns the messages.
func splitAll(t *testing.T, stream []byte, piece func() int) [][]byte {
	t.Helper()
	s := NewSplitter(1 << 20)
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

func TestSplit(t *testing.T) {
	all := messages()
	stream := bytes.Join(all, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for name, piece := range map[string]func() int{
		"byte by byte":  func() int { return 1 },
		"random pieces": func() int { return 1 + random.IntN(100) },
		"at once":       func() int { return len(stream) },
	} {
		got := splitAll(t, stream, piece)
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
			_, _, err := NewSplitter(1000).Split(unhex(test.hex))
			if err == nil || err.Error() != test.err {
				t.Errorf("%v, want %s", err, test.err)
			}
		})
	}
}

func TestSplitMax(t *testing.T) {
	msg := append(AppendHeader(nil, wire.Header{Name: "m", Type: wire.Call}), unhex("0b 0001 00000003 616263 00")...)
	for size, want := range map[int]bool{len(msg): true, len(msg) + 1: true, len(msg) - 1: false, len(msg) - 2: false, 14: false, 8: false, 0: false} {
		n, _, err := NewSplitter(size).Split(msg)
		if want && (n != len(msg) || err != nil) || !want && !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("at most %d: %d, %v", size, n, err)
		}
	}
}

// TestSplitIsLinear feeds a message of many elements byte by byte. If each call
// scanned from the start, it would take minutes.
func TestSplitIsLinear(t *testing.T) {
	const n = 1 << 18
	msg := AppendHeader(nil, wire.Header{Name: "m", Type: wire.Call})
	msg = append(msg, byte(wire.List), 0, 1, byte(wire.String), byte(n>>24&0xff), byte(n>>16&0xff), byte(n>>8&0xff), byte(n&0xff))
	msg = append(msg, make([]byte, 4*n)...)
	msg = append(msg, 0)
	s := NewSplitter(len(msg))
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
