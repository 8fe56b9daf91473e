// Package table lays out the tables that the suites print: for a terminal, or as Markdown.
package table

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A Table has a head and rows of the same length.
type Table struct {
	Head []string
	Rows [][]string
}

// Add adds a row of values, as fmt.Sprint writes them.
func (t *Table) Add(values ...any) {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = fmt.Sprint(v)
	}
	t.Rows = append(t.Rows, row)
}

// Write writes the table, in columns or as Markdown.
func (t *Table) Write(w io.Writer, markdown bool) error {
	if markdown {
		return t.writeMarkdown(w)
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	tw.Flush()
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) writeMarkdown(w io.Writer) error {
	rule := make([]string, len(t.Head))
	for i := range rule {
		rule[i] = "---"
	}
	for _, row := range append([][]string{t.Head, rule}, t.Rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}
