package msgpack_test

import (
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/wire/msgpack"
)

// TestDocs has each row of the table of types in docs/frameworks.md, and in its translation, hold in both directions.
func TestDocs(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-zA-Z0-9<>, ]+ v)` \\| `(.+)` \\| `([0-9a-f]+)` \\|$")
	for _, page := range []string{"frameworks.md", "frameworks.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		rows := row.FindAllStringSubmatch(string(text), -1)
		if len(rows) != 16 {
			t.Errorf("%s: %d rows", page, len(rows))
		}
		for _, r := range rows {
			idl := "enum Color { GREEN = 5 } struct Point { 1: i32 x } union Either { 1: string text } struct S { 1: " + r[1] + " }"
			f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": idl}})
			if f == nil {
				t.Fatal(diags)
			}
			packed, _ := hex.DecodeString("81a176" + r[3])
			json := `{"v":` + r[2] + `}`
			b, err := msgpack.AppendThrift(nil, packed, f.Struct("S"), msgpack.Options{})
			if err != nil {
				t.Errorf("%s: %s: %v", page, r[0], err)
				continue
			}
			if got, err := msgpack.AppendJSON(nil, b, f.Struct("S"), msgpack.Options{}); string(got) != json || err != nil {
				t.Errorf("%s: %s: %s, %v", page, r[0], got, err)
			}
			if b, _, err = msgpack.FromJSON(nil, []byte(json), f.Struct("S"), msgpack.Options{}); err != nil {
				t.Errorf("%s: %s: %v", page, r[0], err)
			}
			if got, err := msgpack.AppendStruct(nil, b, f.Struct("S"), msgpack.Options{}); hex.EncodeToString(got) != "81a176"+r[3] || err != nil {
				t.Errorf("%s: %s: %x, %v", page, r[0], got, err)
			}
		}
		if !strings.Contains(string(text), "](frameworks") {
			t.Errorf("%s has no link to the other language", page)
		}
	}
}
