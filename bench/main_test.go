package main

import (
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/bench/internal/call"
	"github.com/thriftkit/thriftkit/bench/internal/codec"
)

// TestTargets makes sure that every target is about a row that there is: a name that is wrong
// would never be met nor missed.
func TestTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("makes the values of all rows")
	}
	var names []string
	rows, err := codec.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		names = append(names, row.Name)
	}
	names = append(names, call.Names()...)
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			t.Errorf("two rows are called %s", name)
		}
	}
	for _, target := range targets() {
		if !slices.Contains(names, target.Row) || target.OfRow != "" && !slices.Contains(names, target.OfRow) {
			t.Errorf("no row %s of the target %s", target.Row, target)
		}
	}
}
