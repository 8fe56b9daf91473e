package ops

import (
	"strings"
	"testing"
)

// TestParseB3 has the header b3 as its specification has it, and what is not one.
func TestParseB3(t *testing.T) {
	const id, short, span = "80f198ee56343ba864fe8b2a57d3eff7", "64fe8b2a57d3eff7", "e457b5a2e4d86bd1"
	const padded = "0000000000000000" + short
	for _, tt := range []struct {
		text, want string // the traceparent; "" if there is no trace
		sampling   sampling
		ok         bool
	}{
		{id + "-" + span, "00-" + id + "-" + span + "-00", undecided, true},
		{id + "-" + span + "-1", "00-" + id + "-" + span + "-01", recorded, true},
		{id + "-" + span + "-0", "00-" + id + "-" + span + "-00", dropped, true},
		{id + "-" + span + "-d", "00-" + id + "-" + span + "-01", recorded, true},
		{id + "-" + span + "-1-05e3ac9a4f6e3b90", "00-" + id + "-" + span + "-01", recorded, true},
		{short + "-" + span + "-1", "00-" + padded + "-" + span + "-01", recorded, true},
		{"0", "", dropped, true},
		{"1", "", recorded, true},
		{"d", "", recorded, true},
		{"2", "", undecided, false},
		{"", "", undecided, false},
		{id, "", undecided, false},
		{id + "-" + span + "-", "", undecided, false},
		{id + "-" + span + "-true", "", undecided, false},
		{id + "-" + span + "-1-", "", undecided, false},
		{id + "-" + span + "-1-" + span + "-1", "", undecided, false},
		{strings.ToUpper(id) + "-" + span, "", undecided, false},
		{id[1:] + "-" + span, "", undecided, false},
		{id + "-" + span[1:], "", undecided, false},
		{strings.Repeat("0", 32) + "-" + span + "-1", "", undecided, false},
		{id + "-" + strings.Repeat("0", 16) + "-1", "", undecided, false},
	} {
		got, s, ok := parseB3(tt.text)
		if got.String() != tt.want || s != tt.sampling || ok != tt.ok {
			t.Errorf("%q: %s, %d, %v; want %s, %d, %v", tt.text, got, s, ok, tt.want, tt.sampling, tt.ok)
		}
	}
}

// TestTrackedTrace has the ids of thriftpy2's tracker.
func TestTrackedTrace(t *testing.T) {
	const uuid = "0AF76519-16cd-43dd-8448-eb211c80319c"
	first, second := trackedTrace(uuid, "1"), trackedTrace(uuid, "1.1")
	if got := first.String()[:35]; got != "00-0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the trace of a UUID is %s", got)
	}
	if first.ID != second.ID || first.Span == second.Span || first != trackedTrace(uuid, "1") {
		t.Errorf("%v, %v", first, second)
	}
	if other := trackedTrace("order 7", "1"); !other.IsValid() || other.ID == trackedTrace("order 8", "1").ID {
		t.Errorf("the trace of a text is %v", other)
	}
}

// TestSamples: what leaves the decision open is recorded by all who have the same ratio, or by none.
func TestSamples(t *testing.T) {
	half, none, all := NewTracer(TracerOptions{Sample: 0.5}), NewTracer(TracerOptions{Sample: -1}), NewTracer(TracerOptions{Sample: 1})
	n := 0
	for range 1000 {
		s := half.begin(Trace{}, undecided)
		if s.Sampled {
			n++
		}
		if again := half.begin(s, undecided); again.Sampled != s.Sampled {
			t.Fatalf("%v is decided anew", s)
		}
		if none.begin(s, undecided).Sampled || !all.begin(s, undecided).Sampled {
			t.Fatalf("%v", s)
		}
	}
	if n < 400 || n > 600 {
		t.Errorf("%d of 1000 are recorded, want about half", n)
	}
	for known, want := range map[sampling]bool{recorded: true, dropped: false} {
		if half.begin(Trace{}, known).Sampled != want {
			t.Errorf("sampling %d", known)
		}
	}
}
