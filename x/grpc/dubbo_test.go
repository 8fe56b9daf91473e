package grpc_test

import (
	"bufio"
	"context"
	"errors"
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
	"github.com/thriftkit/thriftkit/x/grpc"
)

// dubboShop is a handler of the service that Dubbo's peers call.
type dubboShop struct{}

type dubboPoint struct{ X, Y int32 }

type dubboMissing struct {
	Key  string
	Code int32
}

func (*dubboMissing) Error() string      { return "missing" }
func (*dubboMissing) ThriftName() string { return "NotFound" }

func (dubboShop) Ping(context.Context) (string, error) { return "pong", nil }

func (dubboShop) Echo(_ context.Context, v map[string]any) (map[string]any, error) {
	switch v["name"] {
	case "missing":
		return nil, &dubboMissing{"missing", 7}
	case "undeclared":
		return nil, errors.New("a secret")
	}
	return v, nil
}

func (dubboShop) Add(_ context.Context, a, b int32) (int64, error) { return int64(a) + int64(b), nil }

func (dubboShop) Names(_ context.Context, count int32) ([]string, error) {
	return slices.Repeat([]string{"n"}, int(count)), nil
}

func (dubboShop) Where(_ context.Context, who string) (map[string]dubboPoint, error) {
	return map[string]dubboPoint{who: {1, 2}}, nil
}

func (dubboShop) Favourite(_ context.Context, c int32) (int32, error) { return c, nil }

func (dubboShop) Unique(_ context.Context, all []int32) ([]int32, error) {
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (dubboShop) Nothing(context.Context) error { return nil }

func (dubboShop) Log(context.Context, string) error { return nil }

func (dubboShop) Metadata(ctx context.Context, _ map[string]string) (map[string]string, error) {
	return thriftkit.Metadata(ctx), nil
}

func (dubboShop) Wait(ctx context.Context, ms int32) (int32, error) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return ms, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (dubboShop) Business(context.Context, int32) (string, error) { return "", errors.New("none") }

// dubboJava returns the command that runs the peer of Dubbo for Java.
func dubboJava(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	place := os.Getenv("THRIFTKIT_DUBBOJAVA")
	if _, err := os.Stat(place); place == "" || err != nil {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("THRIFTKIT_DUBBOJAVA (%q) names no peer", place)
		}
		t.Skipf("THRIFTKIT_DUBBOJAVA (%q) names no peer (make test-all sets it up)", place)
	}
	program := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		program = filepath.Join(home, "bin", "java")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, append([]string{"-Djava.net.preferIPv4Stack=true", "-cp", place + string(os.PathListSeparator) + filepath.Join(place, "lib", "*"), "Peer"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "HOME="+cmd.Dir), 5*time.Second
	return cmd
}

// TestDubboJava has Dubbo for Java call a server by Triple, with a plain interface. (dubbo-go's peer is in conformance/dubbo.)
func TestDubboJava(t *testing.T) {
	addr := strings.Replace(serveDubboShop(t, grpc.Options{}), "127.0.0.1", "2130706433", 1) // as 127.0.0.1, Dubbo would call another address of the machine
	out, err := dubboJava(t, "triple", addr).CombinedOutput()
	if n := strings.Count("\n"+string(out), "\nok "); err != nil || n != 12 {
		t.Errorf("%v, %d checks passed:\n%s", err, n, out)
	}
}

// TestDubboJavaServer calls a server of Dubbo for Java by Triple.
func TestDubboJavaServer(t *testing.T) {
	port := freeport.TCP(t)
	cmd := dubboJava(t, "server", strconv.Itoa(port), "tri")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	lines := bufio.NewScanner(out)
	ready := false
	for !ready && lines.Scan() {
		ready = lines.Text() == "ready"
	}
	if !ready {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("the server does not start: %s", stderr.String())
	}
	go func() {
		for lines.Scan() {
		}
	}()
	tripleCalls(t, dialTriple(t, "tri://127.0.0.1:"+strconv.Itoa(port)), false)
}
