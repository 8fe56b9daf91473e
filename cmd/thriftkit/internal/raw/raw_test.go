package raw

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/wire"
)

func TestBytes(t *testing.T) {
	for _, test := range []struct{ text, form, want string }{
		{"80 01", "hex", "8001"}, {"80:01", "auto", "8001"}, {`\x80\x01`, "auto", "8001"}, {"0x80, 0x01\n", "auto", "8001"},
		{"gAE=", "auto", "8001"}, {"gAE", "base64", "8001"}, {"_-8=", "auto", "ffef"}, {"8001", "base64", "f34d35"},
		{"\x80\x01", "auto", "8001"}, {"8001", "raw", "38303031"},
	} {
		b, err := Bytes([]byte(test.text), test.form)
		if hex.EncodeToString(b) != test.want || err != nil {
			t.Errorf("%q as %s: got %x, %v, want %s", test.text, test.form, b, err, test.want)
		}
	}
	for text, form := range map[string]string{"8": "hex", "?": "base64", "": "octal"} {
		if b, err := Bytes([]byte(text), form); err == nil {
			t.Errorf("%q as %s: got %x without an error", text, form, b)
		}
	}
}

// The fields of a message, cut off at every byte, are an error each time.
func TestCutOff(t *testing.T) {
	text := `{"1":{"bool":true},"3":{"i16":3},"4":{"list<set>":[{"set<i64>":[1]}]},"5":{"map<string,struct>":[["a",{"1":{"double":1.5}}]]},"6":{"uuid":"123e4567-e89b-12d3-a456-426614174000"}}`
	node, err := fill.JSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	fields, err := ParseJSON(node)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AppendJSON(nil, fields); string(got) != text || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	for n := 1; n < len(fields); n++ {
		if _, err := AppendJSON(nil, fields[:n]); err == nil && !ends(fields, n) {
			t.Errorf("%d of %d bytes: no error", n, len(fields))
		}
	}
}

// ends reports whether a field of the table's fields ends at n.
func ends(fields wire.UnknownFields, n int) bool {
	for _, id := range []byte{1, 3, 4, 5, 6} {
		if n+3 <= len(fields) && fields[n+1] == 0 && fields[n+2] == id {
			return true
		}
	}
	return false
}

func FuzzFields(f *testing.F) {
	for _, seed := range []string{"", "02000101", "0f00010800000001", "0d00010b0c00000000", "0c000100", "0b000100000002ffff"} {
		b, _ := hex.DecodeString(seed)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, fields []byte) {
		text, err := AppendJSON(nil, fields)
		if err != nil {
			return
		}
		node, err := fill.JSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := ParseJSON(node)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		once, err := AppendJSON(nil, again)
		if err != nil || !bytes.Equal(once, text) {
			t.Fatalf("%s became %s, %v", text, once, err)
		}
	})
}

func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		"80010001000000056c6f67696e000000010b000100000004726f6f740b00020000000673656372657400", "822101056c6f67696e1804726f6f74180673656372657400",
		"0000002a80010001000000056c6f67696e000000010b000100000004726f6f740b00020000000673656372657400", "789c",
		"000000380fff00000000000100010000000080010001000000056c6f67696e000000010b000100000004726f6f740b00020000000673656372657400",
	} {
		b, _ := hex.DecodeString(seed)
		f.Add(b)
	}
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n[1,\"ping\",1,1,{}]"))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n[1,\"ping\",2,1,{}]"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		n := 0
		_ = Messages(stream, func(m *Message) error { // an error is as good as messages: what counts is that it ends
			n += len(m.Bytes)
			if m.Protocol == nil || m.Transport == "" {
				t.Fatalf("%+v", m)
			}
			return nil
		})
	})
}
