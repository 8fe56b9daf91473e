//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/mock"
)

// With --log - standard output has the lines of calls alone; the address is on standard error.
func TestLogToOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "foo.thrift", "service PingPong { string ping() }")
	cmd := exec.Command("thriftkit", "serve", "--listen", "127.0.0.1:0", "--log", "-", "foo.thrift")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	first, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimPrefix(strings.TrimSpace(first), "listening on ")
	if code, _, stderr := runHere(t, "", "call", "--idl", "foo.thrift", addr, "ping"); code != 0 {
		t.Errorf("call: exit code %d\n%s", code, stderr)
	}
	lines.Scan()
	var e mock.Entry
	if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Method != "PingPong.ping" || string(e.Args) != "{}" || string(e.Result) != `""` || e.By != "default" {
		t.Errorf("got %q, %v", lines.Text(), err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	for lines.Scan() {
		t.Errorf("one line more: %s", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
