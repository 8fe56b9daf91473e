package faults

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/thriftkit/thriftkit/hardening/attack"
	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/thrifttest/chaos"
)

// A scenario is one fault: run lets it begin and end.
type scenario struct {
	name     string
	dialect  attack.Dialect // the zero value is binary/buffered
	direct   bool           // without the proxy
	tls      bool
	graceful bool          // no call may fail
	limit    time.Duration // of recovery; 0 means 2 s
	files    uint64        // the most descriptors of the server; 0: as many as it likes
	run      func(*world) error
}

// target returns where the client of the scenario calls.
func (s *scenario) target(w *world) string {
	d := s.dialect
	if d == (attack.Dialect{}) {
		d = plain
	}
	addr := w.proxy.Addr()
	if s.direct {
		addr = w.server.Addr
	}
	if s.tls {
		return "tls://" + addr + "?ca=" + filepath.Join(w.dir, "ca.pem")
	}
	return d.Target(addr)
}

func scenarios(callTimeout time.Duration) []scenario {
	// While calls of a caller wait for their timeouts nothing is learned: recovery may take as long.
	afterTimeout := callTimeout + time.Second
	during := func(up, down chaos.Faults) func(*world) error {
		return func(w *world) error {
			w.proxy.Set(up, down)
			w.rest()
			w.proxy.Set(chaos.Faults{}, chaos.Faults{})
			return nil
		}
	}
	both := func(f chaos.Faults) func(*world) error { return during(f, f) }
	ends := func(how chaos.Ending) func(*world) error {
		return func(w *world) error {
			for range 5 {
				w.proxy.End(how)
				time.Sleep(w.fault / 5)
			}
			return nil
		}
	}
	all := []scenario{
		{name: "no fault", graceful: true, run: func(w *world) error { w.rest(); return nil }},
		{name: "server killed and started again", direct: true, run: killed},
		{name: "server stopped (SIGSTOP)", direct: true, limit: afterTimeout, run: func(w *world) error { return standStill(w.server, w.rest) }},
		{name: "connections reset", run: ends(chaos.Reset)},
		{name: "connections closed by the server's side", run: ends(chaos.Close)},
		{name: "connections half-open", limit: afterTimeout, run: ends(chaos.Abandon)},
		{name: "nobody accepts", run: func(w *world) error {
			w.proxy.Refuse(true)
			w.proxy.End(chaos.Reset)
			w.rest()
			w.proxy.Refuse(false)
			return nil
		}},
		{name: "black hole", limit: afterTimeout, run: both(chaos.Faults{Drop: true})},
		{name: "black hole for replies", limit: afterTimeout, run: during(chaos.Faults{}, chaos.Faults{Drop: true})},
		{name: "server never reads", limit: afterTimeout, run: during(chaos.Faults{Stall: true}, chaos.Faults{})},
		{name: "slow network: 50 ms and jitter", graceful: true, run: both(chaos.Faults{Latency: 50 * time.Millisecond, Jitter: 20 * time.Millisecond, Seed: 1})},
		{name: "narrow network: 64 kB/s", graceful: true, run: both(chaos.Faults{Bandwidth: 64 << 10})},
		{name: "one byte at a time", graceful: true, run: both(chaos.Faults{ChunkBytes: 1})},
		{name: "writes run together", graceful: true, run: both(chaos.Faults{Coalesce: 20 * time.Millisecond})},
		{name: "requests cut", run: cuts(true)},
		{name: "replies cut", run: cuts(false)},
		{name: "bits of requests flipped", limit: afterTimeout, run: flips(true)},
		{name: "bits of replies flipped", limit: afterTimeout, run: flips(false)},
		{name: "bits flipped under TLS", tls: true, limit: afterTimeout, run: flips(false)},
		{name: "descriptors run out", direct: true, files: 40, run: exhausted},
		{name: "certificate replaced", tls: true, direct: true, graceful: true, run: renewed},
	}
	for _, d := range []attack.Dialect{plain, {Protocol: "compact", Transport: "framed"}, {Protocol: "binary", Transport: "header"}, {Protocol: "binary", Transport: "ttheader"}, {Protocol: "binary", Transport: "http"}} {
		all = append(all, scenario{name: "server replaced gracefully, " + d.String(), dialect: d, direct: true, graceful: true, run: replaced})
	}
	for i := range all {
		if all[i].limit == 0 {
			all[i].limit = 2 * time.Second
		}
	}
	return all
}

func killed(w *world) error {
	w.server.Kill()
	w.rest()
	var err error
	w.server, err = w.start()
	return err
}

// replaced starts a server beside the one that runs and lets that one end, several times.
func replaced(w *world) error {
	for range 3 {
		old := w.server
		next, err := w.start()
		if err != nil {
			return err
		}
		w.server = next
		_, err = old.Shutdown()
		if err := errors.Join(err, old.Stop()); err != nil {
			return err
		}
		time.Sleep(w.fault / 3)
	}
	return nil
}

// cuts ends connections in the middle of messages: after ever more bytes.
func cuts(up bool) func(*world) error {
	return func(w *world) error {
		for i := range 10 {
			f := chaos.Faults{CutAfter: int64(31 + 97*i), Cut: chaos.Ending(i % 2)} // closed, reset
			if up {
				w.proxy.Set(f, chaos.Faults{})
			} else {
				w.proxy.Set(chaos.Faults{}, f)
			}
			w.proxy.End(chaos.Reset) // for new connections, which will be cut
			time.Sleep(w.fault / 10)
		}
		w.proxy.Set(chaos.Faults{}, chaos.Faults{})
		return nil
	}
}

// flips changes a bit of each connection: ever another one, but none of the text of a call, which nobody could notice.
func flips(up bool) func(*world) error {
	return func(w *world) error {
		for i := range 10 {
			f := chaos.Faults{FlipBit: int64(1 + 19*i)} // within the header of the first message
			if up {
				w.proxy.Set(f, chaos.Faults{})
			} else {
				w.proxy.Set(chaos.Faults{}, f)
			}
			w.proxy.End(chaos.Close)
			time.Sleep(w.fault / 10)
		}
		w.proxy.Set(chaos.Faults{}, chaos.Faults{})
		return nil
	}
}

// exhausted lets idle connections take all descriptors of the server, and closes them.
func exhausted(w *world) error {
	var idle []net.Conn
	for range 60 {
		nc, err := net.DialTimeout("tcp", w.server.Addr, time.Second)
		if err != nil {
			return err
		}
		idle = append(idle, nc)
	}
	w.rest()
	for _, nc := range idle {
		nc.Close()
	}
	return nil
}

// renewed replaces the certificate of the server, and wants new connections to see the new one.
func renewed(w *world) error {
	seen := make(map[string]bool)
	for i := range 3 {
		serial, err := serialNumber(w.server.Addr)
		if err != nil {
			return err
		}
		seen[serial] = true
		if len(seen) != i+1 {
			return fmt.Errorf("the certificate after %d renewals is an old one", i)
		}
		if err := child.Renew(w.dir); err != nil {
			return err
		}
		time.Sleep(1200 * time.Millisecond) // a server looks at its files once a second
	}
	return nil
}

func serialNumber(addr string) (string, error) {
	tc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // its number alone is of interest
	if err != nil {
		return "", err
	}
	defer tc.Close()
	return tc.ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}
