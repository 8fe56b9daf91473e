package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range of histograms: what is above counts as the highest, what is below as the lowest; three digits are kept.
const (
	lowestLatency  = int64(time.Microsecond)
	highestLatency = int64(10 * time.Minute)
	digits         = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(lowestLatency, highestLatency, digits)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	// It fails for values out of the range only.
	_ = h.RecordValue(min(max(int64(d), 0), highestLatency))
}

// A failure counts errors of one kind.
type failure struct {
	count   int64
	example string
	sum     time.Duration
	max     time.Duration
}

// A tally is what is known of the calls of one method.
type tally struct {
	ok       *hdrhistogram.Histogram // latencies of calls without an error; nil if there were none
	failures map[string]*failure
	failed   int64
}

func (t *tally) add(latency time.Duration, kind, example string) {
	if kind == "" {
		if t.ok == nil {
			t.ok = newHistogram()
		}
		record(t.ok, latency)
		return
	}
	t.failed++
	f := t.failures[kind]
	if f == nil {
		if t.failures == nil {
			t.failures = make(map[string]*failure)
		}
		f = &failure{example: example}
		t.failures[kind] = f
	}
	f.count++
	f.sum += latency
	f.max = max(f.max, latency)
}

// take adds what from has to t and empties from.
func (t *tally) take(from *tally) {
	if from.ok != nil {
		if t.ok == nil {
			t.ok = newHistogram()
		}
		t.ok.Merge(from.ok)
		from.ok.Reset()
	}
	for kind, f := range from.failures {
		have := t.failures[kind]
		if have == nil {
			if t.failures == nil {
				t.failures = make(map[string]*failure)
			}
			have = &failure{example: f.example}
			t.failures[kind] = have
		}
		have.count += f.count
		have.sum += f.sum
		have.max = max(have.max, f.max)
	}
	t.failed += from.failed
	from.failures, from.failed = nil, 0
}

// done returns the number of calls without an error.
func (t *tally) done() int64 {
	if t.ok == nil {
		return 0
	}
	return t.ok.TotalCount()
}

// A shard is what some of the workers have counted and nobody has collected yet.
type shard struct {
	mu    sync.Mutex
	calls []tally
	late  *hdrhistogram.Histogram // how long after they were due calls were begun; nil in a closed loop
}

func (s *shard) add(call int, latency, late time.Duration, kind, example string) {
	s.mu.Lock()
	s.calls[call].add(latency, kind, example)
	if s.late != nil {
		record(s.late, late)
	}
	s.mu.Unlock()
}
