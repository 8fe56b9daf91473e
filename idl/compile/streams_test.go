package compile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// described is what a method streams, as text.
func described(m *schema.Method) string {
	s := m.Name + ": " + m.Stream.String()
	add := func(what string, t *schema.Type) {
		if t != nil {
			s += ", " + what + " " + t.String()
		}
	}
	throws := func(what string, list []*schema.Field) {
		for _, f := range list {
			s += fmt.Sprintf(", %s %d:%s", what, f.ID, f.Type)
		}
	}
	add("first", m.First)
	add("in", m.ClientItem())
	throws("client throws", m.ItemThrows)
	add("out", m.ServerItem())
	add("result", m.Result)
	throws("stream throws", m.StreamThrows)
	throws("throws", m.Throws)
	return s
}

func TestStreams(t *testing.T) {
	const types = "struct A {}\nstruct B {}\nstruct C {}\nexception X {}\nexception Y {}\nexception Z {}\nservice S {\n"
	f, diags := Compile("a.thrift", Options{Syntax: syntax.Options{Dialect: syntax.FBThrift}, Source: Texts{"a.thrift": types + `
  B unary(1: A a),
  B kitex_unary(1: A a) (streaming.mode = "unary"),
  B kitex_client(1: A a) (streaming.mode = "client"),
  B kitex_server(1: A a) (streaming.mode = "server"),
  B kitex_both(1: A a) throws (1: X x) (streaming.mode = "bidirectional"),
  stream<B> stream(1: A a),
  C, stream<B throws (1: X x)> first(1: A a) throws (1: Y y),
  sink<A, B> sink(),
  C, sink<A throws (1: X x), B throws (2: Y y)> sinkFirst(1: A a, 2: A b) throws (3: Z z),
  C, sink<A>, stream<B> both(),
  void, stream<list<B>> nothing(),
  sink<A, void> end(),
  stream<B> oneArgument(1: A a),
}`}})
	if f == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	var got []string
	for _, m := range f.Service("S").Methods {
		got = append(got, described(m))
	}
	want := []string{
		"unary: unary, result B",
		"kitex_unary: unary, result B",
		"kitex_client: client, in A, result B",
		"kitex_server: server, out B, result B",
		"kitex_both: bidirectional, in A, out B, result B, throws 1:X",
		"stream: server, out B, result B",
		"first: server, first C, out B, result B, stream throws 1:X, throws 1:Y",
		"sink: client, in A, result B",
		"sinkFirst: client, first C, in A, client throws 1:X, result B, stream throws 2:Y, throws 3:Z",
		"both: bidirectional, first C, in A, out B, result B",
		"nothing: server, out list<B>, result list<B>",
		"end: client, in A, result void",
		"oneArgument: server, out B, result B",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The forms of fbthrift are found without an option, and refused where the dialect is another.
func TestStreamDialect(t *testing.T) {
	const text = "service S { stream<i32> f(), sink<i32, i32> g() }"
	for dialect, want := range map[syntax.Dialect]string{
		syntax.Auto:     "a.thrift:1:13: note: the type stream<…> is fbthrift's: the file is read in that dialect [dialect]",
		syntax.FBThrift: "",
		syntax.Apache: "a.thrift:1:13: error: the type stream<…> is not part of Thrift (fbthrift has it: choose that dialect) [unsupported]\n" +
			"a.thrift:1:30: error: the type sink<…> is not part of Thrift (fbthrift has it: choose that dialect) [unsupported]",
	} {
		_, diags := Compile("a.thrift", Options{Syntax: syntax.Options{Dialect: dialect}, Source: Texts{"a.thrift": text}})
		if diags.Error() != want {
			t.Errorf("%s: got\n%s\nwant\n%s", dialect, diags.Error(), want)
		}
	}
}
