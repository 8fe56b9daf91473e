package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/thriftkit/thriftkit/idl/analysis"
)

const shopText = `include "lib.thrift"

enum Color { RED, GREEN }

/** What is sold. 😀 */
struct Item {
  1: required string name, /* 😀 */ 2: optional Color color = Color.RED,
  3: lib.Money price,
}

service Shop {
  Item find(1: string name) throws (1: lib.NotFound missing),
}
`

const libText = "struct Money {\n  1: i64 cents\n}\nexception NotFound {}\n"

// A session is a client of a server over pipes.
type session struct {
	t    *testing.T
	c    *jrpc2.Client
	dir  string
	push chan publishParams
	done chan error
}

func start(t *testing.T, capabilities string, files map[string]string) *session {
	t.Helper()
	return startWith(t, Options{Configure: func([]string, string) (analysis.Options, error) { return analysis.Options{}, nil }}, capabilities, files)
}

func startWith(t *testing.T, opts Options, capabilities string, files map[string]string) *session {
	t.Helper()
	opts.ConfigName = "thriftkit.yaml"
	s := &session{t: t, dir: filepath.ToSlash(t.TempDir()), push: make(chan publishParams, 1000), done: make(chan error, 1)}
	for name, text := range files {
		at := filepath.Join(s.dir, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(at), 0o777)
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	go func() {
		s.done <- Serve(context.Background(), fromClient, toClient, opts)
		toClient.Close()
	}()
	s.c = jrpc2.NewClient(channel.LSP(fromServer, toServer), &jrpc2.ClientOptions{
		OnNotify: func(r *jrpc2.Request) {
			var p publishParams
			if r.Method() == "textDocument/publishDiagnostics" && r.UnmarshalParams(&p) == nil {
				s.push <- p
			} else if r.Method() == "window/logMessage" {
				t.Errorf("log: %s", r.ParamString())
			}
		},
		OnCallback: func(context.Context, *jrpc2.Request) (any, error) { return nil, nil },
	})
	t.Cleanup(func() {
		s.c.Close()
		if err := <-s.done; err != nil && !strings.Contains(err.Error(), "closed pipe") {
			t.Error(err)
		}
	})
	s.call("initialize", `{"rootUri": "file://`+s.dir+`", "capabilities": `+capabilities+`}`)
	s.notify("initialized", `{}`)
	return s
}

// expand replaces $NAME by the URI of a file.
func (s *session) expand(params string) json.RawMessage {
	return json.RawMessage(strings.ReplaceAll(params, "$/", "file://"+s.dir+"/"))
}

func (s *session) call(method, params string) string {
	s.t.Helper()
	text, err := s.try(method, params)
	if err != nil {
		s.t.Fatalf("%s: %v", method, err)
	}
	return text
}

func (s *session) try(method, params string) (string, error) {
	r, err := s.c.Call(context.Background(), method, s.expand(params))
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.ReplaceAll(r.ResultString(), "file://"+s.dir+"/", "$/"), s.dir+"/", ""), nil
}

func (s *session) notify(method, params string) {
	s.t.Helper()
	if err := s.c.Notify(context.Background(), method, s.expand(params)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) open(name, text string, version int) {
	s.t.Helper()
	quoted, _ := json.Marshal(text)
	s.notify("textDocument/didOpen", fmt.Sprintf(`{"textDocument": {"uri": "$/%s", "languageId": "thrift", "version": %d, "text": %s}}`, name, version, quoted))
}

// diagnostics waits for what is said of one version of a file.
func (s *session) diagnostics(name string, version int) []diagnostic {
	s.t.Helper()
	for p := range s.push {
		if p.URI == "file://"+s.dir+"/"+name && p.Version != nil && *p.Version == version {
			return p.Diagnostics
		}
	}
	return nil
}

// TestTranscript has a row for each request; want is in the result, and so is each part after "&".
func TestTranscript(t *testing.T) {
	s := start(t, `{}`, map[string]string{"lib.thrift": libText, "shop.thrift": shopText, "sub/other.thrift": "include \"../shop.thrift\"\nstruct O {\n  1: shop.Item i\n}\nservice Mall extends shop.Shop {}\n"})
	s.open("shop.thrift", shopText, 1)
	doc := `"textDocument": {"uri": "$/shop.thrift"}`
	pos := func(line, char int) string {
		return fmt.Sprintf(`{%s, "position": {"line": %d, "character": %d}}`, doc, line, char)
	}
	item := func(line, char int) string {
		return fmt.Sprintf(`{"item": {"name": "", "uri": "$/shop.thrift", "selectionRange": {"start": {"line": %d, "character": %d}}}}`, line, char)
	}
	tests := []struct{ method, params, want string }{
		{"textDocument/hover", pos(5, 8), "What is sold. 😀 & \\\"color\\\": \\\"RED\\\" & \"end\":{\"line\":5,\"character\":11}"},
		{"textDocument/hover", pos(0, 0), "null"},
		// Line 6 has a character of two UTF-16 code units before the column.
		{"textDocument/hover", pos(6, 56), "id 2, on the wire i32 (8)"},
		{"textDocument/definition", pos(6, 50), `"uri":"$/shop.thrift" & "start":{"line":2,"character":5}`},
		{"textDocument/definition", pos(0, 12), `"uri":"$/lib.thrift"`},
		{"textDocument/typeDefinition", pos(7, 16), `"uri":"$/lib.thrift"`},
		{"textDocument/references", strings.TrimSuffix(pos(5, 8), "}") + `, "context": {"includeDeclaration": true}}`, `$/shop.thrift & $/sub/other.thrift & "line":11`},
		{"textDocument/documentHighlight", pos(2, 6), `"line":2 & "line":6 & "start":{"line":6,"character":48}`},
		{"textDocument/prepareRename", pos(2, 6), `"placeholder":"Color"`},
		{"textDocument/prepareRename", pos(2, 0), `null`},
		{"textDocument/rename", strings.TrimSuffix(pos(5, 8), "}") + `, "newName": "Product"}`, `$/sub/other.thrift & "newText":"Product"`},
		{"textDocument/documentSymbol", `{` + doc + `}`, `"name":"Item" & "children" & "name":"find"`},
		{"workspace/symbol", `{"query": "mny"}`, `"name":"Money" & $/lib.thrift`},
		{"textDocument/formatting", `{` + doc + `, "options": {"tabSize": 2, "insertSpaces": true}}`, `"newText":`},
		{"textDocument/rangeFormatting", `{` + doc + `, "range": {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 5}}, "options": {}}`, `"newText":"enum Color`},
		{"textDocument/onTypeFormatting", strings.TrimSuffix(pos(2, 25), "}") + `, "ch": "}", "options": {}}`, `[`},
		{"textDocument/semanticTokens/full", `{` + doc + `}`, `"data":[0,0,7,0,0`},
		{"textDocument/foldingRange", `{` + doc + `}`, `"startLine":5 & "endLine":8`},
		{"textDocument/selectionRange", `{` + doc + `, "positions": [{"line": 5, "character": 8}]}`, `"parent":`},
		{"textDocument/documentLink", `{` + doc + `}`, `"target":"$/lib.thrift"`},
		{"textDocument/inlayHint", `{` + doc + `, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 20, "character": 0}}}`, `"label":" = 0" & "label":" = 1"`},
		{"textDocument/codeLens", `{` + doc + `}`, `"title":"2 references" & call this method & serve a mock`},
		{"textDocument/codeAction", `{` + doc + `, "range": {"start": {"line": 2, "character": 13}, "end": {"line": 2, "character": 14}}, "context": {"diagnostics": []}}`, `write RED = 0 & source.fixAll & thrift:ignore ENUM_VALUE_EXPLICIT`},
		{"textDocument/codeAction", `{` + doc + `, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "context": {"only": ["source.fixAll"]}}`, `source.fixAll`},
		{"textDocument/codeAction", `{` + doc + `, "range": {"start": {"line": 6, "character": 2}, "end": {"line": 7, "character": 20}}, "context": {"only": ["refactor.extract"]}}`, `extract struct ItemPart & 4: optional ItemPart part`},
		{"textDocument/codeAction", `{` + doc + `, "range": {"start": {"line": 5, "character": 8}, "end": {"line": 5, "character": 8}}, "context": {"only": ["refactor"]}}`, `[]`}, // nothing that creates a file
		{"textDocument/signatureHelp", pos(11, 19), `"label":"Item find(1: string name) throws (1: lib.NotFound missing)" & "label":"1: string name" & "activeParameter":0`},
		{"textDocument/signatureHelp", pos(0, 0), `null`},
		{"textDocument/diagnostic", `{` + doc + `}`, `"kind":"full" & FIELD_NOT_REQUIRED`},
		{"textDocument/completion", pos(13, 0), `"label":"struct"`},
		{"textDocument/prepareCallHierarchy", pos(2, 6), `"name":"Color" & "kind":10 & "uri":"$/shop.thrift"`},
		{"textDocument/prepareCallHierarchy", pos(24, 0), `null`},
		{"callHierarchy/incomingCalls", item(2, 5), `"from":{"name":"Item" & "fromRanges":[{"start":{"line":6,"character":48}`},
		{"callHierarchy/incomingCalls", item(5, 7), `"name":"find","kind":6,"detail":"Shop" & "name":"O" & $/sub/other.thrift`},
		{"callHierarchy/outgoingCalls", item(11, 7), `"to":{"name":"Item" & "name":"NotFound" & $/lib.thrift`},
		{"callHierarchy/outgoingCalls", item(999, 7), `[]`},
		{"textDocument/prepareTypeHierarchy", pos(10, 9), `"name":"Shop"`},
		{"textDocument/prepareTypeHierarchy", pos(2, 6), `null`},
		{"typeHierarchy/supertypes", item(10, 8), `[]`},
		{"typeHierarchy/subtypes", item(10, 8), `"name":"Mall" & $/sub/other.thrift`},
		// What is not known gets an empty answer.
		{"textDocument/hover", `{"textDocument": {"uri": "$/nope.thrift"}, "position": {"line": 1, "character": 1}}`, `null`},
		{"textDocument/completion", `{"textDocument": {"uri": "untitled:Untitled-1"}, "position": {"line": 1, "character": 1}}`, `"items":[]`},
		{"textDocument/formatting", `{"textDocument": {"uri": "$/nope.thrift"}}`, `[]`},
		{"textDocument/hover", pos(999, 999), `null`},
		{"textDocument/hover", pos(-1, -5), `null`},
	}
	for _, tt := range tests {
		got := s.call(tt.method, tt.params)
		for part := range strings.SplitSeq(tt.want, " & ") {
			if !strings.Contains(got, part) {
				t.Errorf("%s %s:\ngot  %s\nwant %s", tt.method, tt.params, got, part)
			}
		}
	}
	for _, tt := range []struct{ method, params, want string }{
		{"textDocument/rename", strings.TrimSuffix(pos(5, 8), "}") + `, "newName": "Color"}`, "Color already names enum Color"},
		{"textDocument/rename", strings.TrimSuffix(pos(5, 8), "}") + `, "newName": "1x"}`, `"1x" is not a name`},
		{"textDocument/nonsense", `{}`, "method not found"},
		{"textDocument/hover", `{"position": "here"}`, "textDocument/hover: "},
		{"initialize", `{}`, "initialized already"},
	} {
		if got, err := s.try(tt.method, tt.params); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %s, %v", tt.method, got, err)
		}
	}
	if got := s.call("shutdown", `{}`); got != "null" {
		t.Error(got)
	}
	if _, err := s.try("textDocument/hover", pos(5, 8)); err == nil {
		t.Error("a request is answered after shutdown")
	}
	s.notify("exit", `{}`)
}

func codes(list []diagnostic) string {
	var out []string
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s %d:%d", d.Code, d.Range.Start.Line, d.Range.Start.Character))
	}
	return strings.Join(out, ", ")
}

func TestDiagnostics(t *testing.T) {
	s := start(t, `{"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}}`, map[string]string{"lib.thrift": libText})
	s.open("a.thrift", "include \"lib.thrift\"\nstruct A {\n  1: lib.Money 😀😀 m\n  2: Nope n\n}\n", 1)
	if got := codes(s.diagnostics("a.thrift", 1)); got != "SYNTAX 2:15, UNKNOWN_TYPE 3:5" {
		t.Error(got)
	}
	text, _ := json.Marshal("include \"lib.thrift\"\nstruct A {\n  /* 😀 */ 1: Nope m\n}\n")
	s.notify("textDocument/didChange", `{"textDocument": {"uri": "$/a.thrift", "version": 2}, "contentChanges": [{"text": `+string(text)+`}]}`)
	if got := codes(s.diagnostics("a.thrift", 2)); got != "INCLUDE_UNUSED 0:8, UNKNOWN_TYPE 2:14" {
		t.Error(got)
	}
	// A change of an included buffer, and of a file on disk.
	s.notify("textDocument/didChange", `{"textDocument": {"uri": "$/a.thrift", "version": 3}, "contentChanges": [{"text": "include \"lib.thrift\"\nstruct A {\n  1: lib.Money m\n}\n"}]}`)
	if got := codes(s.diagnostics("a.thrift", 3)); got != "" {
		t.Error(got)
	}
	s.open("lib.thrift", "struct Gold {}\n", 1)
	if got := codes(s.diagnostics("a.thrift", 3)); got != "UNKNOWN_TYPE 2:5" {
		t.Error(got)
	}
	s.notify("textDocument/didClose", `{"textDocument": {"uri": "$/lib.thrift"}}`)
	if got := codes(s.diagnostics("a.thrift", 3)); got != "" {
		t.Error(got)
	}
	os.Remove(filepath.Join(s.dir, "lib.thrift"))
	s.notify("workspace/didChangeWatchedFiles", `{"changes": [{"uri": "$/lib.thrift", "type": 3}]}`)
	if got := codes(s.diagnostics("a.thrift", 3)); got != "INCLUDE_NOT_FOUND 0:8" {
		t.Error(got)
	}
}

func TestNotInitialized(t *testing.T) {
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Serve(context.Background(), fromClient, toClient, Options{})
		toClient.Close()
	}()
	c := jrpc2.NewClient(channel.LSP(fromServer, toServer), nil)
	if _, err := c.Call(context.Background(), "textDocument/hover", nil); err == nil || !strings.Contains(err.Error(), "not initialized") {
		t.Error(err)
	}
	c.Notify(context.Background(), "exit", nil)
	if err := <-done; err != nil {
		t.Error(err)
	}
	c.Close()
}

func TestURI(t *testing.T) {
	for uri, want := range map[string]string{"file:///a/b%20c.thrift": "/a/b c.thrift", "file:///c:/x.thrift": "c:/x.thrift", "untitled:Untitled-1": "untitled:Untitled-1", "file:///a/%E6%BC%A2.thrift": "/a/漢.thrift"} {
		if got := pathOf(uri); got != want {
			t.Errorf("%s: got %s", uri, got)
		}
		if got := pathOf(uriOf(want)); got != want {
			t.Errorf("%s comes back as %s", want, got)
		}
	}
}
