package rpcx_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	rpcxclient "github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance/rpcx/internal/peer"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

func TestMain(m *testing.M) {
	log.SetDummyLogger()
	os.Exit(m.Run())
}

// What our side binds: Go types of our own for the same IDL.
type (
	Book struct {
		Title     string
		PageCount *int32
		Kind      int32
		Tags      []string
		Copies    map[string]int64
		Cover     []byte
		Lent      bool
		Price     float64
		Shelf     int8
		Row       int16
		ISBN      int64
		Chapters  []Chapter
	}
	Chapter struct {
		Heading string
		Page    int32
	}
	NoBook struct{ Why string }
)

func (e *NoBook) Error() string { return "no book: " + e.Why }

// shop is our handler.
type shop struct{ notified chan string }

func (shop) Store(_ context.Context, b *Book) (*Book, error)    { return b, nil }
func (shop) AddUp(_ context.Context, a, b int32) (int32, error) { return a + b, nil }
func (shop) Greet(_ context.Context, name string) (string, error) {
	if name == "" {
		return "", &NoBook{"没有名字"}
	}
	return "你好, " + name, nil
}
func (shop) FindBook(_ context.Context, title string) (*Book, error) {
	if title == "" {
		return nil, &NoBook{"没有书名"}
	}
	return &Book{Title: title}, nil
}
func (shop) Fail(_ context.Context, b *Book) error {
	return rpc.Errorf(rpc.CodeInternal, "failed: %s", b.Title)
}
func (shop) Wait(ctx context.Context, ms int32) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	}
}
func (s shop) Notify(_ context.Context, b *Book) error { s.notified <- b.Title; return nil }
func (shop) Metadata(ctx context.Context, name string) (string, error) {
	rpc.SetReplyMetadata(ctx, "served-by", "我")
	return rpc.Metadata(ctx)[name], nil
}

// serveOurs starts a server of thriftkit.
func serveOurs(t *testing.T, o rpcx.Options) (addr string, h shop) {
	t.Helper()
	h = shop{make(chan string, 10)}
	s := thriftkit.NewServer(thriftkit.WithDialects(rpcx.New(o)))
	if err := s.Register(thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop"), h); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), h
}

// received returns what came by a oneway call.
func received(t *testing.T, from chan string) string {
	t.Helper()
	select {
	case text := <-from:
		return text
	case <-time.After(30 * time.Second):
		t.Fatal("no oneway call has come")
		return ""
	}
}

// dialTheirs returns a client of rpcx.
func dialTheirs(t *testing.T, addr string, s protocol.SerializeType, change func(*rpcxclient.Option)) *rpcxclient.Client {
	t.Helper()
	o := rpcxclient.DefaultOption
	o.SerializeType = s
	if change != nil {
		change(&o)
	}
	c := rpcxclient.NewClient(o)
	if err := c.Connect("tcp", addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var serializations = map[string]protocol.SerializeType{"Thrift": protocol.Thrift, "msgpack": protocol.MsgPack, "JSON": protocol.JSON}

func fullBook(title string) *peer.Book {
	n := int32(-5)
	return &peer.Book{
		Title: title, PageCount: &n, Kind: peer.Kind_ATLAS, Tags: []string{"a", "长"}, Copies: map[string]int64{"x": 1 << 40, "ü": -1}, Cover: []byte{0, 0xff, 0xfe},
		Lent: true, Price: 0.1, Shelf: -128, Row: 32767, Isbn: -1 << 63, Chapters: []*peer.Chapter{{Heading: "一", Page: 1}, {Heading: "", Page: 0}},
	}
}

// TestTheirClient has rpcx's client call our server.
func TestTheirClient(t *testing.T) {
	addr, h := serveOurs(t, rpcx.Options{EnumNames: true}) // Apache's types have enums as text
	for name, s := range serializations {
		for _, zip := range []protocol.CompressType{protocol.None, protocol.Gzip} {
			t.Run(fmt.Sprintf("%s/%d", name, zip), func(t *testing.T) {
				c := dialTheirs(t, addr, s, func(o *rpcxclient.Option) { o.CompressType = zip })
				ctx := t.Context()
				for _, title := range []string{"Emma 爱玛", "", strings.Repeat("长 long ", 200_000)} {
					book, got := fullBook(title), &peer.Book{}
					if err := c.Call(ctx, "Shop", "Store", book, got); err != nil {
						t.Fatal(err)
					}
					if !got.Equals(book) {
						t.Errorf("%.300v\nwant\n%.300v", got, book)
					}
				}
				sum := &peer.ShopAddUpResult{}
				if err := c.Call(ctx, "Shop", "AddUp", &peer.ShopAddUpArgs{A: 7, B: -9}, sum); err != nil || sum.GetSuccess() != -2 {
					t.Errorf("%v, %v", sum, err)
				}
				greeting := &peer.ShopGreetResult{}
				if err := c.Call(ctx, "Shop", "Greet", &peer.ShopGreetArgs{Name: "Ann"}, greeting); err != nil || greeting.GetSuccess() != "你好, Ann" {
					t.Errorf("%v, %v", greeting, err)
				}
				greeting = &peer.ShopGreetResult{}
				if err := c.Call(ctx, "Shop", "Greet", &peer.ShopGreetArgs{}, greeting); err == nil || err.Error() != "NoBook: 没有名字" && !strings.Contains(err.Error(), "没有名字") ||
					greeting.No == nil || greeting.No.Why != "没有名字" {
					t.Errorf("a declared exception: %v, %v", greeting, err)
				}
				if err := c.Call(ctx, "Shop", "Fail", fullBook("x"), &peer.Chapter{}); err == nil || err.Error() != "failed: x" {
					t.Errorf("an error: %v", err)
				}
				if err := c.Call(ctx, "Shop", "Nope", fullBook("x"), &peer.Chapter{}); err == nil || !strings.Contains(err.Error(), `unknown method "Nope"`) {
					t.Errorf("an unknown method: %v", err)
				}
				if err := c.Call(ctx, "Shop", "Notify", fullBook(name), nil); err != nil {
					t.Error(err)
				}
				if got := received(t, h.notified); got != name {
					t.Errorf("oneway: %q", got)
				}
				back := make(map[string]string)
				md := context.WithValue(context.WithValue(ctx, share.ReqMetaDataKey, map[string]string{"trace": "七"}), share.ResMetaDataKey, back)
				if err := c.Call(md, "Shop", "Metadata", &peer.ShopMetadataArgs{Name: "trace"}, greeting); err != nil || greeting.GetSuccess() != "七" || back["served-by"] != "我" {
					t.Errorf("%v, %v, %v", greeting, err, back)
				}
				// The deadline of the caller, which rpcx sends as metadata.
				late := context.WithValue(ctx, share.ReqMetaDataKey, map[string]string{share.ServerTimeout: "30"})
				if err := c.Call(late, "Shop", "Wait", &peer.ShopWaitArgs{Milliseconds: 60_000}, &peer.Chapter{}); err == nil {
					t.Error("a call without an end has ended well")
				}
			})
		}
	}
}

// TestTheirClientAtOnce makes many calls over one connection, slow ones among them.
func TestTheirClientAtOnce(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{})
	c := dialTheirs(t, addr, protocol.Thrift, nil)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i%20 == 0 {
				if err := c.Call(t.Context(), "Shop", "Wait", &peer.ShopWaitArgs{Milliseconds: 50}, &peer.Chapter{}); err != nil {
					t.Error(err)
				}
				return
			}
			sum := &peer.ShopAddUpResult{}
			if err := c.Call(t.Context(), "Shop", "AddUp", &peer.ShopAddUpArgs{A: int32(i), B: 1}, sum); err != nil || sum.GetSuccess() != int32(i+1) {
				t.Error(sum, err)
			}
		})
	}
	wg.Wait()
}

// TestTheirClientProtobuf sends messages of protobuf, by the mapping of gRPC.
func TestTheirClientProtobuf(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{})
	c := dialTheirs(t, addr, protocol.ProtoBuffer, nil)
	got := &wrapperspb.StringValue{}
	if err := c.Call(t.Context(), "Shop", "Greet", wrapperspb.String("Ann"), got); err != nil || got.Value != "你好, Ann" {
		t.Errorf("%v, %v", got, err)
	}
	if err := c.Call(t.Context(), "Shop", "Greet", wrapperspb.String(""), got); err == nil || !strings.Contains(err.Error(), "没有名字") {
		t.Errorf("a declared exception: %v", err)
	}
}

// TestTheirClientRaw is told why raw bytes are refused.
func TestTheirClientRaw(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{})
	c := dialTheirs(t, addr, protocol.SerializeNone, nil)
	args, reply := []byte("x"), []byte(nil)
	if err := c.Call(t.Context(), "Shop", "Greet", &args, &reply); err == nil || !strings.Contains(err.Error(), "raw bytes, has no types") {
		t.Errorf("%v", err)
	}
}

// TestTheirClientAuth has a token checked.
func TestTheirClientAuth(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{Auth: func(_ context.Context, service, method, token string) error {
		if token != "bearer tGzv3JOkF0XG5Qx2TlKWIA" {
			return errors.New("invalid token")
		}
		return nil
	}})
	c := dialTheirs(t, addr, protocol.MsgPack, nil)
	sum := &peer.ShopAddUpResult{}
	with := context.WithValue(t.Context(), share.ReqMetaDataKey, map[string]string{share.AuthKey: "bearer tGzv3JOkF0XG5Qx2TlKWIA"})
	if err := c.Call(with, "Shop", "AddUp", &peer.ShopAddUpArgs{A: 1, B: 2}, sum); err != nil || sum.GetSuccess() != 3 {
		t.Errorf("%v, %v", sum, err)
	}
	if err := c.Call(t.Context(), "Shop", "AddUp", &peer.ShopAddUpArgs{A: 1, B: 2}, sum); err == nil || err.Error() != "invalid token" {
		t.Errorf("without a token: %v", err)
	}
}

// TestTheirClientHeartbeat keeps a connection by heartbeats, whose time comes back.
func TestTheirClientHeartbeat(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{})
	c := dialTheirs(t, addr, protocol.MsgPack, nil)
	sent, got := time.Now().UnixNano(), int64(0)
	if err := c.Call(t.Context(), "", "", &sent, &got); err != nil || got != sent {
		t.Errorf("%d, %v, want %d", got, err, sent)
	}
}

// TestTheirXClient finds us as rpcx's usual client does, with retries on several servers.
func TestTheirXClient(t *testing.T) {
	addr, _ := serveOurs(t, rpcx.Options{})
	d, err := rpcxclient.NewPeer2PeerDiscovery("tcp@"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	x := rpcxclient.NewXClient("Shop", rpcxclient.Failtry, rpcxclient.RandomSelect, d, rpcxclient.DefaultOption)
	defer x.Close()
	type sumArgs struct{ A, B int32 } // as a program has it that knows no IDL
	type sumReply struct{ Success int32 }
	got := &sumReply{}
	if err := x.Call(t.Context(), "AddUp", &sumArgs{20, 22}, got); err != nil || got.Success != 42 {
		t.Errorf("%v, %v", got, err)
	}
}

// theirShop is the service as a program of rpcx has it.
type theirShop struct{ notified chan string }

func (theirShop) Store(_ context.Context, b *peer.Book, reply *peer.Book) error {
	*reply = *b
	return nil
}
func (theirShop) AddUp(_ context.Context, args *peer.ShopAddUpArgs, reply *peer.ShopAddUpResult) error {
	sum := args.A + args.B
	reply.Success = &sum
	return nil
}
func (theirShop) Greet(_ context.Context, args *peer.ShopGreetArgs, reply *peer.ShopGreetResult) error {
	if args.Name == "" {
		reply.No = &peer.NoBook{Why: "没有名字"}
		return errors.New("没有名字")
	}
	text := "你好, " + args.Name
	reply.Success = &text
	return nil
}
func (theirShop) Fail(_ context.Context, b *peer.Book, _ *peer.Chapter) error {
	return errors.New("failed: " + b.Title)
}
func (s theirShop) Notify(_ context.Context, b *peer.Book, _ *peer.Chapter) error {
	s.notified <- b.Title
	return nil
}
func (theirShop) Wait(ctx context.Context, args *peer.ShopWaitArgs, _ *peer.Chapter) error {
	time.Sleep(time.Duration(args.Milliseconds) * time.Millisecond)
	return ctx.Err()
}
func (theirShop) Metadata(ctx context.Context, args *peer.ShopMetadataArgs, reply *peer.ShopMetadataResult) error {
	text := ctx.Value(share.ReqMetaDataKey).(map[string]string)[args.Name]
	reply.Success = &text
	ctx.Value(share.ResMetaDataKey).(map[string]string)["served-by"] = "我"
	return nil
}

type theirText struct{}

func (theirText) Greet(_ context.Context, in *wrapperspb.StringValue, out *wrapperspb.StringValue) error {
	out.Value = "你好, " + in.Value
	return nil
}

// serveTheirs starts a server of rpcx.
func serveTheirs(t *testing.T) (addr string, h theirShop, s *server.Server) {
	t.Helper()
	h = theirShop{make(chan string, 10)}
	s = server.NewServer()
	if err := errors.Join(s.RegisterName("Shop", h, ""), s.RegisterName("Text", theirText{}, "")); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.ServeListener("tcp", l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String(), h, s
}

type shopClient struct {
	Store    func(context.Context, *Book) (*Book, error)
	AddUp    func(context.Context, int32, int32) (int32, error)
	Greet    func(context.Context, string) (string, error)
	Fail     func(context.Context, *Book) error
	Wait     func(context.Context, int32) error
	Notify   func(context.Context, *Book) error
	Metadata func(context.Context, string) (string, error)
}

func dialOurs(t *testing.T, target string, o rpcx.Options) (*thriftkit.Client, shopClient) {
	t.Helper()
	conn, err := thriftkit.Dial(t.Context(), target, thriftkit.WithDialects(rpcx.New(o)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var c shopClient
	if err := conn.Bind(thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop"), &c); err != nil {
		t.Fatal(err)
	}
	return conn, c
}

// TestTheirServer has our client call rpcx's server.
func TestTheirServer(t *testing.T) {
	addr, h, _ := serveTheirs(t)
	for _, query := range []string{"", "?compression=gzip", "?protocol=msgpack", "?protocol=msgpack&compression=gzip", "?protocol=json"} {
		t.Run(query, func(t *testing.T) {
			conn, c := dialOurs(t, "rpcx://"+addr+query, rpcx.Options{EnumNames: true})
			ctx := t.Context()
			n := int32(-5)
			for _, title := range []string{"Emma 爱玛", "", strings.Repeat("长 long ", 200_000)} {
				book := &Book{
					Title: title, PageCount: &n, Kind: 2, Tags: []string{"a", "长"}, Copies: map[string]int64{"x": 1 << 40}, Cover: []byte{0, 0xff},
					Lent: true, Price: 0.1, Shelf: -128, Row: 32767, ISBN: -1 << 63, Chapters: []Chapter{{"一", 1}, {}},
				}
				got, err := c.Store(ctx, book)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprintf("%+v", *got.PageCount) != "-5" {
					t.Error(*got.PageCount)
				}
				got.PageCount = book.PageCount
				if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", book); a != b {
					t.Errorf("%.300s\nwant\n%.300s", a, b)
				}
			}
			if sum, err := c.AddUp(ctx, 7, -9); sum != -2 || err != nil {
				t.Error(sum, err)
			}
			if got, err := c.Greet(ctx, "Ann"); got != "你好, Ann" || err != nil {
				t.Error(got, err)
			}
			var no *rpc.Exception
			if _, err := c.Greet(ctx, ""); !errors.As(err, &no) || fmt.Sprint(no.Value) == "" {
				t.Errorf("a declared exception: %v", err)
			}
			var e *rpc.Error
			if err := c.Fail(ctx, &Book{Title: "x", Kind: 1}); !errors.As(err, &e) || e.Code != rpc.CodeUnknown || !e.Remote || e.Message != "failed: x" || e.Outcome != rpc.OutcomeExecuted {
				t.Errorf("an error: %#v", err)
			}
			if err := c.Notify(ctx, &Book{Title: query, Kind: 1}); err != nil {
				t.Error(err)
			}
			if got := received(t, h.notified); got != query {
				t.Errorf("oneway: %q", got)
			}
			var back map[string]string
			md := rpc.ReceiveMetadata(rpc.AddMetadata(ctx, map[string]string{"trace": "七"}), &back)
			if got, err := c.Metadata(md, "trace"); got != "七" || err != nil || back["served-by"] != "我" {
				t.Error(got, err, back)
			}
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if err := c.Wait(short, 500); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline: %v", err)
			}
			// A method that this server does not have.
			_, err := rpc.Invoke[*Book](ctx, conn, thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop").Method("find_book"), "x")
			if !errors.As(err, &e) || e.Code != rpc.CodeUnknownMethod || e.Outcome != rpc.OutcomeRefused {
				t.Errorf("an unknown method: %v", err)
			}
		})
	}
	t.Run("protobuf", func(t *testing.T) {
		_, c := dialOurs(t, "rpcx://"+addr+"?protocol=proto&service=Text", rpcx.Options{})
		if got, err := c.Greet(t.Context(), "Ann"); got != "你好, Ann" || err != nil {
			t.Error(got, err)
		}
	})
}

// TestTheirServerAuth sends a token.
func TestTheirServerAuth(t *testing.T) {
	addr, _, s := serveTheirs(t)
	s.AuthFunc = func(_ context.Context, _ *protocol.Message, token string) error {
		if token != "secret" {
			return errors.New("invalid token")
		}
		return nil
	}
	_, c := dialOurs(t, "rpcx://"+addr, rpcx.Options{})
	var e *rpc.Error
	if _, err := c.AddUp(t.Context(), 1, 2); !errors.As(err, &e) || e.Message != "invalid token" {
		t.Errorf("without a token: %v", err)
	}
	_, c = dialOurs(t, "rpcx://"+addr, rpcx.Options{}) // the server has closed the other connection
	with := rpc.AddMetadata(t.Context(), map[string]string{rpcx.AuthMetadata: "secret"})
	if sum, err := c.AddUp(with, 1, 2); sum != 3 || err != nil {
		t.Error(sum, err)
	}
}
