package doc

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

const shop = `/** The <shop>. */
include "lib.thrift"
namespace py shop (role = "a")
typedef list<i64> Ids
const i32 Work = 10
/** What | there is
 * to do. */
struct Work { 1: required string name = "a|b" (max = "1"), 2: Color color = Color.RED, 3: map<Color, Ids> ids, 4: Work next, 5: list<i32 (js.type = "Long")> n }
enum Color { RED = 1, /** Like <i>grass</i>. */ GREEN }
union Any { 1: Work work }
service Shop extends lib.Base {
  /** Finds. */
  list<Work> find(1: string name (min = "1"), 2: i32 limit = 10) throws (/** none */ 1: lib.Not_Found missing (code = "404")) (slow),
  oneway void forget(/** which */ 1: Any what)
  Color, sink<Work throws (1: lib.Not_Found missing), Any> feed(),
  Color, sink<Work throws (1: lib.Not_Found missing (early)), Any throws (1: lib.Not_Found missing (late))> feed2(),
}
`

func file(t *testing.T) *schema.File {
	t.Helper()
	f, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{
		"shop.thrift": shop, "lib.thrift": "exception Not_Found {1: string why}\nservice Base { void ping() }",
	}})
	if f == nil {
		t.Fatal(diags)
	}
	return f
}

func TestModel(t *testing.T) {
	d := Of(file(t))
	var got strings.Builder
	for _, f := range d.Files {
		for _, def := range f.Definitions {
			got.WriteString(def.Kind + " " + def.ID + ":")
			for _, u := range def.UsedBy {
				got.WriteString(" " + u.ID)
			}
			got.WriteString("\n")
		}
	}
	const want = `service shop.Shop:
struct shop.Work: shop.Shop.find shop.Shop.feed shop.Shop.feed2 shop.Any
union shop.Any: shop.Shop.forget shop.Shop.feed shop.Shop.feed2
enum shop.Color: shop.Shop.feed shop.Shop.feed2 shop.Work
typedef shop.Ids: shop.Work
constant shop.const.Work:
service lib.Base: shop.Shop
exception lib.Not_Found: shop.Shop.find shop.Shop.feed shop.Shop.feed2
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
	work := d.Files[0].Definitions[1]
	if f := work.Fields[1]; f.Default != "Color.RED" || f.Type.ID != "shop.Color" || f.FieldID != 2 {
		t.Errorf("got %+v", f)
	}
	if f := work.Fields[2]; f.Type.Text != "map<Color,Ids>" && f.Type.Text != "map<Color, Ids>" || len(f.Type.Of) != 2 || f.Type.Of[1].ID != "shop.Ids" {
		t.Errorf("got %+v", f)
	}
	if c := d.Files[0].Definitions[5]; c.Value != "10" || c.Type.Text != "i32" {
		t.Errorf("got %+v", c)
	}
}

func TestJSON(t *testing.T) {
	text := Of(file(t)).AppendJSON(nil)
	var again Doc
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if string(again.AppendJSON(nil)) != string(text) {
		t.Error("the JSON changes when it is read again")
	}
}

// Every link of both pages leads to a place that is there, and no text of the file is taken for markup.
func TestLinks(t *testing.T) {
	d := Of(file(t))
	html, err := d.AppendHTML(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]struct {
		text string
		link string
	}{
		"html":     {string(html), `href="#([^"]*)"`},
		"markdown": {string(d.AppendMarkdown(nil)), `\]\(#([^)]*)\)`},
	} {
		links := regexp.MustCompile(page.link).FindAllStringSubmatch(page.text, -1)
		if len(links) < 12 {
			t.Errorf("%s: %d links", name, len(links))
		}
		for _, l := range links {
			if !strings.Contains(page.text, `id="`+l[1]+`"`) {
				t.Errorf("%s: %s leads nowhere", name, l[1])
			}
		}
		for _, bad := range []string{"<shop>", "<i>", "src=", "http", "<script"} {
			if strings.Contains(page.text, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
		for _, want := range []string{"Finds.", "&lt;shop&gt;", "Like &lt;i&gt;grass&lt;/i&gt;.", "Used by", "extends"} {
			if !strings.Contains(page.text, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
	markdown := string(d.AppendMarkdown(nil))
	for _, want := range []string{
		"| 1 | `name` | string | required | `\"a\\|b\"` | `max = \"1\"` |\n", "| `RED` | 1 |  |\n", "### find\n\nlist&lt;[Work](#shop.Work)&gt; find(string `name`, i32 `limit`) throws [Not\\_Found](#lib.Not_Found)\n",
		"streams: client; first response [Color](#shop.Color); the client sends [Work](#shop.Work) and throws [Not\\_Found](#lib.Not_Found); the server replies [Any](#shop.Any)\n",
		"- namespace `py`: `shop` (`role = \"a\"`)\n", "| 5 | `n` | list&lt;i32 (`js.type = \"Long\"`)&gt; |",
		"oneway void forget([Any](#shop.Any) `what`)", "i32 = `10`", "- annotation `slow` = `1`", "- `name` `min = \"1\"`\n", "- throws [Not\\_Found](#lib.Not_Found) `missing` none `code = \"404\"`\n", "`early = \"1\"`", "`late = \"1\"`", "What | there is\nto do.",
	} {
		if !strings.Contains(markdown, want) {
			t.Errorf("no %q in\n%s", want, markdown)
		}
	}
}

// Annotations of parameters and exceptions are on the page.
func TestHTMLAnnotations(t *testing.T) {
	html, err := Of(file(t)).AppendHTML(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<code>name</code> </p><div class="soft"><code>min = "1"</code>`,
		`<a href="#lib.Not_Found">Not_Found</a> <code>missing</code> none`, `<code>code = "404"</code>`, `<code>early = "1"</code>`, `<code>late = "1"</code>`,
	} {
		if !strings.Contains(string(html), want) {
			t.Errorf("no %q in\n%s", want, html)
		}
	}
}

func TestOnly(t *testing.T) {
	d := Of(file(t))
	for name, want := range map[string]int{"Work": 2, "Shop.find": 1, "lib.Not_Found": 1, "Shop": 1, "lib.Base.ping": 1} {
		only := d.Only(name)
		if only == nil || len(only.Files) != 1 || len(only.Files[0].Definitions) != want {
			t.Errorf("%s: got %+v", name, only)
		}
	}
	if m := d.Only("Shop.find").Files[0].Definitions[0].Methods; len(m) != 1 || m[0].Name != "find" {
		t.Errorf("got %+v", m)
	}
	for _, name := range []string{"Wrok", "Shop.fnid", "Not_Found", ""} {
		if got := d.Only(name); got != nil {
			t.Errorf("%q: got %+v", name, got)
		}
	}
}
