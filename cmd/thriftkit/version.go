package main

import (
	"fmt"
	"runtime/debug"
)

// version returns what the build knows about itself, as in "v1.2.0 (go1.26.8, commit 0123456789ab)".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	details := info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			details += ", commit " + s.Value[:min(len(s.Value), 12)]
		}
	}
	return fmt.Sprintf("%s (%s)", v, details)
}
