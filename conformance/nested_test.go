package conformance

import (
	"testing"

	"github.com/thriftkit/thriftkit"
)

// TestNestedHeader has Apache's Python library and thriftkit talk by THeader within frames, zlib and HTTP, in both directions.
func TestNestedHeader(t *testing.T) {
	p := apachePython()
	file := mustLoad(t)
	svc := file.Service("Conformance")
	certs := certificates(t)
	t.Run("its server", func(t *testing.T) {
		routes := p.serve(t, certs)
		rows := preparedRows(svc, p.fills)
		for _, c := range nested() {
			t.Run(c.String(), func(t *testing.T) {
				target := c.target(routes[c.String()], certs)
				_, f := dial(t, file, target, thriftkit.WithTimeout(callTimeout))
				p.checkServer(t, &matrix{results: make(map[string]map[cell]*result)}, c, rows, sequences(p.manners, file, target), boundCaller(svc, f))
			})
		}
	})
	t.Run("its client", func(t *testing.T) {
		args := p.command(p.setUp(t), "client")
		tcp, unix := serveAll(t, file, certs, NewHandler(file))
		args = append(args, "--tls", certs)
		for _, c := range nested() {
			if c.socket == "unix" {
				args = append(args, c.String()+"="+unix)
			} else {
				args = append(args, c.String()+"="+tcp)
			}
		}
		p.readResults(t, &matrix{results: make(map[string]map[cell]*result)}, start(t, args[0], args[1:]...))
	})
}
