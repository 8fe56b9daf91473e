package ops_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// TestHealth takes a program through its life.
func TestHealth(t *testing.T) {
	h := ops.NewHealth()
	var database error
	h.Check("database", func(context.Context) error { return database })
	s := rpc.NewServer(rpc.ServerOptions{BuiltIn: h.Services()})
	if err := s.Register(shop(t), shopHandler{}); err != nil {
		t.Fatal(err)
	}
	client := rpc.NewClient(s.Handle, rpc.ClientOptions{})
	ask := func(file, service, method string, arg any) string {
		t.Helper()
		f, diags := compile.Compile(file, compile.Options{})
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		m := f.Service(service).Method(method)
		args := dynamic.New(m.Args)
		if arg != nil {
			args.Set("service", arg)
		}
		v, err := client.Invoke(t.Context(), m, args)
		if err != nil {
			t.Fatal(err)
		}
		text, err := dynamic.AppendJSON(nil, m.Result, v, dynamic.JSONOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	get := func(handler http.Handler, url string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		return w.Code, w.Body.String()
	}
	for _, test := range []struct {
		about      string
		change     func()
		code       int
		ready      string
		verbose    string
		status     string
		statusShop string
		fb303      string
	}{
		{"in the beginning", func() {}, 503, "[-] server: starting\n", "[-] server: starting\n[+] database\n",
			`{"status":"NOT_SERVING","reasons":["server: starting"]}`, `{"status":"NOT_SERVING","reasons":["server: starting"]}`, `"STARTING"`},
		{"not started is not stopping", func() { h.SetReady(false) }, 503, "[-] server: starting\n", "[-] server: starting\n[+] database\n",
			`{"status":"NOT_SERVING","reasons":["server: starting"]}`, `{"status":"NOT_SERVING","reasons":["server: starting"]}`, `"STARTING"`},
		{"ready", func() { h.SetReady(true) }, 200, "ok\n", "[+] server\n[+] database\n",
			`{"status":"SERVING","reasons":[]}`, `{"status":"SERVING","reasons":[]}`, `"ALIVE"`},
		{"a service", func() { h.SetService("Shop", errors.New("closed on Sundays")) }, 200, "ok\n", "[+] server\n[+] database\n",
			`{"status":"SERVING","reasons":[]}`, `{"status":"NOT_SERVING","reasons":["closed on Sundays"]}`, `"ALIVE"`},
		{"a check", func() { database = errors.New("no route\x1b[31m") }, 503, "[-] database: no route\ufffd[31m\n", "[+] server\n[-] database: no route\ufffd[31m\n",
			`{"status":"NOT_SERVING","reasons":["database: no route\u001b[31m"]}`, `{"status":"NOT_SERVING","reasons":["database: no route\u001b[31m","closed on Sundays"]}`, `"WARNING"`},
		{"stopping", func() { database = nil; h.SetReady(false); h.SetService("Shop", nil) }, 503, "[-] server: stopping\n", "[-] server: stopping\n[+] database\n",
			`{"status":"NOT_SERVING","reasons":["server: stopping"]}`, `{"status":"NOT_SERVING","reasons":["server: stopping"]}`, `"STOPPING"`},
	} {
		test.change()
		if code, text := get(h.Ready(), "/readyz"); code != test.code || text != test.ready {
			t.Errorf("%s: /readyz: %d %q, want %d %q", test.about, code, text, test.code, test.ready)
		}
		if code, text := get(h.Ready(), "/readyz?verbose"); code != test.code || text != test.verbose {
			t.Errorf("%s: /readyz?verbose: %d %q, want %d %q", test.about, code, text, test.code, test.verbose)
		}
		if code, text := get(h.Live(), "/healthz"); code != 200 || text != "ok\n" {
			t.Errorf("%s: /healthz: %d %q", test.about, code, text)
		}
		if got := ask("health.thrift", "Health", "checkHealth", ""); got != test.status {
			t.Errorf("%s: checkHealth: %s, want %s", test.about, got, test.status)
		}
		if got := ask("health.thrift", "Health", "checkHealth", "Shop"); got != test.statusShop {
			t.Errorf("%s: checkHealth of Shop: %s, want %s", test.about, got, test.statusShop)
		}
		if got := ask("health.thrift", "Health", "checkHealth", "Nobody"); got != `{"status":"SERVICE_UNKNOWN","reasons":[]}` {
			t.Errorf("%s: checkHealth of an unknown service: %s", test.about, got)
		}
		if got := ask("fb303.thrift", "FacebookService", "getStatus", nil); got != test.fb303 {
			t.Errorf("%s: getStatus: %s, want %s", test.about, got, test.fb303)
		}
	}
}

// A check that hangs or panics is one that failed.
func TestHealthChecksThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ops.NewHealth()
		h.SetReady(true)
		end := make(chan struct{})
		h.Check("hangs", func(context.Context) error { <-end; return nil })
		h.Check("panics", func(context.Context) error { panic("boom") })
		err := h.Err(t.Context())
		if want := "hangs: no result in time\npanics: panic: boom"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		close(end)
	})
}
