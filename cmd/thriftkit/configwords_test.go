package main

import (
	"slices"
	"strings"
	"testing"
)

// TestCompleteConfig has the cursor at "|"; words after "!" must not be offered.
func TestCompleteConfig(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"|", "lint: breaking: targets: format: !minimal"},
		{"li|", "lint:"},
		{"lint:\n  |", "sets: rules: field-case: !lint:"},
		{"lint:\n  sets: |", "minimal standard strict comments"},
		{"lint:\n  sets: [minimal, |]", "standard !sets:"},
		{"lint:\n  sets:\n    - st|", "strict standard"},
		{"lint:\n  sets: minimal\n  ru|", "rules: !sets:"},
		{"lint:\n  rules:\n    FIELD|", "FIELD_NOT_REQUIRED: FIELD_ID_REQUIRED:"},
		{"lint:\n  rules:\n    FIELD_NOT_REQUIRED: |\n", "off error warning note !true"},
		{"lint:\n  rules:\n    FIELD|: off\n", "FIELD_NOT_REQUIRED"},
		{"lint:\n  ignore:\n    old: [|]\n", "FIELD_NOT_REQUIRED"},
		{"lint:\n  field-case: |\ntargets:\n  a: x:1\n", "snake camel"},
		{"breaking:\n  policy: |", "wire json source file"},
		{"breaking:\n  multiplexed: |", "true false"},
		{"format:\n  sep|\n", "separator: !lint:"},
		{"format:\n  separator: |\n", "keep comma"},
		{"targets:\n  prod:\n    address: a:1\n    |", "protocol: tls: timeout: !address:"},
		{"targets:\n  prod:\n    protocol: |", "compact binary"},
		{"targets:\n  prod:\n    tls:\n      |", "insecure: cacert:"},
		{"dialect: |", "apache fbthrift"},
		{"# li|", "!lint:"},
		{"{{{ |", "!lint:"},
	} {
		offset := strings.IndexByte(tt.text, '|')
		words, start := completeConfig(tt.text[:offset]+tt.text[offset+1:], offset)
		var got []string
		for _, w := range words {
			got = append(got, strings.TrimSuffix(w.Text, " "))
		}
		want, not, _ := strings.Cut(tt.want, "!")
		for w := range strings.FieldsSeq(want) {
			if !slices.Contains(got, w) {
				t.Errorf("%q: no %q in %q", tt.text, w, got)
			}
		}
		for w := range strings.FieldsSeq(not) {
			if slices.Contains(got, w) {
				t.Errorf("%q: %q in %q", tt.text, w, got)
			}
		}
		if typed := tt.text[start:offset]; strings.ContainsAny(typed, " :[\n") {
			t.Errorf("%q: the word begins with %q", tt.text, typed)
		}
	}
	words, _ := completeConfig("lint:\n  rules:\n    FIELD_NOT_R", len("lint:\n  rules:\n    FIELD_NOT_R"))
	for _, w := range words {
		if w.Text == "FIELD_NOT_REQUIRED: " && w.Detail == "" {
			t.Error("a rule has no explanation")
		}
	}
}
