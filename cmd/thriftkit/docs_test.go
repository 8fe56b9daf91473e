package main

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"runtime"
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
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
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

// The Chinese pages show the same code, commands and tables as the English ones.
func TestDocsInChinese(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```.*?^```$")
	row := regexp.MustCompile("(?m)^\\|.*\\|$")
	heading := regexp.MustCompile("(?m)^##+ ")
	for _, name := range []string{"gen"} {
		var parts [2][]string // of the English page and of the Chinese one
		var rows, headings [2]int
		for i, file := range []string{name + ".md", name + ".zh-CN.md"} {
			page, err := os.ReadFile("../../docs/" + file)
			if err != nil {
				t.Fatal(err)
			}
			parts[i] = block.FindAllString(string(page), -1)
			text := block.ReplaceAllString(string(page), "")
			rows[i], headings[i] = len(row.FindAllString(text, -1)), len(heading.FindAllString(text, -1))
		}
		if rows[0] != rows[1] || headings[0] != headings[1] || len(parts[0]) != len(parts[1]) {
			t.Errorf("%s: English and Chinese have %d rows of tables, %d headings, %d blocks", name, rows, headings, []int{len(parts[0]), len(parts[1])})
			continue
		}
		for i, english := range parts[0] {
			if parts[1][i] != english {
				t.Errorf("%s: block %d\n%s\nis not\n%s", name, i, parts[1][i], english)
			}
		}
	}
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
