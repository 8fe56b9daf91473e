package attack

import (
	"fmt"
	"net/url"
	"strings"
)

// A Dialect is one way to speak to a server: protocol/transport, as in "compact/framed". The transport zlib is buffered within a
// stream of zlib, header+zlib is THeader whose payloads are compressed.
type Dialect struct{ Protocol, Transport string }

// All returns every dialect that a server of thriftkit takes.
func All() []Dialect {
	var all []Dialect
	for _, p := range []string{"binary", "compact", "json", "thriftpy2-json", "simple-json"} {
		for _, t := range []string{"buffered", "framed", "http", "zlib", "header", "header+zlib", "ttheader"} {
			d := Dialect{p, t}
			if d.exists() {
				all = append(all, d)
			}
		}
	}
	return all
}

// exists reports whether there is such a dialect: envelopes hold only what other libraries put there.
func (d Dialect) exists() bool {
	switch d.Transport {
	case "header", "header+zlib":
		return d.isBytes()
	case "ttheader":
		return d.Protocol == "binary"
	case "http", "zlib":
		return d.isBytes() || d.Protocol == "json"
	}
	return d.Protocol != "simple-json" || d.Transport == "buffered"
}

// isBytes reports whether the protocol is not text.
func (d Dialect) isBytes() bool { return d.Protocol == "binary" || d.Protocol == "compact" }

// ParseDialect reads what String returns.
func ParseDialect(s string) (Dialect, error) {
	protocol, transport, _ := strings.Cut(s, "/")
	d := Dialect{protocol, transport}
	for _, known := range All() {
		if d == known {
			return d, nil
		}
	}
	return d, fmt.Errorf("unknown dialect %q", s)
}

func (d Dialect) String() string { return d.Protocol + "/" + d.Transport }

// Target returns the target by which a client of thriftkit calls the server at addr.
func (d Dialect) Target(addr string) string {
	q := url.Values{"protocol": {d.Protocol}}
	scheme, path := "tcp", ""
	switch d.Transport {
	case "http":
		scheme, path = "http", "/"
	case "zlib":
		q.Set("compression", "zlib")
	case "header+zlib":
		q.Set("transport", "header")
		q.Set("compression", "zlib")
	default:
		q.Set("transport", d.Transport)
	}
	return scheme + "://" + addr + path + "?" + q.Encode()
}
