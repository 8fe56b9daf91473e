package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// onePort are the programs of examples/oneport: the command as the READMEs show it, and what it
// prints.
var onePort = []struct {
	file, shown string
	peer        string // the variable by which scripts/peers.sh tells its place; "" for none
	run         string // in place of the command's first word
	want        string
}{
	{"binary.py", "python3 binary.py", "THRIFTKIT_PYTHON", `"$THRIFTKIT_PYTHON"`, "pong"},
	{"compact.py", "python3 compact.py", "THRIFTKIT_APACHEPY", `"$THRIFTKIT_APACHEPY"`, "pong"},
	{"header.py", "python3 header.py", "THRIFTKIT_APACHEPY", `"$THRIFTKIT_APACHEPY"`, "pong"},
	{"json.js", "node json.js", "THRIFTKIT_NODE", `NODE_PATH="$THRIFTKIT_NODE/node_modules" node`, "pong"},
	{"", `curl -H 'trace: 43' -d '[1,"ping",1,0,{}]' http://127.0.0.1:6000/`, "", "curl -s", `[1,"ping",2,0,{"0":{"str":"pong"}}]`},
	{"", "thriftkit probe 127.0.0.1:6000", "", `"$THRIFTKIT"`, `binary, buffered          127.0.0.1:6000
binary, framed            127.0.0.1:6000?transport=framed
compact, framed           127.0.0.1:6000?protocol=compact&transport=framed
compact, buffered         127.0.0.1:6000?protocol=compact
binary, ttheader          127.0.0.1:6000?transport=ttheader
binary, header            127.0.0.1:6000?transport=header
compact, header           127.0.0.1:6000?protocol=compact&transport=header
json, buffered            127.0.0.1:6000?protocol=json
json, framed              127.0.0.1:6000?protocol=json&transport=framed
thriftpy2-json, buffered  127.0.0.1:6000?protocol=thriftpy2-json
binary, buffered, zlib    127.0.0.1:6000?compression=zlib
binary, http              http://127.0.0.1:6000/
compact, http             http://127.0.0.1:6000/?protocol=compact
json, http                http://127.0.0.1:6000/?protocol=json`},
}

// TestOnePort runs the server of examples/oneport and all of its clients, and checks that both
// READMEs show the commands with their output.
func TestOnePort(t *testing.T) {
	need(t, "sh")
	var dir string
	server, port := startOnPort(t, func(port string) []string {
		dir = onePortFolder(t, port)
		return []string{"sh", "-c", `cd "$1" && exec ./server`, "sh", dir}
	})
	t.Setenv("THRIFTKIT", build(t, "cmd/thriftkit"))
	skipped := false
	for _, tt := range onePort {
		t.Run(tt.shown, func(t *testing.T) {
			defer func() { skipped = skipped || t.Skipped() }()
			word, args, _ := strings.Cut(tt.shown, " ")
			if word == "curl" {
				need(t, "curl")
			} else if tt.peer != "" {
				(&peer{name: word + " with Thrift", variable: tt.peer}).setUp(t)
				generate(t, dir, tt.file)
			}
			run := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(tt.run+" "+args, "6000", port))
			run.Dir = dir
			var stderr strings.Builder
			run.Stderr = &stderr
			out, err := run.Output()
			if got := strings.ReplaceAll(strings.TrimSpace(string(out)), port, "6000"); got != tt.want || err != nil {
				t.Errorf("%v: it printed\n%s\nwant\n%s\n%s", err, got, tt.want, &stderr)
			}
		})
		for _, readme := range []string{"../README.md", "../README.zh-CN.md"} {
			if !strings.Contains(string(read(t, readme)), "$ "+tt.shown+"\n"+tt.want+"\n") {
				t.Errorf("%s does not show %q with its output", readme, tt.shown)
			}
		}
	}
	if !skipped && !t.Failed() {
		wantSoon(t, func() bool {
			log := server.stderr.String()
			return strings.Contains(log, `ping, trace "42"`) && strings.Contains(log, `ping, trace "43"`)
		})
	}
}

// onePortFolder returns a copy of examples/oneport whose programs use port, with the server built.
func onePortFolder(t *testing.T, port string) string {
	t.Helper()
	source, err := filepath.Abs("../examples/oneport")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, err := os.ReadDir(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text := strings.ReplaceAll(string(read(t, filepath.Join(source, f.Name()))), "6000", port)
		if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(source, "main.go"): filepath.Join(dir, "main.go")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	compile := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", filepath.Join(dir, "server"), ".")
	compile.Dir = source
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

var generation = regexp.MustCompile(`thrift (--gen .*)`)

// generate runs the Thrift compiler as the file says, if it does, with the compiler of the peers.
func generate(t *testing.T, dir, file string) {
	t.Helper()
	says := generation.FindSubmatch(read(t, filepath.Join(dir, file)))
	if says == nil {
		return
	}
	compiler, err := exec.Command("../scripts/peers/compiler.sh").Output()
	if err != nil {
		t.Fatalf("scripts/peers/compiler.sh: %v", err)
	}
	compile := exec.Command(strings.TrimSpace(string(compiler)), strings.Fields(string(says[1]))...)
	compile.Dir = dir
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// need ends the test if there is no such program.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, err.Error())
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
