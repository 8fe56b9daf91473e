package auth

import (
	"context"
	"crypto/sha256"
	_ "embed" // for the schema
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/internal/document"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// PolicySchema is the JSON Schema of policies (draft 2020-12), for editors and other programs.
//
//go:embed policy.schema.json
var PolicySchema string

// A Policy has the rules by which calls are let in. It is not changed once it is made.
type Policy struct {
	allow  bool // what no rule decides
	plain  bool // tokens without TLS
	tokens map[[sha256.Size]byte]string
	rules  []*rule

	applying sync.Map // *schema.Method and its service -> []*rule
}

// A rule is one of the rules of a policy.
type rule struct {
	name       string
	deny       bool
	methods    []string
	principals []principalPattern // none: all
	networks   []netip.Prefix
	unix       bool // clients of unix sockets; if there are networks or it is set, no others
	at         *document.Node
}

// principalPattern is what principals of a kind are called.
type principalPattern struct {
	kind rpc.PrincipalKind
	name string
}

// A PolicyError is a mistake in a policy.
type PolicyError struct {
	Line, Column int    // from 1
	Path         string // such as rules[2].allow[0]; "" for the document
	Message      string
}

// Error implements error.
func (e *PolicyError) Error() string { return (*document.Error)(e).Error() }

// ParsePolicy returns the policy in a document of JSON. The error joins a *[PolicyError] for each mistake.
func ParsePolicy(text []byte) (*Policy, error) {
	root, err := document.ParseJSON(text)
	if e := (*document.Error)(nil); errors.As(err, &e) {
		return nil, (*PolicyError)(e)
	}
	r := &reader{}
	p := r.policy(root)
	var errs []error
	for _, e := range r.Errs {
		errs = append(errs, (*PolicyError)(e))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// LoadPolicy is ParsePolicy for a file. Its errors begin with path:line:column.
func LoadPolicy(path string) (*Policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := ParsePolicy(text)
	return p, atPath(path, err)
}

// atPath puts the name of a file before each of the errors.
func atPath(path string, err error) error {
	if err == nil {
		return nil
	}
	errs := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		errs = joined.Unwrap()
	}
	var all []error
	for _, err := range errs {
		all = append(all, fmt.Errorf("%s:%w", path, err))
	}
	return errors.Join(all...)
}

// A reader makes a policy of a document and collects the mistakes.
type reader struct{ document.Reader }

func (r *reader) policy(root *document.Node) *Policy {
	p := &Policy{tokens: make(map[[sha256.Size]byte]string)}
	r.Object(root, []string{"default", "plaintextTokens", "tokens", "rules"}, func(key string, v *document.Node) {
		switch key {
		case "default":
			switch r.Text(v) {
			case "allow":
				p.allow = true
			case "deny", "":
			default:
				r.Errorf(v, `want "allow" or "deny", got %q`, v.Value)
			}
		case "plaintextTokens":
			p.plain = r.Bool(v)
		case "tokens":
			r.List(v, func(v *document.Node) { r.token(p, v) })
		case "rules":
			r.List(v, func(v *document.Node) {
				if rule := r.rule(v); rule != nil {
					r.contradiction(p.rules, rule)
					p.rules = append(p.rules, rule)
				}
			})
		}
	})
	return p
}

func (r *reader) token(p *Policy, n *document.Node) {
	var name, sum string
	var at *document.Node
	ok := r.Object(n, []string{"name", "sha256"}, func(key string, v *document.Node) {
		if key == "name" {
			name = r.Text(v)
		} else {
			sum, at = r.Text(v), v
		}
	})
	if !ok {
		return
	}
	if name == "" || sum == "" {
		r.Errorf(n, "a token needs a name and its sha256")
		return
	}
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) != sha256.Size {
		r.Errorf(at, "want the SHA-256 of the token, %d hexadecimal digits", 2*sha256.Size)
		return
	}
	key := [sha256.Size]byte(b)
	if other, ok := p.tokens[key]; ok {
		r.Errorf(at, "the token is that of %q, too", other)
		return
	}
	p.tokens[key] = name
}

func (r *reader) rule(n *document.Node) *rule {
	x := &rule{at: n}
	mistakes := len(r.Errs)
	effects := 0
	ok := r.Object(n, []string{"name", "allow", "deny", "principals", "addresses"}, func(key string, v *document.Node) {
		switch key {
		case "name":
			x.name = r.Text(v)
		case "allow", "deny":
			effects++
			x.deny = key == "deny"
			r.Filled(v, func(v *document.Node) {
				switch text := r.Text(v); {
				case text == "":
				case text != "*" && !strings.ContainsAny(text, ".*"):
					r.Errorf(v, `want Service.method, Service.* or *, got %q`, text)
				default:
					x.methods = append(x.methods, text)
				}
			})
		case "principals":
			r.Filled(v, func(v *document.Node) {
				if text := r.Text(v); text != "" {
					p, err := parsePrincipal(text)
					if err != nil {
						r.Errorf(v, "%s", err)
					}
					x.principals = append(x.principals, p)
				}
			})
		case "addresses":
			r.Filled(v, func(v *document.Node) { r.address(x, v) })
		}
	})
	switch {
	case !ok:
	case effects != 1:
		r.Errorf(n, "a rule has either allow or deny, with a list of methods")
	case x.name == "":
		r.Errorf(n, "a rule needs a name, which logs show")
	}
	if len(r.Errs) > mistakes {
		return nil
	}
	return x
}

func (r *reader) address(x *rule, v *document.Node) {
	text := r.Text(v)
	if text == "" {
		return
	}
	if text == "unix" {
		x.unix = true
		return
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(text); err == nil {
			network = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
	}
	if err != nil {
		r.Errorf(v, `want a network such as 10.0.0.0/8, an address, or unix, got %q`, text)
		return
	}
	if network != network.Masked() {
		r.Errorf(v, "the network is %s, and %s has more bits", network.Masked(), text)
		return
	}
	x.networks = append(x.networks, network)
}

// contradiction reports rules that have one name, and those that allow what another one always denies.
func (r *reader) contradiction(earlier []*rule, x *rule) {
	for _, o := range earlier {
		if o.name == x.name {
			r.Errorf(x.at, "the rule at %d:%d is called %q, too", o.at.Line, o.at.Column, x.name)
			return
		}
		allows, denies := o, x
		if x.deny == o.deny {
			continue
		}
		if o.deny {
			allows, denies = x, o
		}
		if denies.covers(allows) {
			r.Errorf(x.at, "the rules %q and %q contradict: whatever %q allows is denied", o.name, x.name, allows.name)
			return
		}
	}
}

// covers reports whether x applies to each call to which o does, as far as that is easily seen.
func (x *rule) covers(o *rule) bool {
	for _, m := range o.methods {
		if !slices.ContainsFunc(x.methods, func(pattern string) bool { return matches(pattern, m) }) {
			return false
		}
	}
	return (len(x.principals) == 0 || slices.Equal(x.principals, o.principals)) &&
		(len(x.networks) == 0 && !x.unix || x.unix == o.unix && slices.Equal(x.networks, o.networks))
}

// parsePrincipal reads what stands for principals.
func parsePrincipal(text string) (principalPattern, error) {
	kind, name, ok := strings.Cut(text, ":")
	switch k := rpc.PrincipalKind(kind); {
	case ok && strings.HasPrefix(name, "//"):
		return principalPattern{rpc.PrincipalURI, text}, nil
	case ok && name != "" && slices.Contains([]rpc.PrincipalKind{rpc.PrincipalToken, rpc.PrincipalUser, rpc.PrincipalURI, rpc.PrincipalDNS, rpc.PrincipalCN}, k):
		return principalPattern{k, name}, nil
	}
	return principalPattern{}, fmt.Errorf("want spiffe://…, user:…, token:…, uri:…, dns:… or cn:…, got %q", text)
}

// matches reports whether text is what the pattern says, in which a * stands for any text.
func matches(pattern, text string) bool {
	before, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		return pattern == text
	}
	if !strings.HasPrefix(text, before) {
		return false
	}
	text = text[len(before):]
	for {
		part, more, ok := strings.Cut(rest, "*")
		if !ok {
			return strings.HasSuffix(text, rest)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text, rest = text[i+len(part):], more
	}
}

// decision is what a policy says of a call.
type decision struct {
	allow bool
	rule  string // "default" if none applies
}

// decide says whether the call may begin.
func (p *Policy) decide(ctx context.Context, svc *schema.Service, m *schema.Method, principals []rpc.Principal) decision {
	peer, known := rpc.PeerOf(ctx)
	addr, unix := clientAddr(peer, known)
	return p.decideFor(svc, m, principals, addr, unix)
}

func (p *Policy) decideFor(svc *schema.Service, m *schema.Method, principals []rpc.Principal, addr netip.Addr, unix bool) decision {
	var allowed *rule
	for _, r := range p.applyingTo(svc, m) {
		if allowed != nil && !r.deny || !r.fits(principals, addr, unix) {
			continue
		}
		if r.deny {
			return decision{rule: r.name}
		}
		allowed = r
	}
	if allowed != nil {
		return decision{true, allowed.name}
	}
	return decision{p.allow, "default"}
}

// called is a method and the service by which it is called.
type called struct {
	svc *schema.Service
	m   *schema.Method
}

// applyingTo returns the rules that have the method: looked for once, as methods are of the schema and no client can name others.
func (p *Policy) applyingTo(svc *schema.Service, m *schema.Method) []*rule {
	key := called{svc, m}
	if list, ok := p.applying.Load(key); ok {
		return list.([]*rule)
	}
	var list []*rule
	name := svc.Name + "." + m.Name
	for _, r := range p.rules {
		if slices.ContainsFunc(r.methods, func(pattern string) bool { return matches(pattern, name) }) {
			list = append(list, r)
		}
	}
	p.applying.Store(key, list)
	return list
}

func (r *rule) fits(principals []rpc.Principal, addr netip.Addr, unix bool) bool {
	if len(r.networks) > 0 || r.unix {
		in := r.unix && unix || addr.IsValid() && slices.ContainsFunc(r.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
		if !in {
			return false
		}
	}
	return len(r.principals) == 0 || slices.ContainsFunc(r.principals, func(pattern principalPattern) bool {
		return slices.ContainsFunc(principals, func(p rpc.Principal) bool { return p.Kind == pattern.kind && matches(pattern.name, p.Name) })
	})
}

// clientAddr returns the address of a client; unix of one that came by a unix socket.
func clientAddr(peer rpc.Peer, known bool) (addr netip.Addr, unix bool) {
	if !known || peer.Addr == nil {
		return netip.Addr{}, false
	}
	if peer.Addr.Network() == "unix" {
		return netip.Addr{}, true
	}
	a, err := netip.ParseAddrPort(peer.Addr.String())
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Addr().Unmap().WithZone(""), false
}

// Check returns an error that names the methods of rules which none of the services has: most are mistyped, and a rule that denies would
// deny nothing.
func (p *Policy) Check(services []*schema.Service) error {
	var errs []error
	for _, r := range p.rules {
		var missing []string
		for _, pattern := range r.methods {
			if pattern != "*" && !slices.ContainsFunc(services, func(s *schema.Service) bool {
				return slices.ContainsFunc(s.AllMethods(), func(m *schema.Method) bool { return matches(pattern, s.Name+"."+m.Name) })
			}) {
				missing = append(missing, pattern)
			}
		}
		if len(missing) > 0 {
			errs = append(errs, &PolicyError{r.at.Line, r.at.Column, r.at.Path,
				fmt.Sprintf("rule %q has %s that no service has: %s", r.name, plural.Of(len(missing), "method"), strings.Join(missing, ", "))})
		}
	}
	return errors.Join(errs...)
}
