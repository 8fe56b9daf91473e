package gentest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/common"
	coded "github.com/thriftkit/thriftkit/gen/gentest/coded/things"
	kept "github.com/thriftkit/thriftkit/gen/gentest/kept/things"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

type protocol interface {
	Name() string
	AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error)
}

var protocols = []protocol{binary.Protocol{}, compact.Protocol{}, compact.Protocol{Version2: true}}

// A pair is a generated struct and one with the same fields and no codec, of which all that is said
// must be the same. The structs in its fields have codecs: what is said of them is compared with what is
// said without any Go types.
type pair struct {
	name          string
	coded, walked *plan.Type
	dynamic       *plan.Type
}

func newPair(t testing.TB, v thriftimpl.Generated) pair {
	t.Helper()
	desc := v.ThriftCodec().Schema()
	own := reflect.TypeOf(v).Elem()
	fields := reflect.VisibleFields(own)
	p := pair{name: own.String()}
	var err1, err2, err3 error
	p.coded, err1 = plan.ForType(own, desc.Type())
	p.walked, err2 = plan.ForType(reflect.StructOf(fields), desc.Type())
	p.dynamic, err3 = plan.ForType(reflect.TypeFor[*dynamic.Struct](), desc.Type())
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if p.coded.Struct.Codec == nil || p.walked.Struct.Codec != nil {
		t.Fatalf("%s: which of them has a codec", p.name)
	}
	return p
}

func pairs(t testing.TB) []pair {
	var all []pair
	for _, v := range []thriftimpl.Generated{
		new(coded.Empty), new(coded.Scalars), new(coded.Optionals), new(coded.Containers), new(coded.Presence), new(coded.Defaults),
		new(coded.Shape), new(coded.Node), new(coded.Steps), new(coded.Wide), new(coded.OddNames), new(coded.NotFound), new(coded.Error),
		new(common.Point), new(common.Unavailable),
		new(kept.MyEmpty), new(kept.MyScalars), new(kept.MyOptionals), new(kept.MyPresence),
		new(kept.MyShape), new(kept.MyNode), new(kept.MySteps), new(kept.MyWide), new(kept.MyOddNames),
	} {
		all = append(all, newPair(t, v))
	}
	return all
}

// read has both read src: they are to say the same and to make the same of it. It returns what was
// made, or nil.
func (p pair) read(t testing.TB, proto protocol, src []byte) reflect.Value {
	t.Helper()
	a, b := reflect.New(p.coded.Go), reflect.New(p.walked.Go)
	endA, errA := proto.ConsumeValue(src, 0, p.coded, mem.Of(a))
	endB, errB := proto.ConsumeValue(src, 0, p.walked, mem.Of(b))
	var dyn *dynamic.Struct
	endC, errC := proto.ConsumeValue(src, 0, p.dynamic, mem.To(&dyn))
	if fmt.Sprint(errA) != fmt.Sprint(errB) || fmt.Sprint(errA) != fmt.Sprint(errC) {
		t.Fatalf("%s, %s: %s:\n%v\nwalked: %v\ndynamic: %v", p.name, proto.Name(), hex.EncodeToString(src), errA, errB, errC)
	}
	if errA != nil {
		return reflect.Value{}
	}
	if endA != endC {
		t.Fatalf("%s, %s: %s: %d bytes, dynamic: %d", p.name, proto.Name(), hex.EncodeToString(src), endA, endC)
	}
	if x, y := dump(a.Elem()), dump(b.Elem()); endA != endB || x != y {
		t.Fatalf("%s, %s: %s:\n%d %s\nwalked: %d %s", p.name, proto.Name(), hex.EncodeToString(src), endA, x, endB, y)
	}
	return a
}

// write has both write v, a pointer to a coded struct. It returns the bytes, or nil.
func (p pair) write(t testing.TB, proto protocol, v reflect.Value) []byte {
	t.Helper()
	same := v.Convert(reflect.PointerTo(p.walked.Go))
	a, errA := proto.AppendValue([]byte("x"), p.coded, mem.Of(v))
	b, errB := proto.AppendValue([]byte("x"), p.walked, mem.Of(same))
	// Maps come in any order, and with them the first error.
	if (errA == nil) != (errB == nil) || errA != nil && fmt.Sprint(errA) != fmt.Sprint(errB) && !strings.Contains(fmt.Sprint(errA), "[") {
		t.Fatalf("%s, %s: %s:\n%v\nwalked: %v", p.name, proto.Name(), dump(v), errA, errB)
	}
	if errA != nil {
		return nil
	}
	if sortedBytes(a) != sortedBytes(b) {
		t.Fatalf("%s, %s: %s:\n%x\nwalked: %x", p.name, proto.Name(), dump(v), a, b)
	}
	var dyn *dynamic.Struct
	if _, err := proto.ConsumeValue(a, 1, p.dynamic, mem.To(&dyn)); err != nil {
		t.Fatalf("%s, %s: %x: what was written is not read: %v", p.name, proto.Name(), a[1:], err)
	}
	return a[1:]
}

func sortedBytes(b []byte) string {
	count := make([]int, 256)
	for _, c := range b {
		count[c]++
	}
	return fmt.Sprint(count)
}

// dump is v in full, with what pointers point to, and nil told from empty. Maps are sorted by key.
func dump(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return "&" + dump(v.Elem())
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			parts = append(parts, v.Type().Field(i).Name+":"+dump(v.Field(i)))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return "nil"
		}
		var parts []string
		for i := range v.Len() {
			parts = append(parts, dump(v.Index(i)))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Map:
		if v.IsNil() {
			return "nil"
		}
		var parts []string
		for iter := v.MapRange(); iter.Next(); {
			parts = append(parts, dump(iter.Key())+"="+dump(iter.Value()))
		}
		sortStrings(parts)
		return "map[" + strings.Join(parts, " ") + "]"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Float64:
		return fmt.Sprintf("%x", v.Float())
	case reflect.Bool:
		return fmt.Sprint(v.Bool())
	case reflect.Uint8:
		return fmt.Sprint(v.Uint())
	}
	return fmt.Sprint(v.Int())
}

func sortStrings(s []string) {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

// random returns a value of type t; fields and elements are nil now and then.
func random(r *rand.Rand, t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		if depth > 0 && r.IntN(8) > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(random(r, t.Elem(), depth-1))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).Type != reflect.TypeFor[wire.UnknownFields]() {
				v.Field(i).Set(random(r, t.Field(i).Type, depth))
			}
		}
		if g, ok := v.Addr().Interface().(thriftimpl.Generated); ok && g.ThriftCodec().Schema().Kind == schema.Union {
			oneMember(r, v)
		}
	case reflect.Slice:
		if depth <= 0 || r.IntN(6) == 0 {
			return v
		}
		n := r.IntN(5)
		if r.IntN(10) == 0 {
			n += 14
		}
		v.Set(reflect.MakeSlice(t, n, n))
		for i := range n {
			v.Index(i).Set(element(r, t.Elem(), depth-1))
		}
	case reflect.Array:
		for i := range t.Len() {
			v.Index(i).Set(random(r, t.Elem(), depth))
		}
	case reflect.Map:
		if depth <= 0 || r.IntN(6) == 0 {
			return v
		}
		v.Set(reflect.MakeMap(t))
		for range r.IntN(4) {
			v.SetMapIndex(random(r, t.Key(), depth-1), element(r, t.Elem(), depth-1))
		}
	case reflect.String:
		v.SetString(strings.Repeat("s", r.IntN(4)*r.IntN(60)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float64:
		v.SetFloat(float64(r.IntN(100)) / 4)
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	default:
		v.SetInt(r.Int64() >> r.IntN(64))
	}
	return v
}

// TestCodecs writes and reads random values with codecs and without: all that they do must be the
// same, also with messages cut off anywhere and changed anywhere.
func TestCodecs(t *testing.T) {
	for _, p := range pairs(t) {
		t.Run(p.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			written := 0
			last := make(map[protocol][]byte)
			for range 25 {
				v := reflect.New(p.coded.Go)
				v.Elem().Set(random(r, p.coded.Go, 4))
				for _, proto := range protocols {
					src := p.write(t, proto, v)
					if src == nil {
						continue
					}
					written++
					p.read(t, proto, src)
					if len(src) > 250 {
						continue
					}
					for n := range src {
						p.read(t, proto, src[:n:n])
						c := bytes.Clone(src)
						c[n] ^= byte(1 << r.IntN(8))
						p.read(t, proto, c)
						c[n] = byte(r.IntN(18))
						p.read(t, proto, c)
					}
					// Fields twice, and the fields of two values, which are too many for a union.
					p.read(t, proto, append(bytes.Clone(src[:len(src)-1]), src...))
					if front := last[proto]; front != nil {
						p.read(t, proto, append(front, src...))
					}
					last[proto] = bytes.Clone(src[:len(src)-1])
				}
			}
			if written == 0 {
				t.Error("nothing could be written")
			}
		})
	}
}

// element is random for an element of a container, which is hardly ever nil.
func element(r *rand.Rand, t reflect.Type, depth int) reflect.Value {
	v := random(r, t, depth)
	if t.Kind() == reflect.Pointer && v.IsNil() && r.IntN(20) > 0 {
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(random(r, t.Elem(), 0))
	}
	return v
}

// oneMember leaves one member of a union set, most of the time, if one is.
func oneMember(r *rand.Rand, v reflect.Value) {
	if r.IntN(40) == 0 {
		return
	}
	var set []int
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsNil() {
			set = append(set, i)
		}
	}
	if len(set) == 0 { // as deep down
		set = []int{1}
		v.Field(1).Set(reflect.New(v.Field(1).Type().Elem()))
	}
	keep := set[r.IntN(len(set))]
	for i := range v.NumField() {
		if i != keep {
			v.Field(i).SetZero()
		}
	}
}

// TestForeign has every struct read the messages of every other one, which it knows in part or not
// at all, and write again what it kept.
func TestForeign(t *testing.T) {
	all := pairs(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, from := range all {
		for range 5 {
			v := reflect.New(from.coded.Go)
			v.Elem().Set(random(r, from.coded.Go, 3))
			for _, proto := range protocols {
				src := from.write(t, proto, v)
				if src == nil {
					continue
				}
				for _, to := range all {
					if got := to.read(t, proto, src); got.IsValid() {
						to.write(t, proto, got)
					}
				}
			}
		}
	}
}

// TestDepth nests a Node in Nodes up to the limit and beyond.
func TestDepth(t *testing.T) {
	p := newPair(t, new(coded.Node))
	for _, proto := range protocols {
		for n := wire.MaxDepth - 4; n < wire.MaxDepth+3; n++ {
			chain := &coded.Node{}
			list := &coded.Node{}
			for range n {
				chain = &coded.Node{Next: chain}
			}
			for range n / 2 {
				list = &coded.Node{Children: []*coded.Node{list}}
			}
			for _, v := range []*coded.Node{chain, list} {
				p.write(t, proto, reflect.ValueOf(v))
			}
		}
		// Messages that nest deeper than anything may be written: next in next, and children in children.
		heads := []string{"2c", "391c"}
		if proto.Name() == "binary" {
			heads = []string{"0c0002", "0f00030c00000001"}
		}
		for _, head := range heads {
			one, err := hex.DecodeString(head)
			if err != nil {
				t.Fatal(err)
			}
			for n := wire.MaxDepth/2 - 3; n < wire.MaxDepth+5; n++ {
				p.read(t, proto, append(bytes.Repeat(one, n), make([]byte, n+1)...))
			}
		}
	}
}

// TestManyMembers reads unions with every two members, and with one twice.
func TestManyMembers(t *testing.T) {
	p := newPair(t, new(coded.Shape))
	desc := p.dynamic.Schema.Struct
	var alone [][]byte // each member as an unknown field
	var members []*dynamic.Struct
	for _, f := range desc.Fields {
		s := dynamic.New(desc)
		if err := s.Set(f.Name, dynamic.Zero(f.Type)); err != nil {
			t.Fatal(err)
		}
		b, err := binary.Protocol{}.AppendValue(nil, p.dynamic, mem.To(&s))
		if err != nil {
			t.Fatal(err)
		}
		members, alone = append(members, s), append(alone, b[:len(b)-1])
	}
	for i, s := range members {
		for j := range members {
			s.SetUnknown(alone[j])
			for _, proto := range protocols {
				src, err := proto.AppendValue(nil, p.dynamic, mem.To(&s))
				if err != nil {
					t.Fatal(err)
				}
				if got := p.read(t, proto, src); got.IsValid() != (i == j) {
					t.Errorf("%s: %s and %s: read: %v", proto.Name(), desc.Fields[i].Name, desc.Fields[j].Name, got.IsValid())
				}
			}
		}
	}
}

// TestClaims reads lists that promise very much: nothing may be allocated for it.
func TestClaims(t *testing.T) {
	p := newPair(t, new(coded.Containers))
	for id := int16(1); id <= 33; id++ {
		f := coded.ThriftSchema().Struct("Containers").FieldByID(id)
		head := []byte{byte(wire.TypeOf(f.Type.Kind)), 0, byte(id)}
		if f.Type.Kind == schema.KindMap {
			head = append(head, byte(wire.TypeOf(f.Type.Key.Kind)))
		}
		head = append(head, byte(wire.TypeOf(f.Type.Elem.Kind)), 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := p.read(t, binary.Protocol{}, head)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; got.IsValid() || n > 1<<20 {
			t.Errorf("%s: read: %v; %d bytes were allocated", f.Name, got.IsValid(), n)
		}
	}
}

// FuzzCodecs has both read any bytes as any struct.
func FuzzCodecs(f *testing.F) {
	all := pairs(f)
	r := rand.New(rand.NewPCG(5, 6))
	for i, p := range all {
		v := reflect.New(p.coded.Go)
		v.Elem().Set(random(r, p.coded.Go, 3))
		for j, proto := range protocols {
			if src, err := proto.AppendValue(nil, p.coded, mem.Of(v)); err == nil {
				f.Add(uint8(i), uint8(j), src)
			}
		}
	}
	f.Fuzz(func(t *testing.T, i, j uint8, src []byte) {
		p, proto := all[int(i)%len(all)], protocols[int(j)%len(protocols)]
		if got := p.read(t, proto, src); got.IsValid() {
			p.write(t, proto, got)
		}
	})
}
