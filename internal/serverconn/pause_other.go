//go:build !linux

package serverconn

import "time"

func pause(d time.Duration) { time.Sleep(d) }
