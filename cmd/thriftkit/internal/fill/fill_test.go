package fill

import (
	"regexp"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

const idl = `enum Color {RED = 1}
struct Item {1: i32 id, 2: string name, 3: list<i64> sizes, 4: map<string, double> prices, 5: Color color, 6: bool on, 7: uuid key}
`

func itemType(t *testing.T) *schema.Type {
	t.Helper()
	file, err := thriftkit.Parse("a.thrift", idl)
	if err != nil {
		t.Fatal(err)
	}
	return file.Struct("Item").Type()
}

func node(t *testing.T, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n.Content[0]
}

func TestNode(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{id: 1, name: x}`, `{"id":1,"name":"x"}`},
		{`{"id": -1, "name": "\u00e9\n"}`, `{"id":-1,"name":"é\n"}`},
		{`{id: 0x10, prices: {a: 1.5, b: .inf}}`, `{"id":16,"prices":{"a":1.5,"b":"Infinity"}}`},
		{`{on: true, name: null}`, `{"on":true,"name":null}`},
		{`{name: 2024-01-01}`, `{"name":"2024-01-01"}`},
		{`{id: "{{.Number}}", name: "n{{.Number}}"}`, `{"id":7,"name":"n7"}`},
		{`{sizes: ["{{.Number}}", 2], prices: {x: "{{.Number}}"}}`, `{"sizes":[7,2],"prices":{"x":7}}`},
		{`{name: '{{"a\"b"}}', color: "{{.Request.color}}"}`, `{"name":"a\"b","color":"RED"}`},
		{`{other: "{{.Number}}"}`, `{"other":"7"}`},
		{`{sizes: '{{json .Request.sizes}}'}`, `{"sizes":[1,2]}`},
		{`{a: &x [1], sizes: *x}`, `{"a":[1],"sizes":[1]}`},
	} {
		tmpl, err := Node(node(t, test.text), itemType(t))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		d := NewData(1, 2)
		d.Number, d.Request = 7, map[string]any{"color": "RED", "sizes": []any{1, 2}}
		got, err := tmpl.Append(nil, d)
		if string(got) != test.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", test.text, got, err, test.want)
		}
		if tmpl.IsStatic() == strings.Contains(test.text, "{{") {
			t.Errorf("%s: IsStatic is %v", test.text, tmpl.IsStatic())
		}
	}
}

func TestNodeErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"id: 1\nname: '{{.Number'", "2:7: template: unclosed action"},
		{"? [a]\n: 1", "1:3: want a name"},
		{"name: '{{nope}}'", `1:7: template: function "nope" not defined`},
	} {
		n := node(t, test.text)
		if _, err := Node(n, itemType(t)); err == nil || err.Error() != test.want {
			t.Errorf("%q: got %v, want %s", test.text, err, test.want)
		}
	}
	tmpl, err := Node(node(t, "name: '{{.Nope}}'"), itemType(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Append(nil, NewData(0, 0)); err == nil || !strings.HasPrefix(err.Error(), "1:7: template: ") {
		t.Errorf("got %v", err)
	}
}

func TestAliasesAreBounded(t *testing.T) {
	text := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	last := "a"
	for _, name := range []string{"b", "c", "d", "e", "f", "g", "h", "i"} {
		text += name + ": &" + name + " [" + strings.TrimSuffix(strings.Repeat("*"+last+", ", 10), ", ") + "]\n"
		last = name
	}
	if _, err := Node(node(t, text), nil); err == nil || !strings.HasSuffix(err.Error(), "the value is too large") {
		t.Errorf("got %v", err)
	}
}

func TestAt(t *testing.T) {
	tmpl, err := Node(node(t, "id: 1\nsizes:\n  - 2\n  - x\n"), itemType(t))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := tmpl.Append(nil, nil)
	for part, want := range map[string]Place{`{`: {1, 1}, `"id"`: {1, 1}, `1,`: {1, 5}, `"sizes"`: {2, 1}, `2`: {3, 5}, `"x"`: {4, 5}} {
		if got := tmpl.At(strings.Index(string(text), part)); got != want {
			t.Errorf("%s: got %v, want %v", part, got, want)
		}
	}
}

func TestData(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"{{.UUID}}", "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
		{"{{.Int 5 5}} {{.Int -1 1}}", "^5 -?[01]$"},
		{"{{.Text 12}}", "^[A-Za-z0-9]{12}$"},
		{`{{.Pick "a" "b"}}`, "^[ab]$"},
		{"{{.Worker}}", "^3$"},
		{"{{.Fake.Email}}", "@"},
		{"{{.Now.UnixMilli}}", "^[0-9]{13}$"},
		{"{{printf \"%.3f\" .Float}}", `^0\.[0-9]{3}$`},
	} {
		tmpl, err := Text(test.text)
		if err != nil {
			t.Fatal(err)
		}
		first, err := tmpl.Append(nil, NewData(1, 3))
		if err != nil || !regexp.MustCompile(test.want).Match(first) {
			t.Errorf("%s: got %s, %v", test.text, first, err)
		}
		again, _ := tmpl.Append(nil, NewData(1, 3))
		if string(again) != string(first) && !strings.Contains(test.text, "Now") {
			t.Errorf("%s: %s, then %s from the same seed", test.text, first, again)
		}
	}
	for _, text := range []string{"{{.Int 2 1}}", "{{.Text -1}}", "{{.Pick}}", "{{.Text 99999999999}}"} {
		tmpl, err := Text(text)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := tmpl.Append(nil, NewData(1, 3)); err == nil {
			t.Errorf("%s: got %s without an error", text, out)
		}
	}
}

func TestJSON(t *testing.T) {
	text := "{\"id\": 1,\n\t\"name\": \"\\ud83d\\ude00\x7f\", \"prices\": {\"a\": 1e3},\r\n  \"sizes\": [1, -2], \"on\": null}"
	node, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := Node(node, itemType(t))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := tmpl.Append(nil, nil)
	if want := "{\"id\":1,\"name\":\"😀\x7f\",\"prices\":{\"a\":1000},\"sizes\":[1,-2],\"on\":null}"; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for part, want := range map[string]Place{`1,"n`: {1, 8}, `"😀`: {2, 10}, `-2`: {3, 16}, `null`: {3, 27}} {
		if got := tmpl.At(strings.Index(string(got), part)); got != want {
			t.Errorf("%s: got %v, want %v", part, got, want)
		}
	}
	for text, want := range map[string]string{
		"{":            "1:2: the text ends early",
		"":             "1:1: the text ends early",
		"{\n \"a\": x": "2:7: invalid character 'x' looking for beginning of value",
		"{} {}":        "1:4: invalid character '{' after top-level value",
	} {
		if _, err := JSON([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	if _, err := JSON([]byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000))); err == nil || !strings.HasSuffix(err.Error(), "nested too deep") {
		t.Errorf("got %v", err)
	}
}
