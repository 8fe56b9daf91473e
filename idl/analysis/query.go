package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// Definition returns where what is named at offset is defined. On an include path it is the start of the file.
func (v *View) Definition(path string, offset int) (Place, bool) {
	f := v.File(path)
	if f == nil {
		return Place{}, false
	}
	if inc := includeAt(f, offset); inc != nil {
		if inc.File == nil {
			return Place{}, false
		}
		return Place{inc.File.Tree, syntax.Span{}}, true
	}
	s, _ := f.At(offset)
	if s == nil {
		return Place{}, false
	}
	return Place{s.File.Tree, s.Span}, true
}

func includeAt(f *symbols.File, offset int) *symbols.Include {
	for _, inc := range f.Includes {
		if n := inc.Node.Path.Span; n.Start <= offset && offset <= n.End {
			return inc
		}
	}
	return nil
}

// TypeDefinition returns where the type of what is named at offset is defined.
func (v *View) TypeDefinition(path string, offset int) (Place, bool) {
	f := v.File(path)
	if f == nil {
		return Place{}, false
	}
	s, _ := f.At(offset)
	if s == nil {
		return Place{}, false
	}
	if t := typeOf(s); t != nil {
		if u, at := s.File.Underlying(t); u != nil {
			if named, ok := u.(*syntax.NamedType); ok {
				if d := at.Type(named.Name); d != nil {
					return Place{d.File.Tree, d.Span}, true
				}
			}
		}
		return Place{}, false
	}
	if s.Kind == symbols.EnumValue {
		s = s.Parent
	}
	return Place{s.File.Tree, s.Span}, s.Kind.IsType()
}

func typeOf(s *symbols.Symbol) syntax.Type {
	switch n := s.Node.(type) {
	case *syntax.Field:
		return n.Type
	case *syntax.Const:
		return n.Type
	case *syntax.Typedef:
		return n.Type
	case *syntax.Function:
		return n.Result
	}
	return nil
}

// References returns the uses of what is named at offset, in all files of the view, and its definition
// first if that is asked for.
func (v *View) References(path string, offset int, definition bool) []Place {
	f := v.File(path)
	if f == nil {
		return nil
	}
	s, _ := f.At(offset)
	if s == nil {
		return nil
	}
	var list []Place
	if definition {
		list = append(list, Place{s.File.Tree, s.Span})
	}
	v.Set.References(s, func(f *symbols.File, r *symbols.Ref) { list = append(list, Place{f.Tree, r.Span}) })
	return list
}

// Prepare returns what Rename would rename at offset: its place and its name.
func (v *View) Prepare(path string, offset int) (syntax.Span, string, bool) {
	f := v.File(path)
	if f == nil {
		return syntax.Span{}, "", false
	}
	s, span := f.At(offset)
	if s == nil {
		return syntax.Span{}, "", false
	}
	return span, s.Name, true
}

// Rename returns the edits that give another name to what is named at offset. The error says what stands
// in the way.
func (v *View) Rename(path string, offset int, name string) ([]lint.Edit, error) {
	f := v.File(path)
	if f == nil {
		return nil, fmt.Errorf("%s is not a file of the workspace", path)
	}
	s, _ := f.At(offset)
	if s == nil {
		return nil, fmt.Errorf("there is no name to rename here")
	}
	if !isName(name) {
		return nil, fmt.Errorf("%q is not a name", name)
	}
	if other := lint.Conflict(v.Set, s, name); other != nil {
		return nil, fmt.Errorf("%s already names %s %s at %s", name, other.Kind, other.Path(), other.File.Tree.Place(other.Span))
	}
	edits, _ := lint.Rename(v.Set, s, name)
	return edits, nil
}

// isName reports whether s may name a definition: a word that is no keyword.
func isName(s string) bool {
	tree, diags := syntax.Parse("", []byte("struct "+s+" {}"))
	if len(diags) > 0 || len(tree.Defs) != 1 {
		return false
	}
	d, ok := tree.Defs[0].(*syntax.Struct)
	return ok && d.Name.Text == s && !strings.Contains(s, ".")
}

// Format returns the edits that lay out a file, none if it is laid out. Files with mistakes in their form
// are left alone: the error has them.
func (v *View) Format(path string) ([]lint.Edit, error) {
	f := v.File(path)
	if f == nil {
		return nil, fmt.Errorf("%s is not a file of the workspace", path)
	}
	out, err := format.Source(path, f.Tree.Source, v.opts.Format)
	if err != nil {
		return nil, err
	}
	return difference(path, f.Tree.Source, out), nil
}

// FormatRange returns those edits of Format that lie in the lines of a span.
func (v *View) FormatRange(path string, span syntax.Span) ([]lint.Edit, error) {
	all, err := v.Format(path)
	if err != nil {
		return nil, err
	}
	src := v.File(path).Tree.Source
	start := strings.LastIndexByte(string(src[:min(span.Start, len(src))]), '\n') + 1
	end := len(src)
	if i := strings.IndexByte(string(src[min(span.End, len(src)):]), '\n'); i >= 0 {
		end = span.End + i + 1
	}
	return slices.DeleteFunc(all, func(e lint.Edit) bool { return e.Span.Start < start || e.Span.End > end }), nil
}

// FormatDefinition returns the edits that lay out one definition of the file at path. The rest of the file stays as it is, and may have mistakes.
func (v *View) FormatDefinition(path string, s *symbols.Symbol) ([]lint.Edit, error) {
	span := annotated(s)
	opts := v.opts.Format
	opts.Dialect = s.File.Tree.Dialect
	text := s.File.Tree.Text(span)
	out, err := format.Source(path, []byte(text), opts)
	if err != nil {
		return nil, err
	}
	edits := difference(path, []byte(text), []byte(strings.TrimSuffix(string(out), "\n")))
	for i := range edits {
		edits[i].Span.Start += span.Start
		edits[i].Span.End += span.Start
	}
	return edits, nil
}

// difference returns edits of whole lines that make b of a.
func difference(path string, a, b []byte) []lint.Edit {
	x, y := strings.SplitAfter(string(a), "\n"), strings.SplitAfter(string(b), "\n")
	if len(x)*len(y) > 1<<22 { // a large file: the middle that differs is one edit
		return middle(path, x, y, 0)
	}
	// The longest common subsequence of lines, from the end.
	width := len(y) + 1
	table := make([]int32, (len(x)+1)*width)
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				table[i*width+j] = table[(i+1)*width+j+1] + 1
			} else {
				table[i*width+j] = max(table[(i+1)*width+j], table[i*width+j+1])
			}
		}
	}
	var edits []lint.Edit
	i, j, at := 0, 0, 0
	for i < len(x) || j < len(y) {
		if i < len(x) && j < len(y) && x[i] == y[j] {
			at += len(x[i])
			i, j = i+1, j+1
			continue
		}
		e := lint.Edit{Path: path, Span: syntax.Span{Start: at, End: at}}
		for (i < len(x) || j < len(y)) && !(i < len(x) && j < len(y) && x[i] == y[j]) {
			if j >= len(y) || i < len(x) && table[(i+1)*width+j] >= table[i*width+j+1] {
				at += len(x[i])
				e.Span.End = at
				i++
			} else {
				e.Text += y[j]
				j++
			}
		}
		edits = append(edits, e)
	}
	return edits
}

func middle(path string, x, y []string, at int) []lint.Edit {
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		at += len(x[0])
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	return []lint.Edit{{Path: path, Span: syntax.Span{Start: at, End: at + len(strings.Join(x, ""))}, Text: strings.Join(y, "")}}
}

// Hover returns documentation of what is named at offset, as Markdown, and the place of the name.
func (v *View) Hover(path string, offset int) (string, syntax.Span, bool) {
	f := v.File(path)
	if f == nil {
		return "", syntax.Span{}, false
	}
	if inc := includeAt(f, offset); inc != nil && inc.File != nil {
		return "```thrift\n" + f.Tree.Text(inc.Node.Span) + "\n```\n\n" + v.short(inc.File.Tree.Path) + "\n\n" + inc.File.Tree.Doc, inc.Node.Path.Span, true
	}
	s, span := f.At(offset)
	if s == nil {
		return "", syntax.Span{}, false
	}
	var b strings.Builder
	b.WriteString("```thrift\n" + head(s) + "\n```\n")
	if doc := symbols.Doc(s.File.Tree, s.Node, s.Doc); doc != "" {
		b.WriteString("\n" + strings.TrimSpace(doc) + "\n")
	}
	for _, line := range facts(v, s) {
		b.WriteString("\n- " + line)
	}
	if example := example(v, s); example != "" {
		b.WriteString("\n\n```json\n" + example + "\n```")
	}
	place := s.File.Tree.Place(s.Span)
	place.File = v.short(place.File)
	b.WriteString("\n\n" + place.String())
	return b.String(), span, true
}

// short returns a path for people: as seen from the root that it is in.
func (v *View) short(path string) string {
	for _, root := range v.opts.Roots {
		if rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/"); ok {
			return rest
		}
	}
	return path
}

// head returns the definition as far as it fits into a few lines.
func head(s *symbols.Symbol) string {
	n := s.Node.Range()
	text := s.File.Tree.Text(n)
	const most = 600
	switch s.Kind {
	case symbols.Struct, symbols.Union, symbols.Exception, symbols.Enum, symbols.Service:
		if len(text) > most {
			return s.Kind.String() + " " + s.Name + " { … " + fmt.Sprint(len(s.Members)) + " members }"
		}
	case symbols.Field, symbols.EnumValue, symbols.Method, symbols.Argument, symbols.Throw:
		text = s.Parent.Path() + ":\n  " + strings.TrimRight(text, ",; ")
	}
	if len(text) > 2*most {
		text = text[:2*most] + "…"
	}
	return strings.ToValidUTF8(text, "�")
}

// schemaField returns the schema of a field, nil if its file has errors.
func (v *View) schemaField(s *symbols.Symbol) *schema.Field {
	file := v.schemaOf(s.File.Tree.Path)
	if file == nil || s.Parent == nil {
		return nil
	}
	var fields []*schema.Field
	switch s.Kind {
	case symbols.Field:
		if st := file.Struct(s.Parent.Name); st != nil {
			fields = st.Fields
		}
	case symbols.Argument, symbols.Throw:
		if svc := file.Service(s.Parent.Parent.Name); svc != nil {
			if m := svc.Method(s.Parent.Name); m != nil {
				fields = append(slices.Clone(m.Args.Fields), m.Throws...)
			}
		}
	}
	for _, f := range fields {
		if f.Name == s.Name {
			return f
		}
	}
	return nil
}

// schemaOf returns the linked file at path, also one that is only included.
func (v *View) schemaOf(path string) *schema.File {
	var found *schema.File
	seen := make(map[*schema.File]bool)
	var walk func(f *schema.File)
	walk = func(f *schema.File) {
		if f == nil || seen[f] || found != nil {
			return
		}
		seen[f] = true
		if f.Path == path {
			found = f
			return
		}
		for _, inc := range f.Includes {
			walk(inc.File)
		}
	}
	for _, f := range v.Program.Files {
		walk(f)
	}
	return found
}

// wireNames are the types that are on the wire, with their codes.
var wireNames = map[schema.Kind]string{schema.KindBool: "bool (2)", schema.KindI8: "i8 (3)", schema.KindDouble: "double (4)", schema.KindI16: "i16 (6)", schema.KindI32: "i32 (8)", schema.KindEnum: "i32 (8)", schema.KindI64: "i64 (10)", schema.KindString: "string (11)", schema.KindBinary: "string (11)", schema.KindStruct: "struct (12)", schema.KindMap: "map (13)", schema.KindSet: "set (14)", schema.KindList: "list (15)", schema.KindUUID: "uuid (16)"}

// sizes are the bytes of a value in binary and in compact.
var sizes = map[schema.Kind][2]string{schema.KindBool: {"1", "0"}, schema.KindI8: {"1", "1"}, schema.KindDouble: {"8", "8"}, schema.KindI16: {"2", "1–3"}, schema.KindI32: {"4", "1–5"}, schema.KindEnum: {"4", "1–5"}, schema.KindI64: {"8", "1–10"}, schema.KindString: {"4 + length", "1–5 + length"}, schema.KindBinary: {"4 + length", "1–5 + length"}, schema.KindUUID: {"16", "16"}}

func facts(v *View, s *symbols.Symbol) []string {
	var list []string
	switch s.Kind {
	case symbols.Field, symbols.Argument, symbols.Throw:
		f := v.schemaField(s)
		if f == nil {
			return nil
		}
		list = append(list, fmt.Sprintf("id %d, on the wire %s", f.ID, wireNames[f.Type.Kind]))
		if n, ok := sizes[f.Type.Kind]; ok {
			list = append(list, fmt.Sprintf("bytes: %s in binary, %s in compact, besides 3 and 1–3 for the field", n[0], n[1]))
		}
		if f.Type.Typedef != nil {
			list = append(list, "type "+f.Type.String()+" is "+resolved(f.Type))
		}
	case symbols.EnumValue:
		if file := v.schemaOf(s.File.Tree.Path); file != nil {
			if e := file.Enum(s.Parent.Name); e != nil {
				if val := e.ByName(s.Name); val != nil {
					list = append(list, fmt.Sprintf("number %d", val.Number))
				}
			}
		}
	case symbols.Typedef:
		if file := v.schemaOf(s.File.Tree.Path); file != nil {
			if t := file.Typedef(s.Name); t != nil {
				list = append(list, "stands for "+resolved(t.Type))
			}
		}
	}
	return list
}

// resolved returns a type without its aliases.
func resolved(t *schema.Type) string {
	switch t.Kind {
	case schema.KindEnum:
		return "enum " + t.Enum.Name
	case schema.KindStruct:
		return t.Struct.Kind.String() + " " + t.Struct.Name
	case schema.KindList, schema.KindSet:
		return t.Kind.String() + "<" + resolved(t.Elem) + ">"
	case schema.KindMap:
		return "map<" + resolved(t.Key) + ", " + resolved(t.Elem) + ">"
	}
	return t.Kind.String()
}

// example returns a value of a struct as JSON, "" for what is none.
func example(v *View, s *symbols.Symbol) string {
	file := v.schemaOf(s.File.Tree.Path)
	if file == nil {
		return ""
	}
	switch s.Kind {
	case symbols.Struct, symbols.Union, symbols.Exception:
		if st := file.Struct(s.Name); st != nil {
			return structExample(st, 0)
		}
	}
	return ""
}

func structExample(st *schema.Struct, depth int) string {
	var parts []string
	for i, f := range st.Fields {
		if i == 12 || st.Kind == schema.Union && i == 1 {
			break
		}
		parts = append(parts, fmt.Sprintf("%q: %s", f.Name, typeExample(f.Type, depth+1)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func typeExample(t *schema.Type, depth int) string {
	switch t.Kind {
	case schema.KindBool:
		return "true"
	case schema.KindDouble:
		return "1.5"
	case schema.KindString:
		return `"text"`
	case schema.KindBinary:
		return `"Ynl0ZXM="`
	case schema.KindUUID:
		return `"00112233-4455-6677-8899-aabbccddeeff"`
	case schema.KindEnum:
		if len(t.Enum.Values) > 0 {
			return fmt.Sprintf("%q", t.Enum.Values[0].Name)
		}
		return "0"
	case schema.KindStruct:
		if depth > 2 {
			return "{}"
		}
		return structExample(t.Struct, depth)
	case schema.KindList, schema.KindSet:
		if depth > 3 {
			return "[]"
		}
		return "[" + typeExample(t.Elem, depth+1) + "]"
	case schema.KindMap:
		return "{}"
	}
	return "1"
}

// An Item is a definition in an outline.
type Item struct {
	Symbol *symbols.Symbol
	Detail string
	Items  []Item
}

// Outline returns the definitions of a file.
func (v *View) Outline(path string) []Item {
	f := v.File(path)
	if f == nil {
		return nil
	}
	var list func(all []*symbols.Symbol) []Item
	list = func(all []*symbols.Symbol) []Item {
		var items []Item
		for _, s := range all {
			if s.Name == "" || s.Kind == symbols.Argument || s.Kind == symbols.Throw {
				continue
			}
			detail := ""
			if t := typeOf(s); t != nil {
				detail = f.Tree.Text(t.Range())
			}
			items = append(items, Item{s, detail, list(s.Members)})
		}
		return items
	}
	return list(f.Symbols)
}

// Find returns up to most definitions of all files whose name has the letters of query in their order.
func (v *View) Find(query string, most int) []*symbols.Symbol {
	var list []*symbols.Symbol
	query = strings.ToLower(query)
	for _, f := range v.Set.Files {
		f.Each(func(s *symbols.Symbol) {
			if len(list) < most && s.Name != "" && s.Kind != symbols.Argument && s.Kind != symbols.Throw && subsequence(query, strings.ToLower(s.Name)) {
				list = append(list, s)
			}
		})
	}
	return list
}

func subsequence(query, name string) bool {
	for _, r := range name {
		if query == "" {
			return true
		}
		if strings.HasPrefix(query, string(r)) {
			query = query[len(string(r)):]
		}
	}
	return query == ""
}

// A Link is the path of an include and the file that it leads to.
type Link struct {
	Span syntax.Span
	Path string
}

// Links returns the includes of a file that were found.
func (v *View) Links(path string) []Link {
	var list []Link
	if f := v.File(path); f != nil {
		for _, inc := range f.Includes {
			if inc.File != nil {
				list = append(list, Link{inc.Node.Path.Span, inc.File.Tree.Path})
			}
		}
	}
	return list
}

// Folds returns the spans of several lines that can be folded: bodies and long comments.
func (v *View) Folds(path string) []syntax.Span {
	f := v.File(path)
	if f == nil {
		return nil
	}
	var list []syntax.Span
	add := func(s syntax.Span) {
		if strings.Contains(f.Tree.Text(s), "\n") {
			list = append(list, s)
		}
	}
	f.Each(func(s *symbols.Symbol) { add(s.Node.Range()) })
	for i := range f.Tree.Tokens {
		for _, t := range f.Tree.Trivia(i) {
			if t.Kind == syntax.BlockComment || t.Kind == syntax.DocComment {
				add(t.Span)
			}
		}
	}
	return list
}

// Selections returns the spans that contain offset, innermost first: the token, the member, the definition, the file.
func (v *View) Selections(path string, offset int) []syntax.Span {
	f := v.File(path)
	if f == nil {
		return nil
	}
	list := []syntax.Span{f.Tree.Tokens[f.Tree.TokenAt(offset)].Range()}
	add := func(s syntax.Span) {
		last := list[len(list)-1]
		if s.Start <= offset && offset <= s.End && s.Start <= last.Start && last.End <= s.End && s != last {
			list = append(list, s)
		}
	}
	var inner []syntax.Span
	f.Each(func(s *symbols.Symbol) { inner = append(inner, s.Node.Range()) })
	slices.SortFunc(inner, func(a, b syntax.Span) int { return (a.End - a.Start) - (b.End - b.Start) })
	for _, s := range inner {
		add(s)
	}
	add(syntax.Span{Start: 0, End: len(f.Tree.Source)})
	return list
}

// A Hint is text that an editor shows between others: an id or a number that is implied.
type Hint struct {
	Offset int
	Text   string
	Edit   lint.Edit // that writes it
}

// Hints returns the implied ids, numbers and constants of a file.
func (v *View) Hints(path string) []Hint {
	f, file := v.File(path), v.schemaOf(path)
	if f == nil || file == nil {
		return nil
	}
	var list []Hint
	f.Each(func(s *symbols.Symbol) {
		switch n := s.Node.(type) {
		case *syntax.EnumValue:
			if e := file.Enum(s.Parent.Name); e != nil && n.Number == nil {
				if val := e.ByName(s.Name); val != nil {
					text := fmt.Sprintf(" = %d", val.Number)
					list = append(list, Hint{s.Span.End, text, lint.Edit{Path: path, Span: syntax.Span{Start: s.Span.End, End: s.Span.End}, Text: text}})
				}
			}
		case *syntax.Field:
			if x := v.schemaField(s); x != nil && n.ID == nil {
				text := fmt.Sprintf("%d: ", x.ID)
				list = append(list, Hint{n.Start, text, lint.Edit{Path: path, Span: syntax.Span{Start: n.Start, End: n.Start}, Text: text}})
			}
		case *syntax.Const:
			if name, ok := n.Value.(*syntax.NameValue); ok {
				if c := file.Constant(s.Name); c != nil && c.Value != nil && c.Type.Kind != schema.KindStruct && c.Type.Kind != schema.KindMap && c.Type.Kind != schema.KindList && c.Type.Kind != schema.KindSet {
					if text := scalar(c.Value); text != "" {
						list = append(list, Hint{name.End, " = " + text, lint.Edit{}})
					}
				}
			}
		}
	})
	return list
}

func scalar(l *schema.Literal) string {
	switch l.Type.Kind {
	case schema.KindBool:
		return fmt.Sprint(l.Bool)
	case schema.KindDouble:
		return fmt.Sprint(l.Double)
	case schema.KindString:
		return fmt.Sprintf("%q", l.Text)
	case schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
		return fmt.Sprint(l.Int)
	}
	return ""
}
