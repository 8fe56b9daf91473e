package dubbo_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	dubboclient "dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
)

// serveTriple has thriftkit serve Shop and returns the address: its gRPC and dubbo-go's cannot be in one program.
func serveTriple(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "../../cmd/thriftkit", "-o", dir, ".")
	build.Env = append(os.Environ(), "GOWORK=") // that of this repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answers := filepath.Join(dir, "answers.json")
	if err := os.WriteFile(answers, []byte(`{"Shop.ping": "pong", "Shop.add": 5}`), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "thriftkit"), "serve", "--quiet", "--listen", "127.0.0.1:0", "--answers", answers, "--echo", "../../x/dubbo/testdata/shop.thrift")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q, %v", line, err)
	}
	return addr
}

// tripleProxy has methods of Shop as funcs.
type tripleProxy struct {
	Ping func(ctx context.Context) (string, error)                     `dubbo:"ping"`
	Add  func(ctx context.Context, a, b int32) (int64, error)          `dubbo:"add"`
	Echo func(ctx context.Context, v *Everything) (*Everything, error) `dubbo:"echo"`
	Nope func(ctx context.Context) (string, error)                     `dubbo:"nope"`
}

// TestGoTriple has dubbo-go call our server by Triple, without a .proto file.
func TestGoTriple(t *testing.T) {
	registerShop()
	addr := serveTriple(t)
	cli, err := dubboclient.NewClient(dubboclient.WithClientURL("tri://"+addr), dubboclient.WithClientProtocolTriple(), dubboclient.WithClientRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	svc := new(tripleProxy)
	if _, err := cli.DialWithService(shopInterface, svc, dubboclient.WithSerialization(constant.Hessian2Serialization)); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if text, err := svc.Ping(ctx); err != nil || text != "pong" {
		t.Fatalf("ping: %q, %v", text, err)
	}
	if sum, err := svc.Add(ctx, 2, 3); err != nil || sum != 5 {
		t.Errorf("add: %d, %v", sum, err)
	}
	if got, err := svc.Echo(ctx, goEverything()); err != nil || !reflect.DeepEqual(got, goEverything()) {
		t.Errorf("echo: %+v, %v", got, err)
	}
	if _, err := svc.Nope(ctx); err == nil {
		t.Error("an unknown method has an answer")
	}
}
