package explain_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
	"github.com/thriftkit/thriftkit/wire/header"
	"github.com/thriftkit/thriftkit/wire/ttheader"
)

const idl = `
enum Color { RED = 1, GREEN = 2 }
struct Item { 1: string name, 2: Color color, 20: optional bool new }
exception Gone { 1: string why }
service Shop {
  Item find(1: string name, 2: list<Item> near, 3: map<string, i64> prices, 4: binary key, 5: double weight, 6: bool fast,
    7: set<i16> sizes, 8: uuid id, 9: i8 tiny, 10: i32 n) throws (1: Gone gone),
}
`

const arguments = `{"name": "lamp", "near": [{"name": "a", "color": "GREEN", "new": true}], "prices": {"x": -3}, "key": "AP8=",
	"weight": 0.5, "fast": true, "sizes": [7], "id": "123e4567-e89b-12d3-a456-426614174000", "tiny": -1, "n": 300}`

func find(t testing.TB) *schema.Method {
	t.Helper()
	f, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{"shop.thrift": idl}})
	if f == nil {
		t.Fatal(diags)
	}
	return f.Service("Shop").Method("find")
}

// message returns a message that carries the JSON text as desc, in the protocol called name.
func message(t testing.TB, name string, h wire.Header, desc *schema.Struct, text string) []byte {
	t.Helper()
	p, err := protocol.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := dynamic.ParseJSON(desc.Type(), []byte(text), dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pt, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), desc.Type())
	if err != nil {
		t.Fatal(err)
	}
	s := v.Struct()
	msg, err := p.AppendMessage(nil, h, pt, mem.To(&s))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func framed(msg []byte) []byte {
	return append([]byte{0, 0, byte(len(msg) >> 8), byte(len(msg))}, msg...)
}

func options(m *schema.Method) explain.Options {
	return explain.Options{Method: func(name string) *schema.Method {
		if name == m.Name {
			return m
		}
		return nil
	}}
}

// check explains data and compares the dump; ranges must follow each other.
func check(t *testing.T, data []byte, o explain.Options, wantErr, want string) {
	t.Helper()
	ranges, err := explain.Stream(data, o)
	contiguous(t, data, ranges)
	if got := string(explain.AppendDump(nil, data, ranges)); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
	if wantErr == "" && err != nil || wantErr != "" && (err == nil || err.Error() != wantErr) {
		t.Errorf("error %v, want %q", err, wantErr)
	}
}

func contiguous(t *testing.T, data []byte, ranges []explain.Range) {
	t.Helper()
	at := 0
	for _, r := range ranges {
		if r.Start != at || r.End <= r.Start || r.Name == "" {
			t.Fatalf("range %+v after %d", r, at)
		}
		at = r.End
	}
	if at != len(data) {
		t.Fatalf("ranges end at %d of %d", at, len(data))
	}
}

func TestBinary(t *testing.T) {
	m := find(t)
	check(t, message(t, "binary", wire.Header{Name: "Shop:find", Type: wire.Call, SeqID: 7}, m.Args, arguments), options(m), "", `
000000  80 01 00 01                           version and type: binary, call
000004  00 00 00 09 53 68 6f 70 3a 66 69 6e   method: "Shop:find"
000010  64
000011  00 00 00 07                           sequence id: 7
000015  0b 00 01 00 00 00 04 6c 61 6d 70      name (field 1, string): "lamp"
000020  0f 00 02 0c 00 00 00 01               near (field 2, list<Item>): 1 of struct
000028  0b 00 01 00 00 00 01 61                   name (field 1, string): "a"
000030  08 00 02 00 00 00 02                      color (field 2, Color): GREEN (2)
000037  02 00 14 01                               new (field 20, bool): true
00003b  00                                        end of Item
00003c  0d 00 03 0b 0a 00 00 00 01            prices (field 3, map<string,i64>): 1 of string to i64
000045  00 00 00 01 78                          key 0: "x"
00004a  ff ff ff ff ff ff ff fd                 value 0: -3
000052  0b 00 04 00 00 00 02 00 ff            key (field 4, binary): 0x00ff
00005b  04 00 05 3f e0 00 00 00 00 00 00      weight (field 5, double): 0.5
000066  02 00 06 01                           fast (field 6, bool): true
00006a  0e 00 07 06 00 00 00 01               sizes (field 7, set<i16>): 1 of i16
000072  00 07                                   [0]: 7
000074  10 00 08 12 3e 45 67 e8 9b 12 d3 a4   id (field 8, uuid): 123e4567-e89b-12d3-a456-426614174000
000080  56 42 66 14 17 40 00
000087  03 00 09 ff                           tiny (field 9, i8): -1
00008b  08 00 0a 00 00 01 2c                  n (field 10, i32): 300
000092  00                                    end of Shop.find
`)
}

func TestCompact(t *testing.T) {
	m := find(t)
	check(t, framed(message(t, "compact", wire.Header{Name: "find", Type: wire.Call, SeqID: 7}, m.Args, arguments)), options(m), "", `
000000  00 00 00 46                           frame length: 70
000004  82 21                                 version and type: compact 1, call
000006  07                                    sequence id: 7
000007  04 66 69 6e 64                        method: "find"
00000c  18 04 6c 61 6d 70                     name (field 1, string): "lamp"
000012  19 1c                                 near (field 2, list<Item>): 1 of struct
000014  18 01 61                                  name (field 1, string): "a"
000017  15 04                                     color (field 2, Color): GREEN (2)
000019  01 28                                     new (field 20, bool): true
00001b  00                                        end of Item
00001c  1b 01 86                              prices (field 3, map<string,i64>): 1 of string to i64
00001f  01 78                                   key 0: "x"
000021  05                                      value 0: -3
000022  18 02 00 ff                           key (field 4, binary): 0x00ff
000026  17 00 00 00 00 00 00 e0 3f            weight (field 5, double): 0.5
00002f  11                                    fast (field 6, bool): true
000030  1a 14                                 sizes (field 7, set<i16>): 1 of i16
000032  0e                                      [0]: 7
000033  1d 12 3e 45 67 e8 9b 12 d3 a4 56 42   id (field 8, uuid): 123e4567-e89b-12d3-a456-426614174000
00003f  66 14 17 40 00
000044  13 ff                                 tiny (field 9, i8): -1
000046  15 d8 04                              n (field 10, i32): 300
000049  00                                    end of Shop.find
`)
}

// Without a schema there are types and values, and no names.
func TestUnnamed(t *testing.T) {
	m := find(t)
	msg := message(t, "binary", wire.Header{Name: "find", Type: wire.Reply, SeqID: 7}, m.Reply(), `{"success": {"name": "lamp", "new": true}}`)
	check(t, msg, explain.Options{}, "", `
000000  80 01 00 02                           version and type: binary, reply
000004  00 00 00 04 66 69 6e 64               method: "find"
00000c  00 00 00 07                           sequence id: 7
000010  0c 00 00                              field 0 (struct)
000013  0b 00 01 00 00 00 04 6c 61 6d 70        field 1 (string): "lamp"
00001e  02 00 14 01                             field 20 (bool): true
000022  00                                      end of the struct
000023  00                                    end of the struct
`)
}

func TestReplies(t *testing.T) {
	m := find(t)
	reply := message(t, "compact", wire.Header{Name: "find", Type: wire.Reply, SeqID: 7}, m.Reply(), `{"gone": {"why": "sold"}}`)
	refusal, _ := hex.DecodeString("8001000300000003" + "736f6d" + "00000001" + "0b000100000002" + "6e6f" + "08000200000001" + "00")
	check(t, append(reply, refusal...), options(m), "", `
000000  82 41                                 version and type: compact 1, reply
000002  07                                    sequence id: 7
000003  04 66 69 6e 64                        method: "find"
000008  1c                                    gone (field 1, Gone)
000009  18 04 73 6f 6c 64                       why (field 1, string): "sold"
00000f  00                                      end of Gone
000010  00                                    end of Shop.find
000011  80 01 00 03                           version and type: binary, exception
000015  00 00 00 03 73 6f 6d                  method: "som"
00001c  00 00 00 01                           sequence id: 1
000020  0b 00 01 00 00 00 02 6e 6f            message (field 1, string): "no"
000029  08 00 02 00 00 00 01                  type (field 2, i32): 1
000030  00                                    end of TApplicationException
`)
}

func TestEnvelopes(t *testing.T) {
	m := find(t)
	msg := message(t, "compact", wire.Header{Name: "find", Type: wire.Call, SeqID: 7}, m.Args, `{"name": "x"}`)
	h := &header.Frame{SeqID: 7, Protocol: header.Compact, Info: map[string]string{"trace": "a b"}}
	frame, err := h.Begin(nil)
	if err != nil {
		t.Fatal(err)
	}
	payload := len(frame)
	if frame, err = h.End(append(frame, msg...), 0, payload, header.NewCodec()); err != nil {
		t.Fatal(err)
	}
	check(t, frame, options(m), "", `
000000  00 00 00 26                           frame length: 38
000004  0f ff 00 00                           magic and flags: 0x0fff, 0
000008  00 00 00 07                           sequence id: 7
00000c  00 04                                 header size: 4 words
00000e  02 00 01 01 05 74 72 61 63 65 03 61   header: protocol 2, trace="a b"
00001a  20 62 00 00
00001e  82 21                                 version and type: compact 1, call
000020  07                                    sequence id: 7
000021  04 66 69 6e 64                        method: "find"
000026  18 01 78                              name (field 1, string): "x"
000029  00                                    end of Shop.find
`)
	nested := []byte{0, 0, 0, byte(len(frame))}
	check(t, append(nested, frame...), options(m), "", `
000000  00 00 00 2a                           frame length: 42
000004  00 00 00 26                           frame length: 38
000008  0f ff 00 00                           magic and flags: 0x0fff, 0
00000c  00 00 00 07                           sequence id: 7
000010  00 04                                 header size: 4 words
000012  02 00 01 01 05 74 72 61 63 65 03 61   header: protocol 2, trace="a b"
00001e  20 62 00 00
000022  82 21                                 version and type: compact 1, call
000024  07                                    sequence id: 7
000025  04 66 69 6e 64                        method: "find"
00002a  18 01 78                              name (field 1, string): "x"
00002d  00                                    end of Shop.find
`)
	tt := &ttheader.Frame{SeqID: 7, Protocol: ttheader.Compact, Ints: map[uint16]string{ttheader.ToMethod: "find"}}
	if frame, err = tt.Begin(nil); err != nil {
		t.Fatal(err)
	}
	payload = len(frame)
	frame = append(frame, msg...)
	tt.End(frame, 0, payload)
	check(t, frame, options(m), "", `
000000  00 00 00 26                           frame length: 38
000004  10 00 00 00                           magic and flags: 0x1000, 0
000008  00 00 00 07                           sequence id: 7
00000c  00 04                                 header size: 4 words
00000e  02 00 10 00 01 00 09 00 04 66 69 6e   header: protocol 2, 9="find"
00001a  64 00 00 00
00001e  82 21                                 version and type: compact 1, call
000020  07                                    sequence id: 7
000021  04 66 69 6e 64                        method: "find"
000026  18 01 78                              name (field 1, string): "x"
000029  00                                    end of Shop.find
`)
	zlib := &header.Frame{SeqID: 7, Protocol: header.Compact, Transforms: []uint32{header.ZlibID}}
	if frame, err = zlib.Begin(nil); err != nil {
		t.Fatal(err)
	}
	payload = len(frame)
	if frame, err = zlib.End(append(frame, msg...), 0, payload, header.NewCodec()); err != nil {
		t.Fatal(err)
	}
	ranges, err := explain.Stream(frame, options(m))
	if last := ranges[len(ranges)-1]; err != nil || last.Name != "payload" || last.Value != "transformed; 12 bytes when undone" {
		t.Errorf("%+v, %v", last, err)
	}
	check(t, append([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"), msg...), options(m), "", `
000000  50 4f 53 54 20 2f 20 48 54 54 50 2f   HTTP: "POST / HTTP/1.1"
00000c  31 2e 31 0d 0a 48 6f 73 74 3a 20 61
000018  0d 0a 43 6f 6e 74 65 6e 74 2d 4c 65
000024  6e 67 74 68 3a 20 31 32 0d 0a 0d 0a
000030  82 21                                 version and type: compact 1, call
000032  07                                    sequence id: 7
000033  04 66 69 6e 64                        method: "find"
000038  18 01 78                              name (field 1, string): "x"
00003b  00                                    end of Shop.find
`)
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n" + string(msg[:4]) + "\r\n8\r\n" + string(msg[4:]) + "\r\n0\r\nA: b\r\n\r\n"
	check(t, []byte(chunked), options(m), "", `
000000  48 54 54 50 2f 31 2e 31 20 32 30 30   HTTP: "HTTP/1.1 200 OK"
00000c  20 4f 4b 0d 0a 54 72 61 6e 73 66 65
000018  72 2d 45 6e 63 6f 64 69 6e 67 3a 20
000024  63 68 75 6e 6b 65 64 0d 0a 0d 0a
00002f  34 3b 78 3d 79 0d 0a                  chunk: "4;x=y"
000036  82 21                                 version and type: compact 1, call
000038  07                                    sequence id: 7
000039  04 0d 0a 38 0d 0a 66 69 6e 64         method: "find"
000043  18 01 78                              name (field 1, string): "x"
000046  00                                    end of Shop.find
000047  0d 0a 30 0d 0a 41 3a 20 62 0d 0a 0d   end of the chunks
000053  0a
`)
	check(t, []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n"), options(m), "", `
000000  48 54 54 50 2f 31 2e 31 20 34 30 34   HTTP: "HTTP/1.1 404 Not Found"
00000c  20 4e 6f 74 20 46 6f 75 6e 64 0d 0a
000018  43 6f 6e 74 65 6e 74 2d 4c 65 6e 67
000024  74 68 3a 20 35 0d 0a 0d 0a
00002d  6e 6f 70 65 0a                        body: "nope\n"
`)
	check(t, message(t, "json", wire.Header{Name: "find", Type: wire.Call}, m.Args, `{"name": "x"}`), options(m), "", `
000000  5b 31 2c 22 66 69 6e 64 22 2c 31 2c   message: "[1,\"find\",1,0,{\"1\":{\"str\":\"x\"}}]"
00000c  30 2c 7b 22 31 22 3a 7b 22 73 74 72
000018  22 3a 22 78 22 7d 7d 5d
`)
}

// What does not fit the schema is named by what it is.
func TestMismatch(t *testing.T) {
	m := find(t)
	msg, _ := hex.DecodeString("8001000100000004" + "66696e64" + "00000001" + "0a0001" + "0000000000000009" + "080063" + "00000001" + "00")
	check(t, msg, options(m), "", `
000000  80 01 00 01                           version and type: binary, call
000004  00 00 00 04 66 69 6e 64               method: "find"
00000c  00 00 00 01                           sequence id: 1
000010  0a 00 01 00 00 00 00 00 00 00 09      name (field 1, i64, declared as string): 9
00001b  08 00 63 00 00 00 01                  field 99 (i32): 1
000022  00                                    end of Shop.find
`)
}

func TestMistakes(t *testing.T) {
	m := find(t)
	msg, _ := hex.DecodeString("8001000100000004" + "66696e64" + "00000001" + "050001" + "00")
	check(t, msg, options(m), `at byte 19: invalid data: type 5`, `
000000  80 01 00 01                           version and type: binary, call
000004  00 00 00 04 66 69 6e 64               method: "find"
00000c  00 00 00 01                           sequence id: 1
000010  05 00 01 00                           not understood: 4 bytes
`)
	check(t, []byte("SSH-2.0-OpenSSH"), options(m), `at byte 0: invalid data: no dialect begins with 53 53 48 2d 32 2e 30 2d`, `
000000  53 53 48 2d 32 2e 30 2d 4f 70 65 6e   not understood: 15 bytes
00000c  53 53 48
`)
}

// Every message cut off at every byte: an error, and all bytes are in a range.
func TestTruncated(t *testing.T) {
	m := find(t)
	for _, name := range []string{"binary", "compact"} {
		msg := message(t, name, wire.Header{Name: "find", Type: wire.Call, SeqID: 7}, m.Args, arguments)
		for n := 1; n < len(msg); n++ {
			ranges, err := explain.Stream(msg[:n], explain.Options{Method: options(m).Method, Protocol: name})
			contiguous(t, msg[:n], ranges)
			var e *wire.Error
			if !errors.As(err, &e) || !errors.Is(err, wire.ErrTruncated) && !errors.Is(err, wire.ErrInvalid) {
				t.Errorf("%s cut off at %d: %v", name, n, err)
			}
		}
	}
}

func TestMaxRanges(t *testing.T) {
	m := find(t)
	msg := message(t, "binary", wire.Header{Name: "find", Type: wire.Call, SeqID: 7}, m.Args, arguments)
	o := options(m)
	o.MaxRanges = 4
	ranges, err := explain.Stream(msg, o)
	contiguous(t, msg, ranges)
	if err != nil || len(ranges) != 5 || ranges[4].Name != "more" {
		t.Errorf("%+v, %v", ranges, err)
	}
}

func TestValue(t *testing.T) {
	m := find(t)
	item := m.Result.Struct
	data, _ := hex.DecodeString("0b0001000000016108000200000002" + "00")
	ranges, err := explain.Value(data, item, explain.Options{})
	if err != nil || len(ranges) != 3 || ranges[1].Value != "GREEN (2)" {
		t.Errorf("%+v, %v", ranges, err)
	}
	if _, err := explain.Value(append(data, 0), item, explain.Options{}); err == nil || err.Error() != "at byte 16: invalid data: unexpected bytes after the struct: 1" {
		t.Errorf("%v", err)
	}
}

func FuzzStream(f *testing.F) {
	m := find(f)
	for _, name := range []string{"binary", "compact", "json"} {
		msg := message(f, name, wire.Header{Name: "find", Type: wire.Call, SeqID: 7}, m.Args, arguments)
		f.Add(msg, "")
		f.Add(framed(msg), name)
	}
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), "")
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\x82\x21\r\n3\r\n\x07\x04f\r\n0\r\n\r\n"), "")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		ranges, _ := explain.Stream(data, explain.Options{Method: options(m).Method, Protocol: name})
		at := 0
		for _, r := range ranges {
			if r.Start != at || r.End <= r.Start {
				t.Fatalf("%+v after %d", r, at)
			}
			at = r.End
		}
		if at != len(data) {
			t.Fatalf("ranges end at %d of %d", at, len(data))
		}
		explain.AppendDump(nil, data, ranges)
	})
}
