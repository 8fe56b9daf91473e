package grpc_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
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

// TestDubboJava has Dubbo for Java call a server by Triple, with a plain interface. (dubbo-go's peer is in conformance/dubbo.)
func TestDubboJava(t *testing.T) {
	place := os.Getenv("THRIFTKIT_DUBBOJAVA")
	if _, err := os.Stat(place); place == "" || err != nil {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("THRIFTKIT_DUBBOJAVA (%q) names no peer", place)
		}
		t.Skipf("THRIFTKIT_DUBBOJAVA (%q) names no peer (make test-all sets it up)", place)
	}
	s := thriftkit.NewServer(thriftkit.WithDialects(grpc.Dialect()))
	defer s.Close()
	if err := s.Register(thriftkit.MustLoad("../dubbo/testdata/shop.thrift").MustService("Shop"), dubboShop{}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	program := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		program = filepath.Join(home, "bin", "java")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	addr := strings.Replace(l.Addr().String(), "127.0.0.1", "2130706433", 1) // as 127.0.0.1, Dubbo would call another address of the machine
	cmd := exec.CommandContext(ctx, program, "-Djava.net.preferIPv4Stack=true", "-cp", place+string(os.PathListSeparator)+filepath.Join(place, "lib", "*"), "Peer", "triple", addr)
	cmd.Dir = t.TempDir()
	cmd.Env, cmd.WaitDelay = append(os.Environ(), "HOME="+cmd.Dir), 5*time.Second
	out, err := cmd.CombinedOutput()
	if n := strings.Count("\n"+string(out), "\nok "); err != nil || n != 12 {
		t.Errorf("%v, %d checks passed:\n%s", err, n, out)
	}
}
