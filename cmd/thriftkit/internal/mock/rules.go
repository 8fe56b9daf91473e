// Package mock answers calls by rules, which a file of YAML or JSON has:
//
//	rules:
//	  - method: login                       # Service.method, method, or "*"
//	    when: .username == "root"           # a jq expression on the arguments; any
//	    chance: 10%                         # how often the rule applies; always
//	    times: 3                            # how often at most; any number
//	    delay: 10ms..50ms                   # before the answer; none
//	    answer: "welcome, {{.Request.username}}"
//	  - method: find
//	    steps:                              # one answer after the other
//	      - {exception: NotFound, value: {name: "{{.Request.name}}"}}
//	      - {error: {code: 6, message: overloaded}}
//	      - {drop: true}
//	      - {answer: {name: lamp}}
//	    after: repeat                       # the steps: last (stay there), repeat, or pass (to the next rule)
//
// The first rule that fits answers. Strings with "{{" are templates, see package fill.
package mock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/itchyny/gojq"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

// Rules answer calls. They are safe for concurrent use.
type Rules struct {
	rules []*rule

	mu   sync.Mutex // for what follows, and for what rules count
	data *fill.Data
	rng  *rand.Rand
}

type rule struct {
	at      fill.Place
	service *schema.Service // nil: any
	method  string          // "": any
	when    *gojq.Code
	chance  float64 // of 1
	times   int     // -1: any number
	steps   []*step
	after   string

	used int // under Rules.mu, as is next
	next int
}

// A step is one answer. What it says fits the methods that its rule is for.
type step struct {
	at          fill.Place
	least, most time.Duration // of the delay
	drop        bool
	failure     *rpc.Error
	exception   string
	value       *yaml.Node // of the result or the exception; nil: there is none

	templates map[*schema.Method]*fill.Template // of the value
}

// An Answer says how a call ends.
type Answer struct {
	Delay     time.Duration
	Drop      bool            // the connection is closed
	Failure   *rpc.Error      // or this is the answer
	Exception *dynamic.Struct // or this
	Result    dynamic.Value   // or this; unset for void
	Place     fill.Place      // of the rule in the file
}

// A Finder returns the methods that a name means, at least one, and the service by which they were named; nil if that does not matter.
type Finder func(name string) ([]*schema.Method, *schema.Service, error)

// Parse reads the text of a file of rules. The error has all mistakes, each of type *fill.Error.
func Parse(text []byte, find Finder, seed uint64) (*Rules, error) {
	root, err := fill.Parse(text)
	if err != nil {
		return nil, err
	}
	p := &parser{find: find}
	r := &Rules{data: fill.NewData(seed, 0), rng: rand.New(rand.NewPCG(seed, 1))}
	p.object(root, "rules", func(key, value *yaml.Node) bool {
		if key.Value != "rules" {
			return false
		}
		if value.Kind != yaml.SequenceNode {
			p.errorf(value, "want a list of rules")
			return true
		}
		for _, node := range value.Content {
			r.rules = append(r.rules, p.rule(node))
		}
		return true
	})
	if len(p.errs) == 0 && len(r.rules) == 0 {
		p.errorf(root, "there are no rules")
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return r, nil
}

type parser struct {
	find Finder
	errs []error
}

func (p *parser) errorf(node *yaml.Node, format string, args ...any) {
	p.errs = append(p.errs, fill.Errorf(node, format, args...))
}

// object calls f with each member of an object; f returns false for those that it does not know.
func (p *parser) object(node *yaml.Node, known string, f func(key, value *yaml.Node) bool) bool {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode {
		p.errorf(node, "want an object with %s", known)
		return false
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if seen[key.Value] {
			p.errorf(key, "%q is given twice", key.Value)
		}
		seen[key.Value] = true
		if !f(key, node.Content[i+1]) {
			p.errorf(key, "unknown key %q (known: %s)", key.Value, known)
		}
	}
	return true
}

const (
	ruleKeys = "method, when, chance, times, steps, after, delay, answer, exception, value, error, drop"
	stepKeys = "delay, answer, exception, value, error, drop"
)

func (p *parser) rule(node *yaml.Node) *rule {
	r := &rule{at: fill.Place{Line: node.Line, Column: node.Column}, chance: 1, times: -1, after: "last"}
	own := &step{at: r.at}
	var methods []*schema.Method
	var steps *yaml.Node
	named, unknown, has := false, false, false
	ok := p.object(node, ruleKeys, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "method":
			named = true
			if value.Value == "*" {
				return true
			}
			found, svc, err := p.find(value.Value)
			if err != nil {
				p.errorf(value, "%v", err)
				unknown = true
				return true
			}
			methods, r.service, r.method = found, svc, found[0].Name
		case "when":
			p.when(r, value)
		case "chance":
			text, percent := strings.CutSuffix(value.Value, "%")
			n, err := strconv.ParseFloat(text, 64)
			if percent {
				n /= 100
			}
			if err != nil || !(n >= 0 && n <= 1) {
				p.errorf(value, "%q is not a chance: one of 0%% to 100%%, or of 0 to 1", value.Value)
			}
			r.chance = n
		case "times":
			n, err := strconv.Atoi(value.Value)
			if err != nil || n < 1 {
				p.errorf(value, "%q is not a number from 1", value.Value)
			}
			r.times = n
		case "steps":
			steps = value
		case "after":
			if r.after = value.Value; r.after != "last" && r.after != "repeat" && r.after != "pass" {
				p.errorf(value, "unknown after %q (known: last, repeat, pass)", value.Value)
			}
		default:
			has = has || key.Value != "delay"
			return p.stepKey(own, key, value)
		}
		return true
	})
	if !ok {
		return r
	}
	if !named {
		p.errorf(node, `"method" is missing: a method, or "*" for all`)
		return r
	}
	switch {
	case steps == nil && !has:
		p.errorf(node, "a rule says answer, exception, error, drop or steps")
	case steps == nil:
		r.steps = []*step{own}
	case has:
		p.errorf(node, "a rule has either steps or an answer of its own")
	case steps.Kind != yaml.SequenceNode || len(steps.Content) == 0:
		p.errorf(steps, "steps are a list, and not an empty one")
	default:
		for _, node := range steps.Content {
			s := &step{at: fill.Place{Line: node.Line, Column: node.Column}, least: own.least, most: own.most}
			if p.object(node, stepKeys, func(key, value *yaml.Node) bool { return p.stepKey(s, key, value) }) {
				r.steps = append(r.steps, s)
			}
		}
	}
	for _, s := range r.steps {
		if !unknown {
			p.check(s, methods)
		}
	}
	return r
}

func (p *parser) when(r *rule, value *yaml.Node) {
	q, err := gojq.Parse(value.Value)
	if err == nil {
		r.when, err = gojq.Compile(q)
	}
	if err != nil {
		p.errorf(value, "jq: %v", err)
	}
}

func (p *parser) stepKey(s *step, key, value *yaml.Node) bool {
	switch key.Value {
	case "delay":
		first, last, ok := strings.Cut(value.Value, "..")
		if !ok {
			last = first
		}
		var err1, err2 error
		s.least, err1 = time.ParseDuration(first)
		s.most, err2 = time.ParseDuration(last)
		if err1 != nil || err2 != nil || s.least < 0 || s.most < s.least {
			p.errorf(value, "%q is not a time such as 50ms or 10ms..50ms", value.Value)
		}
	case "answer", "value":
		s.value = value
	case "exception":
		s.exception = value.Value
	case "drop":
		if err := value.Decode(&s.drop); err != nil {
			p.errorf(value, "want true or false")
		}
	case "error":
		s.failure = &rpc.Error{Code: rpc.CodeInternal}
		p.object(value, "code, message", func(key, value *yaml.Node) bool {
			switch key.Value {
			case "code":
				n, err := strconv.ParseInt(value.Value, 10, 32)
				if err != nil || n < 0 {
					p.errorf(value, "%q is not a code of TApplicationException: a number from 0", value.Value)
				}
				s.failure.Code = rpc.Code(n)
			case "message":
				s.failure.Message = value.Value
			default:
				return false
			}
			return true
		})
	default:
		return false
	}
	return true
}

// check makes sure that a step fits all methods that it may answer; none are known of a rule for all.
func (p *parser) check(s *step, methods []*schema.Method) {
	at := &yaml.Node{Line: s.at.Line, Column: s.at.Column}
	if s.value != nil {
		at = s.value
	}
	switch {
	case s.drop && s.failure != nil:
		p.errorf(at, "give either drop or error")
		return
	case (s.drop || s.failure != nil) && (s.exception != "" || s.value != nil):
		p.errorf(at, "with drop or error there is no answer")
		return
	case s.drop || s.failure != nil || len(methods) == 0 && s.value == nil && s.exception == "":
		return
	case len(methods) == 0:
		p.errorf(at, "a rule for all methods can say error, drop or delay, not an answer: they have different types")
		return
	}
	s.templates = make(map[*schema.Method]*fill.Template)
	for _, m := range methods {
		t := m.Result
		if s.exception != "" {
			if t = exceptionType(m, s.exception); t == nil {
				p.errorf(at, "%s declares no exception %q%s", m, s.exception, fill.Declared(m))
				continue
			}
		}
		if t.Kind == schema.KindVoid {
			if s.value != nil && s.value.ShortTag() != "!!null" {
				p.errorf(at, "%s is void: its answer is null", m)
			}
			continue
		}
		value := s.value
		if value == nil {
			if s.exception == "" {
				p.errorf(at, "the answer is missing, of type %s", t)
				continue
			}
			value = &yaml.Node{Kind: yaml.MappingNode, Line: at.Line, Column: at.Column}
		}
		tmpl, err := fill.Node(value, t)
		if err != nil {
			p.errs = append(p.errs, err)
			continue
		}
		s.templates[m] = tmpl
		if !tmpl.IsStatic() {
			continue // what it yields depends on the call
		}
		text, _ := tmpl.Append(nil, nil)
		if _, err := dynamic.ParseJSON(t, text, dynamic.JSONOptions{}); err != nil {
			p.misfits(tmpl, value, err)
		}
	}
}

// misfits reports what is wrong with a value where it stands in the file.
func (p *parser) misfits(tmpl *fill.Template, value *yaml.Node, err error) {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, err := range list {
		at := fill.Place{Line: value.Line, Column: value.Column}
		message := err.Error()
		var bad *dynamic.JSONError
		if errors.As(err, &bad) {
			if found := tmpl.At(bad.Column - 1); found.Line > 0 {
				at = found
			}
			if message = bad.Message; bad.Path != "" {
				message = bad.Path + ": " + message
			}
			if bad.Pos.IsValid() {
				message += " (declared at " + bad.Pos.String() + ")"
			}
		}
		p.errs = append(p.errs, &fill.Error{Place: at, Message: message})
	}
}

func exceptionType(m *schema.Method, name string) *schema.Type {
	for _, f := range m.Throws {
		if f.Type.Struct.Name == name || f.Type.String() == name {
			return f.Type
		}
	}
	return nil
}

// Answer returns what the rules say to a call of m on svc, and false if that is nothing. The error is of a rule that does not work out
// with these arguments.
func (r *Rules) Answer(ctx context.Context, svc *schema.Service, m *schema.Method, args *dynamic.Struct) (*Answer, bool, error) {
	var request any
	for _, rule := range r.rules {
		if rule.method != "" && rule.method != m.Name || rule.service != nil && !extends(svc, rule.service) {
			continue
		}
		if request == nil {
			var err error
			if request, err = plain(args); err != nil {
				return nil, false, err
			}
		}
		if ok, err := rule.fits(ctx, request); err != nil {
			return nil, false, fmt.Errorf("rule at %d:%d: %w", rule.at.Line, rule.at.Column, err)
		} else if !ok {
			continue
		}
		a, ok, err := r.take(rule, m, request)
		if err != nil {
			return nil, false, fmt.Errorf("rule at %d:%d: %w", rule.at.Line, rule.at.Column, err)
		}
		if ok {
			return a, true, nil
		}
	}
	return nil, false, nil
}

// extends reports whether svc is base or inherits from it.
func extends(svc, base *schema.Service) bool {
	for ; svc != nil; svc = svc.Extends {
		if svc == base {
			return true
		}
	}
	return false
}

func (r *rule) fits(ctx context.Context, request any) (bool, error) {
	if r.when == nil {
		return true, nil
	}
	v, ok := r.when.RunWithContext(ctx, request).Next()
	if err, bad := v.(error); bad {
		return false, fmt.Errorf("jq: %w", err)
	}
	return ok && v != nil && v != false, nil
}

// take returns the answer of a rule that fits, and false if its chance or its times are against it.
func (r *Rules) take(rule *rule, m *schema.Method, request any) (*Answer, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rule.times >= 0 && rule.used >= rule.times || rule.chance < 1 && r.rng.Float64() >= rule.chance {
		return nil, false, nil
	}
	if rule.next == len(rule.steps) {
		switch rule.after {
		case "pass":
			return nil, false, nil
		case "repeat":
			rule.next = 0
		default:
			rule.next--
		}
	}
	s := rule.steps[rule.next]
	rule.next++
	rule.used++
	a := &Answer{Drop: s.drop, Failure: s.failure, Place: s.at, Delay: s.least}
	if s.most > s.least {
		a.Delay += time.Duration(r.rng.Int64N(int64(s.most-s.least) + 1))
	}
	tmpl := s.templates[m]
	if tmpl == nil {
		return a, true, nil
	}
	t := m.Result
	if s.exception != "" {
		t = exceptionType(m, s.exception)
	}
	r.data.Number, r.data.Request = uint64(rule.used-1), request
	text, err := tmpl.Append(nil, r.data)
	if err != nil {
		return nil, false, err
	}
	v, err := dynamic.ParseJSON(t, text, dynamic.JSONOptions{})
	if err != nil {
		return nil, false, fmt.Errorf("the answer %s does not fit: %w", text, err)
	}
	if s.exception != "" {
		a.Exception = v.Struct()
	} else {
		a.Result = v
	}
	return a, true, nil
}

// plain returns arguments as jq and templates see them. Whole numbers stay exact.
func plain(args *dynamic.Struct) (any, error) {
	text, err := dynamic.AppendJSON(nil, args.Schema().Type(), dynamic.StructValue(args), dynamic.JSONOptions{})
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	}
	return v
}
