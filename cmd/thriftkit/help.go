package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/thriftkit/thriftkit/internal/columns"
)

// helpWidth is how many columns the lines of help texts have at most, except for examples, which can be copied as they are.
const helpWidth = 80

// printHelp prints what a command does, how it is called, its examples, and then the rest.
func printHelp(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	section := func(title, text string) {
		if text = strings.TrimRight(text, "\n"); text != "" {
			b.WriteString("\n" + title + text + "\n")
		}
	}
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	first, rest, _ := strings.Cut(strings.TrimSpace(about), "\n\n")
	b.WriteString(wrapText(first) + "\n")
	usage := ""
	if cmd.Runnable() {
		usage = wrapLine("  ", "    ", cmd.UseLine()) + "\n"
	}
	if cmd.HasAvailableSubCommands() {
		usage += "  " + cmd.CommandPath() + " [command]\n"
	}
	section("Usage:\n", usage)
	section("Examples:\n", cmd.Example)
	section("", wrapText(rest))
	if cmd.HasAvailableSubCommands() {
		var list strings.Builder
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				name := "  " + sub.Name() + strings.Repeat(" ", max(sub.NamePadding()-len(sub.Name()), 0)+1)
				list.WriteString(wrapLine(name, strings.Repeat(" ", len(name)), sub.Short) + "\n")
			}
		}
		section("Available Commands:\n", list.String())
	}
	if cmd.HasAvailableLocalFlags() {
		section("Flags:\n", cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	}
	if cmd.HasAvailableInheritedFlags() {
		section("Global Flags:\n", cmd.InheritedFlags().FlagUsagesWrapped(helpWidth))
	}
	if cmd.HasAvailableSubCommands() {
		section("", "Use \""+cmd.CommandPath()+" [command] --help\" for more about a command.")
	}
	_, _ = io.WriteString(cmd.OutOrStdout(), b.String()) // as cobra does
}

// wrapText breaks the paragraphs of a text anew. Lines of lists, which begin with "- ", and those that are indented are items of their own,
// with the lines below that are indented more. An indented item may be a term and, two blanks or more behind it, what it means.
func wrapText(text string) string {
	var out []string
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		own := strings.TrimLeft(lines[0], " ")
		indent := len(lines[0]) - len(own)
		isItem := indent > 0 || strings.HasPrefix(own, "- ")
		n := 1
		for n < len(lines) && own != "" {
			next := strings.TrimLeft(lines[n], " ")
			if deeper := len(lines[n]) - len(next); next == "" || isItem && deeper <= indent || !isItem && (deeper > 0 || strings.HasPrefix(next, "- ")) {
				break
			}
			n++
		}
		head := strings.Repeat(" ", indent)
		more := head
		switch term, _, ok := strings.Cut(own, "  "); {
		case strings.HasPrefix(own, "- "):
			head, more, own = head+"- ", head+"  ", own[2:]
		case ok && indent > 0:
			width := len(own) - len(strings.TrimLeft(own[len(term):], " "))
			head, own = head+own[:width], own[width:]
			more = strings.Repeat(" ", columns.Editor.Advance(0, head))
		case indent > 0:
			more += "  "
		}
		out = append(out, wrapLine(head, more, strings.Join(append([]string{own}, lines[1:n]...), " ")))
		lines = lines[n:]
	}
	return strings.Join(out, "\n")
}

// wrapLine breaks a text into lines: the first begins with head, the others with indent.
func wrapLine(head, indent, text string) string {
	var b strings.Builder
	b.WriteString(head)
	at := columns.Editor.Advance(0, head)
	start := at
	for word := range strings.FieldsSeq(text) {
		width := columns.Editor.Advance(0, word)
		switch {
		case at > start && at+1+width > helpWidth:
			b.WriteString("\n" + indent)
			at = columns.Editor.Advance(0, indent)
			start = at
		case at > start:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += width
	}
	return b.String()
}
