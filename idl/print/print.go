// Package print writes schemas as IDL text.
//
// The text of a file compiles to the schema that was printed, comments and annotations
// included; what it was printed from need not have looked the same. Lost is only what the
// schema does not hold: comments that document nothing, cpp_include, cpp_type and the xsd
// words. Ids and enum values are always written out, and a constant that was given by name is
// written by name.
//
// A schema that was composed by hand may hold what no text can say, such as a NaN, a name with
// a blank, or a type of a file that is not included. It is printed as if it could be read.
package print

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// AppendFile appends the text of f, without that of its includes, to dst and returns dst,
// extended. Definitions stand in the order in which f was written; constants, enums, typedefs,
// structs and services without positions follow each other in this order.
func AppendFile(dst []byte, f *schema.File) []byte { return Variant{}.AppendFile(dst, f) }

// A Variant is a file with changes, for texts that go elsewhere. The zero Variant has none.
type Variant struct {
	// IncludePath returns what stands in an include directive in place of its path; nil changes nothing.
	IncludePath func(*schema.Include) string
	// Omit reports whether a service is left out; nil leaves out none.
	Omit func(*schema.Service) bool
}

// AppendFile is the function AppendFile with the changes of v.
func (v Variant) AppendFile(dst []byte, f *schema.File) []byte {
	p := &printer{out: dst, file: f, includePath: v.IncludePath}
	start := len(dst)
	p.headers()
	var last any
	for _, def := range definitions(f) {
		if svc, ok := def.(*schema.Service); ok && v.Omit != nil && v.Omit(svc) {
			continue
		}
		if len(p.out) > start && !(isLine(last) && isLine(def)) {
			p.add("\n")
		}
		p.definition(def)
		last = def
	}
	return p.out
}

// AppendDefinition appends the text of def, which is what File.Lookup and File.Constant return
// of a linked file: a *schema.Struct, *Enum, *Typedef, *Constant or *Service; nothing for
// anything else. Names are written as the file of def sees them.
func AppendDefinition(dst []byte, def any) []byte {
	p := &printer{out: dst}
	switch d := def.(type) {
	case *schema.Struct:
		p.file = d.File
	case *schema.Enum:
		p.file = d.File
	case *schema.Typedef:
		p.file = d.File
	case *schema.Constant:
		p.file = d.File
	case *schema.Service:
		p.file = d.File
	}
	p.definition(def)
	return p.out
}

// AppendMethod appends the text of m, as it stands in its service.
func AppendMethod(dst []byte, m *schema.Method) []byte {
	p := &printer{out: dst, file: m.Service.File}
	p.method(m, "", "")
	return p.out
}

// definitions returns everything that f defines in the order of the text.
func definitions(f *schema.File) []any {
	type placed struct {
		def any
		pos schema.Position
	}
	var list []placed
	for _, d := range f.Constants {
		list = append(list, placed{d, d.Pos})
	}
	for _, d := range f.Enums {
		list = append(list, placed{d, d.Pos})
	}
	for _, d := range f.Typedefs {
		list = append(list, placed{d, d.Pos})
	}
	for _, d := range f.Structs {
		list = append(list, placed{d, d.Pos})
	}
	for _, d := range f.Services {
		list = append(list, placed{d, d.Pos})
	}
	slices.SortStableFunc(list, func(a, b placed) int { return comparePos(a.pos, b.pos) })
	defs := make([]any, len(list))
	for i, d := range list {
		defs[i] = d.def
	}
	return defs
}

func comparePos(a, b schema.Position) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// isLine reports whether def is printed on one line, so that others like it may follow at once.
func isLine(def any) bool {
	switch d := def.(type) {
	case *schema.Typedef:
		return d.Doc == ""
	case *schema.Constant:
		return d.Doc == ""
	}
	return false
}

// A printer appends to out what file holds.
type printer struct {
	out      []byte
	file     *schema.File
	prefixes map[*schema.File]string // of the names of other files; made when needed

	includePath func(*schema.Include) string // nil: as written
}

const indent = "  "

func (p *printer) add(parts ...string) {
	for _, s := range parts {
		p.out = append(p.out, s...)
	}
}

func (p *printer) headers() {
	type header struct {
		text string
		pos  schema.Position
	}
	var list []header
	documented := false
	for _, inc := range p.file.Includes {
		path := inc.Path
		if p.includePath != nil {
			path = p.includePath(inc)
		}
		list = append(list, header{"include " + quote(path) + "\n", inc.Pos})
	}
	for _, n := range p.file.Namespaces {
		q := printer{file: p.file}
		q.doc(n.Doc, "")
		q.add("namespace ", n.Scope, " ", n.Name)
		q.annotations(n.Annotations)
		q.add("\n")
		list = append(list, header{string(q.out), n.Pos})
		documented = documented || n.Doc != ""
	}
	slices.SortStableFunc(list, func(a, b header) int { return comparePos(a.pos, b.pos) })
	switch {
	case p.file.Doc != "" && len(list) == 0:
		// Without a header after it, it would be the comment of the first definition.
		p.add("/*", strings.TrimPrefix(docComment(p.file.Doc, ""), "/**"), "\n")
	case p.file.Doc == "" && documented:
		p.add("/** */\n") // the first comment is the file's
	default:
		p.doc(p.file.Doc, "")
	}
	for _, h := range list {
		p.add(h.text)
	}
}

func (p *printer) definition(def any) {
	switch d := def.(type) {
	case *schema.Constant:
		p.doc(d.Doc, "")
		p.add("const ", p.typeName(d.Type), " ", d.Name, " = ")
		p.literal(d.Value)
		p.annotations(d.Annotations)
	case *schema.Typedef:
		p.doc(d.Doc, "")
		p.add("typedef ", p.typeName(d.Type), " ", d.Name)
		p.annotations(d.Annotations)
	case *schema.Enum:
		p.enum(d)
	case *schema.Struct:
		p.structure(d)
	case *schema.Service:
		p.service(d)
	default:
		return
	}
	p.add("\n")
}

func (p *printer) enum(e *schema.Enum) {
	p.doc(e.Doc, "")
	p.add("enum ", e.Name, " {")
	for _, v := range e.Values {
		p.add("\n")
		p.doc(v.Doc, indent)
		p.add(indent, v.Name, " = ", strconv.Itoa(int(v.Number)))
		p.annotations(v.Annotations)
		p.add(",")
	}
	p.closeBrace(len(e.Values), e.Annotations)
}

func (p *printer) structure(s *schema.Struct) {
	p.doc(s.Doc, "")
	p.add(s.Kind.String(), " ", s.Name, " {")
	for _, f := range s.Fields {
		p.add("\n")
		p.doc(f.Doc, indent)
		p.add(indent)
		p.field(f, s.Kind != schema.Union)
		p.add(",")
	}
	p.closeBrace(len(s.Fields), s.Annotations)
}

func (p *printer) service(s *schema.Service) {
	p.doc(s.Doc, "")
	p.add("service ", s.Name)
	if s.Extends != nil {
		p.add(" extends ", p.qualified(s.Extends.File, s.Extends.Name))
	}
	p.add(" {")
	for i, m := range s.Methods {
		if i > 0 && m.Doc != "" {
			p.add("\n")
		}
		p.add("\n")
		p.method(m, indent, ",")
	}
	p.closeBrace(len(s.Methods), s.Annotations)
}

// closeBrace ends the list of n members of a definition.
func (p *printer) closeBrace(n int, a schema.Annotations) {
	if n > 0 {
		p.add("\n")
	}
	p.add("}")
	p.annotations(a)
}

func (p *printer) method(m *schema.Method, indent, end string) {
	p.doc(m.Doc, indent)
	p.add(indent)
	if m.Oneway {
		p.add("oneway ")
	}
	p.add(p.result(m, indent), " ", m.Name)
	p.fieldList(m.Args.Fields, indent)
	p.throws(m.Throws, indent)
	p.annotations(m.Annotations)
	p.add(end)
	if end == "" {
		p.add("\n")
	}
}

// result returns what stands before the name of m: the type of its result, unless it streams by types of
// their own.
func (p *printer) result(m *schema.Method, indent string) string {
	_, annotated := m.Annotations.Get("streaming.mode")
	if m.Stream == schema.Unary || annotated {
		return p.typeName(m.Result)
	}
	q := printer{file: p.file}
	if m.First != nil {
		q.add(q.typeName(m.First), ", ")
	}
	if m.Stream.ClientStreams() {
		q.add("sink<", q.typeName(m.ClientItem()))
		q.throws(m.ItemThrows, indent)
		if m.Stream == schema.ClientStream {
			q.add(", ", q.typeName(m.Result))
			q.throws(m.StreamThrows, indent)
		}
		q.add(">")
	}
	if m.Stream.ServerStreams() {
		if m.Stream == schema.BidiStream {
			q.add(", ")
		}
		q.add("stream<", q.typeName(m.Result))
		q.throws(m.StreamThrows, indent)
		q.add(">")
	}
	return string(q.out)
}

func (p *printer) throws(list []*schema.Field, indent string) {
	if len(list) > 0 {
		p.add(" throws ")
		p.fieldList(list, indent)
	}
}

// fieldList writes parameters or exceptions, on one line unless one has a comment.
func (p *printer) fieldList(fields []*schema.Field, outer string) {
	documented := slices.ContainsFunc(fields, func(f *schema.Field) bool { return f.Doc != "" })
	p.add("(")
	for i, f := range fields {
		switch {
		case documented:
			p.add("\n")
			p.doc(f.Doc, outer+indent)
			p.add(outer, indent)
		case i > 0:
			p.add(", ")
		}
		p.field(f, true)
		if documented {
			p.add(",")
		}
	}
	if documented {
		p.add("\n", outer)
	}
	p.add(")")
}

// field writes f; withPresence is false where being optional goes without saying.
func (p *printer) field(f *schema.Field, withPresence bool) {
	p.add(strconv.Itoa(int(f.ID)), ": ")
	if withPresence && f.Requiredness != schema.Unspecified {
		p.add(f.Requiredness.String(), " ")
	}
	p.add(p.typeName(f.Type), " ")
	if f.Reference {
		p.add("& ")
	}
	p.add(f.Name)
	if f.Default != nil {
		p.add(" = ")
		p.literal(f.Default)
	}
	p.annotations(f.Annotations)
}

// typeName returns t as the file writes it.
func (p *printer) typeName(t *schema.Type) string {
	q := printer{file: p.file, prefixes: p.prefixes}
	q.typ(t)
	p.prefixes = q.prefixes
	return string(q.out)
}

func (p *printer) typ(t *schema.Type) {
	switch {
	case t == nil:
		p.add("void")
		return
	case t.Typedef != nil:
		p.add(p.qualified(t.Typedef.File, t.Typedef.Name))
	case t.Kind == schema.KindEnum:
		p.add(p.qualified(t.Enum.File, t.Enum.Name))
	case t.Kind == schema.KindStruct:
		p.add(p.qualified(t.Struct.File, t.Struct.Name))
	case t.Kind == schema.KindMap:
		p.add("map<")
		p.typ(t.Key)
		p.add(", ")
		p.typ(t.Elem)
		p.add(">")
	case t.Kind == schema.KindList || t.Kind == schema.KindSet:
		p.add(t.Kind.String(), "<")
		p.typ(t.Elem)
		p.add(">")
	default:
		p.add(t.Kind.String())
	}
	p.annotations(t.Annotations)
}

// qualified returns the name of a definition of file with the prefix under which p.file sees it.
func (p *printer) qualified(file *schema.File, name string) string {
	if file == p.file || file == nil || p.file == nil {
		return name
	}
	if p.prefixes == nil {
		p.prefixes = prefixes(p.file)
	}
	prefix, ok := p.prefixes[file]
	if !ok {
		prefix = file.Name + "."
	}
	return prefix + name
}

// prefixes returns for each file that f includes, and they in turn, the shortest prefix of its names.
func prefixes(f *schema.File) map[*schema.File]string {
	found := map[*schema.File]string{f: ""}
	for queue := []*schema.File{f}; len(queue) > 0; queue = queue[1:] {
		for _, inc := range queue[0].Includes {
			if _, ok := found[inc.File]; !ok && inc.File != nil {
				found[inc.File] = found[queue[0]] + inc.File.Name + "."
				queue = append(queue, inc.File)
			}
		}
	}
	return found
}

func (p *printer) literal(v *schema.Literal) {
	if v.Ref != "" {
		p.add(v.Ref)
		return
	}
	switch v.Type.Kind {
	case schema.KindBool:
		p.add(strconv.FormatBool(v.Bool))
	case schema.KindDouble:
		p.add(formatDouble(v.Double))
	case schema.KindString, schema.KindBinary:
		p.add(quote(v.Text))
	case schema.KindUUID:
		p.add(quote(formatUUID(v.Text)))
	case schema.KindList, schema.KindSet:
		p.add("[")
		for i, e := range v.List {
			p.comma(i)
			p.literal(e)
		}
		p.add("]")
	case schema.KindMap:
		p.add("{")
		for i, e := range v.Map {
			p.comma(i)
			p.literal(e.Key)
			p.add(": ")
			p.literal(e.Value)
		}
		p.add("}")
	case schema.KindStruct:
		p.add("{")
		for i, f := range v.Fields {
			p.comma(i)
			p.add(quote(f.Field.Name), ": ")
			p.literal(f.Value)
		}
		p.add("}")
	default:
		p.add(strconv.FormatInt(v.Int, 10))
	}
}

// comma separates element i from the one before.
func (p *printer) comma(i int) {
	if i > 0 {
		p.add(", ")
	}
}

// formatDouble returns f with a dot or an exponent: without one, the sign of -0 is lost.
func formatDouble(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "1e999" // there is no other word for it
	case math.IsInf(f, -1):
		return "-1e999"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		s = strconv.FormatFloat(f, 'f', 1, 64)
	}
	return s
}

func formatUUID(bytes string) string {
	if len(bytes) != 16 {
		return bytes
	}
	h := hex.EncodeToString([]byte(bytes))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// quote returns s as a string of the IDL. Only what the IDL has escapes for is escaped; other
// bytes stand for themselves.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

func (p *printer) annotations(list schema.Annotations) {
	if len(list) == 0 {
		return
	}
	p.add(" (")
	for i, a := range list {
		p.comma(i)
		p.add(a.Name, " = ", quote(a.Value))
	}
	p.add(")")
}

func (p *printer) doc(text, indent string) {
	if text != "" {
		p.add(docComment(text, indent), "\n")
	}
}

// docComment returns text as a doc comment: on one line if it is one.
func docComment(text, indent string) string {
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "*/", "* /") // which would end it
	if text != "" && strings.IndexByte(text, '\n') < 0 {
		return indent + "/** " + text + " */"
	}
	var b strings.Builder
	b.WriteString(indent + "/**\n")
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(indent + strings.TrimRight(" * "+line, " \t") + "\n")
	}
	b.WriteString(indent + " */")
	return b.String()
}
