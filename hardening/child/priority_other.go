//go:build !linux

package child

import "os/exec"

func ownGroup(*exec.Cmd) {}

// StepBack does nothing here.
func StepBack() error { return nil }
