package syntax_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// generated returns IDL text as large as that of a big company's API: 300 structs, 20 services, 108 KB.
func generated() []byte {
	var b bytes.Buffer
	b.WriteString("namespace go example.api\nnamespace py example.api\n\n")
	types := []string{"string", "i64", "bool", "list<string>", "map<string, i64>", "double", "binary"}
	for s := range 300 {
		fmt.Fprintf(&b, "// Record%d belongs to the catalogue.\nstruct Record%d {\n", s, s)
		for f := 1; f <= 8; f++ {
			switch {
			case f == 8 && s > 0:
				fmt.Fprintf(&b, "  %d: optional Record%d previous\n", f, s-1)
			case f%3 == 0:
				fmt.Fprintf(&b, "  %d: optional %s field_%d (go.tag = \"f\")\n", f, types[(s+f)%len(types)], f)
			default:
				fmt.Fprintf(&b, "  %d: required %s field_%d,\n", f, types[(s+f)%len(types)], f)
			}
		}
		b.WriteString("}\n\n")
	}
	for s := range 20 {
		fmt.Fprintf(&b, "/** Service%d is a service. */\nservice Service%d {\n", s, s)
		for f := range 6 {
			fmt.Fprintf(&b, "  Record%d get_%d(1: i64 id, 2: string name = \"x\")\n", s*15+f, f)
		}
		b.WriteString("}\n\n")
	}
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	src := generated()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := syntax.Parse("generated.thrift", src); diags != nil {
			b.Fatal(diags)
		}
	}
}
