package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/breaking"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

// A change is one that thriftkit breaking reports, and what readers see of a value after it. What is seen is the same in binary, compact and
// JSON, or it is "binary: …; compact: …; json: …".
type change struct {
	rule      string
	old, new  string
	at        string // a struct, or Service.method for its reply
	backward  bool   // new writes and old reads
	value     string
	thriftkit string
	apache    string // Apache's library for Python, with generated code
	thriftpy2 string
}

var changes = []change{
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", new: "struct A {\n  1: i64 a\n  2: i32 b\n}\n", at: "A", value: `{"a":7,"b":2}`,
		thriftkit: `{"b":2}`,
		apache:    `{"b":2}`,
		thriftpy2: `binary: {"b":2}; compact: {"b":2}; json: {"a":7,"b":2}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", new: "struct A {\n  1: string a\n  2: i32 b\n}\n", at: "A", value: `{"a":7,"b":2}`,
		thriftkit: `{"b":2}`,
		apache:    `{"b":2}`,
		thriftpy2: `binary: {"b":2}; compact: {"b":2}; json: {"a":"7","b":2}`},
	{rule: "FIELD_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: set<i32> a\n  2: i32 b\n}\n", at: "A", value: `{"a":[1,2],"b":2}`,
		thriftkit: `{"b":2}`,
		apache:    `{"b":2}`,
		thriftpy2: `binary: {"b":2}; compact: {"b":2}; json: {"a":[1,2],"b":2}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: list<i64> a\n  2: i32 b\n}\n", at: "A", value: `{"a":[1,2,3],"b":2}`,
		thriftkit: `{"a":[],"b":2}`,
		apache:    `binary: error; compact: {"a":[1,2,3],"b":2}; json: {"a":[1,2,3],"b":2}`,
		thriftpy2: `binary: {"a":[],"b":2}; compact: {"a":[1,2,3],"b":2}; json: {"a":[1,2,3],"b":2}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: list<i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: list<i64> a\n  2: i32 b\n}\n", at: "A", backward: true, value: `{"a":[1,2,3],"b":2}`,
		thriftkit: `{"a":[],"b":2}`,
		apache:    `binary: {"a":[0,1,0]}; compact: {"a":[1,2,3],"b":2}; json: {"a":[1,2,3],"b":2}`,
		thriftpy2: `binary: {"a":[],"b":2}; compact: {"a":[1,2,3],"b":2}; json: {"a":[1,2,3],"b":2}`},
	{rule: "FIELD_ELEMENT_SAME_TYPE", old: "struct A {\n  1: map<string, i32> a\n  2: i32 b\n}\n", new: "struct A {\n  1: map<string, string> a\n  2: i32 b\n}\n", at: "A", value: `{"a":{"x":1},"b":2}`,
		thriftkit: `{"a":{},"b":2}`,
		apache:    `binary: {"a":{"x":"\b"}}; compact: {"a":{"x":"\u0015\u0004"}}; json: error`,
		thriftpy2: `binary: {"a":{},"b":2}; compact: {"a":{},"b":2}; json: {"a":{"x":"1"},"b":2}`},
	{rule: "FIELD_SAME_JSON_TYPE", old: "struct A {\n  1: string a\n}\n", new: "struct A {\n  1: binary a\n}\n", at: "A", value: `{"a":"text"}`,
		thriftkit: `binary: {"a":"dGV4dA=="}; compact: {"a":"dGV4dA=="}; json: {"a":"text"}`,
		apache:    `binary: {"a":"text"}; compact: {"a":"text"}; json: {"a":"µìm"}`,
		thriftpy2: `binary: {"a":"text"}; compact: {"a":"text"}; json: {"a":"µìm"}`},
	{rule: "FIELD_SAME_STRUCT", old: "struct X {\n  1: i32 a\n}\nstruct Y {\n  1: i32 a\n}\nstruct A {\n  1: X x\n}\n", new: "struct X {\n  1: i32 a\n}\nstruct Y {\n  1: i32 a\n}\nstruct A {\n  1: Y x\n}\n", at: "A", value: `{"x":{"a":1}}`,
		thriftkit: `{"x":{"a":1}}`,
		apache:    `{"x":{"a":1}}`,
		thriftpy2: `{"x":{"a":1}}`},
	// Neither library for Python looks for required fields when it reads; Apache's for Java, Go and C++ do: TestMissingRequired.
	{rule: "FIELD_NO_DELETE_REQUIRED", old: "struct A {\n  1: required i32 a\n  2: i32 b\n}\n", new: "struct A {\n  2: i32 b\n}\n", at: "A", backward: true, value: `{"b":2}`,
		thriftkit: `error`,
		apache:    `{"b":2}`,
		thriftpy2: `{"b":2}`},
	{rule: "FIELD_NO_ADD_REQUIRED", old: "struct A {\n  2: i32 b\n}\n", new: "struct A {\n  1: required i32 a\n  2: i32 b\n}\n", at: "A", value: `{"b":2}`,
		thriftkit: `error`,
		apache:    `{"b":2}`,
		thriftpy2: `{"b":2}`},
	{rule: "FIELD_NO_DELETE", old: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", new: "struct A {\n  1: i32 a\n}\n", at: "A", value: `{"a":1,"b":2}`,
		thriftkit: `{"a":1}`,
		apache:    `{"a":1}`,
		thriftpy2: `{"a":1}`},
	{rule: "FIELD_ID_REUSED", old: "struct A {\n  1: i32 a\n  2: i32 gone\n}\n", new: "struct A {\n  1: i32 a\n  2: i32 b\n}\n", at: "A", value: `{"a":1,"gone":2}`,
		thriftkit: `{"a":1,"b":2}`,
		apache:    `{"a":1,"b":2}`,
		thriftpy2: `binary: {"a":1,"b":2}; compact: {"a":1,"b":2}; json: {"a":1}`},
	{rule: "FIELD_SAME_ID", old: "struct A {\n  1: i32 a\n}\n", new: "struct A {\n  2: i32 a\n}\n", at: "A", value: `{"a":1}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `binary: {}; compact: {}; json: {"a":1}`},
	{rule: "FIELD_SAME_NAME", old: "struct A {\n  1: i32 a\n}\n", new: "struct A {\n  1: i32 b\n}\n", at: "A", value: `{"a":1}`,
		thriftkit: `{"b":1}`,
		apache:    `{"b":1}`,
		thriftpy2: `binary: {"b":1}; compact: {"b":1}; json: {}`},
	{rule: "FIELD_SAME_DEFAULT", old: "struct A {\n  1: optional i32 a = 1\n  2: i32 b\n}\n", new: "struct A {\n  1: optional i32 a = 2\n  2: i32 b\n}\n", at: "A", value: `{"b":2}`,
		thriftkit: `{"a":2,"b":2}`,
		apache:    `{"a":1,"b":2}`,
		thriftpy2: `{"a":1,"b":2}`},
	{rule: "UNION_MEMBER_DELETED", old: "union U {\n  1: i32 a\n  2: i32 b\n}\n", new: "union U {\n  1: i32 a\n}\n", at: "U", value: `{"b":2}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `{}`},
	{rule: "UNION_MEMBER_ADDED", old: "union U {\n  1: i32 a\n}\n", new: "union U {\n  1: i32 a\n  2: i32 b\n}\n", at: "U", backward: true, value: `{"b":2}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `{}`},
	{rule: "STRUCT_KIND_CHANGED", old: "struct A {\n  1: i32 a\n}\n", new: "exception A {\n  1: i32 a\n}\n", at: "A", value: `{"a":1}`,
		thriftkit: `{"a":1}`,
		apache:    `{"a":1}`,
		thriftpy2: `{"a":1}`},
	{rule: "ENUM_VALUE_NO_DELETE", old: "enum E {\n  X = 0\n  Y = 1\n}\nstruct A {\n  1: E e\n}\n", new: "enum E {\n  X = 0\n}\nstruct A {\n  1: E e\n}\n", at: "A", value: `{"e":1}`,
		thriftkit: `{"e":1}`,
		apache:    `{"e":1}`,
		thriftpy2: `{"e":1}`},
	{rule: "METHOD_SAME_RETURN_TYPE", old: "service S {\n  i32 f()\n}\n", new: "service S {\n  i64 f()\n}\n", at: "S.f", value: `{"success":7}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `binary: {}; compact: {}; json: {"success":7}`},
	{rule: "METHOD_THROWS_ADDED", old: "exception X {\n  1: i32 a\n}\nservice S {\n  i32 f()\n}\n", new: "exception X {\n  1: i32 a\n}\nservice S {\n  i32 f() throws (1: X x)\n}\n", at: "S.f", backward: true, value: `{"x":{"a":1}}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `{}`},
	{rule: "THROWS_SAME_ID", old: "exception X {\n  1: i32 a\n}\nservice S {\n  i32 f() throws (1: X x)\n}\n", new: "exception X {\n  1: i32 a\n}\nservice S {\n  i32 f() throws (2: X x)\n}\n", at: "S.f", value: `{"x":{"a":1}}`,
		thriftkit: `{}`,
		apache:    `{}`,
		thriftpy2: `binary: {}; compact: {}; json: {"x":{"a":1}}`},
}

var changeProtocols = []string{"binary", "compact", "json"}

// TestBreakingChanges checks the consequences of changes with programs of others: what a reader of the other schema sees, in thriftkit, in
// Apache's library for Python and in thriftpy2.
func TestBreakingChanges(t *testing.T) {
	thriftpy2 := python(t)
	apache := os.Getenv("THRIFTKIT_APACHEPY")
	compiler := os.Getenv("THRIFTKIT_THRIFT")
	for _, p := range []string{apache, compiler} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, fmt.Sprintf("no Python with Apache's library, or no compiler of Apache's: %v", err))
		}
	}
	dir := t.TempDir()
	var input strings.Builder
	var files [][2]*schema.File
	compile := []string{"--gen", "py", "-out", dir}
	for i, c := range changes {
		var pair [2]*schema.File
		for k, text := range []string{c.old, c.new} {
			name := fmt.Sprintf("%s%d", []string{"old", "new"}[k], i)
			path := filepath.Join(dir, name+".thrift")
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(compiler, append(compile, path)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			file, err := thriftkit.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			pair[k] = file
		}
		found := false
		for _, f := range breaking.Compare(breaking.Program{Files: pair[:1]}, breaking.Program{Files: pair[1:]}, breaking.Options{IgnoreFiles: true}) {
			found = found || f.Rule.ID == c.rule
		}
		if !found && c.rule != "FIELD_ID_REUSED" { // which needs the history
			t.Errorf("%s is not found", c.rule)
		}
		from, to := "old", "new"
		if c.backward {
			from, to = to, from
			pair[0], pair[1] = pair[1], pair[0]
		}
		files = append(files, pair)
		for _, protocol := range changeProtocols {
			fmt.Fprintf(&input, `{"from": "%s%d", "to": "%s%d", "at": %q, "protocol": %q, "value": %s}`+"\n", from, i, to, i, c.at, protocol, c.value)
		}
	}
	peers := make(map[string][]string)
	for library, program := range map[string]string{"thriftpy2": thriftpy2, "apache": apache} {
		cmd := exec.Command(program, "py/breaking.py", library, dir)
		cmd.Stdin = strings.NewReader(input.String())
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || len(lines) != len(changes)*len(changeProtocols) {
			t.Fatalf("%s: %v, %d lines\n%s", library, err, len(lines), stderr.String())
		}
		peers[library] = lines
	}
	for i, c := range changes {
		t.Run(fmt.Sprintf("%s/%d", c.rule, i), func(t *testing.T) {
			var ours []string
			for _, protocol := range changeProtocols {
				ours = append(ours, seenByThriftkit(t, files[i], c, protocol))
			}
			at := i * len(changeProtocols)
			for _, x := range []struct {
				name, want string
				seen       []string
			}{{"thriftkit", c.thriftkit, ours}, {"Apache", c.apache, peers["apache"][at : at+3]}, {"thriftpy2", c.thriftpy2, peers["thriftpy2"][at : at+3]}} {
				if got := inProtocols(x.seen); got != x.want {
					t.Errorf("%s sees %s, want %s", x.name, got, x.want)
				}
			}
		})
	}
}

// inProtocols joins what is seen in each protocol, unless it is the same.
func inProtocols(seen []string) string {
	if seen[0] == seen[1] && seen[1] == seen[2] {
		return seen[0]
	}
	var parts []string
	for i, s := range seen {
		parts = append(parts, changeProtocols[i]+": "+s)
	}
	return strings.Join(parts, "; ")
}

func seenByThriftkit(t *testing.T, files [2]*schema.File, c change, protocol string) string {
	t.Helper()
	find := func(f *schema.File) *schema.Struct {
		service, method, ok := strings.Cut(c.at, ".")
		if !ok {
			return f.Struct(c.at)
		}
		return f.Service(service).Method(method).Reply()
	}
	writer, reader := find(files[0]), find(files[1])
	v, err := dynamic.ParseJSON(writer.Type(), []byte(c.value), dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := thriftkit.Marshal(writer, v, thriftkit.WithProtocol(protocol))
	if err != nil {
		t.Fatal(err)
	}
	var out dynamic.Value
	if err := thriftkit.UnmarshalValue(reader.Type(), data, &out, thriftkit.WithProtocol(protocol)); err != nil {
		return "error"
	}
	text, err := dynamic.AppendJSON(nil, reader.Type(), out, dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Fatalf("no JSON: %s", text)
	}
	return string(text)
}

// TestMissingRequired shows who looks for required fields when it reads: servers get a struct from a writer whose schema has its required fields no more.
func TestMissingRequired(t *testing.T) {
	text, err := os.ReadFile("testdata/conformance.thrift")
	if err != nil {
		t.Fatal(err)
	}
	later := strings.NewReplacer("1: required i32 requiredInt,", "", "4: required string requiredString,", "").Replace(string(text))
	schemas := make(map[string]*schema.Service)
	for name, text := range map[string]string{"with": string(text), "without": later} {
		file, diags := compile.Compile("conformance.thrift", compile.Options{Source: replaced{compile.FS(os.DirFS("testdata")), "conformance.thrift", []byte(text)}})
		if file == nil {
			t.Fatal(diags)
		}
		schemas[name] = file.Service("Conformance")
	}
	if schemas["without"].Method("describePresence").Args.Fields[0].Type.Struct.Field("requiredInt") != nil {
		t.Fatal("the field is still there")
	}
	for _, p := range []*peer{cpp(), java(), apacheGo()} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			addr := p.serve(t, certificates(t))["binary/buffered/tcp"]
			for name, svc := range schemas {
				client, err := thriftkit.Dial(t.Context(), "tcp://"+addr, thriftkit.WithTimeout(callTimeout))
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				m := svc.Method("describePresence")
				value := `{"v": {"plainInt": 7}}`
				if name == "with" {
					value = `{"v": {"requiredInt": 1, "plainInt": 7, "requiredString": "x"}}`
				}
				args, err := dynamic.ParseJSON(m.Args.Type(), []byte(value), dynamic.JSONOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err = client.Invoke(t.Context(), m, args.Struct()); (err != nil) != (name == "without") || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s required fields: %v", name, err)
				}
			}
		})
	}
}
