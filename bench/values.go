// Package bench compares thriftkit with what others generate code for. README.md says how.
package bench

import (
	"embed"
	"fmt"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed testdata
var testdata embed.FS

// Load returns the schema of bench.thrift.
func Load() (*schema.File, error) {
	return thriftkit.Load("testdata/bench.thrift", thriftkit.WithFS(testdata))
}

// The structs of bench.thrift, for all that bind or implement them.
type (
	// Login is a small struct: 60 bytes.
	Login struct{ Username, Password string }

	// Point is a part of Item.
	Point struct{ X, Y int32 }

	// Item is a part of Order.
	Item struct {
		Code   string
		Amount int32
		Price  float64
		At     *Point
		Tags   []string
	}

	// Order is a nested struct: about 4.5 KB.
	Order struct {
		ID     int64
		Buyer  string
		Items  []*Item
		Labels map[string]string
		Totals []int64
		Notes  []string
	}
)

// NewLogin returns a Login that takes 60 bytes.
func NewLogin() *Login {
	return &Login{strings.Repeat("u", 21), strings.Repeat("p", 24)}
}

// NewOrder returns an Order of about 4.5 KB.
func NewOrder() *Order {
	o := &Order{ID: 1 << 40, Buyer: "somebody", Labels: make(map[string]string)}
	for i := range 31 {
		o.Items = append(o.Items, &Item{fmt.Sprintf("code-%04d", i), int32(i), float64(i) / 3, &Point{int32(i), 7}, []string{"red", "new", "on sale"}})
		o.Labels[fmt.Sprintf("label-%d", i)] = "the value of a label"
		o.Totals = append(o.Totals, int64(i))
		o.Notes = append(o.Notes, "a short note")
	}
	return o
}
