package howto

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/certtest"
	"github.com/thriftkit/thriftkit/thrifttest"
)

// TestPage compares the code of docs/howto.md with that of this folder.
func TestPage(t *testing.T) {
	var code strings.Builder
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	block := regexp.MustCompile("(?ms)^```(go|thrift)\n(.*?)^```$")
	var english []string
	for i, page := range []string{"../../docs/howto.md", "../../docs/howto.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var blocks []string
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			blocks = append(blocks, b[2])
			for part := range strings.SplitSeq(b[2], "\n// …\n") {
				if !strings.Contains(code.String(), strings.Trim(part, "\n")) {
					t.Errorf("%s has code that is not in examples/howto:\n%s", page, part)
				}
			}
		}
		if i == 0 {
			english = blocks
		}
		if len(blocks) < 8 || strings.Join(blocks, "") != strings.Join(english, "") {
			t.Errorf("%s has %d blocks, and %d in English, or they differ", page, len(blocks), len(english))
		}
	}
}

func TestOrder(t *testing.T) {
	server := thrifttest.NewServer(t, shopService, &Shop{})
	var c ShopClient
	if err := server.Client().Bind(shopService, &c); err != nil {
		t.Fatal(err)
	}
	if id, err := c.Order(t.Context(), Order{ID: "a", Items: []string{"lamp"}}); id != "a" || err != nil {
		t.Errorf("order: %q, %v", id, err)
	}
	var soldOut *SoldOut
	if _, err := c.Order(t.Context(), Order{ID: "b", Items: []string{"moon"}}); !errors.As(err, &soldOut) || soldOut.Item != "moon" {
		t.Errorf("order: %v", err)
	}
	if n, err := c.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("count: %d, %v", n, err)
	}
}

// slowShop needs an hour for each order.
type slowShop struct{ Shop }

func (s *slowShop) Order(ctx context.Context, o Order) (string, error) {
	select {
	case <-time.After(time.Hour):
		return s.Shop.Order(ctx, o)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock goes on when everybody waits: this takes no time
		server := thrifttest.NewServer(t, shopService, &slowShop{})
		var c ShopClient
		if err := server.Client(thriftkit.WithTimeout(time.Minute)).Bind(shopService, &c); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := c.Order(t.Context(), Order{ID: "a"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestRun has a call under way when the server is told to end.
func TestRun(t *testing.T) {
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, l) }()
	conn, err := DialShop(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var c ShopClient
	if err := conn.Bind(shopService, &c); err != nil {
		t.Fatal(err)
	}
	if err := Place(t.Context(), c, Order{ID: "a"}); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := Place(t.Context(), c, Order{ID: "b"}); err == nil || !strings.HasPrefix(err.Error(), "nothing was ordered: ") {
		t.Errorf("without a server: %v", err)
	}
}

// TestPlace has an order fail in each of the ways that matter.
func TestPlace(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{&SoldOut{"moon"}, "leave moon out: "},
		{&thriftkit.Error{Code: thriftkit.CodeConnectionLost}, "look whether there is an order a before you order again: "},
		{&thriftkit.Error{Code: thriftkit.CodeOverloaded, Outcome: thriftkit.OutcomeRefused}, "nothing was ordered: "},
	} {
		c := ShopClient{Order: func(context.Context, Order) (string, error) { return "", test.err }}
		err := Place(t.Context(), c, Order{ID: "a"})
		if (err == nil) != (test.err == nil) || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("after %v: %v", test.err, err)
		}
	}
}

// noisyShop logs, and cannot count.
type noisyShop struct{ Shop }

func (*noisyShop) Count(ctx context.Context) (int32, error) {
	LoggerOf(ctx).Info("hello")
	return 0, errors.New("no stock")
}

func TestLog(t *testing.T) {
	var text lockedBuffer
	logger := slog.New(slog.NewTextHandler(&text, nil))
	server := NewLoggedServer(logger)
	if err := server.Register(shopService, &noisyShop{}); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	client, err := thriftkit.Dial(t.Context(), l.Addr().String()+"?transport=header")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := thriftkit.AddMetadata(t.Context(), map[string]string{"tenant": "acme"})
	if _, err := thriftkit.Invoke[int32](ctx, client, shopService.Method("count")); err == nil {
		t.Error("the call succeeds")
	}
	server.Close()
	<-ended
	for _, want := range []string{`msg=hello tenant=acme method=count`, `no stock`} {
		for deadline := time.Now().Add(time.Minute); !strings.Contains(text.String(), want); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the log has no %q:\n%s", want, text.String())
			}
		}
	}
}

// A lockedBuffer may be written while it is read.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestTLS has the certificate of the server replaced while it runs.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := certtest.Write(t, dir, "ca", "ca", nil, nil)
	certtest.Write(t, dir, "server", "server one", ca, caKey)
	certtest.Write(t, dir, "client", "ann", ca, caKey)
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- RunTLS(ctx, l, dir, &Certified{Name: "ann"}) }()
	defer func() {
		stop()
		<-ended
	}()
	order := func() error {
		conn, err := DialTLS(t.Context(), l.Addr().String(), dir)
		if err != nil {
			return err
		}
		defer conn.Close()
		var c ShopClient
		if err := conn.Bind(shopService, &c); err != nil {
			return err
		}
		_, err = c.Order(t.Context(), Order{ID: "a"})
		return err
	}
	if err := order(); err != nil {
		t.Fatal(err)
	}
	certtest.Write(t, dir, "client", "bob", ca, caKey)
	var e *thriftkit.Error
	if err := order(); !errors.As(err, &e) || e.Code != thriftkit.CodePermissionDenied || e.Message != "bob may not order" {
		t.Errorf("another client: %v", err)
	}
	// Another authority for server and clients: connections made from now on are of that.
	ca, caKey = certtest.Write(t, dir, "ca", "other ca", nil, nil)
	certtest.Write(t, dir, "server", "server two", ca, caKey)
	certtest.Write(t, dir, "client", "ann", ca, caKey)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := order()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
