package gateway

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/restmap"
	"github.com/thriftkit/thriftkit/schema"
)

// A statusError is a mistake in a request that has a status of its own.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

const formType = "application/x-www-form-urlencoded"

// bodyType returns the media type of a body, "" if there is none.
func bodyType(r *http.Request, body []byte) (string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		if len(body) == 0 {
			return "", nil
		}
		return "", &statusError{http.StatusUnsupportedMediaType, "the body has no Content-Type: want application/json"}
	}
	t, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("bad Content-Type %.60q", header)}
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("charset %.40q: want utf-8", charset)}
	}
	return t, nil
}

func isJSON(t string) bool { return t == "application/json" || strings.HasSuffix(t, "+json") }

// methodArgs returns the arguments of a POST /Service/method: an object with their names.
func methodArgs(m *schema.Method, r *http.Request, body []byte) (*dynamic.Struct, error) {
	t, err := bodyType(r, body)
	switch {
	case err != nil:
		return nil, err
	case t != "" && !isJSON(t):
		return nil, &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %.60q: want application/json", t)}
	case len(body) == 0:
		body = []byte("{}")
	}
	v, err := dynamic.ParseJSON(m.Args.Type(), body, dynamic.JSONOptions{})
	return v.Struct(), err
}

// A bindError is a mistake in one parameter of a request.
type bindError struct {
	where string // such as "query parameter id"
	err   error
	pos   schema.Position
}

func (e *bindError) Error() string {
	s := e.where + ": " + e.err.Error()
	if e.pos.IsValid() {
		s += " (declared at " + e.pos.String() + ")"
	}
	return s
}

func whereOf(b restmap.Binding) string {
	switch b.Source {
	case restmap.Path:
		return "path parameter " + b.Name
	case restmap.Form:
		return "form field " + b.Name
	case restmap.Query:
		return "query parameter " + b.Name
	case restmap.Cookie:
		return "cookie " + b.Name
	case restmap.Header:
		return "header field " + b.Name
	case restmap.Body:
		return "member " + b.Name + " of the body"
	}
	return "body"
}

// A reader finds the values of fields in a request.
type reader struct {
	route  *restmap.Route
	r      *http.Request
	values []string // of the path
	query  map[string][]string
	form   map[string][]string
	json   *dynamic.Struct // of the type route.Body
	body   []byte
}

// routeArgs returns the arguments in a request of a route. The error joins all mistakes.
func routeArgs(route *restmap.Route, r *http.Request, body []byte, values []string) (*dynamic.Struct, error) {
	x := &reader{route: route, r: r, values: values, body: body}
	var errs []error
	if err := x.readQuery(); err != nil {
		errs = append(errs, err)
	}
	if err := x.readBody(); err != nil {
		errs = append(errs, err)
	}
	s := dynamic.New(route.Request)
	for i, p := range route.Params {
		err := x.set(s, i, p)
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !route.Whole {
		return s, nil
	}
	args := dynamic.New(route.Method.Args)
	return args, args.Set(route.Method.Args.Fields[0].Name, dynamic.StructValue(s))
}

// readQuery parses the query, without decoding what a list may be split in.
func (x *reader) readQuery() (err error) {
	x.query, err = parsePairs(x.r.URL.RawQuery)
	if err != nil {
		return &bindError{where: "query", err: err}
	}
	return nil
}

// parsePairs parses name=value&name=value; the values are still encoded.
func parsePairs(text string) (map[string][]string, error) {
	pairs := make(map[string][]string)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(name)
		if err != nil {
			return pairs, err
		}
		pairs[key] = append(pairs[key], value)
	}
	return pairs, nil
}

// readBody parses the body, if fields may be in it.
func (x *reader) readBody() error {
	if x.route.HasRawBody || len(x.body) == 0 || x.route.Body == nil && !x.route.HasForm {
		return nil // a body that nothing wants is not looked at
	}
	t, err := bodyType(x.r, x.body)
	switch {
	case err != nil:
		return err
	case t == formType && x.route.HasForm:
		if x.form, err = parsePairs(string(x.body)); err != nil {
			return &bindError{where: "form", err: err}
		}
	case isJSON(t) && x.route.Body != nil:
		v, err := dynamic.ParseJSON(x.route.Body.Type(), x.body, dynamic.JSONOptions{})
		if err != nil {
			return err
		}
		x.json = v.Struct()
	default:
		want := "application/json"
		if x.route.Body == nil {
			want = formType
		}
		return &statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %.60q: want %s", t, want)}
	}
	return nil
}

// set gives a field its value, from the first of its places that has one.
func (x *reader) set(s *dynamic.Struct, index int, p restmap.Param) error {
	f := p.Field
	for _, b := range p.From {
		v, ok, err := x.value(index, f.Type, b)
		if err != nil {
			return &bindError{whereOf(b), err, f.Pos}
		}
		if ok {
			return s.Set(f.Name, v)
		}
	}
	if f.Requiredness != schema.Required {
		return nil
	}
	if f.Default != nil {
		return s.Set(f.Name, dynamic.FromLiteral(f.Default))
	}
	if len(p.From) == 0 {
		return &bindError{"field " + f.Name, errors.New("a required field, and no part of the request has it"), f.Pos}
	}
	if x.route.Body != nil && x.json == nil && len(x.body) > 0 && x.form == nil && p.From[len(p.From)-1].Source == restmap.Body {
		return nil // that the body cannot be read has been said
	}
	return &bindError{whereOf(p.From[0]), errors.New("required, and not there"), f.Pos}
}

// value returns the value in one place, and whether it is there.
func (x *reader) value(index int, t *schema.Type, b restmap.Binding) (v dynamic.Value, ok bool, err error) {
	var texts []string
	decode := func(s string) (string, error) { return s, nil }
	switch b.Source {
	case restmap.Path:
		i := 0
		for _, s := range x.route.Segments {
			if s.Kind == restmap.Literal {
				continue
			}
			if s.Text == b.Name {
				texts = x.values[i : i+1]
			}
			i++
		}
	case restmap.Query:
		texts, decode = x.query[b.Name], url.QueryUnescape
	case restmap.Form:
		texts, decode = x.form[b.Name], url.QueryUnescape
	case restmap.Header:
		texts = x.r.Header.Values(b.Name)
	case restmap.Cookie:
		for _, c := range x.r.CookiesNamed(b.Name) {
			texts = append(texts, c.Value)
		}
	case restmap.Body:
		if x.json == nil {
			return v, false, nil
		}
		for i, at := range x.route.BodyFields {
			if at == index {
				v = x.json.At(i)
			}
		}
		return v, v.IsSet(), nil
	case restmap.RawBody:
		if t.Kind == schema.KindString {
			if !utf8.Valid(x.body) {
				return v, true, errors.New("not UTF-8")
			}
			return dynamic.String(string(x.body)), true, nil
		}
		return dynamic.Binary(x.body), true, nil
	}
	if len(texts) == 0 {
		return v, false, nil
	}
	if restmap.IsList(t) {
		v, err = listOf(t, texts, b.Source == restmap.Header, decode)
		return v, true, err
	}
	if len(texts) > 1 {
		return v, true, errors.New("given more than once")
	}
	text, err := decode(texts[0])
	if err == nil {
		v, err = parseText(t, text)
	}
	return v, true, err
}

// listOf returns the elements of a list: each occurrence of a parameter has one, or several with commas between.
func listOf(t *schema.Type, texts []string, trim bool, decode func(string) (string, error)) (dynamic.Value, error) {
	l := dynamic.NewList(t)
	for _, all := range texts {
		if all == "" {
			continue
		}
		for text := range strings.SplitSeq(all, ",") {
			if trim {
				text = strings.TrimSpace(text)
			}
			text, err := decode(text)
			if err != nil {
				return dynamic.Value{}, err
			}
			v, err := parseText(t.Elem, text)
			if err == nil {
				err = l.Append(v)
			}
			if err != nil {
				return dynamic.Value{}, err
			}
		}
	}
	return dynamic.ListValue(l), nil
}

// parseText reads the text form of a value: that of the keys of objects in JSON; of a binary, base64.
func parseText(t *schema.Type, text string) (dynamic.Value, error) {
	if !utf8.ValidString(text) {
		return dynamic.Value{}, errors.New("not UTF-8")
	}
	switch t.Kind {
	case schema.KindBinary:
		v, err := dynamic.ParseJSON(t, strconv.AppendQuote(nil, text), dynamic.JSONOptions{})
		if err != nil {
			return v, fmt.Errorf("want base64, got %.60q", text)
		}
		return v, nil
	case schema.KindBool: // ParseKey takes 1, T and more
		if text != "true" && text != "false" {
			return dynamic.Value{}, fmt.Errorf("want true or false, got %.60q", text)
		}
	case schema.KindDouble:
		return dynamic.ParseJSON(t, doubleJSON(text), dynamic.JSONOptions{})
	}
	v, _, err := dynamic.ParseKey(t, text)
	if err != nil {
		return v, fmt.Errorf("want %s, got %.60q", t, text)
	}
	return v, nil
}

// doubleJSON returns the text of a double as JSON: a number, or one of the words for what is none.
func doubleJSON(text string) []byte {
	if _, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, "0123456789") {
		return []byte(text)
	}
	return strconv.AppendQuote(nil, text)
}
