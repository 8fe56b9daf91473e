package conformance

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const idlFile = "testdata/conformance.thrift"

// TestCommandCall has "thriftkit call" call server.py.
func TestCommandCall(t *testing.T) {
	python(t)
	thriftkit := build(t, "cmd/thriftkit")
	tests := []struct {
		args   string // words with single spaces between
		stdout string
		stderr string // a part of it
		code   int
	}{
		{args: `ping`, stdout: `"pong"`},
		{args: `Conformance.divide -- -7 2`, stdout: `-3`},
		{args: `order a b c`, stdout: `"a-b-c"`},
		{args: `order c=c a=a b=b`, stdout: `"a-b-c"`},
		{args: `greet`, stdout: `"world*1@5"`},
		{args: `greet times=3 level=HIGH`, stdout: `"world*3@10"`},
		{args: `echoString 水🦉`, stdout: `"水🦉"`},
		{args: `echoColor GREEN`, stdout: `"GREEN"`},
		{args: `echoColor 77`, stdout: `77`},
		{args: `echoDouble NaN`, stdout: `"NaN"`},
		{args: `echoI64 9223372036854775807`, stdout: `9223372036854775807`},
		{args: `echoBinary AP8=`, stdout: `"AP8="`},
		{args: `echoIntSet [3,1]`, stdout: `[3,1]`},
		{args: `echoMatrix [[],[1,2]]`, stdout: `[[],[1,2]]`},
		{args: `mirror {"x":1,"y":-2}`, stdout: `{"x":-2,"y":1}`},
		{args: `echoChoice {"many":[{"number":1},{"nothing":{}}]}`, stdout: `{"many":[{"number":1},{"nothing":{}}]}`},
		{args: `describeScrambled {"last":"z","first":-1,"zeroth":true}`, stdout: `"Scrambled{last=\"z\",first=-1,zeroth=true}"`},
		{args: `check true`},
		{args: `notify token`},
		{args: `divide 7 0`, stderr: `{"exception":"DivisionByZero","value":{"dividend":7}}`, code: 5},
		{args: `divide 7 -- -2`, stderr: `{"exception":"InvalidInput","value":{"field":"b","code":-1,"hints":["b >= 0","try again"]}}`, code: 5},
		{args: `check false`, stderr: `{"exception":"Unavailable","value":{"reason":"not ok","retryAfterMs":250}}`, code: 5},
		{args: `fail application`, stderr: "protocol error: as asked (from the server)", code: 64 + 7},
		{args: `fail undeclared`, stderr: "connection lost", code: 3},
		{args: `echoI8 128`, stderr: "128 is out of range for i8", code: 2},
		{args: `unheardOf`, stderr: "unheardOf", code: 2},
	}
	for _, w := range []route{{"binary", "buffered", "tcp", false}, {"binary", "framed", "tcp", false}, {"compact", "framed", "tcp", false}} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			_, addr := servePython(t, w)
			for _, tt := range tests {
				t.Run(tt.args, func(t *testing.T) {
					args := []string{"call", "--idl", idlFile, "--protocol", w.protocol, "--transport", w.transport, addr}
					p := start(t, thriftkit, append(args, strings.Split(tt.args, " ")...)...)
					lines, code := p.rest()
					if got := strings.Join(lines, "\n"); got != tt.stdout || code != tt.code || !strings.Contains(p.stderr.String(), tt.stderr) {
						t.Errorf("exit code %d, output %q, error output %q; want %d, %q, and in the last %q",
							code, got, p.stderr.String(), tt.code, tt.stdout, tt.stderr)
					}
				})
			}
		})
	}
}

// TestCommandServe has client.py and pingpong_client.py call "thriftkit serve".
func TestCommandServe(t *testing.T) {
	py := python(t)
	thriftkit := build(t, "cmd/thriftkit")
	serve := func(t *testing.T, args ...string) string {
		server := start(t, thriftkit, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
		t.Cleanup(server.kill) // it serves for ever
		return server.line("listening on ")
	}
	write := func(t *testing.T, answers string) string {
		path := filepath.Join(t.TempDir(), "answers.json")
		if err := os.WriteFile(path, []byte(answers), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("echo", func(t *testing.T) {
		t.Parallel()
		addr := serve(t, "--echo", "--answers", write(t, `{"ping": "pong"}`), idlFile)
		for _, w := range []route{{"binary", "buffered", "tcp", false}, {"binary", "framed", "tcp", true}} {
			t.Run(w.String(), func(t *testing.T) {
				// The checks that want nothing but an echo, or a pong.
				runClient(t, addr, 40, append(w.flags(), "--only", "^(ping|echo|string|binary of|large|recurs|mutually|unknown|field of)")...)
			})
		}
	})
	t.Run("answers", func(t *testing.T) {
		t.Parallel()
		answers := write(t, `{"ping": "pong", "login": "登录成功!"}`)
		_, port, err := net.SplitHostPort(serve(t, "--answers", answers, "testdata/foo.thrift"))
		if err != nil {
			t.Fatal(err)
		}
		client := start(t, py, "py/pingpong_client.py", port)
		lines, code := client.rest()
		if want := "pong|登录成功!"; strings.Join(lines, "|") != want || code != 0 {
			t.Errorf("the client printed %q and exited with %d, want %q\n%s", lines, code, want, client.stderr.tail())
		}
	})
}

// TestCommandPeers has the command line call the servers of libraries in Go, stand in for them, and put load on them: behind a
// recording proxy they are called once more, and what was recorded answers in their place.
func TestCommandPeers(t *testing.T) {
	program := build(t, "cmd/thriftkit")
	run := func(t *testing.T, want string, args ...string) {
		t.Helper()
		p := start(t, program, args...)
		lines, code := p.rest()
		if got := strings.Join(lines, "\n"); code != 0 || !strings.Contains(got, want) {
			t.Errorf("%q: exit code %d, output %q, want %q\n%s", args, code, got, want, p.stderr.tail())
		}
	}
	serve := func(t *testing.T, args ...string) (*process, string) {
		p := start(t, program, append([]string{"serve", "--listen", "127.0.0.1:0"}, append(args, idlFile)...)...)
		t.Cleanup(p.kill)
		return p, p.line("listening on ")
	}
	check := func(t *testing.T, addr, transport string) {
		at := "tcp://" + addr + "?transport=" + transport
		run(t, `"pong"`, "call", "--idl", idlFile, at, "ping")
		run(t, `"name*3@10"`, "call", "--idl", idlFile, at, "greet", "name", "3", "HIGH")
		run(t, `{"x":-2,"y":1}`, "call", "--idl", idlFile, at, "mirror", "p.x=1", "p.y=-2")
	}
	peers := map[string]func(t *testing.T) (addr, transport string){
		"thriftpy2": func(t *testing.T) (string, string) {
			_, addr := servePython(t, route{"binary", "framed", "tcp", false})
			return addr, "framed"
		},
	}
	for _, p := range []*peer{apacheGo(), kitex()} {
		peers[p.name] = func(t *testing.T) (string, string) {
			return p.serve(t, certificates(t))["binary/framed/tcp"], "framed"
		}
	}
	for name, peer := range peers {
		t.Run(name, func(t *testing.T) {
			addr, transport := peer(t)
			check(t, addr, transport)
			record := filepath.Join(t.TempDir(), "record.jsonl")
			proxy, proxied := serve(t, "--upstream", "tcp://"+addr+"?transport="+transport, "--record", record)
			check(t, proxied, "buffered")
			proxy.kill()
			_, mock := serve(t, "--replay", record)
			check(t, mock, "header")
			run(t, "0 errors", "bench", "--idl", idlFile, "--concurrency", "4", "--duration", "500ms", "--fail", "errors<1%", "--fail", "rate>50",
				"tcp://"+addr+"?transport="+transport, "ping")
		})
	}
}
