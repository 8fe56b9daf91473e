package ops

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Each duration is in the bucket with the least bound that is not below it.
func TestBucketOf(t *testing.T) {
	if len(exported) != numExported-1 {
		t.Fatalf("%d buckets with bounds are exported, want %d", len(exported), numExported-1)
	}
	if !slices.IsSorted(bounds[:]) {
		t.Fatal(bounds)
	}
	check := func(d time.Duration) {
		t.Helper()
		want, _ := slices.BinarySearch(bounds[:], int64(d))
		if got := bucketOf(d); got != want {
			t.Errorf("%v is in bucket %d, want %d", d, got, want)
		}
	}
	for _, b := range bounds {
		check(time.Duration(b - 1))
		check(time.Duration(b))
		check(time.Duration(b + 1))
	}
	for range 10_000 {
		check(time.Duration(rand.Uint64() >> (1 + rand.IntN(60))))
	}
	check(0)
	check(1<<63 - 1)
	if bucketOf(-1) != 0 {
		t.Error("a clock that went back")
	}
}

// A quantile is never below the true one, and at most 30 % above.
func TestQuantile(t *testing.T) {
	var h histogram
	var all []time.Duration
	for range 1000 {
		d := time.Duration(1000 + rand.Int64N(1_000_000_000))
		h.observe(d)
		all = append(all, d)
	}
	slices.Sort(all)
	var s distribution
	h.addTo(&s)
	for _, test := range []struct {
		q    float64
		rank int
	}{{0.5, 500}, {0.9, 900}, {0.99, 990}, {1, 1000}} {
		got, want := s.quantile(test.q), all[test.rank-1]
		if got < want || float64(got) > 1.3*float64(want) {
			t.Errorf("quantile %v is %v, want %v", test.q, got, want)
		}
	}
	if none := new(distribution); none.quantile(0.5) != 0 || none.mean() != 0 {
		t.Error("of nothing")
	}
}
