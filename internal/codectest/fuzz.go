package codectest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

var corpusStructs = []*schema.Struct{corpus.Point, corpus.Scalars, corpus.Containers, corpus.Presence, corpus.Shape, corpus.Node, corpus.Oops, corpus.Steps}

func (c Codec) addGolden(f *testing.F) {
	c.Seeds(func(which uint8, src []byte) { f.Add(which, src) })
}

// Seeds adds the golden values as inputs of CheckDecode.
func (c Codec) Seeds(add func(which uint8, src []byte)) {
	for _, test := range golden {
		src, ok := c.golden(test)
		for i, desc := range corpusStructs {
			if ok && desc == test.desc {
				add(uint8(i), src)
			}
		}
	}
}

// CheckDecode reads data as one of the structs, in both forms, and writes and reads it again.
func (c Codec) CheckDecode(t *testing.T, which uint8, data []byte) {
	c.checkBound(t, which, data)
	c.checkDynamic(t, which, data)
}

// FuzzSplit compares the splitter with the other ways to find the end of a message. It starts
// with the messages of c and of the others, whose headers c reads too.
func (c Codec) FuzzSplit(f *testing.F, others ...Codec) {
	for _, from := range append(others, c) {
		for _, m := range from.messages() {
			f.Add(m)
		}
	}
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, data []byte) {
		n, need, err := c.NewSplitter(limit).Split(data)
		h, off, headErr := c.ConsumeHeader(data)
		end := 0
		if headErr == nil {
			end, headErr = c.Skip(data, off, wire.Struct)
		}
		switch {
		case err != nil:
			if headErr == nil && end <= limit {
				t.Fatalf("split: %v; but %+v and %d bytes are read", err, h, end)
			}
		case n > 0:
			if headErr != nil || n != end || n > limit {
				t.Fatalf("split: %d bytes; but %d are read, %v", n, end, headErr)
			}
		case need <= len(data) || headErr == nil:
			t.Fatalf("split asks for %d of %d bytes; %d are read, %v", need, len(data), end, headErr)
		}
		// Byte by byte it must come to the same.
		s := c.NewSplitter(limit)
		for i := range len(data) + 1 {
			n1, _, err1 := s.Split(data[:i:i])
			if n1 == 0 && err1 == nil && i < len(data) {
				continue
			}
			if n1 != n || (err1 == nil) != (err == nil) {
				t.Fatalf("at once %d, %v; with %d bytes %d, %v", n, err, i, n1, err1)
			}
			break
		}
	})
}

// decodeBoth decodes data as desc in both forms, which must agree.
func (c Codec) decodeBoth(t *testing.T, data []byte, desc *schema.Struct) (bound any, dyn dynamic.Value, ok bool) {
	bound = reflect.New(goTypes[desc]).Interface()
	errBound, errDyn := c.Decode(data, bound, desc.Type()), c.Decode(data, &dyn, desc.Type())
	if fmt.Sprint(errBound) != fmt.Sprint(errDyn) {
		t.Fatalf("bound: %v\ndynamic: %v", errBound, errDyn)
	}
	if c.Skip == nil {
		return bound, dyn, errBound == nil
	}
	end, err := c.Skip(data, 0, wire.Struct)
	if errBound == nil && (err != nil || end != len(data)) {
		t.Fatalf("read, but skip: %d, %v", end, err)
	}
	return bound, dyn, errBound == nil
}

// FuzzDecodeBound reads bytes into Go types and writes them again.
func (c Codec) FuzzDecodeBound(f *testing.F) {
	c.addGolden(f)
	f.Fuzz(c.checkBound)
}

func (c Codec) checkBound(t *testing.T, which uint8, data []byte) {
	desc := corpusStructs[int(which)%len(corpusStructs)]
	bound, dyn, ok := c.decodeBoth(t, data, desc)
	if !ok {
		return
	}
	out, err := c.Encode(bound, desc.Type())
	if err != nil { // only a union may have been read that must not be written
		if !errors.Is(err, wire.ErrValue) || desc != corpus.Shape {
			t.Fatal(err)
		}
		return
	}
	back := reflect.New(goTypes[desc]).Interface()
	if err := c.Decode(out, back, desc.Type()); err != nil {
		t.Fatal(err)
	}
	// Written from the dynamic value it must be the same Go value, except for what only
	// dynamic values can leave unset.
	if desc == corpus.Containers {
		out, err := c.Encode(&dyn, desc.Type())
		if err != nil {
			t.Fatal(err)
		}
		fromDyn := new(Containers)
		if err := c.Decode(out, fromDyn, desc.Type()); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", fromDyn.Ints) != fmt.Sprintf("%+v", back.(*Containers).Ints) || len(fromDyn.ByPoint) != len(back.(*Containers).ByPoint) {
			t.Fatalf("bound %+v, dynamic %+v", back, fromDyn)
		}
	}
}

// FuzzDecodeDynamic reads bytes into dynamic values; written and read again they are equal.
func (c Codec) FuzzDecodeDynamic(f *testing.F) {
	c.addGolden(f)
	f.Fuzz(c.checkDynamic)
}

func (c Codec) checkDynamic(t *testing.T, which uint8, data []byte) {
	desc := corpusStructs[int(which)%len(corpusStructs)]
	_, dyn, ok := c.decodeBoth(t, data, desc)
	if !ok {
		return
	}
	out, err := c.Encode(&dyn, desc.Type())
	if err != nil {
		if !errors.Is(err, wire.ErrValue) || desc != corpus.Shape {
			t.Fatal(err)
		}
		return
	}
	var back dynamic.Value
	if err := c.Decode(out, &back, desc.Type()); err != nil {
		t.Fatal(err)
	}
	again, err := c.Encode(&back, desc.Type())
	if err != nil || string(again) != string(out) {
		t.Fatalf("% x, %v\nwant % x", again, err, out)
	}
	if _, err := dynamic.AppendJSON(nil, desc.Type(), dyn, dynamic.JSONOptions{}); err != nil {
		t.Fatal(err)
	}
}

// FuzzSendOn reads any bytes as a struct that knows no field, and sends it on: by way of via it
// must come to the same as without.
func (c Codec) FuzzSendOn(f *testing.F, via Codec) {
	c.addGolden(f)
	nothing := schematest.Struct("Nothing").Type()
	f.Fuzz(func(t *testing.T, _ uint8, data []byte) {
		var v, back Relay
		if err := c.Decode(data, &v, nothing); err != nil {
			return
		}
		direct, err := c.Encode(&v, nothing)
		if err != nil {
			t.Fatal(err)
		}
		between, err := via.Encode(&v, nothing)
		if err == nil {
			err = via.Decode(between, &back, nothing)
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Encode(&back, nothing)
		if err != nil || string(again) != string(direct) {
			t.Fatalf("% x, %v\nwant % x", again, err, direct)
		}
	})
}
