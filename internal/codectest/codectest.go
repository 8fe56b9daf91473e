// Package codectest tests protocols: one table of values with their bytes in every protocol,
// and what must hold for each value, bound to Go types and dynamic.
package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// A Protocol is what connections use of a protocol.
type Protocol interface {
	Name() string
	AppendMessage(dst []byte, h wire.Header, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeHeader(src []byte) (h wire.Header, off int, err error)
	AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error)
	ConsumeTrailer(src []byte, off int) (int, error)
	NewSplitter(maxBytes int) wire.Splitter
}

// A Codec is a protocol under test.
type Codec struct {
	Protocol
	Skip func(src []byte, off int, t wire.Type) (int, error) // nil if the protocol has none

	// Texts has the golden values by name, in a protocol that has no column in Hex. One that is
	// not there has no form in the protocol.
	Texts map[string]string
}

// Hex is one message body in each protocol; "" where a protocol has no such bytes.
type Hex struct{ Binary, Compact string }

// bytes returns the bytes of x in c's protocol, nil if there are none.
func (c Codec) bytes(x Hex) []byte {
	if c.Name() == "compact" {
		return Unhex(x.Compact)
	}
	return Unhex(x.Binary)
}

// golden returns the bytes of a golden value in c's protocol, and whether there are some.
func (c Codec) golden(test goldenValue) ([]byte, bool) {
	if c.Texts == nil {
		return c.bytes(test.hex), true
	}
	text, ok := c.Texts[test.name]
	return []byte(text), ok
}

// appendHeader appends what precedes the value of a message, in the protocols that
// have bytes in Hex.
func (c Codec) appendHeader(dst []byte, h wire.Header) []byte {
	return c.Protocol.(interface {
		AppendHeader(dst []byte, h wire.Header) []byte
	}).AppendHeader(dst, h)
}

// Encode encodes *v as st.
func (c Codec) Encode(v any, st *schema.Type) ([]byte, error) {
	rv := reflect.ValueOf(v)
	return c.AppendValue(nil, planOf(rv.Type().Elem(), st), mem.Of(rv))
}

// Decode decodes src, which must be st and nothing else, into *v.
func (c Codec) Decode(src []byte, v any, st *schema.Type) error {
	rv := reflect.ValueOf(v)
	n, err := c.ConsumeValue(src, 0, planOf(rv.Type().Elem(), st), mem.Of(rv))
	if err == nil && n != len(src) {
		err = fmt.Errorf("%d of %d bytes were read", n, len(src))
	}
	return err
}

func planOf(t reflect.Type, st *schema.Type) *plan.Type {
	p, err := plan.ForType(t, st)
	if err != nil {
		panic(err)
	}
	return p
}

// messages are the golden values as whole messages.
func (c Codec) messages() [][]byte {
	var all [][]byte
	for i, test := range golden {
		if _, ok := c.golden(test); !ok {
			continue
		}
		h := wire.Header{Name: "m" + strings.Repeat("x", i), Type: wire.Call, SeqID: int32(i)}
		rv := reflect.ValueOf(test.bound)
		m, err := c.AppendMessage(nil, h, planOf(rv.Type().Elem(), test.desc.Type()), mem.Of(rv))
		if err != nil {
			panic(err)
		}
		all = append(all, m)
	}
	return all
}

// allocated returns how many bytes f allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Test runs all tests that every protocol must pass; those that need bytes from Hex are left
// out for a protocol that has Texts.
func (c Codec) Test(t *testing.T) {
	tests := []struct {
		name string
		run  func(Codec, *testing.T)
	}{
		{"golden", Codec.testGolden},
		{"any", Codec.testAny},
		{"containers", Codec.testContainers},
		{"nil pointers", Codec.testNilPointers},
		{"wide", Codec.testWide},
		{"room", Codec.testRoom},
		{"write bad", Codec.testWriteBad},
		{"write depth", Codec.testWriteDepth},
		{"truncated", Codec.testTruncated},
		{"flipped", Codec.testFlipped},
		{"split", Codec.testSplit},
	}
	hexTests := []struct {
		name string
		run  func(Codec, *testing.T)
	}{
		{"read", Codec.testRead},
		{"write unset", Codec.testWriteUnset},
		{"NaN", Codec.testNaN},
		{"unknown fields", Codec.testUnknownFields},
		{"unknown member", Codec.testUnknownMember},
		{"ownership", Codec.testOwnership},
		{"depth", Codec.testDepth},
		{"claims", Codec.testClaims},
		{"claims inside", Codec.testClaimsInside},
		{"split max", Codec.testSplitMax},
		{"split is linear", Codec.testSplitIsLinear},
	}
	if c.Texts == nil {
		tests = append(tests, hexTests...)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(c, t) })
	}
}

func (c Codec) testGolden(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			want, ok := c.golden(test)
			if !ok {
				t.Skip("the protocol has no form for this")
			}
			st := test.desc.Type()
			got, err := c.Encode(test.bound, st)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("bound: %v; %s", err, c.show(got, want))
			}
			dyn := dynOf(test.desc, test.dyn)
			got, err = c.Encode(&dyn, st)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("dynamic: %v; %s", err, c.show(got, want))
			}
			boundBack := reflect.New(reflect.TypeOf(test.bound).Elem())
			if err := c.Decode(want, boundBack.Interface(), st); err != nil || !reflect.DeepEqual(boundBack.Interface(), test.bound) {
				t.Errorf("bound: read %+v, %v; want %+v", boundBack.Elem(), err, test.bound)
			}
			var dynBack dynamic.Value
			if err := c.Decode(want, &dynBack, st); err != nil || !dynamic.Equal(dynBack, dyn) {
				t.Errorf("dynamic: read %v, %v; want %v", dynBack.Interface(), err, dyn.Interface())
			}
			if c.Skip == nil {
				return
			}
			if end, err := c.Skip(want, 0, wire.Struct); err != nil || end != len(want) {
				t.Errorf("Skip: %d, %v; want %d", end, err, len(want))
			}
		})
	}
}

// show shows bytes that are not the expected ones.
func (c Codec) show(got, want []byte) string {
	if c.Texts != nil {
		return fmt.Sprintf("%q\nwant %q", got, want)
	}
	return fmt.Sprintf("% x, want % x", got, want)
}

// Corpus returns the schema of the values.
func Corpus() *schematest.Corpus { return corpus }

// TestRead checks that both forms take src as a desc: as *bound, and as what dynamic.Of makes
// of dyn.
func (c Codec) TestRead(t *testing.T, desc *schema.Struct, src []byte, bound, dyn any) {
	t.Helper()
	back := reflect.New(reflect.TypeOf(bound).Elem())
	if err := c.Decode(src, back.Interface(), desc.Type()); err != nil || !reflect.DeepEqual(back.Interface(), bound) {
		t.Errorf("bound: %+v, %v; want %+v", back.Elem(), err, bound)
	}
	var v dynamic.Value
	if err := c.Decode(src, &v, desc.Type()); err != nil || !dynamic.Equal(v, dynOf(desc, dyn)) {
		t.Errorf("dynamic: %v, %v; want %v", v.Interface(), err, dyn)
	}
}

// TestReadBad checks that neither form takes src as a desc: both say want, and it is is.
func (c Codec) TestReadBad(t *testing.T, desc *schema.Struct, src []byte, want string, is error) {
	t.Helper()
	for _, into := range []any{reflect.New(goTypes[desc]).Interface(), new(dynamic.Value)} {
		err := c.Decode(src, into, desc.Type())
		if err == nil || err.Error() != want || !errors.Is(err, is) {
			t.Errorf("%T: %v\nwant %s", into, err, want)
		}
	}
}

// TestSendOn reads every golden value in c's protocol as a struct that knows none of its fields,
// and sends it on in to's.
func (c Codec) TestSendOn(t *testing.T, to Codec) {
	nothing := schematest.Struct("Nothing").Type()
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			src, want := c.bytes(test.hex), to.bytes(test.hex)
			for _, v := range []any{new(Relay), new(dynamic.Value)} {
				if err := c.Decode(src, v, nothing); err != nil {
					t.Fatal(err)
				}
				got, err := to.Encode(v, nothing)
				if err != nil {
					t.Fatal(err)
				}
				var dyn dynamic.Value
				if err := to.Decode(got, &dyn, test.desc.Type()); err != nil || !dynamic.Equal(dyn, dynOf(test.desc, test.dyn)) {
					t.Errorf("%T: % x is %v, %v; want %v", v, got, dyn.Interface(), err, test.dyn)
				}
				// An empty map loses its types in the compact protocol.
				if !bytes.Equal(got, want) && !(c.Name() == "compact" && bytes.Contains(src, []byte{0x3b, 0})) {
					t.Errorf("%T: % x, want % x", v, got, want)
				}
			}
		})
	}
}
