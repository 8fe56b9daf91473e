package compile

import (
	"strings"

	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/schema"
)

// maxHints bounds the searches for similar names, and maxNames those looked at in one: a long
// text full of unknown names must not take time by the square of its length.
const (
	maxHints = 100
	maxNames = 5000
)

// otherNames are the names that other languages and dialects have for our types.
func otherNames(name string) string {
	switch strings.ToLower(name) {
	case "int", "int32", "integer", "int32_t", "sint32", "u16", "uint16":
		return "i32"
	case "short", "int16", "int16_t", "u8", "uint8":
		return "i16"
	case "long", "int64", "int64_t", "sint64", "u32", "uint32", "u64", "uint64":
		return "i64"
	case "char", "int8", "int8_t":
		return "i8"
	case "float", "float32", "float64", "f32", "f64":
		return "double"
	case "boolean":
		return "bool"
	case "str", "text":
		return "string"
	case "bytes", "blob":
		return "binary"
	case "guid":
		return "uuid"
	}
	return ""
}

var baseNames = [...]string{"bool", "byte", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid"}

// suggestType returns a hint for an unknown name of a type; void is one of a result.
func (u *unit) suggestType(name string, result bool) string {
	if other := otherNames(name); other != "" {
		return "did you mean " + other + "?"
	}
	return u.suggest(name, func(find *nearest) {
		for _, base := range baseNames {
			find.offer(base)
		}
		if result {
			find.offer("void")
		}
		u.eachSymbol(func(prefix string, s *symbol) {
			if s.service == nil {
				find.offer(prefix + s.name.Text)
			}
		})
	})
}

// suggestService returns a hint for an unknown name of a service.
func (u *unit) suggestService(name string) string {
	return u.suggest(name, func(find *nearest) {
		u.eachSymbol(func(prefix string, s *symbol) {
			if s.service != nil {
				find.offer(prefix + s.name.Text)
			}
		})
	})
}

// suggestValue returns a hint for an unknown name of a value of type t.
func (u *unit) suggestValue(name string, t *schema.Type) string {
	switch lower := strings.ToLower(name); {
	case t.Kind == schema.KindEnum && u.member(t.Enum, name) != nil:
		return "did you mean " + u.qualify(t.Enum, name) + "?"
	case t.Kind == schema.KindBool && (lower == "true" || lower == "false"):
		return "did you mean " + lower + "?"
	}
	return u.suggest(name, func(find *nearest) {
		u.eachUnit(func(prefix string, v *unit) {
			for i := range v.consts {
				find.offer(prefix + v.consts[i].def.Name.Text)
			}
			for i := range v.symbols {
				s := &v.symbols[i]
				if s.enum == nil {
					continue
				}
				for _, value := range s.enum.Values {
					full := prefix + s.name.Text + "." + value.Name
					find.offer(full)
					if prefix != "" {
						find.offerAs(full, prefix+value.Name)
					}
				}
			}
		})
	})
}

// suggestMember returns a hint for an unknown value of an enum, which is written as qualifier.
func (u *unit) suggestMember(e *schema.Enum, qualifier, name string) string {
	return u.suggest(name, func(find *nearest) {
		for _, v := range e.Values {
			find.offer(v.Name)
		}
		if find.best != "" {
			find.best = qualifier + "." + find.best
		}
	})
}

// suggestField returns a hint for an unknown field.
func (u *unit) suggestField(s *schema.Struct, name string) string {
	return u.suggest(name, func(find *nearest) {
		for _, f := range s.Fields {
			find.offer(f.Name)
		}
	})
}

// suggest returns "did you mean X?" for the nearest of the names that each offers, or a word
// about a prefix that leads nowhere, or "".
func (u *unit) suggest(name string, each func(*nearest)) string {
	if u.hints++; u.hints > maxHints {
		return ""
	}
	find := newNearest(name)
	each(find)
	if find.best != "" {
		return "did you mean " + find.best + "?"
	}
	if prefix, _, dotted := strings.Cut(name, "."); dotted && u.types[prefix] == nil {
		for _, inc := range u.includes {
			if inc.name == prefix || strings.HasPrefix(name, inc.name+".") {
				return ""
			}
		}
		return "no include is seen here as " + prefix
	}
	return ""
}

// eachUnit calls f for u and for all that it includes, nearest first, each with the prefix under
// which u sees its names.
func (u *unit) eachUnit(f func(prefix string, v *unit)) {
	type seen struct {
		prefix string
		unit   *unit
	}
	queue := []seen{{"", u}}
	met := map[*unit]bool{u: true}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		f(at.prefix, at.unit)
		for _, inc := range at.unit.includes {
			if inc.unit != nil && !met[inc.unit] {
				met[inc.unit] = true
				queue = append(queue, seen{at.prefix + inc.name + ".", inc.unit})
			}
		}
	}
}

func (u *unit) eachSymbol(f func(prefix string, s *symbol)) {
	u.eachUnit(func(prefix string, v *unit) {
		for i := range v.symbols {
			f(prefix, &v.symbols[i])
		}
	})
}

// qualify returns how u writes that value of e.
func (u *unit) qualify(e *schema.Enum, name string) string {
	prefix := ""
	if e.File != u.out {
		prefix = e.File.Name + "."
	}
	return prefix + e.Name + "." + name
}

// A nearest finds the name nearest to a mistaken one.
type nearest struct {
	name, lower string
	best        string
	distance    int // of best; names as far away or farther are ignored
	looked      int
	measure     edits.Measure
}

func newNearest(name string) *nearest {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return &nearest{name: name, lower: strings.ToLower(name), distance: min(len(last)/3, 4) + 1}
}

func (n *nearest) offer(name string) { n.offerAs(name, name) }

// offerAs offers a name that may also be written as short.
func (n *nearest) offerAs(full, name string) {
	if n.looked++; n.looked > maxNames || name == "" || name == n.name {
		return
	}
	// The right name after a missing prefix is the best guess, then one that differs in case.
	d := 0
	switch {
	case strings.HasSuffix(name, "."+n.name):
		d = -1
	case strings.ToLower(name) == n.lower:
	default:
		if abs(len(name)-len(n.name)) >= n.distance {
			return
		}
		d = n.measure.Distance(n.name, name)
	}
	if d < n.distance {
		n.best, n.distance = full, d
	}
}

func abs(n int) int { return max(n, -n) }
