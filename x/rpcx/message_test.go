package rpcx

import (
	"bytes"
	"encoding/hex"
	"maps"
	"strings"
	"testing"
)

// golden is a call of rpcx's client (v1.9.4) of Arith.Mul with msgpack, as it goes over the wire.
const golden = "0800" + "0030" + "0000000000000007" + "00000030" +
	"00000005" + "4172697468" + "00000003" + "4d756c" + "00000011" + "00000006" + "5f5f41555448" + "00000003" + "616263" + "00000007" + "82a14101a14202"

func TestMessage(t *testing.T) {
	b, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	n, whole, err := size(b[:headSize])
	if n != len(b) || !whole || err != nil {
		t.Errorf("%d, %v, %v, want %d", n, whole, err, len(b))
	}
	m, err := parse(b)
	if err != nil || m.id != 7 || m.serialization != msgPack || m.path != "Arith" || m.method != "Mul" || !maps.Equal(m.metadata, map[string]string{AuthMetadata: "abc"}) ||
		hex.EncodeToString(m.payload) != "82a14101a14202" {
		t.Errorf("%+v, %v", m, err)
	}
	if got := m.append([]byte("x")); !bytes.Equal(got[1:], b) {
		t.Errorf("%x", got)
	}
	for i := headSize; i < len(b); i++ {
		if _, err := parse(b[:i]); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
}

func TestBadMessages(t *testing.T) {
	for change, want := range map[string]string{
		"0800003000000000000000070000000f":               "the least is 16",
		"0900003000000000000000070000001000000000":       "does not begin with 08 00",
		"0801003000000000000000070000001000000000":       "does not begin with 08 00",
		"08000030000000000000000700000010ffffffff000000": "the path claims 4294967295 bytes, 3 remain",
	} {
		b, _ := hex.DecodeString(change)
		_, _, err := size(b[:headSize])
		if err == nil {
			_, err = parse(b)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
	b, _ := hex.DecodeString("0800003000000000000000070000001400000000000000000000000000000000" + "00000000")
	if _, err := parse(b); err == nil || err.Error() != "4 bytes follow the payload" {
		t.Error(err)
	}
}

// TestGzip compresses, decompresses, and refuses a bomb.
func TestGzip(t *testing.T) {
	m := &message{payload: make([]byte, 1<<20)}
	m.compress()
	if len(m.payload) > 2000 || m.flags != flagGzip {
		t.Fatal(len(m.payload), m.flags)
	}
	bomb := *m
	if err := bomb.decompress(1<<20 - 1); err == nil || !strings.Contains(err.Error(), "exceeds 1048575 bytes when decompressed") {
		t.Error(err)
	}
	if err := m.decompress(1 << 20); err != nil || len(m.payload) != 1<<20 || m.flags != 0 {
		t.Error(err, len(m.payload), m.flags)
	}
	for _, m := range []*message{{flags: flagGzip, payload: []byte("no")}, {flags: flagGzip, payload: append(bomb.payload[:20:20], 0, 0, 0, 0)}, {flags: 0x1c}} {
		if err := m.decompress(1 << 20); err == nil {
			t.Errorf("%+v: no error", m)
		}
	}
}

// FuzzParse reads anything: what is accepted is the same when it is written and read again.
func FuzzParse(f *testing.F) {
	b, _ := hex.DecodeString(golden)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headSize {
			return
		}
		n, whole, err := size(b[:headSize])
		if err != nil || !whole || n != len(b) {
			return
		}
		m, err := parse(b)
		if err != nil {
			return
		}
		again, err := parse(m.append(nil))
		if err != nil || again.id != m.id || again.path != m.path || again.method != m.method || !maps.Equal(again.metadata, m.metadata) || !bytes.Equal(again.payload, m.payload) {
			t.Fatalf("%+v, %v, want %+v", again, err, m)
		}
	})
}
