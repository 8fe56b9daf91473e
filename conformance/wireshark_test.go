package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

const userIDL = `
enum Color { RED = 1, GREEN = 2 }
struct User { 1: string name, 2: list<i32> ids, 3: bool active, 4: optional Color color, 5: map<string, double> scores, 6: i64 big }
exception NotFound { 1: string what }
service Base { string ping() }
service Users extends Base {
	User get(1: string name, 2: bool full) throws (1: NotFound missing)
	void store(1: User user, 2: binary data, 3: i64 serial)
	oneway void note(1: string text)
}
`

// tsharkProgram returns Wireshark's program for terminals. The test ends if there is none.
func tsharkProgram(t *testing.T) string {
	t.Helper()
	p := os.Getenv("THRIFTKIT_TSHARK")
	if _, err := exec.LookPath(p); err != nil {
		missing(t, fmt.Sprintf("THRIFTKIT_TSHARK (%q) names no tshark", p))
	}
	return p
}

// tshark runs tshark and returns the lines that it prints, without the last line's end.
func tshark(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command(tsharkProgram(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TZ=UTC")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil || strings.Contains(errOut.String(), "Lua") || strings.Contains(errOut.String(), ".lua") || strings.Contains(out.String(), "Lua Error") {
		t.Fatalf("tshark %s: %v\n%.3000s%.3000s", strings.Join(args, " "), err, errOut.String(), out.String())
	}
	if out.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// plugin writes the plugin for files and returns its name.
func plugin(t *testing.T, opts gen.WiresharkOptions, files ...*schema.File) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "plugin.lua")
	if err := os.WriteFile(name, gen.Wireshark(files, opts), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func handleUsers(_ context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
	switch m.Name {
	case "ping":
		return "pong", nil
	case "get":
		name := args.Get("name").Text()
		if strings.HasPrefix(name, "missing") {
			ex := dynamic.New(m.Throws[0].Type.Struct)
			if err := ex.Set("what", name); err != nil {
				return nil, err
			}
			return nil, &thriftkit.Exception{Value: ex}
		}
		if strings.HasPrefix(name, "broken") {
			return nil, errors.New("it broke")
		}
		return map[string]any{"name": name, "ids": []int{1, -2, len(name)}, "active": true, "color": "GREEN", "scores": map[string]any{"a": 0.5}, "big": int64(-1) << 62}, nil
	}
	return nil, nil
}

// userDialects are those that the plugin reads.
var userDialects = []string{
	"protocol=binary", "protocol=binary&transport=framed", "protocol=compact", "protocol=compact&transport=framed",
	"protocol=json", "protocol=json&transport=framed", "protocol=thriftpy2-json", "protocol=thriftpy2-json&transport=framed",
	"transport=header", "transport=header&protocol=compact", "transport=header&compression=zlib",
	"transport=ttheader", "transport=ttheader&protocol=compact", "transport=http", "transport=http&protocol=compact", "transport=http&protocol=json",
	"compression=zlib", "compression=zlib&transport=framed&protocol=compact",
}

// talk makes n rounds of calls in a dialect over connections that network records.
func talk(t *testing.T, network *capturetest.Network, svc *schema.Service, dialect string, n int) {
	t.Helper()
	l := capturetest.NewListener()
	done := make(chan error, 1)
	go func() { done <- thriftkit.Serve(l, svc, thriftkit.DynamicHandler(handleUsers)) }()
	defer func() {
		l.Close()
		<-done
	}()
	client, err := thriftkit.Dial(t.Context(), "10.0.0.2:9090?"+dialect, thriftkit.WithExclusiveConns(),
		recordingDialer(network, func(context.Context, transport.Target) (net.Conn, error) { return l.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range n {
		name := fmt.Sprintf("user%d", i)
		if i%2 == 1 {
			name += strings.Repeat("x", 4000)
		}
		for _, c := range []struct {
			method string
			args   []any
			fails  bool
		}{
			{"ping", nil, false},
			{"get", []any{name, i%2 == 0}, false},
			{"store", []any{map[string]any{"name": name, "ids": []int{i}, "active": i%2 == 1, "color": "RED"}, []byte{0, 1, 0x80, byte(i)}, int64(1)<<53 + 1}, false},
			{"get", []any{"missing " + name, true}, true},
			{"get", []any{"broken " + name, false}, true},
			{"note", []any{name}, false},
		} {
			if _, err := thriftkit.Invoke[any](t.Context(), client, svc.Method(c.method), c.args...); (err != nil) != c.fails {
				t.Fatalf("%s: %v", c.method, err)
			}
		}
	}
	if _, err := thriftkit.Invoke[any](t.Context(), client, svc.Method("ping")); err != nil { // the call before was oneway
		t.Fatal(err)
	}
}

// TestWireshark has tshark read every dialect with a generated plugin: names, values, pairs.
func TestWireshark(t *testing.T) {
	tsharkProgram(t)
	file, err := thriftkit.Parse("users.thrift", userIDL)
	if err != nil {
		t.Fatal(err)
	}
	lua := plugin(t, gen.WiresharkOptions{}, file)
	const rounds = 4
	var packets []pcapfile.Packet
	dialectOf := make(map[string]string) // by the server's port
	for i, dialect := range userDialects {
		port := uint16(20000 + i)
		dialectOf[strconv.Itoa(int(port))] = dialect
		network := &capturetest.Network{Server: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port)}
		talk(t, network, file.Service("Users"), dialect, rounds)
		packets = append(packets, network.Packets()...)
	}
	trace := writeCapture(t, packets)
	for _, test := range []struct {
		filter string
		want   int // packets in each dialect
	}{
		{`thriftkit.method == "Base.ping" && thriftkit.type == 1`, rounds + 1},
		{`thrift.Base.ping.success == "pong"`, rounds + 1},
		{`thriftkit.method == "Users.get" && thriftkit.type == 1`, 3 * rounds},
		{`thrift.Users.get.name == "missing user0" && thrift.Users.get.full == 1`, 1},
		{`thrift.Users.get.full == 0`, rounds + rounds/2},
		{`thrift.User.color == 2 && thrift.User.scores.key == "a" && thrift.User.scores.value == 0.5 && thrift.User.ids == -2`, rounds},
		{`thrift.User.big == -4611686018427387904`, rounds},
		{`thrift.Users.store.serial == 9007199254740993 && thrift.Users.store.data == 00:01:80:02`, 1},
		{`thriftkit.exception == "NotFound" && thrift.NotFound.what contains "missing"`, rounds},
		{`thriftkit.type == 3 && thriftkit.error.type == 6 && thriftkit.error.message contains "internal"`, rounds},
		{`thriftkit.type == 4 && thrift.Users.note.text contains "user"`, rounds},
		{`thriftkit.call_in && thriftkit.time >= 0.0001 && thriftkit.time < 0.002`, 5*rounds + 1},
		{`thriftkit.reply_in`, 5*rounds + 1},
		{`thriftkit.cut || _ws.expert.message contains "Lua"`, 0},
	} {
		t.Run(test.filter, func(t *testing.T) {
			got := make(map[string]int)
			for _, line := range tshark(t, "-2", "-X", "lua_script:"+lua, "-r", trace, "-Y", test.filter, "-T", "fields", "-e", "tcp.srcport", "-e", "tcp.dstport") {
				from, to, _ := strings.Cut(line, "\t")
				got[dialectOf[from]+dialectOf[to]]++
			}
			for _, dialect := range userDialects {
				if got[dialect] != test.want {
					t.Errorf("%s: %d packets, want %d", dialect, got[dialect], test.want)
				}
			}
		})
	}
}

// TestWiresharkLoss leaves packets out, begins in the middle and cuts packets: what tshark then says with the plugin is true.
func TestWiresharkLoss(t *testing.T) {
	tsharkProgram(t)
	file, err := thriftkit.Parse("users.thrift", userIDL)
	if err != nil {
		t.Fatal(err)
	}
	lua := plugin(t, gen.WiresharkOptions{}, file)
	rnd := rand.New(rand.NewPCG(5, 6))
	partly := map[string][]pcapfile.Packet{}
	known := make(map[string]bool) // pairs: the server's port and the times of call and reply
	whole := 0
	for i, dialect := range userDialects {
		network := networkOf(i)
		talk(t, network, file.Service("Users"), dialect, 8)
		calls, _ := analyze(network.Packets())
		for _, c := range calls {
			if d, ok := c.Latency(); ok {
				whole++
				known[fmt.Sprintf("%d %s %.6f %.6f", c.Server.Port(), c.Method(), float64(c.Reply.Time.UnixMicro())/1e6, d.Seconds())] = true
			}
		}
		packets := network.Packets()
		for j, p := range packets {
			if rnd.IntN(10) > 0 {
				partly["with gaps"] = append(partly["with gaps"], p)
			}
			if j > len(packets)/3 {
				partly["mid-stream"] = append(partly["mid-stream"], p)
			}
			p.Data = p.Data[:min(len(p.Data), 96)]
			partly["cut to 96 bytes"] = append(partly["cut to 96 bytes"], p)
		}
		shuffled := slices.Clone(packets)
		for i := range shuffled {
			j := min(i+rnd.IntN(3), len(shuffled)-1)
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		}
		partly["shuffled"] = append(partly["shuffled"], shuffled...)
	}
	least := map[string]int{"with gaps": whole / 4, "mid-stream": whole / 3, "cut to 96 bytes": 1, "shuffled": whole / 4}
	for name, packets := range partly {
		t.Run(name, func(t *testing.T) {
			pairs := 0
			for _, line := range tshark(t, "-2", "-X", "lua_script:"+lua, "-r", writeCapture(t, packets), "-o", fmt.Sprintf("tcp.reassemble_out_of_order:%t", name == "shuffled"),
				"-Y", "thriftkit.time || _ws.expert.message contains \"Lua\"", "-T", "fields",
				"-e", "tcp.srcport", "-e", "thriftkit.method", "-e", "frame.time_epoch", "-e", "thriftkit.time", "-e", "_ws.expert.message") {
				words := strings.Split(line, "\t")
				if strings.Contains(words[4], "Lua") {
					t.Errorf("%q", line)
					continue
				}
				for i, latency := range strings.Split(words[3], ",") {
					methods := strings.Split(words[1], ",")
					method := methods[min(i, len(methods)-1)]
					pair := fmt.Sprintf("%s %s %.17s %.8s", words[0], method[strings.LastIndexByte(method, '.')+1:], words[2], latency)
					if pairs++; !known[pair] && name != "shuffled" { // what is put together of packets out of order is as late as the last of them
						t.Errorf("no such call: %s (%s)", pair, userDialects[portIndex(words[0])])
					}
				}
			}
			t.Logf("%d of %d pairs", pairs, whole)
			if pairs < least[name] {
				t.Errorf("%d pairs of %d, want at least %d", pairs, whole, least[name])
			}
		})
	}
}

func portIndex(port string) int {
	n, _ := strconv.Atoi(port)
	return n - 20000
}

// TestTsharkDifferential compares the messages that package capture finds with those of tshark's own dissector, where that is right.
// TestCapturePeerServers and TestCapturePeerClients do so with what the peers send.
func TestTsharkDifferential(t *testing.T) {
	file, err := thriftkit.Parse("users.thrift", userIDL)
	if err != nil {
		t.Fatal(err)
	}
	for i, dialect := range []string{"protocol=binary", "protocol=binary&transport=framed", "transport=http"} {
		t.Run(dialect, func(t *testing.T) {
			network := networkOf(i)
			for range 20 {
				talk(t, network, file.Service("Users"), dialect, 1)
			}
			checkTshark(t, network.Packets(), 200)
		})
	}
}

// checkTshark compares the messages that package capture finds in packets with those of tshark's own dissector: those that it finds, at least so many,
// are there, in the same packets.
func checkTshark(t *testing.T, packets []pcapfile.Packet, least int) {
	t.Helper()
	var got, want []string
	calls, _ := analyze(packets)
	for _, c := range calls {
		for _, m := range []*capture.Message{c.Request, c.Reply} {
			// Of a long message tshark shows each segment, so that it is not known where it ends.
			if m != nil && m.Time.Equal(m.Start) {
				got = append(got, fmt.Sprintf("%.6f %s %d %d", float64(m.Time.UnixMicro())/1e6, m.Name, m.Type, m.SeqID))
			}
		}
	}
	long := make(map[string]bool) // packets with parts of long messages
	for _, c := range calls {
		for _, m := range []*capture.Message{c.Request, c.Reply} {
			if m != nil && !m.Time.Equal(m.Start) {
				for _, p := range packets {
					if !p.Time.Before(m.Start) && !p.Time.After(m.Time) {
						long[fmt.Sprintf("%.6f", float64(p.Time.UnixMicro())/1e6)] = true
					}
				}
			}
		}
	}
	for _, line := range tshark(t, "-r", writeCapture(t, packets), "-Y", "thrift.method", "-T", "fields", "-e", "frame.time_epoch", "-e", "thrift.method", "-e", "thrift.mtype", "-e", "thrift.seq_id") {
		words := strings.Split(line, "\t")
		at := fmt.Sprintf("%.17s", words[0])
		if long[at] {
			continue
		}
		methods, kinds, ids := strings.Split(words[1], ","), strings.Split(words[2], ","), strings.Split(words[3], ",")
		for i := range methods {
			kind, err1 := strconv.ParseUint(kinds[i], 0, 8)
			id, err2 := strconv.ParseInt(ids[i], 0, 64)
			if err := firstError(err1, err2); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			want = append(want, fmt.Sprintf("%s %s %d %d", at, methods[i], kind, int32(id)))
		}
	}
	found := slices.DeleteFunc(slices.Clone(got), func(m string) bool { return !slices.Contains(want, m) }) // it misses some
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) || len(want) < least {
		t.Errorf("%d messages, tshark has %d, want at least %d: %s", len(got), len(want), least, unequal(found, want))
	}
}
