package syntax_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

func TestDocText(t *testing.T) {
	for _, c := range []struct{ comment, want string }{
		{"/** one line */", "one line\n"},
		{"/**one line*/", "one line\n"},
		{"/** */", ""},
		{"/**\n */", ""},
		{"/**\n * a\n * b\n */", "a\nb\n"},
		{"/** a\n * b */", "a\nb\n"},
		{"/**\r\n * a\r\n * b\r\n */", "a\nb\n"},
		{"/**\n * a\n *   b\n *\n * c\n */", "a\n  b\n\nc\n"},
		{"/**\n   a\n     b\n   c\n */", "a\n  b\nc\n"},
		{"/**\n * a\n   b\n */", "* a\n  b\n"}, // not all lines have a star
		{"/**\n * a\n  * b\n */", "* a\n * b\n"},
		{"/**\n\t * a  \n\n\t * b\t\n\t */", "a\n\nb\n"},
		{"/** a **/", "a *\n"},
		{"/*** a */", "* a\n"},
	} {
		f, diags := syntax.Parse("a.thrift", []byte(c.comment+"\nstruct A {}"))
		if diags != nil {
			t.Fatal(diags)
		}
		if got := f.Defs[0].(*syntax.Struct).Doc; got != c.want {
			t.Errorf("%q means %q, want %q", c.comment, got, c.want)
		}
	}
}

func TestDocPlace(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"/** a */ struct A {}", `struct A {} "a\n"`},
		{"/** a */ /** b */ struct A {}", `struct A {} "b\n"`},
		{"/** a */\n\n// c\n/* d */ struct A {}", `struct A {} "a\n"`},
		{"// a\n# b\n/* c */ /***/ struct A {}", `struct A {} "a\nb\nc\n"`},
		{"struct /** a */ A {}", `struct A {}`},
		{"struct A {} /** a */ ; struct B {}", `struct A {} | struct B {} "a\n"`},
		{"/** a */ const i32 A = 1 /** b */ typedef i32 T /** c */ enum E {} /** d */ service S {}",
			`const A i32 = 1 "a\n" | typedef T i32 "b\n" | enum E {} "c\n" | service S {} "d\n"`},
		{"struct A { /** a */ 1: i32 b /** c */, /** d */ 2: i32 e /** f */ 3: i32 g }",
			`struct A {1: b i32 "a\n", 2: e i32 "d\n", 3: g i32 "f\n"}`},
		{"struct A { 1: i32 b, /** of b */\n 2: i32 c /**< of c */ }", `struct A {1: b i32 "of b\n", 2: c i32 "of c\n"}`},
		{"enum E { /** a */ A /** b */ B = 1, /** c */ C }", `enum E {A "a\n", B = 1 "b\n", C "c\n"}`},
		{"service S { /** a */ void f(/** b */ 1: i32 x) throws (/** c */ 1: X y) /** d */ void g() }",
			`service S {f {1: x i32 "b\n"} throws {1: y @X "c\n"} "a\n", g {} "d\n"}`},

		// The first doc comment is the file's if a header follows it.
		{"/** a */ namespace py b", `"a\n" | namespace py b`},
		{"/** a */ /** b */ namespace py c", `"a\n" | namespace py c "b\n"`},
		{"namespace py b /** a */ namespace go c", `"a\n" | namespace py b | namespace go c`},
		{"/** a */ include 'x' /** b */ struct A {}", `"a\n" | include x | struct A {} "b\n"`},
		{"namespace py b /** a */ struct A {}", `namespace py b | struct A {} "a\n"`},
		{"/* a */ namespace py b /** c */", `"a\n" | namespace py b`},
	} {
		f, diags := syntax.Parse("a.thrift", []byte(c.src))
		if diags != nil {
			t.Fatal(diags)
		}
		lines := dumpFile(f)
		if f.Doc != "" {
			lines = append([]string{doc(f.Doc)[1:]}, lines...)
		}
		if got := strings.Join(lines, " | "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestPlainDoc(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		// Above: directly, without a blank line.
		{"// a\nstruct A {}", `struct A {} "a\n"`},
		{"# a\n#  b\n#\n# c\nstruct A {}", `struct A {} "a\n b\n\nc\n"`},
		{"/// a\n//! b\n//c\nstruct A {}", `struct A {} "a\nb\nc\n"`},
		{"/*\n * a\n * b\n */\nstruct A {}", `struct A {} "a\nb\n"`},
		{"// a\r\n// b \r\nstruct A {}", `struct A {} "a\nb\n"`},
		{"// a\n\nstruct A {}", `struct A {}`},
		{"// a\n\n// b\nstruct A {}", `struct A {} "b\n"`},
		{"//\n// a\n//\nstruct A {}", `struct A {} "a\n"`},
		{"//\nstruct A {}", `struct A {}`},
		{"// a\n/** b */\n// c\nstruct A {}", `struct A {} "b\n"`},
		{"struct A {} // a\nstruct B {}", `struct A {} | struct B {}`},
		{"struct A {\n} // a\n// b\nstruct B {}", `struct A {} | struct B {} "b\n"`},
		{"const i32 A = 1 // a\n// b\nconst i32 B = 2", `const A i32 = 1 "a\n" | const B i32 = 2 "b\n"`},
		{"// a\ntypedef i32 T // b", `typedef T i32 "a\nb\n"`},
		{"enum E { // a\n  A // b\n  B, # c\n  // d\n  C\n}", `enum E {A "b\n", B "c\n", C "d\n"} "a\n"`},
		{"service S {\n  // a\n  void f( // b\n    1: i32 x, // c\n    2: i32 y  // d\n  ), // e\n  void g() # f\n}",
			`service S {f {1: x i32 "c\n", 2: y i32 "d\n"} "a\ne\n", g {} "f\n"}`},

		// Behind: at the end of the line.
		{"struct A {\n  1: i32 a // b\n  2: i32 c, // d\n}", `struct A {1: a i32 "b\n", 2: c i32 "d\n"}`},
		{"struct A {\n  1: i32 a /* b */\n  2: i32 c; /** d */\n}", `struct A {1: a i32 "b\n", 2: c i32 "d\n"}`},
		{"struct A { 1: i32 a, /* b */ 2: i32 c }", `struct A {1: a i32, 2: c i32 "b\n"}`},
		{"struct A {\n  // a\n  1: i32 b // c\n}", `struct A {1: b i32 "a\nc\n"}`},
		{"struct A {\n  /** a */\n  1: i32 b // no\n}", `struct A {1: b i32 "a\n"}`},
		{"struct A {\n  1: i32 a // b\n           // c\n  2: i32 d\n}", `struct A {1: a i32 "b\nc\n", 2: d i32}`},
		{"struct A {\n  1: i32 a // b\n  // c\n  2: i32 d\n}", `struct A {1: a i32 "b\n", 2: d i32 "c\n"}`},
		{"struct A {\n  /** x */\n  1: i32 a // b\n           // c\n  2: i32 d\n}", `struct A {1: a i32 "x\n", 2: d i32}`},
		{"struct A {\n  1: i32 a  // b\n         // c\n  2: i32 d\n}", `struct A {1: a i32 "b\nc\n", 2: d i32}`},
		{"struct A {\n  1: i32 a // b\n      // c\n  2: i32 d\n}", `struct A {1: a i32 "b\n", 2: d i32 "c\n"}`},
		{"struct A {\n\t1: string a\t// b\n\t\t\t\t// c\n\t2: i32 d\n}", `struct A {1: a string "b\nc\n", 2: d i32}`},
		{"struct A {\n  1: i32 a /* b */\n           /* c */\n  2: i32 d\n}", `struct A {1: a i32 "b\nc\n", 2: d i32}`},
		{"struct A {\n  1: i32 a /* b */\n           /* c */ 2: i32 d\n}", `struct A {1: a i32 "b\n", 2: d i32 "c\n"}`},
		{"struct A {\n  1: i32 a // b\n           // c\n  , 2: i32 d\n}", `struct A {1: a i32 "b\nc\n", 2: d i32}`},
		{"struct A {\n  1: i32 a ///< b\n}", `struct A {1: a i32 "b\n"}`},
		{"const list<i32> L = [1] // a\nconst map<i32, i32> M = {1: 2}; // b\nconst i32 C = 1 (x = 'y') // c\n// d\nconst map<i32, i32> E = {} // e",
			`const L list<i32> = [1] "a\n" | const M map<i32,i32> = {1: 2} "b\n" | const C i32 = 1 (x=y) "c\n" | const E map<i32,i32> = {} "d\ne\n"`},
		{"const map<i32, i32> M = {\n  1: 2 // no\n} // a\nstruct A {}", `const M map<i32,i32> = {1: 2} "a\n" | struct A {}`},

		// Detached: a licence, separators and headings in them, code, directives.
		{"// Copyright (c) 2020 Somebody\n// All rights reserved.\nstruct A {}", `struct A {}`},
		{"/* Licensed under the Apache License */\nstruct A {}", `struct A {}`},
		{"/** SPDX-License-Identifier: MIT */\nnamespace py a", `namespace py a`},
		{"struct A {\n  1: string copyright // copyright notice of the song\n}", `struct A {1: copyright string "copyright notice of the song\n"}`},
		{"// Distributed under the MIT license.\nstruct A {}", `struct A {}`},
		{"// Mozilla Public License, v. 2.0.\nnamespace py a", `namespace py a`},
		{"/* This file is licensed to you under the Apache License */\ninclude 'a'", `include a`},
		{"// Use of this source code is governed by a BSD-style license\nstruct A {}", `struct A {}`},
		{"/** Apache License, Version 2.0 */\nstruct A {}", `struct A {}`},
		{"# Copyright Foo\nstruct A {}", `struct A {}`},
		{"// (c) 2020 Foo\nstruct A {}", `struct A {}`},
		{"// © Foo\nstruct A {}", `struct A {}`},
		{"// Copyright notices of songs\nstruct A {}", `struct A {} "Copyright notices of songs\n"`},
		{"struct A {\n  1: string k // the license key of the customer\n}\n// Apache License, Version 2.0\nstruct B {}",
			`struct A {1: k string "the license key of the customer\n"} | struct B {} "Apache License, Version 2.0\n"`},
		{"// the license key of the customer\nstruct A {}", `struct A {} "the license key of the customer\n"`},
		{"/*************\n * Part two\n *************/\nstruct A {}", `struct A {}`},
		{"/*************\n * Part two\n *************/\n// a\nstruct A {}", `struct A {} "a\n"`},
		{"/*************\n * Part two\n *************/\nnamespace py a\n/** b */\nstruct A {}", `namespace py a | struct A {} "b\n"`},
		{"/*************\n * a\n * b\n *************/\nstruct A {}", `struct A {} "***********\n a\n b\n***********\n"`},
		{"// ------------\nstruct A {}", `struct A {}`},
		{"//////////////\n// Types\n//////////////\nstruct A {}", `struct A {}`},
		{"// ---- Types ----\nstruct A {}", `struct A {}`},
		{"// ==== Types ====\n// a\nstruct A {}", `struct A {} "a\n"`},
		{"# ------------ types\nstruct A {}", `struct A {}`},
		{"struct A {\n  // 1: string old,\n  // a\n  2: i32 b\n}", `struct A {2: b i32 "a\n"}`},
		{"struct A {\n  // was:\n  // 1: optional string old\n  2: i32 b\n}", `struct A {2: b i32}`},
		{"struct A {\n  1: i32 a // 2: list<string> b,\n}", `struct A {1: a i32}`},
		{"// struct B {\n//   1: i32 a\n// }\nstruct A {}", `struct A {}`},
		{"// typedef i32 Old\nstruct A {}", `struct A {}`},
		{"// const i32 OLD = 1\nstruct A {}", `struct A {}`},
		{"// include 'a'\nstruct A {}", `struct A {}`},
		{"// namespace py a\nnamespace go a", `namespace go a`},
		{"service S {\n  // void f(1: i32 a)\n  // oneway void g()\n  // Foo h()\n  void i()\n}", `service S {i {}}`},
		{"enum E {\n  // B = 2,\n  // C = 3\n  A\n}", `enum E {A}`},
		{"//lint:ignore x\nstruct A {}", `struct A {}`},
		{"// a\n// nolint\nstruct A {}", `struct A {} "a\n"`},

		// Prose that resembles code.
		{"// 1: first, 2: second\nstruct A {}", `struct A {} "1: first, 2: second\n"`},
		{"// 1: the first one\nstruct A {}", `struct A {} "1: the first one\n"`},
		{"// struct of arrays\nstruct A {}", `struct A {} "struct of arrays\n"`},
		{"// string or number\nstruct A {}", `struct A {} "string or number\n"`},
		{"// list of (a) and b.\nstruct A {}", `struct A {} "list of (a) and b.\n"`},
		{"// limit = 5\nstruct A {}", `struct A {} "limit = 5\n"`},
		{"// optional extra text\nstruct A {}", `struct A {} "optional extra text\n"`},
		{"// see https://example.com/a\nstruct A {}", `struct A {} "see https://example.com/a\n"`},
		{"// https://example.com/a\nstruct A {}", `struct A {} "https://example.com/a\n"`},
		{"// calls f() first\nstruct A {}", `struct A {} "calls f() first\n"`},
		{"// a -- b -- c\nstruct A {}", `struct A {} "a -- b -- c\n"`},
		{"// 中文注释\nstruct A {\n  1: i32 a, // 用户的编号\n}", `struct A {1: a i32 "用户的编号\n"} "中文注释\n"`},

		// The file's: directly above the first header, if there is no doc comment.
		{"// a\nnamespace py b", `"a\n" | namespace py b`},
		{"// a\n\nnamespace py b", `namespace py b`},
		{"// Copyright 2020 X\n\n// a\ninclude 'b'\n// c\nnamespace py d", `"a\n" | include b | namespace py d "c\n"`},
	} {
		f, diags := syntax.Parse("a.thrift", []byte(c.src))
		if diags != nil {
			t.Fatal(c.src, diags)
		}
		lines := dumpFile(f)
		if f.Doc != "" {
			lines = append([]string{doc(f.Doc)[1:]}, lines...)
		}
		if got := strings.Join(lines, " | "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestDocsOption(t *testing.T) {
	const src = "/** a */\nnamespace py b\n/** c */\nstruct A {\n  // d\n  1: i32 e // f\n  2: i32 g /** h */\n}"
	for _, c := range []struct {
		docs syntax.Docs
		want string
	}{
		{syntax.AllComments, `"a\n" | namespace py b | struct A {1: e i32 "d\nf\n", 2: g i32 "h\n"} "c\n"`},
		{syntax.DocComments, `"a\n" | namespace py b | struct A {1: e i32, 2: g i32 "h\n"} "c\n"`},
		{syntax.NoComments, `"" | namespace py b | struct A {1: e i32, 2: g i32}`},
	} {
		f, diags := syntax.Options{Docs: c.docs}.Parse("a.thrift", []byte(src))
		if diags != nil {
			t.Fatal(diags)
		}
		lines := append([]string{strings.TrimPrefix(doc(f.Doc), " ")}, dumpFile(f)...)
		if lines[0] == "" {
			lines[0] = `""`
		}
		if got := strings.Join(lines, " | "); got != c.want {
			t.Errorf("%d: got %s, want %s", c.docs, got, c.want)
		}
	}
}
