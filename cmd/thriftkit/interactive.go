package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/sahilm/fuzzy"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/schema"
)

// isInteractive reports whether somebody sits at a terminal: they type into in, and see
// errOut, where the form is drawn, so that standard output has the result alone.
func isInteractive(in io.Reader, errOut io.Writer) bool {
	return isTerminal(in) && isTerminal(errOut) && os.Getenv("TERM") != "dumb"
}

// pick lets somebody choose a method of file and fill in its arguments; nil if they want none.
func (o *callOptions) pick(file *schema.File, target string, in io.Reader, errOut io.Writer) (*schema.Method, *dynamic.Struct, error) {
	history := historyPath()
	m := newPicker(file, target, readHistory(history), o.output.form)
	if len(m.choices) == 0 {
		return nil, nil, usagef("%s has no methods", file.Path)
	}
	end, err := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(errOut)).Run()
	if err != nil {
		return nil, nil, err
	}
	m = end.(*picker)
	if m.args == nil {
		return nil, nil, nil
	}
	if history != "" {
		if err := remember(history, remembered{target, m.chosen, m.text}); err != nil {
			fmt.Fprintf(errOut, "thriftkit: the call is not remembered: %v\n", err)
		}
	}
	return m.form.method, m.args, nil
}

// A choice is a line of the picker: a method, or a call from before.
type choice struct {
	name   string // Service.method
	title  string
	doc    string
	method *schema.Method
	args   []byte // of a call from before
}

// A picker is the model of the screen: first choices, then the form of one.
type picker struct {
	target  string
	binary  dynamic.BinaryForm
	choices []choice
	filter  *field // the text typed so far
	shown   []int  // of choices
	at      int    // in shown, or in the rows of the form

	form   *form // once a method is chosen
	chosen string
	err    error
	args   *dynamic.Struct // when the form is done
	text   []byte

	width, height int
}

func newPicker(file *schema.File, target string, history []remembered, binary dynamic.BinaryForm) *picker {
	m := &picker{target: target, binary: binary, filter: &field{t: schema.Base(schema.KindString)}, width: 80, height: 24}
	methods := make(map[string]*schema.Method)
	var all []choice
	for _, svc := range servicesOf(file) {
		for _, method := range svc.AllMethods() {
			name := svc.Name + "." + method.Name
			methods[name] = method
			doc, _, _ := strings.Cut(method.Doc, "\n")
			all = append(all, choice{name: name, title: name + signatureOf(method), doc: doc, method: method})
		}
	}
	const most = 5 // calls from before
	for _, r := range slices.Backward(history) {
		if method := methods[r.Method]; method != nil && r.Target == target && len(m.choices) < most {
			m.choices = append(m.choices, choice{name: r.Method, title: "again: " + r.Method + " " + string(r.Args), method: method, args: r.Args})
		}
	}
	m.choices = append(m.choices, all...)
	m.find()
	return m
}

func signatureOf(m *schema.Method) string {
	var params []string
	for _, f := range m.Args.Fields {
		params = append(params, f.Type.String()+" "+f.Name)
	}
	return "(" + strings.Join(params, ", ") + ") " + m.Result.String()
}

// find sets what is shown by the filter.
func (m *picker) find() {
	m.shown, m.at = nil, 0
	if len(m.filter.text) == 0 {
		for i := range m.choices {
			m.shown = append(m.shown, i)
		}
		return
	}
	for _, match := range fuzzy.FindFrom(string(m.filter.text), choiceNames(m.choices)) {
		m.shown = append(m.shown, match.Index)
	}
}

type choiceNames []choice

func (c choiceNames) String(i int) string { return c[i].name }
func (c choiceNames) Len() int            { return len(c) }

func (m *picker) Init() tea.Cmd { return nil }

func (m *picker) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tea.KeyPressMsg:
		if msg.String() == "ctrl+c" {
			m.args = nil
			return m, tea.Quit
		}
		if m.form == nil {
			return m, m.pickKey(msg)
		}
		return m, m.formKey(msg)
	}
	return m, nil
}

func (m *picker) paste(text string) {
	if m.form == nil {
		m.filter.insert(text)
		m.find()
	} else if f := m.row(); f != nil && !f.entry && !isComposite(f.t) {
		f.insert(text)
	}
}

func (m *picker) pickKey(key tea.KeyPressMsg) tea.Cmd {
	switch key.String() {
	case "esc":
		return tea.Quit
	case "up", "ctrl+p":
		m.at = max(m.at-1, 0)
	case "down", "ctrl+n", "tab":
		m.at = max(min(m.at+1, len(m.shown)-1), 0)
	case "backspace":
		m.filter.backspace()
		m.find()
	case "enter":
		if len(m.shown) > 0 {
			m.choose(m.choices[m.shown[m.at]])
		}
	default:
		if key.Key().Text != "" {
			m.filter.insert(key.Key().Text)
			m.find()
		}
	}
	return nil
}

func (m *picker) choose(c choice) {
	m.form, m.chosen, m.at, m.err = newForm(c.method, m.binary), c.name, 0, nil
	if c.args == nil {
		return
	}
	if v, err := dynamic.ParseJSON(c.method.Args.Type(), c.args, dynamic.JSONOptions{}); err == nil {
		for _, p := range m.form.root.parts { // or what it has would be there twice
			p.collapse()
		}
		m.form.root.fill(v, m.binary)
	}
}

// row returns the row of the form that is chosen, nil on the last line, which makes the call.
func (m *picker) row() *field {
	if rows := m.form.rows(); m.at < len(rows) {
		return rows[m.at]
	}
	return nil
}

func (m *picker) formKey(key tea.KeyPressMsg) tea.Cmd {
	f := m.row()
	last := len(m.form.rows())
	switch key.String() {
	case "esc":
		m.form, m.err = nil, nil
		m.find()
	case "ctrl+s":
		return m.submit()
	case "up", "shift+tab":
		m.at = max(m.at-1, 0)
	case "down", "tab":
		m.at = min(m.at+1, last)
	case "enter":
		switch {
		case f == nil:
			return m.submit()
		case f.isContainer():
			m.goTo(f.grow())
		case isComposite(f.t) && !f.open:
			f.expand()
			m.at++
		default:
			m.at = min(m.at+1, last)
		}
	case "ctrl+x":
		if f != nil {
			m.form.remove(f)
			m.at = min(m.at, len(m.form.rows()))
		}
	default:
		if f != nil && !f.entry && !isComposite(f.t) {
			f.edit(key)
		}
	}
	return nil
}

// goTo moves to the row of f.
func (m *picker) goTo(f *field) {
	if i := slices.Index(m.form.rows(), f); i >= 0 {
		m.at = i
	}
}

// edit changes the text of f.
func (f *field) edit(key tea.KeyPressMsg) {
	named := len(valueNames(f.t)) > 0
	switch s := key.String(); {
	case s == "left" && named:
		f.cycle(-1)
	case s == "right" && named:
		f.cycle(1)
	case s == "left":
		f.move(-1)
	case s == "right":
		f.move(1)
	case s == "home" || s == "ctrl+a":
		f.cursor = 0
	case s == "end" || s == "ctrl+e":
		f.cursor = len(f.text)
	case s == "backspace":
		f.backspace()
	default:
		f.insert(key.Key().Text)
	}
}

// submit ends the form if what it says is right.
func (m *picker) submit() tea.Cmd {
	if m.args, m.err = m.form.arguments(); m.err != nil {
		return nil
	}
	// As it is remembered, whatever --binary says.
	m.text, m.err = dynamic.AppendJSON(nil, m.args.Schema().Type(), dynamic.StructValue(m.args), dynamic.JSONOptions{})
	return tea.Quit
}

const (
	styleBold  = "\x1b[1m"
	styleFaint = "\x1b[2m"
	styleRed   = "\x1b[31m"
	styleMark  = "\x1b[7m"
	styleOff   = "\x1b[0m"
)

func (m *picker) View() tea.View {
	var v tea.View
	if m.args == nil {
		v = tea.NewView(m.screen())
	}
	v.AltScreen = true
	return v
}

// screen returns what is shown: a title, the lines around the chosen one, and what there is to say of it.
func (m *picker) screen() string {
	title, lines, about := m.pickScreen()
	if m.form != nil {
		title, lines, about = m.formScreen()
	}
	visible := max(m.height-2-len(about), 1)
	first := max(0, min(m.at-visible/2, len(lines)-visible))
	var b strings.Builder
	put := func(line string) {
		b.WriteString(ansi.Truncate(line, m.width, "…"))
		b.WriteString("\n")
	}
	put(title)
	for i, line := range lines[first:min(first+visible, len(lines))] {
		mark := "  "
		if first+i == m.at {
			mark = styleBold + "> " + styleOff
		}
		put(mark + line)
	}
	for _, line := range about {
		put(line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (m *picker) pickScreen() (title string, lines, about []string) {
	title = styleBold + m.target + styleOff + "  method: " + string(m.filter.text) + styleMark + " " + styleOff
	for _, i := range m.shown {
		c := m.choices[i]
		line := c.title
		if c.doc != "" {
			line += "  " + styleFaint + c.doc + styleOff
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		about = append(about, "no method has these letters in this order")
	}
	return title, lines, append(about, styleFaint+"type to find, ↑ ↓ to choose, enter to go on, esc to end"+styleOff)
}

func (m *picker) formScreen() (title string, lines, about []string) {
	title = styleBold + m.chosen + styleOff + signatureOf(m.form.method)
	for i, f := range m.form.rows() {
		lines = append(lines, f.line(i == m.at))
	}
	lines = append(lines, styleBold+"[ call ]"+styleOff)
	if f := m.row(); f != nil {
		about = f.about()
	} else if m.form.method.Doc != "" {
		about = strings.Split(m.form.method.Doc, "\n")
	}
	if m.err != nil {
		for line := range strings.SplitSeq(m.err.Error(), "\n") {
			about = append(about, styleRed+line+styleOff)
		}
	}
	if most := max(m.height/2, 1); len(about) > most {
		about = about[len(about)-most:]
	}
	return title, lines, append(about, styleFaint+"tab and ↑ ↓ to move, enter to open or add, ctrl-x to remove, ctrl-s to call, esc to go back"+styleOff)
}

// line returns f as a line of the form.
func (f *field) line(chosen bool) string {
	line := strings.Repeat("  ", f.depth) + f.label
	switch {
	case f.entry:
		return line
	case f.isContainer():
		return fmt.Sprintf("%s: %d in %s", line, len(f.parts), f.t)
	case isComposite(f.t) && f.open:
		return line + ": " + f.t.String()
	case isComposite(f.t):
		return line + ": " + styleFaint + f.t.String() + ", not given" + styleOff
	}
	line += ": "
	switch text := string(f.text); {
	case chosen:
		under, rest := " ", ""
		if f.cursor < len(f.text) {
			under, rest = string(f.text[f.cursor]), string(f.text[f.cursor+1:])
		}
		line += string(f.text[:f.cursor]) + styleMark + under + styleOff + rest
	case text == "" && !f.has():
		line += styleFaint + f.placeholder() + styleOff
	default:
		line += text
	}
	return line
}

func (f *field) placeholder() string {
	if f.decl != nil && f.decl.Default != nil {
		return "default " + wordOf(f.t, dynamic.FromLiteral(f.decl.Default), dynamic.BinaryBase64)
	}
	return "not given"
}

// about says what the IDL says of f.
func (f *field) about() []string {
	var lines []string
	what := f.t.String()
	if f.decl != nil {
		if r := f.decl.Requiredness.String(); r != "" {
			what = r + " " + what
		}
		if f.decl.Default != nil {
			what += ", default " + wordOf(f.t, dynamic.FromLiteral(f.decl.Default), dynamic.BinaryBase64)
		}
		if f.decl.Doc != "" {
			lines = strings.Split(f.decl.Doc, "\n")
		}
	}
	if names := valueNames(f.t); len(names) > 0 && !f.entry {
		what += ": " + strings.Join(names, ", ") + " (← →)"
	}
	return append(lines, what)
}
