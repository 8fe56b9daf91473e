package attack

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"

	"github.com/thriftkit/thriftkit/hardening/child"
)

// rpcxFrames claims what is not there, in the frames of rpcx.
func rpcxFrames(x *run) error {
	path := len("Conformance")
	text := "Conformance is long: \u957f"
	packed := append([]byte{0x81, 0xa1, 'v', 0xd9, byte(len(text))}, text...)
	thrift := append([]byte{11, 0, 1, 0, 0, 0, byte(len(text))}, text...)
	x.throwAll(x.Addr, liars(child.RPCXMessage(1), 12, 16, 16+4+path))
	for serialization, payload := range map[byte][]byte{1: []byte(`{"v": "` + text + `"}`), 2: thrift, 3: packed, 4: append(thrift, 0)} {
		b := child.RPCXCall("EchoString", 0, serialization, payload)
		x.throwAll(x.Addr, liars(b, 12, 16, 16+4+path, len(b)-len(payload)-4, len(b)-len(payload)+1, len(b)-len(payload)+3))
	}
	return x.ctx.Err()
}

// motanFrames claims what is not there, in the frames of Motan.
func motanFrames(x *run) error {
	metadata := "M_p\nConformance\nM_m\nechoString"
	for _, body := range []string{"\x01\x00\x00\x00\x04text", "\x14\x00\x00\x00\x09\x01\x00\x00\x00\x01a\x08\x02\x00", "\x15\x00\x00\x00\x05\x15\x00\x00\x00\x00"} {
		b := motanMessage(0, metadata, []byte(body))
		x.throwAll(x.Addr, liars(b, 13, 17+len(metadata), len(b)-len(body)+1))
	}
	return x.ctx.Err()
}

// motanMessage returns a call of Motan, in the serialization simple.
func motanMessage(kind byte, metadata string, body []byte) []byte {
	b := []byte{0xf1, 0xf1, kind, 1 << 3, 6 << 3, 0, 0, 0, 0, 0, 0, 0, 1}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(metadata))), metadata...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

// liars returns msg with each length, at an offset, that lies, and, unless it is longer than 1 KiB, cut at every byte, and with every bit of it
// changed.
func liars(msg []byte, lengths ...int) []input {
	var all []input
	for _, n := range lies {
		for _, at := range lengths {
			if at+4 > len(msg) {
				continue
			}
			b := bytes.Clone(msg)
			binary.BigEndian.PutUint32(b[at:], uint32(n))
			all = append(all, input{name: "a length", bytes: b})
		}
	}
	if len(msg) > 1<<10 {
		return all
	}
	for i := range msg {
		all = append(all, input{name: "cut", bytes: msg[:i]})
		for bit := range 8 {
			b := bytes.Clone(msg)
			b[i] ^= 1 << bit
			all = append(all, input{name: "changed", bytes: b})
		}
	}
	return all
}

// foreignBombs sends payloads that become long when they are decompressed.
func foreignBombs(x *run) error {
	mib := 1 << 10
	if x.Short {
		mib = 1 << 7
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	zeros := make([]byte, 1<<20)
	for range mib {
		w.Write(zeros)
	}
	w.Close()
	var all []input
	lying := bytes.Clone(out.Bytes())
	binary.LittleEndian.PutUint32(lying[len(lying)-4:], 5) // how long it claims to be
	for range 4 {
		for _, bomb := range [][]byte{out.Bytes(), lying} {
			if x.Motan {
				all = append(all, input{name: "Motan", bytes: motanMessage(8, "M_p\nConformance\nM_m\nechoString", bomb)})
			}
			for serialization := range byte(5) {
				all = append(all, input{name: "rpcx", bytes: child.RPCXCall("EchoString", 4, serialization, bomb)})
			}
		}
	}
	x.throwAll(x.Addr, all)
	return x.ctx.Err()
}
