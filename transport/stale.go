package transport

import (
	"net"
	"os"
)

// removeStale removes the file of a unix socket on which nobody listens any more, and reports
// whether it did.
func removeStale(path string) bool {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode()&os.ModeSocket == 0 {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return false
	}
	return os.Remove(path) == nil
}
