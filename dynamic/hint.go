package dynamic

import (
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/schema"
)

// suggestField returns ": did you mean X?" for the field of desc whose name is nearest to a
// mistaken one, or "".
func suggestField(desc *schema.Struct, name string) string {
	best, least := "", min(len(name)/3, 4)+1
	lower := strings.ToLower(name)
	var m edits.Measure
	for _, f := range desc.Fields {
		if d := m.Distance(lower, strings.ToLower(f.Name)); d < least {
			best, least = f.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}
