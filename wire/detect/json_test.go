package detect

import "testing"

var (
	apache    = Dialect{Protocol: "json"}
	simple    = Dialect{Protocol: "simple-json"}
	thriftpy2 = Dialect{Protocol: "thriftpy2-json"}
	textTable = []struct {
		first string
		want  Dialect
	}{
		{`[1,"ping"`, apache},
		{`[1,"",1,`, apache},
		{` [ 1 , "`, apache},
		{"\r\n\t [ 1,", apache},
		{`["ping",1`, simple},
		{`["",1,0,`, simple},
		{"\n[\n\"ping", simple},
		{`[2,"ping"`, unknown},
		{`[[1,"ping`, unknown},
		{`[       `, unknown},
		{`        `, unknown},
		{"        [1,", unknown}, // the first 8 bytes decide, however many there are
		{"\x00\x00\x00\x20   [1,", unknown},
		{`{"metadata`, unknown},
		{`1[,"ping"`, unknown},
		{"\x00\x00\x00\x20[1,\"", Dialect{Protocol: "json", Framed: true}},
		{"\x00\x00\x00\x20 [1,", Dialect{Protocol: "json", Framed: true}},
		{"\x00\x00\x00\x20[\"pi", Dialect{Protocol: "simple-json", Framed: true}},
		{"\x00\x10\x00\x00[1,\"", Dialect{Protocol: "json", Framed: true}},
		{"\x00\x10\x00\x01[1,\"", unknown},
		{"\x00\x00\x00\x20[  1", Dialect{Protocol: "json", Framed: true}},
		{"\x00\x00\x00\x20[2,\"", unknown},
		{"\x00\x00\x00\x54{\"me", thriftpy2},
		{"\x00\x00\x00\x54{ \"m", thriftpy2},
		{"\x00\x00\x00\x54{\"pa", thriftpy2},
		{"\x00\x10\x00\x00{\"me", thriftpy2},
		{"\x00\x10\x00\x01{\"me", unknown},
		{"\x00\x00\x00\x54{1,2", unknown},
		{"\x00\x00\x00\x58\x00\x00\x00\x54{\"", Dialect{Protocol: "thriftpy2-json", Framed: true}},
		{"\x00\x00\x00\x58\x00\x00\x00\x4e", framedOld}, // the name, its type and its sequence id have 9 bytes
		{"\x00\x00\x00\x58\x00\x00\x00\x55", framedOld},
		{"\x00\x00\x00\x06\x00\x00\x00\x02", framedOld}, // too short for a text
	}
)

func TestText(t *testing.T) {
	for _, test := range textTable {
		got, ok := Bytes([]byte(test.first), maxFrame)
		if got != test.want || ok != (test.want != unknown) {
			t.Errorf("%q: %+v, %v; want %+v", test.first, got, ok, test.want)
		}
	}
}

// TestTextSize checks that the shortest messages have the bytes that are looked at.
func TestTextSize(t *testing.T) {
	for _, msg := range []string{`[1,"",1,0,{}]`, `["",1,0,{}]`} {
		if n := Size([]byte(msg)); n > len(msg) {
			t.Errorf("%s has %d bytes, and %d are looked at", msg, len(msg), n)
		}
	}
}
