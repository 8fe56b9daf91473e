package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/wire"
)

// texts are strings, with what Text and String make of them; "=" for String is the same.
var texts = []struct{ src, text, loose string }{
	{`""`, ``, `=`},
	{`"abc"x`, `abc`, `=`},
	{` "abc"`, `abc`, `=`},
	{`"12345678"`, `12345678`, `=`},
	{`"1234567\"9"`, `1234567"9`, `=`},
	{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", `=`},
	{`"\u00e9\u4E2d\ud83D\uDE00"`, "é中😀", `=`},
	{`"é中😀"`, "é中😀", `=`},
	{`"é\n中"`, "é\n中", `=`},
	{`"\ufffd"`, "\ufffd", `=`},
	{`x`, `at byte 0: invalid data: want a string, got 'x'`, `=`},
	{`é`, `at byte 0: invalid data: want a string, got 0xc3`, `=`},
	{``, `at byte 0: unexpected end of message`, `=`},
	{`"`, `at byte 1: unexpected end of message`, `=`},
	{`"abc`, `at byte 4: unexpected end of message`, `=`},
	{`"a\`, `at byte 3: unexpected end of message`, `=`},
	{`"\u12`, `at byte 5: unexpected end of message`, `=`},
	{`"\ud83d`, `at byte 7: unexpected end of message`, `=`},
	{`"a\x"`, `at byte 2: invalid data: invalid character 'x' in string escape`, `=`},
	{`"\u12g4"`, `at byte 5: invalid data: want a hexadecimal digit, got 'g'`, `=`},
	{`"a\ud83d"`, `at byte 2: invalid data: unpaired surrogate \ud83d in string`, `=`},
	{`"\ud83d\n"`, `at byte 1: invalid data: unpaired surrogate \ud83d in string`, `=`},
	{`"\ud83d\ud83d"`, `at byte 1: invalid data: unpaired surrogate \ud83d in string`, `=`},
	{`"\ude00"`, `at byte 1: invalid data: unpaired surrogate \ude00 in string`, `=`},
	{"\"a\nb\"", `at byte 2: invalid data: invalid control character '\n' in string`, "a\nb"},
	{"\"aé\xffb\"", `at byte 4: invalid data: invalid UTF-8 in string`, "aé\xffb"},
	{"\"a\xc3\\n\"", `at byte 2: invalid data: invalid UTF-8 in string`, "a\xc3\n"},
	{"\"a\xed\xa0\x80\"", `at byte 2: invalid data: invalid UTF-8 in string`, "a\xed\xa0\x80"},
}

func result(s []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(s)
}

func TestText(t *testing.T) {
	var scratch []byte
	for _, tt := range texts {
		for _, buf := range []*[]byte{nil, &scratch} {
			s, next, err := Text([]byte(tt.src), 0, buf)
			if got := result(s, err); got != tt.text {
				t.Errorf("Text(%q) = %q, want %q", tt.src, got, tt.text)
			}
			if err == nil && tt.src[next-1] != '"' {
				t.Errorf("Text(%q) ends at %d", tt.src, next)
			}
		}
		want := tt.loose
		if want == "=" {
			want = tt.text
		}
		s, _, err := String([]byte(tt.src), 0)
		if got := result(s, err); got != want {
			t.Errorf("String(%q) = %q, want %q", tt.src, got, want)
		}
	}
}

var numbers = []struct {
	src   string
	next  int // of Number; -1: no number
	float string
	int   string
}{
	{"0", 1, "0", "0"},
	{"-0", 2, "-0", "0"},
	{"12,", 2, "12", "12"},
	{"-12]", 3, "-12", "-12"},
	{"1.5", 3, "1.5", "none"},
	{"-0.0", 4, "-0", "none"},
	{"1e3", 3, "1000", "none"},
	{"1E+3", 4, "1000", "none"},
	{"-1.25e-2 ", 8, "-0.0125", "none"},
	{"123456789012345", 15, "1.23456789012345e+14", "123456789012345"},
	{"0.1234567890123456", 18, "0.1234567890123456", "none"},
	{"9223372036854775807", 19, "9.223372036854776e+18", "9223372036854775807"},
	{"-9223372036854775808", 20, "-9.223372036854776e+18", "-9223372036854775808"},
	{"9223372036854775808", 19, "9.223372036854776e+18", "range"},
	{"1e400", 5, "range", "none"},
	{"-1e-400", 7, "-0", "none"},
	{"", -1, "none", "none"},
	{"-", -1, "none", "none"},
	{"01", -1, "none", "none"},
	{"-01", -1, "none", "none"},
	{"1.", -1, "none", "none"},
	{".5", -1, "none", "none"},
	{"+1", -1, "none", "none"},
	{"1e", -1, "none", "none"},
	{"1e+", -1, "none", "none"},
	{"0x10", -1, "none", "none"},
	{"1_000", -1, "none", "none"},
	{"12a", -1, "none", "none"},
	{"1.5.5", -1, "none", "none"},
	{"NaN", -1, "none", "none"},
}

func number1(v any, next int, ok bool) string {
	switch {
	case ok:
		return fmt.Sprint(v)
	case next == 0:
		return "none"
	}
	return "range"
}

func TestNumbers(t *testing.T) {
	for _, tt := range numbers {
		src := []byte(tt.src)
		next, err := Number(src, 0)
		if err != nil {
			next = -1
		}
		f, fnext, ok := Float(src, 0)
		if got := number1(f, fnext, ok); next != tt.next || got != tt.float || ok && fnext != next {
			t.Errorf("%q: Number ends at %d, Float is %s and ends at %d; want %d, %s", tt.src, next, got, fnext, tt.next, tt.float)
		}
		i, inext, ok := Int(src, 0)
		if got := number1(i, inext, ok); got != tt.int || ok && inext != next {
			t.Errorf("%q: Int is %s and ends at %d; want %s", tt.src, got, inext, tt.int)
		}
	}
}

func TestLooseInt(t *testing.T) {
	for _, tt := range []struct {
		src  string
		want string
		next int
	}{
		{"007", "7", 3}, {"-000000000000000000000000012x", "-12", 28}, {"1.5", "1", 1}, {"-", "none", 0}, {"99999999999999999999", "range", 20},
	} {
		v, next, ok := LooseInt([]byte(tt.src), 0)
		if got := number1(v, next, ok); got != tt.want || next != tt.next {
			t.Errorf("LooseInt(%q) = %s, %d, want %s, %d", tt.src, got, next, tt.want, tt.next)
		}
	}
}

func TestTokens(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{` {"a" : [1,-2.5e3,true,false,null]}`, `{"a:[0,0,t,f,n]}`},
		{``, ``},
		{`tru`, `at byte 3: unexpected end of message`},
		{`trux`, `at byte 0: invalid data: want a value, got trux`},
		{`nullx `, `at byte 0: invalid data: want a value, got nullx`},
		{`[1.`, `[at byte 3: unexpected end of message`},
		{`[1.]`, `[at byte 1: invalid data: want a number, got 1.`},
		{`[01`, `[at byte 1: invalid data: want a number, got 01`},
		{`[` + strings.Repeat("1", 50) + `x`, `[at byte 1: invalid data: want a number, got ` + strings.Repeat("1", 40) + "…"},
		{`NaN`, `at byte 0: invalid data: want a value, got 'N'`},
		{"[\xff", `[at byte 1: invalid data: want a value, got 0xff`},
	} {
		got, off := "", 0
		for {
			tok, err := Next([]byte(tt.src), off)
			if err != nil {
				got += err.Error()
				break
			}
			if tok.Kind == 0 {
				break
			}
			got += string(tok.Kind) + string(tok.Text)
			off = tok.Next
		}
		if got != tt.want {
			t.Errorf("tokens of %q: %s, want %s", tt.src, got, tt.want)
		}
	}
}

func TestSkip(t *testing.T) {
	for _, tt := range []struct{ src, strict, loose string }{
		{`1 `, "1", "="},
		{` "a\n"`, "6", "="},
		{`{"a":[1,[]],"b":null}x`, "at byte 8: nested too deep: more than 256 levels", "="},
		{`{"a":[1],"b":{}}x`, "16", "="},
		{`[ ]`, "3", "="},
		{`[[[1]]]`, "at byte 2: nested too deep: more than 256 levels", "="},
		{`NaN`, "at byte 0: invalid data: want a value, got NaN", "3"},
		{"\"\x01\"", `at byte 1: invalid data: invalid control character '\x01' in string`, "3"},
		{`[1,]`, "at byte 3: invalid data: want a value, got ']'", "="},
		{`[1 2]`, "at byte 3: invalid data: want ',' or ']', got '2'", "="},
		{`{"a" 1}`, "at byte 5: invalid data: want ':', got '1'", "="},
		{`{1:2}`, "at byte 1: invalid data: want a string, got '1'", "="},
		{`[1`, "at byte 2: unexpected end of message", "="},
		{`-`, "at byte 1: unexpected end of message", "="},
		{`nul`, "at byte 3: unexpected end of message", "="},
		{`nil`, "at byte 0: invalid data: want a value, got nil", "="},
	} {
		want := [2]string{tt.strict, tt.loose}
		if tt.loose == "=" {
			want[1] = tt.strict
		}
		for i, loose := range []bool{false, true} {
			next, err := Skip([]byte(tt.src), 0, 2, loose)
			got := strconv.Itoa(next)
			if err != nil {
				got = err.Error()
			}
			if got != want[i] {
				t.Errorf("Skip(%q, %t) = %s, want %s", tt.src, loose, got, want[i])
			}
		}
	}
}

// FuzzSkip compares Skip and the tokens with encoding/json.
func FuzzSkip(f *testing.F) {
	for _, tt := range texts {
		f.Add([]byte(tt.src))
	}
	for _, tt := range numbers {
		f.Add([]byte("[" + tt.src + "]"))
	}
	f.Add([]byte(`{"a":[1,-2.5e3,true,false,null],"b":{}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		const depth = 1000
		next, err := Skip(src, 0, depth, false)
		valid := err == nil && Blank(src, next) == len(src)
		if want := json.Valid(src) && utf8.Valid(src); valid && !want || want && !valid && !errors.Is(err, wire.ErrTooDeep) && !unpaired(err) {
			t.Fatalf("Skip(%q) = %d, %v; want valid: %t", src, next, err, want)
		}
		var e *wire.Error
		if err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(src)) {
			t.Fatalf("Skip(%q): %v", src, err)
		}
		if err == nil {
			if _, err := Skip(src, 0, depth, true); err != nil {
				t.Fatalf("loose Skip(%q): %v", src, err)
			}
		}
		var tok Token
		for off := 0; ; off = tok.Next {
			if tok, err = Next(src, off); err != nil || tok.Kind == 0 {
				return
			}
			switch tok.Kind {
			case '"':
				var want string
				if err := json.Unmarshal(src[tok.At:tok.Next], &want); err != nil || want != string(tok.Text) {
					t.Fatalf("%q is %q, want %q, %v", src[tok.At:tok.Next], tok.Text, want, err)
				}
			case '0':
				f, _, ok := Float(src, tok.At)
				want, err := strconv.ParseFloat(string(src[tok.At:tok.Next]), 64)
				if ok != (err == nil) || ok && math.Float64bits(f) != math.Float64bits(want) {
					t.Fatalf("%q is %v, %t, want %v, %v", src[tok.At:tok.Next], f, ok, want, err)
				}
			}
		}
	})
}

// unpaired reports whether err is for half of a surrogate pair, which encoding/json replaces.
func unpaired(err error) bool { return err != nil && strings.Contains(err.Error(), "unpaired") }

// TestAppendStringAt puts each byte that needs an escape, and some that do not, at each place of strings of several lengths.
func TestAppendStringAt(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for _, c := range []byte{0, 1, '\t', '\n', 0x1f, ' ', '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xa0, 0xa2, 0xdc, 0xff} {
				b := bytes.Repeat([]byte{'x'}, n)
				b[at] = c
				var got string
				text := AppendString(nil, string(b))
				if err := json.Unmarshal(text, &got); c < 0x80 && (err != nil || got != string(b)) || c >= 0x80 && string(text) != `"`+string(b)+`"` {
					t.Fatalf("%q becomes %s: %v", b, text, err)
				}
			}
		}
	}
}
