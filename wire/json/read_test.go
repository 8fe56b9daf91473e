package json

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

type (
	point      = codectest.Point
	scalars    = codectest.Scalars
	containers = codectest.Containers
	fields     = map[string]any
)

func ptr[T any](v T) *T { return &v }

// input returns the bytes of text in p.
func input(p Protocol, text string) []byte {
	if p == ThriftPy2 {
		return []byte(alone(text))
	}
	return []byte(text)
}

// TestRead has texts that we do not write.
func TestRead(t *testing.T) {
	corpus := codectest.Corpus()
	tests := []struct {
		name  string
		desc  *schema.Struct
		text  string // of Apache
		named string // of the others; "" if there is none
		bound any
		dyn   fields
	}{
		{"white space", corpus.Containers, " {\t\"1\" :\r\n{ \"lst\" : [ \"i32\" , 2 , 1 , 2 ] } } ", " { \"ints\" : [ 1\t,\n2 ] } ", &containers{Ints: []int32{1, 2}}, fields{"ints": []int{1, 2}}},
		{"fields in another order", corpus.Point, `{"2":{"i32":2},"1":{"i32":1}}`, `{"y":2,"x":1}`, &point{X: 1, Y: 2}, fields{"x": 1, "y": 2}},
		{"zeros in front, as Node writes them", corpus.Point, `{"1":{"i32":-0000000000012},"2":{"i32":007}}`, `{"x":-0000000000012,"y":"007"}`, &point{X: -12, Y: 7}, fields{"x": -12, "y": 7}},
		{"a field twice: the last counts", corpus.Point, `{"1":{"i32":1},"1":{"i32":2}}`, `{"x":1,"x":2}`, &point{X: 2, Y: 0}, fields{"x": 2}},
		{"a list twice: the last counts", corpus.Containers, `{"1":{"lst":["i32",2,1,2]},"1":{"lst":["i32",1,3]}}`, `{"ints":[1,2],"ints":[3]}`, &containers{Ints: []int32{3}}, fields{"ints": []int{3}}},
		{"no field", corpus.Point, `{}`, `{}`, &point{}, fields{}},
		{"defaults", corpus.Presence, `{"1":{"i32":1}}`, `{"req":1}`, &codectest.Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, fields{"req": 1, "req_def": 4, "opt_def": 5, "plain_def": 6}},
		{"union without member", corpus.Shape, `{}`, `{}`, &codectest.Shape{}, fields{}},
		{"unknown field", corpus.Oops, `{"1":{"str":"a"}}`, `{"other":[{"a":null,"b":[true,false,-1.5e3,NaN,-Infinity]},"\ud83d\ude00"],"message":"a"}`, &codectest.Oops{Message: "a"}, fields{"message": "a"}},

		{"wrong type is skipped", corpus.Point, `{"1":{"i64":7},"2":{"i32":2}}`, "", &point{X: 0, Y: 2}, fields{"y": 2}},
		{"elements of another type: as if none were sent", corpus.Containers, `{"1":{"lst":["i64",2,1,2]},"2":{"set":["rec",1,{"1":{"str":""}}]}}`, "", &containers{Ints: []int32{}, Longs: map[int64]struct{}{}}, fields{"ints": []int{}, "longs": []int{}}},
		{"keys of another type", corpus.Containers, `{"5":{"map":["i32","i32",2,{"1":2,"2":3}]}}`, "", &containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"values of another type", corpus.Containers, `{"5":{"map":["str","lst",1,{"a":["map",1,["i8","dbl",1,{"1":"NaN"}]]}]}}`, "", &containers{Counts: map[string]int32{}}, fields{"counts": fields{}}},
		{"a list where a set is expected is skipped", corpus.Containers, `{"2":{"lst":["i64",1,5]}}`, "", &containers{}, fields{}},
		{"an empty list of another type", corpus.Containers, `{"1":{"lst":["rec",0]},"5":{"map":["i8","i8",0,{}]}}`, "", &containers{Ints: []int32{}, Counts: map[string]int32{}}, fields{"ints": []int{}, "counts": fields{}}},

		{"numbers in quotes", corpus.Scalars, `{"2":{"i8":"-2"},"5":{"i64":"9223372036854775807"},"6":{"dbl":"-1.5e1"},"10":{"i32":"77"}}`, `{"tiny":"-2","big":"9223372036854775807","ratio":"-1.5e1","color":"77"}`, &scalars{Tiny: -2, Big: math.MaxInt64, Ratio: -15, Color: 77}, fields{"tiny": -2, "big": int64(math.MaxInt64), "ratio": -15.0, "color": 77}},
		{"smallest i64", corpus.Scalars, `{"5":{"i64":-9223372036854775808}}`, `{"big":-9223372036854775808}`, &scalars{Big: math.MinInt64}, fields{"big": int64(math.MinInt64)}},
		{"an integer for a double", corpus.Scalars, `{"6":{"dbl":12345678901234567890}}`, `{"ratio":12345678901234567890}`, &scalars{Ratio: 12345678901234567890}, fields{"ratio": 12345678901234567890.0}},
		{"a double near 0", corpus.Scalars, `{"6":{"dbl":1E-400}}`, `{"ratio":1E-400}`, &scalars{}, fields{"ratio": 0.0}},
		{"Infinity bare", corpus.Scalars, `{"6":{"dbl":Infinity}}`, `{"ratio":Infinity}`, &scalars{Ratio: math.Inf(1)}, fields{"ratio": math.Inf(1)}},
		{"-Infinity in quotes", corpus.Scalars, `{"6":{"dbl":"-Infinity"}}`, `{"ratio":"-Infinity"}`, &scalars{Ratio: math.Inf(-1)}, fields{"ratio": math.Inf(-1)}},
		{"a bool that is a number", corpus.Scalars, `{"1":{"tf":1}}`, `{"flag":1}`, &scalars{Flag: true}, fields{"flag": true}},
		{"a bool that is a number, not 0", corpus.Scalars, `{"1":{"tf":-2}}`, `{"flag":-2}`, &scalars{Flag: true}, fields{"flag": true}},
		{"a bool that is a word", corpus.Scalars, `{"1":{"tf":true}}`, `{"flag":true}`, &scalars{Flag: true}, fields{"flag": true}},
		{"a bool in quotes", corpus.Scalars, `{"1":{"tf":"false"}}`, `{"flag":"false"}`, &scalars{}, fields{"flag": false}},
		{"base64 without padding", corpus.Scalars, `{"8":{"str":"/w"}}`, `{"data":"/w"}`, &scalars{Data: []byte{0xff}}, fields{"data": "\xff"}},
		{"base64 with an escape", corpus.Scalars, `{"8":{"str":"\/w\u003d="}}`, `{"data":"\/w\u003d="}`, &scalars{Data: []byte{0xff}}, fields{"data": "\xff"}},
		{"a uuid in upper case", corpus.Scalars, `{"9":{"uid":"{123E4567-E89B-12D3-A456-426614174000}"}}`, `{"id":"{123E4567-E89B-12D3-A456-426614174000}"}`, &scalars{ID: someID}, fields{"id": someID}},

		{"escapes", corpus.Oops, `{"1":{"str":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\uDE00z"}}`, `{"message":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\uDE00z"}`, &codectest.Oops{Message: "\"\\/\b\f\n\r\tAé€😀z"}, fields{"message": "\"\\/\b\f\n\r\tAé€😀z"}},
		{"UTF-8 as it is", corpus.Oops, `{"1":{"str":"é€😀"}}`, `{"message":"é€😀"}`, &codectest.Oops{Message: "é€😀"}, fields{"message": "é€😀"}},
		{"bytes that are not UTF-8", corpus.Oops, "{\"1\":{\"str\":\"\xff\xc3\"}}", "{\"message\":\"\xff\xc3\"}", &codectest.Oops{Message: "\xff\xc3"}, fields{"message": "\xff\xc3"}},
		{"control characters", corpus.Oops, "{\"1\":{\"str\":\"\x00\n\x1f\"}}", "{\"message\":\"\x00\n\x1f\"}", &codectest.Oops{Message: "\x00\n\x1f"}, fields{"message": "\x00\n\x1f"}},
		{"the names of fields with escapes", corpus.Point, `{"1":{"\u0069\u00332":5}}`, `{"\u0078":5}`, &point{X: 5, Y: 0}, fields{"x": 5}},

		{"null is absent", corpus.Containers, `{}`, `{"ints":null,"words":[]}`, nil, nil},
		{"null is absent, and has its default", corpus.Presence, `{"1":{"i32":1}}`, `{"req":1,"opt_def": null ,"plain_def":null}`, &codectest.Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}, fields{"req": 1, "req_def": 4, "opt_def": 5, "plain_def": 6}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.bound == nil { // only by name
				test.bound, test.dyn, test.text = &containers{Words: []string{}}, fields{"words": []string{}}, ""
			}
			for _, p := range protocols {
				text := test.named
				if p == Apache {
					text = test.text
				}
				if text != "" {
					src := input(p, strings.TrimRight(text, " "))
					codec(p).TestRead(t, test.desc, src, test.bound, test.dyn)
				}
			}
		})
	}
}

var someID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

// TestReadMaps has maps as only one of the protocols has them.
func TestReadMaps(t *testing.T) {
	corpus := codectest.Corpus()
	counts := &containers{Counts: map[string]int32{"a": 1, "b": 2}}
	dyn := fields{"counts": map[string]int{"a": 1, "b": 2}}
	for _, test := range []struct {
		p    Protocol
		text string
	}{
		{Apache, `{"5":{"map":["str","i32","2",{"a":1,"b":"2"}]}}`},
		{Simple, `{"counts":{"a":1,"b":2}}`},
		{ThriftPy2, `{"counts":[{"key":"a","value":1},{"value":2,"key":"b"}]}`},
		{ThriftPy2, `{"counts":[{"more":{},"key":"c","key":"a","value":1},{"value":2,"key":"b"}]}`},
	} {
		codec(test.p).TestRead(t, corpus.Containers, input(test.p, test.text), counts, dyn)
	}
	keys := &containers{Names: map[int32]string{7: "a"}, Flags: map[bool][]int64{true: {1}}, Ratios: map[float64]int8{math.Inf(1): 1}}
	dynKeys := fields{"names": map[int]string{7: "a"}, "flags": map[bool][]int{true: {1}}, "ratios": map[float64]int{math.Inf(1): 1}}
	codec(Apache).TestRead(t, corpus.Containers, []byte(`{"6":{"map":["i32","str",1,{7:"a"}]},"13":{"map":["tf","lst",1,{"true":["i64",1,1]}]},"14":{"map":["dbl","i8",1,{"Infinity":1}]}}`), keys, dynKeys)
	codec(Simple).TestRead(t, corpus.Containers, []byte(`{"names":{7:"a"},"flags":{"true":[1]},"ratios":{"Infinity":1}}`), keys, dynKeys)
	codec(ThriftPy2).TestRead(t, corpus.Containers, []byte(alone(`{"names":[{"key":"7","value":"a"}],"flags":[{"key":1,"value":[1]}],"ratios":[{"key":Infinity,"value":1}]}`)), keys, dynKeys)
}

func TestReadBad(t *testing.T) {
	corpus := codectest.Corpus()
	invalid := wire.ErrInvalid
	tests := []struct {
		name string
		p    Protocol
		desc *schema.Struct
		text string
		err  string
		is   error
	}{
		{"nothing", Apache, corpus.Point, ``, "at byte 0: unexpected end of message", wire.ErrTruncated},
		{"no struct", Apache, corpus.Point, `[]`, "at byte 0: invalid data: want '{', got '['", invalid},
		{"id that is no number", Apache, corpus.Point, `{"x":{"i32":1}}`, `at byte 1: invalid data: want an integer, got "x"`, invalid},
		{"id out of range", Apache, corpus.Point, `{"32768":{"i32":1}}`, `at byte 1: invalid data: "32768" is out of range for i16`, invalid},
		{"no colon", Apache, corpus.Point, `{"1" {"i32":1}}`, "at byte 5: invalid data: want ':', got '{'", invalid},
		{"no type", Apache, corpus.Point, `{"1":{}}`, "at byte 6: invalid data: want a string, got '}'", invalid},
		{"a type that is none", Apache, corpus.Point, `{"1":{"int":1}}`, `at byte 6: invalid data: "int" is not the name of a type`, invalid},
		{"two values in a field", Apache, corpus.Point, `{"1":{"i32":1,"i32":2}}`, "at byte 13, in Point.x (field 1): invalid data: want '}', got ','", invalid},
		{"a comma too many", Apache, corpus.Point, `{"1":{"i32":1},}`, "at byte 15: invalid data: want an integer, got '}'", invalid},
		{"a comma too few", Apache, corpus.Point, `{"1":{"i32":1}"2":{"i32":1}}`, `at byte 14: invalid data: want ',' or '}', got '"'`, invalid},
		{"null", Apache, corpus.Point, `{"1":{"i32":null}}`, "at byte 12, in Point.x (field 1): invalid data: want an integer, got null", invalid},

		{"i32 of 3e9", Apache, corpus.Point, `{"1":{"i32":3000000000}}`, "at byte 12, in Point.x (field 1): invalid data: 3000000000 is out of range for i32", invalid},
		{"i8 too small", Apache, corpus.Scalars, `{"2":{"i8":-129}}`, "at byte 11, in Scalars.tiny (field 2): invalid data: -129 is out of range for i8", invalid},
		{"i64 too large", Apache, corpus.Scalars, `{"5":{"i64":9223372036854775808}}`, "at byte 12, in Scalars.big (field 5): invalid data: 9223372036854775808 is out of range for i64", invalid},
		{"i64 too small", Simple, corpus.Scalars, `{"big":-9223372036854775809}`, "at byte 7, in Scalars.big (field 5): invalid data: -9223372036854775809 is out of range for i64", invalid},
		{"i64 of many digits", Simple, corpus.Scalars, `{"big":` + strings.Repeat("9", 1000) + `}`, "at byte 7, in Scalars.big (field 5): invalid data: " + strings.Repeat("9", 40) + "… is out of range for i64", invalid},
		{"a fraction", Simple, corpus.Point, `{"x":1.5}`, "at byte 5, in Point.x (field 1): invalid data: want an integer, got 1.5", invalid},
		{"an exponent", Simple, corpus.Point, `{"x":1e2}`, "at byte 5, in Point.x (field 1): invalid data: want an integer, got 1e2", invalid},
		{"a fraction in quotes", Simple, corpus.Point, `{"x":"1.0"}`, `at byte 5, in Point.x (field 1): invalid data: want an integer, got "1.0"`, invalid},
		{"a plus", Simple, corpus.Point, `{"x":+1}`, "at byte 5, in Point.x (field 1): invalid data: want an integer, got +1", invalid},
		{"only a sign", Simple, corpus.Point, `{"x":-}`, "at byte 5, in Point.x (field 1): invalid data: want an integer, got -", invalid},
		{"empty quotes", Simple, corpus.Point, `{"x":""}`, `at byte 5, in Point.x (field 1): invalid data: want an integer, got ""`, invalid},
		{"a list for a number", Simple, corpus.Point, `{"x":[1]}`, "at byte 5, in Point.x (field 1): invalid data: want an integer, got '['", invalid},

		{"double of 1e400", Simple, corpus.Scalars, `{"ratio":1e400}`, "at byte 9, in Scalars.ratio (field 6): invalid data: 1e400 is out of range for double", invalid},
		{"double of -1e400 in quotes", Simple, corpus.Scalars, `{"ratio":"-1e400"}`, "at byte 9, in Scalars.ratio (field 6): invalid data: -1e400 is out of range for double", invalid},
		{"double in hexadecimal", Simple, corpus.Scalars, `{"ratio":"0x1p2"}`, `at byte 9, in Scalars.ratio (field 6): invalid data: want a number, got "0x1p2"`, invalid},
		{"double that ends in a point", Simple, corpus.Scalars, `{"ratio":1.}`, `at byte 9, in Scalars.ratio (field 6): invalid data: want a number, got "1."`, invalid},
		{"double that starts with a point", Simple, corpus.Scalars, `{"ratio":.5}`, `at byte 9, in Scalars.ratio (field 6): invalid data: want a number, got ".5"`, invalid},
		{"inf", Simple, corpus.Scalars, `{"ratio":inf}`, `at byte 9, in Scalars.ratio (field 6): invalid data: want a number, got "inf"`, invalid},
		{"a struct for a double", Simple, corpus.Scalars, `{"ratio":{}}`, "at byte 9, in Scalars.ratio (field 6): invalid data: want a number, got '{'", invalid},
		{"a bool that is none", Simple, corpus.Scalars, `{"flag":yes}`, `at byte 8, in Scalars.flag (field 1): invalid data: want a bool, got "yes"`, invalid},
		{"a list for a bool", Simple, corpus.Scalars, `{"flag":[1]}`, "at byte 8, in Scalars.flag (field 1): invalid data: want a bool, got '['", invalid},
		{"a fraction for a bool", Simple, corpus.Scalars, `{"flag":"0.5"}`, `at byte 8, in Scalars.flag (field 1): invalid data: want a bool, got "0.5"`, invalid},
		{"null for an element", Simple, corpus.Containers, `{"words":[null]}`, "at byte 10, in Containers.words (field 3)[0]: invalid data: want a string, got 'n'", invalid},
		{"not base64", Simple, corpus.Scalars, `{"data":"*"}`, `at byte 8, in Scalars.data (field 8): invalid data: "*" is not base64`, invalid},
		{"base64 with three =", Simple, corpus.Scalars, `{"data":"A==="}`, `at byte 8, in Scalars.data (field 8): invalid data: "A=" is not base64`, invalid},
		{"not a uuid", Simple, corpus.Scalars, `{"id":"123e4567"}`, `at byte 6, in Scalars.id (field 9): invalid data: "123e4567" is not a uuid`, invalid},

		{"an escape that is none", Simple, corpus.Oops, `{"message":"\x"}`, "at byte 12, in Oops.message (field 1): invalid data: invalid character 'x' in string escape", invalid},
		{"an escape with a bad digit", Simple, corpus.Oops, `{"message":"\u00g0"}`, "at byte 16, in Oops.message (field 1): invalid data: want a hexadecimal digit, got 'g'", invalid},
		{"half a character", Simple, corpus.Oops, `{"message":"a\ud83d"}`, `at byte 13, in Oops.message (field 1): invalid data: unpaired surrogate \ud83d in string`, invalid},
		{"half a character, then another escape", Simple, corpus.Oops, `{"message":"\ud83d\n"}`, `at byte 12, in Oops.message (field 1): invalid data: unpaired surrogate \ud83d in string`, invalid},
		{"half a character twice", Simple, corpus.Oops, `{"message":"\ud83d\ud83d"}`, `at byte 12, in Oops.message (field 1): invalid data: unpaired surrogate \ud83d in string`, invalid},
		{"the second half alone", Simple, corpus.Oops, `{"message":"\ude00a"}`, `at byte 12, in Oops.message (field 1): invalid data: unpaired surrogate \ude00 in string`, invalid},

		{"count too small", Apache, corpus.Containers, `{"1":{"lst":["i32",1,5,6]}}`, "at byte 22, in Containers.ints (field 1): invalid data: count 1, but there are more", invalid},
		{"count too large", Apache, corpus.Containers, `{"1":{"lst":["i32",3,5,6]}}`, "at byte 24, in Containers.ints (field 1): invalid data: count 3, but there are less", invalid},
		{"count of a set", Apache, corpus.Containers, `{"2":{"set":["i64",0,5]}}`, "at byte 20, in Containers.longs (field 2): invalid data: count 0, but there are more", invalid},
		{"count of a map too small", Apache, corpus.Containers, `{"5":{"map":["str","i32",0,{"a":1}]}}`, "at byte 28, in Containers.counts (field 5): invalid data: count 0, but there are more", invalid},
		{"count of a map too large", Apache, corpus.Containers, `{"5":{"map":["str","i32",1,{}]}}`, "at byte 28, in Containers.counts (field 5): invalid data: count 1, but there are less", invalid},
		{"count of skipped elements", Apache, corpus.Containers, `{"1":{"lst":["i64",1,5,6]}}`, "at byte 22, in Containers.ints (field 1): invalid data: count 0, but there are more", invalid},
		{"count of an unknown list", Apache, corpus.Point, `{"9":{"lst":["i64",1,5,6]}}`, "at byte 22: invalid data: count 1, but there are more", invalid},
		{"negative count", Apache, corpus.Containers, `{"1":{"lst":["i32",-1]}}`, "at byte 19, in Containers.ints (field 1): invalid data: count -1", invalid},
		{"count beyond the message", Apache, corpus.Containers, `{"1":{"lst":["i32",99,1]}}`, "at byte 19, in Containers.ints (field 1): unexpected end of message: count 99, but only 5 bytes left", wire.ErrTruncated},
		{"two things after a map", Apache, corpus.Containers, `{"5":{"map":["str","i32",0,{},1]}}`, "at byte 29, in Containers.counts (field 5): invalid data: want ']', got ','", invalid},
		{"unknown field of a wrong form", Apache, corpus.Point, `{"9":{"rec":[]}}`, "at byte 12: invalid data: want '{', got '['", invalid},
		{"unknown field out of range", Apache, corpus.Point, `{"9":{"i8":200}}`, "at byte 11: invalid data: 200 is out of range for i8", invalid},

		{"an entry without value", ThriftPy2, corpus.Containers, `{"counts": [{"key": "a"}]}`, "at byte 67, in Containers.counts (field 5)[0]: invalid data: want a key and a value", invalid},
		{"an entry that is none", ThriftPy2, corpus.Containers, `{"counts": {"a": 1}}`, "at byte 55, in Containers.counts (field 5): invalid data: want '[', got '{'", invalid},
		{"the value of an entry", ThriftPy2, corpus.Containers, `{"counts": [{"key": "a", "value": []}]}`, "at byte 78, in Containers.counts (field 5)[0] value: invalid data: want an integer, got '['", invalid},
		{"unknown field that is no JSON", ThriftPy2, corpus.Point, `{"z": nil}`, `at byte 50: invalid data: want a value, got nil`, invalid},
		{"unknown field that is nothing", ThriftPy2, corpus.Point, `{"z": }`, "at byte 50: invalid data: want a value, got '}'", invalid},
		{"unknown object with a bad key", ThriftPy2, corpus.Point, `{"z": {1: 2}}`, "at byte 51: invalid data: want a string, got '1'", invalid},

		{"element in depth", Simple, corpus.Node, `{"children":[{},{"value":true}]}`, "at byte 25, in Node.children (field 3)[1] > Node.value (field 1): invalid data: want an integer, got true", invalid},
		{"keys that are structs", Simple, corpus.Containers, `{"by_point":{}}`, "at byte 12, in Containers.by_point (field 8): invalid value: the protocol simple-json has no form for the keys of map<Point,string>", wire.ErrValue},
		{"required field", Simple, corpus.Presence, `{}`, "at byte 1, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"required field that is null", Simple, corpus.Presence, `{"req":null}`, "at byte 11, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"required field of another type", Apache, corpus.Presence, `{"1":{"i64":1}}`, "at byte 14, in Presence.req (field 1): missing required field", wire.ErrMissing},
		{"union with two members", Simple, corpus.Shape, `{"radius":1,"label":""}`, "at byte 22: invalid data: union Shape has more than one member", invalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codec(test.p).TestReadBad(t, test.desc, input(test.p, test.text), test.err, test.is)
		})
	}
}

// TestCut cuts each text of ThriftPy2 and makes its length right again.
func TestCut(t *testing.T) {
	desc := schematest.Struct("Nothing")
	for name, text := range golden(ThriftPy2) {
		for i := range len(text) - 4 {
			if err := codec(ThriftPy2).Decode([]byte(sized(text[4:4+i])), new(dynamic.Value), desc.Type()); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: %d of %d bytes: %v", name, i, len(text)-4, err)
			}
		}
	}
}

// TestDepth nests every kind of thing: as many levels as may be pass everywhere, one more nowhere.
func TestDepth(t *testing.T) {
	corpus := codectest.Corpus()
	tests := []struct {
		name              string
		p                 Protocol
		open, close, leaf string
		per               int // levels that open stands for
	}{
		{"structs", Apache, `{"2":{"rec":`, `}}`, `{"1":{"i32":1}}`, 1},
		{"structs", ThriftPy2, `{"next":`, `}`, `{"value":1}`, 1},
		{"structs", Simple, `{"next":`, `}`, `{"value":1}`, 1},
		{"structs in lists", Apache, `{"3":{"lst":["rec",1,`, `]}}`, `{}`, 2},
		{"structs in lists", ThriftPy2, `{"children":[`, `]}`, `{}`, 2},
		{"structs in lists", Simple, `{"children":[`, `]}`, `{}`, 2},
		{"structs in maps", Apache, `{"4":{"map":["str","rec",1,{"":`, `}]}}`, `{}`, 2},
		{"structs in maps", ThriftPy2, `{"named":[{"key":"","value":`, `}]}`, `{}`, 2},
		{"structs in maps", Simple, `{"named":{"":`, `}}`, `{}`, 2},
	}
	empty := map[Protocol]string{Apache: `{"3":{"lst":["rec",0]}}`, ThriftPy2: `{"children":[]}`, Simple: `{"children":[]}`}
	for _, test := range tests {
		for _, n := range []int{wire.MaxDepth, wire.MaxDepth + 1} {
			levels, leaf := n-1, test.leaf
			if test.per == 2 && levels%2 == 1 { // end with an empty list
				leaf = empty[test.p]
			}
			text := strings.Repeat(test.open, levels/test.per) + leaf + strings.Repeat(test.close, levels/test.per)
			for _, v := range []any{new(codectest.Node), new(dynamic.Value)} {
				err := codec(test.p).Decode(input(test.p, text), v, corpus.Node.Type())
				if (err == nil) != (n <= wire.MaxDepth) || err != nil && !errors.Is(err, wire.ErrTooDeep) {
					t.Errorf("%s, %s, %d levels: %T: %v", test.p.Name(), test.name, n, v, err)
				}
			}
		}
	}
	// What is skipped is one level deep already.
	for _, test := range []struct {
		name, text string
		ok         bool
		p          Protocol
	}{
		{"typed", `{"9":{"lst":` + strings.Repeat(`["lst",1,`, wire.MaxDepth-2) + `["i8",0]` + strings.Repeat(`]`, wire.MaxDepth-2) + `}}`, true, Apache},
		{"typed, one more", `{"9":{"lst":` + strings.Repeat(`["lst",1,`, wire.MaxDepth-1) + `["i8",0]` + strings.Repeat(`]`, wire.MaxDepth-1) + `}}`, false, Apache},
		{"untyped", `{"z":` + strings.Repeat(`[`, maxSkip-2) + strings.Repeat(`]`, maxSkip-2) + `}`, true, ThriftPy2},
		{"untyped, one more", `{"z":` + strings.Repeat(`[`, maxSkip-1) + strings.Repeat(`]`, maxSkip-1) + `}`, false, ThriftPy2},
		{"untyped, very deep", `{"z":` + strings.Repeat(`{"":`, 1<<20) + `}`, false, Simple},
	} {
		for _, v := range []any{new(point), new(dynamic.Value)} {
			err := codec(test.p).Decode(input(test.p, test.text), v, corpus.Point.Type())
			if (err == nil) != test.ok || err != nil && !errors.Is(err, wire.ErrTooDeep) {
				t.Errorf("%s: %T: %v", test.name, v, err)
			}
		}
	}
}

// TestClaims sends counts with nothing after them.
func TestClaims(t *testing.T) {
	corpus := codectest.Corpus()
	for _, text := range []string{
		`{"1":{"lst":["i32",67108864,`, `{"2":{"set":["i64",67108864,`, `{"4":{"lst":["rec",67108864,`, `{"5":{"map":["str","i32",67108864,{`,
		`{"8":{"map":["rec","str",67108864,{`, `{"1":{"lst":["rec",67108864,`, `{"99":{"lst":["rec",67108864,`, `{"99":{"map":["rec","rec",67108864,{`,
	} {
		for _, v := range []any{new(containers), new(dynamic.Value)} {
			var err error
			n := testing.AllocsPerRun(1, func() { err = codec(Apache).Decode([]byte(text), v, corpus.Containers.Type()) })
			if !errors.Is(err, wire.ErrTruncated) || n > 50 {
				t.Errorf("%s: %T: %v, %v allocations", text, v, err, n)
			}
		}
	}
}

// TestOwnership overwrites what was decoded: strings share its memory, and nothing else does.
func TestOwnership(t *testing.T) {
	src := []byte(`{"4":{"i32":1},"7":{"str":"a"},"8":{"str":"Yg=="},"9":{"uid":"123e4567-e89b-12d3-a456-426614174000"}}`)
	var v scalars
	if err := codec(Apache).Decode(src, &v, codectest.Corpus().Scalars.Type()); err != nil {
		t.Fatal(err)
	}
	for i := range src {
		src[i] = 'z'
	}
	if v.Name != "z" || string(v.Data) != "b" || cap(v.Data) != 1 || v.Number != 1 || v.ID != someID {
		t.Errorf("%+v", v)
	}
}

// TestNaN reads what is not equal to itself.
func TestNaN(t *testing.T) {
	desc := codectest.Corpus().Scalars
	for _, p := range protocols {
		for _, word := range []string{`NaN`, `"NaN"`} {
			text := fmt.Sprintf(`{"ratio":%s}`, word)
			if p == Apache {
				text = fmt.Sprintf(`{"6":{"dbl":%s}}`, word)
			}
			var v scalars
			if err := codec(p).Decode(input(p, text), &v, desc.Type()); err != nil || !math.IsNaN(v.Ratio) {
				t.Errorf("%s: %s: %v, %v", p.Name(), text, v.Ratio, err)
			}
		}
	}
}
