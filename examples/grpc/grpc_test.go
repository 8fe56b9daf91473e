package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clients are what the comment of main.go names. They run in a copy of this folder.
var clients = []struct {
	name, variable string // by which scripts/peers.sh tells where the program is; "" for a program of the machine
	run            string // for sh
	want           []string
}{
	{"grpcurl", "THRIFTKIT_GRPCURL", `PATH="${THRIFTKIT_GRPCURL%/*}:$PATH" exec sh clients/grpcurl.sh`, []string{"rpc login ( .foo.LoginRequest ) returns ( .foo.LoginResponse )", `"result": "登录成功!"`}},
	{
		"grpcio", "THRIFTKIT_GRPC_PYTHON",
		`"$THRIFTKIT_GRPC_PYTHON" -m grpc_tools.protoc -I proto --python_out=clients --grpc_python_out=clients foo.proto
exec "$THRIFTKIT_GRPC_PYTHON" clients/client.py`, []string{"pong\n登录成功!\nUNAUTHENTICATED wrong password\n"},
	},
	{"curl", "", "exec sh clients/curl.sh", []string{`{"result":"登录成功!"}`, `"code":"unauthenticated"`}},
	{
		"page", "THRIFTKIT_GRPC_WEB", `cd web && ln -s "$THRIFTKIT_GRPC_WEB/node_modules" . && npm run build --silent`, nil,
	},
	{
		// Its time stands still while the page waits for answers.
		"Chromium", "THRIFTKIT_CHROMIUM", `"$THRIFTKIT_CHROMIUM" --headless --user-data-dir="$PWD/profile" --virtual-time-budget=20000 --dump-dom http://127.0.0.1:6000/ 2>chromium.log || { cat chromium.log; exit 1; }`,
		[]string{
			`<output id="connect">登录成功! [unauthenticated] wrong password</output>`,
			`<output id="grpc-web">登录成功! [unauthenticated] wrong password</output>`,
		},
	},
}

// TestClients runs the server and all clients.
func TestClients(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		missing(t, err.Error())
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	for _, build := range [][]string{{"go", "build", "-o", filepath.Join(dir, "server"), "."}, {"go", "build", "-C", "../../cmd/thriftkit", "-o", dir, "."}} {
		if out, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	port := serve(t, dir)
	for _, name := range []string{"clients/grpcurl.sh", "clients/curl.sh", "clients/client.py"} {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(string(text), "6000", port)), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := sh(t, dir, "./thriftkit gen proto --out proto foo.thrift"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if c.variable == "" {
				if _, err := exec.LookPath(c.name); err != nil {
					missing(t, err.Error())
				}
			} else if _, err := os.Stat(os.Getenv(c.variable)); err != nil {
				missing(t, fmt.Sprintf("no %s: %s is %q", c.name, c.variable, os.Getenv(c.variable)))
			}
			out, err := sh(t, dir, strings.ReplaceAll(c.run, "6000", port))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("it printed\n%s\nwant %s", out, want)
				}
			}
		})
	}
}

// missing ends a test that lacks a program: it is skipped, or fails where scripts/peers.sh says that all are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("THRIFTKIT_PEERS") == "required" {
		t.Fatal(what)
	}
	t.Skipf("%s (make test-all sets it up)", what)
}

// serve starts the server in dir for the time of the test, and returns its port.
func serve(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("./server", "-listen", "127.0.0.1:0")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	first, _ := bufio.NewReader(out).ReadString('\n')
	_, port, err := net.SplitHostPort(strings.TrimSpace(strings.TrimPrefix(first, "listening on ")))
	if err != nil {
		t.Fatalf("the server printed %q: %v", first, err)
	}
	return port
}

// sh runs a script in dir and returns what it prints.
func sh(t *testing.T, dir, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8"), 5*time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}
