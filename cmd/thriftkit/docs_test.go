package main

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The runs in docs/cli.md must be true. Its files are the fenced blocks after a line that ends with
// the name of one and a colon.
func TestDocs(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("the examples are for a shell")
		}
		t.Fatal(err)
	}
	page := []byte(readDoc(t, "cli.md"))
	t.Chdir(t.TempDir())
	fileName := regexp.MustCompile("`([a-z]+\\.[a-z]+)`:\\n\\n```[a-z]+\\n")
	for _, at := range fileName.FindAllSubmatchIndex(page, -1) {
		text, _, _ := strings.Cut(string(page[at[1]:]), "```")
		write(t, string(page[at[2]:at[3]]), text)
	}
	addr := startServer(t, "--listen", "127.0.0.1:0", "--answers", "answers.json", "--echo", "foo.thrift")
	runs := 0
	for _, block := range regexp.MustCompile("(?s)```console\\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		code := 0
		for run := range strings.SplitSeq(strings.TrimPrefix(block[1], "$ "), "\n$ ") {
			command, want, _ := strings.Cut(strings.TrimSuffix(run, "\n")+"\n", "\n")
			cmd := exec.Command("sh", "-c", "(exit "+strconv.Itoa(code)+"); "+strings.ReplaceAll(command, "127.0.0.1:9090", addr))
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			code = cmd.ProcessState.ExitCode()
			if strings.TrimSuffix(string(out), "\n") != strings.TrimSuffix(want, "\n") {
				t.Errorf("$ %s\n%s\nbut docs/cli.md says\n%s", command, out, want)
			}
			runs++
		}
	}
	if runs < 15 {
		t.Errorf("only %d runs found", runs)
	}
}

// The Chinese pages have the blocks of the English ones, as many headings, and tables with the same code.
func TestDocsInChinese(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```.*?^```$")
	for _, name := range []string{"cli", "gen", "idl"} {
		english, chinese := readDoc(t, name+".md"), readDoc(t, name+".zh-CN.md")
		same := func(what string, a, b []string) {
			if len(a) != len(b) {
				t.Errorf("docs/%s.md has %d %s, docs/%s.zh-CN.md %d", name, len(a), what, name, len(b))
				return
			}
			for i := range a {
				if a[i] != b[i] {
					t.Errorf("docs/%s.md, %s:\n%s\ndocs/%s.zh-CN.md has\n%s", name, what, a[i], name, b[i])
				}
			}
		}
		same("blocks", block.FindAllString(english, -1), block.FindAllString(chinese, -1))
		english, chinese = block.ReplaceAllString(english, ""), block.ReplaceAllString(chinese, "")
		same("headings", regexp.MustCompile("(?m)^#+ ").FindAllString(english, -1), regexp.MustCompile("(?m)^#+ ").FindAllString(chinese, -1))
		same("rows", codeOfRows(english), codeOfRows(chinese))
	}
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// codeOfRows returns the inline code of each row of the tables of page, sorted.
func codeOfRows(page string) []string {
	var rows []string
	for _, row := range regexp.MustCompile(`(?m)^\|.*\|$`).FindAllString(page, -1) {
		code := regexp.MustCompile("`[^`]+`").FindAllString(row, -1)
		slices.Sort(code)
		rows = append(rows, strings.Join(code, " "))
	}
	return rows
}

// startServer starts "thriftkit serve" with args and returns its address. It is ended with the test.
func startServer(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("thriftkit", append([]string{"serve"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
}
