package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// FuzzRequests makes requests, header fields one a line. A proxy and a dialect answer alike: by JSON, and a problem if it is an error. Only
// the handler of Shop fails with a status of 500 and more.
func FuzzRequests(f *testing.F) {
	for _, test := range requests {
		f.Add(test.line, test.body, strings.Join(test.header, "\n"))
	}
	h := handlers(f, gateway.Options{})
	f.Fuzz(func(t *testing.T, line, body, header string) {
		method, target, _ := strings.Cut(line, " ")
		u, err := url.Parse("http://shop.test" + target)
		if _, err2 := http.NewRequest(method, "/", nil); err != nil || err2 != nil || u.Host != "shop.test" || strings.HasPrefix(u.Path, "/Shop/fail") {
			t.Skip() // no request of HTTP, or one that takes time
		}
		var fields []string
		for f := range strings.SplitSeq(header, "\n") {
			if name, value, _ := strings.Cut(f, ": "); http.CanonicalHeaderKey(name) != "Client-Timeout" && !strings.ContainsAny(value, "\r\n\x00") {
				fields = append(fields, f)
			}
		}
		got := do(h["proxy"], line, body, fields...)
		text, _ := io.ReadAll(got.Body)
		other := do(h["dialect"], line, body, fields...)
		otherText, _ := io.ReadAll(other.Body)
		// What has no route, or is of a type that is Thrift's, the dialect leaves to others; pages of other origins are the server's matter.
		if isOurs := got.StatusCode != 404 && got.StatusCode != 415 && other.Header.Get("X-Content-Type-Options") != "" && got.StatusCode != 403; isOurs &&
			(other.StatusCode != got.StatusCode || string(otherText) != string(text)) {
			t.Errorf("the proxy answers %d %.300s, the dialect %d %.300s", got.StatusCode, text, other.StatusCode, otherText)
		}
		mediaType := got.Header.Get("Content-Type")
		switch {
		case got.StatusCode >= 500:
			t.Errorf("%d %s", got.StatusCode, text)
		case got.StatusCode >= 400 && mediaType != "application/problem+json":
			t.Errorf("%d has the Content-Type %q", got.StatusCode, mediaType)
		case len(text) > 0 && got.Header.Get("Content-Encoding") == "" && !json.Valid(text):
			t.Errorf("not JSON: %s", text)
		}
	})
}

// placed are the types that values in all places may have; the value of a field is the same wherever its text is.
var placed = []string{"bool", "i8", "i16", "i32", "i64", "double", "string", "binary", "uuid", "Color", "list<i32>", "set<string>", "list<Color>", "list<double>"}

// placesService returns a service with a method for each type and place, and a handler of requests to it that shows the arguments.
func placesService(t testing.TB) http.Handler {
	var idl strings.Builder
	idl.WriteString("enum Color { RED = 1, GREEN = 2 }\nservice Places {\n")
	for i, typ := range placed {
		list := strings.Contains(typ, "<")
		fmt.Fprintf(&idl, "string query%[1]d(1: %[2]s v (api.query = \"v\")) (api.get = \"/query/%[1]d\")\n", i, typ)
		fmt.Fprintf(&idl, "string form%[1]d(1: %[2]s v (api.form = \"v\")) (api.post = \"/form/%[1]d\")\n", i, typ)
		fmt.Fprintf(&idl, "string header%[1]d(1: %[2]s v (api.header = \"V\")) (api.get = \"/header/%[1]d\")\n", i, typ)
		if !list {
			fmt.Fprintf(&idl, "string path%[1]d(1: %[2]s v) (api.get = \"/path/%[1]d/:v\")\n", i, typ)
			fmt.Fprintf(&idl, "string cookie%[1]d(1: %[2]s v (api.cookie = \"v\")) (api.get = \"/cookie/%[1]d\")\n", i, typ)
		}
	}
	idl.WriteString("}\n")
	file, err := thriftkit.Parse("places.thrift", idl.String())
	if err != nil {
		t.Fatal(err)
	}
	svc := file.MustService("Places")
	d, err := gateway.Dialect([]*schema.Service{svc}, gateway.Options{NoMethods: true})
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{d}})
	if err := server.Register(svc, rpc.DynamicHandler(handle)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.HTTPHandler()
}

// inPlaces has a gateway read a text from each place that can hold it, and returns the arguments or the mistake, by place.
func inPlaces(h http.Handler, i int, text string) map[string]string {
	list := strings.Contains(placed[i], "<")
	seen := make(map[string]string)
	ask := func(place string, r *http.Request) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var shown string
		var p struct{ Detail string }
		switch b := w.Body.Bytes(); {
		case w.Code == 200 && json.Unmarshal(b, &shown) == nil:
			seen[place] = shown
		case w.Code == 400 && json.Unmarshal(b, &p) == nil:
			_, shown, _ = strings.Cut(p.Detail, ": ")
			seen[place], _, _ = strings.Cut(shown, " (declared")
		default:
			seen[place] = fmt.Sprint(w.Code, " ", w.Body)
		}
	}
	path := func(place string) string { return fmt.Sprintf("http://places.test/%s/%d", place, i) }
	escaped := url.QueryEscape(text)
	if list { // what separates is not escaped
		escaped = strings.ReplaceAll(escaped, "%2C", ",")
	}
	ask("query", httptest.NewRequest("GET", path("query")+"?v="+escaped, nil))
	r := httptest.NewRequest("POST", path("form"), strings.NewReader("v="+escaped))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	ask("form", r)
	if trimmed := strings.TrimSpace(text); trimmed == text && !(list && strings.ContainsAny(text, " \t\v\f\r\n\u0085\u00a0\u1680\u2000\u2028\u2029\u202f\u205f\u3000")) {
		r := httptest.NewRequest("GET", path("header"), nil)
		r.Header.Set("V", text)
		ask("header", r)
	}
	if list {
		return seen
	}
	if hasDots := strings.ContainsFunc(text, func(c rune) bool { return c == '.' }) && strings.ContainsAny(text, `/\`); text != "" && text != "." && text != ".." && !hasDots {
		ask("path", httptest.NewRequest("GET", path("path")+"/"+url.PathEscape(text), nil))
	}
	if (&http.Cookie{Name: "v", Value: text}).Valid() == nil && !strings.ContainsAny(text, " ,") {
		r := httptest.NewRequest("GET", path("cookie"), nil)
		r.AddCookie(&http.Cookie{Name: "v", Value: text})
		ask("cookie", r)
	}
	return seen
}

// placedTexts are texts and what they are as arguments, or the mistake.
var placedTexts = []struct{ typ, text, want string }{
	{"bool", "true", `{"v":true}`},
	{"bool", "1", `want true or false, got "1"`},
	{"i8", "-128", `{"v":-128}`},
	{"i8", "128", `want i8, got "128"`},
	{"i16", "+1", `{"v":1}`},
	{"i32", "", `want i32, got ""`},
	{"i64", "9223372036854775807", `{"v":9223372036854775807}`},
	{"i64", "0x10", `want i64, got "0x10"`},
	{"double", "1e3", `{"v":1000}`},
	{"double", "-Infinity", `{"v":"-Infinity"}`},
	{"string", "a b+c&d=%2C水", `{"v":"a b+c&d=%2C水"}`},
	{"string", "", `{"v":""}`},
	{"binary", "AAE=", `{"v":"AAE="}`},
	{"binary", "AAE", `{"v":"AAE="}`},
	{"binary", "?", `want base64, got "?"`},
	{"uuid", "123E4567-e89b-12d3-a456-426614174000", `{"v":"123e4567-e89b-12d3-a456-426614174000"}`},
	{"Color", "GREEN", `{"v":"GREEN"}`},
	{"Color", "2", `{"v":"GREEN"}`},
	{"Color", "BLUE", `want Color, got "BLUE"`},
	{"list<i32>", "1,2", `{"v":[1,2]}`},
	{"list<i32>", "", `{"v":[]}`},
	{"list<i32>", "1,,2", `want i32, got ""`},
	{"set<string>", "a,b", `{"v":["a","b"]}`},
	{"list<Color>", "RED,2", `{"v":["RED","GREEN"]}`},
}

// TestPlaces has texts in all places.
func TestPlaces(t *testing.T) {
	h := placesService(t)
	for _, test := range placedTexts {
		for place, got := range inPlaces(h, slices.Index(placed, test.typ), test.text) {
			if got != test.want {
				t.Errorf("%s %q in %s: got %s, want %s", test.typ, test.text, place, got, test.want)
			}
		}
	}
}

// FuzzPlaces checks that a text is the same value, or the same mistake, in every place that can hold it: paths, queries, forms, header fields and
// cookies. Values are shown in the JSON form, which reads back.
func FuzzPlaces(f *testing.F) {
	for _, test := range placedTexts {
		f.Add(slices.Index(placed, test.typ), test.text)
	}
	h := placesService(f)
	idl := "enum Color { RED = 1, GREEN = 2 }\n"
	for i, typ := range placed {
		idl += fmt.Sprintf("struct Shown%d { 1: %s v }\n", i, typ)
	}
	shown, err := thriftkit.Parse("shown.thrift", idl)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		if i < 0 || i >= len(placed) {
			t.Skip()
		}
		all := inPlaces(h, i, text)
		for place, got := range all {
			if got != all["query"] {
				t.Errorf("%s %q: %s in %s, %s in a query", placed[i], text, got, place, all["query"])
			}
		}
		if text := all["query"]; strings.HasPrefix(text, "{") {
			desc := shown.Struct(fmt.Sprint("Shown", i))
			if _, err := dynamic.ParseJSON(desc.Type(), []byte(text), dynamic.JSONOptions{}); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}
