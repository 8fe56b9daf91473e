package codec

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
)

// seriesRows show that time grows no faster than the work: in rows of one series the time for a
// unit should stay about the same.
func seriesRows() ([]Row, error) {
	file, err := payload.Load()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, n := range []int{1, 4, 16, 64, 256} {
		l := &payload.Large{Named: map[string]*payload.Nested{}}
		for i := range n {
			l.Parts = append(l.Parts, payload.NewNested(i))
		}
		v := value{name: fmt.Sprint(n), desc: file.Struct("Large"), bound: l, empty: func() any { return new(payload.Large) }}
		if v.bytes, err = thriftkit.Marshal(v.desc, l); err != nil {
			return nil, err
		}
		encode, decode, err := ops(v, bound("binary"), dyn("binary"))
		if err != nil {
			return nil, err
		}
		pair := pair("series", v, "the time of a byte as messages grow", encode, decode)
		for i := range pair {
			pair[i].Units = len(v.bytes)
		}
		rows = append(rows, pair...)
	}
	for _, n := range []int{10, 100, 1000, 3000} {
		load, v, err := wide(n)
		if err != nil {
			return nil, err
		}
		encode, decode, err := ops(v, bound("binary"), dyn("binary"))
		if err != nil {
			return nil, err
		}
		pair := pair("series-fields", v, "the time of a field as structs grow", encode, decode)
		for i := range pair {
			pair[i].Units = n
		}
		rows = append(rows, pair...)
		rows = append(rows, Row{Name: fmt.Sprintf("bind/series-fields/%d", n), About: "loading and binding a struct, by field, as structs grow", Units: n, Ops: []Op{{
			Side: "thriftkit-bound", Run: func() error {
				desc, err := load()
				if err != nil {
					return err
				}
				_, err = plan.ForType(reflect.TypeOf(v.bound).Elem(), desc.Type())
				return err
			},
		}}})
	}
	return rows, nil
}

// wide returns a struct of n fields, and what loads its schema anew.
func wide(n int) (load func() (*schema.Struct, error), v value, err error) {
	var text strings.Builder
	text.WriteString("struct Wide {\n")
	fields := make([]reflect.StructField, n)
	for i := range n {
		fmt.Fprintf(&text, "  %d: i64 field%d,\n", i+1, i+1)
		fields[i] = reflect.StructField{Name: fmt.Sprintf("Field%d", i+1), Type: reflect.TypeFor[int64]()}
	}
	text.WriteString("}\n")
	load = func() (*schema.Struct, error) {
		file, err := thriftkit.Parse("wide.thrift", text.String())
		if err != nil {
			return nil, err
		}
		return file.Struct("Wide"), nil
	}
	desc, err := load()
	if err != nil {
		return nil, v, err
	}
	t := reflect.StructOf(fields)
	v = value{name: fmt.Sprint(n), desc: desc, bound: reflect.New(t).Interface(), empty: func() any { return reflect.New(t).Interface() }}
	for i := range n {
		reflect.ValueOf(v.bound).Elem().Field(i).SetInt(int64(i))
	}
	v.bytes, err = thriftkit.Marshal(desc, v.bound)
	return load, v, err
}
