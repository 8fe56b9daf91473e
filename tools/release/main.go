// Release builds what is published of the program: for each system an archive with the program, its man pages, completions and
// the licence, and a list of its modules (CycloneDX); packages for Linux (deb, rpm, apk); a formula for Homebrew and a manifest for
// Scoop; and the checksums of all of them.
//
//	release [-version v1.2.3] [-systems linux/amd64,…] [-url URL] DIR
//
// The same commit, built by the same Go, gives the same bytes: times are those of the commit.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

const (
	homepage    = "https://github.com/thriftkit/thriftkit"
	description = "Check, describe, call and serve Thrift services from their .thrift files"
)

// A release is one run of the program.
type release struct {
	root, dir string
	version   string // without the v
	url       string // where the archives will be
	time      time.Time
	temp      string
	extras    []file // that go into every archive
	sums      map[string]string
}

// A file is one of an archive.
type file struct {
	name string
	data []byte
	mode int64
}

func main() {
	version := flag.String("version", "", "the version, such as v1.2.3 (default: v0.0.0 with the date and the commit)")
	systems := flag.String("systems", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "what to build for")
	url := flag.String("url", homepage+"/releases/download", "where the folder of the version will be published")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: release [-version v1.2.3] [-systems OS/ARCH,…] [-url URL] DIR")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *version, strings.Split(*systems, ","), *url); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(dir, version string, systems []string, url string) error {
	r := &release{sums: make(map[string]string)}
	var err error
	if r.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if r.root, err = treeRoot(); err != nil {
		return err
	}
	if err := r.stamp(&version); err != nil {
		return err
	}
	if !regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`).MatchString(version) {
		return fmt.Errorf("%q is not a version such as v1.2.3", version)
	}
	r.version = version[1:]
	r.url = url + "/" + version
	if err := r.clean(); err != nil {
		return err
	}
	if r.temp, err = os.MkdirTemp("", "thriftkit-release"); err != nil {
		return err
	}
	defer os.RemoveAll(r.temp)
	if err := r.collect(); err != nil {
		return err
	}
	for _, system := range systems {
		if err := r.system(system); err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	if err := r.manifests(); err != nil {
		return err
	}
	return r.checksums()
}

// treeRoot returns the folder of the tree in which the program runs.
func treeRoot() (string, error) {
	at, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(at, "go.work")); missing == nil {
			return at, nil
		}
		if filepath.Dir(at) == at {
			err = errors.New("run it in the source tree: there is no go.work here or above")
		}
		at = filepath.Dir(at)
	}
	return "", err
}

// stamp finds out when the commit was made, and what to call it without a version. Outside of a git repository SOURCE_DATE_EPOCH
// (reproducible-builds.org) says the former, and the version must be given.
func (r *release) stamp(version *string) error {
	seconds, commit := os.Getenv("SOURCE_DATE_EPOCH"), ""
	if seconds == "" || *version == "" {
		text, err := output(r.root, "git", "log", "-1", "--format=%ct %H")
		if err != nil {
			return fmt.Errorf("%w (without git, set SOURCE_DATE_EPOCH and give -version)", err)
		}
		seconds, commit, _ = strings.Cut(text, " ")
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	if r.time = time.Unix(n, 0).UTC(); *version == "" {
		*version = "v0.0.0-" + r.time.Format("20060102150405") + "-" + commit[:12]
	}
	return nil
}

// output runs a program and returns what it prints, without the newline at the end.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// clean removes what an earlier run has made.
func (r *release) clean() error {
	if err := os.MkdirAll(r.dir, 0o777); err != nil {
		return err
	}
	for _, pattern := range []string{"thriftkit_*", "thriftkit-*", "thriftkit.rb", "thriftkit.json", "SHA256SUMS"} {
		old, err := filepath.Glob(filepath.Join(r.dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// build compiles the program.
func (r *release) build(goos, goarch string) (path string, err error) {
	path = filepath.Join(r.temp, goos+"_"+goarch, "thriftkit")
	if goos == "windows" {
		path += ".exe"
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w -X main.released=v"+r.version, "-o", path, "./cmd/thriftkit")
	cmd.Dir, cmd.Stderr = r.root, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", cmd, err)
	}
	return path, nil
}

// shells are the completions, with the folders that distributions have for them.
var shells = []struct{ name, file, installed string }{
	{"bash", "thriftkit.bash", "/usr/share/bash-completion/completions/thriftkit"},
	{"zsh", "_thriftkit", "/usr/share/zsh/vendor-completions/_thriftkit"},
	{"fish", "thriftkit.fish", "/usr/share/fish/vendor_completions.d/thriftkit.fish"},
	{"powershell", "thriftkit.ps1", ""},
}

// collect reads and makes what is the same for all systems.
func (r *release) collect() error {
	for _, name := range []string{"LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md"} {
		if err := r.extra(name, filepath.Join(r.root, name)); err != nil {
			return err
		}
	}
	pages, err := filepath.Glob(filepath.Join(r.root, "docs/man/*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		if err := r.extra("man/"+filepath.Base(page), page); err != nil {
			return err
		}
	}
	program, err := r.build(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return err
	}
	for _, shell := range shells {
		text, err := output("", program, "completion", shell.name)
		if err != nil {
			return err
		}
		r.extras = append(r.extras, file{"completions/" + shell.file, []byte(text + "\n"), 0o644})
	}
	return nil
}

func (r *release) extra(name, from string) error {
	data, err := os.ReadFile(from)
	r.extras = append(r.extras, file{name, data, 0o644})
	return err
}

// system makes the files for one system.
func (r *release) system(system string) error {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return fmt.Errorf("it is not OS/ARCH")
	}
	program, err := r.build(goos, goarch)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	name := "thriftkit_" + r.version + "_" + goos + "_" + goarch
	list := append([]file{{filepath.Base(program), data, 0o755}}, r.extras...)
	var archive []byte
	if goos == "windows" {
		archive, err = r.zip(list)
		err = r.write(name+".zip", archive, err)
	} else {
		archive, err = r.tar(name, list)
		err = r.write(name+".tar.gz", archive, err)
	}
	if err != nil {
		return err
	}
	bom, err := r.bom(program, name)
	if err := r.write(name+".cdx.json", bom, err); err != nil {
		return err
	}
	if goos != "linux" {
		return nil
	}
	for _, format := range []string{"deb", "rpm", "apk"} {
		if err := r.pack(format, goarch, program); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	return nil
}

// write writes a file of the release, if err is nil.
func (r *release) write(name string, data []byte, err error) error {
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	r.sums[name] = hex.EncodeToString(sum[:])
	fmt.Println(filepath.Join(r.dir, name))
	return os.WriteFile(filepath.Join(r.dir, name), data, 0o666)
}

// tar returns a compressed archive with the files in a folder.
func (r *release) tar(folder string, list []file) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, f := range list {
		head := &tar.Header{Name: folder + "/" + f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: r.time, Format: tar.FormatPAX}
		if err := w.WriteHeader(head); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// zip returns an archive with the files.
func (r *release) zip(list []file) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range list {
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.time}
		head.SetMode(os.FileMode(f.mode))
		e, err := w.CreateHeader(head)
		if err != nil {
			return nil, err
		}
		if _, err := e.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// pack makes a package for a distribution of Linux.
func (r *release) pack(format, goarch, program string) error {
	stage := filepath.Join(r.temp, "package-"+goarch)
	contents := files.Contents{{Source: program, Destination: "/usr/bin/thriftkit", FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.time}}}
	add := func(to string, data []byte) error {
		from := filepath.Join(stage, to)
		if err := os.MkdirAll(filepath.Dir(from), 0o777); err != nil {
			return err
		}
		contents = append(contents, &files.Content{Source: from, Destination: to, FileInfo: &files.ContentFileInfo{Mode: 0o644, MTime: r.time}})
		return os.WriteFile(from, data, 0o666)
	}
	for _, f := range r.extras {
		to, data := "/usr/share/doc/thriftkit/"+f.name, f.data
		switch folder, base := path.Split(f.name); {
		case f.name == "LICENSE":
			to = "/usr/share/doc/thriftkit/copyright"
		case folder == "man/":
			to = "/usr/share/man/man1/" + base + ".gz"
			var out bytes.Buffer
			z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
			if err != nil {
				return err
			}
			if _, err := z.Write(data); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			data = out.Bytes()
		case folder == "completions/":
			i := slices.IndexFunc(shells, func(s struct{ name, file, installed string }) bool { return s.file == base })
			if to = shells[i].installed; to == "" {
				continue
			}
		}
		if err := add(to, data); err != nil {
			return err
		}
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "thriftkit", Arch: goarch, Platform: "linux", Version: r.version, Section: "devel", Priority: "optional",
		Maintainer: "The thriftkit authors <thriftkit@users.noreply.github.com>", Description: description, Homepage: homepage, License: "Apache-2.0",
		MTime: r.time, Overridables: nfpm.Overridables{Contents: contents},
	})
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := packager.Package(info, &out); err != nil {
		return err
	}
	return r.write(packager.ConventionalFileName(info), out.Bytes(), nil)
}

// bom returns the list of modules in a program, as CycloneDX has it.
func (r *release) bom(program, name string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: r.time.Format(time.RFC3339),
		Component: &cyclonedx.Component{
			BOMRef: "thriftkit", Type: cyclonedx.ComponentTypeApplication, Name: "thriftkit", Version: "v" + r.version, PackageURL: "pkg:golang/" + info.Path + "@v" + r.version,
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		},
	}
	components := []cyclonedx.Component{{
		BOMRef: "go", Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion, PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
	}}
	needs := []string{"go"}
	for _, m := range info.Deps {
		if strings.HasPrefix(m.Path, "github.com/thriftkit/thriftkit") {
			continue // the same release
		}
		c := cyclonedx.Component{BOMRef: m.Path, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: "pkg:golang/" + m.Path + "@" + m.Version}
		components, needs = append(components, c), append(needs, m.Path)
	}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: "thriftkit", Dependencies: &needs}}
	var out bytes.Buffer
	err = cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

var formula = template.Must(template.New("").Parse(`class Thriftkit < Formula
  desc "{{.Description}}"
  homepage "{{.Homepage}}"
  version "{{.Version}}"
  license "Apache-2.0"
{{range .Systems}}
  on_{{.OS}} do
{{- range .Archives}}
    on_{{.CPU}} do
      url "{{.URL}}"
      sha256 "{{.Sum}}"
    end
{{- end}}
  end
{{end}}
  def install
    bin.install "thriftkit"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/thriftkit.bash" => "thriftkit"
    zsh_completion.install "completions/_thriftkit"
    fish_completion.install "completions/thriftkit.fish"
  end

  test do
    (testpath/"foo.thrift").write "service PingPong { string ping() }"
    system bin/"thriftkit", "check", "foo.thrift"
  end
end
`))

type formulaArchive struct{ CPU, URL, Sum string }

type formulaSystem struct {
	OS       string
	Archives []formulaArchive
}

// manifests writes the formula for Homebrew and the manifest for Scoop, for the systems that were built.
func (r *release) manifests() error {
	var systems []formulaSystem
	for _, goos := range []string{"darwin", "linux"} {
		s := formulaSystem{OS: map[string]string{"darwin": "macos", "linux": "linux"}[goos]}
		for _, goarch := range []string{"arm64", "amd64"} {
			name := "thriftkit_" + r.version + "_" + goos + "_" + goarch + ".tar.gz"
			if sum := r.sums[name]; sum != "" {
				s.Archives = append(s.Archives, formulaArchive{map[string]string{"arm64": "arm", "amd64": "intel"}[goarch], r.url + "/" + name, sum})
			}
		}
		if len(s.Archives) > 0 {
			systems = append(systems, s)
		}
	}
	var out bytes.Buffer
	if err := formula.Execute(&out, map[string]any{"Description": description, "Homepage": homepage, "Version": r.version, "Systems": systems}); err != nil {
		return err
	}
	if err := r.write("thriftkit.rb", out.Bytes(), nil); err != nil {
		return err
	}
	type download struct {
		URL  string `json:"url"`
		Hash string `json:"hash"`
	}
	cpus := make(map[string]download)
	for goarch, cpu := range map[string]string{"amd64": "64bit", "arm64": "arm64"} {
		name := "thriftkit_" + r.version + "_windows_" + goarch + ".zip"
		if sum := r.sums[name]; sum != "" {
			cpus[cpu] = download{r.url + "/" + name, sum}
		}
	}
	scoop, err := json.MarshalIndent(map[string]any{
		"version": r.version, "description": description, "homepage": homepage, "license": "Apache-2.0", "architecture": cpus, "bin": "thriftkit.exe",
	}, "", "    ")
	return r.write("thriftkit.json", append(scoop, '\n'), err)
}

// checksums writes SHA256SUMS, as sha256sum does.
func (r *release) checksums() error {
	var names []string
	for name := range r.sums {
		names = append(names, name)
	}
	slices.Sort(names)
	f, err := os.Create(filepath.Join(r.dir, "SHA256SUMS"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := io.WriteString(f, r.sums[name]+"  "+name+"\n"); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
