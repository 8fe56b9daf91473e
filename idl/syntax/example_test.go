package syntax_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

func ExampleParse() {
	const text = `/** Somebody. */
struct User {
  1: required i64 id
  2: optional string name = "nobody",
}

service Users {
  User get(1: i64 id
}
`
	file, diags := syntax.Parse("users.thrift", []byte(text))
	for _, d := range diags {
		fmt.Println(d)
	}
	user := file.Defs[0].(*syntax.Struct)
	fmt.Printf("%s: %s", user.Name.Text, user.Doc)
	for _, field := range user.Fields {
		fmt.Println(file.Place(field.Name.Span), file.Text(field.Type.Range()), field.Name.Text)
	}
	fmt.Println(file.String() == text)
	// Output:
	// users.thrift:9:1: error: expected a parameter or ")", found "}"; "(" opened at users.thrift:8:11 [syntax]
	// User: Somebody.
	// users.thrift:3:19 i64 id
	// users.thrift:4:22 string name
	// true
}

func ExampleFile_Trivia() {
	file, _ := syntax.Parse("a.thrift", []byte("// Kept for old clients.\nstruct Old {}\n"))
	def := file.Defs[0]
	for _, piece := range file.Trivia(file.TokenAt(def.Range().Start)) {
		if piece.Kind == syntax.LineComment {
			fmt.Println(file.Text(piece.Span))
		}
	}
	// Output: // Kept for old clients.
}
