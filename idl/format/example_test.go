package format_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/idl/format"
)

func ExampleSource() {
	const text = `struct User {1:required i64 id; // never changes
2:optional string name="nobody"}
service Users{User get(1:i64 id)throws(1:NotFound missing)}`
	out, err := format.Source("users.thrift", []byte(text), format.Options{Align: true})
	if err != nil {
		fmt.Println(err) // a syntax.Diagnostics
		return
	}
	fmt.Print(string(out))
	// Output:
	// struct User {
	//   1: required i64    id, // never changes
	//   2: optional string name = "nobody",
	// }
	//
	// service Users {
	//   User get(1: i64 id) throws (1: NotFound missing),
	// }
}
