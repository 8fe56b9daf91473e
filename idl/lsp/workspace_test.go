package lsp

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/analysis"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// TestMove moves a type to a new file for a client that can create files, and has places in labels of signatures for one that takes them.
func TestMove(t *testing.T) {
	s := start(t, `{"workspace": {"workspaceEdit": {"documentChanges": true, "resourceOperations": ["create"]}}, "textDocument": {"signatureHelp": {"signatureInformation": {"parameterInformation": {"labelOffsetSupport": true}}}}}`,
		map[string]string{"b.thrift": "include \"a.thrift\"\nstruct B {\n  1: a.Money m\n}\n"})
	s.open("a.thrift", "struct Money {\n  1: i64 cents\n}\nservice S {\n  void f(1: i32 a, 2: i32 b)\n}\n", 1)
	got := s.call("textDocument/codeAction", `{"textDocument": {"uri": "$/a.thrift"}, "range": {"start": {"line": 0, "character": 8}, "end": {"line": 0, "character": 8}}, "context": {"only": ["refactor.move"]}}`)
	want := `[{"title":"move Money to money.thrift","kind":"refactor.move","edit":{"documentChanges":[` +
		`{"kind":"create","uri":"$/money.thrift"},` +
		`{"textDocument":{"uri":"$/money.thrift","version":null},"edits":[{"range":{"start":{"line":0,"character":0},"end":{"line":0,"character":0}},"newText":"struct Money {\n  1: i64 cents\n}\n"}]},` +
		`{"textDocument":{"uri":"$/a.thrift","version":null},"edits":[{"range":{"start":{"line":0,"character":0},"end":{"line":3,"character":0}},"newText":""}]},` +
		`{"textDocument":{"uri":"$/b.thrift","version":null},"edits":[{"range":{"start":{"line":2,"character":5},"end":{"line":2,"character":12}},"newText":"money.Money"},` +
		`{"range":{"start":{"line":1,"character":0},"end":{"line":1,"character":0}},"newText":"include \"money.thrift\"\n"}]}]}}]`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got = s.call("textDocument/signatureHelp", `{"textDocument": {"uri": "$/a.thrift"}, "position": {"line": 4, "character": 20}}`)
	if want := `{"signatures":[{"label":"void f(1: i32 a, 2: i32 b)","parameters":[{"label":[7,15]},{"label":[17,25]}]}],"activeSignature":0,"activeParameter":1}`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestCreateType puts a missing type above the comment of the definition that needs it.
func TestCreateType(t *testing.T) {
	s := start(t, `{}`, nil)
	s.open("a.thrift", "struct X {}\n\n/** Of A. */\n// more\nstruct A {\n  1: Nope n\n}\n", 1)
	got := s.call("textDocument/codeAction", `{"textDocument": {"uri": "$/a.thrift"}, "range": {"start": {"line": 5, "character": 6}, "end": {"line": 5, "character": 6}}, "context": {"only": ["quickfix"]}}`)
	if want := `"changes":{"$/a.thrift":[{"range":{"start":{"line":2,"character":0},"end":{"line":2,"character":0}},"newText":"struct Nope {\n}\n\n"}]}`; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// against is a project whose files are compared with earlier texts, by their names.
func against(old compile.Texts) Options {
	var paths []string
	for name := range old {
		paths = append(paths, name)
	}
	base := breaking.NewProgram(compile.Load(paths, compile.Options{Source: old}))
	return Options{Configure: func(roots []string, setting string) (analysis.Options, error) {
		if setting == "" {
			return analysis.Options{}, nil
		}
		return analysis.Options{Base: &base, BaseName: setting, BaseOptions: breaking.Options{Key: path.Base},
			Accepted: func(f *breaking.Finding) bool { return f.Path == "A.accepted" }}, nil
	}}
}

// TestBreakingAsYouType has what a change breaks among the diagnostics of an unsaved text, at once, and in code lenses.
func TestBreakingAsYouType(t *testing.T) {
	old := "struct A {\n  1: i32 a\n  2: i32 accepted\n}\nstruct B {}\nservice S {\n  void f()\n}\n"
	s := startWith(t, against(compile.Texts{"a.thrift": old}), `{}`, nil)
	only := func(list []diagnostic) string {
		var out []string
		for _, d := range list {
			if breaking.Find(d.Code) != nil {
				out = append(out, fmt.Sprintf("%s %d:%d", d.Code, d.Range.Start.Line, d.Range.Start.Character))
			}
		}
		return strings.Join(out, ", ")
	}
	s.open("a.thrift", strings.Replace(old, "1: i32 a\n", "1: i64 a\n", 1), 1)
	if got := only(s.diagnostics("a.thrift", 1)); got != "" {
		t.Errorf("without a revision: %s", got)
	}
	s.notify("workspace/didChangeConfiguration", `{"settings": {"thriftkit": {"breakingAgainst": "main"}}}`)
	if got := only(s.diagnostics("a.thrift", 1)); got != "FIELD_SAME_TYPE 1:9" {
		t.Errorf("with one: %s", got)
	}
	change := func(version int, text string) {
		quoted, _ := json.Marshal(text)
		s.notify("textDocument/didChange", fmt.Sprintf(`{"textDocument": {"uri": "$/a.thrift", "version": %d}, "contentChanges": [{"text": %s}]}`, version, quoted))
	}
	change(2, "struct A {\n  1: i64 a\n  2: i64 accepted\n}\nservice S {\n  void g()\n}\n")
	if got := only(s.diagnostics("a.thrift", 2)); got != "TYPE_NO_DELETE 0:0, FIELD_SAME_TYPE 1:9, METHOD_NO_DELETE 4:8" {
		t.Errorf("after a change: %s", got)
	}
	got := s.call("textDocument/codeLens", `{"textDocument": {"uri": "$/a.thrift"}}`)
	if n := strings.Count(got, "1 breaking change since main"); n != 3 { // of the file, of A, of S
		t.Errorf("%d lenses in %s", n, got)
	}
	change(3, old)
	if got := only(s.diagnostics("a.thrift", 3)); got != "" {
		t.Errorf("as it was: %s", got)
	}
}

// TestPull has diagnostics for a client that asks for them, and none sent to it.
func TestPull(t *testing.T) {
	s := start(t, `{"textDocument": {"diagnostic": {}}}`, nil)
	for version, want := range []string{"UNKNOWN_TYPE", "SYNTAX", ""} {
		s.open("a.thrift", []string{"struct A {\n  1: optional X x\n}\n", "struct A {", "struct A {}\n"}[version], version)
		var report struct {
			Kind  string
			Items []diagnostic
		}
		if err := json.Unmarshal([]byte(s.call("textDocument/diagnostic", `{"textDocument": {"uri": "$/a.thrift"}}`)), &report); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range report.Items {
			got += d.Code
		}
		if report.Kind != "full" || got != want {
			t.Errorf("version %d: %s", version, got)
		}
	}
	if len(s.push) > 0 {
		t.Errorf("sent without being asked: %v", <-s.push)
	}
}

// TestFolders adds and removes directories of a workspace.
func TestFolders(t *testing.T) {
	s := start(t, `{}`, map[string]string{"one.thrift": "struct One {}\n", "../second/two.thrift": "struct Two {}\n"})
	find := func(query string) bool {
		return strings.Contains(s.call("workspace/symbol", `{"query": "`+query+`"}`), `"name":"`+query+`"`)
	}
	second := "file://" + path.Join(s.dir, "../second")
	if !find("One") || find("Two") {
		t.Error("the first folder alone is not what is known")
	}
	s.notify("workspace/didChangeWorkspaceFolders", `{"event": {"added": [{"uri": "`+second+`"}], "removed": []}}`)
	if !find("One") || !find("Two") {
		t.Error("both folders are not known")
	}
	s.notify("workspace/didChangeWorkspaceFolders", `{"event": {"added": [], "removed": [{"uri": "`+second+`"}]}}`)
	if !find("One") || find("Two") {
		t.Error("the second folder is not forgotten")
	}
}

// TestConfigText edits a project file: its mistakes are shown while it is typed, completion knows its words, and a saved
// one holds.
func TestConfigText(t *testing.T) {
	rounds := make(chan bool, 10)
	s := startWith(t, Options{
		Configure: func([]string, string) (analysis.Options, error) {
			rounds <- true
			return analysis.Options{}, nil
		},
		Check: func(path, text string) error {
			if strings.Contains(text, "bad") {
				return &ConfigError{Path: path, Line: 1, Column: 3, Message: "it is bad"}
			}
			return nil
		},
		Complete: func(text string, offset int) ([]ConfigWord, int) {
			return []ConfigWord{{"lint: ", "the rules"}}, strings.LastIndexByte(text[:offset], '\n') + 1
		},
	}, `{}`, nil)
	<-rounds
	shown := func(want string) {
		t.Helper()
		p := <-s.push
		got := ""
		for _, d := range p.Diagnostics {
			got += d.Message
		}
		if path.Base(p.URI) != "thriftkit.yaml" || got != want {
			t.Errorf("%s: %q, want %q", p.URI, got, want)
		}
	}
	s.open("thriftkit.yaml", "a: bad\n", 1)
	shown("it is bad")
	s.notify("textDocument/didChange", `{"textDocument": {"uri": "$/thriftkit.yaml", "version": 2}, "contentChanges": [{"text": "# 😀\nli"}]}`)
	shown("")
	got := s.call("textDocument/completion", `{"textDocument": {"uri": "$/thriftkit.yaml"}, "position": {"line": 1, "character": 2}}`)
	if want := `{"label":"lint","kind":12,"detail":"the rules","sortText":"00000","textEdit":{"range":{"start":{"line":1,"character":0},"end":{"line":1,"character":2}},"newText":"lint: "}}`; !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
	s.notify("textDocument/didSave", `{"textDocument": {"uri": "$/thriftkit.yaml"}}`)
	<-rounds
	s.notify("textDocument/didClose", `{"textDocument": {"uri": "$/thriftkit.yaml"}}`)
	shown("")
	if got := s.call("textDocument/hover", `{"textDocument": {"uri": "$/thriftkit.yaml"}, "position": {"line": 0, "character": 0}}`); got != "null" {
		t.Error(got)
	}
}

// TestOrganizeIncludes asks as an editor does that organizes on saving.
func TestOrganizeIncludes(t *testing.T) {
	s := start(t, `{}`, map[string]string{"lib.thrift": libText, "more.thrift": "struct More {}\n", "none.thrift": "struct None {}\n"})
	ask := func() string {
		return s.call("textDocument/codeAction", `{"textDocument": {"uri": "$/a.thrift"}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "context": {"only": ["source.organizeImports"]}}`)
	}
	s.open("a.thrift", "// Ours.\ninclude \"none.thrift\"\ninclude \"more.thrift\" // More\n\nstruct A {\n  1: lib.Money m\n  2: more.More n\n}\n", 1)
	want := `[{"title":"organize includes","kind":"source.organizeImports","edit":{"changes":{"$/a.thrift":[{"range":{"start":{"line":1,"character":0},"end":{"line":2,"character":29}},"newText":"include \"lib.thrift\"\ninclude \"more.thrift\" // More"}]}}}]`
	if got := ask(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s.open("a.thrift", "include \"lib.thrift\"\n\nstruct A {\n  1: lib.Money m\n}\n", 2)
	if got := ask(); got != "[]" {
		t.Errorf("in order: %s", got)
	}
}

// TestOnTypeFormatting has the cursor behind the "}" that was just typed, at "|"; want is the text afterwards, "" if it stays.
func TestOnTypeFormatting(t *testing.T) {
	s := startWith(t, Options{Configure: func([]string, string) (analysis.Options, error) {
		return analysis.Options{Format: format.Options{Separator: format.Keep}}, nil
	}}, `{}`, nil)
	for version, tt := range []struct{ text, want string }{
		{"struct  A{\n1:i32 a\n  2 : string  b // b\n}|\n\nstruct  B{}\n", "struct A {\n  1: i32 a\n  2: string b // b\n}\n\nstruct  B{}\n"},
		{"struct  A{}\nenum  E{X,Y}|", "struct  A{}\nenum E {\n  X,\n  Y,\n}"},
		{"/* 😀 */ struct  A{1:i32 a}| struct  B {}\n", "/* 😀 */ struct A {\n  1: i32 a\n} struct  B {}\n"},
		{"struct A {\n  1: i32 a\n}|\n", ""},
		{"const map<i32,i32> m = {1:2}|\n", "const map<i32, i32> m = {1: 2}\n"},
		{"struct  A{\n}|\nstruct {{{\n", "struct A {}\nstruct {{{\n"},
		{"struct  A{1: i32 a = {}| }", ""}, // not the end of it
		{"struct  A{1: i32 {}|", ""},
		{"}|", ""},
	} {
		offset := strings.IndexByte(tt.text, '|')
		text := tt.text[:offset] + tt.text[offset+1:]
		s.open("a.thrift", text, version)
		tree, _ := syntax.Parse("a.thrift", []byte(text))
		at, _ := json.Marshal(positionOf(tree, offset))
		var edits []textEdit
		if err := json.Unmarshal([]byte(s.call("textDocument/onTypeFormatting", `{"textDocument": {"uri": "$/a.thrift"}, "position": `+string(at)+`, "ch": "}", "options": {"tabSize": 2, "insertSpaces": true}}`)), &edits); err != nil {
			t.Fatal(err)
		}
		var list []lint.Edit
		for _, e := range edits {
			list = append(list, lint.Edit{Span: spanOf(tree, e.Range), Text: e.NewText})
		}
		want := tt.want
		if want == "" {
			want = text
		}
		if got := string(lint.Apply([]byte(text), list)); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", text, got, want)
		}
	}
}

// TestWorkspaceDiagnostics has the findings of all files, of unsaved texts where there are some, and nothing twice for a client that says what it has.
func TestWorkspaceDiagnostics(t *testing.T) {
	s := start(t, `{"textDocument": {"diagnostic": {}}}`, map[string]string{"a.thrift": "struct A {\n  1: optional Nope n\n}\n", "lib.thrift": libText, "sub/b.thrift": "include \"../lib.thrift\"\nstruct B {\n"})
	type report struct {
		Kind, URI, ResultID string
		Version             *int
		Items               []diagnostic
	}
	previous := []object{}
	ask := func() string {
		t.Helper()
		params, _ := json.Marshal(object{"previousResultIds": previous})
		var answer struct{ Items []report }
		if err := json.Unmarshal([]byte(s.call("workspace/diagnostic", string(params))), &answer); err != nil {
			t.Fatal(err)
		}
		previous = nil
		var out []string
		for _, r := range answer.Items {
			version := ""
			if r.Version != nil {
				version = fmt.Sprint(" ", *r.Version)
			}
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s%s %s: %s", strings.TrimPrefix(r.URI, "$/"), version, r.Kind, codes(r.Items))))
			previous = append(previous, object{"uri": "file://" + s.dir + "/" + strings.TrimPrefix(r.URI, "$/"), "value": r.ResultID})
		}
		return strings.Join(out, "\n")
	}
	for _, tt := range []struct {
		name string
		do   func()
		want string
	}{
		{"all", func() {}, "a.thrift full: UNKNOWN_TYPE 1:14\nlib.thrift full: \nsub/b.thrift full: SYNTAX 2:0"},
		{"again", func() {}, "a.thrift unchanged: \nlib.thrift unchanged: \nsub/b.thrift unchanged:"},
		{"unsaved", func() { s.open("a.thrift", "struct A {}\n", 7) }, "a.thrift 7 full: \nlib.thrift unchanged: \nsub/b.thrift unchanged:"},
		{"closed", func() { s.notify("textDocument/didClose", `{"textDocument": {"uri": "$/a.thrift"}}`) }, "a.thrift full: UNKNOWN_TYPE 1:14\nlib.thrift unchanged: \nsub/b.thrift unchanged:"},
	} {
		tt.do()
		lines := func(s string) string { return strings.ReplaceAll(s+"\n", ": \n", ":\n") }
		if got := ask(); lines(got) != lines(tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
