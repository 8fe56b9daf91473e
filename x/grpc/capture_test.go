package grpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// A chunk is what one side of a connection sent at once.
type chunk struct {
	from capture.Side
	data []byte
}

// A recordedConn is a connection of a client whose bytes are kept, in their order.
type recordedConn struct {
	net.Conn
	mu     *sync.Mutex
	chunks *[]chunk
}

func (c recordedConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	*c.chunks = append(*c.chunks, chunk{capture.ClientSide, bytes.Clone(b)})
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	*c.chunks = append(*c.chunks, chunk{capture.ServerSide, bytes.Clone(b[:n])})
	c.mu.Unlock()
	return n, err
}

// record makes calls by target, and returns what went over their connection.
func record(t testing.TB, target string, calls func(ctx context.Context, c client, x *thriftkit.Client)) []chunk {
	t.Helper()
	var (
		mu     sync.Mutex
		chunks []chunk
	)
	c := dial(t, target, thriftkit.WithDialer(func(ctx context.Context, to transport.Target, config *tls.Config) (net.Conn, error) {
		nc, err := to.Dial(ctx, config)
		return recordedConn{nc, &mu, &chunks}, err
	}))
	calls(thriftkit.AddMetadata(t.Context(), map[string]string{"who": "me"}), bind(t, c), c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return chunks
}

// assemble reads chunks cut into pieces of at most n bytes, and returns a line for each call.
func assemble(t testing.TB, chunks []chunk, n int, opts capture.Options) []string {
	t.Helper()
	opts.Protocols = []capture.Protocol{grpc.Capture()}
	var lines []string
	a := capture.NewAssembler(opts, func(c *capture.Call) { lines = append(lines, callLine(t, c)) })
	conn := a.Conn(netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:9090"))
	at := time.Unix(1000, 0)
	for _, c := range chunks {
		for b := c.data; len(b) > 0; b = b[min(n, len(b)):] {
			at = at.Add(time.Millisecond)
			if piece := b[:min(n, len(b))]; c.from == capture.ClientSide {
				conn.Request(piece, at)
			} else {
				conn.Reply(piece, at)
			}
		}
	}
	conn.Close()
	return lines
}

func callLine(t testing.TB, c *capture.Call) string {
	m := loadShop().Service("Shop").Method(c.Method())
	line := c.Service() + "." + c.Method()
	value := func(msg *capture.Message) {
		if msg == nil || m == nil {
			return
		}
		s, err := msg.Value(m)
		if err != nil {
			line += " " + err.Error()
			return
		}
		text, err := dynamic.AppendJSON(nil, s.Schema().Type(), dynamic.StructValue(s), dynamic.JSONOptions{})
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", text, err)
		}
		line += " " + string(text)
	}
	value(c.Request)
	line += " " + c.Status.String()
	if c.Reply != nil && c.Reply.Failure != nil {
		line += fmt.Sprintf(" %d %s %s", c.Reply.Failure.Code, c.Reply.Failure.Name, c.Reply.Failure.Text)
	} else {
		value(c.Reply)
	}
	if c.Note != "" {
		line += " (" + c.Note + ")"
	}
	if c.Request != nil && c.Request.Metadata["who"] != "" {
		line += " who=" + c.Request.Metadata["who"]
	}
	return line
}

// callAll makes calls of all kinds; what they return is not looked at.
func callAll(t testing.TB, streams bool) func(ctx context.Context, c client, x *thriftkit.Client) {
	return func(ctx context.Context, c client, x *thriftkit.Client) {
		c.Ping(ctx)
		c.Add(ctx, 2, 3)
		c.Names(ctx, 2)
		c.Where(ctx, "here")
		c.Nothing(ctx, "")
		c.Nothing(ctx, "no")
		for _, name := range []string{"missing", "undeclared"} {
			value := dynamic.New(loadShop().Struct("Everything"))
			if err := value.Set("name", name); err != nil {
				t.Fatal(err)
			}
			c.Echo(ctx, value)
		}
		value := dynamic.New(loadShop().Struct("Everything"))
		if err := errors.Join(value.Set("number", 7), value.Set("ints", []int32{1, 2})); err != nil {
			t.Fatal(err)
		}
		c.Direct(ctx, value)
		if !streams {
			return
		}
		in, err := c.Count(ctx, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range in.All() {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

var callLines = []string{
	`Shop.ping {} ok {"success":"pong"} who=me`,
	`Shop.add {"a":2,"b":3} ok {"success":5} who=me`,
	`Shop.names {"count":2} ok {"success":["n0","n1"]} who=me`,
	`Shop.where {"who":"here"} ok {"success":{"here":{"x":1,"y":2}}} who=me`,
	`Shop.nothing {"why":""} ok {} who=me`,
	`Shop.nothing {"why":"no"} exception {"plain":{"why":"no"}} who=me`,
	`Shop.echo {"value":{NAME}} exception {"missing":{"key":"missing","code":7}} who=me`,
	`Shop.echo {"value":{NAME}} error 13 INTERNAL internal error who=me`,
}

// TestCapture reads captured calls, however their bytes came.
func TestCapture(t *testing.T) {
	addr, _ := serve(t)
	for _, scheme := range schemes {
		target := fmt.Sprintf(scheme, addr)
		chunks := record(t, target, callAll(t, true))
		whole := assemble(t, chunks, 1<<20, capture.Options{})
		for i, want := range append(callLines, `Shop.echo_direct {"value":`, `Shop.count {"upTo":3} ok {"success":{"x":0,"y":0}} (a stream of 1 requests and 3 replies, of which the first are shown) who=me`) {
			head, tail, _ := strings.Cut(want, "{NAME}")
			if i >= len(whole) || !strings.HasPrefix(whole[i], head) || !strings.HasSuffix(whole[i], tail) {
				t.Errorf("%s: call %d is\n%s\nwant\n%s", target, i, strings.Join(whole[min(i, len(whole)):min(i+1, len(whole))], ""), want)
			}
		}
		if len(whole) != 10 || !strings.Contains(whole[8], `"number":7`) || !strings.Contains(whole[8], `"ints":[1,2]`) || strings.Count(whole[8], `"number":7`) != 2 {
			t.Errorf("%s: %d calls, %q", target, len(whole), whole)
		}
		for _, n := range []int{1, 7, 100} {
			if got := assemble(t, chunks, n, capture.Options{}); strings.Join(got, "\n") != strings.Join(whole, "\n") {
				t.Errorf("%s in pieces of %d bytes:\n%s", target, n, strings.Join(got, "\n"))
			}
		}
	}
}

// TestCaptureBroken reads connections of which a part is missing or changed: what is said of them is true.
func TestCaptureBroken(t *testing.T) {
	addr, _ := serve(t)
	chunks := record(t, "grpc://"+addr, callAll(t, false))
	whole := assemble(t, chunks, 1<<20, capture.Options{})
	known := make(map[string]bool)
	for _, line := range whole {
		known[line] = true
		head, _, _ := strings.Cut(line, " ok ")
		head, _, _ = strings.Cut(head, " exception ")
		head, _, _ = strings.Cut(head, " error ")
		known[head+" no reply"] = true
	}
	for cut := range chunks {
		for _, line := range assemble(t, chunks[:cut], 1<<20, capture.Options{}) { // the beginning
			line, _, _ = strings.Cut(line, " (")
			line = strings.TrimSuffix(line, " who=me")
			if !known[line] && !known[line+" who=me"] && !strings.HasSuffix(line, " no reply") {
				t.Errorf("of %d chunks: %s", cut, line)
			}
		}
		for _, line := range assemble(t, chunks[cut:], 1<<20, capture.Options{}) { // and the rest alone
			if cut > 0 && known[line] {
				t.Errorf("from chunk %d: %s", cut, line)
			}
		}
	}
	for i := range chunks { // bytes that are not what they were
		for at := 0; at < len(chunks[i].data); at += 3 {
			changed := append([]chunk(nil), chunks...)
			changed[i].data = bytes.Clone(chunks[i].data)
			changed[i].data[at] ^= 0x55
			assemble(t, changed, 1<<20, capture.Options{})
		}
	}
}

// While one call goes on, what others of its connection have left behind is not kept, nor counted.
func TestCaptureBuffered(t *testing.T) {
	sides := []capture.Side{capture.ClientSide, capture.ServerSide}
	frames := make([]bytes.Buffer, len(sides))
	framers := make([]*http2.Framer, len(sides))
	for i := range framers {
		framers[i] = http2.NewFramer(&frames[i], nil)
	}
	calls := 0
	d := grpc.Capture().NewDecoder(func(*capture.Call) { calls++ })
	d.Data(capture.ClientSide, []byte(http2.ClientPreface), time.Time{})
	send := func(side int, stream uint32, end bool, fields ...hpack.HeaderField) {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		encoder.SetMaxDynamicTableSize(0)
		for _, f := range fields {
			if err := encoder.WriteField(f); err != nil {
				t.Fatal(err)
			}
		}
		err := framers[side].WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
		if err != nil {
			t.Fatal(err)
		}
		d.Data(sides[side], frames[side].Bytes(), time.Time{})
		frames[side].Reset()
	}
	long := hpack.HeaderField{Name: "x-long", Value: strings.Repeat("x", 8<<10)}
	kind := hpack.HeaderField{Name: "content-type", Value: "application/grpc"}
	for i := range 200 {
		stream := uint32(2*i + 1)
		send(0, stream, true, hpack.HeaderField{Name: ":method", Value: "POST"}, hpack.HeaderField{Name: ":path", Value: "/PingPong/ping"}, kind, long)
		if i == 0 {
			continue // no reply to this one
		}
		send(1, stream, false, hpack.HeaderField{Name: ":status", Value: "200"}, kind, long)
		send(1, stream, true, hpack.HeaderField{Name: "grpc-status", Value: "0"}, long)
	}
	if calls != 199 {
		t.Fatalf("%d calls", calls)
	}
	if n := d.Buffered(); n > 64<<10 {
		t.Errorf("%d bytes for one call with a header of 8 KiB", n)
	}
	d.End("")
	if n := d.Buffered(); n > 32<<10 {
		t.Errorf("%d bytes for no call", n)
	}
}

// TestCaptureHTTP reads calls over HTTP/1.1 in all their forms, among requests that are none.
func TestCaptureHTTP(t *testing.T) {
	addr, _ := serve(t)
	var (
		mu     sync.Mutex
		chunks []chunk
	)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return recordedConn{nc, &mu, &chunks}, err
	}}}
	send := func(method, path, contentType, body string, header ...string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(`{"a": 3}`))
	z.Close()
	const add = "\x08\x02\x10\x03"
	send("POST", "/shop.v1.Shop/add", "application/grpc-web+proto", "\x00\x00\x00\x00\x04"+add)
	send("POST", "/other/thing", "application/json", "{}")
	send("POST", "/shop.v1.Shop/add", "application/grpc-web-text", base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x00\x04"+add)))
	send("POST", "/shop.v1.Shop/nothing", "application/grpc-web+proto", "\x00\x00\x00\x00\x04\x0a\x02no")
	send("GET", "/shop.v1.Shop/favourite?connect=v1&encoding=json&message=%7B%7D", "", "")
	send("POST", "/shop.v1.Shop/add", "application/json", packed.String(), "Content-Encoding", "gzip")
	send("POST", "/shop.v1.Shop/add", "application/proto", add)
	send("GET", "/healthz", "", "")
	send("POST", "/shop.v1.Shop/echo", "application/json", `{"value": {"name": "undeclared"}}`)
	send("POST", "/shop.v1.Shop/echo_direct", "application/json", `{"tiny": 128}`)
	client.CloseIdleConnections()
	want := []string{
		`Shop.add {"a":2,"b":3} ok {"success":5}`,
		`Shop.add {"a":2,"b":3} error 415 HTTP status 415`, // servers need not speak grpc-web-text
		`Shop.nothing {"why":"no"} exception {"plain":{"why":"no"}}`,
		`Shop.favourite {} ok {"success":"GREEN"}`,
		`Shop.add {"a":3,"b":5} ok {"success":8}`,
		`Shop.add {"a":2,"b":3} ok {"success":5}`,
		`error 13 INTERNAL internal error`,
		`error 3 INVALID_ARGUMENT at byte`,
	}
	mu.Lock()
	defer mu.Unlock()
	for _, n := range []int{1, 1 << 20} {
		got := assemble(t, chunks, n, capture.Options{})
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !strings.Contains(got[i], want[i]) {
				t.Fatalf("in pieces of %d bytes:\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

func FuzzCapture(f *testing.F) {
	addr, _ := serve(f)
	var seed []byte
	for _, c := range record(f, "grpc://"+addr, callAll(f, true)) {
		for b := c.data; len(b) > 0; b = b[min(127, len(b)):] {
			n := min(127, len(b))
			seed = append(append(seed, byte(n)|byte(c.from-capture.ClientSide)<<7), b[:n]...)
		}
	}
	f.Add(seed)
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x82"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var chunks []chunk
		for len(b) > 1 {
			n := min(int(b[0]&0x7f), len(b)-1)
			chunks = append(chunks, chunk{capture.ClientSide + capture.Side(b[0]>>7), b[1 : 1+n]})
			b = b[1+n:]
		}
		assemble(t, chunks, 1<<20, capture.Options{MaxBufferedBytes: 1 << 20})
	})
}
