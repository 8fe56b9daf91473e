package dubbo_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/internal/freeport"
	"github.com/thriftkit/thriftkit/rpc"
)

// java returns a command that runs the peer in Java. Without it the test is skipped, or fails where peers are required.
func java(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	place := os.Getenv("THRIFTKIT_DUBBOJAVA")
	if place == "" {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatal("no Dubbo for Java: THRIFTKIT_DUBBOJAVA is not set (make peers)")
		}
		t.Skip("no Dubbo for Java: THRIFTKIT_DUBBOJAVA is not set (make peers)")
	}
	program := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		program = filepath.Join(home, "bin", "java")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, append([]string{"-Djava.net.preferIPv4Stack=true", "-cp", place + string(os.PathListSeparator) + filepath.Join(place, "lib", "*"), "Peer"}, args...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// TestJavaClient has Dubbo for Java call our server.
func TestJavaClient(t *testing.T) {
	addr, h := serveOurs(t)
	// As 127.0.0.1 or localhost, Dubbo would call another address of the machine.
	out, err := java(t, "client", strings.Replace(addr, "127.0.0.1", "2130706433", 1)).CombinedOutput()
	ok := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok ") {
			ok++
		}
	}
	if err != nil || ok != 21 {
		t.Errorf("%v, %d checks passed:\n%s", err, ok, out)
	}
	select {
	case got := <-h.logged:
		if got != "a line" {
			t.Errorf("oneway: %q", got)
		}
	default:
		t.Error("the oneway call is missing")
	}
}

// TestJavaServer calls a server of Dubbo for Java.
func TestJavaServer(t *testing.T) {
	port := freeport.TCP(t)
	cmd := java(t, "server", strconv.Itoa(port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
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
	c := dialOurs(t, fmt.Sprintf("dubbo://127.0.0.1:%d", port))
	checkServer(t, c)
	ctx := t.Context()
	var exception *rpc.Exception
	if _, err := c.Echo(ctx, map[string]any{"name": "missing"}); !errors.As(err, &exception) || exception.Value.Get("key").Text() != "missing" || exception.Value.Get("code").Int() != 7 {
		t.Errorf("a declared exception: %v", err)
	}
	var e *rpc.Error
	if _, err := c.Echo(ctx, map[string]any{"name": "undeclared"}); !errors.As(err, &e) || e.Code != rpc.CodeInternal || !strings.Contains(e.Message, "no good") {
		t.Errorf("an undeclared exception: %v", err)
	}
	if got, err := c.Where(ctx, "me"); got["again"] != (Point{1, 2}) || err != nil {
		t.Errorf("a reference: %v, %v", got, err)
	}
	conn, err := thriftkit.Dial(ctx, fmt.Sprintf("dubbo://127.0.0.1:%d", port), thriftkit.WithDialects(dialect))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	shop := loadShop().Service("Shop")
	if got, err := thriftkit.Invoke[int32](ctx, conn, shop.Method("favourite"), 2); got != 2 || err != nil {
		t.Errorf("an enum: %v, %v", got, err)
	}
	if got, err := thriftkit.Invoke[[]int32](ctx, conn, shop.Method("unique"), []int32{1, 2, 1}); len(got) != 2 || err != nil {
		t.Errorf("a set: %v, %v", got, err)
	}
	var back map[string]string
	if _, err := thriftkit.Invoke[map[string]string](thriftkit.ReceiveMetadata(ctx, &back), conn, shop.Method("metadata"), map[string]string{"served-by": "me"}); back["served-by"] != "me" || err != nil {
		t.Errorf("attachments of the response: %v, %v", back, err)
	}
	if err := conn.Bind(shop, &struct {
		Nothing func(context.Context) error
	}{}); err != nil {
		t.Error(err)
	}
	nope, err := thriftkit.Dial(ctx, fmt.Sprintf("dubbo://127.0.0.1:%d/com.acme.Nope", port), thriftkit.WithDialects(dialect))
	if err != nil {
		t.Fatal(err)
	}
	defer nope.Close()
	if _, err := thriftkit.Invoke[string](ctx, nope, shop.Method("ping")); !errors.As(err, &e) || !e.Remote {
		t.Errorf("an unknown service: %v", err)
	} else {
		t.Logf("an unknown service: %v (%v)", err, e.Outcome)
	}
}
