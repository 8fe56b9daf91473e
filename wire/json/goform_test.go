package json

import (
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
)

// TestGoForm reads what may be in the form of Apache's Go library, and what only looks like it.
func TestGoForm(t *testing.T) {
	list := schema.ListOf
	point := schematest.Struct("Point", schematest.Field(1, "x", schematest.I32))
	const (
		notList = "which is not supported: use the binary, compact or json protocol"
		refused = "refused"
	)
	for _, tt := range []struct {
		name string
		t    *schema.Type
		text string
		want string // of the message after "in D.v (field 1): invalid data: ", or the value as JSON
	}{
		{"numbers", list(schematest.I32), `[8,2,1,2]`, refused},
		{"no numbers", list(schematest.I32), `[8,0]`, refused},
		{"set", schema.SetOf(schematest.I64), `[10,1,7]`, refused},
		{"doubles", list(schematest.Double), `[4,2,0.5,"NaN"]`, refused},
		{"bools", list(schematest.Bool), `[2,2,true,false]`, refused},
		{"strings", list(schematest.String), `[11,1,"a"]`, refused},
		{"structs", list(point.Type()), `[12,1,{"x":1}]`, refused},
		{"lists", list(list(schematest.I8)), `[15,1,[3,1,1]]`, refused},
		{"inner list", list(list(schematest.I8)), `[[3,1,1]]`, `at byte 6, in D.v (field 1)[0]: invalid data: want i8 elements, got what looks like the simple JSON of Apache's Go library, [type,count,element,…], ` + notList},
		{"map", schema.MapOf(schematest.I32, schematest.I32), `[8,8,1,1,2]`, `at byte 5, in D.v (field 1): invalid data: want entries, got what looks like the simple JSON of Apache's Go library, [keytype,valuetype,count,key,value,…], ` + notList},
		{"the message", list(schematest.I32), `[8,1,5]`, `at byte 5, in D.v (field 1): invalid data: want i32 elements, got what looks like the simple JSON of Apache's Go library, [type,count,element,…], ` + notList},

		{"another count", list(schematest.I32), `[8,2,1]`, `[8,2,1]`},
		{"another count, more", list(schematest.I32), `[8,1,1,2]`, `[8,1,1,2]`},
		{"another type", list(schematest.I64), `[8,2,1,2]`, `[8,2,1,2]`},
		{"one number", list(schematest.I32), `[8]`, `[8]`},
		{"a space", list(schematest.I32), `[ 8,2,1,2]`, `[8,2,1,2]`},
		{"a space before the comma", list(schematest.I32), `[8 ,2,1,2]`, `[8,2,1,2]`},
		{"bools as numbers", list(schematest.Bool), `[1,1,0]`, `[true,true,false]`},
		{"object", schema.MapOf(schematest.I32, schematest.I32), `{"8":8}`, `{"8":8}`},
	} {
		desc := schematest.Struct("D", schematest.Field(1, "v", tt.t))
		var v dynamic.Value
		err := codec(Simple).Decode([]byte(`{"v":`+tt.text+`}`), &v, desc.Type())
		var got string
		switch {
		case err != nil && tt.want == refused:
			got = refused
		case err != nil:
			got = err.Error()
		default:
			b, err := dynamic.AppendJSON(nil, tt.t, v.Struct().Get("v"), dynamic.JSONOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestGoFormWrite writes lists that would look like Go's form, and reads them back.
func TestGoFormWrite(t *testing.T) {
	type bound struct {
		I []int32
		D []float64
		S map[int8]struct{}
	}
	desc := schematest.Struct("B", schematest.Field(1, "i", schema.ListOf(schematest.I32)), schematest.Field(2, "d", schema.ListOf(schematest.Double)),
		schematest.Field(3, "s", schema.SetOf(schematest.I8)))
	c := codec(Simple)
	src, err := c.Encode(&bound{[]int32{8, 2, 1, 2}, []float64{4, 1, 0.5}, map[int8]struct{}{3: {}}}, desc.Type())
	if want := `{"i":[ 8,2,1,2],"d":[ 4,1,0.5],"s":[3]}`; err != nil || string(src) != want {
		t.Fatalf("%s, %v, want %s", src, err, want)
	}
	var v dynamic.Value
	if err := c.Decode(src, &v, desc.Type()); err != nil {
		t.Fatal(err)
	}
	again, err := c.Encode(&v, desc.Type())
	if err != nil || string(again) != string(src) {
		t.Errorf("%s, %v, want %s", again, err, src)
	}
}
