package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxFileBytes is the longest list that is read: some 100,000 instances.
const maxFileBytes = 16 << 20

// File returns a Resolver that reports the instances in a file. It looks every refresh whether the file has changed; 0 means 1 second. A
// file that cannot be read or has mistakes is an error that changes nothing for running clients.
//
// The file is JSON, an array of [Instance] objects, or a YAML list with one key to a line:
//
//   - addr: 10.0.0.1:9090
//     weight: 100
//     zone: a
//     tags: [canary, blue]
//     metadata: {protocol: compact}
//   - 10.0.0.2:9090
//
// Of YAML that is all: block lists of maps or addresses, plain or quoted scalars, and one-line lists and maps.
func File(name string, refresh time.Duration) Resolver {
	if refresh <= 0 {
		refresh = time.Second
	}
	return ResolverFunc(func(ctx context.Context, report func(Snapshot)) error {
		var last []byte
		for revision := uint64(0); ; {
			text, err := readFile(name)
			if err != nil {
				return err
			}
			if revision == 0 || !bytes.Equal(text, last) {
				list, err := ParseFile(name, text)
				if err != nil {
					return err
				}
				last = text
				revision++
				report(Snapshot{Revision: revision, Instances: list})
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(refresh):
			}
		}
	})
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		err = fmt.Errorf("%s: longer than %d bytes", name, maxFileBytes)
	}
	return text, err
}

// ParseFile reads the text of a file of instances; see [File]. Errors begin with name:line:column.
func ParseFile(name string, text []byte) ([]Instance, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '[' {
		return parseJSON(name, text)
	}
	return parseYAML(name, string(text))
}

func parseJSON(name string, text []byte) (list []Instance, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	at := func(offset int64, err error) error {
		offset = min(max(offset, 0), int64(len(text)))
		before := text[:offset]
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		return fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	}
	if _, err := d.Token(); err != nil {
		return nil, at(d.InputOffset(), err)
	}
	for d.More() {
		var in struct {
			Instance
			Weight *int `json:"weight"` // 0 is a mistake in a file, as in YAML
		}
		start := d.InputOffset()
		for start < int64(len(text)) && strings.IndexByte(" \t\r\n,", text[start]) >= 0 {
			start++
		}
		if err := d.Decode(&in); err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				start = syntax.Offset - 1
			}
			return nil, at(start, err)
		}
		if in.Weight != nil {
			if in.Instance.Weight = *in.Weight; *in.Weight <= 0 {
				return nil, at(start, weightError(*in.Weight))
			}
		}
		if err := in.Validate(); err != nil {
			return nil, at(start, err)
		}
		list = append(list, in.Instance)
	}
	if _, err := d.Token(); err != nil {
		return nil, at(d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, at(d.InputOffset(), errors.New("want the end of the file after the list"))
	}
	return list, nil
}

func weightError(n int) error {
	return fmt.Errorf("weight is %d, want 1 to %d: leave out an instance that takes no calls", n, MaxWeight)
}

// A yamlFile is read line by line.
type yamlFile struct {
	name   string
	line   int
	list   []Instance
	begun  int             // line of the last instance
	keys   map[string]bool // of the last instance
	dash   int             // column of the dashes, -1 before the first
	indent int             // column of the keys of the last instance, -1 before its first
}

func parseYAML(name, text string) ([]Instance, error) {
	y := &yamlFile{name: name, dash: -1}
	for line := range strings.Lines(text) {
		y.line++
		if err := y.read(strings.TrimRight(line, " \t\r\n")); err != nil {
			return nil, err
		}
	}
	if err := y.finish(); err != nil {
		return nil, err
	}
	return y.list, nil
}

func (y *yamlFile) errorf(column int, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", y.name, y.line, column+1, fmt.Errorf(format, args...))
}

func (y *yamlFile) read(line string) error {
	body := strings.TrimLeft(line, " ")
	column := len(line) - len(body)
	switch {
	case body == "" || body[0] == '#' || body == "---" && len(y.list) == 0 || body == "[]" && len(y.list) == 0:
		return nil
	case body[0] == '\t':
		return y.errorf(column, "indentation is made of spaces, got a tab")
	case body == "-" || strings.HasPrefix(body, "- "):
		if y.dash >= 0 && column != y.dash {
			return y.errorf(column, "want the dash in column %d", y.dash+1)
		}
		if err := y.finish(); err != nil {
			return err
		}
		y.dash, y.begun, y.indent, y.keys = column, y.line, -1, make(map[string]bool)
		y.list = append(y.list, Instance{})
		rest := strings.TrimLeft(body[1:], " ")
		if rest == "" || rest[0] == '#' {
			return nil
		}
		column += len(body) - len(rest)
		if key, _, ok := strings.Cut(rest, ":"); !ok || !isKey(key) || !strings.HasPrefix(rest[len(key)+1:]+" ", " ") {
			v, err := y.scalar(column, rest)
			y.list[len(y.list)-1].Addr, y.keys["addr"] = v, true
			return err
		}
		return y.pair(column, rest)
	case len(y.list) == 0:
		return y.errorf(column, "want a list of instances: a line that begins with -")
	}
	return y.pair(column, body)
}

// finish checks the instance that has been read.
func (y *yamlFile) finish() error {
	if len(y.list) == 0 {
		return nil
	}
	if err := y.list[len(y.list)-1].Validate(); err != nil {
		return fmt.Errorf("%s:%d:%d: %w", y.name, y.begun, y.dash+1, err)
	}
	return nil
}

// pair reads "key: value" at column.
func (y *yamlFile) pair(column int, text string) error {
	if y.indent < 0 {
		y.indent = column
	}
	if column != y.indent || column <= y.dash {
		return y.errorf(column, "want the key in column %d", max(y.indent, y.dash+1)+1)
	}
	key, value, ok := strings.Cut(text, ":")
	switch {
	case !ok || !strings.HasPrefix(value+" ", " "):
		return y.errorf(column, "want key: value, got %q", text)
	case y.keys[key]:
		return y.errorf(column, "key %q is given twice", key)
	}
	y.keys[key] = true
	at := column + len(key) + 1 + len(value) - len(strings.TrimLeft(value, " "))
	value = strings.TrimLeft(value, " ")
	in := &y.list[len(y.list)-1]
	switch key {
	case "addr":
		return y.into(&in.Addr, at, value)
	case "zone":
		return y.into(&in.Zone, at, value)
	case "weight":
		if err := y.number(&in.Weight, at, value); err != nil {
			return err
		}
		if in.Weight <= 0 {
			return y.errorf(at, "%w", weightError(in.Weight))
		}
		return nil
	case "priority":
		return y.number(&in.Priority, at, value)
	case "started":
		var s string
		if err := y.into(&s, at, value); err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return y.errorf(at, "started is %q, want a time such as 2026-01-02T15:04:05Z", s)
		}
		in.Started = t
		return nil
	case "tags":
		parts, err := y.flow(at, value, '[', ']')
		in.Tags = parts
		return err
	case "metadata":
		parts, err := y.flow(at, value, '{', '}')
		if err != nil {
			return err
		}
		in.Metadata = make(map[string]string)
		for _, p := range parts {
			k, v, ok := strings.Cut(p, ":")
			if !ok {
				return y.errorf(at, "metadata %q, want {key: value}", p)
			}
			if v, err = y.scalar(at, strings.TrimSpace(v)); err != nil {
				return err
			}
			in.Metadata[strings.TrimSpace(k)] = v
		}
		return nil
	}
	return y.errorf(column, "unknown key %q (known: addr, metadata, priority, started, tags, weight, zone)", key)
}

func (y *yamlFile) into(s *string, at int, value string) (err error) {
	*s, err = y.scalar(at, value)
	return err
}

func (y *yamlFile) number(n *int, at int, value string) error {
	s, err := y.scalar(at, value)
	if err != nil {
		return err
	}
	if *n, err = strconv.Atoi(s); err != nil {
		return y.errorf(at, "want a number, got %q", s)
	}
	return nil
}

// flow reads a one-line list or map.
func (y *yamlFile) flow(at int, value string, begin, end byte) (parts []string, err error) {
	if i := strings.Index(value, " #"); i >= 0 {
		value = strings.TrimRight(value[:i], " ")
	}
	if len(value) < 2 || value[0] != begin || value[len(value)-1] != end {
		return nil, y.errorf(at, "want %c…%c on one line, got %q", begin, end, value)
	}
	inner := strings.TrimSpace(value[1 : len(value)-1])
	if inner == "" {
		return nil, nil
	}
	for p := range strings.SplitSeq(inner, ",") {
		p = strings.TrimSpace(p)
		if begin == '[' {
			if p, err = y.scalar(at, p); err != nil {
				return nil, err
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// scalar reads a plain or quoted value, and drops a comment after it.
func (y *yamlFile) scalar(at int, s string) (string, error) {
	if s == "" {
		return "", y.errorf(at, "the value is missing")
	}
	switch s[0] {
	case '"', '\'':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return "", y.errorf(at, "the closing quote is missing")
		}
		rest := strings.TrimLeft(s[end+2:], " ")
		if v := s[1 : end+1]; (rest == "" || rest[0] == '#') && !strings.Contains(v, `\`) {
			return v, nil
		}
		return "", y.errorf(at, "want a quoted value without escapes, got %s", s)
	case '[', '{', '&', '*', '!', '|', '>', '%', '@', '`':
		return "", y.errorf(at, "want a plain or quoted value, got %s", s)
	}
	if i := strings.Index(s, " #"); i >= 0 {
		s = strings.TrimRight(s[:i], " ")
	}
	return s, nil
}

// isKey reports whether s is a word: what is before the colon of a key.
func isKey(s string) bool {
	for _, r := range s {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return s != ""
}
