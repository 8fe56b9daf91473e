package conformance

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// callTimeout bounds the calls to peers, for a peer that does not answer.
const callTimeout = time.Minute

// A peer is a library of another language, with a server and a client of the service that have its every
// route in one process. CONTRIBUTING.md describes what they print.
type peer struct {
	name     string
	variable string                               // where scripts/peers.sh tells its place
	command  func(place, program string) []string // what to run; program is "server" or "client"

	// lacks says why its library has no such route, "" if it has.
	lacks func(c cell) string
	// fills tells which fields without requiredness it writes as zeros where they are unset; nil: none.
	fills func(f *schema.Field) bool
	manners
	// differs says why its server cannot pass a check of ours, and faults why its client fails one of its own; "" if there is no
	// reason to.
	differs func(check string, c cell) string
	faults  func(check, route string) string
}

// peers returns the peers of the matrix.
func peers() []*peer {
	return []*peer{cpp(), java()}
}

// cpp is Apache's C++ library.
func cpp() *peer {
	return &peer{
		name:     "Apache C++ 0.17.0",
		variable: "THRIFTKIT_CPP",
		command:  func(place, program string) []string { return []string{filepath.Join(place, program)} },
		lacks: func(c cell) string {
			if c.protocol == "json" && c.transport == "header" {
				return "its THeaderProtocol has no JSON"
			}
			return ""
		},
		fills:   func(*schema.Field) bool { return true },
		manners: manners{application: rpc.CodeUnknown, undeclared: rpc.CodeUnknown, unknown: rpc.CodeUnknownMethod, calls: 100},
		differs: func(check string, c cell) string {
			switch {
			case check == "no result":
				return "a handler in C++ always has a result"
			case c.transport == "http" && (check == "oneway" || check == "calls of all kinds in turn"):
				return "Apache's C++ server does not answer a oneway call over HTTP"
			case c.protocol == "json" && check == "echoString 3":
				return "Apache's C++ loses NUL in JSON"
			case c.protocol == "json" && check == "unknown fields in an argument":
				return "Apache's C++ takes no negative field ids in JSON"
			case c.protocol == "json" && strings.HasPrefix(check, "a string that is not UTF-8"):
				return "strings in JSON are text"
			}
			return ""
		},
	}
}

// java is Apache's Java library, with the HTTP server of the JDK.
func java() *peer {
	return &peer{
		name:     "Apache Java 0.20.0",
		variable: "THRIFTKIT_JAVA",
		command: func(place, program string) []string {
			class := map[string]string{"server": "Server", "client": "Client"}[program]
			return []string{"java", "-XX:TieredStopAtLevel=1", "-cp", place + string(filepath.ListSeparator) + filepath.Join(place, "lib", "*"), class}
		},
		lacks: func(c cell) string {
			switch {
			case c.transport == "header":
				return "Apache's Java has no THeader"
			case c.socket == "unix":
				return "Apache's Java has no unix sockets"
			}
			return ""
		},
		fills: func(f *schema.Field) bool {
			switch f.Type.Kind {
			case schema.KindBool, schema.KindI8, schema.KindI16, schema.KindI32, schema.KindI64, schema.KindDouble:
				return true
			}
			return false
		},
		manners: manners{
			application: rpc.CodeProtocol, undeclared: rpc.CodeInternal, unknown: rpc.CodeUnknownMethod,
			absent: rpc.CodeMissingResult, calls: 100,
		},
		differs: func(check string, c cell) string {
			switch {
			case check == "echoColor 5":
				return "Apache's Java reads an enum's unknown number as null"
			case strings.HasPrefix(check, "a string that is not UTF-8"):
				return "strings in Java are text"
			}
			return ""
		},
	}
}
