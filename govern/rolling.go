package govern

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// A rolling is a histogram of the latencies of the last 10 to 20 seconds: of this period and of the one before. Any number of
// goroutines may use it.
type rolling struct {
	mu      sync.Mutex // for changing periods
	period  atomic.Int64
	periods [2]struct {
		total  atomic.Int64
		counts [rollingBuckets]atomic.Uint32
	}
}

// rollingPeriod is how long latencies go to one histogram. rollingBuckets are buckets of a width of at most 1/8 of their value, up to 2^37
// microseconds.
const (
	rollingPeriod  = 10 * time.Second
	rollingBuckets = 8 * 36
)

// bucketOf returns the bucket of d: 8 for each power of 2 of microseconds.
func bucketOf(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	if us < 8 {
		return int(us)
	}
	power := bits.Len64(us) - 4 // so that us>>power is 8 to 15
	return min(8*power+int(us>>power), rollingBuckets-1)
}

// boundOf returns the upper bound of a bucket.
func boundOf(bucket int) time.Duration {
	us := uint64(bucket + 1)
	if bucket >= 16 {
		power := bucket/8 - 1
		us = uint64(bucket-8*power+1) << power
	}
	return time.Duration(us) * time.Microsecond
}

// turn begins the period of now, in nanoseconds of one clock.
func (r *rolling) turn(now int64) int64 {
	p := now/int64(rollingPeriod) + 1
	if r.period.Load() >= p {
		return p
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.period.Load()
	if old >= p {
		return p
	}
	for q := max(old+1, p-1); q <= p; q++ {
		h := &r.periods[q%2]
		h.total.Store(0)
		for i := range h.counts {
			h.counts[i].Store(0)
		}
	}
	r.period.Store(p)
	return p
}

func (r *rolling) observe(now int64, d time.Duration) {
	h := &r.periods[r.turn(now)%2]
	h.counts[bucketOf(d)].Add(1)
	h.total.Add(1)
}

// percentile returns the latency that the share q of the calls did not exceed, and how many calls there are.
func (r *rolling) percentile(now int64, q float64) (time.Duration, int64) {
	r.turn(now)
	total := r.periods[0].total.Load() + r.periods[1].total.Load()
	want, seen := int64(q*float64(total)), int64(0)
	for i := range rollingBuckets {
		seen += int64(r.periods[0].counts[i].Load()) + int64(r.periods[1].counts[i].Load())
		if seen > want || seen == total {
			return boundOf(i), total
		}
	}
	return boundOf(rollingBuckets - 1), total
}
