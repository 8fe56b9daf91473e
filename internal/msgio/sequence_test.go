package msgio

import (
	"math/rand/v2"
	"testing"
)

// TestSequenceID checks the arithmetic.
func TestSequenceID(t *testing.T) {
	for _, n := range []uint32{1, 2, 3, 1000, 1<<30 - 1} {
		id := SequenceID(n)
		if got, ok := SequenceNumber(id); got != n || !ok || id < firstID || id == GoAwayID {
			t.Errorf("%d: id %#x, which is number %d, %v", n, id, got, ok)
		}
	}
	slots := make(map[int32]bool)
	for n := range uint32(1024) {
		slots[SequenceID(1<<30-500+n)&1023] = true
	}
	if len(slots) != 1024 {
		t.Errorf("1024 calls in a row share %d remainders", len(slots))
	}
}

// TestSequence has the ids of clients of ours and of others, and counts after how many calls they are not taken for ours any more.
func TestSequence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ours := func(from uint32) func(int) int32 { return func(i int) int32 { return SequenceID(from + uint32(i)) } }
	count := func(from int32) func(int) int32 { return func(i int) int32 { return from + int32(i) } }
	for _, test := range []struct {
		what  string
		id    func(i int) int32
		calls int // for which it is ours; -1: all
	}{
		{"ours", ours(1), -1},
		{"ours, with calls that overtook others", func(i int) int32 { return SequenceID(uint32(100 + i + random.IntN(60))) }, 0}, // the first of them is too late
		{"ours, ids skipped", func(i int) int32 { return SequenceID(uint32(1 + 3*i)) }, -1},
		{"counts from 1", count(1), 0},
		{"a process-wide counter", count(5_000_000), 0},
		{"a counter that has passed 2^30", count(1<<30 + 77), 0},
		{"a counter that has our first id just when a connection begins", count(SequenceID(1)), 1},
		{"always 0", func(int) int32 { return 0 }, 0},
		{"negative", count(-2_000_000_000), 0},
		{"random", func(int) int32 { return int32(random.Uint32()) }, 0},
		{"two clients of ours behind one proxy", func(i int) int32 { return SequenceID(uint32(1 + i/2 + i%2*100_000)) }, 1},
		{"one of ours and one that counts", func(i int) int32 { return [2]int32{SequenceID(uint32(1 + i/2)), int32(i)}[i%2] }, 1},
	} {
		var s Sequence
		got := -1
		for i := range 100_000 {
			is := i > 0 && s.Follows(test.id(i)) || i == 0 && s.Begins(test.id(i))
			if !is {
				got = i
				break
			}
		}
		if got != test.calls {
			t.Errorf("%s: %d calls, want %d", test.what, got, test.calls)
		}
	}
	var s Sequence
	if !s.Begins(SequenceID(3)) {
		t.Error("the third call comes first")
	}
	for n := uint32(1); n < 2_000_000; n += 1 + random.Uint32N(3) {
		if id := SequenceID(n + random.Uint32N(1000)); !s.Follows(id) {
			t.Fatalf("call %d in disorder is not taken for ours", n)
		}
	}
	s.last = 1<<30 - 2
	for n := range uint32(10) {
		if !s.Follows(SequenceID(1<<30 - 1 + n)) {
			t.Errorf("around the end of the numbers: %d", n)
		}
	}
}
