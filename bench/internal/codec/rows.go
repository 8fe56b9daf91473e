package codec

import (
	"fmt"
)

// pair returns the rows that encode and decode v.
func pair(protocol string, v value, about string, encode, decode []Op) []Row {
	size := fmt.Sprintf("%s, %d bytes", about, len(v.bytes))
	return []Row{
		{Name: "encode/" + protocol + "/" + v.name, About: "encode into a buffer that is used again; " + size, Ops: encode},
		{Name: "decode/" + protocol + "/" + v.name, About: "decode into a new value; " + size, Ops: decode},
	}
}

func abouts(name string) string {
	return map[string]string{
		"60B": "two strings", "89B": "a field of most kinds", "4.5KB": "nested, with lists and maps", "120KB": "many of them", "longs": "a list of i64",
	}[name]
}

// binaryRows have the sides that encode whole values in the binary protocol.
func binaryRows() ([]Row, error) {
	all, err := values()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, v := range all {
		sides := []side{bound("binary"), generated("binary"), public, dyn("binary"), kitexFast, frugalReflect, apache("binary"), kitexMap}
		encode, decode, err := ops(v, sides...)
		if err != nil {
			return nil, err
		}
		var sink any
		decode = append(decode, Op{Side: "graph-floor", Run: func() error {
			sink = v.floor()
			return nil
		}, Check: func() error { return wantSame(sink, v.bound) }})
		var dst []byte
		encode = append(encode, copyOp(v, &dst))
		rows = append(rows, pair("binary", v, abouts(v.name), encode, decode)...)
	}
	return rows, nil
}

// copyOp copies the bytes of v.
func copyOp(v value, dst *[]byte) Op {
	return Op{Side: "memcpy", Check: wantLen(dst, len(v.bytes)), Run: func() error {
		*dst = append((*dst)[:0], v.bytes...)
		return nil
	}}
}

func compactRows() ([]Row, error) { return otherRows("compact", 4) }

// jsonProtocolRows are about Apache's JSON protocol, not about the JSON that people write.
func jsonProtocolRows() ([]Row, error) { return otherRows("json", 3) }

func otherRows(protocol string, n int) ([]Row, error) {
	all, err := values()
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, v := range all[:n] {
		if v, err = v.in(protocol); err != nil {
			return nil, err
		}
		sides := []side{bound(protocol), dyn(protocol), apache(protocol)}
		if protocol == "compact" { // in the others generated structs are walked as those of bound are
			sides = append(sides, generated(protocol))
		}
		encode, decode, err := ops(v, sides...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, pair(protocol, v, abouts(v.name), encode, decode)...)
	}
	return rows, nil
}

func longsRows() ([]Row, error) {
	v, err := longs(10_000)
	if err != nil {
		return nil, err
	}
	encode, decode, err := ops(v, bound("binary"), generated("binary"), dyn("binary"), kitexFast, frugalReflect, apache("binary"))
	if err != nil {
		return nil, err
	}
	var encoded []byte
	encode = append(encode, copyOp(v, &encoded))
	var decoded []byte
	decode = append(decode, Op{Side: "memcpy", Check: wantLen(&decoded, len(v.bytes)), Run: func() error {
		decoded = append([]byte(nil), v.bytes...) // into new memory, as the others
		return nil
	}})
	return pair("binary", v, abouts(v.name), encode, decode), nil
}
