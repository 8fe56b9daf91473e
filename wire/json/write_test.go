package json

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// TestStrings has what Apache's Go and Java, and thriftpy2, write. Go's has \u003c for < besides.
func TestStrings(t *testing.T) {
	for _, test := range []struct{ s, apache, thriftpy2 string }{
		{"", `""`, `""`},
		{"a\"b\\c/", `"a\"b\\c/"`, `"a\"b\\c/"`},
		{"\b\f\n\r\t", `"\b\f\n\r\t"`, `"\b\f\n\r\t"`},
		{"\x00\x01\x1f", `"\u0000\u0001\u001f"`, `"\u0000\u0001\u001f"`},
		{"\x7f<>&", "\"\x7f<>&\"", `"\u007f<>&"`},
		{"é€\u2028", "\"é€\u2028\"", `"\u00e9\u20ac\u2028"`},
		{"😀a", `"😀a"`, `"\ud83d\ude00a"`},
		{"\ufffd", `"` + "\ufffd" + `"`, `"\ufffd"`},
		{"é\xffa\xc3", "\"é\xffa\xc3\"", "\"\\u00e9\xffa\xc3\""},
	} {
		for p, want := range map[Protocol]string{Apache: test.apache, Simple: test.apache, ThriftPy2: test.thriftpy2} {
			got := p.appendString([]byte("x"), test.s)
			if string(got) != "x"+want {
				t.Errorf("%s: %q is %s, want %s", p.Name(), test.s, got[1:], want)
			}
			if back, end, err := jsontext.String(got, 1); string(back) != test.s || end != len(got) || err != nil {
				t.Errorf("%s: %s is %q, %d, %v", p.Name(), got, back, end, err)
			}
		}
	}
}

// TestDoubles has what Apache's Go and thriftpy2 write, but for -0, which Go writes as that.
func TestDoubles(t *testing.T) {
	for _, test := range []struct {
		v                 float64
		apache, thriftpy2 string
	}{
		{0, "0", "0.0"},
		{math.Copysign(0, -1), "-0.0", "-0.0"},
		{1, "1", "1.0"},
		{-1.5, "-1.5", "-1.5"},
		{100, "100", "100.0"},
		{1e15, "1e+15", "1000000000000000.0"},
		{9999999999999998, "9.999999999999998e+15", "9999999999999998.0"},
		{1e16, "1e+16", "1e+16"},
		{1.2345678901234568e+17, "1.2345678901234568e+17", "1.2345678901234568e+17"},
		{1e-4, "0.0001", "0.0001"},
		{9.999999999999999e-05, "9.999999999999999e-05", "9.999999999999999e-05"},
		{1e-5, "1e-05", "1e-05"},
		{123456.789, "123456.789", "123456.789"},
		{0.1, "0.1", "0.1"},
		{1e100, "1e+100", "1e+100"},
		{5e-324, "5e-324", "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308", "1.7976931348623157e+308"},
		{math.Inf(1), `"Infinity"`, "Infinity"},
		{math.Inf(-1), `"-Infinity"`, "-Infinity"},
		{math.NaN(), `"NaN"`, "NaN"},
	} {
		for p, want := range map[Protocol]string{Apache: test.apache, Simple: test.apache, ThriftPy2: test.thriftpy2} {
			got := p.appendDouble(nil, test.v)
			if string(got) != want {
				t.Errorf("%s: %v is %s, want %s", p.Name(), test.v, got, want)
			}
			back, end, err := consumeDouble(append(got, ','), 0)
			if math.Float64bits(back) != math.Float64bits(test.v) || end != len(got) || err != nil {
				t.Errorf("%s: %s is %v, %d, %v", p.Name(), got, back, end, err)
			}
		}
	}
}

// TestKeys has keys that are numbers by name only.
func TestKeys(t *testing.T) {
	desc := schematest.Struct("Keys", schematest.Optional(1, "m", schema.MapOf(schematest.Double, schematest.I8)),
		schematest.Optional(2, "l", schema.MapOf(schema.ListOf(schematest.I8), schematest.I8)))
	m := dynamic.NewMap(desc.Fields[0].Type)
	l := dynamic.NewMap(desc.Fields[1].Type)
	for _, err := range []error{m.Append(math.NaN(), 1), m.Append(-2.5, 2), l.Append([]int{1}, 3)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := dynamic.New(desc)
	s.Set("m", m)
	s.Set("l", l)
	want := map[Protocol]string{
		Apache:    `{"1":{"map":["dbl","i8",2,{"NaN":1,"-2.5":2}]},"2":{"map":["lst","i8",1,{["i8",1,1]:3}]}}`,
		ThriftPy2: alone(`{"m": [{"key": NaN, "value": 1}, {"key": -2.5, "value": 2}], "l": [{"key": [1], "value": 3}]}`),
		Simple:    `{"m":{"NaN":1,"-2.5":2}}`,
	}
	for _, p := range protocols {
		if p == Simple {
			const want = "in Keys.l (field 2): the value does not fit: the protocol simple-json has no form for the keys of map<list<i8>,i8>"
			if _, err := codec(p).Encode(&s, desc.Type()); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			s.Set("l", nil)
		}
		got, err := codec(p).Encode(&s, desc.Type())
		if err != nil || string(got) != want[p] {
			t.Errorf("%s: %s, %v; want %s", p.Name(), got, err, want[p])
		}
		var back dynamic.Value
		if err := codec(p).Decode(got, &back, desc.Type()); err != nil || !dynamic.Equal(back, dynamic.StructValue(s)) {
			t.Errorf("%s: %v, %v", p.Name(), back.Interface(), err)
		}
	}
}

// TestWriteUnset is the writing half of the rule in the package comment of schema.
func TestWriteUnset(t *testing.T) {
	desc := codectest.Corpus().Presence
	dyn := dynamic.New(desc)
	dyn.Set("req", 0)
	dyn.Set("req_def", 0)
	for _, test := range []struct {
		p    Protocol
		v    any
		want string
	}{
		{Apache, &codectest.Presence{}, `{"1":{"i32":0},"3":{"i32":0},"4":{"i32":0},"6":{"i32":0},"8":{"lst":["i32",0]}}`},
		{Simple, &codectest.Presence{}, `{"req":0,"plain":0,"req_def":0,"plain_def":0,"plain_list":[]}`},
		{Apache, &dyn, `{"1":{"i32":0},"4":{"i32":0}}`},
		{Simple, &dyn, `{"req":0,"req_def":0}`},
		{ThriftPy2, &dyn, alone(`{"req": 0, "req_def": 0}`)},
	} {
		if got, err := codec(test.p).Encode(test.v, desc.Type()); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", test.p.Name(), got, err, test.want)
		}
	}
}

func TestUnknownFields(t *testing.T) {
	desc := codectest.Corpus().Point
	src := `{"1":{"i32":1},"9":{"str":"a"},"2":{"i32":2},"10":{"lst":["rec",1,{}]},"11":{"map":["i8","tf",1,{"5":1}]},"12":{"rec":{"1":{"dbl":"NaN"},"2":{"uid":"123e4567-e89b-12d3-a456-426614174000"},"-3":{"set":["i64",1,-5]},"4":{"i16":6}}}}`
	var p codectest.RelayPoint
	if err := codec(Apache).Decode([]byte(src), &p, desc.Type()); err != nil {
		t.Fatal(err)
	}
	rest := codectest.Unhex("0b 0009 00000001 61  08 0002 00000002  0f 000a 0c 00000001 00  0d 000b 03 02 00000001 05 01" +
		"0c 000c  04 0001 7ff8000000000001  10 0002 123e4567e89b12d3a456426614174000  0e fffd 0a 00000001 fffffffffffffffb  06 0004 0006  00")
	if p.X != 1 || string(p.Rest) != string(rest) {
		t.Errorf("%+v\nwant % x", p, rest)
	}
	if got, err := codec(Apache).Encode(&p, desc.Type()); err != nil || string(got) != src {
		t.Errorf("sent on: %s, %v", got, err)
	}
	if got, err := codec(Simple).Encode(&p, desc.Type()); err != nil || string(got) != `{"x":1}` {
		t.Errorf("sent on by name: %s, %v", got, err)
	}
	var dyn dynamic.Value
	if err := codec(Apache).Decode([]byte(src), &dyn, desc.Type()); err != nil {
		t.Fatal(err)
	}
	y := `"2":{"i32":2},`
	sentOn := strings.Replace(strings.Replace(src, y, "", 1), `"9"`, y+`"9"`, 1)
	if got, err := codec(Apache).Encode(&dyn, desc.Type()); err != nil || string(got) != sentOn {
		t.Errorf("dynamic, sent on: %s, %v", got, err)
	}
	var plain point
	if err := codec(Apache).Decode([]byte(src), &plain, desc.Type()); err != nil || plain != (point{X: 1, Y: 2}) {
		t.Errorf("skipped: %+v, %v", plain, err)
	}
}

// TestSendOn reads every golden value as a struct that knows no field, and sends it on in Apache's
// form and in the binary protocol; what came in that goes on in Apache's form.
func TestSendOn(t *testing.T) {
	desc := schematest.Struct("Nothing")
	for name, text := range texts {
		for _, v := range []any{new(codectest.Relay), new(dynamic.Value)} {
			if err := codec(Apache).Decode([]byte(text.apache), v, desc.Type()); err != nil {
				t.Fatal(err)
			}
			got, err := codec(Apache).Encode(v, desc.Type())
			if err != nil || string(got) != text.apache {
				t.Errorf("%s: %s, %v; want %s", name, got, err, text.apache)
			}
			between, err := binaryCodec.Encode(v, desc.Type())
			if err != nil {
				t.Fatal(err)
			}
			var back codectest.Relay
			if err := binaryCodec.Decode(between, &back, desc.Type()); err != nil {
				t.Fatal(err)
			}
			if got, err := codec(Apache).Encode(&back, desc.Type()); err != nil || string(got) != text.apache {
				t.Errorf("%s: by way of binary %s, %v; want %s", name, got, err, text.apache)
			}
		}
	}
}

// TestUnknownMember sends on a union whose member only the peers know.
func TestUnknownMember(t *testing.T) {
	desc := codectest.Corpus().Shape
	const src = `{"99":{"i32":1}}`
	for _, v := range []any{new(codectest.RelayShape), new(dynamic.Value)} {
		if err := codec(Apache).Decode([]byte(src), v, desc.Type()); err != nil {
			t.Fatal(err)
		}
		if got, err := codec(Apache).Encode(v, desc.Type()); err != nil || string(got) != src {
			t.Errorf("%T: %s, %v", v, got, err)
		}
		const want = "the value does not fit: the member of union Shape is unknown, and the protocol thriftpy2-json has only names"
		if _, err := codec(ThriftPy2).Encode(v, desc.Type()); err == nil || err.Error() != want {
			t.Errorf("%T: %v, want %s", v, err, want)
		}
	}
}

// TestUnknownBad sends on what no decoder kept.
func TestUnknownBad(t *testing.T) {
	desc := schematest.Struct("Nothing")
	for _, s := range []string{"00", "08", "08 0001", "08 0001 000000", "0b 0001 00000002 61", "05 0001", "00 0001", "08 0001 00000001 00", "0f 0001 05 00000001 00"} {
		_, err := codec(Apache).Encode(&codectest.Relay{Unknown: codectest.Unhex(s)}, desc.Type())
		if want := "the value does not fit: unknown fields that are not in the binary protocol"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", s, err, want)
		}
	}
	// An empty container may name any type.
	got, err := codec(Apache).Encode(&codectest.Relay{Unknown: codectest.Unhex("0f 0001 ff 00000000  0d 0002 00 00 00000000")}, desc.Type())
	if want := `{"1":{"lst":["i8",0]},"2":{"map":["i8","i8",0,{}]}}`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	deep := wire.UnknownFields(codectest.Unhex("0c 0001" + strings.Repeat("0c 0001", wire.MaxDepth-2) + strings.Repeat("00", wire.MaxDepth-1)))
	if _, err := codec(Apache).Encode(&codectest.Relay{Unknown: deep}, desc.Type()); err != nil {
		t.Errorf("%d levels: %v", wire.MaxDepth, err)
	}
	deep = append(append(codectest.Unhex("0c 0001"), deep...), 0)
	if _, err := codec(Apache).Encode(&codectest.Relay{Unknown: deep}, desc.Type()); !errors.Is(err, wire.ErrTooDeep) {
		t.Errorf("more levels: %v", err)
	}
}
