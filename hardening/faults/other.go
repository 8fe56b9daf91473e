//go:build !unix

package faults

import (
	"errors"
	"os"
)

func stopped(*world) error { return errors.New("a process cannot be stopped here") }

func inheritable(f *os.File) (*os.File, error) { return f, nil }
