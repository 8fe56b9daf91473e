package transport

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

// A Target is the address of a server and the dialect to speak with it.
type Target struct {
	Network  string // "tcp" or "unix"
	Address  string // host:port, or the socket's path
	Framing  Framing
	Protocol string // "" is binary
	Service  string // the name in front of method names where services share a connection; "" for none
}

// ParseTarget reads a target: host:port, tcp://host:port, unix:///path/of/socket, with the
// query keys transport (buffered, framed), protocol (binary) and service (a name for
// multiplexing). Errors name what exists.
func ParseTarget(s string) (Target, error) {
	t, err := parseTarget(s)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", s, err)
	}
	return t, nil
}

func parseTarget(s string) (t Target, err error) {
	if !strings.Contains(s, "://") {
		s = "tcp://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return t, fmt.Errorf("not a URL: %w", err.(*url.Error).Err)
	}
	if u.User != nil || u.Fragment != "" {
		return t, fmt.Errorf("a target has neither user nor fragment")
	}
	switch u.Scheme {
	case "tcp":
		t.Network, t.Address = "tcp", u.Host
		switch {
		case u.Hostname() == "":
			return t, fmt.Errorf("the host is missing: host:port is wanted")
		case u.Port() == "":
			return t, fmt.Errorf("the port is missing: host:port is wanted")
		case u.Path != "" && u.Path != "/":
			return t, fmt.Errorf("a tcp target has no path")
		}
	case "unix":
		t.Network, t.Address = "unix", u.Host+u.Path
		if t.Address == "" {
			return t, fmt.Errorf("the path of the socket is missing: unix:///path is wanted")
		}
	default:
		return t, fmt.Errorf("unknown scheme %q (there is tcp, unix)", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return t, err
	}
	keys := make([]string, 0, len(query))
	for k := range query {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		v := query[k]
		if len(v) > 1 {
			return t, fmt.Errorf("key %q is given twice", k)
		}
		switch k {
		case "transport":
			t.Framing, err = ParseFraming(v[0])
		case "protocol":
			t.Protocol = v[0]
		case "service":
			t.Service = v[0]
		default:
			err = fmt.Errorf("unknown key %q (there is protocol, service, transport)", k)
		}
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// String returns the target in the form that ParseTarget reads.
func (t Target) String() string {
	q := make(url.Values)
	if t.Framing != Buffered {
		q.Set("transport", t.Framing.String())
	}
	if t.Protocol != "" {
		q.Set("protocol", t.Protocol)
	}
	if t.Service != "" {
		q.Set("service", t.Service)
	}
	s := t.Network + "://" + t.Address
	if t.Network == "unix" {
		s = "unix://" + (&url.URL{Path: t.Address}).EscapedPath()
	}
	if len(q) > 0 {
		s += "?" + q.Encode()
	}
	return s
}

// Dial connects to t.
func (t Target) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, t.Network, t.Address)
}

// Listen listens on what s names: a target, or just ":port". For a unix socket, a file left
// behind by a server that is gone is removed first.
func Listen(s string) (net.Listener, error) {
	if !strings.Contains(s, "://") {
		return net.Listen("tcp", s)
	}
	if rest, ok := strings.CutPrefix(s, "tcp://:"); ok {
		return net.Listen("tcp", ":"+rest)
	}
	t, err := ParseTarget(s)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(t.Network, t.Address)
	if err != nil && t.Network == "unix" && removeStale(t.Address) {
		l, err = net.Listen(t.Network, t.Address)
	}
	return l, err
}

// removeStale removes the file of a unix socket on which nobody listens any more, and reports
// whether it did.
func removeStale(path string) bool {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode()&os.ModeSocket == 0 {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return false
	}
	return os.Remove(path) == nil
}
