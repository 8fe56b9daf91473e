package symbols

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A Reservation keeps ids or a name of a struct or an enum from being used again.
type Reservation struct {
	First, Last int64  // ids; both 0 for a name
	Name        string // "" for ids
	Span        syntax.Span
}

// Holds reports whether r keeps an id or a name.
func (r Reservation) Holds(id int64, name string) bool {
	if r.Name != "" {
		return r.Name == name
	}
	return r.First <= id && id <= r.Last
}

// ReservedKey is the name of the annotation that reserves ids and names.
const ReservedKey = "thrift.reserved"

// Reserved returns what the body of a struct or an enum reserves by comments of the form
//
//	// reserved 4, 7-9, "old"
//
// and by the annotation (thrift.reserved = "4, 7-9, old").
func Reserved(s *Symbol) []Reservation {
	var annotations []*syntax.Annotation
	switch n := s.Node.(type) {
	case *syntax.Struct:
		annotations = n.Annotations
	case *syntax.Enum:
		annotations = n.Annotations
	default:
		return nil
	}
	var list []Reservation
	for _, a := range annotations {
		if a.Name.Text == ReservedKey && a.Value != nil {
			list = append(list, ParseReserved(a.Value.Text, a.Value.Span, true)...)
		}
	}
	t := s.File.Tree
	node := s.Node.Range()
	for i := t.TokenAt(s.Span.End); i < len(t.Tokens) && t.Tokens[i].Range().Start < node.End; i++ {
		for _, c := range t.Trivia(i) {
			if c.Kind != syntax.LineComment && c.Kind != syntax.BlockComment {
				continue
			}
			text := strings.Trim(t.Text(c.Span), "/*# \t\r\n")
			if rest, ok := strings.CutPrefix(text, "reserved "); ok {
				list = append(list, ParseReserved(rest, c.Span, false)...)
			}
		}
	}
	return list
}

var reservedPart = regexp.MustCompile(`^(-?\d+)(?:\s*(?:-|\.\.|to)\s*(-?\d+|max))?$`)

// ParseReserved reads ids, ranges of ids and names, separated by commas or blanks. Names are in quotes,
// or bare if that is allowed. What is none of them ends the list, as in "4, 7-9 used until 2020".
func ParseReserved(text string, span syntax.Span, bare bool) []Reservation {
	var list []Reservation
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if m := reservedPart.FindStringSubmatch(part); m != nil {
			first, _ := strconv.ParseInt(m[1], 10, 32)
			last := first
			if m[2] == "max" {
				last = 1<<31 - 1
			} else if m[2] != "" {
				last, _ = strconv.ParseInt(m[2], 10, 32)
			}
			list = append(list, Reservation{First: first, Last: last, Span: span})
			continue
		}
		name := strings.Trim(part, `"'`)
		if name == "" || name == part && !bare {
			break
		}
		list = append(list, Reservation{Name: name, Span: span})
	}
	return list
}
