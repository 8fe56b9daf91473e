package syntax_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

func TestNesting(t *testing.T) {
	for _, c := range []struct {
		name                string
		prefix, open, inner string
		close, suffix       string
		column              int // of the 65th level
	}{
		{"list types", "typedef ", "list<", "i32", ">", " T", 8 + 64*5 + 1},
		{"map types", "struct A { 1: ", "map<i8,", "i32", "> (a = 'b')", " x, 2: i32 y }", 14 + 64*7 + 1},
		{"list values", "const X x = ", "[", "1", ",]", "", 12 + 64 + 1},
		{"map values", "const X x = ", "{1:", "1", "}", " struct B {}", 12 + 64*3 + 1},
		{"xsd_attrs", "struct A { ", "1: i32 a xsd_attrs {", "1: i32 b", "}", "}", 11 + 64*20 + 19 + 1},
	} {
		deep := func(n int) string {
			return c.prefix + strings.Repeat(c.open, n) + c.inner + strings.Repeat(c.close, n) + c.suffix
		}
		if _, diags := syntax.Parse("a.thrift", []byte(deep(64))); diags.Errors() != nil {
			t.Errorf("%s, 64 levels: %v", c.name, diags.Errors())
		}
		want := fmt.Sprintf("a.thrift:1:%d: error: nested deeper than 64 levels [too-deep]", c.column)
		for _, n := range []int{65, 1000, 100000} {
			_, diags := syntax.Parse("a.thrift", []byte(deep(n)))
			if got := diags.Errors().Error(); got != want {
				t.Errorf("%s, %d levels:\n got %s\nwant %s", c.name, n, got, want)
			}
		}
	}
}

func TestTooManyErrors(t *testing.T) {
	src := strings.Repeat("struct A { 1: a }\n", 1000)
	_, diags := syntax.Parse("a.thrift", []byte(src))
	if len(diags) != 101 {
		t.Fatalf("got %d diagnostics, want 100 and one to say so", len(diags))
	}
	const want = "a.thrift:101:17: error: more than 100 errors; the rest is not shown [too-many-errors]"
	if got := diags[100].Error(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestLinear parses texts that are meant to make a parser look at the same place again and again.
// A quadratic one would take minutes.
func TestLinear(t *testing.T) {
	for _, s := range []string{
		"{", "(", "[", "<", "}", "\"", "'\n", "/*", "/**", "/", "*/", ".", "-", "- ", "@", ",", "struct ", "struct\n", "struct A {\n", "1:", "\n1:",
		"list<", "list<x ", "1: list<x\n", "map<i32,", "const x x = ", "const x x = [", "const x x = {1,", "service s { void f(", "\nvoid f(",
		"a(b", "\\", "\"\\", "\"\\x\" ", "\xff", "é", "a-", "a.", "\u00a0", "x ", "\nx", "a = 1 (", "enum E {a = ", "include ", "throws ( ",
		"xsd_attrs {", "senum a ", "slist a ", "required ", "struct A{1: i32 a (b = '", "@a{", "0x", "1_", "\nfoo (", "extends A, ", "9",
		"struct A extends B ",
	} {
		src := []byte(strings.Repeat(s, (1<<18)/len(s)))
		start := time.Now()
		roundTrip(t, src)
		if d := time.Since(start); d > time.Minute {
			t.Errorf("256 KiB of %q took %v", s, d)
		}
	}
}
