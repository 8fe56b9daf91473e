package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

func newCheck() *cobra.Command {
	var includeDirs []string
	var format string
	var lang language
	cmd := &cobra.Command{
		Use:   "check [flags] FILE…",
		Short: "Find mistakes in .thrift files",
		Long: `check reads .thrift files, and those that they include, and prints what is wrong with them, one finding a line.

The FILE - is standard input, whose includes are looked for in the working directory.

It ends with 1 if there are errors. Warnings are printed and allowed.`,
		Example:           "  thriftkit check foo.thrift\n  thriftkit check --format json -I idl foo.thrift shop.thrift",
		Args:              needArgs(1, -1, "FILE"),
		ValidArgsFunction: completeFiles,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("unknown format %q (known: text, json)", format)
			}
			opts, err := lang.options(cmd)
			if err != nil {
				return err
			}
			paths, source, err := readStdin(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			diags := compile.Load(paths, compile.Options{IncludeDirs: includeDirs, Source: source, Syntax: opts}).Diagnostics
			if err := printDiagnostics(cmd.OutOrStdout(), diags, format); err != nil {
				return err
			}
			if len(diags.Errors()) > 0 {
				return &exitError{code: exitFailure}
			}
			return nil
		}),
	}
	addIncludeFlag(cmd, &includeDirs)
	lang.addDialectFlag(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "the form of the findings, text or json: `FORM`")
	mustComplete(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// The JSON form of a finding. Lines and columns count from 1, columns in bytes; a place without
// a line is a file as a whole.
type (
	placeJSON struct {
		File      string `json:"file"`
		Line      int    `json:"line"`
		Column    int    `json:"column"`
		EndLine   int    `json:"endLine"`
		EndColumn int    `json:"endColumn"`
	}
	findingJSON struct {
		placeJSON
		Severity string        `json:"severity"`
		Code     string        `json:"code"`
		Message  string        `json:"message"`
		Hint     string        `json:"hint"`
		Related  []relatedJSON `json:"related"`
	}
	relatedJSON struct {
		placeJSON
		Message string `json:"message"`
	}
)

func printDiagnostics(w io.Writer, diags syntax.Diagnostics, format string) error {
	if format == "json" {
		findings := make([]findingJSON, len(diags)) // never null
		for i, d := range diags {
			findings[i] = findingJSON{placeJSON(d.Place), d.Severity.String(), d.Code, d.Message, d.Hint, make([]relatedJSON, len(d.Related))}
			for j, r := range d.Related {
				findings[i].Related[j] = relatedJSON{placeJSON(r.Place), r.Message}
			}
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(findings)
	}
	for _, d := range diags {
		if _, err := fmt.Fprintln(w, d); err != nil {
			return err
		}
	}
	return nil
}
