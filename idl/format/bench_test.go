package format_test

import (
	"testing"

	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/internal/idltest"
)

func BenchmarkSource(b *testing.B) {
	src := idltest.Large()
	for _, bb := range []struct {
		name string
		opts format.Options
	}{
		{"plain", format.Options{}},
		{"align", format.Options{Align: true}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := format.Source("large.thrift", src, bb.opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
