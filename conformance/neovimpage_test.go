package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNeovimPage has Neovim complete a name and show documentation, and compares what its terminal shows with docs/neovim-completion.svg and
// docs/neovim-hover.svg:
//
//	eval "$(scripts/peers.sh --env)"; go test ./conformance -run TestNeovimPage -update
func TestNeovimPage(t *testing.T) {
	nvim := os.Getenv("THRIFTKIT_NVIM")
	if _, err := exec.LookPath(nvim); err != nil {
		missing(t, "no Neovim: $THRIFTKIT_NVIM names none")
	}
	thriftkit := build(t, "cmd/thriftkit")
	config, err1 := filepath.Abs("../editors/neovim/thrift.lua")
	script, err2 := filepath.Abs("testdata/neovimpage.lua")
	if err := firstError(err1, err2); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"thriftkit.yaml": "lint:\n  sets: minimal\n",
		"lib.thrift":     "/** What something costs. */\nstruct Money {\n  1: i64 cents,\n  2: Currency currency,\n}\n\n/** Where it is spent. */\nenum Currency { CNY = 1, EUR = 2 }\n",
		"shop.thrift":    "include \"lib.thrift\"\n\n/** What is sold. 商品 */\nstruct Item {\n  1: string name,\n  2: lib.Money price,\n  3: Nope currency,\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(nvim, "--headless", "-n", "-i", "NONE", "-u", "NONE", "-c", "luafile "+script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir,
		"NVIM_INNER="+nvim, "NVIM_CONFIG="+config, "TERM=xterm-256color", "LC_ALL=C.UTF-8", "PATH="+filepath.Dir(thriftkit)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"completion", "hover"} {
		text, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		page := "../docs/neovim-" + name + ".svg"
		lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), dir+"/", ""), "\n"), "\n")
		for i, line := range lines {
			lines[i] = strings.TrimRight(line, " ")
		}
		picture := svg(lines)
		if *update {
			if err := os.WriteFile(page, picture, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(page); err != nil || string(old) != string(picture) {
			t.Errorf("%s is not what Neovim shows (%v); -update writes it again:\n%s", page, err, strings.Join(lines, "\n"))
		}
	}
}
