// Package examples checks that the examples do what their comments and the README say.
package examples

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/schema"
)

// build compiles an example and returns the program's path.
func build(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), filepath.Base(name)+".exe")
	out, err := exec.Command("go", "build", "-o", program, "./"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return string(out)
}

func TestOutput(t *testing.T) {
	for name, want := range map[string]string{
		"pingpong":   "pong\n登录成功!\n",
		"calculator": "6 * 7 = 42\n1 / 0: division by 0\nlog entry 1: 42\nafter clear: no entry 1\n",
		"generated":  "pong <nil>\n登录成功! <nil>\ntrue Denied(username: root)\n",
		"dynamic": `Library.add: invalid argument: in Library.add.book (field 1) > Book.year (field 4): invalid value: want i32, got "soon"
title = 红楼梦
authors = [曹雪芹]
genre = 1
year = 1791
2 shelves
NoSuchBook Ulysses
`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := run(t, build(t, name)); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestPingPongSplit runs the server and the client of pingpong as two programs.
func TestPingPongSplit(t *testing.T) {
	program := build(t, "pingpong")
	server := exec.CommandContext(t.Context(), program, "-serve", "-listen", "127.0.0.1:0")
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	line, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server said %q", line)
	}
	if got, want := run(t, program, "-connect", addr), "pong\n登录成功!\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestObserved calls a server and looks at what it shows of itself, in docs/operate.md, too.
func TestObserved(t *testing.T) {
	code, err := os.ReadFile("observed/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(code), "func main() {\n")
	for _, page := range []string{"../docs/operate.md", "../docs/operate.zh-CN.md"} {
		if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), body) {
			t.Errorf("%s does not show observed/main.go as it is (%v)", page, err)
		}
	}
	program := build(t, "observed")
	server := exec.CommandContext(t.Context(), program, "-listen", "127.0.0.1:0", "-admin", ":0")
	server.Dir = "observed"
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`listening on \S+?(:\d+), admin pages on (http://127\.0\.0\.1:\d+)\n$`).FindStringSubmatch(line)
	if said == nil {
		t.Fatalf("the server said %q", line)
	}
	addr, pages := "127.0.0.1"+said[1], said[2]
	go io.Copy(io.Discard, lines)
	c, err := thriftkit.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	login := thriftkit.MustLoad("observed/foo.thrift").MustService("PingPong").Method("login")
	if s, err := thriftkit.Invoke[string](t.Context(), c, login, "root", "pwd"); err != nil || s != "登录成功!" {
		t.Errorf("%q, %v", s, err)
	}
	for path, want := range map[string]string{
		"/status": "PingPong.login  1      0 ", "/readyz": "ok\n", "/metrics": `thriftkit_server_calls_total{service="PingPong",method="login",code="ok",outcome="executed"} 1`,
	} {
		resp, err := http.Get(pages + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s: no %q in\n%s", path, want, text)
		}
	}
}

// TestGenerated generates the code of the example again.
func TestGenerated(t *testing.T) {
	file, err := thriftkit.Load("generated/foo.thrift")
	if err != nil {
		t.Fatal(err)
	}
	files, err := gen.Go([]*schema.File{file}, gen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if got, err := os.ReadFile(filepath.Join("generated", f.Path)); err != nil || string(got) != string(f.Text) {
			t.Errorf("%s is not what is generated (%v): run go generate in examples/generated", f.Path, err)
		}
	}
}

// TestReadme checks that both READMEs show files of the tutorial, of oneport and of generated as they are, and that
// the programs compile. The conformance tests run oneport's.
func TestReadme(t *testing.T) {
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile("../" + readme)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{
			"tutorial/foo.thrift", "tutorial/server/main.go", "tutorial/server/main_test.go", "tutorial/client/main.go", "tutorial/server.py", "tutorial/client.py",
			"oneport/binary.py", "oneport/compact.py", "oneport/header.py", "oneport/json.js",
			"generated/main.go",
		} {
			code, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), strings.TrimSpace(string(code))) {
				t.Errorf("%s does not show %s as it is", readme, name)
			}
		}
	}
	build(t, "tutorial/server")
	build(t, "tutorial/client")
	build(t, "oneport")
}

// TestFleet has servers killed, slow and restarted. How many calls there are depends on the machine, but not how they end.
func TestFleet(t *testing.T) {
	got := run(t, build(t, "fleet"), "-pace", "300ms")
	t.Log("\n" + got)
	rows := regexp.MustCompile(`(?m)^(.+?) {2,}\d+ +\d+ +\d+ +(\d+)$`).FindAllStringSubmatch(got, -1)
	if len(rows) != 7 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if r[1] != "one is killed" && r[2] != "0" {
			t.Errorf("%s: %s calls were lost", r[1], r[2])
		}
	}
	const total = `\nmade: \d{2,}\nlost: 0 of look, [0-8] of buy; 0 of them in restarts\nexecuted twice: 0 of buy\n$`
	if !regexp.MustCompile(total).MatchString(got) {
		t.Errorf("it ends with something else than %s", total)
	}
}
