package child

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a child a group of processes of its own, which StepBack leaves alone.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// StepBack lets children go first where processors are scarce: what an attacker computes is not to be mistaken for what it does
// to a server.
func StepBack() error { return syscall.Setpriority(syscall.PRIO_PGRP, 0, 10) }
