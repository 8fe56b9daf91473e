package serverconn

import (
	"syscall"
	"time"
)

// pause is time.Sleep without a timer of Go's. While one is about to fire, each wait for the network
// has to set a timer of the kernel's and take it back; a thread that sleeps does not touch that.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR { // left is what is left then
	}
}
