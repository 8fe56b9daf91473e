package dynamic_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

var corpus = schematest.New()

var (
	colors  = corpus.Color.Type()
	point   = corpus.Point.Type()
	shape   = corpus.Shape.Type()
	node    = corpus.Node.Type()
	present = corpus.Presence.Type()
)

type fields = map[string]any

// of is dynamic.Of for values that must fit.
func of(t *schema.Type, v any) dynamic.Value {
	x, err := dynamic.Of(t, v)
	if err != nil {
		panic(err)
	}
	return x
}

// entries builds a map value whose keys need not be Go map keys.
func entries(t *schema.Type, pairs ...any) dynamic.Value {
	m := dynamic.NewMap(t)
	for i := 0; i < len(pairs); i += 2 {
		if err := m.Append(pairs[i], pairs[i+1]); err != nil {
			panic(err)
		}
	}
	return dynamic.MapValue(m)
}

var (
	hexForm  = dynamic.JSONOptions{Binary: dynamic.BinaryHex}
	textForm = dynamic.JSONOptions{Binary: dynamic.BinaryText}
)

// jsonTable is the form in both directions: the value is written as the JSON, and read back equal.
var jsonTable = []struct {
	name string
	typ  *schema.Type
	opts dynamic.JSONOptions
	v    any
	json string
}{
	{"bool", schematest.Bool, dynamic.JSONOptions{}, true, `true`},
	{"i8", schematest.I8, dynamic.JSONOptions{}, math.MinInt8, `-128`},
	{"i16", schematest.I16, dynamic.JSONOptions{}, math.MaxInt16, `32767`},
	{"i32", schematest.I32, dynamic.JSONOptions{}, math.MinInt32, `-2147483648`},
	{"i64 is exact", schematest.I64, dynamic.JSONOptions{}, int64(math.MaxInt64), `9223372036854775807`},
	{"i64, smallest", schematest.I64, dynamic.JSONOptions{}, int64(math.MinInt64), `-9223372036854775808`},
	{"double", schematest.Double, dynamic.JSONOptions{}, 0.1, `0.1`},
	{"double that is whole", schematest.Double, dynamic.JSONOptions{}, 3.0, `3`},
	{"double, negative zero", schematest.Double, dynamic.JSONOptions{}, math.Copysign(0, -1), `-0`},
	{"double, large", schematest.Double, dynamic.JSONOptions{}, math.MaxFloat64, `1.7976931348623157e+308`},
	{"double, small", schematest.Double, dynamic.JSONOptions{}, 1e-7, `1e-7`},
	{"double, smaller", schematest.Double, dynamic.JSONOptions{}, 1e-100, `1e-100`},
	{"double, smallest", schematest.Double, dynamic.JSONOptions{}, math.SmallestNonzeroFloat64, `5e-324`},
	{"double, no number", schematest.Double, dynamic.JSONOptions{}, math.NaN(), `"NaN"`},
	{"double, infinite", schematest.Double, dynamic.JSONOptions{}, math.Inf(1), `"Infinity"`},
	{"double, negative infinite", schematest.Double, dynamic.JSONOptions{}, math.Inf(-1), `"-Infinity"`},
	{"string", schematest.String, dynamic.JSONOptions{}, "登录 <b>&</b>", `"登录 <b>&</b>"`},
	{"string with escapes", schematest.String, dynamic.JSONOptions{}, "\"\\\n\r\t\x00\x1f/", `"\"\\\n\r\t\u0000\u001f/"`},
	{"string, empty", schematest.String, dynamic.JSONOptions{}, "", `""`},
	{"string that is not UTF-8", schematest.String, dynamic.JSONOptions{}, "a\xff", `{"base64":"Yf8="}`},
	{"binary", schematest.Binary, dynamic.JSONOptions{}, []byte{0xfb, 0xff, 0xfe, 0}, `"+//+AA=="`},
	{"binary, empty", schematest.Binary, dynamic.JSONOptions{}, []byte{}, `""`},
	{"binary as hex", schematest.Binary, hexForm, []byte{0xfb, 0x0f}, `"fb0f"`},
	{"binary as text", schematest.Binary, textForm, []byte("héllo"), `"héllo"`},
	{"binary as text that is none", schematest.Binary, textForm, []byte{0xff}, `{"base64":"/w=="}`},
	{"uuid", schematest.UUID, dynamic.JSONOptions{}, "123e4567-e89b-12d3-a456-426614174000", `"123e4567-e89b-12d3-a456-426614174000"`},
	{"enum", colors, dynamic.JSONOptions{}, "RED", `"RED"`},
	{"enum, second name of a number", colors, dynamic.JSONOptions{}, "LEAF", `"GREEN"`},
	{"enum without a name", colors, dynamic.JSONOptions{}, 77, `77`},
	{"list", schema.ListOf(schematest.I32), dynamic.JSONOptions{}, []int{1, 2}, `[1,2]`},
	{"list, empty", schema.ListOf(schematest.I32), dynamic.JSONOptions{}, []int{}, `[]`},
	{"set", schema.SetOf(schematest.String), dynamic.JSONOptions{}, []string{"b", "a"}, `["b","a"]`},
	{"map by string", schema.MapOf(schematest.String, schematest.I32), dynamic.JSONOptions{}, map[string]int{"a": 1, "b": 2}, `{"a":1,"b":2}`},
	{"map, empty", schema.MapOf(schematest.String, schematest.I32), dynamic.JSONOptions{}, map[string]int{}, `{}`},
	{"map by i32", schema.MapOf(schematest.I32, schematest.Bool), dynamic.JSONOptions{}, map[int]bool{-1: true, 2: false}, `{"-1":true,"2":false}`},
	{"map by bool", schema.MapOf(schematest.Bool, schematest.I8), dynamic.JSONOptions{}, map[bool]int{false: 0, true: 1}, `{"false":0,"true":1}`},
	{"map by double", schema.MapOf(schematest.Double, schematest.I8), dynamic.JSONOptions{}, map[float64]int{math.Inf(-1): 0, 0.5: 1}, `{"-Infinity":0,"0.5":1}`},
	{"map by enum", schema.MapOf(colors, schematest.I8), dynamic.JSONOptions{}, map[int]int{1: 0, 77: 1}, `{"RED":0,"77":1}`},
	{"map by uuid", schema.MapOf(schematest.UUID, schematest.I8), dynamic.JSONOptions{}, map[string]int{"123e4567-e89b-12d3-a456-426614174000": 1}, `{"123e4567-e89b-12d3-a456-426614174000":1}`},
	{"map by string that is not UTF-8", schema.MapOf(schematest.String, schematest.I8), dynamic.JSONOptions{}, map[string]int{"a": 1, "\xff": 2}, `[{"key":"a","value":1},{"key":{"base64":"/w=="},"value":2}]`},
	{"map by binary", schema.MapOf(schematest.Binary, schematest.I8), dynamic.JSONOptions{}, map[string]int{"a": 1}, `[{"key":"YQ==","value":1}]`},
	{"map by struct", schema.MapOf(point, schematest.String), dynamic.JSONOptions{}, entries(schema.MapOf(point, schematest.String), fields{"x": 1}, "one"), `[{"key":{"x":1},"value":"one"}]`},
	{"struct: only what is set, in the order of the IDL", point, dynamic.JSONOptions{}, fields{"y": 2, "x": 1}, `{"x":1,"y":2}`},
	{"struct, nothing set", point, dynamic.JSONOptions{}, fields{}, `{}`},
	{"struct, one unset", point, dynamic.JSONOptions{}, fields{"y": 0}, `{"y":0}`},
	{"union", shape, dynamic.JSONOptions{}, fields{"radius": 2.5}, `{"radius":2.5}`},
	{"exception", corpus.Oops.Type(), dynamic.JSONOptions{}, fields{"message": "no"}, `{"message":"no"}`},
	{"nested", node, dynamic.JSONOptions{}, fields{"value": 1, "children": []fields{{"value": 2}, {}}, "named": map[string]fields{"a": {"value": 3}}},
		`{"value":1,"children":[{"value":2},{}],"named":{"a":{"value":3}}}`},
	{"indented", node, dynamic.JSONOptions{Indent: "  "}, fields{"value": 1, "children": []fields{{"value": 2}, {}}, "named": map[string]fields{}},
		"{\n  \"value\": 1,\n  \"children\": [\n    {\n      \"value\": 2\n    },\n    {}\n  ],\n  \"named\": {}\n}"},
	{"indented entries", schema.MapOf(schematest.Binary, schematest.I8), dynamic.JSONOptions{Indent: "\t"}, map[string]int{"a": 1},
		"[\n\t{\"key\": \"YQ==\", \"value\": 1}\n]"},
}

func TestJSON(t *testing.T) {
	for _, test := range jsonTable {
		t.Run(test.name, func(t *testing.T) {
			v := of(test.typ, test.v)
			text, err := dynamic.AppendJSON([]byte("> "), test.typ, v, test.opts)
			if err != nil || string(text) != "> "+test.json {
				t.Fatalf("AppendJSON: %s, %v; want %s", text, err, test.json)
			}
			data := []byte(test.json)
			back, err := dynamic.ParseJSON(test.typ, data, test.opts)
			clear(data)
			if err != nil || !dynamic.Equal(v, back) {
				t.Fatalf("ParseJSON: %v, %v; want %v", back.Interface(), err, v.Interface())
			}
		})
	}
}

// TestParseJSONLenient has what is read besides what is written.
func TestParseJSONLenient(t *testing.T) {
	tests := []struct {
		name string
		typ  *schema.Type
		opts dynamic.JSONOptions
		json string
		v    any
	}{
		{"space", point, dynamic.JSONOptions{}, " {\r\n\t\"x\" : 1 , \"y\":2 } \n", fields{"x": 1, "y": 2}},
		{"null is unset", point, dynamic.JSONOptions{}, `{"x":null,"y":2}`, fields{"y": 2}},
		{"double from a whole number", schematest.Double, dynamic.JSONOptions{}, `10`, 10.0},
		{"double with exponent", schematest.Double, dynamic.JSONOptions{}, `-1.5E+2`, -150.0},
		{"escapes", schematest.String, dynamic.JSONOptions{}, `"x\/\b\f\u0041\u00e9\uD83D\uDE00!"`, "x/\b\fAé😀!"},
		{"string as base64", schematest.String, dynamic.JSONOptions{}, `{"base64":"YQ"}`, "a"},
		{"base64 without padding", schematest.Binary, dynamic.JSONOptions{}, `"+//+AA"`, []byte{0xfb, 0xff, 0xfe, 0}},
		{"base64, URL-safe", schematest.Binary, dynamic.JSONOptions{}, `"-__-AA=="`, []byte{0xfb, 0xff, 0xfe, 0}},
		{"hex in upper case", schematest.Binary, hexForm, `"FB"`, []byte{0xfb}},
		{"base64 object among hex", schematest.Binary, hexForm, `{"base64":"+w=="}`, []byte{0xfb}},
		{"uuid in upper case", schematest.UUID, dynamic.JSONOptions{}, `"{123E4567-E89B-12D3-A456-426614174000}"`, "123e4567-e89b-12d3-a456-426614174000"},
		{"enum by number", colors, dynamic.JSONOptions{}, `-3`, "BLUE"},
		{"enum by qualified name", colors, dynamic.JSONOptions{}, `"Color.LEAF"`, "LEAF"},
		{"enum keys", schema.MapOf(colors, schematest.I8), dynamic.JSONOptions{}, `{"Color.RED":1,"-3":2}`, map[string]int{"RED": 1, "BLUE": 2}},
		{"entries for a map by string", schema.MapOf(schematest.String, schematest.I8), dynamic.JSONOptions{}, `[{"value":1,"key":"a"}]`, map[string]int{"a": 1}},
		{"object for a map by binary", schema.MapOf(schematest.Binary, schematest.I8), dynamic.JSONOptions{}, `{"YQ==":1}`, map[string]int{"a": 1}},
		{"object for a map by binary as text", schema.MapOf(schematest.Binary, schematest.I8), textForm, `{"a":1}`, map[string]int{"a": 1}},
		{"required with default", present, dynamic.JSONOptions{}, `{"req":1}`, fields{"req": 1, "req_def": 4}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, err := dynamic.ParseJSON(test.typ, []byte(test.json), test.opts)
			if err != nil || !dynamic.Equal(v, of(test.typ, test.v)) {
				t.Fatalf("%v, %v; want %v", v.Interface(), err, test.v)
			}
		})
	}
}

var badJSON = []struct {
	name string
	typ  *schema.Type
	json string
	err  string
}{
	{"no value", schematest.I32, ` `, `1:2: unexpected end of JSON text`},
	{"trailing data", schematest.I32, "1\n 2", `2:2: unexpected 2 after the value`},
	{"trailing bracket", schematest.I32, `1]`, `1:2: unexpected ']' after the value`},
	{"not closed", point, `{"x":1`, `1:7: unexpected end of JSON text`},
	{"closed by the wrong bracket", point, `{"x":1]`, `1:7: want ',' or '}', got ']'`},
	{"comma at the end", point, `{"x":1,}`, `1:8: want the name of a member, got '}'`},
	{"no colon", point, `{"x" 1}`, `1:6: want ':', got 1`},
	{"no value of a member", point, `{"x":}`, `1:6: x: want a value, got '}'`},
	{"array not closed", schema.ListOf(schematest.I32), `[1 2]`, `1:4: want ',' or ']', got 2`},
	{"comma at the end of an array", schema.ListOf(schematest.I32), `[1,]`, `1:4: [1]: want a value, got ']'`},
	{"a word", schematest.Bool, `True`, `1:1: want a value, got 'T'`},
	{"half a word", schematest.Bool, `tru`, `1:4: unexpected end of JSON text`},
	{"a comment", schematest.Bool, `/* */true`, `1:1: want a value, got '/'`},
	{"single quotes", schematest.String, `'a'`, `1:1: want a value, got '\''`},
	{"leading zero", schematest.I32, `012`, `1:1: want a number, got 012`},
	{"plus", schematest.I32, `+1`, `1:1: want a value, got '+'`},
	{"no digit after the point", schematest.Double, `1.`, `1:3: unexpected end of JSON text`},
	{"no digit before the point", schematest.Double, `.5`, `1:1: want a value, got '.'`},
	{"no exponent", schematest.Double, `1e`, `1:3: unexpected end of JSON text`},
	{"hexadecimal", schematest.I32, `0x10`, `1:1: want a number, got 0x10`},
	{"minus only", schematest.I32, `-`, `1:2: unexpected end of JSON text`},
	{"string without end", schematest.String, `"abc`, `1:5: unexpected end of JSON text`},
	{"newline in a string", schematest.String, "\"a\nb\"", `1:3: invalid control character '\n' in string`},
	{"unknown escape", schematest.String, `"\x41"`, `1:2: invalid character 'x' in string escape`},
	{"short escape", schematest.String, `"\u12"`, `1:6: want a hexadecimal digit, got '"'`},
	{"half a surrogate pair", schematest.String, `"a\ud83d"`, `1:3: unpaired surrogate \ud83d in string`},
	{"the wrong half", schematest.String, `"\ude00\ud83d"`, `1:2: unpaired surrogate \ude00 in string`},
	{"not UTF-8", schematest.String, "\"a\xff\"", `1:3: invalid UTF-8 in string`},
	{"columns count bytes", schema.ListOf(schematest.I32), "[\n\"é\",1]", `2:1: [0]: want i32, got "é"`},

	{"bool from a number", schematest.Bool, `1`, `1:1: want bool, got 1`},
	{"i32 from a string", schematest.I32, `"1"`, `1:1: want i32, got "1"`},
	{"i32 from null", schematest.I32, `null`, `1:1: want i32, got null`},
	{"i32 from a fraction", schematest.I32, `1.5`, `1:1: want i32, got 1.5`},
	{"i32 with exponent", schematest.I32, `1e3`, `1:1: want i32, got 1e3`},
	{"i8 too large", schematest.I8, `128`, `1:1: 128 is out of range for i8`},
	{"i8 too small", schematest.I8, `-129`, `1:1: -129 is out of range for i8`},
	{"i64 too large", schematest.I64, `9223372036854775808`, `1:1: 9223372036854775808 is out of range for i64`},
	{"i64 much too large", schematest.I64, strings.Repeat("9", 60), `1:1: ` + strings.Repeat("9", 40) + `… is out of range for i64`},
	{"enum too large", colors, `2147483648`, `1:1: 2147483648 is out of range for Color`},
	{"double too large", schematest.Double, `1e400`, `1:1: 1e400 is out of range for double`},
	{"double from text", schematest.Double, `"1.5"`, `1:1: want double, got "1.5"`},
	{"double, lower case", schematest.Double, `"nan"`, `1:1: want double, got "nan"`},
	{"string from a number", schematest.String, `1`, `1:1: want string, got 1`},
	{"string from another object", schematest.String, `{"hex":"00"}`, `1:1: want string, as a string or as {"base64": "…"}`},
	{"string from an empty object", schematest.String, `{}`, `1:1: want string, as a string or as {"base64": "…"}`},
	{"binary, no base64", schematest.Binary, `"a b"`, `1:1: the string is not base64`},
	{"binary, too much padding", schematest.Binary, `"YQ==="`, `1:1: the string is not base64`},
	{"binary, half a byte", schematest.Binary, `"YWFhY"`, `1:1: the string is not base64`},
	{"binary with a newline", schematest.Binary, `"YW\nFh"`, `1:1: the string is not base64`},
	{"uuid", schematest.UUID, `"123"`, `1:1: "123" is not a uuid`},
	{"enum, no such name", colors, `"RAD"`, `1:1: enum Color has no value "RAD" (it has RED, GREEN, BLUE, LEAF)`},
	{"enum, other enum", colors, `"Colour.RED"`, `1:1: enum Color has no value "Colour.RED" (it has RED, GREEN, BLUE, LEAF)`},
	{"enum from a bool", colors, `false`, `1:1: want a name or number of enum Color, got false`},
	{"list from an object", schema.ListOf(schematest.I32), `{"a":[1,{}]}`, `1:1: want an array for list<i32>, got an object`},
	{"element", schema.ListOf(schematest.I32), `[1,2,"x"]`, `1:6: [2]: want i32, got "x"`},
	{"null element", schema.SetOf(schematest.I32), `[null]`, `1:2: [0]: want i32, got null`},
	{"long string", schematest.I32, `"` + strings.Repeat("x", 50) + `"`, `1:1: want i32, got a string of 50 bytes`},
	{"map from a string", schema.MapOf(schematest.I32, schematest.I32), `"x"`, `1:1: want an object for map<i32,i32>, got "x"`},
	{"map key", schema.MapOf(schematest.I8, schematest.I32), `{"1":1,"300":2}`, `1:8: key: 300 is out of range for i8`},
	{"map key, no number", schema.MapOf(schematest.I8, schematest.I32), `{"x":2}`, `1:2: key: want i8, got "x"`},
	{"map key, no bool", schema.MapOf(schematest.Bool, schematest.I32), `{"1":2}`, `1:2: key: want bool, got "1"`},
	{"map value", schema.MapOf(schematest.String, schematest.I8), `{"a":true}`, `1:6: ["a"]: want i8, got true`},
	{"map key twice", schema.MapOf(schematest.String, schematest.I8), `{"a":1,"b":2,"a":3}`, `1:14: the key "a" is given twice`},
	{"map key twice by two names", schema.MapOf(colors, schematest.I8), `{"GREEN":1,"2":2}`, `1:12: the key "2" is given twice`},
	{"entry's key twice", schema.MapOf(point, schematest.I8), `[{"key":{"x":1,"y":2},"value":1},{"key":{"y":2,"x":1},"value":1}]`, `1:41: [1]: this key is given twice`},
	{"object for a map by struct", schema.MapOf(point, schematest.I8), `{"a":1}`, `1:1: want an array of {"key": …, "value": …} for map<Point,i8>, got an object`},
	{"entry that is none", schema.MapOf(point, schematest.I8), `[1]`, `1:2: [0]: an object {"key": …, "value": want …}, got 1`},
	{"entry without value", schema.MapOf(schematest.I8, schematest.I8), `[{"key":1}]`, `1:2: [0]: an entry of a map has one key and one value`},
	{"entry with more", schema.MapOf(schematest.I8, schematest.I8), `[{"key":1,"value":2,"x":[3]}]`, `1:21: [0]: an entry of a map has one key and one value, not "x"`},
	{"entry's value", schema.MapOf(schematest.I8, schematest.I8), `[{"key":1,"value":"2"}]`, `1:19: [0].value: want i8, got "2"`},

	{"struct from an array", point, `[1,2]`, `1:1: want an object for struct Point, got an array`},
	{"field", point, `{"x":"1"}`, `1:6: x: want i32, got "1" (declared at corpus.thrift:11:3)`},
	{"field in depth", node, `{"children":[{},{"named":{"a":{"value":true}}}]}`, `1:40: children[1].named["a"].value: want i32, got true (declared at corpus.thrift:81:3)`},
	{"unknown field", node, `{"vlaue":1}`, `1:2: struct Node has no field "vlaue": did you mean value?`},
	{"unknown field like none", node, `{"zzz":{"a":[1]}}`, `1:2: struct Node has no field "zzz"`},
	{"unknown field inside", node, `{"next":{"Value":1}}`, `1:10: next: struct Node has no field "Value": did you mean value? (declared at corpus.thrift:82:3)`},
	{"field twice", point, `{"x":1,"y":2,"x":3}`, `1:14: field x is given twice`},
	{"required field", present, `{}`, `1:1: required field req of Presence is missing`},
	{"required field is null", present, ` {"req":null}`, `1:2: required field req of Presence is missing`},
	{"union without member", shape, `{}`, `1:1: union Shape must have exactly one member, not 0`},
	{"union with two", shape, `{"radius":1,"label":"x"}`, `1:1: union Shape must have exactly one member, not 2`},
	{"all mistakes, in the order of the text", node, "{\"value\":true,\n\"x\":1,\n\"next\":{\"value\":300000000000}}",
		"1:10: value: want i32, got true (declared at corpus.thrift:81:3)\n" +
			"2:1: struct Node has no field \"x\"\n" +
			"3:17: next.value: 300000000000 is out of range for i32 (declared at corpus.thrift:81:3)"},
	{"mistakes before one of form", point, `{"x":true,"y":1`, "1:6: x: want i32, got true (declared at corpus.thrift:11:3)\n1:16: unexpected end of JSON text"},
	{"too deep", node, strings.Repeat(`{"next":`, 256) + `{}` + strings.Repeat(`}`, 256),
		"1:2049: " + strings.Repeat("next.", 255) + "next: nested deeper than 256 levels"},
	{"too deep where nothing is read", point, `{"z":` + strings.Repeat(`[`, 1000), "1:2: struct Point has no field \"z\"\n1:518: nested deeper than 256 levels"},
}

func TestParseJSONBad(t *testing.T) {
	for _, test := range badJSON {
		t.Run(test.name, func(t *testing.T) {
			v, err := dynamic.ParseJSON(test.typ, []byte(test.json), dynamic.JSONOptions{})
			if err == nil {
				t.Fatalf("no error but %v", v.Interface())
			}
			if err.Error() != test.err {
				t.Errorf("error\n%s\nwant\n%s", err, test.err)
			}
			var je *dynamic.JSONError
			if !errors.As(err, &je) || v.IsSet() {
				t.Errorf("%T, with value %v", err, v.Interface())
			}
		})
	}
}

func TestParseJSONMissing(t *testing.T) {
	s := schematest.Struct("Wide", schematest.Required(1, "a", schematest.I8), schematest.Required(2, "b", schematest.I8), schematest.Required(3, "c", schematest.I8))
	_, err := dynamic.ParseJSON(s.Type(), []byte(`{"b":1}`), dynamic.JSONOptions{})
	if want := "1:1: required fields a, c of Wide are missing"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestParseJSONHex(t *testing.T) {
	for text, want := range map[string]string{
		`"0g"`:  "1:1: the string is not hexadecimal: invalid byte: U+0067 'g'",
		`"012"`: "1:1: the string is not hexadecimal: odd length hex string",
	} {
		if _, err := dynamic.ParseJSON(schematest.Binary, []byte(text), hexForm); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestParseJSONManyMistakes(t *testing.T) {
	_, err := dynamic.ParseJSON(schema.ListOf(schematest.I8), []byte("["+strings.Repeat("true,", 1000)+"1]"), dynamic.JSONOptions{})
	if n := strings.Count(err.Error(), "\n") + 1; n != 20 {
		t.Errorf("%d mistakes", n)
	}
}

func TestAppendJSONBad(t *testing.T) {
	loop := dynamic.New(corpus.Node)
	if err := loop.Set("next", loop); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		typ  *schema.Type
		v    dynamic.Value
		err  string
	}{
		{"unset", schematest.I32, dynamic.Value{}, "invalid value: want i32, got nothing"},
		{"another kind", schematest.I32, dynamic.I64(1), "invalid value: want i32, got i64"},
		{"another struct", node, of(point, fields{}), "invalid value: want Node, got struct"},
		{"unset element", schema.ListOf(schematest.I8), dynamic.ListValue(dynmem.List(schema.ListOf(schematest.I8), make([]dynamic.Value, 1))),
			"in [0]: invalid value: want i8, got nothing"},
		{"contains itself", node, dynamic.StructValue(loop),
			"in " + strings.Repeat("Node.next (field 2) > ", 5) + "… > " + strings.Repeat("Node.next (field 2) > ", 4) + "Node.next (field 2): nested too deep: more than 256 levels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dst, err := dynamic.AppendJSON([]byte("x"), test.typ, test.v, dynamic.JSONOptions{})
			if err == nil || err.Error() != test.err || string(dst) != "x" {
				t.Errorf("%s, %v\nwant %s", dst, err, test.err)
			}
		})
	}
}

func TestAppendJSONLastKeyCounts(t *testing.T) {
	typ := schema.MapOf(schematest.String, schematest.I8)
	text, err := dynamic.AppendJSON(nil, typ, entries(typ, "a", 1, "b", 2, "a", 3), dynamic.JSONOptions{})
	if want := `{"b":2,"a":3}`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
}

func TestAppendJSONShowsIncomplete(t *testing.T) {
	for _, desc := range []*schema.Struct{corpus.Presence, corpus.Shape} {
		s := dynamic.New(desc)
		s.SetUnknown(wire.UnknownFields{2, 0, 99, 1})
		text, err := dynamic.AppendJSON(nil, desc.Type(), dynamic.StructValue(s), dynamic.JSONOptions{})
		if err != nil || string(text) != "{}" {
			t.Errorf("%s: %s, %v", desc.Name, text, err)
		}
	}
}

func TestBinaryForm(t *testing.T) {
	for _, f := range []dynamic.BinaryForm{dynamic.BinaryBase64, dynamic.BinaryHex, dynamic.BinaryText} {
		if g, err := dynamic.ParseBinaryForm(f.String()); err != nil || g != f {
			t.Errorf("%v: %v, %v", f, g, err)
		}
	}
	if _, err := dynamic.ParseBinaryForm("raw"); err == nil || err.Error() != `unknown form of binaries "raw" (known: base64, hex, text)` {
		t.Error(err)
	}
}

func TestSkeleton(t *testing.T) {
	twice := schematest.Struct("L0", schematest.Field(1, "leaf", schematest.I8))
	for i := 1; i < 40; i++ { // 2^40 structs if nothing stopped it
		name := fmt.Sprintf("L%d", i)
		twice = schematest.Struct(name, schematest.Required(1, "a", twice.Type()), schematest.Field(2, "b", twice.Type()))
	}
	self := &schema.Struct{Name: "Self"}
	self.Fields = []*schema.Field{schematest.Required(1, "self", self.Type())}
	schematest.Link(self)
	tests := []struct {
		desc *schema.Struct
		want string // "" if only ParseJSON is asked
	}{
		{corpus.Point, `{"x":0,"y":0}`},
		{corpus.Scalars, `{"flag":false,"tiny":0,"small":0,"number":0,"big":0,"ratio":0,"name":"","data":"","id":"00000000-0000-0000-0000-000000000000","color":"RED"}`},
		{corpus.Presence, `{"req":0,"opt":0,"plain":0,"req_def":4,"opt_def":5,"plain_def":6,"opt_list":[0],"plain_list":[0]}`},
		{corpus.Shape, `{"point":{"x":0,"y":0}}`},
		{corpus.Node, `{"value":0,"children":[],"named":{}}`},
		{corpus.Containers, ""},
		{schematest.Struct("Empty"), `{}`},
		{twice, ""},
	}
	for _, test := range tests {
		t.Run(test.desc.Name, func(t *testing.T) {
			text := dynamic.Skeleton(test.desc)
			v, err := dynamic.ParseJSON(test.desc.Type(), text, dynamic.JSONOptions{})
			if err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			got, err := dynamic.AppendJSON(nil, test.desc.Type(), v, dynamic.JSONOptions{})
			if err != nil || test.want != "" && string(got) != test.want {
				t.Errorf("%s, %v; want %s", got, err, test.want)
			}
		})
	}
	if got := string(dynamic.Skeleton(self)); got != "{}" {
		t.Errorf("a struct that requires itself: %s", got)
	}
}

func ExampleParseJSON() {
	desc := corpus.Node // struct Node { 1: i32 value, 2: optional Node next, … }
	v, err := dynamic.ParseJSON(desc.Type(), []byte(`{"value": 1, "next": {"value": 2}}`), dynamic.JSONOptions{})
	fmt.Println(v.Struct().Get("next").Struct().Get("value").Int(), err)

	_, err = dynamic.ParseJSON(desc.Type(), []byte(`{"value": 1, "next": {"vlaue": "2"}}`), dynamic.JSONOptions{})
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// 1:23: next: struct Node has no field "vlaue": did you mean value? (declared at corpus.thrift:82:3)
}

func ExampleAppendJSON() {
	s := dynamic.New(corpus.Scalars)
	s.Set("color", "GREEN")
	s.Set("big", int64(math.MaxInt64))
	s.Set("data", []byte{0xca, 0xfe})
	text, err := dynamic.AppendJSON(nil, s.Schema().Type(), dynamic.StructValue(s), dynamic.JSONOptions{Indent: "  ", Binary: dynamic.BinaryHex})
	fmt.Println(string(text), err)
	// Output:
	// {
	//   "big": 9223372036854775807,
	//   "data": "cafe",
	//   "color": "GREEN"
	// } <nil>
}

func ExampleSkeleton() {
	fmt.Println(string(dynamic.Skeleton(corpus.Shape)))
	// Output:
	// {
	//   "point": {
	//     "x": 0,
	//     "y": 0
	//   }
	// }
}

// allTypes has a field of every type of the corpus.
var allTypes = func() *schema.Struct {
	s := &schema.Struct{Name: "All"}
	for i, d := range []*schema.Struct{corpus.Scalars, corpus.Containers, corpus.Presence, corpus.Shape, corpus.Node} {
		s.Fields = append(s.Fields, schematest.Optional(int16(i), strings.ToLower(d.Name), d.Type()))
	}
	for i, test := range jsonTable {
		s.Fields = append(s.Fields, schematest.Optional(int16(100+i), fmt.Sprintf("f%d", i), test.typ))
	}
	schematest.Link(s)
	return s
}()

func FuzzJSON(f *testing.F) {
	for i, test := range jsonTable {
		f.Add([]byte(fmt.Sprintf(`{"f%d":%s}`, i, test.json)), uint8(test.opts.Binary))
	}
	for i, test := range badJSON {
		f.Add([]byte(test.json), uint8(i%3))
	}
	for _, field := range allTypes.Fields[:5] {
		f.Add([]byte(fmt.Sprintf(`{%q:%s}`, field.Name, dynamic.Skeleton(field.Type.Struct))), uint8(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, form uint8) {
		opts := dynamic.JSONOptions{Binary: dynamic.BinaryForm(form % 3)}
		v, err := dynamic.ParseJSON(allTypes.Type(), data, opts)
		if err != nil {
			var je *dynamic.JSONError
			if v.IsSet() || !errors.As(err, &je) || je.Line < 1 || je.Column < 1 {
				t.Fatalf("%v with %#v", v.Interface(), err)
			}
			return
		}
		for _, opts.Indent = range []string{"", "\t"} {
			text, err := dynamic.AppendJSON(nil, allTypes.Type(), v, opts)
			if err != nil {
				t.Fatal(err)
			}
			back, err := dynamic.ParseJSON(allTypes.Type(), text, opts)
			if err != nil || !dynamic.Equal(v, back) {
				t.Fatalf("%s\nread %v, written as\n%s\nread again %v, %v", data, v.Interface(), text, back.Interface(), err)
			}
		}
	})
}
