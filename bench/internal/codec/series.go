package codec

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
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
	for _, n := range []int{10, 100, 1000, 10_000} {
		v, err := wide(n)
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
	}
	return rows, nil
}

// wide returns a struct of n fields.
func wide(n int) (value, error) {
	var text strings.Builder
	text.WriteString("struct Wide {\n")
	fields := make([]reflect.StructField, n)
	for i := range n {
		fmt.Fprintf(&text, "  %d: i64 field%d,\n", i+1, i+1)
		fields[i] = reflect.StructField{Name: fmt.Sprintf("Field%d", i+1), Type: reflect.TypeFor[int64]()}
	}
	text.WriteString("}\n")
	file, err := thriftkit.Parse("wide.thrift", text.String())
	if err != nil {
		return value{}, err
	}
	desc := file.Struct("Wide")
	t := reflect.StructOf(fields)
	v := value{name: fmt.Sprint(n), desc: desc, bound: reflect.New(t).Interface(), empty: func() any { return reflect.New(t).Interface() }}
	for i := range n {
		reflect.ValueOf(v.bound).Elem().Field(i).SetInt(int64(i))
	}
	v.bytes, err = thriftkit.Marshal(desc, v.bound)
	return v, err
}
