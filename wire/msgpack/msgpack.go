// Package msgpack turns structs in MessagePack, keyed by the names of their fields as Go's libraries write structs, into the
// bytes of Thrift's binary protocol and back, by schema and without building values. [FromJSON] and [AppendJSON] do the same for
// JSON as Go's encoding/json has it.
//
//	bool, i8 … i64, double      bool; integer, in the shortest form; float 64. An integer is accepted for a double
//	string, binary              str; bin. Either is accepted for both
//	uuid                        bin of 16 bytes; a text is accepted
//	enum                        integer; a name is accepted. With EnumNames, the name
//	list, set                   array
//	map                         map
//	struct, union, exception    map of the fields that are set. Names are found ignoring case and underscores, unknown ones are
//	                            skipped, nil is a field that is not set
//
// Errors are *wire.Error with the offset and the path of fields. Structs and containers may nest as deep as wire.MaxDepth says;
// nothing is allocated for what a message only claims.
//
// The source is the MessagePack specification (github.com/msgpack/msgpack, spec.md).
package msgpack

import (
	"github.com/thriftkit/thriftkit/internal/gonames"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Options vary the form.
type Options struct {
	GoNames   bool // write the names of fields as Go exports them: UserID for user_id
	EnumNames bool // write enums by name

	text bool // the message comes from JSON or becomes JSON: binaries in base64, keys as strings
}

// The formats.
const (
	fixMap   = 0x80
	fixArray = 0x90
	fixStr   = 0xa0
	nilByte  = 0xc0
	unused   = 0xc1
	falseBit = 0xc2
	trueBit  = 0xc3
	bin8     = 0xc4
	bin16    = 0xc5
	bin32    = 0xc6
	ext8     = 0xc7
	ext16    = 0xc8
	ext32    = 0xc9
	float32b = 0xca
	float64b = 0xcb
	uint8b   = 0xcc
	uint16b  = 0xcd
	uint32b  = 0xce
	uint64b  = 0xcf
	int8b    = 0xd0
	int16b   = 0xd1
	int32b   = 0xd2
	int64b   = 0xd3
	fixExt1  = 0xd4
	fixExt16 = 0xd8
	str8     = 0xd9
	str16    = 0xda
	str32    = 0xdb
	array16  = 0xdc
	array32  = 0xdd
	map16    = 0xde
	map32    = 0xdf
)

// An object is a struct, with what is asked of it for each value found out once.
type object struct {
	schema *schema.Struct
	fields []field
	exact  map[string]int // field by its name, or its Go name
	folded map[string]int // field by plan.FoldName; -1: several
}

type field struct {
	schema *schema.Field
	wire   wire.Type
	name   string // with its header of MessagePack
	goName string // likewise
}

type objectKey struct{}

func objectOf(desc *schema.Struct) *object {
	return desc.Type().Memo(objectKey{}, func() any {
		o := &object{schema: desc, fields: make([]field, len(desc.Fields)), exact: make(map[string]int), folded: make(map[string]int)}
		for i, f := range desc.Fields {
			goName := gonames.Export(f.Name)
			o.fields[i] = field{f, wire.TypeOf(f.Type.Kind), string(appendString(nil, f.Name)), string(appendString(nil, goName))}
			fold := plan.FoldName(f.Name)
			if _, twice := o.folded[fold]; twice {
				o.folded[fold] = -1
			} else {
				o.folded[fold] = i
			}
			if _, twice := o.exact[goName]; !twice {
				o.exact[goName] = i
			}
		}
		for i, f := range desc.Fields {
			o.exact[f.Name] = i
		}
		return o
	}).(*object)
}

// find returns the field with a name, or -1.
func (o *object) find(name []byte) int {
	if i, ok := o.exact[string(name)]; ok {
		return i
	}
	if len(name) > 255 { // of no field: folding takes memory
		return -1
	}
	if i, ok := o.folded[plan.FoldName(string(name))]; ok {
		return i
	}
	return -1
}

// HasGoNames reports whether the struct that src begins with has its first field under a name as Go exports it.
func HasGoNames(src []byte) bool {
	r := reader{src: src}
	n, ok, err := r.count(fixMap, map16, map32)
	if err != nil || !ok || n == 0 {
		return false
	}
	name, ok, err := r.text()
	return err == nil && ok && len(name) > 0 && 'A' <= name[0] && name[0] <= 'Z'
}
