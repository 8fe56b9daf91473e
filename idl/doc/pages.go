package doc

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

//go:embed page.html
var page string

// AppendHTML appends d as one page of HTML to dst and returns dst, extended.
func (d *Doc) AppendHTML(dst []byte) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{"byName": byName}).Parse(page)
	if err != nil {
		return dst, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, d)
	return append(dst, out.Bytes()...), err
}

// AppendMarkdown appends d as Markdown to dst and returns dst, extended. Anchors are HTML, which all renderers take, since those of
// headings differ from one to the other.
func (d *Doc) AppendMarkdown(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	for _, f := range d.Files {
		fmt.Fprintf(b, "# %s\n\n", escape(f.Name))
		if f.Doc != "" {
			fmt.Fprintf(b, "%s\n\n", text(f.Doc))
		}
		for _, n := range f.Namespaces {
			fmt.Fprintf(b, "- namespace `%s`: `%s`%s\n", n.Scope, n.Name, inParentheses(n.Annotations))
		}
		if len(f.Namespaces) > 0 {
			b.WriteString("\n")
		}
		for _, def := range f.Definitions {
			markdown(b, def)
		}
	}
	return b.Bytes()
}

func markdown(b *bytes.Buffer, d *Definition) {
	fmt.Fprintf(b, "<a id=\"%s\"></a>\n\n## %s %s\n\n", template.HTMLEscapeString(d.ID), d.Kind, escape(d.Name))
	if d.Extends != nil {
		fmt.Fprintf(b, "extends %s\n\n", link(*d.Extends))
	}
	if d.Doc != "" {
		fmt.Fprintf(b, "%s\n\n", text(d.Doc))
	}
	notes(b, d.Annotations)
	switch {
	case d.Kind == "typedef":
		fmt.Fprintf(b, "= %s\n\n", markdownType(*d.Type))
	case d.Kind == "constant":
		fmt.Fprintf(b, "%s = %s\n\n", markdownType(*d.Type), code(d.Value))
	case len(d.Fields) > 0:
		b.WriteString("| id | name | type | | default | |\n|---|---|---|---|---|---|\n")
		for _, f := range d.Fields {
			fmt.Fprintf(b, "| %d | %s | %s | %s | %s | %s |\n", f.FieldID, code(f.Name), markdownType(f.Type), f.Requiredness, code(f.Default), cellNotes(f.Doc, f.Annotations))
		}
		b.WriteString("\n")
	case len(d.Values) > 0:
		b.WriteString("| name | number | |\n|---|---|---|\n")
		for _, v := range d.Values {
			fmt.Fprintf(b, "| %s | %d | %s |\n", code(v.Name), v.Number, cellNotes(v.Doc, v.Annotations))
		}
		b.WriteString("\n")
	}
	for _, m := range d.Methods {
		fmt.Fprintf(b, "<a id=\"%s\"></a>\n\n### %s\n\n", template.HTMLEscapeString(m.ID), escape(m.Name))
		if m.Oneway {
			b.WriteString("oneway ")
		}
		var args []string
		for _, a := range m.Args {
			args = append(args, markdownType(a.Type)+" "+code(a.Name))
		}
		fmt.Fprintf(b, "%s %s(%s)", markdownType(m.Result), escape(m.Name), strings.Join(args, ", "))
		for i, t := range m.Throws {
			if i == 0 {
				b.WriteString(" throws ")
			} else {
				b.WriteString(", ")
			}
			b.WriteString(markdownType(t.Type))
		}
		b.WriteString("\n\n")
		if m.Stream != "" {
			fmt.Fprintf(b, "%s\n\n", m.streamText(markdownType))
		}
		if m.Doc != "" {
			fmt.Fprintf(b, "%s\n\n", text(m.Doc))
		}
		for _, a := range m.Args {
			if a.Doc != "" || a.Default != "" || len(a.Annotations) > 0 {
				fmt.Fprintf(b, "- %s", code(a.Name))
				if a.Default != "" {
					fmt.Fprintf(b, " (default %s)", code(a.Default))
				}
				fmt.Fprintf(b, " %s\n", cellNotes(a.Doc, a.Annotations))
			}
		}
		for _, list := range [][]Field{m.Throws, m.ItemThrows, m.StreamThrows} {
			for _, x := range list {
				if x.Doc != "" || len(x.Annotations) > 0 {
					fmt.Fprintf(b, "- throws %s %s %s\n", markdownType(x.Type), code(x.Name), cellNotes(x.Doc, x.Annotations))
				}
			}
		}
		notes(b, m.Annotations)
		b.WriteString("\n")
	}
	if len(d.UsedBy) > 0 {
		var list []string
		for _, u := range byName(d.UsedBy) {
			list = append(list, link(u))
		}
		fmt.Fprintf(b, "Used by %s\n\n", strings.Join(list, ", "))
	}
}

// streamText says what m streams, with types as typ writes them.
func (m *Method) streamText(typ func(Type) string) string {
	s := "streams: " + m.Stream
	list := func(what string, fields []Field) {
		for i, f := range fields {
			if i == 0 {
				s += what
			} else {
				s += ", "
			}
			s += typ(f.Type)
		}
	}
	if m.First != nil {
		s += "; first response " + typ(*m.First)
	}
	if m.Item != nil {
		s += "; the client sends " + typ(*m.Item)
		list(" and throws ", m.ItemThrows)
	}
	if m.Stream == "client" {
		s += "; the server replies " + typ(m.Result)
	} else {
		s += "; the server sends " + typ(m.Result)
	}
	list(" and throws ", m.StreamThrows)
	return s
}

func notes(b *bytes.Buffer, list []Annotation) {
	for _, a := range list {
		fmt.Fprintf(b, "- annotation %s = %s\n", code(a.Name), code(a.Value))
	}
	if len(list) > 0 {
		b.WriteString("\n")
	}
}

// inParentheses returns annotations as they stand in the IDL, after a blank; "" if there are none.
func inParentheses(list []Annotation) string {
	if len(list) == 0 {
		return ""
	}
	var all []string
	for _, a := range list {
		all = append(all, code(a.Name+" = "+strconv.Quote(a.Value)))
	}
	return " (" + strings.Join(all, ", ") + ")"
}

func markdownType(t Type) string { return bareType(t) + inParentheses(t.Annotations) }

func bareType(t Type) string {
	if len(t.Of) > 0 && t.ID == "" {
		var of []string
		for _, e := range t.Of {
			of = append(of, markdownType(e))
		}
		return t.Name + "&lt;" + strings.Join(of, ", ") + "&gt;"
	}
	if t.ID == "" {
		return escape(t.Text)
	}
	return link(Ref{t.ID, t.Name})
}

func link(r Ref) string {
	return "[" + escape(r.Text) + "](#" + strings.ReplaceAll(r.ID, " ", "%20") + ")"
}

// escape makes words of Markdown's own characters plain.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "_", `\_`, "*", `\*`, "`", "\\`", "|", `\|`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "\n", " ").Replace(s)
}

// code returns s as code that may stand in a table; "" is nothing.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + s + fence
}

// text returns a comment as Markdown, which it may be itself, except for HTML.
func text(s string) string { return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(s) }

// cellNotes is cell with annotations after the text.
func cellNotes(doc string, list []Annotation) string {
	s := cell(strings.TrimSpace(doc))
	for _, a := range list {
		if s != "" {
			s += " "
		}
		s += code(a.Name + " = " + strconv.Quote(a.Value))
	}
	return s
}

// cell is text for a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text(s))
}
