//go:build !unix

package faults

import (
	"errors"
	"os"

	"github.com/thriftkit/thriftkit/hardening/child"
)

func standStill(*child.Server, func()) error { return errors.New("a process cannot be stopped here") }

func inheritable(f *os.File) (*os.File, error) { return f, nil }
