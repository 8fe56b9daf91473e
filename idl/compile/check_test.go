package compile

import (
	"slices"
	"strings"
	"testing"
)

// texts splits text into files at lines "-- name --"; what comes first is a.thrift.
func texts(text string) Texts {
	files := make(Texts)
	name := "a.thrift"
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			name, _, _ = strings.Cut(rest, " --")
			files[name] = ""
			continue
		}
		files[name] += line
	}
	return files
}

// A check is a pair of texts that differ in little: bad has the diagnostics wanted, all of
// them, and good has none.
type check struct {
	name, bad string
	want      []string
	good      string
}

func TestURL(t *testing.T) {
	_, diags := Compile("https://example.com/a.thrift", Options{Source: texts("")})
	if want := "https://example.com/a.thrift: error: cannot be read: it is a URL (fetch the file first) [cannot-read]"; diags.Error() != want {
		t.Errorf("got %v\nwant %s", diags, want)
	}
}

func TestChecks(t *testing.T) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			file, diags := Compile("a.thrift", Options{Source: texts(c.bad)})
			var got []string
			for _, d := range diags {
				got = append(got, d.Error())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("bad:\ngot\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
			if hasErrors := len(diags.Errors()) > 0; hasErrors != (file == nil) {
				t.Errorf("file %v, errors %v", file != nil, hasErrors)
			}
			if file, diags := Compile("a.thrift", Options{Source: texts(c.good)}); file == nil || len(diags) > 0 {
				t.Errorf("good:\n%v", diags)
			}
		})
	}
}

var checks = []check{
	{
		name: "ids that cannot be read",
		bad:  `struct A { 0xffffffffffffffff: i32 a, 0xffffffffffffffff: Nope b }`,
		want: []string{
			`a.thrift:1:12: error: "0xffffffffffffffff" does not fit 64 bits (with these bits it is -1) [int-range]`,
			`a.thrift:1:39: error: "0xffffffffffffffff" does not fit 64 bits (with these bits it is -1) [int-range]`,
			`a.thrift:1:59: error: unknown type Nope [unknown-type]`,
		},
		good: `struct A { 1: i32 a }`,
	},
	{
		name: "one error for one mistake",
		bad: `struct A { 1: slist a }
struct U { 1: required U u }
service S { U f(1: U a, 2: U b) }`,
		want: []string{
			`a.thrift:1:15: error: "slist" is no longer part of Thrift (use the type string) [removed]`,
			`a.thrift:2:8: warning: no value of U can exist: it requires itself, U.u -> U; u is defined at a.thrift:2:26 (make one of the fields optional) [endless-struct]`,
			`a.thrift:3:15: error: method f needs a value of U, and none can exist; U is defined at a.thrift:2:8 [endless-struct]`,
		},
		good: `struct A { 1: string a }`,
	},
	{
		name: "long names are said whole",
		bad: `enum Eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee { AAAAAAAAAAAA1 = 1 }
enum F { A = 1 }
const F C = Eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.AAAAAAAAAAAA1`,
		want: []string{
			`a.thrift:3:13: error: Eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.AAAAAAAAAAAA1 is a value of enum Eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee, not of F; F is defined at a.thrift:2:6 [wrong-enum]`,
		},
		good: `enum F { A = 1 }`,
	},
	{
		name: "what the bits of hexadecimal numbers are",
		bad: `const i64 A = 0xffffffffffffffff
const i32 B = 0xFFFFFFFF00000000
const i64 C = 0x1ffffffffffffffff
enum E { A = 0xffffffff, B = 0x80000000, C = 4294967295 }`,
		want: []string{
			`a.thrift:1:15: error: "0xffffffffffffffff" does not fit 64 bits (with these bits it is -1) [int-range]`,
			`a.thrift:2:15: error: "0xFFFFFFFF00000000" does not fit 64 bits (with these bits it is -4294967296) [int-range]`,
			`a.thrift:3:15: error: "0x1ffffffffffffffff" does not fit 64 bits [int-range]`,
			`a.thrift:4:14: error: A = 4294967295 is not a 32-bit number (with these bits it is -1) [enum-range]`,
			`a.thrift:4:30: error: B = 2147483648 is not a 32-bit number (with these bits it is -2147483648) [enum-range]`,
			`a.thrift:4:46: error: C = 4294967295 is not a 32-bit number [enum-range]`,
		},
		good: `const i64 A = -1
enum E { A = 0x7fffffff, B = -0x80000000 }`,
	},
	// A syntax error hides no name that it cannot have defined.
	{
		name: "unknown names behind a syntax error",
		bad: `struct A { 1: i32 }
const Qq R = 1
typedef Qs T
service S extends Nope {}
const i32 X = NOPE
const i32 Y = Pp.NOPE
struct B {1: i32 a = NOPE2}
service V { void f()
 Qt g()
 oneway void i(1: Qo o) }`,
		want: []string{
			`a.thrift:1:19: error: expected the name of a field, found "}" [syntax]`,
			`a.thrift:2:7: error: unknown type Qq [unknown-type]`,
			`a.thrift:3:9: error: unknown type Qs [unknown-type]`,
			`a.thrift:4:19: error: unknown service Nope [unknown-service]`,
			`a.thrift:5:15: error: unknown name NOPE [unknown-name]`,
			`a.thrift:6:15: error: unknown name Pp.NOPE (no include is seen here as Pp) [unknown-name]`,
			`a.thrift:7:22: error: unknown name NOPE2 [unknown-name]`,
			`a.thrift:9:2: error: unknown type Qt [unknown-type]`,
			`a.thrift:10:19: error: unknown type Qo [unknown-type]`,
		},
		good: `struct A { 1: i32 a }`,
	},
	{
		name: "names that a syntax error may have defined",
		bad: `typedef map<i32, i32 M
const i32 C 1
struct { 1: i32 a }
foo Bar { 1: i32 a }
enum E2 : i32
exception
struct User { 1: M m, 2: Bar b, 3: i32 c = C, 4: i32 e = E2.A }`,
		want: []string{
			`a.thrift:1:22: error: expected ">", found "M"; "<" opened at a.thrift:1:12 [syntax]`,
			`a.thrift:2:13: error: expected "=", found "1" [syntax]`,
			`a.thrift:3:8: error: expected the name of a struct, found "{" [syntax]`,
			`a.thrift:5:9: error: expected "{", found ":" [syntax]`,
			`a.thrift:7:1: error: expected the name of an exception, found keyword "struct" [syntax]`,
		},
		good: `struct A { 1: i32 a }`,
	},
	{
		name: "an include that a syntax error may have hidden",
		bad: `include x
struct User { 1: x.M m, 2: Other o }`,
		want: []string{
			`a.thrift:1:9: error: expected a file name, found "x" (write it in quotes) [syntax]`,
			`a.thrift:2:28: error: unknown type Other [unknown-type]`,
		},
		good: `struct A { 1: i32 a }`,
	},
	// Names and includes.
	{
		name: "unknown type",
		bad: `struct User {}
struct A {1: Usr u, 2: map<string, list<Nope>> n}`,
		want: []string{
			`a.thrift:2:14: error: unknown type Usr (did you mean User?) [unknown-type]`,
			`a.thrift:2:41: error: unknown type Nope [unknown-type]`,
		},
		good: `struct User {}
struct A {1: User u, 2: map<string, list<User>> n}`,
	},
	{
		name: "a type of another language",
		bad:  `struct A {1: int64 a, 2: String b, 3: u8 c}`,
		want: []string{
			`a.thrift:1:14: error: unknown type int64 (did you mean i64?) [unknown-type]`,
			`a.thrift:1:26: error: unknown type String (did you mean string?) [unknown-type]`,
			`a.thrift:1:39: error: unknown type u8 (did you mean i16?) [unknown-type]`,
		},
		good: `struct A {1: i64 a, 2: string b, 3: i16 c}`,
	},
	{
		name: "a name without its include",
		bad: `include "lib.thrift"
struct A {1: L l}
const i32 N = LIMIT
service S extends Base {}
-- lib.thrift --
struct L {}
const i32 LIMIT = 1
service Base {}`,
		want: []string{
			`a.thrift:2:14: error: unknown type L (did you mean lib.L?) [unknown-type]`,
			`a.thrift:3:15: error: unknown name LIMIT (did you mean lib.LIMIT?) [unknown-name]`,
			`a.thrift:4:19: error: unknown service Base (did you mean lib.Base?) [unknown-service]`,
		},
		good: `include "lib.thrift"
struct A {1: lib.L l}
const i32 N = lib.LIMIT
service S extends lib.Base {}
-- lib.thrift --
struct L {}
const i32 LIMIT = 1
service Base {}`,
	},
	{
		name: "a name by way of an include",
		bad: `include "mid.thrift"
struct A {1: lib.L l}
-- mid.thrift --
include "lib.thrift"
-- lib.thrift --
struct L {}`,
		want: []string{
			`a.thrift:2:14: error: unknown type lib.L (did you mean mid.lib.L?) [unknown-type]`,
		},
		good: `include "mid.thrift"
struct A {1: mid.lib.L l}
-- mid.thrift --
include "lib.thrift"
-- lib.thrift --
struct L {}`,
	},
	{
		name: "a mistake in an included name",
		bad: `include "lib.thrift"
struct A {1: lib.Uesr l, 2: lib.Other o}
-- lib.thrift --
struct User {}`,
		want: []string{
			`a.thrift:2:14: error: unknown type lib.Uesr (did you mean lib.User?) [unknown-type]`,
			`a.thrift:2:29: error: unknown type lib.Other [unknown-type]`,
		},
		good: `include "lib.thrift"
struct A {1: lib.User l}
-- lib.thrift --
struct User {}`,
	},
	{
		name: "a file name with dots",
		bad: `include "a.b.thrift"
struct A {1: b.L l}
-- a.b.thrift --
struct L {}`,
		want: []string{
			`a.thrift:2:14: error: unknown type b.L (did you mean a.b.L?) [unknown-type]`,
		},
		good: `include "a.b.thrift"
struct A {1: a.b.L l}
-- a.b.thrift --
struct L {}`,
	},
	{
		name: "things of the wrong kind",
		bad: `const i32 C = 1
service S {}
struct A {1: C c, 2: S s}
const i32 D = A
service T extends A {}
enum E {X}
struct B {1: E.X x}`,
		want: []string{
			`a.thrift:3:14: error: C is a constant, not a type; defined at a.thrift:1:11 [wrong-kind]`,
			`a.thrift:3:22: error: S is a service, not a type; defined at a.thrift:2:9 [wrong-kind]`,
			`a.thrift:4:15: error: A is a struct, not a value; defined at a.thrift:3:8 [wrong-kind]`,
			`a.thrift:5:19: error: A is a struct, not a service; defined at a.thrift:3:8 [wrong-kind]`,
			`a.thrift:7:14: error: E.X is an enum value, not a type; defined at a.thrift:6:6 [wrong-kind]`,
		},
		good: `const i32 C = 1
service S {}
struct A {1: i32 c}
const i32 D = C
service T extends S {}
enum E {X}
struct B {1: E x}`,
	},
	{
		name: "duplicate definitions",
		bad: `struct A {}
enum A {}
const i32 A = 1
const i32 A = 2`,
		want: []string{
			`a.thrift:2:6: error: A is already defined as a struct; defined at a.thrift:1:8 [duplicate-definition]`,
			`a.thrift:4:11: error: A is already defined as a constant; defined at a.thrift:3:11 [duplicate-definition]`,
		},
		good: `struct A {}
enum B {}
const i32 A = 1
const i32 B = 2`,
	},
	{
		name: "missing include",
		bad: `include "nope.thrift"
struct A {1: nope.X x}
const i32 C = nope.Y
service S extends nope.Z {}`,
		want: []string{
			`a.thrift:1:9: error: no file nope.thrift; looked for nope.thrift (add the directory that holds it to the include directories) [missing-include]`,
		},
		good: `include "lib.thrift"
-- lib.thrift --
`,
	},
	{
		name: "include cycle",
		bad: `include "b.thrift"
struct A {1: b.B b}
-- b.thrift --
include "c.thrift"
struct B {1: c.C c}
-- c.thrift --
include "a.thrift"
struct C {1: a.A a}`,
		want: []string{
			`c.thrift:1:9: error: include cycle: a.thrift -> b.thrift -> c.thrift -> a.thrift; a.thrift includes the next at a.thrift:1:9; b.thrift includes the next at b.thrift:1:9 [include-cycle]`,
		},
		good: `include "b.thrift"
struct A {1: b.B b}
-- b.thrift --
include "c.thrift"
struct B {1: c.C c}
-- c.thrift --
struct C {}`,
	},
	{
		name: "include of itself",
		bad: `include "./a.thrift"
struct A {1: a.A a}`,
		want: []string{
			`a.thrift:1:9: error: a.thrift includes itself [include-cycle]`,
		},
		good: `struct A {1: A a}`,
	},
	{
		name: "two includes of one name",
		bad: `include "x/lib.thrift"
include "y/lib.thrift"
struct A {1: lib.L l, 2: lib.X x, 3: lib.Y y}
-- x/lib.thrift --
struct L {}
struct X {}
-- y/lib.thrift --
struct L {}
struct Y {}`,
		want: []string{
			`a.thrift:2:9: warning: both x/lib.thrift and y/lib.thrift are seen here as lib; the other is included at a.thrift:1:9 (rename one of the files: other compilers see one of them only) [include-name]`,
			`a.thrift:3:14: error: lib.L may be either of two definitions; one is at x/lib.thrift:1:8; one is at y/lib.thrift:1:8 [ambiguous-name]`,
		},
		good: `include "x/lib.thrift"
struct A {1: lib.L l, 2: lib.X x}
-- x/lib.thrift --
struct L {}
struct X {}`,
	},
	{
		name: "the same include twice",
		bad: `include "lib.thrift"
include "./lib.thrift"
struct A {1: lib.L l}
-- lib.thrift --
struct L {}`,
		want: []string{
			`a.thrift:2:9: warning: lib.thrift is already included; included at a.thrift:1:9 [duplicate-include]`,
		},
		good: `include "lib.thrift"
struct A {1: lib.L l}
-- lib.thrift --
struct L {}`,
	},
	{
		name: "a mistake in an included file",
		bad: `include "lib.thrift"
struct A {1: lib.L l, 2: Nope n}
-- lib.thrift --
struct L {1: Nope n}`,
		want: []string{
			`a.thrift:2:26: error: unknown type Nope [unknown-type]`,
			`lib.thrift:1:14: error: unknown type Nope [unknown-type]`,
		},
		good: `include "lib.thrift"
struct A {1: lib.L l}
-- lib.thrift --
struct L {}`,
	},
	{
		name: "no complaints that follow from a syntax error",
		bad: `struct B {1: i32 }
stuct C {}
struct A {1: B b, 2: C c, 3: Nowhere n}
const i32 D = E.X`,
		want: []string{
			`a.thrift:1:18: error: expected the name of a field, found "}" [syntax]`,
			`a.thrift:2:1: error: expected a definition, found "stuct" (did you mean "struct"?) [syntax]`,
			`a.thrift:3:30: error: unknown type Nowhere [unknown-type]`,
			`a.thrift:4:15: error: unknown name E.X (no include is seen here as E) [unknown-name]`,
		},
		good: `struct B {1: i32 x}
struct A {1: B b}
enum E {X}
const i32 D = E.X`,
	},

	// Typedefs.
	{
		name: "cycle",
		bad: `typedef list<B> A
typedef C B
typedef A C
struct S {1: A a}`,
		want: []string{
			`a.thrift:1:17: error: typedef A stands for itself: A -> B -> C -> A; B is defined at a.thrift:2:11; C is defined at a.thrift:3:11 [typedef-cycle]`,
		},
		good: `typedef list<B> A
typedef C B
typedef i32 C
struct S {1: A a}`,
	},
	{
		name: "cycles apart",
		bad: `typedef A A
typedef C B
typedef B C`,
		want: []string{
			`a.thrift:1:11: error: typedef A stands for itself: A -> A [typedef-cycle]`,
			`a.thrift:2:11: error: typedef B stands for itself: B -> C -> B; C is defined at a.thrift:3:11 [typedef-cycle]`,
		},
		good: `typedef i32 A
typedef i64 B
typedef B C`,
	},

	// Enums.
	{
		name: "names and numbers",
		bad:  `enum E {A, B = 2147483648, C, D = 2147483647, F, A = 7, G = -2147483649}`,
		want: []string{
			`a.thrift:1:16: error: B = 2147483648 is not a 32-bit number [enum-range]`,
			`a.thrift:1:47: error: F would be 2147483648, which is not a 32-bit number [enum-range]`,
			`a.thrift:1:50: error: enum E already has a value A; defined at a.thrift:1:9 [duplicate-value]`,
			`a.thrift:1:61: error: G = -2147483649 is not a 32-bit number [enum-range]`,
		},
		good: `enum E {A, B = 2, C, D = 2147483647, F = -2147483648, G = 0x10}`,
	},

	// Fields.
	{
		name: "ids out of range",
		bad:  `struct A {32768: i32 a, -32769: i32 b, 0: i32 c}`,
		want: []string{
			`a.thrift:1:11: error: id 32768 of field a does not fit 16 bits (ids are 1 to 32767) [id-range]`,
			`a.thrift:1:25: error: id -32769 of field b does not fit 16 bits (ids are 1 to 32767) [id-range]`,
			`a.thrift:1:40: warning: id 0 of field c is not positive (Apache Thrift replaces it unless it is given --allow-neg-keys) [nonpositive-id]`,
		},
		good: `struct A {32767: i32 a, 1: i32 b}`,
	},
	{
		name: "missing ids",
		bad:  `struct A {i32 a, 1: i32 b, -7: i32 c, i32 d}`,
		want: []string{
			`a.thrift:1:15: warning: field a has no id and gets -1 (give it an id: without one, a change of the order changes the wire) [missing-id]`,
			`a.thrift:1:28: warning: id -7 of field c is not positive (Apache Thrift replaces it unless it is given --allow-neg-keys) [nonpositive-id]`,
			`a.thrift:1:43: warning: field d has no id and gets -8 (give it an id: without one, a change of the order changes the wire) [missing-id]`,
		},
		good: `struct A {1: i32 a, 2: i32 b, 3: i32 c, 4: i32 d}`,
	},
	{
		name: "ids in the form of protobuf",
		bad:  `struct A {string name = 1; i32 n = 2; bool b = 70000}`,
		want: []string{
			`a.thrift:1:25: error: string expected, found 1 (an id stands first: 1: string name) [type-mismatch]`,
			`a.thrift:1:32: warning: field n has no id and gets -2 (an id stands first: 2: i32 n) [missing-id]`,
			`a.thrift:1:44: warning: field b has no id and gets -3 (give it an id: without one, a change of the order changes the wire) [missing-id]`,
			`a.thrift:1:48: warning: 70000 means true (write true or false) [int-as-bool]`,
		},
		good: `struct A {1: string name, 2: i32 n, 3: bool b}`,
	},
	{
		name: "types of what a bracket is missing before",
		bad: `include "x.thrift
struct A
  1: strin a
}
service S {
  void f 1: strin a)
  void g() throws 1: X x)
}`,
		want: []string{
			`a.thrift:1:9: error: string is not closed with '"' [unterminated-string]`,
			`a.thrift:3:3: error: expected "{", found "1" [syntax]`,
			`a.thrift:3:6: error: unknown type strin (did you mean string?) [unknown-type]`,
			`a.thrift:6:10: error: expected "(", found "1" [syntax]`,
			`a.thrift:6:13: error: unknown type strin (did you mean string?) [unknown-type]`,
			`a.thrift:7:19: error: expected "(", found "1" [syntax]`,
			`a.thrift:7:22: error: unknown type X [unknown-type]`,
		},
		good: `struct A {1: string a} exception X {} service S {void f(1: string a) void g() throws (1: X x)}`,
	},
	{
		name: "types and values in full-width text",
		bad:  `struct A ｛1： strin a，2： i32 b ＝ “x”｝`,
		want: []string{
			`a.thrift:1:10: error: unexpected character "｛" (write {) [bad-character]`,
			`a.thrift:1:14: error: unexpected character "：" (write :) [bad-character]`,
			`a.thrift:1:18: error: unknown type strin (did you mean string?) [unknown-type]`,
			`a.thrift:1:25: error: unexpected character "，" (write ,) [bad-character]`,
			`a.thrift:1:29: error: unexpected character "：" (write :) [bad-character]`,
			`a.thrift:1:39: error: unexpected character "＝" (write =) [bad-character]`,
			`a.thrift:1:43: error: string has quotes “” (write plain quotes, " or ') [bad-character]`,
			`a.thrift:1:43: error: i32 expected, found “x” [type-mismatch]`,
			`a.thrift:1:50: error: unexpected character "｝" (write }) [bad-character]`,
		},
		good: `struct A {1: string a, 2: i32 b = 3}`,
	},
	{
		name: "members and definitions beside a syntax error",
		bad: `enm E {A, B}
enum F {A}
const E X = E.C
const F Y = F.C
struct S {1: i32 a}
const S Z = {"b": 1}`,
		want: []string{
			`a.thrift:1:1: error: expected a definition, found "enm" (did you mean "enum"?) [syntax]`,
			`a.thrift:4:13: error: enum F has no value C; defined at a.thrift:2:6 [unknown-enum-value]`,
			`a.thrift:6:14: error: struct S has no field "b"; defined at a.thrift:5:8 [unknown-field]`,
		},
		good: `enum E {A, B}
enum F {A}
const E X = E.B
const F Y = F.A
struct S {1: i32 a}
const S Z = {"a": 1}`,
	},
	{
		name: "no ids left",
		bad:  `struct A {-32768: i32 a, i32 b}`,
		want: []string{
			`a.thrift:1:11: warning: id -32768 of field a is not positive (Apache Thrift replaces it unless it is given --allow-neg-keys) [nonpositive-id]`,
			`a.thrift:1:30: error: no ids are left for field b without one [id-range]`,
		},
		good: `struct A {1: i32 a, 2: i32 b}`,
	},
	{
		name: "duplicates",
		bad: `struct A {1: i32 a, 1: i32 b, 2: i32 a}
service S {void f(1: i32 a, 2: i32 a)}`,
		want: []string{
			`a.thrift:1:21: error: id 1 of field b is already used by a; defined at a.thrift:1:18 [duplicate-id]`,
			`a.thrift:1:38: error: A already has field a; defined at a.thrift:1:18 [duplicate-field]`,
			`a.thrift:2:36: error: f already has parameter a; defined at a.thrift:2:26 [duplicate-field]`,
		},
		good: `struct A {1: i32 a, 2: i32 b, 3: i32 A}
service S {void f(1: i32 a, 2: i32 b)}`,
	},
	{
		name: "union",
		bad:  `union U {1: required i32 a = 1, 2: i32 b = 2}`,
		want: []string{
			`a.thrift:1:13: warning: "required" is ignored: one member of a union is set, whichever it is [ignored-requiredness]`,
			`a.thrift:1:44: error: member b is the second of union U with a default; the first is at a.thrift:1:26 [union-default]`,
		},
		good: `union U {1: i32 a = 1, 2: optional i32 b}`,
	},
	{
		name: "required in a circle",
		bad: `struct A {1: required B b}
struct B {1: required U u}
union U {1: A a, 2: B b}
struct C {1: required A a}`,
		want: []string{
			`a.thrift:1:8: warning: no value of A can exist: it requires itself, A.b -> B.u -> U.a -> A; b is defined at a.thrift:1:25; u is defined at a.thrift:2:25; a is defined at a.thrift:3:15 (make one of the fields optional) [endless-struct]`,
		},
		good: `struct A {1: required B b}
struct B {1: required U u}
union U {1: A a, 2: B b, 3: list<A> l}
struct C {1: C c, 2: optional C d, 3: required list<C> e}`,
	},
	{
		name: "default",
		bad:  `struct A {1: i8 a = 128, 2: string b = 1, 3: optional i32 c = NOPE}`,
		want: []string{
			`a.thrift:1:21: error: 128 does not fit i8, which holds -128 to 127 [value-range]`,
			`a.thrift:1:40: error: string expected, found 1 [type-mismatch]`,
			`a.thrift:1:63: error: unknown name NOPE [unknown-name]`,
		},
		good: `struct A {1: i8 a = 127, 2: string b = "1", 3: optional i32 c = YES}
const i32 YES = 1`,
	},

	// Values.
	{
		name: "integers",
		bad: `const i8 A = -129
const i16 B = 32768
const i32 C = 0x80000000
const i32 D = 1.0
const i32 E = "1"
const i16 F = G
const i64 G = 70000`,
		want: []string{
			`a.thrift:1:14: error: -129 does not fit i8, which holds -128 to 127 [value-range]`,
			`a.thrift:2:15: error: 32768 does not fit i16, which holds -32768 to 32767 [value-range]`,
			`a.thrift:3:15: error: 0x80000000 = 2147483648 does not fit i32, which holds -2147483648 to 2147483647 (with these bits it is -2147483648) [value-range]`,
			`a.thrift:4:15: error: i32 expected, found 1.0 [type-mismatch]`,
			`a.thrift:5:15: error: i32 expected, found "1" [type-mismatch]`,
			`a.thrift:6:15: error: G = 70000 does not fit i16, which holds -32768 to 32767 [value-range]`,
		},
		good: `const i8 A = -128
const i16 B = 32767
const i32 C = 0x7fffffff
const i32 D = 1
const i64 E = 9223372036854775807
const i16 F = G
const i64 G = 7`,
	},
	{
		name: "booleans",
		bad: `const bool A = 2
const i32 B = true
const bool C = "true"
const bool D = True
const bool E = 0.0`,
		want: []string{
			`a.thrift:1:16: warning: 2 means true (write true or false) [int-as-bool]`,
			`a.thrift:2:15: warning: true means the number 1 (write the number) [bool-as-int]`,
			`a.thrift:3:16: error: bool expected, found "true" [type-mismatch]`,
			`a.thrift:4:16: error: unknown name True (did you mean true?) [unknown-name]`,
			`a.thrift:5:16: error: bool expected, found 0.0 [type-mismatch]`,
		},
		good: `const bool A = 1
const i32 B = 1
const bool C = true
const bool D = A
const bool E = 0`,
	},
	{
		name: "doubles",
		bad: `const double A = "1"
const double B = [1]`,
		want: []string{
			`a.thrift:1:18: error: double expected, found "1" [type-mismatch]`,
			`a.thrift:2:18: error: double expected, found [1] [type-mismatch]`,
		},
		good: `const double A = 1
const double B = A
const double C = -1.5e3`,
	},
	{
		name: "strings",
		bad: `const string A = 1
const binary B = {}
const string C = D
const i32 D = 1`,
		want: []string{
			`a.thrift:1:18: error: string expected, found 1 [type-mismatch]`,
			`a.thrift:2:18: error: binary expected, found {} [type-mismatch]`,
			`a.thrift:3:18: error: string expected, found D, which is of type i32; defined at a.thrift:4:11 [type-mismatch]`,
		},
		good: `const string A = "1"
const binary B = A
const string C = B`,
	},
	{
		name: "uuids",
		bad: `const uuid A = "00112233-4455-6677-8899-aabbccddeef"
const uuid B = "{00112233-4455-6677-8899-aabbccddeeff"
const uuid C = "00112233-4455-6677-8899_aabbccddeeff"
const uuid D = 1`,
		want: []string{
			`a.thrift:1:16: error: "00112233-4455-6677-8899-aabbccddeef" is not a uuid (write "00112233-4455-6677-8899-aabbccddeeff", with or without braces) [bad-uuid]`,
			`a.thrift:2:16: error: "{00112233-4455-6677-8899-aabbccddeeff" is not a uuid (write "00112233-4455-6677-8899-aabbccddeeff", with or without braces) [bad-uuid]`,
			`a.thrift:3:16: error: "00112233-4455-6677-8899_aabbccddeeff" is not a uuid (write "00112233-4455-6677-8899-aabbccddeeff", with or without braces) [bad-uuid]`,
			`a.thrift:4:16: error: uuid expected, found 1 [type-mismatch]`,
		},
		good: `const uuid A = "00112233-4455-6677-8899-aabbccddeeff"
const uuid B = "{00112233-4455-6677-8899-AABBCCDDEEFF}"
const uuid C = B
const string T = "00112233-4455-6677-8899-aabbccddeeff"
const uuid D = T`,
	},
	{
		name: "enum values",
		bad: `enum E {RED, GREEN}
enum F {RED}
const E A = F.RED
const E B = RED
const E C = 7
const E D = E.GREN
const E G = "RED"
const E H = I
const F I = 0
const E J = 0.0`,
		want: []string{
			`a.thrift:3:13: error: F.RED is a value of enum F, not of E; E is defined at a.thrift:1:6 [wrong-enum]`,
			`a.thrift:4:13: error: unknown name RED (did you mean E.RED?) [unknown-name]`,
			`a.thrift:5:13: error: enum E has no value 7; defined at a.thrift:1:6 [unknown-enum-value]`,
			`a.thrift:6:13: error: enum E has no value GREN; defined at a.thrift:1:6 (did you mean E.GREEN?) [unknown-enum-value]`,
			`a.thrift:7:13: error: E expected, found "RED" (write E.RED) [type-mismatch]`,
			`a.thrift:8:13: error: I is a value of enum F, not of E; E is defined at a.thrift:1:6 [wrong-enum]`,
			`a.thrift:10:13: error: E expected, found 0.0 [type-mismatch]`,
		},
		good: `enum E {RED, GREEN}
typedef E T
const E A = E.RED
const T B = T.GREEN
const E C = 1
const i64 D = E.GREEN
const E G = A
const E H = I
const i32 I = 0`,
	},
	{
		name: "enum values of an include",
		bad: `include "lib.thrift"
const lib.E A = E.X
const lib.E B = X
const lib.E C = lib.E.Z
-- lib.thrift --
enum E {X}`,
		want: []string{
			`a.thrift:2:17: warning: enum E is not of this file (write lib.E.X) [unqualified-enum]`,
			`a.thrift:3:17: error: unknown name X (did you mean lib.E.X?) [unknown-name]`,
			`a.thrift:4:17: error: enum lib.E has no value Z; defined at lib.thrift:1:6 [unknown-enum-value]`,
		},
		good: `include "lib.thrift"
const lib.E A = lib.E.X
-- lib.thrift --
enum E {X}`,
	},
	{
		name: "lists and sets",
		bad: `const list<i32> A = 1
const list<i32> B = {}
const list<i32> C = {1: 2}
const set<i32> D = [1, 2, 1]
const list<i8> E = [1, "2", 300]
const list<i64> F = G
const list<i32> G = [1]`,
		want: []string{
			`a.thrift:1:21: error: list<i32> expected, found 1 [type-mismatch]`,
			`a.thrift:2:21: warning: {} is an empty list (write []) [list-braces]`,
			`a.thrift:3:21: error: list<i32> expected, found {1: 2} (write [value, value]) [type-mismatch]`,
			`a.thrift:4:27: warning: 1 is already in the set; found at a.thrift:4:21 [duplicate-element]`,
			`a.thrift:5:24: error: i8 expected, found "2" [type-mismatch]`,
			`a.thrift:5:29: error: 300 does not fit i8, which holds -128 to 127 [value-range]`,
			`a.thrift:6:21: error: list<i64> expected, found G, which is of type list<i32>; defined at a.thrift:7:17 [type-mismatch]`,
		},
		good: `const list<i32> A = [1]
const list<i32> B = []
const list<i32> C = A
const set<i32> D = [1, 2]
const set<i32> E = {}
const list<list<i32>> F = [A, B, [3]]`,
	},
	{
		name: "maps",
		bad: `const map<i32, i32> A = []
const map<i32, i32> B = [1]
const map<i32, string> C = {1: "a", "b": 2}
const map<list<i32>, i32> D = {[1, 2]: 1, L: 2}
const list<i32> L = [1, 2]
const map<string, i32> E = 5`,
		want: []string{
			`a.thrift:1:25: error: map<i32,i32> expected, found [] (write {key: value}) [type-mismatch]`,
			`a.thrift:2:25: error: map<i32,i32> expected, found [1] (write {key: value}) [type-mismatch]`,
			`a.thrift:3:37: error: i32 expected, found "b" [type-mismatch]`,
			`a.thrift:3:42: error: string expected, found 2 [type-mismatch]`,
			`a.thrift:4:43: warning: key L is already in the map; the last value counts; found at a.thrift:4:32 [duplicate-key]`,
			`a.thrift:6:28: error: map<string,i32> expected, found 5 [type-mismatch]`,
		},
		good: `const map<i32, i32> A = {}
const map<i32, i32> B = {1: 1}
const map<i32, string> C = {1: "a", 2: "b"}
const map<list<i32>, i32> D = {[2, 1]: 1, L: 2}
const list<i32> L = [1, 2]`,
	},
	{
		name: "structs",
		bad: `struct P {1: required i32 x, 2: required i32 y = 2}
const P A = {"X": 1}
const P B = {"x": 1, "x": 2}
const P C = {x: 1}
const P D = [1]
const P E = {}
const P F = "P"`,
		want: []string{
			`a.thrift:2:14: error: struct P has no field "X"; defined at a.thrift:1:8 (did you mean x?) [unknown-field]`,
			`a.thrift:3:22: error: field x is already given; found at a.thrift:3:14 [duplicate-field]`,
			`a.thrift:4:14: error: the name of a field of P expected, found x (write "x") [type-mismatch]`,
			`a.thrift:5:13: error: P expected, found [1] (write {key: value}) [type-mismatch]`,
			`a.thrift:6:13: warning: required field x of P is missing; defined at a.thrift:1:27 [missing-required]`,
			`a.thrift:7:13: error: P expected, found "P" [type-mismatch]`,
		},
		good: `struct P {1: required i32 x, 2: required i32 y = 2}
const P A = {"x": 1}
const P B = {"y": 1, "x": 2}
const P C = A
const list<P> D = [A, {"x": 3}]`,
	},
	{
		name: "unions",
		bad: `union U {1: i32 a, 2: i32 b}
const U A = {}
const U B = {"a": 1, "b": 2}
const U C = {"c": 1}`,
		want: []string{
			`a.thrift:2:13: error: a value of union U has exactly one member, not 0; defined at a.thrift:1:7 [union-members]`,
			`a.thrift:3:13: error: a value of union U has exactly one member, not 2; defined at a.thrift:1:7 [union-members]`,
			`a.thrift:4:14: error: union U has no field "c"; defined at a.thrift:1:7 [unknown-field]`,
		},
		good: `union U {1: i32 a, 2: i32 b}
const U A = {"a": 1}`,
	},
	{
		name: "constants in a circle",
		bad: `const i32 A = B
const i32 B = C
const i32 C = A
const list<i32> D = [1, E]
const i32 E = E`,
		want: []string{
			`a.thrift:1:11: error: constant A is defined by itself: A -> B -> C -> A; B is defined at a.thrift:2:11; C is defined at a.thrift:3:11 [const-cycle]`,
			`a.thrift:5:11: error: constant E is defined by itself: E -> E [const-cycle]`,
		},
		good: `const i32 A = B
const i32 B = C
const i32 C = 1
const list<i32> D = [1, E]
const i32 E = 2`,
	},

	// Services.
	{
		name: "extends",
		bad: `service A extends B {}
service B extends C {}
service C extends A {}
service D extends Nope {}
service E extends Basis {}
service Base {}`,
		want: []string{
			`a.thrift:1:9: error: service A extends itself: A -> B -> C -> A; B is defined at a.thrift:2:9; C is defined at a.thrift:3:9 [extends-cycle]`,
			`a.thrift:4:19: error: unknown service Nope [unknown-service]`,
			`a.thrift:5:19: error: unknown service Basis [unknown-service]`,
		},
		good: `service A extends B {}
service B extends C {}
service C {}
service D extends Base {}
service Base {}`,
	},
	{
		name: "functions",
		bad: `service A {void f(), i32 f()}
service B extends A {void f()}`,
		want: []string{
			`a.thrift:1:26: error: service A already has a function f; defined at a.thrift:1:17 [duplicate-function]`,
			`a.thrift:2:27: error: service B already has a function f from A; defined at a.thrift:1:17 (two functions of one name are the same on the wire) [duplicate-function]`,
		},
		good: `service A {void f(), i32 F()}
service B extends A {void g()}`,
	},
	{
		name: "throws",
		bad: `struct P {}
exception X {}
service S {void f() throws (1: P p, 2: i32 i), i32 g() throws (0: X x), i32 h() throws (1: X success), void i() throws (1: required X x = {})}`,
		want: []string{
			`a.thrift:3:32: error: function f throws P, which is not an exception; defined at a.thrift:1:8 [not-an-exception]`,
			`a.thrift:3:40: error: function f throws i32, which is not an exception [not-an-exception]`,
			`a.thrift:3:64: error: exception x has id 0, which is that of the result [reply-collision]`,
			`a.thrift:3:94: error: exception success has the name of the result [reply-collision]`,
			`a.thrift:3:124: warning: "required" is ignored: at most one exception is thrown [ignored-requiredness]`,
			`a.thrift:3:139: warning: the default of exception x is ignored: an absent exception was not thrown [ignored-default]`,
		},
		good: `exception X {}
typedef X Y
service S {void f() throws (1: X p, 2: Y i), i32 g() throws (1: X x), void h() throws (1: X success), void i() throws (1: X x)}`,
	},
	{
		name: "oneway",
		bad: `exception X {}
service S {oneway i32 f(), oneway void g() throws (1: X x)}`,
		want: []string{
			`a.thrift:2:19: warning: the result of f is ignored: nobody waits for the reply of a oneway function [oneway-result]`,
			`a.thrift:2:44: error: oneway function g cannot throw: nobody waits for its reply [oneway-throws]`,
		},
		good: `exception X {}
service S {oneway void f(), oneway void g() throws ()}`,
	},
	{
		name: "parameters",
		bad:  `service S {void f(1: optional i32 a, 2: required i32 b)}`,
		want: []string{
			`a.thrift:1:22: warning: "optional" is ignored: a call gives all its arguments [ignored-requiredness]`,
		},
		good: `service S {void f(1: i32 a, 2: required i32 b = 3)}`,
	},
	{
		name: "a method that needs what cannot exist",
		bad: `union U {1: V v}
union V {1: U u}
service S { void f(1: U u), V g(), void h(1: list<U> u) }`,
		want: []string{
			`a.thrift:1:7: warning: no value of U can exist: it requires itself, U.v -> V.u -> U; v is defined at a.thrift:1:15; u is defined at a.thrift:2:15 (add a member that does not lead back) [endless-struct]`,
			`a.thrift:3:18: warning: method f needs a value of U, and none can exist; U is defined at a.thrift:1:7 [endless-struct]`,
			`a.thrift:3:31: warning: method g needs a value of V, and none can exist; V is defined at a.thrift:2:7 [endless-struct]`,
		},
		good: `union U {1: V v, 2: i32 i}
union V {1: U u}
service S { void f(1: U u), V g(), void h(1: list<U> u) }`,
	},
	{
		name: "a method that needs what no program can make, through what it requires",
		bad: `struct A {1: required B b}
struct B {1: required C c, 2: required A a}
struct C {1: optional A a}
service S { A f(1: C c) }`,
		want: []string{
			`a.thrift:1:8: warning: no value of A can exist: it requires itself, A.b -> B.a -> A; b is defined at a.thrift:1:25; a is defined at a.thrift:2:42 (make one of the fields optional) [endless-struct]`,
			`a.thrift:4:15: error: method f needs a value of A, and none can exist; A is defined at a.thrift:1:8 [endless-struct]`,
		},
		good: `struct A {1: required B b}
struct B {1: required C c, 2: optional A a}
struct C {1: optional A a}
service S { A f(1: C c) }`,
	},
	{
		name: "a method that needs a union without members",
		bad: `union U {}
service S { U f(1: list<U> u) }`,
		want: []string{
			`a.thrift:2:15: warning: method f needs a value of U, and none can exist; U is defined at a.thrift:1:7 (add a member to it) [endless-struct]`,
		},
		good: `union U {1: i32 a}
service S { U f(1: list<U> u) }`,
	},
	{
		name: "results, values and lists that are nearly right",
		bad: `include "lib.thrift"
const list<i32> A = {1}
const lib.Color B = lib.RDE
service S { viod f() }
-- lib.thrift --
enum Color { RED = 1 }`,
		want: []string{
			`a.thrift:2:23: error: expected ":" after the key, found "}" (sets are written with [ and ]) [syntax]`,
			`a.thrift:3:21: error: unknown name lib.RDE (did you mean lib.Color.RED?) [unknown-name]`,
			`a.thrift:4:13: error: unknown type viod (did you mean void?) [unknown-type]`,
		},
		good: `include "lib.thrift"
const list<i32> A = [1]
const lib.Color B = lib.Color.RED
service S { void f() }
-- lib.thrift --
enum Color { RED = 1 }`,
	},
	{
		name: "enum values by their include, and of an enum of the same name",
		bad: `include "lib.thrift"
enum Grant { NO = 0, YES = 1 }
const lib.Grant A = lib.YES
const Grant B = lib.Grant.NO
const Grant C = lib.Grant.MAYBE
-- lib.thrift --
enum Grant { NO = 0, YES = 1, MAYBE = 2 }`,
		want: []string{
			`a.thrift:3:21: warning: YES is a value of enum Grant (write lib.Grant.YES) [unqualified-enum]`,
			`a.thrift:4:17: warning: lib.Grant.NO is a value of enum Grant of lib.thrift, not of that of a.thrift; Grant is defined at a.thrift:2:6 [wrong-enum]`,
			`a.thrift:5:17: error: lib.Grant.MAYBE is a value of enum Grant of lib.thrift, not of that of a.thrift; Grant is defined at a.thrift:2:6 [wrong-enum]`,
		},
		good: `include "lib.thrift"
enum Grant { NO = 0, YES = 1 }
const lib.Grant A = lib.Grant.YES
const Grant B = Grant.NO
-- lib.thrift --
enum Grant { NO = 0, YES = 1 }`,
	},
	{
		name: "an include from a URL",
		bad:  `include "https://example.com/lib.thrift"`,
		want: []string{
			`a.thrift:1:9: error: https://example.com/lib.thrift is a URL, and includes are files (download the file and include its path) [missing-include]`,
		},
		good: "include \"lib.thrift\"\n-- lib.thrift --\n",
	},
	{
		name: "the bits of a negative number",
		bad:  `const i32 A = 0xffffffff const i8 B = 0x80`,
		want: []string{
			`a.thrift:1:15: error: 0xffffffff = 4294967295 does not fit i32, which holds -2147483648 to 2147483647 (with these bits it is -1) [value-range]`,
			`a.thrift:1:39: error: 0x80 = 128 does not fit i8, which holds -128 to 127 (with these bits it is -128) [value-range]`,
		},
		good: `const i32 A = -1 const i8 B = -128`,
	},
	{
		name: "streams by annotation",
		bad: `service S {
  i32 a(1: i32 x) (streaming.mode = "both"),
  i32 b() (streaming.mode = "client"),
  void c(1: i32 x) (streaming.mode = "server"),
  oneway void d(1: i32 x) (streaming.mode = "server")
}`,
		want: []string{
			`a.thrift:2:20: error: "both" is not a streaming mode (want unary, client, server or bidirectional) [bad-stream]`,
			`a.thrift:3:12: error: function b streams its parameter and has 0 (a function whose client streams has one parameter, which is each message) [bad-stream]`,
			`a.thrift:4:21: error: function c streams its result and has none [bad-stream]`,
			`a.thrift:5:28: error: oneway function d cannot stream [bad-stream]`,
		},
		good: `service S {
  i32 a(1: i32 x) (streaming.mode = "bidirectional"),
  i32 b(1: i32 x) (streaming.mode = "client"),
  i32 c(1: i32 x) (streaming.mode = "server"),
  void d(1: i32 x) (streaming.mode = "unary")
}`,
	},
	{
		name: "streams by type",
		bad: `struct A {}
exception X {}
service S {
  stream<A throws (1: A a)> a(),
  sink<A, A throws (1: i32 i)> b(),
  sink<A, A>, stream<A> c(),
  oneway stream<A> d(),
  stream<A> e() (streaming.mode = "server"),
  sink<B, i32> f()
}`,
		want: []string{
			"a.thrift:4:3: note: the type stream<…> is fbthrift's: the file is read in that dialect [dialect]",
			"a.thrift:4:23: error: function a throws A, which is not an exception; defined at a.thrift:1:8 [not-an-exception]",
			"a.thrift:5:24: error: function b throws i32, which is not an exception [not-an-exception]",
			"a.thrift:6:25: error: the sink of c has a final response, and a stream follows [bad-stream]",
			"a.thrift:7:3: error: oneway function d cannot stream [bad-stream]",
			"a.thrift:8:18: error: e streams by its type and by an annotation [bad-stream]",
			"a.thrift:9:8: error: unknown type B [unknown-type]",
		},
		good: "struct A {}",
	},
}
