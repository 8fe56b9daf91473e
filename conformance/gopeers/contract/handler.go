// Package contract is what the peers in Go have in common: the handler of the service Conformance, the checks of a client, and what
// both print. The types that libraries generate have the same names and fields, so each peer compiles it with its own.
package contract

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"peer/gen/conformance"
	"peer/gen/conformance/shared"
)

// Handler implements Conformance, and with it Base.
type Handler struct {
	// Application returns an application exception of type 7 as the library wants it of a handler.
	Application func(message string) error

	mu     sync.Mutex
	tokens map[string]int32
}

var _ conformance.Conformance = (*Handler)(nil)

func (*Handler) Ping(context.Context) (string, error) { return "pong", nil }

func (*Handler) Mirror(_ context.Context, p *shared.Point) (*shared.Point, error) {
	return &shared.Point{X: p.Y, Y: p.X}, nil
}

func (*Handler) Check(_ context.Context, ok bool) error {
	if ok {
		return nil
	}
	ms := int32(250)
	return &shared.Unavailable{Reason: "not ok", RetryAfterMs: &ms}
}

func (*Handler) EchoBool(_ context.Context, v bool) (bool, error)         { return v, nil }
func (*Handler) EchoByte(_ context.Context, v int8) (int8, error)         { return v, nil }
func (*Handler) EchoI8(_ context.Context, v int8) (int8, error)           { return v, nil }
func (*Handler) EchoI16(_ context.Context, v int16) (int16, error)        { return v, nil }
func (*Handler) EchoI32(_ context.Context, v int32) (int32, error)        { return v, nil }
func (*Handler) EchoI64(_ context.Context, v int64) (int64, error)        { return v, nil }
func (*Handler) EchoDouble(_ context.Context, v float64) (float64, error) { return v, nil }
func (*Handler) EchoString(_ context.Context, v string) (string, error)   { return v, nil }
func (*Handler) EchoBinary(_ context.Context, v []byte) ([]byte, error)   { return v, nil }
func (*Handler) EchoColor(_ context.Context, v conformance.Color) (conformance.Color, error) {
	return v, nil
}
func (*Handler) EchoLevel(_ context.Context, v shared.Level) (shared.Level, error) { return v, nil }
func (*Handler) EchoTimestamp(_ context.Context, v shared.Timestamp) (shared.Timestamp, error) {
	return v, nil
}
func (*Handler) EchoUserID(_ context.Context, v conformance.UserID) (conformance.UserID, error) {
	return v, nil
}
func (*Handler) EchoBools(_ context.Context, v []bool) ([]bool, error)  { return v, nil }
func (*Handler) EchoInts(_ context.Context, v []int32) ([]int32, error) { return v, nil }
func (*Handler) EchoNames(_ context.Context, v conformance.Names) (conformance.Names, error) {
	return v, nil
}
func (*Handler) EchoItems(_ context.Context, v []*conformance.Item) ([]*conformance.Item, error) {
	return v, nil
}
func (*Handler) EchoMatrix(_ context.Context, v [][]int32) ([][]int32, error)  { return v, nil }
func (*Handler) EchoIntSet(_ context.Context, v []int32) ([]int32, error)      { return v, nil }
func (*Handler) EchoStringSet(_ context.Context, v []string) ([]string, error) { return v, nil }
func (*Handler) EchoIntToString(_ context.Context, v map[int32]string) (map[int32]string, error) {
	return v, nil
}
func (*Handler) EchoStringToItems(_ context.Context, v map[string][]*conformance.Item) (map[string][]*conformance.Item, error) {
	return v, nil
}
func (*Handler) EchoPointToString(_ context.Context, v map[*shared.Point]string) (map[*shared.Point]string, error) {
	return v, nil
}
func (*Handler) EchoDeep(_ context.Context, v map[string]map[int32][]string) (map[string]map[int32][]string, error) {
	return v, nil
}
func (*Handler) EchoEmpty(_ context.Context, v *conformance.Empty) (*conformance.Empty, error) {
	return v, nil
}
func (*Handler) EchoItem(_ context.Context, v *conformance.Item) (*conformance.Item, error) {
	return v, nil
}
func (*Handler) EchoChoice(_ context.Context, v *conformance.Choice) (*conformance.Choice, error) {
	return v, nil
}
func (*Handler) EchoAll(_ context.Context, v *conformance.AllTypes) (*conformance.AllTypes, error) {
	return v, nil
}
func (*Handler) EchoScrambled(_ context.Context, v *conformance.Scrambled) (*conformance.Scrambled, error) {
	return v, nil
}
func (*Handler) EchoSparse(_ context.Context, v *conformance.Sparse) (*conformance.Sparse, error) {
	return v, nil
}
func (*Handler) EchoPresence(_ context.Context, v *conformance.Presence) (*conformance.Presence, error) {
	return v, nil
}
func (*Handler) EchoDefaults(_ context.Context, v *conformance.Defaults) (*conformance.Defaults, error) {
	return v, nil
}
func (*Handler) EchoTree(_ context.Context, v *conformance.Tree) (*conformance.Tree, error) {
	return v, nil
}
func (*Handler) EchoChain(_ context.Context, v *conformance.Chain) (*conformance.Chain, error) {
	return v, nil
}
func (*Handler) EchoPerson(_ context.Context, v *conformance.Person) (*conformance.Person, error) {
	return v, nil
}

func (*Handler) DescribeAll(_ context.Context, v *conformance.AllTypes) (string, error) {
	return Text(v), nil
}
func (*Handler) DescribeScrambled(_ context.Context, v *conformance.Scrambled) (string, error) {
	return Text(v), nil
}
func (*Handler) DescribeChoice(_ context.Context, v *conformance.Choice) (string, error) {
	return Text(v), nil
}
func (*Handler) DescribePresence(_ context.Context, v *conformance.Presence) (string, error) {
	return Text(v), nil
}
func (*Handler) DescribeDefaults(_ context.Context, v *conformance.Defaults) (string, error) {
	return Text(v), nil
}

func (*Handler) NewDefaults_(context.Context) (*conformance.Defaults, error) {
	return defaults(), nil
}

func (*Handler) Order(_ context.Context, a, b, c string) (string, error) {
	return a + "-" + b + "-" + c, nil
}

func (*Handler) Greet(_ context.Context, name string, times int32, level shared.Level) (string, error) {
	return fmt.Sprintf("%s*%d@%d", name, times, int(level)), nil
}

func (*Handler) Select(_ context.Context, a, b, c string) (string, error) {
	return a + "-" + b + "-" + c, nil
}

func (*Handler) Absent(context.Context) (*shared.Point, error) { return nil, nil }

func (*Handler) Divide(_ context.Context, a, b int32) (int32, error) {
	switch {
	case b == 0:
		return 0, &conformance.DivisionByZero{Dividend: a}
	case b < 0:
		return 0, &conformance.InvalidInput{Field: "b", Code: -1, Hints: []string{"b >= 0", "try again"}}
	}
	return a / b, nil
}

func (h *Handler) Fail(_ context.Context, kind string) error {
	switch kind {
	case "zero":
		return &conformance.DivisionByZero{Dividend: 7}
	case "invalid":
		return &conformance.InvalidInput{Field: "kind", Code: 3, Hints: []string{}}
	case "unavailable":
		return &shared.Unavailable{Reason: "closed"}
	case "application":
		return h.Application("as asked")
	case "undeclared":
		return errors.New("undeclared")
	}
	return nil
}

func (h *Handler) Notify(_ context.Context, token string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens == nil {
		h.tokens = make(map[string]int32)
	}
	h.tokens[token]++
	return nil
}

func (h *Handler) Notified(_ context.Context, token string) (int32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens[token], nil
}

func (*Handler) Sleep(ctx context.Context, ms int32) error { return sleep(ctx, ms) }

// defaults returns a Defaults in which nothing is set.
func defaults() *conformance.Defaults { return withPoint(conformance.NewDefaults()) }

// withPoint gives d the default of the field that is a struct: Apache's compiler does not.
func withPoint(d *conformance.Defaults) *conformance.Defaults {
	if d.Point == nil {
		d.Point = &shared.Point{X: 3, Y: 4}
	}
	return d
}
