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
		speed   speed
	}{
		{"nothing", nil, 0, unknownTime, isUnknown},
		{"one call alone", []reply{{40 * us, false, 0}}, 0, 40 * us, isQuick},
		{"a new time counts for half", []reply{{40 * us, false, 0}, {80 * us, false, 0}}, 0, 60 * us, isQuick},
		{"so does a shorter one", []reply{{80 * us, false, 0}, {40 * us, false, 0}}, 0, 60 * us, isQuick},
		{"alone, it may have waited", []reply{{900 * us, false, 0}}, 0, 900 * us, isMaybe},
		{"not for so long", []reply{{6000 * us, false, 0}}, 0, 6000 * us, isSlow},
		{"a queued one shows what it takes", []reply{{900 * us, false, 0}, {10 * us, true, 0}}, time.Second / 2, 10 * us, isQuick},
		{"for a second", []reply{{900 * us, false, 0}, {10 * us, true, 0}}, time.Second, 900 * us, isMaybe},
		{"from the last one on", []reply{{900 * us, false, 0}, {10 * us, true, 0}, {10 * us, true, time.Second / 2}}, time.Second, 10 * us, isQuick},
		{"or shows that it is slow", []reply{{1100 * us, false, 0}, {1000 * us, true, 0}}, 9 * time.Second, 1000 * us, isSlow},
		{"for ten seconds", []reply{{1100 * us, false, 0}, {1000 * us, true, 0}}, 10 * time.Second, 1100 * us, isMaybe},
		{"unless one alone took less", []reply{{10 * us, false, 0}, {900 * us, true, 0}}, 0, 10 * us, isQuick},
		{"queued ones alone count as long", []reply{{10 * us, true, 0}}, 2 * time.Second, unknownTime, isUnknown},
		{"less than nothing", []reply{{-us, false, 0}}, 0, 0, isQuick},
	} {
		var l Latency
		start := time.Unix(1e9, 0)
		for _, r := range test.replies {
			l.add(r.took, 1, r.queued, start.Add(r.at))
		}
		if got, speed := l.estimate(start.Add(test.at)); got != test.want || speed != test.speed {
			t.Errorf("%s: %v, %v; want %v, %v", test.what, got, speed, test.want, test.speed)
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

// TestShares has a call look at the work of a connection.
func TestShares(t *testing.T) {
	for _, test := range []struct {
		what  string
		there []speed
		f     speed
		want  bool
	}{
		{"nothing", nil, isUnknown, true},
		{"nothing", nil, isSlow, true},
		{"quick ones", []speed{isQuick, isQuick, isQuick, isQuick, isQuick}, isQuick, true},
		{"a quick one", []speed{isQuick}, isUnknown, false},
		{"a quick one", []speed{isQuick}, isSlow, false},
		{"an unknown one", []speed{isUnknown}, isQuick, false},
		{"a slow one", []speed{isQuick, isSlow}, isQuick, false},
		{"three that may be quick", []speed{isMaybe, isMaybe, isMaybe}, isMaybe, true},
		{"four that may be quick", []speed{isMaybe, isMaybe, isMaybe, isMaybe}, isMaybe, false},
		{"one of four may be slow", []speed{isQuick, isQuick, isQuick, isMaybe}, isQuick, false},
	} {
		var w work
		for _, s := range test.there {
			w.add(&Pending{speed: s}, 1)
		}
		if got := w.shares(&Pending{speed: test.f}); got != test.want {
			t.Errorf("%s, and one of speed %d: %v, want %v", test.what, test.f, got, test.want)
		}
		for _, s := range test.there {
			w.add(&Pending{speed: s}, -1)
		}
		if w != (work{}) {
			t.Errorf("%s: %+v is left", test.what, w)
		}
	}
}
