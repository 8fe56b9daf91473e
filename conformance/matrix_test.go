package conformance

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A cell is one way for thriftkit and a peer to talk.
type cell struct {
	protocol  string // binary, compact, json
	transport string // buffered, framed, zlib, header, http, ttheader; outside of the matrix framed-header, zlib-header, http-header
	socket    string // tcp, tls, unix; mux is tcp with services multiplexed, or with TTHeader Kitex's multiplexed connections
}

// cells returns the ways of which each peer must have, or lack for a reason, every one.
func cells() []cell {
	var all []cell
	for _, protocol := range []string{"binary", "compact", "json"} {
		for _, transport := range []string{"buffered", "framed", "zlib", "header", "http"} {
			for _, socket := range []string{"tcp", "tls", "unix"} {
				if transport != "http" || socket != "unix" {
					all = append(all, cell{protocol, transport, socket})
				}
			}
			if protocol == "binary" && transport == "buffered" {
				all = append(all, cell{protocol, transport, "mux"})
			}
		}
	}
	for _, socket := range []string{"tcp", "tls", "unix", "mux"} {
		all = append(all, cell{"binary", "ttheader", socket})
	}
	return all
}

// nested returns the ways that have THeader within another transport.
func nested() []cell {
	var all []cell
	for _, protocol := range []string{"binary", "compact"} {
		for _, transport := range []string{"framed-header", "zlib-header", "http-header"} {
			for _, socket := range []string{"tcp", "tls", "unix"} {
				if transport != "http-header" || socket != "unix" {
					all = append(all, cell{protocol, transport, socket})
				}
			}
		}
	}
	return all
}

func (c cell) String() string { return c.protocol + "/" + c.transport + "/" + c.socket }

func (c cell) isHTTP() bool { return strings.HasPrefix(c.transport, "http") }

// isAlsoDynamic reports whether both Go types and dynamic values take this way: they differ by protocol, and what is below
// that does not know of them.
func (c cell) isAlsoDynamic() bool { return c.transport == "buffered" && c.socket == "tcp" }

// takesLarge reports whether large values take this way: each protocol and each transport has one.
func (c cell) takesLarge() bool {
	return c.socket == "tcp" && (c.protocol == "binary" || c.transport == "buffered")
}

// target returns the target for Dial of an address that a peer printed; certs is what
// certificates returned.
func (c cell) target(addr, certs string) string {
	q := url.Values{"protocol": {c.protocol}}
	scheme, path := "tcp", ""
	switch {
	case c.isHTTP() && c.socket == "tls":
		scheme, path = "https", "/thrift"
	case c.isHTTP():
		scheme, path = "http", "/thrift"
	case c.socket == "tls":
		scheme = "tls"
	case c.socket == "unix":
		scheme, addr = "unix", strings.TrimPrefix(addr, "unix:")
	case c.socket == "mux":
		q.Set("service", "Conformance")
	}
	switch c.transport {
	case "http":
	case "http-header":
		q.Set("transport", "header")
	case "zlib":
		q.Set("compression", "zlib")
	case "zlib-header":
		q.Set("transport", "header")
		q.Set("compression", "zlib-stream")
	default:
		q.Set("transport", c.transport)
	}
	if c.socket == "tls" {
		q.Set("ca", filepath.Join(certs, "ca.pem"))
		q.Set("cert", filepath.Join(certs, "client.pem"))
		q.Set("key", filepath.Join(certs, "client.key"))
	}
	return scheme + "://" + addr + path + "?" + q.Encode()
}

// setUp returns the peer's place, which scripts/peers.sh set up. The test ends if there is none.
func (p *peer) setUp(t *testing.T) string {
	t.Helper()
	place := os.Getenv(p.variable)
	if _, err := os.Stat(place); err != nil {
		missing(t, fmt.Sprintf("%s (%q) names no %s", p.variable, place, p.name))
	}
	return place
}

// why says why the peer has no such route, "" if it has.
func (p *peer) why(c cell) string {
	if c.transport == "ttheader" && !p.ttheader {
		return "TTHeader is Kitex's own"
	}
	return p.lacks(c)
}

// serve starts the peer's server and returns the addresses of its routes.
func (p *peer) serve(t *testing.T, certs string) map[string]string {
	t.Helper()
	_, routes := p.startServer(t, certs)
	return routes
}

// startServer is serve that also returns the process.
func (p *peer) startServer(t *testing.T, certs string) (*process, map[string]string) {
	t.Helper()
	args := p.command(p.setUp(t), "server")
	server := start(t, args[0], append(args[1:], "--tls", certs, "--unix", filepath.Dir(socketPath(t)))...)
	routes := make(map[string]string)
	for {
		line := server.line("R")
		if line == "EADY" {
			return server, routes
		}
		if route, ok := strings.CutPrefix(line, "OUTE "); ok {
			name, addr, _ := strings.Cut(route, " ")
			routes[name] = addr
		}
	}
}

// TestPeerServers has a bound client and a dynamic one call the server of each peer on each route.
func TestPeerServers(t *testing.T) {
	file := mustLoad(t)
	svc := file.Service("Conformance")
	m := newMatrix(t, "thriftkit → peer")
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			certs := certificates(t)
			routes := p.serve(t, certs)
			rows := preparedRows(svc, p.fills)
			for _, c := range cells() {
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					addr, has := routes[c.String()]
					if why := p.why(c); (why != "") == has {
						t.Fatalf("the peer says %t, its table says %q", has, why)
					} else if why != "" {
						m.add(p.name, c, result{lacks: why})
						t.Skip(why)
					}
					target := c.target(addr, certs)
					client, f := dial(t, file, target, thriftkit.WithTimeout(callTimeout))
					callers := map[string]caller{"bound": boundCaller(svc, f)}
					if c.isAlsoDynamic() {
						callers["dynamic"] = dynamicCaller(svc, client)
					}
					for name, call := range callers {
						t.Run(name, func(t *testing.T) {
							p.checkServer(t, m, c, rows, sequences(p.manners, file, target), call)
						})
					}
				})
			}
		})
	}
}

// checkServer makes all checks of a route, by one caller.
func (p *peer) checkServer(t *testing.T, m *matrix, c cell, rows []row, more []sequence, call caller) {
	var r result
	note := func(check string, ok bool) {
		why := p.differs(check, c)
		switch {
		case ok && why != "":
			t.Errorf("%s passes, but is said to differ: %s", check, why)
		case ok:
			r.ok++
		default:
			r.failed++
		}
	}
	for _, row := range rows {
		if row.large && !c.takesLarge() {
			continue
		}
		if why := p.differs(row.name, c); why != "" {
			r.known = append(r.known, why)
			continue
		}
		err := row.run(t.Context(), call)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		note(row.name, err == nil)
	}
	for _, s := range more {
		if why := p.differs(s.name, c); why != "" {
			r.known = append(r.known, why)
			continue
		}
		note(s.name, t.Run(s.name, func(t *testing.T) { s.run(t, call) }))
	}
	m.add(p.name, c, r)
}

// TestPeerClients has the client of each peer check a bound handler and a dynamic one, each on one port
// and one unix socket.
func TestPeerClients(t *testing.T) {
	file := mustLoad(t)
	m := newMatrix(t, "peer → thriftkit")
	for _, p := range peers() {
		for name, handler := range map[string]any{"bound": NewHandler(file), "dynamic": NewDynamicHandler(file)} {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				args := p.command(p.setUp(t), "client")
				certs := certificates(t)
				tcp, unix := serveAll(t, file, certs, handler)
				args = append(args, "--tls", certs)
				for _, c := range cells() {
					if name == "dynamic" && !c.isAlsoDynamic() {
						continue
					}
					why := p.why(c)
					switch {
					case why != "":
						m.add(p.name, c, result{lacks: why})
					case c.socket == "unix":
						args = append(args, c.String()+"="+unix)
					default:
						args = append(args, c.String()+"="+tcp)
					}
				}
				p.readResults(t, m, start(t, args[0], args[1:]...))
			})
		}
	}
}

// readResults reads what a peer's client prints.
func (p *peer) readResults(t *testing.T, m *matrix, client *process) {
	lines, code := client.rest()
	results := make(map[string]result)
	done := ""
	var ok, failed, skipped int
	for _, line := range lines {
		if done = strings.TrimPrefix(line, "done "); done != line {
			break
		}
		words := append(strings.SplitN(line, " ", 3), "", "")
		_, detail, _ := strings.Cut(words[2], ": ")
		r := results[words[0]]
		switch words[1] {
		case "ok":
			ok++
			r.ok++
		case "skip":
			skipped++
			r.known = append(r.known, detail)
		case "FAIL":
			failed++
			r.failed++
			t.Error(line)
		default:
			t.Errorf("the client printed %q", line)
		}
		results[words[0]] = r
	}
	if want := fmt.Sprintf("%d ok, %d failed, %d skipped", ok, failed, skipped); done != want || code != min(failed, 1) {
		t.Errorf("the client ended with %q and code %d, want %q", done, code, want)
	}
	for _, c := range cells() {
		if r, ok := results[c.String()]; ok {
			m.add(p.name, c, r)
		}
	}
}

// serveAll serves the service, and Base beside it, on a port and a unix socket, with TLS on the port.
func serveAll(t *testing.T, file *schema.File, certs string, handler any) (tcp, unix string) {
	t.Helper()
	path := func(name string) string { return filepath.Join(certs, name) }
	config, err := thriftkit.ServerTLS(path("server.pem"), path("server.key"), path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	server := thriftkit.NewServer(thriftkit.WithTLS(config))
	svc := file.Service("Conformance")
	if err := firstError(server.Register(svc, handler), server.Register(svc.Extends, handler)); err != nil {
		t.Fatal(err)
	}
	socket := socketPath(t)
	var group sync.WaitGroup
	t.Cleanup(func() { server.Close(); group.Wait() })
	listen := func(addr string) string {
		l, err := thriftkit.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			if err := server.Serve(l); !errors.Is(err, rpc.ErrServerClosed) {
				t.Errorf("Serve: %v", err)
			}
		})
		return l.Addr().String()
	}
	return listen("127.0.0.1:0"), "unix:" + listen("unix://"+socket)
}

// A result is what came of one cell.
type result struct {
	ok, failed int
	known      []string // the reasons of checks that were left out or failed as they must, one for each
	lacks      string   // why there is none
}

// A matrix collects the results of the peers in one direction. Every cell must get one.
type matrix struct {
	mu      sync.Mutex
	peers   []string
	results map[string]map[cell]*result
}

// newMatrix returns a matrix that is logged when t and its subtests are done; docs/conformance.md has a copy.
func newMatrix(t *testing.T, direction string) *matrix {
	m := &matrix{results: make(map[string]map[cell]*result)}
	t.Cleanup(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		for name, results := range m.results {
			for _, c := range cells() {
				if results[c] == nil {
					t.Errorf("%s, %s: %s has no result", direction, name, c)
				}
			}
		}
		t.Logf("\n%s", m.text(direction))
	})
	return m
}

// add adds to the result of a cell.
func (m *matrix) add(name string, c cell, r result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.results[name] == nil {
		m.results[name] = make(map[cell]*result)
		m.peers = append(m.peers, name)
		slices.Sort(m.peers)
	}
	sum := m.results[name][c]
	if sum == nil {
		sum = new(result)
		m.results[name][c] = sum
	}
	sum.ok, sum.failed, sum.lacks = sum.ok+r.ok, sum.failed+r.failed, r.lacks
	sum.known = append(sum.known, r.known...)
}

// text returns the matrix as a table with a row for each peer and a column for each protocol with each
// transport. It names the sockets that pass; numbers stand for what the notes below the table say.
func (m *matrix) text(direction string) string {
	var notes []string
	note := func(whys []string) string {
		var numbers []string
		slices.Sort(whys)
		for _, why := range slices.Compact(whys) {
			i := slices.Index(notes, why)
			if i < 0 {
				i = len(notes)
				notes = append(notes, why)
			}
			numbers = append(numbers, fmt.Sprint(i+1))
		}
		if len(numbers) == 0 {
			return ""
		}
		return " [" + strings.Join(numbers, ", ") + "]"
	}
	columns := slices.Compact(mapSlice(cells(), cell.column))
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | checks |\n|%s\n", direction, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)+2))
	for _, name := range m.peers {
		fmt.Fprintf(&b, "| %s |", name)
		checks := 0
		for _, column := range columns {
			var order []string // what is the same for several sockets is said once
			sockets := make(map[string][]string)
			for _, c := range cells() {
				r := m.results[name][c]
				if c.column() != column || r == nil {
					continue
				}
				checks += r.ok
				state := note(slices.Clone(r.known))
				switch {
				case r.lacks != "":
					state = " –" + note([]string{r.lacks})
				case r.failed > 0:
					state = fmt.Sprintf(" **%d fail**", r.failed) + state
				}
				if sockets[state] == nil {
					order = append(order, state)
				}
				sockets[state] = append(sockets[state], c.socket)
			}
			fmt.Fprintf(&b, " %s |", strings.Join(mapSlice(order, func(state string) string {
				return strings.Join(sockets[state], ", ") + state
			}), "; "))
		}
		fmt.Fprintf(&b, " %d |\n", checks)
	}
	for i, why := range notes {
		fmt.Fprintf(&b, "\n%d. %s", i+1, why)
	}
	return b.String()
}

// column returns the heading under which a cell stands.
func (c cell) column() string { return c.protocol + " " + c.transport }

func mapSlice[T, U any](s []T, f func(T) U) []U {
	var out []U
	for _, v := range s {
		out = append(out, f(v))
	}
	return out
}
