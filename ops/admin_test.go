package ops_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// get asks an Admin for a page.
func get(a http.Handler, url string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:9091"+url, nil)
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// page returns a page, which must be there.
func page(t *testing.T, a http.Handler, url string, header ...string) string {
	t.Helper()
	w := get(a, url, header...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", url, w.Code, w.Body)
	}
	return w.Body.String()
}

// TestAdminStatus makes a call each second for more than an hour, of which every tenth fails.
func TestAdminStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ops.NewAdmin(ops.AdminOptions{})
		defer a.Close()
		svc := shop(t)
		stats := a.Server()
		call := func(d time.Duration, err error) {
			e := rpc.CallEvent{Kind: rpc.CallBegun, Time: time.Now(), Call: 1, Service: svc, Method: svc.Method("echo"), Name: "echo"}
			stats.HandleCall(t.Context(), e)
			e.Kind, e.Duration, e.Err = rpc.CallReplied, d, err
			stats.HandleCall(t.Context(), e)
		}
		for i := range 3700 {
			var err error
			if i%10 == 0 {
				err = rpc.Errorf(rpc.CodeInternal, "bad")
			}
			call(time.Duration(1+i%2)*time.Millisecond, err)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		s := a.Status(t.Context())
		if len(s.Server) != 1 || len(s.Client) != 0 {
			t.Fatalf("%d methods of the server, %d of the client", len(s.Server), len(s.Client))
		}
		m := s.Server[0]
		if m.Name() != "Shop.echo" || m.Calls != 3700 || m.Errors != 370 || m.Codes["internal"] != 370 || m.InFlight != 0 {
			t.Errorf("%+v", m)
		}
		if m.CallsPerSecond != 1 || m.ErrorsPerSecond != 0.1 {
			t.Errorf("%v calls and %v errors in a second", m.CallsPerSecond, m.ErrorsPerSecond)
		}
		if m.P50 != 1000 || m.P99 != 2000 || m.Mean != 1500 {
			t.Errorf("p50 %v, p99 %v, mean %v µs", m.P50, m.P99, m.Mean)
		}
		if len(m.Seconds) != 60 || len(m.Minutes) != 60 || len(m.Hours) != 1 {
			t.Errorf("%d seconds, %d minutes, %d hours", len(m.Seconds), len(m.Minutes), len(m.Hours))
		}
		if got, want := m.Minutes[59], (ops.Point{Calls: 60, Errors: 6, Mean: 1500, P99: 2000}); got != want {
			t.Errorf("a minute is %+v, want %+v", got, want)
		}
		if got, want := m.Hours[0], (ops.Point{Calls: 3600, Errors: 360, Mean: 1500, P99: 2000}); got != want {
			t.Errorf("an hour is %+v, want %+v", got, want)
		}
		text := page(t, a, "/status")
		if want := regexp.MustCompile(`\nserver +calls +errors .*\nShop\.echo +3700 +370 +0 +1\.0 +0\.1 +1\.5 ms +1 ms +2 ms +2 ms +2 ms\n$`); !want.MatchString(text) {
			t.Errorf("%s", text)
		}
		if !strings.Contains(text, "up 1h1m40s, ready\n") {
			t.Errorf("%s", text)
		}
		html := page(t, a, "/status", "Accept", "text/html,application/xhtml+xml")
		if n := strings.Count(html, `<svg class="plot"`); n != 3 || !strings.Contains(html, "<h3>Shop.echo</h3>") {
			t.Errorf("%d plots\n%s", n, html)
		}
	})
}

// TestAdminPages serves calls over a connection and looks at all pages.
func TestAdminPages(t *testing.T) {
	health := ops.NewHealth()
	a := ops.NewAdmin(ops.AdminOptions{Health: health, Arguments: true})
	defer a.Close()
	svc := shop(t)
	s := rpc.NewServer(rpc.ServerOptions{Stats: a.Server(), MaxCalls: 7})
	a.Watch(s)
	if err := s.Register(svc, shopHandler{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	conn, err := rpc.Dial(t.Context(), l.Addr().String()+"?protocol=compact&transport=header", rpc.ClientOptions{Stats: a.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var c shopClient
	if err := conn.Bind(svc, &c); err != nil {
		t.Fatal(err)
	}
	ctx := rpc.AddMetadata(t.Context(), map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	c.Echo(ctx, "<script>alert(1)</script>")
	c.Buy(t.Context(), "boom", card{"4111", "Ann"}, "0000")
	c.Buy(t.Context(), "gone", card{"4111", "Ann"}, "0000")

	const address = `127\.0\.0\.1:\d+`
	for _, test := range []struct{ url, want string }{
		{"/status", `^unknown|github.com/thriftkit/thriftkit .*, not ready: server: starting\n`},
		{"/status", `\nserver .*\nShop\.buy +2 +1 +0 .*\nShop\.echo +1 +0 +0 .*\n\nclient .*\nShop\.buy +2 +1 +0 .*\nShop\.echo +1 +0 +0 .*\n$`},
		{"/calls", `\n\S+ +Shop\.echo +ok +[\d.]+ +[\d.]+ \+ [\d.]+ \+ [\d.]+ µs +` + address + ` +compact/header +\d+ +\d+ +0af7651916cd43dd8448eb211c80319c +\{"text":"<script>alert\(1\)</script>"\}\n`},
		{"/calls?method=Shop.buy&code=exception", `^received.*\n.*Shop\.buy +exception .*\n.*Shop\.buy +exception .*\n$`},
		{"/errors", `^received.*\n(.*Shop\.buy +internal .*\n){2}$`},
		{"/errors", `panicked: boom \{"item":"boom","card":\{"number":"\[redacted\]","holder":"Ann"\},"pin":"\[redacted\]"\}\n`},
		{"/connections", `\n→ ` + address + ` +(compact/header) .*\n`},
		{"/connections", `\n` + address + ` +(header|compact/header) .* 3 +\d+ +\d+ +\d{4}-.*\n`},
		{"/settings", `\n1 +MaxCalls +7 +10000\n`},
		{"/settings", `\n1 +IdleTimeout +10m0s +10m0s\n`},
		{"/vars?name=*calls_total*echo*", `^thriftkit_server_calls_total\{service="Shop",method="echo",code="ok",outcome="executed"\} 1\n$`},
		{"/vars?name=server_connections{", `(?m)^server_connections\{server="1"\} 1$`},
		{"/profiles", `\ngoroutine +/debug/pprof/goroutine\?debug=1 +what all goroutines are doing\n`},
		{"/debug/pprof/goroutine?debug=1", `^goroutine profile: total `},
		{"/metrics", `\nthriftkit_server_calls_total\{service="Shop",method="echo",code="ok",outcome="executed"\} 1\n`},
		{"/healthz", `^ok\n$`},
	} {
		if text := page(t, a, test.url); !regexp.MustCompile(test.want).MatchString(text) {
			t.Errorf("%s: want %s, got\n%s", test.url, test.want, text)
		}
	}
	for _, name := range []string{"status", "calls", "errors", "connections", "settings", "vars", "profiles"} {
		w := get(a, "/"+name, "Accept", "text/html")
		if html := w.Body.String(); w.Code != http.StatusOK || !strings.HasSuffix(html, "</html>\n") || strings.Contains(html, "<script") || strings.Contains(html, "style=") {
			t.Errorf("%s: %d\n%s", name, w.Code, html)
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'") {
			t.Errorf("%s: policy %q", name, policy)
		}
		var v any
		if err := json.Unmarshal([]byte(page(t, a, "/"+name+"?format=json")), &v); err != nil || v == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w := get(a, "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", w.Code)
	}
	if w := get(a, "/status?format=xml"); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown format: %d", w.Code)
	}
	for _, url := range []string{"/nothing", "/debug/pprof/nothing"} {
		if w := get(a, url); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
	if w := get(a, "/debug/pprof/profile?seconds=100000"); w.Code != http.StatusBadRequest {
		t.Errorf("a profile for a day: %d", w.Code)
	}
	if text := page(t, a, "/status?refresh=2"); text == "" {
		t.Error("nothing")
	}
	conn.Close()
	s.Close()
	for end := time.Now().Add(time.Minute); len(a.Connections()) > 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if list := a.Connections(); len(list) > 0 {
		t.Errorf("after all were closed: %+v", list)
	}
}

// Who may ask.
func TestAdminGuard(t *testing.T) {
	a := ops.NewAdmin(ops.AdminOptions{Hosts: []string{"app.internal"}, NoProfiles: true})
	defer a.Close()
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		about  string
		header []string
		want   int
	}{
		{"localhost", []string{"Host", "localhost:9091"}, 200},
		{"localhost alone", []string{"Host", "LOCALHOST"}, 200},
		{"IPv4", []string{"Host", "10.1.2.3:9091"}, 200},
		{"IPv6", []string{"Host", "[::1]:9091"}, 200},
		{"IPv6 without a port", []string{"Host", "[::1]"}, 200},
		{"the machine's name", []string{"Host", own + ":9091"}, 200},
		{"a name that is allowed", []string{"Host", "app.internal:9091"}, 200},
		{"with a dot at the end", []string{"Host", "app.internal.:9091"}, 200},
		{"DNS rebinding", []string{"Host", "evil.example:9091"}, 421},
		{"a name like localhost", []string{"Host", "localhost.evil.example"}, 421},
		{"no host", []string{"Host", ""}, 421},
		{"its own origin", []string{"Origin", "http://localhost:9091", "Sec-Fetch-Site", "same-origin"}, 200},
		{"another origin", []string{"Origin", "https://evil.example"}, 403},
		{"another port", []string{"Origin", "http://localhost:3000"}, 403},
		{"a frame", []string{"Origin", "null"}, 403},
		{"a script of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403},
		{"a frame of another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"an image of the same site", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"typed", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"a link from elsewhere", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
	} {
		for _, url := range []string{"/status", "/metrics", "/healthz"} {
			if w := get(a, url, test.header...); w.Code != test.want {
				t.Errorf("%s: %s: %d, want %d", test.about, url, w.Code, test.want)
			}
		}
	}
	if w := get(a, "/debug/pprof/heap", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); w.Code != 403 {
		t.Errorf("a link to a profile: %d", w.Code)
	}
	if w := get(a, "/debug/pprof/heap"); w.Code != 404 {
		t.Errorf("a profile without profiles: %d", w.Code)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest(method, "http://localhost/status", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// However many calls there are, those that are kept are bounded.
func TestAdminIsBounded(t *testing.T) {
	a := ops.NewAdmin(ops.AdminOptions{Calls: 20, CallsPerSecond: 5})
	defer a.Close()
	s := a.Server()
	start := time.Unix(1000, 0)
	for i := range 1000 {
		s.HandleCall(t.Context(), rpc.CallEvent{
			Kind: rpc.CallRefused, Time: start.Add(time.Duration(i) * 100 * time.Millisecond), Name: strings.Repeat("x", 10_000),
			Err: rpc.Errorf(rpc.CodeUnknownMethod, "%s", strings.Repeat("y\n", 10_000)),
		})
	}
	for _, f := range []func() ([]ops.Call, uint64){a.Calls, a.Errors} {
		list, missed := f()
		if len(list) != 20 || missed != 500 {
			t.Errorf("%d are kept, %d missed", len(list), missed)
		}
		for i, c := range list {
			if len(c.Method)+len(c.Error) > 600 || i > 0 && c.Time.After(list[i-1].Time) {
				t.Fatalf("%+v", c)
			}
		}
	}
	if n := a.Status(t.Context()).Outside.UnknownMethods; n != 1000 {
		t.Errorf("%d calls of unknown methods", n)
	}
}

// The pages are on a listener of their own, on the loopback interface by default.
func TestAdminListens(t *testing.T) {
	l, err := ops.ListenAdmin(":0")
	if err != nil {
		t.Fatal(err)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		t.Errorf("listens on %s", l.Addr())
	}
	a := ops.NewAdmin(ops.AdminOptions{})
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(text, []byte("outside any handler")) {
		t.Errorf("%s, %v", text, err)
	}
	a.Close()
	if err := <-ended; err != http.ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
	a.Close()
	if err := a.ListenAndServe("9091"); err == nil || !strings.Contains(err.Error(), "missing port") {
		t.Errorf("%v", err)
	}
}

func BenchmarkAdmin(b *testing.B) {
	svc := shop(b)
	a := ops.NewAdmin(ops.AdminOptions{})
	defer a.Close()
	s := a.Server()
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		begun := rpc.CallEvent{Kind: rpc.CallBegun, Call: 1, Conn: 1, Service: svc, Method: svc.Method("echo"), Queue: time.Microsecond}
		replied := begun
		replied.Kind, replied.Duration = rpc.CallReplied, time.Millisecond
		for p.Next() {
			s.HandleCall(b.Context(), begun)
			s.HandleCall(b.Context(), replied)
		}
	})
}
