package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/thriftkit/thriftkit/internal/restmap"
)

// A node is a segment of paths. What is literal goes before a parameter, a parameter before all that is left; if one leads nowhere, the next
// is tried.
type node struct {
	literal map[string]*node
	single  *node
	rest    map[string]*target // of a CatchAll that begins here, by method of HTTP
	ends    map[string]*target // of paths that end here
}

// add adds a route.
func (n *node) add(segments []restmap.Segment, method string, t *target) {
	if len(segments) == 0 {
		if n.ends == nil {
			n.ends = make(map[string]*target)
		}
		n.ends[method] = t
		return
	}
	switch s := segments[0]; s.Kind {
	case restmap.CatchAll:
		if n.rest == nil {
			n.rest = make(map[string]*target)
		}
		n.rest[method] = t
	case restmap.Single:
		if n.single == nil {
			n.single = new(node)
		}
		n.single.add(segments[1:], method, t)
	default:
		if n.literal == nil {
			n.literal = make(map[string]*node)
		}
		if n.literal[s.Text] == nil {
			n.literal[s.Text] = new(node)
		}
		n.literal[s.Text].add(segments[1:], method, t)
	}
}

// find returns the target of a path and the values of its parameters; if there is none, the methods that the path has.
func (n *node) find(segments []string, method string) (t *target, values, allowed []string) {
	choose := func(targets map[string]*target) *target {
		for _, m := range []string{method, ""} {
			if t := targets[m]; t != nil {
				return t
			}
		}
		if t := targets[http.MethodGet]; t != nil && method == http.MethodHead {
			return t
		}
		for m := range targets {
			allowed = append(allowed, m)
		}
		return nil
	}
	if len(segments) == 0 {
		return choose(n.ends), nil, allowed
	}
	if next := n.literal[segments[0]]; next != nil {
		t, values, more := next.find(segments[1:], method)
		if t != nil {
			return t, values, nil
		}
		allowed = append(allowed, more...)
	}
	if n.single != nil && segments[0] != "" {
		t, values, more := n.single.find(segments[1:], method)
		if t != nil {
			return t, append([]string{segments[0]}, values...), nil
		}
		allowed = append(allowed, more...)
	}
	if t := choose(n.rest); t != nil {
		return t, []string{strings.Join(segments, "/")}, nil
	}
	return nil, nil, allowed
}

// splitPath returns the decoded segments of a path. It refuses what handlers may take for a way to another folder: . and .., also where they
// or their slashes are percent-encoded.
func splitPath(path string) ([]string, bool) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		text, err := url.PathUnescape(s)
		if err != nil {
			return nil, false
		}
		if strings.IndexByte(text, '.') >= 0 {
			for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '/' || c == '\\' }) {
				if part == "." || part == ".." {
					return nil, false
				}
			}
		}
		segments[i] = text
	}
	return segments, true
}
