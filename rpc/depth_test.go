package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
)

type Tree struct {
	N    int32
	Kids []*Tree
}

// treeOf returns a tree of so many structs, each in the list of the one above.
func treeOf(structs int) *Tree {
	t := &Tree{N: int32(structs)}
	if structs > 1 {
		t.Kids = []*Tree{treeOf(structs - 1)}
	}
	return t
}

func (t *Tree) structs() int {
	n := 1
	for ; len(t.Kids) > 0; t = t.Kids[0] {
		n++
	}
	return n
}

type trees struct{}

func (trees) Echo(_ context.Context, t *Tree) (*Tree, error) { return t, nil }
func (trees) Grow(_ context.Context, n int32) (*Tree, error) { return treeOf(int(n)), nil }
func (trees) Skip(context.Context) (string, error)           { return "skipped", nil }

// TestMaxDepth has limits of nesting on both sides: with the arguments and their list, n structs have 2n levels.
func TestMaxDepth(t *testing.T) {
	leaks(t)
	file, diags := compile.Compile("tree.thrift", compile.Options{Source: compile.Texts{"tree.thrift": `
struct Tree { 1: i32 n, 2: list<Tree> kids }
service Trees { Tree echo(1: Tree t), Tree grow(1: i32 n), string skip() }`}})
	if file == nil {
		t.Fatal(diags)
	}
	svc := file.Service("Trees")
	wider, diags := compile.Compile("wider.thrift", compile.Options{Source: compile.Texts{"wider.thrift": `
struct Tree { 1: i32 n, 2: list<Tree> kids }
service Trees { string skip(1: Tree unknown) }`}})
	if wider == nil {
		t.Fatal(diags)
	}
	start := func(depth int) string {
		l := listenTCP(t)
		s := rpc.NewServer(rpc.ServerOptions{MaxDepth: depth})
		if err := s.Register(svc, trees{}); err != nil {
			t.Fatal(err)
		}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
		return l.Addr().String()
	}
	usual, deep := start(0), start(4000)
	for _, query := range []string{"", "?protocol=compact", "?transport=framed", "?transport=header&protocol=compact", "?transport=http", "?transport=framed&protocol=compact"} {
		call := func(addr string, depth, structs int) (int, error) {
			c := dial(t, addr+query, rpc.ClientOptions{MaxDepth: depth, Timeout: 30 * time.Second})
			tree, err := rpc.Invoke[*Tree](context.Background(), c, svc.Method("echo"), treeOf(structs))
			if err != nil {
				return 0, err
			}
			return tree.structs(), nil
		}
		if n, err := call(usual, 0, 127); n != 127 || err != nil {
			t.Errorf("%s: what is accepted by default: %d, %v", query, n, err)
		}
		if _, err := call(usual, 0, 129); code(err) != rpc.CodeArgument || !strings.Contains(err.Error(), "more than 256 levels") {
			t.Errorf("%s: sent with the default: %v", query, err)
		}
		if _, err := call(usual, 4000, 1000); code(err) != rpc.CodeProtocol || !strings.Contains(err.Error(), "more than 256 levels") || rpc.OutcomeOf(err) != rpc.OutcomeExecuted {
			t.Errorf("%s: to a server with the default: %v, %v", query, err, rpc.OutcomeOf(err))
		}
		if n, err := call(deep, 4000, 1900); n != 1900 || err != nil {
			t.Errorf("%s: both sides deep: %d, %v", query, n, err)
		}
		if _, err := call(deep, 10_000, 2500); code(err) != rpc.CodeProtocol || !strings.Contains(err.Error(), "more than 4000 levels") {
			t.Errorf("%s: above the server's limit: %v", query, err)
		}
		shallow := dial(t, deep+query, rpc.ClientOptions{Timeout: 30 * time.Second})
		_, err := rpc.Invoke[*Tree](context.Background(), shallow, svc.Method("grow"), int32(1000))
		if code(err) != rpc.CodeProtocol || !strings.Contains(err.Error(), "more than 256 levels") || rpc.OutcomeOf(err) != rpc.OutcomeExecuted {
			t.Errorf("%s: a reply above the client's limit: %v, %v", query, err, rpc.OutcomeOf(err))
		}
		unknown := dial(t, deep+query, rpc.ClientOptions{MaxDepth: 4000, Timeout: 30 * time.Second})
		if got, err := rpc.Invoke[string](context.Background(), unknown, wider.Service("Trees").Method("skip"), treeOf(1900)); got != "skipped" || err != nil {
			t.Errorf("%s: an unknown field: %q, %v", query, got, err)
		}
		v, err := rpc.Invoke[*dynamic.Struct](context.Background(), unknown, svc.Method("grow"), int32(1900))
		if err != nil || v.Get("n").Int() != 1900 {
			t.Errorf("%s: without Go types: %v", query, err)
		}
	}
	most, c := start(rpc.MaxMaxDepth), rpc.ClientOptions{MaxDepth: rpc.MaxMaxDepth, Timeout: time.Minute}
	if tree, err := rpc.Invoke[*Tree](context.Background(), dial(t, most, c), svc.Method("echo"), treeOf(rpc.MaxMaxDepth/2-2)); err != nil || tree.structs() != rpc.MaxMaxDepth/2-2 {
		t.Errorf("as deep as can be: %v", err)
	}
	for _, n := range []int{-1, rpc.MaxMaxDepth + 1} {
		if _, err := rpc.Dial(context.Background(), usual, rpc.ClientOptions{MaxDepth: n}); err == nil || !strings.Contains(err.Error(), "want 0 to 65536") {
			t.Errorf("%d: %v", n, err)
		}
		if err := rpc.NewServer(rpc.ServerOptions{MaxDepth: n}).Serve(listenTCP(t)); err == nil || !strings.Contains(err.Error(), "want 0 to 65536") {
			t.Errorf("%d: %v", n, err)
		}
	}
}
