//go:build !unix

package compile

import "time"

var started = time.Now()

// cpuTime returns the time that has passed, for want of the time that this process has computed.
func cpuTime() time.Duration { return time.Since(started) }
