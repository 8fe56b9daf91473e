package compile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

const mistakeless = `include "lib.thrift"
namespace go a
const i32 A = 1
const list<string> L = ["a", "b"]
const map<string, i32> M = {"a": 1, "b": 2}
typedef map<string, list<i32>> T
enum E { X = 1, Y = 2 }
struct S {
  1: required string a = "x",
  2: optional list<S> b (k = "v"),
  3: map<string, E> c
  4: E e = E.X
}
union U { 1: S s, 2: T t }
exception X1 { 1: string message }
service B { void ping() }
service V extends B {
  S get(1: i32 id, 2: string name) throws (1: X1 x),
  oneway void note(1: list<T> t)
  map<string, S> all()
}
struct Last { 1: U u }
`

// TestOneMistake leaves out and doubles each token of a text: such a mistake is one error, except where it is listed.
func TestOneMistake(t *testing.T) {
	except := map[string]string{
		`6 without "T"`:   "its uses",
		`7 without "E"`:   "its uses",
		`8 without "S"`:   "its uses",
		`14 without "U"`:  "its uses",
		`15 without "X1"`: "its uses",
		`16 without "B"`:  "its uses",
		`4 without "["`:   "a value of another type, and its rest",
		`5 without "{"`:   "a value of another type, and its rest",
		`4 twice "["`:     "a list in the list, and no end of it",
		`6 twice "<"`:     "no type of the elements, and no end of the map",
		`10 twice "b"`:    "a field whose type is b",
	}
	file, _ := syntax.Parse("a.thrift", []byte(mistakeless))
	if _, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": mistakeless, "lib.thrift": ""}}); len(diags) > 0 {
		t.Fatal(diags)
	}
	for _, token := range file.Tokens[:len(file.Tokens)-1] {
		r := token.Range()
		word := mistakeless[r.Start:r.End]
		for mode, text := range map[string]string{
			"without": mistakeless[:r.Start] + mistakeless[r.End:],
			"twice":   mistakeless[:r.End] + " " + mistakeless[r.Start:],
		} {
			_, diags := Compile("a.thrift", Options{Source: Texts{"a.thrift": text, "lib.thrift": ""}})
			line := strings.Count(mistakeless[:r.Start], "\n") + 1
			name := fmt.Sprintf("%d %s %q", line, mode, word)
			if errs := diags.Errors(); len(errs) > 1 && except[name] == "" {
				t.Errorf("line %s: %d errors:\n%v", name, len(errs), errs)
			}
		}
	}
}
