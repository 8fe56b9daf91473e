package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Phase is a time during which a rate or a number of workers goes evenly from one value to another.
type Phase struct {
	From, To float64
	For      time.Duration // 0, of the only phase: no limit
}

// A Schedule is phases one after the other.
type Schedule []Phase

// Limits of schedules, far above what one machine does.
const (
	mostStairs = 10000
	highest    = 1e9
)

// ParseSchedule reads phases, separated by commas:
//
//	100               one value; how long is said elsewhere
//	100@10s           for 10 seconds
//	100..1000@1m      evenly from 100 to 1000 within a minute
//	100..500/100@50s  in stairs of 100: five of 10 seconds each
//
// A single phase may be without a time, and then has fallback.
func ParseSchedule(text string, fallback time.Duration) (Schedule, error) {
	var s Schedule
	words := strings.Split(text, ",")
	for _, word := range words {
		phases, err := parsePhase(strings.TrimSpace(word), fallback, len(words) == 1)
		if err != nil {
			return nil, err
		}
		s = append(s, phases...)
	}
	return s, nil
}

func parsePhase(word string, fallback time.Duration, single bool) (Schedule, error) {
	values, length, timed := strings.Cut(word, "@")
	lasts := fallback
	if timed {
		var err error
		if lasts, err = time.ParseDuration(length); err != nil || lasts <= 0 {
			return nil, fmt.Errorf("%q: %q is not a time such as 10s", word, length)
		}
	} else if !single {
		return nil, fmt.Errorf("%q: how long? (as in %s@10s)", word, values)
	}
	values, stair, stairs := strings.Cut(values, "/")
	first, last, ramp := strings.Cut(values, "..")
	from, err := parseValue(word, first)
	if err != nil {
		return nil, err
	}
	to := from
	if ramp {
		if to, err = parseValue(word, last); err != nil {
			return nil, err
		}
	}
	switch {
	case from == 0 && to == 0:
		return nil, fmt.Errorf("%q: there would be no calls", word)
	case ramp && lasts == 0:
		return nil, fmt.Errorf("%q: how long? (as in %s@10s)", word, values)
	case !stairs:
		return Schedule{{From: from, To: to, For: lasts}}, nil
	case !ramp:
		return nil, fmt.Errorf("%q: stairs go from one value to another, as in 100..500/100@50s", word)
	}
	step, err := parseValue(word, stair)
	if err != nil {
		return nil, err
	}
	n := math.Floor(math.Abs(to-from)/step+1e-9) + 1
	if step == 0 || n > mostStairs {
		return nil, fmt.Errorf("%q: more than %d stairs", word, mostStairs)
	}
	if to < from {
		step = -step
	}
	var s Schedule
	for i := range int(n) {
		v := from + float64(i)*step
		s = append(s, Phase{From: v, To: v, For: lasts / time.Duration(n)})
	}
	return s, nil
}

func parseValue(word, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= highest) {
		return 0, fmt.Errorf("%q: %q is not a number from 0 to %.0f", word, text, highest)
	}
	return v, nil
}

// Duration returns how long s lasts; 0 means no limit.
func (s Schedule) Duration() time.Duration {
	var d time.Duration
	for _, p := range s {
		if p.For == 0 {
			return 0
		}
		d += p.For
	}
	return d
}

// At returns the value at a time, that of the last phase after its end.
func (s Schedule) At(t time.Duration) float64 {
	for i, p := range s {
		if t < p.For || i == len(s)-1 {
			if p.For == 0 || p.From == p.To {
				return p.To
			}
			return p.From + (p.To-p.From)*min(float64(t)/float64(p.For), 1)
		}
		t -= p.For
	}
	return 0
}

// warmed returns s after a time with its first value that is not 0.
func (s Schedule) warmed(d time.Duration) Schedule {
	if d == 0 {
		return s
	}
	v := s[0].From
	if v == 0 {
		v = s[0].To
	}
	return append(Schedule{{From: v, To: v, For: d}}, s...)
}

// calls returns how many calls a rate of s makes in all; 0 if it has no end.
func (s Schedule) calls() float64 {
	n := 0.0
	for _, p := range s {
		n += p.calls()
	}
	return n
}

func (p Phase) calls() float64 { return (p.From + p.To) / 2 * p.For.Seconds() }

// A clock returns when calls of a rate are due.
type clock struct {
	phases Schedule
	begin  time.Duration // of the first phase that is left
	past   float64       // calls before it
	n      float64       // calls so far
}

// next returns when the next call is due, from the start, and false after the end.
func (c *clock) next() (time.Duration, bool) {
	for len(c.phases) > 0 {
		p := c.phases[0]
		if p.For > 0 && c.n-c.past >= p.calls()-1e-6 {
			c.past += p.calls()
			c.begin += p.For
			c.phases = c.phases[1:]
			continue
		}
		at := p.when(max(c.n-c.past, 0))
		c.n++
		return c.begin + time.Duration(at*float64(time.Second)), true
	}
	return 0, false
}

// when returns the seconds from the start of p after which n calls have been due: it solves
// n = From·t + (To-From)/(2·For)·t² for t.
func (p Phase) when(n float64) float64 {
	switch {
	case n == 0:
		return 0
	case p.From == p.To || p.For == 0:
		return n / p.From
	}
	a := (p.To - p.From) / p.For.Seconds()
	return 2 * n / (p.From + math.Sqrt(max(p.From*p.From+2*a*n, 0)))
}
