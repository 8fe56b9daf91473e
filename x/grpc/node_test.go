package grpc_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// node returns the Node, the folder of the packages of the peers in it, and one with shop.proto and its descriptors.
func node(t *testing.T) (exe, code string) {
	t.Helper()
	peers := os.Getenv("THRIFTKIT_GRPC_NODE")
	exe, err := exec.LookPath("node")
	if _, noPeers := os.Stat(filepath.Join(peers, "node_modules")); peers == "" || err != nil || noPeers != nil {
		missing(t, "THRIFTKIT_GRPC_NODE names no folder with grpc-js and connect-node")
	}
	t.Setenv("PEER", peers)
	code = t.TempDir()
	writeProto(t, code)
	status, err := os.ReadFile("testdata/py/status.proto")
	if err == nil {
		err = os.WriteFile(filepath.Join(code, "status.proto"), status, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(peers, "node_modules/.bin/buf"), "build", code, "-o", filepath.Join(code, "shop.binpb"))
	return exe, code
}

const nodeOutput = `ping pong
add 5
add default 7
names ["n0","n1"]
where 2
missing NOT_FOUND "NotFound"
nothing UNKNOWN "100% é"
undeclared INTERNAL "internal error"
range INVALID_ARGUMENT "at byte 1, in Everything.tiny (field 2): invalid data: 128 does not fit i8"
deadline DEADLINE_EXCEEDED
metadata a` + "\x00" + `b r
count [0,1,2]
count error UNKNOWN "enough"
`

// TestNodeClient has grpc-js, and connect-node in its three protocols, call our server.
func TestNodeClient(t *testing.T) {
	exe, code := node(t)
	addr, _ := serve(t)
	for mode, streams := range map[string]string{"grpc-js": "sum 3\nmirror [[2,1],[0,3]]\n", "grpc": "sum 3\nmirror [[2,1],[0,3]]\n", "grpc-web": "", "connect": ""} {
		t.Run(mode, func(t *testing.T) {
			if got := run(t, exe, "testdata/node/client.mjs", mode, code, addr); got != nodeOutput+streams {
				t.Errorf("got:\n%swant:\n%s", got, nodeOutput+streams)
			}
		})
	}
}

// TestNodeServer calls servers of grpc-js, and of connect-node by Connect in protobuf and in JSON.
func TestNodeServer(t *testing.T) {
	exe, code := node(t)
	for mode, targets := range map[string][]string{"grpc-js": {"grpc://%s"}, "connect": {"connect://%s", "connect://%s?protocol=json"}} {
		t.Run(mode, func(t *testing.T) {
			addr := startPeer(t, exe, "testdata/node/server.mjs", mode, code)
			for _, target := range targets {
				callPeer(t, fmt.Sprintf(target, addr))
			}
		})
	}
}

// TestBufLint has buf lint what is generated: the rules that it breaks are those about names, which are the IDL's.
func TestBufLint(t *testing.T) {
	_, code := node(t)
	if err := os.Remove(filepath.Join(code, "status.proto")); err != nil { // it is not generated
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("PEER"), "node_modules/.bin/buf"), "lint", code, "--error-format", "json").Output()
	allowed := map[string]bool{
		"RPC_PASCAL_CASE": true, "SERVICE_SUFFIX": true, "PACKAGE_DIRECTORY_MATCH": true, "FIELD_LOWER_SNAKE_CASE": true,
		"RPC_REQUEST_RESPONSE_UNIQUE": true, "RPC_REQUEST_STANDARD_NAME": true, "RPC_RESPONSE_STANDARD_NAME": true,
		"ENUM_NO_ALLOW_ALIAS": true, // where the IDL has numbers twice
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		_, rule, ok := strings.Cut(line, `"type":"`)
		rule, _, _ = strings.Cut(rule, `"`)
		if seen++; !ok || !allowed[rule] {
			t.Errorf("%s", line)
		}
	}
	if seen == 0 {
		t.Error("buf lint found nothing: does it run?")
	}
}
