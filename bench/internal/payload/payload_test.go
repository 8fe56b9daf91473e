package payload

import (
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit"
)

// TestSizes holds the values to the sizes that the tables call them by.
func TestSizes(t *testing.T) {
	file, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		value    any
		min, max int
	}{
		{"Login", NewLogin(), 60, 60},
		{"Simple", NewSimple(7), 89, 89},
		{"Nested", NewNested(1), 4300, 4700},
		{"Large", NewLarge(), 115_000, 125_000},
		{"Longs", NewLongs(10_000), 80_009, 80_009},
	} {
		b, err := thriftkit.Marshal(file.Struct(test.name), test.value)
		if err != nil || len(b) < test.min || len(b) > test.max {
			t.Errorf("%s takes %d bytes, %v; want %d to %d", test.name, len(b), err, test.min, test.max)
		}
	}
}

// TestFloors makes sure that the graph floor builds all of a value, of memory of its own.
func TestFloors(t *testing.T) {
	for _, test := range []struct{ got, want any }{
		{FloorLogin(NewLogin())(), NewLogin()},
		{FloorSimple(NewSimple(3))(), NewSimple(3)},
		{FloorNested(NewNested(2))(), NewNested(2)},
		{FloorLarge(NewLarge())(), NewLarge()},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%T: got %+v, want %+v", test.want, test.got, test.want)
		}
	}
}
