package main

import (
	"maps"
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

// TestHoverConfig has the cursor at "|"; want begins what is shown, "" is nothing, and the word that it is about is in it.
func TestHoverConfig(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"li|nt:\n  sets: strict\n", "`lint`: Which rules"},
		{"|lint:\n", "`lint`: Which rules"},
		{"lint|:\n", "`lint`: Which rules"},
		{"# 😀 é\nlint: # é\n  set|s: strict\n", "`sets`: Groups of rules"},
		{"lint: {exception-suffix: [\"😀\"], se|ts: strict}\n", "`sets`: Groups of rules"},
		{"lint:\n  rules:\n    FIELD_NOT_REQ|UIRED: off\n", "`FIELD_NOT_REQUIRED`: "},
		{"targets:\n  prod:\n    address: a:1\n    ti|meout: 3s\n", "`timeout`: How long a call"},
		{"targets:\n  pr|od:\n    address: a:1\n", ""},
		{"lint:\n  sets: str|ict\n", ""},
		{"li|nk: 1\n", ""},
		{"lint: [|\n", ""},
		{"|", ""},
	} {
		offset := strings.IndexByte(tt.text, '|')
		text := tt.text[:offset] + tt.text[offset+1:]
		got, start, end := hoverConfig(text, offset)
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
		if got != "" && !strings.HasPrefix(got, "`"+text[start:end]+"`: ") {
			t.Errorf("%q: %q is about %q", tt.text, got, text[start:end])
		}
	}
}

// TestKeyDocs has an explanation of every key that the reader of project files knows, and of no other.
func TestKeyDocs(t *testing.T) {
	left := maps.Clone(keyDocs)
	for section, text := range map[string]string{"the": "|", "format": "format:\n  |", "lint": "lint:\n  |", "breaking": "breaking:\n  |", "target": "targets:\n  a:\n    |",
		"tls": "targets:\n  a:\n    tls:\n      |", "call": "calls:\n  a:\n    |"} {
		words, _ := completeConfig(strings.TrimSuffix(text, "|"), len(text)-1)
		n := 0
		for _, w := range words {
			key, isKey := strings.CutSuffix(w.Text, ": ")
			if !isKey {
				continue
			}
			n++
			if w.Detail == "" {
				t.Errorf("%s %s has no explanation", section, key)
			}
			delete(left, section+" "+key)
		}
		if n == 0 {
			t.Errorf("%s has no keys", section)
		}
	}
	for key := range left {
		t.Errorf("there is no key %s", key)
	}
}
