package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// runHere runs the program in this process.
func runHere(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut strings.Builder
	code = run(args, strings.NewReader(stdin), &out, &errOut)
	return code, out.String(), errOut.String()
}

// mistakesIDL is what the mistakes below are made with.
const mistakesIDL = `enum Color {RED = 1, GREEN = 2}
struct Work {
  1: required string name
  2: i32 left
  3: list<i8> tiny
}
service S {
  void two(1: string a, 2: i32 b)
  void none()
  void color(1: Color v)
  void work(1: Work v, 2: map<string, i32> m)
  void id(1: uuid v)
  void bytes(1: binary v)
  void real(1: double v)
  void flag(1: bool v)
  void need(1: required i32 v)
  void same()
}
service T { void same() }
`

// Each row is a call with a mistake and all that is said about it, without "thriftkit: " and up to
// a "…". Calls begin with "call --idl a.thrift localhost:1".
var badCalls = []struct {
	args []string
	want string
}{
	{[]string{"tow"}, `a.thrift has no method "tow" (did you mean two?)`},
	{[]string{"S.tow"}, `service S has no method "tow" (did you mean two?)`},
	{[]string{"s.two"}, `a.thrift has no service "s" (did you mean S?)`},
	{[]string{"S"}, `S is a service: name one of its methods, such as S.two`},
	{[]string{"same"}, `several services have a method "same": write S.same or T.same`},
	{[]string{""}, `a.thrift has no method ""`},
	{[]string{"."}, `a.thrift has no service ""`},

	{[]string{"two"}, "S.two: arguments a, b are missing"},
	{[]string{"two", "x"}, "S.two: argument b is missing"},
	{[]string{"two", "b=1"}, "S.two: argument a is missing"},
	{[]string{"two", "x", "1", "2", "3"}, "S.two takes 2 arguments (a, b), not 4"},
	{[]string{"none", "x"}, "S.none takes no arguments, not 1"},
	{[]string{"color", "RED", "x"}, "S.color takes 1 argument (v), not 2"},
	{[]string{"two", "x", "a=y"}, "S.two: argument a is given twice\nS.two: argument b is missing"},
	{[]string{"two", "b=1", "b=2", "a=x"}, "S.two: argument b is given twice"},
	{[]string{"two", "b=1", "x"}, "S.two: x follows a named argument: name it too\nS.two: argument a is missing"},
	{[]string{"two", "x", "c=1"}, "S.two: argument b: want i32, got c=1 (declared at a.thrift:8:32)"},

	{[]string{"two", "x", "y"}, "S.two: argument b: want i32, got y (declared at a.thrift:8:32)"},
	{[]string{"two", "x", ""}, "S.two: argument b: want i32, got an empty text (declared at a.thrift:8:32)"},
	{[]string{"two", "x", `"1"`}, `S.two: argument b: want i32, got "1" (declared at a.thrift:8:32)`},
	{[]string{"two", "x", "1.5"}, "S.two: argument b: want i32, got 1.5 (declared at a.thrift:8:32)"},
	{[]string{"two", "x", "-3000000000"}, "S.two: argument b: -3000000000 is out of range for i32 (declared at a.thrift:8:32)"},
	{[]string{"two", "x", "1 2"}, "S.two: argument b: want i32, got 1 2 (declared at a.thrift:8:32)"},
	{[]string{"two", `"\q"`, "1"}, "S.two: argument a: invalid character 'q' in string escape (declared at a.thrift:8:22)"},
	{[]string{"two", "\xff", "1"}, "S.two: argument a: the text is not UTF-8 (declared at a.thrift:8:22)"},
	{[]string{"need", "null"}, "S.need: argument v: it is required and cannot be null (declared at a.thrift:16:29)"},
	{[]string{"flag", "yes"}, "S.flag: argument v: want bool, got yes (declared at a.thrift:15:21)"},
	{[]string{"flag", "1"}, "S.flag: argument v: want bool, got 1 (declared at a.thrift:15:21)"},
	{[]string{"real", "inf"}, "S.real: argument v: want double, got inf (declared at a.thrift:14:23)"},
	{[]string{"color", "BLUE"}, `S.color: argument v: enum Color has no value "BLUE" (it has RED, GREEN) (declared at a.thrift:10:23)`},
	{[]string{"color", "3000000000"}, "S.color: argument v: 3000000000 is out of range for Color (declared at a.thrift:10:23)"},
	{[]string{"id", "123"}, `S.id: argument v: "123" is not a uuid (declared at a.thrift:12:19)`},
	{[]string{"bytes", "?"}, "S.bytes: argument v: the string is not base64 (declared at a.thrift:13:24)"},
	{[]string{"--binary", "hex", "bytes", "abc"}, "S.bytes: argument v: the string is not hexadecimal: odd length hex string (declared at a.thrift:13:24)"},
	{
		[]string{"work", "{\"left\": true,\n \"tiny\": [1, 200]}", "{\"x\": 1, \"x\": \"y\"}"},
		"S.work: argument v: 1:1: required field name of Work is missing (declared at a.thrift:11:21)\n" +
			"S.work: argument v.left: 1:10: want i32, got true (declared at a.thrift:4:10)\n" +
			"S.work: argument v.tiny[1]: 2:14: 200 is out of range for i8 (declared at a.thrift:5:15)\n" +
			"S.work: argument m: 1:10: the key \"x\" is given twice (declared at a.thrift:11:44)\n" +
			"S.work: argument m[\"x\"]: 1:15: want i32, got \"y\" (declared at a.thrift:11:44)",
	},
	{[]string{"work", "dig", "{}"}, "S.work: argument v: 1:1: want a value, got 'd' (declared at a.thrift:11:21)"},

	{[]string{"two", "-d", "{}"}, "S.two: arguments a, b are missing"},
	{[]string{"two", "-d", `{"a": "x"}`}, "S.two: argument b is missing"},
	{[]string{"two", "-d", `{"a": 1, "c": 2}`}, "-d:1:7: a: want string, got 1 (declared at a.thrift:8:22)\n-d:1:10: method S.two has no parameter \"c\""},
	{[]string{"two", "-d", ""}, "-d:1:1: unexpected end of JSON text"},
	{[]string{"two", "-d", "-5"}, "-d:1:1: want an object for the arguments of S.two, got -5"},
	{[]string{"two", "-d", "[]"}, "-d:1:1: want an object for the arguments of S.two, got an array"},
	{[]string{"two", "-d", "@-"}, "standard input:1:2: want a value, got 's'"},
	{[]string{"two", "x", "-d", "{}"}, "give the arguments either one by one or with -d, not both"},
	{[]string{"need", "-d", `{"v": null}`}, "-d:1:1: required field v of S.need is missing"},

	{[]string{"--binary", "octal", "none"}, `--binary: unknown form of binaries "octal" (known: base64, hex, text), or @FILE`},
	{[]string{"--binary", "@", "none"}, `--binary @FILE: the name of the file is missing`},
	{[]string{"--binary", "@x", "none"}, `--binary @FILE is for a result that is binary, and S.none returns void`},
	{[]string{"--color", "blue", "none"}, `--color: want auto, always or never, got "blue"`},
	{[]string{"--jq", ".[", "none"}, `--jq: unexpected EOF`},
	{[]string{"--repeat", "0", "none"}, `--repeat 0 is not above 0`},
	{[]string{"--connect-timeout", "-1s", "none"}, "--connect-timeout -1s is negative"},
	{[]string{"--dry-run", "--user", "a:b", "none"}, "--dry-run does not go with --user: without a server there is no negotiation"},
	{[]string{"--cert", "x", "none"}, `target "tls://localhost:1?cert=x": cert and key go together`},
	{[]string{"work", "v.nmae=x", "{}"}, "S.work: argument v.nmae: struct Work has no field \"nmae\" (did you mean name?) (declared at a.thrift:11:21)\nS.work: {} follows a named argument: name it too\nS.work: argument m is missing"},
	{[]string{"--timeout", "-1s", "none"}, "--timeout -1s is negative"},
	{[]string{"--timeout", "soon", "none"}, `invalid argument "soon" for "--timeout" flag: time: invalid duration "soon"`},
	{[]string{"--protocol", "carrier-pigeon", "none"}, `target "localhost:1?protocol=carrier-pigeon": unknown protocol "carrier-pigeon" (known: …`},
	{[]string{"--transport", "rail", "none"}, `target "localhost:1?transport=rail": unknown transport "rail" (known: …`},
	{[]string{"-z", "none"}, "unknown shorthand flag: 'z' in -z"},
	{[]string{"none", "--framed"}, "unknown flag: --framed"},
	{[]string{"none", "--idl"}, "flag needs an argument: --idl"},
}

func TestBadCalls(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.thrift", mistakesIDL)
	for _, tt := range badCalls {
		args := append([]string{"call", "--idl", "a.thrift", "localhost:1"}, tt.args...)
		checkMistake(t, args, tt.want)
	}
}

// Other ways to call the program.
var badUsage = []struct {
	args []string
	want string
}{
	{[]string{"call"}, "call needs TARGET and METHOD (see thriftkit call --help)"},
	{[]string{"call", "localhost:1"}, "call needs TARGET and METHOD (see thriftkit call --help)"},
	{[]string{"call", "localhost:1", "-d", "{}"}, "call needs TARGET and METHOD (see thriftkit call --help)"},
	{[]string{"call", "--dry-run", "localhost:1", "none"}, "--dry-run needs --idl FILE: no server is asked"},
	{[]string{"call", "-k", "tcp://localhost:1", "none"}, `the flags for TLS go with tls://, https://, grpcs://, connects://, dubbos://, motan2s://, rpcxs:// and tris:// targets, and with host:port, not with "tcp://localhost:1"`},
	{[]string{"call", "--cacert", "a", "tls://localhost:1?ca=b", "none"}, `the target says ca=b, but --cacert says a`},
	{[]string{"call", "@prod", "none"}, "there is no thriftkit.yaml here or above, in which @prod could be a target"},
	{[]string{"config", "@a", "@b"}, `config takes one @TARGET; unexpected "@b"`},
	{[]string{"call", "--idl", "a.thrift", "localhost", "none"}, `target "localhost": the port is missing: want host:port`},
	{[]string{"call", "--idl", "a.thrift", "ftp://localhost:1", "none"}, `target "ftp://localhost:1": unknown scheme "ftp" (known: …`},
	{[]string{"call", "--idl", "a.thrift", "localhost:1?transprot=framed", "none"}, `target "localhost:1?transprot=framed": unknown key "transprot" (known: …`},
	{[]string{"call", "--idl", "a.thrift", "--transport", "framed", "localhost:1?transport=buffered", "none"}, "the target says transport=buffered, but --transport says framed"},
	{[]string{"call", "--idl", "a.thrift", "--protocol", "binary", "localhost:1?protocol=json", "none"}, "the target says protocol=json, but --protocol says binary"},
	{[]string{"call", "--idl", "a.thrift", "localhost:1?%zz", "none"}, `target "localhost:1?%zz": invalid URL escape "%zz"`},
	{[]string{"check"}, "check needs FILE (see thriftkit check --help)"},
	{[]string{"check", "--format", "xml", "a.thrift"}, `unknown format "xml" (known: text, json)`},
	{[]string{"describe"}, "describe needs FILE or TARGET, and NAME (see thriftkit describe --help)"},
	{[]string{"describe", "a.thrift", "S", "T"}, `describe takes FILE or TARGET, and NAME; unexpected "T"`},
	{[]string{"describe", "a.thrift", "S", "-1"}, `describe takes FILE or TARGET, and NAME; unexpected "-1"`},
	{[]string{"describe", "a.thrift", "Wrok"}, `a.thrift defines no "Wrok" (did you mean Work?)`},
	{[]string{"serve"}, "serve needs FILE (see thriftkit serve --help)"},
	{[]string{"serve", "--lisen", ":0", "a.thrift"}, "unknown flag: --lisen (did you mean --listen?)"},
	{[]string{"serve", "--listen", "9090", "a.thrift"}, `--listen: want host:port, :port, unix:///path or udp://host:port, got "9090"`},
	{[]string{"serve", "--listen", "unix://", "a.thrift"}, `--listen: target "unix://": the path of the socket is missing: want unix:///path`},
	{[]string{"serve", "--listen", "tls://localhost:0", "a.thrift"}, `--listen: want a tcp, udp or unix address without a query, got "tls://localhost:0"`},
	{[]string{"serve", "--listen", "tcp://localhost:0?transport=framed", "a.thrift"}, `--listen: want a tcp, udp or unix address without a query, got "tcp://localhost:0?transport=framed"`},
	{[]string{"serve", "--service", "U", "a.thrift"}, `a.thrift has no service "U"`},
}

func TestBadUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.thrift", mistakesIDL)
	for _, tt := range badUsage {
		checkMistake(t, tt.args, tt.want)
	}
}

func checkMistake(t *testing.T, args []string, want string) {
	t.Helper()
	code, stdout, stderr := runHere(t, " something", args...)
	want = "thriftkit: " + strings.ReplaceAll(want, "\n", "\nthriftkit: ") + "\n"
	if start, ok := strings.CutSuffix(want, "…\n"); ok && strings.HasPrefix(stderr, start) {
		want = stderr // the end is a list of what there is
	}
	if code != exitUsage || stdout != "" || stderr != want {
		t.Errorf("%q\nexit %d, %q\n got %s\nwant %s", args, code, stdout, stderr, want)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestShieldNumbers(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"sub -1 -2 -.5", "sub |-1 |-2 -.5"},
		{"--idl a.thrift -5 -d -5", "--idl a.thrift |-5 -d -5"},
		{"--timeout -1s -1s", "--timeout -1s |-1s"},
		{"-I -1 -I1 -1 --protocol=p -1 -- -1", "-I -1 -I1 |-1 --protocol=p |-1 -- |-1"},
		{"- -1 --x 1 -1", "- |-1 --x 1 |-1"},
	} {
		got := strings.ReplaceAll(strings.Join(shieldNumbers(strings.Split(tt.in, " ")), " "), shield, "|")
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  rpc.Error
		want int
	}{
		{rpc.Error{Code: rpc.CodeUnknown, Remote: true}, 64},
		{rpc.Error{Code: rpc.CodeUnknownMethod, Remote: true}, 65},
		{rpc.Error{Code: rpc.CodeInternal, Remote: true}, 70},
		{rpc.Error{Code: rpc.CodeUnsupportedClientType, Remote: true}, 74},
		{rpc.Error{Code: 191, Remote: true}, 255},
		{rpc.Error{Code: 192, Remote: true}, 64},
		{rpc.Error{Code: rpc.CodeTimeout, Remote: true}, 64},
		{rpc.Error{Code: rpc.CodeUnknownMethod}, 1},
		{rpc.Error{Code: rpc.CodeMissingResult}, 1},
		{rpc.Error{Code: rpc.CodeProtocol}, 1},
		{rpc.Error{Code: rpc.CodeCanceled}, 1},
		{rpc.Error{Code: rpc.CodeUnavailable}, 3},
		{rpc.Error{Code: rpc.CodeConnectionLost}, 3},
		{rpc.Error{Code: rpc.CodeTimeout}, 4},
		{rpc.Error{Code: rpc.CodeArgument}, 2},
	} {
		if got := exitCode(&tt.err); got != tt.want {
			t.Errorf("%+v: exit code %d, want %d", tt.err, got, tt.want)
		}
	}
}

// Every example of a help text is in examples.txtar, where it is run, and every command has one.
func TestExamples(t *testing.T) {
	data, err := os.ReadFile("testdata/script/examples.txtar")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(data), "serve addr --listen 127.0.0.1:0", "exec thriftkit serve --listen 127.0.0.1:9090")
	script = strings.ReplaceAll(script, "tap shown --listen 127.0.0.1:0", "exec thriftkit tap --listen 127.0.0.1:9999")
	script = strings.ReplaceAll(script, "gateway front --listen 127.0.0.1:0", "exec thriftkit gateway --listen 127.0.0.1:8080")
	script = strings.ReplaceAll(script, "registry reg --listen 127.0.0.1:0", "exec thriftkit registry serve --listen 127.0.0.1:9000")
	script = strings.ReplaceAll(script, " &registered&", "")
	script = strings.ReplaceAll(script, "$admin", "127.0.0.1:9091")
	script = strings.ReplaceAll(script, "$reg", "127.0.0.1:9000")
	script = strings.ReplaceAll(script, "$addr", "127.0.0.1:9090")
	root := newRoot()
	commands := append([]*cobra.Command{root}, root.Commands()...)
	for i := 0; i < len(commands); i++ {
		cmd := commands[i]
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			continue
		}
		if cmd != root {
			commands = append(commands, cmd.Commands()...)
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.Name())
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			// Without flags serve and gateway listen where no test should, and not everybody may capture what goes over interfaces.
			if line != "thriftkit serve foo.thrift" && line != "thriftkit gateway --idl foo.thrift 127.0.0.1:9090" && !strings.Contains(line, " --interface ") && !strings.Contains(script, "exec "+line+"\n") {
				t.Errorf("%s: nothing runs %s", cmd.Name(), line)
			}
		}
	}
}

func mistakesFile(t testing.TB) *schema.File {
	t.Helper()
	f, diags := compile.Compile("a.thrift", compile.Options{Source: compile.Texts{"a.thrift": mistakesIDL}})
	if f == nil {
		t.Fatal(diags)
	}
	return f
}

// What the words give is what the JSON of it gives again.
func FuzzArguments(f *testing.F) {
	for _, tt := range badCalls {
		if m := tt.args[0]; !strings.HasPrefix(m, "-") {
			f.Add(m, strings.Join(tt.args[1:], "\x00"), uint8(0))
		}
	}
	f.Add("two", "x\x001", uint8(1))
	f.Add("work", "{\"name\": \"\"}\x00{\"a\": 1}", uint8(2))
	f.Add("bytes", "{\"base64\": \"\"}", uint8(2))
	file := mistakesFile(f)
	f.Fuzz(func(t *testing.T, method, words string, binary uint8) {
		m, _, err := findMethod(file, method)
		if err != nil {
			return
		}
		form := dynamic.BinaryForm(binary % 3)
		args, err := parseWords(m, strings.Split(words, "\x00"), form)
		if err != nil {
			if text := err.Error(); text == "" || !strings.Contains(text, m.String()) {
				t.Errorf("%q: %s", words, text)
			}
			return
		}
		text, err := dynamic.AppendJSON(nil, m.Args.Type(), dynamic.StructValue(args), dynamic.JSONOptions{Binary: form})
		if err != nil {
			t.Fatal(err)
		}
		v, err := dynamic.ParseJSON(m.Args.Type(), text, dynamic.JSONOptions{Binary: form})
		if err != nil || !dynamic.Equal(v, dynamic.StructValue(args)) {
			t.Errorf("%q gives %s, which is not taken: %v", words, text, err)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		"", "{", "[]", "{}", "{} x", `{"two": null}`, `{"two": {"exception": "E", "value": {}}}`, `{"S.none": 1, "nope": 2,`,
		`{"a\"b": 1}`, "{\n\"color\"\n:\nnull\n}", `{"two": nul}`, `{"same": null, "S.same": null, "T.same": null}`,
	} {
		f.Add(text)
	}
	file := mistakesFile(f)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseAnswers("answers.json", []byte(text), file)
		if err == nil {
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "answers.json:") {
				t.Errorf("%q: no place in %q", text, line)
			}
		}
	})
}
