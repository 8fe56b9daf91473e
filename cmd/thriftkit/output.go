package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"golang.org/x/term"
)

// An output is where the result of a call goes, and how.
type output struct {
	file   string // in place of standard output
	jq     string
	color  string
	binary string

	form  dynamic.BinaryForm
	raw   string // the file that a binary result goes to
	query *gojq.Query
}

func (o *output) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.file, "output", "o", "", "write the result to `FILE`")
	f.StringVar(&o.jq, "jq", "", "apply the jq filter `EXPR` to the result")
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written in arguments and results: `FORM` base64, hex or text, or @FILE for a result that is one")
	f.StringVar(&o.color, "color", "auto", "colours `WHEN` auto (on a terminal, unless NO_COLOR is set), always, never")
	mustComplete(cmd.RegisterFlagCompletionFunc("binary", cobra.FixedCompletions([]string{"base64", "hex", "text", "@"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("jq", cobra.NoFileCompletions))
}

// check reads the flags.
func (o *output) check() (err error) {
	if name, ok := strings.CutPrefix(o.binary, "@"); ok {
		if name == "" {
			return usagef("--binary @FILE: the name of the file is missing")
		}
		o.raw = name
	} else if o.form, err = dynamic.ParseBinaryForm(o.binary); err != nil {
		return usagef("--binary: %w, or @FILE", err)
	}
	if o.color != "auto" && o.color != "always" && o.color != "never" {
		return usagef("--color: want auto, always or never, got %q", o.color)
	}
	if o.jq != "" {
		if o.query, err = gojq.Parse(o.jq); err != nil {
			return usagef("--jq: %w", err)
		}
	}
	return nil
}

// fits checks the flags against the method that is called.
func (o *output) fits(m *schema.Method) error {
	if o.raw != "" && m.Result.Kind != schema.KindBinary && m.Result.Kind != schema.KindString {
		return usagef("--binary @FILE is for a result that is binary, and %s returns %s", m, m.Result)
	}
	return nil
}

// open returns where results are written.
func (o *output) open(std io.Writer) (w io.Writer, done func() error, err error) {
	if o.file == "" {
		return std, func() error { return nil }, nil
	}
	f, err := os.Create(o.file)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

// write writes a result, nothing for void.
func (o *output) write(w io.Writer, t *schema.Type, v dynamic.Value) error {
	switch {
	case t.Kind == schema.KindVoid:
		return nil
	case o.raw != "":
		return os.WriteFile(o.raw, v.Bytes(), 0o666)
	}
	text, err := dynamic.AppendJSON(nil, t, v, dynamic.JSONOptions{Binary: o.form})
	if err != nil {
		return err
	}
	if o.query != nil {
		return o.filter(w, text)
	}
	return o.line(w, text)
}

// line writes one JSON text.
func (o *output) line(w io.Writer, text []byte) error {
	if o.colored(w) {
		text = colorJSON(text)
	}
	_, err := w.Write(append(text, '\n'))
	return err
}

// filter writes what the jq filter makes of text, a line for each value.
func (o *output) filter(w io.Writer, text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	results := o.query.Run(exactNumbers(v))
	for {
		result, ok := results.Next()
		if !ok {
			return nil
		}
		if err, ok := result.(error); ok {
			var halt *gojq.HaltError
			if errors.As(err, &halt) && halt.Value() == nil {
				return nil
			}
			return fmt.Errorf("--jq: %w", err)
		}
		out, err := gojq.Marshal(result)
		if err != nil {
			return fmt.Errorf("--jq: %w", err)
		}
		if err := o.line(w, out); err != nil {
			return err
		}
	}
}

// exactNumbers makes what gojq takes of the numbers in v: a 64-bit integer stays what it is.
func exactNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if x == "-0" {
			return math.Copysign(0, -1)
		}
		if n, err := x.Int64(); err == nil && int64(int(n)) == n {
			return int(n)
		}
		if n, ok := new(big.Int).SetString(x.String(), 10); ok {
			return n
		}
		f, _ := x.Float64() // out of range is infinite
		return f
	case []any:
		for i := range x {
			x[i] = exactNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = exactNumbers(x[k])
		}
	}
	return v
}

// colored reports whether what goes to w has colours.
func (o *output) colored(w io.Writer) bool {
	if o.color != "auto" {
		return o.color == "always"
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// isTerminal reports whether what goes to w is seen at once.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const (
	colorKey     = "\x1b[34;1m"
	colorString  = "\x1b[32m"
	colorNumber  = "\x1b[36m"
	colorLiteral = "\x1b[33m"
	colorOff     = "\x1b[0m"
)

// colorJSON puts colours around the keys and values of a JSON text, which is valid.
func colorJSON(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); {
		end, color := i+1, ""
		switch c := text[i]; {
		case c == '"':
			end, color = stringEnd(text, i), colorString
			if next := bytes.TrimLeft(text[end:], " \n\t"); len(next) > 0 && next[0] == ':' {
				color = colorKey
			}
		case c == '-' || '0' <= c && c <= '9':
			end, color = i+len(text[i:])-len(bytes.TrimLeft(text[i:], "+-.0123456789eE")), colorNumber
		case 'a' <= c && c <= 'z':
			end, color = i+len(text[i:])-len(bytes.TrimLeft(text[i:], "abcdefghijklmnopqrstuvwxyz")), colorLiteral
		}
		if color != "" {
			out = append(append(append(out, color...), text[i:end]...), colorOff...)
		} else {
			out = append(out, text[i:end]...)
		}
		i = end
	}
	return out
}

// stringEnd returns the offset after the string of JSON that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(text))
}
