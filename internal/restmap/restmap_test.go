package restmap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/restmap"
	"github.com/thriftkit/thriftkit/schema"
)

// types are what the methods of the tests use.
const types = `
enum Color { RED = 1 }
exception Bad {} (api.http_code = "404")
exception Coded {} (grpc.code = "already_exists")
exception Odd {} (grpc.code = "none such")
exception Plain {}
struct Item { 1: i64 id, 2: string name }
struct Get { 1: i64 id (api.path = "id"), 2: bool full (api.query = "all", api.header = "x-full"), 3: optional Color color }
struct Answer { 1: i32 code (api.http_code = ""), 2: string where (api.header = "location"), 3: Item item (api.body = "it"), 4: i32 none (api.none = "") }
struct Empty { 1: i32 code (api.http_code = "") }
union Choice { 1: i32 a }
`

func service(t *testing.T, text string) *schema.Service {
	t.Helper()
	f, err := thriftkit.Parse("a.thrift", types+"service S {\n"+text+"\n}")
	if err != nil {
		t.Fatal(err)
	}
	return f.MustService("S")
}

// show returns a route as the tests have it: the request, what it is, where each field is, the body, and the answer.
func show(r *restmap.Route) string {
	var b strings.Builder
	method := r.HTTPMethod
	if method == "" {
		method = "*"
	}
	fmt.Fprintf(&b, "%s %s", method, restmap.Shape(r.Segments))
	if r.Whole {
		fmt.Fprintf(&b, " %s", r.Request.Name)
	}
	fields := func(s *schema.Struct, indexes []int) {
		for i, f := range s.Fields {
			fmt.Fprintf(&b, " %s=%d", f.Name, indexes[i])
			if f.Requiredness == schema.Required {
				b.WriteByte('!')
			}
		}
	}
	for _, p := range r.Params {
		fmt.Fprintf(&b, "; %s", p.Field.Name)
		for _, from := range p.From {
			fmt.Fprintf(&b, " %s:%s", from.Source, from.Name)
		}
	}
	if r.Body != nil {
		b.WriteString("; body")
		fields(r.Body, r.BodyFields)
	}
	if r.HasForm {
		b.WriteString("; form")
	}
	if r.HasRawBody {
		b.WriteString("; raw")
	}
	if a := r.Response; a != nil {
		fmt.Fprintf(&b, "; answer status=%d", a.Status)
		for _, h := range a.Headers {
			fmt.Fprintf(&b, " %s=%d", h.Name, h.Index)
		}
		fields(a.Body, a.BodyFields)
	}
	return b.String()
}

func TestOf(t *testing.T) {
	tests := []struct {
		method string
		want   []string
	}{
		{`void a()`, nil},
		{`void a() (api.get = "/")`, []string{`GET /`}},
		{`void a() (api.get = "/x/")`, []string{`GET /x/`}},
		{`void a() (api.get = "/x", api.post = "/x", api.any = "/y")`, []string{`GET /x`, `POST /x`, `* /y`}},
		{`void a() (api.put = "/x", api.delete = "/x", api.patch = "/x", api.head = "/x", api.options = "/x")`, []string{`PUT /x`, `DELETE /x`, `PATCH /x`, `HEAD /x`, `OPTIONS /x`}},

		// Without annotation.
		{`void a(1: i32 x) (api.get = "/x")`, []string{`GET /x; x query:x`}},
		{`void a(1: i32 x) (api.delete = "/x")`, []string{`DELETE /x; x query:x`}},
		{`void a(1: i32 x) (api.get = "/:x")`, []string{`GET /:; x path:x`}},
		{`void a(1: string x) (api.get = "/*x")`, []string{`GET /*; x path:x`}},
		{`void a(1: i32 x) (api.post = "/x")`, []string{`POST /x; x form:x body:x; body x=0; form`}},
		{`void a(1: list<i32> x) (api.post = "/x")`, []string{`POST /x; x form:x body:x; body x=0; form`}},
		{`void a(1: map<i32,i32> x) (api.post = "/x")`, []string{`POST /x; x body:x; body x=0`}},
		{`void a(1: list<Item> x) (api.any = "/x")`, []string{`* /x; x body:x; body x=0`}},

		// The only argument.
		{`void a(1: Item x) (api.post = "/x")`, []string{`POST /x Item; id form:id body:id; name form:name body:name; body id=0 name=1; form`}},
		{`void a(1: Item x (api.body = "y")) (api.post = "/x")`, []string{`POST /x; x body:y; body y=0`}},
		{`void a(1: Item x, 2: i32 y) (api.post = "/x")`, []string{`POST /x; x body:x; y form:y body:y; body x=0 y=1; form`}},
		{`void a(1: Choice x) (api.post = "/x")`, []string{`POST /x; x body:x; body x=0`}},
		{`void a(1: Get x) (api.get = "/x/:id")`, []string{`GET /x/: Get; id path:id; full query:all header:X-Full; color query:color`}},

		// Annotations: the order is that of Source, whatever that in the IDL.
		{`void a(1: i32 x (api.header = "h", api.cookie = "c", api.query = "q", api.path = "p")) (api.get = "/:p")`, []string{`GET /:; x path:p query:q cookie:c header:H`}},
		{`void a(1: i32 x (api.query = "q", api.path = "p")) (api.get = "/:p", api.get = "/q")`, []string{`GET /:; x path:p query:q`, `GET /q; x query:q`}},
		{`void a(1: required i32 x (api.body = "b", api.form = "f")) (api.post = "/x")`, []string{`POST /x; x form:f body:b; body b=0!; form`}},
		{`void a(1: required i32 x (api.body = "b", api.query = "q")) (api.post = "/x")`, []string{`POST /x; x query:q body:b; body b=0`}},
		{`void a(1: i32 x (api.none = "")) (api.get = "/x")`, []string{`GET /x; x`}},
		{`void a(1: binary x (api.raw_body = "")) (api.post = "/x")`, []string{`POST /x; x raw_body:; raw`}},
		{`void a(1: i32 x (api.body = "x")) (api.delete = "/x")`, []string{`DELETE /x; x body:x; body x=0`}},
		{`void a(1: i32 x (api.vd = "$>0", api.js_conv = "")) (api.get = "/x")`, []string{`GET /x; x query:x`}},

		// Answers.
		{`Item a() (api.get = "/x")`, []string{`GET /x`}},
		{`Answer a() (api.get = "/x")`, []string{`GET /x; answer status=0 Location=1 it=2`}},
		{`Empty a() (api.get = "/x")`, []string{`GET /x; answer status=0`}},

		// Text of paths.
		{`void a(1: i32 x (api.path = "x-y")) (api.get = "/a.b/~c/:x-y/!")`, []string{`GET /a.b/~c/:/!; x path:x-y`}},
		{`void a() (api.get = "/水")`, []string{`GET /水`}},
	}
	for _, test := range tests {
		routes, err := restmap.Of([]*schema.Service{service(t, test.method)})
		if err != nil {
			t.Errorf("%s: %v", test.method, err)
			continue
		}
		var got []string
		for _, r := range routes {
			got = append(got, show(r))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
			t.Errorf("%s: got\n%q, want\n%q", test.method, got, test.want)
		}
	}
}

// TestOfErrors has mistakes that TestNewErrors of package gateway does not have.
func TestOfErrors(t *testing.T) {
	tests := []struct{ method, want string }{
		{`void a(1: i32 x) (api.get = "/a//b")`, `a.thrift:13:6: S.a: api.get = "/a//b": the path has two slashes in a row`},
		{`void a(1: i32 x) (api.get = "")`, `a path begins with /`},
		{`void a(1: i32 x) (api.get = "/:")`, `a parameter of the path has no name`},
		{`void a(1: i32 x) (api.get = "/a b")`, `the segment "a b" has a character that a path cannot have`},
		{`void a(1: i32 x) (api.get = "/a?b=c")`, `the segment "a?b=c" has a character that a path cannot have`},
		{`void a(1: i32 x) (api.get = "/a%20b")`, `the segment "a%20b" has a character that a path cannot have`},
		{`void a(1: i32 x (api.query = "")) (api.get = "/x")`, `a.thrift:13:15: x: api.query: the name is empty`},
		{`void a(1: i32 x (api.query = "a", api.query = "b")) (api.get = "/x")`, `x: api.query is there twice`},
		{`void a(1: i32 x (api.cookie = "a;b")) (api.get = "/x")`, `api.cookie = "a;b" is not a name of HTTP`},
		{`void a(1: i32 x (api.raw_body = "")) (api.post = "/x")`, `api.raw_body: a raw body is a string or a binary, not i32`},
		{`void a(1: string x (api.raw_body = "")) (api.get = "/x")`, `x: api.raw_body: a request of GET has no body (api.get of S.a)`},
		{`void a(1: i32 x (api.form = "x")) (api.get = "/x")`, `x: api.form: a request of GET has no body (api.get of S.a)`},
		{`void a(1: string x (api.raw_body = ""), 2: i32 y) (api.post = "/x")`, `one field of the arguments is the whole body, by api.raw_body, and y is in it`},
		{`void a(1: list<i32> x (api.cookie = "x")) (api.get = "/x")`, `x: list<i32> has no text that could be in the cookie of a request (api.get = "/x" of S.a)`},
		{`void a(1: list<i32> x) (api.get = "/:x")`, `x: list<i32> has no text that could be in the path of a request`},
		{`void a(1: i32 x (api.path = "p"), 2: i32 y (api.path = "p")) (api.get = "/:p")`, `y: another field is the parameter p of the path, too`},
		{`Item a() throws (1: Bad bad) (api.get = "/x", api.get = "/x")`, `S.a: api.get = "/x": S.a has that route already, as "/x" (a.thrift:13:6)`},
		{`string a() (api.get = "/x", streaming.mode = "server")`, `S.a: api.get: the method streams: only gRPC and Connect carry it`},
	}
	for _, test := range tests {
		_, err := restmap.Of([]*schema.Service{service(t, test.method)})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.method, err, test.want)
		}
	}
}

func TestExceptionStatus(t *testing.T) {
	svc := service(t, `void a() throws (1: Bad a, 2: Coded b, 3: Odd c, 4: Plain d)`)
	for i, want := range []int{404, 409, 422, 422} {
		desc := svc.Method("a").Throws[i].Type.Struct
		if got := restmap.ExceptionStatus(desc); got != want {
			t.Errorf("%s: got %d, want %d", desc.Name, got, want)
		}
	}
}
