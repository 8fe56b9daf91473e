//go:build race

package gentest

// raced says that the race detector is on, which makes pools forget at times.
const raced = true
