package attack

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/wire"
)

// A writer puts together a message that may claim anything. Each method appends what a correct program would, with
// the numbers that it is given.
type writer interface {
	message(name string, nameLen int64, t byte, seq int32) // the header; the name claims nameLen bytes
	field(t wire.Type, id int16)
	list(elem wire.Type, n int64) // of a list or a set
	mapping(key, elem wire.Type, n int64)
	text(s string, n int64) // a string that claims n bytes
	number(v int32)
	raw(b ...byte)
	stop()
	bytes() []byte
}

// newWriter returns a writer for binary, or else compact.
func newWriter(protocol string) writer {
	if protocol == "compact" {
		return &compactWriter{}
	}
	return &binaryWriter{}
}

// binaryWriter writes the binary protocol (Apache Thrift, doc/specs/thrift-binary-protocol.md).
type binaryWriter struct{ b []byte }

func (w *binaryWriter) message(name string, nameLen int64, t byte, seq int32) {
	w.b = append(w.b, 0x80, 0x01, 0, t)
	w.text(name, nameLen)
	w.number(seq)
}

func (w *binaryWriter) field(t wire.Type, id int16) {
	w.b = append(w.b, byte(t))
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(id))
}

func (w *binaryWriter) list(elem wire.Type, n int64) {
	w.b = append(w.b, byte(elem))
	w.number(int32(n))
}

func (w *binaryWriter) mapping(key, elem wire.Type, n int64) {
	w.b = append(w.b, byte(key), byte(elem))
	w.number(int32(n))
}

func (w *binaryWriter) text(s string, n int64) {
	w.number(int32(n))
	w.b = append(w.b, s...)
}

func (w *binaryWriter) number(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *binaryWriter) raw(b ...byte)  { w.b = append(w.b, b...) }
func (w *binaryWriter) stop()          { w.b = append(w.b, byte(wire.Stop)) }
func (w *binaryWriter) bytes() []byte  { return w.b }

// compactWriter writes the compact protocol (Apache Thrift, doc/specs/thrift-compact-protocol.md).
type compactWriter struct{ b []byte }

// compactTypes are the numbers that compact has for types; others go as they are.
var compactTypes = map[wire.Type]byte{
	wire.Bool: 1, wire.I8: 3, wire.I16: 4, wire.I32: 5, wire.I64: 6, wire.Double: 7,
	wire.String: 8, wire.List: 9, wire.Set: 10, wire.Map: 11, wire.Struct: 12, wire.UUID: 13,
}

func compactType(t wire.Type) byte {
	if c, ok := compactTypes[t]; ok {
		return c
	}
	return byte(t) & 0x0f
}

func (w *compactWriter) uvarint(v int64) { w.b = binary.AppendUvarint(w.b, uint64(v)) }

func (w *compactWriter) message(name string, nameLen int64, t byte, seq int32) {
	w.b = append(w.b, 0x82, t<<5|1)
	w.uvarint(int64(uint32(seq)))
	w.text(name, nameLen)
}

func (w *compactWriter) field(t wire.Type, id int16) {
	w.b = append(w.b, compactType(t))
	w.number(int32(id))
}

func (w *compactWriter) list(elem wire.Type, n int64) {
	w.b = append(w.b, 0xf0|compactType(elem))
	w.uvarint(int64(uint32(n)))
}

func (w *compactWriter) mapping(key, elem wire.Type, n int64) {
	w.uvarint(int64(uint32(n)))
	w.b = append(w.b, compactType(key)<<4|compactType(elem))
}

func (w *compactWriter) text(s string, n int64) {
	w.uvarint(int64(uint32(n)))
	w.b = append(w.b, s...)
}

func (w *compactWriter) number(v int32) { w.b = binary.AppendVarint(w.b, int64(v)) }
func (w *compactWriter) raw(b ...byte)  { w.b = append(w.b, b...) }
func (w *compactWriter) stop()          { w.b = append(w.b, byte(wire.Stop)) }
func (w *compactWriter) bytes() []byte  { return w.b }
