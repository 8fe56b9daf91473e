package grpc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// missing ends a test that lacks a peer: it is skipped, or fails where scripts/peers.sh says that all are required.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("THRIFTKIT_PEERS") == "required" {
		t.Fatal(what)
	}
	t.Skipf("%s (make test-all sets it up)", what)
}

// python returns the Python that has grpcio, and a folder with the code that it generates from our .proto file.
func python(t *testing.T) (exe, code string) {
	t.Helper()
	exe = os.Getenv("THRIFTKIT_GRPC_PYTHON")
	if _, err := exec.LookPath(exe); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_GRPC_PYTHON (%q) names no Python with grpcio", exe))
	}
	code = t.TempDir()
	writeProto(t, code)
	run(t, exe, "-m", "grpc_tools.protoc", "-I"+code, "-Itestdata/py", "--python_out="+code, "--grpc_python_out="+code, "shop.proto", "status.proto")
	return exe, code
}

// writeProto writes shop.proto.
func writeProto(t *testing.T, dir string) {
	t.Helper()
	files, err := gen.Proto([]*schema.File{loadShop()}, gen.ProtoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Path), f.Text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a program to its end and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", args, err, out, stderr.String())
	}
	return string(out)
}

// startPeer starts a server that prints its port, and returns the address. It ends with the test.
func startPeer(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("%s says no port: %v", args, lines.Err())
	}
	return "127.0.0.1:" + strings.TrimSpace(lines.Text())
}

// peerOutput is what the clients of peers print.
const peerOutput = `ping pong
add 5
add default 7
echo True
echo_direct True
names ['n0', 'n1']
where 2
favourite COLOR_GREEN
log True
missing NOT_FOUND 'NotFound' key: "missing" code: 7
nothing UNKNOWN '100% é' why: "100% é"
undeclared INTERNAL 'internal error'
range INVALID_ARGUMENT 'at byte 1, in Everything.tiny (field 2): invalid data: 128 does not fit i8'
deadline DEADLINE_EXCEEDED
metadata 'a\x00b' [b'\x00\xff']
count [0, 1, 2]
count error UNKNOWN 'enough' why: "enough"
sum 3
total 4
mirror [(2, 1), (0, 3)]
`

// TestPythonClient has grpcio, with code that it generated, call our server.
func TestPythonClient(t *testing.T) {
	exe, code := python(t)
	addr, _ := serve(t)
	if got := run(t, exe, "testdata/py/client.py", code, addr); got != peerOutput {
		t.Errorf("got:\n%swant:\n%s", got, peerOutput)
	}
}

// TestPythonServer calls a server of grpcio.
func TestPythonServer(t *testing.T) {
	exe, code := python(t)
	addr := startPeer(t, exe, "testdata/py/server.py", code)
	callPeer(t, "grpc://"+addr)
}

var minusZero = regexp.MustCompile(`[:\[]-0[,}\]]`)

// callPeer calls a server that has some of Shop.
func callPeer(t *testing.T, target string) {
	conn := dial(t, target)
	c := bind(t, conn)
	ctx := t.Context()
	if s, err := c.Ping(ctx); s != "pong" || err != nil {
		t.Errorf("ping: %q, %v", s, err)
	}
	if n, err := c.Add(ctx, 2, 3); n != 5 || err != nil {
		t.Errorf("add: %d, %v", n, err)
	}
	o := newOracle(t, "Everything")
	for seed := range uint64(50) {
		g := &generator{newRand(seed), 200}
		value := g.structure(o.s, 4)
		b, err := o.marshal(value)
		if err != nil {
			continue // a string that is not UTF-8, a set with an element twice
		}
		// Read again, so that what is absent on the wire has its default here, too.
		if value, err = o.unmarshal(b); err != nil {
			continue
		}
		text, err := o.json.AppendJSON(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(target, "json") && minusZero.Match(text) {
			continue // JavaScript writes -0 as 0
		}
		value.Set("name", "any")
		got, err := c.Echo(ctx, value)
		if err != nil {
			t.Errorf("echo %d: %v", seed, err)
			continue
		}
		x, err1 := o.marshal(got)
		y, err2 := o.marshal(value)
		if err := errors.Join(err1, err2); err != nil || len(x) != len(y) {
			t.Errorf("echo %d: another value came back, %v", seed, err)
		}
	}
	value := dynamic.New(o.s)
	value.Set("name", "missing")
	var missing *NotFound
	if _, err := c.Echo(ctx, value); !errors.As(err, &missing) || missing.Code != 7 {
		t.Errorf("a declared exception: %v", err)
	}
	value.Set("name", "denied")
	var business *rpc.BusinessError
	if _, err := c.Echo(ctx, value); !errors.As(err, &business) || business.Code != 7 || business.Message != "not you" {
		t.Errorf("PERMISSION_DENIED: %v", err)
	}
	var e *rpc.Error
	if err := c.Log(ctx, "a"); !errors.As(err, &e) || e.Code != rpc.CodeUnknownMethod || e.Outcome != rpc.OutcomeRefused {
		t.Errorf("a method that is not there: %v", err)
	}
	var reply map[string]string
	md := thriftkit.ReceiveMetadata(thriftkit.AddMetadata(ctx, map[string]string{"x-a": "b"}), &reply)
	if v, err := c.Metadata(md, "x-a"); v != "b" || err != nil || reply["x-reply"] != "r" || reply["x-after-bin"] != "\x00\xff" {
		t.Errorf("metadata: %q, %v, %q", v, err, reply)
	}
	limited, cancel := context.WithTimeout(ctx, 100*time.Second)
	defer cancel()
	if left, err := c.Wait(limited, 0); err != nil || left < 10 || left > 100 {
		t.Errorf("%d seconds are left, %v", left, err)
	}
	in, err := c.Count(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []int32
	for p, err := range in.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.X)
	}
	if !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("count: %v", got)
	}
	out, err := c.Sum(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.Send(Point{X: 1}), out.Send(Point{X: 2})); err != nil {
		t.Error(err)
	}
	if sum, err := out.CloseAndRecv(); sum != 3 || err != nil {
		t.Errorf("sum: %d, %v", sum, err)
	}
	if !strings.HasPrefix(target, "grpc") {
		return // bidirectional streams of Connect need HTTP/2
	}
	both, err := c.Mirror(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(3) {
		if err := both.Send(Point{i, 7}); err != nil {
			t.Fatal(err)
		}
		if p, err := both.Recv(); p != (Point{7, i}) || err != nil {
			t.Errorf("mirror: %v, %v", p, err)
		}
	}
	both.CloseSend()
}
