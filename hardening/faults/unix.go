//go:build unix

package faults

import (
	"os"
	"syscall"

	"github.com/thriftkit/thriftkit/hardening/child"
)

// standStill lets a server do so for a rest, as a machine does that pages or a virtual one that is moved.
func standStill(s *child.Server, rest func()) error {
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	rest()
	return s.Signal(syscall.SIGCONT)
}

// inheritable returns a file for the same socket that can be given to one process after the other: each time that package os/exec
// takes the number of a file which is not blocking it makes it so, and with it the listener of the processes that have it already.
func inheritable(f *os.File) (*os.File, error) {
	fd, err := syscall.Dup(int(f.Fd())) // which makes it blocking, before anybody has it: package os leaves such files alone
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "listener"), nil
}
