package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/thriftkit/thriftkit/internal/columns"
)

// TestHelpWidth prints the help of each command: nothing but examples is wider than a terminal.
func TestHelpWidth(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		var b strings.Builder
		cmd.SetOut(&b)
		cmd.InitDefaultHelpFlag()
		printHelp(cmd, nil)
		text := b.String()
		if !strings.Contains(text, "\nUsage:\n") {
			t.Errorf("%s: %s", cmd.CommandPath(), text)
		}
		text = strings.Replace(text, cmd.Example, "", 1)
		for line := range strings.SplitSeq(text, "\n") {
			if columns.Editor.Advance(0, line) > helpWidth {
				t.Errorf("%s: %s", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
}

func TestWrapText(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 20)) // of 99 columns
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"a\nb\n\nc", "a b\n\nc"},
		{long, long[:79] + "\n" + long[80:]},
		{"- a\n- " + long, "- a\n- " + long[:74] + "\n  " + long[75:]},
		{"x:\n  --flag F  what\n           it means\n  --other   else", "x:\n  --flag F  what it means\n  --other   else"},
		{"  --flag  " + long, "  --flag  " + long[:69] + "\n          " + long[70:]},
		{"a\n  code here\n  more", "a\n  code here\n  more"},
		{"  " + strings.Repeat("x", 100) + " y", "  " + strings.Repeat("x", 100) + "\n    y"},
	} {
		if got := wrapText(test.text); got != test.want {
			t.Errorf("%q:\n%q\nwant\n%q", test.text, got, test.want)
		}
	}
}
