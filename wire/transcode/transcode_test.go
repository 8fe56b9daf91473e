package transcode

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/dynmem"
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

var structs = func() []*schema.Struct {
	c := codectest.Corpus()
	return []*schema.Struct{c.Point, c.Scalars, c.Containers, c.Presence, c.Shape, c.Node, c.Oops, c.Steps}
}()

var protocols = []Protocol{Binary, Compact}

// sameThrift checks that both ways turn text into the same, value or error.
func sameThrift(t *testing.T, desc *schema.Struct, text []byte, opts Options) (out []byte, err error) {
	t.Helper()
	out, err = AppendThrift([]byte("in front"), text, desc, opts)
	want, wantErr := thriftOverValues([]byte("in front"), text, desc, opts)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !bytes.Equal(out, want) {
		t.Errorf("%s, %v: %s\nis % x, %v\nwant % x, %v", desc.Name, opts, text, out, err, want, wantErr)
	}
	return out[len("in front"):], err
}

// sameJSON is sameThrift for the other direction.
func sameJSON(t *testing.T, desc *schema.Struct, src []byte, opts Options) (out []byte, err error) {
	t.Helper()
	sameOnly(t, desc, src, opts)
	out, err = AppendJSON([]byte("in front"), src, desc, opts)
	want, wantErr := jsonOverValues([]byte("in front"), src, desc, opts)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) || !bytes.Equal(out, want) {
		t.Errorf("%s, %v: % x\nis %s, %v\nwant %s, %v", desc.Name, opts, src, out, err, want, wantErr)
	}
	return out[len("in front"):], err
}

// seeds calls add with the golden values of all protocols.
func seeds(add func(p Protocol, which uint8, src []byte)) {
	codectest.Codec{Protocol: binary.Protocol{}}.Seeds(func(which uint8, src []byte) { add(Binary, which, src) })
	codectest.Codec{Protocol: compact.Protocol{}}.Seeds(func(which uint8, src []byte) { add(Compact, which, src) })
}

// TestGolden turns the golden values into JSON and back, in every form of binaries, and every text
// and message that a change or a cut makes of them into whatever it may be.
func TestGolden(t *testing.T) {
	seeds(func(p Protocol, which uint8, src []byte) {
		desc := structs[which]
		for _, form := range []dynamic.BinaryForm{dynamic.BinaryBase64, dynamic.BinaryHex, dynamic.BinaryText} {
			opts := Options{Protocol: p, JSON: dynamic.JSONOptions{Binary: form}}
			text, err := sameJSON(t, desc, src, opts)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, desc, src, Options{Protocol: p, JSON: dynamic.JSONOptions{Binary: form, Indent: "  "}})
			back, err := sameThrift(t, desc, text, opts)
			if err == nil && desc != codectest.Corpus().Presence && !bytes.Contains(text, []byte("base64")) && len(back) != len(src) {
				t.Errorf("%s: % x, want % x", text, back, src)
			}
			for i := range src {
				sameJSON(t, desc, src[:i], opts)
				changed := bytes.Clone(src)
				for _, bit := range []byte{1, 2, 4, 0x10, 0x80, 0xff} {
					changed[i] = src[i] ^ bit
					sameJSON(t, desc, changed, opts)
				}
			}
			changed := bytes.Clone(text)
			for i := range text {
				sameThrift(t, desc, text[:i], opts)
				for _, c := range []byte("\"\\ 0{]n\x00\xff.") {
					changed[i] = c
					sameThrift(t, desc, changed, opts)
				}
				changed[i] = text[i]
			}
		}
	})
}

// direct fails if text or what it stands for goes over values.
func direct(t *testing.T, desc *schema.Struct, text string, opts Options) {
	t.Helper()
	r := reader{text: []byte(text), compact: opts.Protocol == Compact, form: opts.JSON.Binary}
	if !r.whole(objectOf(desc)) {
		t.Errorf("%s is read over values", text)
	}
	w := writer{src: r.dst, compact: opts.Protocol == Compact, opts: opts.JSON}
	if !w.whole(objectOf(desc)) {
		t.Errorf("%s is written over values", text)
	}
}

// TestText has texts that go straight and such that do not, beside what is read over values.
func TestText(t *testing.T) {
	c := codectest.Corpus()
	var many, members strings.Builder
	for i := range 200 {
		fmt.Fprintf(&many, `,"key %d":%d`, i, i)
		fmt.Fprintf(&members, ",%d", i)
	}
	tests := []struct {
		desc   *schema.Struct
		text   string
		direct bool
	}{
		{c.Point, `{"x":1,"y":2}`, true},
		{c.Point, " {\n\"x\" :\t1 , \"y\": -2}\r\n", true},
		{c.Point, `{"y":2,"x":1}`, true},
		{c.Point, `{"x":null,"x":1}`, true},
		{c.Point, `{"x":1,"x":null}`, false},
		{c.Point, `{"x":1,"x":1}`, false},
		{c.Point, `{}`, true},
		{c.Point, `{"x":1,}`, false},
		{c.Point, `{"x":01}`, false},
		{c.Point, `{"x":-0}`, true},
		{c.Point, `{"x":1.0}`, false},
		{c.Point, `{"x":2147483648}`, false},
		{c.Point, `{"x":-2147483648}`, true},
		{c.Point, `{"z":1}`, false},
		{c.Point, `{"\u0078":1}`, false},
		{c.Point, `{"x":1}{`, false},
		{c.Point, `[]`, false},
		{c.Point, `{"x":nul}`, false},
		{c.Point, `{"x":nullx}`, false},
		{c.Oops, `{"message":"a\"\\\/\b\f\n\r\tb"}`, true},
		{c.Oops, `{"message":"登录 成功, and more of it"}`, true},
		{c.Oops, `{"message":"登\n录"}`, true},
		{c.Oops, "{\"message\":\"12345678\xe7\\n\x99\xbb\"}", false},
		{c.Oops, "{\"message\":\"\xff\"}", false},
		{c.Oops, "{\"message\":\"\x01\"}", false},
		{c.Oops, `{"message":"\u767b\ud83d\ude00"}`, false},
		{c.Oops, `{"message":"\ud83d"}`, false},
		{c.Oops, `{"message":{"base64":"/w=="}}`, false},
		{c.Oops, `{"message":"` + strings.Repeat("a", 300) + `"}`, true},
		{c.Presence, `{"req":1,"plain":7,"req_def":1}`, true},
		{c.Presence, `{"req":1}`, false},
		{c.Presence, `{}`, false},
		{c.Shape, `{"radius":0.1}`, true},
		{c.Shape, `{"radius":1e-7}`, true},
		{c.Shape, `{"radius":123456789012345678901234567890}`, true},
		{c.Shape, `{"radius":-0}`, true},
		{c.Shape, `{"radius":-0.0e1}`, true},
		{c.Shape, `{"radius":1e400}`, false},
		{c.Shape, `{"radius":"NaN"}`, false},
		{c.Shape, `{"radius":1.}`, false},
		{c.Shape, `{"radius":5e-324}`, true},
		{c.Shape, `{"radius":0.30000000000000004}`, true},
		{c.Shape, `{"point":{"y":1,"x":2}}`, true},
		{c.Shape, `{}`, false},
		{c.Shape, `{"radius":1,"point":{}}`, false},
		{c.Containers, `{"ints":[` + members.String()[1:] + `],"words":["",` + `"b"]}`, true},
		{c.Containers, `{"counts":{"a":1` + many.String() + `}}`, true},
		{c.Containers, `{"counts":{"a":1` + many.String() + `,"a":2}}`, false},
		{c.Containers, `{"counts":{"a":1,"a":2}}`, false},
		{c.Containers, `{"counts":{"a":1},"ints":[],"words":["x"],"points":[{"y":1},{}]}`, true},
		{c.Containers, `{"names":{"7":"a","-8":"b"}}`, true},
		{c.Containers, `{"names":{"07":"a"}}`, false},
		{c.Containers, `{"by_color":{"RED":{"x":1},"77":{}}}`, true},
		{c.Containers, `{"by_color":{"Color.RED":{"x":1}}}`, false},
		{c.Containers, `{"by_color":{"GREEN":{},"2":{}}}`, false},
		{c.Containers, `{"by_point":[{"key":{"x":1},"value":"a"}]}`, false},
		{c.Containers, `{"flags":{"true":[1],"false":[]}}`, true},
		{c.Containers, `{"flags":{"1":[1]}}`, false},
		{c.Containers, `{"ratios":{"0.5":1,"-1e3":2}}`, true},
		{c.Containers, `{"ratios":{"1":1,"1.0":2}}`, false},
		{c.Containers, `{"ids":{"123e4567-e89b-12d3-a456-426614174000":1}}`, true},
		{c.Containers, `{"colors":["RED",2,99]}`, true},
		{c.Containers, `{"colors":["PINK"]}`, false},
		{c.Containers, `{"grid":[[true,false],[]]}`, true},
		{c.Containers, `{"ints":[1,null]}`, false},
		{c.Steps, `{"h":true,"g":false,"f":1,"e":true,"d":4,"c":false,"b":2,"a":true}`, true},
		{c.Node, `{"named":{"k":{"named":{},"value":1}},"next":{"children":[{"value":3,"children":[]}],"value":2},"value":5}`, true},
		{c.Node, strings.Repeat(`{"next":`, 63) + `{}` + strings.Repeat(`}`, 63), true},
		{c.Node, strings.Repeat(`{"next":`, 64) + `{}` + strings.Repeat(`}`, 64), false},
	}
	for _, test := range tests {
		for _, p := range protocols {
			opts := Options{Protocol: p}
			src, err := sameThrift(t, test.desc, []byte(test.text), opts)
			if err == nil {
				sameJSON(t, test.desc, src, opts)
			}
			if test.direct {
				direct(t, test.desc, test.text, opts)
			}
		}
	}
}

// TestOrder has messages whose fields do not come in the order of the IDL.
func TestOrder(t *testing.T) {
	for _, hex := range []string{"08 0002 00000002  08 0001 00000001  00", "08 0002 00000002  08 0001 00000001  08 0002 00000003  00", "08 0002 00000002  08 0009 00000001  08 0001 00000001  00"} {
		sameJSON(t, codectest.Corpus().Point, codectest.Unhex(hex), Options{})
	}
	w := writer{src: codectest.Unhex("08 0002 00000002  08 0001 00000001  00")}
	if !w.whole(objectOf(codectest.Corpus().Point)) || string(w.dst) != `{"x":1,"y":2}` {
		t.Errorf("%s", w.dst)
	}
}

// TestScalars goes over the values of all types that are not composite at the ends of their ranges.
func TestScalars(t *testing.T) {
	scalars := codectest.Corpus().Scalars
	for _, p := range protocols {
		opts := Options{Protocol: p}
		for _, f := range scalars.Fields {
			texts := []string{"true", "false", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "2147483647", "-2147483649", "9223372036854775807",
				"9223372036854775808", "-9223372036854775808", "999999999999999999", "1000000000000000000", "1e3", "1.5", `""`, `"a"`, `"+/8="`, `"-_8"`, `"+/8"`, `"RED"`,
				`"123e4567-e89b-12d3-a456-426614174000"`, `"{123E4567-e89b-12d3-a456-426614174000}"`, `"12"`, `"Infinity"`, "null", "[]", "{}", "00", "-", "1-", "tru", "truee"}
			for _, text := range texts {
				src, err := sameThrift(t, scalars, []byte(`{"`+f.Name+`":`+text+`}`), opts)
				if err == nil {
					sameJSON(t, scalars, src, opts)
				}
			}
		}
		for _, x := range []float64{0, math.Copysign(0, -1), 1e21, 1e-6, 1e-7, 123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1)} {
			s := dynamic.New(scalars)
			for i, f := range scalars.Fields {
				if f.Type.Kind == schema.KindDouble {
					dynmem.Slots(s)[i] = dynamic.Double(x)
				}
			}
			v := dynamic.StructValue(s)
			src, err := codectest.Codec{Protocol: codecOf(p)}.Encode(&v, scalars.Type())
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, scalars, src, opts)
		}
	}
}

func codecOf(p Protocol) codectest.Protocol {
	if p == Compact {
		return compact.Protocol{}
	}
	return binary.Protocol{}
}

// TestDefaults has fields with defaults absent before, between and after those that are there.
func TestDefaults(t *testing.T) {
	with := func(f *schema.Field, l *schema.Literal) *schema.Field { l.Type = f.Type; f.Default = l; return f }
	list := schema.ListOf(schematest.I32)
	desc := schematest.Struct("D",
		with(schematest.Optional(1, "a", schematest.String), &schema.Literal{Text: "x\"y"}), schematest.Field(2, "b", schematest.I32),
		with(schematest.Field(3, "c", schematest.Bool), &schema.Literal{Bool: true}), schematest.Field(4, "d", schematest.I32),
		with(schematest.Required(5, "e", schematest.Double), &schema.Literal{Double: 1.5}))
	composite := schematest.Struct("E", with(schematest.Field(1, "a", list), &schema.Literal{List: []*schema.Literal{{Type: schematest.I32, Int: 1}}}), schematest.Field(2, "b", schematest.I32))
	for _, p := range protocols {
		for _, desc := range []*schema.Struct{desc, composite} {
			for _, text := range []string{`{"e":2}`, `{"b":1,"e":2}`, `{"b":1,"d":1,"e":2}`, `{"a":"","c":false,"e":2}`, `{"d":1,"e":2}`, `{"b":1}`, `{"a":[],"b":1}`} {
				src, err := sameThrift(t, desc, []byte(text), Options{Protocol: p})
				if err == nil {
					sameJSON(t, desc, src, Options{Protocol: p})
				}
			}
			sameJSON(t, desc, []byte{0}, Options{Protocol: p})
		}
	}
}

func FuzzThrift(f *testing.F) {
	seeds(func(p Protocol, which uint8, src []byte) {
		if text, err := AppendJSON(nil, src, structs[which], Options{Protocol: p}); err == nil {
			f.Add(which, text)
		}
	})
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		desc := structs[int(which)%len(structs)]
		for _, p := range protocols {
			for form := range dynamic.BinaryText + 1 {
				sameThrift(t, desc, text, Options{Protocol: p, JSON: dynamic.JSONOptions{Binary: form}})
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	seeds(func(p Protocol, which uint8, src []byte) { f.Add(uint8(p), which, src) })
	f.Fuzz(func(t *testing.T, p, which uint8, src []byte) {
		desc := structs[int(which)%len(structs)]
		for form := range dynamic.BinaryText + 1 {
			sameJSON(t, desc, src, Options{Protocol: Protocol(p % 2), JSON: dynamic.JSONOptions{Binary: form}})
		}
	})
}

// BenchmarkThrift turns JSON into the binary protocol.
func BenchmarkThrift(b *testing.B) {
	bench(b, func(desc *schema.Struct, text, src, dst []byte) (int, error) {
		_, err := AppendThrift(dst, text, desc, Options{})
		return len(text), err
	})
}

// BenchmarkJSON turns the binary protocol into JSON.
func BenchmarkJSON(b *testing.B) {
	bench(b, func(desc *schema.Struct, text, src, dst []byte) (int, error) {
		_, err := AppendJSON(dst, src, desc, Options{})
		return len(src), err
	})
}

func bench(b *testing.B, f func(desc *schema.Struct, text, src, dst []byte) (int, error)) {
	node := codectest.Corpus().Node
	text := []byte(`{"value":1,"children":[` + strings.Repeat(`{"value":2,"children":[]},`, 50) + `{}],"named":{"a":{},"b":{"value":3}}}`)
	src, err := AppendThrift(nil, text, node, Options{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 2*len(text))
	b.ReportAllocs()
	for b.Loop() {
		n, err := f(node, text, src, dst)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}

// What is sensitive is hidden, whatever way the value goes.
func TestRedact(t *testing.T) {
	const idl = `
typedef string Secret (redact)
struct Card { 1: i64 number (thriftkit.sensitive = "true"), 2: string holder }
struct Args {
  1: string user
  2: Secret password
  3: list<Card> cards
  4: map<string, Secret> more
  5: optional map<i32, Card> byNumber
  6: string plain (sensitive = "false")
}
struct Bare { 1: string user }`
	file, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": idl}})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	for _, test := range []struct{ name, in, want string }{
		{"Args", `{"user":"ann","password":"x","cards":[{"number":1,"holder":"a"}],"more":{"k":"v"},"byNumber":{"7":{"number":2,"holder":"b"}},"plain":"p"}`,
			`{"user":"ann","password":"[redacted]","cards":[{"number":"[redacted]","holder":"a"}],"more":"[redacted]","byNumber":{"7":{"number":"[redacted]","holder":"b"}},"plain":"p"}`},
		{"Bare", `{"user":"ann"}`, `{"user":"ann"}`},
	} {
		desc := file.Struct(test.name)
		for _, p := range []Protocol{Binary, Compact} {
			b, err := AppendThrift(nil, []byte(test.in), desc, Options{Protocol: p})
			if err != nil {
				t.Fatal(err)
			}
			for redact, want := range map[bool]string{false: test.in, true: test.want} {
				got, err := AppendJSON(nil, b, desc, Options{Protocol: p, JSON: dynamic.JSONOptions{Redact: redact}})
				if err != nil || string(got) != want {
					t.Errorf("%s, Redact %v: %s, %v; want %s", test.name, redact, got, err, want)
				}
			}
		}
	}
}

// What AppendOnly writes is what AppendJSON writes, without the bracket and the name.
func sameOnly(t *testing.T, desc *schema.Struct, src []byte, opts Options) {
	t.Helper()
	out, f, ok := AppendOnly([]byte("before"), src, desc, opts)
	if !ok {
		if string(out) != "before" {
			t.Errorf("dst became %q", out)
		}
		return
	}
	whole, err := AppendJSON(nil, src, desc, opts)
	want := "{}"
	if f != nil {
		want = "{" + string(jsontext.AppendString(nil, f.Name)) + ":" + strings.TrimPrefix(string(out), "before") + "}"
	}
	if err != nil || string(whole) != want {
		t.Errorf("got %.200q, want %.200q, %v", want, whole, err)
	}
}

func TestOnly(t *testing.T) {
	inner := &schema.Struct{Name: "Inner", Fields: []*schema.Field{
		{ID: 1, Name: "a", Type: schema.Base(schema.KindI32)}, {ID: 2, Name: "b", Type: schema.Base(schema.KindBool)},
	}}
	failed := &schema.Struct{Name: "Failed", Kind: schema.Exception, Fields: []*schema.Field{{ID: 1, Name: "why", Type: schema.Base(schema.KindString)}}}
	reply := &schema.Struct{Name: "reply", Kind: schema.Reply, Fields: []*schema.Field{
		{ID: 0, Name: "success", Type: &schema.Type{Kind: schema.KindStruct, Struct: inner}},
		{ID: 1, Name: "failed", Type: &schema.Type{Kind: schema.KindStruct, Struct: failed}},
		{ID: 2, Name: "flag", Type: schema.Base(schema.KindBool)},
	}}
	if err := schema.Link(&schema.File{Structs: []*schema.Struct{inner, failed, reply}}); err != nil {
		t.Fatal(err)
	}
	const success = "\x0c\x00\x00\x08\x00\x01\x00\x00\x00\x07\x00"
	for _, test := range []struct {
		protocol   Protocol
		src, value string
		field      string
		ok         bool
	}{
		{Binary, success + "\x00", `{"a":7}`, "success", true},
		{Binary, "\x0c\x00\x01\x0b\x00\x01\x00\x00\x00\x02no\x00\x00", `{"why":"no"}`, "failed", true},
		{Binary, "\x02\x00\x02\x01\x00", "true", "flag", true},
		{Binary, "\x00", "", "", true},
		{Compact, "\x21\x00", "true", "flag", true},
		{Compact, "\x00", "", "", true},
		{Binary, success + "\x02\x00\x02\x01\x00", "", "", false},                                   // two fields
		{Binary, "\x0c\x00\x00\x02\x00\x02\x01\x08\x00\x01\x00\x00\x00\x07\x00\x00", "", "", false}, // out of order inside
		{Binary, "\x02\x00\x09\x01\x00", "", "", false},                                             // one that is not known
		{Binary, "\x08\x00\x02\x00\x00\x00\x01\x00", "", "", false},                                 // of another type
		{Binary, success + "\x00\x00", "", "", false},                                               // bytes after it
		{Binary, success, "", "", false},
		{Binary, "", "", "", false},
	} {
		out, f, ok := AppendOnly(nil, []byte(test.src), reply, Options{Protocol: test.protocol})
		name := ""
		if f != nil {
			name = f.Name
		}
		if string(out) != test.value || name != test.field || ok != test.ok {
			t.Errorf("%q: %q, %q, %v, want %q, %q, %v", test.src, out, name, ok, test.value, test.field, test.ok)
		}
		sameOnly(t, reply, []byte(test.src), Options{Protocol: test.protocol})
	}
}
