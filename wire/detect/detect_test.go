package detect

import (
	"encoding/hex"
	"strings"
	"testing"
)

const maxFrame = 1 << 20

var (
	strict      = Dialect{Protocol: "binary"}
	framed      = Dialect{Protocol: "binary", Framed: true}
	old         = Dialect{Protocol: "binary", Old: true}
	framedOld   = Dialect{Protocol: "binary", Old: true, Framed: true}
	compact     = Dialect{Protocol: "compact"}
	compact2    = Dialect{Protocol: "compact", Version2: true}
	framedComp  = Dialect{Protocol: "compact", Framed: true}
	framedComp2 = Dialect{Protocol: "compact", Framed: true, Version2: true}
	unknown     = Dialect{}
	detectTable = []struct {
		name string
		hex  string
		want Dialect
	}{
		{"strict", "80010001 00000004", strict},
		{"strict, whatever the third byte", "8001ff01 00000004", strict},
		{"strict, long name", "80010001 00010000", strict},
		{"strict of another version", "80020001 00000004", unknown},
		{"framed strict", "00000020 80010001", framed},
		{"framed strict, too long for any reader", "7fffffff 80010001", framed},
		{"framed, another version", "00000020 80020001", unknown},
		{"old: ping", "00000004 70696e67", old},
		{"old: a longer name", "00000010 70696e67", old},
		{"old: a name of 3", "00000003 61646401", old},
		{"old: a name of 3, reply", "00000003 61646402", old},
		{"old: a name of 3, then no message type", "00000003 61646405", unknown},
		{"old: a name of 2", "00000002 61620100", old},
		{"old: a name of 2, then no message type", "00000002 61620000", unknown},
		{"old: a name of 1", "00000001 61010000", old},
		{"old: service:method", "00000006 433a6164", old},
		{"old: a digit first", "00000004 31616263", unknown},
		{"old: no name", "00000000 01000000", unknown},
		{"old: a name that is too long", "00000401 61616161", unknown},
		{"old: no letters", "00000004 70696e20", unknown},
		{"framed old: ping", "0000000e 00000004", framedOld},
		{"framed old, name as long as the frame", "00000004 00000004", unknown},
		{"framed old, no name", "0000000e 00000000", unknown},
		{"framed old, too long", "00100001 00000004", unknown},
		{"HTTP", hex.EncodeToString([]byte("GET / HT")), unknown},
		{"HTTP POST", hex.EncodeToString([]byte("POST / H")), unknown},
		{"TLS", "16030100 c8010000", unknown},
		{"compact", "82210004 70696e67", compact},
		{"compact, oneway", "82810004 70696e67", compact},
		{"compact, the least that tells", "8221", compact},
		{"compact, whatever follows", "8221ffff ffffffff", compact},
		{"compact, message type 0", "8201", compact},
		{"compact version 2", "8222", compact2},
		{"compact version 2, reply", "8242", compact2},
		{"compact version 0", "8220", unknown},
		{"compact version 3", "8223", unknown},
		{"compact version 17", "8231", unknown},
		{"compact version 31", "82ff", unknown},
		{"neither binary nor compact: 81", "81210004 70696e67", unknown},
		{"neither binary nor compact: 83", "83210004 70696e67", unknown},
		{"strict binary's version, compact's id", "82010001 00000004", compact},
		{"compact's version, strict binary's id", "80210001 00000004", unknown},
		{"framed compact", "00000009 82210004", framedComp},
		{"framed compact, shortest", "00000005 82210000", framedComp},
		{"framed compact, version 2", "00000009 82220004", framedComp2},
		{"framed compact, too long for any reader", "7fffffff 82210004", framedComp},
		{"framed compact, version 3", "00000009 82230004", unknown},
		{"a frame of the length 0x8221", "00008221 80010001", framed},
		{"a frame of the length 0x82 << 8, then compact", "00008200 82210004", framedComp},
		{"old binary: names have no byte 82", "00000004 82636161", unknown},
		{"THeader", "0000002b 0fff0000", Dialect{Envelope: THeader}},
		{"THeader, whatever its flags and length", "7fffffff 0fff1234", Dialect{Envelope: THeader}},
		{"THeader in a frame", "0000002f 0000002b 0fff", Dialect{Envelope: THeader, Framed: true}},
		{"THeader in a frame, too long for any reader", "7fffffff 7ffffffb 0fff0000", Dialect{Envelope: THeader, Framed: true}},
		{"THeader in a frame, the least that does not tell", "0000002f 0000002b", unknown},
		{"THeader in a frame that is longer", "00000030 0000002b 0fff0000", framedOld},
		{"THeader in a frame, shorter than any", "0000000d 00000009 0fff0000", framedOld},
		{"two lengths, then no THeader", "0000002f 0000002b 10000000", framedOld},
		{"TTHeader", "0000002b 10000000", Dialect{Envelope: TTHeader}},
		{"TTHeader, out of order", "0000002b 10000001", Dialect{Envelope: TTHeader}},
		{"SASL", "01000000 05504c41", Dialect{Envelope: SASL}}, // PLAIN
		{"SASL, another mechanism", "01000000 0a435241", Dialect{Envelope: SASL}},
		{"SASL, a name of 20", "01000000 14412d39", Dialect{Envelope: SASL}},
		{"SASL, a name that is too long", "01000000 15504c41", unknown},
		{"SASL, small letters", "01000000 05706c61", unknown},
		{"SASL that starts with OK", "02000000 05504c41", unknown},
		{"nothing", "", unknown},
		{"one byte of compact", "82", unknown},
		{"seven bytes of binary", "80010001 000000", unknown},
		{"zeros", "00000000 00000000", unknown},
		{"ones", "ffffffff ffffffff", unknown},
	}
)

func TestBytes(t *testing.T) {
	for _, test := range detectTable {
		b, err := hex.DecodeString(strings.ReplaceAll(test.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := Bytes(b, maxFrame)
		if got != test.want || ok != (test.want != unknown) {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, ok, test.want)
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, test := range detectTable {
		b, _ := hex.DecodeString(strings.ReplaceAll(test.hex, " ", ""))
		f.Add(b)
	}
	for _, test := range textTable {
		f.Add([]byte(test.first))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := Bytes(b, maxFrame)
		if ok != (got.Protocol != "" || got.Envelope != None) {
			t.Fatalf("%+v, %v", got, ok)
		}
		if !ok {
			return
		}
		n := Size(b)
		short, _ := Bytes(b[:n:n], maxFrame)
		if short != got {
			t.Fatalf("%+v, of the first bytes %+v", got, short)
		}
	})
}

func TestForeign(t *testing.T) {
	for start, want := range map[string]string{
		"\x16\x03\x01\x02\x00\x01\x00\x01": "TLS", "SSH-2.0-": "SSH", "PROXY TC": "the PROXY protocol", "\r\n\r\n\x00\r\nQ": "the PROXY protocol",
		"\x08\x00\x00\x00\x00\x00\x00\x00": "rpcx", "\xda\xbb\xc2\x00\x00\x00\x00\x00": "Dubbo", "\xf1\xf1\x00\x00\x00\x00\x00\x00": "Motan", "*1\r\n$4\r\n": "Redis",
		"\xff\xff\xff\xff\xff\xff\xff\xff": "", "": "",
	} {
		if got := Foreign([]byte(start)); got != want {
			t.Errorf("%q: %q, want %q", start, got, want)
		}
		if d, ok := Bytes([]byte(start), maxFrame); ok {
			t.Errorf("%q is %+v", start, d)
		}
	}
}
