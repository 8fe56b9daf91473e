package codectest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// testAny has the other Go forms: what takes any schema type writes the same bytes.
func (c Codec) testAny(t *testing.T) {
	type anyNode struct {
		Value    any
		Next     *dynamic.Struct
		Children *dynamic.List
		Named    *dynamic.Map
	}
	type looseNode struct {
		Value    dynamic.Value
		Next     map[string]any
		Children []any
		Named    map[string]any
	}
	for _, test := range golden {
		want, ok := c.golden(test)
		if test.desc != corpus.Node || !ok {
			continue
		}
		for _, v := range []any{new(anyNode), new(looseNode), new(any), new(map[string]any), new(*dynamic.Struct), ptr(&Node{})} {
			if err := c.Decode(want, v, test.desc.Type()); err != nil {
				t.Fatalf("%T: %v", v, err)
			}
			got, err := c.Encode(v, test.desc.Type())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%T: %v; %s", v, err, c.show(got, want))
			}
		}
		var bound any = test.bound // a user's struct in an interface binds when it is written
		if got, err := c.Encode(&bound, test.desc.Type()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("any of %T: %v; %s", test.bound, err, c.show(got, want))
		}
	}
}

// testWriteBad has values that may not be written.
func (c Codec) testWriteBad(t *testing.T) {
	loop := &Node{}
	loop.Next = loop
	type mistyped struct{ X, Y any }
	tests := []struct {
		name string
		desc *schema.Struct
		v    any
		err  string
	}{
		{"required field of a dynamic struct", corpus.Presence, ptr(dynOf(corpus.Presence, fields{})), "in Presence.req (field 1): missing required field: it must be set"},
		{"union with none", corpus.Shape, &Shape{}, "invalid value: union Shape must have exactly one member set, it has 0"},
		{"union with none, dynamic", corpus.Shape, ptr(dynOf(corpus.Shape, fields{})), "invalid value: union Shape must have exactly one member set, it has 0"},
		{"union with two", corpus.Shape, &Shape{Radius: ptr(1.0), Label: ptr("")}, "invalid value: union Shape must have exactly one member set, it has 2"},
		{"union with two, dynamic", corpus.Shape, ptr(dynOf(corpus.Shape, fields{"radius": 1, "label": ""})), "invalid value: union Shape must have exactly one member set, it has 2"},
		{"nil element", corpus.Node, &Node{Children: []*Node{nil}}, "in Node.children (field 3)[0]: invalid value: nil pointer to Node"},
		{"nil entry", corpus.Node, &Node{Named: map[string]*Node{"a": nil}}, "in Node.named (field 4)[0] value: invalid value: nil pointer to Node"},
		{"the wrong thing in an interface", corpus.Point, &mistyped{X: "1", Y: 2}, `in Point.x (field 1): invalid value: want i32, got "1"`},
		{"out of range in an interface", corpus.Point, &mistyped{X: int64(1 << 40)}, "in Point.x (field 1): invalid value: 1099511627776 is out of range for i32"},
		{"another struct in an interface", corpus.Point, ptr(any(&Oops{})), "invalid value: corpus.thrift:10:8: struct Point and Go codectest.Oops.Message (string): the IDL has no such field: use a tag such as `thrift:\"name\"` for another name, or `thrift:\"-\"` to leave it out\n" +
			"corpus.thrift:11:3: Point.x (i32) and Go codectest.Oops: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)\n" +
			"corpus.thrift:12:3: Point.y (i32) and Go codectest.Oops: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{"nothing", corpus.Point, new(dynamic.Value), "invalid value: want Point, got nothing"},
		{"a value of another struct", corpus.Point, ptr(dynOf(corpus.Oops, fields{})), "invalid value: want Point, got struct"},
		{"contains itself", corpus.Node, loop, "in " + strings.Repeat("Node.next (field 2) > ", 5) + "… > " + strings.Repeat("Node.next (field 2) > ", 4) + "Node.next (field 2): nested too deep: more than 256 levels"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Encode(test.v, test.desc.Type())
			if err == nil || err.Error() != test.err {
				t.Errorf("%v\nwant %s", err, test.err)
			}
		})
	}
}

// testWriteUnset is the writing half of the rule in the package comment of schema.
func (c Codec) testWriteUnset(t *testing.T) {
	bound, err := c.Encode(&Presence{}, corpus.Presence.Type())
	if want := c.bytes(Hex{"08 0001 00000000  08 0003 00000000  08 0004 00000000  08 0006 00000000  0f 0008 08 00000000  00", "15 00  25 00  15 00  25 00  29 05  00"}); err != nil || !bytes.Equal(bound, want) {
		t.Errorf("bound: % x, %v; want % x", bound, err, want)
	}
	dyn := dynOf(corpus.Presence, fields{"req": 0, "req_def": 0})
	got, err := c.Encode(&dyn, corpus.Presence.Type())
	if want := c.bytes(Hex{"08 0001 00000000  08 0004 00000000  00", "15 00  35 00  00"}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("dynamic: % x, %v; want % x", got, err, want)
	}
}

// testWriteDepth nests what is to be written.
func (c Codec) testWriteDepth(t *testing.T) {
	type bare struct {
		Next     *bare
		Children []*bare          `thrift:"children,omitzero"`
		Named    map[string]*bare `thrift:"named"`
		Rest     wire.UnknownFields
	}
	wraps := map[string]struct {
		per  int
		wrap func(*bare) *bare
	}{
		"structs": {1, func(b *bare) *bare { return &bare{Next: b} }},
		"lists":   {2, func(b *bare) *bare { return &bare{Children: []*bare{b}} }},
		"maps":    {2, func(b *bare) *bare { return &bare{Named: map[string]*bare{"": b}} }},
	}
	for name, w := range wraps {
		v := &bare{}
		levels := 1
		for ; levels+w.per <= wire.MaxDepth; levels += w.per {
			v = w.wrap(v)
		}
		good, err := c.Encode(v, corpus.Node.Type())
		if err != nil {
			t.Fatalf("%s: %d levels: %v", name, levels, err)
		}
		if _, err := c.Encode(w.wrap(v), corpus.Node.Type()); !errors.Is(err, wire.ErrTooDeep) {
			t.Errorf("%s: more levels: %v", name, err)
		}
		var dyn dynamic.Value
		if err := c.Decode(good, &dyn, corpus.Node.Type()); err != nil {
			t.Fatal(err)
		}
		outer := dynamic.New(corpus.Node)
		switch w.per {
		case 1:
			err = outer.Set("next", dyn)
		default:
			err = outer.Set("children", []any{dyn})
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Encode(ptr(dynamic.StructValue(outer)), corpus.Node.Type()); !errors.Is(err, wire.ErrTooDeep) {
			t.Errorf("%s: more levels, dynamic: %v", name, err)
		}
	}
}
