package breaking

import (
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
)

func program(t *testing.T, example string) Program {
	t.Helper()
	texts, name := compile.Texts{}, "a.thrift"
	var paths []string
	for line := range strings.Lines(example) {
		if n, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(n), " --")
			line = ""
		}
		if !slices.Contains(paths, name) {
			paths = append(paths, name)
		}
		texts[name] += line
	}
	p := compile.Load(paths, compile.Options{Source: texts})
	if errs := p.Diagnostics.Errors(); errs != nil {
		t.Fatal(errs)
	}
	return NewProgram(p)
}

// The example of each rule breaks it, and nothing is broken by no change.
func TestRules(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			old, now := program(t, r.Old), program(t, r.New)
			found := false
			for _, f := range Compare(old, now, Options{}) {
				found = found || f.Rule == r
				if f.Rule == r && (f.Consequence != r.Consequence || f.Category != r.Category) {
					t.Errorf("%v: the table says %v, %v", f, r.Category, r.Consequence)
				}
				if !f.Old.IsValid() {
					t.Errorf("%v: no old place", f)
				}
			}
			if !found {
				t.Errorf("not found, but %v", Compare(old, now, Options{}))
			}
			for _, p := range []Program{old, now} {
				if list := Compare(p, p, Options{}); len(list) > 0 {
					t.Errorf("without a change: %v", list[0])
				}
			}
		})
	}
}

func TestFindings(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"moved to a base", "service S {\n  void f()\n}\n", "service B {\n  void f()\n}\nservice S extends B {}\n", "SERVICE_EXTENDS_CHANGED source only"},
		{"typedef for its type", "struct A {\n  1: i32 a\n}\n", "typedef i32 T\nstruct A {\n  1: T a\n}\n", ""},
		{"typedef changes below", "typedef i32 T\nstruct A {\n  1: T a\n}\n", "typedef i64 T\nstruct A {\n  1: T a\n}\n", "FIELD_SAME_TYPE drops"},
		{"enum for i32", "enum E {\n  A = 0\n}\nstruct A {\n  1: i32 a\n}\n", "enum E {\n  A = 0\n}\nstruct A {\n  1: E a\n}\n", "FIELD_SAME_JSON_TYPE rejects"},
		{"map value", "struct A {\n  1: map<string, i32> a\n}\n", "struct A {\n  1: map<string, i64> a\n}\n", "FIELD_ELEMENT_SAME_TYPE corrupts"},
		{"list of a list", "struct A {\n  1: list<list<i32>> a\n}\n", "struct A {\n  1: list<list<bool>> a\n}\n", "FIELD_ELEMENT_SAME_TYPE corrupts"},
		{"list for set", "struct A {\n  1: list<i32> a\n}\n", "struct A {\n  1: set<i32> a\n}\n", "FIELD_SAME_TYPE drops"},
		{"optional field added", "struct A {\n  1: i32 a\n}\n", "struct A {\n  1: i32 a\n  2: optional i32 b\n}\n", ""},
		{"deleted and reserved", "struct A {\n  1: i32 a\n  2: i32 b\n}\n", "struct A {\n  1: i32 a\n  // reserved 2 \"b\"\n}\n", ""},
		{"two fields swap ids", "struct A {\n  1: i32 a\n  2: i32 b\n}\n", "struct A {\n  2: i32 a\n  1: i32 b\n}\n", "FIELD_SAME_ID corrupts FIELD_SAME_ID corrupts"},
		{"argument renamed", "service S {\n  void f(1: i32 a)\n}\n", "service S {\n  void f(1: i32 b)\n}\n", "FIELD_SAME_NAME source only"},
		{"argument type", "service S {\n  void f(1: i32 a)\n}\n", "service S {\n  void f(1: string a)\n}\n", "FIELD_SAME_TYPE drops"},
		{"void to a result", "service S {\n  void f()\n}\n", "service S {\n  i32 f()\n}\n", "METHOD_SAME_RETURN_TYPE rejects"},
		{"a result to void", "service S {\n  i32 f()\n}\n", "service S {\n  void f()\n}\n", "METHOD_SAME_RETURN_TYPE drops"},
		{"throws of a result", "exception X {}\nservice S {\n  i32 f()\n}\n", "exception X {}\nservice S {\n  i32 f() throws (1: X x)\n}\n", "METHOD_THROWS_ADDED rejects"},
		{"no longer oneway", "service S {\n  oneway void f()\n}\n", "service S {\n  void f()\n}\n", "METHOD_SAME_ONEWAY corrupts"},
		{"struct to union", "struct A {\n  1: i32 a\n}\n", "union A {\n  1: i32 a\n}\n", "FIELD_OPTIONAL_DEFAULT_SWAP source only STRUCT_KIND_CHANGED rejects"},
		{"required with a default", "struct A {}\n", "struct A {\n  1: required i32 a = 1\n}\n", ""},
		{"inherited method deleted", "service B {\n  void f()\n}\nservice S extends B {}\n", "service B {}\nservice S extends B {}\n", "METHOD_NO_DELETE rejects"},
		{"recursive", "struct A {\n  1: optional A a\n  2: optional B b\n}\nstruct B {\n  1: optional A a\n}\n", "struct A {\n  1: optional A a\n  2: optional B b\n}\nstruct B {\n  1: optional A a\n}\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range Compare(program(t, tt.old), program(t, tt.new), Options{}) {
				got = append(got, f.Rule.ID+" "+f.Consequence.String())
			}
			slices.Sort(got)
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func TestDirections(t *testing.T) {
	old := "struct In {\n  1: i32 a\n}\nstruct Out {\n  1: required i32 a\n}\nservice S {\n  Out f(1: In i)\n}\n"
	now := "struct In {\n  1: i32 a\n  2: required i32 b\n}\nstruct Out {\n  1: optional i32 a\n}\nservice S {\n  Out f(1: In i)\n}\n"
	want := []string{
		`a.thrift:3:19: error: required field In.b is new: rejects (old client → new server, stored data → new reader; all; writers first); before at a.thrift:1:8 (Make it optional, or give it no requiredness and a default.) [FIELD_NO_ADD_REQUIRED]`,
		`a.thrift:6:19: error: field Out.a is no longer required: rejects (new server → old client; all; readers first); before at a.thrift:5:19 (Update all readers before a writer leaves it out.) [FIELD_REQUIRED_TO_OPTIONAL]`,
	}
	for i, f := range Compare(program(t, old), program(t, now), Options{}) {
		if i >= len(want) || f.Error() != want[i] {
			t.Errorf("got %s", f.Error())
		}
	}
}

func TestPast(t *testing.T) {
	old, now := program(t, "struct A {\n  1: i32 a\n}\n"), program(t, "struct A {\n  1: i32 a\n  3: i32 c\n}\n")
	got := Compare(old, now, Options{Past: map[string]map[int16]string{"a.thrift:A": {3: "gone"}}})
	if len(got) != 1 || got[0].Message != "field A.c has id 3, which was that of gone" {
		t.Errorf("got %v", got)
	}
	if got := Compare(old, now, Options{Past: map[string]map[int16]string{"a.thrift:A": {3: "c"}}}); len(got) != 0 {
		t.Errorf("the field comes back: %v", got)
	}
}
