package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
)

// The cross test of Apache Thrift has a service, ThriftTest, and for each language a client that checks every answer and a server. Its
// programs for Python and Node are run as they are: their clients against a server of thriftkit, and a client of thriftkit, which
// checks the same, against their servers.

// The types of ThriftTest.
type (
	xtruct struct {
		StringThing string
		ByteThing   int8
		I32Thing    int32
		I64Thing    int64
	}
	xtruct2 struct {
		ByteThing   int8
		StructThing *xtruct
		I32Thing    int32
	}
	numberz  int32
	insanity struct {
		UserMap map[numberz]int64
		Xtructs []*xtruct
	}
	xception struct {
		ErrorCode int32
		Message   string
	}
	xception2 struct {
		ErrorCode   int32
		StructThing *xtruct
	}
)

func (e *xception) Error() string  { return fmt.Sprintf("%d %s", e.ErrorCode, e.Message) }
func (e *xception2) Error() string { return fmt.Sprint(e.ErrorCode) }

const (
	one   numberz = 1
	two   numberz = 2
	three numberz = 3
	six   numberz = 6
)

// crossHandler answers as the servers of the cross test do.
type crossHandler struct{}

func (crossHandler) TestVoid(context.Context) error                           { return nil }
func (crossHandler) TestString(_ context.Context, v string) (string, error)   { return v, nil }
func (crossHandler) TestBool(_ context.Context, v bool) (bool, error)         { return v, nil }
func (crossHandler) TestByte(_ context.Context, v int8) (int8, error)         { return v, nil }
func (crossHandler) TestI32(_ context.Context, v int32) (int32, error)        { return v, nil }
func (crossHandler) TestI64(_ context.Context, v int64) (int64, error)        { return v, nil }
func (crossHandler) TestDouble(_ context.Context, v float64) (float64, error) { return v, nil }
func (crossHandler) TestBinary(_ context.Context, v []byte) ([]byte, error)   { return v, nil }
func (crossHandler) TestStruct(_ context.Context, v *xtruct) (*xtruct, error) { return v, nil }
func (crossHandler) TestNest(_ context.Context, v *xtruct2) (*xtruct2, error) { return v, nil }
func (crossHandler) TestList(_ context.Context, v []int32) ([]int32, error)   { return v, nil }
func (crossHandler) TestEnum(_ context.Context, v numberz) (numberz, error)   { return v, nil }
func (crossHandler) TestTypedef(_ context.Context, v int64) (int64, error)    { return v, nil }
func (crossHandler) TestOneway(context.Context, int32) error                  { return nil }
func (crossHandler) SecondtestString(_ context.Context, v string) (string, error) {
	return secondAnswer(v), nil
}
func (crossHandler) TestMap(_ context.Context, v map[int32]int32) (map[int32]int32, error) {
	return v, nil
}
func (crossHandler) TestStringMap(_ context.Context, v map[string]string) (map[string]string, error) {
	return v, nil
}
func (crossHandler) TestSet(_ context.Context, v map[int32]struct{}) (map[int32]struct{}, error) {
	return v, nil
}
func (crossHandler) TestMapMap(context.Context, int32) (map[int32]map[int32]int32, error) {
	return mapMap(), nil
}
func (crossHandler) TestInsanity(_ context.Context, v *insanity) (map[int64]map[numberz]*insanity, error) {
	return insane(v), nil
}
func (crossHandler) TestMulti(_ context.Context, arg0 int8, arg1 int32, arg2 int64, _ map[int16]string, _ numberz, _ int64) (*xtruct, error) {
	return &xtruct{"Hello2", arg0, arg1, arg2}, nil
}
func (crossHandler) TestException(_ context.Context, arg string) error {
	switch arg {
	case "Xception":
		return &xception{1001, arg}
	case "TException":
		return errors.New("an error that is not declared")
	}
	return nil
}
func (crossHandler) TestMultiException(_ context.Context, arg0, arg1 string) (*xtruct, error) {
	switch arg0 {
	case "Xception":
		return nil, &xception{1001, "This is an Xception"}
	case "Xception2":
		return nil, &xception2{2002, &xtruct{StringThing: "This is an Xception2"}}
	}
	return &xtruct{StringThing: arg1}, nil
}

func secondAnswer(v string) string { return `testString("` + v + `")` }

func mapMap() map[int32]map[int32]int32 {
	m := map[int32]map[int32]int32{4: {}, -4: {}}
	for i := range int32(4) {
		m[4][i+1], m[-4][-i-1] = i+1, -i-1
	}
	return m
}

func insane(v *insanity) map[int64]map[numberz]*insanity {
	return map[int64]map[numberz]*insanity{1: {two: v, three: v}, 2: {six: new(insanity)}}
}

// crossTest returns the folder of the cross test.
func crossTest(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("THRIFTKIT_CROSSTEST")
	if _, err := os.Stat(dir); dir == "" || err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_CROSSTEST (%q) has no cross test of Apache Thrift", dir))
	}
	return dir
}

// crossPython returns a Python with Apache Thrift.
func crossPython(t *testing.T) string {
	t.Helper()
	p := os.Getenv("THRIFTKIT_APACHEPY")
	if _, err := exec.LookPath(p); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_APACHEPY (%q) names no Python with Apache Thrift", p))
	}
	return p
}

func loadCrossTest(t *testing.T, dir string) *schema.File {
	t.Helper()
	file, err := thriftkit.Load(filepath.Join(dir, "test", "ThriftTest.thrift"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A crossCell is a way to talk: how the programs of both languages are told, and how a client of thriftkit is.
type crossCell struct {
	protocol  string // as the programs call it
	transport string
	target    string // keys of a target
}

// pythonCells are what the programs for Python know.
func pythonCells() []crossCell {
	var cells []crossCell
	for _, transport := range []string{"buffered", "framed"} {
		for protocol, ours := range map[string]string{
			"binary": "binary", "accel": "binary", "compact": "compact", "accelc": "compact", "json": "json",
			"multi": "binary", "multia": "binary", "multic": "compact", "multiac": "compact", "multij": "json",
		} {
			cells = append(cells, crossCell{protocol, transport, "transport=" + transport + "&protocol=" + ours})
		}
	}
	return append(cells,
		crossCell{"header", "buffered", "transport=header"}, crossCell{"multih", "buffered", "transport=header"},
		crossCell{"header", "framed", "transport=framed-header"}, crossCell{"multih", "framed", "transport=framed-header"})
}

func (c crossCell) multiplexed() bool { return strings.HasPrefix(c.protocol, "multi") }

// nodeCells are what the programs for Node know.
func nodeCells() []crossCell {
	var cells []crossCell
	for _, protocol := range []string{"binary", "compact", "json"} {
		for _, transport := range []string{"buffered", "framed"} {
			if protocol == "json" && transport == "buffered" {
				continue // Node's library finds no end of a message there
			}
			cells = append(cells, crossCell{protocol, transport, "transport=" + transport + "&protocol=" + protocol})
		}
	}
	return append(cells, crossCell{"header", "buffered", "transport=header"})
}

// serveCrossTest serves both services of the cross test, and returns the address.
func serveCrossTest(t *testing.T, file *schema.File) string {
	t.Helper()
	s := thriftkit.NewServer(thriftkit.WithErrorLog(nil))
	for _, name := range []string{"ThriftTest", "SecondService"} {
		if err := s.Register(file.Service(name), crossHandler{}); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// TestCrossTestClients runs the clients of the cross test against our server.
func TestCrossTestClients(t *testing.T) {
	dir, py := crossTest(t), crossPython(t)
	_, port, _ := net.SplitHostPort(serveCrossTest(t, loadCrossTest(t, dir)))
	run := func(name, folder string, args ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			cmd.Dir = filepath.Join(dir, filepath.FromSlash(folder))
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				text := string(out)
				t.Errorf("%v\n%s", err, text[max(0, len(text)-3000):])
			}
		})
	}
	pythonClient := []string{py, "TestClient.py", "--genpydir=gen-py-default", "--host=127.0.0.1", "--port=" + port}
	for _, c := range append(pythonCells(), crossCell{"binary", "http", ""}, crossCell{"compact", "http", ""}, crossCell{"json", "http", ""}) {
		args := append(pythonClient[:len(pythonClient):len(pythonClient)], "--protocol="+c.protocol, "--transport="+c.transport)
		if c.transport == "http" {
			args = append(args, "--http=/")
		}
		run("python/"+c.protocol+"/"+c.transport, "test/py", args...)
	}
	for _, protocol := range []string{"binary", "compact", "json", "accel"} {
		run("python/"+protocol+"/zlib", "test/py", append(pythonClient[:len(pythonClient):len(pythonClient)], "--protocol="+protocol, "--transport=buffered", "--zlib")...)
	}
	for _, c := range nodeCells() {
		for _, how := range [][]string{{"--es5", "--type=tcp"}, {"--es6", "--type=tcp"}, {"--es5", "--callback", "--type=tcp"}, {"--es6", "--type=multiplex"}} {
			args := append([]string{"node", "client.js", "--host=127.0.0.1", "--port=" + port, "--protocol=" + c.protocol, "--transport=" + c.transport}, how...)
			run("node/"+c.protocol+"/"+c.transport+"/"+strings.Join(how, ""), "lib/nodejs/test", args...)
		}
	}
}

// crossFuncs are the methods of ThriftTest as a client of thriftkit calls them.
type crossFuncs struct {
	TestVoid           func(context.Context) error
	TestString         func(context.Context, string) (string, error)
	TestBool           func(context.Context, bool) (bool, error)
	TestByte           func(context.Context, int8) (int8, error)
	TestI32            func(context.Context, int32) (int32, error)
	TestI64            func(context.Context, int64) (int64, error)
	TestDouble         func(context.Context, float64) (float64, error)
	TestBinary         func(context.Context, []byte) ([]byte, error)
	TestStruct         func(context.Context, *xtruct) (*xtruct, error)
	TestNest           func(context.Context, *xtruct2) (*xtruct2, error)
	TestMap            func(context.Context, map[int32]int32) (map[int32]int32, error)
	TestStringMap      func(context.Context, map[string]string) (map[string]string, error)
	TestSet            func(context.Context, map[int32]struct{}) (map[int32]struct{}, error)
	TestList           func(context.Context, []int32) ([]int32, error)
	TestEnum           func(context.Context, numberz) (numberz, error)
	TestTypedef        func(context.Context, int64) (int64, error)
	TestMapMap         func(context.Context, int32) (map[int32]map[int32]int32, error)
	TestInsanity       func(context.Context, *insanity) (map[int64]map[numberz]*insanity, error)
	TestMulti          func(context.Context, int8, int32, int64, map[int16]string, numberz, int64) (*xtruct, error)
	TestException      func(context.Context, string) error
	TestMultiException func(context.Context, string, string) (*xtruct, error)
	TestOneway         func(context.Context, int32) error
}

// TestCrossTestServers calls the servers of the cross test.
func TestCrossTestServers(t *testing.T) {
	dir, py := crossTest(t), crossPython(t)
	file := loadCrossTest(t, dir)
	serve := func(t *testing.T, folder string, args ...string) string {
		t.Helper()
		socket := socketPath(t)
		script := filepath.Join(dir, filepath.FromSlash(folder), args[1])
		args = append(append([]string{script}, args[2:]...), "--domain-socket", socket)
		if folder == "test/py" {
			args = append([]string{py}, args...)
		} else {
			args = append([]string{"node"}, args...)
		}
		p := start(t, args[0], args[1:]...)
		t.Cleanup(p.kill)
		for {
			c, err := net.Dial("unix", socket)
			if err == nil {
				c.Close()
				return socket
			}
			select {
			case <-p.ended:
				t.Fatalf("the server ended:\n%s", p.stderr.tail())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	for _, c := range pythonCells() {
		t.Run("python/"+c.protocol+"/"+c.transport, func(t *testing.T) {
			t.Parallel()
			socket := serve(t, "test/py", "python", "TestServer.py", "--genpydir=gen-py-default", "--protocol="+c.protocol, "--transport="+c.transport, "TThreadedServer")
			if c.multiplexed() {
				checkCrossTest(t, file, "unix://"+socket+"?"+c.target+"&service=ThriftTest")
			}
			checkCrossTest(t, file, "unix://"+socket+"?"+c.target)
		})
	}
	for _, c := range nodeCells() {
		for _, how := range []string{"--es5", "--es6"} {
			t.Run("node/"+c.protocol+"/"+c.transport+"/"+how, func(t *testing.T) {
				t.Parallel()
				socket := serve(t, "lib/nodejs/test", "node", "server.js", "--protocol="+c.protocol, "--transport="+c.transport, how, "--type=tcp")
				checkCrossTest(t, file, "unix://"+socket+"?"+c.target)
			})
		}
	}
}

// checkCrossTest makes the calls that the clients of the cross test make.
func checkCrossTest(t *testing.T, file *schema.File, target string) {
	t.Helper()
	c, err := thriftkit.Dial(t.Context(), target, thriftkit.WithTimeout(patient))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var f crossFuncs
	if err := c.Bind(file.Service("ThriftTest"), &f, new(xception), new(xception2)); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := f.TestVoid(ctx); err != nil {
		t.Error("testVoid:", err)
	}
	crossEchoes(t, "testString", f.TestString, "", strings.Repeat("Thriftkit", 20), "\b\t\n/\\\\\r{}:パイソン\"", "quote: \\\" backslash: \\\\ ፊደል 中文 𐍈")
	crossEchoes(t, "testBool", f.TestBool, true, false)
	crossEchoes(t, "testByte", f.TestByte, 0, 63, -128, 127)
	crossEchoes(t, "testI32", f.TestI32, 0, -1, -1<<31, 1<<31-1)
	crossEchoes(t, "testI64", f.TestI64, 0, 1, -1, -(1 << 52), 1<<52, 1<<63-1, -1<<63)
	crossEchoes(t, "testDouble", f.TestDouble, 0, 5.235098235, -5.325098235, 1e-300, 1.7976931348623157e308)
	crossEchoes(t, "testBinary", f.TestBinary, []byte{}, allBytes(256))
	crossEchoes(t, "testStruct", f.TestStruct, &xtruct{"Zero", 1, -3, -5})
	crossEchoes(t, "testNest", f.TestNest, &xtruct2{0, &xtruct{"Zero", 1, -3, -5}, 0})
	crossEchoes(t, "testMap", f.TestMap, map[int32]int32{0: 1, 1: 2, -1: -2, -1 << 31: 1<<31 - 1})
	crossEchoes(t, "testStringMap", f.TestStringMap, map[string]string{"a": "2", "b": "blah", "some": "thing", "": "中文"})
	crossEchoes(t, "testSet", f.TestSet, set[int32](8, 1, 42, -1))
	crossEchoes(t, "testList", f.TestList, []int32{1, 4, 9, -42}, []int32{})
	crossEchoes(t, "testEnum", f.TestEnum, one, two, three, 5, six, 8)
	crossEchoes(t, "testTypedef", f.TestTypedef, 0x7fffffffffff, -0x7fffffffffff)
	if got, err := f.TestMapMap(ctx, 42); err != nil || !reflect.DeepEqual(got, mapMap()) {
		t.Errorf("testMapMap: %v, %v", got, err)
	}
	mad := &insanity{map[numberz]int64{5: 5, 8: 8}, []*xtruct{{"Hello2", 74, 0xff00ff, -1}, {"Goodbye4", 4, 4, 4}}}
	if got, err := f.TestInsanity(ctx, mad); err != nil || !reflect.DeepEqual(got[1], insane(mad)[1]) || len(got) != 2 || got[2][six] == nil {
		t.Errorf("testInsanity: %v, %v", got, err)
	}
	if got, err := f.TestMulti(ctx, 74, 0xff00ff, 0xf004f00d8, map[int16]string{0: "abc"}, 5, 0xf0f0f0); err != nil || *got != (xtruct{"Hello2", 74, 0xff00ff, 0xf004f00d8}) {
		t.Errorf("testMulti: %v, %v", got, err)
	}
	if err := f.TestException(ctx, "Safe"); err != nil {
		t.Error("testException Safe:", err)
	}
	var x *xception
	if err := f.TestException(ctx, "Xception"); !errors.As(err, &x) || *x != (xception{1001, "Xception"}) {
		t.Error("testException Xception:", err)
	}
	if err := f.TestException(ctx, "TException"); err == nil || errors.As(err, new(*xception)) {
		t.Error("testException TException:", err)
	}
	if got, err := f.TestMultiException(ctx, "Safe", "Safe"); err != nil || got.StringThing != "Safe" {
		t.Errorf("testMultiException: %v, %v", got, err)
	}
	if _, err := f.TestMultiException(ctx, "Xception", "ignored"); !errors.As(err, &x) || *x != (xception{1001, "This is an Xception"}) {
		t.Error("testMultiException Xception:", err)
	}
	var x2 *xception2
	if _, err := f.TestMultiException(ctx, "Xception2", "ignored"); !errors.As(err, &x2) || x2.ErrorCode != 2002 || x2.StructThing.StringThing != "This is an Xception2" {
		t.Error("testMultiException Xception2:", err)
	}
	if err := f.TestOneway(ctx, 0); err != nil {
		t.Error("testOneway:", err)
	}
	if err := f.TestVoid(ctx); err != nil { // the connection is in order
		t.Error("testVoid after testOneway:", err)
	}
}

// crossEchoes calls a method that returns its argument.
func crossEchoes[T any](t *testing.T, method string, f func(context.Context, T) (T, error), values ...T) {
	t.Helper()
	for _, v := range values {
		if got, err := f(t.Context(), v); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%s(%v): %v, %v", method, v, got, err)
		}
	}
}
