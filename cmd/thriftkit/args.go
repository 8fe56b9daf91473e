package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Arguments on the command line. A word is one argument of the program:
//
//	name=text   gives parameter name, if the method has a parameter of exactly this name
//	name:=JSON  the same, and the text is JSON whatever the type is
//	text        gives the next parameter in the order of the declaration
//
// and after a name may be the way to a part of the parameter: paths.go.
//
// so a positional word may have a "=" in it; if what stands before it happens to be the name of
// a parameter, name the parameter that is meant (password=username=x) or quote ('"username=x"').
// Positional words stand before named ones.
//
// How a text becomes a value depends on the parameter's type alone:
//
//	string      the text itself, unless it begins and ends with a double quote: then JSON
//	binary      the same, but the text is base64, hex or text as --binary says; JSON also if it begins with {;
//	            the bytes of a file as in @FILE, if it is not text
//	enum, uuid  the name (or number) itself, or JSON if it begins with a double quote
//	double      JSON; also NaN, Infinity, -Infinity
//	others      JSON
//
// null, for other types than string and binary, leaves a parameter out, so that the server takes
// its default. A parameter may be missing only if it has a default.

// parseWords returns the arguments of m that the words give. All that is wrong with them is
// reported at once.
func parseWords(m *schema.Method, words []string, form dynamic.BinaryForm) (*dynamic.Struct, error) {
	args := dynamic.New(m.Args)
	given := make([]bool, len(m.Args.Fields))
	built := make([]*part, len(given)) // of parameters that are given in parts
	var errs []error
	next, excess := 0, 0
	byName := false
	for _, word := range words {
		f, text, named := namedArgument(m, word)
		if !named {
			if a, ok := splitPath(m, word); ok {
				byName = true
				if given[a.param.Index] && built[a.param.Index] == nil {
					errs = append(errs, fmt.Errorf("%s: argument %s is given twice", m, a.param.Name))
					continue
				}
				given[a.param.Index] = true
				if built[a.param.Index] == nil {
					built[a.param.Index] = &part{t: a.param.Type, pos: a.param.Pos}
				}
				if err := built[a.param.Index].assign(a, form); err != nil {
					errs = append(errs, argumentErrors(m, a.param, err)...)
				}
				continue
			}
		}
		switch {
		case named:
			byName = true
		case byName:
			errs = append(errs, fmt.Errorf("%s: %s follows a named argument: name it too", m, shorten(word)))
			continue
		case next == len(given):
			excess++
			continue
		default:
			f, text = m.Args.Fields[next], word
			next++
		}
		if given[f.Index] {
			errs = append(errs, fmt.Errorf("%s: argument %s is given twice", m, f.Name))
			continue
		}
		given[f.Index] = true
		v, err := parseWord(f, text, form)
		if err == nil {
			err = args.Set(f.Name, v)
		}
		if err != nil {
			errs = append(errs, argumentErrors(m, f, err)...)
		}
	}
	for i, p := range built {
		if p == nil || len(errs) > 0 {
			continue
		}
		if err := p.set(args, i, form); err != nil {
			errs = append(errs, argumentErrors(m, m.Args.Fields[i], err)...)
		}
	}
	if excess > 0 {
		errs = append(errs, fmt.Errorf("%s takes %s, not %d", m, parameterList(m), len(given)+excess))
	}
	errs = append(errs, complete(args, given, m)...)
	if err := errors.Join(errs...); err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	return args, nil
}

// namedArgument splits name=text, if name is a parameter of m.
func namedArgument(m *schema.Method, word string) (*schema.Field, string, bool) {
	name, text, ok := strings.Cut(word, "=")
	if !ok {
		return nil, "", false
	}
	f := m.Args.Field(name)
	return f, text, f != nil
}

// mistypedNames returns a warning for each word that looks like name=value, where the name is none of a parameter but much like
// one: it is taken as a value.
func mistypedNames(m *schema.Method, words []string) []string {
	var names, warnings []string
	for _, f := range m.Args.Fields {
		names = append(names, f.Name)
	}
	for _, word := range words {
		name, _, ok := strings.Cut(word, "=")
		if _, _, named := namedArgument(m, word); !ok || named || !looksLikeName.MatchString(name) {
			continue
		}
		near := edits.Nearest(name, names)
		for _, n := range names {
			if near == "" && len(name) > 2 && strings.HasPrefix(strings.ToLower(n), strings.ToLower(name)) {
				near = n
			}
		}
		if near != "" {
			warnings = append(warnings, fmt.Sprintf("warning: %s is taken as a value: %s has no parameter %q (did you mean %s?)", shorten(word), m, name, near))
		}
	}
	return warnings
}

var looksLikeName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseWord returns the value that text is for f, unset for null.
func parseWord(f *schema.Field, text string, form dynamic.BinaryForm) (dynamic.Value, error) {
	t := f.Type
	quoted := strings.HasPrefix(text, `"`)
	switch t.Kind {
	case schema.KindString:
		if quoted && len(text) > 1 && strings.HasSuffix(text, `"`) {
			break
		}
		if !utf8.ValidString(text) {
			return dynamic.Value{}, errors.New("the text is not UTF-8")
		}
		return dynamic.String(text), nil
	case schema.KindBinary:
		if quoted && len(text) > 1 && strings.HasSuffix(text, `"`) || strings.HasPrefix(text, "{") {
			break
		}
		if form == dynamic.BinaryText {
			return dynamic.Binary([]byte(text)), nil
		}
		if name, ok := strings.CutPrefix(text, "@"); ok { // which is in no other form
			data, err := os.ReadFile(name)
			if err != nil {
				return dynamic.Value{}, err
			}
			return dynamic.Binary(data), nil
		}
		text = quoteJSON(text)
	}
	if strings.TrimSpace(text) == "null" {
		if f.Requiredness == schema.Required && f.Default == nil {
			return dynamic.Value{}, errors.New("it is required and cannot be null")
		}
		return dynamic.Value{}, nil
	}
	switch t.Kind {
	case schema.KindEnum, schema.KindUUID:
		if !quoted {
			v, _, err := dynamic.ParseKey(t, text)
			return v, err
		}
	case schema.KindDouble:
		if text == "NaN" || text == "Infinity" || text == "-Infinity" {
			text = quoteJSON(text)
		}
		fallthrough
	case schema.KindBool, schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64:
		if !json.Valid([]byte(text)) {
			return dynamic.Value{}, fmt.Errorf("want %s, got %s", t, shorten(text))
		}
	}
	return dynamic.ParseJSON(t, []byte(text), dynamic.JSONOptions{Binary: form})
}

func quoteJSON(text string) string {
	b, _ := json.Marshal(text) // a string always has a JSON form
	return string(b)
}

// argumentErrors says of each mistake in err which argument of m it is in, and where in the IDL
// that is declared.
func argumentErrors(m *schema.Method, f *schema.Field, err error) []error {
	var errs []error
	for _, err := range parts(err) {
		where, message, pos, t := f.Name, err.Error(), f.Pos, f.Type
		var bad *dynamic.JSONError
		var unfit *wire.Error
		var inPart *pathError
		if errors.As(err, &inPart) {
			where, t, pos, err = inPart.path, inPart.at.t, inPart.at.pos, inPart.err
			message = err.Error()
		}
		switch {
		case errors.As(err, &bad):
			message = bad.Message
			if strings.HasPrefix(bad.Path, "[") {
				where += bad.Path
			} else if bad.Path != "" {
				where += "." + bad.Path
			}
			if isComposite(t) && bad.Line > 0 {
				message = fmt.Sprintf("%d:%d: %s", bad.Line, bad.Column, message)
			}
			if bad.Pos.IsValid() {
				pos = bad.Pos
			}
		case errors.As(err, &unfit) && unfit.Message != "":
			message = unfit.Message
		}
		declared := ""
		if pos.IsValid() {
			declared = " (declared at " + pos.String() + ")"
		}
		errs = append(errs, fmt.Errorf("%s: argument %s: %s%s", m, where, message, declared))
	}
	return errs
}

func isComposite(t *schema.Type) bool {
	switch t.Kind {
	case schema.KindStruct, schema.KindList, schema.KindSet, schema.KindMap:
		return true
	}
	return false
}

// parts returns the errors that were joined to err.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// complete sets required parameters that were not given to their defaults, and reports those
// that are missing. Other defaults are the server's business.
func complete(args *dynamic.Struct, given []bool, m *schema.Method) []error {
	var missing []string
	for i, f := range m.Args.Fields {
		switch {
		case args.At(i).IsSet():
		case f.Default == nil && !given[i]:
			missing = append(missing, f.Name)
		case f.Default != nil && f.Requiredness == schema.Required:
			if err := args.Set(f.Name, dynamic.FromLiteral(f.Default)); err != nil {
				return []error{err}
			}
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return []error{fmt.Errorf("%s: argument %s is missing", m, missing[0])}
	}
	return []error{fmt.Errorf("%s: arguments %s are missing", m, strings.Join(missing, ", "))}
}

// parameterList counts and names the parameters of m.
func parameterList(m *schema.Method) string {
	var names []string
	for _, f := range m.Args.Fields {
		names = append(names, f.Name)
	}
	switch len(names) {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument (" + names[0] + ")"
	}
	return fmt.Sprintf("%d arguments (%s)", len(names), strings.Join(names, ", "))
}

// strictJSON puts blanks in the place of comments and trailing commas, so that all else stays where it is.
// A text that is wrong even so is returned as it is.
func strictJSON(data []byte) []byte {
	strict, err := hujson.Standardize(slices.Clone(data))
	if err != nil {
		return data
	}
	return strict
}

// parseData returns the arguments of m from a JSON object by name, which may have comments and trailing commas. source says in messages
// where the text comes from.
func parseData(m *schema.Method, source string, data []byte, form dynamic.BinaryForm) (*dynamic.Struct, error) {
	data = strictJSON(data)
	v, err := dynamic.ParseJSON(m.Args.Type(), data, dynamic.JSONOptions{Binary: form})
	if err != nil {
		var errs []error
		for _, err := range parts(err) {
			errs = append(errs, fmt.Errorf("%s:%w", source, err))
		}
		return nil, &exitError{code: exitUsage, err: errors.Join(errs...)}
	}
	args := v.Struct()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, usagef("%s: %w", source, err)
	}
	given := make([]bool, len(m.Args.Fields))
	for i, f := range m.Args.Fields {
		_, given[i] = object[f.Name]
	}
	if err := errors.Join(complete(args, given, m)...); err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	return args, nil
}

// shorten returns text for a message, on one line and not too long.
func shorten(text string) string {
	const most = 40
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if text == "" {
		return "an empty text"
	}
	return truncate(text, most)
}

// truncate cuts text to at most n bytes and a mark, between runes.
func truncate(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
