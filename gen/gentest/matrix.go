package gentest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// matrixTypes are one type of each sort. Those that are not Thrift's are defined by matrixDefs.
var matrixTypes = []string{
	"bool", "i8", "i32", "double", "string", "binary", "uuid", "E", "F", "AliasE", "AliasText", "AliasList", "Key", "Plain", "AliasPlain", "U",
	"list<F>", "map<E, F>",
}

const matrixDefs = `enum E { A = 1, B = 2 }
enum F { A = 1, B = 2 }
typedef E AliasE
typedef string AliasText
typedef list<i64> AliasList
typedef Plain AliasPlain
struct Key { 1: i32 a, 2: string b, 3: E c }
struct Plain { 1: optional i32 a, 2: list<string> b, 3: E c = E.B }
union U { 1: i32 a, 2: Plain b, 3: map<E, F> c }
exception X { 1: map<F, E> a, 2: AliasPlain b }
`

// matrixValues are values of types, for constants and defaults.
var matrixValues = map[string]string{
	"bool": "true", "i8": "-8", "i32": "7", "double": "1.5", "string": `"a\"b"`, "binary": `"bytes"`, "uuid": `"00112233-4455-6677-8899-aabbccddeeff"`,
	"E": "E.B", "F": "2", "AliasE": "AliasE.A", "AliasText": `"x"`, "AliasList": "[1, 2]", "Key": `{"a": 1, "b": "k", "c": E.A}`,
	"Plain": `{"a": 3}`, "AliasPlain": `{"b": ["c"]}`, "U": `{"c": {E.A: F.B}}`, "list<F>": "[F.A, F.B]", "map<E, F>": "{E.A: F.A, E.B: F.A}",
}

// Matrix returns IDL in which every type is the key of maps to every type, an element of lists and
// sets, a field of structs, unions and exceptions, an argument, a result, a constant and a default.
func Matrix() string {
	var b strings.Builder
	b.WriteString(matrixDefs)
	for i, k := range matrixTypes {
		fmt.Fprintf(&b, "struct Of%d {\n", i)
		for j, v := range matrixTypes {
			fmt.Fprintf(&b, "  %d: %smap<%s, %s> m%d,\n", j+1, []string{"", "optional ", "required "}[(i+j)%3], k, v, j)
		}
		fmt.Fprintf(&b, "  101: %s plain\n  102: optional %s maybe,\n  103: required %s needed,\n  104: list<%s> l,\n  105: set<%s> s,\n  106: list<set<%s>> ls,\n  107: map<i32, list<map<string, %s>>> deep,\n", k, k, k, k, k, k, k)
		fmt.Fprintf(&b, "  108: %s d = %s,\n  109: optional %s e = %s,\n  110: list<%s> f = [%s],\n  111: map<%s, %s> g = {%s: %s}\n  112: set<%s> h = [%s]\n}\n",
			k, matrixValues[k], k, matrixValues[k], k, matrixValues[k], k, k, matrixValues[k], matrixValues[k], k, matrixValues[k])
		fmt.Fprintf(&b, "exception X%d {\n  1: %s a,\n  2: optional map<%s, set<%s>> b,\n  3: required list<map<string, %s>> c,\n  4: %s d = %s\n}\n", i, k, k, k, k, k, matrixValues[k])
		fmt.Fprintf(&b, "union V%d {\n  1: %s a,\n  2: list<%s> b,\n  3: map<%s, %s> c,\n  4: Of%d d\n}\ntypedef map<list<%s>, V%d> T%d\n", i, k, k, k, k, i, k, i, i)
		fmt.Fprintf(&b, "const %s C%d = %s\nconst map<%s, list<%s>> D%d = {%s: [%s]}\nconst set<%s> E%d = [%s]\n",
			k, i, matrixValues[k], k, k, i, matrixValues[k], matrixValues[k], k, i, matrixValues[k])
	}
	b.WriteString("service S {\n")
	for i, k := range matrixTypes {
		v := matrixTypes[(i+7)%len(matrixTypes)]
		fmt.Fprintf(&b, "  %s a%d(1: %s a, 2: map<%s, %s> b = {%s: %s}) throws (1: X x, 2: X%d y),\n", k, i, v, k, v, matrixValues[k], matrixValues[v], i)
		fmt.Fprintf(&b, "  set<%s> d%d(1: T%d a, 2: V%d b, 3: Of%d c) throws (1: X%d x),\n", k, i, i, i, i, i)
		fmt.Fprintf(&b, "  map<%s, %s> b%d(1: set<%s> a),\n  oneway void c%d(1: list<%s> a),\n", k, v, i, v, i, k)
	}
	b.WriteString("}\n")
	return b.String()
}

// Random returns IDL with random structs, unions and exceptions.
func Random(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	b.WriteString(matrixDefs)
	structs := 3 + r.IntN(6)
	var typ func(depth int) string
	typ = func(depth int) string {
		switch n := r.IntN(10); {
		case depth > 0 && n < 2:
			return "list<" + typ(depth-1) + ">"
		case depth > 0 && n < 3:
			return "set<" + typ(depth-1) + ">"
		case depth > 0 && n < 5:
			return "map<" + typ(depth-1) + ", " + typ(depth-1) + ">"
		case n < 6:
			return fmt.Sprint("R", r.IntN(structs))
		}
		return matrixTypes[r.IntN(len(matrixTypes))]
	}
	for i := range structs {
		kind := []string{"struct", "struct", "exception", "union"}[r.IntN(4)]
		fmt.Fprintf(&b, "%s R%d {\n", kind, i)
		if kind == "union" {
			b.WriteString("  1: i32 first\n")
		}
		id := 1
		for j := range r.IntN(12) {
			id += 1 + r.IntN(20)
			t := matrixTypes[r.IntN(len(matrixTypes))]
			switch n := r.IntN(6); {
			case kind == "union":
				fmt.Fprintf(&b, "  %d: %s f%d,\n", id, typ(3), j)
			case n == 0:
				fmt.Fprintf(&b, "  %d: optional %s f%d,\n", id, typ(3), j)
			case n == 1:
				fmt.Fprintf(&b, "  %d: required list<%s> f%d,\n", id, typ(2), j)
			case n == 2:
				fmt.Fprintf(&b, "  %d: required %s f%d = %s,\n", -id, t, j, matrixValues[t])
			case n == 3:
				fmt.Fprintf(&b, "  %d: %s f%d = %s,\n", id, t, j, matrixValues[t])
			default:
				fmt.Fprintf(&b, "  %d: %s f%d,\n", id, typ(3), j)
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}
