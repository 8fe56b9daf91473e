// Command bench measures thriftkit, its peers, and what is possible at all, on the same work in
// one run. README.md says how to read what it prints.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/call"
	"github.com/thriftkit/thriftkit/bench/internal/codec"
	"github.com/thriftkit/thriftkit/bench/internal/machine"
	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// peers are the modules whose versions the report states.
var peers = []string{
	"github.com/apache/thrift", "github.com/cloudwego/kitex", "github.com/cloudwego/frugal", "github.com/cloudwego/dynamicgo",
	"github.com/cloudwego/thriftgo", "go.uber.org/thriftrw", "google.golang.org/grpc", "github.com/grpc-ecosystem/grpc-gateway/v2", "github.com/smallnest/rpcx", "storj.io/drpc",
}

type config struct {
	match          *regexp.Regexp
	rounds         int
	quick          bool
	json, markdown string
	source, goCmd  string
}

// clientArg makes this program a client process.
const clientArg = "client"

func main() {
	if len(os.Args) == 2 && os.Args[1] == clientArg {
		call.ClientMain()
	}
	var c config
	var pattern string
	flag.StringVar(&pattern, "run", ".", "run the rows whose names match the regular `expression`")
	flag.IntVar(&c.rounds, "rounds", 0, "how many `rounds` (default 5; with -quick 3)")
	flag.BoolVar(&c.quick, "quick", false, "fewer rounds, shorter turns")
	flag.StringVar(&c.json, "json", "", "write the report as JSON to the `file`")
	flag.StringVar(&c.markdown, "markdown", "", "write the report as Markdown to the `file`")
	flag.StringVar(&c.source, "source", ".", "the `folder` of this program's module, to build the servers from")
	flag.StringVar(&c.goCmd, "go", "go", "the Go `command` to build the servers with")
	flag.Parse()
	var err error
	if c.match, err = regexp.Compile(pattern); err == nil {
		err = run(c, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(c config, stdout, stderr io.Writer) error {
	rounds, op, turn := 5, 50*time.Millisecond, 350*time.Millisecond
	if c.quick {
		rounds, op, turn = 3, 12*time.Millisecond, 100*time.Millisecond
	}
	if c.rounds > 0 {
		rounds = c.rounds
	}
	progress := func(row string) { fmt.Fprintln(stderr, row) }
	r := report.Report{Machine: machine.Describe(peers), Rounds: rounds, Quick: c.quick}
	// Calls come first: then the values of the rows of codecs are not there yet.
	calls, err := measureCalls(c, call.Runner{Rounds: rounds, Window: turn, Warmup: turn / 2}, progress)
	if err != nil {
		return err
	}
	rows, err := codec.Rows()
	if err != nil {
		return err
	}
	r.Rows = append(codec.Measure(rows, c.match, rounds, op, progress), calls...)
	r.Judge(targets())
	if err := r.Text(stdout); err != nil {
		return err
	}
	if err := write(c.json, r.JSON); err != nil {
		return err
	}
	return write(c.markdown, r.Markdown)
}

// measureCalls runs the rows that need the servers' programs, which it builds if there are any.
func measureCalls(c config, r call.Runner, progress func(string)) ([]*report.Row, error) {
	if !slices.ContainsFunc(call.Names(), c.match.MatchString) {
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "thriftkit-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	progress("build the servers")
	r.Servers, r.Client = filepath.Join(dir, "servers"), []string{self, clientArg}
	stripped := filepath.Join(dir, "stripped")
	for folder, ldflags := range map[string]string{r.Servers: "", stripped: "-s -w"} {
		if err := call.Build(c.goCmd, c.source, folder, ldflags); err != nil {
			return nil, err
		}
	}
	return append(r.Measure(call.Rows(), c.match, progress), r.MeasureRest(stripped, c.match, progress)...), nil
}

// write writes a file if it has a name.
func write(name string, f func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := f(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
