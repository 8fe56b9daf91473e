package gen

import (
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A protocol is one of those that codecs are written for.
type protocol struct {
	path  string // below wire
	title string // in names of functions
}

var (
	binaryProtocol  = protocol{"binary", "Binary"}
	compactProtocol = protocol{"compact", "Compact"}
)

func (p protocol) isCompact() bool { return p == compactProtocol }

// wireTypes are what package wire calls its types.
var wireTypes = map[wire.Type]string{
	wire.Bool: "Bool", wire.I8: "I8", wire.Double: "Double", wire.I16: "I16", wire.I32: "I32", wire.I64: "I64", wire.String: "String",
	wire.Struct: "Struct", wire.Map: "Map", wire.Set: "Set", wire.List: "List", wire.UUID: "UUID",
}

func (g *generator) wireType(t *schema.Type) string {
	return g.use("wire", wireTypes[wire.TypeOf(t.Kind)])
}

// suffixes end the names of the functions for a kind, in packages binary and compact.
var suffixes = map[schema.Kind]string{
	schema.KindBool: "Bool", schema.KindI8: "I8", schema.KindI16: "I16", schema.KindI32: "I32", schema.KindEnum: "I32", schema.KindI64: "I64",
	schema.KindDouble: "Double", schema.KindString: "String", schema.KindBinary: "Bytes", schema.KindUUID: "UUID",
}

// codec writes the methods by which s writes and reads itself.
func (g *generator) codec(s *schema.Struct) {
	name := g.pkg.of[s]
	codec := g.codecName(s)
	g.p("var %s = %s[%s](func() *%s { return %s().Struct(%q) })\n", codec, g.use("thriftimpl", "CodecOf"), name, g.use("schema", "Struct"),
		g.pkg.schemaFunc, s.Name)
	g.p("func (*%s) ThriftCodec() *%s { return %s }\n", name, g.use("thriftimpl", "Codec"), codec)
	for _, p := range []protocol{binaryProtocol, compactProtocol} {
		g.appendStruct(p, s)
		g.consumeStruct(p, s)
	}
}

// codecName returns the name of the variable with the thriftimpl.Codec of s.
func (g *generator) codecName(s *schema.Struct) string {
	key := about{"codec", s}
	if g.pkg.extra[key] == "" {
		g.pkg.extra[key] = g.pkg.names.pick(unexport(g.pkg.of[s]) + "Codec")
	}
	return g.pkg.extra[key]
}

// appendStruct writes AppendThriftBinary or AppendThriftCompact.
func (g *generator) appendStruct(p protocol, s *schema.Struct) {
	isUnion := s.Kind == schema.Union
	g.p("func (p *%s) AppendThrift%s(dst []byte, depth int) ([]byte, error) {", g.pkg.of[s], p.title)
	g.p("if depth == 0 {\nreturn dst, %s(-1)\n}", g.use("wire", "TooDeep"))
	if isUnion {
		unknown := "nil"
		if g.KeepUnknown {
			unknown = "p.UnknownFields"
		}
		var members strings.Builder
		for _, f := range s.Fields {
			fmt.Fprintf(&members, ", p.%s != nil", g.pkg.field[f])
		}
		g.p("if err := %s(%q, %s%s); err != nil {\nreturn dst, err\n}", g.use("thriftimpl", "CheckUnion"), s.Name, unknown, members.String())
	}
	if hasComposite(s) || g.KeepUnknown && p.isCompact() {
		g.p("var err error")
	}
	w := fieldWriter{generator: g, protocol: p, desc: s, known: true}
	if p.isCompact() {
		w.declareLast(s, isUnion)
	}
	for _, f := range s.Fields {
		w.field(f, isUnion)
	}
	if g.KeepUnknown {
		if p.isCompact() {
			g.p("if dst, err = %s(dst, p.UnknownFields, %s); err != nil {\nreturn dst, err\n}", g.use("compact", "AppendUnknown"), w.lastID())
		} else {
			g.p("dst = append(dst, p.UnknownFields...)")
		}
	}
	g.p("return append(dst, 0), nil\n}\n")
}

func hasComposite(s *schema.Struct) bool {
	for _, f := range s.Fields {
		if isComposite(f.Type) {
			return true
		}
	}
	return false
}

func isComposite(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return true
	}
	return false
}

// A fieldWriter writes the code that appends the fields of a struct, in turn. The compact protocol
// writes an id as a step from the one before, which is known unless that may be unset.
type fieldWriter struct {
	*generator
	protocol
	desc  *schema.Struct
	known bool  // which field was written last: that with the id last
	last  int16 // if known; else the variable has it
	ahead []bool
}

// declareLast declares the variable for the last id if any field needs it, and finds out which do.
func (w *fieldWriter) declareLast(s *schema.Struct, isUnion bool) {
	known, needed := true, false
	w.ahead = make([]bool, len(s.Fields))
	for i, f := range s.Fields {
		if !known {
			needed = true
			w.ahead[i] = true
		}
		known = !w.skipped(f, isUnion)
	}
	if !known && w.KeepUnknown {
		needed = true
	}
	if needed {
		w.p("var last int16")
	}
}

// skipped reports whether a struct may be written without f.
func (w *fieldWriter) skipped(f *schema.Field, isUnion bool) bool {
	return w.mayBeNil(f, isUnion) && f.Requiredness != schema.Required
}

func (w *fieldWriter) lastID() string {
	if w.known {
		return fmt.Sprint(w.last)
	}
	return "last"
}

// lastMatters reports whether what follows the field at i depends on whether it was written.
func (w *fieldWriter) lastMatters(i int) bool {
	return i+1 < len(w.ahead) && w.ahead[i+1] || i+1 == len(w.ahead) && w.KeepUnknown
}

// head returns dst with the header of f after it.
func (w *fieldWriter) head(f *schema.Field) string {
	t := w.wireType(f.Type)
	if w.isCompact() {
		return fmt.Sprintf("%s(dst, %s, %d, %s)", w.use("compact", "AppendFieldHeader"), t, f.ID, w.lastID())
	}
	return fmt.Sprintf("%s(dst, %s, %d)", w.use("binary", "AppendFieldHeader"), t, f.ID)
}

func (w *fieldWriter) field(f *schema.Field, isUnion bool) {
	at := "p." + w.pkg.field[f]
	mayBeNil := w.mayBeNil(f, isUnion)
	switch {
	case mayBeNil && f.Requiredness == schema.Required:
		w.p("if %s == nil {\nreturn dst, %s(%q, %q, %d)\n}", at, w.use("thriftimpl", "Unset"), w.desc.Name, f.Name, f.ID)
	case mayBeNil:
		w.p("if %s != nil {", at)
	}
	value := at
	if w.isPointer(f, isUnion) {
		value = "*" + at
	}
	if isComposite(f.Type) {
		w.p("if dst, err = %s; err != nil {\nreturn dst, %s(err, %q, %q, %d)\n}", w.appended(w.protocol, f.Type, w.head(f), value, "depth-1"),
			w.use("wire", "InField"), w.desc.Name, f.Name, f.ID)
	} else {
		w.p("dst = %s", w.scalar(f, value))
	}
	if !w.skipped(f, isUnion) {
		w.known, w.last = true, f.ID
		return
	}
	if w.isCompact() && w.lastMatters(f.Index) {
		w.p("last = %d", f.ID)
	}
	w.p("}")
	if w.isCompact() && w.lastMatters(f.Index) && w.known && w.last != 0 {
		// The variable is to have the id of the field in front, too, when f is unset.
		w.body.Truncate(w.body.Len() - 2)
		w.p("} else {\nlast = %d\n}", w.last)
	}
	w.known = false
}

// scalar returns dst with f after it.
func (w *fieldWriter) scalar(f *schema.Field, value string) string {
	kind := f.Type.Kind
	if kind == schema.KindEnum {
		value = "int32(" + value + ")"
	}
	switch {
	case kind == schema.KindUUID:
		return "append(" + w.head(f) + ", " + strings.TrimPrefix(value, "*") + "[:]...)"
	case !w.isCompact():
		return fmt.Sprintf("%s(dst, %d, %s)", w.use("binary", "Append"+suffixes[kind]+"Field"), f.ID, value)
	case kind == schema.KindBool:
		return fmt.Sprintf("%s(dst, %d, %s, %s)", w.use("compact", "AppendBoolField"), f.ID, w.lastID(), value)
	}
	return w.appended(w.protocol, f.Type, w.head(f), value, "")
}

// appended returns dst with value, of type t, after it. For composite types it is an expression of
// two values, the second an error, and depth is how many more levels may open.
func (g *generator) appended(p protocol, t *schema.Type, dst, value, depth string) string {
	switch t.Kind {
	case schema.KindStruct:
		return fmt.Sprintf("%s.AppendThrift%s(%s, %s)", value, p.title, dst, depth)
	case schema.KindList, schema.KindSet, schema.KindMap:
		return fmt.Sprintf("%s(%s, %s, %s)", g.appendContainer(p, t), dst, value, depth)
	case schema.KindI8:
		return fmt.Sprintf("append(%s, byte(%s))", dst, value)
	case schema.KindUUID:
		return fmt.Sprintf("append(%s, %s[:]...)", dst, value)
	case schema.KindEnum:
		value = "int32(" + value + ")"
	}
	return fmt.Sprintf("%s(%s, %s)", g.use(p.path, "Append"+suffixes[t.Kind]), dst, value)
}

// appendContainer returns the name of the function that appends a list, set or map.
func (g *generator) appendContainer(p protocol, t *schema.Type) string {
	goType := g.goType(t)
	return g.helper("append "+p.title+" "+g.containerKey(t), "append"+p.title+g.label(t), func(name string) {
		g.p("func %s(dst []byte, v %s, depth int) ([]byte, error) {", name, goType)
		g.p("if depth == 0 {\nreturn dst, %s(-1)\n}", g.use("wire", "TooDeep"))
		if t.Kind == schema.KindMap {
			g.appendEntries(p, t)
		} else {
			g.appendElements(p, t)
		}
		g.p("return dst, nil\n}\n")
	})
}

// isStructs reports whether t is a slice of pointers to structs. All of them are read by one generic function. Writing has a
// function for each: there the indirect calls of generic code cost up to 5 % where elements are small.
func (g *generator) isStructs(t *schema.Type) bool {
	return t.Kind != schema.KindMap && !g.isSetMap(t) && t.Elem.Kind == schema.KindStruct
}

// containerKey is the same for containers with the same Go type and the same bytes. A list and a set of one element type
// share both; a list of lists and a list of sets have one Go type, but headers of different wire types.
func (g *generator) containerKey(t *schema.Type) string {
	if t.Kind == schema.KindMap {
		return g.goType(t) + " " + g.label(t.Key) + " " + g.label(t.Elem)
	}
	return g.goType(t) + " " + g.label(t.Elem)
}

func (g *generator) appendEntries(p protocol, t *schema.Type) {
	g.p("dst = %s(dst, %s, %s, len(v))", g.use(p.path, "AppendMapHeader"), g.wireType(t.Key), g.wireType(t.Elem))
	fails := isComposite(t.Key) || isComposite(t.Elem)
	if fails {
		g.p("var err error\ni := 0")
	}
	g.p("for k, e := range v {")
	g.appendElement(p, t.Key, "k", "key", true)
	g.appendElement(p, t.Elem, "e", "value", false)
	if fails {
		g.p("i++")
	}
	g.p("}")
}

// runs are the functions for lists of numbers and texts, by the Go type of the list.
var runs = map[string]string{"[]int32": "I32s", "[]int64": "I64s", "[]float64": "Doubles", "[]string": "Strings"}

// run returns the name of the function that does all elements of t in the binary protocol, "" if there
// is none.
func (g *generator) run(p protocol, t *schema.Type) string {
	if p.isCompact() || t.Kind == schema.KindMap || g.isSetMap(t) || t.Elem.Kind == schema.KindEnum {
		return ""
	}
	return runs["[]"+baseTypes[min(int(t.Elem.Kind), len(baseTypes)-1)]]
}

func (g *generator) appendElements(p protocol, t *schema.Type) {
	g.p("dst = %s(dst, %s, len(v))", g.use(p.path, "AppendListHeader"), g.wireType(t.Elem))
	if run := g.run(p, t); run != "" {
		g.p("dst = %s(dst, v)", g.use(p.path, "Append"+run))
		return
	}
	fails := isComposite(t.Elem)
	if fails {
		g.p("var err error")
	}
	switch {
	case g.isSetMap(t) && fails:
		g.p("i := 0\nfor e := range v {")
	case g.isSetMap(t):
		g.p("for e := range v {")
	case fails:
		g.p("for i, e := range v {")
	default:
		g.p("for _, e := range v {")
	}
	g.appendElement(p, t.Elem, "e", "", g.isSetMap(t))
	if g.isSetMap(t) && fails {
		g.p("i++")
	}
	g.p("}")
}

// appendElement appends what the variable value holds, part of element i. isKey says that a struct
// is not a pointer and binary is a string.
func (g *generator) appendElement(p protocol, t *schema.Type, value, part string, isKey bool) {
	if !isComposite(t) {
		if isKey && t.Kind == schema.KindBinary {
			t = schema.Base(schema.KindString)
		}
		g.p("dst = %s", g.appended(p, t, "dst", value, ""))
		return
	}
	if t.Kind == schema.KindStruct && !isKey {
		g.p("if %s == nil {\nerr = %s(%q)\n} else {\ndst, err = %s\n}\nif err != nil {", value, g.use("thriftimpl", "NilPointer"), t.String(),
			g.appended(p, t, "dst", value, "depth-1"))
	} else {
		g.p("if dst, err = %s; err != nil {", g.appended(p, t, "dst", value, "depth-1"))
	}
	g.p("return dst, %s(err, i, %q)\n}", g.use("wire", "InElement"), part)
}

// consumeStruct writes ConsumeThriftBinary or ConsumeThriftCompact.
func (g *generator) consumeStruct(p protocol, s *schema.Struct) {
	isUnion := s.Kind == schema.Union
	g.p("func (p *%s) ConsumeThrift%s(src []byte, off, depth int) (int, error) {", g.pkg.of[s], p.title)
	g.p("if depth == 0 {\nreturn off, %s(off)\n}", g.use("wire", "TooDeep"))
	bits := g.seenBits(s)
	switch {
	case isUnion && len(s.Fields) > 1:
		g.p("seen, many := 0, false")
	case len(bits) > 64:
		g.p("var seen [%d]uint64", (len(bits)+63)/64)
	case len(bits) > 0:
		g.p("var seen uint64")
	}
	if p.isCompact() {
		g.p("var last int16")
	}
	g.p("for {")
	boolean := "_"
	if p.isCompact() {
		if g.KeepUnknown || hasBool(s) {
			boolean = "b"
		}
		g.p("head, %s, next, err := %s(src, off, last)", boolean, g.use("compact", "ConsumeHead"))
		g.p("if err != nil {\nreturn off, err\n}\nlast = int16(head)\nif head == 0 {")
	} else {
		g.p("head, next := %s(src, off), off+3\nif head < 1<<16 {", g.use("binary", "HeadAt"))
		stop := fmt.Sprintf("%s(src, off, %s, depth)", g.use("binary", "ConsumeStop"), g.codecName(s))
		if len(bits) == 0 && !(isUnion && len(s.Fields) > 1) {
			g.p("return %s", stop)
		} else {
			g.p("next, err := %s\nif err != nil {\nreturn off, err\n}", stop)
		}
	}
	if p.isCompact() || len(bits) > 0 || isUnion && len(s.Fields) > 1 {
		g.finish(s, bits)
	}
	g.p("}")
	if !p.isCompact() {
		g.p("var err error")
	}
	g.p("switch head {")
	for _, f := range s.Fields {
		g.p("case %#x: // %s", uint32(wire.TypeOf(f.Type.Kind))<<16|uint32(uint16(f.ID)), f.Name)
		switch bit, ok := bits[f]; {
		case isUnion && len(s.Fields) > 1:
			g.p("many = many || seen != 0 && seen != %d\nseen = %d", f.Index+1, f.Index+1)
		case ok && len(bits) > 64:
			g.p("seen[%d] |= 1<<%d", bit/64, bit%64)
		case ok:
			g.p("seen |= 1<<%d", bit)
		}
		g.consumeField(p, f, isUnion)
	}
	g.p("default:")
	g.skip(p, s, boolean)
	g.p("}")
	if len(s.Fields) > 0 {
		if p.isCompact() {
			g.p("if err != nil {\nreturn off, %s.InField(err, head)\n}", g.codecName(s))
		} else {
			g.p("if err != nil || next > len(src) {\nreturn off, %s(err, %s, head, src)\n}", g.use("binary", "FieldError"), g.codecName(s))
		}
	}
	g.p("off = next\n}\n}\n")
}

// seenBits numbers the fields about which something is to be done when a message lacks them.
func (g *generator) seenBits(s *schema.Struct) map[*schema.Field]int {
	bits := make(map[*schema.Field]int)
	for _, f := range s.Fields {
		if s.Kind != schema.Union && (f.Requiredness == schema.Required || f.Default != nil) {
			bits[f] = len(bits)
		}
	}
	return bits
}

// finish writes what is done at the end of a struct.
func (g *generator) finish(s *schema.Struct, bits map[*schema.Field]int) {
	if s.Kind == schema.Union && len(s.Fields) > 1 {
		g.p("if many {\nreturn off, %s(off, %q)\n}", g.use("thriftimpl", "ManyMembers"), s.Name)
	}
	for _, f := range s.Fields {
		bit, ok := bits[f]
		if !ok {
			continue
		}
		word := "seen"
		if len(bits) > 64 {
			word = fmt.Sprintf("seen[%d]", bit/64)
		}
		g.p("if %s&(1<<%d) == 0 {", word, bit%64)
		if f.Default != nil {
			g.setDefault(s, f)
		} else {
			g.p("return off, %s(off, %q, %q, %d)", g.use("thriftimpl", "Missing"), s.Name, f.Name, f.ID)
		}
		g.p("}")
	}
	g.p("return next, nil")
}

func hasBool(s *schema.Struct) bool {
	for _, f := range s.Fields {
		if f.Type.Kind == schema.KindBool {
			return true
		}
	}
	return false
}

// skip writes what is done with a field that the IDL does not have, or has with another type.
func (g *generator) skip(p protocol, s *schema.Struct, boolean string) {
	body := "next"
	if g.KeepUnknown && p.isCompact() {
		g.p("body := next")
		body = "body"
	}
	g.p("if next, err = %s(src, %s, head, depth); err != nil {\nreturn off, err\n}", g.use(p.path, "SkipField"), body)
	if !g.KeepUnknown {
		return
	}
	var ids []string
	for _, f := range s.Fields {
		ids = append(ids, fmt.Sprint(f.ID))
	}
	keep := "p.UnknownFields = append(p.UnknownFields, src[off:next]...)"
	if p.isCompact() {
		keep = fmt.Sprintf("p.UnknownFields = %s(p.UnknownFields, src, body, head, %s)", g.use("compact", "KeepField"), boolean)
	}
	if len(ids) == 0 {
		g.p("%s", keep)
		return
	}
	g.p("switch int16(head) {\ncase %s: // of another type: not kept\ndefault:\n%s\n}", strings.Join(ids, ", "), keep)
}

func (g *generator) consumeField(p protocol, f *schema.Field, isUnion bool) {
	at := "p." + g.pkg.field[f]
	kind := f.Type.Kind
	if g.isPointer(f, isUnion) {
		g.p("%s = new(%s)", at, g.goType(f.Type))
		at = "*" + at
	}
	isEnum := kind == schema.KindEnum
	switch {
	case kind == schema.KindStruct:
		g.p("%s = new(%s)\nnext, err = %s.ConsumeThrift%s(src, next, depth-1)", at, strings.TrimPrefix(g.goType(f.Type), "*"), at, p.title)
	case isComposite(f.Type):
		g.p("%s, next, err = %s(src, next, depth-1)", at, g.consumeContainer(p, f.Type))
	case kind == schema.KindString || kind == schema.KindBinary || p.isCompact() && !isEnum && kind != schema.KindBool:
		g.p("%s, next, err = %s(src, next)", at, g.use(p.path, "Consume"+suffixes[kind]))
	case p.isCompact() && isEnum:
		g.p("var v int32\nv, next, err = %s(src, next)\n%s = %s(v)", g.use("compact", "ConsumeI32"), at, g.goType(f.Type))
	case p.isCompact():
		g.p("%s = b", at)
	case isEnum:
		g.p("var v int32\nv, next = %s(src, next)\n%s = %s(v)", g.use("binary", "I32At"), at, g.goType(f.Type))
	default:
		g.p("%s, next = %s(src, next)", at, g.use("binary", suffixes[kind]+"At"))
	}
}

// consumeContainer returns the name of the function that reads a list, set or map.
func (g *generator) consumeContainer(p protocol, t *schema.Type) string {
	if g.isStructs(t) {
		return g.use(p.path, "ConsumeStructs") + "[" + strings.TrimPrefix(g.goType(t.Elem), "*") + "]"
	}
	goType := g.goType(t)
	return g.helper("consume "+p.title+" "+g.containerKey(t), "consume"+p.title+g.label(t), func(name string) {
		g.p("func %s(src []byte, off, depth int) (%s, int, error) {", name, goType)
		switch {
		case t.Kind == schema.KindMap:
			g.p("n, off, err := %s(src, off, %s, %s, depth)", g.use(p.path, "ConsumeMapHeader"), g.wireType(t.Key), g.wireType(t.Elem))
		default:
			g.p("n, off, err := %s(src, off, %s, depth)", g.use(p.path, "ConsumeListHeader"), g.wireType(t.Elem))
		}
		g.p("if err != nil {\nreturn nil, off, err\n}")
		switch {
		case t.Kind == schema.KindMap:
			g.p("v := %s[%s, %s](n, len(src)-off)", g.use("thriftimpl", "MakeMap"), g.keyType(t.Key), g.goType(t.Elem))
			g.slab(t.Elem)
			g.p("for i := range n {")
			g.p("var k %s", g.keyType(t.Key))
			g.consumeElement(p, t.Key, "k", "key", true)
			g.newElement(t.Elem)
			g.consumeElement(p, t.Elem, "e", "value", false)
			g.p("v[k] = e\n}\nreturn v, off, nil\n}\n")
		case g.run(p, t) != "":
			run := g.run(p, t)
			g.p("v := make(%s, n)", goType)
			if run == "Strings" {
				g.p("off, err = %s(src, off, v)\nreturn v, off, err\n}\n", g.use(p.path, "Consume"+run))
			} else {
				g.p("return v, %s(src, off, v), nil\n}\n", g.use(p.path, "Consume"+run))
			}
		case g.isSetMap(t):
			g.p("v := %s[%s, struct{}](n, len(src)-off)", g.use("thriftimpl", "MakeMap"), g.keyType(t.Elem))
			g.p("for i := range n {")
			g.p("var e %s", g.keyType(t.Elem))
			g.consumeElement(p, t.Elem, "e", "", true)
			g.p("v[e] = struct{}{}\n}\nreturn v, off, nil\n}\n")
		default:
			g.p("v := %s[%s](n, len(src)-off)", g.use("thriftimpl", "MakeList"), g.goType(t.Elem))
			g.p("for i := range n {\nvar e %s", g.goType(t.Elem))
			g.consumeElement(p, t.Elem, "e", "", false)
			g.p("v = append(v, e)\n}\nreturn v, off, nil\n}\n")
		}
	})
}

// slab declares memory for n structs, if t is one.
func (g *generator) slab(t *schema.Type) {
	if t.Kind == schema.KindStruct {
		g.p("var slab []%s", strings.TrimPrefix(g.goType(t), "*"))
	}
}

// newElement declares the variable e for element i of n, a struct of the slab if it is one.
func (g *generator) newElement(t *schema.Type) {
	if t.Kind != schema.KindStruct {
		g.p("var e %s", g.goType(t))
		return
	}
	name := strings.TrimPrefix(g.goType(t), "*")
	g.p("if len(slab) == 0 {\nslab = %s[%s](n-i, len(src)-off)\n}\ne := &slab[0]\nslab = slab[1:]", g.use("thriftimpl", "MakeSlab"), name)
}

// consumeElement reads into the variable to, part of element i.
func (g *generator) consumeElement(p protocol, t *schema.Type, to, part string, isKey bool) {
	inElement := fmt.Sprintf("return v, off, %s(err, i, %q)\n}", g.use("wire", "InElement"), part)
	kind := t.Kind
	if isKey && kind == schema.KindBinary {
		kind = schema.KindString
	}
	switch {
	case kind == schema.KindStruct:
		g.p("if off, err = %s.ConsumeThrift%s(src, off, depth-1); err != nil {\n%s", to, p.title, inElement)
	case isComposite(t):
		g.p("if %s, off, err = %s(src, off, depth-1); err != nil {\n%s", to, g.consumeContainer(p, t), inElement)
	case kind == schema.KindEnum:
		x := "x" // of the key of a map; its value has another name, as both may be enums
		if part == "value" {
			x = "y"
		}
		g.p("%s, next, err := %s(src, off)\nif err != nil {\n%s\n%s, off = %s(%s), next", x, g.use(p.path, "ConsumeI32"), inElement, to, g.goType(t), x)
	default:
		g.p("if %s, off, err = %s(src, off); err != nil {\n%s", to, g.use(p.path, "Consume"+suffixes[kind]), inElement)
	}
}
