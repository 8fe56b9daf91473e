package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

func sum(token string) string {
	b := sha256.Sum256([]byte(token))
	return hex.EncodeToString(b[:])
}

// TestPolicyMistakes has what is wrong with documents, with its place.
func TestPolicyMistakes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{``, "1:1: the document ends too early"},
		{`{"rules": [`, "1:12: the document ends too early"},
		{`{"rules": [}`, "1:12: invalid character '}' looking for beginning of value"},
		{`{} {}`, "1:4: there is something after the document"},
		{`[]`, "1:1: want an object with default, plaintextTokens, tokens, rules, got a list"},
		{`{"rule": []}`, "1:10: rule: unknown key (did you mean rules?)"},
		{`{"default": "maybe"}`, `1:13: default: want "allow" or "deny", got "maybe"`},
		{"{\"default\": \"deny\",\n \"default\": \"allow\"}", "2:2: default: the key is there twice"},
		{`{"rules": [{"name": "a", "allow": []}]}`, "1:35: rules[0].allow: the list is empty"},
		{`{"rules": [{"name": "a", "allow": ["S.*"], "principals": []}]}`, "1:58: rules[0].principals: the list is empty"},
		{`{"rules": [{"name": "a", "allow": ["S.*"], "deny": ["S.*"]}]}`, "1:12: rules[0]: a rule has either allow or deny, with a list of methods"},
		{`{"rules": [{"name": "a"}]}`, "1:12: rules[0]: a rule has either allow or deny, with a list of methods"},
		{`{"rules": [{"allow": ["S.*"]}]}`, "1:12: rules[0]: a rule needs a name, which logs show"},
		{`{"rules": [{"name": "a", "allow": ["ping"]}]}`, `1:36: rules[0].allow[0]: want Service.method, Service.* or *, got "ping"`},
		{`{"rules": [{"name": "a", "allow": [7]}]}`, "1:36: rules[0].allow[0]: want a string, got a number"},
		{`{"rules": [{"name": "a", "allow": ["*"], "principals": ["alice"]}]}`, `1:57: rules[0].principals[0]: want spiffe://…, user:…, token:…, uri:…, dns:… or cn:…, got "alice"`},
		{`{"rules": [{"name": "a", "allow": ["*"], "addresses": ["10.0.0.1/8"]}]}`, "1:56: rules[0].addresses[0]: the network is 10.0.0.0/8, and 10.0.0.1/8 has more bits"},
		{`{"rules": [{"name": "a", "allow": ["*"], "addresses": ["host"]}]}`, `1:56: rules[0].addresses[0]: want a network such as 10.0.0.0/8, an address, or unix, got "host"`},
		{`{"rules": [{"name": "a", "allow": ["S.a"]}, {"name": "a", "allow": ["S.b"]}]}`, `1:45: rules[1]: the rule at 1:12 is called "a", too`},
		{`{"rules": [{"name": "a", "allow": ["S.a"], "principals": ["user:x"]}, {"name": "b", "deny": ["S.*"]}]}`, `1:71: rules[1]: the rules "a" and "b" contradict: whatever "a" allows is denied`},
		{`{"tokens": [{"name": "a", "sha256": "00"}]}`, "1:37: tokens[0].sha256: want the SHA-256 of the token, 64 hexadecimal digits"},
		{`{"tokens": [{"name": "a"}]}`, "1:13: tokens[0]: a token needs a name and its sha256"},
		{`{"default": "x", "rules": 1}`, "1:13: default: want \"allow\" or \"deny\", got \"x\"\n1:27: rules: want a list, got a number"},
		{strings.Repeat("[", 100), "1:18: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: the document nests too deep"},
	} {
		p, err := ParsePolicy([]byte(tt.text))
		if err == nil || err.Error() != tt.want || p != nil {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
		var e *PolicyError
		if !errors.As(err, &e) {
			t.Errorf("%s: %T is no PolicyError", tt.text, err)
		}
	}
}

// TestDecisions has who may call what.
func TestDecisions(t *testing.T) {
	p, err := ParsePolicy([]byte(`{
		"rules": [
			{"name": "open", "allow": ["Shop.get*"]},
			{"name": "staff", "allow": ["Shop.*"], "principals": ["spiffe://prod/*", "user:alice", "dns:*.prod.example"]},
			{"name": "banned", "deny": ["*"], "principals": ["user:mallory"]},
			{"name": "guests", "deny": ["Shop.buy"], "addresses": ["192.0.2.0/24", "2001:db8::1"]},
			{"name": "local", "allow": ["Shop.close"], "addresses": ["unix"]}
		]}`))
	if err != nil {
		t.Fatal(err)
	}
	svc := &schema.Service{Name: "Shop"}
	methods := make(map[string]*schema.Method)
	uri, user, dns, cn := rpc.PrincipalURI, rpc.PrincipalUser, rpc.PrincipalDNS, rpc.PrincipalCN
	for _, tt := range []struct {
		method string
		who    []rpc.Principal
		from   string
		want   decision
	}{
		{"getPrice", nil, "", decision{true, "open"}},
		{"buy", nil, "", decision{false, "default"}},
		{"buy", []rpc.Principal{{Kind: uri, Name: "spiffe://prod/web"}}, "", decision{true, "staff"}},
		{"buy", []rpc.Principal{{Kind: uri, Name: "spiffe://product/web"}}, "", decision{false, "default"}},
		{"buy", []rpc.Principal{{Kind: user, Name: "spiffe://prod/web"}}, "", decision{false, "default"}}, // forged
		{"buy", []rpc.Principal{{Kind: uri, Name: "user:alice"}}, "", decision{false, "default"}},
		{"buy", []rpc.Principal{{Kind: user, Name: "alice"}}, "10.0.0.1", decision{true, "staff"}},
		{"buy", []rpc.Principal{{Kind: cn, Name: "alice"}, {Kind: dns, Name: "a.prod.example"}}, "", decision{true, "staff"}},
		{"buy", []rpc.Principal{{Kind: user, Name: "alice"}}, "192.0.2.7", decision{false, "guests"}},
		{"buy", []rpc.Principal{{Kind: user, Name: "alice"}}, "2001:db8::1", decision{false, "guests"}},
		{"buy", []rpc.Principal{{Kind: user, Name: "alice"}}, "2001:db8::2", decision{true, "staff"}},
		{"getPrice", []rpc.Principal{{Kind: user, Name: "mallory"}}, "", decision{false, "banned"}},
		{"getPrice", []rpc.Principal{{Kind: user, Name: "mallory"}, {Kind: uri, Name: "spiffe://prod/web"}}, "", decision{false, "banned"}},
		{"close", nil, "unix", decision{true, "local"}},
		{"close", nil, "10.0.0.1", decision{false, "default"}},
	} {
		m := methods[tt.method]
		if m == nil {
			m = &schema.Method{Name: tt.method}
			methods[tt.method] = m
		}
		var addr netip.Addr
		if tt.from != "" && tt.from != "unix" {
			addr = netip.MustParseAddr(tt.from)
		}
		if got := p.decideFor(svc, m, tt.who, addr, tt.from == "unix"); got != tt.want {
			t.Errorf("%s by %v from %q: %v, want %v", tt.method, tt.who, tt.from, got, tt.want)
		}
	}
	err = p.Check([]*schema.Service{})
	if err == nil || !strings.HasPrefix(err.Error(), `3:4: rules[0]: rule "open" has 1 method that no service has: Shop.get*`) {
		t.Errorf("Check: %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"a*a", "a", false},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"**", "x", true}, {"", "x", false}, {"*b*", "abc", true}, {"a*b*b", "ab", false},
	} {
		if got := matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.text, got)
		}
	}
}

// TestHMAC has tokens that are accepted, and those of attackers.
func TestHMAC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, old := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("o", 32))
		opts := HMACOptions{Keys: [][]byte{key, old}, Audience: "shop"}
		verify, err := HMAC(opts)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now().Unix()
		encode := base64.RawURLEncoding.EncodeToString
		token := func(header, body string, key []byte) string {
			signed := encode([]byte(header)) + "." + encode([]byte(body))
			return signed + "." + encode(sign(key, signed))
		}
		const hs = `{"alg":"HS256","typ":"JWT"}`
		good := fmt.Sprintf(`{"sub":"ci","aud":["x","shop"],"exp":%d}`, now+60)
		parts := strings.Split(token(hs, good, key), ".")
		for _, tt := range []struct{ about, token, want string }{
			{"good", token(hs, good, key), ""},
			{"the key before", token(hs, good, old), ""},
			{"another key", token(hs, good, []byte(strings.Repeat("x", 32))), "wrong signature"},
			{"no algorithm", token(`{"alg":"none"}`, good, key), `the algorithm "none"`},
			{"none at all", parts[0] + "." + parts[1] + ".", "wrong signature"},
			{"unsigned", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", `the algorithm "none"`},
			{"another algorithm", token(`{"alg":"HS512"}`, good, key), `the algorithm "HS512"`},
			{"an extension", token(`{"alg":"HS256","crit":["b64"]}`, good, key), "or an extension"},
			{"changed", parts[0] + "." + encode([]byte(strings.Replace(good, "ci", "me", 1))) + "." + parts[2], "wrong signature"},
			{"expired", token(hs, fmt.Sprintf(`{"sub":"ci","aud":"shop","exp":%d}`, now-31), key), "expired"},
			{"within the leeway", token(hs, fmt.Sprintf(`{"sub":"ci","aud":"shop","exp":%d}`, now-29), key), ""},
			{"without an end", token(hs, `{"sub":"ci","aud":"shop"}`, key), "never does"},
			{"early", token(hs, fmt.Sprintf(`{"sub":"ci","aud":"shop","exp":%d,"nbf":%d}`, now+60, now+31), key), "not valid yet"},
			{"for others", token(hs, fmt.Sprintf(`{"sub":"ci","aud":"bank","exp":%d}`, now+60), key), "for others"},
			{"nobody", token(hs, fmt.Sprintf(`{"aud":"shop","exp":%d}`, now+60), key), "no subject"},
			{"two parts", "a.b", "no JSON Web Token"},
			{"padding", parts[0] + "." + parts[1] + "." + parts[2] + "=", "illegal base64"},
			{"empty", "..", "no JSON Web Token"},
		} {
			subject, err := verify(t.Context(), tt.token)
			if tt.want == "" && (err != nil || subject != "ci") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || subject != "") {
				t.Errorf("%s: %q, %v; want %q", tt.about, subject, err, tt.want)
			}
		}
		made, err := SignHMAC(opts, "ci", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if subject, err := verify(t.Context(), made); subject != "ci" || err != nil {
			t.Errorf("%q, %v", subject, err)
		}
		time.Sleep(91 * time.Second)
		if _, err := verify(t.Context(), made); err == nil {
			t.Error("the token does not expire")
		}
		if _, err := HMAC(HMACOptions{Keys: [][]byte{key[:31]}}); err == nil {
			t.Error("a short key is accepted")
		}
	})
}

// served is a server with one method, "echo", that says who calls.
func served(t *testing.T, g *Guard, stats rpc.Stats) (*rpc.Server, *schema.Service, *atomic.Int32) {
	t.Helper()
	svc := &schema.Service{Name: "Shop"}
	str := schema.Base(schema.KindString)
	m := &schema.Method{Name: "who", Result: str, Args: &schema.Struct{Name: "who_args"}}
	svc.Methods = []*schema.Method{m}
	if err := schema.Link(&schema.File{Path: "shop.thrift", Services: []*schema.Service{svc}}); err != nil {
		t.Fatal(err)
	}
	begun := new(atomic.Int32)
	s := rpc.NewServer(rpc.ServerOptions{Gates: []rpc.Gate{g}, Stats: stats})
	t.Cleanup(func() { s.Close() })
	err := s.Register(svc, whoIs{begun})
	if err != nil {
		t.Fatal(err)
	}
	return s, svc, begun
}

type whoIs struct{ begun *atomic.Int32 }

func (w whoIs) Who(ctx context.Context) (string, error) {
	w.begun.Add(1)
	return rpc.PrincipalOf(ctx).String() + " by " + rpc.CallerOf(ctx).Rule, nil
}

// TestGuard makes calls with and without tokens, in the process and over a connection without TLS.
func TestGuard(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	verify, err := HMAC(HMACOptions{Keys: [][]byte{key}})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := SignHMAC(HMACOptions{Keys: [][]byte{key}}, "job", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	document := `{"tokens": [{"name": "ci", "sha256": "` + sum("secret") + `"}], "rules": [{"name": "who", "allow": ["Shop.who"], "principals": ["token:ci"]}]}`
	policy, err := ParsePolicy([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	g := NewGuard(policy, GuardOptions{Verifiers: []Verifier{verify}})
	events := &refusals{}
	s, svc, begun := served(t, g, events)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	over, err := rpc.Dial(t.Context(), "tcp://"+l.Addr().String()+"?transport=header", rpc.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	inside := rpc.NewClient(s.Handle, rpc.ClientOptions{})
	for _, tt := range []struct {
		about  string
		client *rpc.Client
		token  string
		want   string
		code   rpc.Code
	}{
		{"nobody", inside, "", "", rpc.CodeUnauthenticated},
		{"a token", inside, "secret", "token:ci by who", 0},
		{"another token", inside, "secret2", "", rpc.CodeUnauthenticated},
		{"a signed token", inside, signed, "", rpc.CodePermissionDenied},
		{"a signed token that is changed", inside, signed + "A", "", rpc.CodeUnauthenticated},
		{"a long token", inside, strings.Repeat("x", maxToken+1), "", rpc.CodeUnauthenticated},
		{"nobody over TCP", over, "", "", rpc.CodeUnauthenticated},
		{"a token over TCP", over, "secret", "", rpc.CodeUnauthenticated},
	} {
		before := begun.Load()
		ctx := t.Context()
		if tt.token != "" {
			ctx = WithToken(ctx, tt.token)
		}
		got, err := who(ctx, tt.client, svc)
		var e *rpc.Error
		if tt.want != got || (tt.code != 0) != errors.As(err, &e) || e != nil && (e.Code != tt.code || e.Outcome != rpc.OutcomeRefused) {
			t.Errorf("%s: %q, %v; want %q, %s", tt.about, got, err, tt.want, tt.code)
		}
		if ran := begun.Load() != before; ran != (tt.code == 0) {
			t.Errorf("%s: the handler ran: %v", tt.about, ran)
		}
	}
	if want := []string{"default", "token", "default", "token", "token", "default", "token"}; !slices.Equal(events.rules, want) {
		t.Errorf("the rules of refused calls are %q, want %q", events.rules, want)
	}
	plain, err := ParsePolicy([]byte(strings.Replace(document, "{", `{"plaintextTokens": true, `, 1)))
	if err != nil {
		t.Fatal(err)
	}
	g.SetPolicy(plain)
	if got, err := who(WithToken(t.Context(), "secret"), over, svc); got != "token:ci by who" {
		t.Errorf("with plaintextTokens: %q, %v", got, err)
	}
}

func who(ctx context.Context, c *rpc.Client, svc *schema.Service) (string, error) {
	return rpc.Invoke[string](ctx, c, svc.Method("who"))
}

type refusals struct{ rules []string }

func (r *refusals) HandleConn(rpc.ConnEvent) {}

func (r *refusals) HandleCall(ctx context.Context, e rpc.CallEvent) {
	if e.Kind == rpc.CallRefused {
		r.rules = append(r.rules, rpc.CallerOf(ctx).Rule)
	}
}

// TestWatch changes a file while it is watched.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.json")
	write := func(text string) {
		// By another name first: it may be read at any time.
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"default": "deny"}`)
	policy, err := LoadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGuard(policy, GuardOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	reports, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		g.Watch(ctx, path, LoadPolicy, func(err error) { reports <- err })
	}()
	for text := `{"default": "allow"}`; ; text += " " { // the first ones may come before it looks at the file for the first time
		write(text)
		select {
		case err = <-reports:
		case <-time.After(2 * watchInterval):
			continue
		}
		break
	}
	if err != nil || !g.policy.Load().allow {
		t.Errorf("after a change: %v", err)
	}
	used := g.policy.Load()
	write(`{"default": "allowed"}`)
	if err := <-reports; err == nil || !strings.HasPrefix(err.Error(), path+":1:13: default: ") || g.policy.Load() != used {
		t.Errorf("after a mistake: %v", err)
	}
	cancel()
	<-done
}

// TestPolicySchema holds the JSON Schema to what the parser knows.
func TestPolicySchema(t *testing.T) {
	var doc struct {
		Properties map[string]struct {
			Items struct {
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(PolicySchema), &doc); err != nil {
		t.Fatal(err)
	}
	keys := func(text string) []string {
		_, err := ParsePolicy([]byte(text))
		_, list, _ := strings.Cut(err.Error(), "(there are ")
		list, _, _ = strings.Cut(list, ")")
		return strings.Split(list, ", ")
	}
	top := keys(`{"qqqqqqqqqq": 1}`)
	for name := range doc.Properties {
		if name != "$schema" && !slices.Contains(top, name) {
			t.Errorf("the schema has %s", name)
		}
	}
	if len(doc.Properties) != len(top)+1 {
		t.Errorf("the schema has %d properties, policies %v", len(doc.Properties), top)
	}
	for _, list := range []string{"rules", "tokens"} {
		of := keys(`{"` + list + `": [{"qqqqqqqqqq": 1}]}`)
		if props := doc.Properties[list].Items.Properties; len(props) != len(of) {
			t.Errorf("%s: the schema has %v, policies %v", list, props, of)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, text := range []string{`{"rules": [{"name": "a", "allow": ["S.a"], "principals": ["user:x"], "addresses": ["10.0.0.0/8"]}]}`, `{"default": 1}`, `[`, `{"tokens": [{}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := ParsePolicy(text); (p == nil) == (err == nil) {
			t.Fatalf("%v, %v", p, err)
		}
	})
}
