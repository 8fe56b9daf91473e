package breaking_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest"
)

// A proof encodes a value with one schema and decodes it with the other.
type proof struct {
	rule     string
	old, new string // schemas; "" stands for those of the rule's example
	at       string // a struct, or Service.method for its reply, or Service.method() for its arguments; "A→B" has that of the reader
	backward bool   // new writes and old reads
	value    string // what is written, as JSON
	want     string // what is read, in all protocols; or "binary: …; compact: …; json: …"
}

var proofs = []proof{
	{rule: "METHOD_SAME_RETURN_TYPE", at: "S.f", value: `{"success": 7}`, want: `{}`},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  void f()\n}\n", new: "service S {\n  i32 f()\n}\n", at: "S.f", value: `{}`, want: `{}`},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  i32 f()\n}\n", new: "service S {\n  void f()\n}\n", at: "S.f", value: `{"success": 7}`, want: `{}`},
	{rule: "METHOD_THROWS_ADDED", at: "S.f", backward: true, value: `{"x": {}}`, want: `{}`},
	{rule: "METHOD_THROWS_ADDED", old: "exception X {}\nservice S {\n  i32 f()\n}\n", new: "exception X {}\nservice S {\n  i32 f() throws (1: X x)\n}\n", at: "S.f", backward: true, value: `{"x": {}}`, want: `{}`},
	{rule: "THROWS_SAME_ID", at: "S.f", value: `{"x": {}}`, want: `{}`},
	{rule: "THROWS_SAME_TYPE", at: "S.f", value: `{"x": {"a": 7}}`, want: `{"x":{}}`},
	{rule: "FIELD_SAME_TYPE", at: "A", value: `{"a": 7}`, want: `{}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: bool a\n  2: i32 b\n}\n", new: "struct A {\n  1: i8 a\n  2: i32 b\n}\n", at: "A", value: `{"a": true, "b": 2}`, want: `{"b":2}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: set<i32> a\n  2: i32 b\n}\n", at: "A", value: `{"a": [1, 2], "b": 2}`, want: `{"b":2}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: i64 a\n  2: i32 b\n}\n", new: "struct A {\n  1: double a\n  2: i32 b\n}\n", at: "A", value: `{"a": 5, "b": 2}`, want: `{"b":2}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: i32 a\n}\n", new: "struct A {\n  1: list<i32> a\n}\n", at: "A", value: `{"a": 5}`, want: `{}`},
	{rule: "FIELD_SAME_TYPE", old: "service S {\n  void f(1: i32 a)\n}\n", new: "service S {\n  void f(1: string a)\n}\n", at: "S.f()", value: `{"a": 5}`, want: `{}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: list<i64> a\n  2: i32 b\n}\n", at: "A", value: `{"a": [1, 2, 3], "b": 2}`, want: `{"a":[],"b":2}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: list<i64> a\n  2: i32 b\n}\n", at: "A", backward: true, value: `{"a": [1, 2, 3], "b": 2}`, want: `{"a":[],"b":2}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: map<string, i32> a\n}\n", new: "struct A {\n  1: map<string, string> a\n}\n", at: "A", value: `{"a": {"x": 1}}`, want: `{"a":{}}`},
	{rule: "FIELD_SAME_JSON_TYPE", at: "A", value: `{"a": "text"}`, want: `binary: {"a":"dGV4dA=="}; compact: {"a":"dGV4dA=="}; json: {"a":"text"}`},
	{rule: "FIELD_SAME_JSON_TYPE", old: "enum E {\n  X = 7\n}\nstruct A {\n  1: E a\n}\n", new: "struct A {\n  1: i32 a\n}\n", at: "A", value: `{"a": "X"}`, want: `{"a":7}`},
	{rule: "FIELD_SAME_STRUCT", at: "A", value: `{"x": {"a": 1}}`, want: `{"x":{"a":1}}`},
	{rule: "FIELD_NO_DELETE_REQUIRED", at: "A", backward: true, value: `{}`, want: `error`},
	{rule: "FIELD_NO_DELETE_REQUIRED", at: "A", value: `{"a": 1}`, want: `{}`},
	{rule: "FIELD_NO_ADD_REQUIRED", at: "A", value: `{"a": 1}`, want: `error`},
	{rule: "FIELD_NO_ADD_REQUIRED", at: "A", backward: true, value: `{"a": 1, "b": 2}`, want: `{"a":1}`},
	{rule: "FIELD_OPTIONAL_TO_REQUIRED", at: "A", value: `{}`, want: `error`},
	{rule: "FIELD_OPTIONAL_TO_REQUIRED", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "FIELD_REQUIRED_TO_OPTIONAL", at: "A", backward: true, value: `{}`, want: `error`},
	{rule: "FIELD_OPTIONAL_DEFAULT_SWAP", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "FIELD_NO_DELETE", at: "A", value: `{"a": 1, "b": 2}`, want: `{"a":1}`},
	{rule: "FIELD_ID_REUSED", old: "struct A {\n  1: i32 a\n  2: i32 old\n}\n", new: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", at: "A", value: `{"a": 1, "old": 2}`, want: `{"a":1,"b":2}`},
	{rule: "FIELD_SAME_ID", at: "A", value: `{"a": 1}`, want: `{}`},
	{rule: "FIELD_SAME_NAME", at: "A", value: `{"a": 1}`, want: `{"b":1}`},
	{rule: "FIELD_SAME_DEFAULT", at: "A", value: `{}`, want: `{"a":2}`},
	{rule: "FIELD_SAME_DEFAULT", at: "A", backward: true, value: `{}`, want: `{"a":1}`},
	{rule: "UNION_MEMBER_DELETED", at: "U", value: `{"b": 2}`, want: `{}`},
	{rule: "UNION_MEMBER_ADDED", at: "U", backward: true, value: `{"b": 2}`, want: `{}`},
	{rule: "STRUCT_KIND_CHANGED", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "STRUCT_KIND_CHANGED", old: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", new: "union A {\n  1: i32 a\n  2: i32 b\n}\n", at: "A", value: `{"a": 1, "b": 2}`, want: `error`},
	{rule: "ENUM_VALUE_NO_DELETE", old: "enum E {\n  A = 0\n  B = 1\n}\nstruct S {\n  1: E e\n}\n", new: "enum E {\n  A = 0\n}\nstruct S {\n  1: E e\n}\n", at: "S", value: `{"e": "B"}`, want: `{"e":1}`},
	{rule: "ENUM_VALUE_SAME_NUMBER", old: "enum E {\n  A = 1\n  B = 2\n}\nstruct S {\n  1: E e\n}\n", new: "enum E {\n  A = 2\n  B = 1\n}\nstruct S {\n  1: E e\n}\n", at: "S", value: `{"e": "A"}`, want: `{"e":"B"}`},
	{rule: "ENUM_VALUE_SAME_NAME", old: "enum E {\n  A = 1\n}\nstruct S {\n  1: E e\n}\n", new: "enum E {\n  B = 1\n}\nstruct S {\n  1: E e\n}\n", at: "S", value: `{"e": "A"}`, want: `{"e":"B"}`},
	// What is only in the source is not in the bytes: the value is read as it was written.
	{rule: "METHOD_THROWS_DELETED", at: "S.f", value: `{"x": {}}`, want: `{}`}, // a server that throws it all the same
	{rule: "SERVICE_EXTENDS_CHANGED", old: "service A {\n  i32 f()\n}\nservice S extends A {}\n", new: "service A {\n  i32 f()\n}\nservice S {\n  i32 f()\n}\n", at: "S.f", value: `{"success": 7}`, want: `{"success":7}`},
	{rule: "TYPE_NO_DELETE", old: "struct A {\n  1: i32 a\n}\n", new: "struct B {\n  1: i32 a\n}\n", at: "A→B", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "TYPE_MOVED_FILE", old: "struct A {\n  1: i32 a\n}\n-- b.thrift --\nstruct B {}\n", new: "-- b.thrift --\nstruct A {\n  1: i32 a\n}\nstruct B {}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "CONST_NO_DELETE", old: "const i32 C = 1\nstruct A {\n  1: i32 a\n}\n", new: "struct A {\n  1: i32 a\n}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "CONST_SAME_TYPE", old: "const i32 C = 1\nstruct A {\n  1: i32 a = C\n}\n", new: "const i64 C = 1\nstruct A {\n  1: i32 a = C\n}\n", at: "A", value: `{"a": 2}`, want: `{"a":2}`},
	{rule: "CONST_SAME_VALUE", old: "const i32 C = 1\nstruct A {\n  1: i32 a = C\n}\n", new: "const i32 C = 2\nstruct A {\n  1: i32 a = C\n}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "NAMESPACE_SAME", old: "namespace go a\nstruct A {\n  1: i32 a\n}\n", new: "namespace go b\nstruct A {\n  1: i32 a\n}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "FILE_NO_DELETE", old: "struct A {\n  1: i32 a\n}\n-- b.thrift --\nstruct B {}\n", new: "struct A {\n  1: i32 a\n}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "INCLUDE_REMOVED", old: "include \"b.thrift\"\nstruct A {\n  1: i32 a\n}\n-- b.thrift --\nstruct B {}\n", new: "struct A {\n  1: i32 a\n}\n-- b.thrift --\nstruct B {}\n", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	{rule: "ANNOTATION_SAME", at: "A", value: `{"a": 1}`, want: `{"a":1}`},
	// Stored data of the time before the reservation, and a field that has its id now.
	{rule: "RESERVED_NO_DELETE", old: "struct A {\n  1: i32 a\n  2: i32 gone\n}\n", new: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", at: "A", value: `{"a": 1, "gone": 2}`, want: `{"a":1,"b":2}`},
	{rule: "ENUM_VALUE_ADDED", old: "enum E {\n  A = 0\n}\nstruct S {\n  1: E e\n}\n", new: "enum E {\n  A = 0\n  B = 1\n}\nstruct S {\n  1: E e\n}\n", at: "S", backward: true, value: `{"e": "B"}`, want: `{"e":1}`},
}

// load compiles an example, which may have several files.
func load(t *testing.T, example string) []*schema.File {
	t.Helper()
	texts, name := compile.Texts{}, "a.thrift"
	for line := range strings.Lines(example) {
		if n, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(n), " --")
			continue
		}
		texts[name] += line
	}
	p := compile.Load(slices.Sorted(maps.Keys(texts)), compile.Options{Source: texts})
	if errs := p.Diagnostics.Errors(); errs != nil {
		t.Fatal(errs)
	}
	return p.Files
}

func structAt(t *testing.T, files []*schema.File, at string) *schema.Struct {
	t.Helper()
	svc, name, isMethod := strings.Cut(at, ".")
	for _, f := range files {
		if s := f.Struct(at); s != nil {
			return s
		}
		if !isMethod || f.Service(svc) == nil {
			continue
		}
		m := f.Service(svc).Method(strings.TrimSuffix(name, "()"))
		if strings.HasSuffix(name, "()") {
			return m.Args
		}
		return m.Reply()
	}
	t.Fatalf("there is no %s", at)
	return nil
}

// TestProofs shows that the consequences are true for dynamic values: what a reader with one schema sees of
// the bytes of a writer with the other.
func TestProofs(t *testing.T) {
	proven := make(map[string]bool)
	for i, p := range proofs {
		t.Run(fmt.Sprintf("%s/%d", p.rule, i), func(t *testing.T) {
			r := breaking.Find(p.rule)
			if r == nil {
				t.Fatal("no such rule")
			}
			proven[p.rule] = true
			oldText, newText := p.old, p.new
			if oldText == "" {
				oldText, newText = r.Old, r.New
			}
			from, to := load(t, oldText), load(t, newText)
			if p.backward {
				from, to = to, from
			}
			written, read, renamed := strings.Cut(p.at, "→")
			if !renamed {
				read = written
			}
			writer, reader := structAt(t, from, written), structAt(t, to, read)
			var results []string
			for _, name := range []string{"binary", "compact", "json"} {
				results = append(results, name+": "+exchange(t, writer, reader, p.value, name))
			}
			got := strings.Join(results, "; ")
			if same := strings.TrimPrefix(results[0], "binary: "); results[1] == "compact: "+same && results[2] == "json: "+same {
				got = same
			}
			if got != p.want {
				t.Errorf("got  %s\nwant %s", got, p.want)
			}
		})
	}
	for _, c := range callProofs {
		proven[c.rule] = true
	}
	for _, r := range breaking.Rules() {
		if !proven[r.ID] {
			t.Errorf("%s is not proven", r.ID)
		}
	}
}

// A callProof calls a method of one schema on a server with the other.
type callProof struct {
	rule        string
	old, new    string
	method      string // S.f, which the client has
	served      string // the service that answers; "" if it has the same name
	multiplexed bool   // the call names its service
	backward    bool   // the client has the new schema, the server the old one
	then        string // a method that is called next on the same connection; what the client sees is of that
	want        string // what the client sees: a result as JSON, void, or how its error begins
}

var callProofs = []callProof{
	{rule: "METHOD_NO_DELETE", old: "service S {\n  void f()\n  void g()\n}\n", new: "service S {\n  void f()\n}\n", method: "S.g", want: "unknown method"},
	{rule: "METHOD_NO_DELETE", old: "service S {\n  void f()\n  void g()\n}\n", new: "service S {\n  void f()\n}\n", method: "S.f", want: "void"},
	{rule: "METHOD_NO_DELETE", old: "service S {\n  i32 f()\n}\n", new: "service B {\n  i32 f()\n}\nservice S extends B {}\n", method: "S.f", want: "0"}, // it moved
	{rule: "METHOD_SAME_ONEWAY", old: "service S {\n  void f()\n}\n", new: "service S {\n  oneway void f()\n}\n", method: "S.f", want: "deadline exceeded"},
	// No longer oneway: nobody takes the reply, so that it meets the next call; and a new client waits for one that does not come.
	{rule: "METHOD_SAME_ONEWAY", old: "service S {\n  oneway void f()\n  i32 g()\n}\n", new: "service S {\n  void f()\n  i32 g()\n}\n", method: "S.f", want: "void"},
	{rule: "METHOD_SAME_ONEWAY", old: "service S {\n  oneway void f()\n  i32 g()\n}\n", new: "service S {\n  void f()\n  i32 g()\n}\n", method: "S.f", then: "g", want: `the answer is to "f"`},
	{rule: "METHOD_SAME_ONEWAY", old: "service S {\n  oneway void f()\n}\n", new: "service S {\n  void f()\n}\n", backward: true, method: "S.f", want: "deadline exceeded"},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  i32 f()\n}\n", new: "service S {\n  i64 f()\n}\n", method: "S.f", want: "missing result"},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  i32 f()\n}\n", new: "service S {\n  void f()\n}\n", method: "S.f", want: "missing result"},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  void f()\n}\n", new: "service S {\n  i32 f()\n}\n", method: "S.f", want: "void"},
	{rule: "SERVICE_NO_DELETE", old: "service S {\n  i32 f()\n}\n", new: "service T {\n  i32 f()\n}\n", method: "S.f", served: "T", want: "0"},
	{rule: "SERVICE_NO_DELETE", old: "service S {\n  i32 f()\n}\n", new: "service T {\n  i32 f()\n}\n", method: "S.f", served: "T", multiplexed: true, want: "unknown method"},
	{rule: "SERVICE_EXTENDS_CHANGED", old: "service A {\n  i32 f()\n}\nservice S extends A {}\n", new: "service A {\n  i32 f()\n}\nservice S {}\n", method: "S.f", want: "unknown method"},
}

// TestCallProofs shows what the client sees of a server with the other schema, in virtual time.
func TestCallProofs(t *testing.T) {
	for i, p := range callProofs {
		for _, protocol := range []string{"binary", "compact", "json"} {
			t.Run(fmt.Sprintf("%s/%d/%s", p.rule, i, protocol), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					name, method, _ := strings.Cut(p.method, ".")
					served := p.served
					if served == "" {
						served = name
					}
					service := func(text, name string) *schema.Service {
						for _, f := range load(t, text) {
							if s := f.Service(name); s != nil {
								return s
							}
						}
						return nil
					}
					ours, theirs := p.old, p.new
					if p.backward {
						ours, theirs = theirs, ours
					}
					s := thrifttest.NewServer(t, service(theirs, served), thriftkit.DynamicHandler(func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
						return 0, nil
					}))
					c := s.Dial("protocol="+protocol, thriftkit.WithTimeout(time.Hour))
					if p.multiplexed {
						c = c.ForService(name)
					}
					m := service(ours, name).Method(method)
					v, err := c.Invoke(t.Context(), m, dynamic.New(m.Args))
					if p.then != "" && err == nil {
						m = service(ours, name).Method(p.then)
						v, err = c.Invoke(t.Context(), m, dynamic.New(m.Args))
					}
					got := "void"
					if err != nil {
						got = err.Error()
					} else if m.Result.Kind != schema.KindVoid {
						text, err := dynamic.AppendJSON(nil, m.Result, v, dynamic.JSONOptions{})
						if err != nil {
							t.Fatal(err)
						}
						got = string(text)
					}
					if err == nil && got != p.want || err != nil && !strings.Contains(got, p.want) {
						t.Errorf("got %s, want %s", got, p.want)
					}
				})
			})
		}
	}
}

// exchange returns what the reader sees, "error" if it fails.
func exchange(t *testing.T, writer, reader *schema.Struct, value, protocol string) string {
	t.Helper()
	v, err := dynamic.ParseJSON(writer.Type(), []byte(value), dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := thriftkit.Marshal(writer, v, thriftkit.WithProtocol(protocol))
	if err != nil {
		t.Fatal(err)
	}
	var out dynamic.Value
	if err := thriftkit.UnmarshalValue(reader.Type(), data, &out, thriftkit.WithProtocol(protocol)); err != nil {
		return "error"
	}
	text, err := dynamic.AppendJSON(nil, reader.Type(), out, dynamic.JSONOptions{})
	if err != nil {
		return "no JSON: " + err.Error()
	}
	return string(text)
}
