package contract

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"peer/gen/conformance"
	"peer/gen/conformance/shared"
	"peer/gen/later"
)

// A Check is one thing that a client tries. Its errors, and those that it panics with, are failures.
type Check struct {
	Name string
	Run  func()
}

// failure is what checks panic with.
type failure struct{ error }

// Failf ends a check.
func Failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (c Check) run() (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case failure:
			err = e.error
		default:
			panic(e)
		}
	}()
	c.Run()
	return nil
}

// Same fails unless the texts of both are the same.
func Same(got, want any) {
	if g, w := Text(got), Text(want); g != w {
		Failf("got %s, want %s", shorten(g), shorten(w))
	}
}

func shorten(s string) string {
	if len(s) <= 400 {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:400], len(s))
}

// timeout bounds a call, for a server that does not answer.
const timeout = 30 * time.Second

// Call calls a method of a generated client. The result is nil for void.
func Call(ctx context.Context, client any, method string, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for _, a := range args {
		in = append(in, reflect.ValueOf(a))
	}
	out := reflect.ValueOf(client).MethodByName(method).Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	if len(out) == 1 {
		return nil, err
	}
	return out[0].Interface(), err
}

// call is Call for what must not fail.
func call(client any, method string, args ...any) any {
	got, err := Call(context.Background(), client, method, args...)
	if err != nil {
		Failf("%s: %v", method, err)
	}
	return got
}

// throws calls a method that must throw an exception with the text of want.
func throws(want error, client any, method string, args ...any) {
	_, err := Call(context.Background(), client, method, args...)
	target := reflect.New(reflect.TypeOf(want))
	if err == nil || !errors.As(err, target.Interface()) {
		Failf("%s: error %v, want %s", method, err, Text(want))
	}
	Same(target.Elem().Interface(), want)
}

// usable fails unless a client still works.
func usable(client any) {
	for i := range int32(3) {
		Same(call(client, "EchoI32", i), i)
	}
}

// common returns the checks of the service Conformance.
func (p *Peer) common(r Route, connect func() (*Conn, error)) []Check {
	var all []Check
	add := func(name string, run func(*Conn)) {
		all = append(all, Check{name, func() {
			c, err := connect()
			if err != nil {
				Failf("connect: %v", err)
			}
			defer c.Close()
			run(c)
		}})
	}
	add("ping", func(c *Conn) { Same(call(c.Conformance, "Ping"), "pong") })
	for _, e := range echoes() {
		add(e.method, func(c *Conn) {
			for _, v := range e.values {
				if got := text(reflect.ValueOf(call(c.Conformance, e.method, v)), e.isSet); got != text(reflect.ValueOf(v), e.isSet) {
					Failf("got %s, want %s", shorten(got), shorten(text(reflect.ValueOf(v), e.isSet)))
				}
			}
		})
	}
	addValues(add)
	if r.Socket == "tcp" && (r.Protocol == "binary" || r.Transport == "buffered") {
		addLarge(add)
	}
	p.addErrors(add)
	addCalls(add, connect)
	if r.Socket == "mux" {
		add("another service on the same connection", func(c *Conn) {
			for range 3 {
				Same(call(c.Base, "Ping"), "pong")
				usable(c.Conformance)
			}
		})
	}
	return all
}

// addValues adds checks of values.
func addValues(add func(string, func(*Conn))) {
	add("describeAll", func(c *Conn) { Same(call(c.Conformance, "DescribeAll", allTypes()), Text(allTypes())) })
	add("describeScrambled", func(c *Conn) {
		half := 0.5
		Same(call(c.Conformance, "DescribeScrambled", &conformance.Scrambled{Last: "z", First: -1, Middle: &half, Zeroth: true}),
			`Scrambled{last="z",first=-1,middle=3fe0000000000000,zeroth=true}`)
	})
	add("describeChoice", func(c *Conn) {
		for _, v := range choices() {
			Same(call(c.Conformance, "DescribeChoice", v), Text(v))
		}
	})
	add("strings that are not UTF-8", func(c *Conn) {
		for _, s := range []string{"\xff", "a\xc3", "\xed\xa0\x80"} {
			Same(call(c.Conformance, "EchoString", s), s)
		}
	})
	add("arguments go by declaration", func(c *Conn) { Same(call(c.Conformance, "Order", "a", "b", "c"), "a-b-c") })
	add("words of programming languages as names", func(c *Conn) { Same(call(c.Conformance, "Select", "t", "r", "f"), "t-r-f") })
	add("arguments that have defaults", func(c *Conn) {
		Same(call(c.Conformance, "Greet", "you", int32(2), shared.Level(10)), "you*2@10")
	})
	add("optional fields absent", func(c *Conn) {
		Same(call(c.Conformance, "DescribePresence", presence()), Text(presence()))
		Same(call(c.Conformance, "EchoPresence", presence()), presence())
	})
	add("optional fields present though zero", func(c *Conn) {
		v := presence()
		v.OptionalInt, v.OptionalString, v.OptionalBool, v.OptionalDouble = new(int32), new(string), new(bool), new(float64)
		v.OptionalBinary, v.OptionalList, v.OptionalSet = []byte{}, []int32{}, []string{}
		v.OptionalMap, v.OptionalPoint, v.OptionalColor = map[string]int32{}, &shared.Point{}, new(conformance.Color)
		Same(call(c.Conformance, "DescribePresence", v), Text(v))
		Same(call(c.Conformance, "EchoPresence", v), v)
	})
	add("defaults of both sides", func(c *Conn) {
		Same(call(c.Conformance, "DescribeDefaults", defaults()), defaultsText)
		Same(call(c.Conformance, "EchoDefaults", defaults()), defaults())
		if got := Text(withPoint(call(c.Conformance, "NewDefaults_").(*conformance.Defaults))); got != defaultsText {
			Failf("got %s, want %s", got, defaultsText)
		}
	})
	add("defaults overridden by zero", func(c *Conn) {
		v := &conformance.Defaults{ABinary: []byte{}, AList: []int32{}, ASet: []string{}, AMap: map[string]int32{}, Nested: map[string][]int32{}, Point: &shared.Point{}}
		Same(call(c.Conformance, "DescribeDefaults", v), Text(v))
		Same(call(c.Conformance, "EchoDefaults", v), v)
	})
}

// addLarge adds a check of large values, which takes long.
func addLarge(add func(string, func(*Conn))) {
	add("large values", func(c *Conn) {
		for _, v := range []any{strings.Repeat("é🦉x ", 1<<17), strings.Repeat("x", 1<<20)} {
			Same(call(c.Conformance, "EchoString", v), v)
		}
		Same(call(c.Conformance, "EchoBinary", allBytes(1<<20)), allBytes(1<<20))
		ints := make([]int32, 100000)
		table := make(map[int32]string)
		for i := range ints {
			ints[i] = int32(i * i)
			table[int32(i/5)] = fmt.Sprint("value ", i)
		}
		Same(call(c.Conformance, "EchoInts", ints), ints)
		Same(call(c.Conformance, "EchoIntToString", table), table)
	})
}

// addErrors adds checks of what is not a plain result.
func (p *Peer) addErrors(add func(string, func(*Conn))) {
	add("included types and the service extended", func(c *Conn) {
		Same(call(c.Conformance, "Mirror", &shared.Point{X: 1, Y: -2}), &shared.Point{X: -2, Y: 1})
		call(c.Conformance, "Check", true)
		ms := int32(250)
		throws(&shared.Unavailable{Reason: "not ok", RetryAfterMs: &ms}, c.Conformance, "Check", false)
		usable(c.Conformance)
	})
	add("declared exceptions", func(c *Conn) {
		Same(call(c.Conformance, "Divide", int32(-7), int32(2)), int32(-3))
		throws(&conformance.DivisionByZero{Dividend: 7}, c.Conformance, "Divide", int32(7), int32(0))
		throws(&conformance.InvalidInput{Field: "b", Code: -1, Hints: []string{"b >= 0", "try again"}}, c.Conformance, "Divide", int32(7), int32(-2))
		throws(&conformance.DivisionByZero{Dividend: 7}, c.Conformance, "Fail", "zero")
		throws(&conformance.InvalidInput{Field: "kind", Code: 3, Hints: []string{}}, c.Conformance, "Fail", "invalid")
		throws(&shared.Unavailable{Reason: "closed"}, c.Conformance, "Fail", "unavailable")
		call(c.Conformance, "Fail", "not at all")
		usable(c.Conformance)
	})
	application := func(name string, kind int32, run func(c *Conn) error) {
		add(name, func(c *Conn) {
			for range 3 {
				if err := run(c); err == nil || p.Type(err) != kind {
					Failf("error %v, want an application exception of type %d", err, kind)
				}
				usable(c.Conformance)
			}
		})
	}
	fails := func(kind string) func(c *Conn) error {
		return func(c *Conn) error {
			_, err := Call(context.Background(), c.Conformance, "Fail", kind)
			return err
		}
	}
	application("application exception", 7, fails("application"))
	application("undeclared error", 6, fails("undeclared"))
	application("unknown method", 1, func(c *Conn) error {
		_, err := Call(context.Background(), c.Later, "UnheardOf", "a", []map[int32]string{{1: "x"}, {}})
		return err
	})
	application("no result", 5, func(c *Conn) error {
		_, err := Call(context.Background(), c.Conformance, "Absent")
		return err
	})
	add("unknown oneway method", func(c *Conn) {
		for range 3 {
			call(c.Later, "UnheardOneway", "a")
			usable(c.Conformance)
		}
	})
	add("unknown fields, and a field of another type", func(c *Conn) {
		price := 0.25
		item := &later.Item{
			Name: "kept", Count: 1.5, Price: &price, Flags: map[string][]bool{"a": {true, false}},
			Choices: choices(), Bytes: []byte{0xff}, Numbers: []int64{-1, 1}, Short: -1,
		}
		Same(call(c.Later, "EchoItem", item, int64(-1)), &conformance.Item{Name: "kept", Price: &price})
		usable(c.Conformance)
	})
}

// addCalls adds checks of several calls.
func addCalls(add func(string, func(*Conn)), connect func() (*Conn, error)) {
	add("oneway", func(c *Conn) {
		token := fmt.Sprint(os.Getpid(), time.Now().UnixNano())
		for range 10 {
			call(c.Conformance, "Notify", token)
		}
		usable(c.Conformance)
		for range 1000 {
			if call(c.Conformance, "Notified", token) == int32(10) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		Failf("the server got fewer than 10 calls")
	})
	add("a slow call", func(c *Conn) {
		start := time.Now()
		call(c.Conformance, "Sleep", int32(30))
		if d := time.Since(start); d < 30*time.Millisecond {
			Failf("it took %s", d)
		}
	})
	add("many calls on one connection", func(c *Conn) {
		for i := range int32(200) {
			Same(call(c.Conformance, "EchoI32", i), i)
			if i%10 == 0 {
				throws(&conformance.DivisionByZero{Dividend: i}, c.Conformance, "Divide", i, int32(0))
			}
		}
	})
	add("several clients at once", func(*Conn) {
		errs := make([]error, 8)
		var group sync.WaitGroup
		for n := range errs {
			group.Go(func() {
				errs[n] = Check{"", func() {
					c, err := connect()
					if err != nil {
						Failf("connect: %v", err)
					}
					defer c.Close()
					for i := range 25 {
						s := fmt.Sprintf("%d/%d", n, i)
						Same(call(c.Conformance, "EchoString", s), s)
					}
				}}.run()
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			Failf("%v", err)
		}
	})
}

// An echo is a method that answers its argument, with values for it.
type echo struct {
	method string
	isSet  bool
	values []any
}

func echoes() []echo {
	item := func(name string, count int32) *conformance.Item { return &conformance.Item{Name: name, Count: count} }
	half := 0.5
	priced := &conformance.Item{Name: "b", Count: -1, Price: &half}
	yes, far := true, "x"
	one, seventeen := int32(1), int32(17)
	leaf := &conformance.Tree{Name: "leaf"}
	branch := &conformance.Tree{Name: "branch", Children: []*conformance.Tree{leaf, {}}}
	boss := &conformance.Person{Name: "boss", Employer: &conformance.Company{Name: "inner", Staff: []*conformance.Person{{Name: "a"}}}}
	return []echo{
		{"EchoBool", false, []any{true, false}},
		{"EchoByte", false, []any{int8(0), int8(1), int8(-1), int8(127), int8(-128)}},
		{"EchoI8", false, []any{int8(0), int8(127), int8(-128)}},
		{"EchoI16", false, []any{int16(0), int16(-1), int16(math.MaxInt16), int16(math.MinInt16)}},
		{"EchoI32", false, []any{int32(0), int32(-1), int32(math.MaxInt32), int32(math.MinInt32)}},
		{"EchoI64", false, []any{int64(0), int64(-1), int64(1)<<53 + 1, int64(math.MaxInt64), int64(math.MinInt64)}},
		{"EchoDouble", false, []any{0.0, math.Copysign(0, -1), 1.0, -1.5, 0.1, 5e-324, 2.2250738585072014e-308, math.MaxFloat64,
			math.Inf(1), math.Inf(-1), math.NaN()}},
		{"EchoString", false, []any{"", "a", "\x00", "tab\t line\n", `quotes " \ /`, "é", "水", "🦉 astral", "\ufeff", "\uffff"}},
		{"EchoBinary", false, []any{[]byte{}, []byte{0}, []byte("plain"), allBytes(256)}},
		{"EchoColor", false, []any{conformance.Color(0), conformance.Color(5), conformance.Color(-3), conformance.Color(12345)}},
		{"EchoLevel", false, []any{shared.Level(1), shared.Level(5), shared.Level(10)}},
		{"EchoTimestamp", false, []any{shared.Timestamp(0), shared.Timestamp(1700000000123), shared.Timestamp(-1)}},
		{"EchoUserID", false, []any{conformance.UserID(0), conformance.UserID(math.MinInt32)}},
		{"EchoBools", false, []any{[]bool{}, []bool{true}, make([]bool, 300)}},
		{"EchoInts", false, []any{[]int32{}, []int32{0}, []int32{math.MinInt32, math.MaxInt32}}},
		{"EchoNames", false, []any{conformance.Names{}, conformance.Names{""}, conformance.Names{"a", "b", "a"}}},
		{"EchoItems", false, []any{[]*conformance.Item{}, []*conformance.Item{item("a", 1), {}, priced}}},
		{"EchoMatrix", false, []any{[][]int32{}, [][]int32{{}}, [][]int32{{}, {1}, {2, 3}, {}}}},
		{"EchoIntSet", true, []any{[]int32{}, []int32{1}, []int32{3, 1, 2, -5}}},
		{"EchoStringSet", true, []any{[]string{}, []string{""}, []string{"b", "a", "🦉"}}},
		{"EchoIntToString", false, []any{map[int32]string{}, map[int32]string{0: ""}, map[int32]string{1: "one", -1: "minus", math.MaxInt32: "max"}}},
		{"EchoStringToItems", false, []any{map[string][]*conformance.Item{}, map[string][]*conformance.Item{"": {}, "two": {{}, priced}}}},
		{"EchoPointToString", false, []any{map[*shared.Point]string{}, map[*shared.Point]string{{X: 1, Y: 2}: "a", {X: 2, Y: 1}: "b"}}},
		{"EchoDeep", true, []any{map[string]map[int32][]string{}, map[string]map[int32][]string{"a": {}}, map[string]map[int32][]string{"a": {1: {}, 2: {"x", "y"}}, "": {0: {""}}}}},
		{"EchoEmpty", false, []any{&conformance.Empty{}}},
		{"EchoItem", false, []any{&conformance.Item{}, item("a", 1), priced}},
		{"EchoChoice", false, anys(choices())},
		{"EchoAll", false, []any{allTypes()}},
		{"EchoScrambled", false, []any{&conformance.Scrambled{}, &conformance.Scrambled{Last: "z", First: -1, Middle: &half, Zeroth: true}}},
		{"EchoSparse", false, []any{&conformance.Sparse{}, &conformance.Sparse{One: one, Seventeen: seventeen, ThreeHundred: far, Most: &yes}}},
		{"EchoTree", false, []any{leaf, branch, &conformance.Tree{Children: []*conformance.Tree{}, Named: map[string]*conformance.Tree{"a": branch, "": leaf}}}},
		{"EchoChain", false, []any{chain(1), chain(50)}},
		{"EchoPerson", false, []any{boss}},
	}
}

func anys[T any](s []T) []any {
	var all []any
	for _, v := range s {
		all = append(all, v)
	}
	return all
}

func chain(n int) *conformance.Chain {
	var c *conformance.Chain
	for i := range n {
		c = &conformance.Chain{Value: int32(i), Rest: c}
	}
	return c
}

func allBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func choices() []*conformance.Choice {
	zero, word, yes := int32(0), "🦉", true
	return []*conformance.Choice{
		{Number: &zero}, {Text: &word}, {Point: &shared.Point{X: 1, Y: 2}}, {Many: []*conformance.Choice{}}, {Flag: new(bool)},
		{Nothing: &conformance.Empty{}}, {Many: []*conformance.Choice{{Number: &zero}, {Many: []*conformance.Choice{{Flag: &yes}}}}},
	}
}

// presence returns a Presence in which everything is set that a server may insist on.
func presence() *conformance.Presence {
	return &conformance.Presence{PlainList: []int32{}, PlainPoint: &shared.Point{}}
}

// defaultsText is the text of a Defaults in which nothing was set.
const defaultsText = "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000," +
	`aString="it is \"quoted\"",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={"a","b"},` +
	`aMap={"one":1,"two":2},nested={"none":[],"odd":[1,3]},point=Point{x=3,y=4},answer=42,greeting="hello",` +
	`optionalInt=11,optionalString="given",requiredInt=12,whole=4000000000000000,timestamp=-1}`

// allTypes returns a value with every field set, to extremes where there are any.
func allTypes() *conformance.AllTypes {
	tenth, minus := 0.1, math.Copysign(0, -1)
	zero, none := int32(0), ""
	return &conformance.AllTypes{
		ABool: true, AByte: -128, AnI8: 127, AnI16: -32768, AnI32: math.MaxInt32, AnI64: math.MinInt64,
		ADouble: -2.5e-300, AString: "quotes \" and \\, tab\t, 水 🦉", ABinary: allBytes(256),
		Color: -3, Level: 10, Timestamp: 1700000000123, User: -1,
		Item:   &conformance.Item{Name: "one", Count: 1, Price: &tenth},
		Choice: &conformance.Choice{Many: []*conformance.Choice{{Number: &zero}, {Text: &none}, {Nothing: &conformance.Empty{}}}},
		Bools:  []bool{true, false, true}, Bytes: []int8{0, -1, 127}, Shorts: []int16{-32768, 32767},
		Ints: []int32{math.MinInt32, 0, math.MaxInt32}, Longs: []int64{math.MinInt64, math.MaxInt64},
		Doubles:  []float64{0, minus, math.Inf(1), math.Inf(-1), math.NaN(), 5e-324, math.MaxFloat64},
		Strings:  []string{"", "a", "é", "水", "🦉"},
		Binaries: [][]byte{{}, {0}, {0xff, 0xfe}},
		Colors:   []conformance.Color{0, 6},
		Items:    []*conformance.Item{{}, {Name: "b", Count: -1, Price: &minus}},
		Matrix:   [][]int32{{}, {1}, {2, 3}},
		IntSet:   []int32{3, 1, 2}, StringSet: []string{"b", "", "a"}, PointSet: []*shared.Point{{X: 1, Y: 2}, {X: 2, Y: 1}},
		IntToString:   map[int32]string{1: "one", -1: "minus one"},
		StringToLong:  map[string]int64{"": 0, "max": math.MaxInt64},
		BoolToByte:    map[bool]int8{true: 1, false: 0},
		ColorToItem:   map[conformance.Color]*conformance.Item{5: {Name: "green", Count: 5}},
		StringToItems: map[string][]*conformance.Item{"none": {}, "two": {{Name: "a"}, {Count: 2}}},
		PointToString: map[*shared.Point]string{{}: "origin", {X: -1, Y: 1}: "left"},
		Deep:          map[string]map[int32][]string{"a": {1: {"x", "y"}, 2: {}}, "b": {}},
		Deeper:        []map[string][][][]byte{{}, {"k": {{[]byte("v"), {}}, {}}}},
		Names:         conformance.Names{"n1", "n2"}, Groups: conformance.Groups{"g": {"n1"}, "empty": {}},
		Empty: &conformance.Empty{},
	}
}
