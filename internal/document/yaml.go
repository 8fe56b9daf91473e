package document

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A yamlLine is a line that has something.
type yamlLine struct {
	start  int // offset of the first character that counts, after the indentation and the dashes that were read
	indent int // its column, from 0, in bytes
	end    int
}

// A yaml is read line by line, with flow collections by characters.
type yaml struct {
	placer
	lines []yamlLine
	next  int // the line that is read next
}

func parseYAML(text []byte) (*Node, error) {
	y := &yaml{placer: placer{text: string(text)}}
	if !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return nil, y.errorf(at, "", "the text is not UTF-8")
	}
	offset := 0
	for line := range strings.Lines(y.text) {
		body := strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimLeft(body, " ")
		indent := len(body) - len(trimmed)
		switch {
		case trimmed == "" || trimmed[0] == '#' || body == "---" && len(y.lines) == 0:
		case trimmed[0] == '\t':
			return nil, y.errorf(offset+indent, "", "indentation is made of spaces, got a tab")
		case body == "---" || body == "..." || strings.HasPrefix(body, "--- ") || strings.HasPrefix(body, "%"):
			return nil, y.errorf(offset, "", "want one document without directives")
		default:
			y.lines = append(y.lines, yamlLine{offset + indent, indent, offset + len(body)})
		}
		offset += len(line)
	}
	if len(y.lines) == 0 {
		return nil, y.errorf(len(y.text), "", "the document is empty")
	}
	n, err := y.block("", 0)
	if err == nil && y.next < len(y.lines) {
		return nil, y.errorf(y.lines[y.next].start, "", "the line is indented otherwise than those it belongs to")
	}
	return n, err
}

func (y *yaml) errorf(offset int, path, format string, args ...any) error {
	line, column := y.place(offset)
	return &Error{line, column, path, fmt.Sprintf(format, args...)}
}

func (y *yaml) node(offset int, path string) *Node {
	n := &Node{Path: path}
	n.Line, n.Column = y.place(offset)
	return n
}

// body returns what a line has, without what was read of it.
func (y *yaml) body(l yamlLine) string { return y.text[l.start:l.end] }

func isItem(body string) bool { return body == "-" || strings.HasPrefix(body, "- ") }

// block reads the map, the list or the scalar that begins with the next line.
func (y *yaml) block(path string, depth int) (*Node, error) {
	l := y.lines[y.next]
	if depth > maxDepth {
		return nil, y.errorf(l.start, path, tooDeep)
	}
	if isItem(y.body(l)) {
		return y.list(path, depth)
	}
	if _, _, ok, err := y.key(l, path); err != nil {
		return nil, err
	} else if ok {
		return y.mapping(path, depth)
	}
	return y.value(l.start, path, depth)
}

// list reads items in one column.
func (y *yaml) list(path string, depth int) (*Node, error) {
	first := y.lines[y.next]
	n, list := y.node(first.start, path), []*Node{}
	for y.next < len(y.lines) {
		l := &y.lines[y.next]
		if l.indent < first.indent || l.indent == first.indent && !isItem(y.body(*l)) {
			break
		}
		at := itemPath(path, len(list))
		if l.indent > first.indent {
			return nil, y.errorf(l.start, at, "want the dash in column %d", first.indent+1)
		}
		rest := strings.TrimLeft(y.body(*l)[1:], " ")
		if rest == "" || rest[0] == '#' {
			item, err := y.below(l.start, first.indent+1, at, depth)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
			continue
		}
		moved := len(y.body(*l)) - len(rest)
		l.start, l.indent = l.start+moved, l.indent+moved
		item, err := y.block(at, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	n.Value = list
	return n, nil
}

// below reads the value in the lines after the current one, whose indentation is at least indent; null if there are none.
func (y *yaml) below(offset, indent int, path string, depth int) (*Node, error) {
	y.next++
	if y.next < len(y.lines) && y.lines[y.next].indent >= indent {
		return y.block(path, depth+1)
	}
	return y.node(offset, path), nil
}

// mapping reads keys in one column.
func (y *yaml) mapping(path string, depth int) (*Node, error) {
	first := y.lines[y.next]
	n, members, seen := y.node(first.start, path), []Member{}, make(map[string]bool)
	for y.next < len(y.lines) {
		l := y.lines[y.next]
		if l.indent < first.indent {
			break
		}
		if l.indent > first.indent {
			return nil, y.errorf(l.start, path, "want the key in column %d", first.indent+1)
		}
		key, after, ok, err := y.key(l, path)
		if err != nil {
			return nil, err
		}
		if !ok {
			if isItem(y.body(l)) {
				break // of a list around it
			}
			return nil, y.errorf(l.start, path, "want key: value, got %.40q", y.body(l))
		}
		at := memberPath(path, key)
		if seen[key] {
			return nil, y.errorf(l.start, at, twice)
		}
		seen[key] = true
		rest := strings.TrimLeft(y.text[after:l.end], " \t")
		var item *Node
		if rest == "" || rest[0] == '#' {
			least := l.indent + 1
			if y.next+1 < len(y.lines) && y.lines[y.next+1].indent == l.indent && isItem(y.body(y.lines[y.next+1])) {
				least = l.indent // a list may begin in the column of its key
			}
			item, err = y.below(l.start, least, at, depth)
		} else {
			item, err = y.value(l.end-len(rest), at, depth+1)
		}
		if err != nil {
			return nil, err
		}
		members = append(members, Member{key, item})
	}
	n.Value = members
	return n, nil
}

// key reads the key at the beginning of a line; after is where the colon ends.
func (y *yaml) key(l yamlLine, path string) (key string, after int, ok bool, err error) {
	body := y.body(l)
	if body[0] == '"' || body[0] == '\'' {
		s, size, err := y.quoted(l.start, path)
		if err != nil || size >= len(body) || body[size] != ':' {
			return "", 0, false, err
		}
		return s, l.start + size + 1, true, nil
	}
	if strings.IndexByte("[{", body[0]) >= 0 {
		return "", 0, false, nil
	}
	i := strings.Index(body+" ", ": ")
	if c := strings.Index(body, " #"); i < 0 || c >= 0 && c < i {
		return "", 0, false, nil
	}
	if key = strings.TrimRight(body[:i], " "); key == "" || strings.IndexByte(refused, key[0]) >= 0 && key != "*" {
		return "", 0, false, y.errorf(l.start, path, "want a plain or quoted key, got %.40q", body)
	}
	return key, l.start + i + 1, true, nil
}

// refused are what values of the parts of YAML that are not read begin with.
const refused = "&*!|>%@`?"

// value reads the scalar or flow collection at offset, which ends the line.
func (y *yaml) value(offset int, path string, depth int) (*Node, error) {
	l := y.lines[y.next]
	n := y.node(offset, path)
	text := y.text[offset:l.end]
	switch {
	case text[0] == '[' || text[0] == '{' || text[0] == '"' || text[0] == '\'':
		f := &flow{y: y, at: offset}
		n, err := f.value(path, depth)
		if err != nil {
			return nil, err
		}
		for y.next < len(y.lines) && y.lines[y.next].end < f.at {
			y.next++
		}
		rest := strings.TrimLeft(y.text[f.at:y.lines[y.next].end], " \t")
		if rest != "" && (rest[0] != '#' || y.text[f.at] == '#') {
			return nil, y.errorf(y.lines[y.next].end-len(rest), path, "want the end of the line after the value, got %.40q", rest)
		}
		y.next++
		return n, nil
	case strings.IndexByte(refused, text[0]) >= 0 && text != "*":
		return nil, y.errorf(offset, path, "want a plain or quoted value, got %.40q", text)
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = strings.TrimRight(text[:i], " \t")
	}
	if i := strings.Index(text+" ", ": "); i >= 0 {
		return nil, y.errorf(offset+i, path, "want quotes around a text with a colon")
	}
	n.Value = plain(text)
	y.next++
	return n, nil
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// plain returns the value of a scalar without quotes, by the core schema of YAML 1.2 with the numbers of JSON.
func plain(s string) any {
	switch s {
	case "null", "Null", "NULL", "~", "":
		return nil
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	if number.MatchString(s) {
		return json.Number(s)
	}
	return s
}

// quoted reads the quoted scalar at offset, on one line; size is what it takes.
func (y *yaml) quoted(offset int, path string) (s string, size int, err error) {
	text, _, _ := strings.Cut(y.text[offset:], "\n")
	if text[0] == '\'' {
		var b strings.Builder
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] != '\'':
				b.WriteByte(text[i])
			case i+1 < len(text) && text[i+1] == '\'':
				b.WriteByte('\'')
				i++
			default:
				return b.String(), i + 1, nil
			}
		}
		return "", 0, y.errorf(offset, path, "the closing quote is missing")
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			if json.Unmarshal([]byte(text[:i+1]), &s) == nil {
				return s, i + 1, nil
			}
			if s, err := strconv.Unquote(text[:i+1]); err == nil && utf8.ValidString(s) {
				return s, i + 1, nil
			}
			return "", 0, y.errorf(offset, path, "want a quoted value with the escapes of JSON, got %.40q", text[:i+1])
		}
	}
	return "", 0, y.errorf(offset, path, "the closing quote is missing")
}

// A flow is a collection in brackets or braces, in one or more lines.
type flow struct {
	y  *yaml
	at int
}

// skip passes over space and comments.
func (f *flow) skip() {
	for f.at < len(f.y.text) {
		switch c := f.y.text[f.at]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			f.at++
		case c == '#' && f.at > 0 && strings.IndexByte(" \t\r\n", f.y.text[f.at-1]) >= 0:
			for f.at < len(f.y.text) && f.y.text[f.at] != '\n' {
				f.at++
			}
		default:
			return
		}
	}
}

// next returns the next character that counts; 0 is the end.
func (f *flow) next() byte {
	if f.skip(); f.at < len(f.y.text) {
		return f.y.text[f.at]
	}
	return 0
}

// scalar returns a plain scalar.
func (f *flow) scalar(path string) (string, error) {
	rest := f.y.text[f.at:]
	end := len(rest)
	for i := range len(rest) {
		if strings.IndexByte(",[]{}\r\n", rest[i]) >= 0 || rest[i] == ':' && (i+1 == len(rest) || strings.IndexByte(" \r\n,]}", rest[i+1]) >= 0) ||
			rest[i] == '#' && i > 0 && rest[i-1] == ' ' {
			end = i
			break
		}
	}
	s := strings.TrimRight(rest[:end], " \t")
	if s == "" || strings.IndexByte(refused, s[0]) >= 0 && s != "*" {
		if f.at >= len(f.y.text) {
			return "", f.y.errorf(f.at, path, "the document ends too early")
		}
		got, _, _ := strings.Cut(rest, "\n")
		return "", f.y.errorf(f.at, path, "want a plain or quoted value, got %.40q", got)
	}
	f.at += len(s)
	return s, nil
}

func (f *flow) value(path string, depth int) (*Node, error) {
	c := f.next()
	n := f.y.node(f.at, path)
	if depth > maxDepth {
		return nil, f.y.errorf(f.at, path, tooDeep)
	}
	switch c {
	case '[':
		list := []*Node{}
		err := f.items(']', path, func() error {
			item, err := f.value(itemPath(path, len(list)), depth+1)
			list = append(list, item)
			return err
		})
		n.Value = list
		return n, err
	case '{':
		members, seen := []Member{}, make(map[string]bool)
		err := f.items('}', path, func() error {
			start := f.at
			key, err := f.key(path)
			if err != nil {
				return err
			}
			at := memberPath(path, key)
			if seen[key] {
				return f.y.errorf(start, at, twice)
			}
			seen[key] = true
			item, err := f.value(at, depth+1)
			members = append(members, Member{key, item})
			return err
		})
		n.Value = members
		return n, err
	case '"', '\'':
		s, size, err := f.y.quoted(f.at, path)
		f.at += size
		n.Value = s
		return n, err
	}
	s, err := f.scalar(path)
	n.Value = plain(s)
	return n, err
}

// key reads a key and its colon.
func (f *flow) key(path string) (key string, err error) {
	if c := f.next(); c == '"' || c == '\'' {
		var size int
		key, size, err = f.y.quoted(f.at, path)
		f.at += size
	} else {
		key, err = f.scalar(path)
	}
	if err != nil {
		return "", err
	}
	if f.next() != ':' {
		return "", f.y.errorf(f.at, path, "want a colon after the key %q", key)
	}
	f.at++
	return key, nil
}

// items calls f before each item, with commas between them, up to the closing bracket.
func (f *flow) items(end byte, path string, item func() error) error {
	f.at++
	for {
		switch c := f.next(); c {
		case end:
			f.at++
			return nil
		case 0:
			return f.y.errorf(f.at, path, "the document ends too early: want %c", end)
		}
		if err := item(); err != nil {
			return err
		}
		switch c := f.next(); c {
		case ',':
			f.at++
		case end, 0:
		default:
			return f.y.errorf(f.at, path, "want a comma or %c", end)
		}
	}
}
