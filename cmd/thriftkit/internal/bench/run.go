// Package bench makes calls at a rate, or one after the other by a number of workers, and measures how long they take.
//
// At a rate (the open loop) the latency of a call counts from when it was due, whether or not it could be begun
// then: a server that stands still for a second makes all the calls of that second slow, as it does for those who
// wait, not just the one that happened to be pending ("coordinated omission" is the name for what is left out
// otherwise). With workers (the closed loop) each makes its next call when the last one was answered, and latencies
// count from there: that is how to find out what a server can do, not how long its users wait.
package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
)

// A Call is one kind of call.
type Call struct {
	Name   string
	Weight int // how often it is made, relative to the others; at least 1

	// Prepare returns a func that makes one call. What it does is not part of the call's time when
	// that counts from its beginning. Many goroutines call it at once, each with Data of its own.
	Prepare func(*fill.Data) (func(context.Context) error, error)
}

// Options say what Run does.
type Options struct {
	Calls    []Call
	Open     bool          // Schedule is calls per second, else workers
	Schedule Schedule      // at least one phase
	Most     int           // most pending calls, of an open loop
	Count    int64         // end after so many calls, after the warm-up; 0: when the schedule ends
	Warmup   time.Duration // calls of this time, with the schedule's first value, do not count
	Seed     uint64        // of random values in templates
	Interval time.Duration // between the points of the report

	// Kind names the kind of an error.
	Kind func(error) string
	// Progress, if not nil, is called after each interval.
	Progress func(Progress)

	pause func(time.Duration) // waits; nil: pause. Tests in virtual time set time.Sleep
}

// A Progress is how far a run is.
type Progress struct {
	Elapsed, Total time.Duration // after the warm-up; Total is 0 if it is not known
	Count          int64         // that was asked for, or 0
	Warm           bool          // the warm-up is over
	Now            Point         // of the last interval
	Summary        Summary       // since the start
	Kinds          []ErrorKind
}

// Run makes calls until the schedule ends, the count is reached, or ctx is done. Then it waits for those that are under
// way, whose contexts are not ended by ctx.
func Run(ctx context.Context, o Options) *Report {
	r := &run{o: o, late: newHistogram(), total: make([]tally, len(o.Calls)), start: time.Now()}
	r.o.Schedule = o.Schedule.warmed(o.Warmup)
	if o.pause == nil {
		r.o.pause = pause
	}
	r.table = interleave(o.Calls)
	r.left.Store(o.Count)
	r.shards = make([]*shard, 16)
	for i := range r.shards {
		r.shards[i] = &shard{calls: make([]tally, len(o.Calls))}
		if o.Open {
			r.shards[i].late = newHistogram()
		}
	}
	stop := make(chan struct{})
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		r.collectUntil(stop)
	}()
	ctx, cancel := context.WithCancel(ctx)
	r.enough = cancel
	if o.Open {
		r.open(ctx)
	} else {
		r.closed(ctx)
	}
	cancel()
	ended := time.Since(r.start)
	close(stop)
	<-collected
	return r.report(ended - o.Warmup)
}

// interleave returns indexes of calls, each as often as its weight says and evenly spread.
func interleave(calls []Call) []int {
	sum := 0
	for _, c := range calls {
		sum += c.Weight
	}
	var table []int
	have := make([]int, len(calls))
	for range sum {
		best := 0
		for i, c := range calls {
			have[i] += c.Weight
			if have[i] > have[best] {
				best = i
			}
		}
		have[best] -= sum
		table = append(table, best)
	}
	return table
}

type run struct {
	o      Options
	start  time.Time
	table  []int
	shards []*shard
	number atomic.Uint64
	left   atomic.Int64 // calls that count and are still to be begun, if there is a count
	enough func()       // ends the making of calls

	unsent int64 // calls of an open loop that were due and never begun

	// Of the collector, and of report when that is done.
	total  []tally
	late   *hdrhistogram.Histogram
	points []Point
}

// A worker makes calls.
type worker struct {
	id   int
	data *fill.Data
}

func (r *run) worker(id int) *worker { return &worker{id: id, data: fill.NewData(r.o.Seed, id)} }

// take reports whether one more call may be made that is due at a time.
func (r *run) take(due time.Duration) bool {
	if r.o.Count == 0 || due < r.o.Warmup {
		return true
	}
	left := r.left.Add(-1)
	if left <= 0 {
		r.enough()
	}
	return left >= 0
}

// call makes one call. due is when it should have been begun; negative: now.
// Calls of the warm-up do not count.
func (r *run) call(w *worker, due time.Duration, counts bool) {
	w.data.Number = r.number.Add(1) - 1
	i := r.table[w.data.Number%uint64(len(r.table))]
	do, err := r.o.Calls[i].Prepare(w.data)
	begun := time.Since(r.start)
	if due < 0 {
		due = begun
	}
	if err == nil {
		err = do(context.Background())
	}
	ended := time.Since(r.start)
	if !counts {
		return
	}
	kind, example := "", ""
	if err != nil {
		kind, example = r.o.Kind(err), err.Error()
	}
	r.shards[w.id%len(r.shards)].add(i, ended-due, begun-due, kind, example)
}

// open makes calls when they are due.
func (r *run) open(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	due := make(chan time.Duration) // unbuffered, so that a worker takes what is put there at once
	defer close(due)
	workers := 0
	end := r.o.Schedule.Duration()
	c := clock{phases: r.o.Schedule}
	for ctx.Err() == nil {
		at, ok := c.next()
		if !ok {
			r.waitUntil(ctx, end) // the last call is due before the end, and the rate is one of the whole time
			return
		}
		now := r.waitUntil(ctx, at)
		if ctx.Err() != nil {
			return
		}
		if !r.take(at) {
			break
		}
		select {
		case due <- at:
			continue
		default:
		}
		if workers < r.o.Most {
			w := r.worker(workers)
			workers++
			wg.Go(func() {
				r.call(w, at, at >= r.o.Warmup)
				for at := range due {
					r.call(w, at, at >= r.o.Warmup)
				}
			})
			continue
		}
		if end > 0 && now > end {
			// There is no more time to wait for others. The calls from this one on were due and are not made.
			r.unsent = int64(c.phases.rest(c.n - 1 - c.past))
			return
		}
		due <- at
	}
}

// waitUntil returns the time when it is at least at, or ctx is done.
func (r *run) waitUntil(ctx context.Context, at time.Duration) time.Duration {
	const step = 50 * time.Millisecond // a context that is done is seen that soon
	now := time.Since(r.start)
	for now < at && ctx.Err() == nil {
		r.o.pause(min(at-now, step))
		now = time.Since(r.start)
	}
	return now
}

// rest returns how many calls are left of s when n calls of its first phase have been made.
func (s Schedule) rest(n float64) float64 { return max(s.calls()-n, 0) }

// closed has workers make calls one after the other.
func (r *run) closed(ctx context.Context) {
	const tick = 10 * time.Millisecond
	var wg sync.WaitGroup
	var wanted atomic.Int64
	var running []*atomic.Bool // whether worker i is
	work := func(w *worker, on *atomic.Bool) {
		defer on.Store(false)
		for ctx.Err() == nil && int64(w.id) < wanted.Load() {
			now := time.Since(r.start)
			if !r.take(now) {
				break
			}
			r.call(w, -1, now >= r.o.Warmup)
		}
	}
	end := r.o.Schedule.Duration()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		now := time.Since(r.start)
		if end > 0 && now >= end {
			break
		}
		n := int(r.o.Schedule.At(now) + 0.5)
		wanted.Store(int64(n))
		for i := range n {
			if i == len(running) {
				running = append(running, new(atomic.Bool))
			}
			if on := running[i]; on.CompareAndSwap(false, true) {
				w := r.worker(i)
				wg.Go(func() { work(w, on) })
			}
		}
		if ctx.Err() != nil {
			break
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	wanted.Store(0)
	wg.Wait()
}

// collectUntil gathers what the shards have after each interval, until stop is closed, and once more then.
func (r *run) collectUntil(stop chan struct{}) {
	timer := time.NewTicker(r.o.Interval)
	defer timer.Stop()
	last := r.o.Warmup
	for {
		final := false
		select {
		case <-timer.C:
		case <-stop:
			final = true
		}
		now := time.Since(r.start)
		if now > r.o.Warmup {
			r.collect(last, now)
			last = now
		}
		if r.o.Progress != nil {
			r.o.Progress(r.progress(now))
		}
		if final {
			return
		}
	}
}

// collect makes a point of what happened between two times.
func (r *run) collect(from, to time.Duration) {
	part := make([]tally, len(r.total))
	for _, s := range r.shards {
		s.mu.Lock()
		for i := range s.calls {
			part[i].take(&s.calls[i])
		}
		if s.late != nil {
			r.late.Merge(s.late)
			s.late.Reset()
		}
		s.mu.Unlock()
	}
	all := sum(part)
	p := Point{At: seconds(to - r.o.Warmup), Seconds: seconds(to - from), Calls: all.done() + all.failed, Errors: all.failed}
	if all.ok != nil {
		p.P50, p.P99, p.Max = micros(all.ok.ValueAtQuantile(50)), micros(all.ok.ValueAtQuantile(99)), micros(all.ok.Max())
	}
	r.points = append(r.points, p)
	for i := range part {
		r.total[i].take(&part[i])
	}
}

// sum returns what all of them have together.
func sum(list []tally) *tally {
	all := &tally{}
	for i := range list {
		copied := tally{failures: list[i].failures, failed: list[i].failed}
		if list[i].ok != nil {
			copied.ok = list[i].ok.Clone()
		}
		all.take(&copied)
	}
	return all
}

func (r *run) progress(now time.Duration) Progress {
	p := Progress{Elapsed: now - r.o.Warmup, Count: r.o.Count, Warm: now > r.o.Warmup}
	if d := r.o.Schedule.Duration(); d > 0 {
		p.Total = d - r.o.Warmup
	}
	if len(r.points) > 0 {
		p.Now = r.points[len(r.points)-1]
	}
	p.Summary = summary("", sum(r.total), p.Elapsed)
	p.Kinds = p.Summary.Errors
	return p
}
