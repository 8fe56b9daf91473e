package schema_test

import (
	"fmt"
	"log"

	"github.com/thriftkit/thriftkit/schema"
)

// A schema composed without any text.
func ExampleLink() {
	node := &schema.Struct{Name: "Node"}
	node.Fields = []*schema.Field{
		{ID: 1, Name: "value", Type: schema.Base(schema.KindI64), Requiredness: schema.Required},
		{ID: 2, Name: "children", Type: schema.ListOf(node.Type())},
	}
	file := &schema.File{
		Path:    "tree",
		Name:    "tree",
		Structs: []*schema.Struct{node},
		Services: []*schema.Service{{
			Name: "Trees",
			Methods: []*schema.Method{{
				Name:   "grow",
				Args:   &schema.Struct{Fields: []*schema.Field{{ID: 1, Name: "root", Type: node.Type()}}},
				Result: node.Type(),
			}},
		}},
	}
	fmt.Println(schema.Link(file))
	grow := file.Service("Trees").Method("grow")
	fmt.Println(grow, grow.Args.Field("root").Type, grow.Reply().FieldByID(0).Type)

	node.Fields[1].ID = 1
	fmt.Println(schema.Link(file))
	// Output:
	// <nil>
	// Trees.grow Node Node
	// tree: struct Node: field id 1 is used by value and by children
}

func ExampleDecode() {
	file := &schema.File{Path: "colors.thrift", Name: "colors", Enums: []*schema.Enum{{
		Name: "Color", Values: []*schema.EnumValue{{Name: "RED", Number: 1}, {Name: "GREEN", Number: 2}},
	}}}
	if err := schema.Link(file); err != nil {
		log.Fatal(err)
	}
	text := schema.Encode(file, file.Path)

	same, err := schema.Decode(text)
	if err != nil {
		log.Fatal(err)
	}
	color := same.Enum("Color")
	n, err := color.NumberOf("GREEN")
	fmt.Println(n, err, color.NameOf(1), color.NameOf(7))
	_, err = color.NumberOf("green")
	fmt.Println(err)
	// Output:
	// 2 <nil> RED 7
	// enum Color has no value "green"
}
