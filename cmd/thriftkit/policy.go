package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/govern/auth"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

// A policyFile is the policy of --policy.
type policyFile struct {
	path  string
	guard *auth.Guard
	stop  context.CancelFunc
	ended chan struct{}
}

// openPolicy reads the policy of --policy; nil if there is none.
func (o *serveOptions) openPolicy() (*policyFile, error) {
	if o.policy == "" {
		return nil, nil
	}
	policy, _, err := loadPolicy(o.policy)
	if err != nil {
		return nil, err
	}
	return &policyFile{path: o.policy, guard: auth.NewGuard(policy, auth.GuardOptions{})}, nil
}

// watch holds the rules to what the server has, and reads the file again when it changes, until close.
func (p *policyFile) watch(server *thriftkit.Server, log *callLog) error {
	if p == nil {
		return nil
	}
	services := slices.Clone(server.Services())
	for _, b := range server.Options().BuiltIn {
		services = append(services, b.Service)
	}
	read := func(path string) (*auth.Policy, error) { return loadPolicyFor(path, services) }
	policy, err := read(p.path)
	if err != nil {
		return err
	}
	p.guard.SetPolicy(policy)
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		p.guard.Watch(ctx, p.path, read, func(err error) {
			if err != nil {
				log.print("thriftkit: the policy from before stays:\n%v", err)
				return
			}
			log.print("thriftkit: %s was read again", p.path)
		})
	}()
	return nil
}

func (p *policyFile) close() {
	if p != nil && p.stop != nil {
		p.stop()
		<-p.ended
	}
}

func loadPolicyFor(path string, services []*schema.Service) (*auth.Policy, error) {
	policy, root, err := loadPolicy(path)
	if err != nil {
		return nil, err
	}
	return policy, withPlaces(path, root, policy.Check(services))
}

// loadPolicy reads a policy of JSON or YAML; root is the document of the latter.
func loadPolicy(path string) (policy *auth.Policy, root *yaml.Node, err error) {
	if strings.HasSuffix(path, ".json") {
		policy, err := auth.LoadPolicy(path)
		return policy, nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return nil, nil, fmt.Errorf("%s:1:1: the document is empty", path)
	}
	var b bytes.Buffer
	if err := yamlAsJSON(&b, doc.Content[0]); err != nil {
		return nil, nil, fmt.Errorf("%s:%w", path, err)
	}
	policy, err = auth.ParsePolicy(b.Bytes())
	return policy, doc.Content[0], withPlaces(path, doc.Content[0], err)
}

// withPlaces returns the errors of a policy with the name of the file; of one in YAML with the places there.
func withPlaces(path string, root *yaml.Node, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for _, err := range parts(err) {
		var e *auth.PolicyError
		if errors.As(err, &e) && root != nil {
			at := *e
			at.Line, at.Column = placeOf(root, e.Path)
			err = &at
		}
		errs = append(errs, fmt.Errorf("%s:%w", path, err))
	}
	return errors.Join(errs...)
}

// placeOf returns where a path such as rules[2].allow[0] is, or what of it there is.
func placeOf(n *yaml.Node, path string) (line, column int) {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next = n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			var i int
			if _, err := fmt.Sscan(step, &i); err == nil && i < len(n.Content) {
				next = n.Content[i]
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.Line, n.Column
}

// yamlAsJSON appends a document of YAML as JSON, in which the keys keep their order and are there as often.
func yamlAsJSON(b *bytes.Buffer, n *yaml.Node) error {
	appendText := func(s string) {
		text, _ := json.Marshal(s) // of a string: it does not fail
		b.Write(text)
	}
	switch {
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			appendText(n.Content[i].Value)
			b.WriteByte(':')
			if err := yamlAsJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := yamlAsJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case n.Kind == yaml.AliasNode:
		return fmt.Errorf("%d:%d: aliases are not supported here", n.Line, n.Column)
	case n.Tag == "!!bool" || n.Tag == "!!int" || n.Tag == "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return fmt.Errorf("%d:%d: %w", n.Line, n.Column, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%d:%d: %w", n.Line, n.Column, err)
		}
		b.Write(text)
	case n.Tag == "!!null":
		b.WriteString("null")
	default:
		appendText(n.Value)
	}
	return nil
}
