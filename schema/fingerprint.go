package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Fingerprint returns a text that two structs share only if the bytes of their values mean the
// same and the errors for them are called the same: their names, fields, requiredness and defaults,
// and those of all structs that they lead to. What documents or annotates them does not count, nor
// do the names of enum values and of typedefs. It is worked out on each call.
func (s *Struct) Fingerprint() string {
	var b strings.Builder
	writeShape(&b, s, map[*Struct]int{})
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

// writeShape writes a struct that was written before as its number.
func writeShape(b *strings.Builder, s *Struct, seen map[*Struct]int) {
	if n, ok := seen[s]; ok {
		b.WriteString("#" + strconv.Itoa(n))
		return
	}
	seen[s] = len(seen)
	b.WriteString(s.Kind.String() + " " + s.Name + "{")
	for _, f := range s.Fields {
		b.WriteString(strconv.Itoa(int(f.ID)) + " " + f.Name + " " + strconv.Itoa(int(f.Requiredness)) + " ")
		writeTypeShape(b, f.Type, seen)
		if f.Default != nil {
			b.WriteByte('=')
			writeLiteralShape(b, f.Default)
		}
		b.WriteByte(';')
	}
	b.WriteByte('}')
}

func writeTypeShape(b *strings.Builder, t *Type, seen map[*Struct]int) {
	b.WriteString(t.Kind.String())
	switch t.Kind {
	case KindStruct:
		b.WriteByte(' ')
		writeShape(b, t.Struct, seen)
	case KindList, KindSet, KindMap:
		b.WriteByte('<')
		if t.Key != nil {
			writeTypeShape(b, t.Key, seen)
			b.WriteByte(',')
		}
		writeTypeShape(b, t.Elem, seen)
		b.WriteByte('>')
	}
}

func writeLiteralShape(b *strings.Builder, l *Literal) {
	b.WriteString(strconv.FormatBool(l.Bool) + " " + strconv.FormatInt(l.Int, 10) + " " +
		strconv.FormatFloat(l.Double, 'g', -1, 64) + " " + strconv.Quote(l.Text) + "[")
	for _, e := range l.List {
		writeLiteralShape(b, e)
	}
	b.WriteByte(']')
	for _, e := range l.Map {
		writeLiteralShape(b, e.Key)
		writeLiteralShape(b, e.Value)
	}
	for _, f := range l.Fields {
		b.WriteString(f.Field.Name)
		writeLiteralShape(b, f.Value)
	}
}
