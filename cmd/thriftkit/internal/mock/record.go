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
// the last one from then on; for each client from the first one. It is safe for concurrent use.
type Replay struct {
	answers map[string][]*Answer

	mu      sync.Mutex
	given   map[string]map[string]int // to each client: how many of the answers to a call that came before
	clients []string                  // those in given, the last ones
}

// replayClients is how many clients a Replay knows; one that was forgotten begins anew.
const replayClients = 1000

// ParseReplay reads a log. The error has all mistakes, each with its line.
func ParseReplay(path string, text []byte, find Finder) (*Replay, error) {
	r := &Replay{answers: make(map[string][]*Answer), given: make(map[string]map[string]int)}
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

// Answer returns what the log has for a call of a client, and false if that is nothing.
func (r *Replay) Answer(client, method string, args *dynamic.Struct) (*Answer, bool) {
	key, err := replayKey(method, args)
	if err != nil {
		return nil, false
	}
	list := r.answers[key]
	if len(list) < 2 {
		return append(list, nil)[0], len(list) > 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	given := r.given[client]
	if given == nil {
		given = make(map[string]int)
		r.given[client] = given
		if r.clients = append(r.clients, client); len(r.clients) > replayClients {
			delete(r.given, r.clients[0])
			r.clients = r.clients[1:]
		}
	}
	n := given[key]
	given[key] = min(n+1, len(list)-1)
	return list[n], true
}
