//go:build !(darwin || freebsd || linux || netbsd || openbsd)

package registry

import "os"

// lockFile opens a file. Whether another process has it open is not found out on this system.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
}
