package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gateway"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// An httpRequest is a request and the arguments that it calls with.
type httpRequest struct {
	line, body string
	header     []string // "Name: value"
	want       string   // the arguments, or "400" of a request that is refused
	kitex      string   // what Kitex makes of it, if that differs; "error" if it refuses
	why        string   // the difference
}

const (
	emptyIsAbsent = "Kitex takes an empty parameter for an absent one"
	noDefaults    = "Kitex sends zero for a field that is absent and not optional, whatever its default, also if it is required"
	firstCounts   = "Kitex takes the first of several parameters of a name"
	lastCounts    = "of several annotations the last counts for Kitex"
	plainIsBody   = "without annotation a field is in the body for Kitex, also of a request that has none"
)

// httpRequests are sent to Kitex's generic calls over HTTP and to a gateway.
var httpRequests = []httpRequest{
	// Places.
	{line: "GET /get/7", want: `{"id":7}`},
	{line: "GET /get/7?number=-1&text=a+b%26&flag=true&ratio=0.5", want: `{"id":7,"number":-1,"text":"a b&","flag":true,"ratio":0.5}`},
	{line: "GET /get/7", header: []string{"X-Header: h", "Cookie: cookie=c; other=o"}, want: `{"id":7,"header":"h","cookie":"c"}`},
	{line: "GET /get/7", header: []string{"x-header: h"}, want: `{"id":7,"header":"h"}`},
	{line: "GET /get/7?none=x&unknown=y", want: `{"id":7}`},
	{line: "GET /files/a/b", want: `{"rest":"a/b"}`},
	{line: "POST /post", body: `{"number":5,"thing":{"x":1,"y":"z"},"counts":{"a":1},"longs":[9223372036854775807]}`, want: `{"number":5,"item":{"x":1,"y":"z"},"counts":{"a":1},"longs":[9223372036854775807]}`},
	{line: "PUT /put", body: `{"number":5}`, want: `{"number":5}`},
	{line: "POST /raw?name=n", body: `{"a": 1}`, want: `{"name":"n","raw":"eyJhIjogMX0="}`},
	{line: "POST /raw?name=n", body: "any \x01 bytes", want: `{"name":"n","raw":"YW55IAEgYnl0ZXM="}`, kitex: "error", why: "Kitex parses every body as JSON"},

	// Lists.
	{line: "GET /get/7?numbers=1,2,3", want: `{"id":7,"numbers":[1,2,3]}`},
	{line: "GET /get/7?numbers=1&numbers=2", want: `{"id":7,"numbers":[1,2]}`, kitex: `{"id":7,"numbers":[1]}`, why: firstCounts},
	{line: "GET /get/7?words=a,b", want: `{"id":7,"words":["a","b"]}`},
	{line: "GET /get/7?words=a%2Cb,c", want: `{"id":7,"words":["a,b","c"]}`, kitex: `{"id":7,"words":["a","b","c"]}`, why: "Kitex splits after decoding"},
	{line: "GET /get/7?words=", want: `{"id":7,"words":[]}`, kitex: `{"id":7}`, why: emptyIsAbsent},
	{line: "GET /get/7", header: []string{"X-List: 1,2"}, want: `{"id":7,"listed":[1,2]}`},
	{line: "GET /get/7", header: []string{"X-List: 1, 2"}, want: `{"id":7,"listed":[1,2]}`, kitex: "error", why: "Kitex takes white space for a part of the number"},
	{line: "GET /get/7?text=a&text=b", want: "400", kitex: `{"id":7,"text":"a"}`, why: firstCounts},

	// Several places.
	{line: "GET /get/7?both=1", want: `{"id":7,"both":1,"other":1}`, kitex: `{"id":7,"other":1}`, why: lastCounts},
	{line: "GET /get/7?both=1", header: []string{"X-Both: 2"}, want: `{"id":7,"both":1,"other":1}`, kitex: `{"id":7,"both":2,"other":1}`, why: lastCounts},
	{line: "POST /post?both=1", body: `{"both":2}`, want: `{"both":1}`, kitex: `{"both":2}`, why: lastCounts},
	{line: "POST /post", body: `{"both":2}`, want: `{"both":2}`},
	{line: "GET /get/7?plain=p", want: `{"id":7,"plain":"p"}`, kitex: `{"id":7}`, why: plainIsBody},
	{line: "DELETE /remove?a=1&b=2&c=3", want: `{"a":1,"b":2,"c":3}`},
	{line: "POST /form", body: "user=u&id=1", header: []string{"Content-Type: application/x-www-form-urlencoded"}, want: `{"user":"u","id":1}`, kitex: "error", why: "Kitex has no forms: api.form is no annotation of its own"},

	// What is not there.
	{line: "GET /get/7?text=", want: `{"id":7,"text":""}`, kitex: `{"id":7}`, why: emptyIsAbsent},
	{line: "GET /required?a=1&b=2", want: `{"a":1,"b":2}`},
	{line: "GET /required?a=1", want: `{"a":1,"b":7}`, kitex: `{"a":1,"b":0}`, why: noDefaults},
	{line: "GET /required?b=1", want: "400", kitex: `{"a":0,"b":1}`, why: noDefaults},
	{line: "GET /defaults", want: `{"b":7,"c":8}`, kitex: `{"a":0,"b":0,"c":8}`, why: noDefaults},

	// What does not fit.
	{line: "GET /get/x", want: "400", kitex: "error"},
	{line: "GET /get/7?number=2147483648", want: "400", kitex: "error"},
	{line: "GET /get/7?flag=1", want: "400", kitex: "error"},
	{line: "GET /get/7?color=2", want: `{"id":7,"color":"GREEN"}`},
	{line: "GET /get/7?color=GREEN", want: `{"id":7,"color":"GREEN"}`, kitex: "error", why: "Kitex knows enums as numbers"},
	{line: "GET /get/7?data=AAE=", want: `{"id":7,"data":"AAE="}`, kitex: `{"id":7,"data":"QUFFPQ=="}`, why: "Kitex takes the text of a binary for its bytes"},
	{line: "POST /post", body: `{"number":"5"}`, want: "400", kitex: `{"number":5}`, why: "Kitex takes a string for a number"},
	{line: "POST /post", body: `{"unknown":5}`, want: "400", kitex: `{}`, why: "Kitex ignores unknown members"},
	{line: "POST /post", body: `{"number":5`, want: "400", kitex: "error"},
}

// TestHTTPRequests compares how a gateway and Kitex's generic calls over HTTP read requests with CloudWeGo's annotations. docs/gateway.md has the
// differences.
func TestHTTPRequests(t *testing.T) {
	p := kitex()
	place := p.setUp(t)
	file, err := thriftkit.Load("testdata/http.thrift")
	if err != nil {
		t.Fatal(err)
	}
	svc := file.MustService("HTTP")
	seen := make(chan string, 1)
	handler := rpc.DynamicHandler(func(_ context.Context, _ *schema.Method, args *dynamic.Struct) (any, error) {
		req := args.Get("req")
		req.Struct().SetDefaults()
		b, err := dynamic.AppendJSON(nil, req.Struct().Schema().Type(), req, dynamic.JSONOptions{})
		seen <- string(b)
		return map[string]any{}, err
	})
	program := start(t, p.command(place, "http")[0], "http", "testdata/http.thrift", serveGo(t, "tcp", svc, handler))
	program.line("READY")
	rest, err := gateway.Dialect([]*schema.Service{svc}, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.ServerOptions{Dialects: []rpc.Dialect{rest}})
	if err := server.Register(svc, handler); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	h := server.HTTPHandler()
	// arguments returns what the handler saw, if it was called.
	arguments := func(otherwise string) string {
		select {
		case s := <-seen:
			return s
		default:
			return otherwise
		}
	}
	for _, r := range httpRequests {
		method, target, _ := strings.Cut(r.line, " ")
		header := make(http.Header)
		if r.body != "" {
			header.Set("Content-Type", "application/json")
		}
		for _, f := range r.header {
			name, value, _ := strings.Cut(f, ": ")
			header.Set(name, value)
		}
		ours := httptest.NewRequest(method, target, strings.NewReader(r.body))
		ours.Header = header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, ours)
		if got := arguments(fmt.Sprint(w.Code)); got != r.want {
			t.Errorf("%s %.60q %q: the gateway calls with %s (%d %.200s), want %s", r.line, r.body, r.header, got, w.Code, w.Body, r.want)
		}
		line, err := json.Marshal(map[string]any{"Method": method, "Target": target, "Body": r.body, "Header": header})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(program.stdin, "%s\n", line); err != nil {
			t.Fatal(err)
		}
		outcome := program.line("")
		word, _, _ := strings.Cut(outcome, " ")
		want := r.kitex
		if want == "" {
			want = r.want
		}
		if got := arguments(word); got != want {
			t.Errorf("%s %.60q %q: Kitex calls with %s (%.200s), want %s", r.line, r.body, r.header, got, outcome, want)
		}
		if (r.why != "") != (want != r.want && want != "error" || want == "error" && !strings.HasPrefix(r.want, "4")) {
			t.Errorf("%s: the reason is %q", r.line, r.why)
		}
	}
}
