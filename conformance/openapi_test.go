package conformance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A validation is the input of openapi/validate.py.
type validation struct {
	Documents []*validated `json:"documents"`
	Instances []instance   `json:"instances"`
}

type validated struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Document json.RawMessage `json:"document"`
}

type instance struct {
	Name     string `json:"name"`
	Document int    `json:"document"`
	Pointer  string `json:"pointer"`
	Instance any    `json:"instance"`
}

func (v *validation) document(name, kind string, text []byte) int {
	v.Documents = append(v.Documents, &validated{name, kind, text})
	return len(v.Documents) - 1
}

// run returns what the validators have to say.
func (v *validation) run(t *testing.T) []string {
	t.Helper()
	python := os.Getenv("THRIFTKIT_OPENAPI_PYTHON")
	if _, err := exec.LookPath(python); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_OPENAPI_PYTHON (%q) names no Python with openapi-spec-validator", python))
	}
	input, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*patient)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "openapi/validate.py")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8")
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("validate.py: %v\n%s", err, &stderr)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestValidators checks that the validators find mistakes.
func TestValidators(t *testing.T) {
	const head = `"openapi":"3.1.0","info":{"title":"t","version":"1"}`
	const answer = `"responses":{"200":{"description":"d","content":{"application/json":{"schema":%s}}}}`
	v := new(validation)
	good := v.document("good", "openapi", []byte(`{`+head+`,"paths":{"/x":{"get":{`+fmt.Sprintf(answer, `{"type":"integer","default":1}`)+`}}}}`))
	v.document("no path", "openapi", []byte(`{`+head+`}`))
	v.document("no parameter", "openapi", []byte(`{`+head+`,"paths":{"/{x}":{"get":{`+fmt.Sprintf(answer, "{}")+`}}}}`))
	v.document("default", "openapi", []byte(`{`+head+`,"paths":{"/x":{"get":{`+fmt.Sprintf(answer, `{"type":"integer","default":"1"}`)+`}}}}`))
	v.document("type", "jsonschema", []byte(`{"$defs":{"X":{"type":"int"}}}`))
	const pointer = "/paths/~1x/get/responses/200/content/application~1json/schema"
	v.Instances = []instance{{"integer", good, pointer, 5}, {"string", good, pointer, "5"}}
	got := v.run(t)
	var names []string
	for _, line := range got[:len(got)-1] {
		name, _, _ := strings.Cut(line, ": ")
		names = append(names, name)
	}
	if want := []string{"no path", "no parameter", "default", "type", "string"}; !slices.Equal(slices.Compact(names), want) || got[len(got)-1] != "valid: 2" {
		t.Errorf("got %q, want mistakes of %q", got, want)
	}
}

// withServices returns the files of the repository that have services, and files with a service that has a method for each of
// their structs. Of the probes, which are hundreds of small files, many are not meant to compile.
func withServices(t *testing.T) []*schema.File {
	t.Helper()
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var files []*schema.File
	err = filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && path != ".." || e.Name() == "node_modules" || e.Name() == "bin" || e.Name() == "dist") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".thrift" {
			return nil
		}
		f, err := thriftkit.Load(path, thriftkit.WithIncludeDirs(testdata))
		if err != nil {
			if !strings.Contains(filepath.ToSlash(path), "/testdata/probes/") {
				t.Errorf("%s: %v", path, err)
			}
			return nil
		}
		if len(f.Services) > 0 {
			files = append(files, f)
		}
		if len(f.Structs) == 0 || strings.Contains(filepath.ToSlash(path), "/testdata/probes/") {
			return nil
		}
		name := strings.TrimSuffix(filepath.Base(path), ".thrift")
		var text strings.Builder
		fmt.Fprintf(&text, "include %q\nservice Every {\n", filepath.Base(path))
		for _, s := range f.Structs {
			if v := chance(rand.New(rand.NewPCG(1, 2)), s.Type(), 0); v.IsSet() { // else it has no values
				fmt.Fprintf(&text, "  %[1]s.%[2]s echo%[2]s(1: %[1]s.%[2]s value)\n", name, s.Name)
			}
		}
		text.WriteString("}\n")
		every, err := thriftkit.Parse(filepath.Join(filepath.Dir(path), "every of "+filepath.Base(path)), text.String(), thriftkit.WithIncludeDirs(testdata))
		if err != nil {
			t.Error(err)
			return nil
		}
		files = append(files, every)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 80 {
		t.Fatalf("%d files with services: some are not found", len(files))
	}
	return files
}

// TestOpenAPI checks the documents of all services in the repository, and then has a gateway answer requests that are made by chance from each
// document: every request gets to the handler, and every answer is as the document says.
func TestOpenAPI(t *testing.T) {
	v := new(validation)
	for _, f := range withServices(t) {
		schemas, err := gen.JSONSchema([]*schema.File{f})
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		v.document(f.Path+" (JSON Schema)", "jsonschema", schemas[0].Text)
		text, err := gen.OpenAPI(f.Services, gen.OpenAPIOptions{})
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		a := &api{t: t, v: v, rand: rand.New(rand.NewPCG(1, 2)), path: f.Path, index: v.document(f.Path, "openapi", text), asked: new(bytes.Buffer)}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // for limits of an i64
		if err := d.Decode(&a.document); err != nil {
			t.Fatal(err)
		}
		a.serve(f.Services)
		a.requestAll()
	}
	lines := v.run(t)
	for _, line := range lines[:min(len(lines)-1, 40)] {
		t.Error(line)
	}
	if want := fmt.Sprintf("valid: %d", len(v.Documents)+len(v.Instances)); lines[len(lines)-1] != want {
		t.Errorf("%s, want %s", lines[len(lines)-1], want)
	}
	t.Logf("%d documents, %d values", len(v.Documents), len(v.Instances))
}

// An api is a document and the gateway that it describes.
type api struct {
	t        *testing.T
	v        *validation
	rand     *rand.Rand
	path     string
	index    int // of the document
	document any
	gateway  http.Handler
	asked    *bytes.Buffer // methods that the handler was asked for
}

// serve makes the gateway. Its handler answers with values made by chance.
func (a *api) serve(services []*schema.Service) {
	rest, err := gateway.Dialect(services, gateway.Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{rest}})
	for _, svc := range services {
		err := server.Register(svc, rpc.DynamicHandler(func(_ context.Context, m *schema.Method, _ *dynamic.Struct) (any, error) {
			a.asked.WriteString(m.Name)
			if n := len(m.Throws); n > 0 && a.rand.IntN(3) == 0 {
				if v := chance(a.rand, m.Throws[a.rand.IntN(n)].Type, 0); v.IsSet() {
					return nil, &rpc.Exception{Value: v.Struct()}
				}
			}
			switch a.rand.IntN(20) {
			case 0:
				return nil, rpc.Errorf(rpc.CodeOverloaded, "too much")
			case 1:
				return nil, &rpc.BusinessError{Code: 5, Message: "no", Extra: map[string]string{"a": "b"}}
			}
			if m.Result.Kind == schema.KindVoid {
				return nil, nil
			}
			v := chance(a.rand, m.Result, 0)
			if !v.IsSet() {
				return nil, rpc.Errorf(rpc.CodeInternal, "it has no values")
			}
			return v, nil
		}))
		if err != nil {
			a.t.Fatal(err)
		}
	}
	a.t.Cleanup(func() { server.Close() })
	a.gateway = server.HTTPHandler()
}

// at returns what is at the names in a document, nil if it is not there.
func at(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// pointer returns the JSON Pointer of names.
func pointer(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return (&url.URL{Path: b.String()}).EscapedPath() // of a fragment
}

// requestAll makes requests of every operation.
func (a *api) requestAll() {
	paths := at(a.document, "paths").(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			for range 6 {
				a.request(path, method)
			}
		}
	}
}

// request makes a request of an operation.
func (a *api) request(path, method string) {
	place := []string{"paths", path, method}
	operation := at(a.document, place...)
	name := fmt.Sprintf("%s: %s %s", a.path, method, path)
	check := func(what string, value any, names ...string) {
		a.v.Instances = append(a.v.Instances, instance{name + ": " + what, a.index, pointer(append(slices.Clone(place), names...)...), value})
	}
	r := httptest.NewRequest(strings.ToUpper(method), "http://api.test/", nil)
	target, query := path, url.Values{}
	parameters, _ := at(operation, "parameters").([]any)
	for i, p := range parameters {
		in, key := at(p, "in").(string), at(p, "name").(string)
		if at(p, "required") != true && a.rand.IntN(3) == 0 {
			continue
		}
		text := "" // of a list, with commas
		value, ok := a.instance(at(p, "schema"), 0)
		if !ok {
			a.t.Errorf("%s: the parameter %s has no values", name, key)
			return
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for j, v := range list {
			s, isText := v.(string)
			if !isText {
				b, _ := json.Marshal(v)
				s = string(b)
			}
			if in == "header" || in == "cookie" { // whose values are ASCII, without what separates
				s = strings.Map(func(c rune) rune {
					if c > ' ' && c < 0x7f && !strings.ContainsRune(`",;\\`, c) {
						return c
					}
					return 'x'
				}, s)
				if isText {
					list[j] = s
				}
			}
			if j > 0 {
				text += ","
			}
			text += s
			if in == "query" {
				query.Add(key, s)
			}
		}
		check("the parameter "+key, value, "parameters", strconv.Itoa(i), "schema")
		switch in {
		case "path":
			if strings.HasSuffix(path, "/{"+key+"}") && strings.Contains(path, "files") {
				target = strings.ReplaceAll(target, "{"+key+"}", url.PathEscape(text))
				break
			}
			if text == "" || text == "." || text == ".." { // no segment
				text = "x"
			}
			target = strings.ReplaceAll(target, "{"+key+"}", url.PathEscape(strings.ReplaceAll(text, "..", "")))
		case "header":
			r.Header.Set(key, text)
		case "cookie":
			r.AddCookie(&http.Cookie{Name: key, Value: text})
		}
	}
	if body := at(operation, "requestBody"); body != nil && (at(body, "required") == true || a.rand.IntN(4) > 0) {
		content := at(body, "content").(map[string]any)
		types := slices.Sorted(maps.Keys(content))
		mediaType := types[a.rand.IntN(len(types))]
		value, ok := a.instance(at(content, mediaType, "schema"), 0)
		if !ok {
			return // such as an argument that is a union of nothing
		}
		var text []byte
		switch mediaType {
		case "application/json":
			text, _ = json.Marshal(value)
		case "application/x-www-form-urlencoded":
			form := url.Values{}
			for key, v := range value.(map[string]any) {
				list, isList := v.([]any)
				if !isList {
					list = []any{v}
				}
				for _, v := range list {
					s, isText := v.(string)
					if !isText {
						b, _ := json.Marshal(v)
						s = string(b)
					}
					form.Add(key, s)
				}
			}
			text = []byte(form.Encode())
		default:
			text, mediaType = []byte("any bytes"), "text/plain"
		}
		r.Header.Set("Content-Type", mediaType)
		if mediaType != "text/plain" {
			check("the body", value, "requestBody", "content", mediaType, "schema")
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	u, err := url.Parse("http://api.test" + target)
	if err != nil {
		a.t.Fatalf("%s: %v", name, err)
	}
	u.RawQuery = query.Encode()
	r.URL = u
	a.asked.Reset()
	w := httptest.NewRecorder()
	a.gateway.ServeHTTP(w, r)
	if a.asked.Len() == 0 {
		a.t.Errorf("%s: the request did not get to the handler: %s: %d %.500s", name, u, w.Code, w.Body)
		return
	}
	// The answer.
	status := strconv.Itoa(w.Code)
	responses := at(operation, "responses")
	for _, s := range []string{status, status[:1] + "XX", "default"} {
		if at(responses, s) != nil {
			status = s
			break
		}
	}
	mediaType := w.Header().Get("Content-Type")
	if at(responses, status, "content", mediaType) == nil {
		if at(responses, status) == nil || mediaType != "" || w.Body.Len() > 0 {
			a.t.Errorf("%s: the document has no answer %d of %s: %.300s", name, w.Code, mediaType, w.Body)
		}
		return
	}
	if method == "head" {
		return
	}
	d := json.NewDecoder(w.Body)
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		a.t.Errorf("%s: answer %d: %v", name, w.Code, err)
	}
	check("the answer "+strconv.Itoa(w.Code), value, "responses", status, "content", mediaType, "schema")
}

// instance returns a value that a schema allows; false if there is none that is not too deep.
func (a *api) instance(of any, depth int) (any, bool) {
	s, _ := of.(map[string]any)
	if reference, ok := s["$ref"].(string); ok {
		return a.instance(at(a.document, strings.Split(strings.TrimPrefix(reference, "#/"), "/")...), depth+1)
	}
	if same, ok := s["allOf"].([]any); ok { // which are of one type here
		return a.instance(same[0], depth)
	}
	if branches, ok := s["anyOf"].([]any); ok {
		return a.instance(branches[a.rand.IntN(len(branches))], depth)
	}
	if values, ok := s["enum"].([]any); ok {
		return values[a.rand.IntN(len(values))], true
	}
	switch s["type"] {
	case "boolean":
		return a.rand.IntN(2) == 0, true
	case "integer":
		if n := a.rand.IntN(4); n < 2 {
			return s[[]string{"minimum", "maximum"}[n]], true
		}
		return a.rand.IntN(128), true
	case "number":
		return []float64{0, 1, -1.5, 1e300, 5e-324, a.rand.NormFloat64()}[a.rand.IntN(6)], true
	case "string":
		switch {
		case s["format"] == "uuid":
			return uuidText(a.rand), true
		case s["contentEncoding"] == "base64":
			return base64.StdEncoding.EncodeToString(randomBytes(a.rand)), true
		case s["pattern"] != nil:
			return matching(a.rand, s["pattern"].(string)), true
		}
		return randomText(a.rand), true
	case "array":
		list := []any{}
		_, entries := at(s["items"], "properties", "key").(map[string]any)
		for n := a.rand.IntN(3); len(list) < n && depth < 12 && !(entries && len(list) == 1); { // keys that are equal are a mistake
			v, ok := a.instance(s["items"], depth+1)
			if !ok {
				break
			}
			list = append(list, v)
		}
		return list, true
	case "object":
		return a.object(s, depth)
	}
	return nil, true
}

func (a *api) object(s map[string]any, depth int) (any, bool) {
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	o := make(map[string]any)
	if s["maxProperties"] == json.Number("1") { // a union
		names := slices.Sorted(maps.Keys(properties))
		a.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if v, ok := a.instance(properties[name], depth+1); ok && depth < 15 {
				o[name] = v
				return o, true
			}
		}
		return nil, false
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		needed := slices.Contains(required, any(name))
		if depth > 20 && needed {
			return nil, false
		}
		if !needed && (depth > 4 || a.rand.IntN(3) == 0) {
			continue
		}
		v, ok := a.instance(properties[name], depth+1)
		if !ok && needed {
			return nil, false
		}
		if ok {
			o[name] = v
		}
	}
	if others, ok := s["additionalProperties"].(map[string]any); ok && depth < 6 && a.rand.IntN(4) > 0 {
		name := randomText(a.rand)
		if names, ok := s["propertyNames"].(map[string]any); ok {
			n, _ := a.instance(map[string]any{"type": "string", "pattern": names["pattern"], "format": names["format"]}, depth)
			if list, ok := names["enum"].([]any); ok {
				n = list[a.rand.IntN(len(list))]
			}
			name = n.(string)
		}
		if v, ok := a.instance(others, depth+1); ok {
			o[name] = v
		}
	}
	return o, true
}

func randomText(r *rand.Rand) string {
	return []string{"", "x", "a b", "登录 🦉", "\"quoted\\ \t\n", "a,b&c=d%2C+/..;", "\u0000\u2028", "12"}[r.IntN(8)]
}

func randomBytes(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(5))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func uuidText(r *rand.Rand) string {
	var id [16]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return dynamic.FormatUUID(id)
}

// matching returns a short text that matches a pattern.
func matching(r *rand.Rand, pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var make func(re *syntax.Regexp) string
	repeat := func(re *syntax.Regexp, low, high int) (s string) {
		for range low + r.IntN(high-low+1) {
			s += make(re.Sub[0])
		}
		return s
	}
	make = func(re *syntax.Regexp) (s string) {
		switch re.Op {
		case syntax.OpLiteral:
			return string(re.Rune)
		case syntax.OpCharClass:
			i := 2 * r.IntN(len(re.Rune)/2)
			return string(re.Rune[i] + rune(r.IntN(int(re.Rune[i+1]-re.Rune[i])+1)))
		case syntax.OpConcat:
			for _, sub := range re.Sub {
				s += make(sub)
			}
			return s
		case syntax.OpAlternate:
			return make(re.Sub[r.IntN(len(re.Sub))])
		case syntax.OpCapture:
			return make(re.Sub[0])
		case syntax.OpQuest:
			return repeat(re, 0, 1)
		case syntax.OpStar:
			return repeat(re, 0, 1)
		case syntax.OpPlus:
			return repeat(re, 1, 2)
		}
		return ""
	}
	return make(re)
}

// chance returns a value of t; unset if there is none that is not too deep.
func chance(r *rand.Rand, t *schema.Type, depth int) dynamic.Value {
	switch t.Kind {
	case schema.KindBool:
		return dynamic.Bool(r.IntN(2) == 0)
	case schema.KindI8:
		return dynamic.I8(int8(r.Uint32()))
	case schema.KindI16:
		return dynamic.I16(int16(r.Uint32()))
	case schema.KindI32:
		return dynamic.I32(int32(r.Uint32()))
	case schema.KindI64:
		return dynamic.I64(int64(r.Uint64()))
	case schema.KindDouble:
		return dynamic.Double([]float64{0, math.Inf(1), math.Inf(-1), math.NaN(), -1.5, 1e21, 1e-7, math.Copysign(0, -1), r.NormFloat64()}[r.IntN(9)])
	case schema.KindString:
		return dynamic.String(randomText(r))
	case schema.KindBinary:
		return dynamic.Binary(randomBytes(r))
	case schema.KindUUID:
		v, _ := dynamic.ParseUUID(uuidText(r))
		return v
	case schema.KindEnum:
		if n := len(t.Enum.Values); n > 0 && r.IntN(3) > 0 {
			return dynamic.Enum(t.Enum.Values[r.IntN(n)].Number)
		}
		return dynamic.Enum(int32(r.Uint32()))
	case schema.KindList, schema.KindSet:
		l := dynamic.NewList(t)
		for range r.IntN(3) {
			if v := chance(r, t.Elem, depth+1); v.IsSet() && depth < 12 {
				l.Append(v)
			}
		}
		return dynamic.ListValue(l)
	case schema.KindMap:
		m := dynamic.NewMap(t)
		for range r.IntN(3) {
			if k, v := chance(r, t.Key, depth+1), chance(r, t.Elem, depth+1); k.IsSet() && v.IsSet() && depth < 12 {
				m.Set(k, v)
			}
		}
		return dynamic.MapValue(m)
	case schema.KindStruct:
		return chanceStruct(r, t.Struct, depth)
	}
	return dynamic.Value{}
}

func chanceStruct(r *rand.Rand, desc *schema.Struct, depth int) dynamic.Value {
	s := dynamic.New(desc)
	if depth > 20 {
		return dynamic.Value{}
	}
	if desc.Kind == schema.Union {
		for _, i := range r.Perm(len(desc.Fields)) {
			if v := chance(r, desc.Fields[i].Type, depth+1); v.IsSet() {
				s.Set(desc.Fields[i].Name, v)
				return dynamic.StructValue(s)
			}
		}
		return dynamic.Value{}
	}
	for _, f := range desc.Fields {
		if f.Requiredness != schema.Required && (depth > 4 || r.IntN(3) == 0) {
			continue
		}
		v := chance(r, f.Type, depth+1)
		if !v.IsSet() && f.Requiredness == schema.Required {
			return v
		}
		if v.IsSet() {
			s.Set(f.Name, v)
		}
	}
	return dynamic.StructValue(s)
}
