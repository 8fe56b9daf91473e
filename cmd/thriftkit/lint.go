package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/lsp"
	forms "github.com/thriftkit/thriftkit/idl/report"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/internal/plural"
	"go.yaml.in/yaml/v3"
)

type lintOptions struct {
	includeDirs                  []string
	format                       string
	sets, rules                  []string
	fix, unsafe                  bool
	baseline, writeBaseline, why string
	failOn                       string
	lint                         lint.Options
	lang                         language
	syntax                       syntax.Options
}

const lintLong = `lint looks for what is allowed in .thrift files and yet a mistake waiting to happen: names that collide in generated code,
required fields, implicit numbers, missing documentation. docs/lint.md lists all rules; --explain RULE prints one.

A FILE may be a directory: then all .thrift files in it and below are meant. Without FILE, the working directory is. Included
files are read, and their errors reported, but rules of style hold for the named files only.

The section lint of thriftkit.yaml has sets, rules, ignore and the options of rules; flags go before it. A comment
"thrift:ignore RULE reason" suppresses a finding.

The exit code is 0 if there are no errors and no warnings, and 1 if there are; --fail-on changes what counts.`

func newLint() *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use:   "lint [flags] [FILE…]",
		Short: "Check the style and the future of .thrift files",
		Long:  lintLong,
		Example: "  thriftkit lint idl\n  thriftkit lint --set strict --rule FIELD_NOT_REQUIRED=off --fail-on error foo.thrift\n" +
			"  thriftkit lint --fix idl\n  thriftkit lint --explain FIELD_NOT_REQUIRED\n  thriftkit lint --format sarif idl",
		ValidArgsFunction: completeFiles,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if o.why != "" {
				return explainRule(cmd.OutOrStdout(), o.why)
			}
			if err := o.configure(cmd); err != nil {
				return err
			}
			return o.run(cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
		}),
	}
	f := cmd.Flags()
	addIncludeFlag(cmd, &o.includeDirs)
	o.lang.addDialectFlag(cmd)
	addReportFlag(cmd, &o.format)
	f.StringSliceVar(&o.sets, "set", nil, "rules of the sets `SET`: minimal, standard, strict, comments (default standard)")
	f.StringArrayVar(&o.rules, "rule", nil, "`RULE=LEVEL`: off, error, warning or note (may be repeated)")
	f.BoolVar(&o.fix, "fix", false, "mend what can be mended without changing what files mean")
	f.BoolVar(&o.unsafe, "unsafe-fixes", false, "with --fix, also change names in generated code, and what is on the wire: look at the result")
	f.StringVar(&o.baseline, "baseline", "", "leave out the findings that are listed in `FILE`")
	f.StringVar(&o.writeBaseline, "write-baseline", "", "write the findings to `FILE` for --baseline, and end with 0")
	f.StringVar(&o.why, "explain", "", "print what `RULE` means, why, and an example")
	f.StringVar(&o.failOn, "fail-on", "warning", "end with 1 if there is a finding of this `SEVERITY` or worse: error, warning, note, none")
	mustComplete(cmd.RegisterFlagCompletionFunc("set", cobra.FixedCompletions([]string{"minimal", "standard", "strict", "comments"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"error", "warning", "note", "none"}, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("explain", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		for _, r := range lint.Rules() {
			ids = append(ids, r.ID)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}))
	return cmd
}

func addReportFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "format", "text", "the form of the findings: `FORM` "+strings.Join(forms.Formats, ", "))
	mustComplete(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(forms.Formats, cobra.ShellCompDirectiveNoFileComp)))
}

// configure takes what thriftkit.yaml and flags say.
func (o *lintOptions) configure(cmd *cobra.Command) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	if o.syntax, err = o.lang.options(cmd); err != nil {
		return err
	}
	if c != nil {
		o.lint = c.lint
		o.includeDirs = append(o.includeDirs, c.includeDirs.value...)
	}
	if cmd.Flags().Changed("set") {
		o.lint.Sets = nil
		for _, name := range o.sets {
			set, err := lint.ParseSet(name)
			if err != nil {
				return usagef("%w", err)
			}
			o.lint.Sets = append(o.lint.Sets, set)
		}
	}
	levels := maps.Clone(o.lint.Levels)
	if levels == nil {
		levels = make(map[string]lint.Level)
	}
	for _, text := range o.rules {
		id, word, ok := strings.Cut(text, "=")
		level, err := lint.ParseLevel(word)
		if !ok || err != nil {
			return usagef("--rule %s: want RULE=off, error, warning or note", text)
		}
		levels[id] = level
	}
	o.lint.Levels = levels
	if !slices.Contains(forms.Formats, o.format) {
		return usagef("unknown format %q (known: %s)", o.format, strings.Join(forms.Formats, ", "))
	}
	if _, err := failLevel(o.failOn); err != nil {
		return err
	}
	if err := o.lint.Check(); err != nil {
		return usagef("%w", err)
	}
	return nil
}

// failLevel returns the mildest severity that counts, -1 for none.
func failLevel(word string) (int, error) {
	if word == "none" {
		return -1, nil
	}
	if i := slices.Index([]string{"error", "warning", "note"}, word); i >= 0 {
		return i, nil
	}
	return 0, usagef("unknown severity %q (known: error, warning, note, none)", word)
}

// thriftFiles returns the .thrift files that args mean, those of the working directory if there are none.
func thriftFiles(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var paths []string
	var errs []error
	for _, arg := range args {
		walkThrift(arg, func(path string, err error) {
			path = filepath.ToSlash(filepath.Clean(path))
			if err != nil {
				errs = append(errs, err)
			} else if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		})
	}
	if errs == nil && len(paths) == 0 {
		errs = append(errs, fmt.Errorf("no .thrift files in %s", strings.Join(args, ", ")))
	}
	return paths, errors.Join(errs...)
}

func (o *lintOptions) run(out, errOut io.Writer, args []string) error {
	paths, err := thriftFiles(args)
	if err != nil {
		return err
	}
	named := make(map[string]bool)
	for _, p := range paths {
		named[p] = true
	}
	o.lint.Only = func(path string) bool { return named[path] }
	from := compile.Options{IncludeDirs: o.includeDirs, Syntax: o.syntax}
	var findings []*lint.Finding
	if o.fix {
		fixed, err := lint.FixAll(paths, from, o.lint, o.unsafe)
		if err != nil {
			return err
		}
		for _, path := range slices.Sorted(maps.Keys(fixed.Texts)) {
			if err := replaceFile(path, fixed.Texts[path]); err != nil {
				return err
			}
		}
		if fixed.Applied > 0 {
			fmt.Fprintf(errOut, "thriftkit: %s in %s\n", plural.Of(fixed.Applied, "change"), plural.Of(len(fixed.Texts), "file"))
		}
		findings = fixed.Left
	} else {
		findings = lint.Run(compile.Load(paths, from), o.lint)
	}
	list := make([]forms.Finding, len(findings))
	for i, f := range findings {
		list[i] = forms.Finding{Diagnostic: f.Diagnostic}
	}
	if o.writeBaseline != "" {
		return writeBaseline(o.writeBaseline, list)
	}
	if list, err = withoutBaseline(o.baseline, list); err != nil {
		return err
	}
	opts := forms.Options{Tool: "thriftkit lint", Version: readVersion().String(), Files: paths}
	for _, r := range lint.Rules() {
		opts.Rules = append(opts.Rules, forms.Rule{ID: r.ID, Meaning: r.Meaning.English})
	}
	if err := forms.Write(out, o.format, list, opts); err != nil {
		return err
	}
	return failOn(o.failOn, list)
}

// failOn returns the error to end with.
func failOn(word string, list []forms.Finding) error {
	most, err := failLevel(word)
	if err != nil {
		return err
	}
	for _, f := range list {
		if int(f.Severity) <= most {
			return &exitError{code: exitFailure}
		}
	}
	return nil
}

// A baselineEntry is a group of findings that are accepted, however many lines stand before them.
type baselineEntry struct {
	File    string `json:"file"`
	Rule    string `json:"rule"`
	Message string `json:"message"`
	Count   int    `json:"count"`
}

func writeBaseline(path string, list []forms.Finding) error {
	entries := []baselineEntry{}
	for _, f := range list {
		i := slices.IndexFunc(entries, func(e baselineEntry) bool {
			return e.File == f.File && e.Rule == f.Code && e.Message == f.Message
		})
		if i < 0 {
			entries = append(entries, baselineEntry{f.File, f.Code, f.Message, 1})
		} else {
			entries[i].Count++
		}
	}
	data, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o666)
}

func withoutBaseline(path string, list []forms.Finding) ([]forms.Finding, error) {
	if path == "" {
		return list, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("%s does not exist: write it with --write-baseline %s", path, path)
	}
	if err != nil {
		return nil, err
	}
	var entries []baselineEntry
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, usagef("%s is not a baseline: %w", path, err)
	}
	left := make(map[baselineEntry]int)
	for _, e := range entries {
		n := e.Count
		e.Count = 0
		left[e] += n
	}
	var out []forms.Finding
	for _, f := range list {
		key := baselineEntry{f.File, f.Code, f.Message, 0}
		if left[key] > 0 {
			left[key]--
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

func explainRule(out io.Writer, id string) error {
	r := lint.Find(strings.ToUpper(id))
	if r == nil {
		var ids []string
		for _, r := range lint.Rules() {
			ids = append(ids, r.ID)
		}
		return usagef("there is no rule %q%s", id, didYouMean(id, ids))
	}
	fix := [...]string{lint.NoFix: "none", lint.SafeFix: "--fix", lint.UnsafeFix: "--fix --unsafe-fixes"}[r.Fix]
	_, err := fmt.Fprintf(out, "%s: %s in set %s, fix: %s\n\n%s\n%s\n\nbad:\n%s\ngood:\n%s", r.ID, r.Severity, r.Set, fix, r.Meaning.English, r.Reason.English, indented(r.Bad), indented(r.Good))
	return err
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// lint reads the section lint of the project file.
var lintSets = map[string]lint.Set{"minimal": lint.Minimal, "standard": lint.Standard, "strict": lint.Strict, "comments": lint.Comments}

func (r *configReader) lint(n *yaml.Node, o *lint.Options) {
	list := func(to *[]string) func(*yaml.Node) { return func(n *yaml.Node) { *to = r.texts(n).value } }
	word := func(to *string, words ...string) func(*yaml.Node) {
		return func(n *yaml.Node) { *to = r.oneWord(n, words).value }
	}
	rules := func(n *yaml.Node) {
		for _, rule := range lint.Rules() {
			r.offer(n, lsp.ConfigWord{Text: rule.ID, Detail: rule.Meaning.English})
			if n.Value == rule.ID {
				r.known = append(r.known, knownWord{n, rule.Meaning.English + " " + rule.Reason.English})
			}
		}
	}
	number := func(to *int) func(*yaml.Node) { return func(n *yaml.Node) { *to = r.number(n, 1, 1_000_000).value } }
	keys := map[string]func(*yaml.Node){
		"sets": func(n *yaml.Node) {
			for _, name := range someOf(r, n, lintSets).value {
				o.Sets = append(o.Sets, lintSets[name])
			}
		},
		"rules": func(n *yaml.Node) {
			o.Levels = make(map[string]lint.Level)
			for key, value := range r.pairs(n, "rules") {
				rules(key)
				r.offerTexts(value, "off", "error", "warning", "note")
				text := value.Value
				if value.Tag == "!!bool" && text == "false" {
					text = "off"
				}
				level, err := lint.ParseLevel(text)
				if err != nil {
					r.errorf(value, "%v", err)
				}
				o.Levels[key.Value] = level
			}
		},
		"ignore": func(n *yaml.Node) {
			for key, value := range r.pairs(n, "ignore") {
				rules(value)
				for _, item := range value.Content {
					rules(item)
				}
				o.Ignore = append(o.Ignore, lint.Override{Path: filepath.ToSlash(r.local(key.Value)), Rules: r.texts(value).value})
			}
		},
		"languages": list(&o.Languages), "required-namespaces": list(&o.RequiredNamespaces), "exception-suffix": list(&o.ExceptionSuffix), "annotations": list(&o.Annotations),
		"field-case": word(&o.FieldCase, "snake", "camel"), "argument-case": word(&o.ArgumentCase, "snake", "camel"), "method-case": word(&o.MethodCase, "snake", "camel"),
		"service-suffix": word(&o.ServiceSuffix), "dialect": word(&o.Dialect, "apache", "fbthrift", "kitex"),
		"enum-size": number(&o.EnumSize), "struct-size": number(&o.StructSize), "type-nesting": number(&o.TypeNesting),
		"namespaces": func(n *yaml.Node) {
			o.Namespaces = make(map[string]string)
			for key, value := range r.pairs(n, "namespaces") {
				o.Namespaces[key.Value] = r.text(value).value
			}
		},
		"restricted-includes": func(n *yaml.Node) {
			for key, value := range r.pairs(n, "restricted-includes") {
				for _, to := range r.texts(value).value {
					o.RestrictedIncludes = append(o.RestrictedIncludes, lint.Restriction{From: key.Value, To: to})
				}
			}
		},
	}
	r.mapping(n, "lint", keys)
	if err := o.Check(); err != nil {
		r.errorf(n, "%v", err)
	}
}
