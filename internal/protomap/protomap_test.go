package protomap_test

import (
	"fmt"
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

// TestEnumValues has the names that an enum's values get.
func TestEnumValues(t *testing.T) {
	enum := func(name string, pairs ...any) *schema.Enum {
		e := &schema.Enum{Name: name}
		for i := 0; i < len(pairs); i += 2 {
			e.Values = append(e.Values, &schema.EnumValue{Name: pairs[i].(string), Number: int32(pairs[i+1].(int))})
		}
		return e
	}
	for _, test := range []struct {
		e     *schema.Enum
		want  string
		alias bool
	}{
		{enum("Color", "RED", 1), "COLOR_UNSPECIFIED=0 COLOR_RED=1", false},
		{enum("Color", "RED", 1, "NONE", 0), "COLOR_NONE=0 COLOR_RED=1", false},
		{enum("Color", "COLOR_RED", 1, "LEAF", 1), "COLOR_UNSPECIFIED=0 COLOR_RED=1 COLOR_LEAF=1", true},
		{enum("HTTPStatus", "ok", 0), "HTTP_STATUS_ok=0", false},
		{enum("E", "a_b", 0, "AB", 1, "Ab", 1), "E_a_b=0 E_AB_2=1 E_Ab_2=1", true},
		{enum("E", "UNSPECIFIED", 3), "E_UNSPECIFIED_2=0 E_UNSPECIFIED=3", false},
		{enum("E"), "E_UNSPECIFIED=0", false},
	} {
		values, alias := protomap.EnumValues(test.e)
		var got []string
		for _, v := range values {
			got = append(got, fmt.Sprintf("%s=%d", v.Name, v.Number))
		}
		if s := strings.Join(got, " "); s != test.want || alias != test.alias {
			t.Errorf("%s: %s, %v, want %s, %v", test.e.Name, s, alias, test.want, test.alias)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"get_user": "GetUser", "getUser": "GetUser", "_x": "X", "a.b": "AB", "x2_y": "X2Y"} {
		if got := protomap.Camel(name); got != want {
			t.Errorf("Camel(%q) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"by_color": "byColor", "a_1": "a1", "_a": "A", "aB": "aB", "a__b": "aB"} {
		if got := protomap.DefaultJSONName(name); got != want {
			t.Errorf("DefaultJSONName(%q) = %q, want %q", name, got, want)
		}
	}
}
