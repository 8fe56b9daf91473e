//go:build !unix

package faults

import "errors"

func stopped(*world) error { return errors.New("a process cannot be stopped here") }
