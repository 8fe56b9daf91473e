package proto_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/proto"
)

func jsonOf(t testing.TB, s *schema.Type) *proto.JSON {
	t.Helper()
	j, err := proto.JSONFor(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// jsonRows have a message and its JSON form. Reading accepts what the specification allows besides.
var jsonRows = []struct {
	t    *schema.Type
	hex  string
	text string
	also []string // other texts for the same message
}{
	{corpus.Point.Type(), "08 01  10 feffffffffffffffff01", `{"x":1,"y":-2}`, []string{
		` { "x" : 1 , "y" : -2 }`, `{"x":1e0,"y":"-2"}`, `{"x":1.0,"y":-20e-1}`, `{"x":"1","y":-2,"z":[{}]}`, `{"\u0078":1,"y":-2}`}},
	{corpus.Point.Type(), "", `{}`, []string{`{"x":null}`, `{"unknown":{"a":[1,2]}}`}},
	{corpus.Scalars.Type(), "08 01  28 ffffffffffffffff7f  31 000000000000f03f  3a 02 c3a9  42 02 00ff  50 01",
		`{"flag":true,"big":"9223372036854775807","ratio":1,"name":"é","data":"AP8=","color":"COLOR_RED"}`, []string{
			`{"flag":true,"big":9223372036854775807,"ratio":"1","name":"\u00e9","data":"AP8","color":"RED"}`,
			`{"flag":true,"big":"9223372036854775807","ratio":1e0,"name":"é","data":"AP8=","color":1}`}},
	{corpus.Scalars.Type(), "31 010000000000f87f", `{"ratio":"NaN"}`, nil},
	{corpus.Scalars.Type(), "31 000000000000f0ff", `{"ratio":"-Infinity"}`, nil},
	{corpus.Scalars.Type(), "42 02 fbff", `{"data":"+/8="}`, []string{`{"data":"-_8="}`, `{"data":"-_8"}`}},
	{corpus.Scalars.Type(), "50 4d", `{"color":77}`, nil},
	{corpus.Containers.Type(), "0a 02 01 02", `{"ints":[1,2]}`, []string{`{"ints":["1", 2.0]}`}},
	{corpus.Containers.Type(), "1a 00 1a 02 6162", `{"words":["","ab"]}`, nil},
	{corpus.Containers.Type(), "2a 05 0a0161 1000", `{"counts":{"a":0}}`, nil},
	{corpus.Containers.Type(), "32 05 0807 120161", `{"names":{"7":"a"}}`, []string{`{"names":{"7e0":"a"}}`}},
	{corpus.Containers.Type(), "3a 08 0802 1204 0803 1004", `{"by_color":[{"key":"COLOR_GREEN","value":{"x":3,"y":4}}]}`, nil},
	{corpus.Containers.Type(), "4a 04 0a02 0100  4a 00", `{"grid":[{"items":[true,false]},{}]}`, nil},
	{corpus.Containers.Type(), "6a 04 0801 1200", `{"flags":{"true":{}}}`, []string{`{"flags":{"true":{"items":[]}}}`}},
	{corpus.Shape.Type(), "11 000000000000f83f", `{"radius":1.5}`, []string{`{"radius":1.5,"point":null}`}},
	{corpus.Node.Type(), "08 01  12 02 0802", `{"value":1,"next":{"value":2}}`, nil},
}

func TestJSON(t *testing.T) {
	for _, row := range jsonRows {
		j := jsonOf(t, row.t)
		b := unhex(row.hex)
		text, err := j.AppendJSON(nil, b)
		if err != nil || string(text) != row.text {
			t.Errorf("%s: %s, %v, want %s", row.hex, text, err, row.text)
		}
		for _, in := range append([]string{row.text}, row.also...) {
			got, err := j.AppendMessage(nil, []byte(in))
			if err != nil || string(got) != string(b) {
				t.Errorf("%s: %s, %v, want %s", in, hex.EncodeToString(got), err, row.hex)
			}
			for n := range len(in) {
				if _, err := j.AppendMessage(nil, []byte(in[:n])); err == nil {
					t.Errorf("%s: no error", in[:n])
				}
			}
		}
	}
}

// TestJSONField has the message of a method's result.
func TestJSONField(t *testing.T) {
	for _, test := range []struct {
		t         *schema.Type
		hex, text string
	}{
		{schematest.I32, "08 05", `{"result":5}`},
		{schema.ListOf(schematest.String), "0a 01 61 0a 00", `{"result":["a",""]}`},
		{schema.ListOf(schema.ListOf(schematest.I32)), "0a 03 0a 01 05", `{"result":[{"items":[5]}]}`},
		{schema.MapOf(schematest.Bool, schematest.I64), "0a 04 0800 1003", `{"result":{"false":"3"}}`},
		{schema.MapOf(schematest.Double, schematest.Bool), "0a 0b 09 000000000000f03f 1001", `{"result":[{"key":1,"value":true}]}`},
	} {
		j, err := proto.JSONForField(test.t, "result")
		if err != nil {
			t.Fatal(err)
		}
		text, err1 := j.AppendJSON(nil, unhex(test.hex))
		b, err2 := j.AppendMessage(nil, []byte(test.text))
		if err := errors.Join(err1, err2); err != nil || string(text) != test.text || string(b) != string(unhex(test.hex)) {
			t.Errorf("%s: %s, %x, %v, want %s", test.t, text, b, err, test.text)
		}
	}
}

func TestJSONBad(t *testing.T) {
	for _, test := range []struct {
		t          *schema.Type
		text, want string
	}{
		{corpus.Point.Type(), `{"x":2147483648}`, `at byte 5, in Point.x (field 1): invalid data: 2147483648 does not fit int32`},
		{corpus.Point.Type(), `{"x":1.5}`, `at byte 5, in Point.x (field 1): invalid data: "1.5" is no number for int32`},
		{corpus.Point.Type(), `{"x":true}`, `at byte 5, in Point.x (field 1): invalid data`},
		{corpus.Point.Type(), `{"x":1,"x":2}`, `at byte 7, in Point.x (field 1): invalid data: the member comes twice`},
		{corpus.Point.Type(), `{"x":1} 2`, `at byte 8: invalid data`},
		{corpus.Point.Type(), `{"x":1e400}`, `at byte 5, in Point.x (field 1): invalid data`},
		{corpus.Point.Type(), `{"x":1e1000000000000000000000}`, `at byte 5, in Point.x (field 1): invalid data`},
		{corpus.Point.Type(), "{\"\xff\":1}", `at byte 2: invalid data`},
		{corpus.Point.Type(), `[]`, `at byte 0: invalid data`},
		{corpus.Scalars.Type(), `{"name":1}`, `at byte 8, in Scalars.name (field 7): invalid data`},
		{corpus.Scalars.Type(), `{"data":"a!"}`, `at byte 8, in Scalars.data (field 8): invalid data: not Base64`},
		{corpus.Scalars.Type(), `{"color":"PINK"}`, `at byte 9, in Scalars.color (field 10): invalid data: unknown enum value "PINK"`},
		{corpus.Scalars.Type(), `{"ratio":"x"}`, `at byte 9, in Scalars.ratio (field 6): invalid data: "x" is no number for a double`},
		{corpus.Containers.Type(), `{"ints":[1,null]}`, `at byte 11, in Containers.ints (field 1)[1]: invalid data`},
		{corpus.Containers.Type(), `{"counts":{"a":1,"a":2}}`, `at byte 17, in Containers.counts (field 5): invalid data: the key "a" comes twice`},
		{corpus.Node.Type(), strings.Repeat(`{"next":`, 1000) + "{}" + strings.Repeat("}", 1000), `nested too deep`},
	} {
		_, err := jsonOf(t, test.t).AppendMessage(nil, []byte(test.text))
		var e *wire.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
	for hex, want := range map[string]string{
		"08": "unexpected end", "0a 01 61": "wire type 2 of int32", "08 01 10 01 08 01": "the field comes twice", "00": "field number 0", "0b": "wire type 3 of int32",
	} {
		if _, err := jsonOf(t, corpus.Point.Type()).AppendJSON(nil, unhex(hex)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", hex, err, want)
		}
	}
}
