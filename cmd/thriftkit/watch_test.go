package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// watched returns a live view, without a terminal, and a func that makes n calls of login.
func watched(t *testing.T) (*watcher, func(n int)) {
	t.Helper()
	file, diags := compile.Compile("foo.thrift", compile.Options{Source: compile.Texts{"foo.thrift": `service PingPong { string login(1: string username) }`}})
	if file == nil {
		t.Fatal(diags)
	}
	in := &inbox{}
	r := &callReader{}
	r.file = file
	m := newWatcher("trace.pcap", in, r)
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 12})
	network := &capturetest.Network{Step: time.Millisecond}
	c := network.Open()
	made, read := 0, 0
	a := capture.NewAssembler(capture.Options{}, in.add)
	return m, func(n int) {
		for range n {
			name := fmt.Sprintf("user%04d", made)
			made++
			c.Send(0, []byte("\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x0b\x00\x01\x00\x00\x00\x08"+name+"\x00"))
			if made%10 == 0 {
				c.Send(1, []byte("\x80\x01\x00\x03\x00\x00\x00\x05login\x00\x00\x00\x01\x0b\x00\x01\x00\x00\x00\x04down\x00"))
			} else {
				c.Send(1, []byte("\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\x0b\x00\x00\x00\x00\x00\x02hi\x00"))
			}
		}
		packets := network.Packets()
		for _, p := range packets[read:] {
			a.Packet(p)
		}
		read = len(packets)
		m.Update(tickMsg{})
	}
}

// press sends keys to the model: names of keys, or texts to type.
func press(m tea.Model, keys ...string) (cmd tea.Cmd) {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "home": tea.KeyHome, "end": tea.KeyEnd, "right": tea.KeyRight, "space": tea.KeySpace, "backspace": tea.KeyBackspace}
	for _, key := range keys {
		if code, ok := special[key]; ok {
			_, cmd = m.Update(tea.KeyPressMsg{Code: code})
			continue
		}
		for _, c := range key {
			_, cmd = m.Update(tea.KeyPressMsg{Code: c, Text: string(c)})
		}
	}
	return cmd
}

func wantScreen(t *testing.T, m *watcher, has []string, lacks ...string) {
	t.Helper()
	screen := ansi.Strip(m.screen())
	if n := strings.Count(screen, "\n") + 1; n != m.height {
		t.Errorf("%d lines, want %d", n, m.height)
	}
	for _, text := range has {
		if !strings.Contains(screen, text) {
			t.Errorf("no %q in\n%s", text, screen)
		}
	}
	for _, text := range lacks {
		if strings.Contains(screen, text) {
			t.Errorf("%q in\n%s", text, screen)
		}
	}
}

// Calls are shown as they come; the view can be paused, filtered, and looks into a call.
func TestWatch(t *testing.T) {
	m, calls := watched(t)
	wantScreen(t, m, []string{"trace.pcap  0 calls", "q to end"})
	calls(3)
	wantScreen(t, m, []string{"3 calls", `  03:04:05.004000 10.0.0.1:40001 > 10.0.0.2:9090 PingPong.login {"username":"user0000"} → "hi" 1ms`, `> 03:04:05.008000`})
	calls(30) // more than there are lines: the latest are shown
	wantScreen(t, m, []string{"33 calls", `> 03:04:05.068000 10.0.0.1:40001 > 10.0.0.2:9090 PingPong.login {"username":"user0032"}`}, "user0000")

	press(m, "home")
	calls(5) // the chosen call stays
	wantScreen(t, m, []string{"38 calls", "> 03:04:05.004000"}, "user0037")
	press(m, "end")
	wantScreen(t, m, []string{"> 03:04:05.078000"})

	press(m, "space")
	calls(2)
	wantScreen(t, m, []string{"38 calls", " paused "}, "user0039")
	press(m, "space")
	calls(0)
	wantScreen(t, m, []string{"40 calls", "user0039"}, " paused ")

	press(m, "/", "erorr")
	wantScreen(t, m, []string{"filter: erorr"})
	press(m, "enter")
	wantScreen(t, m, []string{`unknown field "erorr"`})
	press(m, "backspace", "backspace", "backspace", "ror", "enter")
	wantScreen(t, m, []string{"4 shown by error", "user0009", "user0039", "down"}, "user0038")
	calls(10)
	wantScreen(t, m, []string{"50 calls  5 shown by error", "user0049"})

	press(m, "up", "enter")
	wantScreen(t, m, []string{`"username": "user0039"`, "← → for other calls"}, "user0049")
	calls(10)
	press(m, "right", "e")
	wantScreen(t, m, []string{"user0049", `method: "login"`})
	press(m, "esc", "c")
	wantScreen(t, m, []string{"60 calls  0 shown by error"}, "user0049")
	if cmd := press(m, "q"); cmd == nil {
		t.Error("q does not end")
	} else if _, ok := cmd().(tea.QuitMsg); !ok {
		t.Error("q does not end")
	}
}

// What the view does not keep up with is counted, and what it keeps is bounded.
func TestWatchMany(t *testing.T) {
	m, calls := watched(t)
	press(m, "space")
	calls(watchInbox + 7)
	press(m, "space")
	calls(0)
	wantScreen(t, m, []string{"20000 calls", "7 not shown: too many at once"})
	if len(m.calls) != watchKept || len(m.shown) != watchKept {
		t.Errorf("%d and %d calls kept", len(m.calls), len(m.shown))
	}
	m.in.end(fmt.Errorf("trace.pcap: cut"))
	calls(0)
	wantScreen(t, m, []string{"trace.pcap: cut"})
}

// Without a terminal there is no view.
func TestWatchNeedsTerminal(t *testing.T) {
	var out, errOut strings.Builder
	if code := run([]string{"capture", "--watch", "x.pcap"}, strings.NewReader(""), &out, &errOut); code != exitUsage || !strings.Contains(errOut.String(), "--watch needs a terminal") {
		t.Errorf("exit code %d: %s", code, errOut.String())
	}
}
