package rpcx_test

import (
	"context"
	"testing"
	"time"

	rpcxclient "github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance/rpcx/internal/peer"
	"github.com/thriftkit/thriftkit/internal/muxconn/muxtest"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// TestCapture finds all calls between rpcx's client and its server, neither of which knows of us.
func TestCapture(t *testing.T) {
	addr, h, _ := serveTheirs(t)
	svc := thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop")
	for name, s := range serializations {
		for _, compression := range []protocol.CompressType{protocol.None, protocol.Gzip} {
			t.Run(name+map[bool]string{true: ", gzip"}[compression == protocol.Gzip], func(t *testing.T) {
				var r muxtest.Recorder
				c := dialTheirs(t, r.Serve(t, addr), s, func(o *rpcxclient.Option) {
					o.CompressType = compression
					o.Heartbeat, o.HeartbeatInterval = true, 20*time.Millisecond
				})
				ctx := context.Background()
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				must(c.Call(ctx, "Shop", "Store", fullBook("长"), new(peer.Book)))
				must(c.Call(ctx, "Shop", "AddUp", &peer.ShopAddUpArgs{A: 2, B: 3}, new(peer.ShopAddUpResult)))
				time.Sleep(60 * time.Millisecond) // for heartbeats
				if c.Call(ctx, "Shop", "Fail", fullBook("x"), new(peer.Chapter)) == nil || c.Call(ctx, "Shop", "Nope", fullBook("x"), new(peer.Chapter)) == nil {
					t.Error("no error")
				}
				must(c.Call(ctx, "Shop", "Notify", fullBook("note"), nil))
				received(t, h.notified)
				muxtest.Whole(t, rpcx.Capture(), svc, r.Chunks(), []string{
					`Shop.Store {"book":{"title":"长",…} ok {"success":{"title":"长",…`,
					`Shop.AddUp {"a":2,"b":3} ok {"success":5}`,
					`Shop.Fail {…} error … unknown…: …`,
					`Shop.Nope error 1 unknown method: rpcx: can't find method Nope`,
					`Shop.Notify {"book":{"title":"note",…} oneway`,
				})
			})
		}
	}
	t.Run("protobuf", func(t *testing.T) {
		var r muxtest.Recorder
		c := dialTheirs(t, r.Serve(t, addr), protocol.ProtoBuffer, nil)
		if err := c.Call(context.Background(), "Text", "Greet", wrapperspb.String("Ann"), new(wrapperspb.StringValue)); err != nil {
			t.Fatal(err)
		}
		muxtest.Whole(t, rpcx.Capture(), svc, r.Chunks(), []string{`Text.Greet {"name":"Ann"} ok {"success":"…`})
	})
}
