package schema

import "slices"

// sensitiveNames are the annotations that mark what must not be shown: thriftkit's own, and those that other tools have.
var sensitiveNames = [...]string{"thriftkit.sensitive", "sensitive", "redact", "go.redact"}

func (a Annotations) isSensitive() bool {
	for _, x := range a {
		if slices.Contains(sensitiveNames[:], x.Name) && x.Value != "false" && x.Value != "0" {
			return true
		}
	}
	return false
}

// IsSensitive reports whether values of f must not be shown to people or written to logs: f, its type or the typedef or struct that
// this is, is annotated (thriftkit.sensitive = "true"), or sensitive, redact or go.redact, which other tools use. The value
// "false" or "0" says the contrary.
func (f *Field) IsSensitive() bool { return f.Annotations.isSensitive() || f.Type.IsSensitive() }

// IsSensitive is [Field.IsSensitive] for a type. A container is sensitive if its elements or its keys are.
func (t *Type) IsSensitive() bool {
	if t == nil {
		return false
	}
	if t.Annotations.isSensitive() || t.Struct != nil && t.Struct.Annotations.isSensitive() {
		return true
	}
	if d := t.Typedef; d != nil && (d.Annotations.isSensitive() || d.Type.IsSensitive()) {
		return true
	}
	return t.Key.IsSensitive() || t.Elem.IsSensitive()
}

type sensitiveKey struct{}

// HoldsSensitive reports whether a value of s may have a field that is sensitive, at any depth.
func (s *Struct) HoldsSensitive() bool {
	return s.Type().Memo(sensitiveKey{}, func() any { return s.holdsSensitive(make(map[*Struct]bool)) }).(bool)
}

// holdsSensitive is HoldsSensitive without the structs that were looked at.
func (s *Struct) holdsSensitive(seen map[*Struct]bool) bool {
	if seen[s] {
		return false
	}
	seen[s] = true
	var holds func(t *Type) bool
	holds = func(t *Type) bool {
		return t != nil && (t.Struct != nil && t.Struct.holdsSensitive(seen) || holds(t.Key) || holds(t.Elem))
	}
	return slices.ContainsFunc(s.Fields, func(f *Field) bool { return f.IsSensitive() || holds(f.Type) })
}
