package compile

import (
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/schema"
)

func BenchmarkCompile(b *testing.B) {
	text := idltest.Large()
	source := Texts{"large.thrift": string(text)}
	if f, diags := Compile("large.thrift", Options{Source: source}); f == nil || len(diags) > 0 {
		b.Fatal(diags)
	}
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			Compile("large.thrift", Options{Source: source})
		}
	})
	b.Run("syntax", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			syntax.Parse("large.thrift", text)
		}
	})
	b.Run("link", func(b *testing.B) {
		f, _ := Compile("large.thrift", Options{Source: source})
		b.ReportAllocs()
		for b.Loop() {
			if err := schema.Link(f); err != nil {
				b.Fatal(err)
			}
		}
	})
}
