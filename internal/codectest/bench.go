package codectest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

type (
	Login struct{ Username, Password string }
	Order struct {
		ID     int64
		Buyer  string
		Items  []*Item
		Labels map[string]string
		Totals []int64
		Notes  []string
	}
	Item struct {
		Code   string
		Amount int32
		Price  float64
		At     Point
		Tags   []string
	}
)

// benchmarks has two values: two strings, 60 bytes; and a nested struct of about 4.5 KB with lists and a map.
func benchmarks() []struct {
	name  string
	desc  *schema.Struct
	bound any
} {
	login := schematest.Struct("Login", schematest.Field(1, "username", schematest.String), schematest.Field(2, "password", schematest.String))
	texts := schema.ListOf(schematest.String)
	item := schematest.Struct("Item", schematest.Field(1, "code", schematest.String), schematest.Field(2, "amount", schematest.I32),
		schematest.Field(3, "price", schematest.Double), schematest.Field(4, "at", corpus.Point.Type()), schematest.Field(5, "tags", texts))
	order := schematest.Struct("Order", schematest.Field(1, "id", schematest.I64), schematest.Field(2, "buyer", schematest.String),
		schematest.Field(3, "items", schema.ListOf(item.Type())), schematest.Field(4, "labels", schema.MapOf(schematest.String, schematest.String)),
		schematest.Field(5, "totals", schema.ListOf(schematest.I64)), schematest.Field(6, "notes", texts))
	o := &Order{ID: 1 << 40, Buyer: "somebody", Labels: make(map[string]string)}
	for i := range 31 {
		o.Items = append(o.Items, &Item{fmt.Sprintf("code-%04d", i), int32(i), float64(i) / 3, Point{int32(i), 7}, []string{"red", "new", "on sale"}})
		o.Labels[fmt.Sprintf("label-%d", i)] = "the value of a label"
		o.Totals = append(o.Totals, int64(i))
		o.Notes = append(o.Notes, "a short note")
	}
	return []struct {
		name  string
		desc  *schema.Struct
		bound any
	}{
		{"login", login, &Login{strings.Repeat("u", 21), strings.Repeat("p", 24)}},
		{"order", order, o},
	}
}

// BenchmarkEncode encodes the values bound and dynamic.
func (c Codec) BenchmarkEncode(b *testing.B) {
	for _, bench := range benchmarks() {
		src, err := c.Encode(bench.bound, bench.desc.Type())
		if err != nil {
			b.Fatal(err)
		}
		var dyn dynamic.Value
		if err := c.Decode(src, &dyn, bench.desc.Type()); err != nil {
			b.Fatal(err)
		}
		for name, v := range map[string]any{"bound": bench.bound, "dynamic": &dyn} {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				rv := reflect.ValueOf(v)
				p, at := planOf(rv.Type().Elem(), bench.desc.Type()), mem.Of(rv)
				dst := make([]byte, 0, 2*len(src))
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.AppendValue(dst, p, at); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkDecode decodes them.
func (c Codec) BenchmarkDecode(b *testing.B) {
	for _, bench := range benchmarks() {
		src, err := c.Encode(bench.bound, bench.desc.Type())
		if err != nil {
			b.Fatal(err)
		}
		for name, t := range map[string]reflect.Type{"bound": reflect.TypeOf(bench.bound).Elem(), "dynamic": reflect.TypeFor[dynamic.Value]()} {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				p := planOf(t, bench.desc.Type())
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					v := reflect.New(t)
					if _, err := c.ConsumeValue(src, 0, p, mem.Of(v)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSplit finds the end of them as messages.
func (c Codec) BenchmarkSplit(b *testing.B) {
	for _, bench := range benchmarks() {
		rv := reflect.ValueOf(bench.bound)
		msg, err := c.AppendMessage(nil, wire.Header{Name: "m", Type: wire.Call}, planOf(rv.Type().Elem(), bench.desc.Type()), mem.Of(rv))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name, func(b *testing.B) {
			s := c.NewSplitter(1 << 20)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if n, _, err := s.Split(msg); n != len(msg) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
