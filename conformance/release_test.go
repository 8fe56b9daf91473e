package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// released are the modules that users get, by their folders.
var released = []string{".", "cmd/thriftkit", "idl/lsp", "x/etcd", "x/grpc", "x/jwt", "x/otel", "x/zookeeper", "x/zstd"}

// TestInstall installs and uses the modules as users do: from a module proxy, which serves the files of this tree as the
// next version, to an empty module cache.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the modules from a module proxy")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	proxy := t.TempDir()
	versions := make(map[string]string) // of the modules, by their paths
	var paths []string
	for _, folder := range released {
		m := readModule(t, root, folder)
		if len(m.Replace) > 0 {
			t.Errorf("%s/go.mod replaces modules: nobody can install it by its path", folder)
		}
		for _, r := range m.Require {
			if strings.HasPrefix(r.Mod.Path, "github.com/thriftkit/") {
				if v := versions[r.Mod.Path]; v != "" && v != r.Mod.Version {
					t.Errorf("%s/go.mod requires %s, another module %s", folder, r.Mod, v)
				}
				versions[r.Mod.Path] = r.Mod.Version
			}
		}
		paths = append(paths, m.Module.Mod.Path)
	}
	version := versions["github.com/thriftkit/thriftkit"]
	for path, v := range versions {
		if v != version {
			t.Errorf("the modules require %s %s, and the root module %s", path, v, version)
		}
	}
	for i, folder := range released {
		publish(t, proxy, root, folder, module.Version{Path: paths[i], Version: version})
	}
	if t.Failed() {
		return
	}

	goEnv := func(name string) string {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	home := t.TempDir()
	// Modules of others come from where this test's own came from, first of all from the cache.
	env := append(os.Environ(), "GOWORK=off", "GOMODCACHE="+filepath.Join(home, "mod"), "GOBIN="+filepath.Join(home, "bin"),
		"GOFLAGS=-trimpath -modcacherw", "GONOSUMDB=*", "GOTOOLCHAIN=local", "CGO_ENABLED=0",
		"GOPROXY=file://"+filepath.ToSlash(proxy)+",file://"+filepath.ToSlash(filepath.Join(goEnv("GOMODCACHE"), "cache", "download"))+","+goEnv("GOPROXY"))
	run := func(dir, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}

	run(home, "go", "install", "github.com/thriftkit/thriftkit/cmd/thriftkit@latest")
	program := filepath.Join(home, "bin", "thriftkit")
	if got := run(home, program, "--version"); !strings.Contains(got, " "+version+" (go") {
		t.Errorf("--version of what was installed is %q", got)
	}
	if got := run(root, program, "check", "examples/pingpong/foo.thrift"); got != "" {
		t.Errorf("check: %s", got)
	}

	newcomer := filepath.Join(home, "newcomer")
	if err := os.CopyFS(newcomer, os.DirFS(filepath.Join(root, "examples", "pingpong"))); err != nil {
		t.Fatal(err)
	}
	run(newcomer, "go", "mod", "init", "example.com/newcomer")
	run(newcomer, "go", "get", "github.com/thriftkit/thriftkit@latest")
	if got := run(newcomer, "go", "run", "."); !strings.Contains(got, "pong") {
		t.Errorf("the first program prints %q", got)
	}
	for i, folder := range released {
		if folder == "." || folder == "cmd/thriftkit" {
			continue
		}
		dir := filepath.Join(home, fmt.Sprint("user", i)) // a module each, so that none helps another
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		run(dir, "go", "mod", "init", "example.com/user")
		run(dir, "go", "get", paths[i]+"@latest")
		run(dir, "go", "build", paths[i])
	}
}

func readModule(t *testing.T, root, folder string) *modfile.File {
	t.Helper()
	name := filepath.Join(root, folder, "go.mod")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := modfile.Parse(name, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// publish puts the module in the folder of root into the files of a proxy, as the version m. It has the files that Git knows
// or would add.
func publish(t *testing.T, proxy, root, folder string, m module.Version) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var names []string
	nested := make(map[string]bool) // folders of modules below
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			continue // deleted, but not in the index
		}
		names = append(names, name)
		if dir := path.Dir(name); path.Base(name) == "go.mod" && dir != folder {
			nested[dir] = true
		}
	}
	var files []modzip.File
	for _, name := range names {
		inside := true
		for dir := path.Dir(name); dir != folder && dir != "."; dir = path.Dir(dir) {
			inside = inside && !nested[dir]
		}
		if inside {
			files = append(files, treeFile{filepath.Join(root, name), strings.TrimPrefix(name, strings.TrimPrefix(folder+"/", "./"))})
		}
	}
	var zip bytes.Buffer
	if err := modzip.Create(&zip, m, files); err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	mod, err := os.ReadFile(filepath.Join(root, folder, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]string{"Version": m.Version, "Time": "2026-01-02T03:04:05Z"})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(proxy, escaped, "@v")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"list": []byte(m.Version + "\n"), m.Version + ".info": info, m.Version + ".mod": mod, m.Version + ".zip": zip.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// A treeFile is a file of a module.
type treeFile struct{ file, name string }

func (f treeFile) Path() string                 { return f.name }
func (f treeFile) Lstat() (os.FileInfo, error)  { return os.Lstat(f.file) }
func (f treeFile) Open() (io.ReadCloser, error) { return os.Open(f.file) }

// TestRelease makes a release for Linux, and installs and uses its package.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a release")
	}
	dir := t.TempDir()
	program := filepath.Join(t.TempDir(), "release")
	run := func(in string, env []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = in, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
		return string(out)
	}
	run("../tools/release", []string{"GOWORK=off"}, "go", "build", "-o", program, ".")
	run("..", []string{"SOURCE_DATE_EPOCH=1700000000"}, program, "-version", "v1.2.3-rc.1", "-systems", "linux/"+runtime.GOARCH, dir)
	name := "thriftkit_1.2.3-rc.1_linux_" + runtime.GOARCH

	sums := strings.Split(strings.TrimSpace(string(read(t, filepath.Join(dir, "SHA256SUMS")))), "\n")
	for _, line := range sums {
		sum, file, ok := strings.Cut(line, "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(read(t, filepath.Join(dir, file)))); !ok || got != sum {
			t.Errorf("%s: the sum is %s", line, got)
		}
	}
	if len(sums) != 7 { // archive, modules, three packages, formula and manifest
		t.Errorf("%q", sums)
	}

	unpacked := t.TempDir()
	run(dir, nil, "tar", "-xzf", name+".tar.gz", "-C", unpacked)
	for _, file := range []string{"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md", "man/thriftkit.1", "man/thriftkit-call.1", "completions/thriftkit.bash", "completions/_thriftkit", "completions/thriftkit.fish"} {
		read(t, filepath.Join(unpacked, name, file))
	}
	if got := run(unpacked, nil, filepath.Join(unpacked, name, "thriftkit"), "version"); !strings.HasPrefix(got, "thriftkit v1.2.3-rc.1 (") {
		t.Errorf("version prints %q", got)
	}
	info, err := os.Stat(filepath.Join(unpacked, name, "thriftkit"))
	if err != nil || info.Mode().Perm() != 0o755 || info.ModTime().Unix() != 1700000000 {
		t.Errorf("%v, %v", info, err)
	}

	var bom struct {
		BOMFormat  string
		Components []struct{ Name, Version, Purl string }
	}
	if err := json.Unmarshal(read(t, filepath.Join(dir, name+".cdx.json")), &bom); err != nil || bom.BOMFormat != "CycloneDX" {
		t.Errorf("%s, %v", bom.BOMFormat, err)
	}
	if !slices.ContainsFunc(bom.Components, func(c struct{ Name, Version, Purl string }) bool {
		return c.Name == "github.com/spf13/cobra" && c.Purl == "pkg:golang/github.com/spf13/cobra@"+c.Version
	}) {
		t.Errorf("%v", bom.Components)
	}
	formula := string(read(t, filepath.Join(dir, "thriftkit.rb")))
	archive := strings.Fields(sums[slices.IndexFunc(sums, func(s string) bool { return strings.HasSuffix(s, name+".tar.gz") })])[0]
	if !strings.Contains(formula, `sha256 "`+archive+`"`) || !strings.Contains(formula, "releases/download/v1.2.3-rc.1/"+name+".tar.gz") {
		t.Error(formula)
	}
	var scoop map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(dir, "thriftkit.json")), &scoop); err != nil || scoop["version"] != "1.2.3-rc.1" {
		t.Errorf("%v, %v", scoop, err)
	}

	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		missing(t, "there is no dpkg on this machine")
	}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(packages) != 1 {
		t.Fatal(packages, err)
	}
	root := t.TempDir()
	if os.Getuid() == 0 {
		for _, folder := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info"} {
			if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		run(dir, nil, dpkg, "--root="+root, "--log="+filepath.Join(root, "log"), "-i", packages[0])
		if got := run(dir, nil, dpkg, "--root="+root, "-s", "thriftkit"); !strings.Contains(got, "Status: install ok installed") || !strings.Contains(got, "Version: 1.2.3~rc.1") {
			t.Error(got)
		}
	} else {
		run(dir, nil, "dpkg-deb", "-x", packages[0], root)
	}
	if got := run(dir, nil, filepath.Join(root, "usr/bin/thriftkit"), "--version"); !strings.HasPrefix(got, "thriftkit v1.2.3-rc.1 (") {
		t.Errorf("the package's program prints %q", got)
	}
	for _, file := range []string{"man/man1/thriftkit.1.gz", "bash-completion/completions/thriftkit", "zsh/vendor-completions/_thriftkit", "doc/thriftkit/copyright"} {
		read(t, filepath.Join(root, "usr/share", file))
	}
}
