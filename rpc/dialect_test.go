package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// dialects are what a target may say behind its address, where all else is as ever.
var dialects = []string{
	"?protocol=binary", "?protocol=compact",
	"?transport=framed", "?transport=framed&protocol=compact",
	"?transport=header", "?transport=header&protocol=compact",
	"?transport=header&compression=zlib", "?transport=header&protocol=compact&compression=zlib",
	"?transport=framed-header", "?transport=framed-header&protocol=compact&compression=zlib",
	"?transport=header&compression=zlib-stream", "?transport=framed-header&compression=zlib-stream",
	"?transport=ttheader", "?transport=ttheader&protocol=compact", "?transport=ttheader&compression=zlib-stream",
	"?compression=zlib", "?compression=zlib&protocol=compact",
	"?compression=zlib&transport=framed",
	"?transport=http", "?transport=http&protocol=compact",
}

// hasMetadata reports whether a dialect has room for metadata.
func hasMetadata(dialect string) bool {
	return strings.Contains(dialect, "header") || strings.Contains(dialect, "http")
}

// TestTargets calls one server in every dialect.
func TestTargets(t *testing.T) {
	leaks(t)
	l := listen(t)
	h := newHandler()
	_, svc := serve(t, l, h, rpc.ServerOptions{})
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			c := bind(t, dial(t, l.Addr().String()+dialect, rpc.ClientOptions{}), svc)
			ctx := context.Background()
			if got, err := c.Ping(ctx); got != "pong" || err != nil {
				t.Fatalf("%q, %v", got, err)
			}
			long := strings.Repeat("long 长 ", 50_000)
			if got, err := c.Echo(ctx, long); got != long || err != nil {
				t.Errorf("a long text: %d bytes, %v", len(got), err)
			}
			if got, err := c.Get(ctx, 7); err != nil || got.Name != "user 7" || *got.Age != 7 {
				t.Errorf("%+v, %v", got, err)
			}
			var denied *Denied
			if err := c.Check(ctx, false); !errors.As(err, &denied) || denied.Why != "not ok" {
				t.Errorf("a declared exception: %v", err)
			}
			var e *rpc.Error
			if _, err := c.Get(ctx, 4); !errors.As(err, &e) || e.Code != rpc.CodeProtocol || !e.Remote {
				t.Errorf("an application exception: %v", err)
			}
			if err := c.Notify(ctx, dialect); err != nil {
				t.Error(err)
			}
			if got := <-h.notified; got != dialect {
				t.Errorf("oneway: %q", got)
			}
			short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			if err := c.Wait(short, 60_000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline: %v", err)
			}
			if got, err := c.Ping(ctx); got != "pong" || err != nil {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		})
	}
}

// carrierIDL is a service whose methods tell what came with a call.
const carrierIDL = `
service Carrier {
  map<string, string> metadata(1: map<string, string> reply),
  i32 deadline(),
  string relay(1: string target),
  string business(1: i32 code),
  string ping(),
}
`

func loadCarrier(t *testing.T) *schema.Service {
	t.Helper()
	f, diags := compile.Compile("carrier.thrift", compile.Options{Source: compile.Texts{"carrier.thrift": carrierIDL}})
	if f == nil {
		t.Fatal(diags)
	}
	return f.Service("Carrier")
}

type carrier struct{ svc *schema.Service }

func (carrier) Ping(context.Context) (string, error) { return "pong", nil }

func (carrier) Metadata(ctx context.Context, reply map[string]string) (map[string]string, error) {
	for k, v := range reply {
		if !rpc.SetReplyMetadata(ctx, k, v) {
			return map[string]string{"no": "room"}, nil
		}
	}
	return maps.Clone(rpc.Metadata(ctx)), nil
}

// Deadline returns how many milliseconds the call has.
func (carrier) Deadline(ctx context.Context) (int32, error) {
	d, ok := ctx.Deadline()
	if !ok {
		return -1, nil
	}
	return int32(time.Until(d).Milliseconds()), nil
}

// Relay returns the metadata that a call made with its context brings to target.
func (c carrier) Relay(ctx context.Context, target string) (string, error) {
	client, err := rpc.Dial(ctx, target, inMemory(rpc.ClientOptions{}))
	if err != nil {
		return "", err
	}
	defer client.Close()
	md, err := rpc.Invoke[map[string]string](ctx, client, c.svc.Method("metadata"))
	return fmt.Sprint(md), err
}

func (carrier) Business(ctx context.Context, code int32) (string, error) {
	return "", fmt.Errorf("wrapped: %w", &rpc.BusinessError{Code: code, Message: "没有钱", Extra: map[string]string{"account": "7"}})
}

func TestMetadata(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{ExposeErrors: true})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			target := l.Addr().String() + dialect
			c := dial(t, target, rpc.ClientOptions{})
			ctx := rpc.AddMetadata(context.Background(), map[string]string{"trace": "1", "empty": ""})
			ctx = rpc.AddMetadata(ctx, map[string]string{"trace": "2", "名": "值"})
			if strings.Contains(dialect, "http") {
				ctx = rpc.AddMetadata(context.Background(), map[string]string{"trace": "2", "empty": ""})
			}
			ctx = rpc.AddPersistentMetadata(ctx, map[string]string{"tenant": "a b"})
			var back map[string]string
			got, err := rpc.Invoke[map[string]string](rpc.ReceiveMetadata(ctx, &back), c, svc.Method("metadata"), map[string]string{"served-by": "me"})
			if err != nil {
				t.Fatal(err)
			}
			if !hasMetadata(dialect) {
				if fmt.Sprint(got, back) != "map[no:room] map[]" {
					t.Errorf("without room: %v, %v", got, back)
				}
				return
			}
			delete(got, "user-agent")
			want := map[string]string{"trace": "2", "empty": "", "tenant": "a b"}
			if !strings.Contains(dialect, "http") {
				want["名"] = "值"
			}
			if !maps.Equal(got, want) || back["served-by"] != "me" {
				t.Errorf("%v, back %v", got, back)
			}
			relayed, err := rpc.Invoke[string](ctx, c, svc.Method("relay"), target)
			if err != nil || !strings.Contains(relayed, "tenant:a b") || strings.Contains(relayed, "trace") {
				t.Errorf("only what is persistent goes further: %v, %v", relayed, err)
			}
			if ms, err := rpc.Invoke[int32](ctx, c, svc.Method("deadline")); ms != -1 || err != nil {
				t.Errorf("no deadline: %d, %v", ms, err)
			}
			bounded, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if ms, err := rpc.Invoke[int32](bounded, c, svc.Method("deadline")); ms < 30_000 || ms > 60_001 || err != nil {
				t.Errorf("a deadline of a minute: %d, %v", ms, err)
			}
		})
	}
}

func TestMetadataRefused(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	tests := []struct{ dialect, name, value, want string }{
		{"?transport=framed", "a", "b", "transport framed does not carry metadata"},
		{"?transport=buffered", "a", "b", "transport buffered does not carry metadata"},
		{"?transport=http", "a", "b\r\nc: d", `metadata "a": line break or NUL in the value`},
		{"?transport=http", "a b", "c", `metadata "a b": not a name of a header field`},
		{"?transport=http", "content-length", "3", `metadata "content-length": HTTP uses this header field itself`},
		{"?transport=header", "a", strings.Repeat("b", 300_000), "too large: a header of 300012 bytes and 1 names, at most 262140 and 4096 fit a frame"},
		{"?transport=ttheader", "a", strings.Repeat("b", 70_000), `too large: the name "RPC_TRANSIT_a" with a value of 70000 bytes, at most 65535 fit`},
	}
	for _, test := range tests {
		c := dial(t, l.Addr().String()+test.dialect, rpc.ClientOptions{RequireMetadata: true})
		ctx := rpc.AddMetadata(context.Background(), map[string]string{test.name: test.value})
		_, err := rpc.Invoke[string](ctx, c, svc.Method("ping"))
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeArgument || e.Message != test.want {
			t.Errorf("%s, %.20q: %v", test.dialect, test.name, err)
		}
		if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s: afterwards: %v", test.dialect, err)
		}
	}
}

// TestHintsAreNotRequired calls with metadata of thriftkit itself where there is no room for it: the call is made, unless the
// program has metadata of its own.
func TestHintsAreNotRequired(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, dialect := range []string{"?transport=framed", "?transport=buffered", "?transport=header"} {
		c := dial(t, l.Addr().String()+dialect, rpc.ClientOptions{RequireMetadata: true})
		hint := rpc.AddPersistentMetadata(context.Background(), map[string]string{"thriftkit-retry": "1"})
		if got, err := rpc.Invoke[string](hint, c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s, a hint: %q, %v", dialect, got, err)
		}
		_, err := rpc.Invoke[string](rpc.AddMetadata(hint, map[string]string{"a": "b"}), c, svc.Method("ping"))
		if carried := dialect == "?transport=header"; (err == nil) != carried {
			t.Errorf("%s, a hint and metadata: %v", dialect, err)
		}
	}
}

// TestTimeoutAndInterceptorWithMetadata makes calls of a client with a timeout and an interceptor, where metadata is looked at.
func TestTimeoutAndInterceptorWithMetadata(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	seen := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			if md := rpc.Metadata(ctx); md != nil {
				t.Errorf("metadata that never came: %v", md)
			}
			return next(ctx, call)
		}
	}
	for _, dialect := range []string{"?transport=framed", "?transport=header", "?transport=http"} {
		c := dial(t, l.Addr().String()+dialect, rpc.ClientOptions{RequireMetadata: true, Timeout: time.Minute, Interceptors: []rpc.Interceptor{seen}})
		if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s: %q, %v", dialect, got, err)
		}
	}
}

// TestReplyMetadataTooLarge has a handler send back more than fits: the call fails, the
// connection stays.
func TestReplyMetadataTooLarge(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, dialect := range []string{"?transport=header", "?transport=ttheader"} {
		c := dial(t, l.Addr().String()+dialect, rpc.ClientOptions{})
		_, err := rpc.Invoke[map[string]string](context.Background(), c, svc.Method("metadata"), map[string]string{"a": strings.Repeat("b", 300_000)})
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeInternal || !e.Remote {
			t.Errorf("%s: %v", dialect, err)
		}
		if got, err := rpc.Invoke[string](context.Background(), c, svc.Method("ping")); got != "pong" || err != nil {
			t.Errorf("%s: afterwards: %v", dialect, err)
		}
	}
}

func TestBusinessError(t *testing.T) {
	leaks(t)
	svc := loadCarrier(t)
	l := listen(t)
	s := rpc.NewServer(rpc.ServerOptions{})
	if err := s.Register(svc, carrier{svc}); err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	for _, dialect := range dialects {
		c := dial(t, l.Addr().String()+dialect, rpc.ClientOptions{})
		_, err := rpc.Invoke[string](context.Background(), c, svc.Method("business"), 42)
		var (
			business *rpc.BusinessError
			e        *rpc.Error
		)
		switch carried := strings.Contains(dialect, "header"); {
		case carried && (!errors.As(err, &business) || business.Code != 42 || business.Message != "没有钱" || business.Extra["account"] != "7"):
			t.Errorf("%s: %v", dialect, err)
		case !carried && (!errors.As(err, &e) || e.Code != rpc.CodeInternal || e.Message != "business error 42: 没有钱"):
			t.Errorf("%s: %v", dialect, err)
		}
	}
}

func TestSASL(t *testing.T) {
	leaks(t)
	verify := func(_ context.Context, user, password string) error {
		if user != "root" || password != "pwd" {
			return errors.New("no such user")
		}
		return nil
	}
	l := listen(t)
	user := make(chan string, 10)
	note := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			peer, _ := rpc.PeerOf(ctx)
			user <- peer.User
			return next(ctx, call)
		}
	}
	_, svc := serve(t, l, newHandler(), rpc.ServerOptions{SASLPlain: verify, RequireSASL: true, Interceptors: []rpc.Interceptor{note}})
	long := strings.Repeat("long ", 100_000)
	for _, dialect := range []string{"", "?protocol=compact", "?transport=framed", "?transport=header"} {
		c := bind(t, dial(t, l.Addr().String()+dialect, rpc.ClientOptions{SASLUser: "root", SASLPassword: "pwd"}), svc)
		if got, err := c.Ping(context.Background()); got != "pong" || err != nil || <-user != "root" {
			t.Errorf("%q: %q, %v", dialect, got, err)
		}
		if got, err := c.Echo(context.Background(), long); got != long || err != nil || <-user != "root" {
			t.Errorf("%q: a long text: %d bytes, %v", dialect, len(got), err)
		}
	}
	_, err := rpc.Dial(context.Background(), l.Addr().String(), inMemory(rpc.ClientOptions{SASLUser: "root", SASLPassword: "wrong"}))
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != rpc.CodeUnavailable || !strings.Contains(err.Error(), `SASL: the server refused: "authentication failed"`) {
		t.Errorf("a wrong password: %v", err)
	}
	for _, query := range []string{"", "?transport=framed", "?protocol=compact"} {
		plain := bind(t, dial(t, l.Addr().String()+query, rpc.ClientOptions{}), svc)
		want := `Parent.ping: unavailable: the server wants SASL (a user and a password): "log in by SASL first"`
		if _, err := plain.Ping(context.Background()); err == nil || err.Error() != want || rpc.OutcomeOf(err) != rpc.OutcomeRefused {
			t.Errorf("a client without SASL: %v", err)
		}
	}
	plain := bind(t, dial(t, l.Addr().String()+"?transport=header", rpc.ClientOptions{}), svc)
	if _, err := plain.Ping(context.Background()); err == nil {
		t.Error("a client without SASL was served")
	}
	for _, tt := range []struct {
		user string
		code rpc.Code
	}{{"root:pwd@", 0}, {"root:guess@", rpc.CodeUnauthenticated}, {"root@", rpc.CodeUnauthenticated}, {"", rpc.CodeUnauthenticated}} {
		_, err := bind(t, dial(t, "http://"+tt.user+l.Addr().String(), rpc.ClientOptions{}), svc).Ping(context.Background())
		var e *rpc.Error
		if (err == nil) != (tt.code == 0) || err != nil && (!errors.As(err, &e) || e.Code != tt.code || e.Outcome != rpc.OutcomeRefused) {
			t.Errorf("http://%s…: %v", tt.user, err)
		}
	}
	if _, err := rpc.Dial(context.Background(), l.Addr().String()+"?transport=http", inMemory(rpc.ClientOptions{SASLUser: "root"})); err == nil || !strings.Contains(err.Error(), "SASL does not work over HTTP") {
		t.Errorf("SASL over HTTP: %v", err)
	}
}

// TestAccepts lists what a server accepts.
func TestAccepts(t *testing.T) {
	for _, test := range []struct {
		opts rpc.ServerOptions
		want string
	}{
		{rpc.ServerOptions{}, "buffered framed header ttheader framed-header http udp binary compact json thriftpy2-json simple-json"},
		{rpc.ServerOptions{Accept: []string{"compact/framed", "http"}}, "compact/framed http"},
		{rpc.ServerOptions{Accept: []string{}}, ""},
	} {
		if got := strings.Join(rpc.NewServer(test.opts).Accepts(), " "); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestAccept(t *testing.T) {
	leaks(t)
	tests := []struct {
		accept   []string
		accepted []string
	}{
		{[]string{"framed"}, []string{"?transport=framed", "?transport=framed&protocol=compact", "?compression=zlib&transport=framed"}},
		{[]string{"compact/framed", "http"}, []string{"?transport=framed&protocol=compact", "?transport=http", "?transport=http&protocol=compact"}},
		{[]string{"binary/http"}, []string{"?transport=http"}},
		{[]string{"binary/header", "ttheader"}, []string{"?transport=header", "?transport=header&compression=zlib", "?transport=header&compression=zlib-stream", "?transport=ttheader", "?transport=ttheader&protocol=compact", "?transport=ttheader&compression=zlib-stream"}},
		{[]string{"framed-header"}, []string{"?transport=framed-header", "?transport=framed-header&protocol=compact&compression=zlib", "?transport=framed-header&compression=zlib-stream"}},
		{[]string{}, nil},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.accept, " "), func(t *testing.T) {
			l := listen(t)
			s, svc := serve(t, l, newHandler(), rpc.ServerOptions{Accept: test.accept})
			for _, dialect := range dialects {
				want := false
				for _, a := range test.accepted {
					want = want || a == dialect
				}
				c := bind(t, dial(t, l.Addr().String()+dialect, rpc.ClientOptions{}), svc)
				if _, err := c.Ping(context.Background()); (err == nil) != want {
					t.Errorf("%s: %v", dialect, err)
				}
			}
			if got, want := s.Stats().RefusedDialects, int64(len(dialects)-len(test.accepted)); got != want {
				t.Errorf("%d connections were refused, want %d", got, want)
			}
		})
	}
	s := rpc.NewServer(rpc.ServerOptions{Accept: []string{"binary/fast"}})
	if err := s.Serve(listen(t)); err == nil || !strings.Contains(err.Error(), `unknown dialect "binary/fast": there are the transports buffered, framed,`) {
		t.Errorf("an unknown dialect: %v", err)
	}
}

// TestServiceOfEnvelope has TTHeader name the service, where several have a method of the name.
func TestServiceOfEnvelope(t *testing.T) {
	leaks(t)
	file := load(t)
	other := file.Service("Other")
	s := rpc.NewServer(rpc.ServerOptions{})
	err := errors.Join(s.Register(file.Service("Test"), newHandler()),
		s.Register(other, rpc.DynamicHandler(func(context.Context, *schema.Method, *dynamic.Struct) (any, error) { return "other", nil })))
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	go s.Serve(l)
	defer s.Close()
	for dialect, want := range map[string]string{
		"?transport=ttheader": "other", "?transport=ttheader&service=Test": "pong", "?transport=ttheader&service=Gone": "pong",
		"?transport=header": "pong", "?transport=header&service=Other": "other",
	} {
		c := dial(t, l.Addr().String()+dialect, rpc.ClientOptions{})
		if got, err := rpc.Invoke[string](context.Background(), c, other.Method("ping")); got != want || err != nil {
			t.Errorf("%s: %q, %v", dialect, got, err)
		}
	}
}
