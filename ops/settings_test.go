package ops_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/ops"
	"github.com/thriftkit/thriftkit/rpc"
)

// TestChangeSettings has who may change what on the page /settings.
func TestChangeSettings(t *testing.T) {
	const token = "sixteen bytes or more"
	var changes []ops.SettingChange
	a := ops.NewAdmin(ops.AdminOptions{Permit: ops.PermitToken(token), Changed: func(c ops.SettingChange) { changes = append(changes, c) }})
	defer a.Close()
	s := rpc.NewServer(rpc.ServerOptions{MaxCalls: 100})
	defer s.Close()
	a.Watch(s)
	bearer := []string{"Authorization", "Bearer " + token}
	for _, tt := range []struct {
		about, form string
		header      []string
		status      int
		want        string // of the answer
	}{
		{"nobody", "name=MaxCalls&value=1", nil, 401, "you may not change settings\n"},
		{"another token", "name=MaxCalls&value=1", []string{"Authorization", "Bearer " + token + "x"}, 401, "you may not change settings\n"},
		{"no token", "name=MaxCalls&value=1", []string{"Authorization", "Bearer "}, 401, "you may not change settings\n"},
		{"another origin, whose browser knows the password", "name=MaxCalls&value=1", append([]string{"Origin", "https://evil.example"}, bearer...), 405, ""},
		{"a form of another site", "name=MaxCalls&value=1", append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, bearer...), 405, ""},
		{"DNS rebinding", "name=MaxCalls&value=1", append([]string{"Host", "evil.example"}, bearer...), 421, ""},
		{"not a number", "name=MaxCalls&value=many", bearer, 400, `MaxCalls: strconv.Atoi: parsing "many": invalid syntax` + "\n"},
		{"a time below 0", "name=QueueTimeout&value=-1s", bearer, 400, "rpc: QueueTimeout is negative\n"},
		{"one that does not change", "name=MaxDepth&value=1", bearer, 400, `there is no setting "MaxDepth" that changes while the server runs` + "\n"},
		{"another server", "server=2&name=MaxCalls&value=1", bearer, 400, "there is no server 2\n"},
		{"a form that is too long", "name=MaxCalls&value=" + strings.Repeat("1", 5000), bearer, 400, "want a form with server, name and value\n"},
		{"curl", "server=1&name=MaxCalls&value=7", bearer, 303, ""},
		{"a browser", "server=1&name=QueueTimeout&value=2s", []string{"Origin", "http://localhost:9091", "Sec-Fetch-Site", "same-origin", "Authorization", "Basic YW5uOnNpeHRlZW4gYnl0ZXMgb3IgbW9yZQ=="}, 303, ""},
		{"no bound", "name=MaxConns&value=-1", bearer, 303, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost:9091/settings", strings.NewReader(tt.form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(tt.header); i += 2 {
			if r.Header.Set(tt.header[i], tt.header[i+1]); tt.header[i] == "Host" {
				r.Host = tt.header[i+1]
			}
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != tt.status || tt.want != "" && w.Body.String() != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.about, w.Code, w.Body, tt.status, tt.want)
		}
	}
	want := []ops.SettingChange{
		{Who: "token", Server: 1, Name: "MaxCalls", From: "100", To: "7"}, {Who: "ann", Server: 1, Name: "QueueTimeout", From: "1s", To: "2s"},
		{Who: "token", Server: 1, Name: "MaxConns", From: "20000", To: "-1"},
	}
	if !slices.Equal(changes, want) {
		t.Errorf("changes %+v, want %+v", changes, want)
	}
	if text := page(t, a, "/settings"); !strings.Contains(text, "MaxCalls          7") {
		t.Errorf("%s", text)
	}
	if html := page(t, a, "/settings", "Accept", "text/html"); strings.Count(html, `<form method="post">`) != 4 {
		t.Errorf("%s", html)
	}
	closed := ops.NewAdmin(ops.AdminOptions{})
	defer closed.Close()
	w := httptest.NewRecorder()
	closed.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://localhost/settings", strings.NewReader("name=MaxCalls&value=1")))
	if w.Code != http.StatusForbidden {
		t.Errorf("without Permit: %d", w.Code)
	}
}
