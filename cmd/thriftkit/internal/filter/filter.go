// Package filter has the expressions that select calls:
//
//	method=login && latency>10ms && exception && args.username=="root"
//
// A condition is a field alone, which holds if it is there and neither false, 0 nor empty, or a field compared with a value by
// = (or ==), !=, <, <=, >, >=, or by ~, which looks for a regular expression. Conditions are joined by &&, || and !, and by
// parentheses; && goes before ||. A value is a number, a number with a unit (10ms, 2s, 4KB), true, false, or a text, in quotes where it
// has other characters than letters, digits and . _ : - / *.
//
// A comparison with a field that is not there does not hold, != does.
package filter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Filter is an expression that has been read.
type Filter struct{ root node }

// A Getter returns the value of the field with a path, such as args, username: a string, bool, float64, json.Number, time.Duration
// (all of which compare with each other as far as that makes sense), []any or map[string]any; nil if there is none.
type Getter func(path []string) any

type node interface{ eval(get Getter) bool }

// An Error says at which byte of an expression it cannot be understood.
type Error struct {
	Text    string
	Offset  int
	Message string
}

// Error returns the message with the place.
func (e *Error) Error() string {
	return fmt.Sprintf("filter %q: at byte %d: %s", e.Text, e.Offset, e.Message)
}

// Parse reads an expression. known are the names with which paths may begin. The error is an *Error.
func Parse(text string, known []string) (*Filter, error) {
	p := &parser{text: text, known: known}
	n, err := p.or(0)
	if err == nil {
		if p.blank(); p.off < len(text) {
			err = p.errorf("want && or || or the end, got %q", text[p.off:])
		}
	}
	if err != nil {
		return nil, err
	}
	return &Filter{n}, nil
}

// Match reports whether the expression holds for what get returns.
func (f *Filter) Match(get Getter) bool { return f.root.eval(get) }

type (
	and  struct{ a, b node }
	or   struct{ a, b node }
	not  struct{ n node }
	has  struct{ path []string }
	test struct {
		path []string
		op   string
		want any // string, bool, float64 or time.Duration
		re   *regexp.Regexp
	}
)

func (n and) eval(get Getter) bool { return n.a.eval(get) && n.b.eval(get) }
func (n or) eval(get Getter) bool  { return n.a.eval(get) || n.b.eval(get) }
func (n not) eval(get Getter) bool { return !n.n.eval(get) }
func (n has) eval(get Getter) bool { return truth(get(n.path)) }

func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	f, ok := number(v)
	return !ok || f != 0
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case time.Duration:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	case time.Duration:
		return v.String()
	}
	b, _ := json.Marshal(v) // it was JSON before
	return string(b)
}

func (n test) eval(get Getter) bool {
	v := get(n.path)
	if v == nil {
		return n.op == "!="
	}
	if list, ok := v.([]any); ok { // any of them
		for _, e := range list {
			if n.compare(e) {
				return true
			}
		}
		return false
	}
	return n.compare(v)
}

func (n test) compare(v any) bool {
	if n.re != nil {
		return n.re.MatchString(text(v))
	}
	order, ok := 0, true
	a, isNumber := number(v)
	switch want := n.want.(type) {
	case float64, time.Duration:
		b, _ := number(want)
		if !isNumber {
			var err error
			if a, err = strconv.ParseFloat(text(v), 64); err != nil {
				return n.op == "!="
			}
		}
		switch {
		case a < b:
			order = -1
		case a > b:
			order = 1
		}
	case bool:
		ok = truth(v) == want
		if !ok {
			order = 1
		}
	case string:
		order = strings.Compare(text(v), want)
	}
	switch n.op {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

type parser struct {
	text  string
	off   int
	known []string
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{p.text, p.off, fmt.Sprintf(format, args...)}
}

func (p *parser) blank() {
	for p.off < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.off]) >= 0 {
		p.off++
	}
}

func (p *parser) accept(tokens ...string) string {
	p.blank()
	for _, t := range tokens {
		if strings.HasPrefix(p.text[p.off:], t) {
			p.off += len(t)
			return t
		}
	}
	return ""
}

const maxDepth = 100

func (p *parser) or(depth int) (node, error) {
	a, err := p.and(depth)
	for err == nil && p.accept("||") != "" {
		var b node
		if b, err = p.and(depth); err == nil {
			a = or{a, b}
		}
	}
	return a, err
}

func (p *parser) and(depth int) (node, error) {
	a, err := p.unary(depth)
	for err == nil && p.accept("&&") != "" {
		var b node
		if b, err = p.unary(depth); err == nil {
			a = and{a, b}
		}
	}
	return a, err
}

func (p *parser) unary(depth int) (node, error) {
	if depth > maxDepth {
		return nil, p.errorf("nested too deep")
	}
	switch p.accept("!", "(") {
	case "!":
		n, err := p.unary(depth + 1)
		return not{n}, err
	case "(":
		n, err := p.or(depth + 1)
		if err == nil && p.accept(")") == "" {
			err = p.errorf("want )")
		}
		return n, err
	}
	return p.condition()
}

func (p *parser) condition() (node, error) {
	p.blank()
	start := p.off
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	found := false
	for _, name := range p.known {
		found = found || name == path[0]
	}
	if !found {
		p.off = start
		return nil, p.errorf("unknown field %q (known: %s)", path[0], strings.Join(p.known, ", "))
	}
	op := p.accept("==", "=~", "=", "!=", "<=", ">=", "<", ">", "~")
	switch op {
	case "":
		return has{path}, nil
	case "==":
		op = "="
	case "=~":
		op = "~"
	}
	p.blank()
	at := p.off
	want, err := p.value()
	if err != nil {
		return nil, err
	}
	t := test{path: path, op: op, want: want}
	if op == "~" {
		if t.re, err = regexp.Compile(text(want)); err != nil {
			p.off = at
			return nil, p.errorf("%v", err)
		}
	}
	return t, nil
}

func isWord(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80
}

// path reads names joined by points; an index in brackets is a name as well.
func (p *parser) path() ([]string, error) {
	var path []string
	for {
		start := p.off
		for p.off < len(p.text) && isWord(p.text[p.off]) {
			p.off++
		}
		if p.off == start {
			return nil, p.errorf("want a field, such as method or args.name")
		}
		path = append(path, p.text[start:p.off])
		for p.off < len(p.text) && p.text[p.off] == '[' {
			end := strings.IndexByte(p.text[p.off:], ']')
			if end < 0 {
				return nil, p.errorf("want ]")
			}
			path = append(path, strings.Trim(p.text[p.off+1:p.off+end], `"' `))
			p.off += end + 1
		}
		if p.off >= len(p.text) || p.text[p.off] != '.' {
			return path, nil
		}
		p.off++
	}
}

var units = map[string]float64{"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

func (p *parser) value() (any, error) {
	if p.off < len(p.text) && (p.text[p.off] == '"' || p.text[p.off] == '\'') {
		quote, start := p.text[p.off], p.off
		for end := p.off + 1; end < len(p.text); end++ {
			switch {
			case p.text[end] == '\\' && quote == '"':
				end++
			case p.text[end] == quote:
				p.off = end + 1
				if quote == '\'' {
					return p.text[start+1 : end], nil
				}
				s, err := strconv.Unquote(p.text[start : end+1])
				if err != nil {
					p.off = start
					return nil, p.errorf("%s is not a text", p.text[start:end+1])
				}
				return s, nil
			}
		}
		return nil, p.errorf("the text has no closing quote")
	}
	start := p.off
	for p.off < len(p.text) && (isWord(p.text[p.off]) || strings.IndexByte(".:-/*^$+[]", p.text[p.off]) >= 0) {
		p.off++
	}
	word := p.text[start:p.off]
	if word == "" {
		return nil, p.errorf("want a value")
	}
	switch word {
	case "true", "false":
		return word == "true", nil
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil {
		return f, nil
	}
	if d, err := time.ParseDuration(word); err == nil {
		return d, nil
	}
	for unit, factor := range units {
		if digits, ok := strings.CutSuffix(word, unit); ok {
			if f, err := strconv.ParseFloat(digits, 64); err == nil {
				return f * factor, nil
			}
		}
	}
	return word, nil
}
