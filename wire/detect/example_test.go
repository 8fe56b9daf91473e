package detect_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/wire/detect"
)

func ExampleBytes() {
	for _, first := range []string{
		"\x80\x01\x00\x01\x00\x00\x00\x04",
		"\x00\x00\x00\x11\x80\x01\x00\x01",
		"\x00\x00\x00\x04ping",
		"EHLO me\r",
	} {
		d, ok := detect.Bytes([]byte(first), 16<<20)
		fmt.Println(ok, d.Protocol, "framed:", d.Framed, "old:", d.Old)
	}
	// Output:
	// true binary framed: false old: false
	// true binary framed: true old: false
	// true binary framed: false old: true
	// false  framed: false old: false
}
