package motan_test

import (
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/muxconn/muxtest"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/motan"
)

var captureQueries = []string{"", "?compression=gzip", "?protocol=hessian2"}

// record makes calls of all kinds, and returns what went over their connection.
func record(t testing.TB, query string) ([]muxtest.Chunk, *schema.Service) {
	t.Helper()
	addr, h, svc := serve(t, motan.Options{}, thriftkit.WithErrorLog(nil))
	var r muxtest.Recorder
	conn := dial(t, "motan2://"+addr+query, thriftkit.WithDialer(r.Dial))
	var c shopClient
	if err := conn.Bind(svc, &c, &NoBook{}); err != nil {
		t.Fatal(err)
	}
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"who": "me"})
	c.Ping(ctx)
	c.FindBook(ctx, "Go", 7)
	c.FindBook(ctx, "", 7)
	c.Store(ctx, &Book{Title: "long " + strings.Repeat("书", 1000), Kind: 1})
	c.Count(ctx, []*Book{{Title: "a"}, {Title: "b"}})
	c.Lose(ctx, &Book{Title: "business"})
	c.Lose(ctx, &Book{})
	c.Lose(ctx, &Book{Title: "x"})
	c.Notify(ctx, "it")
	<-h.notified
	other, err := thriftkit.Parse("other.thrift", "service Shop { void gone() }")
	if err != nil {
		t.Fatal(err)
	}
	rpc.Invoke[struct{}](ctx, conn, other.MustService("Shop").Method("gone"))
	return r.Chunks(), svc
}

var captured = []string{
	`Shop.ping {} ok {"success":"pong"} who=me`,
	`Shop.findBook {"title":"Go","edition":7} ok {"success":{"title":"Go",…"page_count":7,…`,
	`Shop.findBook {"title":"","edition":7} exception {"no":{"why":"没有书名"}} who=me`,
	`Shop.store {"book":{"title":"long 书书… ok {"success":{"title":"long 书书…`,
	`Shop.count {"books":[{…"title":"a"…{…"title":"b"…}]} ok {"success":2} who=me`,
	`Shop.lose {"book":{"title":"business"…} error 42 business error: 没有钱 who=me`,
	`Shop.lose {"book":{…} exception {"no":{"why":"lost"}} who=me`,
	`Shop.lose {"book":{"title":"x"…} error 6 internal error: internal error who=me`,
	`Shop.notify {"text":"it"} oneway who=me`,
	`Shop.gone error 1 unknown method: `,
}

// TestCapture reads captured calls, however their bytes came.
func TestCapture(t *testing.T) {
	for _, query := range captureQueries {
		t.Run(query, func(t *testing.T) {
			chunks, svc := record(t, query)
			muxtest.Whole(t, motan.Capture(), svc, chunks, captured)
			muxtest.Messages(t, motan.Capture(), svc, chunks)
			muxtest.Broken(t, motan.Capture(), svc, chunks)
		})
	}
}

func FuzzCapture(f *testing.F) {
	var svc *schema.Service
	for _, query := range captureQueries {
		var chunks []muxtest.Chunk
		chunks, svc = record(f, query)
		f.Add(muxtest.Seed(chunks))
		f.Add(chunks[0].Data)
		f.Add(chunks[1].Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) { muxtest.Fuzz(t, motan.Capture(), svc, b) })
}
