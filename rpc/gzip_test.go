package rpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/wire"
)

// TestGzipServer sends bodies over HTTP with and without gzip.
func TestGzipServer(t *testing.T) {
	leaks(t)
	const limit = 10_000
	l := listenTCP(t)
	serve(t, l, newHandler(), rpc.ServerOptions{MaxMessageBytes: limit})
	echo := func(n int) []byte {
		return message("echo", wire.Call, 5, fmt.Sprintf("0b0001 %08x %s 00", n, strings.Repeat("61", n)))
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	for _, test := range []struct {
		what             string
		body             []byte
		encoding, accept string
		status           int
		answer           string // "": a reply; else how the text begins
		compressed       bool   // the answer is
	}{
		{"plain", echo(2000), "", "", 200, "", false},
		{"identity", echo(2000), "identity", "identity", 200, "", false},
		{"a request", msgio.Gzip(echo(2000)), "gzip", "", 200, "", false},
		{"both", msgio.Gzip(echo(2000)), "gzip", "gzip", 200, "", true},
		{"a reply, as browsers ask", echo(2000), "", "br, gzip;q=0.8, *;q=0.1", 200, "", true},
		{"a reply that may be anything", echo(2000), "", "*", 200, "", true},
		{"a reply, but not by gzip", echo(2000), "", "gzip;q=0, *", 200, "", false},
		{"a short reply", echo(2), "", "gzip", 200, "", false},
		{"a bomb", msgio.Gzip(make([]byte, 100_000)), "gzip", "", 413, "too large: message exceeds the limit of 10000 bytes", false},
		{"not compressed at all", echo(2000), "gzip", "", 400, "the body cannot be read", false},
		{"cut", msgio.Gzip(echo(2000))[:40], "gzip", "", 400, "the body cannot be read", false},
		{"another encoding", echo(2000), "br", "", 415, `unknown Content-Encoding "br": there is gzip`, false},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String(), bytes.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Content-Encoding": test.encoding, "Accept-Encoding": test.accept, "Content-Type": "application/x-thrift"} {
			if value != "" {
				req.Header.Set(name, value)
			}
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		body := io.Reader(resp.Body)
		if compressed := resp.Header.Get("Content-Encoding") == "gzip"; compressed != test.compressed {
			t.Errorf("%s: compressed: %v", test.what, compressed)
		} else if compressed {
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status || test.answer != "" && !strings.HasPrefix(string(got), test.answer) {
			t.Errorf("%s: %s, %q, %v", test.what, resp.Status, got, err)
		}
		if n := bytes.Count(got, []byte("a")); test.answer == "" && n < 2 {
			t.Errorf("%s: %q", test.what, got)
		}
	}
}

// TestGzipClient calls over HTTP with compression, and a server that compresses without being asked.
func TestGzipClient(t *testing.T) {
	leaks(t)
	const limit = 10_000
	long := strings.Repeat("long ", 1000)
	type seen struct{ request, accept, reply string }
	calls := make(chan seen, 1)
	s := rpc.NewServer(rpc.ServerOptions{})
	svc := load(t).Service("Test")
	if err := s.Register(svc, newHandler()); err != nil {
		t.Fatal(err)
	}
	var bomb bool
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bomb {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(msgio.Gzip(message("echo", wire.Reply, 5, fmt.Sprintf("0b0000 %08x %s 00", 100_000, strings.Repeat("00", 100_000)))))
			return
		}
		s.HTTPHandler().ServeHTTP(w, r)
		calls <- seen{r.Header.Get("Content-Encoding"), r.Header.Get("Accept-Encoding"), w.Header().Get("Content-Encoding")}
	}))
	defer hs.Close()
	for _, test := range []struct {
		query, text string
		want        seen
	}{
		{"", long, seen{}},
		{"?compression=gzip", long, seen{"gzip", "gzip", "gzip"}},
		{"?compression=gzip&protocol=compact", long, seen{"gzip", "gzip", "gzip"}},
		{"?compression=gzip", "short", seen{"", "gzip", ""}},
	} {
		c := dial(t, hs.URL+"/"+test.query, rpc.ClientOptions{MaxMessageBytes: limit})
		got, err := rpc.Invoke[string](t.Context(), c, svc.Method("echo"), test.text)
		if last := <-calls; got != test.text || err != nil || last != test.want {
			t.Errorf("%s: %d bytes, %v, %+v", test.query, len(got), err, last)
		}
		c.Close()
	}
	bomb = true
	c := dial(t, hs.URL, rpc.ClientOptions{MaxMessageBytes: limit})
	_, err := rpc.Invoke[string](t.Context(), c, svc.Method("echo"), "x")
	if want := "Test.echo: protocol error: the reply is too large: message exceeds the limit of 10000 bytes (MaxMessageBytes)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	c.Close()
	if _, err := rpc.Dial(context.Background(), hs.URL+"?compression=zlib", rpc.ClientOptions{}); err == nil {
		t.Error("zlib over HTTP")
	}
}
