package lsp

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		at := position{max(e.Line-1, 0), max(e.Column-1, 0)}
		lists[e.Path] = append(lists[e.Path], diagnostic{Range: textRange{at, position{at.Line, at.Character + 1}}, Severity: 1, Code: "config", Source: "thriftkit", Message: e.Message})
		if !slices.Contains(s.faulty, e.Path) {
			s.faulty = append(s.faulty, e.Path)
		}
	}
	s.mu.Unlock()
	for path, list := range lists {
		s.rpc.Notify(context.Background(), "textDocument/publishDiagnostics", publishParams{URI: uriOf(path), Diagnostics: list})
	}
}
