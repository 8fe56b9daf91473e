package main

import (
	"strings"
	"testing"
)

// Whatever a project file says, mistakes have their place in it.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"", "a", "[]", "idl: x", "targets: {a: {address: x, tls: {insecure: true}}}", "calls: {x: {method: m, data: {a: [1, 1e3, null, .inf]}}}",
		"a: &x 1\nidl: *x", "? [a]: b", "calls: {x: {method: m, data: &a [*a]}}", "\x00", "idl: !!binary x", "<<: {idl: a}", "a: b\n c", "targets: {a: {timeout: -1s}}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConfig("thriftkit.yaml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", text, c, err)
		}
		if err == nil {
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if line != "" && !strings.HasPrefix(line, "thriftkit.yaml:") {
				t.Errorf("%q: no place in %q", text, line)
			}
		}
	})
}
