package compile_test

import (
	"embed"
	"fmt"

	"github.com/thriftkit/thriftkit/idl/compile"
)

func ExampleCompile() {
	file, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{
		"shop.thrift": `
include "common.thrift"

struct Item {
  1: required i64 id
  2: optional common.Color color = common.Color.RED
}

service Shop {
  list<Item> find(1: string words) throws (1: common.NotFound none)
}`,
		"common.thrift": `
enum Color { RED, GREEN }
exception NotFound { 1: string what }`,
	}})
	if file == nil {
		fmt.Println(diags)
		return
	}
	for _, m := range file.Service("Shop").AllMethods() {
		fmt.Println(m, "returns", m.Result, "and throws", m.Throws[0].Type)
	}
	color := file.Struct("Item").Field("color")
	fmt.Println(color.Name, "is", color.Default.Ref, "if it is not given:", color.Default.Int)
	// Output:
	// Shop.find returns list<Item> and throws NotFound
	// color is common.Color.RED if it is not given: 0
}

// All mistakes are reported at once, with places, hints and the other place involved.
func ExampleCompile_mistakes() {
	_, diags := compile.Compile("shop.thrift", compile.Options{Source: compile.Texts{
		"shop.thrift": `enum Color { RED, GREEN }
struct Item {
  1: required int id
  2: Colour color = Color.GREN
  2: i8 count = 300
}`,
	}})
	for _, d := range diags {
		fmt.Println(d)
	}
	// Output:
	// shop.thrift:3:15: error: unknown type int (did you mean i32?) [unknown-type]
	// shop.thrift:4:6: error: unknown type Colour (did you mean Color?) [unknown-type]
	// shop.thrift:5:3: error: id 2 of field count is already used by color; defined at shop.thrift:4:13 [duplicate-id]
	// shop.thrift:5:17: error: 300 does not fit i8, which holds -128 to 127 [value-range]
}

//go:embed testdata/probes/inc_use.thrift testdata/probes/inc_lib.thrift
var files embed.FS

// A program can carry its IDL with it.
func ExampleFS() {
	file, diags := compile.Compile("inc_use.thrift", compile.Options{
		Source:      compile.FS(files),
		IncludeDirs: []string{"testdata/probes"},
	})
	fmt.Println(file == nil, diags)
	file, diags = compile.Compile("testdata/probes/inc_use.thrift", compile.Options{Source: compile.FS(files)})
	fmt.Println(file.Struct("inc_lib.L").Name, len(diags))
	// Output:
	// true inc_use.thrift: error: cannot be read: it does not exist [cannot-read]
	// L 0
}

// Several files that include the same ones share them.
func ExampleLoad() {
	p := compile.Load([]string{"a.thrift", "b.thrift"}, compile.Options{Source: compile.Texts{
		"a.thrift":   `include "lib.thrift" struct A {1: lib.L l}`,
		"b.thrift":   `include "lib.thrift" struct B {1: lib.L l}`,
		"lib.thrift": `struct L {}`,
	}})
	fmt.Println(p.Files[0].Struct("lib.L") == p.Files[1].Struct("lib.L"))
	for _, tree := range p.Trees {
		fmt.Println(tree.Path, len(tree.Tokens) > 0)
	}
	// Output:
	// true
	// a.thrift true
	// lib.thrift true
	// b.thrift true
}
