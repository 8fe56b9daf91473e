package hessian2_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// sample returns a value of a type.
func sample(t *schema.Type) any {
	switch t.Kind {
	case schema.KindBool:
		return true
	case schema.KindString, schema.KindBinary:
		return "x"
	case schema.KindUUID:
		return someID
	case schema.KindStruct:
		return map[string]any{"x": 1}
	case schema.KindList, schema.KindSet:
		return []any{sample(t.Elem)}
	case schema.KindMap:
		m := dynamic.NewMap(t)
		if err := m.Append(sample(t.Key), sample(t.Elem)); err != nil {
			panic(err)
		}
		return m
	}
	return 1
}

// TestDocs writes a value of each row of the table of types in the documentation.
func TestDocs(t *testing.T) {
	names := map[string]string{
		"bool": "boolean", "int32": "int", "int64": "long", "float64": "double", "string": "string", "[]uint8": "binary", "*hessian2.Object": "object",
		"[]interface {}": "list", "*hessian2.Map": "map",
	}
	for _, page := range []string{"../../docs/dubbo.md", "../../docs/dubbo.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) != 6 || !strings.HasPrefix(cells[1], " `1: ") {
				continue
			}
			idl := `namespace java com.acme
enum Color { RED = 1 }
enum Tone { LOW = 1 } (java.class = "")
struct Point { 1: i32 x }
struct Loose { 1: i32 x } (java.class = "")
typedef i64 ID
struct S { ` + strings.Trim(cells[1], " `") + " }"
			f, diags := compile.Compile("s.thrift", compile.Options{Source: compile.Texts{"s.thrift": idl}})
			if f == nil {
				t.Fatal(diags)
			}
			typ := f.Struct("S").Fields[0].Type
			v, err := dynamic.Of(typ, sample(typ))
			if err != nil {
				t.Fatal(err)
			}
			e := hessian2.NewEncoder(nil)
			if err := e.Dynamic(typ, v); err != nil {
				t.Fatal(err)
			}
			got, err := hessian2.NewDecoder(e.Bytes()).Any()
			if form := names[fmt.Sprintf("%T", got)]; err != nil || form != strings.TrimSpace(cells[4]) {
				t.Errorf("%s: %s: %s, %v", page, cells[1], form, err)
			}
			back, err := hessian2.NewDecoder(e.Bytes()).Dynamic(typ)
			if err != nil || !dynamic.Equal(back, v) {
				t.Errorf("%s: %s: read as %v, %v", page, cells[1], back.Interface(), err)
			}
			rows++
		}
		if rows != 23 {
			t.Errorf("%s has %d rows", page, rows)
		}
	}
}
