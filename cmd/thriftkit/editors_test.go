package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/idl/syntax"
)

// TestGrammars compares the keywords that the editors' grammars colour with the parser's.
func TestGrammars(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../../editors", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	textmate := read("vscode/syntaxes/thrift.tmLanguage.json")
	for _, name := range []string{"vscode/syntaxes/thrift.tmLanguage.json", "vscode/package.json", "vscode/language-configuration.json", "vscode/snippets/thrift.json", "zed/settings.json", "jetbrains/template.json"} {
		if !json.Valid([]byte(read(name))) {
			t.Errorf("%s is not JSON", name)
		}
	}
	var words []string
	for _, m := range regexp.MustCompile(`"match": "\\\\b\(([a-z0-9_|]+)\)\\\\b"`).FindAllStringSubmatch(textmate, -1) {
		words = append(words, strings.Split(m[1], "|")...)
	}
	if len(words) < 35 {
		t.Fatalf("only %d keywords found: %v", len(words), words)
	}
	for _, w := range words {
		if tree, _ := syntax.Parse("", []byte(w)); tree.Tokens[0].Kind() != syntax.Keyword {
			t.Errorf("the grammar has %s, which is no keyword", w)
		}
	}
	for _, w := range syntax.Keywords() {
		if !slices.Contains(words, w) {
			t.Errorf("the TextMate grammar does not have %s", w)
		}
	}
	// Each of the parser's keywords is coloured everywhere.
	for _, w := range append(syntax.Keywords(), syntax.ContextualKeywords()...) {
		for _, name := range []string{"vscode/syntaxes/thrift.tmLanguage.json", "vim/syntax/thrift.vim", "emacs/thriftkit.el"} {
			if !regexp.MustCompile(`[^a-z]` + w + `[^a-z_]`).MatchString(read(name)) {
				t.Errorf("%s does not have %s", name, w)
			}
		}
	}
}

// editor returns the path that a variable has of an editor, or of what it is made of.
func editor(t *testing.T, name, variable string) string {
	t.Helper()
	at := os.Getenv(variable)
	_, notFound := exec.LookPath(at)
	if info, err := os.Stat(at); notFound != nil && (err != nil || !info.IsDir()) {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("no %s: run scripts/peers.sh", name)
		}
		t.Skipf("no %s: $%s names none", name, variable)
	}
	return at
}

// shopDir is a project of two files, one of which has a mistake behind a character that is two UTF-16 code units.
func shopDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "thriftkit.yaml"), "lint:\n  sets: standard\n")
	write(t, filepath.Join(dir, "lib.thrift"), "/** Cents. */\nstruct Money {\n  1: i64 cents,\n}\n")
	write(t, filepath.Join(dir, "shop.thrift"), "include \"lib.thrift\"\n\nstruct Item {\n  1: lib.Money price, /* 😀 */ 2: Nope n\n}\n")
	return dir
}

// homeIn is an environment in which an editor finds no settings and leaves nothing behind.
func homeIn(dir string) []string {
	return append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir)
}

// TestEmacs drives the language server by Emacs without a screen, and its client Eglot, in the mode that editors/emacs has.
func TestEmacs(t *testing.T) {
	emacs := editor(t, "Emacs", "THRIFTKIT_EMACS")
	mode, err := filepath.Abs("../../editors/emacs")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/editors/emacs.el")
	if err != nil {
		t.Fatal(err)
	}
	dir := shopDir(t)
	cmd := exec.Command(emacs, "-Q", "--batch", "-L", mode, "-l", script)
	cmd.Dir, cmd.Env = dir, append(homeIn(dir), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "result.txt"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := `diagnostics: thriftkit [UNKNOWN_TYPE]: unknown type Nope, column 33
hover: Cents.
definition: lib.thrift 2
completion: lib.Money
signature: map<key, value>
value: the type of the values
rename:   1: lib.Amount price, /* 😀 */ 2: map<string, i32> n
rename: struct Amount {
format: 6
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestVSCodeProtocol drives the language server by the library with which Visual Studio Code's client speaks the protocol, at the version that the extension
// has. The client itself needs the editor.
func TestVSCodeProtocol(t *testing.T) {
	library := editor(t, "library of Visual Studio Code", "THRIFTKIT_VSCODE")
	script, err := filepath.Abs("testdata/editors/vscode.js")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, library)
	cmd.Dir = shopDir(t)
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	want := `server: thriftkit
watches: workspace/didChangeWatchedFiles
diagnostics: UNKNOWN_TYPE 3:34
hover: Cents.
definition: lib.thrift 1
completion: lib.Money
diagnostics: 0
signature: map<key, value> 1
rename: lib.thrift shop.thrift   1: lib.Amount price, /* 😀 */ 2: map<string, i32> n
format: 6
action: move Item to item.thrift create item.thrift shop.thrift
exit: 0
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestNeovim drives the language server by Neovim without a screen: findings, hover, definition, completion,
// renaming in two files, formatting. $THRIFTKIT_NVIM names the program.
func TestNeovim(t *testing.T) {
	nvim := editor(t, "Neovim", "THRIFTKIT_NVIM")
	config, err := filepath.Abs("../../editors/neovim/thrift.lua")
	if err != nil {
		t.Fatal(err)
	}
	dir := shopDir(t)
	write(t, filepath.Join(dir, "test.lua"), neovimTest)
	cmd := exec.Command(nvim, "--headless", "-n", "-i", "NONE", "-u", config, "shop.thrift", "-c", "luafile test.lua")
	cmd.Dir = dir
	cmd.Env = homeIn(dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "result.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := `diagnostics: UNKNOWN_TYPE 3:36
hover: Cents.
definition: lib.thrift 1
completion: lib.Money
rename: lib.thrift:struct Amount {
rename: shop.thrift:  1: lib.Amount price, /* 😀 */ 2: i32 n
format: 6
`
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// Each request waits for its answer, however long it takes; Neovim gives up after a minute.
const neovimTest = `
local out = io.open("result.txt", "w")
local function say(text) out:write(text .. "\n") out:flush() end
local ok, err = pcall(function()
  local buf = vim.api.nvim_get_current_buf()
  local function request(method, params)
    local answers = vim.lsp.buf_request_sync(buf, method, params, 60000)
    for _, a in pairs(answers or {}) do return a.result end
  end
  local uri = vim.uri_from_bufnr(buf)
  local function at(line, character)
    return { textDocument = { uri = uri }, position = { line = line, character = character } }
  end
  local ready = vim.wait(60000, function() return #vim.diagnostic.get(buf) > 0 end, 20)
  if not ready then error("no diagnostics") end
  for _, d in ipairs(vim.diagnostic.get(buf)) do
    say("diagnostics: " .. d.code .. " " .. d.lnum .. ":" .. d.col)
  end
  local hover = request("textDocument/hover", at(3, 10))
  say("hover: " .. (hover.contents.value:match("Cents%.") or hover.contents.value))
  local def = request("textDocument/definition", at(3, 10))
  say("definition: " .. def.uri:match("[^/]*$") .. " " .. def.range.start.line)
  vim.api.nvim_buf_set_lines(buf, 3, 4, false, { "  1: lib.Money price, /* 😀 */ 2: lib. n" })
  local completion = request("textDocument/completion", at(3, 38))
  local labels = {}
  for _, i in ipairs(completion.items) do table.insert(labels, i.label) end
  say("completion: " .. table.concat(labels, " "))
  vim.api.nvim_buf_set_lines(buf, 3, 4, false, { "  1: lib.Money price, /* 😀 */ 2: i32 n" })
  local edit = request("textDocument/rename", vim.tbl_extend("force", at(3, 10), { newName = "Amount" }))
  vim.lsp.util.apply_workspace_edit(edit, "utf-16")
  vim.cmd("wall")
  for line in io.lines("lib.thrift") do
    if line:match("struct") then say("rename: lib.thrift:" .. line) end
  end
  say("rename: shop.thrift:" .. vim.api.nvim_buf_get_lines(buf, 3, 4, false)[1])
  vim.lsp.buf.formatting_sync(nil, 60000)
  say("format: " .. vim.api.nvim_buf_line_count(buf))
end)
if not ok then say("error: " .. tostring(err)) end
out:close()
vim.cmd("qall!")
`
