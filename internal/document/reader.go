package document

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/internal/edits"
)

// A Reader makes something of the values of a document, and collects the mistakes.
type Reader struct{ Errs []*Error }

// Errorf notes a mistake in n.
func (r *Reader) Errorf(n *Node, format string, args ...any) {
	r.Errs = append(r.Errs, &Error{n.Line, n.Column, n.Path, fmt.Sprintf(format, args...)})
}

// Object calls f for the members of an object, whose keys must be known, and reports whether n is one. The document as a whole may have
// the key $schema, for editors.
func (r *Reader) Object(n *Node, known []string, f func(key string, v *Node)) bool {
	members, ok := n.Value.([]Member)
	if !ok {
		r.Errorf(n, "want an object with %s, got %s", strings.Join(known, ", "), n.Kind())
		return false
	}
	for _, m := range members {
		if m.Key == "$schema" && n.Path == "" {
			continue
		}
		if !slices.Contains(known, m.Key) {
			hint := "there are " + strings.Join(known, ", ")
			if near := edits.Nearest(m.Key, known); near != "" {
				hint = "did you mean " + near + "?"
			}
			r.Errorf(m.Node, "unknown key (%s)", hint)
			continue
		}
		f(m.Key, m.Node)
	}
	return true
}

// Map calls f for the members of an object whose keys are names.
func (r *Reader) Map(n *Node, what string, f func(name string, v *Node)) {
	members, ok := n.Value.([]Member)
	if !ok {
		r.Errorf(n, "want an object with %s, got %s", what, n.Kind())
	}
	for _, m := range members {
		if m.Key == "" {
			r.Errorf(m.Node, "the key is empty")
			continue
		}
		f(m.Key, m.Node)
	}
}

// List calls f for the items of a list.
func (r *Reader) List(n *Node, f func(*Node)) {
	items, ok := n.Value.([]*Node)
	if !ok {
		r.Errorf(n, "want a list, got %s", n.Kind())
	}
	for _, item := range items {
		f(item)
	}
}

// Filled is List for a list that must have something: an empty one might mean all or none.
func (r *Reader) Filled(n *Node, f func(*Node)) {
	if items, ok := n.Value.([]*Node); ok && len(items) == 0 {
		r.Errorf(n, "the list is empty")
	}
	r.List(n, f)
}

// Text returns the text of a string that is not empty; "" after a mistake.
func (r *Reader) Text(n *Node) string {
	s, ok := n.Value.(string)
	switch {
	case !ok:
		r.Errorf(n, "want a string, got %s", n.Kind())
	case s == "":
		r.Errorf(n, "the string is empty")
	}
	return s
}

// Bool returns what is true or false.
func (r *Reader) Bool(n *Node) bool {
	b, ok := n.Value.(bool)
	if !ok {
		r.Errorf(n, "want true or false, got %s", n.Kind())
	}
	return b
}

// Number returns a number from least to most; 0 after a mistake.
func (r *Reader) Number(n *Node, least, most float64) float64 {
	v, ok := n.Value.(json.Number)
	if !ok {
		r.Errorf(n, "want a number from %v to %v, got %s", least, most, n.Kind())
		return 0
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < least || f > most {
		r.Errorf(n, "want a number from %v to %v, got %s", least, most, v)
		return 0
	}
	return f
}

// Int is Number for whole numbers.
func (r *Reader) Int(n *Node, least, most int) int {
	mistakes := len(r.Errs)
	f := r.Number(n, float64(least), float64(most))
	if f != float64(int(f)) && len(r.Errs) == mistakes {
		r.Errorf(n, "want a whole number, got %s", n.Value)
		return 0
	}
	return int(f)
}

// Duration returns a time above 0, such as 150ms; 0 after a mistake.
func (r *Reader) Duration(n *Node) time.Duration {
	s, ok := n.Value.(string)
	if !ok {
		r.Errorf(n, "want a time with its unit, such as 150ms, got %s", n.Kind())
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		r.Errorf(n, "want a time above 0 with its unit, such as 150ms, got %q", s)
		return 0
	}
	return d
}
