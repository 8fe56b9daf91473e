package analysis

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/internal/idltest"
)

// large returns the file of 108 KB and a place in a struct of it.
func large() (text string, at int) {
	text = string(idltest.Large())
	at = strings.Index(text, "struct ")
	return text, at + strings.Index(text[at:], "{") + 1
}

// BenchmarkKeystroke is an edit of a file of 108 KB up to all its findings.
func BenchmarkKeystroke(b *testing.B) {
	text, at := large()
	w := NewWorkspace(Options{Source: compile.Texts{}})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		w.Open("a.thrift", text[:at]+fmt.Sprintf(" // %d", i)+text[at:])
		w.View("a.thrift").Findings("a.thrift")
	}
}

// BenchmarkComplete is a completion in that file after an edit was analysed.
func BenchmarkComplete(b *testing.B) {
	text, at := large()
	text = text[:at] + "\n  1000: \n" + text[at:]
	w := NewWorkspace(Options{Source: compile.Texts{}})
	w.Open("a.thrift", text)
	for b.Loop() {
		if len(w.Complete("a.thrift", at+9)) < 100 {
			b.Fatal("too few completions")
		}
	}
}

// corpus returns 500 files of 5 MB, each of which includes the one before.
func corpus() (compile.Texts, []string) {
	texts := compile.Texts{}
	var paths []string
	for i := range 500 {
		var t strings.Builder
		if i%10 > 0 {
			fmt.Fprintf(&t, "include \"f%d.thrift\"\n", i-1)
		}
		fmt.Fprintf(&t, "namespace go shop.f%d\n\n", i)
		for k := range 49 {
			fmt.Fprintf(&t, "/** The item %d of the file. */\nstruct Item%d {\n  1: optional string name,\n  2: optional i64 id (go.tag = \"json:id\"),\n  3: optional list<string> tags, // what it is called\n", k, k)
			if i%10 > 0 {
				fmt.Fprintf(&t, "  4: optional f%d.Item%d other,\n", i-1, k)
			}
			t.WriteString("}\n\n")
		}
		t.WriteString("service Shop {\n  Item1 find(1: string name),\n}\n")
		name := fmt.Sprintf("f%d.thrift", i)
		texts[name] = t.String()
		paths = append(paths, name)
	}
	return texts, paths
}

// BenchmarkLintWorkspace lints 500 files, 5 MB.
func BenchmarkLintWorkspace(b *testing.B) {
	texts, paths := corpus()
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	b.SetBytes(int64(n))
	for b.Loop() {
		lint.Run(compile.Load(paths, compile.Options{Source: texts}), lint.Options{})
	}
}

// BenchmarkFirstDiagnostics is a new workspace of 500 files, 5 MB: all of it is read, and one file has its findings.
// MB/workspace is what the heap holds afterwards.
func BenchmarkFirstDiagnostics(b *testing.B) {
	texts, paths := corpus()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var w *Workspace
	for b.Loop() {
		w = NewWorkspace(Options{Source: texts})
		w.files = paths
		w.Open("f9.thrift", texts["f9.thrift"])
		w.Whole()
		w.View("f9.thrift").Findings("f9.thrift")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB/workspace")
	runtime.KeepAlive(w)
}
