package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	forms "github.com/thriftkit/thriftkit/idl/report"
	"github.com/thriftkit/thriftkit/idl/symbols"
	"github.com/thriftkit/thriftkit/idl/syntax"
	"github.com/thriftkit/thriftkit/schema"
	"go.yaml.in/yaml/v3"
)

// defaultHistory is how many revisions of a file are looked at for ids that its fields had.
const defaultHistory = 100

// maxArchiveBytes bounds what is read of an archive.
const maxArchiveBytes = 256 << 20

type breakingOptions struct {
	lang   language
	syntax syntax.Options
	callOptions
	against, form, failOn string
	policy                []string
	acceptFile, why       string
	writeAccepted         bool
	history               int
	project               string // the directory of the project file
	opts                  breaking.Options
}

const breakingLong = `breaking compares .thrift files with an earlier state of them and says what the change does to programs that run: whether old
clients and new servers, new clients and old servers, and stored data still understand each other, and in which order to roll it out.

--against names the earlier state: a revision of the git repository (main, HEAD~3, v1.2), a directory, a .thrift file, an archive (.tar, .tar.gz,
.tgz, .zip), or a server that hands out its schema (host:port, a URL or @TARGET). A FILE may be a directory; without FILE, the working
directory is meant. docs/breaking.md lists the rules.

The section breaking of thriftkit.yaml has against, policy, multiplexed, annotations and accepted; flags go before it.

The exit code is 0 if nothing is broken, 1 if there are errors (--fail-on changes what counts), and 2 for usage errors.`

func newBreaking() *cobra.Command {
	o := &breakingOptions{}
	cmd := &cobra.Command{
		Use:               "breaking [flags] --against REF [FILE…]",
		Short:             "Compare .thrift files with an earlier state and say what the change breaks",
		Long:              breakingLong,
		Example:           "  thriftkit breaking --against main idl\n  thriftkit breaking --against v1.2 --policy wire\n  thriftkit breaking --against 127.0.0.1:9090 foo.thrift\n  thriftkit breaking --explain METHOD_THROWS_ADDED",
		ValidArgsFunction: completeFiles,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if o.why != "" {
				return explainBreaking(cmd.OutOrStdout(), o.why)
			}
			if err := o.configure(cmd); err != nil {
				return err
			}
			return o.run(cmd, args)
		}),
	}
	f := cmd.Flags()
	addIncludeFlag(cmd, &o.source.includeDirs)
	o.lang.addDialectFlag(cmd)
	addReportFlag(cmd, &o.form)
	f.StringVar(&o.against, "against", "", "the earlier state: `REF` a git revision, a directory, a file, an archive or a server")
	f.StringSliceVar(&o.policy, "policy", nil, "report changes of the categories `CATEGORY`: wire, json, source, file (default all)")
	f.BoolVar(&o.opts.Multiplexed, "multiplexed", false, "services are called by name on one connection, so names of services are on the wire")
	f.StringVar(&o.acceptFile, "accepted", "", "leave out the findings that are listed in `FILE`, each with a reason")
	f.BoolVar(&o.writeAccepted, "write-accepted", false, "add the findings to the file of --accepted, and end with 0")
	f.StringVar(&o.why, "explain", "", "print what `RULE` means, its consequence and an example")
	f.StringVar(&o.failOn, "fail-on", "error", "end with 1 if there is a finding of this `SEVERITY` or worse: error, warning, note, none")
	f.IntVar(&o.history, "history", defaultHistory, "look for earlier uses of field ids in the last `N` revisions of each file")
	o.timeout = 10 * time.Second
	return cmd
}

// A breakingConfig is the section breaking of the project file.
type breakingConfig struct {
	against, accepted setting[string]
	policy            setting[[]string]
	multiplexed       setting[bool]
	annotations       setting[[]string]
}

func (r *configReader) breaking(n *yaml.Node, c *breakingConfig) {
	r.mapping(n, "breaking", map[string]func(*yaml.Node){
		"against":     func(n *yaml.Node) { c.against = r.text(n) },
		"accepted":    func(n *yaml.Node) { c.accepted = r.file(n) },
		"policy":      func(n *yaml.Node) { c.policy = someOf(r, n, categories) },
		"multiplexed": func(n *yaml.Node) { c.multiplexed = r.boolean(n) },
		"annotations": func(n *yaml.Node) { c.annotations = r.texts(n) },
	})
}

// categoriesOf returns the categories of a policy.
func categoriesOf(policy []string) ([]breaking.Category, error) {
	var list []breaking.Category
	for _, name := range policy {
		c, ok := categories[name]
		if !ok {
			return nil, usagef("unknown category %q (known: wire, json, source, file)", name)
		}
		list = append(list, c)
	}
	return list, nil
}

var categories = map[string]breaking.Category{"wire": breaking.Wire, "json": breaking.JSON, "source": breaking.Source, "file": breaking.File}

func (o *breakingOptions) configure(cmd *cobra.Command) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	if o.syntax, err = o.lang.options(cmd); err != nil {
		return err
	}
	if c != nil {
		o.project = filepath.Dir(c.path)
		changed := cmd.Flags().Changed
		take(&o.against, c.breaking.against, changed("against"))
		take(&o.acceptFile, c.breaking.accepted, changed("accepted"))
		take(&o.policy, c.breaking.policy, changed("policy"))
		take(&o.opts.Multiplexed, c.breaking.multiplexed, changed("multiplexed"))
		take(&o.opts.Annotations, c.breaking.annotations, false)
		o.source.includeDirs = append(o.source.includeDirs, c.includeDirs.value...)
	}
	if o.against == "" {
		return usagef("breaking needs --against REF: a git revision, a directory, a file, an archive or a server")
	}
	if o.opts.Categories, err = categoriesOf(o.policy); err != nil {
		return err
	}
	if !slices.Contains(forms.Formats, o.form) {
		return usagef("unknown format %q (known: %s)", o.form, strings.Join(forms.Formats, ", "))
	}
	if o.writeAccepted && o.acceptFile == "" {
		return usagef("--write-accepted needs --accepted FILE")
	}
	_, err = failLevel(o.failOn)
	return err
}

func (o *breakingOptions) run(cmd *cobra.Command, args []string) error {
	paths, err := thriftFiles(args)
	if err != nil {
		return err
	}
	now := compile.Load(paths, compile.Options{IncludeDirs: o.source.includeDirs, Syntax: o.syntax})
	if errs := now.Diagnostics.Errors(); errs != nil {
		return &exitError{code: exitFailure, err: errs, bare: true}
	}
	old, err := o.earlier(cmd, args, paths)
	if err != nil {
		return err
	}
	findings := breaking.Compare(old, breaking.NewProgram(now), o.opts)
	list := make([]forms.Finding, len(findings))
	for i, f := range findings {
		list[i] = forms.Finding{Diagnostic: *f.Diagnostic(), Properties: []forms.Property{
			{Name: "category", Value: f.Category.String()}, {Name: "consequence", Value: f.Consequence.String()}, {Name: "directions", Value: strings.Join(f.Directions, ", ")},
			{Name: "dialects", Value: f.Dialects}, {Name: "rollout", Value: f.Rollout}, {Name: "path", Value: f.Path},
			{Name: "old", Value: f.Old.String()}, {Name: "new", Value: f.New.String()},
		}}
	}
	if list, err = o.accepted(list, findings); err != nil || o.writeAccepted {
		return err
	}
	opts := forms.Options{Tool: "thriftkit breaking", Version: readVersion().String(), Files: paths}
	for _, r := range breaking.Rules() {
		opts.Rules = append(opts.Rules, forms.Rule{ID: r.ID, Meaning: r.Meaning.English})
	}
	if err := forms.Write(cmd.OutOrStdout(), o.form, list, opts); err != nil {
		return err
	}
	return failOn(o.failOn, list)
}

// An acceptance is a finding that the project accepts.
type acceptance struct {
	Rule    string `json:"rule"`
	Path    string `json:"path"` // Shop.find.limit
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

type acceptances []acceptance

func (a acceptances) have(f *breaking.Finding) bool {
	return slices.ContainsFunc(a, func(e acceptance) bool { return e.Rule == f.Rule.ID && e.Path == f.Path && e.Message == f.Message })
}

// readAccepted reads a file of accepted findings.
func readAccepted(name string) (acceptances, error) {
	entries := acceptances{}
	data, err := os.ReadFile(name)
	if err != nil {
		return entries, err
	}
	err = json.Unmarshal(data, &entries)
	for i, e := range entries {
		if err == nil && strings.TrimSpace(e.Reason) == "" {
			err = fmt.Errorf("entry %d, %s of %s, has no reason", i+1, e.Rule, e.Path)
		}
	}
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	return entries, nil
}

// accepted leaves out what the file of --accepted lists, or adds to it.
func (o *breakingOptions) accepted(list []forms.Finding, findings []*breaking.Finding) ([]forms.Finding, error) {
	if o.acceptFile == "" {
		return list, nil
	}
	entries, err := readAccepted(o.acceptFile)
	if err != nil && (!errors.Is(err, os.ErrNotExist) || !o.writeAccepted) {
		return nil, err
	}
	var left []forms.Finding
	for i, f := range findings {
		if entries.have(f) {
			continue
		}
		left = append(left, list[i])
		if o.writeAccepted {
			entries = append(entries, acceptance{f.Rule.ID, f.Path, f.Message, "accepted without a reason: write one"})
		}
	}
	if !o.writeAccepted {
		return left, nil
	}
	data, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return nil, err
	}
	return nil, os.WriteFile(o.acceptFile, append(data, '\n'), 0o666)
}

// earlier returns the state that --against names, and prepares how its files and the new ones match.
func (o *breakingOptions) earlier(cmd *cobra.Command, args, paths []string) (breaking.Program, error) {
	ref := o.against
	info, err := os.Stat(ref)
	switch {
	case err == nil && info.IsDir():
		return o.directory(ref, args)
	case err == nil && isArchive(ref):
		texts, err := readArchive(ref)
		if err != nil {
			return breaking.Program{}, err
		}
		o.opts.Key = relativeTo(args, commonDir(slices.Collect(maps.Keys(texts))))
		return o.compile(texts, slices.Sorted(maps.Keys(texts)))
	case err == nil:
		if len(paths) != 1 {
			return breaking.Program{}, usagef("--against %s is one file: compare it with one FILE, not %d", ref, len(paths))
		}
		clean := filepath.ToSlash(filepath.Clean(ref))
		o.opts.Key = func(p string) string { // the two files are one, whatever their names
			if p == clean || p == paths[0] {
				return "\x00"
			}
			return path.Base(p)
		}
		return o.compile(compile.OS{}, []string{clean})
	}
	if strings.HasPrefix(ref, "@") && !strings.Contains(ref, "@{") || strings.Contains(ref, "://") {
		return o.server(cmd, ref)
	}
	texts, gitErr := o.revision(ref, paths)
	if gitErr == nil {
		return o.compile(texts, slices.Sorted(maps.Keys(texts)))
	}
	if isTarget(ref) && strings.Contains(ref, ":") {
		return o.server(cmd, ref)
	}
	return breaking.Program{}, gitErr
}

// compile returns the earlier state. Files that have errors in it cannot be compared.
func (o *breakingOptions) compile(source compile.Source, paths []string) (breaking.Program, error) {
	old := compile.Load(paths, compile.Options{Source: source, IncludeDirs: o.source.includeDirs, Syntax: o.syntax})
	if errs := old.Diagnostics.Errors(); errs != nil {
		for _, e := range errs {
			e.File = o.against + ":" + e.File
		}
		return breaking.Program{}, &exitError{code: exitFailure, err: errs, bare: true}
	}
	return breaking.NewProgram(old), nil
}

func (o *breakingOptions) directory(dir string, args []string) (breaking.Program, error) {
	paths, err := thriftFiles([]string{dir})
	if err != nil {
		return breaking.Program{}, err
	}
	o.opts.Key = relativeTo(args, filepath.ToSlash(filepath.Clean(dir)))
	return o.compile(compile.OS{}, paths)
}

// relativeTo returns the identity of files: their paths below the only directory of args, or below old.
func relativeTo(args []string, old string) func(string) string {
	now := "."
	if len(args) == 1 {
		now = filepath.ToSlash(filepath.Clean(args[0]))
		if strings.HasSuffix(now, ".thrift") {
			now = path.Dir(now)
		}
	}
	return func(p string) string {
		for _, dir := range []string{old, now} {
			if rest, ok := strings.CutPrefix(p, dir+"/"); ok && dir != "." {
				return rest
			}
		}
		return p
	}
}

// commonDir returns the directory that holds all paths.
func commonDir(paths []string) string {
	if len(paths) == 0 {
		return "."
	}
	dir := path.Dir(paths[0])
	for _, p := range paths {
		for dir != "." && !strings.HasPrefix(p, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}

func (o *breakingOptions) server(cmd *cobra.Command, target string) (breaking.Program, error) {
	file, err := o.reflected(cmd, target)
	if err != nil {
		return breaking.Program{}, noSchema(err, target)
	}
	o.opts.IgnoreFiles = true
	return breaking.Program{Files: []*schema.File{file}}, nil
}

func isArchive(name string) bool {
	return slices.ContainsFunc([]string{".tar", ".tar.gz", ".tgz", ".zip"}, func(ext string) bool { return strings.HasSuffix(name, ext) })
}

// readArchive returns the .thrift files of an archive.
func readArchive(name string) (compile.Texts, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	texts := compile.Texts{}
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		left := int64(maxArchiveBytes)
		for _, f := range z.File {
			if path.Ext(f.Name) != ".thrift" || f.FileInfo().IsDir() {
				continue
			}
			r, err := f.Open()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			text, err := io.ReadAll(io.LimitReader(r, left))
			r.Close()
			if left -= int64(len(text)); err != nil || left <= 0 {
				return nil, fmt.Errorf("%s: %s is too large or damaged", name, f.Name)
			}
			texts[path.Clean(f.Name)] = string(text)
		}
		return texts, nil
	}
	var r io.Reader = bytes.NewReader(data)
	if !strings.HasSuffix(name, ".tar") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := readTar(r, texts); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return texts, nil
}

func readTar(r io.Reader, texts compile.Texts) error {
	t := tar.NewReader(io.LimitReader(r, maxArchiveBytes))
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || path.Ext(h.Name) != ".thrift" {
			continue
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		texts[path.Clean(h.Name)] = string(text)
	}
}

func git(args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		if text := strings.TrimSpace(errOut.String()); text != "" {
			return nil, fmt.Errorf("git: %s", text)
		}
		return nil, fmt.Errorf("git: %w", err)
	}
	return out, nil
}

// revision returns the .thrift files of a git revision, by paths as seen from the working directory. Those
// that are not in paths' directories are there to be included, and are compared too.
func (o *breakingOptions) revision(ref string, paths []string) (compile.Texts, error) {
	if strings.HasPrefix(ref, "-") {
		return nil, usagef("--against %q is not a revision", ref)
	}
	if _, err := git("rev-parse", "--verify", "--quiet", ref+"^{commit}"); err != nil {
		return nil, fmt.Errorf("--against %s is no file, directory or server, and no revision of a git repository here", ref)
	}
	prefix, err := git("rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	archive, err := git("-C", strings.TrimSpace(string(top)), "archive", "--format=tar", ref)
	if err != nil {
		return nil, err
	}
	all := compile.Texts{}
	if err := readTar(bytes.NewReader(archive), all); err != nil {
		return nil, err
	}
	here := strings.TrimSuffix(strings.TrimSpace(string(prefix)), "/")
	texts := compile.Texts{}
	for name, text := range all {
		if near, err := filepath.Rel(filepath.FromSlash("/"+here), filepath.FromSlash("/"+name)); err == nil {
			texts[filepath.ToSlash(near)] = text
		}
	}
	wanted := compile.Texts{}
	for name, text := range texts {
		if slices.ContainsFunc(paths, func(p string) bool { return p == name || path.Dir(p) == path.Dir(name) }) {
			wanted[name] = text
		}
	}
	o.opts.Past = make(map[string]map[int16]string)
	for _, p := range paths {
		maps.Copy(o.opts.Past, pastIDs(".", ref, p, p, o.history))
	}
	if o.project != "" { // messages are the same wherever the command runs, and in editors: they are accepted by their texts
		o.opts.Name = func(p string) string {
			project, err := filepath.Abs(o.project)
			full, err2 := filepath.Abs(filepath.FromSlash(p))
			near, err3 := filepath.Rel(project, full)
			if errors.Join(err, err2, err3) != nil {
				return p
			}
			return filepath.ToSlash(near)
		}
	}
	return revisionTexts{wanted, texts, o.source.includeDirs}.reachable(), nil
}

// revisionTexts are the files that are compared, and all others of the revision.
type revisionTexts struct {
	wanted, all compile.Texts
	includeDirs []string
}

// reachable returns the wanted files with those that they include.
func (r revisionTexts) reachable() compile.Texts {
	out := maps.Clone(r.wanted)
	queue := slices.Sorted(maps.Keys(r.wanted))
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		tree, _ := syntax.Parse(name, []byte(out[name]))
		for _, h := range tree.Headers {
			inc, ok := h.(*syntax.Include)
			if !ok || inc.Path == nil {
				continue
			}
			places := []string{path.Join(path.Dir(name), inc.Path.Text), path.Clean(inc.Path.Text)}
			for _, dir := range r.includeDirs {
				places = append(places, path.Join(filepath.ToSlash(dir), inc.Path.Text))
			}
			for _, p := range places {
				if text, ok := r.all[p]; ok && out[p] == "" {
					out[p] = text
					queue = append(queue, p)
				}
			}
		}
	}
	return out
}

// pastIDs returns the ids that the fields of a file had in the last revisions up to ref: by key, ":" and the name of the struct, then id, the name. The file
// is meant as git calls it in dir; one that git does not know had none.
func pastIDs(dir, ref, file, key string, revisions int) map[string]map[int16]string {
	past := make(map[string]map[int16]string)
	if revisions <= 0 {
		return past
	}
	list, err := git("-C", dir, "rev-list", fmt.Sprintf("--max-count=%d", revisions), ref, "--", file)
	if err != nil {
		return past
	}
	var names strings.Builder
	for rev := range strings.FieldsSeq(string(list)) {
		fmt.Fprintf(&names, "%s:./%s\n", rev, file)
	}
	cmd := exec.Command("git", "-C", dir, "cat-file", "--batch") // one process for all
	cmd.Stdin = strings.NewReader(names.String())
	out, err := cmd.Output()
	if err != nil {
		return past
	}
	for len(out) > 0 {
		head, rest, _ := bytes.Cut(out, []byte("\n"))
		out = rest
		var size int
		var hash, kind string
		if n, _ := fmt.Sscan(string(head), &hash, &kind, &size); n != 3 || size < 0 || size >= len(out) {
			continue // "… missing": the revision deletes it
		}
		tree, _ := syntax.Parse(file, out[:size])
		out = out[size+1:]
		for _, f := range symbols.Build([]*syntax.File{tree}, func(*syntax.Include) *syntax.File { return nil }).Files[0].Symbols {
			for _, m := range f.Members {
				d, ok := m.Node.(*syntax.Field)
				if !ok || d.ID == nil || d.ID.Int != int64(int16(d.ID.Int)) {
					continue
				}
				at := key + ":" + f.Name
				if past[at] == nil {
					past[at] = make(map[int16]string)
				}
				past[at][int16(d.ID.Int)] = m.Name
			}
		}
	}
	return past
}

func explainBreaking(out io.Writer, id string) error {
	r := breaking.Find(strings.ToUpper(id))
	if r == nil {
		var ids []string
		for _, r := range breaking.Rules() {
			ids = append(ids, r.ID)
		}
		return usagef("there is no rule %q%s", id, didYouMean(id, ids))
	}
	severity := "error"
	if r.Warning {
		severity = "warning"
	}
	_, err := fmt.Fprintf(out, "%s: %s, category %s: %s\n\n%s\n%s\n\nbefore:\n%s\nafter:\n%s", r.ID, severity, r.Category, r.Consequence, r.Meaning.English, r.Fix.English, indented(r.Old), indented(r.New))
	return err
}
