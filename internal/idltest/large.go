// Package idltest makes IDL texts for tests and benchmarks.
package idltest

import (
	"fmt"
	"strings"
)

// Large returns a program of 108 KB: 300 structs with ids, requiredness, defaults and doc
// comments, 20 services, and the enums, constants and typedefs that they use. Every Thrift
// compiler takes it, so that it can be the same work for all.
func Large() []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("// A catalogue as large shops have it.\nnamespace go catalogue\nnamespace py shop.catalogue\nnamespace * catalogue\n\n")
	for i := range 20 {
		p("/** State%d of an item. */\nenum State%d {\n", i, i)
		for j, name := range []string{"UNKNOWN", "ORDERED", "PACKED", "SHIPPED", "DELIVERED", "RETURNED"} {
			p("  %s = %d (id = \"%d\"),\n", name, j*(i+1), j)
		}
		p("}\n\n")
	}
	for i := range 30 {
		p("typedef %s Alias%d\n", []string{"i64", "string", "map<string, i32>", "list<i64>", "binary", "set<string>"}[i%6], i)
	}
	p("\n")
	for i := range 60 {
		switch i % 6 {
		case 0:
			p("const i32 LIMIT_%d = %d\n", i, 1000*i+7)
		case 1:
			p("const string NAME_%d = \"the name of constant %d\"\n", i, i)
		case 2:
			p("const map<string, i32> TABLE_%d = {\"one\": 1, \"two\": 2, \"limit\": LIMIT_%d}\n", i, i-2)
		case 3:
			p("const list<double> RATES_%d = [0.5, 1.25, %d.75, 1e3]\n", i, i)
		case 4:
			p("const State%d STATE_%d = State%d.SHIPPED\n", i%20, i, i%20)
		case 5:
			p("const i64 BIG_%d = 0x%x\n", i, i*1234567)
		}
	}
	p("\n")
	for i := range 280 {
		p("/** Item%d is one of many. */\nstruct Item%d {\n", i, i)
		p("  1: required i64 id,\n")
		p("  2: optional string title = \"untitled\",\n")
		p("  3: optional State%d state = State%d.ORDERED,\n", i%20, i%20)
		p("  4: optional double price,\n")
		p("  6: optional map<string, Item%d> parts,\n", (i+1)%280)
		p("  7: optional Alias%d label,\n", i%30)
		if i%4 == 0 {
			p("  9: optional i32 limit = LIMIT_%d, // at most\n", i%10*6)
		}
		p("  10: optional list<Item%d> others,\n", (i+7)%280)
		p("}\n\n")
	}
	for i := range 20 {
		p("exception Failure%d {\n  1: required i32 code,\n  2: optional string message,\n}\n\n", i)
	}
	for i := range 20 {
		extends := ""
		if i > 0 && i%4 == 0 {
			extends = fmt.Sprintf(" extends Service%d", i-4)
		}
		p("/** Service%d sells. */\nservice Service%d%s {\n", i, i, extends)
		for j := range 6 {
			item := (i*10 + j) % 280
			p("  Item%d get%d_%d(1: required i64 id, 2: i32 depth = 3) throws (1: Failure%d failure),\n", item, i, j, i)
			p("  void put%d_%d(1: Item%d item, 2: list<Item%d> more),\n", i, j, item, item)
		}
		p("  oneway void hint%d(1: string words),\n", i)
		p("}\n\n")
	}
	return []byte(b.String())
}
