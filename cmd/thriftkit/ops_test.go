//go:build unix

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The example manages a fleet of its own, and says of another one what is wrong with it.
func TestOpsExample(t *testing.T) {
	for _, program := range []string{"bash", "jq"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("THRIFTKIT_PEERS") == "required" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	run := func(env []string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "../../examples/ops/fleet.sh", args...)
		cmd.Env = append(os.Environ(), env...)
		cmd.WaitDelay = 10 * time.Second
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	// A busy machine is allowed to be slow.
	out, err := run([]string{"RATE=100", "DURATION=500ms", "P99=10s"})
	want := regexp.MustCompile(`^(127\.0\.0\.1:\d+ is well: 50 calls, p99 \d+ µs\n){2}the mocks answered 102 calls, by rule rules\.yaml:2:5, rule rules\.yaml:5:5\n$`)
	if err != nil || !want.MatchString(out) {
		t.Errorf("%v\n%s", err, out)
	}
	addr := startServer(t, "--listen", "127.0.0.1:0", "../../examples/ops/foo.thrift") // which knows nobody
	if out, err := run(nil, addr); err == nil {
		t.Errorf("a server that answers something else is well:\n%s", out)
	}
	addr = startServer(t, "--listen", "127.0.0.1:0", "--rules", "../../examples/ops/rules.yaml", "../../examples/ops/foo.thrift")
	out, err = run([]string{"RATE=100", "DURATION=200ms", "P99=1us"}, addr)
	var exit *exec.ExitError
	if e, ok := err.(*exec.ExitError); ok {
		exit = e
	}
	if exit == nil || exit.ExitCode() != exitThreshold || !strings.Contains(out, "threshold failed: p99<1us") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The example runs two servers with certificates and rules through an overload to a clean stop, with Prometheus if that is set up.
func TestGuardedExample(t *testing.T) {
	prometheus := os.Getenv("THRIFTKIT_PROMETHEUS")
	programs := []string{"bash", "jq", "openssl", "curl"}
	if os.Getenv("THRIFTKIT_PEERS") == "required" || prometheus != "" {
		programs = append(programs, prometheus)
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("THRIFTKIT_PEERS") == "required" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "../../examples/ops/guarded.sh")
	cmd.Env = append(os.Environ(), "DURATION=1s", "PROMETHEUS="+prometheus)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	want := `^web: "hello root"\njob: may ping\njob: permission denied\nguest: permission denied\noverload: some calls were answered, the others refused\n` +
		`(?s:.*)\nPingPong\.login +(?s:.*)\n`
	if prometheus != "" {
		want += "Prometheus: scrapes both, and knows of the overload\n"
	}
	if !regexp.MustCompile(want+"both have stopped\n$").Match(out) || err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// On a terminal bench shows how it goes, and clears it at the end.
func TestLiveLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "foo.thrift", "service PingPong { string ping() }")
	addr := startServer(t, "--listen", "127.0.0.1:0", "foo.thrift")
	c := startConsole(t, "bench", "--idl", "foo.thrift", "--rate", "200", "--duration", "2s", addr, "ping")
	c.expect("of 2s")
	c.expect("now  ")
	c.expect("p99")
	c.expect("all  ")
	c.expect("\x1b[3A\r\x1b[J") // the three lines are written over
	out := c.end(0)
	if !strings.Contains(out, "400 calls") || strings.Contains(out, "\x1b") {
		t.Errorf("got %q", out)
	}
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	s := screen{}
	s.write("\x1b[3A\r\x1b[J" + c.seen.String())
	if text := s.text(); text != "" {
		t.Errorf("the screen has\n%s", text)
	}
}

// A screen is what a terminal shows that knows what the live view sends: lines, CUU, CR and ED of ECMA-48.
type screen struct {
	lines []string
	row   int
}

func (s *screen) write(text string) {
	move := regexp.MustCompile(`^\x1b\[(\d+)A`)
	for text != "" {
		switch m := move.FindString(text); {
		case m != "":
			n := 0
			for _, digit := range m[2 : len(m)-1] {
				n = n*10 + int(digit-'0')
			}
			s.row = max(s.row-n, 0)
			text = text[len(m):]
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = s.lines[:min(s.row, len(s.lines))]
			text = text[3:]
		case text[0] == '\n':
			s.row++
			text = text[1:]
		case text[0] == '\r':
			text = text[1:]
		default:
			for len(s.lines) <= s.row {
				s.lines = append(s.lines, "")
			}
			s.lines[s.row] += text[:1]
			text = text[1:]
		}
	}
}

func (s *screen) text() string { return strings.TrimSpace(strings.Join(s.lines, "\n")) }
