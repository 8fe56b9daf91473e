package dynamic_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

func ExampleStruct() {
	point := &schema.Struct{Name: "Point", Fields: []*schema.Field{
		{ID: 1, Name: "x", Type: schema.Base(schema.KindI32)},
		{ID: 2, Name: "y", Type: schema.Base(schema.KindI32)},
	}}
	if err := schema.Link(&schema.File{Path: "point", Structs: []*schema.Struct{point}}); err != nil {
		panic(err)
	}
	p := dynamic.New(point)
	fmt.Println(p.Set("x", 3), p.Get("x").Int(), p.Get("y").IsSet())
	fmt.Println(p.Set("y", int64(1)<<40))
	fmt.Println(p.Set("z", 0))
	// Output:
	// <nil> 3 false
	// in Point.y (field 2): the value does not fit: 1099511627776 is out of range for i32
	// struct Point has no field "z"
}

func ExampleOf() {
	names := schema.MapOf(schema.Base(schema.KindI32), schema.ListOf(schema.Base(schema.KindString)))
	v, err := dynamic.Of(names, map[int][]string{7: {"seven", "sept"}})
	fmt.Println(v.Interface(), err)
	_, err = dynamic.Of(names, map[int][]any{7: {"seven", 7}})
	fmt.Println(err)
	// Output:
	// map[7:[seven sept]] <nil>
	// in [0] value[1]: the value does not fit: want string, got 7
}

func ExampleStruct_Has() {
	point := &schema.Struct{Name: "Point", Fields: []*schema.Field{
		{ID: 1, Name: "x", Type: schema.Base(schema.KindI32)},
		{ID: 2, Name: "y", Type: schema.Base(schema.KindI32)},
	}}
	if err := schema.Link(&schema.File{Path: "point", Structs: []*schema.Struct{point}}); err != nil {
		panic(err)
	}
	p := dynamic.New(point)
	err := p.Set("x", 0)
	fmt.Println(p.Has("x"), p.Has("y"), p.Has("z"), err)
	// Output: true false false <nil>
}

func ExampleMap() {
	m := dynamic.NewMap(schema.MapOf(schema.Base(schema.KindString), schema.Base(schema.KindI32)))
	for _, name := range []string{"a", "b", "a"} {
		if err := m.Set(name, m.Len()); err != nil {
			panic(err)
		}
	}
	v, ok := m.Get(dynamic.String("a"))
	fmt.Println(m.Len(), v.Int(), ok)
	fmt.Println(m.Delete("a"), m.Delete("a"), m.Len())
	fmt.Println(m.Set("c", "three"))
	// Output:
	// 2 2 true
	// true false 1
	// in [1] value: the value does not fit: want i32, got "three"
}
