package thriftkit

import (
	"context"
	"crypto/tls"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/govern"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/reflection"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire/header"
)

// A ServerOption changes how a server behaves.
type ServerOption interface{ applyServer(*rpc.ServerOptions) }

// A ClientOption changes how a client behaves.
type ClientOption interface{ applyClient(*clientConfig) }

// A clientConfig is what options say about a client.
type clientConfig struct {
	rpc.ClientOptions
	fleet   govern.FleetOptions
	retry   govern.RetryOptions
	mode    govern.Mode
	hedge   *govern.HedgeOptions
	config  *govern.LiveConfig
	schemes map[string]discovery.Scheme
}

// An Option is both.
type Option interface {
	ServerOption
	ClientOption
}

// A LoadOption changes where Load finds files.
type LoadOption interface{ applyLoad(*loadConfig) }

type loadConfig struct {
	compile.Options
	warn func(*syntax.Diagnostic)
}

type serverOption func(*rpc.ServerOptions)

func (f serverOption) applyServer(o *rpc.ServerOptions) { f(o) }

type clientOption func(*clientConfig)

func (f clientOption) applyClient(c *clientConfig) { f(c) }

type bothOption struct {
	serverOption
	clientOption
}

type loadOption func(*loadConfig)

func (f loadOption) applyLoad(c *loadConfig) { f(c) }

// WithInterceptors wraps every call in interceptors, the first one outermost. Given more than
// once, the later ones are further in. The package comment of rpc draws the order.
func WithInterceptors(interceptors ...Interceptor) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.Interceptors = append(o.Interceptors, interceptors...) },
		func(o *clientConfig) { o.Interceptors = append(o.Interceptors, interceptors...) },
	}
}

// WithMaxMessageBytes sets the longest message that is accepted or sent; the default is 16 MiB. A
// longer one from the peer ends the connection; a longer one of this side is not sent, and the
// call fails.
func WithMaxMessageBytes(n int) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.MaxMessageBytes = n },
		func(o *clientConfig) { o.MaxMessageBytes = n },
	}
}

// WithMaxDepth sets how deep structs and containers may nest in messages of the binary and the compact protocol, sent and received;
// the default is 256, the most 65,536. A call that nests deeper is not sent, or answered with an exception.
func WithMaxDepth(n int) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.MaxDepth = n },
		func(o *clientConfig) { o.MaxDepth = n },
	}
}

// WithErrorLog hands f what has no caller on the server's side: panics of handlers with their
// stacks, errors that handlers did not declare, calls of methods that do not exist, connections
// that failed. Many goroutines may call f at once. Without this option they go to [slog.Default], as errors; with a nil f
// they are dropped.
func WithErrorLog(f func(error)) ServerOption {
	if f == nil {
		f = func(error) {}
	}
	return serverOption(func(o *rpc.ServerOptions) { o.ErrorLog = f })
}

// WithIdleTimeout sets how long a connection to a server may be idle between calls; the default
// is 10 minutes, a negative d means no limit.
func WithIdleTimeout(d time.Duration) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.IdleTimeout = d })
}

// WithMessageTimeout sets how long one message may take on the wire, in either direction,
// between its first byte and its last; the default is 1 minute, a negative d means no limit.
func WithMessageTimeout(d time.Duration) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.ReadTimeout, o.WriteTimeout = d, d })
}

// WithReflection has a server hand out the schema of its services, comments included, to whoever
// asks: [DialReflect] and the command line do, and fbthrift's tools by getThriftServiceMetadata.
// Interceptors see these calls, so that one which asks for a password asks here, too. Methods of
// registered services have precedence.
func WithReflection() ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.BuiltIn = append(o.BuiltIn, reflection.Services()...) })
}

// WithExposedErrors sends the text of undeclared errors to the caller. By default the caller learns only
// that there was an internal error, because such texts may contain internal details.
func WithExposedErrors() ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.ExposeErrors = true })
}

// WithTLS lets clients of a server speak TLS, on the same port as those that do not; [ServerTLS]
// makes such a configuration from files. For a client it is what the TLS of a tls:// or https://
// target starts from: certificates, authorities. TLS 1.2 is the oldest version accepted.
func WithTLS(config *tls.Config) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.TLS = config },
		func(o *clientConfig) { o.TLS = config },
	}
}

// WithTLSOnly makes a server refuse connections without TLS.
func WithTLSOnly() ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.RequireTLS = true })
}

// WithSASLPlain makes a client negotiate with SASL's mechanism PLAIN (RFC 4616), as servers of Hive
// and Impala want it. The password goes over the connection as it is: the target should be tls.
func WithSASLPlain(user, password string) ClientOption {
	return clientOption(func(o *clientConfig) { o.SASLUser, o.SASLPassword = user, password })
}

// WithSASLUsers lets clients of a server negotiate with SASL's mechanism PLAIN, or, over HTTP, log in by Basic authentication (RFC
// 7617) with each request: verify says by an error who is not let in. [PeerOf] tells handlers the user. Clients that do neither are
// served as before, unless required.
func WithSASLUsers(verify func(ctx context.Context, user, password string) error, required bool) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.SASLPlain, o.RequireSASL = verify, required })
}

// WithAccept restricts what a server accepts to the dialects named: transports (buffered, framed,
// header, framed-header, ttheader, http, udp), protocols (binary, compact, json, thriftpy2-json, simple-json), or
// both as in "compact/framed", and the names of [WithDialects]. The default accepts all. Connections that speak others are closed
// and counted by Stats; an unknown name makes Serve fail.
func WithAccept(names ...string) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.Accept = append(o.Accept, names...) })
}

// WithTransforms adds transforms for payloads of THeader; zlib is always available. A client
// applies the one that its target names, as in "?transport=header&compression=zstd".
func WithTransforms(transforms ...header.Transform) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.Transforms = append(o.Transforms, transforms...) },
		func(o *clientConfig) { o.Transforms = append(o.Transforms, transforms...) },
	}
}

// WithMetadataRequired makes calls fail with CodeArgument if their context has metadata that the
// target's transport cannot carry. By default such metadata is not sent, silently.
func WithMetadataRequired() ClientOption {
	return clientOption(func(o *clientConfig) { o.RequireMetadata = true })
}

// An EncodingOption changes what Marshal writes and Unmarshal reads.
type EncodingOption interface{ isEncodingOption() }

type protocolOption string

func (protocolOption) isEncodingOption() {}

// WithProtocol chooses the protocol: binary, which is the default, compact, json (Apache's),
// thriftpy2-json or simple-json.
func WithProtocol(name string) EncodingOption {
	return protocolOption(name)
}

// WithTimeout bounds each call as a whole, whatever its interceptors do, unless its context has an
// earlier deadline. The default is no bound.
func WithTimeout(d time.Duration) ClientOption {
	return clientOption(func(o *clientConfig) { o.Timeout = d })
}

// WithAttemptTimeout bounds each attempt of a call, where an interceptor makes several. The default is
// no bound besides that of the whole call.
func WithAttemptTimeout(d time.Duration) ClientOption {
	return clientOption(func(o *clientConfig) { o.AttemptTimeout = d })
}

// WithLazyDial makes [Dial] return without a connection: the first call makes one. For servers that
// may be down when the client is created.
func WithLazyDial() ClientOption {
	return clientOption(func(o *clientConfig) { o.Lazy = true })
}

// WithDialTimeout bounds the connecting; the default is 10 seconds, a negative d
// means no limit.
func WithDialTimeout(d time.Duration) ClientOption {
	return clientOption(func(o *clientConfig) { o.DialTimeout = d })
}

// WithStats reports connections and calls to a listener: what a client or a server does, and more than
// interceptors see. See [Stats]. Given several times, each listener learns of everything.
func WithStats(stats Stats) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.Stats = rpc.JoinStats(o.Stats, stats) },
		func(o *clientConfig) { o.Stats = rpc.JoinStats(o.Stats, stats) },
	}
}

// WithTracer hands the ids of traces on (W3C Trace Context) and records spans: of the calls of a server, of those of a client and of
// their attempts. See [ops.Tracer]. Interceptors see the context of the span.
func WithTracer(t *ops.Tracer) Option {
	return bothOption{
		func(o *rpc.ServerOptions) {
			o.Interceptors = append([]rpc.Interceptor{t.ServerInterceptor()}, o.Interceptors...)
			o.Stats = rpc.JoinStats(o.Stats, t.Stats())
		},
		func(o *clientConfig) {
			o.Interceptors = append([]rpc.Interceptor{t.ClientInterceptor()}, o.Interceptors...)
			o.AttemptInterceptors = append([]rpc.Interceptor{t.AttemptInterceptor()}, o.AttemptInterceptors...)
			o.Stats = rpc.JoinStats(o.Stats, t.Stats())
		},
	}
}

// WithDialects makes a server speak protocols other than Thrift, on the same port, and a client speak them with targets
// of their schemes, such as grpc://host:port.
func WithDialects(dialects ...Dialect) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.Dialects = append(o.Dialects, dialects...) },
		func(o *clientConfig) { o.Dialects = append(o.Dialects, dialects...) },
	}
}

// WithDialer has a client make its connections by f, such as by way of a proxy. f gets the target
// and what its TLS starts from, and must do all that the target says about TLS and compression, as
// [transport.Target.DialBy] does over a connection of any kind.
func WithDialer(f func(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error)) ClientOption {
	return clientOption(func(o *clientConfig) { o.Dialer = f })
}

// WithMaxConns sets how many connections there are at most. A client opens 128 at most by default:
// calls made at the same time share one where the server answers quickly or in any order, else they have one each, see
// [rpc.ClientOptions]; over HTTP/1.1 a connection carries one call at a time. A server accepts 20,000 by default, and
// closes further ones at once; a negative n means no limit there, and is an error of [Dial].
func WithMaxConns(n int) Option {
	return bothOption{
		func(o *rpc.ServerOptions) { o.MaxConns = n },
		func(o *clientConfig) { o.MaxConns = n },
	}
}

// WithMaxCalls sets how many handlers of a server run at once; the default is 10,000, a negative n means no
// limit. The calls above wait for the time queue, 0 meaning 1 second, and are then refused with [rpc.CodeOverloaded].
func WithMaxCalls(n int, queue time.Duration) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.MaxCalls, o.QueueTimeout = n, queue })
}

// WithGate makes a server ask gates, in their order, which calls may begin: see [rpc.Gate] and package govern/auth, which has one for
// permissions. It may be given several times.
func WithGate(gates ...rpc.Gate) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.Gates = append(o.Gates, gates...) })
}

// WithMaxBufferedBytes bounds the memory that all connections of a server together have for long messages that have not come whole; the
// default is 1 GiB, or a quarter of GOMEMLIMIT. See [rpc.ServerOptions].
func WithMaxBufferedBytes(n int) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.MaxBufferedBytes = n })
}

// WithProxyProtocol makes a server trust the proxies in these networks to say who the client is, by a header of the PROXY protocol,
// version 1 or 2: [rpc.PeerOf] then tells handlers the client. Sockets of unix are trusted, too. A header from elsewhere ends its
// connection.
func WithProxyProtocol(trusted ...netip.Prefix) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.ProxyProtocol = append(o.ProxyProtocol, trusted...) })
}

// WithHealthPath makes a server answer a GET or HEAD over HTTP at path, such as "/healthz", with status 200, and with 503 after
// Shutdown was called: for balancers and for probes of Kubernetes.
func WithHealthPath(path string) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.HealthPath = path })
}

// WithCookies makes a client keep the cookies that servers set over HTTP in jar, and send those that it has: a
// [net/http/cookiejar.Jar], for example. By default none are kept.
func WithCookies(jar http.CookieJar) ClientOption {
	return clientOption(func(o *clientConfig) { o.Cookies = jar })
}

// WithHandshakeTimeout sets how long a handshake of TLS, or a negotiation of SASL, with a client may take; the default is 10
// seconds, a negative d means no limit.
func WithHandshakeTimeout(d time.Duration) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.HandshakeTimeout = d })
}

// WithExclusiveConns gives each pending call a connection of its own, as most Thrift clients do; the
// calls above [WithMaxConns] wait. Without it calls share connections, which costs less.
func WithExclusiveConns() ClientOption {
	return clientOption(func(o *clientConfig) { o.Exclusive = true })
}

// WithConnLimits sets the maximum age of a client's connection, varied at random by ±10 %, and how long it may be idle; 0 means no
// limit. No call is lost by them. With a maximum age, calls reach servers that were added to a load balancer of connections. The
// idle time should be below that after which the server or a firewall on the way drops idle connections.
func WithConnLimits(age, idle time.Duration) ClientOption {
	return clientOption(func(o *clientConfig) { o.MaxConnAge, o.MaxConnIdle = age, idle })
}

// WithMaxCallsPerConn sets how many calls of one connection a server runs at once, when they are slow;
// the default is 1024, a negative n means no limit. A client that sends more is not read from until there are
// fewer.
func WithMaxCallsPerConn(n int) ServerOption {
	return serverOption(func(o *rpc.ServerOptions) { o.MaxCallsPerConn = n })
}

// WithResolver makes [Dial] read targets with the scheme of a registry, such as etcd in etcd://host:2379/Name. f returns what reports the
// instances; the modules for registries have one.
func WithResolver(scheme string, f discovery.Scheme) ClientOption {
	return clientOption(func(o *clientConfig) {
		if o.schemes == nil {
			o.schemes = make(map[string]discovery.Scheme)
		}
		o.schemes[scheme] = f
	})
}

// WithFleet says how a client of several instances balances calls and which instances it believes to be there. The keys of the target
// come first. It does not matter for a client of one server.
func WithFleet(opts govern.FleetOptions) ClientOption {
	return clientOption(func(o *clientConfig) { o.fleet = opts })
}

// WithRetry says how a client of several instances retries calls; by default up to 3 attempts, where that is safe, see
// [govern.Retry]. It does not matter for a client of one server, which retries no call: give that
// govern.Retry(opts) as an interceptor.
func WithRetry(opts govern.RetryOptions) ClientOption {
	return clientOption(func(o *clientConfig) { o.retry = opts })
}

// WithMode sets what a client of several instances does about calls that fail: [govern.Failover] by default.
func WithMode(mode govern.Mode) ClientOption {
	return clientOption(func(o *clientConfig) { o.mode = mode })
}

// WithHedging makes a client of several instances try another one when a call of an idempotent method takes longer than most do:
// see [govern.Hedge].
func WithHedging(opts govern.HedgeOptions) ClientOption {
	return clientOption(func(o *clientConfig) { o.hedge = &opts })
}

// WithConfig makes a client of several instances go by a configuration that may change while calls are made: time-outs, retries, hedging,
// breakers, balancers and routes by service and method. See [govern.OpenConfig]. It does not matter for a client of one server.
func WithConfig(config *govern.LiveConfig) ClientOption {
	return clientOption(func(o *clientConfig) { o.config = config })
}

// WithIncludeDirs adds directories in which included files are looked for, after the directory
// of the file that includes them.
func WithIncludeDirs(dirs ...string) LoadOption {
	return loadOption(func(c *loadConfig) { c.IncludeDirs = append(c.IncludeDirs, dirs...) })
}

// WithSyntax sets the variant of the language in which files are read, and which comments are documentation.
// By default the variant is detected for each file, and comments of all forms count.
func WithSyntax(o syntax.Options) LoadOption {
	return loadOption(func(c *loadConfig) { c.Syntax = o })
}

// WithFS reads files from fsys, such as an embed.FS, instead of the operating system.
func WithFS(fsys fs.FS) LoadOption {
	return loadOption(func(c *loadConfig) { c.Source = compile.FS(fsys) })
}

// WithTexts reads files from texts, path to text, instead of the operating system.
func WithTexts(texts map[string]string) LoadOption {
	return loadOption(func(c *loadConfig) { c.Source = compile.Texts(texts) })
}

// WithWarnings hands f the warnings about the files. The default drops them.
func WithWarnings(f func(*syntax.Diagnostic)) LoadOption {
	return loadOption(func(c *loadConfig) { c.warn = f })
}

// rootText lays the text of one file over the source of the others.
type rootText struct{ name, text string }

func (r rootText) applyLoad(c *loadConfig) {
	under := c.Source
	if under == nil {
		under = compile.OS{}
	}
	c.Source = overlay{filepath.ToSlash(filepath.Clean(r.name)), r.text, under}
}

type overlay struct {
	name, text string
	compile.Source
}

func (o overlay) ReadFile(path string) ([]byte, error) {
	if path == o.name {
		return []byte(o.text), nil
	}
	return o.Source.ReadFile(path)
}
