package compile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Texts of which some part of the compiler could take time by the square of their length. Each
// has some hundred kilobytes. A text of eight times the length may take eight times as long, and some more for
// larger tables; 64 times as long would be the square.
func TestLongTexts(t *testing.T) {
	const n, most = 20000, 8 * 4
	long, short := longTexts(n), longTexts(n/8)
	for name, text := range long {
		t.Run(name, func(t *testing.T) {
			var ratio float64
			for range 10 { // the machine may have been busy with something else
				least := min(compileTime(short[name]), compileTime(short[name]), compileTime(short[name]))
				ratio = float64(compileTime(text)) / float64(least)
				if ratio < most {
					return
				}
			}
			t.Errorf("8 times the length took %.0f times as long", ratio)
		})
	}
}

// compileTime returns how long the processor works on text.
func compileTime(text string) time.Duration {
	start := cpuTime()
	Compile("a.thrift", Options{Source: Texts{"a.thrift": text}})
	return max(cpuTime()-start, time.Microsecond)
}

// longTexts returns texts of n definitions, or of about as much in one.
func longTexts(n int) map[string]string {
	repeat := func(format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.NewReplacer("#1", fmt.Sprint(i+1), "#", fmt.Sprint(i)).Replace(format))
			b.WriteByte('\n')
		}
		return b.String()
	}
	return map[string]string{
		"unknown types":    repeat("struct S# {1: Nope# n}"),
		"unknown names":    repeat("const i32 C# = X#"),
		"unknown fields":   "struct A {" + repeat("#1: i32 f#,") + "}\nconst list<A> L = [" + repeat(`{"g#": 1},`) + "]",
		"fields":           "struct A {" + repeat("#1: required i32 f#,") + "}",
		"struct values":    "struct A {" + repeat("#1: i32 f#,") + "}\nconst list<A> L = [" + repeat(`{"f#": 1},`) + "]",
		"enum values":      "enum E {" + repeat("V#,") + "}\nconst list<E> L = [" + repeat("E.V#,") + "]\nconst list<E> M = [" + repeat("#,") + "]",
		"duplicate fields": "struct A {" + repeat("1: i32 f,") + "}",
		"duplicate types":  repeat("struct A {}"),
		"functions":        "service A {" + repeat("void f#(),") + "}\nservice B extends A {" + repeat("void g#(),") + "}",
		"set of lists":     "const set<list<i32>> A = [" + repeat("[#],") + "]",
		"typedef chain":    repeat("typedef T#1 T#"),
		"constant chain":   repeat("const i32 C# = C#1"),
		"service chain":    repeat("service S# extends S#1 {void f#()}"),
		"required chain":   repeat("struct S# {1: required S#1 s}") + fmt.Sprintf("struct S%d {1: required S0 s}", n),
	}
}
