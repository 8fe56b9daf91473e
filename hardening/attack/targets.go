package attack

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/hardening/child"
)

// Thriftkit starts a server of thriftkit with all defaults and the certificates in a folder. stop ends it, and fails
// if it left anything behind.
func Thriftkit(certs string) (t *Target, stop func() error, err error) {
	s, err := child.StartServer(child.ServerOptions{Certs: certs, Guarded: true})
	if err != nil {
		return nil, nil, err
	}
	before, err := s.Stats()
	if err != nil {
		s.Kill()
		return nil, nil, err
	}
	t = &Target{
		Name: "thriftkit", Addr: s.Addr, TLS: true, Certs: certs, Guarded: s.Guarded, GuardStats: s.GuardStats, Dubbo: true, Motan: true, RPCX: true, Process: s.Process,
		Call:   Dialect{"binary", "buffered"}.Target(s.Addr),
		Settle: func() { s.Stats() },
		Panics: func() int64 {
			stats, err := s.Stats()
			if err != nil {
				return 0 // it has died, which is seen elsewhere
			}
			return stats.Panics
		},
	}
	return t, func() error {
		err := left(s, before)
		if stopErr := s.Stop(); err == nil && stopErr != nil {
			err = fmt.Errorf("the server ends with %w\n%s", stopErr, s.Output())
		}
		return err
	}, nil
}

// left fails if the server has more goroutines or descriptors than before, some time after the last connection.
func left(s *child.Server, before child.Stats) error {
	const settling = time.Minute
	var now child.Stats
	for end := time.Now().Add(settling); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var err error
		if now, err = s.Stats(); err != nil {
			return err
		}
		if now.Goroutines <= before.Goroutines+workersKept && now.Descriptors <= before.Descriptors+1 {
			return nil
		}
	}
	return fmt.Errorf("the server is left with %d goroutines and %d descriptors; before the attacks it had %d and %d",
		now.Goroutines, now.Descriptors, before.Goroutines, before.Descriptors)
}

// workersKept is how many goroutines a server may keep for later calls.
const workersKept = 16

// A Peer is the server of another library in a program of its own.
type Peer struct {
	Name    string
	Program string
	Dir     string   // in which the folders are made
	Args    []string // {new} stands for a folder of its own for each start
	RPCX    bool     // it prints READY and its address; else a line "ROUTE protocol/transport/socket ADDRESS" for each route, and READY
}

// maxPeerMemory is how much address space a peer may take, in KiB: it is to die of its faults, not the machine.
const maxPeerMemory = 8 << 20

// Target starts the peer.
func (p Peer) Target() (*Target, error) {
	t := &Target{Name: p.Name, Foreign: true, RPCX: p.RPCX, RPCXOnly: p.RPCX}
	t.Start = func() error {
		args := []string{"-c", "", p.Program}
		for _, a := range p.Args {
			if a == "{new}" {
				var err error
				if a, err = os.MkdirTemp(p.Dir, "start"); err != nil {
					return err
				}
			}
			args = append(args, a)
		}
		args[1] = fmt.Sprintf(`ulimit -v %d && exec "$0" "$@"`, maxPeerMemory)
		proc, err := child.Start(exec.Command("sh", args...))
		if err != nil {
			return err
		}
		t.Process = proc
		if err := p.addresses(t); err != nil {
			proc.Kill()
			return err
		}
		return nil
	}
	return t, t.Start()
}

// addresses reads what the program says of where it listens.
func (p Peer) addresses(t *Target) error {
	if !p.RPCX {
		t.Addrs = make(map[Dialect]string)
	}
	for {
		line, err := t.Process.Line(20 * time.Second)
		if err != nil {
			return err
		}
		fields := strings.Fields(line)
		switch {
		case p.RPCX:
			t.Addr = fields[1]
			t.Call = "rpcx://" + t.Addr
			return nil
		case fields[0] == "READY":
			d := Dialect{"binary", "framed"}
			t.Addr = t.Addrs[d]
			t.Call = d.Target(t.Addr)
			return nil
		}
		route := strings.Split(fields[1], "/")
		if d, err := ParseDialect(route[0] + "/" + route[1]); err == nil && route[2] == "tcp" {
			t.Addrs[d] = fields[2]
		}
	}
}
