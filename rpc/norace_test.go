//go:build !race

package rpc_test

// raced says that the race detector is on, which makes pools forget at times.
const raced = false
