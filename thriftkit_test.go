package thriftkit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/thrifttest"
	"github.com/thriftkit/thriftkit/wire"
)

func TestLoad(t *testing.T) {
	const shop, item = `include "item.thrift" service Shop { item.Item get(1: byte id) }`, "struct Item { string name }"
	var warnings []string
	warn := thriftkit.WithWarnings(func(d *syntax.Diagnostic) { warnings = append(warnings, d.Error()) })
	for _, test := range []struct {
		what string
		path string
		opts []thriftkit.LoadOption
		want string // of the error; "" for none
	}{
		{"texts", "shop.thrift", []thriftkit.LoadOption{thriftkit.WithTexts(map[string]string{"shop.thrift": shop, "item.thrift": item}), warn}, ""},
		{"a file system and an include directory", "a/shop.thrift", []thriftkit.LoadOption{
			thriftkit.WithFS(fstest.MapFS{"a/shop.thrift": {Data: []byte(shop)}, "b/item.thrift": {Data: []byte(item)}}),
			thriftkit.WithIncludeDirs("c", "b")}, ""},
		{"an include that is missing", "shop.thrift", []thriftkit.LoadOption{thriftkit.WithTexts(map[string]string{"shop.thrift": shop})}, "shop.thrift:1:9: error: "},
		{"a file that is missing", "nope.thrift", nil, "nope.thrift: error: "},
	} {
		f, err := thriftkit.Load(test.path, test.opts...)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.what, err)
		case test.want == "" && f.Service("Shop").Method("get").Result.Struct != f.Struct("item.Item"):
			t.Errorf("%s: the result is %v", test.what, f.Service("Shop").Method("get").Result)
		case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s…", test.what, err, test.want)
		}
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "item.thrift:1:22: warning: ") {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestParse(t *testing.T) {
	f, err := thriftkit.Parse("x/shop.thrift", `include "item.thrift" struct S { 1: item.Item i }`,
		thriftkit.WithTexts(map[string]string{"x/item.thrift": "struct Item {}"}))
	if err != nil || f.Struct("S") == nil {
		t.Errorf("%v", err)
	}
	if _, err := thriftkit.Parse("foo.thrift", "struct S {"); err == nil || !strings.HasPrefix(err.Error(), "foo.thrift:1:11: error: ") {
		t.Errorf("%v", err)
	}
}

func TestMustLoad(t *testing.T) {
	defer func() {
		if p := recover(); !strings.HasPrefix(fmt.Sprint(p), "thriftkit: nope.thrift: error: ") {
			t.Errorf("panic: %v", p)
		}
	}()
	thriftkit.MustLoad("nope.thrift")
}

// failing is a handler whose ping fails, and whose login of "nobody" ends with its context.
type failing struct{ pingPong }

func (failing) Ping(ctx context.Context) (string, error) { return "", errors.New("no luck") }

func (f failing) Login(ctx context.Context, username, password string) (string, error) {
	if username == "nobody" {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return f.pingPong.Login(ctx, username, password)
}

func TestOptions(t *testing.T) {
	foo, err := thriftkit.Parse("foo.thrift", fooThrift)
	if err != nil {
		t.Fatal(err)
	}
	svc := foo.Service("PingPong")
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan error, 10)
		s := thrifttest.NewServer(t, svc, failing{},
			thriftkit.WithExposedErrors(),
			thriftkit.WithErrorLog(func(err error) { reported <- err }),
			thriftkit.WithMaxMessageBytes(1000),
			thriftkit.WithIdleTimeout(50*time.Millisecond),
			thriftkit.WithMessageTimeout(time.Minute),
		)
		// wait waits for an error with text in the error log.
		wait := func(text string) {
			for !strings.Contains((<-reported).Error(), text) {
			}
		}
		ctx := t.Context()

		if _, err := thriftkit.Invoke[string](ctx, s.Client(), svc.Method("ping")); err == nil || err.Error() != "PingPong.ping: internal error: no luck (from the server)" {
			t.Errorf("WithExposedErrors: %v", err)
		}
		wait("rpc: PingPong.ping: no luck (called from memory")
		short := s.Client(thriftkit.WithTimeout(20*time.Millisecond), thriftkit.WithDialTimeout(time.Minute), thriftkit.WithMaxConns(1))
		start := time.Now()
		if _, err := thriftkit.Invoke[string](ctx, short, svc.Method("login"), "nobody"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WithTimeout: %v", err)
		}
		if d := time.Since(start); d < 20*time.Millisecond || d > 30*time.Millisecond {
			t.Errorf("WithTimeout: after %v", d)
		}
		wait("rpc: PingPong.login: context canceled")
		var e *thriftkit.Error
		if _, err := thriftkit.Invoke[string](ctx, s.Client(), svc.Method("login"), strings.Repeat("x", 2000)); !errors.As(err, &e) {
			t.Errorf("WithMaxMessageBytes: %v", err)
		}
		wait("more than 1000 bytes")
		c := s.Client()
		for range 4 { // the server closes the connection in between; nobody notices
			if got, err := thriftkit.Invoke[string](ctx, c, svc.Method("login"), "x"); got != "登录成功!" || err != nil {
				t.Errorf("WithIdleTimeout: %q, %v", got, err)
			}
			time.Sleep(time.Second)
			if n := s.Stats().Connections; n != 0 {
				t.Errorf("WithIdleTimeout: %d connections are left", n)
			}
		}
	})
}

func TestMarshal(t *testing.T) {
	file, err := thriftkit.Parse("order.thrift", orderThrift)
	if err != nil {
		t.Fatal(err)
	}
	desc := file.Struct("Order")
	note := "hot"
	want, err := thriftkit.Marshal(desc, order{Item: "tea", Count: 2, Note: &note})
	if err != nil {
		t.Fatal(err)
	}
	d := dynamic.New(desc)
	for name, v := range map[string]any{"item": "tea", "count": 2, "note": "hot"} {
		if err := d.Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []any{&order{"tea", 2, &note}, d, map[string]any{"item": "tea", "count": 2, "note": "hot"}} {
		got, err := thriftkit.Marshal(desc, v)
		if string(got) != string(want) || err != nil {
			t.Errorf("%T: % x, %v, want % x", v, got, err, want)
		}
	}
	var (
		bound  order
		dyn    *dynamic.Struct
		fields map[string]any
		value  any
	)
	for _, v := range []any{&bound, &dyn, &fields, &value} {
		if err := thriftkit.Unmarshal(desc, want, v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	if bound.Item != "tea" || bound.Count != 2 || *bound.Note != "hot" || dyn.Get("count").Int() != 2 || fields["note"] != "hot" {
		t.Errorf("%+v, %v, %v, %v", bound, dyn.Interface(), fields, value)
	}
	if err := thriftkit.Unmarshal(desc, []byte{0}, &bound); err != nil || bound != (order{Count: 1}) {
		t.Errorf("what was there before is left: %+v, %v", bound, err)
	}

	var pointer *order
	for _, test := range []struct {
		what string
		err  error
		want string
	}{
		{"Marshal of nil", second(thriftkit.Marshal(desc, nil)), "thriftkit: Marshal of nil as Order"},
		{"Marshal of a nil pointer", second(thriftkit.Marshal(desc, pointer)), "invalid value: nil pointer to Order"},
		{"Marshal of another type", second(thriftkit.Marshal(desc, 7)), "Order and Go int: the Go type must be a struct, a pointer to one, *dynamic.Struct or map[string]any"},
		{"Unmarshal into nil", thriftkit.Unmarshal(desc, want, nil), "thriftkit: Unmarshal: want a pointer, got <nil>"},
		{"Unmarshal into a value", thriftkit.Unmarshal(desc, want, bound), "thriftkit: Unmarshal: want a pointer, got thriftkit_test.order"},
		{"Unmarshal of too much", thriftkit.Unmarshal(desc, append(want, 0), &bound), "at byte 28: invalid data: unexpected bytes after the struct: 1"},
		{"SetDefaults of a dynamic struct", thriftkit.SetDefaults(desc, &dyn), "thriftkit: SetDefaults: **dynamic.Struct is not a pointer to a struct of Go's"},
	} {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.what, test.err, test.want)
		}
	}
}

func second(_ []byte, err error) error { return err }

// TestMarshalValue has values that are no structs in every protocol, alone and after each other.
func TestMarshalValue(t *testing.T) {
	i32, text := schema.Base(schema.KindI32), schema.Base(schema.KindString)
	for _, protocol := range []string{"binary", "compact", "json", "thriftpy2-json", "simple-json"} {
		opt := thriftkit.WithProtocol(protocol)
		for _, tt := range []struct {
			t     *schema.Type
			value any
		}{
			{schema.ListOf(i32), []int32{1, -2}},
			{schema.ListOf(schema.ListOf(text)), [][]string{{"a"}, {}}},
			{schema.SetOf(text), map[string]struct{}{"a": {}, "b": {}}},
			{schema.MapOf(text, i32), map[string]int32{"a": 1, "b": 2}},
			{i32, int32(7)},
			{schema.Base(schema.KindDouble), math.Copysign(0, -1)},
			{text, "a\"b"},
			{schema.Base(schema.KindBool), true},
		} {
			data, err := thriftkit.MarshalValue(tt.t, tt.value, opt)
			if err != nil {
				t.Errorf("%s: %s: %v", protocol, tt.t, err)
				continue
			}
			got := reflect.New(reflect.TypeOf(tt.value))
			if err := thriftkit.UnmarshalValue(tt.t, data, got.Interface(), opt); err != nil || !reflect.DeepEqual(got.Elem().Interface(), tt.value) {
				t.Errorf("%s: %s: %v, %v, want %v", protocol, tt.t, got.Elem(), err, tt.value)
			}
			sep := ""
			if strings.HasSuffix(protocol, "json") && protocol != "thriftpy2-json" {
				sep = " " // or two numbers would be one
			}
			twice := append(append(data[:len(data):len(data)], sep...), data...)
			rest, err := thriftkit.UnmarshalNext(tt.t, twice, got.Interface(), opt)
			if err != nil || string(rest) != sep+string(data) || !reflect.DeepEqual(got.Elem().Interface(), tt.value) {
				t.Errorf("%s: %s: the first of two is %v, then %q, %v", protocol, tt.t, got.Elem(), rest, err)
			}
			want := fmt.Sprintf("at byte %d: invalid data: unexpected bytes after the %s: %d", len(data), tt.t, len(sep)+len(data))
			if err := thriftkit.UnmarshalValue(tt.t, twice, got.Interface(), opt); err == nil || err.Error() != want {
				t.Errorf("%s: %s: %v, want %s", protocol, tt.t, err, want)
			}
			if rest, err := thriftkit.UnmarshalNext(tt.t, nil, got.Interface(), opt); rest != nil || !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s: %s: nothing gives %q, %v", protocol, tt.t, rest, err)
			}
		}
	}
}
