package analysis

import (
	"slices"

	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
)

// A TokenKind says how an editor colours a part of the text.
type TokenKind uint8

// The kinds of tokens, in the order of TokenKinds.
const (
	KeywordToken TokenKind = iota
	TypeToken
	StructToken
	EnumToken
	EnumMemberToken
	InterfaceToken
	MethodToken
	ParameterToken
	PropertyToken
	VariableToken
	NumberToken
	StringToken
	CommentToken
	NamespaceToken
	DecoratorToken
)

// TokenKinds are the names of the kinds, which are those that editors know.
var TokenKinds = []string{"keyword", "type", "struct", "enum", "enumMember", "interface", "method", "parameter", "property", "variable", "number", "string", "comment", "namespace", "decorator"}

// A Token is a part of the text with its kind. It may span lines.
type Token struct {
	Span        syntax.Span
	Kind        TokenKind
	Declaration bool
	Deprecated  bool
}

func tokenKind(s *symbols.Symbol) TokenKind {
	switch s.Kind {
	case symbols.Struct, symbols.Union, symbols.Exception:
		return StructToken
	case symbols.Enum:
		return EnumToken
	case symbols.EnumValue:
		return EnumMemberToken
	case symbols.Service:
		return InterfaceToken
	case symbols.Method:
		return MethodToken
	case symbols.Argument, symbols.Throw:
		return ParameterToken
	case symbols.Field:
		return PropertyToken
	case symbols.Const:
		return VariableToken
	}
	return TypeToken
}

// Tokens returns the coloured parts of a file in the order of the text, without overlaps.
func (v *View) Tokens(path string) []Token {
	f := v.File(path)
	if f == nil {
		return nil
	}
	named := make(map[int]Token) // by start
	f.Each(func(s *symbols.Symbol) {
		if s.Name != "" {
			named[s.Span.Start] = Token{Span: s.Span, Kind: tokenKind(s), Declaration: true}
		}
	})
	for i := range f.Refs {
		r := &f.Refs[i]
		if r.Role == symbols.KeyRef {
			continue
		}
		kind := TypeToken
		if r.Symbol != nil {
			kind = tokenKind(r.Symbol)
		}
		if r.Whole.Start < r.Span.Start {
			if _, ok := named[r.Whole.Start]; !ok {
				named[r.Whole.Start] = Token{Span: syntax.Span{Start: r.Whole.Start, End: r.Span.Start - 1}, Kind: NamespaceToken}
			}
		}
		named[r.Span.Start] = Token{Span: r.Span, Kind: kind}
	}
	for _, h := range f.Tree.Headers {
		if n, ok := h.(*syntax.Namespace); ok {
			named[n.Name.Start] = Token{Span: n.Name.Span, Kind: NamespaceToken}
			named[n.Scope.Start] = Token{Span: n.Scope.Span, Kind: NamespaceToken}
		}
	}
	var list []Token
	for i, t := range f.Tree.Tokens {
		for _, c := range f.Tree.Trivia(i) {
			if c.Kind == syntax.LineComment || c.Kind == syntax.BlockComment || c.Kind == syntax.DocComment {
				list = append(list, Token{Span: c.Span, Kind: CommentToken})
			}
		}
		r := t.Range()
		switch t.Kind() {
		case syntax.Keyword:
			if n, ok := named[r.Start]; ok {
				list = append(list, n)
			} else {
				list = append(list, Token{Span: r, Kind: KeywordToken})
			}
		case syntax.Integer, syntax.Double:
			list = append(list, Token{Span: r, Kind: NumberToken})
		case syntax.String:
			list = append(list, Token{Span: r, Kind: StringToken})
		case syntax.Name:
			// A dotted name is one token of the text and several here.
			at := r.Start
			for at < r.End {
				n, ok := named[at]
				if !ok || n.Span.End > r.End || n.Span.End <= at {
					if at == r.Start {
						list = append(list, Token{Span: r, Kind: DecoratorToken})
					}
					break
				}
				list = append(list, n)
				at = n.Span.End + 1
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Token) int { return a.Span.Start - b.Span.Start })
	return list
}
