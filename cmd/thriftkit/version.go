package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// released is the version of a release, such as v1.2.3; the linker sets it.
var released string

// A buildVersion is what the build knows about itself.
type buildVersion struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"`     // of the commit, RFC 3339
	Changed bool   `json:"modified,omitempty"` // there were changes that are not in the commit
	Go      string `json:"go"`
	System  string `json:"system"`
}

func readVersion() buildVersion {
	v := buildVersion{Version: released, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		v.Version = cmp.Or(v.Version, "(unknown version)")
		return v
	}
	v.Version = cmp.Or(v.Version, info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Date = s.Value
		case "vcs.modified":
			v.Changed = s.Value == "true"
		}
	}
	return v
}

// String returns one line, as in "v1.2.0 (commit 0123456789ab of 2026-01-02T03:04:05Z, go1.26.8 linux/amd64)".
func (v buildVersion) String() string {
	details := v.Go + " " + v.System
	if v.Commit != "" {
		commit := "commit " + v.Commit[:min(len(v.Commit), 12)]
		if v.Date != "" {
			commit += " of " + v.Date
		}
		if v.Changed {
			commit += " with changes"
		}
		details = commit + ", " + details
	}
	return fmt.Sprintf("%s (%s)", v.Version, details)
}

func newVersion() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, its commit and date, and the Go that built it",
		Long:    "version prints the version of the program, the commit it was built from with the commit's date, and the Go that built it.",
		Example: "  thriftkit version\n  thriftkit version --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := readVersion()
			if !asJSON {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "thriftkit", v)
				return err
			}
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
