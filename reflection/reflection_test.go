package reflection

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/print"
	"github.com/thriftkit/thriftkit/internal/memnet"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/transcode"
)

// The tree has two files of one name, an include by way of a directory, a service that extends one
// of another file, and one that is neither served nor extended.
var tree = compile.Texts{
	"a/shop.thrift": `
/** What shops do. */
include "../lib/common.thrift"
include "common.thrift"
/** Colours of things. */
enum Color { RED = 1, GREEN = 2 } (shade = "dark")
struct Item { 1: required string name, 2: Color color = Color.RED, 3: common.Price price, 4: Box box }
typedef list<Item> Box
exception NotFound { 1: string name }
service Shop extends common.Base {
  /** Finds it. */
  Item find(1: string name, 2: i32 limit = 10) throws (1: NotFound missing),
  oneway void tell(1: map<i32, set<uuid>> what),
}
service Unserved { void nothing() }
`,
	"a/common.thrift": `struct Price { 1: i64 cents }`,
	"lib/common.thrift": `
service Root { bool alive() }
service Base extends Root { string ping() }
`,
	"b/till.thrift": `
include "../a/shop.thrift"
union Pay { 1: shop.Item item, 2: binary cash }
service Till { void pay(1: Pay pay) }
`,
}

func compiled(t *testing.T, texts compile.Texts, paths ...string) []*schema.File {
	t.Helper()
	p := compile.Load(paths, compile.Options{Source: texts})
	if errs := p.Diagnostics.Errors(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return p.Files
}

var echo = rpc.DynamicHandler(func(_ context.Context, m *schema.Method, _ *dynamic.Struct) (any, error) {
	return dynamic.Zero(m.Result), nil
})

// serve serves the services in memory.
func serve(t *testing.T, builtIn []rpc.BuiltIn, services ...*schema.Service) *memnet.Listener {
	t.Helper()
	s := rpc.NewServer(rpc.ServerOptions{BuiltIn: builtIn})
	for _, svc := range services {
		if err := s.Register(svc, echo); err != nil {
			t.Fatal(err)
		}
	}
	l := memnet.Listen()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l
}

// dial returns a client of what serve returned, in the dialect that query names.
func dial(t *testing.T, l *memnet.Listener, query string) (context.Context, *rpc.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	c, err := rpc.Dial(ctx, "memory:0"+query, rpc.ClientOptions{
		Dialer: func(ctx context.Context, to transport.Target, _ *tls.Config) (net.Conn, error) {
			nc, err := l.Dial(ctx)
			if err == nil && to.IsCompressed() {
				nc = msgio.Zlib(nc)
			}
			return nc, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return ctx, c
}

func serviceText(svc *schema.Service) string { return string(print.AppendDefinition(nil, svc)) }

// The schema comes in every dialect, and under the name of any service; and calls go on as before.
func TestFetch(t *testing.T) {
	f := compiled(t, tree, "a/shop.thrift")[0]
	shop := f.Service("Shop")
	l := serve(t, Services(), shop)
	for _, query := range []string{
		"", "?transport=framed", "?protocol=compact", "?protocol=compact&transport=framed", "?transport=header", "?protocol=compact&transport=header",
		"?transport=ttheader", "?protocol=json", "?protocol=thriftpy2-json", "?protocol=simple-json", "?compression=zlib", "?transport=http",
		"?service=Shop", "?service=Shop&transport=ttheader", "?service=Nobody", "?service=Reflection",
	} {
		ctx, c := dial(t, l, query)
		got, err := Fetch(ctx, c)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if len(got.Services) != 1 || serviceText(got.Services[0]) != serviceText(shop) {
			t.Errorf("%s: services %v", query, got.Services)
		}
		if _, err := c.Invoke(ctx, got.File.Service("Shop").Method("ping"), dynamic.New(got.File.Service("Shop").Method("ping").Args)); err != nil && query != "?service=Nobody" && query != "?service=Reflection" {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// What is fetched is what is served: every file's text, but for services that nobody needs and for
// the paths of includes.
func TestTexts(t *testing.T) {
	f := compiled(t, tree, "a/shop.thrift")[0]
	ctx, c := dial(t, serve(t, Services(), f.Service("Shop")), "")
	got, err := Fetch(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for p := range got.Texts {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	if want := []string{"0/common.thrift", "1/common.thrift", "shop.thrift"}; !slices.Equal(paths, want) {
		t.Fatalf("files %v, want %v", paths, want)
	}
	want := string(print.AppendFile(nil, f))
	want = strings.Replace(want, "../lib/common.thrift", "0/common.thrift", 1)
	want = strings.Replace(want, `"common.thrift"`, `"1/common.thrift"`, 1)
	want = strings.Replace(want, "\nservice Unserved {\n  void nothing(),\n}\n", "", 1)
	if got.Texts["shop.thrift"] != want {
		t.Errorf("shop.thrift is\n%s\nwant\n%s", got.Texts["shop.thrift"], want)
	}
	for _, file := range []string{"a/common.thrift", "lib/common.thrift"} {
		if text := string(print.AppendFile(nil, compiled(t, tree, file)[0])); text != got.Texts["0/common.thrift"] && text != got.Texts["1/common.thrift"] {
			t.Errorf("%s is lost: %v", file, got.Texts)
		}
	}
}

// Services of several files get a file of their own, where they have their names.
func TestSeveralFiles(t *testing.T) {
	files := compiled(t, tree, "a/shop.thrift", "b/till.thrift")
	ctx, c := dial(t, serve(t, Services(), files[1].Service("Till"), files[0].Service("Shop")), "")
	got, err := Fetch(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if names := []string{got.Services[0].Name, got.Services[1].Name}; !slices.Equal(names, []string{"Till", "Shop"}) {
		t.Errorf("services %v", names)
	}
	for _, name := range []string{"Till.pay", "Shop.find", "Shop.alive"} {
		svc, method, _ := strings.Cut(name, ".")
		if got.File.Service(svc) == nil || got.File.Service(svc).Method(method) == nil {
			t.Errorf("no %s", name)
		}
	}
	if got.File.Struct("till.Pay").Field("item").Type.Struct != got.File.Struct("shop.Item") {
		t.Error("the files do not share what they include")
	}
}

// A method of a user is found first, whatever it is called.
func TestUsersMethodsFirst(t *testing.T) {
	f := compiled(t, compile.Texts{"x.thrift": `service X { void thriftkit__schema(), void getThriftServiceMetadata() }`}, "x.thrift")[0]
	ctx, c := dial(t, serve(t, Services(), f.Services[0]), "")
	for _, m := range f.Services[0].Methods {
		if _, err := c.Invoke(ctx, m, dynamic.New(m.Args)); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	if _, err := Fetch(ctx, c); err == nil {
		t.Error("the user's method answered with a schema")
	}
}

func TestUnsupported(t *testing.T) {
	f := compiled(t, tree, "a/shop.thrift")[0]
	ctx, c := dial(t, serve(t, nil, f.Service("Shop")), "")
	_, err := Fetch(ctx, c)
	want := `the server does not hand out its schema: Reflection.thriftkit__schema: unknown method: unknown method "thriftkit__schema" (from the server)`
	if !errors.Is(err, ErrUnsupported) || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// What fbthrift's method answers.
func TestMetadata(t *testing.T) {
	f := compiled(t, tree, "a/shop.thrift")[0]
	ctx, c := dial(t, serve(t, Services(), f.Service("Shop")), "?protocol=compact&transport=header")
	m := method("metadata.thrift", metadataText)
	v, err := c.Invoke(ctx, m, dynamic.New(m.Args))
	if err != nil {
		t.Fatal(err)
	}
	text, err := dynamic.AppendJSON(nil, m.Result, v, dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"context":{"service_info":{"name":"shop.Shop","functions":[{"name":"find","return_type":{"t_struct":{"name":"shop.Item"}},"arguments":[{"id":1,"type":{"t_primitive":"THRIFT_STRING_TYPE"},"name":"name","is_optional":false},`,
		`"exceptions":[{"id":1,"type":{"t_struct":{"name":"shop.NotFound"}},"name":"missing","is_optional":false}],"is_oneway":false}`,
		`{"name":"tell","return_type":{"t_primitive":"THRIFT_VOID_TYPE"},"arguments":[{"id":1,"type":{"t_map":{"keyType":{"t_primitive":"THRIFT_I32_TYPE"},"valueType":{"t_set":{"valueType":{"t_primitive":"THRIFT_BINARY_TYPE"}}}}},`,
		`"parent":"common.Base"},"module":{"name":"shop"}}`,
		`"shop.Color":{"name":"shop.Color","elements":{"1":"RED","2":"GREEN"}}`,
		`{"t_typedef":{"name":"shop.Box","underlyingType":{"t_list":{"valueType":{"t_struct":{"name":"shop.Item"}}}}}}`,
		`"exceptions":{"shop.NotFound":{"name":"shop.NotFound","fields":[`,
		`"services":[{"service_name":"shop.Shop","module":{"name":"shop"}},{"service_name":"common.Base","module":{"name":"common"}},{"service_name":"common.Root","module":{"name":"common"}}]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("missing %s\nin %s", want, text)
		}
	}
}

// Text is less than half of a description in structs.
func TestSize(t *testing.T) {
	path := "../conformance/testdata/conformance.thrift"
	if _, err := os.Stat(path); err != nil {
		t.Skip("not in a checkout")
	}
	f, diags := compile.Compile(path, compile.Options{})
	if f == nil {
		t.Fatal(diags)
	}
	size := make(map[string]int)
	for name, text := range map[string]string{"text": ownText, "fbthrift's": metadataText} {
		result := describe
		if name != "text" {
			result = metadata
		}
		m := method("x.thrift", text)
		v, err := dynamic.Of(m.Result, result(f.Services))
		if err != nil {
			t.Fatal(err)
		}
		text, err := dynamic.AppendJSON(nil, m.Result, v, dynamic.JSONOptions{})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := transcode.AppendThrift(nil, text, m.Result.Struct, transcode.Options{})
		if err != nil {
			t.Fatal(err)
		}
		size[name] = len(encoded)
	}
	t.Log(size)
	if 2*size["text"] > size["fbthrift's"] {
		t.Errorf("bytes in binary: %v", size)
	}
}

// Answers that are no schema are errors, never anything worse.
func TestBadAnswers(t *testing.T) {
	m := method("reflection.thrift", ownText)
	file := func(path, text string) map[string]any { return map[string]any{"path": path, "text": text} }
	served := func(file, name string) map[string]any { return map[string]any{"file": file, "name": name} }
	for _, tt := range []struct {
		files, services []any
		want            string
	}{
		{nil, nil, "it has no services"},
		{[]any{file("a.thrift", "service A {}")}, nil, "it has no services"},
		{nil, []any{served("a.thrift", "A")}, "a.thrift: error: cannot be read: it does not exist [cannot-read]"},
		{[]any{file("a.thrift", "service A {}")}, []any{served("a.thrift", "B")}, `a.thrift has no service "B"`},
		{[]any{file("a.thrift", "service A {")}, []any{served("a.thrift", "A")}, `a.thrift:1:12: error: expected a function or "}", found end of file`},
		{[]any{file("a.thrift", `include "/etc/passwd"`)}, []any{served("a.thrift", "A")}, "a.thrift:1:9: error: no file /etc/passwd"},
		{[]any{file("a.thrift", "service A {}"), file("b.thrift", "service B {}")}, []any{served("a.thrift", "A"), served("b.thrift", "A")}, `server.thrift:4:9: error: `},
		{[]any{file("a.thrift", "service A {}"), file("b.thrift", "service B {}")}, []any{served("a.thrift", "A"), served("b.thrift", "B {} x")}, `server.thrift:4:14: error: `},
	} {
		v, err := dynamic.Of(m.Result, map[string]any{"files": orEmpty(tt.files), "services": orEmpty(tt.services)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := link(v.Struct()); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func orEmpty(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}

// A server may send anything: it is a schema or an error.
func FuzzLink(f *testing.F) {
	m := method("reflection.thrift", ownText)
	f.Add("a.thrift", "service A {}", "b.thrift", `include "a.thrift" service B extends a.A {}`, "A", "B")
	f.Add("0/a.thrift", `include "1/a.thrift"`, "1/a.thrift", `include "0/a.thrift"`, "A", "A")
	f.Add("../x", "service A {}", "/etc/passwd", "service B {}", "A", "B")
	f.Add("server.thrift", "service A {}", "b.thrift", "service B {}", "A extends x", "B")
	f.Fuzz(func(t *testing.T, path1, text1, path2, text2, name1, name2 string) {
		v, err := dynamic.Of(m.Result, map[string]any{
			"files":    []any{map[string]any{"path": path1, "text": text1}, map[string]any{"path": path2, "text": text2}},
			"services": []any{map[string]any{"file": path1, "name": name1}, map[string]any{"file": path2, "name": name2}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := link(v.Struct())
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if err != nil {
			return
		}
		for _, svc := range s.Services {
			if s.File.Service(svc.Name) == nil {
				t.Errorf("service %s is not in the file", svc.Name)
			}
		}
	})
}
