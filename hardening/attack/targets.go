package attack

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/hardening/child"
)

// Thriftkit starts a server of thriftkit with all defaults and the certificates in a folder. stop ends it, and fails
// if it left anything behind.
func Thriftkit(certs string) (t *Target, stop func() error, err error) {
	s, err := child.StartServer(child.ServerOptions{Certs: certs})
	if err != nil {
		return nil, nil, err
	}
	before, err := s.Stats()
	if err != nil {
		s.Kill()
		return nil, nil, err
	}
	t = &Target{
		Name: "thriftkit", Addr: s.Addr, TLS: true, Process: s.Process,
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
	const settling = 10 * time.Second
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

// Routes starts the program of a peer that tells its routes: a line "ROUTE protocol/transport/socket ADDRESS" for each, and
// READY at the end.
func Routes(cmd *exec.Cmd) (*Target, error) {
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	t := &Target{Process: p, Foreign: true, Addrs: make(map[Dialect]string)}
	for {
		line, err := p.Line(20 * time.Second)
		if err != nil {
			p.Kill()
			return nil, err
		}
		if line == "READY" {
			break
		}
		fields := strings.Fields(line)
		route := strings.Split(fields[len(fields)-2], "/")
		if d, err := ParseDialect(route[0] + "/" + route[1]); err == nil && route[2] == "tcp" {
			t.Addrs[d] = fields[len(fields)-1]
		}
	}
	d := Dialect{"binary", "framed"}
	t.Addr = t.Addrs[d]
	t.Call = d.Target(t.Addr)
	return t, nil
}

// RPCX starts the program of rpcx, which prints its address.
func RPCX(cmd *exec.Cmd) (*Target, error) {
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	line, err := p.Line(20 * time.Second)
	if err != nil {
		p.Kill()
		return nil, err
	}
	addr := strings.TrimPrefix(line, "READY ")
	return &Target{Process: p, Foreign: true, RPCXOnly: true, Addr: addr, Call: "rpcx://" + addr}, nil
}
