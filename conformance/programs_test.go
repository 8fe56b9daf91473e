package conformance

import (
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"time"

	"github.com/thriftkit/thriftkit/internal/freeport"
)

// build compiles a program of this repository, given by its folder, and returns its path.
func build(t *testing.T, folder string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), filepath.Base(folder))
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", exe, "./"+folder)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", folder, err, out)
	}
	return exe
}

// startOnPort starts a program that cannot choose a port itself, and returns it with the port on which it listens. A
// port that somebody else was faster to take is given up for another one.
func startOnPort(t *testing.T, args func(port string) []string) (*process, string) {
	t.Helper()
	for range 10 {
		port := strconv.Itoa(freeport.TCP(t))
		args := args(port)
		p := start(t, args[0], args[1:]...)
		t.Cleanup(p.kill) // it serves for ever
		if p.waitFor("127.0.0.1:" + port) {
			return p, port
		}
	}
	t.Fatal("the program does not listen")
	return nil, ""
}

// waitFor waits until the program listens at addr, or has ended.
func (p *process) waitFor(addr string) bool {
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		select {
		case <-p.ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if err == nil {
			return true
		}
	}
}

// TestPingPong runs the two programs of the introduction, each against thriftpy2's half.
func TestPingPong(t *testing.T) {
	py := python(t)
	pingpong := build(t, "examples/pingpong")
	want := []string{"pong", "登录成功!"}
	for _, tt := range []struct {
		name           string
		server, client func(port string) []string
	}{
		{
			"our client, their server",
			func(port string) []string { return []string{py, "py/pingpong_server.py", port} },
			func(port string) []string { return []string{pingpong, "-connect", "127.0.0.1:" + port} },
		},
		{
			"their client, our server",
			func(port string) []string { return []string{pingpong, "-serve", "-listen", "127.0.0.1:" + port} },
			func(port string) []string { return []string{py, "py/pingpong_client.py", port} },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, port := startOnPort(t, tt.server)
			args := tt.client(port)
			client := start(t, args[0], args[1:]...)
			lines, code := client.rest()
			if strings.Join(lines, "|") != strings.Join(want, "|") || code != 0 {
				t.Errorf("the client printed %q and exited with %d, want %q\n%s", lines, code, want, client.stderr.tail())
			}
		})
	}
}
