package motan

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
)

const idl = `
enum Color { GREEN = 5 }
struct Point { 1: i32 x, 2: list<Point> more, 3: optional string user_name }
union Either { 1: string text, 2: i32 number }
struct All {
  1: bool b, 2: i8 i8, 3: i16 i16, 4: i32 i32, 5: i64 i64, 6: double d, 7: string s, 8: binary bin, 9: uuid id, 10: Color color
  11: list<i64> longs, 12: set<string> names, 13: map<string, i32> ages, 14: map<i32, Point> points, 15: Point point, 16: Either either
  17: map<string, string> texts, 18: list<list<string>> lists
}
`

func desc(t testing.TB, text, name string) *schema.Struct {
	t.Helper()
	f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": text}})
	if f == nil {
		t.Fatal(diags)
	}
	return f.Struct(name)
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

// TestDocs has each row of the table of types in docs/frameworks.md, and in its translation, hold in both directions.
func TestDocs(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-zA-Z0-9<>, ]+ v)` \\| [^`|]+ \\| `(.+)` \\| `([0-9a-f]+)` \\|$")
	for _, page := range []string{"frameworks.md", "frameworks.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		rows := row.FindAllStringSubmatch(string(text), -1)
		if len(rows) != 16 {
			t.Errorf("%s: %d rows", page, len(rows))
		}
		for _, r := range rows {
			s := desc(t, "enum Color { GREEN = 5 } struct Point { 1: i32 x } union Either { 1: string text } struct S { 1: "+r[1]+" }", "S")
			want, _ := hex.DecodeString(r[3])
			b := toBinary(t, s, `{"v":`+r[2]+`}`)
			if got, err := appendValue(nil, b, s); !bytes.Equal(got, want) || err != nil {
				t.Errorf("%s: %s: %x, %v", page, r[0], got, err)
			}
			if got, err := readValue(nil, want, s, s.Fields[0]); !bytes.Equal(got, b) || err != nil {
				t.Errorf("%s: %s: %x, %v, want %x", page, r[0], got, err, b)
			}
		}
	}
}

// TestAccepted reads what other libraries write.
func TestAccepted(t *testing.T) {
	for _, row := range []struct{ typ, simple, json string }{
		{"i32", "0902", `1`}, {"i64", "0603", `3`}, {"i8", "0903", `-2`}, {"i32", "07fffe", `-2`},
		{"double", "0a3f000000", `0.5`}, {"double", "0804", `2`},
		{"string", "030000000161", `"a"`}, {"binary", "010000000161", `"YQ=="`},
		{"Color", "0100000005475245454e", `"GREEN"`},
		{"list<string>", "15000000060100000001" + "61", `["a"]`},
		{"map<string, string>", "140000000c" + "010000000161" + "010000000162", `{"a":"b"}`},
		{"Point", "0200000012" + "00000009" + "757365724e616d65" + "31" + "0000000162", `{}`},              // an unknown name
		{"Point", "0200000011" + "00000008" + "757365724e616d65" + "00000001" + "62", `{"user_name":"b"}`}, // in camel case
		{"Point", "1400000014" + "010000000178" + "0802" + "01000000016e" + "140000000100", `{"x":1}`},     // an unknown name
		{"Point", "1400000007" + "010000000178" + "00", `{}`},                                              // null
		{"uuid", "0100000024" + hex.EncodeToString([]byte("123e4567-e89b-12d3-a456-426614174000")), `"123e4567-e89b-12d3-a456-426614174000"`},
		{"uuid", "0300000010" + "123e4567e89b12d3a456426614174000", `"123e4567-e89b-12d3-a456-426614174000"`},
	} {
		s := desc(t, idl+"struct S { 1: "+row.typ+" v }", "S")
		src, err := hex.DecodeString(row.simple)
		if err != nil {
			t.Fatal(row, err)
		}
		b, err := readValue(nil, src, s, s.Fields[0])
		if want := toBinary(t, s, `{"v":`+row.json+`}`); !bytes.Equal(b, want) || err != nil {
			t.Errorf("%s %s: %x, %v, want %x", row.typ, row.simple, b, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	nested := strings.Repeat("\x15\xff\xff\xff\xff", 300)
	for _, row := range []struct{ typ, src, want string }{
		{"i32", "\x05\x01", "in S.v (field 1): invalid value: want i32, got a bool"},
		{"i8", "\x08\x80\x02", "128 is out of range for i8"},
		{"i32", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "more than 64 bits"},
		{"i32", "\x63", "got the unknown tag 99"},
		{"string", "\x01\xff\xff\xff\xff", "4294967295 bytes claimed, 0 remain"},
		{"list<string>", "\x04\x00\x00\x00\x05\x00\x00\x00\x02a", "2 bytes claimed, 1 remain"},
		{"list<i32>", "\x04\x00\x00\x00\x05\x00\x00\x00\x01a", "want i32, got a string"},
		{"list<i32>", "\x15\x00\x00\x00\x01\x00", "want i32, got null"},
		{"map<string, i32>", "\x14\x00\x00\x00\x06\x01\x00\x00\x00\x01a", "unexpected end"},
		{"Point", "\x14\x00\x00\x00\x02\x08\x02", "want the name of a field of Point, got an int32"},
		{"Color", "\x01\x00\x00\x00\x01X", `enum Color has no value "X"`},
		{"uuid", "\x01\x00\x00\x00\x01X", `"X" is not a uuid`},
		{"bool", "\x05\x01\x00", "bytes after the value: 1"},
		{"list<list<string>>", nested, "bytes claimed"},
	} {
		s := desc(t, idl+"struct S { 1: "+row.typ+" v }", "S")
		_, err := readValue(nil, []byte(row.src), s, s.Fields[0])
		var e *wire.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %.20x: %v, want %s", row.typ, row.src, err, row.want)
		}
	}
	// A struct within itself, too deep.
	src := []byte{tagMap, 0, 0, 0, 0}
	for range 300 {
		inner := append([]byte{tagArray}, appendString(nil, string(src))...)
		outer := append([]byte{tagString}, appendString(nil, "more")...)
		outer = append(outer, inner...)
		src = append([]byte{tagMap}, appendString(nil, string(outer))...)
	}
	s := desc(t, idl+"struct S { 1: Point v }", "S")
	if _, err := readValue(nil, src, s, s.Fields[0]); !errors.Is(err, wire.ErrTooDeep) {
		t.Errorf("%.200v", err)
	}
}

const all = `{"b":true,"i8":-1,"i16":300,"i32":-70000,"i64":9223372036854775807,"d":0.5,"s":"登","bin":"AP8=","id":"123e4567-e89b-12d3-a456-426614174000",
"color":"GREEN","longs":[1,-1],"names":["a"],"ages":{"a":1},"points":{"-7":{"x":1}},"point":{"x":1,"more":[{"x":2}],"user_name":"u"},"either":{"number":3},
"texts":{"k":"v"},"lists":[["a"],[]]}`

// TestArguments writes and reads arguments, cuts them at every byte, and leaves some out.
func TestArguments(t *testing.T) {
	s := desc(t, idl, "All")
	b := toBinary(t, s, all)
	src, err := appendArgs(nil, b, s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readArgs(nil, src, s); !bytes.Equal(got, b) || err != nil {
		t.Errorf("%x, %v, want %x", got, err, b)
	}
	ends := 0
	for i := range src {
		if _, err := readArgs(nil, src[:i], s); err == nil {
			ends++ // between two arguments
		}
	}
	if ends != len(s.Fields) {
		t.Errorf("%d cuts are accepted, want %d", ends, len(s.Fields))
	}
	if _, err := readArgs(nil, append(src, 0), s); err == nil || !strings.Contains(err.Error(), "bytes after the last argument: 1") {
		t.Error(err)
	}
	some, err := appendArgs(nil, toBinary(t, s, `{"i8":1,"s":"x"}`), s)
	if want := "\x00\x06\x01\x00\x00\x00\x00\x01\x00\x00\x00\x01x" + strings.Repeat("\x00", 11); string(some) != want || err != nil {
		t.Errorf("%x, %v", some, err)
	}
	for i := range b {
		if _, err := appendArgs(nil, b[:i], s); err == nil {
			t.Errorf("binary, cut at %d: no error", i)
		}
	}
}

// FuzzRead reads anything: what is accepted is written and read again as the same.
func FuzzRead(f *testing.F) {
	s := desc(f, idl, "All")
	src, err := appendArgs(nil, toBinary(f, s, all), s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Fuzz(func(t *testing.T, src []byte) {
		b, err := readArgs(nil, src, s)
		if err != nil {
			return
		}
		if len(b) > 20*len(src)+20 {
			t.Fatalf("%d bytes became %d", len(src), len(b))
		}
		again, err := appendArgs(nil, b, s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readArgs(nil, again, s); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x, %v, want %x", got, err, b)
		}
	})
}

// FuzzParse reads anything as a message.
func FuzzParse(f *testing.F) {
	f.Add((&message{kind: typeGzip, serialization: simple, id: 7, metadata: map[string]string{"M_p": "a", "M_m": "b"}, body: []byte("body")}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headSize {
			return
		}
		n, whole, err := size(b[:headSize])
		if err == nil && !whole && n <= len(b) {
			n, whole, err = size(b[:n])
		}
		if err != nil || !whole || n != len(b) {
			return
		}
		m, err := parse(b)
		if err != nil || checkMetadata(m.metadata) != nil {
			return
		}
		again, err := parse(m.append(nil))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v, %v, want %+v", again, err, m)
		}
	})
}
