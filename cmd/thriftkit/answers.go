package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

// An answer is what serve says to the calls of a method.
type answer struct {
	result    dynamic.Value
	exception *dynamic.Struct // instead of a result, if not nil
}

// answers are the answers of a file by service and method. What is said for a service holds for
// those that extend it, unless they have an answer of their own.
type answers map[*schema.Service]map[string]answer

func (a answers) find(svc *schema.Service, method string) (answer, bool) {
	for ; svc != nil; svc = svc.Extends {
		if found, ok := a[svc][method]; ok {
			return found, true
		}
	}
	return answer{}, false
}

// loadAnswers reads a JSON object with an answer for each key, which is Service.method, or
// method alone where findMethod takes it. An answer is a value of the result's type, null for
// void, or an object {"exception": NAME, "value": {…}} of these two keys, if the method declares
// an exception NAME. All mistakes are reported at once, each with its place in the file.
func loadAnswers(path string, file *schema.File) (answers, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseAnswers(path, data, file)
}

func parseAnswers(path string, data []byte, file *schema.File) (answers, error) {
	r := answerReader{path: path, data: data, file: file}
	list, ok := r.members(0, len(data))
	if !ok {
		return nil, errors.Join(r.errs...)
	}
	all := make(answers)
	for _, mem := range list {
		m, svc, err := findMethod(file, mem.name)
		if err != nil {
			r.errorf(mem.at, "%v", err)
			continue
		}
		if all[svc] == nil {
			all[svc] = make(map[string]answer)
		}
		if _, ok := all[svc][m.Name]; ok {
			r.errorf(mem.at, "there is already an answer for %s.%s", svc.Name, m.Name)
		}
		all[svc][m.Name] = r.answer(m, mem)
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return all, nil
}

type answerReader struct {
	path string
	data []byte
	file *schema.File
	errs []error
}

// A member is one member of a JSON object, with its places in the file.
type member struct {
	name       string
	at         int // of the name
	start, end int // of the value
}

func (r *answerReader) text(m member) []byte { return r.data[m.start:m.end] }

// errorf notes a mistake at an offset.
func (r *answerReader) errorf(offset int, format string, args ...any) {
	line, column := position(r.data, offset)
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: "+format, append([]any{r.path, line, column}, args...)...))
}

// position returns the line and column of an offset, both from 1.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	return 1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n')
}

// members returns the members of the object that is all of the text from start to end, and
// false, after a report, if it is none.
func (r *answerReader) members(start, end int) ([]member, bool) {
	dec := json.NewDecoder(bytes.NewReader(r.data[start:end]))
	here := func() int { return start + int(dec.InputOffset()) }
	fail := func(err error) ([]member, bool) {
		var bad *json.SyntaxError
		switch {
		case errors.As(err, &bad):
			r.errorf(start+max(int(bad.Offset)-1, 0), "%s", strings.TrimPrefix(bad.Error(), "json: "))
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			r.errorf(end, "the text ends early")
		default:
			r.errorf(here(), "%v", err)
		}
		return nil, false
	}
	tok, err := dec.Token()
	if err != nil {
		return fail(err)
	}
	if tok != json.Delim('{') {
		r.errorf(start, "want an object of answers by method")
		return nil, false
	}
	var list []member
	for dec.More() {
		before := here()
		name, err := dec.Token()
		if err != nil {
			return fail(err)
		}
		m := member{at: before + bytes.IndexByte(r.data[before:], '"')}
		m.name, _ = name.(string) // the decoder takes nothing else for a name
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fail(err)
		}
		m.end = here()
		m.start = m.end - len(raw)
		list = append(list, m)
	}
	if _, err := dec.Token(); err != nil {
		return fail(err)
	}
	if rest := bytes.TrimLeft(r.data[here():end], " \t\r\n"); len(rest) > 0 {
		r.errorf(end-len(rest), "more text after the object")
		return nil, false
	}
	return list, true
}

// answer reads the answer for m.
func (r *answerReader) answer(m *schema.Method, mem member) answer {
	name, value, isException := r.exception(mem)
	if isException {
		for _, f := range m.Throws {
			if f.Type.Struct.Name == name || f.Type.String() == name {
				v, _ := r.value(m, f.Type.Struct.Type(), value)
				return answer{exception: v.Struct()}
			}
		}
	}
	if m.Result.Kind == schema.KindVoid {
		if string(r.text(mem)) == "null" {
			return answer{}
		}
	} else if !isException || m.Result.Kind == schema.KindStruct || m.Result.Kind == schema.KindMap {
		v, _ := r.value(m, m.Result, mem)
		return answer{result: v}
	}
	if isException {
		r.errorf(value.start, "%s declares no exception %q%s", m, name, fill.Declared(m))
	} else {
		r.errorf(mem.start, "%s is void: its answer is null", m)
	}
	return answer{}
}

// exception reports whether an answer has the form of an exception, with its name and value.
func (r *answerReader) exception(mem member) (name string, value member, ok bool) {
	if !bytes.HasPrefix(r.text(mem), []byte("{")) {
		return "", member{}, false
	}
	list, ok := r.members(mem.start, mem.end)
	if !ok || len(list) != 2 {
		return "", member{}, false
	}
	for _, part := range list {
		switch part.name {
		case "exception":
			ok = ok && json.Unmarshal(r.text(part), &name) == nil
		case "value":
			value = part
		default:
			ok = false
		}
	}
	return name, value, ok && name != "" && value.end > 0
}

// value reads a value of type t; what is wrong is reported at its place in the file.
func (r *answerReader) value(m *schema.Method, t *schema.Type, mem member) (dynamic.Value, bool) {
	v, err := dynamic.ParseJSON(t, r.text(mem), dynamic.JSONOptions{})
	if err == nil {
		return v, true
	}
	line, column := position(r.data, mem.start)
	for _, err := range parts(err) {
		var bad *dynamic.JSONError
		if !errors.As(err, &bad) {
			r.errorf(mem.start, "%s: %v", m, err)
			continue
		}
		at := *bad
		if at.Line == 1 {
			at.Column += column - 1
		}
		at.Line += line - 1
		r.errs = append(r.errs, fmt.Errorf("%s:%w (answer for %s)", r.path, &at, m))
	}
	return dynamic.Value{}, false
}
