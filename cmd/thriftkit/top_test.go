//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/thriftkit/thriftkit/ops"
)

// serve --admin shows on its pages, and top on the terminal, what was called.
func TestServeAdmin(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "foo.thrift", `service PingPong { string login(1: string username, 2: string password (thriftkit.sensitive = "true")) }`)
	write(t, "token", "0123456789abcdef\n")
	cmd := exec.Command("thriftkit", "serve", "--listen", "127.0.0.1:0", "--admin", ":0", "--admin-host", "app.internal", "--admin-token", "token", "--echo", "foo.thrift")
	out, err1 := cmd.StdoutPipe()
	errOut, err2 := cmd.StderrPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	firstLine := func(r io.Reader, prefix string) string {
		line, err := bufio.NewReader(r).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(strings.TrimSpace(line), prefix)
	}
	admin := firstLine(errOut, "admin pages on ")
	go io.Copy(io.Discard, errOut)
	target := firstLine(out, "listening on ")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("thriftkit", args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return string(out)
	}
	for range 3 {
		run("call", "--idl", "foo.thrift", target, "login", "root", "secret")
	}
	if text := run("top", admin); !regexp.MustCompile(`(?m)^SERVER +CALLS/S .*\nPingPong\.login .* 3 +0$`).MatchString(text) {
		t.Errorf("top:\n%s", text)
	}
	lines := strings.Split(strings.TrimSuffix(run("top", "--json", "--count", "2", "--interval", "10ms", strings.TrimPrefix(admin, "http://")), "\n"), "\n")
	if len(lines) != 2 {
		t.Errorf("top --json --count 2: %q", lines)
	}
	for _, line := range lines {
		var s ops.Status
		if err := json.Unmarshal([]byte(line), &s); err != nil || len(s.Server) != 1 || s.Server[0].Calls != 3 {
			t.Errorf("%v: %s", err, line)
		}
	}
	for path, want := range map[string]string{
		"/metrics":     `(?m)^thriftkit_server_calls_total\{service="PingPong",method="login",code="ok",outcome="executed"\} 3$`,
		"/calls":       `PingPong\.login +ok .*\{"username":"root","password":"\[redacted\]"\}`,
		"/readyz":      `^ok\n$`,
		"/healthz":     `^ok\n$`,
		"/settings":    `(?m)^1 +MaxCalls +10000 +10000$`,
		"/connections": `^peer `,
	} {
		resp, err := http.Get(admin + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !regexp.MustCompile(want).Match(text) {
			t.Errorf("%s: want %s, got %v\n%s", path, want, err, text)
		}
	}
	for token, want := range map[string]int{"fedcba9876543210": http.StatusUnauthorized, "0123456789abcdef": http.StatusOK} {
		req, err := http.NewRequest(http.MethodPost, admin+"/settings", strings.NewReader("name=MaxCalls&value=500"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || (want == http.StatusOK) != regexp.MustCompile(`(?m)^1 +MaxCalls +500 +10000$`).Match(text) {
			t.Errorf("token %s: %d, %v, want %d:\n%s", token, resp.StatusCode, err, want, text)
		}
	}
	for host, want := range map[string]int{"app.internal": 200, "evil.example": 421} {
		req, err := http.NewRequest(http.MethodGet, admin+"/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// TestTopView types keys into the live view.
func TestTopView(t *testing.T) {
	second := func(calls ...uint64) (points []ops.Point) {
		for _, n := range calls {
			points = append(points, ops.Point{Calls: n})
		}
		return points
	}
	state := &adminStatus{Status: ops.Status{
		Time: time.Now(), Uptime: 61, NotReady: []string{"server: stopping"}, Build: ops.Build{Program: "shop", Version: "v1"},
		Outside: ops.Outside{UnknownMethods: 2},
		Server: []ops.MethodStatus{
			{Service: "Shop", Method: "buy", Calls: 10, Errors: 5, CallsPerSecond: 1, ErrorsPerSecond: 0.5, P50: 1000, P99: 2_500_000, Seconds: second(0, 1, 8, 4)},
			{Service: "Shop", Method: "echo", Calls: 1000, CallsPerSecond: 250, P50: 20, P99: 30},
		},
	}}
	m := &topView{ctx: context.Background(), sort: "calls", width: 120, height: 12}
	m.receive(state)
	key := func(text string, code rune) { m.Update(tea.KeyPressMsg{Text: text, Code: code}) }
	screen := func() []string { return strings.Split(ansi.Strip(m.screen()), "\n") }
	lines := screen()
	for i, want := range []string{
		`^shop v1  up 1m1s  not ready: server: stopping$`, `^outside handlers: 2 unknown methods, `, `^$`, `^SERVER +CALLS/S +ERRORS/S +IN FLIGHT +P50 +P99 +P99\.9 +CALLS +ERRORS +LAST 30 S$`,
		`^Shop\.echo +250 +0 +0 +20µs +30µs +- +1000 +0 +$`, `^Shop\.buy +1\.0 +0\.5 +0 +1ms +2\.5s +- +10 +5 +  ▁█▄$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d: %q, want %s", i+1, lines[i], want)
		}
	}
	if len(lines) != m.height {
		t.Errorf("%d lines on a terminal of %d", len(lines), m.height)
	}
	key("s", 's')
	if lines := screen(); !strings.HasPrefix(lines[4], "Shop.buy") || !strings.HasPrefix(lines[11], "sorted by errors") {
		t.Errorf("sorted by errors:\n%s", strings.Join(lines, "\n"))
	}
	key("p", 'p')
	m.Update(stateMsg{status: &adminStatus{Status: ops.Status{Build: ops.Build{Program: "later"}}}})
	if lines := screen(); !strings.HasPrefix(lines[0], "shop") || !strings.HasPrefix(lines[11], " paused ") {
		t.Errorf("paused:\n%s", strings.Join(lines, "\n"))
	}
	m.Update(stateMsg{err: errors.New("gone")})
	if lines := screen(); lines[11] != "gone" {
		t.Errorf("an error:\n%s", strings.Join(lines, "\n"))
	}
	m.Update(tea.WindowSizeMsg{Width: 20, Height: 3})
	key("j", 'j')
	if lines := screen(); len(lines) != 3 || ansi.StringWidth(lines[0]) > 20 || !strings.HasPrefix(lines[0], "outside") {
		t.Errorf("a small terminal:\n%s", strings.Join(lines, "\n"))
	}
	if _, cmd := m.Update(tea.KeyPressMsg{Text: "q", Code: 'q'}); cmd == nil {
		t.Error("q does nothing")
	}
}
