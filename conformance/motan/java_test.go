package motan_test

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

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/x/motan"
)

// java returns a program of Motan for Java.
func java(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	place := os.Getenv("THRIFTKIT_MOTANJAVA")
	if _, err := os.Stat(filepath.Join(place, "com/example/Server.class")); place == "" || err != nil {
		const why = "THRIFTKIT_MOTANJAVA names no peer (make test-all sets it up)"
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	program := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		program = filepath.Join(home, "bin/java")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	classes := place + string(filepath.ListSeparator) + filepath.Join(place, "lib", "*")
	return exec.CommandContext(ctx, program, append([]string{"-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp", classes}, args...)...)
}

// TestJavaClient has Motan's client for Java call our server.
func TestJavaClient(t *testing.T) {
	cmd := java(t, "com.example.Client")
	port, _ := serveOurs(t, motan.Options{Group: "demo", Version: "1.0"})
	cmd.Args = append(cmd.Args, fmt.Sprint("127.0.0.1:", port), "simple")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"greet: 你好, Ann\n", "names: {k=值}\n", "bytes: 2\n", "long: 350004\n", "exception: ! ", "没有名字", "error: ! ", "failed: x", "void: done\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%.2000s", want, out)
		}
	}
}

// TestJavaServer has our client call a server of Motan for Java.
func TestJavaServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	cmd := java(t, "com.example.Server", port)
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop.Close()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "READY" {
	}
	conn, err := thriftkit.Dial(t.Context(), "motan2://"+addr, thriftkit.WithDialects(motan.New(motan.Options{Group: "demo", Version: "1.0"})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var c shopClient
	if err := conn.Bind(thriftkit.MustLoad("testdata/peer.thrift").MustService("Shop"), &c); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	long := strings.Repeat("长 long ", 50_000)
	for _, name := range []string{"Ann", "", long} {
		if got, err := c.Greet(ctx, name); got != "你好, "+name || err != nil {
			t.Errorf("%.100s, %v", got, err)
		}
	}
	if got, err := c.EchoNames(ctx, map[string]string{"k": "值"}); len(got) != 1 || got["k"] != "值" || err != nil {
		t.Error(got, err)
	}
	if got, err := c.EchoBytes(ctx, []byte{0, 0xff}); string(got) != "\x00\xff" || err != nil {
		t.Error(got, err)
	}
	if err := c.Nothing(ctx); err != nil {
		t.Error(err)
	}
	var e *rpc.Error
	if err := c.Fail(ctx, "x"); !errors.As(err, &e) || !e.Remote || !strings.Contains(e.Message, "failed: x") {
		t.Errorf("an error: %v", err)
	}
}
