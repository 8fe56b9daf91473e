package hessian2_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// unhex reads hexadecimal digits with blanks between, and texts in quotes.
func unhex(s string) []byte {
	var out []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			panic(err)
		}
		out = append(out, b...)
	}
	return out
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }

// forms has values of the specification and their shortest bytes.
var forms = []struct {
	hex string
	v   any
}{
	{"4e", nil}, {"54", true}, {"46", false},
	// int
	{"90", int32(0)}, {"80", int32(-16)}, {"bf", int32(47)}, {"c800", int32(0)}, {"c000", int32(-2048)}, {"c7ff", int32(-1)}, {"cfff", int32(2047)},
	{"d40000", int32(0)}, {"d00000", int32(-262144)}, {"d7ffff", int32(262143)}, {"49 00000000", int32(0)}, {"49 0000012c", int32(300)},
	{"49 7fffffff", int32(math.MaxInt32)}, {"49 80000000", int32(math.MinInt32)},
	// long
	{"e0", int64(0)}, {"d8", int64(-8)}, {"ef", int64(15)}, {"f800", int64(0)}, {"f000", int64(-2048)}, {"ffff", int64(2047)}, {"3c0000", int64(0)},
	{"380000", int64(-262144)}, {"3fffff", int64(262143)}, {"59 00000000", int64(0)}, {"59 7fffffff", int64(math.MaxInt32)},
	{"4c 0000000080000000", int64(1 << 31)}, {"4c 8000000000000000", int64(math.MinInt64)},
	// double
	{"5b", 0.0}, {"5c", 1.0}, {"5d00", 0.0}, {"5d80", -128.0}, {"5d7f", 127.0}, {"5e0000", 0.0}, {"5e8000", -32768.0}, {"5e7fff", 32767.0},
	{"5f 00002fda", 12.25}, {"44 40 28 80 00 00 00 00 00", 12.25}, {"44 8000000000000000", math.Copysign(0, -1)}, {"44 3fd5555555555555", 1.0 / 3},
	{"44 7ff0000000000000", math.Inf(1)},
	// date
	{"4a 000000d04b928484", time.Date(1998, 5, 8, 9, 51, 30, 948e6, time.UTC)},
	{"4b 00e38320", time.Date(1998, 5, 8, 8, 0, 0, 0, time.UTC)},
	// string
	{"00", ""}, {"05'hello'", "hello"}, {"01 c383", "Ã"}, {"1f" + hexOf(repeat("x", 31)), repeat("x", 31)}, {"3020" + hexOf(repeat("x", 32)), repeat("x", 32)},
	{"33ff" + hexOf(repeat("x", 1023)), repeat("x", 1023)}, {"53 0400" + hexOf(repeat("x", 1024)), repeat("x", 1024)},
	{"53 0005'hello'", "hello"}, {"52 0007'hello, ' 05'world'", "hello, world"}, {"01 e4bda0", "你"}, {"02 eda0bdedb880", "😀"}, {"02 f09f9880", "😀"},
	{"52 8000" + hexOf(repeat("é", 32768)) + "02 c3a9 78", repeat("é", 32769) + "x"},
	{"52 0001 eda0bd 01 edb880", "😀"}, // half in each part
	{"52 7fff" + hexOf(repeat("x", 32767)) + "02 eda0bdedb880", repeat("x", 32767) + "😀"},
	// binary
	{"20", []byte{}}, {"23 010203", []byte{1, 2, 3}}, {"3410" + hexOf(repeat("x", 16)), []byte(repeat("x", 16))},
	{"42 0400" + hexOf(repeat("x", 1024)), []byte(repeat("x", 1024))}, {"41 0002 0102 21 03", []byte{1, 2, 3}},
	// list
	{"78", []any{}}, {"7a 90 91", []any{int32(0), int32(1)}}, {"57 90 91 5a", []any{int32(0), int32(1)}}, {"58 92 90 91", []any{int32(0), int32(1)}},
	{"72 04'[int' 90 91", &hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}},
	{"55 04'[int' 90 91 5a", &hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}},
	{"56 04'[int' 92 90 91", &hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}},
	{"7a 71 04'[int' 90 71 90 91", []any{&hessian2.List{Type: "[int", Items: []any{int32(0)}}, &hessian2.List{Type: "[int", Items: []any{int32(1)}}}},
	// map
	{"48 5a", &hessian2.Map{}}, {"48 91 03'fee' 5a", &hessian2.Map{Entries: []hessian2.Entry{{int32(1), "fee"}}}},
	{"4d 13'com.caucho.test.Car' 05'color' 04'blue' 5a", &hessian2.Map{Type: "com.caucho.test.Car", Entries: []hessian2.Entry{{"color", "blue"}}}},
	// object
	{"43 0b'example.Car' 92 05'color' 05'model' 60 03'red' 08'corvette'", &hessian2.Object{Class: "example.Car", Fields: []hessian2.Field{{"color", "red"}, {"model", "corvette"}}}},
	{"43 01'C' 90 4f 90", &hessian2.Object{Class: "C"}},
	{"7a 43 01'C' 91 01'x' 60 91 60 92", []any{&hessian2.Object{Class: "C", Fields: []hessian2.Field{{"x", int32(1)}}}, &hessian2.Object{Class: "C", Fields: []hessian2.Field{{"x", int32(2)}}}}},
	// reference: a copy, also of what defines a class and a type
	{"7b 43 01'C' 91 01'x' 60 72 04'[int' 90 91 51 91 51 92", []any{
		&hessian2.Object{Class: "C", Fields: []hessian2.Field{{"x", &hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}}}},
		&hessian2.Object{Class: "C", Fields: []hessian2.Field{{"x", &hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}}}},
		&hessian2.List{Type: "[int", Items: []any{int32(0), int32(1)}}}},
	{"7a 48 01'a' 43 01'C' 90 60 5a 51 91", []any{&hessian2.Map{Entries: []hessian2.Entry{{"a", &hessian2.Object{Class: "C"}}}}, &hessian2.Map{Entries: []hessian2.Entry{{"a", &hessian2.Object{Class: "C"}}}}}},
}

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

// TestForms reads every form of a value. What is written is no longer than the form, and is read as the same value.
func TestForms(t *testing.T) {
	for _, test := range forms {
		src := unhex(test.hex)
		d := hessian2.NewDecoder(src)
		got, err := d.Any()
		if err == nil {
			err = d.End()
		}
		if err != nil || !reflect.DeepEqual(got, test.v) {
			t.Errorf("%.60s: %#v, %v, want %#v", test.hex, got, err, test.v)
			continue
		}
		e := hessian2.NewEncoder(nil)
		if err := e.Any(got); err != nil {
			t.Errorf("%.60s: %v", test.hex, err)
			continue
		}
		if again, err := hessian2.NewDecoder(e.Bytes()).Any(); err != nil || !reflect.DeepEqual(again, test.v) {
			t.Errorf("%.60s: written as %x, read as %#v, %v", test.hex, e.Bytes(), again, err)
		}
		if hasReference := bytes.ContainsRune(src, 0x51); len(e.Bytes()) > len(src) && !hasReference && !strings.Contains(test.hex, "f09f9880") {
			t.Errorf("%.60s: written as %x", test.hex, e.Bytes())
		}
		for n := 0; n < len(src); n += 1 + len(src)/500 {
			if _, err := hessian2.NewDecoder(src[:n]).Any(); err == nil {
				t.Errorf("%.60s: no error after %d bytes", test.hex, n)
			}
		}
	}
}

// TestShortest writes the values at the borders of forms.
func TestShortest(t *testing.T) {
	for _, test := range []struct {
		v   any
		hex string
	}{
		{int32(-16), "80"}, {int32(-17), "c7ef"}, {int32(47), "bf"}, {int32(48), "c830"}, {int32(2047), "cfff"}, {int32(2048), "d40800"}, {int32(-2049), "d3f7ff"},
		{int32(262143), "d7ffff"}, {int32(262144), "49 00040000"}, {int64(-8), "d8"}, {int64(-9), "f7f7"}, {int64(15), "ef"}, {int64(16), "f810"},
		{int64(2048), "3c0800"}, {int64(262144), "59 00040000"}, {int64(math.MaxInt32), "59 7fffffff"}, {int64(math.MaxInt32) + 1, "4c 0000000080000000"},
		{0.0, "5b"}, {1.0, "5c"}, {2.0, "5d02"}, {-128.0, "5d80"}, {128.0, "5e0080"}, {32768.0, "5f 01f40000"}, {0.5, "5f 000001f4"}, {1e300, "44 7e37e43c8800759c"},
		{time.UnixMilli(60_000), "4b 00000001"}, {time.UnixMilli(60_001), "4a 000000000000ea61"},
		{repeat("a", 31), "1f" + hexOf(repeat("a", 31))}, {repeat("a", 32), "3020" + hexOf(repeat("a", 32))},
		{[]string{"a"}, "71 07'[string' 01'a'"}, {map[string]string{"a": "b"}, "48 01'a' 01'b' 5a"}, {map[string]any{"a": int32(1)}, "48 01'a' 91 5a"},
		{[]any{1, 2, 3, 4, 5, 6, 7, 8}, "58 98 e1 e2 e3 e4 e5 e6 e7 e8"},
	} {
		e := hessian2.NewEncoder(nil)
		if err := e.Any(test.v); err != nil || !bytes.Equal(e.Bytes(), unhex(test.hex)) {
			t.Errorf("%v: %x, %v, want %s", test.v, e.Bytes(), err, test.hex)
		}
	}
}

// hostile has bytes that are refused.
var hostile = []struct{ name, hex, err string }{
	{"nothing", "", "at byte 0: unexpected end of message"},
	{"no value", "40", "at byte 0: invalid data: no value begins with 0x40"},
	{"an end", "5a", "at byte 0: invalid data: want a value, got the end of a list"},
	{"a list that lies", "58 49 7fffffff 90", "at byte 1: unexpected end of message: 2147483647 elements in 1 byte"},
	{"a negative list", "58 8f", "at byte 1: invalid data: -1 elements"},
	{"a list without an end", "57 90", "at byte 2: unexpected end of message"},
	{"a string that lies", "53 ffff 61", "at byte 4: unexpected end of message"},
	{"a binary that lies", "42 ffff 61", "at byte 4: unexpected end of message"},
	{"a string that is a binary", "52 0001 61 21 61", "at byte 4: invalid data: want a string, got a binary"},
	{"not UTF-8", "01 ff", "at byte 1: invalid data: a string that is not UTF-8"},
	{"an overlong character", "01 c080", "at byte 1: invalid data: a string that is not UTF-8"},
	{"half a character", "01 eda0bd", "at byte 0: invalid data: a string with half a character: the surrogate 0xd83d is alone"},
	{"a class that does not exist", "60", "at byte 0: invalid data: an object of class 0 of 0"},
	{"a class without an object", "43 01'C' 90 90", "at byte 4: invalid data: want an object after its class, got an int"},
	{"a class that lies", "43 01'C' 49 7fffffff", "at byte 3: unexpected end of message: 2147483647 fields in 0 bytes"},
	{"a class of many fields", "43 01'C' d41001" + repeat("00", 4097), "at byte 0: too large: a class with 4097 fields, at most 4096 are accepted"},
	{"a type that does not exist", "71 90 90", "at byte 1: invalid data: type 0 of 0"},
	{"a reference to nowhere", "79 51 91", "at byte 1: invalid data: a reference to value 1 of 1"},
	{"a negative reference", "79 51 8f", "at byte 1: invalid data: a reference to value -1 of 1"},
	{"a cycle", "79 51 90", "at byte 1, in [0]: invalid data: a cycle: a reference to the value that began at byte 0"},
	{"a cycle through an object", "43 01'C' 91 01'x' 60 51 90", "at byte 7, in C.x (field 0): invalid data: a cycle: a reference to the value that began at byte 6"},
	{"many levels", repeat("79", 300) + "78", "at byte 256, in " + repeat("[0]", 40) + " > … > " + repeat("[0]", 40) + ": nested too deep: more than 256 levels"},
}

func TestHostile(t *testing.T) {
	for _, test := range hostile {
		_, err := hessian2.NewDecoder(unhex(test.hex)).Any()
		var e *wire.Error
		switch {
		case !errors.As(err, &e):
			t.Errorf("%s: %v", test.name, err)
		case test.name == "many levels":
			if !errors.Is(err, wire.ErrTooDeep) || e.Offset != 256 {
				t.Errorf("%s: %v", test.name, err)
			}
		case strings.Replace(err.Error(), ", in [0]", "", 1) != strings.Replace(test.err, ", in [0]", "", 1):
			t.Errorf("%s: %v, want %s", test.name, err, test.err)
		}
	}
}

// TestBomb has references of references that would be a million times as long as the message.
func TestBomb(t *testing.T) {
	src := []byte{0x57}
	src = append(src, 0x79, 0x78) // values 1 and 2
	for i := 1; i < 60; i++ {
		at := byte(0x90 + i)
		if i > 0x2f {
			break
		}
		src = append(src, 0x7f, 0x51, at, 0x51, at, 0x51, at, 0x51, at, 0x51, at, 0x51, at, 0x51, at)
	}
	src = append(src, 0x5a)
	_, err := hessian2.NewDecoder(src).Any()
	if !errors.Is(err, wire.ErrTooLarge) || !strings.Contains(err.Error(), "references repeat more than") {
		t.Error(err)
	}
	if err := hessian2.NewDecoder(src).Skip(); err != nil {
		t.Errorf("what is skipped is not copied: %v", err)
	}
}

// TestSkip skips every value, and a cycle.
func TestSkip(t *testing.T) {
	for _, test := range forms {
		d := hessian2.NewDecoder(append(unhex(test.hex), 0x91))
		if err := d.Skip(); err != nil {
			t.Errorf("%.60s: %v", test.hex, err)
		} else if n, err := d.Int(); n != 1 || err != nil || d.More() {
			t.Errorf("%.60s: then %d, %v", test.hex, n, err)
		}
	}
	if err := hessian2.NewDecoder(unhex("43 01'C' 91 01'x' 60 51 90")).Skip(); err != nil {
		t.Error(err)
	}
}

var corpus = schematest.New()

type (
	Color   int32
	Point   struct{ X, Y int32 }
	Scalars struct {
		Flag   bool
		Tiny   int8
		Small  int16
		Number int32
		Big    int64
		Ratio  float64
		Name   string
		Data   []byte
		ID     [16]byte
		Color  Color
	}
	Containers struct {
		Ints    []int32
		Longs   map[int64]struct{}
		Words   []string
		Points  []*Point
		Counts  map[string]int32
		Names   map[int32]string
		ByColor map[Color]Point
		ByPoint []struct {
			Key   *Point
			Value string
		}
		Grid   [][]bool
		Colors []Color
		Blobs  map[string]bool
		IDs    map[[16]byte]float64 `thrift:"ids"`
		Flags  map[bool][]int64
		Ratios map[float64]int8
		Far    []int16
	}
	Presence struct {
		Req       int32
		Opt       *int32
		Plain     int32
		ReqDef    int32
		OptDef    *int32
		PlainDef  int32
		OptList   []int32
		PlainList []int32
	}
	Shape struct {
		Point  *Point
		Radius *float64
		Label  *string
	}
	Node struct {
		Value    int32
		Next     *Node
		Children []*Node
		Named    map[string]*Node
	}
	Oops struct{ Message string }
)

func ptr[T any](v T) *T { return &v }

var someID = [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}

func planOf(t testing.TB, g reflect.Type, st *schema.Type) *plan.Type {
	t.Helper()
	p, err := plan.ForType(g, st)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t testing.TB, v any, st *schema.Type) ([]byte, error) {
	t.Helper()
	rv := reflect.ValueOf(v)
	e := hessian2.NewEncoder(nil)
	err := e.Value(planOf(t, rv.Type().Elem(), st), mem.Of(rv))
	return e.Bytes(), err
}

func decode(t testing.TB, src []byte, v any, st *schema.Type) error {
	t.Helper()
	rv := reflect.ValueOf(v)
	d := hessian2.NewDecoder(src)
	if _, err := d.Value(planOf(t, rv.Type().Elem(), st), mem.Of(rv)); err != nil {
		return err
	}
	return d.End()
}

// java gives a struct a class.
func java(desc *schema.Struct, class string) *schema.Struct {
	desc.Annotations = append(desc.Annotations, schema.Annotation{Name: "java.class", Value: class})
	return desc
}

var (
	class = java(schematest.Struct("User", schematest.Field(1, "user_name", schematest.String), schematest.Optional(2, "age", schematest.I32)), "com.acme.User")
	oops  = func() *schema.Struct {
		s := &schema.Struct{Name: "Gone", Kind: schema.Exception, Fields: []*schema.Field{schematest.Field(1, "code", schematest.I32), schematest.Field(2, "why", schematest.String)}}
		schematest.Link(s)
		return java(s, "com.acme.Gone")
	}()
	couple = schematest.Struct("Couple", schematest.Field(1, "a", class.Type()), schematest.Field(2, "b", class.Type()))
)

type (
	User struct {
		UserName string
		Age      *int32
	}
	Gone struct {
		Code int32
		Why  string
	}
	Couple struct{ A, B *User }
)

// The fields of Throwable, and the values of those after the text.
const (
	throwable = "0d'detailMessage' 05'cause' 0a'stackTrace' 14'suppressedExceptions'"
	thrown    = "4e 70 1c'[java.lang.StackTraceElement' 4e"
)

// golden has values and their bytes.
var golden = []struct {
	name  string
	t     *schema.Type
	bound any
	hex   string
}{
	{"a map by field name, without a class", corpus.Point.Type(), &Point{1, -2}, "48 01'x' 91 01'y' 8e 5a"},
	{"scalars", corpus.Scalars.Type(), &Scalars{true, -2, 0x1234, math.MinInt32, math.MaxInt64, 1.5, "é", []byte{0, 0xff}, someID, 1},
		"48 04'flag' 54 04'tiny' 8e 05'small' d41234 06'number' 49 80000000 03'big' 4c 7fffffffffffffff 05'ratio' 5f 000005dc 04'name' 01 c3a9" +
			"04'data' 22 00ff 02'id' 43 0e'java.util.UUID' 91 05'value' 60 3024'123e4567-e89b-12d3-a456-426614174000' 05'color' 03'RED' 5a"},
	{"list of i32", corpus.Containers.Type(), &Containers{Ints: []int32{1, -1, 300}}, "48 04'ints' 7b 91 8f c92c 5a"},
	{"set of i64", corpus.Containers.Type(), &Containers{Longs: map[int64]struct{}{5: {}}}, "48 05'longs' 79 e5 5a"},
	{"list of struct", corpus.Containers.Type(), &Containers{Points: []*Point{{1, 2}, {}}}, "48 06'points' 7a 48 01'x' 91 01'y' 92 5a 48 01'x' 90 01'y' 90 5a 5a"},
	{"map", corpus.Containers.Type(), &Containers{Names: map[int32]string{7: "a"}}, "48 05'names' 48 97 01'a' 5a 5a"},
	{"map of enum to struct", corpus.Containers.Type(), &Containers{ByColor: map[Color]Point{2: {3, 4}}}, "48 08'by_color' 48 05'GREEN' 48 01'x' 93 01'y' 94 5a 5a 5a"},
	{"map of struct", corpus.Containers.Type(), &Containers{ByPoint: []struct {
		Key   *Point
		Value string
	}{{&Point{3, 4}, "p"}}}, "48 08'by_point' 48 48 01'x' 93 01'y' 94 5a 01'p' 5a 5a"},
	{"list of lists", corpus.Containers.Type(), &Containers{Grid: [][]bool{{true, false}, {}}}, "48 04'grid' 7a 7a 54 46 78 5a"},
	{"map of double", corpus.Containers.Type(), &Containers{Ratios: map[float64]int8{1: -1}}, "48 06'ratios' 48 5c 8f 5a 5a"},
	{"presence", corpus.Presence.Type(), &Presence{1, ptr(int32(2)), 3, 40, ptr(int32(5)), 60, nil, []int32{}},
		"48 03'req' 91 03'opt' 92 05'plain' 93 07'req_def' b8 07'opt_def' 95 09'plain_def' c83c 0a'plain_list' 78 5a"},
	{"union", corpus.Shape.Type(), &Shape{Radius: ptr(0.0)}, "48 06'radius' 5b 5a"},
	{"an object", class.Type(), &User{"x", ptr(int32(7))}, "43 0d'com.acme.User' 92 09'user_name' 03'age' 60 01'x' 97"},
	{"an object with null", class.Type(), &User{"x", nil}, "43 0d'com.acme.User' 92 09'user_name' 03'age' 60 01'x' 4e"},
	{"two objects of a class", couple.Type(), &Couple{&User{"x", nil}, &User{"y", nil}},
		"48 01'a' 43 0d'com.acme.User' 92 09'user_name' 03'age' 60 01'x' 4e 01'b' 60 01'y' 4e 5a"},
	{"an exception", oops.Type(), &Gone{7, "so"}, "43 0d'com.acme.Gone' 96 04'code' 03'why'" + throwable + "60 97 02'so' 02'so'" + thrown},
	{"an exception without a class", corpus.Oops.Type(), &Oops{"no"}, "43 1a'java.lang.RuntimeException' 95 07'message'" + throwable + "60 02'no' 02'no'" + thrown},
}

// TestGolden writes and reads the values, bound and dynamic, and reads them cut short.
func TestGolden(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			want := unhex(test.hex)
			got, err := encode(t, test.bound, test.t)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("bound: %x, %v, want %x", got, err, want)
			}
			var v dynamic.Value
			if err := decode(t, bytes.Clone(want), &v, test.t); err != nil {
				t.Fatal(err)
			}
			if got, err = encode(t, &v, test.t); err != nil || !bytes.Equal(got, want) {
				t.Errorf("dynamic: %x, %v, want %x", got, err, want)
			}
			back := reflect.New(reflect.TypeOf(test.bound).Elem())
			if err := decode(t, bytes.Clone(want), back.Interface(), test.t); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back.Interface(), test.bound) {
				t.Errorf("%+v, want %+v", back.Elem(), reflect.ValueOf(test.bound).Elem())
			}
			for n := range want {
				if err := decode(t, want[:n:n], reflect.New(back.Type().Elem()).Interface(), test.t); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("bound, after %d bytes: %v", n, err)
				}
				if err := decode(t, want[:n:n], &v, test.t); !errors.Is(err, wire.ErrTruncated) {
					t.Errorf("dynamic, after %d bytes: %v", n, err)
				}
			}
		})
	}
}

// TestRead reads what others write.
func TestRead(t *testing.T) {
	for _, test := range []struct {
		name string
		t    *schema.Type
		hex  string
		want any
	}{
		{"another name, another order, an unknown field", class.Type(), "43 01'U' 93 03'age' 01'z' 08'userName' 60 97 48 90 51 90 5a 01'x'", &User{"x", ptr(int32(7))}},
		{"a typed map", class.Type(), "4d 01'U' 08'userName' 01'x' 91 92 5a", &User{"x", nil}},
		{"null", class.Type(), "48 08'userName' 4e 5a", &User{}},
		{"a long for an i32", schematest.I32, "e7", ptr(int32(7))},
		{"an int for an i64", schematest.I64, "97", ptr(int64(7))},
		{"a date for an i64", schematest.I64, "4b 00000001", ptr(int64(60_000))},
		{"an int for a double", schematest.Double, "97", ptr(7.0)},
		{"an enum by object", corpus.Color.Type(), "43 01'E' 91 04'name' 60 05'GREEN'", ptr(Color(2))},
		{"an enum by another name of its number", corpus.Color.Type(), "04'LEAF'", ptr(Color(2))},
		{"an enum by number", corpus.Color.Type(), "92", ptr(Color(2))},
		{"a uuid as text", schematest.UUID, "3024'123e4567-e89b-12d3-a456-426614174000'", ptr(someID)},
		{"a uuid of two longs", schematest.UUID, "43 0e'java.util.UUID' 92 0c'leastSigBits' 0b'mostSigBits' 60 4c a456426614174000 4c 123e4567e89b12d3", ptr(someID)},
		{"an array", schema.ListOf(schematest.I32), "72 04'[int' 90 91", ptr([]int32{0, 1})},
		{"a set with a type", schema.SetOf(schematest.I32), "55 11'java.util.HashSet' 91 5a", ptr([]int32{1})},
		{"a reference to an object", couple.Type(), "48 01'a' 43 01'U' 91 08'userName' 60 01'x' 01'b' 51 91 5a", &Couple{&User{"x", nil}, &User{"x", nil}}},
		{"a Java exception", oops.Type(), "43 0d'com.acme.Gone' 94 04'code' 0d'detailMessage' 05'cause' 03'why' 60 97 4e 51 90 02'so'", &Gone{7, "so"}},
		{"defaults", corpus.Presence.Type(), "48 03'req' 91 5a", &Presence{Req: 1, ReqDef: 4, OptDef: ptr(int32(5)), PlainDef: 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := unhex(test.hex)
			got := reflect.New(reflect.TypeOf(test.want).Elem())
			if err := decode(t, src, got.Interface(), test.t); err != nil || !reflect.DeepEqual(got.Interface(), test.want) {
				t.Errorf("%+v, %v, want %+v", got.Elem(), err, reflect.ValueOf(test.want).Elem())
			}
			var v dynamic.Value
			if err := decode(t, src, &v, test.t); err != nil {
				t.Fatal(err)
			}
			again, err := encode(t, &v, test.t)
			if err != nil {
				t.Fatal(err)
			}
			back := reflect.New(got.Type().Elem())
			if err := decode(t, again, back.Interface(), test.t); err != nil || !reflect.DeepEqual(back.Interface(), test.want) {
				t.Errorf("dynamic: %+v, %v", back.Elem(), err)
			}
		})
	}
}

// TestReadBad reads values that do not fit.
func TestReadBad(t *testing.T) {
	for _, test := range []struct {
		name string
		t    *schema.Type
		hex  string
		err  string
	}{
		{"out of range", schematest.I8, "c880", "at byte 0: invalid data: 128 does not fit i8"},
		{"a long out of range", schematest.I32, "4c 0000000080000000", "at byte 0: invalid data: 2147483648 does not fit i32"},
		{"a string for a number", schematest.I32, "01'1'", "at byte 0: invalid data: want an integer, got a string"},
		{"a double for a number", schematest.I32, "5b", "at byte 0: invalid data: want an integer, got a double"},
		{"a number for a string", schematest.String, "90", "at byte 0: invalid data: want a string, got an int"},
		{"a name that an enum lacks", corpus.Color.Type(), "03'RAD'", `at byte 0: invalid data: enum Color has no value "RAD"`},
		{"a uuid without a value", schematest.UUID, "43 01'U' 90 60", "at byte 4: invalid data: a uuid without a value"},
		{"a list for a struct", corpus.Point.Type(), "78", "at byte 0: invalid data: want struct Point, got a list"},
		{"the path", corpus.Containers.Type(), "48 06'points' 7a 48 5a 48 01'x' 54 5a 5a", "at byte 14, in Containers.points (field 4)[1] > Point.x (field 1): invalid data: want an integer, got a boolean"},
		{"null in a list", schema.ListOf(schematest.I32), "79 4e", "at byte 1, in [0]: invalid data: null in a list, set or map, which Thrift has no form for"},
		{"a field twice", corpus.Point.Type(), "48 01'x' 91 01'x' 91 5a", "at byte 6, in Point.x (field 1): invalid data: the field is there twice"},
		{"a missing field", corpus.Presence.Type(), "48 5a", "at byte 2, in Presence.req (field 1): missing required field"},
		{"null for a required field", corpus.Presence.Type(), "48 03'req' 4e 5a", "at byte 7, in Presence.req (field 1): missing required field"},
		{"two members", corpus.Shape.Type(), "48 06'radius' 5b 05'label' 00 5a", "at byte 17: invalid data: union Shape has more than one member"},
		{"a cycle", corpus.Node.Type(), "48 04'next' 51 90 5a", "at byte 6, in Node.next (field 2): invalid data: a cycle: a reference to the value that began at byte 0"},
		{"a reference to nowhere", corpus.Node.Type(), "48 04'next' 51 91 5a", "at byte 6, in Node.next (field 2): invalid data: a reference to value 1 of 1"},
		{"more", schematest.I32, "90 90", "at byte 1: invalid data: 1 byte after the last value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := planOf(t, reflect.TypeFor[any](), test.t)
			d := hessian2.NewDecoder(unhex(test.hex))
			var v any
			_, err := d.Value(p, mem.To(&v))
			if err == nil {
				err = d.End()
			}
			if err == nil || err.Error() != test.err {
				t.Errorf("%v, want %s", err, test.err)
			}
		})
	}
	var n Node
	if err := decode(t, unhex("48 04'next' 51 90 5a"), &n, corpus.Node.Type()); err == nil || !strings.Contains(err.Error(), "a cycle") {
		t.Errorf("bound: %v", err)
	}
}

// TestWriteBad writes values that have no form.
func TestWriteBad(t *testing.T) {
	cycle := &Node{}
	cycle.Next = cycle
	for _, test := range []struct {
		v   any
		t   *schema.Type
		err string
	}{
		{ptr("a\xff"), schematest.String, `invalid value: a string of Java must be UTF-8, got "a\xff": binary holds other bytes`},
		{ptr(Color(77)), corpus.Color.Type(), "invalid value: enum Color has no value 77, and Java no enums without a name"},
		{&Shape{}, corpus.Shape.Type(), "invalid value: union Shape must have exactly one member set, it has 0"},
		{&Containers{Points: []*Point{nil}}, corpus.Containers.Type(), "in Containers.points (field 4)[0]: invalid value: nil pointer to Point"},
		{cycle, corpus.Node.Type(), "nested too deep: more than 256 levels"},
	} {
		if _, err := encode(t, test.v, test.t); err == nil || !strings.HasSuffix(err.Error(), test.err) {
			t.Errorf("%v, want %s", err, test.err)
		}
	}
	if err := hessian2.NewEncoder(nil).Any(make(chan int)); err == nil || err.Error() != "invalid value: a chan int has no form in Hessian" {
		t.Error(err)
	}
}

// TestAsMaps writes structs as generic calls have them.
func TestAsMaps(t *testing.T) {
	e := hessian2.NewEncoder(nil)
	e.AsMaps()
	v := &User{"x", nil}
	if err := e.Value(planOf(t, reflect.TypeFor[User](), class.Type()), mem.To(v)); err != nil || !bytes.Equal(e.Bytes(), unhex("48 05'class' 0d'com.acme.User' 09'user_name' 01'x' 5a")) {
		t.Errorf("%x, %v", e.Bytes(), err)
	}
}

// TestException reads what Java throws.
func TestException(t *testing.T) {
	for _, test := range []struct{ hex, class, text string }{
		{"43 01'E' 93 0d'detailMessage' 05'cause' 0a'stackTrace' 60 02'no' 51 90 78", "E", "no"},
		{"43 01'E' 92 0d'detailMessage' 07'message' 60 4e 02'no'", "E", "no"},
		{"02'no'", "", "no"},
		{"48 07'message' 02'no' 5a", "", "no"},
	} {
		class, text, err := hessian2.NewDecoder(unhex(test.hex)).Exception()
		if class != test.class || text != test.text || err != nil {
			t.Errorf("%s: %q, %q, %v", test.hex, class, text, err)
		}
	}
}

// FuzzAny reads bytes as values without a schema: they are written and read as the same.
func FuzzAny(f *testing.F) {
	for _, test := range forms {
		f.Add(unhex(test.hex))
	}
	for _, test := range hostile {
		f.Add(unhex(test.hex))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := hessian2.NewDecoder(bytes.Clone(src)).Any()
		skipped := hessian2.NewDecoder(src).Skip()
		if err == nil && skipped != nil {
			t.Fatalf("read, but skipped: %v", skipped)
		}
		if err != nil {
			return
		}
		e := hessian2.NewEncoder(nil)
		if err := e.Any(v); err != nil {
			t.Fatal(err)
		}
		again, err := hessian2.NewDecoder(e.Bytes()).Any()
		if err != nil {
			if errors.Is(err, wire.ErrTooLarge) { // more classes than a message may have, by copies
				return
			}
			t.Fatal(err)
		}
		e2 := hessian2.NewEncoder(nil)
		if err := e2.Any(again); err != nil || !bytes.Equal(e2.Bytes(), e.Bytes()) {
			t.Errorf("written %x, read and written %x, %v", e.Bytes(), e2.Bytes(), err)
		}
	})
}

// FuzzValue reads bytes bound and dynamic: both must agree, and what is read must be written and read again.
func FuzzValue(f *testing.F) {
	types := []struct {
		t *schema.Type
		g reflect.Type
	}{
		{corpus.Scalars.Type(), reflect.TypeFor[Scalars]()}, {corpus.Containers.Type(), reflect.TypeFor[Containers]()},
		{corpus.Presence.Type(), reflect.TypeFor[Presence]()}, {corpus.Shape.Type(), reflect.TypeFor[Shape]()},
		{corpus.Node.Type(), reflect.TypeFor[Node]()}, {couple.Type(), reflect.TypeFor[Couple]()}, {oops.Type(), reflect.TypeFor[Gone]()},
	}
	for i := range types {
		for _, g := range golden {
			f.Add(uint8(i), unhex(g.hex))
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, src []byte) {
		x := types[int(i)%len(types)]
		bound := reflect.New(x.g)
		var v dynamic.Value
		err1 := decode(t, bytes.Clone(src), bound.Interface(), x.t)
		err2 := decode(t, bytes.Clone(src), &v, x.t)
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("bound: %v, dynamic: %v", err1, err2)
		}
		if err1 != nil || !v.IsSet() {
			return
		}
		again, err := encode(t, bound.Interface(), x.t)
		if err != nil {
			return // a union without a member, an enum without a name
		}
		back := reflect.New(x.g)
		if err := decode(t, again, back.Interface(), x.t); err != nil {
			t.Fatalf("%x: %v", again, err)
		}
		third, err := encode(t, back.Interface(), x.t)
		if err != nil || len(third) != len(again) {
			t.Errorf("written %x, read and written %x, %v", again, third, err)
		}
	})
}
