// Package report writes findings about .thrift files in the forms that editors, build servers and code
// reviews read.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// Formats are the names of the forms that Write knows.
//
//	text            file:line:col: severity: message (hint) [RULE]
//	json            an array of objects
//	github-actions  workflow commands, which annotate the changed lines
//	gitlab          a Code Quality report
//	junit           a test case for each file
//	sarif           SARIF 2.1.0
var Formats = []string{"text", "json", "github-actions", "gitlab", "junit", "sarif"}

// A Rule describes a kind of finding.
type Rule struct{ ID, Meaning string }

// A Property is more that a program says about a finding.
type Property struct{ Name, Value string }

// A Finding is a diagnostic whose Code is the id of its rule.
type Finding struct {
	syntax.Diagnostic
	Properties []Property
}

// Options say what wrote the findings.
type Options struct {
	Tool    string // "thriftkit lint"
	Version string
	Rules   []Rule   // those that findings refer to, and maybe more
	Files   []string // that were looked at, for junit
}

// Write writes findings to w in one of the Formats.
func Write(w io.Writer, format string, findings []Finding, opts Options) error {
	switch format {
	case "text":
		for i := range findings {
			if _, err := fmt.Fprintln(w, findings[i].Error()); err != nil {
				return err
			}
		}
		return nil
	case "json":
		return writeJSON(w, findings)
	case "github-actions":
		return writeGitHub(w, findings)
	case "gitlab":
		return writeGitLab(w, findings)
	case "junit":
		return writeJUnit(w, findings, opts)
	case "sarif":
		return writeSARIF(w, findings, opts)
	}
	return fmt.Errorf("unknown format %q (known: %s)", format, strings.Join(Formats, ", "))
}

type placeJSON struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"endLine"`
	EndColumn int    `json:"endColumn"`
}

type relatedJSON struct {
	placeJSON
	Message string `json:"message"`
}

type findingJSON struct {
	placeJSON
	Severity   string            `json:"severity"`
	Code       string            `json:"code"`
	Message    string            `json:"message"`
	Hint       string            `json:"hint"`
	Related    []relatedJSON     `json:"related"`
	Properties map[string]string `json:"properties,omitempty"`
}

func indent(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func properties(f Finding) map[string]string {
	if len(f.Properties) == 0 {
		return nil
	}
	m := make(map[string]string)
	for _, p := range f.Properties {
		m[p.Name] = p.Value
	}
	return m
}

func writeJSON(w io.Writer, findings []Finding) error {
	list := make([]findingJSON, len(findings)) // never null
	for i, f := range findings {
		list[i] = findingJSON{placeJSON(f.Place), f.Severity.String(), f.Code, f.Message, f.Hint, make([]relatedJSON, len(f.Related)), properties(f)}
		for k, r := range f.Related {
			list[i].Related[k] = relatedJSON{placeJSON(r.Place), r.Message}
		}
	}
	return indent(w, list)
}

// text returns the message with its hint and the other places.
func text(f Finding) string {
	s := f.Message
	for _, r := range f.Related {
		s += "; " + r.Message + " at " + r.Place.String()
	}
	if f.Hint != "" {
		s += " (" + f.Hint + ")"
	}
	return s
}

// writeGitHub follows "Workflow commands for GitHub Actions", setting an error message.
func writeGitHub(w io.Writer, findings []Finding) error {
	value := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, f := range findings {
		kind := f.Severity.String()
		if f.Severity == syntax.Note {
			kind = "notice"
		}
		place := "file=" + value.Replace(f.File)
		if f.Line > 0 {
			place += fmt.Sprintf(",line=%d,col=%d,endLine=%d,endColumn=%d", f.Line, f.Column, f.EndLine, max(f.EndColumn, 1))
		}
		if _, err := fmt.Fprintf(w, "::%s %s,title=%s::%s\n", kind, place, value.Replace(f.Code), message.Replace(text(f))); err != nil {
			return err
		}
	}
	return nil
}

// Fingerprint returns what stays the same of a finding when lines are added elsewhere in its file.
// n distinguishes equal ones.
func Fingerprint(f Finding, n int) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.File, f.Code, f.Message, fmt.Sprint(n)}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func fingerprints(findings []Finding) []string {
	seen := make(map[string]int)
	list := make([]string, len(findings))
	for i, f := range findings {
		key := Fingerprint(f, 0)
		list[i] = Fingerprint(f, seen[key])
		seen[key]++
	}
	return list
}

// writeGitLab follows GitLab's documentation of Code Quality reports.
func writeGitLab(w io.Writer, findings []Finding) error {
	type lines struct {
		Begin int `json:"begin"`
		End   int `json:"end"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	list := make([]issue, len(findings))
	prints := fingerprints(findings)
	for i, f := range findings {
		severity := [...]string{syntax.Error: "major", syntax.Warning: "minor", syntax.Note: "info"}[f.Severity]
		list[i] = issue{text(f), f.Code, prints[i], severity, location{f.File, lines{max(f.Line, 1), max(f.EndLine, 1)}}}
	}
	return indent(w, list)
}

func writeJUnit(w io.Writer, findings []Finding, opts Options) error {
	type failure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Failure *failure `xml:"failure,omitempty"`
	}
	type testsuite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	type testsuites struct {
		XMLName  xml.Name    `xml:"testsuites"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Suites   []testsuite `xml:"testsuite"`
	}
	all := testsuites{Name: opts.Tool}
	paths := slices.Clone(opts.Files)
	for _, f := range findings {
		if !slices.Contains(paths, f.File) {
			paths = append(paths, f.File)
		}
	}
	for _, path := range paths {
		suite := testsuite{Name: path}
		for _, f := range findings {
			if f.File == path {
				suite.Cases = append(suite.Cases, testcase{fmt.Sprintf("%s at %d:%d", f.Code, f.Line, f.Column), path,
					&failure{f.Severity.String(), f.Message, f.Error()}})
				suite.Failures++
			}
		}
		if suite.Cases == nil {
			suite.Cases = []testcase{{Name: opts.Tool, Class: path}}
		}
		suite.Tests = len(suite.Cases)
		all.Tests, all.Failures = all.Tests+suite.Tests, all.Failures+suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// writeSARIF follows "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", OASIS.
// Columns count bytes in the rest of this program and UTF-16 code units by default in SARIF, so columnKind
// is not given and regions of text with other characters are as near as that gets.
func writeSARIF(w io.Writer, findings []Finding, opts Options) error {
	type object = map[string]any
	index := make(map[string]int)
	rules := []object{}
	add := func(id, meaning string) int {
		i, ok := index[id]
		if !ok {
			i = len(rules)
			index[id] = i
			rule := object{"id": id}
			if meaning != "" {
				rule["shortDescription"] = object{"text": meaning}
			}
			rules = append(rules, rule)
		}
		return i
	}
	for _, r := range opts.Rules {
		add(r.ID, r.Meaning)
	}
	location := func(p syntax.Place) object {
		physical := object{"artifactLocation": object{"uri": uri(p.File)}}
		if p.Line > 0 {
			region := object{"startLine": p.Line, "startColumn": p.Column}
			if p.EndLine > 0 {
				region["endLine"], region["endColumn"] = p.EndLine, max(p.EndColumn, 1)
			}
			physical["region"] = region
		}
		return object{"physicalLocation": physical}
	}
	results := []object{}
	prints := fingerprints(findings)
	for i, f := range findings {
		message := f.Message
		if f.Hint != "" {
			message += " (" + f.Hint + ")"
		}
		result := object{
			"ruleId": f.Code, "ruleIndex": add(f.Code, ""), "level": f.Severity.String(), "message": object{"text": message},
			"locations": []object{location(f.Place)}, "partialFingerprints": object{"thriftkit/v1": prints[i]},
		}
		var related []object
		for k, r := range f.Related {
			l := location(r.Place)
			l["id"], l["message"] = k, object{"text": r.Message}
			related = append(related, l)
		}
		if related != nil {
			result["relatedLocations"] = related
		}
		if p := properties(f); p != nil {
			result["properties"] = p
		}
		results = append(results, result)
	}
	driver := object{"name": opts.Tool, "rules": rules, "language": "en-US"}
	if opts.Version != "" {
		driver["version"] = opts.Version
	}
	return indent(w, object{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		"version": "2.1.0",
		"runs": []object{{
			"tool": object{"driver": driver}, "results": results,
			"language": "en-US", "newlineSequences": []string{"\r\n", "\n"},
		}},
	})
}

// uri returns a path as a relative reference.
func uri(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if strings.HasPrefix(path, "/") {
		return "file://" + b.String()
	}
	return b.String()
}
