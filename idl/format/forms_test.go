package format_test

import (
	"github.com/thriftkit/thriftkit/idl/format"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A form is a text and what it becomes.
type form struct {
	name, src string
	opts      format.Options
	want      string
}

var forms = []form{
	{name: "nothing", src: " \n\t\n", want: ""},
	{name: "a comment alone", src: "\n\n  // a\n\n\n  # b", want: "// a\n\n# b\n"},
	{
		name: "headers",
		src:  "include  'a.thrift' ;cpp_include \"<b>\"\n\n\nnamespace *  a.b,namespace py  x(a=\"b\",c)",
		want: "include 'a.thrift'\ncpp_include \"<b>\"\n\nnamespace * a.b\nnamespace py x (a = \"b\", c)\n",
	},
	{
		name: "definitions of one line",
		src:  "const i32 A=1;const list < i32 >B=[1 ,2;3 4,] typedef map<string,set<E>>M typedef E F (a='b') ,",
		want: "const i32 A = 1\nconst list<i32> B = [1, 2, 3, 4]\ntypedef map<string, set<E>> M\ntypedef E F (a = 'b')\n",
	},
	{
		name: "the words for C++ and XML",
		src:  "typedef list cpp_type \"a\"< i32 >A typedef list<i32>cpp_type \"b\" B\nstruct S xsd_all{1: A&a xsd_optional xsd_nillable xsd_attrs{1:i32 a;2:i32 b}(c)}",
		want: "typedef list cpp_type \"a\" <i32> A\ntypedef list<i32> cpp_type \"b\" B\n\nstruct S xsd_all {\n" +
			"  1: A & a xsd_optional xsd_nillable xsd_attrs { 1: i32 a; 2: i32 b } (c),\n}\n",
	},
	{
		name: "an enum",
		src:  "enum E{A,B=2;C=-0x3 D(x=\"y\")}",
		want: "enum E {\n  A,\n  B = 2,\n  C = -0x3,\n  D (x = \"y\"),\n}\n",
	},
	{
		name: "structs, with or without a body",
		src:  "struct A{}\nstruct B\n{\n}\nunion C{1:required i32 a=5,optional string(x='y') b}exception D{i32 i32;}(e)",
		want: "struct A {}\nstruct B {}\n\nunion C {\n  1: required i32 a = 5,\n  optional string (x = 'y') b,\n}\n\nexception D {\n  i32 i32,\n} (e)\n",
	},
	{
		name: "services",
		src:  "service A{}service B extends a.A{oneway void f(),i32 g(1:i32 a=1 2:E b)throws(1:X x;)(i='j')\nasync void h()}",
		want: "service A {}\n\nservice B extends a.A {\n  oneway void f(),\n  i32 g(1: i32 a = 1, 2: E b) throws (1: X x) (i = 'j'),\n  async void h(),\n}\n",
	},
	{
		name: "streams",
		src:  "service A{stream < i32>a() A ,stream<i32 throws(1:X x 2:Y y)>b();sink<i32,i64 throws (1:X x)> c()\nA, sink<i32>,stream<map<i32,i32>>d(1:i32 a)throws(1:X x)}",
		want: "service A {\n  stream<i32> a(),\n  A, stream<i32 throws (1: X x, 2: Y y)> b(),\n  sink<i32, i64 throws (1: X x)> c(),\n" +
			"  A, sink<i32>, stream<map<i32, i32>> d(1: i32 a) throws (1: X x),\n}\n",
	},
	{
		name: "values",
		src:  "const map<i32,S>A={1 :{'a':[ ] ,\"b\" : { }},2:{ }}const double D=+1.5e-3 const string E='\"'",
		want: "const map<i32, S> A = {1: {'a': [], \"b\": {}}, 2: {}}\nconst double D = +1.5e-3\nconst string E = '\"'\n",
	},

	{
		name: "blank lines are kept, one of several",
		src:  "\n\nstruct A {\n\n  1: i32 a\n\n\n\n  // b\n\n\n  2: i32 b\n  3: i32 c\n\n}\n\n\n",
		want: "struct A {\n  1: i32 a,\n\n  // b\n\n  2: i32 b,\n  3: i32 c,\n}\n",
	},
	{
		name: "blank lines come where kinds change and around bodies",
		src:  "namespace py a\nconst i32 A = 1\nconst i32 B = 2\nstruct C {}\nstruct D { 1: i32 a }\n// E\nenum E { A }\ntypedef E F",
		want: "namespace py a\n\nconst i32 A = 1\nconst i32 B = 2\nstruct C {}\n\nstruct D {\n  1: i32 a,\n}\n\n// E\nenum E {\n  A,\n}\n\ntypedef E F\n",
	},
	{
		name: "a comment after a body stays with it",
		src:  "struct A { 1: i32 a } // A\n// still A\n\n// B\nstruct B { 1: i32 a }",
		want: "struct A {\n  1: i32 a,\n} // A\n// still A\n\n// B\nstruct B {\n  1: i32 a,\n}\n",
	},

	{
		name: "comments after lines",
		src:  "include \"a\" // a\nstruct A { // A\n1: i32 a /* a */, // aa\n2: i32 b # b\n, 3: i32 c; /** c */\n} // end",
		want: "include \"a\" // a\n\nstruct A { // A\n  1: i32 a, /* a */ // aa\n  2: i32 b, # b\n  3: i32 c, /** c */\n} // end\n",
	},
	{
		name: "comments that go on below",
		src:  "struct A {\n  1: string uri   // where\n                  // nobody\n  // of n\n  2: i32 n // n\n}",
		want: "struct A {\n  1: string uri, // where\n                 // nobody\n  // of n\n  2: i32 n, // n\n}\n",
	},
	{
		name: "comments that go on below, after text that is not ASCII",
		src:  "struct A {\n  1: string a = \"é中\", // where\n                      // nobody\n}",
		want: "struct A {\n  1: string a = \"é中\", // where\n                       // nobody\n}\n",
	},
	{
		name: "comments that go on below, a few columns off",
		src:  "struct A {\n  1: i64 id,   // id of it. Only for\n                // reading\n\n  2: i32 a // a\n        // b\n  // of c\n  3: i32 c // c\n       // d\n}",
		want: "struct A {\n  1: i64 id, // id of it. Only for\n             // reading\n\n  2: i32 a, // a\n            // b\n  // of c\n  3: i32 c, // c\n  // d\n}\n",
	},
	{
		name: "comments that go on below are nearer to the comment than to the fields",
		src:  "enum E {\n  A, // a\n   // of B\n  B, // b\n    // still b\n  C // c\n\n     // of D\n  D // d\n       // of E\n       E\n}",
		want: "enum E {\n  A, // a\n  // of B\n  B, // b\n     // still b\n  C, // c\n\n  // of D\n  D, // d\n  // of E\n  E,\n}\n",
	},
	{
		name: "comments that go on below, by tabs of 2, 4 and 8 columns",
		src:  "struct A {\n\t1: string uri\t// where\n\t\t\t\t\t// nobody\n\t2: i32 a\t// x\n\t\t\t// y\n\t3: string bcd\t// x\n\t\t\t\t\t\t\t\t\t// y\n\t// of e\n\t4: i32 e\n}",
		want: "struct A {\n  1: string uri, // where\n                 // nobody\n  2: i32 a, // x\n            // y\n  3: string bcd, // x\n                 // y\n  // of e\n  4: i32 e,\n}\n",
	},
	{
		name: "comments that go on below, in columns as editors show them",
		src:  "struct A {\n  1: string a = \"中文中文\", // where\n                            // nobody\n}",
		want: "struct A {\n  1: string a = \"中文中文\", // where\n                            // nobody\n}\n",
	},
	{
		name: "block comments that go on below",
		src:  "struct A {\n  1: i32 a /* x */\n           /* y */\n  2: i32 b /* x */\n           /* z */ 3: i32 c /* x */\n           /** of d */\n  4: i32 d\n}",
		want: "struct A {\n  1: i32 a, /* x */\n            /* y */\n  2: i32 b, /* x */\n  /* z */ 3: i32 c, /* x */\n  /** of d */\n  4: i32 d,\n}\n",
	},
	{
		name: "comments that go on below, before the separator",
		src:  "struct A {\n  1: i32 a // x\n           // y\n  , 2: i32 b }",
		want: "struct A {\n  1: i32 a, // x\n            // y\n  2: i32 b,\n}\n",
	},
	{
		name: "comments below those after a bracket or a line of another comment are on their own",
		src:  "struct A { // a\n           // b\n}\nstruct B { // a\n           // b\n  1: i32 c /* c\n  */ // d\n     // e\n}",
		want: "struct A { // a\n  // b\n}\n\nstruct B { // a\n           // b\n  1: i32 c, /* c\n  */ // d\n  // e\n}\n",
	},
	{
		name: "wide characters in columns",
		src:  "struct S {\n  1: string a = '中文' // x\n  2: string b = 'abc' // y\n}",
		opts: format.Options{Align: true},
		want: "struct S {\n  1: string a = '中文', // x\n  2: string b = 'abc',  // y\n}\n",
	},
	{
		name: "comments on their own lines",
		src:  "// top\nstruct A {\n// a\n  1: i32 a\n      # b\n\n /* b */\n  2: i32 b\n// end\n}\n// end",
		want: "// top\nstruct A {\n  // a\n  1: i32 a,\n  # b\n\n  /* b */\n  2: i32 b,\n  // end\n}\n// end\n",
	},
	{
		name: "comments between elements of one line go where the separator says",
		src:  "enum E { /* A */ A /* a */, /* B */ B /* b */ C, /* c */ }",
		want: "enum E {\n  /* A */ A, /* a */\n  /* B */ B,\n  /* b */ C, /* c */\n}\n",
	},
	{
		name: "comments inside of elements",
		src:  "struct /* A */ A /**/{ 1 /* id */ : /* r */required\n/* t */ list< /* e */ i32 /* E */ > /* n */ a/* = */=/* v */[ ]/* ann */() }",
		want: "struct /* A */ A /**/ {\n  1 /* id */: /* r */ required /* t */ list</* e */ i32 /* E */> /* n */ a /* = */ = /* v */ [] /* ann */ (),\n}\n",
	},
	{
		name: "comments that end a line inside of elements",
		src:  "struct A // A\n{ 1: // id\n   // type\n i32 a = # v\n 5, 2: i32 b }",
		want: "struct A // A\n{\n  1: // id\n      // type\n      i32 a = # v\n      5,\n  2: i32 b,\n}\n",
	},
	{
		name: "comments in empty lists",
		src:  "struct A { /* none */ } struct B {\n} // b\nservice S { void f(/* none */), void g(\n// none\n) }",
		want: "struct A {\n  /* none */\n}\n\nstruct B {} // b\n\nservice S {\n  void f(/* none */),\n  void g(\n    // none\n  ),\n}\n",
	},
	{
		name: "parameters with comments get lines of their own",
		src: "service S { void f(1: i32 a /* a */, /** b */ 2: i32 b),\nvoid g(1: i32 a, // a\n2: i32 b) throws (1: X x),\n" +
			"void h(1: i32 /* in the middle */ a) }",
		want: "service S {\n  void f(\n    1: i32 a, /* a */\n    /** b */ 2: i32 b,\n  ),\n  void g(\n    1: i32 a, // a\n    2: i32 b,\n" +
			"  ) throws (1: X x),\n  void h(1: i32 /* in the middle */ a),\n}\n",
	},
	{
		name: "annotations, lists and maps with comments, too",
		src:  "const map<i32,list<i32>> A = {1: [2, 3], // one\n 4: [5 // five\n]}\ntypedef i32 T (\n// why\na = \"b\", c)",
		want: "const map<i32, list<i32>> A = {\n  1: [2, 3], // one\n  4: [\n    5, // five\n  ],\n}\ntypedef i32 T (\n  // why\n  a = \"b\",\n  c,\n)\n",
	},

	{
		name: "stars of comments go to one column",
		src:  "struct A {\n      /**\n       * Two\n       *   lines.\n\n       *\n       */\n1: i32 a\n\t/* x\n\t* y\n\t**/\n2: i32 b }",
		want: "struct A {\n  /**\n   * Two\n   *   lines.\n\n   *\n   */\n  1: i32 a,\n  /* x\n   * y\n   **/\n  2: i32 b,\n}\n",
	},
	{
		name: "stars in several columns are text",
		src:  "/**\n * a\n   * b\n */\nstruct A {}",
		want: "/**\n * a\n   * b\n */\nstruct A {}\n",
	},
	{
		name: "comments without stars move as they are",
		src:  "struct A {\n        /*\n          a\n            b\n        */\n1: i32 a\n\t/** c\n\t    d */\n  2: i32 b\n      /*\nflush\n  left\n*/\n3: i32 c}",
		want: "struct A {\n  /*\n    a\n      b\n  */\n  1: i32 a,\n  /** c\n      d */\n  2: i32 b,\n  /*\n  flush\n    left\n  */\n  3: i32 c,\n}\n",
	},
	{
		name: "comments of several lines after and inside of lines are left alone",
		src:  "struct A { 1: i32 a /* b\n      c */\n 2: /* d\n e */ i32 f }",
		want: "struct A {\n  1: i32 a, /* b\n      c */\n  2: /* d\n e */ i32 f,\n}\n",
	},
	{
		name: "a doc comment before a definition in its line",
		src:  "/** A. */ struct A {} /** B\n * b. */ struct B {}",
		want: "/** A. */ struct A {}\n/** B\n * b. */\nstruct B {}\n",
	},

	{
		name: "CRLF, a byte order mark, blanks at the ends of lines, bytes that are no text",
		src:  "\ufeff// a \t\r\nstruct A {\r\n  1: string a = \"\xff\u00e9\" \r\n  /* \xfe \r\n   * b\r\n   */\r\n}\r\n",
		want: "// a\nstruct A {\n  1: string a = \"\xff\u00e9\",\n  /* \xfe\n   * b\n   */\n}\n",
	},

	{
		name: "a line of 100 columns, and one of 101",
		src: "service S {\n  void aaaaaaaaaaaaaaaaaaaa(1: string bbbbbbbbbbbbbbbbbbbbbbbbbb, 2: string cccccccccccccccccccccc),\n" +
			"  void aaaaaaaaaaaaaaaaaaaa(1: string bbbbbbbbbbbbbbbbbbbbbbbbbb, 2: string ccccccccccccccccccccccc)\n}",
		want: "service S {\n  void aaaaaaaaaaaaaaaaaaaa(1: string bbbbbbbbbbbbbbbbbbbbbbbbbb, 2: string cccccccccccccccccccccc),\n" +
			"  void aaaaaaaaaaaaaaaaaaaa(\n    1: string bbbbbbbbbbbbbbbbbbbbbbbbbb,\n    2: string ccccccccccccccccccccccc,\n  ),\n}\n",
	},
	{
		name: "columns are characters, and comments after lines do not count",
		src:  "const list<string> A = [\"éééé\", \"ü\"] // a comment",
		opts: format.Options{Width: 36},
		want: "const list<string> A = [\"éééé\", \"ü\"] // a comment\n",
	},
	{
		name: "the widest list is broken first",
		src:  "service S { void f(1: i32 a) throws (1: NotFound notFound, 2: Forbidden forbidden) (a = 'b') }",
		opts: format.Options{Width: 60},
		want: "service S {\n  void f(1: i32 a) throws (\n    1: NotFound notFound,\n    2: Forbidden forbidden,\n  ) (a = 'b'),\n}\n",
	},
	{
		name: "and others, and lists in lists, if that is not enough",
		src: "service S { void f(1: i32 aaaaaaaaaaaa, 2: i32 bbbbbbb = 2) throws (1: NotFound notFound) }" +
			"const map<string, list<i32>> A = {'aaaaaa': [1, 2, 3], 'b': [10000, 20000, 30000]}",
		opts: format.Options{Width: 24},
		want: "service S {\n  void f(\n    1: i32 aaaaaaaaaaaa,\n    2: i32 bbbbbbb = 2,\n  ) throws (\n    1: NotFound notFound,\n  ),\n}\n\n" +
			"const map<string, list<i32>> A = {\n  'aaaaaa': [1, 2, 3],\n  'b': [\n    10000,\n    20000,\n    30000,\n  ],\n}\n",
	},
	{
		name: "what has no list is not broken",
		src:  "const string A = 'a string that is longer than the line' struct S { 1: map<string, string> a = [] () }",
		opts: format.Options{Width: 10},
		want: "const string A = 'a string that is longer than the line'\n\nstruct S {\n  1: map<string, string> a = [] (),\n}\n",
	},
	{
		name: "lists of parameters that were broken without need are joined",
		src:  "service S {\n  void f(\n    1: i32 a,\n    2: i32 b\n  )\n}",
		want: "service S {\n  void f(1: i32 a, 2: i32 b),\n}\n",
	},
	{
		name: "constants that were broken stay broken",
		src:  "const list<i32> A = [\n 1, 2]\nconst map<i32, list<i32>> B = {1: [1, 2],\n 2: []}\nconst list<i32> C = [1, 2\n]\nconst list<i32> D = [\n]\nstruct E {\n  1: list<i32> a = [1,\n 2]\n}",
		want: "const list<i32> A = [\n  1,\n  2,\n]\nconst map<i32, list<i32>> B = {\n  1: [1, 2],\n  2: [],\n}\nconst list<i32> C = [1, 2]\nconst list<i32> D = []\n\nstruct E {\n  1: list<i32> a = [\n    1,\n    2,\n  ],\n}\n",
	},
	{
		name: "a separator that prevails is kept: semicolons",
		src:  "struct A { 1: i32 a; 2: i32 b; 3: i32 c }\nenum E {A, B;}",
		opts: format.Options{Separator: format.Keep},
		want: "struct A {\n  1: i32 a;\n  2: i32 b;\n  3: i32 c;\n}\n\nenum E {\n  A;\n  B;\n}\n",
	},
	{
		name: "a separator that prevails is kept: none",
		src:  "struct A { 1: i32 a 2: i32 b 3: i32 c, }\nservice S { void f(1: i32 a, 2: i32 b) }",
		opts: format.Options{Separator: format.Keep},
		want: "struct A {\n  1: i32 a\n  2: i32 b\n  3: i32 c\n}\n\nservice S {\n  void f(1: i32 a, 2: i32 b)\n}\n",
	},
	{
		name: "a separator that prevails is kept: of two, the comma",
		src:  "enum E { A, B }\nstruct F { 1: i32 a }\nstruct G { 1: i32 a; 2: i32 b }",
		opts: format.Options{Separator: format.Keep},
		want: "enum E {\n  A,\n  B,\n}\n\nstruct F {\n  1: i32 a,\n}\n\nstruct G {\n  1: i32 a,\n  2: i32 b,\n}\n",
	},
	{
		name: "comments after lines are aligned",
		src:  "enum L { LOW = 1, // a\n HIGHEST = 300 // b\n // of C\n C /* c */\n D = 4\n\n E // e\n}\nstruct S {\n  1: i32 a // of a\n           // and more\n  2: required string b = 'x' /* of b */;\n}",
		opts: format.Options{Align: true},
		want: "enum L {\n  LOW     = 1,   // a\n  HIGHEST = 300, // b\n  // of C\n  C,             /* c */\n  D       = 4,\n\n  E, // e\n}\n\nstruct S {\n" +
			"  1:          i32    a,       // of a\n                              // and more\n  2: required string b = 'x', /* of b */\n}\n",
	},
	{
		name: "structured annotations",
		src: "include 'a.thrift'\n@T package \"x/y\"\n@thrift.Uri { value = 'x' ,a=[1,2],b={1:2} }\n/* a */ @B struct A {\n  @cpp.Ref{type = cpp.RefType.Unique} // why\n  1: optional A a\n" +
			"  @Box 2: i32 b } @E enum E { @X A; B }\nsafe client exception X {} @S service S { performs I; readonly i32 g(@P 1: i32 a @Q{x=1} 2: i32 b); I, i32 h(); I,stream<i32> s() } interaction I { i32 f() }",
		opts: format.Options{Dialect: syntax.FBThrift},
		want: "include 'a.thrift'\n@T\npackage \"x/y\"\n\n@thrift.Uri{value = 'x', a = [1, 2], b = {1: 2}}\n/* a */ @B\nstruct A {\n  @cpp.Ref{type = cpp.RefType.Unique} // why\n  1: optional A a,\n" +
			"  @Box\n  2: i32 b,\n}\n\n@E\nenum E {\n  @X\n  A,\n  B,\n}\n\nsafe client exception X {}\n\n@S\nservice S {\n  performs I,\n  readonly i32 g(@P 1: i32 a, @Q{x = 1} 2: i32 b),\n  I, i32 h(),\n  I, stream<i32> s(),\n}\n\ninteraction I {\n  i32 f(),\n}\n",
	},
	{
		name: "headers of fbthrift",
		src:  "namespace go 'a/b';hs_include 'x'\n@T package ;\nstruct A {}",
		opts: format.Options{Dialect: syntax.FBThrift},
		want: "namespace go 'a/b'\nhs_include 'x'\n@T\npackage;\n\nstruct A {}\n",
	},
	{
		name: "structured annotations of several lines",
		src: "@T{\n x=1 // why\n}\n@O{inner = o.I{a = 1;},\n m = {'k': o.V{}}, l=[I{x = 1},I{y=2},],}\n@Long{name = 'aaaaaaaaaaaaaaaa', other = 'bbbbbbbbbbbbbbbb'}\n" +
			"struct A { @P{}\n1: i32 a }\nservice S { void f(@P{a={\n1:2}} 1: i32 a) }",
		opts: format.Options{Dialect: syntax.FBThrift, Width: 40},
		want: "@T{\n  x = 1, // why\n}\n@O{\n  inner = o.I{a = 1},\n  m = {'k': o.V{}},\n  l = [I{x = 1}, I{y = 2}],\n}\n@Long{\n  name = 'aaaaaaaaaaaaaaaa',\n  other = 'bbbbbbbbbbbbbbbb',\n}\n" +
			"struct A {\n  @P{}\n  1: i32 a,\n}\n\nservice S {\n  void f(\n    @P{\n      a = {\n        1: 2,\n      },\n    }\n    1: i32 a,\n  ),\n}\n",
	},
	{
		name: "a value with its type",
		src:  "const A B = A {a=1,b = B{ }, c={}}",
		opts: format.Options{Dialect: syntax.FBThrift},
		want: "const A B = A{a = 1, b = B{}, c = {}}\n",
	},
	{
		name: "a string of several lines",
		src:  "struct A { 1: i32 a (x = '{\n  b,  \n}', y='z') }",
		opts: format.Options{Dialect: syntax.Kitex},
		want: "struct A {\n  1: i32 a (x = '{\n  b,  \n}', y = 'z'),\n}\n",
	},

	{
		name: "semicolons and four blanks",
		src:  "enum E { A } service S { void f(1: i32 a; 2: i32 b) (a; b), void g(// a\n1: i32 a) }",
		opts: format.Options{Separator: format.Semicolon, Indent: 4},
		want: "enum E {\n    A;\n}\n\nservice S {\n    void f(1: i32 a, 2: i32 b) (a, b);\n    void g( // a\n        1: i32 a,\n    );\n}\n",
	},
	{
		name: "no separators",
		src:  "enum E { A, B; } struct S { 1: list<i32> a = [1; 2], // a\n 2: i32 b; }",
		opts: format.Options{Separator: format.NoSeparator},
		want: "enum E {\n  A\n  B\n}\n\nstruct S {\n  1: list<i32> a = [1, 2] // a\n  2: i32 b\n}\n",
	},
	{
		name: "columns of fields",
		src: "struct S { 1: required i32 a = 1, 10: map<i32, string> long (x = 'y'), 3: optional E e = E.A // c\n// d\ni32 d = 4,\n\n" +
			"5: string s, 6: i32 i }",
		opts: format.Options{Align: true},
		want: "struct S {\n  1: required i32              a = 1,\n  10:         map<i32, string> long (x = 'y'),\n" +
			"  3: optional E                e = E.A, // c\n  // d\n  i32                          d = 4,\n\n  5: string s,\n  6: i32    i,\n}\n",
	},
	{
		name: "columns of enum values, parameters and exceptions",
		src:  "enum E { A = 1, LONG = 20 (x), B } service S { void f(1: i32 a, // a\n 20: string b = 'c') throws (1: X x, 2: Yy y) }",
		opts: format.Options{Align: true},
		want: "enum E {\n  A    = 1,\n  LONG = 20 (x),\n  B,\n}\n\nservice S {\n  void f(\n    1:  i32    a, // a\n    20: string b = 'c',\n  ) throws (1: X x, 2: Yy y),\n}\n",
	},
	{
		name: "fields of several lines and after comments are in no columns",
		src:  "struct S { 1: i32 a, 2: string b (// why\nc), /* d */ 3: string d\n 4: i32 e, 5: string f }",
		opts: format.Options{Align: true},
		want: "struct S {\n  1: i32 a,\n  2: string b ( // why\n    c,\n  ),\n  /* d */ 3: string d,\n  4: i32    e,\n  5: string f,\n}\n",
	},
	{
		name: "but after a comment of several lines they are",
		src:  "struct A { 1: i32 a /* b\n */ 2: string b }",
		opts: format.Options{Align: true},
		want: "struct A {\n  1: i32    a,\n  /* b\n   */\n  2: string b,\n}\n",
	},
	{
		name: "semicolons after constants and typedefs are kept if most have one",
		src:  "include 'a.thrift';\nconst i32 A = 1; const list<i32> B = [1; 2]; // b\ntypedef i32 C /* c */; typedef i32 D\nstruct S { 1: i32 a; };",
		opts: format.Options{Separator: format.Keep},
		want: "include 'a.thrift'\n\nconst i32 A = 1;\nconst list<i32> B = [1, 2]; // b\ntypedef i32 C; /* c */\ntypedef i32 D;\n\nstruct S {\n  1: i32 a;\n}\n",
	},
	{
		name: "and left out if few have one, or another separator is asked for",
		src:  "const i32 A = 1; const i32 B = 2\nstruct S { 1: i32 a; }",
		opts: format.Options{Separator: format.Keep},
		want: "const i32 A = 1\nconst i32 B = 2\n\nstruct S {\n  1: i32 a;\n}\n",
	},
	{
		name: "columns of comments after constants and typedefs",
		src:  "const i32 A = 1 // a\nconst string LONG = 'x' // b\n// c\ntypedef i32 C; // d\n\ntypedef string D // e\nconst list<i32> F = [\n1] // f\nconst i32 G = 1 // g",
		opts: format.Options{Align: true},
		want: "const i32 A = 1         // a\nconst string LONG = 'x' // b\n// c\ntypedef i32 C           // d\n\ntypedef string D // e\nconst list<i32> F = [\n  1,\n] // f\nconst i32 G = 1 // g\n",
	},
	{
		name: "a field that its columns would make too long has none",
		src:  "struct S { 1: i32 a = 1, 2: map<string, string> b = {'a': 'b'}, 3: list<i32> cccccccccccccccccc = [1, 2, 3], 4: i32 d = 4, 5: string e = '' }",
		opts: format.Options{Align: true, Width: 46},
		want: "struct S {\n  1: i32                 a = 1,\n  2: map<string, string> b = {'a': 'b'},\n  3: list<i32> cccccccccccccccccc = [1, 2, 3],\n" +
			"  4: i32    d = 4,\n  5: string e = '',\n}\n",
	},
}
