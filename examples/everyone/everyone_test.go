package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A client is a program of the folder clients.
type client struct {
	framework, dialect string // as the server prints them
	variable           string // by which scripts/peers.sh tells where the framework is, or that peers may be built; "" for a program of the machine
	prepare, run       string // for sh, in a copy of this folder
	want               string // what the client prints last
}

// clients are in the order in which the READMEs show their lines.
var clients = []client{
	{"thriftpy2", "binary/buffered", "THRIFTKIT_PYTHON", "", `exec "$THRIFTKIT_PYTHON" clients/thriftpy2_client.py`, "登录成功!"},
	{
		"Apache Thrift", "compact/framed", "THRIFTKIT_APACHEPY",
		`"$("$ROOT/scripts/peers/compiler.sh")" --gen py -out clients foo.thrift`, `exec "$THRIFTKIT_APACHEPY" clients/apache.py`, "登录成功!",
	},
	{
		"Kitex", "binary/ttheader", "THRIFTKIT_KITEX", `mkdir kitex && cp clients/kitex.go foo.thrift "$ROOT"/conformance/gopeers/go.sum kitex
sed 's/^module .*/module example/' "$ROOT"/conformance/gopeers/go.mod >kitex/go.mod
cd kitex && export GOWORK=off && go tool kitex -module example foo.thrift && go build -o client kitex.go`, "exec kitex/client", "登录成功!",
	},
	{"grpcurl", "grpc", "THRIFTKIT_GRPCURL", "", `PATH="${THRIFTKIT_GRPCURL%/*}:$PATH" exec sh clients/grpcurl.sh`, "{\n  \"result\": \"登录成功!\"\n}"},
	{
		"Connect", "grpc", "THRIFTKIT_GRPC_NODE", `ln -s "$THRIFTKIT_GRPC_NODE/node_modules" . && go build -C "$ROOT/cmd/thriftkit" -o "$PWD" .
./thriftkit gen proto --out proto foo.thrift && node_modules/.bin/buf build proto -o foo.binpb`, "exec node clients/connect.mjs", "登录成功!",
	},
	{"rpcx", "rpcx", "THRIFTKIT_PEERS", goClient("rpcx"), "exec ./rpcx", "登录成功!"},
	{"Motan", "motan2", "THRIFTKIT_PEERS", goClient("motan"), "exec ./motan", "登录成功!"},
	{"Dubbo for Go", "dubbo", "THRIFTKIT_PEERS", goClient("dubbo"), "exec ./dubbo", "登录成功!"},
	{
		"Dubbo for Java", "dubbo", "THRIFTKIT_DUBBOJAVA", `go build -C "$ROOT/cmd/thriftkit" -o "$PWD" . && ./thriftkit gen java-interface --out java foo.thrift
"${JAVA_HOME:+$JAVA_HOME/bin/}javac" -encoding UTF-8 -d classes -cp "$THRIFTKIT_DUBBOJAVA/lib/*" java/com/example/PingPong.java clients/Dubbo.java`,
		`exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -Duser.home="$PWD" -Dstdout.encoding=UTF-8 -cp "classes:$THRIFTKIT_DUBBOJAVA/lib/*" Dubbo`, "登录成功!",
	},
	{"curl", "grpc", "", "", "exec sh clients/curl.sh", `{"result":"登录成功!"}`},
}

// lacks says what the client needs and this machine does not have, "" for nothing.
func (c client) lacks() string {
	if c.variable == "" {
		if _, err := exec.LookPath(c.framework); err != nil {
			return err.Error()
		}
		return ""
	}
	value := os.Getenv(c.variable)
	if _, err := os.Stat(value); value == "" || filepath.IsAbs(value) && err != nil {
		return fmt.Sprintf("no %s: %s is %q", c.framework, c.variable, value)
	}
	return ""
}

// goClient returns how a client in Go is built: with the requirements of a module for tests against its framework, which are nobody else's.
func goClient(name string) string {
	return fmt.Sprintf(`dir=$PWD && cd "$ROOT/conformance/%[1]s" && GOWORK=off go build -o "$dir/%[1]s" "$dir/clients/%[1]s.go"`, name)
}

// TestEveryone runs the server and all clients, and checks that both READMEs show what the server prints.
func TestEveryone(t *testing.T) {
	shown := "$ go run .\nlistening on 127.0.0.1:6000\n"
	for _, c := range clients {
		shown += line(c.framework, c.dialect)
	}
	for _, readme := range []string{"../../README.md", "../../README.zh-CN.md"} {
		text, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), shown+"```\n") {
			t.Errorf("%s does not show the output of the server:\n%s", readme, shown)
		}
	}

	if _, err := exec.LookPath("sh"); err != nil {
		missing(t, err.Error())
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "server"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROOT", root)
	server, addr := serve(t, filepath.Join(dir, "server"))
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	copyClients(t, dir, port)
	printed := make(map[string]bool) // of clients before: a framework may call again where the machine is slow, and its second call be shown late
	for _, c := range clients {
		t.Run(c.framework, func(t *testing.T) {
			if why := c.lacks(); why != "" {
				missing(t, why)
			}
			if out, err := sh(t, dir, c.prepare, 15*time.Minute); err != nil {
				t.Fatalf("the client cannot be prepared: %v\n%s", err, out)
			}
			said, err := sh(t, dir, c.run, 2*time.Minute)
			if err != nil || !strings.HasSuffix("\n"+said, "\n"+c.want) { // some frameworks log before
				t.Fatalf("%v: the client printed\n%s\nwant\n%s", err, said, c.want)
			}
			got, want := server(), line(c.framework, c.dialect)
			for printed[got] {
				got = server()
			}
			if printed[want] = true; got != want {
				t.Errorf("the server printed\n%swant\n%s", got, want)
			}
		})
	}
}

// line returns what the server prints of a call.
func line(framework, dialect string) string {
	return fmt.Sprintf("%-15s %-16s login → 登录成功!\n", framework, dialect)
}

// missing ends a test that lacks a framework: it is skipped, or fails where scripts/peers.sh says that all are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("THRIFTKIT_PEERS") == "required" {
		t.Fatal(what)
	}
	t.Skipf("%s (make test-all sets it up)", what)
}

// serve starts the server for the time of the test. It returns what reads its next line, and its address.
func serve(t *testing.T, program string) (next func() string, addr string) {
	t.Helper()
	cmd := exec.Command(program, "-listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		r := bufio.NewReader(out)
		for {
			text, err := r.ReadString('\n')
			if err != nil {
				return
			}
			select {
			case lines <- text:
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		close(stop)
		<-done
		cmd.Wait()
	})
	next = func() string {
		select {
		case text := <-lines:
			return text
		case <-time.After(time.Minute):
			return "nothing\n"
		}
	}
	first := next()
	addr, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q", first)
	}
	return next, addr
}

// copyClients copies what clients need to dir, with another port.
func copyClients(t *testing.T, dir, port string) {
	t.Helper()
	files, err := filepath.Glob("clients/*")
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "clients"), 0o777)
	}
	for _, name := range append(files, "foo.thrift") {
		text, readErr := os.ReadFile(name)
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(string(text), "6000", port)), 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sh runs a script in dir and returns what it prints, with its standard error if it fails.
func sh(t *testing.T, dir, script string, limit time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), 5*time.Second
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		return out.String() + log.String(), err
	}
	return strings.TrimSpace(out.String()), nil
}
