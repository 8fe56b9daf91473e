package dynamic

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// benchmarkValue is a struct of about 4 KB as JSON, of type list<Row>.
func benchmarkValue() (*schema.Type, []byte) {
	row := schematest.Struct("Row", schematest.Field(1, "id", schematest.I64), schematest.Field(2, "name", schematest.String),
		schematest.Field(3, "price", schematest.Double), schematest.Field(4, "ok", schematest.Bool), schematest.Field(5, "tags", schema.ListOf(schematest.String)),
		schematest.Field(6, "counts", schema.MapOf(schematest.String, schematest.I32)))
	text := `{"id":1099511627776,"name":"somebody \"else\"","price":12.25,"ok":true,"tags":["red","new","on sale"],"counts":{"a":1,"bc":-22}}`
	return schema.ListOf(row.Type()), []byte("[" + strings.Repeat(text+",\n", 30) + text + "]")
}

func BenchmarkParseJSON(b *testing.B) {
	t, text := benchmarkValue()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseJSON(t, text, JSONOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	t, text := benchmarkValue()
	v, err := ParseJSON(t, text, JSONOptions{})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 2*len(text))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendJSON(dst, t, v, JSONOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
