package mock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// An Entry is one call in a log: a line of JSON.
type Entry struct {
	Time      string          `json:"time"` // RFC 3339
	Peer      string          `json:"peer"`
	Method    string          `json:"method"` // Service.method
	Args      json.RawMessage `json:"args"`
	Result    json.RawMessage `json:"result,omitempty"` // null for void
	Exception string          `json:"exception,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"` // of the exception
	Error     *Failure        `json:"error,omitempty"`
	Micros    float64         `json:"micros"`
	By        string          `json:"by"` // what answered
}

// A Failure is an error that is not declared.
type Failure struct {
	Code    int32  `json:"code"`
	Message string `json:"message"`
}

// A Log writes entries. It is safe for concurrent use.
type Log struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLog returns a Log that writes to w.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Write writes one entry.
func (l *Log) Write(e *Entry) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(line.Bytes())
	return err
}

// A Replay answers calls as a log says that they were answered: for each method and arguments the answers one after the other, and
// the last one from then on. It is safe for concurrent use.
type Replay struct {
	mu      sync.Mutex
	answers map[string][]*Answer
}

// ParseReplay reads a log. The error has all mistakes, each with its line.
func ParseReplay(path string, text []byte, find Finder) (*Replay, error) {
	r := &Replay{answers: make(map[string][]*Answer)}
	var errs []error
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := r.add(lines.Bytes(), find); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", path, n, err))
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	return r, errors.Join(errs...)
}

func (r *Replay) add(line []byte, find Finder) error {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("not a line of a log: %w", err)
	}
	methods, _, err := find(e.Method)
	if err != nil {
		return err
	}
	m := methods[0]
	args, err := dynamic.ParseJSON(m.Args.Type(), e.Args, dynamic.JSONOptions{})
	if err != nil {
		return fmt.Errorf("args: %w", err)
	}
	a := &Answer{}
	switch {
	case e.Error != nil:
		a.Failure = &rpc.Error{Code: rpc.Code(max(e.Error.Code, 0)), Message: e.Error.Message}
	case e.Exception != "":
		t := exceptionType(m, e.Exception)
		if t == nil {
			return fmt.Errorf("%s declares no exception %q%s", m, e.Exception, fill.Declared(m))
		}
		v, err := dynamic.ParseJSON(t, e.Value, dynamic.JSONOptions{})
		if err != nil {
			return fmt.Errorf("value: %w", err)
		}
		a.Exception = v.Struct()
	case m.Result.Kind != schema.KindVoid:
		if a.Result, err = dynamic.ParseJSON(m.Result, e.Result, dynamic.JSONOptions{}); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	key, err := replayKey(e.Method, args.Struct())
	r.answers[key] = append(r.answers[key], a)
	return err
}

// replayKey returns a text that two calls share only if they are the same.
func replayKey(method string, args *dynamic.Struct) (string, error) {
	text, err := dynamic.AppendJSON([]byte(method[strings.LastIndexByte(method, '.')+1:]+" "), args.Schema().Type(), dynamic.StructValue(args), dynamic.JSONOptions{})
	return string(text), err
}

// Answer returns what the log has for a call, and false if that is nothing.
func (r *Replay) Answer(method string, args *dynamic.Struct) (*Answer, bool) {
	key, err := replayKey(method, args)
	if err != nil {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.answers[key]
	if len(list) == 0 {
		return nil, false
	}
	if len(list) > 1 {
		r.answers[key] = list[1:]
	}
	return list[0], true
}
