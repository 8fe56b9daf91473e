package lsp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A ConfigError is a mistake in the project file. [Options].Configure returns it, maybe joined with others, and the client
// shows it in the file.
type ConfigError struct {
	Path         string // with slashes
	Line, Column int    // from 1; 0 for the file as a whole
	Message      string
}

// Error returns "path:line:column: error: message".
func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: error: %s", e.Path, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: error: %s", e.Path, e.Line, e.Column, e.Message)
}

// configErrors takes joined errors apart: the mistakes in project files, and the rest.
func configErrors(err error) (list []*ConfigError, rest error) {
	var e *ConfigError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			more, other := configErrors(one)
			list, rest = append(list, more...), errors.Join(rest, other)
		}
		return list, rest
	}
	if inner := errors.Unwrap(err); inner != nil && errors.As(err, &e) {
		return configErrors(inner)
	}
	if errors.As(err, &e) {
		return []*ConfigError{e}, nil
	}
	return nil, err
}

// A ConfigWord is a key or a value that may stand in a project file.
type ConfigWord struct {
	Text   string // to insert
	Detail string // what it means; may be empty
}

func (s *server) isConfig(path string) bool {
	return s.opts.ConfigName != "" && strings.HasSuffix(path, "/"+s.opts.ConfigName)
}

// setConfig keeps the text of an open project file, and shows what is wrong with it. It holds once it is saved.
func (s *server) setConfig(path, text string) {
	s.mu.Lock()
	s.configs[path] = text
	s.mu.Unlock()
	if s.opts.Check == nil {
		return
	}
	faults, rest := configErrors(s.opts.Check(path, text))
	if rest != nil {
		s.log(rest)
	}
	list := []diagnostic{}
	for _, e := range faults {
		list = append(list, e.diagnostic())
	}
	s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: list})
}

func (s *server) closeConfig(path string) {
	s.mu.Lock()
	delete(s.configs, path)
	s.mu.Unlock()
	s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: []diagnostic{}})
	s.publishConfig()
}

// completeConfig answers a completion in an open project file; ok is false if path is none.
func (s *server) completeConfig(path string, at position) (items []completionItem, ok bool) {
	s.mu.Lock()
	text, open := s.configs[path]
	s.mu.Unlock()
	if !open || s.opts.Complete == nil {
		return nil, false
	}
	lines, _ := syntax.Parse(path, []byte(text)) // for its table of lines: it reads any text
	offset := offsetOf(lines, at)
	words, start := s.opts.Complete(text, offset)
	items = []completionItem{}
	for i, w := range words {
		items = append(items, completionItem{Label: strings.TrimSuffix(w.Text, ": "), Kind: 12, Detail: w.Detail, SortText: fmt.Sprintf("%05d", i),
			Edit: textEdit{rangeOf(lines, syntax.Span{Start: start, End: offset}), w.Text}})
	}
	return items, true
}

// hoverConfig answers a hover in an open project file; ok is false if path is none.
func (s *server) hoverConfig(path string, at position) (answer any, ok bool) {
	s.mu.Lock()
	text, open := s.configs[path]
	s.mu.Unlock()
	if !open || s.opts.Hover == nil {
		return nil, false
	}
	lines, _ := syntax.Parse(path, []byte(text)) // for its table of lines
	doc, start, end := s.opts.Hover(text, offsetOf(lines, at))
	if doc == "" {
		return nil, true
	}
	return object{"contents": markdown(doc), "range": rangeOf(lines, syntax.Span{Start: start, End: end})}, true
}

func (e *ConfigError) diagnostic() diagnostic {
	at := position{max(e.Line-1, 0), max(e.Column-1, 0)}
	return diagnostic{Range: textRange{at, position{at.Line, at.Character + 1}}, Severity: 1, Code: "config", Source: "thriftkit", Message: e.Message}
}

// publishConfig shows the mistakes in project files, and takes back those that are there no more. Nothing may be
// sent before the client has said that it is ready.
func (s *server) publishConfig() {
	s.mu.Lock()
	if !s.ready {
		s.mu.Unlock()
		return
	}
	lists := make(map[string][]diagnostic)
	for _, path := range s.faulty {
		lists[path] = []diagnostic{}
	}
	s.faulty = nil
	for _, e := range s.faults {
		lists[e.Path] = append(lists[e.Path], e.diagnostic())
		if !slices.Contains(s.faulty, e.Path) {
			s.faulty = append(s.faulty, e.Path)
		}
	}
	for path := range s.configs { // what the editor shows of these is of its own text
		delete(lists, path)
	}
	s.mu.Unlock()
	for path, list := range lists {
		s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: list})
	}
}
