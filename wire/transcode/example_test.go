package transcode_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/transcode"
)

func ExampleAppendThrift() {
	point := &schema.Struct{Name: "Point", Fields: []*schema.Field{
		{ID: 1, Name: "x", Type: schema.Base(schema.KindI32)},
		{ID: 2, Name: "y", Type: schema.Base(schema.KindI32)},
	}}
	if err := schema.Link(&schema.File{Path: "point", Structs: []*schema.Struct{point}}); err != nil {
		panic(err)
	}
	msg, err := transcode.AppendThrift(nil, []byte(`{"x": 1, "y": -1}`), point, transcode.Options{})
	fmt.Printf("% x, %v\n", msg, err)
	text, err := transcode.AppendJSON(nil, msg, point, transcode.Options{})
	fmt.Printf("%s, %v\n", text, err)
	_, err = transcode.AppendThrift(nil, []byte(`{"x": 1, "z": -1}`), point, transcode.Options{Protocol: transcode.Compact})
	fmt.Println(err)
	_, err = transcode.AppendJSON(nil, msg[:9], point, transcode.Options{})
	fmt.Println(err)
	// Output:
	// 08 00 01 00 00 00 01 08 00 02 ff ff ff ff 00, <nil>
	// {"x":1,"y":-1}, <nil>
	// 1:10: struct Point has no field "z"
	// at byte 9: unexpected end of message
}
