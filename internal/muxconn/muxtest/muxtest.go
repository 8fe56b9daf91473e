// Package muxtest tests how captured connections of the protocols over package muxconn are read.
package muxtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/transport"
)

// A Chunk is what one side of a connection sent at once.
type Chunk struct {
	From capture.Side
	Data []byte
}

// A Recorder keeps what goes over a connection of a client. The zero value is ready.
type Recorder struct {
	mu     sync.Mutex
	chunks []Chunk
}

// Chunks returns what has been kept.
func (r *Recorder) Chunks() []Chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.chunks)
}

// Dial connects to a target; thriftkit.WithDialer takes it.
func (r *Recorder) Dial(ctx context.Context, t transport.Target, config *tls.Config) (net.Conn, error) {
	nc, err := t.Dial(ctx, config)
	if err != nil {
		return nil, err
	}
	return &recordedConn{nc, r}, nil
}

// Serve passes connections through to addr, and keeps what goes over them as if it were one connection, until the test ends. It returns
// the address to connect to.
func (r *Recorder) Serve(t testing.TB, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			recorded := &recordedConn{server, r}
			go pass(recorded, client)
			go pass(client, recorded)
		}
	}()
	return l.Addr().String()
}

func pass(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

type recordedConn struct {
	net.Conn
	r *Recorder
}

func (c *recordedConn) Write(b []byte) (int, error) {
	c.keep(capture.ClientSide, b)
	return c.Conn.Write(b)
}

func (c *recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.keep(capture.ServerSide, b[:n])
	return n, err
}

func (c *recordedConn) keep(from capture.Side, b []byte) {
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if len(b) > 0 {
		c.r.chunks = append(c.r.chunks, Chunk{from, bytes.Clone(b)})
	}
}

// Lines reads chunks cut into pieces of at most n bytes, and returns a line for each call.
func Lines(t testing.TB, p capture.Protocol, svc *schema.Service, chunks []Chunk, n int) []string {
	t.Helper()
	var lines []string
	opts := capture.Options{Protocols: []capture.Protocol{p}, MaxBufferedBytes: 64 << 20}
	a := capture.NewAssembler(opts, func(c *capture.Call) { lines = append(lines, line(t, svc, c)) })
	conn := a.Conn(netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:9090"))
	at := time.Unix(1000, 0)
	for _, c := range chunks {
		for b := c.Data; len(b) > 0; b = b[min(n, len(b)):] {
			at = at.Add(time.Millisecond)
			if piece := b[:min(n, len(b))]; c.From == capture.ClientSide {
				conn.Request(piece, at)
			} else {
				conn.Reply(piece, at)
			}
		}
	}
	conn.Close()
	return lines
}

// Method returns the method of a service that a captured call names, in whatever spelling.
func Method(svc *schema.Service, name string) *schema.Method {
	for s := svc; s != nil; s = s.Extends {
		for _, m := range s.Methods {
			if plan.FoldName(m.Name) == plan.FoldName(name) {
				return m
			}
		}
	}
	return nil
}

func line(t testing.TB, svc *schema.Service, c *capture.Call) string {
	m := Method(svc, c.Method())
	out := c.Service() + "." + c.Method()
	value := func(msg *capture.Message) {
		if msg == nil || m == nil {
			return
		}
		s, err := msg.Value(m)
		if err != nil {
			out += " " + err.Error()
			return
		}
		text, err := dynamic.AppendJSON(nil, s.Schema().Type(), dynamic.StructValue(s), dynamic.JSONOptions{})
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", text, err)
		}
		if len(text) > 300 {
			out += fmt.Sprintf(" %s and more: %d bytes", strings.ToValidUTF8(string(text[:100]), ""), len(text))
		} else {
			out += " " + string(text)
		}
	}
	value(c.Request)
	out += " " + c.Status.String()
	if c.Reply != nil && c.Reply.Failure != nil {
		out += fmt.Sprintf(" %d %s: %s", c.Reply.Failure.Code, c.Reply.Failure.Name, c.Reply.Failure.Text)
	} else {
		value(c.Reply)
	}
	if c.Request != nil && c.Request.Metadata["who"] != "" {
		out += " who=" + c.Request.Metadata["who"]
	}
	if c.Note != "" {
		out += " (" + c.Note + ")"
	}
	return out
}

// Whole checks that chunks have the calls that want says, each by what its line has among more, however the bytes came.
func Whole(t *testing.T, p capture.Protocol, svc *schema.Service, chunks []Chunk, want []string) {
	t.Helper()
	whole := Lines(t, p, svc, chunks, 1<<20)
	for i := range max(len(whole), len(want)) {
		switch {
		case i >= len(whole):
			t.Errorf("call %d is missing: %s", i, want[i])
		case i >= len(want):
			t.Errorf("an unexpected call: %s", whole[i])
		case !contains(whole[i], want[i]):
			t.Errorf("call %d is\n%s\nwant\n%s", i, whole[i], want[i])
		}
	}
	for _, n := range []int{1, 7, 100} {
		if got := Lines(t, p, svc, chunks, n); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d bytes:\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(whole, "\n"))
		}
	}
}

// contains reports whether s has the parts of want, between which … stands, in their order.
func contains(s, want string) bool {
	for part := range strings.SplitSeq(want, "…") {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// Broken reads chunks of which a part is missing or changed. What is said where bytes are missing is true.
func Broken(t *testing.T, p capture.Protocol, svc *schema.Service, chunks []Chunk) {
	t.Helper()
	whole, known := Lines(t, p, svc, chunks, 1<<20), make(map[string]bool)
	for _, line := range whole {
		known[line] = true
		for _, status := range []string{" ok", " exception", " error"} {
			if head, _, ok := strings.Cut(line, status); ok {
				known[head+" no reply"] = true
			}
		}
	}
	check := func(what string, lines []string) {
		for _, line := range lines {
			cut, note, _ := strings.Cut(line, " (")
			cut, _, _ = strings.Cut(cut, " who=")
			if !known[line] && !known[cut] && !strings.HasPrefix(note, "the call was not captured") {
				t.Errorf("%s: %s", what, line)
			}
		}
	}
	for cut := range chunks {
		check(fmt.Sprintf("the first %d chunks", cut), Lines(t, p, svc, chunks[:cut], 1<<20))
		check(fmt.Sprintf("the rest from chunk %d", cut), Lines(t, p, svc, chunks[cut:], 1<<20))
		gap := gapAt(t, p, svc, chunks, cut)
		check(fmt.Sprintf("without chunk %d", cut), gap)
		if len(gap) < len(whole)-2 {
			t.Errorf("without chunk %d: %d calls of %d", cut, len(gap), len(whole))
		}
	}
	var network capturetest.Network
	conn := network.Open()
	for _, c := range chunks {
		conn.Send(int(c.From-capture.ClientSide), c.Data)
	}
	conn.Close()
	packets := network.Packets()
	for cut := range packets {
		var lines []string
		a := capture.NewAssembler(capture.Options{Protocols: []capture.Protocol{p}}, func(c *capture.Call) { lines = append(lines, line(t, svc, c)) })
		for _, packet := range packets[cut:] {
			a.Packet(packet)
		}
		a.Flush()
		check(fmt.Sprintf("from packet %d", cut), lines)
		if least := len(whole) - 2 - len(whole)*cut/len(packets); cut < len(packets)/2 && len(lines) < least*2/3 {
			t.Errorf("from packet %d of %d: %d calls of %d", cut, len(packets), len(lines), len(whole))
		}
	}
	for i := range chunks {
		step := 1 + len(chunks[i].Data)/15
		for at := 0; at < len(chunks[i].Data); at += step {
			changed := slices.Clone(chunks)
			changed[i].Data = bytes.Clone(chunks[i].Data)
			changed[i].Data[at] ^= 0x55
			Lines(t, p, svc, changed, 1<<20)
		}
	}
}

// gapAt returns the lines of chunks of which one is missing, which the decoder learns.
func gapAt(t testing.TB, p capture.Protocol, svc *schema.Service, chunks []Chunk, missing int) (lines []string) {
	d := p.NewDecoder(func(c *capture.Call) { lines = append(lines, line(t, svc, c)) })
	at := time.Unix(1000, 0)
	for i, c := range chunks {
		at = at.Add(time.Millisecond)
		if i == missing {
			d.Gap(c.From)
		} else {
			d.Data(c.From, c.Data, at)
		}
	}
	d.End("no reply was captured")
	if n := d.Buffered(); n != 0 {
		t.Errorf("%d bytes are buffered after the end", n)
	}
	return lines
}

// Seed returns chunks in the form that Fuzz reads.
func Seed(chunks []Chunk) (seed []byte) {
	for _, c := range chunks {
		for b := c.Data; len(b) > 0; b = b[min(127, len(b)):] {
			n := min(127, len(b))
			seed = append(append(seed, byte(n)|byte(c.From-capture.ClientSide)<<7), b[:n]...)
		}
	}
	return seed
}

// Fuzz reads what fuzzing makes of a Seed: each chunk after a byte that has its side and its length, 0 for a gap.
func Fuzz(t *testing.T, p capture.Protocol, svc *schema.Service, b []byte) {
	var chunks []Chunk
	for rest := b; len(rest) > 1; {
		n := min(int(rest[0]&0x7f), len(rest)-1)
		chunks = append(chunks, Chunk{capture.ClientSide + capture.Side(rest[0]>>7), rest[1 : 1+n]})
		rest = rest[1+n:]
	}
	Lines(t, p, svc, chunks, 1<<20)
	d := p.NewDecoder(func(c *capture.Call) { line(t, svc, c) })
	for _, c := range chunks {
		if len(c.Data) == 0 {
			d.Gap(c.From)
		} else {
			d.Data(c.From, c.Data, time.Unix(1000, 0))
		}
		d.Buffered()
	}
	d.End("")
	m := p.(capture.MessageProtocol)
	for len(b) > 0 {
		_, n, err := m.ReadMessage(b)
		if err != nil {
			break
		}
		explained(t, m, svc, b[:n])
		b = b[n:]
	}
}
