package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The embedded form of a file is a sequence of numbers, as encoding/binary's varints, and of texts:
// a number n > 0 for the nth text so far, or 0, a length and the bytes. Types and values that
// parts of the file share are written once, and named by number where they are used.
const embedVersion = 1

// Encode returns f, which is linked, as a text for [Decode]: what generated code embeds instead of
// IDL. Includes are not part of it, and neither are doc comments. The file that comes back has the
// path path.
func Encode(f *File, path string) string {
	e := &encoder{texts: make(map[string]int), files: map[*File]int{f: 0}, types: make(map[*Type]int), literals: make(map[*Literal]int)}
	e.file(f, path)
	return string(e.out)
}

type encoder struct {
	out      []byte
	texts    map[string]int
	files    map[*File]int // 0 is the file itself, others in the order of Reachable
	types    map[*Type]int
	literals map[*Literal]int
	pos      Position // the last one
}

func (e *encoder) int(n int) { e.out = binary.AppendVarint(e.out, int64(n)) }

func (e *encoder) bool(v bool) {
	if v {
		e.int(1)
	} else {
		e.int(0)
	}
}

func (e *encoder) text(s string) {
	if n, ok := e.texts[s]; ok {
		e.int(n)
		return
	}
	e.texts[s] = len(e.texts) + 1
	e.int(0)
	e.int(len(s))
	e.out = append(e.out, s...)
}

// at writes a position as what has changed since the last one.
func (e *encoder) at(p Position) {
	e.int(p.Line - e.pos.Line)
	e.int(p.Column)
	e.pos = p
}

func (e *encoder) meta(m Meta) {
	e.at(m.Pos)
	e.annotations(m.Annotations)
}

func (e *encoder) annotations(all Annotations) {
	e.int(len(all))
	for _, a := range all {
		e.text(a.Name)
		e.text(a.Value)
	}
}

// Reachable returns the files that f includes, and those that they include, each once, in a fixed
// order: an include stands after what it includes.
func (f *File) Reachable() []*File {
	var all []*File
	seen := map[*File]bool{f: true}
	var visit func(*File)
	visit = func(f *File) {
		for _, inc := range f.Includes {
			if inc.File != nil && !seen[inc.File] {
				seen[inc.File] = true
				visit(inc.File)
				all = append(all, inc.File)
			}
		}
	}
	visit(f)
	return all
}

// place is where a definition is: the number of its file, and its own there.
func place[T comparable](e *encoder, f *File, defs []T, def T) {
	e.int(e.files[f])
	for i, d := range defs {
		if d == def {
			e.int(i)
		}
	}
}

func (e *encoder) file(f *File, path string) {
	for i, other := range f.Reachable() {
		e.files[other] = i + 1
	}
	e.int(embedVersion)
	e.int(len(e.files) - 1)
	e.text(path)
	e.text(f.Name)
	e.int(len(f.Includes))
	for _, inc := range f.Includes {
		e.text(inc.Path)
		e.int(e.files[inc.File])
		e.at(inc.Pos)
	}
	e.int(len(f.Namespaces))
	for _, n := range f.Namespaces {
		e.text(n.Scope)
		e.text(n.Name)
		e.meta(n.Meta)
	}
	e.int(len(f.Enums))
	for _, x := range f.Enums {
		e.enum(x)
	}
	// Names come first: types refer to structs and typedefs by number.
	e.int(len(f.Structs))
	for _, s := range f.Structs {
		e.text(s.Name)
		e.int(int(s.Kind))
		e.meta(s.Meta)
	}
	e.int(len(f.Typedefs))
	for _, t := range f.Typedefs {
		e.text(t.Name)
		e.meta(t.Meta)
	}
	e.int(len(f.Services))
	for _, s := range f.Services {
		e.text(s.Name)
		e.meta(s.Meta)
	}
	for _, t := range f.Typedefs {
		e.typ(t.Type)
	}
	for _, s := range f.Structs {
		e.fields(s.Fields)
	}
	for _, s := range f.Structs {
		e.defaults(s.Fields)
	}
	e.int(len(f.Constants))
	for _, c := range f.Constants {
		e.text(c.Name)
		e.meta(c.Meta)
		e.typ(c.Type)
		e.literal(c.Value)
	}
	for _, s := range f.Services {
		e.service(s)
	}
}

func (e *encoder) enum(x *Enum) {
	e.text(x.Name)
	e.meta(x.Meta)
	e.int(len(x.Values))
	for _, v := range x.Values {
		e.text(v.Name)
		e.int(int(v.Number))
		e.meta(v.Meta)
	}
}

func (e *encoder) fields(fields []*Field) {
	e.int(len(fields))
	for _, f := range fields {
		e.int(int(f.ID))
		e.text(f.Name)
		e.int(int(f.Requiredness))
		e.bool(f.Reference)
		e.meta(f.Meta)
		e.typ(f.Type)
	}
}

// defaults follow the fields of all structs: a value may name a field of any.
func (e *encoder) defaults(fields []*Field) {
	for _, f := range fields {
		e.bool(f.Default != nil)
		if f.Default != nil {
			e.literal(f.Default)
		}
	}
}

func (e *encoder) service(s *Service) {
	e.bool(s.Extends != nil)
	if s.Extends != nil {
		place(e, s.Extends.File, s.Extends.File.Services, s.Extends)
	}
	e.int(len(s.Methods))
	for _, m := range s.Methods {
		e.text(m.Name)
		e.meta(m.Meta)
		e.int(methodKind(m))
		e.typ(m.Result)
		e.fields(m.Args.Fields)
		e.defaults(m.Args.Fields)
		e.fields(m.Throws)
		e.defaults(m.Throws)
		if m.Stream != Unary {
			e.stream(m)
		}
	}
}

// methodKind is 0 for a method with a reply, 1 for a oneway one, and more for those that stream.
func methodKind(m *Method) int {
	switch {
	case m.Stream != Unary:
		return 1 + int(m.Stream)
	case m.Oneway:
		return 1
	}
	return 0
}

// stream writes what only methods that stream have.
func (e *encoder) stream(m *Method) {
	for _, t := range []*Type{m.First, m.Item} {
		e.bool(t != nil)
		if t != nil {
			e.typ(t)
		}
	}
	for _, list := range [][]*Field{m.ItemThrows, m.StreamThrows} {
		e.fields(list)
		e.defaults(list)
	}
}

// typ writes the number of t; t itself follows the first time.
func (e *encoder) typ(t *Type) {
	if n, ok := e.types[t]; ok {
		e.int(n)
		return
	}
	e.int(0)
	e.int(int(t.Kind))
	switch t.Kind {
	case KindStruct:
		place(e, t.Struct.File, t.Struct.File.Structs, t.Struct)
	case KindEnum:
		place(e, t.Enum.File, t.Enum.File.Enums, t.Enum)
	case KindMap:
		e.typ(t.Key)
		e.typ(t.Elem)
	case KindList, KindSet:
		e.typ(t.Elem)
	}
	e.bool(t.Typedef != nil)
	if t.Typedef != nil {
		place(e, t.Typedef.File, t.Typedef.File.Typedefs, t.Typedef)
	}
	e.annotations(t.Annotations)
	e.types[t] = len(e.types) + 1
}

// literal writes the number of l; l itself follows the first time.
func (e *encoder) literal(l *Literal) {
	if n, ok := e.literals[l]; ok {
		e.int(n)
		return
	}
	e.int(0)
	e.typ(l.Type)
	e.text(l.Ref)
	e.at(l.Pos)
	switch l.Type.Kind {
	case KindBool:
		e.bool(l.Bool)
	case KindI8, KindI16, KindI32, KindI64, KindEnum:
		e.out = binary.AppendVarint(e.out, l.Int)
	case KindDouble:
		e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(l.Double))
	case KindString, KindBinary, KindUUID:
		e.text(l.Text)
	case KindList, KindSet:
		e.int(len(l.List))
		for _, x := range l.List {
			e.literal(x)
		}
	case KindMap:
		e.int(len(l.Map))
		for _, x := range l.Map {
			e.literal(x.Key)
			e.literal(x.Value)
		}
	case KindStruct:
		e.int(len(l.Fields))
		for _, x := range l.Fields {
			e.int(x.Field.Index)
			e.literal(x.Value)
		}
	}
	e.literals[l] = len(e.literals) + 1
}

// MustDecode is [Decode] for generated code: it panics on an error, which no input of a program
// causes.
func MustDecode(data string, includes ...*File) *File {
	f, err := Decode(data, includes...)
	if err != nil {
		panic(err.Error())
	}
	return f
}

// Decode returns the linked file of which [Encode] returned data. includes are the files that it
// includes, in the order of [File.Includes]. The error says that data is no such text, or does not
// fit the includes.
func Decode(data string, includes ...*File) (*File, error) {
	d := &decoder{src: data}
	f := new(File)
	d.file(f, includes)
	if d.err == nil && d.src != "" {
		d.fail("more bytes than a schema has")
	}
	if d.err != nil {
		return nil, d.err
	}
	return f, Link(f)
}

type decoder struct {
	src      string
	err      error // the first one; what is read after it is zero
	texts    []string
	files    []*File
	types    []*Type
	literals []*Literal
	pos      Position
	depth    int
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = errors.New("schema: the embedded schema cannot be read: " + what)
	}
	d.src = ""
}

func (d *decoder) int64() int64 {
	var u uint64
	for i := 0; i < len(d.src) && i < binary.MaxVarintLen64; i++ {
		b := d.src[i]
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.src = d.src[i+1:]
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	d.fail("it ends early")
	return 0
}

// limited returns a number from 0 to below limit.
func (d *decoder) limited(limit int) int {
	n := d.int64()
	if n < 0 || n >= int64(limit) {
		d.fail(fmt.Sprintf("%d is out of range", n))
		return 0
	}
	return int(n)
}

// count returns the number of things that follow, each of a byte at least.
func (d *decoder) count() int { return d.limited(len(d.src) + 1) }

func (d *decoder) bool() bool { return d.limited(2) == 1 }

func (d *decoder) text() string {
	if n := d.limited(len(d.texts) + 1); n > 0 {
		return d.texts[n-1]
	}
	n := d.count()
	if n > len(d.src) {
		d.fail("it ends early")
		return ""
	}
	s := d.src[:n]
	d.src = d.src[n:]
	d.texts = append(d.texts, s)
	return s
}

func (d *decoder) at() Position {
	d.pos.Line += int(d.int64())
	d.pos.Column = int(d.int64())
	return d.pos
}

func (d *decoder) meta() Meta {
	pos := d.at()
	return Meta{Pos: pos, Annotations: d.annotations()}
}

func (d *decoder) annotations() Annotations {
	n := d.count()
	if n == 0 {
		return nil
	}
	all := make(Annotations, n)
	for i := range all {
		all[i].Name = d.text()
		all[i].Value = d.text()
	}
	return all
}

// list returns n new things, and pointers to them.
func list[T any](d *decoder) []*T {
	n := d.count()
	if n == 0 {
		return nil
	}
	all, pointers := make([]T, n), make([]*T, n)
	for i := range all {
		pointers[i] = &all[i]
	}
	return pointers
}

func (d *decoder) file(f *File, includes []*File) {
	if v := d.int64(); v != embedVersion {
		d.fail(fmt.Sprintf("it has version %d, not %d: generate it again", v, embedVersion))
		return
	}
	reachable := d.count()
	f.Path = d.text()
	f.Name = d.text()
	d.pos.File = f.Path
	f.Includes = list[Include](d)
	if len(f.Includes) != len(includes) {
		d.fail(fmt.Sprintf("%d includes, not %d", len(includes), len(f.Includes)))
		return
	}
	for i, inc := range f.Includes {
		inc.File = includes[i]
		if inc.File == nil {
			d.fail("an include is nil")
			return
		}
	}
	d.files = append([]*File{f}, f.Reachable()...)
	if len(d.files) != reachable+1 {
		d.fail("the includes include others than they did")
		return
	}
	for _, inc := range f.Includes {
		inc.Path = d.text()
		if d.files[d.limited(len(d.files))] != inc.File {
			d.fail("the includes are in another order")
		}
		inc.Pos = d.at()
	}
	f.Namespaces = make([]Namespace, d.count())
	for i := range f.Namespaces {
		n := &f.Namespaces[i]
		n.Scope = d.text()
		n.Name = d.text()
		n.Meta = d.meta()
	}
	f.Enums = list[Enum](d)
	for _, x := range f.Enums {
		d.enum(x)
	}
	f.Structs = list[Struct](d)
	for _, s := range f.Structs {
		s.File = f
		s.Name = d.text()
		s.Kind = StructKind(d.limited(int(Exception) + 1))
		s.Meta = d.meta()
	}
	f.Typedefs = list[Typedef](d)
	for _, t := range f.Typedefs {
		t.File = f
		t.Name = d.text()
		t.Meta = d.meta()
	}
	f.Services = list[Service](d)
	for _, s := range f.Services {
		s.File = f
		s.Name = d.text()
		s.Meta = d.meta()
	}
	for _, t := range f.Typedefs {
		t.Type = d.typ()
	}
	for _, s := range f.Structs {
		s.Fields = d.fields()
	}
	for _, s := range f.Structs {
		d.defaults(s.Fields)
	}
	f.Constants = list[Constant](d)
	for _, c := range f.Constants {
		c.Name = d.text()
		c.Meta = d.meta()
		c.Type = d.typ()
		c.Value = d.literal()
	}
	for _, s := range f.Services {
		d.service(s)
	}
}

func (d *decoder) enum(x *Enum) {
	x.Name = d.text()
	x.Meta = d.meta()
	x.Values = list[EnumValue](d)
	for _, v := range x.Values {
		v.Name = d.text()
		v.Number = int32(d.int64())
		v.Meta = d.meta()
	}
}

func (d *decoder) fields() []*Field {
	fields := list[Field](d)
	for i, f := range fields {
		f.Index = i
		f.ID = int16(d.int64())
		f.Name = d.text()
		f.Requiredness = Requiredness(d.limited(int(Optional) + 1))
		f.Reference = d.bool()
		f.Meta = d.meta()
		f.Type = d.typ()
	}
	return fields
}

func (d *decoder) defaults(fields []*Field) {
	for _, f := range fields {
		if d.bool() {
			f.Default = d.literal()
		}
	}
}

func (d *decoder) service(s *Service) {
	if d.bool() {
		f := d.files[d.limited(len(d.files))]
		if i := d.limited(len(f.Services)); d.err == nil {
			s.Extends = f.Services[i]
		}
	}
	s.Methods = list[Method](d)
	for _, m := range s.Methods {
		m.Service = s
		m.Name = d.text()
		m.Meta = d.meta()
		kind := d.limited(2 + int(BidiStream))
		m.Oneway = kind == 1
		m.Stream = StreamKind(max(kind-1, 0))
		m.Result = d.typ()
		m.Args = &Struct{Kind: Arguments, Fields: d.fields(), Meta: Meta{Pos: m.Pos}}
		d.defaults(m.Args.Fields)
		m.Throws = d.fields()
		d.defaults(m.Throws)
		if m.Stream != Unary {
			d.stream(m)
		}
	}
}

func (d *decoder) stream(m *Method) {
	for _, t := range []**Type{&m.First, &m.Item} {
		if d.bool() {
			*t = d.typ()
		}
	}
	for _, list := range []*[]*Field{&m.ItemThrows, &m.StreamThrows} {
		*list = d.fields()
		d.defaults(*list)
	}
}

// nothing and noLiteral are what stands for types and values of which nothing could be read.
var (
	nothing   = Base(KindVoid)
	noLiteral = &Literal{Type: nothing}
)

// maxEmbedding is how deep types and values nest: those of structs in those of lists.
const maxEmbedding = 4 * maxDepth

// deeper reports whether one more type or value may open in another.
func (d *decoder) deeper() bool {
	d.depth++
	if d.depth > maxEmbedding {
		d.fail("it nests too deep")
	}
	return d.err == nil
}

func (d *decoder) typ() *Type {
	if n := d.limited(len(d.types) + 1); n > 0 {
		return d.types[n-1]
	}
	defer func() { d.depth-- }()
	if !d.deeper() {
		return nothing
	}
	t := &Type{Kind: Kind(d.limited(len(kindNames)))}
	switch t.Kind {
	case KindStruct:
		f := d.files[d.limited(len(d.files))]
		if i := d.limited(len(f.Structs)); d.err == nil {
			t.Struct = f.Structs[i]
		}
	case KindEnum:
		f := d.files[d.limited(len(d.files))]
		if i := d.limited(len(f.Enums)); d.err == nil {
			t.Enum = f.Enums[i]
		}
	case KindMap:
		t.Key = d.typ()
		t.Elem = d.typ()
	case KindList, KindSet:
		t.Elem = d.typ()
	}
	if d.bool() {
		f := d.files[d.limited(len(d.files))]
		if i := d.limited(len(f.Typedefs)); d.err == nil {
			t.Typedef = f.Typedefs[i]
		}
	}
	t.Annotations = d.annotations()
	if d.err != nil {
		return nothing
	}
	if t.Typedef == nil && t.Annotations == nil {
		switch t.Kind {
		case KindStruct:
			t = t.Struct.Type()
		case KindEnum:
			t = t.Enum.Type()
		}
	}
	d.types = append(d.types, t)
	return t
}

func (d *decoder) literal() *Literal {
	if n := d.limited(len(d.literals) + 1); n > 0 {
		return d.literals[n-1]
	}
	defer func() { d.depth-- }()
	if !d.deeper() {
		return noLiteral
	}
	l := &Literal{Type: d.typ()}
	l.Ref = d.text()
	l.Pos = d.at()
	switch l.Type.Kind {
	case KindBool:
		l.Bool = d.bool()
	case KindI8, KindI16, KindI32, KindI64, KindEnum:
		l.Int = d.int64()
	case KindDouble:
		if len(d.src) < 8 {
			d.fail("it ends early")
			return noLiteral
		}
		l.Double = math.Float64frombits(binary.LittleEndian.Uint64([]byte(d.src[:8])))
		d.src = d.src[8:]
	case KindString, KindBinary:
		l.Text = d.text()
	case KindUUID:
		if l.Text = d.text(); len(l.Text) != 16 {
			d.fail("a uuid has 16 bytes")
		}
	case KindList, KindSet:
		l.List = make([]*Literal, d.count())
		for i := range l.List {
			l.List[i] = d.literal()
		}
	case KindMap:
		l.Map = make([]LiteralPair, d.count())
		for i := range l.Map {
			l.Map[i].Key = d.literal()
			l.Map[i].Value = d.literal()
		}
	case KindStruct:
		l.Fields = make([]LiteralField, d.count())
		for i := range l.Fields {
			index := d.limited(len(l.Type.Struct.Fields))
			value := d.literal()
			if d.err != nil {
				return noLiteral
			}
			l.Fields[i] = LiteralField{l.Type.Struct.Fields[index], value}
		}
	}
	if d.err != nil {
		return noLiteral
	}
	d.literals = append(d.literals, l)
	return l
}
