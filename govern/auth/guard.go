package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A Verifier returns the subject of a bearer token, or why the token is not accepted: the caller learns only that it is not. It is called
// by many goroutines at once.
type Verifier func(ctx context.Context, token string) (subject string, err error)

// GuardOptions say how a Guard finds out who makes a call.
type GuardOptions struct {
	// Verifiers are asked in their order for the tokens that the policy does not have; the first one that accepts a token says whose
	// it is. See [HMAC].
	Verifiers []Verifier

	// PlaintextTokens accepts tokens on connections without TLS, too; as the policy's plaintextTokens does. Clients in the process
	// and those of unix sockets need no TLS.
	PlaintextTokens bool
}

// A Guard is a [rpc.Gate] that finds out who makes a call and asks a [Policy] whether it may. It is safe for concurrent use.
//
// Principals come from what the connection has verified, see [rpc.Peer.Principals], and from a bearer token in the metadata
// "authorization": over HTTP, gRPC and Connect that is the header field. A call whose token is wrong is refused, whatever
// else is known of its caller. Handlers learn who calls from [rpc.PrincipalOf], and logs the rule from [rpc.CallerOf].
type Guard struct {
	opts   GuardOptions
	policy atomic.Pointer[Policy]
}

// NewGuard returns a guard. It panics if policy is nil.
func NewGuard(policy *Policy, opts GuardOptions) *Guard {
	g := &Guard{opts: opts}
	g.SetPolicy(policy)
	return g
}

// SetPolicy replaces the policy for the calls from now on. It panics if policy is nil.
func (g *Guard) SetPolicy(policy *Policy) {
	if policy == nil {
		panic("auth: the policy is nil")
	}
	g.policy.Store(policy)
}

// Admit implements [rpc.Gate].
func (g *Guard) Admit(ctx context.Context, svc *schema.Service, m *schema.Method) (context.Context, rpc.Leave, error) {
	policy := g.policy.Load()
	caller := rpc.CallerOf(ctx)
	token, ok := bearer(ctx)
	if ok && (len(policy.tokens) > 0 || len(g.opts.Verifiers) > 0) {
		subject, err := g.verify(ctx, policy, token)
		if err != nil {
			caller.Rule = "token"
			return rpc.ContextWithCaller(ctx, caller), nil, err
		}
		caller.Token = rpc.Principal{Kind: rpc.PrincipalToken, Name: subject}
		ctx = rpc.ContextWithCaller(ctx, caller)
	}
	principals := rpc.PrincipalsOf(ctx)
	d := policy.decide(ctx, svc, m, principals)
	caller.Rule = d.rule
	ctx = rpc.ContextWithCaller(ctx, caller)
	switch {
	case d.allow:
		return ctx, nil, nil
	case len(principals) == 0 && d.rule == "default":
		return ctx, nil, errNobody
	}
	return ctx, nil, errDenied
}

// What callers learn. They do not learn the rule.
var (
	errNobody    = &rpc.Error{Code: rpc.CodeUnauthenticated, Message: "it is not known who makes the call, and it is not open to everybody"}
	errDenied    = &rpc.Error{Code: rpc.CodePermissionDenied, Message: "the caller may not make this call"}
	errBadToken  = &rpc.Error{Code: rpc.CodeUnauthenticated, Message: "the token is not accepted"}
	errPlaintext = &rpc.Error{Code: rpc.CodeUnauthenticated, Message: "tokens are accepted over TLS only"}
)

// bearer returns the token of a call.
func bearer(ctx context.Context) (token string, ok bool) {
	text := rpc.MetadataValue(ctx, "authorization")
	if text == "" {
		text = rpc.MetadataValue(ctx, "Authorization")
	}
	const scheme = "bearer "
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(text[len(scheme):]), true
}

// WithToken returns a context for calls of clients that take a bearer token along. Send it over TLS only.
func WithToken(ctx context.Context, token string) context.Context {
	return rpc.AddMetadata(ctx, map[string]string{"authorization": "Bearer " + token})
}

// maxToken is how long a token may be.
const maxToken = 8 << 10

func (g *Guard) verify(ctx context.Context, policy *Policy, token string) (subject string, err error) {
	if !policy.plain && !g.opts.PlaintextTokens && !isPrivate(ctx) {
		return "", errPlaintext
	}
	if len(token) > maxToken {
		return "", errBadToken
	}
	// What is compared is not the token but its hash: how long that takes says nothing of the token.
	if name, ok := policy.tokens[sha256.Sum256([]byte(token))]; ok {
		return name, nil
	}
	for _, verify := range g.opts.Verifiers {
		if subject, err := verify(ctx, token); err == nil && subject != "" {
			return subject, nil
		}
	}
	return "", errBadToken
}

// isPrivate reports whether nobody can read what the client sends.
func isPrivate(ctx context.Context) bool {
	peer, ok := rpc.PeerOf(ctx)
	return !ok || peer.TLS != nil || peer.Addr != nil && peer.Addr.Network() == "unix"
}

// Watch reads a file again whenever it changes, until ctx ends, and gives the guard the policy that read makes of it, such as
// [LoadPolicy]. A file with mistakes changes nothing: report gets the error, and nil for each policy that is in use from then on.
func (g *Guard) Watch(ctx context.Context, path string, read func(path string) (*Policy, error), report func(error)) {
	last := stampOf(path)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := stampOf(path)
		if now == last || now == "" { // a file that is replaced may be gone for a moment
			continue
		}
		last = now
		policy, err := read(path)
		if err == nil {
			g.SetPolicy(policy)
		}
		report(err)
	}
}

const watchInterval = 500 * time.Millisecond

// stampOf tells versions of a file apart; "" if there is none.
func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size())
}
