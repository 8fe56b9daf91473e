package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// funcs are the methods of the service as a program binds them. Arguments that a check leaves
// out are pointers.
type funcs struct {
	Ping   func(ctx context.Context) (string, error)
	Mirror func(ctx context.Context, p Point) (*Point, error)
	Check  func(ctx context.Context, ok bool) error

	EchoBool          func(ctx context.Context, v bool) (bool, error)
	EchoByte          func(ctx context.Context, v int8) (int8, error)
	EchoI8            func(ctx context.Context, v int8) (int8, error)
	EchoI16           func(ctx context.Context, v int16) (int16, error)
	EchoI32           func(ctx context.Context, v int32) (int32, error)
	EchoI64           func(ctx context.Context, v int64) (int64, error)
	EchoDouble        func(ctx context.Context, v float64) (float64, error)
	EchoString        func(ctx context.Context, v string) (string, error)
	EchoBinary        func(ctx context.Context, v []byte) ([]byte, error)
	EchoColor         func(ctx context.Context, v Color) (Color, error)
	EchoLevel         func(ctx context.Context, v Level) (Level, error)
	EchoTimestamp     func(ctx context.Context, v Timestamp) (Timestamp, error)
	EchoUserID        func(ctx context.Context, v UserID) (UserID, error)
	EchoBools         func(ctx context.Context, v []bool) ([]bool, error)
	EchoInts          func(ctx context.Context, v []int32) ([]int32, error)
	EchoNames         func(ctx context.Context, v []string) ([]string, error)
	EchoItems         func(ctx context.Context, v []Item) ([]*Item, error)
	EchoMatrix        func(ctx context.Context, v [][]int32) ([][]int32, error)
	EchoIntSet        func(ctx context.Context, v map[int32]struct{}) ([]int32, error)
	EchoStringSet     func(ctx context.Context, v []string) (map[string]struct{}, error)
	EchoIntToString   func(ctx context.Context, v map[int32]string) (map[int32]string, error)
	EchoStringToItems func(ctx context.Context, v map[string][]Item) (map[string][]*Item, error)
	EchoPointToString func(ctx context.Context, v map[Point]string) (map[Point]string, error)
	EchoDeep          func(ctx context.Context, v map[string]map[int32][]string) (map[string]map[int32]map[string]struct{}, error)
	EchoEmpty         func(ctx context.Context, v Empty) (*Empty, error)
	EchoItem          func(ctx context.Context, v *Item) (*Item, error)
	EchoChoice        func(ctx context.Context, v Choice) (*Choice, error)
	EchoAll           func(ctx context.Context, v *AllTypes) (*AllTypes, error)
	EchoScrambled     func(ctx context.Context, v *Scrambled) (*Scrambled, error)
	EchoSparse        func(ctx context.Context, v *Sparse) (*Sparse, error)
	EchoPresence      func(ctx context.Context, v *Presence) (*Presence, error)
	EchoDefaults      func(ctx context.Context, v *Defaults) (*Defaults, error)
	EchoTree          func(ctx context.Context, v *Tree) (*Tree, error)
	EchoChain         func(ctx context.Context, v *Chain) (*Chain, error)
	EchoPerson        func(ctx context.Context, v *Person) (*Person, error)

	DescribeAll       func(ctx context.Context, v *AllTypes) (string, error)
	DescribeScrambled func(ctx context.Context, v *Scrambled) (string, error)
	DescribeChoice    func(ctx context.Context, v *Choice) (string, error)
	DescribePresence  func(ctx context.Context, v *Presence) (string, error)
	DescribeDefaults  func(ctx context.Context, v *Defaults) (string, error)

	NewDefaults func(ctx context.Context) (*Defaults, error)
	Order       func(ctx context.Context, a, b, c string) (string, error)
	Greet       func(ctx context.Context, name *string, times *int32, level *Level) (string, error)
	Select      func(ctx context.Context, typ, rng, fn string) (string, error)
	Absent      func(ctx context.Context) (*Point, error)
	Divide      func(ctx context.Context, a, b int32) (int32, error)
	Fail        func(ctx context.Context, kind string) error
	Notify      func(ctx context.Context, token string) error
	Notified    func(ctx context.Context, token string) (int32, error)
	Sleep       func(ctx context.Context, ms int32) error
}

// dial connects to a target and binds the service.
func dial(t *testing.T, file *schema.File, target string, opts ...thriftkit.ClientOption) (*thriftkit.Client, *funcs) {
	t.Helper()
	client, err := thriftkit.Dial(t.Context(), target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	f := new(funcs)
	if err := client.Bind(file.Service("Conformance"), f, &DivisionByZero{}, &InvalidInput{}, &Unavailable{}); err != nil {
		t.Fatal(err)
	}
	return client, f
}

// A caller calls a method and returns its result, unset for void. nil arguments are not sent.
type caller func(ctx context.Context, method string, args ...any) (dynamic.Value, error)

// boundCaller calls the funcs of f.
func boundCaller(svc *schema.Service, f *funcs) caller {
	return func(ctx context.Context, method string, args ...any) (dynamic.Value, error) {
		fn := reflect.ValueOf(f).Elem().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, method) })
		in := []reflect.Value{reflect.ValueOf(ctx)}
		for i := range fn.Type().NumIn() - 1 {
			var arg any
			if i < len(args) {
				arg = args[i]
			}
			in = append(in, argument(arg, fn.Type().In(i+1)))
		}
		out := fn.Call(in)
		if err, _ := out[len(out)-1].Interface().(error); err != nil || len(out) == 1 {
			return dynamic.Value{}, err
		}
		return ValueOf(svc.Method(method).Result, out[0].Interface()), nil
	}
}

// argument returns v as a t, by adding or removing a pointer where that is all it takes.
func argument(v any, t reflect.Type) reflect.Value {
	rv := reflect.ValueOf(v)
	switch {
	case !rv.IsValid():
		return reflect.Zero(t)
	case t.Kind() == reflect.Pointer && rv.Type() == t.Elem():
		p := reflect.New(t.Elem())
		p.Elem().Set(rv)
		return p
	case rv.Kind() == reflect.Pointer && rv.Type().Elem() == t:
		return rv.Elem()
	}
	return rv.Convert(t)
}

// dynamicCaller calls without any Go types.
func dynamicCaller(svc *schema.Service, client *thriftkit.Client) caller {
	return func(ctx context.Context, method string, args ...any) (dynamic.Value, error) {
		m := svc.Method(method)
		values := dynamic.New(m.Args)
		for i, arg := range args {
			if err := values.Set(m.Args.Fields[i].Name, ValueOf(m.Args.Fields[i].Type, arg)); err != nil {
				return dynamic.Value{}, err
			}
		}
		return client.Invoke(ctx, m, values)
	}
}

// A row is one call and what must come of it.
type row struct {
	name   string
	method string
	args   []any
	want   any    // the result; nil for void, or if what follows is given
	text   string // the result's text
	throws any    // the exception
	code   rpc.Code

	large bool // takes peers long

	svc *schema.Service // set by prepare
}

func ptr[T any](v T) *T { return &v }

// allTypes returns a value with every field set, to extremes where there are any.
func allTypes() *AllTypes {
	return &AllTypes{
		ABool: true, AByte: -128, AnI8: 127, AnI16: -32768, AnI32: math.MaxInt32, AnI64: math.MinInt64,
		ADouble: -2.5e-300, AString: "quotes \" and \\, tab\t, 水 🦉", ABinary: allBytes(256),
		Color: Negative, Level: High, Timestamp: 1700000000123, User: -1,
		Item:   Item{ptr("one"), ptr[int32](1), ptr(0.1)},
		Choice: &Choice{Many: []*Choice{{Number: ptr[int32](0)}, {Text: ptr("")}, {Nothing: &Empty{}}}},
		Bools:  []bool{true, false, true}, Bytes: []int8{0, -1, 127}, Shorts: []int16{-32768, 32767},
		Ints: []int32{math.MinInt32, 0, math.MaxInt32}, Longs: []int64{math.MinInt64, math.MaxInt64},
		Doubles:  []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, math.MaxFloat64},
		Strings:  []string{"", "a", "é", "水", "🦉"},
		Binaries: [][]byte{{}, {0}, {0xff, 0xfe}},
		Colors:   []Color{Red, Blue},
		Items:    []Item{{Name: ptr(""), Count: ptr[int32](0)}, {ptr("b"), ptr[int32](-1), ptr(math.Copysign(0, -1))}},
		Matrix:   [][]int32{{}, {1}, {2, 3}},
		IntSet:   []int32{3, 1, 2}, StringSet: set("b", "", "a"), PointSet: set(Point{1, 2}, Point{2, 1}),
		IntToString:   map[int32]string{1: "one", -1: "minus one"},
		StringToLong:  map[string]int64{"": 0, "max": math.MaxInt64},
		BoolToByte:    map[bool]int8{true: 1, false: 0},
		ColorToItem:   map[Color]*Item{Green: {Name: ptr("green"), Count: ptr[int32](5)}},
		StringToItems: map[string][]*Item{"none": {}, "two": {{Name: ptr("a")}, {Count: ptr[int32](2)}}},
		PointToString: map[Point]string{{0, 0}: "origin", {-1, 1}: "left"},
		Deep:          map[string]map[int32]map[string]struct{}{"a": {1: set("x", "y"), 2: {}}, "b": {}},
		Deeper:        []map[string][][][]byte{{}, {"k": {{[]byte("v"), {}}, {}}}},
		Names:         []string{"n1", "n2"}, Groups: map[string][]string{"g": {"n1"}, "empty": {}},
		Empty: &Empty{},
	}
}

func set[T comparable](elems ...T) map[T]struct{} {
	m := make(map[T]struct{})
	for _, e := range elems {
		m[e] = struct{}{}
	}
	return m
}

// allBytes returns n bytes, every value among them.
func allBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// list returns n elements made by f.
func list[T any](n int, f func(i int) T) []T {
	l := make([]T, n)
	for i := range l {
		l[i] = f(i)
	}
	return l
}

func chain(n int) *Chain {
	var c *Chain
	for i := range n {
		c = &Chain{int32(i), c}
	}
	return c
}

// defaultsText is the text of a Defaults that the reader filled in.
const defaultsText = "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000," +
	`aString="it is \"quoted\"",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={"a","b"},` +
	`aMap={"one":1,"two":2},nested={"none":[],"odd":[1,3]},point=Point{x=3,y=4},answer=42,greeting="hello",` +
	`optionalInt=11,optionalString="given",requiredInt=12,whole=4000000000000000,timestamp=-1}`

// zeroDefaults overrides every default by a zero.
func zeroDefaults() *Defaults {
	return &Defaults{
		ABool: new(bool), AByte: new(int8), AnI16: new(int16), AnI32: new(int32), AnI64: new(int64),
		ADouble: new(float64), AString: new(string), ABinary: &[]byte{}, Color: new(Color), Level: ptr(Low),
		AList: &[]int32{}, ASet: &map[string]struct{}{}, AMap: &map[string]int32{}, Nested: &map[string][]int32{},
		Point: &Point{}, Answer: new(int32), Greeting: new(string), OptionalInt: new(int32),
		OptionalString: new(string), RequiredInt: 0, Whole: new(float64), Timestamp: new(Timestamp),
	}
}

// rows are the checks. An echo's result is its argument; want is filled in for it.
func rows() []row {
	var rows []row
	echo := func(method string, values ...any) {
		for i, v := range values {
			rows = append(rows, row{name: fmt.Sprintf("%s %d", method, i+1), method: method, args: []any{v}, want: v})
		}
	}
	add := func(r row) { rows = append(rows, r) }

	add(row{name: "ping", method: "ping", want: "pong"})
	echo("echoBool", true, false)
	echo("echoByte", int8(0), int8(1), int8(-1), int8(127), int8(-128))
	echo("echoI8", int8(0), int8(127), int8(-128))
	echo("echoI16", int16(0), int16(-1), int16(math.MaxInt16), int16(math.MinInt16))
	echo("echoI32", int32(0), int32(-1), int32(math.MaxInt32), int32(math.MinInt32))
	echo("echoI64", int64(0), int64(-1), int64(1)<<53+1, int64(math.MaxInt64), int64(math.MinInt64))
	echo("echoDouble", 0.0, math.Copysign(0, -1), 1.0, -1.5, 0.1, 5e-324, 2.2250738585072014e-308, math.MaxFloat64,
		math.Inf(1), math.Inf(-1), math.NaN())
	echo("echoString", "", "a", "\x00", "tab\t line\n", `quotes " \ /`, "é", "水", "🦉 astral", "\ufeff", "\uffff",
		strings.Repeat("e\u0301", 1000))
	echo("echoBinary", []byte{}, []byte{0}, []byte("plain"), allBytes(256))
	echo("echoColor", Red, Green, Blue, Negative, Color(12345))
	echo("echoLevel", Low, Middle, High)
	echo("echoTimestamp", Timestamp(0), Timestamp(1700000000123), Timestamp(-1))
	echo("echoUserID", UserID(0), UserID(math.MinInt32))
	echo("echoBools", []bool{}, []bool{true}, list(300, func(i int) bool { return i%3 == 1 }))
	echo("echoInts", []int32{}, []int32{0}, []int32{math.MinInt32, math.MaxInt32})
	echo("echoNames", []string{}, []string{""}, []string{"a", "b", "a"})
	echo("echoItems", []Item{}, []Item{{Name: ptr("a"), Count: ptr[int32](1)}, {}, {Price: ptr(0.5)}})
	echo("echoMatrix", [][]int32{}, [][]int32{{}}, [][]int32{{}, {1}, {2, 3}, {}})
	echo("echoIntSet", set[int32](), set[int32](3, 1, 2, -5))
	echo("echoStringSet", []string{}, []string{""}, []string{"b", "a", "🦉"})
	echo("echoIntToString", map[int32]string{}, map[int32]string{0: ""}, map[int32]string{1: "one", -1: "minus", math.MaxInt32: "max"})
	echo("echoStringToItems", map[string][]Item{}, map[string][]Item{"": {}}, map[string][]Item{"one": {{Name: ptr("a")}}, "two": {{}, {}}})
	echo("echoPointToString", map[Point]string{}, map[Point]string{{1, 2}: "a", {2, 1}: "b"})
	echo("echoDeep", map[string]map[int32][]string{}, map[string]map[int32][]string{"a": {}},
		map[string]map[int32][]string{"a": {1: {}, 2: {"x", "y"}}, "": {0: {""}}})
	echo("echoEmpty", Empty{})
	echo("echoItem", &Item{}, &Item{Name: ptr("")}, &Item{ptr("n"), ptr[int32](-1), ptr(2.5)})
	echo("echoAll", allTypes())
	echo("echoScrambled", &Scrambled{Last: "z", First: -1, Middle: ptr(0.5), Zeroth: true}, &Scrambled{})
	echo("echoSparse", &Sparse{ptr[int32](1), ptr[int32](17), ptr("x"), ptr(true)}, &Sparse{Most: ptr(false)}, &Sparse{})
	echo("echoTree", &Tree{Name: ptr("alone")},
		&Tree{Name: ptr("root"), Children: []*Tree{{Name: ptr("branch"), Children: []*Tree{{}, {Name: ptr("leaf")}}}}},
		&Tree{Children: []*Tree{}, Named: map[string]*Tree{"a": {Named: map[string]*Tree{"b": {Name: ptr("b")}}}, "": {}}})
	echo("echoChain", chain(1), chain(50))
	echo("echoPerson", &Person{Name: "p"}, &Person{"p", &Company{"inner", []*Person{{"a", nil}, {"b", &Company{"x", []*Person{}}}}}})

	add(row{name: "what the peer saw of all types", method: "describeAll", args: []any{allTypes()},
		text: Text(dynamic.String(textOf("AllTypes", allTypes())))})
	for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80"} {
		add(row{name: fmt.Sprintf("a string that is not UTF-8 (%x)", s), method: "echoString", args: []any{s}, want: s})
	}
	add(row{name: "a string of 1 MiB", large: true, method: "echoString", args: []any{strings.Repeat("é🦉x ", 1<<17)}, want: strings.Repeat("é🦉x ", 1<<17)})
	add(row{name: "a binary of 1 MiB", large: true, method: "echoBinary", args: []any{allBytes(1 << 20)}, want: allBytes(1 << 20)})
	ints := list(100000, func(i int) int32 { return int32(i * i) })
	add(row{name: "a list of 100,000 numbers", large: true, method: "echoInts", args: []any{ints}, want: ints})
	names := list(20000, func(i int) string { return fmt.Sprint("name ", i) })
	add(row{name: "a list of 20,000 strings", large: true, method: "echoNames", args: []any{names}, want: names})
	items := list(5000, func(i int) Item { return Item{ptr("item"), ptr(int32(i)), ptr(float64(i) / 8)} })
	add(row{name: "a list of 5,000 structs", large: true, method: "echoItems", args: []any{items}, want: items})
	table := make(map[int32]string)
	for i := range int32(20000) {
		table[i-10000] = fmt.Sprint("value ", i)
	}
	add(row{name: "a map of 20,000 entries", large: true, method: "echoIntToString", args: []any{table}, want: table})

	add(row{name: "fields go by declaration", method: "describeScrambled",
		args: []any{&Scrambled{Last: "z", First: -1, Middle: ptr(0.5), Zeroth: true}},
		want: `Scrambled{last="z",first=-1,middle=3fe0000000000000,zeroth=true}`})
	add(row{name: "arguments go by declaration", method: "order", args: []any{"a", "b", "c"}, want: "a-b-c"})
	add(row{name: "words of programming languages as names", method: "select", args: []any{"t", "r", "f"}, want: "t-r-f"})

	absent := &Presence{PlainList: []int32{}, PlainPoint: &Point{}}
	add(row{name: "optional fields absent", method: "describePresence", args: []any{absent},
		want: `Presence{requiredInt=0,plainInt=0,requiredString="",plainString="",plainList=[],plainPoint=Point{x=0,y=0}}`})
	zeros := &Presence{
		OptionalInt: new(int32), OptionalString: new(string), OptionalBool: new(bool), OptionalDouble: new(float64),
		OptionalBinary: []byte{}, OptionalList: []int32{}, OptionalSet: set[string](), OptionalMap: map[string]int32{},
		OptionalPoint: &Point{}, OptionalColor: new(Color),
	}
	add(row{name: "optional fields present though zero", method: "describePresence", args: []any{zeros},
		want: `Presence{requiredInt=0,plainInt=0,optionalInt=0,requiredString="",plainString="",optionalString="",` +
			`optionalBool=false,optionalDouble=0000000000000000,optionalBinary=x'',optionalList=[],optionalSet={},` +
			`optionalMap={},optionalPoint=Point{x=0,y=0},optionalColor=0,plainList=[]}`})
	echo("echoPresence", absent, zeros)
	add(row{name: "defaults filled in by the peer", method: "describeDefaults", args: []any{&Defaults{RequiredInt: 12}}, want: defaultsText})
	add(row{name: "defaults filled in by the peer and sent back", method: "echoDefaults", args: []any{&Defaults{RequiredInt: 12}}, text: defaultsText})
	add(row{name: "defaults of the peer", method: "newDefaults", text: defaultsText})
	add(row{name: "defaults overridden by zero", method: "describeDefaults", args: []any{zeroDefaults()}, want: textOf("Defaults", zeroDefaults())})
	echo("echoDefaults", zeroDefaults())
	add(row{name: "defaults of arguments", method: "greet", want: "world*1@5"})
	add(row{name: "defaults of some arguments", method: "greet", args: []any{nil, int32(0)}, want: "world*0@5"})
	add(row{name: "no defaults of arguments", method: "greet", args: []any{"you", int32(2), High}, want: "you*2@10"})

	choices := []any{
		Choice{Number: new(int32)}, Choice{Number: ptr[int32](-1)}, Choice{Text: new(string)}, Choice{Text: ptr("🦉")},
		Choice{Point: &Point{1, 2}}, Choice{Many: []*Choice{}}, Choice{Flag: new(bool)}, Choice{Nothing: &Empty{}},
		Choice{Many: []*Choice{{Number: ptr[int32](1)}, {Many: []*Choice{{Flag: ptr(true)}}}}},
	}
	echo("echoChoice", choices...)
	add(row{name: "a union", method: "describeChoice", args: []any{choices[8]}, want: "Choice{many=[Choice{number=1},Choice{many=[Choice{flag=true}]}]}"})
	add(row{name: "a union with nothing set", method: "describeChoice", args: []any{Choice{}}, code: rpc.CodeArgument})
	add(row{name: "a union with two members set", method: "describeChoice", args: []any{Choice{Number: new(int32), Flag: new(bool)}}, code: rpc.CodeArgument})

	add(row{name: "an included type", method: "mirror", args: []any{Point{1, -2}}, want: Point{-2, 1}})
	add(row{name: "void", method: "check", args: []any{true}})
	add(row{name: "an exception of the service extended", method: "check", args: []any{false}, throws: &Unavailable{"not ok", ptr[int32](250)}})
	add(row{name: "no exception", method: "divide", args: []any{int32(-7), int32(2)}, want: int32(-3)})
	add(row{name: "a result of zero", method: "divide", args: []any{int32(0), int32(5)}, want: int32(0)})
	add(row{name: "the first exception", method: "divide", args: []any{int32(7), int32(0)}, throws: &DivisionByZero{7}})
	add(row{name: "the second exception", method: "divide", args: []any{int32(7), int32(-2)}, throws: &InvalidInput{"b", -1, []string{"b >= 0", "try again"}}})
	add(row{name: "the first exception of void", method: "fail", args: []any{"zero"}, throws: &DivisionByZero{7}})
	add(row{name: "the second exception of void", method: "fail", args: []any{"invalid"}, throws: &InvalidInput{"kind", 3, []string{}}})
	add(row{name: "the third exception of void", method: "fail", args: []any{"unavailable"}, throws: &Unavailable{"closed", nil}})
	add(row{name: "no exception of void", method: "fail", args: []any{"not at all"}})
	add(row{name: "no result", method: "absent", code: rpc.CodeMissingResult})
	return rows
}

// textOf returns the text of v, a value of the struct called name.
func textOf(name string, v any) string {
	file, err := Load()
	if err != nil {
		panic(err)
	}
	return Text(ValueOf(file.Struct(name).Type(), v))
}

// TestClient has a bound client and a dynamic one check server.py.
func TestClient(t *testing.T) {
	python(t)
	file := mustLoad(t)
	svc := file.Service("Conformance")
	rows := preparedRows(svc, nil)
	tb := new(table)
	tb.logAfter(t)
	for _, w := range routes() {
		if why := w.serverLacks(); why != "" {
			tb.lacks("thriftpy2", "thriftkit (bound) → thriftpy2", w, why)
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			certs, flags := "", []string(nil)
			if w.socket == "tls" {
				certs = certificates(t)
				flags = []string{"--tls", certs}
			}
			_, addr := servePython(t, w, flags...)
			target := w.cell().target(addr, certs)
			client, f := dial(t, file, target, thriftkit.WithTimeout(callTimeout))
			callers := map[string]caller{"bound": boundCaller(svc, f), "dynamic": dynamicCaller(svc, client)}
			if w.isForOneCall() {
				callers = callersOfOne(file, target)
			}
			for name, call := range callers {
				if name == "dynamic" && !w.isAlsoDynamic() {
					continue
				}
				ok, failed := 0, 0
				var skipped []string
				check := func(check string, args []any, run func(t *testing.T)) {
					why := w.differs(check, args)
					passes := t.Run(name+"/"+check, func(t *testing.T) {
						if why != "" {
							t.Skip(why)
						}
						run(t)
					})
					switch {
					case why != "":
						skipped = append(skipped, why)
					case passes:
						ok++
					default:
						failed++
					}
				}
				for _, r := range rows {
					if r.large && !w.cell().takesLarge() {
						continue
					}
					check(r.name, r.args, func(t *testing.T) {
						if err := r.run(t.Context(), call); err != nil {
							t.Error(err)
						}
					})
				}
				for _, s := range sequences(w.manners(), file, target) {
					check(s.name, nil, func(t *testing.T) { s.run(t, call) })
				}
				tb.add("thriftpy2", "thriftkit ("+name+") → thriftpy2", w, ok, failed, skipped)
			}
		})
	}
}

// callersOfOne returns callers whose every call has a connection of its own.
func callersOfOne(file *schema.File, target string) map[string]caller {
	svc := file.Service("Conformance")
	callWith := func(bind func(*thriftkit.Client) (caller, error)) caller {
		return func(ctx context.Context, method string, args ...any) (dynamic.Value, error) {
			client, err := thriftkit.Dial(ctx, target, thriftkit.WithTimeout(callTimeout))
			if err != nil {
				return dynamic.Value{}, err
			}
			defer client.Close()
			call, err := bind(client)
			if err != nil {
				return dynamic.Value{}, err
			}
			return call(ctx, method, args...)
		}
	}
	return map[string]caller{
		"bound": callWith(func(client *thriftkit.Client) (caller, error) {
			f := new(funcs)
			return boundCaller(svc, f), client.Bind(svc, f, &DivisionByZero{}, &InvalidInput{}, &Unavailable{})
		}),
		"dynamic": callWith(func(client *thriftkit.Client) (caller, error) { return dynamicCaller(svc, client), nil }),
	}
}

// serverLacks says why thriftpy2 has no such server, "" if it has.
func (w route) serverLacks() string {
	if w.transport == "http" && w.socket == "tls" && !w.aio {
		return "thriftpy2's HTTP server has no TLS"
	}
	return w.lacks()
}

// differs says why thriftpy2's server cannot pass a check of a call with args, or of several; "" if it must.
func (w route) differs(check string, args []any) string {
	starts := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(check, p) })
	}
	switch {
	case w.protocol == "compact" && w.aio && slices.ContainsFunc(args, hasTextMap):
		return "thriftpy2's asyncio compact loses maps"
	case w.transport == "http" && w.aio && starts("a string of 1 MiB", "a binary of 1 MiB"):
		return "thriftpy2's asyncio HTTP server takes no body over 1 MiB"
	case w.transport == "http" && w.aio && check == "application exception":
		return "thriftpy2's asyncio HTTP server answers 500 instead"
	case w.isJSON() && starts("a string that is not UTF-8"):
		return "JSON strings are text"
	case w.protocol != "json":
		return ""
	case starts("echoMatrix") && check != "echoMatrix 1":
		return "thriftpy2's Apache JSON has no lists of lists"
	case starts("echoPointToString", "echoAll", "what the peer saw of all types"):
		return "thriftpy2's Apache JSON has no maps with structs or enums as keys"
	case check == "echoDouble 2":
		return "thriftpy2's Apache JSON reads -0 as an integer"
	case starts("a string of 1 MiB", "a binary of 1 MiB", "a list of", "a map of"):
		return "thriftpy2's Apache JSON takes too long for large values"
	case starts("unknown fields"):
		return "thriftpy2's Apache JSON does not take unknown fields"
	case w.isForOneCall() && starts("oneway", "calls of all kinds", "unknown", "plain Go values"):
		return "thriftpy2's Apache JSON executes the first call of a connection again and again"
	}
	return ""
}

// hasTextMap reports whether there is a map with string keys or values, and with entries, in v.
func hasTextMap(v any) bool {
	isText := func(t reflect.Type) bool { return t.Kind() == reflect.String || t == reflect.TypeFor[[]byte]() }
	var has func(reflect.Value) bool
	has = func(v reflect.Value) bool {
		switch v.Kind() {
		case reflect.Pointer:
			return !v.IsNil() && has(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				if has(v.Field(i)) {
					return true
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				if has(v.Index(i)) {
					return true
				}
			}
		case reflect.Map:
			isSet := v.Type().Elem() == reflect.TypeFor[struct{}]()
			for _, k := range v.MapKeys() {
				if !isSet && (isText(k.Type()) || isText(v.Type().Elem())) || has(k) || has(v.MapIndex(k)) {
					return true
				}
			}
		}
		return false
	}
	return has(reflect.ValueOf(v))
}

// prepare fills in the text of what the row wants.
func (r row) prepare(svc *schema.Service, fills func(*schema.Field) bool) row {
	if r.text == "" && r.throws == nil && r.code == 0 {
		r.text = Text(filled(ValueOf(svc.Method(r.method).Result, r.want), fills))
	}
	if r.throws != nil {
		r.text = exceptionText(svc, r.throws)
	}
	r.svc = svc
	return r
}

// preparedRows returns the rows for a peer that writes the fields that fills tells where they are unset.
func preparedRows(svc *schema.Service, fills func(*schema.Field) bool) []row {
	return mapSlice(rows(), func(r row) row { return r.prepare(svc, fills) })
}

// filled returns v with a zero in each unset field that fills tells.
func filled(v dynamic.Value, fills func(*schema.Field) bool) dynamic.Value {
	if fills == nil {
		return v
	}
	switch v.Kind() {
	case schema.KindList, schema.KindSet:
		l := dynamic.NewList(v.List().Type())
		for _, e := range v.List().All() {
			l.Append(filled(e, fills))
		}
		return dynamic.ListValue(l)
	case schema.KindMap:
		m := dynamic.NewMap(v.Map().Type())
		for _, e := range v.Map().Entries() {
			m.Append(filled(e.Key, fills), filled(e.Value, fills))
		}
		return dynamic.MapValue(m)
	case schema.KindStruct:
		s := dynamic.New(v.Struct().Schema())
		for i, f := range s.Schema().Fields {
			e := v.Struct().At(i)
			if !e.IsSet() && s.Schema().Kind != schema.Union && f.Requiredness == schema.Unspecified && fills(f) {
				e = dynamic.Zero(f.Type)
			}
			s.Set(f.Name, filled(e, fills))
		}
		return dynamic.StructValue(s)
	}
	return v
}

// check makes the call and compares what comes of it.
func (r row) check(t *testing.T, svc *schema.Service, call caller) {
	t.Helper()
	if err := r.prepare(svc, nil).run(t.Context(), call); err != nil {
		t.Error(err)
	}
}

// run makes the call of a prepared row and says what is wrong with what comes of it.
func (r row) run(ctx context.Context, call caller) error {
	got, err := call(ctx, r.method, r.args...)
	var e *thriftkit.Error
	switch {
	case r.throws != nil:
		if got := exceptionText(r.svc, err); got != r.text {
			return fmt.Errorf("%s throws %s, want %s", r.method, got, r.text)
		}
	case r.code != 0:
		if !errors.As(err, &e) || e.Code != r.code {
			return fmt.Errorf("%s: error %v, want one with the code %q", r.method, err, r.code)
		}
	case err != nil:
		return fmt.Errorf("%s: %w", r.method, err)
	default:
		if got := Text(got); got != r.text {
			return fmt.Errorf("%s: got %s, want %s", r.method, shorten(got), shorten(r.text))
		}
	}
	return nil
}

func shorten(s string) string {
	if len(s) <= 400 {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:400], len(s))
}

// exceptionText returns the text of a declared exception, in whatever form it came; else what
// the error says.
func exceptionText(svc *schema.Service, v any) string {
	var dyn *thriftkit.Exception
	if err, ok := v.(error); ok && errors.As(err, &dyn) {
		return Text(dynamic.StructValue(dyn.Value))
	}
	switch v.(type) {
	case *DivisionByZero, *InvalidInput, *Unavailable:
	default:
		return fmt.Sprint(v)
	}
	name := reflect.TypeOf(v).Elem().Name()
	for _, m := range svc.AllMethods() {
		for _, f := range m.Throws {
			if f.Type.Struct.Name == name {
				return Text(ValueOf(f.Type, v))
			}
		}
	}
	return name
}

// A sequence is a check of more than one call.
type sequence struct {
	name string
	run  func(t *testing.T, call caller)
}

// manners are how a peer's server answers what the IDL does not declare, as the caller sees it.
type manners struct {
	application rpc.Code // an application exception
	undeclared  rpc.Code // another error of the handler
	unknown     rpc.Code // a method that the server does not have
	absent      rpc.Code // no result; 0: there always is one
	calls       int      // how many calls show that many calls work
}

// manners returns those of thriftpy2.
func (w route) manners() manners {
	m := manners{application: rpc.CodeProtocol, undeclared: rpc.CodeConnectionLost, unknown: rpc.CodeUnknownMethod, absent: rpc.CodeMissingResult, calls: 1000}
	if w.aio {
		m.application = rpc.CodeConnectionLost
	}
	if w.aio && w.transport == "http" { // it answers 500
		m.undeclared = rpc.CodeProtocol
	}
	if !w.cell().takesLarge() || w.protocol == "json" { // whose every call takes a connection
		m.calls = 100
	}
	return m
}

// sequences returns the checks that any connection passes, and the next call works after each.
func sequences(m manners, file *schema.File, target string) []sequence {
	svc := file.Service("Conformance")
	usable := func(t *testing.T, call caller) {
		t.Helper()
		for i := range int32(3) {
			row{method: "echoI32", args: []any{i}, want: i}.check(t, svc, call)
		}
	}
	return []sequence{
		{"application exception", func(t *testing.T, call caller) {
			_, err := call(t.Context(), "fail", "application")
			text := "Conformance.fail: protocol error: as asked (from the server)"
			if m.application != rpc.CodeProtocol {
				text = ""
			}
			wantError(t, err, m.application, text)
			usable(t, call)
		}},
		{"undeclared error", func(t *testing.T, call caller) {
			for range 3 {
				_, err := call(t.Context(), "fail", "undeclared")
				wantError(t, err, m.undeclared, "")
				usable(t, call)
			}
		}},
		{"oneway", func(t *testing.T, call caller) {
			token := fmt.Sprint(t.Name(), time.Now().UnixNano())
			for range 10 {
				if _, err := call(t.Context(), "notify", token); err != nil {
					t.Fatal(err)
				}
			}
			usable(t, call)
			wantSoon(t, func() bool {
				n, err := call(t.Context(), "notified", token)
				return err == nil && n.Int() == 10
			})
		}},
		{"many calls one after the other", func(t *testing.T, call caller) {
			for i := range int32(m.calls) {
				row{method: "echoI32", args: []any{i}, want: i}.check(t, svc, call)
			}
		}},
		{"calls of all kinds in turn", func(t *testing.T, call caller) {
			for i := range int32(m.calls / 20) {
				row{method: "echoString", args: []any{fmt.Sprint("s", i)}, want: fmt.Sprint("s", i)}.check(t, svc, call)
				row{method: "divide", args: []any{i, int32(0)}, throws: &DivisionByZero{i}}.check(t, svc, call)
				row{method: "notify", args: []any{"mixed"}}.check(t, svc, call)
				if m.absent != 0 {
					row{method: "absent", code: m.absent}.check(t, svc, call)
				}
				row{method: "describeChoice", args: []any{Choice{}}, code: rpc.CodeArgument}.check(t, svc, call)
			}
		}},
		{"50 goroutines", func(t *testing.T, call caller) {
			var group sync.WaitGroup
			for g := range 50 {
				group.Go(func() {
					for i := range m.calls / 50 {
						s := fmt.Sprintf("%d/%d", g, i)
						row{method: "echoString", args: []any{s}, want: s}.check(t, svc, call)
					}
				})
			}
			group.Wait()
		}},
		{"unknown method", func(t *testing.T, call caller) {
			newer, client := dialNewer(t, target)
			for range 3 {
				_, err := thriftkit.Invoke[string](t.Context(), client, newer.Method("unheardOf"), "a", []map[int32]string{{1: "x"}, {}})
				wantError(t, err, m.unknown, "")
				usable(t, dynamicCaller(svc, client))
			}
		}},
		{"unknown oneway method, which peers answer", func(t *testing.T, call caller) {
			newer, client := dialNewer(t, target)
			for range 20 {
				if _, err := thriftkit.Invoke[any](t.Context(), client, newer.Method("unheardOneway"), "a"); err != nil {
					t.Fatal(err)
				}
				usable(t, dynamicCaller(svc, client))
			}
			for range 40 {
				if _, err := thriftkit.Invoke[any](t.Context(), client, newer.Method("unheardOneway"), "a"); err != nil {
					t.Fatal(err)
				}
			}
			usable(t, dynamicCaller(svc, client))
		}},
		{"unknown fields in an argument", func(t *testing.T, call caller) {
			newer, client := dialNewer(t, target)
			for range 3 {
				item := map[string]any{
					"name": "kept", "count": 3, "price": 0.25, "extra": "e", "inner": map[string]any{"number": 1},
					"lists": map[string]any{"a": []any{map[string]any{"flag": true}}}, "flags": []bool{true, false},
				}
				got, err := thriftkit.Invoke[dynamic.Value](t.Context(), client, newer.Method("echoItem"), item)
				if want := `Item{name="kept",count=3,price=3fd0000000000000}`; err != nil || Text(got) != want {
					t.Errorf("got %s, %v, want %s", Text(got), err, want)
				}
			}
			usable(t, dynamicCaller(svc, client))
		}},
		{"plain Go values", func(t *testing.T, call caller) {
			client, _ := dial(t, file, target)
			got, err := thriftkit.Invoke[map[string]any](t.Context(), client, svc.Method("mirror"), map[string]any{"x": 1, "y": 2})
			if err != nil || fmt.Sprint(got) != "map[x:2 y:1]" {
				t.Errorf("got %v, %v", got, err)
			}
			point, err := thriftkit.Invoke[*Point](t.Context(), client, svc.Method("mirror"), Point{1, 2})
			if err != nil || *point != (Point{2, 1}) {
				t.Errorf("got %v, %v", point, err)
			}
		}},
	}
}

// newer is the service as a newer version of the IDL has it: the peer does not know all of it.
const newer = `
include "conformance.thrift"
struct Item {
  -1: string extra, 1: string name, 2: i32 count, 50: conformance.Choice inner,
  51: map<string, list<conformance.Choice>> lists, 3: optional double price, 52: set<bool> flags,
}
service Newer extends conformance.Conformance {
  string unheardOf(1: string a, 2: list<map<i32, string>> b),
  oneway void unheardOneway(1: string a),
}
service NewerItem {
  Item echoItem(1: Item v, 7: Item more),
}
`

// newerService finds methods in both services of newer.
type newerService struct{ services []*schema.Service }

func (n newerService) Method(name string) *schema.Method {
	for _, s := range n.services {
		if m := s.Method(name); m != nil {
			return m
		}
	}
	return nil
}

// dialNewer connects with the newer IDL.
func dialNewer(t *testing.T, target string) (newerService, *thriftkit.Client) {
	t.Helper()
	file, err := thriftkit.Parse("testdata/newer.thrift", newer)
	if err != nil {
		t.Fatal(err)
	}
	client, err := thriftkit.Dial(t.Context(), target, thriftkit.WithMaxConns(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return newerService{[]*schema.Service{file.Service("NewerItem"), file.Service("Newer")}}, client
}

// wantError checks that err is an *Error with that code and, unless it is "", that text.
func wantError(t *testing.T, err error, code rpc.Code, text string) {
	t.Helper()
	var e *thriftkit.Error
	if !errors.As(err, &e) || e.Code != code || text != "" && e.Error() != text {
		t.Errorf("error %v, want one with the code %q and the text %q", err, code, text)
	}
}

// wantSoon checks that ok becomes true.
func wantSoon(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("it did not become true")
}
