package dubbo_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// A generator makes values that both libraries have the same Go types for.
type generator struct{ *rand.Rand }

func (g generator) text() string {
	letters := []rune("abc é你😀\x00")
	n := []int{0, 1, 31, 32, 1023, 1024, 0x8000, 70_000}[g.IntN(8)]
	if g.IntN(4) > 0 {
		n = g.IntN(20)
	}
	var b strings.Builder
	for range n {
		b.WriteRune(letters[g.IntN(len(letters))])
	}
	return b.String()
}

func (g generator) value(depth int) any {
	most := 9
	if depth == 0 {
		most = 7
	}
	switch g.IntN(most) {
	case 0:
		return int32(g.Uint32() >> g.IntN(32))
	case 1:
		return int64(g.Uint64()) >> g.IntN(64)
	case 2:
		return []float64{0, 1, -1, 127, 128, -32768, 32768, 0.5, 12.25, 1.0 / 3, math.MaxFloat64}[g.IntN(11)]
	case 3:
		return g.IntN(2) == 0
	case 4:
		return bytes.Repeat([]byte{byte(g.Uint32())}, []int{1, 15, 16, 1023, 1024, 40_000}[g.IntN(6)])
	case 5:
		return time.UnixMilli(int64(g.Uint32()) * 1000).UTC()
	case 6:
		return g.text()
	case 7:
		list := []any{}
		for range []int{0, 1, 7, 8, 20}[g.IntN(5)] {
			list = append(list, g.value(depth-1))
		}
		return list
	}
	m := map[any]any{}
	for range g.IntN(4) {
		m[g.text()] = g.value(depth - 1)
	}
	return m
}

// ours returns a value of the oracle as wire/hessian2 has it; maps in no order.
func ours(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, ours(x))
		}
		return list
	case map[any]any:
		m := &hessian2.Map{}
		for k, x := range v {
			m.Entries = append(m.Entries, hessian2.Entry{Key: ours(k), Value: ours(x)})
		}
		return m
	case time.Time:
		return v.UTC()
	}
	return v
}

// theirs is the inverse of ours.
func theirs(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, x := range v {
			list = append(list, theirs(x))
		}
		return list
	case *hessian2.Map:
		m := map[any]any{}
		for _, e := range v.Entries {
			m[e.Key] = theirs(e.Value)
		}
		return m
	case time.Time:
		return v.UTC()
	}
	return v
}

// TestAny has each library read what the other writes.
func TestAny(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	for i := range 2000 {
		v := g.value(3)
		e := hessian.NewEncoder()
		if err := e.Encode(v); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		d := hessian2.NewDecoder(e.Buffer())
		got, err := d.Any()
		if err == nil {
			err = d.End()
		}
		if err != nil || !reflect.DeepEqual(theirs(got), v) {
			t.Fatalf("%d: we read %.200v, %v, want %.200v", i, theirs(got), err, v)
		}
		w := hessian2.NewEncoder(nil)
		if err := w.Any(ours(v)); err != nil {
			t.Fatal(err)
		}
		back, err := hessian.NewDecoder(w.Bytes()).Decode()
		if err != nil {
			t.Fatalf("%d: dubbo-go-hessian2: %v", i, err)
		}
		if back = theirs(normal(back)); !reflect.DeepEqual(back, v) {
			t.Fatalf("%d: dubbo-go-hessian2 reads %.200v, want %.200v", i, back, v)
		}
	}
}

// normal returns a value that dubbo-go-hessian2 has read without its wrappers.
func normal(v any) any {
	switch v := hessian.EnsureRawAny(v).(type) {
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
		return v
	case map[any]any:
		for k := range v {
			v[k] = normal(v[k])
		}
		return v
	case time.Time:
		return v.UTC()
	default:
		return v
	}
}

const typesIDL = `
namespace java com.acme
enum Color { RED = 1, GREEN = 2 }
struct Item { 1: string code, 2: i32 amount, 3: double price }
struct Order {
  1: i64 id, 2: string buyer, 3: list<Item> items, 4: map<string, string> labels, 5: binary data, 6: bool paid,
  7: Item first, 8: optional i32 note, 9: i16 small, 10: i8 tiny
}
struct Same { 1: Item a, 2: Item b, 3: list<Item> all }
`

type (
	Item struct {
		Code   string
		Amount int32
		Price  float64
	}
	Order struct {
		ID     int64 `hessian:"id"`
		Buyer  string
		Items  []*Item
		Labels map[string]string
		Data   []byte
		Paid   bool
		First  *Item
		Note   *int32
		Small  int16
		Tiny   int8
	}
	Same struct {
		A, B *Item
		All  []*Item
	}
)

func (Item) JavaClassName() string  { return "com.acme.Item" }
func (Order) JavaClassName() string { return "com.acme.Order" }
func (Same) JavaClassName() string  { return "com.acme.Same" }

func someOrder() *Order {
	o := &Order{ID: 1 << 40, Buyer: "买家😀", Labels: map[string]string{"a": "b", "": "é"}, Data: bytes.Repeat([]byte{7}, 40_000), Paid: true, First: &Item{"f", -1, 0.1}, Small: -300, Tiny: -3}
	for i := range 40 {
		o.Items = append(o.Items, &Item{fmt.Sprint("code-", i), int32(i * 1000), float64(i) / 8})
	}
	return o
}

func planFor(t testing.TB, v any) *plan.Type {
	t.Helper()
	f, diags := compile.Compile("types.thrift", compile.Options{Source: compile.Texts{"types.thrift": typesIDL}})
	if f == nil {
		t.Fatal(diags)
	}
	g := reflect.TypeOf(v).Elem()
	p, err := plan.ForType(g, f.Struct(g.Name()).Type())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func register() {
	for _, x := range []hessian.POJO{&Item{}, &Order{}, &Same{}} {
		hessian.RegisterPOJO(x)
	}
}

// TestObjects has each library read the objects that the other writes.
func TestObjects(t *testing.T) {
	register()
	want := someOrder()
	p := planFor(t, want)
	e := hessian.NewEncoder()
	if err := e.Encode(want); err != nil {
		t.Fatal(err)
	}
	var got Order
	if _, err := hessian2.NewDecoder(e.Buffer()).Value(p, mem.To(&got)); err != nil || !reflect.DeepEqual(&got, want) {
		t.Errorf("we read %+v, %v", got, err)
	}
	w := hessian2.NewEncoder(nil)
	if err := w.Value(p, mem.To(want)); err != nil {
		t.Fatal(err)
	}
	back, err := hessian.NewDecoder(w.Bytes()).Decode()
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("dubbo-go-hessian2 reads %+v, %v", back, err)
	}
}

// TestReferences has dubbo-go-hessian2 write an object once that is there four times.
func TestReferences(t *testing.T) {
	register()
	item := &Item{"only one", 1, 2}
	want := &Same{item, item, []*Item{item, item}}
	e := hessian.NewEncoder()
	if err := e.Encode(want); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(e.Buffer(), []byte("only one")); n != 1 {
		t.Fatalf("the oracle writes it %d times", n)
	}
	var got Same
	if _, err := hessian2.NewDecoder(e.Buffer()).Value(planFor(t, want), mem.To(&got)); err != nil || !reflect.DeepEqual(&got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func BenchmarkHessian(b *testing.B) {
	register()
	small := &Item{"code", 7, 1.5}
	for _, v := range []hessian.POJO{small, someOrder()} {
		name := reflect.TypeOf(v).Elem().Name()
		p := planFor(b, v)
		at := mem.Of(reflect.ValueOf(v))
		w := hessian2.NewEncoder(nil)
		if err := w.Value(p, at); err != nil {
			b.Fatal(err)
		}
		src := w.Bytes()
		b.Run(name+"/encode/thriftkit", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := hessian2.NewEncoder(make([]byte, 0, len(src))).Value(p, at); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/encode/dubbo-go-hessian2", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := hessian.NewEncoder().Encode(v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/decode/thriftkit", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				to := reflect.New(p.Go)
				if _, err := hessian2.NewDecoder(src).Value(p, mem.Of(to)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/decode/dubbo-go-hessian2", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hessian.NewDecoder(src).Decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
