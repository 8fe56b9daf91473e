package document

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// bare returns the value of n without places.
func bare(n *Node) any {
	switch v := n.Value.(type) {
	case []*Node:
		list := []any{}
		for _, item := range v {
			list = append(list, bare(item))
		}
		return list
	case []Member:
		m := map[string]any{}
		for _, item := range v {
			m[item.Key] = bare(item.Node)
		}
		return m
	}
	return n.Value
}

func TestYAML(t *testing.T) {
	for yaml, want := range map[string]string{
		"a: 1":                                  `{"a": 1}`,
		"---\n# c\na: x # c\n\nb: -1.5e3 ":      `{"a": "x", "b": -1.5e3}`,
		"a:\n  b:\n    c: true\n  d: false\ne:": `{"a": {"b": {"c": true}, "d": false}, "e": null}`,
		"a:\n- 1\n- x\nb: ~":                    `{"a": [1, "x"], "b": null}`,
		"a:\n  - b: 1\n    c: 2\n  -   b: 3\n  -\n    b: 4\n  -": `{"a": [{"b": 1, "c": 2}, {"b": 3}, {"b": 4}, null]}`,
		"- - 1\n  - 2\n- [3, [4], {}]":                           `[[1, 2], [3, [4], {}]]`,
		"a: {b: 1, \"c d\": 'it''s', e: [x y, z]}":               `{"a": {"b": 1, "c d": "it's", "e": ["x y", "z"]}}`,
		"a: [1, # one\n  2,\n]\nb: {c: 1,\n d: 2} # c":           `{"a": [1, 2], "b": {"c": 1, "d": 2}}`,
		"'a b': \"\\u00e9\\n\"\n*: 1":                            `{"a b": "é\n", "*": 1}`,
		"a: 10s\nb: 007\nc: 1.2.3\nd: a:9090\ne: \"1\"":          `{"a": "10s", "b": "007", "c": "1.2.3", "d": "a:9090", "e": "1"}`,
		"a: {b: http://x:1/y, c: *}":                             `{"a": {"b": "http://x:1/y", "c": "*"}}`,
		"x":                                                      `"x"`,
		`{"a": [1, "b", null, true]}`:                            `{"a": [1, "b", null, true]}`,
		"a: x\r\nb:\r\n  - y\r\n":                                `{"a": "x", "b": ["y"]}`,
		"a#b: c#d":                                               `{"a#b": "c#d"}`,
	} {
		n, err := Parse([]byte(yaml))
		if err != nil {
			t.Errorf("%q: %v", yaml, err)
			continue
		}
		d := json.NewDecoder(strings.NewReader(want))
		d.UseNumber()
		var w any
		if err := d.Decode(&w); err != nil {
			t.Fatal(err)
		}
		if got := bare(n); !reflect.DeepEqual(got, w) {
			t.Errorf("%q: %v, want %s", yaml, got, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, text := range []string{
		"é: {b: x}\nc:\n  - d:\n      e: y\n",
		"\n\n" + `{"é": {"b": 1}, "c": [` + "\n" + `{"d": 2}]}`,
	} {
		n, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		var walk func(n *Node)
		walk = func(n *Node) {
			all = append(all, fmt.Sprintf("%s@%d:%d", n.Path, n.Line, n.Column))
			switch v := n.Value.(type) {
			case []*Node:
				for _, item := range v {
					walk(item)
				}
			case []Member:
				for _, m := range v {
					walk(m.Node)
				}
			}
		}
		walk(n)
		want := "@1:1 é@1:4 é.b@1:8 c@3:3 c[0]@3:5 c[0].d@4:7 c[0].d.e@4:10"
		if text[0] == '\n' {
			want = "@3:1 é@3:7 é.b@3:13 c@3:22 c[0]@4:1 c[0].d@4:7"
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "1:1: the document is empty",
		"# only":                         "1:7: the document is empty",
		"a: 1\na: 2":                     "2:1: a: the key is there twice",
		"a: {b: 1, b: 2}":                "1:11: a.b: the key is there twice",
		"a: 1\n  b: 2":                   "2:3: want the key in column 1",
		"a:\n   b: 1\n  c: 2":            "3:3: want the key in column 1",
		"- a\n  - b":                     "2:3: [1]: want the dash in column 1",
		"a:\n\tb: 1":                     "2:1: indentation is made of spaces, got a tab",
		"a: &x 1":                        `1:4: a: want a plain or quoted value, got "&x 1"`,
		"a: |\n  x":                      `1:4: a: want a plain or quoted value, got "|"`,
		"a: !!str x":                     `1:4: a: want a plain or quoted value, got "!!str x"`,
		"? a":                            `1:1: want a plain or quoted value, got "? a"`,
		"a: b: c":                        "1:5: a: want quotes around a text with a colon",
		"a: \"x":                         "1:4: a: the closing quote is missing",
		"a: 'x' y":                       `1:8: a: want the end of the line after the value, got "y"`,
		"a: [1, 2":                       "1:9: a: the document ends too early: want ]",
		"a: [1 }":                        "1:7: a: want a comma or ]",
		"a: [,]":                         `1:5: a[0]: want a plain or quoted value, got ",]"`,
		"a: {b}":                         `1:6: a: want a colon after the key "b"`,
		"a: \"\\q\"":                     `1:4: a: want a quoted value with the escapes of JSON, got "\"\\q\""`,
		"a: 1\n---\nb: 2":                "2:1: want one document without directives",
		"a: 1\nb":                        `2:1: want key: value, got "b"`,
		"a: \xff":                        "1:4: the text is not UTF-8",
		"{\"a\": 1":                      "1:8: the document ends too early",
		"[1] 2":                          "1:5: there is something after the document",
		strings.Repeat("[", 100):         "1:18: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: the document nests too deep",
		"a: " + strings.Repeat("[", 100): "1:20: a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: the document nests too deep",
		strings.Repeat("- ", 100) + "x":  "1:35: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: the document nests too deep",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\nb:\n- c: [x, {y: 'z'}]\n", `{"a": [1, "\u00e9"]}`, "- - a: \"b\" # c\n  -\n", "a: [\n#\n1]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := Parse(text)
		if err != nil {
			if e, ok := err.(*Error); !ok || e.Line < 1 || e.Column < 1 {
				t.Errorf("%#v", err)
			}
			return
		}
		// What was read is read again from JSON.
		again, err := json.Marshal(bare(n))
		if err != nil {
			t.Fatal(err)
		}
		switch bare(n).(type) {
		case map[string]any, []any:
			m, err := Parse(again)
			if err != nil || !reflect.DeepEqual(bare(m), bare(n)) {
				t.Errorf("%q: %v and %s: %v", text, bare(n), again, err)
			}
		}
	})
}
