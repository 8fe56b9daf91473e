package plan_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

var corpus = schematest.New()

type (
	Color   int32
	Text    string
	Blob    []byte
	ID      [16]byte
	Point   struct{ X, Y int32 }
	Pointed struct{ X, Y *int32 }
	Empty   struct{}
	Double  float64
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// TestForType has for every schema type the Go types that stand for it, and next to them some
// that do not; err is "" for those that do.
func TestForType(t *testing.T) {
	var (
		point  = corpus.Point.Type()
		color  = corpus.Color.Type()
		listI  = schema.ListOf(schematest.I32)
		setI   = schema.SetOf(schematest.I32)
		mapSI  = schema.MapOf(schematest.String, schematest.I32)
		mapPI  = schema.MapOf(point, schematest.I32)
		nested = schema.MapOf(schematest.I8, schema.ListOf(schema.SetOf(schematest.String)))
	)
	const notAKey = ": a key must be compared by its value: use a plain type, or *dynamic.Map for the whole map"
	tests := []struct {
		st  *schema.Type
		t   reflect.Type
		op  plan.Op
		err string
	}{
		{schematest.Bool, typeOf[bool](), plan.OpBool, ""},
		{schematest.Bool, typeOf[*bool](), plan.OpPointer, ""},
		{schematest.Bool, typeOf[int8](), 0, "bool and Go int8: the Go type must be bool"},
		{schematest.I8, typeOf[int8](), plan.OpI8, ""},
		{schematest.I8, typeOf[uint8](), 0, "i8 and Go uint8: the Go type must be int8"},
		{schematest.I16, typeOf[int16](), plan.OpI16, ""},
		{schematest.I16, typeOf[int32](), 0, "i16 and Go int32: the Go type must be int16"},
		{schematest.I32, typeOf[int32](), plan.OpI32, ""},
		{schematest.I32, typeOf[Color](), plan.OpI32, ""},
		{schematest.I32, typeOf[int](), 0, "i32 and Go int: the Go type must be int32"},
		{schematest.I64, typeOf[int64](), plan.OpI64, ""},
		{schematest.I64, typeOf[int](), 0, "i64 and Go int: the Go type must be int64"},
		{schematest.Double, typeOf[float64](), plan.OpDouble, ""},
		{schematest.Double, typeOf[Double](), plan.OpDouble, ""},
		{schematest.Double, typeOf[float32](), 0, "double and Go float32: the Go type must be float64"},
		{schematest.String, typeOf[string](), plan.OpString, ""},
		{schematest.String, typeOf[Text](), plan.OpString, ""},
		{schematest.String, typeOf[[]byte](), plan.OpBytes, ""},
		{schematest.String, typeOf[[]rune](), 0, "string and Go []int32: the Go type must be string or []byte"},
		{schematest.Binary, typeOf[[]byte](), plan.OpBytes, ""},
		{schematest.Binary, typeOf[Blob](), plan.OpBytes, ""},
		{schematest.Binary, typeOf[string](), plan.OpString, ""},
		{schematest.Binary, typeOf[[4]byte](), 0, "binary and Go [4]uint8: the Go type must be string or []byte"},
		{schematest.UUID, typeOf[[16]byte](), plan.OpUUID, ""},
		{schematest.UUID, typeOf[ID](), plan.OpUUID, ""},
		{schematest.UUID, typeOf[string](), 0, "uuid and Go string: the Go type must be [16]byte"},
		{schematest.UUID, typeOf[[15]byte](), 0, "uuid and Go [15]uint8: the Go type must be [16]byte"},
		{color, typeOf[Color](), plan.OpI32, ""},
		{color, typeOf[int32](), plan.OpI32, ""},
		{color, typeOf[int](), 0, "Color and Go int: the Go type must be int32, or a type made of it"},
		{color, typeOf[string](), 0, "Color and Go string: the Go type must be int32, or a type made of it"},
		{point, typeOf[Point](), plan.OpStruct, ""},
		{point, typeOf[*Point](), plan.OpPointer, ""},
		{point, typeOf[*dynamic.Struct](), plan.OpDynStruct, ""},
		{point, typeOf[map[string]any](), plan.OpFields, ""},
		{point, typeOf[map[string]int32](), 0, "Point and Go map[string]int32: the Go type must be a struct, a pointer to one, *dynamic.Struct or map[string]any"},
		{point, typeOf[**Point](), 0, "Point and Go **plan_test.Point: pointer to a pointer"},
		{point, typeOf[**dynamic.Struct](), plan.OpPointer, ""},
		{schematest.I32, typeOf[**int32](), 0, "i32 and Go **int32: pointer to a pointer"},
		{point, typeOf[dynamic.Struct](), 0, "corpus.thrift:11:3: Point.x (i32) and Go dynamic.Struct: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)\n" +
			"corpus.thrift:12:3: Point.y (i32) and Go dynamic.Struct: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{listI, typeOf[[]int32](), plan.OpSlice, ""},
		{listI, typeOf[[]Color](), plan.OpSlice, ""},
		{listI, typeOf[[]*int32](), plan.OpSlice, ""},
		{listI, typeOf[[]any](), plan.OpSlice, ""},
		{listI, typeOf[*[]int32](), plan.OpPointer, ""},
		{listI, typeOf[*dynamic.List](), plan.OpDynList, ""},
		{listI, typeOf[[2]int32](), 0, "list<i32> and Go [2]int32: the Go type must be a slice"},
		{listI, typeOf[map[int32]struct{}](), 0, "list<i32> and Go map[int32]struct {}: the Go type must be a slice"},
		{listI, typeOf[[]int64](), 0, "list<i32>[] (i32) and Go []int64[] (int64): the Go type must be int32"},
		{setI, typeOf[[]int32](), plan.OpSlice, ""},
		{setI, typeOf[map[int32]struct{}](), plan.OpSetMap, ""},
		{setI, typeOf[map[Color]Empty](), plan.OpSetMap, ""},
		{setI, typeOf[*dynamic.List](), plan.OpDynList, ""},
		{setI, typeOf[map[int32]bool](), 0, "set<i32> and Go map[int32]bool: the Go type must be a slice, or a map with elements struct{}"},
		{setI, typeOf[map[any]struct{}](), 0, "set<i32>[] (i32) and Go map[interface {}]struct {}[] (interface {})" + notAKey},
		{mapSI, typeOf[map[string]int32](), plan.OpMap, ""},
		{mapSI, typeOf[map[Text]*int32](), plan.OpMap, ""},
		{mapSI, typeOf[map[string]any](), plan.OpMap, ""},
		{mapSI, typeOf[*dynamic.Map](), plan.OpDynMap, ""},
		{mapSI, typeOf[[]int32](), 0, "map<string,i32> and Go []int32: the Go type must be a map"},
		{mapSI, typeOf[map[int32]string](), 0, "map<string,i32>{key} (string) and Go map[int32]string{key} (int32): the Go type must be string or []byte\n" +
			"map<string,i32>{value} (i32) and Go map[int32]string{value} (string): the Go type must be int32"},
		{mapSI, typeOf[map[*string]int32](), 0, "map<string,i32>{key} (string) and Go map[*string]int32{key} (*string)" + notAKey},
		{mapPI, typeOf[map[Point]int32](), plan.OpMap, ""},
		{mapPI, typeOf[map[Pointed]int32](), 0, "map<Point,i32>{key} (Point) and Go map[plan_test.Pointed]int32{key} (plan_test.Pointed)" + notAKey},
		{mapPI, typeOf[map[struct{ X, Y any }]int32](), 0, "map<Point,i32>{key} (Point) and Go map[struct { X interface {}; Y interface {} }]int32{key} (struct { X interface {}; Y interface {} })" + notAKey},
		{mapPI, typeOf[map[dynamic.Value]int32](), 0, "map<Point,i32>{key} (Point) and Go map[dynamic.Value]int32{key} (dynamic.Value)" + notAKey},
		{nested, typeOf[map[int8][]map[string]struct{}](), plan.OpMap, ""},
		{nested, typeOf[map[int8][][]int8](), 0, "map<i8,list<set<string>>>{value}[][] (string) and Go map[int8][][]int8{value}[][] (int8): the Go type must be string or []byte"},
		{point, typeOf[any](), plan.OpAny, ""},
		{mapPI, typeOf[any](), plan.OpAny, ""},
		{mapPI, typeOf[dynamic.Value](), plan.OpValue, ""},
		{schematest.I32, typeOf[error](), 0, "i32 and Go error: the Go type must be int32"},
		{schema.Base(schema.KindVoid), typeOf[int32](), 0, "void and Go int32: nothing stands for void"},
	}
	for _, test := range tests {
		t.Run(test.st.String()+"_"+test.t.String(), func(t *testing.T) {
			p, err := plan.ForType(test.t, test.st)
			if test.err == "" {
				if err != nil || p.Op != test.op || p.Go != test.t || p.Schema != test.st || p.Size != test.t.Size() {
					t.Fatalf("%+v, %v", p, err)
				}
				return
			}
			if err == nil || err.Error() != test.err || p != nil {
				t.Fatalf("%v\nwant %s", err, test.err)
			}
			var m *plan.Mismatch
			if !errors.As(err, &m) {
				t.Errorf("%T", err)
			}
		})
	}
}

// TestFor has structs: how Go fields find theirs, and all that can be wrong at once.
func TestFor(t *testing.T) {
	names := schematest.Struct("Names", schematest.Field(1, "user_id", schematest.I32), schematest.Field(2, "URL", schematest.String))
	twins := schematest.Struct("Twins", schematest.Field(1, "a_b", schematest.I32), schematest.Field(2, "ab", schematest.I32))
	opt := schematest.Struct("Opt", schematest.Optional(1, "n", schematest.I32), schematest.Optional(2, "l", schema.ListOf(schematest.I8)),
		schematest.Optional(3, "m", schema.MapOf(schematest.I8, schematest.I8)), schematest.Optional(4, "b", schematest.Binary))
	tests := []struct {
		name string
		desc *schema.Struct
		t    reflect.Type
		want string // the fields' presences, or the error
	}{
		{"by name without case and underscores", names, typeOf[struct {
			UserID int32
			Url    string
		}](), "user_id:0 URL:0"},
		{"by tag", names, typeOf[struct {
			A int32  `thrift:"user_id"`
			B string `thrift:"2"`
		}](), "user_id:0 URL:0"},
		{"the order of the IDL", names, typeOf[struct {
			URL     string
			User_Id int32
		}](), "user_id:0 URL:0"},
		{"other fields", names, typeOf[struct {
			UserID int32
			URL    string
			note   string
			Cache  func() `thrift:"-"`
		}](), "user_id:0 URL:0"},
		{"a field that the IDL lacks", names, typeOf[struct {
			UserID int32
			URL    string
			Note   string
		}](), "corpus.thrift:1:8: struct Names and Go T.Note (string): the IDL has no such field: use a tag such as `thrift:\"name\"` for another name, or `thrift:\"-\"` to leave it out"},
		{"a field that Go lacks", names, typeOf[struct{ UserID int32 }](), "corpus.thrift:3:3: Names.URL (string) and Go T: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{"a field that Go keeps among the unknown", names, typeOf[struct {
			UserID int32
			Rest   wire.UnknownFields
		}](), "user_id:0"},
		{"a tag that names nothing", names, typeOf[struct {
			UserID int32  `thrift:"uid"`
			URL    string `thrift:"7"`
		}](), "corpus.thrift:1:8: struct Names and Go T.UserID (int32): its tag names \"uid\", which the IDL does not have\n" +
			"corpus.thrift:1:8: struct Names and Go T.URL (string): its tag names \"7\", which the IDL does not have\n" +
			"corpus.thrift:2:3: Names.user_id (i32) and Go T: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)\n" +
			"corpus.thrift:3:3: Names.URL (string) and Go T: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{"two fields for one", names, typeOf[struct {
			UserID  int32
			User_ID int32
			URL     string
		}](), "corpus.thrift:1:8: struct Names and Go T.User_ID (int32): field UserID stands for user_id already"},
		{"two that it could be", twins, typeOf[struct{ AB int32 }](), "corpus.thrift:1:8: struct Twins and Go T.AB (int32): it could be a_b or ab: use a tag such as `thrift:\"ab\"`\n" +
			"corpus.thrift:2:3: Twins.a_b (i32) and Go T: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)\n" +
			"corpus.thrift:3:3: Twins.ab (i32) and Go T: the Go struct has no field for it (a field of type wire.UnknownFields would keep what has none)"},
		{"two that it could be, with tags", twins, typeOf[struct {
			AB int32 `thrift:"ab"`
			A  int32 `thrift:"a_b"`
		}](), "a_b:0 ab:0"},
		{"all mistakes at once", corpus.Point, typeOf[struct{ X, Y string }](), "corpus.thrift:11:3: Point.x (i32) and Go T.X (string): the Go type must be int32\n" +
			"corpus.thrift:12:3: Point.y (i32) and Go T.Y (string): the Go type must be int32"},
		{"optional", opt, typeOf[struct {
			N *int32
			L []int8
			M map[int8]int8
			B []byte
		}](), "n:1 l:2 m:1 b:2"},
		{"optional, zero is unset", opt, typeOf[struct {
			N int32 `thrift:",omitzero"`
			L []int8
			M *map[int8]int8
			B string `thrift:"b,omitzero"`
		}](), "n:3 l:2 m:1 b:3"},
		{"optional, anything", opt, typeOf[struct {
			N any
			L *dynamic.List
			M *dynamic.Map
			B dynamic.Value
		}](), "n:1 l:1 m:1 b:4"},
		{"optional without a way to be unset", opt, typeOf[struct {
			N int32
			L []int8
			M map[int8]int8
			B string
		}](), "corpus.thrift:2:3: Opt.n (i32) and Go T.N (int32): the Go type cannot tell whether it is set: use a pointer, or the tag `thrift:\",omitzero\"` if the zero value may mean unset\n" +
			"corpus.thrift:5:3: Opt.b (binary) and Go T.B (string): the Go type cannot tell whether it is set: use a pointer, or the tag `thrift:\",omitzero\"` if the zero value may mean unset"},
		{"union", corpus.Shape, typeOf[struct {
			Point  *Point
			Radius *float64
			Label  *string
		}](), "point:1 radius:1 label:1"},
		{"union whose members are always set", corpus.Shape, typeOf[struct {
			Point  Point
			Radius float64 `thrift:",omitzero"`
			Label  *string
		}](), "corpus.thrift:71:3: Shape.point (Point) and Go T.Point (plan_test.Point): the Go type cannot tell whether it is set: use a pointer\n" +
			"corpus.thrift:72:3: Shape.radius (double) and Go T.Radius (float64): the Go type cannot tell whether it is set: use a pointer"},
		{"not a struct", corpus.Point, typeOf[int32](), "corpus.thrift:10:8: struct Point and Go int32: the Go type must be a struct"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got string
			p, err := plan.For(test.t, test.desc)
			if err != nil {
				got = strings.NewReplacer(test.t.String(), "T", "Go struct.", "Go T.", "Go struct:", "Go T:").Replace(err.Error())
			} else {
				var parts []string
				for _, f := range p.Fields {
					parts = append(parts, f.Schema.Name+":"+string('0'+rune(f.Presence)))
				}
				got = strings.Join(parts, " ")
			}
			if want := strings.ReplaceAll(test.want, "Go int32", "Go T"); strings.ReplaceAll(got, "Go int32", "Go T") != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

type (
	Node struct {
		Value    int32
		Next     *Node
		Children []Node
		Named    map[string]*Node
	}
	Ping struct{ Pong *Pong }
	Pong struct{ Ping *Ping }
)

func TestRecursive(t *testing.T) {
	p, err := plan.For(typeOf[Node](), corpus.Node)
	if err != nil {
		t.Fatal(err)
	}
	if p.Fields[1].Type.Elem.Struct != p || p.Fields[2].Type.Elem.Struct != p {
		t.Error("the plan does not lead back to itself")
	}
	ping, pong := &schema.Struct{Name: "Ping"}, &schema.Struct{Name: "Pong"}
	ping.Fields = []*schema.Field{schematest.Optional(1, "pong", pong.Type())}
	pong.Fields = []*schema.Field{schematest.Optional(1, "ping", ping.Type())}
	schematest.Link(ping, pong)
	a, err := plan.For(typeOf[Ping](), ping)
	if err != nil {
		t.Fatal(err)
	}
	b, err := plan.For(typeOf[Pong](), pong)
	if err != nil {
		t.Fatal(err)
	}
	if a.Fields[0].Type.Elem.Struct != b || b.Fields[0].Type.Elem.Struct.Go != a.Go {
		t.Error("the plans do not lead to each other")
	}
}

// TestForConcurrent is for the race detector; all must get one plan.
func TestForConcurrent(t *testing.T) {
	c := schematest.New()
	plans := make([]*plan.Struct, 16)
	var wg sync.WaitGroup
	for i := range plans {
		wg.Go(func() {
			p, err := plan.For(typeOf[Node](), c.Node)
			if err != nil {
				t.Error(err)
			}
			plans[i] = p
		})
	}
	wg.Wait()
	for _, p := range plans {
		if p != plans[0] {
			t.Error("more than one plan")
		}
	}
}

func TestTuple(t *testing.T) {
	p, err := plan.Tuple(corpus.Point, []reflect.Type{typeOf[int32](), typeOf[*int32]()}, []string{"f's first parameter", "f's second parameter"})
	if err != nil || len(p.Fields) != 2 || p.Index(2) != 1 || p.Index(3) != -1 {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = plan.Tuple(corpus.Point, []reflect.Type{typeOf[int64](), typeOf[string]()}, []string{"f's first parameter", "f's second parameter"})
	want := "corpus.thrift:11:3: Point.x (i32) and Go f's first parameter (int64): the Go type must be int32\n" +
		"corpus.thrift:12:3: Point.y (i32) and Go f's second parameter (string): the Go type must be int32"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestIndex(t *testing.T) {
	desc := schematest.Struct("Ids", schematest.Field(-1, "a", schematest.I8), schematest.Field(0, "b", schematest.I8), schematest.Field(255, "c", schematest.I8), schematest.Field(256, "d", schematest.I8), schematest.Field(32767, "e", schematest.I8))
	p, err := plan.For(typeOf[struct{ A, B, C, D, E int8 }](), desc)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[int16]int{-1: 0, 0: 1, 255: 2, 256: 3, 32767: 4, 1: -1, 254: -1, 257: -1, -2: -1, -32768: -1} {
		if got := p.Index(id); got != want {
			t.Errorf("Index(%d): %d, want %d", id, got, want)
		}
	}
}

func TestSeen(t *testing.T) {
	var s plan.Seen
	for _, i := range []int{0, 63, 64, 255, 256, 1000} {
		if !s.Add(i) || s.Add(i) {
			t.Errorf("field %d", i)
		}
	}
	if s.Len() != 6 {
		t.Errorf("%d fields", s.Len())
	}
}

func TestSetDefaults(t *testing.T) {
	inner := schematest.Struct("Inner", schematest.Default(schematest.Field(1, "n", schematest.I32), schematest.Int(7)), schematest.Field(2, "m", schematest.I32))
	list := schema.ListOf(schematest.String)
	desc := schematest.Struct("Outer",
		schematest.Default(schematest.Field(1, "inner", inner.Type()), &schema.Literal{}),
		schematest.Default(schematest.Optional(2, "words", list), &schema.Literal{List: []*schema.Literal{{Type: schematest.String, Text: "a"}}}),
		schematest.Default(schematest.Optional(3, "data", schematest.Binary), schematest.Text("xy")),
		schematest.Default(schematest.Field(4, "count", schema.MapOf(schematest.I8, schematest.Bool)), &schema.Literal{Map: []schema.LiteralPair{{Key: &schema.Literal{Type: schematest.I8, Int: 1}, Value: &schema.Literal{Type: schematest.Bool, Bool: true}}}}),
		schematest.Default(schematest.Field(5, "set", schema.SetOf(schematest.I64)), &schema.Literal{List: []*schema.Literal{{Type: schematest.I64, Int: 5}}}),
		schematest.Field(6, "kept", schematest.I32))
	type Inner struct{ N, M int32 }
	type Outer struct {
		Inner Inner
		Words []string
		Data  []byte
		Count map[int8]bool
		Set   map[int64]struct{}
		Kept  int32
	}
	p, err := plan.For(typeOf[Outer](), desc)
	if err != nil {
		t.Fatal(err)
	}
	v := Outer{Inner: Inner{N: 1, M: 2}, Words: []string{"old"}, Kept: 9}
	p.SetDefaults(mem.To(&v))
	want := Outer{Inner{N: 7}, []string{"a"}, []byte("xy"), map[int8]bool{1: true}, map[int64]struct{}{5: {}}, 9}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("%+v, want %+v", v, want)
	}
	v.Data[0] = 'z' // it must not be the default's own memory
	if p.SetDefaults(mem.To(&v)); string(v.Data) != "xy" {
		t.Errorf("the default was changed: %s", v.Data)
	}
}

func TestSameName(t *testing.T) {
	for _, tt := range []struct {
		idl, goName string
		want        bool
	}{
		{"user_name", "UserName", true},
		{"userName", "User_Name", true},
		{"_id_", "ID", true},
		{"id", "Idx", false},
		{"k", "\u212a", true}, // the sign for kelvin, which folds to k
		{"straße", "STRASSE", false},
		{"größe", "GRÖßE", true},
		{"", "_", true},
	} {
		if got := plan.SameName(tt.idl, tt.goName); got != tt.want {
			t.Errorf("%q and %q: %v", tt.idl, tt.goName, got)
		}
	}
}

// TestNegativeZero has a field that is left out if it is zero: minus zero is another value.
func TestNegativeZero(t *testing.T) {
	type T struct {
		D float64 `thrift:",omitzero"`
	}
	p, err := plan.For(reflect.TypeFor[T](), schematest.Struct("S", schematest.Optional(1, "d", schematest.Double)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		d   float64
		set bool
	}{{0, false}, {math.Copysign(0, -1), true}, {1, true}, {math.NaN(), true}} {
		if set := p.Fields[0].IsSet(mem.To(&T{tt.d})); set != tt.set {
			t.Errorf("%v is set: %t, want %t", tt.d, set, tt.set)
		}
	}
}
