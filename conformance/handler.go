package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// errUndeclared is what no method declares.
var errUndeclared = errors.New("undeclared, as asked")

// tokens counts the tokens of notify.
type tokens struct {
	mu    sync.Mutex
	count map[string]int32
}

func (t *tokens) add(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = make(map[string]int32)
	}
	t.count[token]++
}

func (t *tokens) get(token string) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count[token]
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Handler implements the service Conformance with bound Go types.
type Handler struct {
	file   *schema.File
	tokens tokens
}

// NewHandler returns a Handler for the schema that Load returned.
func NewHandler(file *schema.File) *Handler { return &Handler{file: file} }

// Ping and the next ones come from the service that Conformance extends.
func (h *Handler) Ping(context.Context) (string, error) { return "pong", nil }

func (h *Handler) Mirror(_ context.Context, p Point) (Point, error) { return Point{p.Y, p.X}, nil }

func (h *Handler) Check(_ context.Context, ok bool) error {
	if ok {
		return nil
	}
	retry := int32(250)
	return &Unavailable{"not ok", &retry}
}

// Every Echo returns its argument.

func (h *Handler) EchoBool(_ context.Context, v bool) (bool, error)          { return v, nil }
func (h *Handler) EchoByte(_ context.Context, v int8) (int8, error)          { return v, nil }
func (h *Handler) EchoI8(_ context.Context, v int8) (int8, error)            { return v, nil }
func (h *Handler) EchoI16(_ context.Context, v int16) (int16, error)         { return v, nil }
func (h *Handler) EchoI32(_ context.Context, v int32) (int32, error)         { return v, nil }
func (h *Handler) EchoI64(_ context.Context, v int64) (int64, error)         { return v, nil }
func (h *Handler) EchoDouble(_ context.Context, v float64) (float64, error)  { return v, nil }
func (h *Handler) EchoString(_ context.Context, v string) (string, error)    { return v, nil }
func (h *Handler) EchoBinary(_ context.Context, v []byte) ([]byte, error)    { return v, nil }
func (h *Handler) EchoColor(_ context.Context, v Color) (Color, error)       { return v, nil }
func (h *Handler) EchoLevel(_ context.Context, v Level) (Level, error)       { return v, nil }
func (h *Handler) EchoUserID(_ context.Context, v UserID) (UserID, error)    { return v, nil }
func (h *Handler) EchoBools(_ context.Context, v []bool) ([]bool, error)     { return v, nil }
func (h *Handler) EchoInts(_ context.Context, v []int32) ([]int32, error)    { return v, nil }
func (h *Handler) EchoNames(_ context.Context, v []string) ([]string, error) { return v, nil }
func (h *Handler) EchoItems(_ context.Context, v []*Item) ([]*Item, error)   { return v, nil }
func (h *Handler) EchoIntSet(_ context.Context, v []int32) ([]int32, error)  { return v, nil }
func (h *Handler) EchoEmpty(_ context.Context, v *Empty) (*Empty, error)     { return v, nil }
func (h *Handler) EchoItem(_ context.Context, v *Item) (*Item, error)        { return v, nil }
func (h *Handler) EchoChoice(_ context.Context, v *Choice) (*Choice, error)  { return v, nil }
func (h *Handler) EchoSparse(_ context.Context, v *Sparse) (*Sparse, error)  { return v, nil }
func (h *Handler) EchoTree(_ context.Context, v *Tree) (*Tree, error)        { return v, nil }
func (h *Handler) EchoChain(_ context.Context, v *Chain) (*Chain, error)     { return v, nil }
func (h *Handler) EchoPerson(_ context.Context, v Person) (Person, error)    { return v, nil }

func (h *Handler) EchoTimestamp(_ context.Context, v Timestamp) (Timestamp, error) { return v, nil }
func (h *Handler) EchoMatrix(_ context.Context, v [][]int32) ([][]int32, error)    { return v, nil }
func (h *Handler) EchoAll(_ context.Context, v *AllTypes) (*AllTypes, error)       { return v, nil }
func (h *Handler) EchoPresence(_ context.Context, v *Presence) (*Presence, error)  { return v, nil }
func (h *Handler) EchoDefaults(_ context.Context, v *Defaults) (*Defaults, error)  { return v, nil }

func (h *Handler) EchoScrambled(_ context.Context, v Scrambled) (Scrambled, error) { return v, nil }

func (h *Handler) EchoStringSet(_ context.Context, v map[string]struct{}) (map[string]struct{}, error) {
	return v, nil
}

func (h *Handler) EchoIntToString(_ context.Context, v map[int32]string) (map[int32]string, error) {
	return v, nil
}

func (h *Handler) EchoStringToItems(_ context.Context, v map[string][]Item) (map[string][]Item, error) {
	return v, nil
}

func (h *Handler) EchoPointToString(_ context.Context, v map[Point]string) (map[Point]string, error) {
	return v, nil
}

func (h *Handler) EchoDeep(_ context.Context, v map[string]map[int32][]string) (map[string]map[int32][]string, error) {
	return v, nil
}

// describe returns the text of v, a value of the struct called name.
func (h *Handler) describe(name string, v any) (string, error) {
	return Text(ValueOf(h.file.Struct(name).Type(), v)), nil
}

// Every Describe returns the text of its argument.

func (h *Handler) DescribeAll(_ context.Context, v *AllTypes) (string, error) {
	return h.describe("AllTypes", v)
}

func (h *Handler) DescribeScrambled(_ context.Context, v *Scrambled) (string, error) {
	return h.describe("Scrambled", v)
}

func (h *Handler) DescribeChoice(_ context.Context, v *Choice) (string, error) {
	return h.describe("Choice", v)
}

func (h *Handler) DescribePresence(_ context.Context, v *Presence) (string, error) {
	return h.describe("Presence", v)
}

func (h *Handler) DescribeDefaults(_ context.Context, v *Defaults) (string, error) {
	return h.describe("Defaults", v)
}

// requiredDefaults binds the one field of Defaults that must be sent. The slot for the others
// stays empty.
type requiredDefaults struct {
	RequiredInt int32
	Others      wire.UnknownFields
}

// NewDefaults leaves the rest to the reader.
func (h *Handler) NewDefaults(context.Context) (requiredDefaults, error) {
	return requiredDefaults{RequiredInt: 12}, nil
}

func (h *Handler) Order(_ context.Context, a, b, c string) (string, error) {
	return a + "-" + b + "-" + c, nil
}

func (h *Handler) Greet(_ context.Context, name string, times int32, level Level) (string, error) {
	return fmt.Sprintf("%s*%d@%d", name, times, level), nil
}

func (h *Handler) Select(_ context.Context, typ, rng, fn string) (string, error) {
	return typ + "-" + rng + "-" + fn, nil
}

// Absent returns no result, which is not an error on this side.
func (h *Handler) Absent(context.Context) (*Point, error) { return nil, nil }

func (h *Handler) Divide(_ context.Context, a, b int32) (int32, error) {
	switch {
	case b == 0:
		return 0, &DivisionByZero{a}
	case b < 0:
		return 0, &InvalidInput{"b", -1, []string{"b >= 0", "try again"}}
	}
	return a / b, nil
}

func (h *Handler) Fail(_ context.Context, kind string) error {
	switch kind {
	case "zero":
		return &DivisionByZero{7}
	case "invalid":
		return &InvalidInput{"kind", 3, nil}
	case "unavailable":
		return &Unavailable{"closed", nil}
	case "application":
		return rpc.Errorf(rpc.CodeProtocol, "as asked")
	case "undeclared":
		return errUndeclared
	}
	return nil
}

func (h *Handler) Notify(_ context.Context, token string) error {
	h.tokens.add(token)
	return nil
}

func (h *Handler) Notified(_ context.Context, token string) (int32, error) {
	return h.tokens.get(token), nil
}

func (h *Handler) Sleep(ctx context.Context, ms int32) error {
	return sleep(ctx, time.Duration(ms)*time.Millisecond)
}

// NewDynamicHandler returns a handler of the service Conformance without Go types.
func NewDynamicHandler(file *schema.File) thriftkit.DynamicHandler {
	var seen tokens
	throw := func(name string, fields map[string]any) error {
		v, err := dynamic.Of(file.Struct(name).Type(), fields)
		if err != nil {
			return err
		}
		return &thriftkit.Exception{Value: v.Struct()}
	}
	join := func(args *dynamic.Struct) string {
		var parts []string
		for _, v := range args.Fields() {
			parts = append(parts, v.Text())
		}
		return strings.Join(parts, "-")
	}
	return func(ctx context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
		switch {
		case strings.HasPrefix(m.Name, "echo"):
			return args.Get("v"), nil
		case strings.HasPrefix(m.Name, "describe"):
			return Text(args.Get("v")), nil
		}
		switch m.Name {
		case "ping":
			return "pong", nil
		case "mirror":
			p := args.Get("p").Struct()
			return map[string]any{"x": p.Get("y"), "y": p.Get("x")}, nil
		case "check":
			if !args.Get("ok").Bool() {
				return nil, throw("shared.Unavailable", map[string]any{"reason": "not ok", "retryAfterMs": 250})
			}
		case "newDefaults":
			return map[string]any{"requiredInt": 12}, nil
		case "order", "select":
			return join(args), nil
		case "greet":
			return fmt.Sprintf("%s*%d@%d", args.Get("name").Text(), args.Get("times").Int(), args.Get("level").Int()), nil
		case "divide":
			switch a, b := args.Get("a").Int(), args.Get("b").Int(); {
			case b == 0:
				return nil, throw("DivisionByZero", map[string]any{"dividend": a})
			case b < 0:
				return nil, throw("InvalidInput", map[string]any{"field": "b", "code": -1, "hints": []string{"b >= 0", "try again"}})
			default:
				return a / b, nil
			}
		case "fail":
			switch args.Get("kind").Text() {
			case "zero":
				return nil, throw("DivisionByZero", map[string]any{"dividend": 7})
			case "invalid":
				return nil, throw("InvalidInput", map[string]any{"field": "kind", "code": 3, "hints": []string{}})
			case "unavailable":
				return nil, throw("shared.Unavailable", map[string]any{"reason": "closed"})
			case "application":
				return nil, rpc.Errorf(rpc.CodeProtocol, "as asked")
			case "undeclared":
				return nil, errUndeclared
			}
		case "notify":
			seen.add(args.Get("token").Text())
		case "notified":
			return seen.get(args.Get("token").Text()), nil
		case "sleep":
			return nil, sleep(ctx, time.Duration(args.Get("ms").Int())*time.Millisecond)
		}
		return nil, nil // also what absent answers
	}
}
