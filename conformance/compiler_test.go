package conformance

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A difference is a kind of text on which the verdict differs from that of Apache's compiler 0.17, by intention.
type difference struct {
	code   string // of our first error; "" for texts that we accept
	said   string // a regular expression for what Apache's compiler says to them
	reason string
}

var differences = []difference{
	{"bad-number", "", "Apache Thrift reads a sign without digits as 0"},
	{"duplicate-id", "", "explicit ids are kept, so that an automatic id may be there already"},
	{"id-range", "", "Apache Thrift drops the upper bits of the id on the wire"},
	{"reply-collision", "", "id 0 and the name success are those of the result"},
	{"reserved-word", "", "uuid is a type since 0.18"},
	{"too-deep", "", "nesting is bounded at 64"},
	{"type-mismatch", "", "Apache Thrift does not look at what lists, sets and maps are given"},
	{"union-members", "", "a union has one member; Apache Thrift does not count"},
	{"unknown-name", "", "Apache Thrift looks at the last part of an enum value's name only"},
	{"value-range", "", "Apache Thrift drops the upper bits"},
	{"wrong-enum", "", "Apache Thrift looks at the last part of an enum value's name only"},

	{"", `Type "uuid" not defined`, "uuid is a type since 0.18"},
	{"", `has not been defined|Type ".*" not defined|No enum value or constant found`, "a name may be used before it is defined"},
	{"", `is unqualified|unset enum on line|declared as struct/xception`, "a constant may be any value of its type, also another constant"},
	{"", `Cannot use reserved language keyword`, "words of target languages are not reserved since 0.18"},
	{"", `last token was '(senum|slist)'`, "senum and slist are names since 0.18"},
	{"", `last token was '[,;]'`, "a separator may follow definitions and headers, as in thriftpy2"},
	{"", `last token was '\('`, "constants may have annotations, as in thriftpy2"},
	{"", `last token was '\.'`, "a number may end with its point, as in thriftpy2"},
	{"", `last token was 'cpp_type'`, "cpp_type may precede the element of a list since 0.18"},
	{"", `last token was '[a-z][a-z0-9_]*'`, "the name of a field may be a keyword since 0.18"},
}

// endless are errors for texts on which Apache's compiler does not end, or not before the memory does.
var endless = []string{"typedef-cycle", "unterminated-comment", "unterminated-string"}

// TestCompilerDifferential compares our verdicts with those of Apache's compiler, over the probes and mutants of them.
// THRIFTKIT_MUTANTS is the number of the latter (3000), for long runs.
func TestCompilerDifferential(t *testing.T) {
	thrift := os.Getenv("THRIFTKIT_THRIFT")
	if _, err := exec.LookPath(thrift); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_THRIFT (%q) names no Thrift compiler", thrift))
	}
	mutants := 3000
	if n := os.Getenv("THRIFTKIT_MUTANTS"); n != "" {
		var err error
		if mutants, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	texts := compilerSeeds(t)
	seeds := len(texts)
	r := rand.New(rand.NewPCG(1, 17))
	for range mutants {
		texts = append(texts, mutate(r, texts[:seeds]))
	}
	dir := t.TempDir()
	var mu sync.Mutex
	counts := make(map[string]int)
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				outcome := compareVerdicts(t, thrift, filepath.Join(dir, strconv.Itoa(i)), texts[i])
				mu.Lock()
				counts[outcome]++
				mu.Unlock()
			}
		})
	}
	for i := range texts {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[outcome], outcome)
	}
	for _, both := range []string{bothAccept, bothReject} {
		if counts[both] < seeds/10 {
			t.Errorf("%s: only %d of %d", both, counts[both], len(texts))
		}
	}
}

const (
	bothAccept = "both accept"
	bothReject = "both reject"
)

func compilerSeeds(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../idl/compile/testdata/probes/*.thrift")
	if err != nil || len(paths) == 0 {
		t.Fatal("no probes", err)
	}
	var seeds []string
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "include") {
			seeds = append(seeds, string(text))
		}
	}
	return seeds
}

// A word is a token with the blanks and comments before it.
type word struct {
	text string
	kind byte // what the token begins with: a letter stands for all names and keywords, t for those of types, 0 for all numbers
}

var typeWord = regexp.MustCompile(`^(bool|byte|i8|i16|i32|i64|double|string|binary)$`)

func kindOf(token string) byte {
	switch c := token[0]; {
	case typeWord.MatchString(token):
		return 't'
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_':
		return 'a'
	case '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.':
		return '0'
	default:
		return c
	}
}

func words(text string) []word {
	f, _ := syntax.Parse("a.thrift", []byte(text))
	var out []word
	at := 0
	for _, token := range f.Tokens {
		end := int(token.Range().End)
		if start := int(token.Range().Start); start < end {
			out = append(out, word{text[at:end], kindOf(text[start:end])})
		}
		at = end
	}
	return out
}

// mutate changes a text in one to three places: it drops, repeats or swaps tokens, or puts in one of another text, most
// often of the same kind, so that more than the syntax of mutants is of interest.
func mutate(r *rand.Rand, seeds []string) string {
	text := words(seeds[r.IntN(len(seeds))])
	for range 1 + r.IntN(3) {
		if len(text) < 2 {
			break
		}
		i, j := r.IntN(len(text)), r.IntN(len(text))
		switch r.IntN(8) {
		case 0:
			text = slices.Delete(text, i, i+1)
		case 1:
			text = slices.Insert(text, i, text[j])
		case 2:
			text[i], text[j] = text[j], text[i]
		default:
			for _, w := range words(seeds[r.IntN(len(seeds))]) {
				if w.kind == text[i].kind && r.IntN(2) == 0 {
					text[i] = w
				}
			}
		}
	}
	var b strings.Builder
	for _, w := range text {
		b.WriteString(w.text)
	}
	return b.String()
}

// compareVerdicts returns how the verdicts on a text compare. dir is a folder for it, which is not there yet.
func compareVerdicts(t *testing.T, thrift, dir, text string) string {
	file, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": text}, Syntax: syntax.Options{Dialect: syntax.Apache}})
	code := ""
	for _, d := range diags.Errors() {
		if slices.Contains(endless, d.Code) {
			return "not run: Apache Thrift does not end: " + d.Code
		}
		if code == "" {
			code = d.Code
		}
	}
	accepted, said := runCompiler(t, thrift, dir, text)
	switch {
	case accepted && file != nil:
		return bothAccept
	case !accepted && file == nil:
		return bothReject
	}
	for _, d := range differences {
		if d.code == code && regexp.MustCompile(d.said).MatchString(said) {
			if accepted {
				return "only Apache Thrift accepts: " + d.reason
			}
			return "only we accept: " + d.reason
		}
	}
	t.Errorf("a difference without a reason: Apache Thrift accepts: %v %s\nours: %v\n%s", accepted, said, diags, text)
	return "without a reason"
}

// runCompiler reports whether Apache's compiler accepts a text, and what it says.
func runCompiler(t *testing.T, thrift, dir, text string) (bool, string) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Error(err)
		return false, ""
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "a.thrift")
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 1000000; exec "$@"`, "sh", thrift, "--gen", "json", "-out", dir, name)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("Apache Thrift does not end:\n%s", text)
	}
	return err == nil, string(out)
}
