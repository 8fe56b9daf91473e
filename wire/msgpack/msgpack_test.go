package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/msgpack"
)

const idl = `
enum Color { RED = 1, GREEN = 5 }
struct In { 1: i32 x, 2: list<In> more }
union Either { 1: i32 number, 2: string text }
struct All {
  1: bool b, 2: i8 i8, 3: i16 i16, 4: i32 i32, 5: i64 i64, 6: double d, 7: string s, 8: binary bin, 9: uuid id, 10: Color color
  11: list<i64> longs, 12: set<string> names, 13: map<string, i32> ages, 14: map<i32, In> ins, 15: In in_side, 16: Either either
  17: optional i32 user_id, 18: list<list<bool>> bools, 19: map<Color, string> colors
}
struct Must { 1: required list<i32> list, 2: i32 user_name, 3: i32 userName }
`

func desc(t testing.TB, name string) *schema.Struct {
	t.Helper()
	f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": idl}})
	if f == nil {
		t.Fatal(diags)
	}
	return f.Struct(name)
}

// fromBinary returns the struct that b is in the binary protocol, as JSON.
func fromBinary(t testing.TB, desc *schema.Struct, b []byte) string {
	t.Helper()
	p, err := plan.ForType(reflect.TypeFor[dynamic.Value](), desc.Type())
	if err != nil {
		t.Fatal(err)
	}
	var v dynamic.Value
	end, err := binary.Protocol{}.ConsumeValue(b, 0, p, mem.To(&v))
	if err != nil || end != len(b) {
		t.Fatalf("%x: %v, %d of %d", b, err, end, len(b))
	}
	text, err := dynamic.AppendJSON(nil, desc.Type(), v, dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func toBinary(t testing.TB, desc *schema.Struct, text string) []byte {
	t.Helper()
	v, err := dynamic.ParseJSON(desc.Type(), []byte(text), dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.ForType(reflect.TypeFor[dynamic.Value](), desc.Type())
	if err != nil {
		t.Fatal(err)
	}
	b, err := binary.Protocol{}.AppendValue(nil, p, mem.To(&v))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// table has values in both directions: the JSON of package dynamic, MessagePack in hex, and JSON as Go has it.
var table = []struct{ value, packed, text string }{
	{`{}`, "80", `{}`},
	{`{"b":true}`, "81a162c3", `{"b":true}`},
	{`{"b":false}`, "81a162c2", `{"b":false}`},
	{`{"i8":-128}`, "81a26938d080", `{"i8":-128}`},
	{`{"i8":-32}`, "81a26938e0", `{"i8":-32}`},
	{`{"i16":-129}`, "81a3693136d1ff7f", `{"i16":-129}`},
	{`{"i16":127}`, "81a36931367f", `{"i16":127}`},
	{`{"i32":-2147483648}`, "81a3693332d280000000", `{"i32":-2147483648}`},
	{`{"i64":9223372036854775807}`, "81a3693634d37fffffffffffffff", `{"i64":9223372036854775807}`},
	{`{"d":0.5}`, "81a164cb3fe0000000000000", `{"d":0.5}`},
	{`{"d":"NaN"}`, "81a164cb7ff8000000000001", `{"d":"NaN"}`},
	{`{"s":"登"}`, "81a173a3e799bb", `{"s":"登"}`},
	{`{"bin":"AP8="}`, "81a362696ec40200ff", `{"bin":"AP8="}`},
	{`{"id":"123e4567-e89b-12d3-a456-426614174000"}`, "81a26964c410123e4567e89b12d3a456426614174000", `{"id":"123e4567-e89b-12d3-a456-426614174000"}`},
	{`{"color":"GREEN"}`, "81a5636f6c6f7205", `{"color":5}`},
	{`{"color":77}`, "81a5636f6c6f724d", `{"color":77}`},
	{`{"longs":[1,-1]}`, "81a56c6f6e67739201ff", `{"longs":[1,-1]}`},
	{`{"names":["a"]}`, "81a56e616d657391a161", `{"names":["a"]}`},
	{`{"ages":{"a":1}}`, "81a46167657381a16101", `{"ages":{"a":1}}`},
	{`{"ins":{"-7":{"x":1}}}`, "81a3696e7381f981a17801", `{"ins":{"-7":{"x":1}}}`},
	{`{"in_side":{"x":1,"more":[{"x":2}]}}`, "81a7696e5f7369646582a17801a46d6f726591" + "81a17802", `{"in_side":{"x":1,"more":[{"x":2}]}}`},
	{`{"either":{"text":"a"}}`, "81a665697468657281a474657874a161", `{"either":{"text":"a"}}`},
	{`{"user_id":3}`, "81a7757365725f696403", `{"user_id":3}`},
	{`{"bools":[[true],[]]}`, "81a5626f6f6c739291c390", `{"bools":[[true],[]]}`},
	{`{"colors":{"RED":"x"}}`, "81a6636f6c6f72738101a178", `{"colors":{"1":"x"}}`},
}

func TestTable(t *testing.T) {
	all := desc(t, "All")
	for _, row := range table {
		b := toBinary(t, all, row.value)
		packed, err := msgpack.AppendStruct([]byte("x"), b, all, msgpack.Options{})
		// A struct of more than 15 fields has the long header.
		wide := map[string]string{"80": "de0000", "81": "de0001"}[row.packed[:2]] + row.packed[2:]
		if got := hex.EncodeToString(packed[1:]); got != wide || err != nil {
			t.Errorf("%s: %s, %v, want %s", row.value, got, err, row.packed)
		}
		text, err := msgpack.AppendJSON([]byte("x"), b, all, msgpack.Options{})
		if string(text[1:]) != row.text || err != nil {
			t.Errorf("%s: %s, %v, want %s", row.value, text[1:], err, row.text)
		}
		src, _ := hex.DecodeString(row.packed)
		b, err = msgpack.AppendThrift([]byte("x"), src, all, msgpack.Options{})
		if err != nil {
			t.Errorf("%s: %v", row.packed, err)
		} else if got := fromBinary(t, all, b[1:]); got != row.value {
			t.Errorf("%s: %s, want %s", row.packed, got, row.value)
		}
		b, _, err = msgpack.FromJSON([]byte("x"), []byte(row.text), all, msgpack.Options{})
		if err != nil {
			t.Errorf("%s: %v", row.text, err)
		} else if got := fromBinary(t, all, b[1:]); got != row.value {
			t.Errorf("%s: %s, want %s", row.text, got, row.value)
		}
	}
}

// TestAccepted reads what other libraries write.
func TestAccepted(t *testing.T) {
	for _, row := range []struct{ name, packed, want string }{
		{"All", "c0", `{}`},
		{"All", "81a142c3", `{"b":true}`},                                     // a name as Go exports it
		{"All", "81a6557365724944" + "07", `{"user_id":7}`},                   // with an initialism
		{"All", "81a6757365724964" + "07", `{"user_id":7}`},                   // in camel case
		{"All", "81" + "11" + "07", `{"user_id":7}`},                          // by id
		{"All", "82a3786262c0" + "a162c3", `{"b":true}`},                      // unknown and nil
		{"All", "82a3786262" + "8191c2d60001020304" + "a162c3", `{"b":true}`}, // unknown and nested, with an extension
		{"All", "81a7757365725f6964c0", `{}`},                                 // nil is unset
		{"All", "81a3693332cd0100", `{"i32":256}`},
		{"All", "81a3693332ce00000100", `{"i32":256}`},
		{"All", "81a3693634cf0000000000000100", `{"i64":256}`},
		{"All", "81a16401", `{"d":1}`},
		{"All", "81a164cf8000000000000000", `{"d":9223372036854776000}`},
		{"All", "81a164ca3f000000", `{"d":0.5}`},
		{"All", "81a173c40161", `{"s":"a"}`},
		{"All", "81a173d9" + "0161", `{"s":"a"}`},
		{"All", "81a362696ea161", `{"bin":"YQ=="}`},
		{"All", "81a5636f6c6f72a3524544", `{"color":"RED"}`},
		{"All", "81a56c6f6e6773dc000101", `{"longs":[1]}`},
		{"All", "81a5626f6f6c7391c0", `{"bools":[[]]}`},
		{"All", "de0001a162c3", `{"b":true}`},
		{"Must", "81a46c697374c0", `{"list":[]}`}, // nil is how Go writes an empty slice
		{"Must", "82a46c69737490a8757365724e616d6507", `{"list":[],"userName":7}`},
	} {
		src, err := hex.DecodeString(row.packed)
		if err != nil {
			t.Fatal(row, err)
		}
		d := desc(t, row.name)
		b, err := msgpack.AppendThrift(nil, src, d, msgpack.Options{})
		if err != nil {
			t.Errorf("%s: %v", row.packed, err)
		} else if got := fromBinary(t, d, b); got != row.want {
			t.Errorf("%s: %s, want %s", row.packed, got, row.want)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("81a46d6f726591", wire.MaxDepth)
	for _, row := range []struct{ packed, want string }{
		{"", "at byte 0: unexpected end"},
		{"01", "want All, got an integer"},
		{"81a162", "unexpected end"},
		{"81a1", "1 elements claimed, 1 bytes remain"},
		{"81a16201", "at byte 3, in All.b (field 1): invalid value: want bool, got an integer"},
		{"81a26938cc80", "in All.i8 (field 2): invalid value: 128 is out of range for i8"},
		{"81a3693634cf8000000000000000", "9223372036854775808 is out of range for i64"},
		{"81a173c3", "want string, got a bool"},
		{"81a26964a161", `"a" is not a uuid`},
		{"81a5636f6c6f72a3426c75", `enum Color has no value "Blu"`},
		{"81a56c6f6e677392c301", "in All.longs (field 11)[0]: invalid value: want i64, got a bool"},
		{"81a56c6f6e6773ddffffffff", "4294967295 elements claimed, 0 bytes remain"},
		{"dfffffffff", "4294967295 elements claimed"},
		{"81a173dbffffffff", "unexpected end"},
		{"81a162c3c3", "unexpected bytes after the struct: 1"},
		{"81a162c1", "got the byte 0xc1"},
		{"81c302", "want the name of a field of All, got a bool"},
		{"81a7696e5f73696465" + deep, "nested too deep"},
		{"81a178" + strings.Repeat("91", wire.MaxDepth+1) + "c0", "nested too deep"},
	} {
		src, err := hex.DecodeString(row.packed)
		if err != nil {
			t.Fatal(row, err)
		}
		_, err = msgpack.AppendThrift(nil, src, desc(t, "All"), msgpack.Options{})
		var e *wire.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%.60s: %v, want %s", row.packed, err, row.want)
		}
	}
	for text, want := range map[string]string{
		`{"b": 1}`: "in All.b (field 1)", `{"b": tru`: "unexpected end", `[1]`: "want All, got an array", `{"i32": 1.5}`: "want i32, got a float",
		`{"bin": "*"}`: "base64", `{"ages": {"a": "b"}}`: "want i32, got a string", `{"ins": {"a": {}}}`: `want i32, got the string "a"`, `{} {}`: "unexpected bytes",
		`{"i32": 1e999}`: "out of range", `{"b" true}`: "want ':'", `{1: 2}`: "want a name", strings.Repeat(`{"x":`, 300): "nested too deep",
	} {
		_, _, err := msgpack.FromJSON(nil, []byte(text), desc(t, "All"), msgpack.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

// TestNames writes names and enums the other way.
func TestNames(t *testing.T) {
	all := desc(t, "All")
	b := toBinary(t, all, `{"user_id":1,"in_side":{"x":2},"color":"RED"}`)
	text, err := msgpack.AppendJSON(nil, b, all, msgpack.Options{GoNames: true, EnumNames: true})
	if want := `{"Color":"RED","InSide":{"X":2},"UserID":1}`; string(text) != want && !sameJSON(text, want) || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	packed, err := msgpack.AppendStruct(nil, b, all, msgpack.Options{GoNames: true})
	if !msgpack.HasGoNames(packed) || err != nil {
		t.Errorf("%x, %v", packed, err)
	}
	if packed, _ = msgpack.AppendStruct(nil, b, all, msgpack.Options{}); msgpack.HasGoNames(packed) {
		t.Errorf("%x", packed)
	}
	for _, src := range []string{"", "\x80", "\x81", "\x81\x01", "\xc0", "\x81\xa0\xc0"} {
		if msgpack.HasGoNames([]byte(src)) {
			t.Errorf("%x", src)
		}
	}
}

func sameJSON(a []byte, b string) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// TestTruncated cuts every message at every byte, on both sides.
func TestTruncated(t *testing.T) {
	all := desc(t, "All")
	for _, row := range table {
		src, _ := hex.DecodeString(row.packed)
		for i := range src {
			if _, err := msgpack.AppendThrift(nil, src[:i], all, msgpack.Options{}); err == nil {
				t.Errorf("%s, cut at %d: no error", row.packed, i)
			}
		}
		b := toBinary(t, all, row.value)
		for i := range b {
			if _, err := msgpack.AppendStruct(nil, b[:i], all, msgpack.Options{}); err == nil {
				t.Errorf("%s in binary, cut at %d: no error", row.value, i)
			}
		}
	}
}

// FuzzRead reads anything: what is accepted is written and read again as the same.
func FuzzRead(f *testing.F) {
	for _, row := range table {
		src, _ := hex.DecodeString(row.packed)
		f.Add(src)
	}
	all := desc(f, "All")
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		b, err := msgpack.AppendThrift(nil, src, all, msgpack.Options{})
		if !bytes.Equal(src, before) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			return
		}
		if len(b) > 20*len(src)+20 {
			t.Fatalf("%d bytes became %d", len(src), len(b))
		}
		packed, err := msgpack.AppendStruct(nil, b, all, msgpack.Options{})
		if err != nil {
			return // fields twice
		}
		again, err := msgpack.AppendThrift(nil, packed, all, msgpack.Options{})
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x: %v, want %x", again, err, b)
		}
	})
}

// FuzzReadJSON does not panic, whatever the text.
func FuzzReadJSON(f *testing.F) {
	for _, row := range table {
		f.Add([]byte(row.text))
	}
	all := desc(f, "All")
	f.Fuzz(func(t *testing.T, text []byte) {
		b, _, err := msgpack.FromJSON(nil, text, all, msgpack.Options{})
		if err != nil {
			return
		}
		if out, err := msgpack.AppendJSON(nil, b, all, msgpack.Options{}); err == nil && !json.Valid(out) {
			t.Fatalf("%s is not JSON", out)
		}
	})
}

// FuzzWrite turns any bytes of the binary protocol into MessagePack and JSON.
func FuzzWrite(f *testing.F) {
	all := desc(f, "All")
	for _, row := range table {
		f.Add(toBinary(f, all, row.value))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := msgpack.AppendJSON(nil, b, all, msgpack.Options{}); err == nil && !json.Valid(text) {
			t.Fatalf("%s is not JSON", text)
		}
		packed, err := msgpack.AppendStruct(nil, b, all, msgpack.Options{})
		if err != nil {
			return
		}
		if _, err := msgpack.AppendThrift(nil, packed, all, msgpack.Options{}); err != nil {
			t.Fatalf("%x cannot be read again: %v", packed, err)
		}
	})
}
