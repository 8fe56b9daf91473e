package syntax_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// rich has every production, every kind of literal and of trivia.
const rich = "\ufeff/** The file.\r\n * Two lines.\r\n */\r\n" + `include "a.thrift"; cpp_include '<b>'
namespace * all.of.it
namespace py.twisted x (a = "b", c) # comment

/** A constant. */
const map<string, list<double>> C = {"a\t\"": [1.5, .5; 5. -1e-5], 'b': [],} (d)
const E X = E.A, const bool B = true; const i64 H = -0x1F
typedef set cpp_type "s" <i32 (a = "b")> (c) T;
typedef list<uuid> cpp_type "l" U
/* block */ enum E { A, /** doc */ B = 2; C (x = "y") D = -4 } (e)
// above
struct S xsd_all {
	1: required i32 a = 5 xsd_optional xsd_nillable xsd_attrs { 1: string b } (f),
	-2: optional list<map<byte, a.b.C>> & required; string optional
	/**/ i64 d /***/
} (g)
union V {1: binary v}; exception W { 1: string message = 'it\'s' }
service P { }
service Q extends a.P {
	oneway void ping(), S get(1: i64 id = 1 2: bool b) throws (1: W w; 2: a.X x) (h = 'i')
	async void old()
} (j) // no newline at the end`

// roundTrip checks what holds for any text: the tokens give it back, the trivia join them, the nodes
// are complete, the diagnostics are in order.
func roundTrip(t *testing.T, src []byte) *syntax.File {
	t.Helper()
	f, diags := syntax.Parse("a.thrift", src)
	dumpFile(f) // panics if a node lacks a part
	if f.String() != string(src) {
		t.Fatalf("%q\nis printed as\n%q", src, f.String())
	}
	end := 0
	for i, token := range f.Tokens {
		for _, piece := range f.Trivia(i) {
			if piece.Start != end || piece.End <= piece.Start {
				t.Fatalf("%q: trivia %v of token %d do not join at %d", src, piece, i, end)
			}
			end = piece.End
		}
		s := token.Range()
		if s.Start != end || s.End < s.Start || (s.End == s.Start) != (token.Kind() == syntax.EOF) {
			t.Fatalf("%q: token %d is at %v, want it at %d", src, i, s, end)
		}
		end = s.End
	}
	if n := len(f.Tokens); end != len(src) || f.Tokens[n-1].Kind() != syntax.EOF {
		t.Fatalf("%q: the tokens end at %d with kind %d", src, end, f.Tokens[n-1].Kind())
	}
	for i, d := range diags {
		if d.Line < 1 || d.Column < 1 || d.EndLine < d.Line || d.Message == "" || d.Code == "" {
			t.Fatalf("%q: incomplete diagnostic %+v", src, d)
		}
		if i > 0 && (d.Line < diags[i-1].Line || d.Line == diags[i-1].Line && d.Column < diags[i-1].Column) {
			t.Fatalf("%q: %v comes after %v", src, d, diags[i-1])
		}
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	roundTrip(t, nil)
	roundTrip(t, []byte(rich))
	if _, diags := syntax.Parse("a.thrift", []byte(rich)); diags.Errors() != nil {
		t.Error(diags.Errors())
	}
	for _, p := range pairs {
		roundTrip(t, []byte(p.good))
		roundTrip(t, []byte(p.bad))
	}
}

// TestLayout checks that it does not matter to valid text how it is laid out.
func TestLayout(t *testing.T) {
	texts := []string{rich}
	for _, p := range pairs {
		texts = append(texts, p.good)
	}
	noDocs := func(list []string) string {
		return regexp.MustCompile(` "[^"]*\\n"`).ReplaceAllString(strings.Join(list, "\n"), "")
	}
	for _, text := range texts {
		f, _ := syntax.Parse("a.thrift", []byte(text))
		want := noDocs(dumpFile(f))
		for _, between := range []string{" ", "\n", "\r\n\t", "/* a */", "// a\n"} {
			var b strings.Builder
			for _, token := range f.Tokens {
				b.WriteString(f.Text(token.Range()) + between)
			}
			g, diags := syntax.Parse("a.thrift", []byte(b.String()))
			if got := noDocs(dumpFile(g)); got != want || diags.Errors() != nil {
				t.Errorf("%s\n got %s\nwant %s\n%v", b.String(), got, want, diags.Errors())
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	for n := range len(rich) {
		roundTrip(t, []byte(rich[:n]))
		roundTrip(t, []byte(rich[n:]))
	}
}

func TestDamaged(t *testing.T) {
	for i, c := range []string{"", "\x00", "\xff", "é", "\u00a0", "\"", "/*", "{", "}", "(", ")", "[", "]", "<", ">", ",", ";", "=", ":", "@",
		"*", "-", ".", "1", "x", "\\", "\n", "\nstruct ", "\n1: "} {
		for n := i % 3; n < len(rich); n += 3 {
			roundTrip(t, []byte(rich[:n]+c+rich[n+1:]))
		}
	}
}

// probes returns the text of files of one construct each, by name.
func probes(t testing.TB) map[string]string {
	const dir = "../compile/testdata/probes"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, file := range files {
		src, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		texts[file.Name()] = string(src)
	}
	return texts
}

// otherVerdicts has the probes on the form of which Apache Thrift and this package differ, with the
// reason.
var otherVerdicts = map[string]string{
	"const_ann.thrift":        "thriftpy2 accepts annotations on constants",
	"dbl_bare_sign.thrift":    "Apache Thrift reads a sign without digits as 0.0",
	"dbl_trailing_dot.thrift": "thriftpy2 accepts 1.",
	"deep_const.thrift":       "100 levels are more than 64",
	"deep_nest_type.thrift":   "200 levels are more than 64",
	"enum_sep_after.thrift":   "thriftpy2 accepts a separator after a definition",
	"hs_include.thrift":       "fbthrift has it",
	"inc_sep.thrift":          "thriftpy2 accepts a separator after a header",
	"ns_string.thrift":        "fbthrift has it",
	"slist.thrift":            "Apache Thrift says only that slist is not defined",
	"struct_sep_after.thrift": "thriftpy2 accepts a separator after a definition",
	"structured_ann.thrift":   "fbthrift has it",
	"svc_interaction.thrift":  "fbthrift has it",
	"svc_stream.thrift":       "fbthrift has it",
	"svc_sep_after.thrift":    "thriftpy2 accepts a separator after a definition",
}

// TestProbes holds the verdicts on form against those of Apache Thrift 0.25: testdata/apache.tsv has
// the probes that it rejects before it looks at what they mean, with its message.
func TestProbes(t *testing.T) {
	table, err := os.ReadFile("testdata/apache.tsv")
	if err != nil {
		t.Fatal(err)
	}
	messages := make(map[string]string)
	for _, row := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		name, message, _ := strings.Cut(row, "\t")
		messages[name] = message
	}
	for name, src := range probes(t) {
		roundTrip(t, []byte(src))
		_, diags := syntax.Parse(name, []byte(src))
		rejected := diags.Errors() != nil
		message, rejectedThere := messages[name]
		if reason := otherVerdicts[name]; (rejected != rejectedThere) != (reason != "") {
			t.Errorf("%s\nhere: %v\nApache Thrift: %s\nreason for a difference: %q", src, diags, message, reason)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		src  []byte
		want string
	}{
		{[]byte("\xff\xfes\x00t\x00"), "a.thrift:1:1: error: file is UTF-16 (save the file as UTF-8) [unreadable]"},
		{[]byte("\xfe\xff\x00s\x00t"), "a.thrift:1:1: error: file is UTF-16 (save the file as UTF-8) [unreadable]"},
		{bytes.Repeat([]byte(" "), 64<<20+1), "a.thrift:1:1: error: file is larger than 64 MiB [unreadable]"},
	} {
		f, diags := syntax.Parse("a.thrift", c.src)
		if got := diags.Error(); got != c.want {
			t.Errorf("got %s\nwant %s", got, c.want)
		}
		if f.String() != string(c.src) {
			t.Errorf("%.20q is not printed as it is", c.src)
		}
	}
}

func TestTrivia(t *testing.T) {
	const src = "\ufeff// a\r\n\r\n \t# b\n/* c */ /** d */\x00struct A {}"
	f := roundTrip(t, []byte(src))
	want := []syntax.Trivia{
		{Kind: syntax.Blank}, {Kind: syntax.LineComment}, {Kind: syntax.Newline}, {Kind: syntax.Newline}, {Kind: syntax.Blank},
		{Kind: syntax.LineComment}, {Kind: syntax.Newline}, {Kind: syntax.BlockComment}, {Kind: syntax.Blank},
		{Kind: syntax.DocComment}, {Kind: syntax.Stray},
	}
	texts := []string{"\ufeff", "// a", "\r\n", "\r\n", " \t", "# b", "\n", "/* c */", " ", "/** d */", "\x00"}
	got := f.Trivia(0)
	if len(got) != len(want) {
		t.Fatalf("got %d pieces of trivia, want %d: %v", len(got), len(want), got)
	}
	for i, g := range got {
		if g.Kind != want[i].Kind || f.Text(g.Span) != texts[i] {
			t.Errorf("piece %d is %d %q, want %d %q", i, g.Kind, f.Text(g.Span), want[i].Kind, texts[i])
		}
	}
	for offset := range len(src) + 1 {
		i := f.TokenAt(offset)
		start := 0
		if i > 0 {
			start = f.Tokens[i-1].Range().End
		}
		if end := f.Tokens[i].Range().End; offset < start || offset > end || offset == end && i < len(f.Tokens)-1 {
			t.Errorf("token %d, up to %d, is not at %d", i, end, offset)
		}
	}
}

func TestTokenKinds(t *testing.T) {
	f, _ := syntax.Parse("a.thrift", []byte(`struct a.b "c" 1 -0x1 1.5 { uuid`))
	want := []syntax.Kind{syntax.Keyword, syntax.Name, syntax.String, syntax.Integer, syntax.Integer, syntax.Double,
		syntax.Punctuation, syntax.Keyword, syntax.EOF}
	if len(f.Tokens) != len(want) {
		t.Fatalf("got %d tokens, want %d", len(f.Tokens), len(want))
	}
	for i, token := range f.Tokens {
		if token.Kind() != want[i] {
			t.Errorf("%q is of kind %d, want %d", f.Text(token.Range()), token.Kind(), want[i])
		}
	}
}
