package motan_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/freeport"
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
	for serialization, more := range map[string][]string{"simple": nil, "hessian2": {"store: 爱玛 7 [a, 长] {k=值} 2\n"}} {
		t.Run(serialization, func(t *testing.T) {
			cmd := java(t, "com.example.Client")
			port, _ := serveOurs(t, motan.Options{Group: "demo", Version: "1.0"})
			cmd.Args = append(cmd.Args, fmt.Sprint("127.0.0.1:", port), serialization)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range append(more,
				"greet: 你好, Ann\n", "names: {k=值}\n", "bytes: 2\n", "long: 350004\n", "exception: ! ", "没有名字", "error: ! ", "failed: x", "void: done\n",
			) {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in\n%.2000s", want, out)
				}
			}
		})
	}
}

// TestJavaServer has our client call a server of Motan for Java.
func TestJavaServer(t *testing.T) {
	for _, serialization := range []string{"simple", "hessian2"} {
		t.Run(serialization, func(t *testing.T) { testJavaServer(t, serialization) })
	}
}

// serveJava starts a server of Motan for Java and returns its address. Another program may take the port before it does: then it gets
// another one.
func serveJava(t *testing.T, serialization string) string {
	t.Helper()
	for range 5 {
		port := strconv.Itoa(freeport.TCP(t))
		addr := "127.0.0.1:" + port
		cmd := java(t, "com.example.Server", port, serialization)
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
		end := func() {
			stop.Close()
			cmd.Wait()
		}
		kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }) // it does not end by itself without its port
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "READY" {
		}
		kill.Stop()
		if nc, err := net.Dial("tcp", addr); err == nil {
			nc.Close()
			t.Cleanup(end)
			return addr
		}
		cmd.Process.Kill()
		end()
	}
	t.Fatal("Motan's server for Java does not listen")
	return ""
}

func testJavaServer(t *testing.T, serialization string) {
	addr := serveJava(t, serialization)
	conn, err := thriftkit.Dial(t.Context(), "motan2://"+addr+"?protocol="+serialization, thriftkit.WithDialects(motan.New(motan.Options{Group: "demo", Version: "1.0"})))
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
	if serialization == "hessian2" {
		n := int32(7)
		book := &Book{Title: "爱玛", PageCount: &n, Tags: []string{"a", "长"}, Notes: map[string]string{"k": "值"}, Cover: []byte{0, 0xff}}
		got, err := c.Store(ctx, book)
		book.Title += "!"
		if err != nil {
			t.Fatal(err)
		}
		if got.Title != book.Title || *got.PageCount != 7 || !slices.Equal(got.Tags, book.Tags) || !maps.Equal(got.Notes, book.Notes) || string(got.Cover) != "\x00\xff" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if err := c.Nothing(ctx); err != nil {
		t.Error(err)
	}
	var e *rpc.Error
	if err := c.Fail(ctx, "x"); !errors.As(err, &e) || !e.Remote || !strings.Contains(e.Message, "failed: x") {
		t.Errorf("an error: %v", err)
	}
}
