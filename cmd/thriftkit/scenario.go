package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

// A scenario is what a file of --scenario says. Flags go before it.
type scenario struct {
	path string

	IDL         string         `yaml:"idl"` // beside the scenario's file
	Target      string         `yaml:"target"`
	Rate        string         `yaml:"rate"`
	Concurrency string         `yaml:"concurrency"`
	Duration    time.Duration  `yaml:"duration"`
	Warmup      time.Duration  `yaml:"warmup"`
	Count       int64          `yaml:"count"`
	Fail        []string       `yaml:"fail"`
	Calls       []scenarioCall `yaml:"calls"`
}

type scenarioCall struct {
	Method   string    `yaml:"method"`
	Name     string    `yaml:"name"`
	Weight   *int      `yaml:"weight"`
	Data     yaml.Node `yaml:"data"`
	DataFile string    `yaml:"dataFile"`

	node *yaml.Node
}

// UnmarshalYAML remembers where the call stands.
func (c *scenarioCall) UnmarshalYAML(node *yaml.Node) error {
	type plain scenarioCall
	c.node = node
	return node.Decode((*plain)(c))
}

// readScenario reads a file. JSON is read as the YAML that it is.
func readScenario(path string) (*scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sc := &scenario{path: path}
	if err := decodeKnown(path, text, sc); err != nil {
		return nil, err
	}
	if len(sc.Calls) == 0 {
		return nil, fmt.Errorf("%s: no calls", path)
	}
	return sc, nil
}

// decodeKnown reads a text of YAML or JSON; fields that v does not have are a mistake.
func decodeKnown(path string, text []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return yamlError(path, err)
	}
	return nil
}

// yamlError puts the path before each mistake in a YAML text.
func yamlError(path string, err error) error {
	var several *yaml.TypeError
	if !errors.As(err, &several) {
		return fmt.Errorf("%s: %w", path, err)
	}
	var errs []error
	for _, e := range several.Errors {
		e, _, _ = strings.Cut(e, " in type ") // which is of Go
		errs = append(errs, fmt.Errorf("%s: %s", path, e))
	}
	return errors.Join(errs...)
}

// settle gives flags that were not given what the file says.
func (sc *scenario) settle(o *benchOptions, changed func(flag string) bool) {
	if len(o.source.idl) == 0 && sc.IDL != "" {
		o.source.idl = []string{sc.beside(sc.IDL)}
	}
	if !changed("rate") && !changed("concurrency") {
		o.rate, o.concurrency = sc.Rate, sc.Concurrency
	}
	if !changed("duration") && !changed("count") {
		o.duration, o.count = sc.Duration, sc.Count
	}
	if !changed("warmup") {
		o.warmup = sc.Warmup
	}
	o.fail = append(o.fail, sc.Fail...)
}

// beside returns the path of a file that is named relative to the scenario.
func (sc *scenario) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(sc.path), path)
}

// calls returns the calls of the file. All mistakes are reported at once.
func (sc *scenario) calls(file *schema.File, form dynamic.BinaryForm) ([]benchCall, error) {
	var list []benchCall
	var errs []error
	for i := range sc.Calls {
		c, err := sc.call(&sc.Calls[i], file, form)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, *c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	names := make(map[string]int)
	for i := range list {
		if names[list[i].name]++; names[list[i].name] > 1 {
			list[i].name += fmt.Sprintf(" (%d)", names[list[i].name])
		}
	}
	return list, nil
}

func (sc *scenario) call(c *scenarioCall, file *schema.File, form dynamic.BinaryForm) (*benchCall, error) {
	place := fmt.Sprintf("%s:%d:%d", sc.path, c.node.Line, c.node.Column)
	m, _, err := findMethod(file, c.Method)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	const heaviest = 1000
	out := &benchCall{name: c.Name, weight: 1, method: m, form: form}
	if out.name == "" {
		out.name = m.String()
	}
	if c.Weight != nil {
		if out.weight = *c.Weight; out.weight < 1 || out.weight > heaviest {
			return nil, fmt.Errorf("%s: weight %d is not one of 1 to %d", place, out.weight, heaviest)
		}
	}
	switch {
	case c.DataFile != "" && c.Data.Kind != 0:
		return nil, fmt.Errorf("%s: give either data or dataFile", place)
	case c.DataFile != "":
		if out.data, err = readDataFile(sc.beside(c.DataFile)); err == nil {
			err = out.prepare()
		}
	default:
		out.data, err = sc.data(c, m, form)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// data returns the arguments that stand in the file: an object, or a list of them that are used in turn.
func (sc *scenario) data(c *scenarioCall, m *schema.Method, form dynamic.BinaryForm) ([]*benchData, error) {
	nodes := []*yaml.Node{&c.Data}
	switch c.Data.Kind {
	case 0:
		nodes[0] = &yaml.Node{Kind: yaml.MappingNode, Line: c.node.Line, Column: c.node.Column}
	case yaml.SequenceNode:
		nodes = c.Data.Content
		if len(nodes) == 0 {
			return nil, fmt.Errorf("%s:%d:%d: data is an empty list", sc.path, c.Data.Line, c.Data.Column)
		}
	}
	var list []*benchData
	var errs []error
	for _, node := range nodes {
		tmpl, err := fill.Node(node, m.Args.Type())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%w", sc.path, err))
			continue
		}
		d := &benchData{tmpl: tmpl, source: fmt.Sprintf("%s:%d:%d", sc.path, node.Line, node.Column)}
		text, err := tmpl.Append(nil, fill.NewData(1, 0))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%w", sc.path, err))
			continue
		}
		args, err := parseData(m, d.source, text, form)
		if err != nil {
			errs = append(errs, placed(sc.path, tmpl, node, err))
			continue
		}
		if tmpl.IsStatic() {
			d.args = args
		}
		list = append(list, d)
	}
	return list, errors.Join(errs...)
}

// placed says of mistakes in the text that tmpl made where in the file they are.
func placed(path string, tmpl *fill.Template, node *yaml.Node, err error) error {
	var errs []error
	for _, err := range flat(misfits(tmpl, node, err)) {
		errs = append(errs, fmt.Errorf("%s:%w", path, err))
	}
	return errors.Join(errs...)
}

// misfits returns mistakes in the text that tmpl made of node as errors of type *fill.Error.
func misfits(tmpl *fill.Template, node *yaml.Node, err error) error {
	var errs []error
	for _, err := range flat(err) {
		at := fill.Place{Line: node.Line, Column: node.Column}
		message := err.Error()
		var bad *dynamic.JSONError
		if errors.As(err, &bad) {
			if found := tmpl.At(bad.Column - 1); found.Line > 0 && tmpl.IsStatic() {
				at = found
			}
			message = bad.Message
			if bad.Path != "" {
				message = bad.Path + ": " + message
			}
			if bad.Pos.IsValid() {
				message += " (declared at " + bad.Pos.String() + ")"
			}
		}
		errs = append(errs, &fill.Error{Place: at, Message: message})
	}
	return errors.Join(errs...)
}

// flat returns the errors that were joined to err, at any depth.
func flat(err error) []error {
	var exit *exitError
	if errors.As(err, &exit) && exit.err != nil {
		err = exit.err
	}
	var list []error
	for _, e := range parts(err) {
		if _, ok := e.(interface{ Unwrap() []error }); ok {
			list = append(list, flat(e)...)
		} else {
			list = append(list, e)
		}
	}
	return list
}
