package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

const formIDL = `enum Color {RED = 1, GREEN = 2}
struct Node {
  1: required string name, 2: optional Node next, 3: optional map<string, list<i32>> scores, 4: optional binary key,
  5: optional Color color, 6: optional set<uuid> ids, 7: optional map<Node, bool> by, 8: optional double weight, 9: string note,
}
service S {
  void put(1: Node node, 2: i32 n = 3, 3: bool flag, 4: string text, 5: list<Node> all = [])
}`

func formMethod(t *testing.T) *schema.Method {
	t.Helper()
	f, diags := compile.Compile("form.thrift", compile.Options{Source: compile.Texts{"form.thrift": formIDL}})
	if f == nil {
		t.Fatal(diags)
	}
	return f.Services[0].Methods[0]
}

// Whatever arguments are filled into a form come out of it again.
func TestFormFill(t *testing.T) {
	m := formMethod(t)
	for _, text := range []string{
		`{"node": {"name": "a"}, "flag": null, "text": ""}`,
		`{"node": {"name": "\"quoted\"", "next": {"name": "null", "next": {"name": ""}}}, "n": -1, "flag": true, "text": "two\nlines", "all": []}`,
		`{"node": {"name": "x", "scores": {"a b": [1, 2], "": []}, "key": "AP8=", "color": "GREEN", "ids": ["123e4567-e89b-12d3-a456-426614174000"], "note": ""}, "text": "t", "flag": false}`,
		`{"node": {"name": "x", "color": 77, "weight": "NaN", "by": [{"key": {"name": "k"}, "value": false}]}, "text": "t", "all": [{"name": "1"}, {"name": "2"}], "flag": true}`,
	} {
		for _, binary := range []dynamic.BinaryForm{dynamic.BinaryBase64, dynamic.BinaryHex, dynamic.BinaryText} {
			v, err := dynamic.ParseJSON(m.Args.Type(), []byte(text), dynamic.JSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			p := newPicker(m.Service.File, "x", nil, binary)
			p.choose(choice{method: m, args: []byte(text)})
			if strings.Contains(text, `"flag": null`) {
				set(p.form, map[string]string{"flag": "null"})
			}
			args, err := p.form.arguments()
			if err != nil || !dynamic.Equal(dynamic.StructValue(args), v) {
				t.Errorf("%s, %s: %v, %v", text, binary, err, args)
			}
		}
	}
}

// set types into the rows that labels name.
func set(f *form, texts map[string]string) {
	for _, r := range f.rows() {
		if text, ok := texts[r.label]; ok {
			r.setText(text)
		}
	}
}

func TestFormMistakes(t *testing.T) {
	f := newForm(formMethod(t), dynamic.BinaryBase64)
	set(f, map[string]string{"weight": "heavy", "n": "1.5", "flag": "true", "color": "BLUE", "key": "?"})
	_, err := f.arguments()
	want := `node.key: the string is not base64
node.color: enum Color has no value "BLUE" (it has RED, GREEN)
node.weight: want double, got heavy
n: want i32, got 1.5`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	f = newForm(formMethod(t), dynamic.BinaryBase64)
	f.root.parts[0].collapse()
	if _, err := f.arguments(); err == nil || err.Error() != "S.put: arguments node, flag are missing" {
		t.Errorf("%v", err)
	}
}

// Elements are added and removed, and their labels stay in order.
func TestFormElements(t *testing.T) {
	f := newForm(formMethod(t), dynamic.BinaryBase64)
	scores := f.root.parts[0].parts[2]
	for i := range 3 {
		key := scores.grow()
		key.setText(fmt.Sprint("k", i))
	}
	f.remove(scores.parts[1].parts[0]) // a key takes its entry along
	scores.parts[1].parts[1].grow().setText("7")
	set(f, map[string]string{"name": "x", "flag": "null"})
	args, err := f.arguments()
	if err != nil {
		t.Fatal(err)
	}
	text, err := dynamic.AppendJSON(nil, args.Schema().Type(), dynamic.StructValue(args), dynamic.JSONOptions{})
	if want := `{"node":{"name":"x","scores":{"k0":[],"k2":[7]}},"text":""}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	if scores.parts[1].label != "[1]" {
		t.Errorf("the label is %s", scores.parts[1].label)
	}
	f.remove(scores)
	if scores.open || len(scores.parts) > 0 {
		t.Error("the map is still there")
	}
}

func TestCycle(t *testing.T) {
	m := formMethod(t)
	f := &field{t: m.Args.Fields[0].Type.Struct.Field("color").Type}
	var got []string
	for _, by := range []int{1, 1, 1, -1, -1} {
		f.cycle(by)
		got = append(got, string(f.text))
	}
	if s := strings.Join(got, " "); s != "RED GREEN RED GREEN RED" {
		t.Error(s)
	}
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "history.jsonl")
	for i := range mostRemembered + 5 {
		if err := remember(path, remembered{"t", "S.m", fmt.Appendf(nil, `{"n":%d}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	again := remembered{"t", "S.m", []byte(`{"n":10}`)}
	if err := remember(path, again); err != nil {
		t.Fatal(err)
	}
	list := readHistory(path)
	if len(list) != mostRemembered || string(list[len(list)-1].Args) != `{"n":10}` || string(list[0].Args) != `{"n":5}` {
		t.Errorf("%d calls, from %s to %s", len(list), list[0].Args, list[len(list)-1].Args)
	}
	if err := remember(path, remembered{"t", "S.m", make([]byte, longestRemembered+1)}); err != nil || len(readHistory(path)) != mostRemembered {
		t.Errorf("a long one: %v", err)
	}
	if err := os.WriteFile(path, []byte("{}\nnonsense\n"+`{"target":"t","method":"S.m","args":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if list := readHistory(path); len(list) != 1 {
		t.Errorf("%v", list)
	}
}
