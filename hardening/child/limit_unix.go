//go:build unix

package child

import "syscall"

// limitFiles bounds how many descriptors this process may have.
func limitFiles(n uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}
