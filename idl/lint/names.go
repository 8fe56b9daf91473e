package lint

import (
	"strings"
	"unicode"

	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

var zhForm = strings.NewReplacer("snake_case or camelCase, as most names of the project are (field-case)", "snake_case 或 camelCase（取项目中多数名字的写法，可用 field-case 指定）",
	"snake_case or camelCase, as most names of the project are (argument-case)", "snake_case 或 camelCase（取项目中多数名字的写法，可用 argument-case 指定）",
	"snake_case or camelCase, as most names of the project are (method-case)", "snake_case 或 camelCase（取项目中多数名字的写法，可用 method-case 指定）")

func article(what string) string {
	if strings.ContainsRune("aeio", rune(what[0])) {
		return "an " + what
	}
	return "a " + what
}

// words cuts a name into its words: at underscores and before capitals.
func words(name string) []string {
	var list []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			list = append(list, string(word))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case r == '_':
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return list
}

func capital(w string) string {
	if w == "" {
		return w
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

func pascal(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		if strings.ToUpper(w) == w && len(w) > 1 && strings.Contains(name, "_") {
			w = strings.ToLower(w)
		}
		b.WriteString(capital(w))
	}
	return b.String()
}

func camel(name string) string {
	var b strings.Builder
	for i, w := range words(name) {
		if i == 0 {
			b.WriteString(strings.ToLower(w))
		} else {
			b.WriteString(capital(strings.ToLower(w)))
		}
	}
	return b.String()
}

func snake(name string) string { return strings.ToLower(strings.Join(words(name), "_")) }

func upperSnake(name string) string { return strings.ToUpper(strings.Join(words(name), "_")) }

func hasUpper(s string) bool { return strings.ToLower(s) != s }
func hasLower(s string) bool { return strings.ToUpper(s) != s }

func isPascal(n string) bool {
	return n != "" && !strings.Contains(n, "_") && unicode.IsUpper(rune(n[0]))
}
func isCamel(n string) bool {
	return n != "" && !strings.Contains(strings.Trim(n, "_"), "_") && !unicode.IsUpper(rune(n[0]))
}
func isSnake(n string) bool      { return !hasUpper(n) }
func isUpperSnake(n string) bool { return !hasLower(n) }

// caseKinds has what the rules about case look at.
var caseKinds = map[string]symbols.Kind{
	"STRUCT_NAME_CASE": symbols.Struct, "UNION_NAME_CASE": symbols.Union, "EXCEPTION_NAME_CASE": symbols.Exception,
	"ENUM_NAME_CASE": symbols.Enum, "SERVICE_NAME_CASE": symbols.Service, "TYPEDEF_NAME_CASE": symbols.Typedef,
	"FIELD_NAME_CASE": symbols.Field, "ARGUMENT_NAME_CASE": symbols.Argument, "METHOD_NAME_CASE": symbols.Method,
	"ENUM_VALUE_NAME_CASE": symbols.EnumValue, "CONST_NAME_CASE": symbols.Const,
}

// style returns "snake" or "camel" for a rule: what options say, or else what most names have.
func (p *pass) style(kind symbols.Kind) string {
	given := map[symbols.Kind]string{symbols.Field: p.opts.FieldCase, symbols.Argument: p.opts.ArgumentCase, symbols.Method: p.opts.MethodCase}[kind]
	if given != "" {
		return given
	}
	if s, ok := p.styles[p.rule.ID]; ok {
		return s
	}
	balance := 0
	for _, f := range p.set.Files {
		f.Each(func(s *symbols.Symbol) {
			if s.Kind != kind {
				return
			}
			switch n := strings.Trim(s.Name, "_"); {
			case strings.Contains(n, "_") && !hasUpper(n):
				balance++
			case isCamel(n) && hasUpper(n):
				balance--
			}
		})
	}
	style := "snake"
	if balance < 0 {
		style = "camel"
	}
	p.styles[p.rule.ID] = style
	return style
}

func nameCase(p *pass) {
	kind := caseKinds[p.rule.ID]
	is, to, form := isPascal, pascal, "PascalCase"
	switch kind {
	case symbols.Field, symbols.Argument, symbols.Method:
		is, to, form = isSnake, snake, "snake_case"
		if p.style(kind) == "camel" {
			is, to, form = isCamel, camel, "camelCase"
		}
	case symbols.EnumValue, symbols.Const:
		is, to, form = isUpperSnake, upperSnake, "UPPER_SNAKE_CASE"
	}
	p.each(func(s *symbols.Symbol) {
		if is(s.Name) {
			return
		}
		f := p.report(s.Span, "%s %s is not in %s", s.Kind, s.Name, form)
		name := to(s.Name)
		if !is(name) || name == "" || strings.Trim(s.Name, "_") == "" || name[0] >= '0' && name[0] <= '9' {
			return
		}
		f.Hint = "write " + name
		if edits, ok := Rename(p.set, s, name); ok {
			f.fix("rename to "+name, false, edits...)
		}
	}, kind)
}

// Rename returns the edits that give s another name wherever it is used in set. They are refused if
// something else has that name in the same place, or would be mistaken for it.
func Rename(set *symbols.Set, s *symbols.Symbol, name string) ([]Edit, bool) {
	if Conflict(set, s, name) != nil {
		return nil, false
	}
	list := []Edit{{Path: s.File.Tree.Path, Span: s.Span, Text: name}}
	set.References(s, func(f *symbols.File, r *symbols.Ref) {
		list = append(list, Edit{Path: f.Tree.Path, Span: r.Span, Text: name})
	})
	return list, true
}

// Conflict returns the symbol that already has the name that s would get, nil if there is none.
func Conflict(set *symbols.Set, s *symbols.Symbol, name string) *symbols.Symbol {
	list := s.File.Symbols
	if s.Parent != nil {
		list = s.Parent.Members
	}
	for _, other := range list {
		same := s.Parent != nil || (other.Kind == symbols.Const) == (s.Kind == symbols.Const)
		if other != s && other.Name == name && same && (s.Parent == nil || other.Kind == s.Kind) {
			return other
		}
	}
	if s.Kind != symbols.Method {
		return nil
	}
	// A method must not meet one of a service that it is inherited with.
	for svc := base(s.Parent); svc != nil; svc = base(svc) {
		if m := svc.Member(name); m != nil {
			return m
		}
	}
	for _, f := range set.Files {
		for _, svc := range f.Symbols {
			for up, n := base(svc), 0; up != nil && n < 64; up, n = base(up), n+1 {
				if up == s.Parent && svc.Member(name) != nil {
					return svc.Member(name)
				}
			}
		}
	}
	return nil
}

// base returns the service that another extends, nil if there is none.
func base(s *symbols.Symbol) *symbols.Symbol {
	if s == nil || s.Kind != symbols.Service {
		return nil
	}
	name := s.Node.(*syntax.Service).Extends.Text
	if name == "" {
		return nil
	}
	if b := s.File.Type(name); b != s {
		return b
	}
	return nil
}
