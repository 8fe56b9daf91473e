// Package fill makes JSON texts from YAML or JSON values whose strings may be templates, each text
// another one: the arguments of calls of a load test, the answers of a mock.
//
// A string with "{{" in it is a template of package text/template, and what it yields is one value: text
// where the schema has a string, binary, uuid or enum there, else JSON. Data says what a template can
// use.
package fill

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

// Data is what a template sees as its dot. It belongs to one goroutine.
type Data struct {
	Number  uint64 // of the call, from 0
	Worker  int    // that makes it, from 0
	Request any    // the arguments of the call that is answered, by name; nil in a load test

	rng  *rand.Rand
	fake *gofakeit.Faker
}

// NewData returns Data for a worker, whose random values depend on seed and worker alone.
func NewData(seed uint64, worker int) *Data {
	source := rand.NewPCG(seed, uint64(worker))
	return &Data{Worker: worker, rng: rand.New(source), fake: gofakeit.NewFaker(source, false)}
}

// UUID returns a random uuid (RFC 9562, version 4).
func (d *Data) UUID() string {
	var id [16]byte
	for i := range id {
		id[i] = byte(d.rng.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return dynamic.FormatUUID(id)
}

// Int returns a random number of least to most.
func (d *Data) Int(least, most int64) (int64, error) {
	if most < least || most-least < 0 || most-least == math.MaxInt64 {
		return 0, fmt.Errorf("there is no number of %d to %d to choose", least, most)
	}
	return least + d.rng.Int64N(most-least+1), nil
}

// longestString bounds Text.
const longestString = 16 << 20

// Text returns n random letters and digits.
func (d *Data) Text(n int) (string, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if n < 0 || n > longestString {
		return "", fmt.Errorf("a text of %d letters cannot be generated", n)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[d.rng.IntN(len(letters))]
	}
	return string(b), nil
}

// Pick returns one of its arguments.
func (d *Data) Pick(of ...any) (any, error) {
	if len(of) == 0 {
		return nil, errors.New("there is nothing to pick from")
	}
	return of[d.rng.IntN(len(of))], nil
}

// Float returns a random number from 0 to below 1.
func (d *Data) Float() float64 { return d.rng.Float64() }

// Now returns the time, for methods such as UnixMilli and Format.
func (d *Data) Now() time.Time { return time.Now() }

// Fake returns what makes names, addresses and the like: {{.Fake.Email}}.
func (d *Data) Fake() *gofakeit.Faker { return d.fake }

var functions = template.FuncMap{
	"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	},
}

// parse reads the text of one template.
func parse(text string) (*template.Template, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(text)
	return t, clean(err)
}

// clean takes out of an error of text/template which template it is in, as each has no name.
func clean(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "template: ")
	if _, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(text, ":") {
		text = rest
	}
	return errors.New("template: " + strings.TrimPrefix(text, `executing "" `))
}

// A Template makes a JSON text of Data. It is safe for concurrent use.
type Template struct {
	parts []part
	marks []mark
	fixed []byte // the text of one without templates, else nil
}

// A part is text, or what a template yields.
type part struct {
	text   []byte
	tmpl   *template.Template // nil: text
	quoted bool               // what it yields becomes a JSON string
	at     Place
}

// A Place is a line and a column, both from 1.
type Place struct{ Line, Column int }

// A mark says what the text from an offset on was made of. Offsets count the templates as nothing.
type mark struct {
	part, offset int
	at           Place
}

// An Error is a mistake in a value, with its place in the file.
type Error struct {
	Place
	Message string
}

// Error returns "3:14: message".
func (e *Error) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// Errorf returns an *Error at the place of node.
func Errorf(node *yaml.Node, format string, args ...any) error {
	return &Error{Place: Place{max(node.Line, 1), max(node.Column, 1)}, Message: fmt.Sprintf(format, args...)}
}

// Text returns the Template of a whole JSON text in which templates may stand anywhere.
func Text(text string) (*Template, error) {
	if !strings.Contains(text, "{{") {
		return &Template{fixed: []byte(text)}, nil
	}
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &Template{parts: []part{{tmpl: t}}}, nil
}

// Word returns the Template of one value of type t that is text as a word of the command line.
func Word(t *schema.Type, text string) (*Template, error) {
	tmpl, err := parse(text)
	if err != nil {
		return nil, err
	}
	return &Template{parts: []part{{tmpl: tmpl, quoted: isText(t)}}}, nil
}

// Object returns the Template of an object of which each member has its own.
func Object(names []string, members []*Template) *Template {
	b := &builder{}
	b.write("{")
	for i, name := range names {
		if i > 0 {
			b.write(",")
		}
		b.write(quote(name) + ":")
		if members[i].fixed != nil {
			b.write(string(members[i].fixed))
		}
		for _, p := range members[i].parts {
			b.add(p)
		}
	}
	b.write("}")
	return b.template()
}

// isText reports whether what a template yields for t is text, not JSON. A nil t is unknown.
func isText(t *schema.Type) bool {
	if t == nil {
		return true
	}
	switch t.Kind {
	case schema.KindString, schema.KindBinary, schema.KindUUID, schema.KindEnum:
		return true
	}
	return false
}

// Node returns the Template of a value of type t. The error, of type *Error, is about what JSON cannot say and about
// templates; whether the value fits t is seen when its text is read.
func Node(node *yaml.Node, t *schema.Type) (*Template, error) {
	b := &builder{}
	if err := b.node(node, t, 0); err != nil {
		return nil, err
	}
	return b.template(), nil
}

// Literal is Node for values in which "{{" is nothing special.
func Literal(node *yaml.Node, t *schema.Type) (*Template, error) {
	b := &builder{literal: true}
	if err := b.node(node, t, 0); err != nil {
		return nil, err
	}
	return b.template(), nil
}

// IsStatic reports whether the text is always the same.
func (t *Template) IsStatic() bool { return t.fixed != nil }

// Append appends the text for d to dst and returns dst, extended. The error is of a template.
func (t *Template) Append(dst []byte, d *Data) ([]byte, error) {
	if t.fixed != nil {
		return append(dst, t.fixed...), nil
	}
	var out bytes.Buffer
	for _, p := range t.parts {
		if p.tmpl == nil {
			dst = append(dst, p.text...)
			continue
		}
		out.Reset()
		if err := p.tmpl.Execute(&out, d); err != nil {
			if err = clean(err); p.at.Line > 0 {
				err = &Error{Place: p.at, Message: err.Error()}
			}
			return dst, err
		}
		if p.quoted {
			dst = jsontext.AppendString(dst, strings.ToValidUTF8(out.String(), "\ufffd"))
		} else {
			dst = append(dst, out.Bytes()...)
		}
	}
	return dst, nil
}

// At returns the place in the file of what made the byte at an offset of a static text.
func (t *Template) At(offset int) Place {
	var at Place
	for _, m := range t.marks {
		if m.part == 0 && m.offset <= offset {
			at = m.at
		}
	}
	return at
}

// Limits of what a value may become: aliases of YAML can multiply it.
const (
	maxBytes = 16 << 20
	maxDepth = 100
)

type builder struct {
	parts []part
	last  []byte
	marks []mark
	size  int

	literal bool // there are no templates
}

func (b *builder) write(text string) {
	b.last = append(b.last, text...)
	b.size += len(text)
}

func (b *builder) add(p part) {
	if p.tmpl == nil {
		b.last = append(b.last, p.text...)
		return
	}
	b.flush()
	b.parts = append(b.parts, p)
}

func (b *builder) flush() {
	if len(b.last) > 0 {
		b.parts = append(b.parts, part{text: b.last})
		b.last = nil
	}
}

func (b *builder) template() *Template {
	if len(b.parts) == 0 {
		return &Template{fixed: append([]byte{}, b.last...), marks: b.marks}
	}
	b.flush()
	return &Template{parts: b.parts, marks: b.marks}
}

func (b *builder) mark(node *yaml.Node) {
	b.marks = append(b.marks, mark{part: len(b.parts), offset: len(b.last), at: Place{node.Line, node.Column}})
}

func (b *builder) node(node *yaml.Node, t *schema.Type, depth int) error {
	switch {
	case depth > maxDepth:
		return Errorf(node, "nested too deep")
	case b.size > maxBytes:
		return Errorf(node, "the value is too large")
	}
	b.mark(node)
	switch node.Kind {
	case yaml.AliasNode:
		return b.node(node.Alias, t, depth+1)
	case yaml.SequenceNode:
		var elem *schema.Type
		if t != nil {
			elem = t.Elem
		}
		return b.list(node, elem, depth)
	case yaml.MappingNode:
		return b.object(node, t, depth)
	case yaml.ScalarNode:
		return b.scalar(node, t)
	}
	return Errorf(node, "want a value")
}

func (b *builder) list(node *yaml.Node, elem *schema.Type, depth int) error {
	b.write("[")
	for i, child := range node.Content {
		if i > 0 {
			b.write(",")
		}
		if err := b.node(child, elem, depth+1); err != nil {
			return err
		}
	}
	b.write("]")
	return nil
}

func (b *builder) object(node *yaml.Node, t *schema.Type, depth int) error {
	b.write("{")
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return Errorf(key, "want a name")
		}
		if i > 0 {
			b.write(",")
		}
		b.mark(key)
		b.write(quote(key.Value) + ":")
		if err := b.node(value, memberType(t, key.Value), depth+1); err != nil {
			return err
		}
	}
	b.write("}")
	return nil
}

// memberType returns the type of a member of an object of type t, nil if it is not known.
func memberType(t *schema.Type, name string) *schema.Type {
	switch {
	case t == nil:
	case t.Kind == schema.KindMap:
		return t.Elem
	case t.Kind == schema.KindStruct:
		if f := t.Struct.Field(name); f != nil {
			return f.Type
		}
	}
	return nil
}

func (b *builder) scalar(node *yaml.Node, t *schema.Type) error {
	if !b.literal && strings.Contains(node.Value, "{{") {
		tmpl, err := parse(node.Value)
		if err != nil {
			return Errorf(node, "%v", err)
		}
		b.add(part{tmpl: tmpl, quoted: isText(t), at: Place{node.Line, node.Column}})
		return nil
	}
	switch node.ShortTag() {
	case "!!null":
		b.write("null")
	case "!!bool":
		b.write(strings.ToLower(node.Value))
	case "!!int":
		var n int64
		if err := node.Decode(&n); err != nil {
			return Errorf(node, "%s is not a number of 64 bits", node.Value)
		}
		if n == 0 && strings.HasPrefix(node.Value, "-") {
			b.write("-") // a double may be minus zero
		}
		b.write(strconv.FormatInt(n, 10))
	case "!!float":
		var f float64
		if err := node.Decode(&f); err != nil {
			return Errorf(node, "%s is not a number", node.Value)
		}
		b.write(string(jsontext.AppendDouble(nil, f)))
	default:
		b.write(quote(node.Value))
	}
	return nil
}

func quote(text string) string {
	return string(jsontext.AppendString(nil, strings.ToValidUTF8(text, "\ufffd")))
}

// Declared returns what an error about an exception that m does not declare adds: the names of those that
// it does, if there are any.
func Declared(m *schema.Method) string {
	if len(m.Throws) == 0 {
		return ""
	}
	var names []string
	for _, f := range m.Throws {
		names = append(names, f.Type.Struct.Name)
	}
	return " (declared: " + strings.Join(names, ", ") + ")"
}
