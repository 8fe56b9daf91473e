package syntax_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// pairs has text that is Thrift, text like it that is not, and what is said about the latter.
var pairs = []struct {
	good, bad string
	want      []string
}{
	{
		"struct A {1: string b,}",
		"struct A {1： string b，}",
		[]string{
			`1:12: error: unexpected character "：" (write :) [bad-character]`,
			`1:24: error: unexpected character "，" (write ,) [bad-character]`,
		},
	},
	{
		`struct A { 1: i32 a, }`,
		`struct A { 1: i32 a，；：}`,
		[]string{
			`1:20: error: unexpected character "，" (write ,) [bad-character]`,
			`1:23: error: unexpected character "；" (write ;) [bad-character]`,
			`1:26: error: unexpected character "：" (write :) [bad-character]`,
		},
	},
	{
		`struct A { 1: list<string> a = ["x"] } (k = "v")`,
		`struct A ｛ 1: list《string》 a = 【“x”】 ｝ （k = ‘v“ „w’）`,
		[]string{
			`1:10: error: unexpected character "｛" (write {) [bad-character]`,
			`1:21: error: unexpected character "《" (write <) [bad-character]`,
			`1:30: error: unexpected character "》" (write >) [bad-character]`,
			`1:38: error: unexpected character "【" (write [) [bad-character]`,
			`1:41: error: string has quotes “” (write plain quotes, " or ') [bad-character]`,
			`1:48: error: unexpected character "】" (write ]) [bad-character]`,
			`1:52: error: unexpected character "｝" (write }) [bad-character]`,
			`1:56: error: unexpected character "（" (write () [bad-character]`,
			`1:63: error: string has quotes ‘’ (write plain quotes, " or ') [bad-character]`,
			`1:78: error: unexpected character "）" (write )) [bad-character]`,
		},
	},
	{
		"const string A = 'x'\nstruct B {}",
		"const string A = 「x\nstruct B {}",
		[]string{
			`1:18: error: unexpected character "「" (write a plain quote, " or ') [bad-character]`,
		},
	},
	{
		"struct A {\n string a\n}",
		"struct A {\n reserved 2, 4 to 6;\n reserved 'x';\n extensions 100 to max;\n option (y) = true;\n oneof z { i32 a = 1; }\n string }",
		[]string{
			`2:2: error: expected a field or "}", found "reserved" (write a comment: // reserved 2, 4-6) [syntax]`,
			`3:2: error: expected a field or "}", found "reserved" (write a comment: // reserved 2, 4-6) [syntax]`,
			`4:2: error: expected a field or "}", found "extensions" (Thrift has no extensions) [syntax]`,
			`5:2: error: expected a field or "}", found "option" (write an annotation after the fields) [syntax]`,
			`6:2: error: expected a field or "}", found "oneof" (write a union, and a field of its type) [syntax]`,
			`7:9: error: expected the name of a field, found "}" [syntax]`,
		},
	},
	{
		"enum E { A = 1 }\nstruct S { reserved a, option b = 2, oneof c }",
		"enum E { reserved 2; A = 1, = }",
		[]string{
			`1:10: error: expected an enum value or "}", found "reserved" (write a comment: // reserved 2, 4-6) [syntax]`,
			`1:29: error: expected an enum value or "}", found "=" [syntax]`,
		},
	},
	{
		"struct A {\n 1: i32 a\n}\nenum E {\n B = 1\n}\nservice S {\n void f()\n}",
		"struct A\n 1: i32 }\nenum E\n B = = 1\n}\nservice S\n void f(1: i32 )\n}",
		[]string{
			`2:2: error: expected "{", found "1" [syntax]`,
			`2:9: error: expected the name of a field, found "}" [syntax]`,
			`4:2: error: expected "{", found "B" [syntax]`,
			`4:6: error: expected an integer, found "=" [syntax]`,
			`7:2: error: expected "{", found keyword "void" [syntax]`,
			`7:16: error: expected the name of a parameter, found ")" [syntax]`,
		},
	},
	{
		"service S {\n void f(1: i32 a),\n void g(1: i32 a)\n}",
		"service S {\n public void f[1: i32 ],\n static i32 g{1: i32 a}\n void }",
		[]string{
			`2:2: error: expected a function or "}", found "public" [syntax]`,
			`2:15: error: expected "(", found "[" [syntax]`,
			`2:23: error: expected the name of a parameter, found "]" [syntax]`,
			`3:2: error: expected a function or "}", found "static" [syntax]`,
			`3:14: error: expected "(", found "{" [syntax]`,
			`4:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"namespace go a\nconst i32 A = 1\nstruct B {}\nservice C extends D { void f() }",
		"namespace namespace go a\nconst i32 i32 A = 1\nstruct struct B {}\nservice C extends extends D { void void f(), oneway void void g() }\nservice extends C { void }",
		[]string{
			`1:11: error: expected a language or "*", found keyword "namespace" [syntax]`,
			`2:11: error: expected the name of a constant, found keyword "i32" [syntax]`,
			`3:8: error: expected the name of a struct, found keyword "struct" [syntax]`,
			`4:19: error: expected the name of a service, found keyword "extends" [syntax]`,
			`4:36: error: expected the name of a function, found keyword "void" [syntax]`,
			`4:58: error: expected the name of a function, found keyword "void" [syntax]`,
			`5:9: error: expected the name of a service, found keyword "extends" [syntax]`,
			`5:26: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"struct A {\n 1: map<string, list<i32>> a\n 2: map<A, B> b\n}\nservice S {\n map<A, B> f()\n}",
		"struct A {\n 1: <string, list<i32>> a\n map<A, B> b\n 3 map<A, B> b\n 4: map map<A, B> b\n}\nservice S {\n <A, B> f()\n list list<A> g()\n void }",
		[]string{
			`2:5: error: expected the type of a field, found "<" [syntax]`,
			`4:4: error: expected ":" after the field id, found keyword "map" [syntax]`,
			`5:9: error: expected "<", found keyword "map" [syntax]`,
			`8:2: error: expected a function or "}", found "<" [syntax]`,
			`9:7: error: expected "<", found keyword "list" [syntax]`,
			`10:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"const map<string, i32> A = {}\ntypedef map<string, list<i32>> B",
		"const mapstring, i32> A = {}\ntypedef mapstring, list<i32>> B\nstruct C { 1: i32 }",
		[]string{
			`1:16: error: expected the name of a constant, found "," [syntax]`,
			`2:18: error: expected the name of a typedef, found "," [syntax]`,
			`3:19: error: expected the name of a field, found "}" [syntax]`,
		},
	},
	{
		"service S {\n void f(1: i32 a) throws (1: X x),\n void g()\n}",
		"service S {\n void f(1: i32 a throws (1: X ),\n void g(\n}",
		[]string{
			`2:18: error: expected a parameter or ")", found keyword "throws"; "(" opened at a.thrift:2:8 [syntax]`,
			`2:31: error: expected the name of an exception, found ")" [syntax]`,
			`4:1: error: expected a parameter or ")", found "}"; "(" opened at a.thrift:3:8 [syntax]`,
		},
	},
	{
		"struct A { 1: string a 2: final b }",
		"struct A { 1: final string a 2: strin b 3: i32 }",
		[]string{
			`1:15: error: expected the type of a field, found "final" [syntax]`,
			`1:48: error: expected the name of a field, found "}" [syntax]`,
		},
	},
	{
		"struct A {}",
		"stuct A {}",
		[]string{
			`1:1: error: expected a definition, found "stuct" (did you mean "struct"?) [syntax]`,
		},
	},
	{
		"service S {\n void f(\n 1: i32 a,\n 2: i32 b)\n void g()\n}",
		"service S {\n void f\n 1: i32 a,\n 2: i32 b)\n void g()\n}",
		[]string{
			`3:2: error: expected "(", found "1" [syntax]`,
		},
	},
	{
		"service S {\n void f(1: i32 a, 2: i32 b) throws (1: X x)\n i32 g()\n}",
		"service S {\n void f 1: i32 a, 2: i32 b) throws (1: X x)\n i32 g()\n void }",
		[]string{
			`2:9: error: expected "(", found "1" [syntax]`,
			`4:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S {\n void f(1: i32 a) (k = 'v')\n i32 g()\n}",
		"service S {\n void f 1: i32 a) (k = 'v')\n i32 g()\n void }",
		[]string{
			`2:9: error: expected "(", found "1" [syntax]`,
			`4:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S {\n oneway void f(string a, i32 b) void h()\n i32 g()\n}",
		"service S {\n oneway void f string a, i32 b) void h()\n i32 g()\n void }",
		[]string{
			`2:16: error: expected "(", found keyword "string" [syntax]`,
			`4:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S {\n void f(list<string> a,\n  2: i32 b),\n i32 g()\n}",
		"service S {\n void f list<string> a,\n  2: i32 b),\n i32 g()\n void }",
		[]string{
			`2:9: error: expected "(", found keyword "list" [syntax]`,
			`5:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S {\n void f() throws (\n 1: X x,\n 2: Y y)\n i32 g()\n}",
		"service S {\n void f() throws\n 1: X x,\n 2: Y y)\n i32 g()\n void }",
		[]string{
			`3:2: error: expected "(", found "1" [syntax]`,
			`6:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S {\n void f() throws (1: X x) (k = 'v'),\n i32 g()\n}",
		"service S {\n void f() throws 1: X x) (k = 'v'),\n i32 g()\n void }",
		[]string{
			`2:18: error: expected "(", found "1" [syntax]`,
			`4:7: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		"service S extends T {}",
		"service S extend T {}\nservice Q extands T {}",
		[]string{
			`1:11: error: expected "{", found "extend" (did you mean "extends"?) [syntax]`,
			`2:11: error: expected "{", found "extands" (did you mean "extends"?) [syntax]`,
		},
	},
	{
		"enum E { A }",
		"emun E { A }",
		[]string{`1:1: error: expected a definition, found "emun" (did you mean "enum"?) [syntax]`},
	},
	{
		"struct rpc {}\nservice S {\n rpc Get(1: P p)\n rpc Two(stream P)\n}",
		"service S {\n rpc Get (P) returns (Q);\n rpc Two (stream P) returns (stream a.Q) {}\n rpc Three (P) returns (Q) { option (x) = 1; }\n void }\nextend A { 1: i32 }\nstruct B { 1: slist<i32> a }",
		[]string{
			`2:2: error: expected a function or "}", found "rpc" (write Q Get(1: P request)) [syntax]`,
			`3:2: error: expected a function or "}", found "rpc" (write a.Q Two(1: P request)) [syntax]`,
			`4:2: error: expected a function or "}", found "rpc" (write Q Three(1: P request)) [syntax]`,
			`5:7: error: expected the name of a function, found "}" [syntax]`,
			`6:1: error: expected a definition, found "extend" (nothing is added to a definition elsewhere: write the fields into it, or a service with extends) [syntax]`,
			`7:20: error: "slist" accepts no types in "<>"; only list, set and map do (did you mean "list"?) [syntax]`,
		},
	},

	// White space and comments.
	{
		`/* a */ struct A {}`,
		`struct A {} /* a`,
		[]string{
			`1:13: error: comment is not closed with "*/" [unterminated-comment]`,
		},
	},
	{
		`/** a */ struct A {}`,
		"struct A {\n  /** a *",
		[]string{
			`2:3: error: comment is not closed with "*/" [unterminated-comment]`,
		},
	},
	{
		`/**/ struct A {} /***/ /****/`,
		`/*/ struct A {}`,
		[]string{
			`1:1: error: comment is not closed with "*/" [unterminated-comment]`,
		},
	},
	{
		`/* a **/ struct A {}`,
		`/* /* a */ */ struct A {}`,
		[]string{
			`1:12: error: unexpected character "*/" (comments do not nest) [bad-character]`,
		},
	},
	{
		"# a\n// b\nstruct A {} // c",
		"/ a\nstruct A {}",
		[]string{
			`1:1: error: unexpected character "/" [bad-character]`,
		},
	},
	{
		"\ufeffstruct A {}\r\n",
		"struct A {} \ufeff",
		[]string{
			`1:13: error: unexpected character "\ufeff" (write a plain space) [bad-character]`,
		},
	},
	{
		"struct A\t{}",
		"struct A\f{}",
		[]string{
			`1:9: error: unexpected character "\f" (write a plain space) [bad-character]`,
		},
	},
	{
		`struct A {}`,
		"struct\u00a0A {}",
		[]string{
			`1:7: error: unexpected character "\u00a0" (write a plain space) [bad-character]`,
		},
	},
	{
		`namespace */* all */ x`,
		`namespace * */ x`,
		[]string{
			`1:13: error: unexpected character "*/" (comments do not nest) [bad-character]`,
		},
	},
	{
		"// é \xff",
		"struct A {} \xff",
		[]string{
			`1:13: error: byte 0xff is not text (save the file as UTF-8) [bad-character]`,
		},
	},

	// Names.
	{
		`struct A1 { 1: i32 a = 5, 2: i32 b }`,
		`struct Ａ１ { 1: i32 a = ５, ２: i32 b, 3: i32 ３c }`,
		[]string{
			`1:8: error: "Ａ１" is not a name (write A1) [bad-name]`,
			`1:28: error: "５" is not a name (write 5) [bad-name]`,
			`1:33: error: "２" is not a name (write 2) [bad-name]`,
			`1:52: error: "３c" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`const string A = "x"`,
		`const string A = 「x」`,
		[]string{
			`1:18: error: string has quotes 「」 (write plain quotes, " or ') [bad-character]`,
		},
	},
	{
		`struct _A1 {}`,
		`struct A-B {}`,
		[]string{
			`1:8: error: "A-B" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`struct A { 1: x.y.Z z }`,
		`struct A { 1: x..Z z }`,
		[]string{
			`1:15: error: "x..Z" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`struct A { 1: a.1 b }`,
		`struct A { 1: a. b }`,
		[]string{
			`1:15: error: "a." is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`struct A {}`,
		`struct $A {}`,
		[]string{
			`1:8: error: "$A" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`struct E {}`,
		`struct É {}`,
		[]string{
			`1:8: error: "É" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		`struct A1 {}`,
		`struct 1A {}`,
		[]string{
			`1:8: error: "1A" is not a number (a name cannot begin with a digit, and a blank separates a number from a name) [bad-number]`,
		},
	},
	{
		`struct ab {}`,
		`struct a.b {}`,
		[]string{
			`1:8: error: "a.b" has a dot, which a new name cannot have [dotted-name]`,
		},
	},
	{
		`struct A { 1: i32 ab }`,
		`struct A { 1: i32 a.b }`,
		[]string{
			`1:19: error: "a.b" has a dot, which a new name cannot have [dotted-name]`,
		},
	},
	{
		`enum E { a.b = 1 }`,
		`enum E { a.b }`,
		[]string{
			`1:10: error: "a.b" has a dot, which a new name cannot have [dotted-name]`,
		},
	},
	{
		`service S { void ab() }`,
		`service S { void a.b() }`,
		[]string{
			`1:18: error: "a.b" has a dot, which a new name cannot have [dotted-name]`,
		},
	},

	{
		`struct A {}`,
		"struct aéééééééééééééééééééééééééééééé {} struct a" + strings.Repeat("b", 126) + "éé {}",
		[]string{
			`1:8: error: "aéééééééééééééééééééééééééééééé" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
			`1:80: error: "a` + strings.Repeat("b", 126) + `..." is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},

	// Reserved words.
	{
		`struct string_ {}`,
		`struct string {}`,
		[]string{
			`1:8: error: "string" is a reserved word and cannot be the name of a struct (try "string_") [reserved-word]`,
		},
	},
	{
		`typedef i32 delete`,
		`typedef i32 uuid`,
		[]string{
			`1:13: error: "uuid" is a reserved word and cannot be the name of a typedef (try "uuid_") [reserved-word]`,
		},
	},
	{
		`const i32 self = 1`,
		`const i32 async = 1`,
		[]string{
			`1:11: error: "async" is a reserved word and cannot be the name of a constant (try "async_") [reserved-word]`,
		},
	},
	{
		`enum E { return }`,
		`enum E { struct, A, i32 }`,
		[]string{
			`1:10: error: "struct" is a reserved word and cannot be the name of an enum value (try "struct_") [reserved-word]`,
			`1:21: error: "i32" is a reserved word and cannot be the name of an enum value (try "i32_") [reserved-word]`,
		},
	},
	{
		`service S { void next() }`,
		`service S { void list() }`,
		[]string{
			`1:18: error: "list" is a reserved word and cannot be the name of a function (try "list_") [reserved-word]`,
		},
	},
	{
		`struct A { 1: i32 i32, 2: i32 required, 3: i32 struct }`,
		`struct A { 1: i32 true, 2: i32 cpp_type, 3: i32 xsd_all }`,
		[]string{
			`1:19: error: "true" is a reserved word and cannot be the name of a field (try "true_") [reserved-word]`,
			`1:32: error: "cpp_type" is a reserved word and cannot be the name of a field (try "cpp_type_") [reserved-word]`,
			`1:49: error: "xsd_all" is a reserved word and cannot be the name of a field (try "xsd_all_") [reserved-word]`,
		},
	},
	{
		`namespace py end`,
		`namespace py enum`,
		[]string{
			`1:14: error: "enum" is a reserved word and cannot be the name of a namespace (try "enum_") [reserved-word]`,
		},
	},
	{
		`namespace end py`,
		`namespace enum py`,
		[]string{
			`1:11: error: "enum" is a reserved word and cannot be a language (try "enum_") [reserved-word]`,
		},
	},
	{
		`struct A {} (required.x)`,
		`struct A {} (required)`,
		[]string{
			`1:14: error: "required" is a reserved word and cannot be the name of an annotation (try "required_") [reserved-word]`,
		},
	},

	// Numbers.
	{
		`const i32 A = 007`,
		`const i32 A = 0o7`,
		[]string{
			`1:15: error: "0o7" is not a number (numbers are decimal, or 0x and hexadecimal digits) [bad-number]`,
		},
	},
	{
		`const i32 A = -0x1f`,
		`const i32 A = 0X1F`,
		[]string{
			`1:15: error: "0X1F" is not a number (hexadecimal numbers begin with a small "0x") [bad-number]`,
		},
	},
	{
		`const i32 A = +1`,
		`const i32 A = + 1`,
		[]string{
			`1:15: error: sign "+" without a number (leave no blank after the sign) [bad-number]`,
		},
	},
	{
		`const i32 A = 1000`,
		`const i32 A = 1_000`,
		[]string{
			`1:15: error: "1_000" is not a number (write 1000) [bad-number]`,
		},
	},
	{
		`const i32 A = 0x0`,
		`const i32 A = 0x`,
		[]string{
			`1:15: error: "0x" is not a number (numbers are decimal, or 0x and hexadecimal digits) [bad-number]`,
		},
	},
	{
		`const double A = 0.0`,
		`const double A = +`,
		[]string{
			`1:18: error: sign "+" without a number [bad-number]`,
		},
	},
	{
		`const double A = 5.`,
		`const double A = .`,
		[]string{
			`1:18: error: unexpected character "." (a dot stands between the parts of a name or of a number) [bad-character]`,
		},
	},
	{
		`const double A = -.5E-3`,
		`const double A = 5e`,
		[]string{
			`1:18: error: "5e" is not a number (an exponent has digits) [bad-number]`,
		},
	},
	{
		`const double A = 1e5`,
		`const double A = 1e5.5`,
		[]string{
			`1:18: error: "1e5.5" is not a number [bad-number]`,
		},
	},
	{
		`const double A = 1e308`,
		`const double A = 1e309`,
		[]string{
			`1:18: warning: "1e309" is too large for a double and becomes infinite [double-range]`,
		},
	},
	{
		`const i64 A = -9223372036854775808`,
		`const i64 A = -9223372036854775809`,
		[]string{
			`1:15: error: "-9223372036854775809" does not fit 64 bits [int-range]`,
		},
	},
	{
		`const i64 A = 0x7fffffffffffffff`,
		`const i64 A = 0x8000000000000000`,
		[]string{
			`1:15: error: "0x8000000000000000" does not fit 64 bits (with these bits it is -9223372036854775808) [int-range]`,
		},
	},
	{
		`const i64 A = -0x8000000000000000`,
		`const i64 A = -0x8000000000000001`,
		[]string{
			`1:15: error: "-0x8000000000000001" does not fit 64 bits [int-range]`,
		},
	},
	{
		`const list<i32> A = [1 2 -3]`,
		`const list<i32> A = [1 2 - 3]`,
		[]string{
			`1:26: error: sign "-" without a number (leave no blank after the sign) [bad-number]`,
		},
	},

	// Strings.
	{
		`const string S = "\r\n\t\"\'\\"`,
		`const string S = "\a\u0041é\é"`,
		[]string{
			"1:19: error: `\\a` is not an escape (the escapes are \\r \\n \\t \\\" \\' and \\\\; other characters are written as they are) [bad-escape]",
			"1:21: error: `\\u` is not an escape (the escapes are \\r \\n \\t \\\" \\' and \\\\; other characters are written as they are) [bad-escape]",
			"1:29: error: `\\é` is not an escape (the escapes are \\r \\n \\t \\\" \\' and \\\\; other characters are written as they are) [bad-escape]",
		},
	},
	{
		"const string S = 'a\"\tb'",
		`const string S = 'a`,
		[]string{
			`1:18: error: string is not closed with "'" [unterminated-string]`,
		},
	},
	{
		"const string S = \"a\"\nconst string T = \"b\"",
		"const string S = \"a\nconst string T = \"b\"",
		[]string{
			`1:18: error: string is not closed with '"' [unterminated-string]`,
		},
	},
	{
		"struct S { 1: i32 a (x = \"{ b }\") 2: i32 b }",
		"struct S { 1: i32 a (x = \"{\n b: [1]\n c: {}\n }) 2: i32 b\n struct }",
		[]string{
			`1:26: error: string is not closed with '"' (a string stays on one line; write \n for a newline) [unterminated-string]`,
			`5:2: error: expected a field or "}", found keyword "struct" [syntax]`,
		},
	},
	{
		`const string S = "a\nb"`,
		"const string S = \"a\nb\"\nstruct A {}",
		[]string{
			`1:18: error: string goes on over 2 lines (write \n for a newline, or read the file in the dialect kitex) [multiline-string]`,
		},
	},
	{
		`struct A { 1: string a = "x", }`,
		"struct A { 1: string a = \"x, }\nstruct B {}",
		[]string{
			`1:26: error: string is not closed with '"' [unterminated-string]`,
		},
	},
	{
		`const list<string> S = ["a" "b"]`,
		`const string S = "a" "b"`,
		[]string{
			"1:22: error: expected a definition, found string `\"b\"` [syntax]",
		},
	},

	// Headers.
	{
		`include "a.thrift"`,
		`include a.thrift`,
		[]string{
			`1:9: error: expected a file name, found "a.thrift" (write it in quotes) [syntax]`,
		},
	},
	{
		`include 'a.thrift'; cpp_include "<b>", struct A {}`,
		"include\nstruct A {}",
		[]string{
			`2:1: error: expected a file name, found keyword "struct" [syntax]`,
		},
	},
	{
		`namespace py a.b (x = "y")`,
		`include "a" (x = "y")`,
		[]string{
			`1:13: error: "include" cannot have annotations [misplaced-annotation]`,
		},
	},
	{
		`namespace * a;`,
		`namespace * a (x = "y");`,
		[]string{
			`1:15: error: "namespace *" cannot have annotations [misplaced-annotation]`,
		},
	},
	{
		`namespace py.twisted a`,
		`namespace "py" a`,
		[]string{
			"1:11: error: expected a language or \"*\", found string `\"py\"` (write it without quotes) [syntax]",
		},
	},
	{
		`namespace go a.b`,
		`namespace go a/b`,
		[]string{
			`1:14: error: "a/b" is not a name (a name has letters a-z, digits, "_" and single dots between its parts) [bad-name]`,
		},
	},
	{
		"namespace js a\nstruct B {}",
		"namespace js\nstruct B {}",
		[]string{
			`2:1: error: expected the name of a namespace, found keyword "struct" [syntax]`,
		},
	},
	{
		"namespace js a\nstruct A {}",
		"struct A {}\nnamespace js a\ninclude b",
		[]string{
			`2:1: error: keyword "namespace" must stand before all definitions; the first one is at a.thrift:1:1 (move it to the top of the file) [header-order]`,
			`3:1: error: keyword "include" must stand before all definitions; the first one is at a.thrift:1:1 (move it to the top of the file) [header-order]`,
			`3:9: error: expected a file name, found "b" (write it in quotes) [syntax]`,
		},
	},
	{
		`namespace java a.b`,
		`java_package a.b`,
		[]string{
			`1:1: error: "java_package" is no longer part of Thrift (write namespace java a.b) [removed]`,
		},
	},
	{
		`namespace xsd a`,
		`xsd_namespace 'a'`,
		[]string{
			`1:1: error: "xsd_namespace" is no longer part of Thrift (write namespace xsd NAME) [removed]`,
		},
	},
	{
		`cpp_include 'a'`,
		"c_include 'a'\nstruct A {}",
		[]string{
			`1:1: error: expected a definition, found "c_include" (did you mean "cpp_include"?) [syntax]`,
		},
	},

	// Definitions.
	{
		`struct A {}; struct B {}, enum C {}; service D {};`,
		`struct A {};; struct B {}`,
		[]string{
			`1:13: error: expected a definition, found ";" (one separator is enough) [syntax]`,
		},
	},
	{
		`struct A {}`,
		`;struct A {}`,
		[]string{
			`1:1: error: expected a definition, found ";" [syntax]`,
		},
	},
	{
		`struct A {}`,
		`Struct A {}`,
		[]string{
			`1:1: error: expected a definition, found "Struct" (did you mean "struct"?) [syntax]`,
		},
	},
	{
		`service A {}`,
		"interface A { void f(1: i32 struct) }\nstruct B {}",
		[]string{
			`1:1: error: expected a definition, found "interface" (did you mean "service"?) [syntax]`,
		},
	},
	{
		`struct A {}`,
		`struct A {}}`,
		[]string{
			`1:12: error: expected a definition, found "}" [syntax]`,
		},
	},
	{
		`struct A {}`,
		`struct {}`,
		[]string{
			`1:8: error: expected the name of a struct, found "{" [syntax]`,
		},
	},
	{
		`struct A {}`,
		`struct A`,
		[]string{
			`1:9: error: expected "{", found end of file [syntax]`,
		},
	},
	{
		"struct A {}\nstruct B {}",
		"struct A\nstruct B {}",
		[]string{
			`2:1: error: expected "{", found keyword "struct" [syntax]`,
		},
	},
	{
		`struct A {}`,
		`struct A extends B { 1: i32 a }`,
		[]string{
			`1:10: error: expected "{", found keyword "extends" (only a service extends another) [syntax]`,
		},
	},
	{
		`struct senum {}`,
		"senum A { 'a', 'b' }\nstruct B {}",
		[]string{
			`1:1: error: "senum" is no longer part of Thrift (use the type string, or an enum) [removed]`,
		},
	},
	{
		`struct A { 1: slist a } struct slist {}`,
		`struct A { 1: slist a }`,
		[]string{
			`1:15: error: "slist" is no longer part of Thrift (use the type string) [removed]`,
		},
	},
	{
		`struct A {} (a = 'b')`,
		"@a.B{c = 1}\nstruct A {}",
		[]string{
			`1:1: note: the annotation @a.B is fbthrift's: the file is read in that dialect [dialect]`,
		},
	},
	{
		`struct A {}`,
		`struct A {} @`,
		[]string{
			`1:13: error: expected a definition, found "@" [syntax]`,
		},
	},

	// Constants and typedefs.
	{
		`const i32 A = 1, const i32 B = 2; const i32 C = 3`,
		"const i32 A 1\nconst i32 B\nconst C = 3\nconst i32 D =",
		[]string{
			`1:13: error: expected "=", found "1" [syntax]`,
			`3:1: error: expected "=", found keyword "const" [syntax]`,
			`3:9: error: expected the name of a constant, found "=" [syntax]`,
			`4:14: error: expected a value, found end of file [syntax]`,
		},
	},
	{
		`const i32 A = 1 (a = 'b');`,
		`const i32 A = 1 = 2`,
		[]string{
			`1:17: error: expected a definition, found "=" [syntax]`,
		},
	},
	{
		`typedef i32 (a = 'b') T (c = 'd'),`,
		`typedef void T`,
		[]string{
			`1:9: error: expected the type of a typedef, found keyword "void" (only the result of a function can be "void") [syntax]`,
		},
	},
	{
		`typedef list<i32> T`,
		`typedef list<i32>`,
		[]string{
			`1:18: error: expected the name of a typedef, found end of file [syntax]`,
		},
	},

	// Values.
	{
		`const list<i32> A = [1, 2; 3 4,]`,
		`const list<i32> A = [1,, 2]`,
		[]string{
			`1:24: error: expected a value or "]", found "," (one separator is enough) [syntax]`,
		},
	},
	{
		`const list<i32> A = [1]`,
		"const list<i32> A = [1\nstruct B {}",
		[]string{
			`2:1: error: expected a value or "]", found keyword "struct"; "[" opened at a.thrift:1:21 [syntax]`,
		},
	},
	{
		`const list<i32> A = [[1], [2]]`,
		`const list<i32> A = [[1, [2]`,
		[]string{
			`1:29: error: expected a value or "]", found end of file; "[" opened at a.thrift:1:22 [syntax]`,
		},
	},
	{
		`const set<i32> A = [1, 2]`,
		`const set<i32> A = {1, 2, 3}`,
		[]string{
			`1:22: error: expected ":" after the key, found "," (sets are written with [ and ]) [syntax]`,
		},
	},
	{
		`const map<string, i32> A = {'a': 1, 'b': 2; 'c': 3}`,
		`const map<string, i32> A = {'a': 1, 'b' 2, 'c': , 'd': 4}`,
		[]string{
			`1:41: error: expected ":" after the key, found "2" [syntax]`,
			`1:49: error: expected a value, found "," [syntax]`,
		},
	},
	{
		`const map<i32, list<i32>> A = {1: [2]}`,
		`const map<i32, list<i32>> A = {1: [2}`,
		[]string{
			`1:37: error: expected a value or "]", found "}"; "[" opened at a.thrift:1:35 [syntax]`,
		},
	},
	{
		`const E A = E.X`,
		`const E A = struct`,
		[]string{
			`1:13: error: expected a value, found keyword "struct" [syntax]`,
		},
	},

	// Definitions whose keyword is misspelt are read on.
	{
		`struct A { 1: i32 a } enum E { A = 1 } service S { void f() }`,
		`strct A { 1: i32 } enm E { A = B } sevice S { void }`,
		[]string{
			`1:1: error: expected a definition, found "strct" (did you mean "struct"?) [syntax]`,
			`1:18: error: expected the name of a field, found "}" [syntax]`,
			`1:20: error: expected a definition, found "enm" (did you mean "enum"?) [syntax]`,
			`1:32: error: expected an integer, found "B" [syntax]`,
			`1:36: error: expected a definition, found "sevice" (did you mean "service"?) [syntax]`,
			`1:52: error: expected the name of a function, found "}" [syntax]`,
		},
	},
	{
		`union U { 1: i32 a } exception X { 1: i32 a }`,
		`Union U { 1: i32 } exeption X { 1: i32 }`,
		[]string{
			`1:1: error: expected a definition, found "Union" (did you mean "union"?) [syntax]`,
			`1:18: error: expected the name of a field, found "}" [syntax]`,
			`1:20: error: expected a definition, found "exeption" (did you mean "exception"?) [syntax]`,
			`1:40: error: expected the name of a field, found "}" [syntax]`,
		},
	},

	{
		"namespace go x\ninclude \"x.thrift\"\ntypedef i32 X\nconst i32 C = 1\nstruct Z { 1: i32 n }",
		"namspace go x\ninlcude \"x.thrift\"\ntypdef i32 X\nconts i32 C = 1\nstruct Z { 1: i32 }",
		[]string{
			`1:1: error: expected a definition, found "namspace" (did you mean "namespace"?) [syntax]`,
			`2:1: error: expected a definition, found "inlcude" (did you mean "include"?) [syntax]`,
			`3:1: error: expected a definition, found "typdef" (did you mean "typedef"?) [syntax]`,
			`4:1: error: expected a definition, found "conts" (did you mean "const"?) [syntax]`,
			`5:19: error: expected the name of a field, found "}" [syntax]`,
		},
	},

	// What is not understood ends where something else begins.
	{
		"namespace * x\ninclude \"y.thrift\"\nstruct A { 1: i32 a }",
		"syntax = \"proto3\";\nimport \"y.proto\";\noption (a.b) = { c: 1 };\noption d = 1;\nmessage A { i32 }\nfoo bar\nmodule x\nstrcut B {}",
		[]string{
			`1:1: error: expected a definition, found "syntax" (this is Protocol Buffers' language, not Thrift) [syntax]`,
			`2:1: error: expected a definition, found "import" (did you mean "include"?) [syntax]`,
			`3:1: error: expected a definition, found "option" (this is Protocol Buffers' language, not Thrift) [syntax]`,
			`4:1: error: expected a definition, found "option" (this is Protocol Buffers' language, not Thrift) [syntax]`,
			`5:1: error: expected a definition, found "message" (did you mean "struct"?) [syntax]`,
			`5:17: error: expected the name of a field, found "}" [syntax]`,
			`6:1: error: expected a definition, found "foo" [syntax]`,
			`7:1: error: expected a definition, found "module" (did you mean "namespace"?) [syntax]`,
			`8:1: error: expected a definition, found "strcut" (did you mean "struct"?) [syntax]`,
		},
	},

	// Enums.
	{
		`enum E { A, B = 2; C = 0x10 (a = 'b') D }`,
		`enum E { A,, B = B, C = 'c', D = , E }`,
		[]string{
			`1:12: error: expected an enum value or "}", found "," (one separator is enough) [syntax]`,
			`1:18: error: expected an integer, found "B" [syntax]`,
			`1:25: error: expected an integer, found string "'c'" [syntax]`,
			`1:34: error: expected an integer, found "," [syntax]`,
		},
	},
	{
		`enum E { A = 1 }`,
		`enum E { A = true }`,
		[]string{
			`1:14: warning: "true" stands for an integer (write 1) [bool-as-int]`,
		},
	},
	{
		`enum E { A }`,
		`enum E { A, 1 }`,
		[]string{
			`1:13: error: expected an enum value or "}", found "1" [syntax]`,
		},
	},
	{
		"enum E {\n  A\n}\nstruct B {}",
		"enum E {\n  A\nstruct B {}",
		[]string{
			`3:1: error: expected an enum value or "}", found keyword "struct"; "{" opened at a.thrift:1:8 [syntax]`,
		},
	},

	// Fields.
	{
		`struct A { 1: i32 a, 2: i32 b; 3: i32 c 4: i32 d }`,
		`struct A { 1: i32 a,, 2: i32 b }`,
		[]string{
			`1:21: error: expected a field or "}", found "," (one separator is enough) [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1 i32 a }`,
		[]string{
			`1:14: error: expected ":" after the field id, found keyword "i32" [syntax]`,
		},
	},
	{
		`struct A { -0x10: i32 a, +1: i32 b }`,
		`struct A { 1.5: i32 a, x: i32 b }`,
		[]string{
			`1:12: error: expected a field id, found "1.5" [syntax]`,
			`1:25: error: expected the name of a field, found ":" [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { true: i32 a }`,
		[]string{
			`1:12: warning: "true" stands for a field id (write 1) [bool-as-int]`,
		},
	},
	{
		`struct A { 1: required i32 a }`,
		`struct A { required 1: i32 a }`,
		[]string{
			`1:21: error: expected the type of a field, found "1" [syntax]`,
		},
	},
	{
		`struct A { 1: optional i32 a }`,
		`struct A { 1: required optional i32 a }`,
		[]string{
			`1:24: error: expected the type of a field, found keyword "optional" (a field is either required or optional) [syntax]`,
		},
	},
	{
		`struct A { 1: required i32 a }`,
		`struct A { 1: Required i32 a }`,
		[]string{
			`1:15: error: expected the type of a field, found "Required" (did you mean "required"?) [syntax]`,
		},
	},
	{
		`struct A { 1: required i32 a }`,
		`struct A { 1: requird i32 a, 2: i32 }`,
		[]string{
			`1:15: error: expected the type of a field, found "requird" (did you mean "required"?) [syntax]`,
			`1:37: error: expected the name of a field, found "}" [syntax]`,
		},
	},
	{
		`struct A { 1: optional list<i32> a }`,
		`struct A { 1: optinal list<i32> a, 2: OPTIONAL B b }`,
		[]string{
			`1:15: error: expected the type of a field, found "optinal" (did you mean "optional"?) [syntax]`,
			`1:39: error: expected the type of a field, found "OPTIONAL" (did you mean "optional"?) [syntax]`,
		},
	},
	{
		`struct A { 1: repeated a, 2: list<string> b }`,
		`struct A { 1: repeated string b, 2: repeated list<i32> c }`,
		[]string{
			`1:15: error: expected the type of a field, found "repeated" (write list<string>) [syntax]`,
			`1:37: error: expected the type of a field, found "repeated" (write list<…>) [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: a, 2: required, 3: i32 c }`,
		[]string{
			`1:16: error: expected the name of a field, found "," [syntax]`,
			`1:29: error: expected the type of a field, found "," [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: struct a, 2: void b, 3: enum }`,
		[]string{
			`1:15: error: expected the type of a field, found keyword "struct" [syntax]`,
			`1:28: error: expected the type of a field, found keyword "void" (only the result of a function can be "void") [syntax]`,
			`1:39: error: expected the type of a field, found keyword "enum" [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a = 5 (x = '1') }`,
		`struct A { 1: i32 a (x = '1') = 5 }`,
		[]string{
			`1:31: error: a default must stand before the annotations (write the annotations after the default) [misplaced-annotation]`,
		},
	},
	{
		"struct A {\n  1: i32 a = 5\n  2: i32 b\n}",
		"struct A {\n  1: i32 a =\n  2: i32 b\n}",
		[]string{
			`3:3: error: expected a value, found "2" [syntax]`,
		},
	},
	{
		"struct A {\n  1: i32 a\n  2: i32 b\n}",
		"struct A {\n  1: i32\n  2: i32 b\n}",
		[]string{
			`3:3: error: expected the name of a field, found "2" [syntax]`,
		},
	},
	{
		"struct A {\n  1: i32 a\n}\nstruct B {}",
		"struct A {\n  1: i32 a\nstruct B {}",
		[]string{
			`3:1: error: expected a field or "}", found keyword "struct"; "{" opened at a.thrift:1:10 [syntax]`,
		},
	},
	{
		"struct A {\n  1: i32 a\n  2: i32 b\n}",
		"struct A {\n  1: i32 a {\n  2: i32 b\n}",
		[]string{
			`2:12: error: expected a field or "}", found "{" [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: i32 a`,
		[]string{
			`1:20: error: expected a field or "}", found end of file; "{" opened at a.thrift:1:10 [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: i32 a )}`,
		[]string{
			`1:21: error: expected a field or "}", found ")" [syntax]`,
		},
	},
	{
		`struct A { 1: B & b, 2: list<B>& c }`,
		`struct A { 1: & B b }`,
		[]string{
			`1:15: error: expected the type of a field, found "&" [syntax]`,
		},
	},

	// XML schemas, which mean nothing.
	{
		`struct A {}`,
		`struct A xsd_all {}`,
		[]string{
			`1:10: warning: "xsd_all" has no effect [no-effect]`,
		},
	},
	{
		`exception A {}`,
		`exception A xsd_all {}`,
		[]string{
			`1:13: error: expected "{", found keyword "xsd_all" [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: i32 a xsd_optional xsd_nillable xsd_attrs { 1: i32 b } (c) }`,
		[]string{
			`1:21: warning: "xsd_optional" has no effect [no-effect]`,
			`1:34: warning: "xsd_nillable" has no effect [no-effect]`,
			`1:47: warning: "xsd_attrs" has no effect [no-effect]`,
		},
	},
	{
		`struct A { 1: i32 a }`,
		`struct A { 1: i32 a xsd_nillable xsd_optional }`,
		[]string{
			`1:21: warning: "xsd_nillable" has no effect [no-effect]`,
			`1:34: error: "xsd_optional" must stand once and before "xsd_nillable" [syntax]`,
		},
	},

	// Types.
	{
		`struct A { 1: list < i32 > a }`,
		`struct A { 1: list a }`,
		[]string{
			`1:20: error: expected "<", found "a" [syntax]`,
		},
	},
	{
		`struct A { 1: list<i32> a, 2: set<i32> b, 3: map<i32, i32> c }`,
		`struct A { 1: lst<i32> a, 2: Set<i32> b, 3: mapp<i32, i32> c, 4: vector<i32> d }`,
		[]string{
			`1:18: error: "lst" accepts no types in "<>"; only list, set and map do (did you mean "list"?) [syntax]`,
			`1:33: error: "Set" accepts no types in "<>"; only list, set and map do (did you mean "set"?) [syntax]`,
			`1:49: error: "mapp" accepts no types in "<>"; only list, set and map do (did you mean "map"?) [syntax]`,
			`1:72: error: "vector" accepts no types in "<>"; only list, set and map do [syntax]`,
		},
	},
	{
		`struct A { 1: list<list<list<i32>>> a }`,
		`struct A { 1: list<list<i32> a }`,
		[]string{
			`1:30: error: expected ">", found "a"; "<" opened at a.thrift:1:19 [syntax]`,
		},
	},
	{
		`struct A { 1: list<i32> a }`,
		`struct A { 1: list<i32, i32> a, 2: list<> b, 3: list<void> c }`,
		[]string{
			`1:23: error: expected ">", found ","; "<" opened at a.thrift:1:19 [syntax]`,
			`1:41: error: expected the type of the elements, found ">" [syntax]`,
			`1:54: error: expected the type of the elements, found keyword "void" (only the result of a function can be "void") [syntax]`,
		},
	},
	{
		`struct A { 1: map<i32, i32> a }`,
		`struct A { 1: map<i32> a, 2: map<i32; i32> b, 3: map<, i32> c }`,
		[]string{
			`1:22: error: expected ",", found ">" [syntax]`,
			`1:37: error: expected ",", found ";" [syntax]`,
			`1:54: error: expected the type of the keys, found "," [syntax]`,
		},
	},
	{
		`struct A { 1: list<i32> a }`,
		`struct A { 1: stream<i32> a }`,
		[]string{
			`1:21: error: "stream" accepts no types in "<>"; only list, set and map do [syntax]`,
		},
	},
	{
		`struct A { 1: i32 (a = 'b') a }`,
		`struct A { 1: B (a = 'b') a }`,
		[]string{
			`1:17: error: the name of a type cannot have annotations (write them after the name of the field, or on a typedef) [misplaced-annotation]`,
		},
	},
	{
		`struct A { 1: list cpp_type 'x' <i32> a }`,
		`struct A { 1: list<i32> cpp_type 'x' a }`,
		[]string{
			`1:25: warning: "cpp_type" after a list is deprecated (write it before "<") [deprecated]`,
		},
	},
	{
		`struct A { 1: map cpp_type 'x' <i32, i32> a }`,
		`struct A { 1: map<i32, i32> cpp_type 'x' a }`,
		[]string{
			`1:29: error: "cpp_type" must stand before "<" [syntax]`,
		},
	},
	{
		`struct A { 1: set cpp_type 'x' <i32> a }`,
		`struct A { 1: set cpp_type x <i32> a }`,
		[]string{
			`1:28: error: expected a string after "cpp_type", found "x" [syntax]`,
		},
	},

	// Annotations.
	{
		`struct A {} (a = '1', b; c = '2' d)`,
		`struct A {} (a = 1, b = , c = true, d = e)`,
		[]string{
			`1:18: error: expected a string, found "1" (values of annotations are quoted) [syntax]`,
			`1:25: error: expected a string, found "," [syntax]`,
			`1:31: error: expected a string, found keyword "true" (values of annotations are quoted) [syntax]`,
			`1:41: error: expected a string, found "e" (values of annotations are quoted) [syntax]`,
		},
	},
	{
		`struct A {} (a.b = '1')`,
		`struct A {} ('a' = '1', 2)`,
		[]string{
			`1:14: error: expected an annotation or ")", found string "'a'" (names of annotations have no quotes) [syntax]`,
			`1:25: error: expected an annotation or ")", found "2" [syntax]`,
		},
	},
	{
		`struct A {} ()`,
		`struct A {} (,)`,
		[]string{
			`1:14: error: expected an annotation or ")", found "," [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a (b), 2: i32 c }`,
		`struct A { 1: i32 a (b, 2: i32 c }`,
		[]string{
			`1:25: error: expected an annotation or ")", found "2"; "(" opened at a.thrift:1:21 [syntax]`,
		},
	},
	{
		`struct A { 1: i32 a (b) }`,
		"struct A { 1: i32 a (b }\nstruct B {}",
		[]string{
			`1:24: error: expected an annotation or ")", found "}"; "(" opened at a.thrift:1:21 [syntax]`,
		},
	},

	// Services.
	{
		`service S extends a.B {}`,
		`service S extends {}`,
		[]string{
			`1:19: error: expected the name of a service, found "{" [syntax]`,
		},
	},
	{
		`service S extends A {}`,
		`service S extends A, B {}`,
		[]string{
			`1:20: error: expected "{", found "," (a service extends one other) [syntax]`,
		},
	},
	{
		`service S { oneway void f() }`,
		`service S { async void f() }`,
		[]string{
			`1:13: warning: "async" is deprecated (write "oneway") [deprecated]`,
		},
	},
	{
		`service S { oneway void f(), onewy f() }`,
		`service S { onewy void f(), Oneway i32 g() }`,
		[]string{
			`1:13: error: expected a function or "}", found "onewy" (did you mean "oneway"?) [syntax]`,
			`1:29: error: expected a function or "}", found "Oneway" (did you mean "oneway"?) [syntax]`,
		},
	},
	{
		`service S { oneway void f() }`,
		`service S { void oneway f() }`,
		[]string{
			`1:18: error: expected the name of a function, found keyword "oneway" ("oneway" stands before the result type) [syntax]`,
		},
	},
	{
		`service S { void f(), void g(); i32 h() i32 i(), }`,
		`service S { void f(),, void g() }`,
		[]string{
			`1:22: error: expected a function or "}", found "," (one separator is enough) [syntax]`,
		},
	},
	{
		`service S { void f() }`,
		`service S { f(1: i32 a), oneway g() }`,
		[]string{
			`1:14: error: expected the name of a function, found "(" (is the result type missing?) [syntax]`,
			`1:34: error: expected the name of a function, found "(" (is the result type missing?) [syntax]`,
		},
	},
	{
		`service S { void f(1: i32 a 2: i32 b) }`,
		`service S { void f(1: void a) }`,
		[]string{
			`1:23: error: expected the type of a parameter, found keyword "void" (only the result of a function can be "void") [syntax]`,
		},
	},
	{
		`service S { void f() throws (1: E e) }`,
		`service S { void f() throw (1: E e), void g() throws }`,
		[]string{
			`1:22: error: expected "throws", found "throw" [syntax]`,
			`1:54: error: expected "(", found "}" [syntax]`,
		},
	},
	{
		`service S { void f() throws (1: E e) }`,
		`service S { void f() thorws (1: E e), void g() Throws (1: E e) }`,
		[]string{
			`1:22: error: expected "throws", found "thorws" [syntax]`,
			`1:48: error: expected "throws", found "Throws" [syntax]`,
		},
	},
	{
		"service S {\n  void f(1: i32 a)\n  void g()\n}",
		"service S {\n  void f(1: i32 a\n  void g()\n}",
		[]string{
			`3:3: error: expected a parameter or ")", found keyword "void"; "(" opened at a.thrift:2:9 [syntax]`,
		},
	},
	{
		`service S { void f(1: i32 a) }`,
		`service S { void f, void g( }`,
		[]string{
			`1:19: error: expected "(", found "," [syntax]`,
			`1:29: error: expected a parameter or ")", found "}"; "(" opened at a.thrift:1:27 [syntax]`,
		},
	},
	{
		`service S { void f() }`,
		`service S { 1: i32 a }`,
		[]string{
			`1:13: error: expected a function or "}", found "1" [syntax]`,
		},
	},
}

func TestDiagnostics(t *testing.T) {
	for _, p := range pairs {
		if _, diags := syntax.Parse("a.thrift", []byte(p.good)); diags != nil {
			t.Errorf("%s\n got %v\nwant no diagnostics", p.good, diags)
		}
		_, diags := syntax.Parse("a.thrift", []byte(p.bad))
		want := "a.thrift:" + strings.Join(p.want, "\na.thrift:")
		if got := diags.Error(); got != want {
			t.Errorf("%s\n got %s\nwant %s", p.bad, got, want)
		}
	}
}
