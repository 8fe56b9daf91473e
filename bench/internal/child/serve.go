// Package child runs servers and clients in processes of their own. This file is the servers'
// side, which is small on purpose: it becomes part of each server program, whose size, memory
// and start are measured.
package child

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Serve is the main function of a server program: it listens on a free port of this machine and
// serves until its standard input ends. serve calls ready when the next thing that it does is to accept
// connections, which makes the program say "READY address". A line on its input is a question for
// the CPU time in nanoseconds and the number of allocations so far, which is answered with
// "STAT cpu mallocs".
func Serve(serve func(l net.Listener, ready func()) error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	go func() { fail(serve(l, func() { fmt.Println("READY", l.Addr()) })) }()
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			os.Exit(0)
		}
		cpu, mallocs := Usage()
		fmt.Println("STAT", cpu.Nanoseconds(), mallocs)
	}
}

// Usage returns what this process has used so far: CPU time, user and system, and how many
// objects it allocated.
func Usage() (cpu time.Duration, mallocs uint64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
