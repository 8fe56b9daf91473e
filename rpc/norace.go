//go:build !race

package rpc

// raceEnabled says that the race detector is on.
const raceEnabled = false
