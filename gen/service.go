package gen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// A method is one of the methods that a service declares.
type method struct {
	*schema.Method
	name        string // in Go
	args, reply string // the types of what travels
	stub        string // the client's field
	params      []string
	argNames    []string // fields of args
	throws      []string // fields of reply
	streams     bool
	held        bool // the reply's result is a pointer to what the method returns
}

// parameters returns the parameters of m in Go, "" or ", a int32, b string".
func (g *generator) parameters(m *method) string {
	var b strings.Builder
	for i, f := range m.Sent() {
		fmt.Fprintf(&b, ", %s %s", m.params[i], g.goType(f.Type))
	}
	return b.String()
}

// signature returns parameters and results of m in the interface of a server.
func (g *generator) signature(m *method) string {
	head := fmt.Sprintf("(ctx %s%s", g.use("context", "Context"), g.parameters(m))
	if !m.streams {
		return head + ") " + g.results(m, false)
	}
	if m.Stream.ClientStreams() {
		head += fmt.Sprintf(", in *%s[%s]", g.use("rpc", "Receiver"), g.itemType(m.ClientItem()))
	}
	if m.Stream.ServerStreams() {
		return head + fmt.Sprintf(", out *%s[%s]) error", g.use("rpc", "Sender"), g.itemType(m.Result))
	}
	return head + ") " + g.results(m, false)
}

// clientStream returns the type of the stream that a client's method returns.
func (g *generator) clientStream(m *method) string {
	switch {
	case m.Stream == schema.ServerStream:
		return fmt.Sprintf("*%s[%s]", g.use("rpc", "Receiver"), g.itemType(m.Result))
	case m.Stream == schema.ClientStream:
		return fmt.Sprintf("*%s[%s, %s]", g.use("rpc", "ClientStream"), g.itemType(m.ClientItem()), g.itemType(m.Result))
	}
	return fmt.Sprintf("*%s[%s, %s]", g.use("rpc", "BidiStream"), g.itemType(m.ClientItem()), g.itemType(m.Result))
}

// itemType is goType, with struct{} for void.
func (g *generator) itemType(t *schema.Type) string {
	if t.Kind == schema.KindVoid {
		return "struct{}"
	}
	return g.goType(t)
}

// results returns the results of m in Go.
func (g *generator) results(m *method, named bool) string {
	switch {
	case m.Result.Kind == schema.KindVoid && named:
		return "(err error)"
	case m.Result.Kind == schema.KindVoid:
		return "error"
	case named:
		return "(result " + g.goType(m.Result) + ", err error)"
	}
	return "(" + g.goType(m.Result) + ", error)"
}

func (g *generator) method(s *schema.Service, x *schema.Method, stubs scope) *method {
	m := &method{Method: x, name: g.pkg.meth[x], streams: x.Stream != schema.Unary}
	if m.streams {
		params := scopeOf("ctx c in out")
		for _, f := range m.Sent() {
			m.params = append(m.params, params.pick(unexport(export(f.Name))))
		}
		return m
	}
	m.stub = stubs.pick(unexport(m.name))
	prefix := unexport(g.pkg.of[s]) + m.name
	params, fields := scopeOf("ctx c call result err nil"), make(scope)
	for _, f := range x.Args.Fields {
		name := unexport(export(f.Name))
		m.params = append(m.params, params.pick(name))
		m.argNames = append(m.argNames, fields.pick(export(f.Name)))
	}
	m.args, m.reply = "struct{}", "struct{}"
	if len(x.Args.Fields) > 0 {
		m.args = g.pkg.names.pick(prefix + "Args")
	}
	if len(x.Reply().Fields) > 0 {
		m.reply = g.pkg.names.pick(prefix + "Reply")
	}
	m.held = x.Result.Kind != schema.KindVoid && x.Result.Kind != schema.KindStruct && !g.isDynamic(x.Result)
	replies := scopeOf("Success")
	for _, f := range x.Throws {
		m.throws = append(m.throws, replies.pick(export(f.Name)))
	}
	return m
}

// service writes the interface, the client and the handler of a service.
func (g *generator) service(s *schema.Service) {
	name := g.pkg.of[s]
	extra := func(what string) string { return g.pkg.extra[about{what, s}] }
	client, handler, desc := extra("Client"), extra("Handler"), extra("Service")
	stubs := make(scope)
	if s.Extends != nil {
		stubs[g.pkgs[s.Extends.File].extra[about{"Client", s.Extends}]] = true
	}
	var methods, unary, streaming []*method
	var left []*schema.Method
	for _, m := range s.Methods {
		if m.First != nil {
			left = append(left, m)
			continue
		}
		x := g.method(s, m, stubs)
		methods = append(methods, x)
		if x.streams {
			streaming = append(streaming, x)
		} else {
			unary = append(unary, x)
		}
	}

	g.p("// %s returns what the IDL has about the service %s.", desc, s.Name)
	g.p("func %s() *%s { return %s().Service(%q) }\n", desc, g.use("schema", "Service"), g.pkg.schemaFunc, s.Name)

	g.docOr(s.Meta, "A %s answers the calls of the service %s.", name, s.Name)
	g.p("type %s interface {", name)
	if s.Extends != nil {
		g.p("%s", g.of(s.Extends.File, s.Extends))
	}
	for _, m := range methods {
		g.doc(m.Meta, "\t")
		g.p("%s%s", m.name, g.signature(m))
	}
	for _, m := range left {
		g.p("// %s is not generated: it has a response before its stream, which no protocol here carries.", m.Name)
	}
	g.p("}\n")

	g.p("// %s returns h as a handler for rpc.Server.Register and thriftkit.ListenAndServe, with %s.", handler, desc)
	routes := g.pkg.names.pick(unexport(name) + "Routes")
	g.p("func %s(h %s) %s { return %s{h} }\n", handler, name, g.use("thriftimpl", "Dispatcher"), routes)
	g.p("type %s struct{ h %s }\n", routes, name)
	g.routes(s, routes, methods)

	g.p("// A %s calls a server's %s. It is safe for concurrent use.", client, s.Name)
	g.p("type %s struct {", client)
	if s.Extends != nil {
		g.p("*%s", g.extra(s.Extends.File, "Client", s.Extends))
	}
	for _, m := range unary {
		g.p("%s *%s[%s, %s]", m.stub, g.use("thriftimpl", "Stub"), m.args, m.reply)
	}
	streams, funcs := "", ""
	if len(streaming) > 0 {
		streams, funcs = stubs.pick("streams"), g.pkg.names.pick(unexport(client)+"Streams")
		g.p("%s %s", streams, funcs)
	}
	g.p("}\n")
	if funcs != "" {
		g.p("// %s calls the methods that stream.\ntype %s struct {", funcs, funcs)
		for _, m := range streaming {
			g.p("%s func(ctx %s%s) (%s, error) `thrift:%q`", m.name, g.use("context", "Context"), g.parameters(m), g.clientStream(m), m.Name)
		}
		g.p("}\n")
	}
	g.p("// %s returns a client whose calls go over c.", extra("NewClient"))
	g.p("func %s(c *%s) *%s { return %s(c, %s()) }\n", extra("NewClient"), g.use("rpc", "Client"), client, extra("ClientOf"), desc)
	g.p("// %s is %s for a service that extends this one.", extra("ClientOf"), extra("NewClient"))
	start := "return"
	if funcs != "" {
		start = "x :="
	}
	g.p("func %s(c *%s, s *%s) *%s {\n%s &%s{", extra("ClientOf"), g.use("rpc", "Client"), g.use("schema", "Service"), client, start, client)
	if s.Extends != nil {
		g.p("%s: %s(c, s),", g.pkgs[s.Extends.File].extra[about{"Client", s.Extends}], g.extra(s.Extends.File, "ClientOf", s.Extends))
	}
	for _, m := range unary {
		g.p("%s: %s[%s, %s](c, s, %q),", m.stub, g.use("thriftimpl", "MustStub"), m.args, m.reply, m.Name)
	}
	if funcs != "" {
		g.p("}\n%s(c, s, &x.%s%s)\nreturn x\n}\n", g.use("thriftimpl", "MustBindStreams"), streams, g.exceptions(streaming))
	} else {
		g.p("}\n}\n")
	}
	for _, m := range methods {
		if m.streams {
			g.open(client, streams, m)
			continue
		}
		g.call(client, m)
	}
	for _, m := range unary {
		g.messages(m)
	}
}

// exceptions returns ", new(A), new(B)" for the exceptions that methods throw.
func (g *generator) exceptions(methods []*method) string {
	var all []string
	for _, m := range methods {
		for _, f := range m.Throws {
			if x := ", new(" + strings.TrimPrefix(g.goType(f.Type), "*") + ")"; !g.isDynamic(f.Type) && !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	return strings.Join(all, "")
}

// open writes the client's method that opens a stream.
func (g *generator) open(client, streams string, m *method) {
	g.docOr(m.Meta, "%s calls %s. The context must end when not all of the stream is read.", m.name, m.Name)
	g.p("func (c *%s) %s(ctx %s%s) (%s, error) {", client, m.name, g.use("context", "Context"), g.parameters(m), g.clientStream(m))
	args := ""
	for _, p := range m.params {
		args += ", " + p
	}
	g.p("return c.%s.%s(ctx%s)\n}\n", streams, m.name, args)
}

// routes writes the method of the type routes that says which func answers which method.
func (g *generator) routes(s *schema.Service, routes string, methods []*method) {
	g.p("func (s %s) Routes() []%s {", routes, g.use("thriftimpl", "Route"))
	none, parent := "nil", "[]"+g.use("thriftimpl", "Route")+"(nil)"
	if s.Extends != nil {
		parent = g.extra(s.Extends.File, "Handler", s.Extends) + "(s.h).Routes()"
		none = parent
	}
	if len(methods) == 0 {
		g.p("return %s\n}\n", none)
		return
	}
	g.p("h := s.h\nreturn append(%s,", parent)
	for _, m := range methods {
		g.route(m)
	}
	g.p(")\n}\n")
}

// route writes how h answers m.
func (g *generator) route(m *method) {
	if m.streams {
		g.p("%s(%q, h.%s),", g.use("thriftimpl", "NewStreamRoute"), m.Name, m.name)
		return
	}
	args, reply := "a", "r"
	if len(m.Args.Fields) == 0 {
		args = "_"
	}
	var list strings.Builder
	for _, name := range m.argNames {
		list.WriteString(", a." + name)
	}
	call := fmt.Sprintf("h.%s(ctx%s)", m.name, list.String())
	if m.Result.Kind == schema.KindVoid {
		reply = "_"
	}
	g.p("%s(%q, func(ctx %s, %s *%s, %s *%s) (err error) {", g.use("thriftimpl", "NewRoute"), m.Name, g.use("context", "Context"), args, m.args, reply, m.reply)
	switch {
	case m.Result.Kind == schema.KindVoid:
		g.p("return %s\n}),", call)
	case m.held:
		g.p("r.success, err = %s\nr.Success = &r.success\nreturn err\n}),", call)
	default:
		g.p("r.Success, err = %s\nreturn err\n}),", call)
	}
}

// call writes the client's method.
func (g *generator) call(client string, m *method) {
	g.docOr(m.Meta, "%s calls %s.", m.name, m.Name)
	g.p("func (c *%s) %s(ctx %s%s) %s {", client, m.name, g.use("context", "Context"), g.parameters(m), g.results(m, true))
	g.p("call := c.%s.New()\ndefer call.Free()", m.stub)
	for i, name := range m.argNames {
		g.p("call.Args.%s = %s", name, m.params[i])
	}
	switch {
	case m.Result.Kind == schema.KindVoid:
		g.p("return call.Do(ctx)\n}\n")
	case m.held:
		g.p("if err = call.Do(ctx); err == nil {\nresult = *call.Reply.Success\n}\nreturn result, err\n}\n")
	default:
		g.p("err = call.Do(ctx)\nreturn call.Reply.Success, err\n}\n")
	}
}

// messages writes the types of a method's arguments and reply.
func (g *generator) messages(m *method) {
	if len(m.Args.Fields) > 0 {
		g.p("type %s struct {", m.args)
		for i, f := range m.Args.Fields {
			g.p("%s %s `thrift:%q`", m.argNames[i], g.goType(f.Type), f.Name)
		}
		g.p("}\n")
	}
	if len(m.Reply().Fields) == 0 {
		return
	}
	g.p("type %s struct {", m.reply)
	if m.Result.Kind != schema.KindVoid {
		star := ""
		if m.held {
			star = "*"
		}
		g.p("Success %s%s `thrift:\"success\"`", star, g.goType(m.Result))
	}
	for i, f := range m.Throws {
		g.p("%s %s `thrift:%q`", m.throws[i], g.goType(f.Type), f.Name)
	}
	if m.held {
		g.p("success %s // what Success points to on a server", g.goType(m.Result))
	}
	g.p("}\n")
}
