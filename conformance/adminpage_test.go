package conformance

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAdminPages opens the admin pages of a server in Chromium, wide and light and narrow and dark, and runs thriftkit top beside it. The pictures in
// docs/operate.md are from here:
//
//	eval "$(scripts/peers.sh --env)"; go test ./conformance -run TestAdminPages -update
func TestAdminPages(t *testing.T) {
	chromium := os.Getenv("THRIFTKIT_CHROMIUM")
	if _, err := exec.LookPath(chromium); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_CHROMIUM (%q) names no Chromium", chromium))
	}
	thriftkit := build(t, "cmd/thriftkit")
	server := start(t, thriftkit, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--quiet", "testdata/foo.thrift")
	t.Cleanup(server.kill)
	addr := server.line("listening on ")
	pages := server.logged(regexp.MustCompile(`admin pages on (http://[\d.:]+)`))
	bench := []string{"bench", "--idl", "testdata/foo.thrift", "--rate", "300"}
	if out, err := exec.Command(thriftkit, append(bench, "--count", "300", addr, "login", "root", "pwd")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	load := start(t, thriftkit, append(bench, "--duration", "5m", addr, "ping")...) // while the pages are looked at
	t.Cleanup(load.kill)

	profile := t.TempDir()
	browse := func(args ...string) []byte {
		cmd := exec.Command(chromium, append([]string{"--headless", "--hide-scrollbars", "--user-data-dir=" + profile}, args...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("Chromium: %v\n%s", err, stderr.Bytes())
		}
		return out
	}
	for page, want := range map[string]string{
		"status":      `(?s)PingPong\.login.*>300<.*PingPong\.ping`,
		"calls":       `PingPong\.ping`,
		"connections": `(?i)dialect`,
		"settings":    `MaxMessageBytes`,
	} {
		if dom := browse("--dump-dom", pages+"/"+page); !regexp.MustCompile(want).Match(dom) {
			t.Errorf("/%s does not have %s:\n%s", page, want, dom)
		}
	}
	for _, picture := range []struct {
		file          string
		width, height int
		args          []string
	}{
		{"admin.png", 1100, 860, nil},
		{"admin-phone.png", 390, 844, []string{"--blink-settings=preferredColorScheme=0"}},
	} {
		file := filepath.Join(t.TempDir(), picture.file)
		browse(append(picture.args, fmt.Sprintf("--window-size=%d,%d", picture.width, picture.height), "--screenshot="+file, pages+"/status")...)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := png.Decode(bytes.NewReader(text))
		if err != nil || shown.Bounds().Size() != image.Pt(picture.width, picture.height) {
			t.Fatalf("%s: %v", picture.file, err)
		}
		r, g, b, _ := shown.At(2, 2).RGBA()
		if dark := r+g+b < 3*0x8000; dark != (picture.args != nil) {
			t.Errorf("%s: the ground has the colour %x %x %x", picture.file, r, g, b)
		}
		keepPicture(t, picture.file, text)
	}

	out, err := exec.Command(thriftkit, "top", "--count", "1", strings.TrimPrefix(pages, "http://")).Output()
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if err != nil || !slices.ContainsFunc(lines, regexp.MustCompile(`^PingPong\.login .* 300 +0$`).MatchString) {
		t.Errorf("thriftkit top: %v\n%s", err, out)
	}
	keepPicture(t, "top.svg", svg(slices.Concat([]string{"$ thriftkit top 10.0.0.5:9091"}, lines)))
}

// keepPicture writes a picture whose figures differ each time to docs if it is asked to. It must be there in any case.
func keepPicture(t *testing.T, name string, picture []byte) {
	t.Helper()
	page := filepath.Join("../docs", name)
	if *update {
		if err := os.WriteFile(page, picture, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(page); err != nil {
		t.Errorf("%v; -update writes it", err)
	}
}
