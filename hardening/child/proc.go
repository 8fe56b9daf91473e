package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// RSS returns the resident memory of a process in bytes. It fails where there is no /proc.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(procPath(pid, "statm"))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm of process %d: %q", pid, b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// Descriptors returns how many files a process has open. It fails where there is no /proc.
func Descriptors(pid int) (int, error) {
	entries, err := os.ReadDir(procPath(pid, "fd"))
	return len(entries), err
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
