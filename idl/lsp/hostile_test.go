package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/creachadair/jrpc2/channel"
	"github.com/thriftkit/thriftkit/idl/analysis"
)

// A wire is a server and what it says, message by message.
type wire struct {
	t      *testing.T
	ch     channel.Channel
	answer chan map[string]json.RawMessage
}

func dialWire(t *testing.T, opts Options) *wire {
	t.Helper()
	fromClient, toServer := io.Pipe()
	fromServer, toClient := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- Serve(context.Background(), fromClient, toClient, opts)
		toClient.Close()
	}()
	w := &wire{t: t, ch: channel.LSP(fromServer, toServer), answer: make(chan map[string]json.RawMessage, 100)}
	go func() {
		defer close(w.answer)
		for {
			text, err := w.ch.Recv()
			if err != nil {
				return
			}
			var m map[string]json.RawMessage
			if err := json.Unmarshal(text, &m); err != nil {
				t.Errorf("no JSON: %q", text)
			} else if m["method"] == nil {
				w.answer <- m
			}
		}
	}()
	w.send(`{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}`)
	w.want("1", `"capabilities"`)
	w.send(`{"jsonrpc": "2.0", "method": "initialized", "params": {}}`)
	t.Cleanup(func() {
		// It lives, and it ends when it is asked to.
		w.send(`{"jsonrpc": "2.0", "id": 999, "method": "workspace/symbol", "params": {"query": ""}}`)
		w.want("999", `[]`)
		w.send(`{"jsonrpc": "2.0", "method": "exit"}`)
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.ch.Close()
	})
	return w
}

func (w *wire) send(text string) {
	w.t.Helper()
	if err := w.ch.Send([]byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// want waits for the next answer.
func (w *wire) want(id, part string) {
	w.t.Helper()
	m := <-w.answer
	got := string(m["result"]) + string(m["error"])
	if string(m["id"]) != id || !strings.Contains(got, part) {
		w.t.Errorf("answer %s is %s, want answer %s with %s", m["id"], got, id, part)
	}
}

// TestCancel cancels requests that wait for others: each is answered by the protocol's error, before those that run. One that runs may be finished.
func TestCancel(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	w := dialWire(t, Options{ConfigName: "thriftkit.yaml", Complete: func(string, int) ([]ConfigWord, int) {
		entered <- true
		<-release
		return nil, 0
	}})
	w.send(`{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": "file:///thriftkit.yaml", "version": 1, "text": ""}}}`)
	ask := func(id any) {
		w.send(fmt.Sprintf(`{"jsonrpc": "2.0", "id": %v, "method": "textDocument/completion", "params": {"textDocument": {"uri": "file:///thriftkit.yaml"}, "position": {"line": 0, "character": 0}}}`, id))
	}
	cancel := func(id any) {
		w.send(fmt.Sprintf(`{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": %v}}`, id))
	}
	for i := range maxRunning {
		ask(10 + i)
		<-entered
	}
	ask(20)
	ask(`"named"`)
	cancel(20)
	w.want("20", "-32800")
	cancel(`"named"`)
	w.want(`"named"`, "-32800")
	cancel(20)                                                                                 // which is answered
	cancel(777)                                                                                // which never was
	w.send(`{"jsonrpc": "2.0", "method": "$/cancelRequest"}`)                                  // nothing
	w.send(`{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": {"x": [null]}}}`) // no id
	cancel(10)                                                                                 // which runs
	close(release)
	var ids []string
	for range maxRunning {
		m := <-w.answer
		if m["result"] == nil && !strings.Contains(string(m["error"]), "-32800") {
			t.Errorf("answer %s is %s", m["id"], m["error"])
		}
		ids = append(ids, string(m["id"]))
	}
	slices.Sort(ids)
	if want := []string{"10", "11", "12", "13"}; !slices.Equal(ids, want) {
		t.Errorf("answers %v, want %v", ids, want)
	}
}

// TestClosedDocuments asks every request about a document that was closed, and about one that never was there: each has an answer, which is no error.
func TestClosedDocuments(t *testing.T) {
	s := start(t, `{"workspace": {"workspaceEdit": {"documentChanges": true, "resourceOperations": ["create"]}}}`, nil)
	s.open("closed.thrift", shopText, 1)
	s.notify("textDocument/didClose", `{"textDocument": {"uri": "$/closed.thrift"}}`)
	for _, uri := range []string{"$/closed.thrift", "$/never.thrift", "untitled:Untitled-1", "", "\\u0000", "http://[", "$/thriftkit.yaml"} {
		s.notify("textDocument/didClose", `{"textDocument": {"uri": "`+uri+`"}}`)
		s.notify("textDocument/didSave", `{"textDocument": {"uri": "`+uri+`"}}`)
		s.notify("textDocument/didChange", `{"textDocument": {"uri": "`+uri+`", "version": 2}, "contentChanges": [{"range": {"start": {"line": 5, "character": 5}, "end": {"line": 1, "character": 1}}, "text": "x"}]}`)
		for method := range handlers() {
			if !strings.HasPrefix(method, "textDocument/") || strings.HasPrefix(method, "textDocument/did") {
				continue
			}
			params := `{"textDocument": {"uri": "` + uri + `"}, "position": {"line": 1, "character": 1}, "positions": [{"line": 1, "character": 1}], "newName": "x", "ch": "}", "context": {},
				"range": {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}}`
			if got, err := s.try(method, params); err != nil {
				t.Errorf("%s of %q: %s, %v", method, uri, got, err)
			}
		}
	}
}

// TestNonsense sends every request things that it does not expect: there is an answer or an error of the client's, and none of the server's.
func TestNonsense(t *testing.T) {
	s := start(t, `{}`, map[string]string{"shop.thrift": shopText})
	s.open("shop.thrift", shopText, 1)
	const far = `{"line": 2147483647, "character": 2147483647}`
	nonsense := []string{`{}`, `[]`, `[1, "x", null]`, `{"textDocument": null}`, `{"textDocument": {"uri": 7}}`, `{"textDocument": "x", "position": "y"}`, `{"item": {}}`, `{"item": {"uri": "\u0000", "selectionRange": 3}}`,
		`{"textDocument": {"uri": "$/shop.thrift"}}`,
		`{"textDocument": {"uri": "$/shop.thrift"}, "position": ` + far + `, "range": {"start": ` + far + `, "end": {"line": -1, "character": -1}}, "positions": [` + far + `, {"line": -7, "character": -7}], "newName": "\u0000 \ud800"}`,
		`{"textDocument": {"uri": "$/shop.thrift"}, "position": {"line": 1e300}, "positions": {}}`,
		`{"textDocument": {"uri": "$/shop.thrift", "text": "\u0000\ufffd{{{{\u2028"}, "contentChanges": [{"range": {"start": ` + far + `, "end": {"line": -1, "character": -1}}, "text": ""}], "changes": [{"uri": ""}, {}], "event": {}}`,
	}
	for method := range handlers() {
		if method == "exit" || method == "shutdown" {
			continue
		}
		for _, params := range nonsense {
			if _, err := s.try(method, params); err != nil && (strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "failed:") || strings.Contains(err.Error(), "-32603")) {
				t.Errorf("%s %s: %v", method, params, err)
			}
			s.notify(method, params)
		}
	}
	s.open("shop.thrift", shopText, 2)
	if got := s.call("textDocument/hover", `{"textDocument": {"uri": "$/shop.thrift"}, "position": {"line": 5, "character": 8}}`); !strings.Contains(got, "What is sold.") {
		t.Errorf("afterwards: %s", got)
	}
}

// TestNoMessages sends what are no messages: an error for each, and the server lives.
func TestNoMessages(t *testing.T) {
	w := dialWire(t, Options{Configure: func([]string, string) (analysis.Options, error) { return analysis.Options{}, nil }})
	for _, tt := range []struct{ text, id, want string }{
		{`{`, "null", "-32700"},
		{`nonsense`, "null", "-32700"},
		{``, "null", "-32700"},
		{`{"jsonrpc": "1.0", "id": 5, "method": "shutdown"}`, "5", "-32600"},
		{`{"jsonrpc": "2.0", "id": 6}`, "6", "-32600"},
		{`{"jsonrpc": "2.0", "id": 7, "method": "textDocument/hover", "params": "x"}`, "7", "-3260"},
		{`{"jsonrpc": "2.0", "id": 8, "method": "textDocument/nonsense", "params": {}}`, "8", "-32601"},
	} {
		w.send(tt.text)
		w.want(tt.id, tt.want)
	}
}
