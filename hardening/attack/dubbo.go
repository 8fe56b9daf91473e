package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// dubboFrames claims what is not there, in the frames of Dubbo and in the values of Hessian: lengths, counts, classes, types, references to
// nowhere, cycles, references that repeat what repeats, many levels.
func dubboFrames(x *run) error {
	text := append([]byte{7}, "a, \xe9\x95\xbf b"...)
	object := append([]byte("C\x0bcom.acme.Foo\x92\x01a\x01b\x60\x91"), 'N')
	var all []input
	for _, value := range [][]byte{
		text, object, []byte("X\x92\x01a\x01b"), []byte("H\x01a\x01bZ"), []byte("S\xff\xffa"), []byte("B\xff\xffa"), []byte("X\x49\x7f\xff\xff\xffN"),
		[]byte("V\x04[int\x49\x7f\xff\xff\xffN"), []byte("C\x01a\x49\x7f\xff\xff\xff"), []byte("\x6f"), []byte("q\x90"), []byte("Q\x49\x7f\xff\xff\xff"), []byte("y\x51\x90"),
		[]byte("H\x01a\x51\x90Z"), bytes.Repeat([]byte{0x79}, 1<<20), bytes.Repeat([]byte("H\x01a"), 1<<18), bytes.Repeat([]byte("R\x00\x00"), 1<<18), classes(), repeated(),
	} {
		for _, method := range []string{"echoString", "$echo"} {
			b := dubboCall(method, value)
			all = append(append(all, input{name: "a value", bytes: b}), liars(b, 12)...)
		}
	}
	x.throwAll(x.Addr, all)
	return x.ctx.Err()
}

// dubboCall returns a call of the service Conformance with one argument.
func dubboCall(method string, value []byte) []byte {
	var body []byte
	for _, s := range []string{"2.0.2", "Conformance", "0.0.0", method, "Ljava/lang/Object;"} {
		body = append(append(body, byte(len(s))), s...)
	}
	body = append(append(body, value...), 'H', 'Z')
	b := []byte{0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

// classes returns a list of objects, each of a class of its own.
func classes() []byte {
	b := []byte{0x57}
	for i := range 1 << 14 {
		name := fmt.Sprint(i)
		b = append(append(append(b, 'C', byte(len(name))), name...), 0x90, 0x60)
	}
	return append(b, 'Z')
}

// repeated returns lists of references to the list before.
func repeated() []byte {
	b := []byte{0x57, 0x79, 0x78}
	for i := range 46 {
		b = append(b, 0x7f)
		b = append(b, bytes.Repeat([]byte{0x51, byte(0x91 + i)}, 7)...)
	}
	return append(b, 'Z')
}
