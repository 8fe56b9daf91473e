// Package restmap maps the methods of services to requests of HTTP, by CloudWeGo's annotations: api.get = "/v1/users/:id" and its
// relatives on a method say which requests call it, api.path, api.query and their relatives on a field where in a request its value is.
// The gateway answers requests by what is here, and OpenAPI documents are written from it, so that they cannot differ.
//
// The sources are the annotations that Hertz's generator hz and Kitex's generic calls over HTTP read; docs/gateway.md says where the
// two differ from each other and from this package. Their order is that of Hertz's binding (lookupFieldTags in its package decoder).
package restmap

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
)

// A Source is a part of a request in which the value of a field may be.
type Source uint8

// The sources, in the order in which they are looked at.
const (
	Path Source = iota
	Form
	Query
	Cookie
	Header
	Body
	RawBody
)

var sourceNames = [...]string{"path", "form", "query", "cookie", "header", "body", "raw_body"}

// String returns the annotation's name without "api.".
func (s Source) String() string { return sourceNames[s] }

// A Binding says where the value of a field is.
type Binding struct {
	Source Source
	Name   string // of the parameter, header field, cookie, or member of the body; "" of RawBody
}

// A Param is a field of a request and where its value may be.
type Param struct {
	Field *schema.Field // of Route.Request
	From  []Binding     // in the order of Source; the first that is there counts. None: the field has no value
}

// A Segment is what a path has between two slashes.
type Segment struct {
	Kind SegmentKind
	Text string // the text itself, or the name of the parameter
}

// A SegmentKind says what a Segment matches.
type SegmentKind uint8

// The kinds, in the order in which they are tried.
const (
	Literal  SegmentKind = iota // its text
	Single                      // ":name": one segment that is not empty
	CatchAll                    // "*name", the last one: all that is left, slashes included, or nothing
)

// A Route is a kind of request that calls a method.
type Route struct {
	HTTPMethod string // "" for each
	Pattern    string // as in the IDL
	Segments   []Segment
	Service    *schema.Service
	Method     *schema.Method

	// Request is the struct of which fields get values: the only argument if that is a struct which has no annotation of its own,
	// else the arguments.
	Request *schema.Struct
	Whole   bool // Request is the only argument
	Params  []Param

	// Body has the fields that a body of JSON may have, under their names there; nil if there is no such body.
	// BodyFields has, for each of its fields, the index in Request.
	Body       *schema.Struct
	BodyFields []int
	HasForm    bool // a field may be in a form
	HasRawBody bool // a field is the whole body

	// Response says how the result is answered, if it is a struct of which annotations speak; else nil.
	Response *Response
}

// A Response says how a struct is answered.
type Response struct {
	Status  int // index of the field that is the status, by api.http_code; -1 if none
	Headers []ResponseHeader
	// Body has the fields that the body has, under their names there, and BodyFields the index of each in the struct.
	Body       *schema.Struct
	BodyFields []int
}

// A ResponseHeader is a header field of a response.
type ResponseHeader struct {
	Index int // of the field in the struct
	Name  string
}

// routeAnnotations are those that make routes.
var routeAnnotations = map[string]string{
	"api.get": http.MethodGet, "api.post": http.MethodPost, "api.put": http.MethodPut, "api.delete": http.MethodDelete,
	"api.patch": http.MethodPatch, "api.head": http.MethodHead, "api.options": http.MethodOptions, "api.any": "",
}

// StatusAnnotation is the status of HTTP for an exception, on its definition.
const StatusAnnotation = "api.http_code"

// Status returns the status that StatusAnnotation gives an exception; 0 if it has none. The error says that it is no status of an error.
func Status(s *schema.Struct) (int, error) {
	text, ok := s.Annotations.Get(StatusAnnotation)
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 400 || n > 599 {
		return 0, fmt.Errorf("%s: %s: %s = %q is not a status from 400 to 599", s.Pos, s.Name, StatusAnnotation, text)
	}
	return n, nil
}

// ClientClosed is the status that servers note for a client that has gone: nobody gets it.
const ClientClosed = 499

// grpcStatuses has the status for each status code of gRPC, as its transcoding to HTTP has it (google/rpc/code.proto).
var grpcStatuses = map[string]int{
	"CANCELLED": ClientClosed, "CANCELED": ClientClosed, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404,
	"ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400,
	"ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500,
}

// ExceptionStatus returns the status of a declared exception: of its annotation api.http_code, else of grpc.code, else 422.
func ExceptionStatus(desc *schema.Struct) int {
	if n, err := Status(desc); n != 0 && err == nil {
		return n
	}
	code, _ := desc.Annotations.Get(protomap.CodeAnnotation)
	if n := grpcStatuses[strings.ToUpper(code)]; n != 0 {
		return n
	}
	return http.StatusUnprocessableEntity
}

// HasText reports whether values of t have a text form of one piece, as a parameter of a path has.
func HasText(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindVoid, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return false
	}
	return true
}

// IsList reports whether t is a list or a set of values that have a text form.
func IsList(t *schema.Type) bool {
	return (t.Kind == schema.KindList || t.Kind == schema.KindSet) && HasText(t.Elem)
}

// Of returns the routes of the services, in the order of their methods. The error joins all that is wrong with their annotations, each with
// the position of the method or the field.
func Of(services []*schema.Service) ([]*Route, error) {
	m := &mapper{taken: make(map[string]*Route)}
	for _, svc := range services {
		for _, method := range svc.AllMethods() {
			m.method(svc, method)
		}
	}
	return m.routes, errors.Join(m.errs...)
}

type mapper struct {
	routes []*Route
	taken  map[string]*Route // by method and shape
	errs   []error
}

func (m *mapper) errorf(pos schema.Position, format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if pos.IsValid() {
		err = fmt.Errorf("%s: %w", pos, err)
	}
	if !slices.ContainsFunc(m.errs, func(other error) bool { return other.Error() == err.Error() }) { // of several routes
		m.errs = append(m.errs, err)
	}
}

// method adds the routes of a method.
func (m *mapper) method(svc *schema.Service, method *schema.Method) {
	for _, t := range method.Throws {
		if _, err := Status(t.Type.Struct); err != nil {
			m.errorf(schema.Position{}, "%w", err)
		}
	}
	for _, a := range method.Annotations {
		httpMethod, ok := routeAnnotations[a.Name]
		if !ok {
			continue
		}
		if method.Stream != schema.Unary {
			m.errorf(method.Pos, "%s: %s: the method streams: only gRPC and Connect carry it", method, a.Name)
			continue
		}
		segments, err := parsePattern(a.Value)
		if err != nil {
			m.errorf(method.Pos, "%s: %s = %q: %w", method, a.Name, a.Value, err)
			continue
		}
		r := &Route{HTTPMethod: httpMethod, Pattern: a.Value, Segments: segments, Service: svc, Method: method}
		key := httpMethod + " " + Shape(segments)
		if other := m.taken[key]; other != nil {
			if other.Method != method || other.Service == svc { // else another service inherits it, too
				m.errorf(method.Pos, "%s: %s = %q: %s has that route already, as %q (%s)", method, a.Name, a.Value, other.Method, other.Pattern, other.Method.Pos)
			}
			continue
		}
		m.taken[key] = r
		if m.bind(r, a.Name) {
			m.routes = append(m.routes, r)
		}
	}
}

// Shape returns the pattern with its segments without the names of parameters: routes of one shape match the same paths.
func Shape(segments []Segment) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		switch s.Kind {
		case Literal:
			b.WriteString(strings.NewReplacer("%", "%25", ":", "%3A", "*", "%2A").Replace(s.Text))
		case Single:
			b.WriteByte(':')
		case CatchAll:
			b.WriteByte('*')
		}
	}
	return b.String()
}

// parsePattern parses the path of a route.
func parsePattern(pattern string) ([]Segment, error) {
	rest, ok := strings.CutPrefix(pattern, "/")
	if !ok {
		return nil, errors.New("a path begins with /")
	}
	var segments []Segment
	names := make(map[string]bool)
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		s := Segment{Text: part}
		switch {
		case strings.HasPrefix(part, ":"):
			s = Segment{Single, part[1:]}
		case strings.HasPrefix(part, "*"):
			s = Segment{CatchAll, part[1:]}
		case part == "" && i < len(parts)-1:
			return nil, errors.New("the path has two slashes in a row")
		case part == "." || part == "..":
			return nil, fmt.Errorf("the path has the segment %q", part)
		}
		switch {
		case strings.ContainsAny(s.Text, ":*"):
			return nil, fmt.Errorf("a parameter is a whole segment, as in /users/:id or /files/*rest, not %q", part)
		case strings.ContainsAny(part, "?#%{}\\") || strings.ContainsFunc(part, func(c rune) bool { return c <= ' ' || c == 0x7f }):
			return nil, fmt.Errorf("the segment %q has a character that a path cannot have", part)
		case s.Kind == Literal:
		case s.Text == "":
			return nil, errors.New("a parameter of the path has no name")
		case names[s.Text]:
			return nil, fmt.Errorf("two parameters of the path are called %s", s.Text)
		case s.Kind == CatchAll && i < len(parts)-1:
			return nil, fmt.Errorf("*%s is not the end of the path", s.Text)
		default:
			names[s.Text] = true
		}
		segments = append(segments, s)
	}
	return segments, nil
}

// hasBody reports whether fields without annotation are in the body of such requests; else they are in the query.
func hasBody(httpMethod string) bool {
	switch httpMethod {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return false
	}
	return true
}

// bind finds out where the fields are, and reports whether all is well.
func (m *mapper) bind(r *Route, annotation string) bool {
	before := len(m.errs)
	r.Request = r.Method.Args
	if fields := r.Request.Fields; len(fields) == 1 {
		t := fields[0].Type
		if located, _, _ := m.located(fields[0]); t.Kind == schema.KindStruct && t.Struct.Kind == schema.PlainStruct && len(located) == 0 {
			r.Request, r.Whole = t.Struct, true
		}
	}
	bound := make(map[string]bool) // parameters of the path
	for _, f := range r.Request.Fields {
		r.Params = append(r.Params, Param{Field: f, From: m.sources(r, f, annotation, bound)})
	}
	for _, s := range r.Segments {
		if s.Kind != Literal && !bound[s.Text] {
			m.errorf(r.Method.Pos, "%s: %s = %q: no field of %s is the parameter %s: annotate one with api.path = %q", r.Method, annotation, r.Pattern, describe(r.Request), s.Text, s.Text)
		}
	}
	m.body(r, annotation)
	if t := r.Method.Result; t.Kind == schema.KindStruct {
		r.Response = m.response(t.Struct)
	}
	return len(m.errs) == before
}

func describe(s *schema.Struct) string {
	if s.Kind == schema.Arguments {
		return "the arguments"
	}
	return s.Name
}

// located returns the bindings that a field is annotated with, in the order of Source; and whether it has none of its own choice, by api.none.
func (m *mapper) located(f *schema.Field) (from []Binding, none bool, err error) {
	for _, a := range f.Annotations {
		name, ok := strings.CutPrefix(a.Name, "api.")
		if !ok {
			continue
		}
		if name == "none" {
			none = true
			continue
		}
		i := slices.Index(sourceNames[:], name)
		if i < 0 {
			continue
		}
		b := Binding{Source(i), a.Value}
		switch {
		case b.Source == RawBody:
			b.Name = ""
			if f.Type.Kind != schema.KindString && f.Type.Kind != schema.KindBinary {
				return nil, none, fmt.Errorf("%s: a raw body is a string or a binary, not %s", a.Name, f.Type)
			}
		case a.Value == "":
			return nil, none, fmt.Errorf("%s: the name is empty", a.Name)
		case (b.Source == Header || b.Source == Cookie) && !isToken(a.Value):
			return nil, none, fmt.Errorf("%s = %q is not a name of HTTP", a.Name, a.Value)
		}
		if b.Source == Header {
			b.Name = http.CanonicalHeaderKey(b.Name)
		}
		if slices.ContainsFunc(from, func(other Binding) bool { return other.Source == b.Source }) {
			return nil, none, fmt.Errorf("%s is there twice", a.Name)
		}
		from = append(from, b)
	}
	slices.SortFunc(from, func(a, b Binding) int { return int(a.Source) - int(b.Source) })
	return from, none, nil
}

// sources returns where the value of a field may be in requests of r. bound gets the parameters of the path.
func (m *mapper) sources(r *Route, f *schema.Field, annotation string, bound map[string]bool) []Binding {
	all, none, err := m.located(f)
	if err != nil {
		m.errorf(f.Pos, "%s: %w", f.Name, err)
		return nil
	}
	if none {
		return nil
	}
	inPath := func(name string) *Segment {
		if i := slices.IndexFunc(r.Segments, func(s Segment) bool { return s.Kind != Literal && s.Text == name }); i >= 0 {
			return &r.Segments[i]
		}
		return nil
	}
	if len(all) == 0 {
		switch {
		case inPath(f.Name) != nil:
			all = []Binding{{Path, f.Name}}
		case hasBody(r.HTTPMethod):
			all = []Binding{{Form, f.Name}, {Body, f.Name}}
			if !HasText(f.Type) && !IsList(f.Type) {
				all = all[1:]
			}
		default:
			all = []Binding{{Query, f.Name}}
		}
	}
	var from []Binding
	for _, b := range all {
		fits := HasText(f.Type)
		switch b.Source {
		case Path:
			s := inPath(b.Name)
			if s == nil {
				if len(all) == 1 {
					m.errorf(f.Pos, "%s: api.path = %q: the route %q of %s has no such parameter", f.Name, b.Name, r.Pattern, r.Method)
				}
				continue // the struct serves several routes
			}
			if bound[b.Name] {
				m.errorf(f.Pos, "%s: another field is the parameter %s of the path, too", f.Name, b.Name)
			}
			bound[b.Name] = true
			fits = fits && (s.Kind == Single || f.Type.Kind == schema.KindString)
		case Query, Form, Header:
			fits = fits || IsList(f.Type)
		case Body, RawBody:
			fits = true
			if !hasBody(r.HTTPMethod) && r.HTTPMethod != http.MethodDelete {
				m.errorf(f.Pos, "%s: api.%s: a request of %s has no body (%s of %s)", f.Name, b.Source, r.HTTPMethod, annotation, r.Method)
				continue
			}
		}
		if b.Source == Form && !hasBody(r.HTTPMethod) {
			m.errorf(f.Pos, "%s: api.form: a request of %s has no body (%s of %s)", f.Name, r.HTTPMethod, annotation, r.Method)
			continue
		}
		if !fits {
			m.errorf(f.Pos, "%s: %s has no text that could be in the %s of a request (%s = %q of %s)", f.Name, f.Type, b.Source, annotation, r.Pattern, r.Method)
			continue
		}
		from = append(from, b)
	}
	return from
}

// body makes the struct that a body of JSON is read as.
func (m *mapper) body(r *Route, annotation string) {
	r.Body, r.BodyFields = m.part(r.Request, func(i int) (string, bool, bool) {
		from := r.Params[i].From
		j := slices.IndexFunc(from, func(b Binding) bool { return b.Source == Body })
		if j < 0 {
			return "", false, false
		}
		others := slices.ContainsFunc(from, func(b Binding) bool { return b.Source < Body && b.Source != Form })
		return from[j].Name, !others, true
	})
	for _, p := range r.Params {
		for _, b := range p.From {
			r.HasForm = r.HasForm || b.Source == Form
			r.HasRawBody = r.HasRawBody || b.Source == RawBody
		}
	}
	if r.HasRawBody && r.Body != nil {
		m.errorf(r.Method.Pos, "%s: %s = %q: one field of %s is the whole body, by api.raw_body, and %s is in it", r.Method, annotation, r.Pattern, describe(r.Request), r.Body.Fields[0].Name)
	}
}

// response returns what the annotations of a result say; nil if they say nothing.
func (m *mapper) response(s *schema.Struct) *Response {
	r := &Response{Status: -1}
	said := false
	left := make([]string, len(s.Fields)) // names in the body; "" for what is not there
	for i, f := range s.Fields {
		left[i] = f.Name
		for _, a := range f.Annotations {
			switch a.Name {
			case "api.http_code":
				switch f.Type.Kind {
				case schema.KindI16, schema.KindI32, schema.KindI64, schema.KindEnum:
				default:
					m.errorf(f.Pos, "%s: api.http_code: a status is an integer, not %s", f.Name, f.Type)
				}
				if r.Status >= 0 {
					m.errorf(f.Pos, "%s: api.http_code: %s is the status, too", f.Name, s.Fields[r.Status].Name)
				}
				r.Status, left[i] = i, ""
			case "api.header":
				if !HasText(f.Type) && !IsList(f.Type) || !isToken(a.Value) {
					continue // of a request, which reports it
				}
				r.Headers, left[i] = append(r.Headers, ResponseHeader{i, http.CanonicalHeaderKey(a.Value)}), ""
			case "api.none":
				left[i] = ""
			case "api.body":
				if left[i] != "" && a.Value != "" {
					left[i] = a.Value
				}
			}
		}
		said = said || left[i] != f.Name
	}
	if !said {
		return nil
	}
	if r.Body, r.BodyFields = m.part(s, func(i int) (string, bool, bool) { return left[i], true, left[i] != "" }); r.Body == nil {
		r.Body = &schema.Struct{Name: s.Name}
		schema.Link(&schema.File{Path: s.Pos.File, Structs: []*schema.Struct{r.Body}}) // which cannot fail without fields
	}
	return r
}

// part returns a struct of the fields of s that name has a name for, nil if there are none. They keep their requiredness if name says so.
func (m *mapper) part(s *schema.Struct, name func(i int) (as string, keeps, ok bool)) (part *schema.Struct, indexes []int) {
	for i, f := range s.Fields {
		as, keeps, ok := name(i)
		if !ok {
			continue
		}
		if part == nil {
			part = &schema.Struct{Name: s.Name, Meta: schema.Meta{Doc: s.Doc, Pos: s.Pos}}
		}
		c := *f
		if c.Name = as; !keeps {
			c.Requiredness = schema.Optional
		}
		if slices.ContainsFunc(part.Fields, func(other *schema.Field) bool { return other.Name == as }) {
			m.errorf(f.Pos, "%s: api.body = %q: another field of %s has that name in the body", f.Name, as, describe(s))
			continue
		}
		part.Fields, indexes = append(part.Fields, &c), append(indexes, i)
	}
	if part == nil {
		return nil, nil
	}
	if err := schema.Link(&schema.File{Path: s.Pos.File, Structs: []*schema.Struct{part}}); err != nil {
		m.errorf(schema.Position{}, "%w", err)
	}
	return part, indexes
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2), as the name of a cookie is.
func isToken(s string) bool { return (&http.Cookie{Name: s}).Valid() == nil }
