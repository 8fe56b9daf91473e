package ops

import (
	"math/bits"
	"sort"
	"sync/atomic"
	"time"
)

// The buckets of histograms: ten in each decade from 1 microsecond to 100 seconds, whose bounds are the preferred numbers of ISO 3
// (R10, rounded). A percentile read from them is at most a quarter too high, mostly an eighth.
var mantissas = [...]float64{1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8}

const (
	numDecades = 8
	numBounds  = numDecades*len(mantissas) + 1
	numBuckets = numBounds + 1 // the last one is for what is above all bounds
)

// bounds are the inclusive upper bounds of the buckets, in nanoseconds.
var bounds = func() (b [numBounds]int64) {
	scale := float64(time.Microsecond)
	for d := range numDecades {
		for i, m := range mantissas {
			b[d*len(mantissas)+i] = int64(m * scale)
		}
		scale *= 10
	}
	b[numBounds-1] = int64(scale)
	return b
}()

// firstBound has, for each number of bits, the bucket of the smallest number of so many bits.
var firstBound = func() (first [65]uint8) {
	for n := range first {
		smallest := int64(0)
		if n > 0 {
			smallest = int64(min(uint64(1)<<(n-1), 1<<62))
		}
		first[n] = uint8(sort.Search(numBounds, func(i int) bool { return bounds[i] >= smallest }))
	}
	return first
}()

// bucketOf returns the bucket of d.
func bucketOf(d time.Duration) int {
	i := int(firstBound[bits.Len64(uint64(max(d, 0)))])
	for i < numBounds && bounds[i] < int64(d) { // at most four steps: there are ten bounds in 3.3 bits
		i++
	}
	return i
}

// A histogram counts durations. It is safe for concurrent use.
type histogram struct {
	counts [numBuckets]atomic.Uint64
	sum    atomic.Int64 // in nanoseconds
}

func (h *histogram) observe(d time.Duration) (bucket int) {
	bucket = bucketOf(d)
	h.counts[bucket].Add(1)
	h.sum.Add(int64(max(d, 0)))
	return bucket
}

// addTo adds what h has counted to s.
func (h *histogram) addTo(s *distribution) {
	for i := range h.counts {
		s.counts[i] += h.counts[i].Load()
	}
	s.sum += time.Duration(h.sum.Load())
}

// A distribution is what a histogram had counted at one time, or in some time.
type distribution struct {
	counts [numBuckets]uint64
	sum    time.Duration
}

func (s *distribution) total() (n uint64) {
	for _, c := range s.counts {
		n += c
	}
	return n
}

// minus returns what was counted between t and s.
func (s *distribution) minus(t *distribution) distribution {
	d := distribution{sum: s.sum - t.sum}
	for i := range d.counts {
		d.counts[i] = s.counts[i] - t.counts[i]
	}
	return d
}

func (s *distribution) add(t *distribution) {
	for i := range s.counts {
		s.counts[i] += t.counts[i]
	}
	s.sum += t.sum
}

// mean returns the average; 0 of nothing.
func (s *distribution) mean() time.Duration {
	if n := s.total(); n > 0 {
		return s.sum / time.Duration(n)
	}
	return 0
}

// quantile returns the upper bound of the bucket that has the quantile q, from 0 to 1; 0 of nothing.
func (s *distribution) quantile(q float64) time.Duration {
	n := s.total()
	if n == 0 {
		return 0
	}
	rank, seen := max(1, uint64(q*float64(n)+0.999999)), uint64(0)
	for i, c := range s.counts {
		if seen += c; seen >= rank {
			return time.Duration(bounds[min(i, numBounds-1)])
		}
	}
	return time.Duration(bounds[numBounds-1])
}
