// Package doc makes documentation of schemas: a model that is also the JSON form, a page of Markdown, and a page of HTML that needs
// nothing else. All have the definitions of a file and of all that it includes, with their comments, links from every name to
// where it is defined, and from there to where it is used.
package doc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/schema"
)

// A Doc is what there is to say about files: the one that was asked for, then its includes.
type Doc struct {
	Files []*File `json:"files"`
}

// A File is one Thrift program.
type File struct {
	Name        string        `json:"name"`
	Path        string        `json:"path"`
	Doc         string        `json:"doc,omitempty"`
	Includes    []string      `json:"includes,omitempty"` // names of files
	Namespaces  []Namespace   `json:"namespaces,omitempty"`
	Definitions []*Definition `json:"definitions"` // services, structs, unions, exceptions, enums, typedefs, constants
}

// A Namespace is one namespace directive.
type Namespace struct {
	Scope       string       `json:"scope"`
	Name        string       `json:"name"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// A Definition is what a file gives a name to.
type Definition struct {
	ID          string       `json:"id"`   // "file.Name": unique, and the anchor of pages; "file.const.Name" for a constant
	Kind        string       `json:"kind"` // service, struct, union, exception, enum, typedef, constant
	Name        string       `json:"name"`
	Doc         string       `json:"doc,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
	Line        int          `json:"line,omitempty"` // in the file
	Extends     *Ref         `json:"extends,omitempty"`
	Type        *Type        `json:"type,omitempty"`    // of a typedef or constant
	Value       string       `json:"value,omitempty"`   // of a constant, as IDL
	Fields      []Field      `json:"fields,omitempty"`  // of a struct, union or exception
	Values      []EnumValue  `json:"values,omitempty"`  // of an enum
	Methods     []Method     `json:"methods,omitempty"` // of a service, its own
	UsedBy      []Ref        `json:"usedBy"`
}

// An Annotation is a name and a value.
type Annotation struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Ref leads to a definition, or to a place in one.
type Ref struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Type is the type of a value, as a tree.
type Type struct {
	Text string `json:"text"`           // all of it, as IDL
	Name string `json:"name"`           // list, set, map, or what it is called
	ID   string `json:"id,omitempty"`   // of the definition that Name stands for
	Of   []Type `json:"of,omitempty"`   // key and elements
	Kind string `json:"kind,omitempty"` // enum, struct, union, exception, typedef; "" for others

	Annotations []Annotation `json:"annotations,omitempty"` // written after the type itself
}

// A Field is a member of a struct, or a parameter or an exception of a method.
type Field struct {
	FieldID      int16        `json:"fieldId"`
	Name         string       `json:"name"`
	Type         Type         `json:"type"`
	Requiredness string       `json:"requiredness,omitempty"`
	Default      string       `json:"default,omitempty"` // as IDL
	Doc          string       `json:"doc,omitempty"`
	Annotations  []Annotation `json:"annotations,omitempty"`
}

// An EnumValue is one name of an enum.
type EnumValue struct {
	Name        string       `json:"name"`
	Number      int32        `json:"number"`
	Doc         string       `json:"doc,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// A Method is one function of a service.
type Method struct {
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Oneway bool    `json:"oneway,omitempty"`
	Stream string  `json:"stream,omitempty"` // client, server or bidirectional; "" if it does not stream
	First  *Type   `json:"first,omitempty"`  // of the response before the streams
	Item   *Type   `json:"item,omitempty"`   // of what the client streams
	Result Type    `json:"result"`           // also of what the server streams
	Args   []Field `json:"args"`
	Throws []Field `json:"throws,omitempty"`
	// What ends the stream of the client, and that of the server or the answer to that of the client.
	ItemThrows   []Field `json:"itemThrows,omitempty"`
	StreamThrows []Field `json:"streamThrows,omitempty"`

	Doc         string       `json:"doc,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// Of returns the documentation of f, which must be linked, and of all files that it includes.
func Of(f *schema.File) *Doc {
	b := &builder{names: make(map[*schema.File]string), used: make(map[string][]Ref)}
	b.collect(f)
	d := &Doc{}
	for _, f := range b.files {
		d.Files = append(d.Files, b.file(f))
	}
	for _, f := range d.Files {
		for _, def := range f.Definitions {
			if def.UsedBy = b.used[def.ID]; def.UsedBy == nil {
				def.UsedBy = []Ref{}
			}
		}
	}
	return d
}

// Only returns d with nothing but the definitions called name, also "include.Name" or "Service.method"; nil if there are none. Links may
// lead nowhere in it.
func (d *Doc) Only(name string) *Doc {
	for i, f := range d.Files {
		for _, short := range []string{name, strings.TrimPrefix(name, f.Name+".")} {
			if i > 0 && short == name {
				continue // what is included is named by its file
			}
			service, method, _ := strings.Cut(short, ".")
			var list []*Definition
			for _, def := range f.Definitions {
				at := slices.IndexFunc(def.Methods, func(m Method) bool { return m.Name == method })
				switch {
				case def.Name == short:
					list = append(list, def)
				case def.Name == service && at >= 0:
					one := *def
					one.Methods = def.Methods[at : at+1]
					list = append(list, &one)
				}
			}
			if len(list) > 0 {
				only := *f
				only.Definitions = list
				return &Doc{Files: []*File{&only}}
			}
		}
	}
	return nil
}

// AppendJSON appends d as indented JSON to dst and returns dst, extended.
func (d *Doc) AppendJSON(dst []byte) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		panic(err) // a Doc is texts and numbers
	}
	return append(dst, out.Bytes()...)
}

type builder struct {
	files []*schema.File
	names map[*schema.File]string
	used  map[string][]Ref // by the ID of what is used
}

// collect finds the files and gives each a name of its own.
func (b *builder) collect(f *schema.File) {
	if _, ok := b.names[f]; ok {
		return
	}
	name := f.Name
	for n := 2; b.taken(name); n++ {
		name = f.Name + "-" + string('0'+rune(min(n, 9)))
		if n > 9 {
			name = f.Path
			break
		}
	}
	b.names[f] = name
	b.files = append(b.files, f)
	for _, inc := range f.Includes {
		b.collect(inc.File)
	}
}

func (b *builder) taken(name string) bool {
	for _, n := range b.names {
		if n == name {
			return true
		}
	}
	return false
}

func (b *builder) id(f *schema.File, name string) string { return b.names[f] + "." + name }

func (b *builder) file(f *schema.File) *File {
	out := &File{Name: b.names[f], Path: f.Path, Doc: f.Doc}
	for _, inc := range f.Includes {
		out.Includes = append(out.Includes, b.names[inc.File])
	}
	for _, n := range f.Namespaces {
		out.Namespaces = append(out.Namespaces, Namespace{n.Scope, n.Name, annotations(n.Annotations)})
	}
	for _, s := range f.Services {
		out.Definitions = append(out.Definitions, b.service(s))
	}
	for _, kind := range []schema.StructKind{schema.PlainStruct, schema.Union, schema.Exception} {
		for _, s := range f.Structs {
			if s.Kind == kind {
				d := b.definition(f, kind.String(), s.Name, s.Meta)
				d.Fields = b.fields(Ref{ID: d.ID, Text: s.Name}, f, s.Fields)
				out.Definitions = append(out.Definitions, d)
			}
		}
	}
	for _, e := range f.Enums {
		d := b.definition(f, "enum", e.Name, e.Meta)
		for _, v := range e.Values {
			d.Values = append(d.Values, EnumValue{v.Name, v.Number, v.Doc, annotations(v.Annotations)})
		}
		out.Definitions = append(out.Definitions, d)
	}
	for _, t := range f.Typedefs {
		d := b.definition(f, "typedef", t.Name, t.Meta)
		d.Type = b.typeOf(t.Type, Ref{ID: d.ID, Text: t.Name})
		out.Definitions = append(out.Definitions, d)
	}
	for _, c := range f.Constants {
		d := b.definition(f, "constant", c.Name, c.Meta)
		d.ID = b.id(f, "const."+c.Name) // a constant may share its name with something else
		d.Type = b.typeOf(c.Type, Ref{ID: d.ID, Text: c.Name})
		d.Value = literal(f, c.Type, c.Value)
		out.Definitions = append(out.Definitions, d)
	}
	return out
}

func (b *builder) definition(f *schema.File, kind, name string, m schema.Meta) *Definition {
	return &Definition{ID: b.id(f, name), Kind: kind, Name: name, Doc: m.Doc, Annotations: annotations(m.Annotations), Line: m.Pos.Line}
}

func annotations(list schema.Annotations) []Annotation {
	var out []Annotation
	for _, a := range list {
		out = append(out, Annotation{a.Name, a.Value})
	}
	return out
}

func (b *builder) service(s *schema.Service) *Definition {
	d := b.definition(s.File, "service", s.Name, s.Meta)
	if s.Extends != nil {
		d.Extends = &Ref{ID: b.id(s.Extends.File, s.Extends.Name), Text: b.seen(s.Extends.File, s.File, s.Extends.Name)}
		b.use(d.Extends.ID, Ref{ID: d.ID, Text: s.Name})
	}
	for _, m := range s.Methods {
		at := Ref{ID: d.ID + "." + m.Name, Text: m.String()}
		out := Method{ID: at.ID, Name: m.Name, Oneway: m.Oneway, Doc: m.Doc, Annotations: annotations(m.Annotations), Args: []Field{}}
		out.Result = *b.typeOf(m.Result, at)
		out.Args = append(out.Args, b.fields(at, s.File, m.Args.Fields)...)
		out.Throws = b.fields(at, s.File, m.Throws)
		if m.Stream != schema.Unary {
			out.Stream = m.Stream.String()
			out.ItemThrows, out.StreamThrows = b.fields(at, s.File, m.ItemThrows), b.fields(at, s.File, m.StreamThrows)
		}
		if m.First != nil {
			out.First = b.typeOf(m.First, at)
		}
		if item := m.ClientItem(); item != nil {
			out.Item = b.typeOf(item, at)
		}
		d.Methods = append(d.Methods, out)
	}
	return d
}

// seen returns the name of a definition of file f as another one sees it.
func (b *builder) seen(f, from *schema.File, name string) string {
	if f == from {
		return name
	}
	return f.Name + "." + name
}

func (b *builder) fields(at Ref, f *schema.File, list []*schema.Field) []Field {
	var out []Field
	for _, x := range list {
		field := Field{FieldID: x.ID, Name: x.Name, Requiredness: x.Requiredness.String(), Doc: x.Doc, Annotations: annotations(x.Annotations)}
		field.Type = *b.typeOf(x.Type, at)
		if x.Default != nil {
			field.Default = literal(f, x.Type, x.Default)
		}
		out = append(out, field)
	}
	return out
}

// use notes that what has the id is used at a place, once.
func (b *builder) use(id string, at Ref) {
	if id != at.ID && !slices.Contains(b.used[id], at) {
		b.used[id] = append(b.used[id], at)
	}
}

// typeOf returns t, and notes that it is used at a place.
func (b *builder) typeOf(t *schema.Type, at Ref) *Type {
	out := &Type{Text: t.String(), Name: t.Kind.String(), Annotations: annotations(t.Annotations)}
	switch {
	case t.Typedef != nil:
		out.Name, out.ID, out.Kind = out.Text, b.id(t.Typedef.File, t.Typedef.Name), "typedef"
	case t.Kind == schema.KindStruct:
		out.Name, out.ID, out.Kind = out.Text, b.id(t.Struct.File, t.Struct.Name), t.Struct.Kind.String()
	case t.Kind == schema.KindEnum:
		out.Name, out.ID, out.Kind = out.Text, b.id(t.Enum.File, t.Enum.Name), "enum"
	case t.Kind == schema.KindMap:
		out.Of = []Type{*b.typeOf(t.Key, at), *b.typeOf(t.Elem, at)}
	case t.Kind == schema.KindList || t.Kind == schema.KindSet:
		out.Of = []Type{*b.typeOf(t.Elem, at)}
	}
	if out.ID != "" {
		b.use(out.ID, at)
	}
	return out
}

// literal returns a value as IDL.
func literal(f *schema.File, t *schema.Type, v *schema.Literal) string {
	text := print.AppendDefinition(nil, &schema.Constant{Name: "x", File: f, Type: t, Value: v})
	_, value, _ := strings.Cut(string(text), " x = ")
	return strings.TrimSpace(value)
}

// byName returns refs sorted by what they say.
func byName(list []Ref) []Ref {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Ref) int { return cmp.Compare(a.Text, b.Text) })
	return list
}
