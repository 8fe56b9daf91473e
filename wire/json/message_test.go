package json

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/codectest"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire"
)

var pointType = func() *plan.Type {
	t, err := plan.ForType(reflect.TypeFor[point](), codectest.Corpus().Point.Type())
	if err != nil {
		panic(err)
	}
	return t
}()

// TestMessage has what Apache's Go, thriftpy2 and Apache's Java write.
func TestMessage(t *testing.T) {
	v := point{X: 1, Y: -2}
	for _, test := range []struct {
		p    Protocol
		h    wire.Header
		want string
	}{
		{Apache, wire.Header{Name: "ping", Type: wire.Call, SeqID: 7}, `[1,"ping",1,7,{"1":{"i32":1},"2":{"i32":-2}}]`},
		{Apache, wire.Header{Name: "é\n", Type: wire.Exception, SeqID: math.MinInt32}, `[1,"é\n",3,-2147483648,{"1":{"i32":1},"2":{"i32":-2}}]`},
		{ThriftPy2, wire.Header{Name: "ping", Type: wire.Call, SeqID: -7}, sized(`{"metadata": {"version": 1, "name": "ping", "ttype": 1, "seqid": -7}, "payload": {"x": 1, "y": -2}}`)},
		{ThriftPy2, wire.Header{Name: "S:écho", Type: wire.Oneway, SeqID: math.MaxInt32}, sized(`{"metadata": {"version": 1, "name": "S:\u00e9cho", "ttype": 4, "seqid": 2147483647}, "payload": {"x": 1, "y": -2}}`)},
		{Simple, wire.Header{Name: "ping", Type: wire.Reply, SeqID: 0}, `["ping",2,0,{"x":1,"y":-2}]`},
	} {
		got, err := test.p.AppendMessage([]byte("before"), test.h, pointType, mem.To(&v))
		if err != nil || string(got) != "before"+test.want {
			t.Errorf("%s, %v\nwant %s", got, err, test.want)
		}
		h, back, end, err := readPoint(test.p, []byte(test.want))
		if h != test.h || back != v || end != len(test.want) || err != nil {
			t.Errorf("%s: %+v, %+v, %d, %v", test.want, h, back, end, err)
		}
		for i := range test.want {
			if _, _, _, err := readPoint(test.p, []byte(test.want[:i])); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: %d bytes: %v", test.want, i, err)
			}
		}
	}
	for _, p := range protocols {
		wrong := dynamic.Value{}
		dyn, err := plan.ForType(reflect.TypeFor[dynamic.Value](), codectest.Corpus().Point.Type())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.AppendMessage(nil, wire.Header{}, dyn, mem.To(&wrong)); !errors.Is(err, wire.ErrValue) {
			t.Errorf("%s: %v", p.Name(), err)
		}
		if _, err := p.AppendValue(nil, dyn, mem.To(&wrong)); !errors.Is(err, wire.ErrValue) {
			t.Errorf("%s: %v", p.Name(), err)
		}
	}
}

func readPoint(p Protocol, src []byte) (h wire.Header, v point, end int, err error) {
	h, end, err = p.ConsumeHeader(src)
	if err == nil {
		end, err = p.ConsumeValue(src, end, pointType, mem.To(&v))
	}
	if err == nil {
		end, err = p.ConsumeTrailer(src, end)
	}
	return h, v, end, err
}

// TestReadMessage has messages that we do not write.
func TestReadMessage(t *testing.T) {
	for _, test := range []struct {
		p    Protocol
		text string
	}{
		{Apache, "\n [ \"1\" , \"ping\" , 1 , \"7\" , { } ] \r\n"},
		{Simple, ` [ "p\u0069ng" , 1 , 7 , { "x" : null } ] `},
		{ThriftPy2, sized(`{"metadata":{"name":"ping","ttype":1,"seqid":7,"version":1},"payload":{}}`)},
		{ThriftPy2, sized(`{"payload": {"z": "}"}, "metadata": {"version": 1, "name": "ping", "more": [{}], "ttype": 1, "seqid": 7}} `)},
		{ThriftPy2, sized(` { "more" : 1 , "metadata" : {"version":1,"name":"ping","ttype":1,"seqid":7} , "other" : null, "payload" : {} , "last":{"a":[1,2]}}`)},
	} {
		h, v, end, err := readPoint(test.p, []byte(test.text))
		if want := (wire.Header{Name: "ping", Type: wire.Call, SeqID: 7}); h != want || v != (point{}) || end != len(test.text) || err != nil {
			t.Errorf("%s: %+v, %+v, %d, %v", test.text, h, v, end, err)
		}
	}
	// Alone, it needs no metadata.
	for _, text := range []string{`{"payload":{"x":5}}`, `{"a":1,"payload":{"x":5},"metadata":7}`, `{"metadata":{"version":1},"payload":{"x":5}}`} {
		var v point
		if err := codec(ThriftPy2).Decode([]byte(sized(text)), &v, codectest.Corpus().Point.Type()); err != nil || v.X != 5 {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
}

func TestMessageBad(t *testing.T) {
	for _, test := range []struct {
		p         Protocol
		text, err string
	}{
		{Apache, `{}`, "at byte 0: invalid data: want '[', got '{'"},
		{Apache, `[2,"a",1,0,{}]`, "at byte 1: invalid data: version 2, not 1"},
		{Apache, `["a",1,0,{}]`, `at byte 1: invalid data: want an integer, got "a"`},
		{Apache, `[1,2,1,0,{}]`, "at byte 3: invalid data: want a string, got '2'"},
		{Apache, `[1,"a",-1,0,{}]`, "at byte 7: invalid data: message type -1"},
		{Apache, `[1,"a",1,2147483648,{}]`, "at byte 9: invalid data: 2147483648 is out of range for i32"},
		{Apache, `[1,"a",1]`, "at byte 8: invalid data: want ',', got ']'"},
		{Apache, `[1,"a",1,0]`, "at byte 10: invalid data: want ',', got ']'"},
		{Apache, `[1,"a",1,0,{},1]`, "at byte 13: invalid data: want ']', got ','"},
		{Apache, `[1,"a",1,0,[]]`, "at byte 11: invalid data: want '{', got '['"},
		{Simple, `[1,"a",1,0,{}]`, "at byte 1: invalid data: want a string, got '1'"},
		{ThriftPy2, "\x00\x00\x00", "at byte 3: unexpected end of message"},
		{ThriftPy2, "\x00\x00\x00\x05{}", "at byte 0: unexpected end of message: length 5, but only 2 bytes left"},
		{ThriftPy2, sized(`[]`), "at byte 4: invalid data: want '{', got '['"},
		{ThriftPy2, sized(`{}`), "at byte 6: invalid data: the message has no metadata"},
		{ThriftPy2, sized(`{"payload": {}}`), "at byte 19: invalid data: the message has no metadata"},
		{ThriftPy2, sized(`{"metadata": {}}`), "at byte 20: invalid data: the message has no payload"},
		{ThriftPy2, sized(`{"metadata": []}`), "at byte 17: invalid data: want '{', got '['"},
		{ThriftPy2, sized(`{"metadata": {"version": 2}}`), "at byte 28: invalid data: version 2, not 1"},
		{ThriftPy2, sized(`{"metadata": {"name": null}}`), "at byte 26: invalid data: want a string, got 'n'"},
		{ThriftPy2, sized(`{"metadata": {"ttype": 200}}`), "at byte 27: invalid data: 200 is out of range for i8"},
		{ThriftPy2, sized(`{"metadata": {}, "payload": {}, x}`), "at byte 36: invalid data: want a string, got 'x'"},
		{ThriftPy2, sized(`{"metadata": {}, "payload": {}`) + `}`, "at byte 34: unexpected end of message"},
		{ThriftPy2, sized(`{"metadata": {}, "payload": {`) + `}}`, "at byte 0: invalid data: length 29, but the text goes on"},
	} {
		if _, _, _, err := readPoint(test.p, []byte(test.text)); err == nil || err.Error() != test.err {
			t.Errorf("%q: %v\nwant %s", test.text, err, test.err)
		}
	}
	const want = "at byte 6: invalid data: the message has no payload"
	if err := codec(ThriftPy2).Decode([]byte(sized(`{}`)), new(point), codectest.Corpus().Point.Type()); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, _, end, err := readPoint(ThriftPy2, []byte(sized(`{"metadata": {}, "payload": {}} x`))); err != nil || end != 35 {
		t.Errorf("bytes after the object: %d, %v", end, err)
	}
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		p     Protocol
		text  string
		n     int
		where string
	}{
		{Apache, `[1,"a",1,0,{}][1,`, 14, ""},
		{Apache, " \n\t\r[]", 6, ""},
		{Apache, `["]","\"]","\\"]x`, 16, ""},
		{Simple, `[{"a":["}"]}]`, 13, ""},
		{Apache, `[1,"a]`, 0, ""},
		{Apache, ``, 0, ""},
		{Apache, `  `, 0, ""},
		{Apache, `x`, 0, "at byte 0: invalid data: want '[', got 'x'"},
		{Apache, ` {}`, 0, "at byte 1: invalid data: want '[', got '{'"},
		{Apache, ` ]`, 0, "at byte 1: invalid data: want '[', got ']'"},
		{Apache, `"[]"`, 0, `at byte 0: invalid data: want '[', got '"'`},
		{Apache, strings.Repeat("[", maxBrackets), 0, ""},
		{Apache, strings.Repeat("[{", maxBrackets), 0, "at byte 513: nested too deep: more than 256 levels"},
		{Apache, `["` + strings.Repeat("a", 1000), 0, "at byte 1000: too large: the message has more than 1000 bytes"},
		{Simple, strings.Repeat(" ", 1001), 0, "at byte 1000: too large: the message has more than 1000 bytes"},
		{Simple, `["` + strings.Repeat("a", 996) + `"]`, 1000, ""},
		{ThriftPy2, "\x00\x00\x00\x02{}\x00", 6, ""},
		{ThriftPy2, "\x00\x00\x00\x02{", 0, ""},
		{ThriftPy2, "\x00\x00\x00", 0, ""},
		{ThriftPy2, "\x00\x00\x03\xe4", 0, ""},
		{ThriftPy2, "\x00\x00\x03\xe5", 0, "at byte 0: too large: the message has more than 1000 bytes"},
		{ThriftPy2, "\xff\xff\xff\xff", 0, "at byte 0: too large: the message has more than 1000 bytes"},
	} {
		n, need, err := test.p.NewSplitter(1000).Split([]byte(test.text))
		if n != test.n || test.where == "" && err != nil || test.where != "" && (err == nil || err.Error() != test.where) {
			t.Errorf("%.40q: %d, %v; want %d, %s", test.text, n, err, test.n, test.where)
		}
		if n == 0 && err == nil && need <= len(test.text) {
			t.Errorf("%.40q: %d bytes are there, %d are asked for", test.text, len(test.text), need)
		}
	}
}

// TestSplitStream cuts messages with white space between them, byte by byte.
func TestSplitStream(t *testing.T) {
	for _, p := range protocols {
		var stream []byte
		var want []string
		for i := range 5 {
			msg, err := p.AppendMessage(nil, wire.Header{Name: fmt.Sprintf(`"]%d\`, i), Type: wire.Call}, pointType, mem.To(&point{X: int32(i)}))
			if err != nil {
				t.Fatal(err)
			}
			if p != ThriftPy2 {
				msg = append([]byte(strings.Repeat("\r\n", i)), msg...)
			}
			want = append(want, string(msg))
			stream = append(stream, msg...)
		}
		s := p.NewSplitter(1 << 10)
		var got []string
		start := 0
		for end := range len(stream) + 1 {
			n, _, err := s.Split(stream[start:end:end])
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				got = append(got, string(stream[start:start+n]))
				start += n
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, want %q", p.Name(), got, want)
		}
	}
}

// TestSplitIsLinear feeds a long message byte by byte. If each call scanned from the start, it
// would take minutes.
func TestSplitIsLinear(t *testing.T) {
	msg := []byte(`[1,"m",1,0,{"1":{"lst":["str",1,"` + strings.Repeat("a", 1<<19) + `"` + strings.Repeat(`,[]`, 1<<18) + `]}}]`)
	s := Apache.NewSplitter(len(msg))
	begin := time.Now()
	for i := range len(msg) + 1 {
		n, _, err := s.Split(msg[:i])
		if err != nil || (n > 0) != (i == len(msg)) {
			t.Fatal(i, n, err)
		}
	}
	if d := time.Since(begin); d > time.Minute {
		t.Errorf("it took %v", d)
	}
}

// TestReadIsLinear reads long things: strings of escapes, keys, numbers, nested maps whose entries
// have the value first.
func TestReadIsLinear(t *testing.T) {
	const n = 1 << 20
	corpus := codectest.Corpus()
	nested := strings.Repeat(`{"named": [{"value": `, 30) + `{"named": [` + strings.TrimSuffix(strings.Repeat(`{"value": {}, "key": "a"},`, n/32), ",") + `]}` + strings.Repeat(`, "key": ""}]}`, 30)
	begin := time.Now()
	for _, test := range []struct {
		desc string
		src  []byte
		v    any
	}{
		{"escapes", []byte(`{"message":"` + strings.Repeat(`\u00e9`, n/6) + `"}`), new(codectest.Oops)},
		{"unknown", []byte(`{"` + strings.Repeat(`x`, n) + `":[` + strings.Repeat("1,", n/2) + `1]}`), new(codectest.Oops)},
	} {
		if err := codec(Simple).Decode(test.src, test.v, corpus.Oops.Type()); err != nil {
			t.Errorf("%s: %v", test.desc, err)
		}
	}
	if err := codec(ThriftPy2).Decode([]byte(alone(nested)), new(dynamic.Value), corpus.Node.Type()); err != nil {
		t.Error(err)
	}
	if err := codec(Simple).Decode([]byte(`{"x":`+strings.Repeat("1", n)+`}`), new(point), corpus.Point.Type()); !errors.Is(err, wire.ErrInvalid) || len(err.Error()) > 200 {
		t.Error(err)
	}
	if err := codec(Simple).Decode(bytes.Repeat([]byte(" "), n), new(point), corpus.Point.Type()); !errors.Is(err, wire.ErrTruncated) {
		t.Error(err)
	}
	if d := time.Since(begin); d > time.Minute {
		t.Errorf("it took %v", d)
	}
}
