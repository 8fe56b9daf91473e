package transcode

import (
	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A node is a type, an object a struct, with what is asked of them for each value found out once.
type node struct {
	kind   schema.Kind
	wire   wire.Type
	schema *schema.Type
	enum   *schema.Enum
	key    *node // of a map
	elem   *node // of a list, set or map
	object *object
}

type object struct {
	schema  *schema.Struct
	members []member // by schema.Field.Index
	byName  map[string]int
	direct  bool // few enough fields
	union   bool
	must    uint64 // required fields: a text must have them
	absent  uint64 // fields that want attention when a message lacks them
}

type member struct {
	quoted string // "name"
	comma  string // ,"name":
	head   uint32 // the header in the binary protocol: type, id
	id     int16
	node   *node
	schema *schema.Field
}

const maxMembers = 64

type objectKey struct{}

func objectOf(desc *schema.Struct) *object {
	return desc.Type().Memo(objectKey{}, func() any {
		return newObject(desc, make(map[*schema.Struct]*object))
	}).(*object)
}

// newObject takes from known those that are made or being made: structs refer to each other in circles.
func newObject(desc *schema.Struct, known map[*schema.Struct]*object) *object {
	if o := known[desc]; o != nil {
		return o
	}
	o := &object{schema: desc, direct: len(desc.Fields) <= maxMembers, union: desc.Kind == schema.Union,
		members: make([]member, len(desc.Fields)), byName: make(map[string]int, len(desc.Fields))}
	known[desc] = o
	for i, f := range desc.Fields {
		quoted := string(jsontext.AppendString(nil, f.Name))
		n := newNode(f.Type, known)
		o.members[i] = member{quoted: quoted, comma: "," + quoted + ":",
			head: uint32(n.wire)<<16 | uint32(uint16(f.ID)), id: f.ID, node: n, schema: f}
		o.byName[f.Name] = i
		if i >= maxMembers {
			continue
		}
		if f.Requiredness == schema.Required {
			o.must |= 1 << i
		}
		if f.Requiredness == schema.Required || f.Default != nil && !o.union {
			o.absent |= 1 << i
		}
	}
	return o
}

func newNode(t *schema.Type, known map[*schema.Struct]*object) *node {
	n := &node{kind: t.Kind, wire: wire.TypeOf(t.Kind), schema: t, enum: t.Enum}
	if t.Key != nil {
		n.key = newNode(t.Key, known)
	}
	if t.Elem != nil {
		n.elem = newNode(t.Elem, known)
	}
	if t.Kind == schema.KindStruct {
		n.object = newObject(t.Struct, known)
	}
	return n
}

// isKey reports whether values of n are the names of members in JSON.
func (n *node) isKey() bool {
	switch n.kind {
	case schema.KindBinary, schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return false
	}
	return true
}

// nests reports whether values of n may contain others.
func (n *node) nests() bool {
	switch n.kind {
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return true
	}
	return false
}
