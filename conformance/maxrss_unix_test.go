//go:build unix

package conformance

import (
	"os"
	"syscall"
)

// maxRSS returns how much memory a process that has ended had at most, in KiB (on Linux).
func maxRSS(p *os.ProcessState) int64 {
	if usage, ok := p.SysUsage().(*syscall.Rusage); ok {
		return int64(usage.Maxrss)
	}
	return 0
}
