// Package motan has tests of package x/motan against motan-go, both ways. It is outside of the workspace: its requirements are nobody else's.
package motan
