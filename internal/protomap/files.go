package protomap

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// A Set has the files of proto3 that stand for files of a schema.
type Set struct {
	Files   []*File                   // each after those that it imports
	Structs map[*schema.Struct]string // full names of messages
}

// A File is a file of proto3.
type File struct {
	Path     string // such as "shop.proto"
	Package  string
	Schema   *schema.File
	Imports  []string // paths, sorted
	Enums    []*EnumDef
	Messages []*MessageDef
	Services []*ServiceDef
}

// An EnumDef is an enum.
type EnumDef struct {
	Name   string
	Schema *schema.Enum
	Values []EnumValue
	Alias  bool // numbers repeat
}

// A MessageDef is a message.
type MessageDef struct {
	Name     string
	FullName string
	Schema   *schema.Struct // nil where no struct, and not the arguments of a method, has its fields
	Method   *schema.Method // of a request or response
	Fields   []*FieldDef    // in the order of their numbers
	Oneof    string         // the name of the oneof that all fields are in, or ""
	Nested   []*MessageDef
	MapEntry bool // a map field repeats it

	taken map[string]bool // names of its elements
}

// A FieldDef is a field.
type FieldDef struct {
	Name     string
	JSONName string
	Number   int32
	Kind     Kind
	TypeName string      // full name of the message or enum, or ""
	Entry    *MessageDef // of a map field of proto3
	Repeated bool        // also of a map field
	Optional string      // the name of the oneof that descriptors have for the label "optional"; "" if the field has it not
	Schema   *schema.Field
}

// A ServiceDef is a service.
type ServiceDef struct {
	Name    string
	Schema  *schema.Service
	Methods []*MethodDef
}

// A MethodDef is a method.
type MethodDef struct {
	Name          string
	Schema        *schema.Method
	Input, Output string // full names
}

// FullName returns the full name of s.
func FullName(s *schema.Service) string { return Package(s.File) + "." + Ident(s.Name) }

// FilesOf returns files, and all that they include, as files of proto3. The error joins what cannot be mapped: annotations that
// do not fit, and definitions of one name in one package.
func FilesOf(files ...*schema.File) (*Set, error) {
	b := &builder{
		Set:    &Set{Structs: make(map[*schema.Struct]string)},
		byFile: make(map[*schema.File]*File), enums: make(map[*schema.Enum]string), names: make(map[string]string),
	}
	for _, f := range files {
		b.reach(f)
	}
	for _, f := range b.Files {
		b.declare(f)
	}
	for _, f := range b.Files {
		for _, s := range f.Schema.Services {
			b.declareMethods(s)
		}
	}
	for _, f := range b.Files {
		b.define(f)
	}
	return b.Set, errors.Join(b.errs...)
}

type builder struct {
	*Set
	byFile map[*schema.File]*File
	enums  map[*schema.Enum]string
	names  map[string]string // full names and paths, and whose they are
	file   *File             // that is being defined
	errs   []error
}

// reach adds f, after all that it includes.
func (b *builder) reach(f *schema.File) {
	if _, ok := b.byFile[f]; ok || f == nil {
		return
	}
	p := &File{Schema: f, Package: Package(f)}
	b.byFile[f] = p
	for _, inc := range f.Includes {
		b.reach(inc.File)
	}
	base := strings.TrimSuffix(path.Base(strings.ReplaceAll(f.Path, `\`, "/")), ".thrift")
	p.Path = base + ".proto"
	for i := 2; b.names[p.Path] != ""; i++ {
		p.Path = base + "_" + strconv.Itoa(i) + ".proto"
	}
	b.names[p.Path] = f.Path
	b.Files = append(b.Files, p)
}

// claim reserves a name in the package of f, or reports who has it, and returns the full name.
func (b *builder) claim(f *File, name string, pos schema.Position) string {
	full := f.Package + "." + name
	if other, ok := b.names[full]; ok {
		b.errs = append(b.errs, fmt.Errorf("%s: %s is the second definition of %s in protobuf, the first is at %s: use another name or another \"namespace proto\"", pos, name, full, other))
	}
	b.names[full] = pos.String()
	return full
}

func (b *builder) declare(f *File) {
	for _, e := range f.Schema.Enums {
		b.enums[e] = b.claim(f, Ident(e.Name), e.Pos)
		values, _ := EnumValues(e)
		for _, v := range values { // which are in the scope of the package, not of the enum
			pos := e.Pos
			if v.Schema != nil {
				pos = v.Schema.Pos
			}
			b.claim(f, v.Name, pos)
		}
	}
	for _, s := range f.Schema.Structs {
		b.Structs[s] = b.claim(f, Ident(s.Name), s.Pos)
	}
	for _, s := range f.Schema.Services {
		b.claim(f, Ident(s.Name), s.Pos)
	}
}

// declareMethods names the requests and responses of the methods that s declares: after the method, and after the
// service too where that name exists.
func (b *builder) declareMethods(s *schema.Service) {
	f := b.byFile[s.File]
	declare := func(m *schema.Method, desc *schema.Struct, end string) {
		name := Camel(m.Name) + end
		if _, ok := b.names[f.Package+"."+name]; ok {
			name = Camel(s.Name) + name
		}
		b.Structs[desc] = b.claim(f, name, m.Pos)
	}
	for _, m := range s.Methods {
		if Unmapped(m) != "" {
			continue
		}
		if Request(m) == nil {
			declare(m, m.Args, "Request")
		}
		if !IsResponse(m) {
			declare(m, m.Reply(), "Response")
		}
	}
}

func (b *builder) define(f *File) {
	b.file = f
	for _, e := range f.Schema.Enums {
		values, alias := EnumValues(e)
		f.Enums = append(f.Enums, &EnumDef{Name: Ident(e.Name), Schema: e, Values: values, Alias: alias})
	}
	for _, s := range f.Schema.Structs {
		f.Messages = append(f.Messages, b.message(s, nil))
	}
	for _, s := range f.Schema.Services {
		f.Services = append(f.Services, b.service(s))
	}
	slices.Sort(f.Imports)
}

func (b *builder) service(s *schema.Service) *ServiceDef {
	p := &ServiceDef{Name: Ident(s.Name), Schema: s}
	for _, m := range s.AllMethods() {
		if Unmapped(m) != "" {
			continue
		}
		d := &MethodDef{Name: Ident(m.Name), Schema: m}
		if r := Request(m); r != nil {
			d.Input = b.Structs[r]
			b.use(r.File)
		} else {
			d.Input = b.Structs[m.Args]
			b.use(m.Service.File)
		}
		if IsResponse(m) {
			d.Output = b.Structs[m.Result.Struct]
			b.use(m.Result.Struct.File)
		} else {
			d.Output = b.Structs[m.Reply()]
			b.use(m.Service.File)
		}
		p.Methods = append(p.Methods, d)
		if m.Service != s {
			continue
		}
		if Request(m) == nil {
			b.file.Messages = append(b.file.Messages, b.request(m))
		}
		if !IsResponse(m) {
			b.file.Messages = append(b.file.Messages, b.response(m))
		}
	}
	return p
}

// use makes the file that is being defined import that of f.
func (b *builder) use(f *schema.File) {
	if p := b.byFile[f]; p != nil && p != b.file && !slices.Contains(b.file.Imports, p.Path) {
		b.file.Imports = append(b.file.Imports, p.Path)
	}
}

// request returns the message that has the arguments of m as its fields, or what the client streams.
func (b *builder) request(m *schema.Method) *MessageDef {
	if item := m.ClientItem(); item != nil {
		return b.holder(m, m.Args, ItemField, item)
	}
	return b.message(m.Args, m)
}

// response returns the message that has the result of m as its field 1.
func (b *builder) response(m *schema.Method) *MessageDef {
	return b.holder(m, m.Reply(), ResultField, m.Result)
}

// holder returns a message whose only field is a value of t.
func (b *builder) holder(m *schema.Method, desc *schema.Struct, field string, t *schema.Type) *MessageDef {
	p := newMessageDef(b.Structs[desc])
	p.Method = m
	if t.Kind == schema.KindVoid {
		return p
	}
	mt, err := OfType(t)
	if err != nil {
		b.errs = append(b.errs, err)
		return p
	}
	p.taken[field] = true
	b.field(p, p, field, Camel(field), 1, mt, mt.Wrapped())
	return p
}

func newMessageDef(full string) *MessageDef {
	return &MessageDef{Name: full[strings.LastIndexByte(full, '.')+1:], FullName: full, taken: make(map[string]bool)}
}

// message returns the message for a struct, union or exception, or for the arguments of m.
func (b *builder) message(desc *schema.Struct, m *schema.Method) *MessageDef {
	p := newMessageDef(b.Structs[desc])
	p.Schema, p.Method = desc, m
	s, err := Of(desc)
	if err != nil {
		b.errs = append(b.errs, err)
		return p
	}
	names := fieldNames(s)
	for _, name := range names {
		p.taken[name] = true
	}
	if s.Union && len(s.Fields) > 0 {
		p.Oneof = p.free("value")
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		d := b.field(p, p, f.Schema.Name, Camel(f.Schema.Name), f.Number, f.Type, f.IsRepeated(s))
		d.Schema, d.Name = f.Schema, names[i]
		if !s.Union && f.Presence && f.Type.Kind != Message {
			d.Optional = p.free("_" + d.Name)
		}
	}
	slices.SortStableFunc(p.Fields, func(a, c *FieldDef) int { return cmp.Compare(a.Number, c.Number) })
	return p
}

// fieldNames returns the names of the fields of s. Names that protoc would make one and the same of in JSON, such as a_b and aB, are
// told apart by the number of the field.
func fieldNames(s *Struct) []string {
	names, taken := make([]string, len(s.Fields)), make(map[string]bool)
	for i := range s.Fields {
		f := &s.Fields[i]
		name := Ident(f.Schema.Name)
		for taken[DefaultJSONName(name)] {
			name += "_" + strconv.Itoa(int(f.Number))
		}
		taken[DefaultJSONName(name)] = true
		names[i] = name
	}
	return names
}

// free returns name, with underscores after it while another element of the message has it.
func (p *MessageDef) free(name string) string {
	for p.taken[name] {
		name += "_"
	}
	p.taken[name] = true
	return name
}

// nested adds a message to p.
func (p *MessageDef) nested(name string) *MessageDef {
	n := newMessageDef(p.FullName + "." + p.free(name))
	p.Nested = append(p.Nested, n)
	return n
}

// field adds a field to p. A list or map that is not repeated is in a message of its own, nested in host and named after
// the field.
func (b *builder) field(p, host *MessageDef, name, camel string, number int32, t *Type, repeated bool) *FieldDef {
	d := &FieldDef{Name: Ident(name), JSONName: name, Number: number, Repeated: repeated, Kind: Message}
	p.Fields = append(p.Fields, d)
	single := t
	if repeated {
		single = t.Elem
	}
	switch {
	case repeated && t.Form == Map:
		e := host.nested(camel + "Entry")
		b.field(e, host, "key", camel+"Key", 1, t.Key, false)
		b.field(e, host, "value", camel+"Value", 2, t.Elem, false)
		if t.IsProtoMap() {
			e.MapEntry, d.Entry = true, e
		}
		d.TypeName = e.FullName
	case single.Form == List:
		w := host.nested(camel + "List")
		b.field(w, w, "items", "Items", 1, single, true)
		d.TypeName = w.FullName
	case single.Form == Map:
		w := host.nested(camel + "Map")
		b.field(w, w, "entries", "Entries", 1, single, true)
		d.TypeName = w.FullName
	default:
		switch d.Kind = single.Kind; single.Kind {
		case Enum:
			d.TypeName = b.enums[single.Schema.Enum]
			b.use(single.Schema.Enum.File)
		case Message:
			d.TypeName = b.Structs[single.Struct.Schema]
			b.use(single.Struct.Schema.File)
		}
	}
	return d
}
