// Package machine tells what a run is made on, and how much of the CPU others use meanwhile.
package machine

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/report"
)

// Describe returns the machine and the versions of Go and of the modules named.
func Describe(modules []string) report.Machine {
	m := report.Machine{
		Time: time.Now().UTC().Format("2006-01-02 15:04 UTC"), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuModel(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Modules: make(map[string]string),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	versions := make(map[string]string)
	for _, dep := range info.Deps {
		versions[dep.Path] = dep.Version
	}
	for _, path := range modules {
		if v := versions[path]; v != "" {
			m.Modules[path] = v
		}
	}
	return m
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// A Watch measures how much CPU others use.
type Watch struct {
	start time.Time
	busy  time.Duration // of the whole machine
	own   time.Duration
	ok    bool
}

// StartWatch begins to measure. No child processes may be running, then or when the watch is
// read: their CPU time is known when they have ended.
func StartWatch() Watch {
	w := Watch{start: time.Now()}
	w.busy, w.own, w.ok = usage()
	return w
}

// Foreign returns the part of the machine's CPU, from 0 to 1, that processes other than this one
// and its children have used since w started; nil if the system does not tell.
func (w Watch) Foreign() *float64 {
	busy, own, ok := usage()
	elapsed := time.Since(w.start)
	if !ok || !w.ok || elapsed <= 0 {
		return nil
	}
	f := foreign(busy-w.busy, own-w.own, elapsed, runtime.NumCPU())
	return &f
}

// foreign is never below 0: the system counts the machine's time in larger steps than that of
// processes.
func foreign(busy, own, elapsed time.Duration, cpus int) float64 {
	return max(0, float64(busy-own)/(float64(elapsed)*float64(cpus)))
}

func usage() (busy, own time.Duration, ok bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	busy, ok = parseStat(string(text))
	return busy, CPU(syscall.RUSAGE_SELF) + CPU(syscall.RUSAGE_CHILDREN), ok
}

// CPU returns the CPU time of this process or its ended children, user and system.
func CPU(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// parseStat returns the time that the CPUs were not idle for, from the text of /proc/stat as
// proc_stat(5) describes it: time that a hypervisor gave to other machines counts as busy, for
// it was not ours.
func parseStat(text string) (time.Duration, bool) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, false
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every system that Go knows
	var busy time.Duration
	for i, field := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, false
		}
		if i != 3 && i != 4 {
			busy += time.Duration(n) * tick
		}
	}
	return busy, true
}

// Memory returns a figure of process pid in bytes, such as VmHWM, its peak, or VmRSS, from
// /proc/PID/status; false where there is none. The peak that wait4(2) returns is no use: a new
// process inherits that of the one which started it.
func Memory(pid, figure string) (float64, bool) {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if name != figure || len(fields) != 2 || fields[1] != "kB" {
			continue
		}
		kb, err := strconv.ParseFloat(fields[0], 64)
		return kb * 1024, err == nil
	}
	return 0, false
}
