//go:build unix

package faults

import "syscall"

// stopped lets the server stand still, as a machine does that pages or a virtual one that is moved.
func stopped(w *world) error {
	if err := w.server.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	w.rest()
	return w.server.Signal(syscall.SIGCONT)
}
