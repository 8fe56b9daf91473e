package limit

import (
	"math"
	"math/rand/v2"
	"time"
)

// An adaptive finds a limit as the "auto" concurrency limiter of Apache brpc does, by Little's law: what a server can have under way without a
// queue of its own is how many calls it ends in a second, at its best, times how long a call takes when little is under way. The limit is somewhat
// above that, more so while calls are not slower than then. From time to time it is lowered for a moment, to learn anew how long calls take.
//
// Source: docs/en/auto_concurrency_limiter.md and src/brpc/policy/auto_concurrency_limiter.cpp of Apache brpc. The gradient of Netflix's
// concurrency-limits, with which the tests compare it, has no way back once calls have been slow for long.
type adaptive struct {
	begun   time.Time // of the window; zero: with the next call
	calls   int
	failed  int           // among them
	latency time.Duration // of these together

	base     float64   // seconds that a call takes when little is under way; 0 is unknown
	rate     float64   // calls a second, at its best
	explore  float64   // by what part the limit is above
	again    time.Time // when to learn base anew
	lowUntil time.Time // until when the limit is lowered for that; zero: it is not
	spread   func() float64
}

const (
	windowTime = time.Second // a window ends after that, if it has windowMin calls, or slots have each been used windowUses times
	windowMin  = 100
	windowUses = 4
	windowMax  = 200 // or with that many

	emaBase     = 0.1
	emaRate     = emaBase / 10
	exploreMin  = 0.06
	exploreMax  = 0.3
	exploreStep = 0.02

	// brpc lowers the limit to nine tenths, every 25 to 50 seconds. The highest rate of windows of 200 calls is about a tenth above the
	// true one, so that nine tenths of it still have a queue in the server, and the limit rises for as long as there is too much to do.
	lowered        = 0.8
	againAfter     = 10 * time.Second // half of it to all of it
	loweredLatency = 2                // latencies for which the limit is lowered
)

func newAdaptive() *adaptive { return &adaptive{explore: exploreMax, spread: rand.Float64} }

func (a *adaptive) ended(now time.Time, d time.Duration, failed bool, _, limit int) int {
	if !a.lowUntil.IsZero() {
		if now.Before(a.lowUntil) {
			return limit
		}
		a.lowUntil, a.base, a.begun = time.Time{}, 0, time.Time{}
		a.planAgain(now)
	}
	if a.again.IsZero() {
		a.planAgain(now)
	}
	if a.begun.IsZero() {
		a.begun, a.calls, a.failed, a.latency = now, 0, 0, 0
		return limit
	}
	if a.calls++; failed {
		a.failed++
	}
	a.latency += d
	age := now.Sub(a.begun)
	if age <= 0 || a.calls < windowMax && (age < windowTime || a.calls < min(windowMin, windowUses*limit)) {
		return limit
	}
	a.begun = time.Time{}
	// A call that failed counts as time and not as work: else handlers that fail at once would look quick. So does brpc.
	good := float64(a.calls - a.failed)
	if good == 0 {
		return limit / 2
	}
	return a.update(now, a.latency.Seconds()/good, good/age.Seconds())
}

func (a *adaptive) planAgain(now time.Time) {
	a.again = now.Add(time.Duration((1 + a.spread()) / 2 * float64(againAfter)))
}

// update returns the limit after a window in which calls took latency seconds, and rate of them ended in a second.
func (a *adaptive) update(now time.Time, latency, rate float64) int {
	switch {
	case a.base == 0:
		a.base = latency
	case latency < a.base:
		a.base += emaBase * (latency - a.base)
	}
	if rate >= a.rate {
		a.rate = rate
	} else {
		a.rate += emaRate * (rate - a.rate)
	}
	if !now.Before(a.again) {
		a.lowUntil = now.Add(time.Duration(loweredLatency * latency * float64(time.Second)))
		return int(math.Ceil(a.rate * a.base * lowered))
	}
	if latency <= a.base*(1+exploreMin) || rate <= a.rate/(1+exploreMin) {
		a.explore = min(exploreMax, a.explore+exploreStep)
	} else {
		a.explore = max(exploreMin, a.explore-exploreStep)
	}
	return int(math.Ceil(a.rate * a.base * (1 + a.explore)))
}
