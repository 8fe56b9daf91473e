package capture_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

const idl = `
enum Color { RED = 1, GREEN = 2 }
struct User { 1: string name, 2: list<i32> ids, 3: bool active, 4: optional Color color, 5: map<string, double> scores }
exception NotFound { 1: string what }
service Users {
	string ping()
	User get(1: string name, 2: bool full) throws (1: NotFound missing)
	void store(1: User user, 2: binary data)
	oneway void note(1: string text)
}
`

// users serves the calls of the test.
type users struct{}

func (users) handle(_ context.Context, m *schema.Method, args *dynamic.Struct) (any, error) {
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
		return map[string]any{"name": name, "ids": []int{1, 2, len(name)}, "active": true, "color": "GREEN", "scores": map[string]any{"a": 0.5}}, nil
	}
	return nil, nil
}

// A known is what is known of a call that was made.
type known struct {
	method, args, result string
	status               capture.Status
}

var dialects = []string{
	"protocol=binary", "protocol=binary&transport=framed", "protocol=compact", "protocol=compact&transport=framed",
	"protocol=json", "protocol=json&transport=framed", "protocol=thriftpy2-json", "protocol=thriftpy2-json&transport=framed",
	"transport=header", "transport=header&protocol=compact", "transport=framed-header", "transport=header&compression=zlib",
	"transport=ttheader", "transport=ttheader&protocol=compact", "transport=http", "transport=http&protocol=compact", "transport=http&protocol=json",
	"compression=zlib", "compression=zlib&transport=framed&protocol=compact",
}

func service(t testing.TB) *schema.Service {
	t.Helper()
	file, err := thriftkit.Parse("users.thrift", idl)
	if err != nil {
		t.Fatal(err)
	}
	return file.Service("Users")
}

// dialRecorded returns a client of users in a dialect, over connections that network records, for the time until close.
func dialRecorded(t testing.TB, network *capturetest.Network, svc *schema.Service, dialect string) (conn *thriftkit.Client, closeAll func()) {
	t.Helper()
	l := capturetest.NewListener()
	done := make(chan error, 1)
	go func() { done <- thriftkit.Serve(l, svc, thriftkit.DynamicHandler(users{}.handle)) }()
	conn, err := thriftkit.Dial(t.Context(), "10.0.0.2:9090?"+dialect, thriftkit.WithExclusiveConns(),
		thriftkit.WithDialer(func(_ context.Context, target transport.Target, config *tls.Config) (net.Conn, error) {
			nc, err := l.Dial()
			if err != nil {
				return nil, err
			}
			nc = network.Record(nc)
			if target.IsCompressed() {
				nc = msgio.Zlib(nc)
			}
			return nc, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		l.Close()
		<-done
	}
}

// record makes n calls in a dialect, one after the other, over connections that net records, and returns them.
func record(t testing.TB, network *capturetest.Network, svc *schema.Service, dialect string, n int, large bool) []known {
	t.Helper()
	conn, closeAll := dialRecorded(t, network, svc, dialect)
	defer closeAll()
	var all []known
	call := func(method string, status capture.Status, args ...any) {
		m := svc.Method(method)
		k := known{method: method, status: status}
		a := dynamic.New(m.Args)
		for i, f := range m.Args.Fields {
			if err := a.Set(f.Name, args[i]); err != nil {
				t.Fatal(err)
			}
		}
		text, err := dynamic.AppendJSON(nil, m.Args.Type(), dynamic.StructValue(a), dynamic.JSONOptions{})
		if err != nil {
			t.Fatal(err)
		}
		k.args = string(text)
		v, err := thriftkit.Invoke[any](t.Context(), conn, m, args...)
		var ex *thriftkit.Exception
		switch {
		case status == capture.StatusException:
			if !errors.As(err, &ex) {
				t.Fatalf("%s: %s: %v", dialect, method, err)
			}
		case status == capture.StatusError:
			if err == nil {
				t.Fatalf("%s: %s: no error", dialect, method)
			}
		case err != nil:
			t.Fatalf("%s: %s: %v", dialect, method, err)
		}
		if text, err := json.Marshal(v); err == nil && status == capture.StatusOK && m.Result.Kind == schema.KindString {
			k.result = string(text)
		}
		all = append(all, k)
	}
	for i := range n {
		size := i
		if large && i%3 == 0 {
			size = 5000 + 100*i
		}
		name := fmt.Sprintf("user %d %s", i, strings.Repeat("x", size))
		call("ping", capture.StatusOK)
		call("get", capture.StatusOK, name, i%2 == 0)
		call("store", capture.StatusOK, map[string]any{"name": name, "ids": []int{i}, "active": i%2 == 1}, []byte{0, 1, 0x80, byte(i)})
		call("get", capture.StatusException, "missing "+name, true)
		call("get", capture.StatusError, "broken "+name, true)
		call("note", capture.StatusOneway, name)
	}
	call("ping", capture.StatusOK)
	return all
}

// analyze returns the calls in packets.
func analyze(packets []pcapfile.Packet, opts capture.Options) ([]*capture.Call, capture.Counters) {
	var calls []*capture.Call
	a := capture.NewAssembler(opts, func(c *capture.Call) { calls = append(calls, c) })
	for _, p := range packets {
		a.Packet(p)
	}
	a.Flush()
	return calls, a.Counters()
}

// describe returns what a call is, for comparison.
func describe(t testing.TB, svc *schema.Service, c *capture.Call) known {
	t.Helper()
	k := known{method: c.Method(), status: c.Status}
	m := svc.Method(k.method)
	if m == nil {
		t.Fatalf("unknown method %q", k.method)
		return k
	}
	if c.Request == nil {
		t.Fatalf("%s without a request: %s", k.method, c.Note)
	}
	text, err := c.Request.AppendJSON(nil, m.Args, dynamic.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k.args = string(text)
	if c.Status == capture.StatusOK && m.Result.Kind == schema.KindString {
		s, err := c.Reply.Decode(m.Reply())
		if err != nil {
			t.Fatal(err)
		}
		result, _ := json.Marshal(s.Get("success").Text())
		k.result = string(result)
	}
	return k
}

func sortKnown(list []known) []known {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b known) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return out
}

func compare(t *testing.T, got, want []known) {
	t.Helper()
	got, want = sortKnown(got), sortKnown(want)
	if len(got) != len(want) {
		t.Errorf("%d calls, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("call %d:\n got %.300v\nwant %.300v", i, got[i], want[i])
		}
	}
}

// Every call in every dialect is found, named and paired, however the packets come.
func TestDialects(t *testing.T) {
	svc := service(t)
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			network := &capturetest.Network{}
			want := record(t, network, svc, dialect, 12, true)
			packets := network.Packets()
			rnd := rand.New(rand.NewPCG(1, 2))
			shuffled := slices.Clone(packets)
			for i := range shuffled { // within a window, as packets overtake each other
				j := min(i+rnd.IntN(24), len(shuffled)-1)
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
			wild := slices.Clone(packets)
			rnd.Shuffle(len(wild), func(i, j int) { wild[i], wild[j] = wild[j], wild[i] })
			var doubled []pcapfile.Packet
			for _, p := range shuffled {
				doubled = append(doubled, p)
				if rnd.IntN(2) == 0 {
					doubled = append(doubled, doubled[rnd.IntN(len(doubled))])
				}
			}
			for name, packets := range map[string][]pcapfile.Packet{"as sent": packets, "shuffled": shuffled, "shuffled wildly": wild, "doubled": doubled} {
				t.Run(name, func(t *testing.T) {
					calls, counters := analyze(packets, capture.Options{})
					var got []known
					for _, c := range calls {
						got = append(got, describe(t, svc, c))
						if d, ok := c.Latency(); c.Status != capture.StatusOneway && (!ok || d <= 0) {
							t.Errorf("%s: latency %v, %v", c.Method(), d, ok)
						}
					}
					compare(t, got, want)
					if counters.Gaps+counters.Incomplete != 0 {
						t.Errorf("%+v", counters)
					}
				})
			}
		})
	}
}

// Whatever is missing, no call is made up, and none is paired with another's reply.
func TestLoss(t *testing.T) {
	svc := service(t)
	for _, dialect := range dialects {
		t.Run(dialect, func(t *testing.T) {
			network := &capturetest.Network{}
			truth := record(t, network, svc, dialect, 12, true)
			whole, _ := analyze(network.Packets(), capture.Options{})
			type key struct {
				request, reply int64
				method         string
			}
			known := make(map[key]bool)
			times := func(c *capture.Call) key {
				k := key{method: c.Method()}
				if c.Request != nil {
					k.request = c.Request.Time.UnixNano()
				}
				if c.Reply != nil {
					k.reply = c.Reply.Time.UnixNano()
				}
				return k
			}
			for _, c := range whole {
				k := times(c)
				known[k], known[key{k.request, 0, k.method}], known[key{0, k.reply, k.method}] = true, true, true
			}
			packets := network.Packets()
			paired := func(t *testing.T, packets []pcapfile.Packet) (paired int) {
				calls, _ := analyze(packets, capture.Options{})
				for _, c := range calls {
					cut := c.Request != nil && c.Request.Missing > 0 || c.Reply != nil && c.Reply.Missing > 0
					if !cut && !known[times(c)] {
						t.Errorf("a call of %s that was not made (%s, %q)", c.Method(), c.Status, c.Note)
					} else if c.Request != nil && c.Reply != nil {
						paired++
					}
				}
				return paired
			}
			t.Run("mid-stream", func(t *testing.T) {
				for n := range 20 {
					from := n * len(packets) / 20
					got := paired(t, packets[from:])
					if strings.Contains(dialect, "compression=zlib") && !strings.Contains(dialect, "header") {
						continue // nobody can read that
					}
					const learned = 4 // a few calls tell whether ids tell calls apart, or the client waits for each reply
					if least := len(truth)*(20-n)/20/2 - learned; n < 18 && got < least {
						t.Errorf("from packet %d of %d: %d calls paired, want at least %d", from, len(packets), got, least)
					}
				}
			})
			t.Run("lost packets", func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(3, 4))
				for range 30 {
					var some []pcapfile.Packet
					for _, p := range packets {
						if rnd.IntN(15) > 0 {
							some = append(some, p)
						}
					}
					paired(t, some)
				}
			})
			t.Run("cut", func(t *testing.T) {
				cut := slices.Clone(packets)
				for i := range cut {
					cut[i].Data = cut[i].Data[:min(len(cut[i].Data), 96)]
				}
				got := paired(t, cut)
				if (dialect == "protocol=binary" || strings.HasPrefix(dialect, "protocol=compact")) && got < len(truth)/2 {
					t.Errorf("%d calls of %d paired", got, len(truth))
				}
			})
		})
	}
}

// Bytes that are no calls give none.
func TestGarbage(t *testing.T) {
	rnd := rand.NewChaCha8([32]byte{1})
	network := &capturetest.Network{}
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02\x00", "*1\r\n$4\r\nPING\r\n", "\x00\x00\x00\x00\x00\x00\x00\x00", "EHLO me\r\n"} {
		c := network.Open()
		c.Send(0, []byte(text))
		c.Send(1, []byte(text))
		c.Close()
	}
	for range 300 {
		c := network.Open()
		for range 20 {
			b := make([]byte, 1+rnd.Uint64()%3000)
			rnd.Read(b)
			c.Send(int(rnd.Uint64()%2), b)
		}
	}
	for _, from := range []int{0, 1, 2, 3, 50} {
		calls, counters := analyze(network.Packets()[from:], capture.Options{})
		if len(calls) > 0 || counters.Thrift > 0 {
			t.Errorf("%d calls, such as %+v", len(calls), calls[0])
		}
	}
}

// The file of a capture gives what its packets give.
func TestFile(t *testing.T) {
	svc := service(t)
	network := &capturetest.Network{}
	want := record(t, network, svc, "transport=framed", 3, false)
	var file bytes.Buffer
	w := pcapfile.NewWriter(&file, capture.LinkEthernet)
	for _, p := range network.Packets() {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	f, err := capture.Open(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var got []known
	for c, err := range capture.Calls(f, capture.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, describe(t, svc, c))
	}
	compare(t, got, want)

	f, err = capture.Open(io.LimitReader(bytes.NewReader(file.Bytes()), int64(file.Len()-5)))
	if err != nil {
		t.Fatal(err)
	}
	var last error
	n := 0
	for _, err := range capture.Calls(f, capture.Options{}) {
		last = err
		n++
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) || n < len(want) {
		t.Errorf("%d elements, %v", n, last)
	}
}

// A connection may begin with a message that takes many packets, in every dialect.
func TestLargeFirst(t *testing.T) {
	svc := service(t)
	for _, dialect := range dialects {
		network := &capturetest.Network{}
		want := strings.Repeat("large ", 20_000)
		conn, closeAll := dialRecorded(t, network, svc, dialect)
		if _, err := thriftkit.Invoke[any](t.Context(), conn, svc.Method("get"), want, true); err != nil {
			t.Errorf("%s: %v", dialect, err)
		}
		closeAll()
		calls, counters := analyze(network.Packets(), capture.Options{})
		if len(calls) != 1 || calls[0].Status != capture.StatusOK {
			t.Errorf("%s: %d calls, %+v", dialect, len(calls), counters)
			continue
		}
		if got := value(t, calls[0].Request, svc.Method("get")).Get("name").Text(); got != want {
			t.Errorf("%s: a name of %d bytes, want %d", dialect, len(got), len(want))
		}
	}
}

func value(t *testing.T, m *capture.Message, method *schema.Method) *dynamic.Struct {
	v, err := m.Value(method)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
