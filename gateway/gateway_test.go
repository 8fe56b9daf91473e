package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const shopIDL = `
/** A shop. */
namespace go shop

enum Color { RED = 1, GREEN = 2 }
exception NotFound { 1: string message, 2: i64 id } (api.http_code = "404")
exception Conflict { 1: string message } (grpc.code = "ALREADY_EXISTS")
exception Sold { 1: string message }

struct Item {
  1: required i64 id
  2: string name
  3: optional Color color
  4: optional binary data
  5: optional double price = 0.5
}

struct GetRequest {
  1: required i64 id (api.path = "id")
  2: bool full (api.query = "full")
  3: list<i32> sizes (api.query = "sizes")
  4: optional string token (api.header = "X-Token")
  5: optional string session (api.cookie = "session")
  6: optional Color color
  7: list<string> words (api.query = "words")
}

struct PutRequest {
  1: required i64 id (api.path = "id")
  2: required Item item (api.body = "new_item")
  3: optional string note
}

struct Created {
  1: i32 status (api.http_code = "")
  2: string location (api.header = "Location")
  3: Item item
  4: optional string hidden (api.none = "")
}

struct Credentials { 1: required string user (api.form = "user"), 2: optional string password (api.form = "password") }

/** Sells things. */
service Shop {
  string ping()
  /** Finds an item. More is said here. */
  string get(1: GetRequest req) throws (1: NotFound missing) (api.get = "/v1/items/:id")
  Created put(1: PutRequest req) throws (1: Conflict conflict) (api.put = "/v1/items/:id", api.patch = "/v1/items/:id")
  void remove(1: i64 id (api.path = "id")) throws (1: NotFound missing, 2: Sold sold) (api.delete = "/v1/items/:id")
  string file(1: string rest) (api.get = "/files/*rest")
  string special(1: string name = "none") (api.get = "/v1/items/special")
  string login(1: Credentials c) (api.post = "/login")
  string upload(1: string name (api.query = "name"), 2: binary data (api.raw_body = "")) (api.any = "/upload")
  Item echo(1: Item item)
  oneway void note(1: string text)
  void fail(1: string how)
}
`

func testService(t testing.TB) *schema.Service {
	f, err := thriftkit.Parse("shop.thrift", shopIDL)
	if err != nil {
		t.Fatal(err)
	}
	return f.MustService("Shop")
}

// handle answers the calls of a shop.
func handle(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
	throw := func(i int, value map[string]any) error {
		v, err := dynamic.Of(m.Throws[i].Type, value)
		if err != nil {
			return err
		}
		return &rpc.Exception{Value: v.Struct()}
	}
	id := args.Get("id").Int()
	if req := args.Get("req").Struct(); req != nil {
		id = req.Get("id").Int()
	}
	switch m.Name {
	case "ping":
		rpc.SetReplyMetadata(ctx, "x-seen", rpc.MetadataValue(ctx, "x-said")+rpc.MetadataValue(ctx, "user-agent"))
		return "pong", nil
	case "get":
		if id == 404 {
			return nil, throw(0, map[string]any{"message": "no such item", "id": id})
		}
		return show(args.Get("req").Struct()), nil
	case "put":
		if id == 409 {
			return nil, throw(0, map[string]any{"message": "it is there"})
		}
		return map[string]any{"status": 201, "location": "/v1/items/1", "item": args.Get("req").Struct().Get("item"), "hidden": "x"}, nil
	case "remove":
		if id == 422 {
			return nil, throw(1, map[string]any{"message": "sold"})
		}
		return nil, nil
	case "echo":
		return args.Get("item"), nil
	case "note":
		return nil, nil
	case "fail":
		switch args.Get("how").Text() {
		case "overloaded":
			rpc.PushBack(ctx, 2500*time.Millisecond)
			return nil, rpc.Errorf(rpc.CodeOverloaded, "too much")
		case "denied":
			return nil, rpc.Errorf(rpc.CodePermissionDenied, "no")
		case "unauthenticated":
			return nil, rpc.Errorf(rpc.CodeUnauthenticated, "who?")
		case "slow":
			<-ctx.Done()
			return nil, ctx.Err()
		case "panic":
			panic("as asked")
		}
		return nil, errors.New("secret")
	}
	return show(args), nil
}

func show(s *dynamic.Struct) string {
	b, err := dynamic.AppendJSON(nil, s.Schema().Type(), dynamic.StructValue(s), dynamic.JSONOptions{})
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// handlers returns the two forms of a gateway to one shop.
func handlers(t testing.TB, o gateway.Options) map[string]http.Handler {
	svc := testService(t)
	d, err := gateway.Dialect([]*schema.Service{svc}, o)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{d}, MaxMessageBytes: 64 << 10})
	if err := server.Register(svc, rpc.DynamicHandler(handle)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = 64 << 10
	}
	client := rpc.NewClient(server.Handle, rpc.ClientOptions{})
	proxy, err := gateway.New(client, []*schema.Service{svc}, o)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]http.Handler{"dialect": server.HTTPHandler(), "proxy": proxy}
}

// do makes a request: "METHOD PATH", header fields as "Name: value", and a body.
func do(h http.Handler, line, body string, header ...string) *http.Response {
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "http://shop.test/", strings.NewReader(body))
	r.URL, _ = url.Parse("http://shop.test" + target)
	if r.URL == nil {
		panic(target)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range header {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Content-Type" {
			r.Header.Del(name)
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

const form = "Content-Type: application/x-www-form-urlencoded"

// requests are requests and their answers. want is the status and what the body has.
var requests = []struct {
	line, body string
	header     []string
	want       string
}{
	// Every method.
	{"POST /Shop/ping", "", nil, `200 "pong"`},
	{"POST /Shop/ping", "{}", nil, `200 "pong"`},
	{"POST /Shop/special", `{"name":"水"}`, nil, `200 "{\"name\":\"水\"}"`},
	{"POST /Shop/special", ``, nil, `200 "{\"name\":\"none\"}"`},
	{"POST /Shop/echo", `{"item":{"id":9223372036854775807,"color":"GREEN","data":"AAE="}}`, nil, `200 {"id":9223372036854775807,"color":"GREEN","data":"AAE=","price":0.5}`},
	{"POST /Shop/note", `{"text":"x"}`, nil, `202 `},
	{"POST /Shop/remove", `{"id":1}`, nil, `204 `},
	{"POST /Shop/get", `{"req":{"id":404}}`, nil, `404 {"title":"Not Found","status":404,"detail":"no such item","exception":"NotFound","value":{"message":"no such item","id":404}}`},
	{"GET /Shop/ping", "", nil, `405 "detail":"GET is not allowed here"`},

	// Routes.
	{"GET /v1/items/7", "", nil, `200 "{\"id\":7}"`},
	{"GET /v1/items/7?full=true&sizes=1,2&sizes=3&color=RED&other=1", "", []string{"X-Token: t", "Cookie: session=s"}, `200 "{\"id\":7,\"full\":true,\"sizes\":[1,2,3],\"token\":\"t\",\"session\":\"s\",\"color\":\"RED\"}"`},
	{"GET /v1/items/7?color=2", "", nil, `200 \"color\":\"GREEN\"`},
	{"GET /v1/items/7?words=a,b%2Cc&words=d+e", "", nil, `200 \"words\":[\"a\",\"b,c\",\"d e\"]`},
	{"HEAD /v1/items/7", "", nil, `200 `},
	{"GET /v1/items/special?name=x", "", nil, `200 "{\"name\":\"x\"}"`},
	{"PUT /v1/items/1", `{"new_item":{"id":1,"name":"n"},"note":"x"}`, nil, `201 {"item":{"id":1,"name":"n","price":0.5}}`},
	{"PATCH /v1/items/1", `{"new_item":{"id":1}}`, nil, `201 {"item":{"id":1`},
	{"PUT /v1/items/409", `{"new_item":{"id":1}}`, nil, `409 "exception":"Conflict"`},
	{"DELETE /v1/items/1", "", nil, `204 `},
	{"DELETE /v1/items/422", "", nil, `422 {"title":"Unprocessable Entity","status":422,"detail":"sold","exception":"Sold"`},
	{"GET /files/a/b%20c/d", "", nil, `200 "{\"rest\":\"a/b c/d\"}"`},
	{"GET /files/", "", nil, `200 "{\"rest\":\"\"}"`},
	{"POST /login", "user=root&password=a%26b", []string{form}, `200 "{\"c\":{\"user\":\"root\",\"password\":\"a&b\"}}"`},
	{"PUT /upload?name=n", "\x00\xff", []string{"Content-Type: image/png"}, `200 "{\"name\":\"n\",\"data\":\"AP8=\"}"`},

	// Mistakes.
	{"GET /nowhere", "", nil, `404 `},
	{"GET /files", "", nil, `404 `},
	{"POST /v1/items/7", "{}", nil, `405 `},
	{"GET /v1/items/x", "", nil, `400 "detail":"path parameter id: want i64, got \"x\" (declared at shop.thrift:`},
	{"GET /v1/items/9223372036854775808", "", nil, `400 path parameter id`},
	{"GET /v1/items/1e3", "", nil, `400 path parameter id`},
	{"GET /v1/items/7?full=1", "", nil, `400 query parameter full: want true or false`},
	{"GET /v1/items/7?full=true&full=true", "", nil, `400 query parameter full: given more than once`},
	{"GET /v1/items/7?sizes=1,x&color=BLUE", "", nil, `400 "errors":[{"detail":"query parameter sizes: want i32, got \"x\"`},
	{"GET /v1/items/7?words=%ff", "", nil, `400 query parameter words: not UTF-8`},
	{"GET /v1/items/7?full=%zz", "", nil, `400 query parameter full: invalid URL escape`},
	{"GET /v1/items/%ff", "", nil, `400 path parameter id`},
	{"GET /files/../secret", "", nil, `404 `},
	{"GET /files/a/%2e%2e/secret", "", nil, `404 `},
	{"GET /files/..%2fsecret", "", nil, `404 `},
	{"GET /files/..%5csecret", "", nil, `404 `},
	{"PUT /v1/items/1", `{"note":"x"}`, nil, `400 required field`},
	{"PUT /v1/items/1", ``, nil, `400 member new_item of the body: required, and not there`},
	{"PUT /v1/items/1", `{"new_item":{"id":1},"x":2}`, nil, `400 "line":1,"column":22`},
	{"PUT /v1/items/1", `{"new_item":{"id":1},"new_item":{"id":2}}`, nil, `400 `},
	{"PUT /v1/items/1", `new_item=1`, []string{form}, `400 member new_item of the body`},
	{"PUT /v1/items/1", `<x/>`, []string{"Content-Type: text/xml"}, `415 `},
	{"POST /login", "password=x", []string{form}, `400 form field user: required, and not there`},
	{"POST /login", "{}", nil, `415 want application/x-www-form-urlencoded`},
	{"POST /Shop/echo", `{"item":{"id":1e400}}`, nil, `400 `},
	{"POST /Shop/echo", `{"item":{"id":` + strings.Repeat("9", 5000) + `}}`, nil, `400 `},
	{"POST /Shop/echo", `{"item":{"id":1,"name":"` + "\xff" + `"}}`, nil, `400 `},
	{"POST /Shop/echo", deep, nil, `400 `},
	{"POST /Shop/echo", `{"item":{}`, nil, `400 `},
	{"POST /Shop/echo", strings.Repeat(" ", 65<<10), nil, `413 `},
	{"POST /Shop/echo", `{"item":{"id":1}}`, []string{"Content-Type: text/plain"}, `415 want application/json`},
	{"POST /Shop/echo", `{"item":{"id":1}}`, []string{"Content-Type: application/json; charset=latin1"}, `415 want utf-8`},
	{"POST /Shop/echo", `x`, []string{"Content-Encoding: br"}, `415 `},
	{"POST /Shop/fail", `{"how":"overloaded"}`, nil, `429 "code":"overloaded"`},
	{"POST /Shop/fail", `{"how":"denied"}`, nil, `403 "detail":"no"`},
	{"POST /Shop/fail", `{"how":"unauthenticated"}`, nil, `401 "detail":"who?"`},
	{"POST /Shop/fail", `{"how":"slow"}`, []string{"Client-Timeout: 20"}, `504 "code":"timeout"`},
	{"POST /Shop/fail", `{"how":"panic"}`, nil, `500 "code":"internal error"`},
	{"POST /Shop/ping", `{}`, []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.test"}, `403 `},
}

// deep nests more than a message may.
var deep = strings.Repeat(`{"item":`, 2000) + strings.Repeat("}", 2000)

// TestRequests makes the requests.
func TestRequests(t *testing.T) {
	for form, h := range handlers(t, gateway.Options{}) {
		for _, test := range requests {
			resp := do(h, test.line, test.body, test.header...)
			b, _ := io.ReadAll(resp.Body)
			status, part, _ := strings.Cut(test.want, " ")
			if form == "dialect" && (status == "404" && !strings.Contains(part, "{")) {
				continue // what is not the gateway's is Thrift's
			}
			if strconv.Itoa(resp.StatusCode) != status || !strings.Contains(string(b), part) {
				t.Errorf("%s: %s %.60q: got %d %.300s, want %s", form, test.line, test.body, resp.StatusCode, b, test.want)
			}
			if resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %s: Content-Type %q", form, test.line, resp.Header.Get("Content-Type"))
			}
			if test.line != "HEAD /v1/items/7" && resp.Header.Get("Content-Type") != "" && !json.Valid(b) {
				t.Errorf("%s: %s: not JSON: %s", form, test.line, b)
			}
		}
	}
}

// TestHeader has what a response has in its header.
func TestHeader(t *testing.T) {
	for form, h := range handlers(t, gateway.Options{Origins: []string{"https://app.test"}}) {
		check := func(resp *http.Response, status int, name, want string) {
			t.Helper()
			if got := resp.Header.Get(name); resp.StatusCode != status || got != want {
				t.Errorf("%s: status %d, %s %q, want %d and %q", form, resp.StatusCode, name, got, status, want)
			}
		}
		check(do(h, "POST /Shop/ping", "", "X-Said: hello", "User-Agent: test"), 200, "X-Seen", "hello")
		check(do(h, "PUT /v1/items/1", `{"new_item":{"id":1}}`), 201, "Location", "/v1/items/1")
		check(do(h, "POST /Shop/fail", `{"how":"overloaded"}`), 429, "Retry-After", "3")
		check(do(h, "POST /Shop/fail", `{"how":"unauthenticated"}`), 401, "WWW-Authenticate", "Bearer")
		check(do(h, "POST /v1/items/7", ""), 405, "Allow", "DELETE, GET, PATCH, PUT")
		check(do(h, "OPTIONS /v1/items/7", ""), 204, "Allow", "DELETE, GET, PATCH, PUT")
		check(do(h, "POST /Shop/ping", "", "Origin: https://app.test", "Sec-Fetch-Site: cross-site"), 200, "Access-Control-Allow-Origin", "https://app.test")
		check(do(h, "POST /Shop/ping", "", "Origin: https://app.test.evil", "Sec-Fetch-Site: cross-site"), 403, "Access-Control-Allow-Origin", "")
		check(do(h, "OPTIONS /Shop/ping", "", "Origin: https://app.test", "Access-Control-Request-Method: POST"), 204, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
		check(do(h, "OPTIONS /Shop/ping", "", "Origin: https://evil.test", "Access-Control-Request-Method: POST"), 204, "Access-Control-Allow-Origin", "")
	}
}

// TestNewErrors are annotations that do not fit.
func TestNewErrors(t *testing.T) {
	tests := []struct{ idl, want string }{
		{`string a(1: i64 id) (api.get = "users")`, `a.thrift:2:10: S.a: api.get = "users": a path begins with /`},
		{`string a(1: i64 id) (api.get = "/x/:id/:id")`, `two parameters of the path are called id`},
		{`string a(1: i64 id) (api.get = "/*id/x")`, `*id is not the end of the path`},
		{`string a(1: i64 id) (api.get = "/x:id")`, `a parameter is a whole segment, as in /users/:id or /files/*rest, not "x:id"`},
		{`string a(1: i64 id) (api.get = "/x/../:id")`, `the path has the segment ".."`},
		{`string a(1: i64 id) (api.get = "/*id")`, `a.thrift:2:19: id: i64 has no text that could be in the path of a request`},
		{`string a(1: i64 id) (api.get = "/:user")`, `no field of the arguments is the parameter user: annotate one with api.path = "user"`},
		{`string a(1: i64 id (api.path = "x")) (api.get = "/y")`, `a.thrift:2:19: id: api.path = "x": the route "/y" of S.a has no such parameter`},
		{`string a(1: map<i32,i32> m) (api.get = "/y")`, `m: map<i32,i32> has no text that could be in the query of a request`},
		{`string a(1: i32 m (api.body = "m")) (api.get = "/y")`, `a request of GET has no body`},
		{`string a(1: i32 m (api.header = "a b")) (api.get = "/y")`, `api.header = "a b" is not a name of HTTP`},
		{`string a(1: i32 x) (api.get = "/:x") string b(1: i32 y) (api.get = "/:y")`, `S.b: api.get = "/:y": S.a has that route already, as "/:x" (a.thrift:2:10)`},
		{`string a() (api.post = "/S/b") string b()`, `is that of S.b for all methods`},
		{`string a() (api.get = "/openapi.json")`, `is that of the gateway's own description`},
		{`i32 a(1: i32 x) throws (1: E e) (api.get = "/:x")`, `E: api.http_code = "200" is not a status from 400 to 599`},
		{`string a(1: i32 x (api.body = "n"), 2: i32 y (api.body = "n")) (api.post = "/y")`, `another field of the arguments has that name in the body`},
	}
	for _, test := range tests {
		f, err := thriftkit.Parse("a.thrift", "service S {\n  "+test.idl+"\n}\nexception E {} (api.http_code = \"200\")")
		if err != nil {
			t.Fatal(err)
		}
		_, err = gateway.Dialect([]*schema.Service{f.MustService("S")}, gateway.Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.idl, err, test.want)
		}
	}
}
