//go:build !linux

package rpc

import "time"

func pause(d time.Duration) { time.Sleep(d) }
