package conformance

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// callTimeout bounds the calls to peers, for a peer that does not answer.
const callTimeout = patient

// A peer is a library of another language, with a server and a client of the service that have its every
// route in one process. CONTRIBUTING.md describes what they print.
type peer struct {
	name     string
	variable string                               // where scripts/peers.sh tells its place
	command  func(place, program string) []string // what to run; program is "server" or "client"
	ttheader bool                                 // it knows TTHeader

	// lacks says why its library has no such route, "" if it has.
	lacks func(c cell) string
	// fills tells which fields without requiredness it writes as zeros where they are unset; nil: none.
	fills func(f *schema.Field) bool
	manners
	// differs says why its server cannot pass a check of ours; "" if it must.
	differs func(check string, c cell) string
}

// peers returns the peers of the matrix.
func peers() []*peer {
	return []*peer{cpp(), java(), apachePython(), node(), apacheGo(), kitex()}
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

// apachePython is Apache's Python library.
func apachePython() *peer {
	return &peer{
		name:     "Apache Python 0.25.0",
		variable: "THRIFTKIT_APACHEPY",
		command:  func(place, program string) []string { return []string{place, "apachepy/" + program + ".py"} },
		lacks: func(c cell) string {
			if c.protocol == "json" && c.transport == "header" {
				return "THeader in Apache's Python has no JSON"
			}
			return ""
		},
		manners: manners{
			application: rpc.CodeProtocol, undeclared: rpc.CodeInternal, unknown: rpc.CodeUnknownMethod,
			absent: rpc.CodeMissingResult, calls: 100,
		},
		differs: func(check string, c cell) string {
			switch {
			case strings.HasPrefix(check, "a string that is not UTF-8"):
				return "strings in Python are text"
			case c.protocol == "json" && slices.Contains([]string{"echoDouble 9", "echoDouble 10", "echoDouble 11", "echoAll 1"}, check):
				return "Apache's Python writes NaN and infinities in JSON as bare words"
			}
			return ""
		},
	}
}

// node is Apache's Node library.
func node() *peer {
	return &peer{
		name:     "Apache Node 0.24.0",
		variable: "THRIFTKIT_NODE",
		command:  func(place, program string) []string { return []string{"node", "node/" + program + ".js"} },
		lacks: func(c cell) string {
			switch {
			case c.transport == "zlib":
				return "Apache's Node has no zlib"
			case c.protocol == "json" && c.transport == "header":
				return "THeader in Apache's Node has no JSON"
			}
			return ""
		},
		manners: manners{
			application: rpc.CodeUnknown, undeclared: rpc.CodeUnknown, unknown: rpc.CodeUnknown,
			absent: rpc.CodeMissingResult, calls: 100,
		},
		differs: func(check string, c cell) string {
			json := c.protocol == "json"
			switch {
			case strings.HasPrefix(check, "a string that is not UTF-8"):
				return "strings in Node are text"
			case slices.Contains([]string{"echoPointToString 2", "echoAll 1", "what the peer saw of all types"}, check):
				return "Apache's Node makes the text [object Object] of structs that are keys"
			case check == "echoDouble 2":
				return "Apache's Node writes negative zero as zero"
			case c.protocol == "compact" && strings.HasPrefix(check, "echoBools") && check != "echoBools 1":
				return "Apache's Node reads bools in compact containers as false"
			case c.transport == "http" && (check == "oneway" || check == "calls of all kinds in turn"):
				return "Apache's Node server does not answer a oneway call over HTTP"
			case json && (check == "echoMatrix 3" || check == "echoDeep 3"):
				return "Apache's Node misreads empty lists and sets in JSON containers"
			case json && (strings.Contains(check, " of 1 MiB") || strings.HasPrefix(check, "a list of ") || strings.HasPrefix(check, "a map of ")):
				return "Apache's Node reads JSON again from its start with every piece that comes, which takes too long for large values"
			case json && check == "echoString 3":
				return "Apache's Node loses NUL in JSON"
			}
			return ""
		},
	}
}
