package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"reflect"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const apacheIDL = `
enum Color { RED = 1, BLUE = -3 }
struct Point { 1: i32 x, 2: i32 y }
struct All {
  1: bool yes, 2: bool no, 3: i8 tiny, 4: i16 small, 5: i32 number, 6: i64 big, 7: double ratio,
  8: string text, 9: binary data, 10: uuid id, 11: Color color, 12: Point point,
  13: list<bool> bools, 14: list<i32> fifteen, 15: set<string> words, 16: map<string, i64> counts,
  17: map<i32, list<Point>> points, 18: map<bool, double> ratios, 19: list<map<i8, uuid>> ids,
  20: list<i64> none, 21: map<string, i32> nothing,
  40: optional bool far, 22: optional i32 back, -7: optional string negative,
}
exception Refused { 1: string why, 2: i32 code }
service Echo {
  All echo(1: All v) throws (1: Refused refused),
  void refuse() throws (1: Refused refused),
  oneway void notify(1: i32 n),
  void unheardOf(),
}
`

// The Go types of apacheIDL.
type (
	apacheAll struct {
		Yes, No  bool
		Tiny     int8
		Small    int16
		Number   int32
		Big      int64
		Ratio    float64
		Text     string
		Data     []byte
		ID       [16]byte
		Color    int32Enum
		Point    *apachePoint
		Bools    []bool
		Fifteen  []int32
		Words    []string
		Counts   map[string]int64
		Points   map[int32][]*apachePoint
		Ratios   map[bool]float64
		IDs      []map[int8][16]byte `thrift:"ids"`
		None     []int64
		Nothing  map[string]int32
		Far      *bool
		Back     *int32
		Negative *string
	}
	apachePoint struct{ X, Y int32 }
	int32Enum   int32
	refused     struct {
		Why  string
		Code int32
	}
)

func (r *refused) Error() string { return "refused: " + r.Why }

// What Apache's side reads and writes: tokens of its protocols, with nothing generated between.
type (
	apacheStruct []apacheField
	apacheField  struct {
		id int16
		t  thrift.TType
		v  any
	}
	apacheList struct {
		t     thrift.TType
		elems []any
	}
	apacheMap struct {
		key, elem thrift.TType
		pairs     [][2]any
	}
)

var _ thrift.TStruct = (*apacheStruct)(nil)

// Write writes s as generated code would.
func (s *apacheStruct) Write(ctx context.Context, p thrift.TProtocol) error {
	if err := p.WriteStructBegin(ctx, "S"); err != nil {
		return err
	}
	for _, f := range *s {
		if err := firstError(p.WriteFieldBegin(ctx, "f", f.t, f.id), writeApache(ctx, p, f.t, f.v), p.WriteFieldEnd(ctx)); err != nil {
			return err
		}
	}
	return firstError(p.WriteFieldStop(ctx), p.WriteStructEnd(ctx))
}

func writeApache(ctx context.Context, p thrift.TProtocol, t thrift.TType, v any) error {
	switch v := v.(type) {
	case bool:
		return p.WriteBool(ctx, v)
	case int8:
		return p.WriteByte(ctx, v)
	case int16:
		return p.WriteI16(ctx, v)
	case int32:
		return p.WriteI32(ctx, v)
	case int64:
		return p.WriteI64(ctx, v)
	case float64:
		return p.WriteDouble(ctx, v)
	case string:
		return p.WriteString(ctx, v)
	case thrift.Tuuid:
		return p.WriteUUID(ctx, v)
	case apacheStruct:
		return v.Write(ctx, p)
	case apacheMap:
		err := p.WriteMapBegin(ctx, v.key, v.elem, len(v.pairs))
		for _, pair := range v.pairs {
			err = firstError(err, writeApache(ctx, p, v.key, pair[0]), writeApache(ctx, p, v.elem, pair[1]))
		}
		return firstError(err, p.WriteMapEnd(ctx))
	case apacheList:
		begin, end := p.WriteListBegin, p.WriteListEnd
		if t == thrift.SET {
			begin, end = p.WriteSetBegin, p.WriteSetEnd
		}
		err := begin(ctx, v.t, len(v.elems))
		for _, e := range v.elems {
			err = firstError(err, writeApache(ctx, p, v.t, e))
		}
		return firstError(err, end(ctx))
	}
	return fmt.Errorf("a %T", v)
}

// Read reads any struct.
func (s *apacheStruct) Read(ctx context.Context, p thrift.TProtocol) error {
	if _, err := p.ReadStructBegin(ctx); err != nil {
		return err
	}
	for {
		_, t, id, err := p.ReadFieldBegin(ctx)
		if err != nil {
			return err
		}
		if t == thrift.STOP {
			return p.ReadStructEnd(ctx)
		}
		v, err := readApache(ctx, p, t)
		if err = firstError(err, p.ReadFieldEnd(ctx)); err != nil {
			return err
		}
		*s = append(*s, apacheField{id, t, v})
	}
}

func readApache(ctx context.Context, p thrift.TProtocol, t thrift.TType) (any, error) {
	switch t {
	case thrift.BOOL:
		return p.ReadBool(ctx)
	case thrift.BYTE:
		return p.ReadByte(ctx)
	case thrift.I16:
		return p.ReadI16(ctx)
	case thrift.I32:
		return p.ReadI32(ctx)
	case thrift.I64:
		return p.ReadI64(ctx)
	case thrift.DOUBLE:
		return p.ReadDouble(ctx)
	case thrift.STRING:
		return p.ReadString(ctx)
	case thrift.UUID:
		return p.ReadUUID(ctx)
	case thrift.STRUCT:
		s := apacheStruct{}
		err := s.Read(ctx, p)
		return s, err
	case thrift.MAP:
		key, elem, n, err := p.ReadMapBegin(ctx)
		m := apacheMap{key: key, elem: elem}
		for i := 0; i < n && err == nil; i++ {
			k, err1 := readApache(ctx, p, key)
			v, err2 := readApache(ctx, p, elem)
			m.pairs, err = append(m.pairs, [2]any{k, v}), firstError(err1, err2)
		}
		return m, firstError(err, p.ReadMapEnd(ctx))
	case thrift.LIST, thrift.SET:
		begin, end := p.ReadListBegin, p.ReadListEnd
		if t == thrift.SET {
			begin, end = p.ReadSetBegin, p.ReadSetEnd
		}
		elem, n, err := begin(ctx)
		l := apacheList{t: elem}
		for i := 0; i < n && err == nil; i++ {
			var v any
			v, err = readApache(ctx, p, elem)
			l.elems = append(l.elems, v)
		}
		return l, firstError(err, end(ctx))
	}
	return nil, fmt.Errorf("type %d", t)
}

// apacheValues returns one value as our program has it and as Apache's side reads and writes it.
// Maps have one entry, so that there is one order.
func apacheValues() (*apacheAll, apacheStruct) {
	id := [16]byte{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00}
	fifteen := make([]any, 15)
	for i := range fifteen {
		fifteen[i] = int32(0)
	}
	all := &apacheAll{
		Yes: true, Tiny: -128, Small: math.MinInt16, Number: math.MaxInt32, Big: math.MinInt64, Ratio: -1.5,
		Text: "水🦉", Data: []byte{0, 0xff}, ID: id, Color: -3, Point: &apachePoint{1, -2},
		Bools: []bool{true, false}, Fifteen: make([]int32, 15), Words: []string{"", "b"}, Counts: map[string]int64{"k": 1 << 40},
		Points: map[int32][]*apachePoint{-1: {{3, 4}, {}}}, Ratios: map[bool]float64{true: 0.5}, IDs: []map[int8][16]byte{{7: id}},
		None: []int64{}, Nothing: map[string]int32{}, Far: ptr(false), Back: ptr[int32](9), Negative: ptr("n"),
	}
	point := func(x, y int32) apacheStruct {
		return apacheStruct{{1, thrift.I32, x}, {2, thrift.I32, y}}
	}
	return all, apacheStruct{
		{1, thrift.BOOL, true}, {2, thrift.BOOL, false}, {3, thrift.BYTE, int8(-128)}, {4, thrift.I16, int16(math.MinInt16)},
		{5, thrift.I32, int32(math.MaxInt32)}, {6, thrift.I64, int64(math.MinInt64)}, {7, thrift.DOUBLE, -1.5},
		{8, thrift.STRING, "水🦉"}, {9, thrift.STRING, "\x00\xff"}, {10, thrift.UUID, thrift.Tuuid(id)}, {11, thrift.I32, int32(-3)},
		{12, thrift.STRUCT, point(1, -2)},
		{13, thrift.LIST, apacheList{thrift.BOOL, []any{true, false}}},
		{14, thrift.LIST, apacheList{thrift.I32, fifteen}},
		{15, thrift.SET, apacheList{thrift.STRING, []any{"", "b"}}},
		{16, thrift.MAP, apacheMap{thrift.STRING, thrift.I64, [][2]any{{"k", int64(1 << 40)}}}},
		{17, thrift.MAP, apacheMap{thrift.I32, thrift.LIST, [][2]any{{int32(-1), apacheList{thrift.STRUCT, []any{point(3, 4), point(0, 0)}}}}}},
		{18, thrift.MAP, apacheMap{thrift.BOOL, thrift.DOUBLE, [][2]any{{true, 0.5}}}},
		{19, thrift.LIST, apacheList{thrift.MAP, []any{apacheMap{thrift.BYTE, thrift.UUID, [][2]any{{int8(7), thrift.Tuuid(id)}}}}}},
		{20, thrift.LIST, apacheList{t: thrift.I64}},
		{21, thrift.MAP, apacheMap{key: thrift.STRING, elem: thrift.I32}},
		{40, thrift.BOOL, false}, {22, thrift.I32, int32(9)}, {-7, thrift.STRING, "n"},
	}
}

// apacheRoutes are the ways that both sides know.
func apacheRoutes() []route {
	return []route{
		{"binary", "buffered", "tcp", false}, {"binary", "framed", "tcp", false},
		{"compact", "buffered", "tcp", false}, {"compact", "framed", "tcp", false},
	}
}

// apache returns the factories of Apache's library for a way.
func (w route) apache() (thrift.TTransportFactory, thrift.TProtocolFactory) {
	var protocol thrift.TProtocolFactory = thrift.NewTBinaryProtocolFactoryConf(nil)
	if w.protocol == "compact" {
		protocol = thrift.NewTCompactProtocolFactoryConf(nil)
	}
	if w.transport == "framed" {
		return thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), nil), protocol
	}
	return thrift.NewTBufferedTransportFactory(4096), protocol
}

// apacheProcessor is what the generator would make of the service, but for unheardOf.
type apacheProcessor struct {
	echo     func(apacheStruct)
	notified chan int32
}

func (apacheProcessor) ProcessorMap() map[string]thrift.TProcessorFunction  { return nil }
func (apacheProcessor) AddToProcessorMap(string, thrift.TProcessorFunction) {}
func (s apacheProcessor) reply(name string, args apacheStruct) (apacheStruct, bool) {
	refusal := apacheStruct{{1, thrift.STRUCT, apacheStruct{{1, thrift.STRING, "as asked"}, {2, thrift.I32, int32(-1)}}}}
	switch name {
	case "echo":
		s.echo(args[0].v.(apacheStruct))
		return apacheStruct{{0, thrift.STRUCT, args[0].v}}, true
	case "refuse":
		return refusal, true
	case "notify":
		s.notified <- args[0].v.(int32)
		return nil, true
	}
	return nil, false
}

func (s apacheProcessor) Process(ctx context.Context, in, out thrift.TProtocol) (bool, thrift.TException) {
	name, kind, seq, err := in.ReadMessageBegin(ctx)
	var args apacheStruct
	if err = firstError(err); err == nil {
		err = firstError(args.Read(ctx, in), in.ReadMessageEnd(ctx))
	}
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	result, known := s.reply(name, args)
	if kind == thrift.ONEWAY {
		return true, nil
	}
	if known {
		err = firstError(out.WriteMessageBegin(ctx, name, thrift.REPLY, seq), result.Write(ctx, out))
	} else {
		x := thrift.NewTApplicationException(thrift.UNKNOWN_METHOD, "Unknown function "+name)
		err = firstError(out.WriteMessageBegin(ctx, name, thrift.EXCEPTION, seq), x.Write(ctx, out))
	}
	if err = firstError(err, out.WriteMessageEnd(ctx), out.Flush(ctx)); err != nil {
		return false, thrift.WrapTException(err)
	}
	return true, nil
}

type apacheFuncs struct {
	Echo      func(context.Context, *apacheAll) (*apacheAll, error)
	Refuse    func(context.Context) error
	Notify    func(context.Context, int32) error
	UnheardOf func(context.Context) error
}

// TestApacheServer calls a server of Apache Thrift's Go library.
func TestApacheServer(t *testing.T) {
	file, err := thriftkit.Parse("echo.thrift", apacheIDL)
	if err != nil {
		t.Fatal(err)
	}
	svc := file.Service("Echo")
	value, tokens := apacheValues()
	for _, w := range apacheRoutes() {
		t.Run(w.String(), func(t *testing.T) {
			seen := make(chan apacheStruct, 1)
			notified := make(chan int32, 1)
			socket, err := thrift.NewTServerSocket("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			transport, protocol := w.apache()
			server := thrift.NewTSimpleServer4(apacheProcessor{func(s apacheStruct) { seen <- s }, notified}, socket, transport, protocol)
			if err := server.Listen(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- server.AcceptLoop() }()
			client, err := thriftkit.Dial(t.Context(), w.target(socket.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				client.Close()
				if err := firstError(server.Stop(), <-done); err != nil {
					t.Errorf("the server: %v", err)
				}
			})
			var f apacheFuncs
			if err := client.Bind(svc, &f, &refused{}); err != nil {
				t.Fatal(err)
			}

			got, err := f.Echo(t.Context(), value)
			if err != nil || !reflect.DeepEqual(got, value) {
				t.Errorf("bound: %+v, %v; want %+v", got, err, value)
			}
			check := func(what string) {
				if s := <-seen; !reflect.DeepEqual(s, expected(w, tokens)) {
					t.Errorf("%s: the server saw\n%+v, want\n%+v", what, s, tokens)
				}
			}
			if err == nil {
				check("bound")
			}
			dyn, err := thriftkit.Invoke[*dynamic.Struct](t.Context(), client, svc.Method("echo"), value)
			if err != nil {
				t.Fatal(err)
			}
			check("dynamic")
			back, err := thriftkit.Invoke[*apacheAll](t.Context(), client, svc.Method("echo"), dyn)
			if err != nil || !reflect.DeepEqual(back, value) {
				t.Errorf("dynamic: %+v, %v; want %+v", back, err, value)
			}
			check("dynamic, sent back")

			var r *refused
			if err := f.Refuse(t.Context()); !errors.As(err, &r) || *r != (refused{"as asked", -1}) {
				t.Errorf("exception: %v", err)
			}
			if err := f.Notify(t.Context(), -5); err != nil || <-notified != -5 {
				t.Errorf("oneway: %v", err)
			}
			wantError(t, f.UnheardOf(t.Context()), rpc.CodeUnknownMethod, "Echo.unheardOf: unknown method: Unknown function unheardOf (from the server)")
			if _, err := f.Echo(t.Context(), value); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// expected is what Apache's side reads where tokens were written: the compact protocol does not
// send the types of an empty map.
func expected(w route, tokens apacheStruct) apacheStruct {
	s := append(apacheStruct(nil), tokens...)
	for i := range s {
		if m, ok := s[i].v.(apacheMap); ok && w.protocol == "compact" && len(m.pairs) == 0 {
			s[i].v = apacheMap{}
		}
	}
	return s
}

// apacheHandler is our side of the service.
type apacheHandler struct{ notified chan int32 }

func (apacheHandler) Echo(ctx context.Context, v *apacheAll) (*apacheAll, error) { return v, nil }
func (apacheHandler) Refuse(ctx context.Context) error                           { return &refused{"as asked", -1} }
func (apacheHandler) UnheardOf(ctx context.Context) error                        { return errors.New("secret") }
func (h apacheHandler) Notify(ctx context.Context, n int32) error {
	h.notified <- n
	return nil
}

// TestApacheClient serves clients of Apache Thrift's Go library, all on one port.
func TestApacheClient(t *testing.T) {
	file, err := thriftkit.Parse("echo.thrift", apacheIDL)
	if err != nil {
		t.Fatal(err)
	}
	svc := file.Service("Echo")
	_, tokens := apacheValues()
	notified := make(chan int32, 1)
	echo := thriftkit.DynamicHandler(func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		return args.At(0), nil
	})
	bound, dyn := serveGo(t, "tcp", svc, apacheHandler{notified}), serveGo(t, "tcp", svc, echo)
	for _, w := range apacheRoutes() {
		t.Run(w.String(), func(t *testing.T) {
			ctx := t.Context()
			dial := func(addr string) (thrift.TClient, io.Closer) {
				conn, err := net.DialTimeout("tcp", addr, patient)
				if err != nil {
					t.Fatal(err)
				}
				transports, protocols := w.apache()
				transport, err := transports.GetTransport(thrift.NewTSocketFromConnConf(conn, nil))
				if err != nil {
					t.Fatal(err)
				}
				return thrift.NewTStandardClient(protocols.GetProtocol(transport), protocols.GetProtocol(transport)), transport
			}
			call := func(addr, method string, args apacheStruct) (apacheStruct, error) {
				client, closer := dial(addr)
				defer closer.Close()
				var result apacheStruct
				for range 3 { // one connection, several calls
					result = nil
					if _, err := client.Call(ctx, method, &args, &result); err != nil {
						return result, err
					}
				}
				return result, nil
			}
			for what, addr := range map[string]string{"bound": bound, "dynamic": dyn} {
				got, err := call(addr, "echo", apacheStruct{{1, thrift.STRUCT, tokens}})
				if want := (apacheStruct{{0, thrift.STRUCT, expected(w, tokens)}}); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %+v, %v; want\n%+v", what, got, err, want)
				}
			}
			got, err := call(bound, "refuse", nil)
			if want := (apacheStruct{{1, thrift.STRUCT, apacheStruct{{1, thrift.STRING, "as asked"}, {2, thrift.I32, int32(-1)}}}}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("exception: %+v, %v; want %+v", got, err, want)
			}
			client, closer := dial(bound)
			defer closer.Close()
			for n := range int32(3) {
				if _, err := client.Call(ctx, "notify", &apacheStruct{{1, thrift.I32, n}}, nil); err != nil {
					t.Errorf("oneway: %v", err)
				} else if got := <-notified; got != n {
					t.Errorf("oneway: %d, want %d", got, n)
				}
			}
			for method, want := range map[string]int32{"nope": thrift.UNKNOWN_METHOD, "unheardOf": thrift.INTERNAL_ERROR} {
				var x thrift.TApplicationException
				if _, err := call(bound, method, nil); !errors.As(err, &x) || x.TypeId() != want {
					t.Errorf("%s: %v, want one of type %d", method, err, want)
				}
			}
		})
	}
}
