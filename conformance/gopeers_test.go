package conformance

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// goCommand runs the program of a peer in Go.
func goCommand(place, program string) []string {
	return []string{filepath.Join(place, "peer"), program}
}

// apacheGo is Apache's Go library.
func apacheGo() *peer {
	return &peer{
		name:     "Apache Go 0.24.0",
		variable: "THRIFTKIT_APACHEGO",
		command:  goCommand,
		lacks: func(c cell) string {
			if c.protocol == "json" && c.transport == "header" {
				return "THeader in Apache's Go has no JSON"
			}
			return ""
		},
		fills: func(*schema.Field) bool { return true },
		manners: manners{
			application: rpc.CodeInternal, undeclared: rpc.CodeInternal, unknown: rpc.CodeUnknownMethod,
			absent: rpc.CodeMissingResult, calls: 100,
		},
		differs: func(check string, c cell) string {
			switch check {
			case "defaults of arguments", "defaults of some arguments":
				return "Apache's Go has no defaults of arguments"
			case "defaults filled in by the peer", "defaults filled in by the peer and sent back":
				return "Apache's Go has no defaults of fields that are structs"
			}
			if c.protocol == "json" && strings.HasPrefix(check, "a string that is not UTF-8") {
				return "strings in JSON are text"
			}
			return differsInGo(check)
		},
	}
}

// differsInGo says what all generated Go code does differently.
func differsInGo(check string) string {
	switch check {
	case "what the peer saw of all types":
		return "Go's generated types do not keep whether a field without requiredness was sent"
	case "echoPresence 2":
		return "Apache's Go and Kitex write an unset struct as an empty one"
	}
	return ""
}

// kitexUnknownService is Kitex's code for a method of no service that it knows.
const kitexUnknownService rpc.Code = 20

// kitex is Kitex, which has the binary protocol only.
func kitex() *peer {
	return &peer{
		name:     "Kitex 0.16.3",
		variable: "THRIFTKIT_KITEX",
		ttheader: true,
		command:  goCommand,
		lacks: func(c cell) string {
			switch {
			case c.protocol != "binary":
				return "Kitex has the binary protocol only"
			case !slices.Contains([]string{"buffered", "framed", "ttheader"}, c.transport):
				return "Kitex has the transports buffered, framed and TTHeader only"
			case c.socket == "tls":
				return "Kitex has TLS for gRPC only"
			case c.socket == "mux" && c.transport == "buffered":
				return "Kitex names services in TTHeader only"
			}
			return ""
		},
		fills: func(*schema.Field) bool { return true },
		manners: manners{
			application: rpc.CodeProtocol, undeclared: rpc.CodeInternal, unknown: kitexUnknownService,
			absent: rpc.CodeMissingResult, calls: 100,
		},
		differs: func(check string, c cell) string {
			switch {
			case check == "unknown method" && c.socket == "mux":
				return "Kitex tells methods that it does not have from services that it does not have"
			case check == "application exception":
				return "Kitex adds to the message of an error"
			case check == "unknown method" && c.transport != "ttheader", check == "unknown oneway method, which peers answer":
				return "Kitex closes the connection at an unknown method, unless it is a call with TTHeader"
			}
			return differsInGo(check)
		},
	}
}
