package syntax

import (
	"slices"
	"strings"
	"testing"
)

// TestKeywords compares the list of keywords with what the lexer reads as one.
func TestKeywords(t *testing.T) {
	words := Keywords()
	if n := int(opFalse-firstKeyword) + 1; len(words) != n {
		t.Errorf("%d keywords are listed, and the lexer has %d", len(words), n)
	}
	for i, w := range words {
		if got := keyword(w); got != firstKeyword+op(i) {
			t.Errorf("keyword(%q) is op %d, want %d", w, got, firstKeyword+op(i))
		}
	}
}

// TestContextualKeywords reads each word where it is a keyword, and where it is a name.
func TestContextualKeywords(t *testing.T) {
	tests := []struct {
		text     string
		keywords string
	}{
		{`package "x.y/z"`, "package"},
		{`package;`, "package"},
		{`hs_include "x"`, "hs_include"},
		{`interaction I { void f() }`, "interaction"},
		{`interaction I {} service S { performs I }`, "interaction performs"},
		{`service S { stream<i32> f(), sink<i32, i32> g(), i32, stream<i32> h() }`, "stream sink stream"},
		{`service S { readonly i32 f(), idempotent void g() }`, "readonly idempotent"},
		{`safe permanent client exception X {} transient stateful server exception Y {}`, "safe permanent client transient stateful server"},
		{`struct package {} struct S {1: package hs_include, 2: i32 stream} service sink {package performs(1: i32 readonly, 2: i32 idempotent)}`, ""},
		{`struct safe {} struct client {1: safe safe, 2: i32 server} enum E {interaction, permanent, transient, stateful}`, ""},
	}
	var seen []string
	for _, tt := range tests {
		f, diags := Parse("a.thrift", []byte(tt.text))
		if errs := diags.Errors(); len(errs) > 0 {
			t.Errorf("%s: %v", tt.text, errs)
		}
		var got []string
		for _, token := range f.Tokens {
			if text := f.Text(token.Range()); token.Kind() == Keyword && !slices.Contains(Keywords(), text) {
				got = append(got, text)
			}
		}
		if strings.Join(got, " ") != tt.keywords {
			t.Errorf("%s: the contextual keywords are %q, want %q", tt.text, got, tt.keywords)
		}
		seen = append(seen, got...)
	}
	slices.Sort(seen)
	listed := slices.Sorted(slices.Values(ContextualKeywords()))
	if seen = slices.Compact(seen); !slices.Equal(seen, listed) {
		t.Errorf("the texts have the words %q, the list has %q", seen, listed)
	}
}
