package compile

import (
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
)

// service compiles a service after the one that it extends.
func (u *unit) service(s *symbol) {
	if s.state == done {
		return
	}
	s.state = busy
	def := s.def.(*syntax.Service)
	if def.Extends.Text != "" {
		u.extend(s, def)
	}
	s.state = done
	s.functions = make(map[string]syntax.Span, len(def.Functions))
	methods := make([]schema.Method, 0, len(def.Functions))
	s.service.Methods = make([]*schema.Method, 0, len(def.Functions))
	for _, name := range def.Performs {
		u.interactionLeftOut(syntax.Span{Start: name.End - len(name.Text), End: name.End}, "service "+def.Name.Text, name.Text)
	}
	for _, fn := range def.Functions {
		if name := u.interactionOf(fn); name != nil {
			u.interactionLeftOut(name.Span, "function "+fn.Name.Text, name.Name)
			continue
		}
		if !u.plainName(fn.Name) || !u.newFunction(s, fn) {
			continue
		}
		methods = append(methods, schema.Method{})
		m := &methods[len(methods)-1]
		u.method(m, s, fn)
		s.service.Methods = append(s.service.Methods, m)
	}
}

// interactionOf returns the interaction that fn opens, nil for most.
func (u *unit) interactionOf(fn *syntax.Function) *syntax.NamedType {
	if fn.Interaction != nil {
		return fn.Interaction
	}
	if t, ok := fn.Result.(*syntax.NamedType); ok && u.tree.Dialect == syntax.FBThrift {
		if m := u.lookupType(t.Name); m.symbol != nil && m.symbol.isInteraction() {
			return t
		}
	}
	return nil
}

// interactionLeftOut warns that what uses an interaction is not compiled, or reports that there is none of that name.
func (u *unit) interactionLeftOut(s syntax.Span, what, interaction string) {
	switch m := u.lookupType(interaction); {
	case m.clash != nil:
		u.ambiguous(s, interaction, m)
		return
	case m.symbol == nil && m.lost:
		return
	case m.symbol == nil:
		u.error(s, "unknown-name", "unknown interaction %s", interaction)
		return
	case !m.symbol.isInteraction():
		u.error(s, "wrong-kind", "%s is %s, not an interaction", interaction, m.symbol.what()).
			also(m.symbol.unit, m.symbol.name.Span, "defined")
		return
	}
	u.warn(s, "unsupported", "%s is left out of %s: it needs fbthrift's Rocket transport", "interaction "+interaction, what)
}

// extend finds the parent of s and compiles it first.
func (u *unit) extend(s *symbol, def *syntax.Service) {
	name := def.Extends
	m := u.lookupType(name.Text)
	switch {
	case m.clash != nil:
		u.ambiguous(name.Span, name.Text, m)
		return
	case m.symbol == nil && m.lost:
		return
	case m.symbol == nil:
		u.error(name.Span, "unknown-service", "unknown service %s", name.Text).hint("%s", u.suggestService(name.Text))
		return
	case m.symbol.service == nil:
		u.error(name.Span, "wrong-kind", "%s is %s, not a service", name.Text, m.symbol.what()).
			also(m.symbol.unit, m.symbol.name.Span, "defined")
		return
	case m.symbol.state == busy:
		u.serviceCycle(s, m.symbol)
		return
	}
	if u.extending >= maxDepth {
		u.error(name.Span, "too-deep", "services extend each other deeper than %d", maxDepth)
		return
	}
	s.parent = m.symbol // before the parent is compiled: a cycle is reported along parents
	u.extending++
	u.service(m.symbol)
	u.extending--
	if s.parent == nil { // it is part of a cycle
		return
	}
	s.chain = m.symbol.chain + 1
	if s.chain > maxDepth {
		u.error(name.Span, "too-deep", "services extend each other deeper than %d", maxDepth)
		s.parent, s.chain = nil, 0
		return
	}
	s.service.Extends = m.symbol.service
}

// serviceCycle reports that last extends first, which extends, by others maybe, last.
func (u *unit) serviceCycle(last, first *symbol) {
	names := []string{first.name.Text}
	var cycle []*symbol
	for s := first; s != last; s = s.parent {
		cycle = append(cycle, s)
		names = append(names, s.parent.name.Text)
	}
	cycle = append(cycle, last)
	names = append(names, first.name.Text)
	r := u.error(first.name.Span, "extends-cycle", "service %s extends itself: %s", first.name.Text, strings.Join(names, " -> "))
	for _, s := range cycle[1:] {
		r.also(u, s.name.Span, s.name.Text+" is defined")
	}
	for _, s := range cycle {
		s.parent = nil
	}
}

// newFunction reports whether s may have fn: neither it nor what it extends has one of the name.
func (u *unit) newFunction(s *symbol, fn *syntax.Function) bool {
	name := fn.Name.Text
	for t := s; t != nil; t = t.parent {
		other, ok := t.functions[name]
		if !ok {
			continue
		}
		if t == s {
			u.error(fn.Name.Span, "duplicate-function", "service %s already has a function %s", s.name.Text, name).
				also(u, other, "defined")
		} else {
			u.error(fn.Name.Span, "duplicate-function", "service %s already has a function %s from %s", s.name.Text, name, t.name.Text).
				also(t.unit, other, "defined").
				hint("two functions of one name are the same on the wire")
		}
		return false
	}
	s.functions[name] = fn.Name.Span
	return true
}

func (u *unit) method(m *schema.Method, s *symbol, fn *syntax.Function) {
	m.Name, m.Service, m.Oneway = fn.Name.Text, s.service, fn.Oneway
	m.Meta = u.meta(fn.Doc, fn.Annotations, fn.Name.Span)
	throws := roleThrows
	if fn.Result == nil {
		m.Result = u.baseOf(schema.KindVoid)
		throws = roleThrowsVoid
	} else {
		u.result = fn.Result
		m.Result, _ = u.typeOf(fn.Result)
	}
	if fn.Oneway && fn.Result != nil {
		u.warn(fn.Result.Range(), "oneway-result", "the result of %s is ignored: nobody waits for the reply of a oneway function", fn.Name.Text)
		m.Result = u.baseOf(schema.KindVoid)
	}
	m.Args = &schema.Struct{Kind: schema.Arguments, Fields: u.fieldList(fn.Params, roleArgs, fn.Name.Text), Meta: schema.Meta{Pos: m.Pos}}
	m.Throws = u.fieldList(fn.Throws, throws, fn.Name.Text)
	u.onlyExceptions(fn, fn.Throws, m.Throws)
	u.streams(m, fn)
	if fn.Oneway && len(fn.Throws) > 0 {
		u.error(fn.ThrowsSpan, "oneway-throws", "oneway function %s cannot throw: nobody waits for its reply", fn.Name.Text)
	}
}

// onlyExceptions reports what is thrown and no exception, of a throws clause of fn.
func (u *unit) onlyExceptions(fn *syntax.Function, defs []*syntax.Field, list []*schema.Field) {
	for i, f := range list {
		f.Index = i
		if t := f.Type; t != nil && (t.Kind != schema.KindStruct || t.Struct.Kind != schema.Exception) {
			r := u.error(throwsType(fn, defs, f), "not-an-exception", "function %s throws %s, which is not an exception", fn.Name.Text, t)
			if t.Kind == schema.KindStruct {
				r.alsoAt(t.Struct.Pos, "defined")
			}
		}
	}
}

// throwsType returns the place of the type of f, which is one of fn's exceptions.
func throwsType(fn *syntax.Function, defs []*syntax.Field, f *schema.Field) syntax.Span {
	for _, def := range defs {
		if def.Name.Text == f.Name && def.Type != nil {
			return def.Type.Range()
		}
	}
	return fn.ThrowsSpan
}

// streamingMode is Kitex's annotation of a method that streams.
const streamingMode = "streaming.mode"

// streams finds out whether m streams, and what: by its types in fbthrift's form, or by the annotation
// in Kitex's.
func (u *unit) streams(m *schema.Method, fn *syntax.Function) {
	mode := annotation(fn.Annotations, streamingMode)
	if fn.Sink == nil && fn.Stream == nil {
		if mode != nil {
			u.annotatedStream(m, fn, mode)
		}
		return
	}
	at := fn.Name.Span
	if mode != nil {
		u.error(mode.Span, "bad-stream", "%s streams by its type and by an annotation", fn.Name.Text)
	}
	if fn.Oneway {
		u.error(fn.OnewaySpan, "bad-stream", "oneway function %s cannot stream", fn.Name.Text)
	}
	if fn.Result != nil {
		m.First = m.Result
	}
	m.Result = u.baseOf(schema.KindVoid)
	if t := fn.Sink; t != nil {
		m.Stream = schema.ClientStream
		m.Item, _ = u.typeOf(t.Elem)
		m.ItemThrows = u.fieldList(t.Throws, roleThrows, fn.Name.Text)
		u.onlyExceptions(fn, t.Throws, m.ItemThrows)
		switch {
		case fn.Stream != nil && (t.Final != nil || len(t.FinalThrows) > 0):
			u.error(at, "bad-stream", "the sink of %s has a final response, and a stream follows", fn.Name.Text)
		case t.Final != nil:
			m.Result, _ = u.typeOf(t.Final)
		}
		m.StreamThrows = u.fieldList(t.FinalThrows, roleThrows, fn.Name.Text)
		u.onlyExceptions(fn, t.FinalThrows, m.StreamThrows)
	}
	if t := fn.Stream; t != nil {
		m.Stream = schema.ServerStream
		if fn.Sink != nil {
			m.Stream = schema.BidiStream
		}
		m.Result, _ = u.typeOf(t.Elem)
		m.StreamThrows = u.fieldList(t.Throws, roleThrows, fn.Name.Text)
		u.onlyExceptions(fn, t.Throws, m.StreamThrows)
	}
}

// annotatedStream is streams for Kitex's form.
func (u *unit) annotatedStream(m *schema.Method, fn *syntax.Function, mode *syntax.Annotation) {
	word := ""
	if mode.Value != nil {
		word = mode.Value.Text
	}
	for m.Stream.String() != word {
		if m.Stream++; m.Stream > schema.BidiStream {
			m.Stream = schema.Unary
			u.error(mode.Span, "bad-stream", "%q is not a streaming mode", word).
				hint("want unary, client, server or bidirectional")
			return
		}
	}
	kind := m.Stream
	switch {
	case kind == schema.Unary:
	case fn.Oneway:
		u.error(mode.Span, "bad-stream", "oneway function %s cannot stream", fn.Name.Text)
	case kind.ClientStreams() && len(fn.Params) != 1:
		u.error(mode.Span, "bad-stream", "function %s streams its parameter and has %d", fn.Name.Text, len(fn.Params)).
			hint("a function whose client streams has one parameter, which is each message")
	case kind.ServerStreams() && fn.Result == nil:
		u.error(mode.Span, "bad-stream", "function %s streams its result and has none", fn.Name.Text)
	}
}

// annotation returns the first annotation called name, nil if there is none.
func annotation(list []*syntax.Annotation, name string) *syntax.Annotation {
	for _, a := range list {
		if a.Name.Text == name {
			return a
		}
	}
	return nil
}
