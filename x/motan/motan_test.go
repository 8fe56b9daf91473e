package motan_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/motan"
)

const shopIDL = `
enum Kind { NOVEL = 1, ATLAS = 2 }
struct Book { 1: string title, 2: optional i32 page_count, 3: Kind kind = Kind.NOVEL, 4: list<string> tags, 5: map<i32, double> prices, 6: binary cover }
exception NoBook { 1: string why }
service Base { string ping() }
service Shop extends Base {
  Book find_book(1: string title, 2: i64 edition) throws (1: NoBook no)
  Book store(1: Book book)
  i32 count(1: list<Book> books)
  void lose(1: Book book) throws (1: NoBook no)
  oneway void notify(1: string text)
  string echo(1: string text)
  i32 wait(1: i32 milliseconds)
}
`

type Kind int32

type Book struct {
	Title     string
	PageCount *int32
	Kind      Kind
	Tags      []string
	Prices    map[int32]float64
	Cover     []byte
}

type NoBook struct{ Why string }

func (e *NoBook) Error() string { return "no book: " + e.Why }

type shop struct{ notified chan string }

func (shop) Ping(context.Context) (string, error) { return "pong", nil }

func (shop) FindBook(_ context.Context, title string, edition int64) (*Book, error) {
	if title == "" {
		return nil, &NoBook{"没有书名"}
	}
	n := int32(edition)
	return &Book{Title: title, PageCount: &n, Kind: 2, Tags: []string{"a", "ü"}, Prices: map[int32]float64{-1: 0.5}, Cover: []byte{0, 0xff}}, nil
}
func (shop) Store(_ context.Context, b *Book) (*Book, error)       { return b, nil }
func (shop) Count(_ context.Context, books []*Book) (int32, error) { return int32(len(books)), nil }
func (shop) Lose(_ context.Context, b *Book) error {
	switch b.Title {
	case "business":
		return &rpc.BusinessError{Code: 42, Message: "没有钱", Extra: map[string]string{"account": "7"}}
	case "":
		return &NoBook{"lost"}
	}
	return errors.New("secret")
}
func (s shop) Notify(_ context.Context, text string) error { s.notified <- text; return nil }
func (shop) Echo(ctx context.Context, text string) (string, error) {
	for k, v := range rpc.Metadata(ctx) {
		rpc.SetReplyMetadata(ctx, "got-"+k, v)
	}
	return text, nil
}
func (shop) Wait(ctx context.Context, ms int32) (int32, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return ms, nil
	}
}

type shopClient struct {
	Ping     func(context.Context) (string, error)
	FindBook func(context.Context, string, int64) (*Book, error)
	Store    func(context.Context, *Book) (*Book, error)
	Count    func(context.Context, []*Book) (int32, error)
	Lose     func(context.Context, *Book) error
	Notify   func(context.Context, string) error
	Echo     func(context.Context, string) (string, error)
	Wait     func(context.Context, int32) (int32, error)
}

func serve(t testing.TB, o motan.Options, opts ...thriftkit.ServerOption) (addr string, h shop, svc *schema.Service) {
	t.Helper()
	file, err := thriftkit.Parse("shop.thrift", shopIDL)
	if err != nil {
		t.Fatal(err)
	}
	svc = file.MustService("Shop")
	h = shop{make(chan string, 10)}
	server := thriftkit.NewServer(append(opts, thriftkit.WithDialects(motan.New(o)))...)
	if err := server.Register(svc, h); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String(), h, svc
}

func dial(t testing.TB, target string, opts ...thriftkit.ClientOption) *thriftkit.Client {
	t.Helper()
	c, err := thriftkit.Dial(t.Context(), target, append(opts, thriftkit.WithDialects(motan.Dialect()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var targets = []string{"", "?protocol=simple", "?compression=gzip", "?protocol=hessian2", "?protocol=hessian2&compression=gzip"}

// TestCalls makes every kind of call, with bound types and dynamic values.
func TestCalls(t *testing.T) {
	addr, h, svc := serve(t, motan.Options{})
	for _, query := range targets {
		t.Run(query, func(t *testing.T) {
			conn := dial(t, "motan2://"+addr+query)
			var c shopClient
			if err := conn.Bind(svc, &c); err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if got, err := c.Ping(ctx); got != "pong" || err != nil {
				t.Fatal(got, err)
			}
			b, err := c.FindBook(ctx, "Emma 爱玛", 1<<20)
			if err != nil || b.Title != "Emma 爱玛" || *b.PageCount != 1<<20 || b.Kind != 2 || len(b.Tags) != 2 || b.Tags[1] != "ü" || b.Prices[-1] != 0.5 || string(b.Cover) != "\x00\xff" {
				t.Errorf("%+v, %v", b, err)
			}
			var no *NoBook
			if _, err := c.FindBook(ctx, "", 0); !errors.As(err, &no) || no.Why != "没有书名" {
				t.Errorf("a declared exception: %v", err)
			}
			if err := c.Lose(ctx, &Book{}); !errors.As(err, &no) || no.Why != "lost" {
				t.Errorf("a declared exception of a void method: %v", err)
			}
			var e *rpc.Error
			if err := c.Lose(ctx, &Book{Title: "x"}); !errors.As(err, &e) || e.Code != rpc.CodeInternal || !e.Remote || strings.Contains(e.Message, "secret") {
				t.Errorf("another error: %v", err)
			}
			var business *rpc.BusinessError
			if err := c.Lose(ctx, &Book{Title: "business"}); !errors.As(err, &business) || business.Code != 42 || business.Message != "没有钱" || business.Extra["account"] != "7" {
				t.Errorf("a business error: %v", err)
			}
			long := strings.Repeat("long 长 ", 100_000)
			if got, err := c.Store(ctx, &Book{Title: long}); err != nil || got.Title != long {
				t.Errorf("long: %v", err)
			}
			if n, err := c.Count(ctx, []*Book{{}, {}, {}}); n != 3 || err != nil {
				t.Error(n, err)
			}
			if err := c.Notify(ctx, query); err != nil {
				t.Error(err)
			}
			if got := <-h.notified; got != query {
				t.Errorf("oneway: %q", got)
			}
			var back map[string]string
			md := rpc.ReceiveMetadata(rpc.AddPersistentMetadata(rpc.AddMetadata(ctx, map[string]string{"trace": "七"}), map[string]string{"tenant": "a b"}), &back)
			if got, err := c.Echo(md, "x"); got != "x" || err != nil || back["got-trace"] != "七" || back["got-tenant"] != "a b" {
				t.Error(got, err, back)
			}
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if _, err := c.Wait(short, 60_000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline: %v", err)
			}
			v, err := rpc.Invoke[map[string]any](ctx, conn, svc.Method("find_book"), "dynamic", 7)
			if err != nil || v["title"] != "dynamic" || v["page_count"] != int32(7) {
				t.Errorf("dynamic: %#v, %v", v, err)
			}
		})
	}
}
