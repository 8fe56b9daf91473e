package protomap_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

func TestNumber(t *testing.T) {
	for id, want := range map[int16]int32{1: 1, 18999: 18999, 19000: 119000, 19999: 119999, 20000: 20000, 32767: 32767, 0: 100000, -1: 165535, -32768: 132768} {
		if got := protomap.Number(id); got != want {
			t.Errorf("%d: %d, want %d", id, got, want)
		}
	}
}

// TestAnnotation chooses types, and reports those that do not fit.
func TestAnnotation(t *testing.T) {
	for _, test := range []struct {
		t    *schema.Type
		name string
		want string
	}{
		{schematest.I32, "", "int32"}, {schematest.I64, "sint64", "sint64"}, {schematest.I8, "sfixed32", "sfixed32"},
		{schematest.String, "bytes", "bytes"}, {schematest.UUID, "", "bytes"}, {schematest.UUID, "string", "string"},
		{schematest.I32, "int64", `proto.type = "int64" does not fit i32: want int32, sint32, sfixed32`},
		{schema.ListOf(schematest.I32), "sint32", "annotate the element"},
	} {
		f := schematest.Field(1, "x", test.t)
		if test.name != "" {
			f.Annotations = schema.Annotations{{Name: protomap.Annotation, Value: test.name}}
		}
		s, err := protomap.Of(schematest.Struct("S", f))
		got := s.Fields[0].Type.Kind.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s as %q: %s, want %s", test.t, test.name, got, test.want)
		}
	}
}
