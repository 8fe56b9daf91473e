package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// The Go types of kitex.thrift.
type (
	seen struct {
		Metadata  map[string]string
		TimeoutMs int64
		Asleep    *int32
	}
	refusal struct {
		Code    int32
		Message string
		Extra   map[string]string
	}
	headersFuncs struct {
		See    func(ctx context.Context, back map[string]string) (*seen, error)
		Relay  func(ctx context.Context, address string) (*seen, error)
		Refuse func(ctx context.Context, f refusal) (*refusal, error)
		Sleep  func(ctx context.Context, ms int32) error
	}
)

// kitexService returns a service of kitex.thrift.
func kitexService(t *testing.T, name string) *schema.Service {
	t.Helper()
	file, err := thriftkit.Load("testdata/kitex.thrift", thriftkit.WithFS(testdata))
	if err != nil {
		t.Fatal(err)
	}
	return file.Service(name)
}

// bindHeaders connects to a server of Headers over TTHeader.
func bindHeaders(ctx context.Context, svc *schema.Service, address string) (*thriftkit.Client, *headersFuncs, error) {
	f := new(headersFuncs)
	client, err := thriftkit.Dial(ctx, address+"?transport=ttheader", thriftkit.WithTimeout(callTimeout))
	if err != nil {
		return nil, nil, err
	}
	return client, f, client.Bind(svc, f)
}

// headersHandler is our side of Headers.
type headersHandler struct{ svc *schema.Service }

func (headersHandler) See(ctx context.Context, back map[string]string) (*seen, error) {
	for k, v := range back {
		if !thriftkit.SetReplyMetadata(ctx, k, v) {
			return nil, errors.New("the reply has no room for metadata")
		}
	}
	s := &seen{Metadata: maps.Clone(thriftkit.Metadata(ctx))}
	if deadline, ok := ctx.Deadline(); ok {
		s.TimeoutMs = time.Until(deadline).Milliseconds()
	}
	return s, nil
}

func (h headersHandler) Relay(ctx context.Context, address string) (*seen, error) {
	client, f, err := bindHeaders(ctx, h.svc, address)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return f.See(ctx, nil)
}

func (headersHandler) Refuse(_ context.Context, f refusal) (*refusal, error) {
	return nil, &thriftkit.BusinessError{Code: f.Code, Message: f.Message, Extra: f.Extra}
}

func (headersHandler) Sleep(ctx context.Context, ms int32) error {
	return sleep(ctx, time.Duration(ms)*time.Millisecond)
}

// TestKitexServer calls what Kitex's server has beside the service Conformance.
func TestKitexServer(t *testing.T) {
	p := kitex()
	routes := p.serve(t, t.TempDir())
	for _, route := range []string{"headers/ttheader/tcp", "headers/ttheader/mux"} {
		t.Run(route, func(t *testing.T) {
			svc := kitexService(t, "Headers")
			client, f, err := bindHeaders(t.Context(), svc, routes[route])
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			checkHeaders(t, svc, f)
		})
	}
	for _, route := range []string{"generic/framed/tcp", "generic/ttheader/tcp"} {
		t.Run(route, func(t *testing.T) {
			transport := strings.Split(route, "/")[1]
			client, _ := dial(t, mustLoad(t), routes[route]+"?transport="+transport, thriftkit.WithTimeout(callTimeout))
			checkGeneric(t, dynamicCaller(kitexService(t, "Generic"), client))
		})
	}
}

// checkHeaders checks Kitex's side of Headers.
func checkHeaders(t *testing.T, svc *schema.Service, f *headersFuncs) {
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"transient": "t 水"})
	ctx = thriftkit.AddPersistentMetadata(ctx, map[string]string{"persistent": "p"})
	want := func(what string, got *seen, err error, md map[string]string) {
		t.Helper()
		if err != nil || !maps.Equal(got.Metadata, md) {
			t.Errorf("%s: the handler saw %+v, %v, want %v", what, got, err, md)
		}
	}
	got, err := f.See(ctx, nil)
	want("metadata", got, err, map[string]string{"transient": "t 水", "persistent": "p"})
	got, err = f.See(t.Context(), nil)
	want("no metadata", got, err, nil)
	got, err = f.Relay(ctx, serveGo(t, "tcp", svc, headersHandler{svc}))
	want("persistent metadata is passed on", got, err, map[string]string{"persistent": "p"})

	var reply map[string]string
	back := map[string]string{"number": "1", "text": "b 水"}
	if _, err := f.See(thriftkit.ReceiveMetadata(t.Context(), &reply), back); err != nil || !maps.Equal(reply, back) {
		t.Errorf("metadata of replies: got %v, %v, want %v", reply, err, back)
	}

	for _, d := range []time.Duration{100 * time.Second, 50 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		got, err := f.See(ctx, nil)
		cancel()
		if err != nil || got.TimeoutMs > d.Milliseconds() || got.TimeoutMs < (d-40*time.Second).Milliseconds() {
			t.Errorf("a timeout of %s: the handler saw %+v, %v", d, got, err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wantError(t, f.Sleep(short, 10000), rpc.CodeTimeout, "")

	for _, r := range []refusal{{404, "not found 水", nil}, {-1, "", map[string]string{"a": "b \"c\"", "": "水"}}} {
		var e *thriftkit.BusinessError
		if _, err := f.Refuse(t.Context(), r); !errors.As(err, &e) || !reflect.DeepEqual(*e, thriftkit.BusinessError(r)) {
			t.Errorf("business error: %#v, want %v", err, r)
		}
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			md := map[string]string{"number": fmt.Sprint(i)}
			got, err := f.See(thriftkit.AddMetadata(t.Context(), md), nil)
			want("50 calls at once", got, err, md)
		})
	}
	group.Wait()
}

// checkGeneric makes the checks of Conformance whose methods Generic has.
func checkGeneric(t *testing.T, call caller) {
	svc := kitexService(t, "Generic")
	made := 0
	for _, r := range preparedRows(mustLoad(t).Service("Conformance"), func(*schema.Field) bool { return true }) {
		if svc.Method(r.method) == nil || !strings.HasPrefix(r.method, "echo") || differsInGo(r.name) != "" {
			continue
		}
		made++
		if err := r.run(t.Context(), call); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	if made < 80 {
		t.Errorf("%d checks made", made)
	}
	_, err := call(t.Context(), "fail", "application")
	wantError(t, err, rpc.CodeProtocol, "")
}

// TestKitexServerStops has Kitex's server end while calls are under way: they are answered.
func TestKitexServerStops(t *testing.T) {
	server, routes := kitex().startServer(t, t.TempDir())
	svc := kitexService(t, "Headers")
	var group sync.WaitGroup
	defer group.Wait()
	var (
		asleep int32
		see    func(context.Context, map[string]string) (*seen, error)
	)
	for route, calls := range map[string]int32{"headers/ttheader/tcp": 1, "headers/ttheader/mux": 5} { // at once on a connection
		client, f, err := bindHeaders(t.Context(), svc, routes[route])
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := f.See(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for range calls {
			group.Go(func() {
				if err := f.Sleep(t.Context(), 3000); err != nil {
					t.Errorf("%s: %v", route, err)
				}
			})
		}
		asleep += calls
		see = f.See
	}
	wantSoon(t, func() bool {
		got, err := see(t.Context(), nil)
		return err == nil && *got.Asleep == asleep
	})
	server.stdin.Close()
	group.Wait()
}

// TestKitexClient has Kitex's client check what is no part of the matrix.
func TestKitexClient(t *testing.T) {
	p := kitex()
	args := p.command(p.setUp(t), "client")
	file := mustLoad(t)
	tcp, unix := serveAll(t, file, certificates(t), NewHandler(file))
	svc := kitexService(t, "Headers")
	headers := serveGo(t, "tcp", svc, headersHandler{svc})
	routes := map[string]string{
		"binary/ttheaderframed/tcp": tcp, "binary/ttheaderframed/unix": unix,
		"headers/ttheader/tcp": headers, "headers/ttheaderframed/tcp": headers, "headers/ttheader/mux": headers,
		"generic/framed/tcp": tcp, "generic/ttheader/tcp": tcp, "generic/buffered/unix": unix,
	}
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		args = append(args, route+"="+routes[route])
	}
	p.readResults(t, &matrix{}, start(t, args[0], args[1:]...))
}
