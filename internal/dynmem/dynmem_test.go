package dynmem

import (
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
)

// TestLayout compares the layouts with those of package dynamic: a difference would corrupt memory.
func TestLayout(t *testing.T) {
	for _, tt := range []struct{ layout, of reflect.Type }{
		{reflect.TypeFor[valueLayout](), reflect.TypeFor[dynamic.Value]()},
		{reflect.TypeFor[structLayout](), reflect.TypeFor[dynamic.Struct]()},
		{reflect.TypeFor[listLayout](), reflect.TypeFor[dynamic.List]()},
		{reflect.TypeFor[mapLayout](), reflect.TypeFor[dynamic.Map]()},
	} {
		if tt.layout.Size() != tt.of.Size() || tt.layout.NumField() != tt.of.NumField() {
			t.Errorf("%s has %d fields, %d bytes; %s has %d, %d", tt.layout, tt.layout.NumField(), tt.layout.Size(), tt.of, tt.of.NumField(), tt.of.Size())
			continue
		}
		for i := range tt.layout.NumField() {
			a, b := tt.layout.Field(i), tt.of.Field(i)
			if a.Name != b.Name || a.Type != b.Type || a.Offset != b.Offset {
				t.Errorf("%s: field %s %s at %d; %s: %s %s at %d", tt.layout, a.Name, a.Type, a.Offset, tt.of, b.Name, b.Type, b.Offset)
			}
		}
	}
	if size := reflect.TypeFor[dynamic.Value]().Size(); size != ValueSize {
		t.Errorf("a Value has %d bytes, want %d", size, ValueSize)
	}
}
