package bench

import (
	"syscall"
	"time"
)

// pause is time.Sleep, to within some 50 microseconds: Go's timers wait for whole milliseconds when nothing
// else goes on, which the calls of a rate would be late by.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR { // left is what is left then
	}
}
