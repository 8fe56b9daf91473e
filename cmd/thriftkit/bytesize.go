package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/thriftkit/thriftkit"
)

// A byteSize is a flag: a number of bytes, with a unit if it likes. 0 is the default.
type byteSize int

// addMessageFlag adds --max-message.
func addMessageFlag(f *pflag.FlagSet, size *byteSize) {
	f.Var(size, "max-message", "the longest message to send or accept: `SIZE` in bytes, or with a unit as in 64MiB (default 16MiB)")
}

var byteUnits = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {"", 1}}

// Set implements [pflag.Value].
func (s *byteSize) Set(text string) error {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 1 || n > (1<<31-1)/u.bytes {
			break
		}
		*s = byteSize(n * u.bytes)
		return nil
	}
	return fmt.Errorf("want a size from 1B to 2047MiB, such as 1000000, 512KiB or 64MiB")
}

// String implements [pflag.Value].
func (s *byteSize) String() string {
	if *s == 0 {
		return ""
	}
	return strconv.Itoa(int(*s))
}

// Type implements [pflag.Value].
func (s *byteSize) Type() string { return "SIZE" }

// option returns the option of clients and servers.
func (s byteSize) option() thriftkit.Option { return thriftkit.WithMaxMessageBytes(int(s)) }
