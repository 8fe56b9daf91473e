package clientconn

import (
	"testing"
	"time"
)

// TestLatency notes replies and looks at what is expected of the next call.
func TestLatency(t *testing.T) {
	const us = time.Microsecond
	type reply struct {
		took   time.Duration
		queued bool
		at     time.Duration // since the start
	}
	for _, test := range []struct {
		what    string
		replies []reply
		at      time.Duration
		want    time.Duration
		known   bool
	}{
		{"nothing", nil, 0, unknownTime, false},
		{"one call alone", []reply{{40 * us, false, 0}}, 0, 40 * us, true},
		{"a new time counts for half", []reply{{40 * us, false, 0}, {80 * us, false, 0}}, 0, 60 * us, true},
		{"so does a shorter one", []reply{{80 * us, false, 0}, {40 * us, false, 0}}, 0, 60 * us, true},
		{"a queued one shows what it takes", []reply{{900 * us, false, 0}, {10 * us, true, 0}}, time.Second / 2, 10 * us, true},
		{"for a second", []reply{{900 * us, false, 0}, {10 * us, true, 0}}, time.Second, 900 * us, true},
		{"from the last one on", []reply{{900 * us, false, 0}, {10 * us, true, 0}, {10 * us, true, time.Second / 2}}, time.Second, 10 * us, true},
		{"unless one alone took less", []reply{{10 * us, false, 0}, {900 * us, true, 0}}, 0, 10 * us, true},
		{"queued ones alone count as long", []reply{{10 * us, true, 0}}, 2 * time.Second, unknownTime, false},
		{"less than nothing", []reply{{-us, false, 0}}, 0, 0, true},
	} {
		var l Latency
		start := time.Unix(1e9, 0)
		for _, r := range test.replies {
			l.add(r.took, r.queued, start.Add(r.at))
		}
		if got, known := l.estimate(start.Add(test.at)); got != test.want || known != test.known {
			t.Errorf("%s: %v, %v; want %v, %v", test.what, got, known, test.want, test.known)
		}
	}
}

// TestMeter has several replies come with one read.
func TestMeter(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	const ms = time.Millisecond
	for _, test := range []struct {
		what        string
		begun       []time.Duration // of the calls
		last        time.Duration   // when the reply before came
		now         time.Duration
		alone, each time.Duration // 0: none
	}{
		{"one alone, without the way", []time.Duration{10 * ms}, 5 * ms, 20 * ms, 9 * ms, 0},
		{"one after another", []time.Duration{10 * ms}, 15 * ms, 20 * ms, 0, 5 * ms},
		{"three share the time", []time.Duration{10 * ms, 11 * ms, 12 * ms}, 14 * ms, 20 * ms, 0, 2 * ms},
		{"the first of two was alone", []time.Duration{10 * ms, 11 * ms}, 5 * ms, 21 * ms, 0, 5 * ms},
	} {
		var m meter
		var l Latency
		for _, begun := range test.begun {
			m.arrived(&Pending{start: at(begun), Latency: &l}, at(test.now), at(test.last), ms)
		}
		m.flush()
		alone, hasAlone := l.alone.get()
		each, hasEach := l.queued.get()
		if hasAlone != (test.alone > 0) || hasAlone && alone != test.alone || hasEach != (test.each > 0) || hasEach && each != test.each {
			t.Errorf("%s: alone %v, queued %v; want %v, %v", test.what, alone, each, test.alone, test.each)
		}
	}
}

// TestLatenciesForget asks for the latencies of more methods than a program has.
func TestLatenciesForget(t *testing.T) {
	var l Latencies
	first := l.Of(-1)
	if l.Of(-1) != first {
		t.Error("a method has two latencies")
	}
	for i := range 3 * maxMethods {
		l.Of(i)
	}
	n := 0
	l.byMethod.Range(func(any, any) bool { n++; return true })
	if n > maxMethods {
		t.Errorf("%d latencies are kept", n)
	}
}
