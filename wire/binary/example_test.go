package binary_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
)

func ExampleConsumeHeader() {
	msg := binary.AppendHeader(nil, wire.Header{Name: "ping", Type: wire.Call, SeqID: 7})
	fmt.Printf("% x\n", msg)
	h, off, err := binary.ConsumeHeader(msg)
	fmt.Println(h.Name, h.Type, h.SeqID, off, err)
	_, _, err = binary.ConsumeHeader(msg[:10])
	fmt.Println(err)
	// Output:
	// 80 01 00 01 00 00 00 04 70 69 6e 67 00 00 00 07
	// ping call 7 16 <nil>
	// at byte 4: unexpected end of message: length 4, but only 2 bytes left
}

// A stream without lengths is cut into messages as it comes.
func ExampleSplitter() {
	msg := append(binary.AppendHeader(nil, wire.Header{Name: "ping", Type: wire.Call, SeqID: 7}), 0)
	s := binary.NewSplitter(1 << 20)
	for _, come := range []int{5, 12, len(msg)} {
		n, need, err := s.Split(msg[:come])
		fmt.Println(n, need, err)
	}
	// Output:
	// 0 8 <nil>
	// 0 17 <nil>
	// 17 0 <nil>
}
