package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/lint"
	"github.com/thriftkit/thriftkit/idl/lsp"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"go.yaml.in/yaml/v3"
)

// configName is the name of the project file. It is looked for in the working directory and above.
const configName = "thriftkit.yaml"

// A setting is a value of the project file, and where it stands.
type setting[T any] struct {
	value T
	place string // file:line:column; "" if it was not given
}

func (s setting[T]) given() bool { return s.place != "" }

// A config is what a project file says. Paths in it are relative to its directory and are made
// usable from the working directory when it is read.
type config struct {
	path        string
	idl         setting[[]string]
	includeDirs setting[[]string]
	dialect     setting[string]
	docs        setting[string]
	format      formatConfig
	lint        lint.Options
	breaking    breakingConfig
	targets     map[string]*targetConfig
	calls       map[string]*savedCall
}

// A formatConfig has the options of fmt.
type formatConfig struct {
	align         setting[bool]
	width, indent setting[int]
	separator     setting[string]
}

// A targetConfig is an environment that can be called.
type targetConfig struct {
	place                            string
	address                          setting[string]
	idl                              setting[[]string]
	protocol, transport, compression setting[string]
	timeout, connectTimeout          setting[time.Duration]
	headers, variables               map[string]setting[string]
	cacert, cert, key, crl           setting[string]
	serverName                       setting[string]
	user                             setting[string] // NAME:PASSWORD
	insecure                         setting[bool]
	calls                            map[string]*savedCall
}

// A savedCall is a call with a name.
type savedCall struct {
	place   string
	method  setting[string]
	args    setting[[]string]
	data    setting[string] // JSON
	headers map[string]setting[string]
}

// findConfig returns the path of the project file that holds in dir, "" if there is none.
func findConfig(dir string) string {
	for {
		path := filepath.Join(dir, configName)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
		above := filepath.Dir(dir)
		if above == dir {
			return ""
		}
		dir = above
	}
}

// loadConfig reads the project file of the working directory; nil if there is none.
func loadConfig() (*config, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	path := findConfig(dir)
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if near, err := filepath.Rel(dir, path); err == nil {
		path = near
	}
	return parseConfig(path, data)
}

// parseConfig reads a project file. All that is wrong with it is reported at once.
func parseConfig(path string, data []byte) (*config, error) {
	c := &config{path: path}
	r := &configReader{path: path}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, &exitError{code: exitUsage, bare: true, err: r.syntax(err)}
	}
	if len(doc.Content) > 0 {
		r.root(c, doc.Content[0])
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, &exitError{code: exitUsage, bare: true, err: err}
	}
	return c, nil
}

// A configReader reads the nodes of a project file, and collects mistakes.
type configReader struct {
	path    string
	errs    []error
	offered []lsp.ConfigWord // what may stand at cursorWord
	known   []knownWord      // keys and rules that have an explanation
}

// syntax gives an error of the YAML parser, "yaml: line 3: …", the form of others.
func (r *configReader) syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if line, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok {
		if n, err := strconv.Atoi(line); err == nil {
			return &lsp.ConfigError{Path: r.path, Line: n, Column: 1, Message: rest}
		}
	}
	return &lsp.ConfigError{Path: r.path, Message: text}
}

func (r *configReader) place(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", r.path, n.Line, n.Column)
}

func (r *configReader) errorf(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, &lsp.ConfigError{Path: r.path, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)})
}

func (r *configReader) root(c *config, n *yaml.Node) {
	r.mapping(n, "the file", map[string]func(*yaml.Node){
		"idl":          func(n *yaml.Node) { c.idl = r.files(n) },
		"include-dirs": func(n *yaml.Node) { c.includeDirs = r.files(n) },
		"dialect":      func(n *yaml.Node) { c.dialect = oneOf(r, n, languages) },
		"docs":         func(n *yaml.Node) { c.docs = oneOf(r, n, docs) },
		"targets": func(n *yaml.Node) {
			c.targets = named(r, n, "targets", func(n *yaml.Node, name string) *targetConfig { return r.target(n, name) })
		},
		"calls":    func(n *yaml.Node) { c.calls = named(r, n, "calls", r.call) },
		"lint":     func(n *yaml.Node) { r.lint(n, &c.lint) },
		"breaking": func(n *yaml.Node) { r.breaking(n, &c.breaking) },
		"format": func(n *yaml.Node) {
			r.mapping(n, "format", map[string]func(*yaml.Node){
				"align":     func(n *yaml.Node) { c.format.align = r.boolean(n) },
				"width":     func(n *yaml.Node) { c.format.width = r.number(n, 1, 10000) },
				"indent":    func(n *yaml.Node) { c.format.indent = r.number(n, 1, 16) },
				"separator": func(n *yaml.Node) { c.format.separator = oneOf(r, n, separators) },
			})
		},
	})
}

func (r *configReader) target(n *yaml.Node, name string) *targetConfig {
	t := &targetConfig{place: r.place(n)}
	if n.Kind == yaml.ScalarNode { // the address alone
		t.address = r.text(n)
		return t
	}
	r.mapping(n, "target "+name, map[string]func(*yaml.Node){
		"address":         func(n *yaml.Node) { t.address = r.text(n) },
		"idl":             func(n *yaml.Node) { t.idl = r.files(n) },
		"protocol":        func(n *yaml.Node) { t.protocol = r.oneWord(n, protocol.Names()) },
		"transport":       func(n *yaml.Node) { t.transport = r.oneWord(n, transport.Names()) },
		"compression":     func(n *yaml.Node) { t.compression = r.oneWord(n, []string{"gzip", "zlib"}) },
		"timeout":         func(n *yaml.Node) { t.timeout = r.duration(n) },
		"connect-timeout": func(n *yaml.Node) { t.connectTimeout = r.duration(n) },
		"user":            func(n *yaml.Node) { t.user = r.text(n) },
		"headers":         func(n *yaml.Node) { t.headers = named(r, n, "headers", r.named) },
		"variables":       func(n *yaml.Node) { t.variables = named(r, n, "variables", r.named) },
		"tls": func(n *yaml.Node) {
			r.mapping(n, "tls", map[string]func(*yaml.Node){
				"cacert":     func(n *yaml.Node) { t.cacert = r.file(n) },
				"cert":       func(n *yaml.Node) { t.cert = r.file(n) },
				"key":        func(n *yaml.Node) { t.key = r.file(n) },
				"crl":        func(n *yaml.Node) { t.crl = r.file(n) },
				"servername": func(n *yaml.Node) { t.serverName = r.text(n) },
				"insecure":   func(n *yaml.Node) { t.insecure = r.boolean(n) },
			})
		},
		"calls": func(n *yaml.Node) { t.calls = named(r, n, "calls", r.call) },
	})
	if !t.address.given() {
		r.errorf(n, "target %s has no address", name)
	}
	return t
}

func (r *configReader) call(n *yaml.Node, name string) *savedCall {
	c := &savedCall{place: r.place(n)}
	r.mapping(n, "call "+name, map[string]func(*yaml.Node){
		"method":  func(n *yaml.Node) { c.method = r.text(n) },
		"args":    func(n *yaml.Node) { c.args = r.texts(n) },
		"data":    func(n *yaml.Node) { c.data = r.json(n) },
		"headers": func(n *yaml.Node) { c.headers = named(r, n, "headers", r.named) },
	})
	switch {
	case !c.method.given():
		r.errorf(n, "call %s has no method", name)
	case c.args.given() && c.data.given():
		r.errorf(n, "call %s has both args and data", name)
	}
	return c
}

// mapping reads a mapping with known keys; nil keys are none, and any are accepted.
func (r *configReader) mapping(n *yaml.Node, what string, keys map[string]func(*yaml.Node)) {
	for key, value := range r.pairs(n, what) {
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			if !slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return n.Value == name }) {
				r.offer(key, lsp.ConfigWord{Text: name, Detail: keyDoc(what, name)})
			}
		}
		read, ok := keys[key.Value]
		switch {
		case keys == nil:
		case !ok:
			names := slices.Sorted(maps.Keys(keys))
			hint := didYouMean(key.Value, names)
			if hint == "" {
				hint = " (known: " + strings.Join(names, ", ") + ")"
			}
			r.errorf(key, "%s has no key %q%s", what, key.Value, hint)
		default:
			r.known = append(r.known, knownWord{key, keyDoc(what, key.Value)})
			read(value)
		}
	}
}

// pairs ranges over a mapping. A key that is given twice is a mistake.
func (r *configReader) pairs(n *yaml.Node, what string) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n.Kind == yaml.AliasNode {
			r.errorf(n, "aliases are not supported")
			return
		}
		if n.Kind != yaml.MappingNode {
			if n.Tag != "!!null" {
				r.errorf(n, "%s: want keys with values, got %s", what, kindName(n))
			}
			return
		}
		seen := make(map[string]*yaml.Node)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if first := seen[key.Value]; first != nil {
				r.errorf(key, "the key %q is given twice, first in line %d", key.Value, first.Line)
				continue
			}
			seen[key.Value] = key
			if !yield(key, value) {
				return
			}
		}
	}
}

// named reads a mapping whose keys are names.
func named[T any](r *configReader, n *yaml.Node, what string, read func(n *yaml.Node, name string) T) map[string]T {
	all := make(map[string]T)
	for key, value := range r.pairs(n, what) {
		if key.Value == "" || what != "headers" && strings.ContainsAny(key.Value, "/@ \t") {
			r.errorf(key, "%q is no name: it is empty or has a blank, / or @ in it", key.Value)
			continue
		}
		all[key.Value] = read(value, key.Value)
	}
	return all
}

func (r *configReader) named(n *yaml.Node, _ string) setting[string] { return r.text(n) }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	return strconv.Quote(truncate(n.Value, 40))
}

// text reads a text. A number is used as it is written.
func (r *configReader) text(n *yaml.Node) setting[string] {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.errorf(n, "want a string, got %s", kindName(n))
		return setting[string]{}
	}
	return setting[string]{n.Value, r.place(n)}
}

// texts reads a list of texts, or one text.
func (r *configReader) texts(n *yaml.Node) setting[[]string] {
	if n.Kind != yaml.SequenceNode {
		if s := r.text(n); s.given() {
			return setting[[]string]{[]string{s.value}, s.place}
		}
		return setting[[]string]{}
	}
	list := []string{}
	for _, item := range n.Content {
		list = append(list, r.text(item).value)
	}
	return setting[[]string]{list, r.place(n)}
}

func (r *configReader) files(n *yaml.Node) setting[[]string] {
	s := r.texts(n)
	for i, name := range s.value {
		s.value[i] = r.local(name)
	}
	return s
}

func (r *configReader) file(n *yaml.Node) setting[string] {
	s := r.text(n)
	s.value = r.local(s.value)
	return s
}

// local returns a path that is relative to the file as one that is relative to the working directory.
func (r *configReader) local(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(r.path), name)
}

func (r *configReader) duration(n *yaml.Node) setting[time.Duration] {
	s := r.text(n)
	if !s.given() {
		return setting[time.Duration]{}
	}
	d, err := time.ParseDuration(s.value)
	if err != nil || d < 0 {
		r.errorf(n, "want a duration such as 500ms, got %q", s.value)
	}
	return setting[time.Duration]{d, s.place}
}

func (r *configReader) boolean(n *yaml.Node) setting[bool] {
	r.offerTexts(n, "true", "false")
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.errorf(n, "want true or false, got %s", kindName(n))
	}
	return setting[bool]{n.Value == "true", r.place(n)}
}

func (r *configReader) number(n *yaml.Node, least, most int) setting[int] {
	v, err := strconv.Atoi(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode || v < least || v > most {
		r.errorf(n, "want a number from %d to %d", least, most)
	}
	return setting[int]{v, r.place(n)}
}

// oneOf reads one of the words in all.
func oneOf[T any](r *configReader, n *yaml.Node, all map[string]T) setting[string] {
	s := r.oneWord(n, wordsOf(all))
	if _, ok := all[s.value]; !ok && s.given() {
		r.errorf(n, "want one of %s", strings.Join(wordsOf(all), ", "))
	}
	return s
}

// oneWord reads a text for which words are known.
func (r *configReader) oneWord(n *yaml.Node, words []string) setting[string] {
	r.offerTexts(n, words...)
	return r.text(n)
}

// someOf reads a list of the words in all, or one of them.
func someOf[T any](r *configReader, n *yaml.Node, all map[string]T) setting[[]string] {
	if n.Kind != yaml.SequenceNode {
		if s := oneOf(r, n, all); s.given() {
			return setting[[]string]{[]string{s.value}, s.place}
		}
		return setting[[]string]{}
	}
	list := []string{}
	for _, item := range n.Content {
		list = append(list, oneOf(r, item, all).value)
	}
	return setting[[]string]{list, r.place(n)}
}

// json reads a value of YAML as the JSON that it means; a text is JSON already, or @FILE.
func (r *configReader) json(n *yaml.Node) setting[string] {
	if n.Kind == yaml.ScalarNode {
		s := r.text(n)
		if name, ok := strings.CutPrefix(s.value, "@"); ok && name != "-" {
			s.value = "@" + r.local(name)
		}
		return s
	}
	return setting[string]{string(r.appendJSON(nil, n)), r.place(n)}
}

func (r *configReader) appendJSON(dst []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		dst = append(dst, '{')
		first := true
		for key, value := range r.pairs(n, "data") {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(append(dst, quoteJSON(key.Value)...), ':')
			dst = r.appendJSON(dst, value)
		}
		return append(dst, '}')
	case yaml.SequenceNode:
		dst = append(dst, '[')
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.appendJSON(dst, item)
		}
		return append(dst, ']')
	case yaml.AliasNode:
		r.errorf(n, "aliases are not supported")
		return append(dst, "null"...)
	}
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
		if n.Tag == "!!null" {
			return append(dst, "null"...)
		}
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...)
		}
	}
	return append(dst, quoteJSON(n.Value)...)
}

// resolve adds what thriftkit.yaml says to the flags, which come first, and to r.
func (o *callOptions) resolve(cmd *cobra.Command, r *request) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	name, isName := strings.CutPrefix(r.target, "@")
	if c == nil {
		if isName {
			return usagef("there is no %s here or above, in which @%s could be a target", configName, name)
		}
		return nil
	}
	changed := cmd.Flags().Changed
	idl := c.idl
	var t *targetConfig
	if isName {
		name, saved, isSaved := strings.Cut(name, "/")
		if t = c.targets[name]; t == nil {
			return usagef("%s has no target %q%s", c.path, name, hintOf(name, c.targets))
		}
		o.dialect.vars = make(map[string]string)
		for name, s := range t.variables {
			o.dialect.vars[name] = s.value
		}
		if isSaved { // before the target, whose headers count less
			if err := o.useSaved(c, t, saved, r); err != nil {
				return err
			}
		}
		if t.idl.given() {
			idl = t.idl
		}
		if err := o.useTarget(cmd, t, r); err != nil {
			return err
		}
	}
	if !changed("idl") && idl.given() {
		o.source.idl = idl.value
	}
	if c.includeDirs.given() { // those of flags come first
		o.source.includeDirs = append(o.source.includeDirs, c.includeDirs.value...)
	}
	return nil
}

func hintOf[T any](name string, all map[string]T) string {
	names := slices.Sorted(maps.Keys(all))
	if hint := didYouMean(name, names); hint != "" || len(names) == 0 {
		return hint
	}
	return " (known: " + strings.Join(names, ", ") + ")"
}

// useTarget takes what t says and no flag does.
func (o *callOptions) useTarget(cmd *cobra.Command, t *targetConfig, r *request) error {
	changed := cmd.Flags().Changed
	d := &o.dialect
	var err error
	if r.target, err = d.expand(t.address.value); err != nil {
		return usagef("%s: %w", t.address.place, err)
	}
	for flag, to := range map[string]struct {
		at *string
		s  setting[string]
	}{
		"protocol": {&d.protocol, t.protocol}, "transport": {&d.transport, t.transport}, "compression": {&d.compression, t.compression},
		"cacert": {&d.tls.CA, t.cacert}, "cert": {&d.tls.Cert, t.cert}, "key": {&d.tls.Key, t.key}, "crl": {&d.tls.CRL, t.crl}, "servername": {&d.serverName, t.serverName},
	} {
		if !changed(flag) && to.s.given() {
			*to.at = to.s.value
		}
	}
	if !changed("user") && t.user.given() {
		if d.user, err = d.expand(t.user.value); err != nil {
			return usagef("%s: %w", t.user.place, err)
		}
	}
	if !changed("insecure") && t.insecure.given() {
		d.insecure = t.insecure.value
	}
	if !changed("timeout") && t.timeout.given() {
		o.timeout = t.timeout.value
	}
	if !changed("connect-timeout") && t.connectTimeout.given() {
		d.connectTimeout = t.connectTimeout.value
	}
	d.addHeaders(t.headers)
	return nil
}

// addHeaders puts headers before those that are there, which count more.
func (d *dialect) addHeaders(headers map[string]setting[string]) {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		list = append(list, name+": "+headers[name].value)
	}
	d.headers = append(list, d.headers...)
}

// useSaved makes r the saved call of that name, of the target or of all.
func (o *callOptions) useSaved(c *config, t *targetConfig, name string, r *request) error {
	call := t.calls[name]
	if call == nil {
		call = c.calls[name]
	}
	if call == nil {
		all := maps.Clone(c.calls)
		if all == nil {
			all = make(map[string]*savedCall)
		}
		maps.Copy(all, t.calls)
		return usagef("%s has no call %q%s", c.path, name, hintOf(name, all))
	}
	if len(r.words) > 0 {
		return usagef("the call %s is complete: unexpected %q", name, r.words[0])
	}
	var err error
	expand := func(place, text string) string {
		out, bad := o.dialect.expand(text)
		if bad != nil && err == nil {
			err = usagef("%s: %w", place, bad)
		}
		return out
	}
	method := expand(call.method.place, call.method.value)
	r.method = &method
	for _, word := range call.args.value {
		r.words = append(r.words, expand(call.args.place, word))
	}
	if call.data.given() {
		data := expand(call.data.place, call.data.value)
		r.data, r.origin = &data, call.data.place+" data"
	}
	o.dialect.addHeaders(call.headers)
	return err
}

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "config [@TARGET]",
		Short: "Print the settings of thriftkit.yaml and where they are",
		Long: `config prints the settings of thriftkit.yaml in the working directory, or of the nearest one above, with the place of
each value; and for a target also the defaults that it does not change.`,
		Example:           "  thriftkit config\n  thriftkit config @local",
		Args:              needArgs(0, 1, "@TARGET"),
		ValidArgsFunction: completeTarget,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			if c == nil {
				return &exitError{code: exitFailure, err: fmt.Errorf("there is no %s here or above", configName)}
			}
			p := &configPrinter{w: cmd.OutOrStdout()}
			if len(args) == 0 {
				p.all(c)
				return p.err
			}
			name, ok := strings.CutPrefix(args[0], "@")
			t := c.targets[name]
			if !ok || t == nil {
				return usagef("%s has no target %q%s", c.path, name, hintOf(name, c.targets))
			}
			p.effective(c, t)
			return p.err
		}),
	}
}

// A configPrinter prints settings, a line for each: the key, the value, the place.
type configPrinter struct {
	w   io.Writer
	err error
}

func (p *configPrinter) line(key, value, place string) {
	if place == "" {
		place = "default"
	}
	if _, err := fmt.Fprintf(p.w, "%s: %s  # %s\n", key, value, place); err != nil {
		p.err = err
	}
}

func (p *configPrinter) text(key string, s setting[string]) {
	if s.given() {
		p.line(key, s.value, s.place)
	}
}

func (p *configPrinter) list(key string, s setting[[]string]) {
	if s.given() {
		p.line(key, "["+strings.Join(s.value, ", ")+"]", s.place)
	}
}

func (p *configPrinter) all(c *config) {
	p.list("idl", c.idl)
	p.list("include-dirs", c.includeDirs)
	p.text("dialect", c.dialect)
	p.text("docs", c.docs)
	for _, name := range slices.Sorted(maps.Keys(c.targets)) {
		p.target("targets."+name+".", c.targets[name])
	}
	p.calls("calls.", c.calls)
	if f := c.format.align; f.given() {
		p.line("format.align", strconv.FormatBool(f.value), f.place)
	}
	for _, f := range []struct {
		key string
		setting[int]
	}{{"format.width", c.format.width}, {"format.indent", c.format.indent}} {
		if f.given() {
			p.line(f.key, strconv.Itoa(f.value), f.place)
		}
	}
	p.text("format.separator", c.format.separator)
}

func (p *configPrinter) target(prefix string, t *targetConfig) {
	p.text(prefix+"address", t.address)
	p.list(prefix+"idl", t.idl)
	p.text(prefix+"protocol", t.protocol)
	p.text(prefix+"transport", t.transport)
	p.text(prefix+"compression", t.compression)
	p.text(prefix+"tls.cacert", t.cacert)
	p.text(prefix+"tls.cert", t.cert)
	p.text(prefix+"tls.key", t.key)
	p.text(prefix+"tls.crl", t.crl)
	p.text(prefix+"tls.servername", t.serverName)
	if t.insecure.given() {
		p.line(prefix+"tls.insecure", strconv.FormatBool(t.insecure.value), t.insecure.place)
	}
	if t.timeout.given() {
		p.line(prefix+"timeout", t.timeout.value.String(), t.timeout.place)
	}
	if t.connectTimeout.given() {
		p.line(prefix+"connect-timeout", t.connectTimeout.value.String(), t.connectTimeout.place)
	}
	p.text(prefix+"user", t.user)
	p.texts(prefix+"headers.", t.headers)
	p.texts(prefix+"variables.", t.variables)
	p.calls(prefix+"calls.", t.calls)
}

// texts prints settings as they are written: what ${NAME} means in them may be secret.
func (p *configPrinter) texts(prefix string, all map[string]setting[string]) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p.text(prefix+name, all[name])
	}
}

func (p *configPrinter) calls(prefix string, all map[string]*savedCall) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		p.text(prefix+name+".method", c.method)
		p.list(prefix+name+".args", c.args)
		p.text(prefix+name+".data", c.data)
		p.texts(prefix+name+".headers.", c.headers)
	}
}

// effective prints what holds for a call of t.
func (p *configPrinter) effective(c *config, t *targetConfig) {
	whole := *t
	if !whole.idl.given() {
		whole.idl = c.idl
	}
	p.target("", &whole)
	p.list("include-dirs", c.includeDirs)
	if !whole.idl.given() {
		p.line("idl", "what the server says", "")
	}
	for _, d := range []struct {
		key, value string
		s          setting[string]
	}{{"protocol", "binary", t.protocol}, {"transport", "buffered", t.transport}} {
		if !d.s.given() && !strings.Contains(t.address.value, d.key+"=") {
			p.line(d.key, d.value, "")
		}
	}
	if !t.timeout.given() {
		p.line("timeout", "10s", "")
	}
	own := t.calls
	for _, name := range slices.Sorted(maps.Keys(c.calls)) {
		if own[name] == nil {
			p.calls("calls.", map[string]*savedCall{name: c.calls[name]})
		}
	}
}

// completeTarget completes the only argument of a command, the name of a target.
func completeTarget(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return withPrefix(toComplete, targetNames(false)), cobra.ShellCompDirectiveNoFileComp
}

// targetNames returns the targets of thriftkit.yaml as call takes them, also those of saved calls.
func targetNames(withCalls bool) []string {
	c, err := loadConfig()
	if err != nil || c == nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.targets)) {
		names = append(names, "@"+name)
		if !withCalls {
			continue
		}
		all := maps.Clone(c.calls)
		if all == nil {
			all = make(map[string]*savedCall)
		}
		maps.Copy(all, c.targets[name].calls)
		for _, call := range slices.Sorted(maps.Keys(all)) {
			names = append(names, "@"+name+"/"+call)
		}
	}
	return names
}
