package codec

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/cloudwego/kitex/pkg/generic"
	"github.com/cloudwego/thriftgo/parser"
	"github.com/cloudwego/thriftgo/semantic"
	"go.uber.org/thriftrw/compile"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/idltest"
)

// small returns a program of about 3 KB.
func small() string {
	var b strings.Builder
	b.WriteString("namespace go shop\n\nenum State {\n  UNKNOWN = 0,\n  ORDERED = 1,\n  SHIPPED = 2,\n}\n\nexception NotFound {\n  1: required string message,\n}\n\n")
	for i := range 10 {
		fmt.Fprintf(&b, "/** Item%d is one of some. */\nstruct Item%d {\n  1: required i64 id,\n  2: optional string title = \"untitled\",\n", i, i)
		fmt.Fprintf(&b, "  3: optional State state = State.ORDERED,\n  4: optional list<string> tags,\n  5: optional map<string, i64> counts,\n  6: optional double price,\n}\n\n")
	}
	b.WriteString("service Shop {\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  Item%d get%d(1: i64 id) throws (1: NotFound missing),\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

// memory is a file system in memory for thriftrw.
type memory struct{ fstest.MapFS }

func (m memory) Read(name string) ([]byte, error) { return fs.ReadFile(m.MapFS, name) }

func (memory) Abs(name string) (string, error) { return name, nil }

// idlRows read and check IDL text from memory, to whatever a library needs for calls without
// generated code.
func idlRows() ([]Row, error) {
	var rows []Row
	for _, text := range []struct{ name, text string }{{"3KB", small()}, {"108KB", string(bytes.Clone(idltest.Large()))}} {
		texts := map[string]string{"bench.thrift": text.text}
		files := compile.Filesystem(memory{fstest.MapFS{"bench.thrift": {Data: []byte(text.text)}}})
		rows = append(rows, Row{
			Name: "IDL/" + text.name, About: fmt.Sprintf("load IDL of %d bytes, from memory", len(text.text)),
			Ops: []Op{
				{Side: "thriftkit", Run: func() error {
					_, err := thriftkit.Load("bench.thrift", thriftkit.WithTexts(texts))
					return err
				}},
				{Side: "thriftrw", Run: func() error {
					_, err := compile.Compile("bench.thrift", files, compile.NonStrict())
					return err
				}},
				{Side: "thriftgo", Run: func() error {
					tree, err := parser.ParseString("bench.thrift", text.text)
					if err != nil {
						return err
					}
					return semantic.ResolveSymbols(tree)
				}},
				{Side: "kitex-provider", Run: func() error {
					p, err := generic.NewThriftContentWithAbsIncludePathProvider("bench.thrift", texts)
					if err != nil {
						return err
					}
					return p.Close()
				}},
			},
		})
	}
	return rows, nil
}
