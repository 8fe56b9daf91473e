package dubbo_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/internal/muxconn/muxtest"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire/hessian2"
	"github.com/thriftkit/thriftkit/x/dubbo"
)

// record makes calls of all kinds, and returns what went over their connection.
func record(t testing.TB) []muxtest.Chunk {
	t.Helper()
	addr, h, _ := serve(t)
	var r muxtest.Recorder
	conn := dial(t, "dubbo://"+addr+"?group=g&version=1.2", thriftkit.WithDialer(r.Dial))
	c := bind(t, conn)
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"who": "me"})
	c.Ping(ctx)
	c.Add(ctx, 2, 3)
	c.Names(ctx, 2)
	c.Where(ctx, "here")
	c.Favourite(ctx, 2)
	c.Nothing(ctx)
	for _, name := range []string{"missing", "plain", "undeclared", "long " + strings.Repeat("书", 1000)} {
		c.Echo(ctx, &Everything{Name: name, Point: &Point{1, 2}, Path: []Point{{3, 4}, {5, 6}}})
	}
	c.Business(ctx, 42)
	c.Log(ctx, "it")
	<-h.logged
	other, err := thriftkit.Parse("other.thrift", "namespace java com.acme.shop service Shop { void gone() }")
	if err != nil {
		t.Fatal(err)
	}
	rpc.Invoke[struct{}](ctx, conn, other.MustService("Shop").Method("gone"))
	chunks := r.Chunks()

	// A heartbeat, and generic calls.
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send := func(flags byte, id uint64, values ...any) {
		e := hessian2.NewEncoder(make([]byte, 16))
		for _, v := range values {
			if err := e.Any(v); err != nil {
				t.Fatal(err)
			}
		}
		msg := e.Bytes()
		msg[0], msg[1], msg[2] = 0xda, 0xbb, flags
		binary.BigEndian.PutUint64(msg[4:], id)
		binary.BigEndian.PutUint32(msg[12:], uint32(len(msg)-16))
		if _, err := nc.Write(msg); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 16)
		if _, err := io.ReadFull(nc, reply); err != nil {
			t.Fatal(err)
		}
		reply = append(reply, make([]byte, binary.BigEndian.Uint32(reply[12:]))...)
		if _, err := io.ReadFull(nc, reply[16:]); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, muxtest.Chunk{From: capture.ClientSide, Data: msg}, muxtest.Chunk{From: capture.ServerSide, Data: reply})
	}
	send(0xe2, 1000, nil)
	generic := func(id uint64, method string, args ...any) {
		send(0xc2, id, "2.0.2", "com.acme.shop.Shop", "", "$invoke", "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;",
			method, []string{}, args, map[string]string{"generic": "true"})
	}
	generic(1001, "add", int32(4), int64(5))
	generic(1002, "echo", map[string]any{"name": "missing"})
	send(0xc2, 1003, "2.0.2", "com.acme.shop.Shop", "", "$echo", "Ljava/lang/Object;", "x", map[string]string{})
	return chunks
}

var captured = []string{
	`Shop.ping {} ok {"success":"pong"} who=me`,
	`Shop.add {"a":2,"b":3} ok {"success":5} who=me`,
	`Shop.names {"count":2} ok {"success":["n0","n1"]} who=me`,
	`Shop.where {"who":"here"} ok {"success":{"here":{"x":1,"y":2}}} who=me`,
	`Shop.favourite {"color":"GREEN"} ok {"success":"GREEN"} who=me`,
	`Shop.nothing {} ok {} who=me`,
	`Shop.echo {"value":{…} exception {"missing":{"key":"missing","code":7}} who=me`,
	`Shop.echo {"value":{…} exception {"plain":{"why":"100% é"}} who=me`,
	`Shop.echo {"value":{…} error 6 internal error: internal error`,
	`Shop.echo {"value":{…bytes ok {"success":{…bytes who=me`,
	`Shop.business {"code":42} error 42 business error: 没有钱 who=me`,
	`Shop.log {"line":"it"} oneway who=me`,
	`Shop.gone error 60 service not found: `,
	`Shop.add {"a":4,"b":5} ok {"success":9}`,
	`Shop.echo {"value":{"name":"missing"…} error 20 org.apache.dubbo.rpc.service.GenericException: `,
	`Shop.$echo ok`,
}

// TestCapture reads captured calls, however their bytes came.
func TestCapture(t *testing.T) {
	chunks := record(t)
	muxtest.Whole(t, dubbo.Capture(), loadShop().Service("Shop"), chunks, captured)
	muxtest.Messages(t, dubbo.Capture(), loadShop().Service("Shop"), chunks)
	muxtest.Broken(t, dubbo.Capture(), loadShop().Service("Shop"), chunks)
}

// TestCaptureMetadata has the attachments, without what names the call.
func TestCaptureMetadata(t *testing.T) {
	var first *capture.Call
	d := dubbo.Capture().NewDecoder(func(c *capture.Call) {
		if first == nil {
			first = c
		}
	})
	for _, c := range record(t) {
		d.Data(c.From, c.Data, time.Unix(1000, 0))
	}
	m := first.Request
	if m.Target != "com.acme.shop.Shop" || m.Metadata["group"] != "g" || m.Metadata["version"] != "1.2" || m.Metadata["who"] != "me" || m.Metadata["path"] != "" {
		t.Errorf("%q, %q", m.Target, m.Metadata)
	}
}

func FuzzCapture(f *testing.F) {
	chunks := record(f)
	f.Add(muxtest.Seed(chunks))
	f.Add(chunks[0].Data)
	f.Add(chunks[1].Data)
	f.Fuzz(func(t *testing.T, b []byte) { muxtest.Fuzz(t, dubbo.Capture(), loadShop().Service("Shop"), b) })
}
