package child

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/govern/auth"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// Guarded is the second server of the child: it lets in only whom it should, counts, and has admin pages.
type Guarded struct {
	Addr, Admin string
	Policy      string // the file of its policy, which it watches
}

// What the guarded server accepts: a token, a key for HS256, and the addresses of a network from which nobody comes, unless a proxy
// says so; that is trusted in another network.
var (
	GuardToken   = "the token of the attack suite"
	GuardKey     = []byte("the key of the attack suite, 32+")
	GuardInside  = netip.MustParseAddr("192.0.2.7")
	GuardTrusted = netip.MustParsePrefix("198.51.100.0/24")
)

// GuardPolicy is the policy of the guarded server.
func GuardPolicy() string {
	sum := sha256.Sum256([]byte(GuardToken))
	return fmt.Sprintf(`{"plaintextTokens": true, "tokens": [{"name": "ci", "sha256": "%s"}], "rules": [
		{"name": "known", "allow": ["Conformance.*"], "principals": ["token:ci", "token:job", "cn:client"]},
		{"name": "inside", "allow": ["Conformance.*"], "addresses": ["%s"]}]}`, hex.EncodeToString(sum[:]), GuardInside)
}

// GuardStats are what the guarded server says of itself.
type GuardStats struct {
	Begun    int64 // calls
	Lines    int64 // of its error log
	Policies int64 // that were in use
	Mistakes int64 // policies that were refused, each of which is a line of the log
}

type guarded struct {
	Guarded
	server *thriftkit.Server
	admin  *ops.Admin
	stop   context.CancelFunc
	dir    string

	begun, lines, policies, mistakes atomic.Int64
}

// serveGuarded starts the server with the certificates in a folder, if that is not "".
func serveGuarded(svc *schema.Service, h any, certs string) (*guarded, error) {
	g := new(guarded)
	var err error
	if g.dir, err = os.MkdirTemp("", "guarded"); err != nil {
		return nil, err
	}
	g.Policy = filepath.Join(g.dir, "policy.json")
	if err := os.WriteFile(g.Policy, []byte(GuardPolicy()), 0o600); err != nil {
		return nil, err
	}
	policy, err := auth.LoadPolicy(g.Policy)
	if err != nil {
		return nil, err
	}
	verify, err := auth.HMAC(auth.HMACOptions{Keys: [][]byte{GuardKey}})
	if err != nil {
		return nil, err
	}
	guard := auth.NewGuard(policy, auth.GuardOptions{Verifiers: []auth.Verifier{verify}})
	g.admin = ops.NewAdmin(ops.AdminOptions{})
	opts := []thriftkit.ServerOption{
		thriftkit.WithGate(guard), thriftkit.WithStats(g.admin.Server()), thriftkit.WithProxyProtocol(GuardTrusted),
		thriftkit.WithErrorLog(func(error) { g.lines.Add(1) }),
		thriftkit.WithDialects(dubbo.Dialect(), motan.Dialect(), rpcx.Dialect()),
		thriftkit.WithInterceptors(func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, call *rpc.Call) error {
				g.begun.Add(1)
				return next(ctx, call)
			}
		}),
	}
	if certs != "" {
		config, err := thriftkit.ServerTLS(certs+"/server.pem", certs+"/server.key", certs+"/ca.pem")
		if err != nil {
			return nil, err
		}
		opts = append(opts, thriftkit.WithTLS(config))
	}
	g.server = thriftkit.NewServer(opts...)
	if err := g.server.Register(svc, h); err != nil {
		return nil, err
	}
	g.admin.Watch(g.server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	pages, err := ops.ListenAdmin("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g.Addr, g.Admin = l.Addr().String(), pages.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	go g.server.Serve(l)
	go g.admin.Serve(pages)
	go guard.Watch(ctx, g.Policy, auth.LoadPolicy, func(err error) {
		if err != nil {
			g.mistakes.Add(1)
			return
		}
		g.policies.Add(1)
	})
	return g, nil
}

func (g *guarded) stats() GuardStats {
	return GuardStats{Begun: g.begun.Load(), Lines: g.lines.Load(), Policies: g.policies.Load(), Mistakes: g.mistakes.Load()}
}

func (g *guarded) close() {
	g.stop()
	g.server.Close()
	g.admin.Close()
	os.RemoveAll(g.dir)
}

// GuardStats asks the guarded server.
func (s *Server) GuardStats() (GuardStats, error) {
	var stats GuardStats
	err := s.ask("guard", askTime, &stats)
	return stats, err
}
