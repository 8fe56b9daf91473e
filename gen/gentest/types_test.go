package gentest

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/common"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/things"
	kept "github.com/thriftkit/thriftkit/gen/gentest/kept/things"
)

func TestEnumText(t *testing.T) {
	in := map[things.Color][]things.Color{things.Color_RED: {things.Color_BLUE, 2, 77}}
	text, err := json.Marshal(in)
	if want := `{"RED":["BLUE","GREEN","77"]}`; string(text) != want || err != nil {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	var out map[things.Color][]things.Color
	if err := json.Unmarshal([]byte(`{"RED":["BLUE","LEAF","77"]}`), &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v, %v", out, err)
	}
	c := things.Color_RED
	if err := c.UnmarshalText([]byte("PINK")); fmt.Sprint(err) != `enum Color has no value "PINK"` || c != things.Color_RED {
		t.Errorf("%v, %v", c, err)
	}
}

func TestConstants(t *testing.T) {
	for _, test := range []struct{ got, want any }{
		{things.BIG, int64(5000000000)},
		{things.HALF, 0.5},
		{things.FAVOURITE, things.Color_GREEN},
		{things.Greeting, `it is "quoted"`},
		{things.WORDS(), []string{"a", "b"}},
		{things.TABLE(), map[string][]string{"one": {"a", "b"}, "two": {"a", "b"}}},
		{things.ORIGIN(), &common.Point{X: 1}},
		{things.ID(), [16]byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}},
		{things.BYTES(), []byte("bytes\n")},
		{things.STRANGE().Entries()[0].Value.Text(), "x"},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%#v, want %#v", test.got, test.want)
		}
	}
	things.WORDS()[0] = "changed"
	if things.WORDS()[0] != "a" {
		t.Error("a constant was changed")
	}
}

// TestDefaults compares what NewDefaults makes with what is read from a message that has nothing.
func TestDefaults(t *testing.T) {
	desc := load(t).Struct("Defaults")
	made, read := things.NewDefaults(), new(things.Defaults)
	if err := thriftkit.Unmarshal(desc, []byte{0}, read); err != nil || !reflect.DeepEqual(made, read) {
		t.Errorf("%v\n%+v\nread: %+v", err, made, read)
	}
	if made.MinusZero != 0 || !math.Signbit(made.MinusZero) {
		t.Error("-0.0 is", made.MinusZero)
	}
	if got, want := made.Words, []string{"a", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("words are %v, want %v", got, want)
	}
	if got, want := kept.NewMyDefaults().Words, map[string]struct{}{"a": {}, "b": {}}; !reflect.DeepEqual(got, want) {
		t.Errorf("words are %v, want %v", got, want)
	}
}

func TestErrorTexts(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&things.NotFound{Name: "lamp", Code: 4}, "NotFound(name: lamp, code: 4)"},
		{&common.Unavailable{Message: "closed"}, "Unavailable: closed"},
		{&things.Error{Error_: "odd"}, "error(error: odd)"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// TestSharedMemory looks whether what was decoded shares the message's memory, as it is told.
func TestSharedMemory(t *testing.T) {
	desc := load(t).Struct("Scalars")
	src, err := thriftkit.Marshal(desc, &things.Scalars{Name: "name", Data: []byte("data")})
	if err != nil {
		t.Fatal(err)
	}
	var v things.Scalars
	if _, err := v.ConsumeThriftBinary(src, 0, 1); err != nil {
		t.Fatal(err)
	}
	clear(src)
	if v.Name != "\x00\x00\x00\x00" || v.Data[0] != 0 || cap(v.Data) != 4 {
		t.Errorf("%q, %q of %d", v.Name, v.Data, cap(v.Data))
	}
}
