package conformance

import (
	"flag"
	"fmt"
	"html"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/thriftkit/thriftkit/internal/capturetest"
)

var update = flag.Bool("update", false, "write the pictures in docs again")

// TestWiresharkPage has thriftpy2 call ping and login, as the tutorial in README.md does, and compares what thriftkit capture and
// tshark with the generated plugin print with what README.md and docs/wireshark.svg show:
//
//	eval "$(scripts/peers.sh --env)"; go test ./conformance -run TestWiresharkPage -update
func TestWiresharkPage(t *testing.T) {
	tsharkProgram(t)
	py := python(t)
	thriftkit := build(t, "cmd/thriftkit")
	answers := filepath.Join(t.TempDir(), "answers.json")
	if err := os.WriteFile(answers, []byte(`{"ping": "pong", "login": "登录成功!"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	server := start(t, thriftkit, "serve", "--listen", "127.0.0.1:0", "--answers", answers, "testdata/foo.thrift")
	t.Cleanup(server.kill)
	network := &capturetest.Network{Server: netip.MustParseAddrPort("10.0.0.2:6000")}
	proxy := netip.MustParseAddrPort(recordingProxy(t, network, server.line("listening on ")))
	lines, code := start(t, py, "py/pingpong_client.py", fmt.Sprint(proxy.Port())).rest()
	if want := []string{"pong", "登录成功!"}; !slices.Equal(lines, want) || code != 0 {
		t.Fatalf("the client printed %q and exited with %d", lines, code)
	}
	trace := writeCapture(t, network.Packets()[:7]) // up to the last reply

	run := func(args ...string) []string {
		cmd := exec.Command(thriftkit, args...)
		cmd.Env = append(os.Environ(), "TZ=UTC")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("thriftkit %v: %v", args, err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	calls := run("capture", "--idl", "testdata/foo.thrift", trace)
	dir := t.TempDir()
	run("gen", "wireshark", "--ports", "6000", "--out", dir, "testdata/foo.thrift")
	lua := "lua_script:" + filepath.Join(dir, "foo.lua")
	list := tshark(t, "-X", lua, "-r", trace, "-Y", "thriftkit")
	details := tshark(t, "-X", lua, "-r", trace, "-Y", `thriftkit.method == "PingPong.login"`, "-O", "thriftkit")
	details = slices.DeleteFunc(details, func(line string) bool {
		return strings.HasPrefix(line, "Ethernet") || strings.HasPrefix(line, "Internet") || strings.HasPrefix(line, "Transmission") || line == ""
	})
	for _, name := range []string{"../README.md", "../README.zh-CN.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range slices.Concat(calls, list) {
			if !strings.Contains(string(text), strings.TrimSpace(line)) {
				t.Errorf("%s does not have the line\n%s", name, line)
			}
		}
	}
	picture := svg(slices.Concat(
		[]string{`$ tshark -X lua_script:foo.lua -r trace.pcap -Y thriftkit`}, list,
		[]string{"", `$ tshark -X lua_script:foo.lua -r trace.pcap -O thriftkit -Y 'thriftkit.method == "PingPong.login"'`}, details))
	if *update {
		if err := os.WriteFile("../docs/wireshark.svg", picture, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile("../docs/wireshark.svg")
	if err != nil || string(old) != string(picture) {
		t.Errorf("docs/wireshark.svg is not what tshark prints (%v); -update writes it again:\n%s", err, strings.Join(slices.Concat(calls, list, details), "\n"))
	}
}

// svg returns a picture of lines in a terminal.
func svg(lines []string) []byte {
	const width, height, margin = 8.4, 19, 16
	columns := 0
	for _, line := range lines {
		columns = max(columns, utf8.RuneCountInString(line))
	}
	w, h := float64(columns)*width+2*margin, len(lines)*height+2*margin
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`+"\n", w, h, w, h)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" rx="8" fill="#16181d"/>`+"\n")
	for i, line := range lines {
		colour := "#c9d1d9"
		switch {
		case strings.HasPrefix(line, "$"):
			colour = "#7ee787"
		case strings.HasPrefix(line, "Frame"):
			colour = "#8b949e"
		case strings.HasPrefix(line, "Thrift"):
			colour = "#79c0ff"
		}
		fmt.Fprintf(&out, `<text x="%d" y="%d" fill="%s" xml:space="preserve">%s</text>`+"\n", margin, margin+14+i*height, colour, html.EscapeString(line))
	}
	out.WriteString("</svg>\n")
	return []byte(out.String())
}
