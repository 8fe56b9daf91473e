package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// files cuts an example into its files. The first one is a.thrift unless it has a name.
func files(example string) (compile.Texts, string) {
	texts, first, name := compile.Texts{}, "", "a.thrift"
	for line := range strings.Lines(example) {
		if n, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(n), " --")
			texts[name] = ""
		} else {
			texts[name] += line
		}
		if first == "" {
			first = name
		}
	}
	return texts, first
}

func lintExample(r *Rule, example string) []*Finding {
	texts, first := files(example)
	opts := Options{Sets: []Set{Strict, Comments}}
	if r.example != nil {
		r.example(&opts)
	}
	var list []*Finding
	for _, f := range Run(compile.Load([]string{first}, compile.Options{Source: texts}), opts) {
		if f.Code == r.ID {
			list = append(list, f)
		}
	}
	return list
}

// The examples of the documentation are the tests of the rules.
func TestRules(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			bad := lintExample(r, r.Bad)
			if len(bad) == 0 {
				t.Errorf("no finding in\n%s", r.Bad)
			}
			for _, f := range bad {
				if strings.Contains(f.Message, "%!") {
					t.Error(f.Message)
				}
				for _, fix := range f.Fixes {
					if r.Fix == NoFix || fix.Safe && r.Fix != SafeFix {
						t.Errorf("fix %q, but the rule says %d", fix.Title, r.Fix)
					}
				}
			}
			if good := lintExample(r, r.Good); len(good) > 0 {
				t.Errorf("%v in\n%s", good[0], r.Good)
			}
			if r.Meaning.English == "" || r.Meaning.Chinese == "" || r.Reason.English == "" || r.Reason.Chinese == "" {
				t.Error("a text is missing")
			}
		})
	}
}

// A rule with fixes has one for its example, and applying it leaves no finding of the rule.
func TestFixes(t *testing.T) {
	for _, r := range Rules() {
		if r.Fix == NoFix {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			texts, first := files(r.Bad)
			opts := Options{Sets: []Set{Minimal}, Levels: map[string]Level{r.ID: LevelWarning}}
			if r.example != nil {
				r.example(&opts)
			}
			fixed, err := FixAll([]string{first}, compile.Options{Source: texts}, opts, r.Fix == UnsafeFix)
			if err != nil {
				t.Fatal(err)
			}
			if r.ID == "UNKNOWN_CONST" || r.ID == "UNKNOWN_SERVICE" { // nothing is near enough in the example
				return
			}
			for _, f := range fixed.Left {
				if f.Code == r.ID {
					t.Errorf("left: %v\n%s", f, fixed.Texts[first])
				}
			}
			if fixed.Applied == 0 {
				t.Error("nothing was fixed")
			}
		})
	}
}

func TestFixText(t *testing.T) {
	tests := []struct {
		name, in, want string
		unsafe         bool
		levels         map[string]Level
	}{
		{"comments stay", "include \"lib.thrift\" // why\n/* a */ include /* b */ \"more.thrift\"\nenum E { A /* c */, B } # d\n-- lib.thrift --\n-- more.thrift --\n",
			" // why\n/* a */ include /* b */ \"more.thrift\"\nenum E { A = 0 /* c */, B = 1 } # d\n", false, nil},
		{"unused include", "include \"lib.thrift\"\nstruct A {}\n-- lib.thrift --\n", "struct A {}\n", false, nil},
		{"used by another file", "include \"b.thrift\"\nstruct A {\n  1: b.lib.L l\n}\n-- b.thrift --\ninclude \"lib.thrift\"\n-- lib.thrift --\nstruct L {}\n", "", false, nil},
		{"unsafe ones wait", "struct my_struct {}\n", "", false, nil},
		{"rename everywhere", "struct my_struct {}\nstruct B {\n  1: list<my_struct> l\n}\nservice S {\n  my_struct f()\n}\nconst my_struct V = {}\n",
			"struct MyStruct {}\nstruct B {\n  1: list<MyStruct> l\n}\nservice S {\n  MyStruct f()\n}\nconst MyStruct V = {}\n", true, nil},
		{"rename fields in values", "struct A {\n  1: i32 userId,\n  2: i32 user_age,\n  3: i32 user_name\n}\nconst A V = {\"userId\": 1}\n",
			"struct A {\n  1: i32 user_id,\n  2: i32 user_age,\n  3: i32 user_name\n}\nconst A V = {\"user_id\": 1}\n", true, nil},
		{"no rename into a collision", "struct my_struct {}\nstruct MyStruct {}\n", "", true, nil},
		{"several rounds", "service S {\n  async i32 f(1: optional byte b)\n}\n", "service S {\n  oneway void f(1: i8 b)\n}\n", false, nil},
		{"ids", "struct A {\n  i32 a,\n  5: i32 b,\n  i32 c\n}\n", "struct A {\n  6: i32 a,\n  5: i32 b,\n  7: i32 c\n}\n", true, nil},
		{"ids around reserved ones", "struct A {\n  // reserved 6-8\n  i32 a,\n  5: i32 b\n}\n", "struct A {\n  // reserved 6-8\n  9: i32 a,\n  5: i32 b\n}\n", true, nil},
		{"throws", "exception X {}\nservice S {\n  oneway void f() throws (1: X x /* why */)\n}\n", "", true, nil},
		{"spelling", "enum Color {\n  RED = 0\n}\nstruct A {\n  1: Colour c = Color.RDE\n}\n", "enum Color {\n  RED = 0\n}\nstruct A {\n  1: Color c = Color.RED\n}\n", true, nil},
		{"add include", "include \"b.thrift\"\nstruct A {\n  1: Lost l,\n  2: b.B b\n}\n-- b.thrift --\ninclude \"sub/c.thrift\"\nstruct B {\n  1: c.Lost l\n}\n-- sub/c.thrift --\nstruct Lost {}\n",
			"include \"b.thrift\"\nstruct A {\n  1: b.c.Lost l,\n  2: b.B b\n}\n", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			texts, first := files(tt.in)
			fixed, err := FixAll([]string{first}, compile.Options{Source: texts}, Options{Levels: tt.levels}, tt.unsafe)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(fixed.Texts[first]); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s\nleft: %v", got, tt.want, fixed.Left)
			}
			again, _ := FixAll([]string{first}, compile.Options{Source: overlay{texts, fixed.Texts}}, Options{Levels: tt.levels}, tt.unsafe)
			if len(again.Texts) > 0 {
				t.Errorf("the second time:\n%s", again.Texts[first])
			}
		})
	}
}

func TestSuppressions(t *testing.T) {
	tests := []struct{ in, want string }{
		{"struct bad_name {}\n", "STRUCT_NAME_CASE"},
		{"struct bad_name {} // thrift:ignore STRUCT_NAME_CASE stored\n", ""},
		{"// thrift:ignore STRUCT_NAME_CASE,FIELD_NOT_REQUIRED stored\nstruct bad_name {\n  1: required i32 a\n}\n", ""},
		{"# thrift:ignore STRUCT_NAME_CASE stored\nstruct bad_name {}\nstruct other_bad {}\n", "STRUCT_NAME_CASE"},
		{"/* thrift:ignore-file STRUCT_NAME_CASE stored */\nnamespace go a\nstruct bad_name {}\nstruct other_bad {}\n", ""},
		{"struct A {\n  // thrift:ignore FIELD_NOT_REQUIRED old\n  1: required i32 a,\n  2: required i32 b\n}\n", "FIELD_NOT_REQUIRED"},
		{"struct bad_name {} // thrift:ignore STRUCT_NAME_CASE\n", "IGNORE_COMMENT"},
		{"struct A {} // thrift:ignore STRUCT_NAME_CASES why\n", "IGNORE_COMMENT"},
		{"struct A {} // thrift:ignore\n", "IGNORE_COMMENT"},
		{"struct bad_name {} // thrift:ignore FIELD_NOT_REQUIRED another\n", "STRUCT_NAME_CASE"},
		{"struct A {\n  1: required i32 a (nolint = \"field.optional\")\n}\n", ""},
		{"struct A {\n  1: required i32 a (nolint = \"field\")\n}\n", ""},
		{"struct A {\n  1: required i32 a (nolint)\n}\n", "FIELD_NOT_REQUIRED"}, // thriftcheck: "1" names no check
		{"/** @nolint(field.optional) */\nstruct A {\n  1: required i32 a\n}\n", ""},
		{"/** @nolint */\nstruct A {\n  1: required i32 a\n}\n", ""},
		{"/** @nolint(map.key.type) */\nstruct A {\n  1: required i32 a\n}\n", "FIELD_NOT_REQUIRED"},
		{"struct A {\n  1: Nope a // thrift:ignore UNKNOWN_TYPE errors stay\n}\n", "UNKNOWN_TYPE"},
	}
	for _, tt := range tests {
		var got []string
		for _, f := range Run(compile.Load([]string{"a.thrift"}, compile.Options{Source: compile.Texts{"a.thrift": tt.in}}), Options{}) {
			got = append(got, f.Code)
		}
		if tt.in == "struct A {\n  1: required i32 a (nolint)\n}\n" {
			tt.want = "" // without a value everything is meant
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q: got %v, want %s", tt.in, got, tt.want)
		}
	}
}

func TestOptions(t *testing.T) {
	bad := Options{Levels: map[string]Level{"FIELD_NAME_CAES": Off}, Ignore: []Override{{"x", []string{"NOPE"}}}, Namespaces: map[string]string{"go": "("}, FieldCase: "kebab", Dialect: "x"}
	want := "namespaces: go: error parsing regexp: missing closing ): `(`; there is no rule FIELD_NAME_CAES (did you mean FIELD_NAME_CASE?); there is no rule NOPE; " +
		`unknown case "kebab" (known: snake, camel); unknown dialect "x" (known: apache, fbthrift, kitex)`
	if err := bad.Check(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	program := compile.Load([]string{"old/a.thrift"}, compile.Options{Source: compile.Texts{"old/a.thrift": "struct bad_name {\n  1: required i32 a\n}\n"}})
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{}, "[warning STRUCT_NAME_CASE warning FIELD_NOT_REQUIRED]"},
		{Options{Sets: []Set{Minimal}}, "[]"},
		{Options{Sets: []Set{Comments}}, "[warning COMMENT_STRUCT warning COMMENT_FIELD]"},
		{Options{Sets: []Set{Minimal}, Levels: map[string]Level{"FIELD_NOT_REQUIRED": LevelError}}, "[error FIELD_NOT_REQUIRED]"},
		{Options{Levels: map[string]Level{"FIELD_NOT_REQUIRED": Off}}, "[warning STRUCT_NAME_CASE]"},
		{Options{Ignore: []Override{{"old/", nil}}}, "[]"},
		{Options{Ignore: []Override{{"ol", nil}, {"old", []string{"STRUCT_NAME_CASE"}}}}, "[warning FIELD_NOT_REQUIRED]"},
		{Options{Only: func(string) bool { return false }}, "[]"},
	} {
		var got []string
		for _, f := range Run(program, tt.opts) {
			got = append(got, f.Severity.String(), f.Code)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("got %v, want %s", got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ in, pascal, camel, snake, upper string }{
		{"user_id", "UserId", "userId", "user_id", "USER_ID"},
		{"userId", "UserId", "userId", "user_id", "USER_ID"},
		{"HTTPServer", "HTTPServer", "httpServer", "http_server", "HTTP_SERVER"},
		{"USER_ID", "UserId", "userId", "user_id", "USER_ID"},
		{"a", "A", "a", "a", "A"},
		{"_x", "X", "x", "x", "X"},
		{"v2Name", "V2Name", "v2Name", "v2_name", "V2_NAME"},
	} {
		if got := []string{pascal(tt.in), camel(tt.in), snake(tt.in), upperSnake(tt.in)}; !slices.Equal(got, []string{tt.pascal, tt.camel, tt.snake, tt.upper}) {
			t.Errorf("%s: got %v", tt.in, got)
		}
	}
	for _, tt := range [][3]string{{"a/b", "a/c/d.thrift", "../c/d.thrift"}, {".", "x.thrift", "x.thrift"}, {"a", "a/x.thrift", "x.thrift"}, {"a", "x.thrift", "../x.thrift"}, {"/a/b", "/c.thrift", "../../c.thrift"}} {
		if got := Relative(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s from %s: got %s, want %s", tt[1], tt[0], got, tt[2])
		}
	}
}

// Whatever the text, lint ends, and its places and fixes are within the text.
func FuzzRun(f *testing.F) {
	for _, r := range Rules() {
		f.Add(r.Bad)
		f.Add(r.Good)
	}
	f.Fuzz(func(t *testing.T, text string) {
		texts, first := files(text)
		if first == "" || path.Clean(first) != first {
			return
		}
		for _, finding := range Run(compile.Load([]string{first}, compile.Options{Source: texts}), Options{Sets: []Set{Strict, Comments}}) {
			if finding.Span.Start > finding.Span.End {
				t.Errorf("%v: %v", finding, finding.Span)
			}
		}
		fixed, err := FixAll([]string{first}, compile.Options{Source: texts}, Options{Sets: []Set{Strict}}, true)
		if err != nil {
			return
		}
		for name, text := range fixed.Texts {
			before, _ := syntax.Parse(name, []byte(texts[name]))
			after, diags := syntax.Parse(name, text)
			if !slices.Equal(commentsOf(before), commentsOf(after)) {
				t.Errorf("%s: comments are lost in\n%s", name, text)
			}
			if errs := diags.Errors(); len(errs) > 0 {
				t.Errorf("%s: %v in\n%s", name, errs, text)
			}
		}
	})
}
