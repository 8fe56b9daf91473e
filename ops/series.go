package ops

import (
	"sync"
	"time"
)

// A Point is what happened in one second, minute or hour.
type Point struct {
	Calls  uint64 `json:"calls"`  // that ended or were refused
	Errors uint64 `json:"errors"` // among them, other than declared exceptions
	Mean   int64  `json:"mean"`   // of the latency, in microseconds
	P99    int64  `json:"p99"`    // likewise
}

// A ring keeps the last points; the oldest is the first of list.
type ring struct {
	points []Point
	size   int
}

func (r *ring) add(p Point) {
	if len(r.points) == r.size {
		copy(r.points, r.points[1:])
		r.points = r.points[:r.size-1]
	}
	r.points = append(r.points, p)
}

// recentParts is in how many parts of ten seconds the last minute is kept, for its percentiles.
const recentParts = 6

// A history has what happened to one method lately.
type history struct {
	last                            *methodTotal // a second ago
	minute, hour, tenth             *methodTotal // at the beginning of the present minute, hour, ten seconds
	seconds, minutes, hours         ring
	recent                          [recentParts]distribution // of the last ten seconds, the ten before, …
	callsPerSecond, errorsPerSecond float64                   // of the last ten seconds
}

// A sampler looks at the numbers of a side each second. The hot path knows nothing of it.
type sampler struct {
	side *side

	mu      sync.Mutex
	ticks   int // seconds since it began
	methods map[*methodMetrics]*history
}

func newSampler(s *side) *sampler {
	return &sampler{side: s, methods: make(map[*methodMetrics]*history)}
}

// tick is to be called each second.
func (s *sampler) tick() {
	list := s.side.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ticks++
	for _, x := range list {
		h, now := s.methods[x], x.total()
		if h == nil {
			zero := new(methodTotal)
			h = &history{last: zero, minute: zero, hour: zero, tenth: zero, seconds: ring{size: 60}, minutes: ring{size: 60}, hours: ring{size: 24}}
			s.methods[x] = h
		}
		h.tick(s.ticks, now)
	}
}

func (h *history) tick(ticks int, now *methodTotal) {
	h.seconds.add(pointBetween(h.last, now))
	if ticks%10 == 0 {
		copy(h.recent[1:], h.recent[:])
		h.recent[0] = now.latency.minus(&h.tenth.latency)
		h.tenth = now
	}
	if ticks%60 == 0 {
		h.minutes.add(pointBetween(h.minute, now))
		h.minute = now
	}
	if ticks%3600 == 0 {
		h.hours.add(pointBetween(h.hour, now))
		h.hour = now
	}
	h.last = now
	var calls, errors uint64
	last := h.seconds.points[max(0, len(h.seconds.points)-10):]
	for _, p := range last {
		calls, errors = calls+p.Calls, errors+p.Errors
	}
	h.callsPerSecond, h.errorsPerSecond = float64(calls)/float64(len(last)), float64(errors)/float64(len(last))
}

func pointBetween(from, to *methodTotal) Point {
	d := to.latency.minus(&from.latency)
	return Point{
		Calls: to.succeeded + to.failed - from.succeeded - from.failed, Errors: to.failed - to.exceptions - from.failed + from.exceptions,
		Mean: d.mean().Microseconds(), P99: d.quantile(0.99).Microseconds(),
	}
}

// lastMinute returns the latencies of the last minute, more or less ten seconds.
func (h *history) lastMinute(now *methodTotal) *distribution {
	d := now.latency.minus(&h.tenth.latency)
	for i := range h.recent {
		d.add(&h.recent[i])
	}
	return &d
}

// runSamplers calls all ticks each second until stop is closed.
func runSamplers(stop <-chan struct{}, ticks ...func()) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			for _, tick := range ticks {
				tick()
			}
		case <-stop:
			return
		}
	}
}
