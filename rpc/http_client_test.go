package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// TestHTTPClient calls a server that wants what those of the web want: a user, a query of its own, cookies.
func TestHTTPClient(t *testing.T) {
	leaks(t)
	seen := make(chan *http.Request, 1)
	refuse := false
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		seen <- r
		w.Header().Add("Set-Cookie", "session=7; Path=/")
		w.Header().Add("Set-Cookie", "lang=en, or de; Path=/")
		if refuse {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, strings.Repeat("who are you? ", 1000), http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/x-thrift")
		w.Write(message("ping", wire.Reply, 1, "0b0000 00000004 706f6e67 00"))
	}))
	defer hs.Close()
	svc := load(t).Service("Test")
	u, err := url.Parse(hs.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	ping := func(c *rpc.Client) (*http.Request, map[string]string, error) {
		var back map[string]string
		_, err := rpc.Invoke[string](rpc.ReceiveMetadata(t.Context(), &back), c, svc.Method("ping"))
		return <-seen, back, err
	}
	c := dial(t, "http://me:p%40%3Aw@"+u.Host+"/rpc?key2=a%26b&protocol=binary", rpc.ClientOptions{Cookies: jar})
	for i, want := range []string{"", "session=7; lang=\"en, or de\""} {
		r, back, err := ping(c)
		user, password, _ := r.BasicAuth()
		if err != nil || r.URL.String() != "/rpc?key2=a%26b" || user != "me" || password != "p@:w" || r.Header.Get("Cookie") != want {
			t.Errorf("call %d: %s, user %q, %q, cookies %q, %v", i, r.URL, user, password, r.Header.Get("Cookie"), err)
		}
		if got := back["set-cookie"]; got != "session=7; Path=/\nlang=en, or de; Path=/" {
			t.Errorf("the cookies as metadata: %q", got)
		}
	}
	own := rpc.AddMetadata(t.Context(), map[string]string{"authorization": "Bearer x"})
	if _, err := rpc.Invoke[string](own, c, svc.Method("ping")); err != nil {
		t.Error(err)
	}
	if r := <-seen; r.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("what the program says wins: %q", r.Header.Get("Authorization"))
	}
	plain := dial(t, hs.URL, rpc.ClientOptions{})
	for range 2 {
		if r, _, err := ping(plain); err != nil || len(r.Cookies()) > 0 || r.Header.Get("Authorization") != "" {
			t.Errorf("without options: %q, %v", r.Header, err)
		}
	}
	refuse = true
	_, _, err = ping(plain)
	var e *rpc.HTTPError
	if !errors.As(err, &e) || e.Status != 401 || e.Header.Get("WWW-Authenticate") != `Basic realm="test"` || len(e.Body) != 4096 || e.Error() != "status 401 Unauthorized" {
		t.Errorf("a refusal: %v", err)
	}
	if !strings.HasPrefix(err.Error(), `Parent.ping: unauthenticated: server answered 401 Unauthorized: "who are you?`) {
		t.Errorf("a refusal: %v", err)
	}
	for _, c := range []*rpc.Client{c, plain} {
		c.Close()
	}
}

// TestSetCookies has a handler set several cookies.
func TestSetCookies(t *testing.T) {
	leaks(t)
	l := listenTCP(t)
	cookies := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, call *rpc.Call) error {
			rpc.SetReplyMetadata(ctx, "set-cookie", "a=1\nb=2")
			return next(ctx, call)
		}
	}
	serve(t, l, newHandler(), rpc.ServerOptions{Interceptors: []rpc.Interceptor{cookies}})
	ping := message("ping", wire.Call, 5, "00")
	resp, _ := post(t, l.Addr().String(), fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(ping)), ping)
	if got := resp.Header.Values("Set-Cookie"); fmt.Sprint(got) != "[a=1 b=2]" {
		t.Errorf("%q", got)
	}
}
