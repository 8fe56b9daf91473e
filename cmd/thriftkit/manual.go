package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The pages are made of the same texts as --help, and TestManual compares them.
//
//go:generate go run . manual ../..

// newManual returns the hidden command that writes the man pages and the reference of all commands below a directory.
func newManual() *cobra.Command {
	return &cobra.Command{
		Use:     "manual DIR",
		Short:   "Write man pages to DIR/docs/man the reference of all commands to DIR/docs/commands.md, and the rules of lint and breaking",
		Example: "  thriftkit manual .",
		Hidden:  true,
		Args:    needArgs(1, 1, "DIR"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			pages, err := manual()
			if err != nil {
				return err
			}
			for name, text := range pages {
				path := filepath.Join(args[0], filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					return err
				}
				if err := os.WriteFile(path, text, 0o666); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

// manual returns the pages by path.
func manual() (map[string][]byte, error) {
	root := newRoot()
	root.DisableAutoGenTag = true
	pages := make(map[string][]byte)
	reference := bytes.NewBufferString("# Commands\n\nAll commands with all flags, as `thriftkit help COMMAND` prints them. [cli.md](cli.md) explains them.\n\n")
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if cmd != root && (!cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand()) {
			continue
		}
		var page, section bytes.Buffer
		epoch := time.Unix(0, 0).UTC() // whenever it is made, it is the same
		if err := doc.GenMan(cmd, &doc.GenManHeader{Section: "1", Date: &epoch, Source: "thriftkit", Manual: "thriftkit"}, &page); err != nil {
			return nil, err
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		pages["docs/man/"+name+".1"] = bytes.Replace(page.Bytes(), []byte(`"Jan 1970"`), []byte(`""`), 1)
		if err := doc.GenMarkdownCustom(cmd, &section, func(link string) string {
			return "#" + strings.ReplaceAll(strings.TrimSuffix(link, ".md"), "_", "-")
		}); err != nil {
			return nil, err
		}
		// The shells of completion have no sections here.
		fmt.Fprintf(reference, "%s\n\n", strings.TrimSpace(withoutLinks(section.String(), "(#thriftkit-completion-")))
	}
	maps.Copy(pages, lintPages())
	maps.Copy(pages, breakingPages())
	pages["docs/commands.md"] = append(bytes.TrimSpace(reference.Bytes()), '\n')
	return pages, nil
}

// withoutLinks leaves out the lines with a link that begins so.
func withoutLinks(text, begin string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.Contains(line, begin) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
