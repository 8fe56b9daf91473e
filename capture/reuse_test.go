package capture_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// text returns everything that is known of a call.
func text(c *capture.Call) string {
	out := fmt.Sprintf("%d %v %v %s %s %q", c.Conn, c.Client, c.Server, c.Time(), c.Status, c.Note)
	for _, m := range []*capture.Message{c.Request, c.Reply} {
		if m != nil {
			out += fmt.Sprintf("\n%v %v %v %s %s %s %d %d %d %x %v %q", m.Header, m.Start, m.Time, m.Protocol, m.Transport, m.Over, m.Size, m.Missing, m.Offset, m.Bytes, m.Metadata, m.Target)
		}
	}
	return out
}

// Calls whose memory is used again are the same while they are looked at.
func TestReuseCalls(t *testing.T) {
	svc := service(t)
	for _, dialect := range dialects {
		network := &capturetest.Network{}
		record(t, network, svc, dialect, 6, true)
		rnd := rand.New(rand.NewPCG(5, 6))
		for loss := range 3 {
			var packets []pcapfile.Packet
			for _, p := range network.Packets() {
				if loss == 0 || rnd.IntN(10) > 0 {
					packets = append(packets, p)
				}
			}
			kept, counters := analyze(packets, capture.Options{})
			n := 0
			a := capture.NewAssembler(capture.Options{ReuseCalls: true}, func(c *capture.Call) {
				if n < len(kept) && text(c) != text(kept[n]) {
					t.Errorf("%s: call %d:\n%.300s\nwant\n%.300s", dialect, n, text(c), text(kept[n]))
				}
				n++
			})
			for _, p := range packets {
				data := append([]byte(nil), p.Data...)
				p.Data = data
				a.Packet(p)
				clear(data)
			}
			a.Flush()
			if n != len(kept) || a.Counters() != counters {
				t.Errorf("%s: %d calls, want %d; %+v, want %+v", dialect, n, len(kept), a.Counters(), counters)
			}
		}
	}
}

// What is not on the wire is not shown as if it was.
func TestDefaults(t *testing.T) {
	file, err := thriftkit.Parse("defaults.thrift", `
		struct Point { 1: i32 x = 7, 2: optional string label = "none", 3: i32 y }
		exception Far { 1: i32 limit = 100, 2: string what }
		service S { list<Point> get(1: Point p, 2: i32 n = 5) throws (1: Far far) }`)
	if err != nil {
		t.Fatal(err)
	}
	m := file.Service("S").Method("get")
	network := &capturetest.Network{}
	conn := network.Open()
	const head = "\x00\x00\x00\x03get\x00\x00\x00\x01"
	conn.Send(0, []byte("\x80\x01\x00\x01"+head+"\x0c\x00\x01\x08\x00\x03\x00\x00\x00\x02\x00\x00"))
	conn.Send(1, []byte("\x80\x01\x00\x02"+head+"\x0f\x00\x00\x0c\x00\x00\x00\x02\x00\x08\x00\x01\x00\x00\x00\x07\x00\x00"))
	conn.Send(0, []byte("\x80\x01\x00\x01"+head+"\x00"))
	conn.Send(1, []byte("\x80\x01\x00\x02"+head+"\x0c\x00\x01\x0b\x00\x02\x00\x00\x00\x01w\x00\x00"))
	conn.Close()
	calls, _ := analyze(network.Packets(), capture.Options{})
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for i, want := range [][2]string{{`{"p":{"y":2}}`, `{"success":[{},{"x":7}]}`}, {`{}`, `{"far":{"what":"w"}}`}} {
		args, err := calls[i].Request.AppendJSON(nil, m.Args, dynamic.JSONOptions{})
		if err != nil || string(args) != want[0] {
			t.Errorf("arguments %s, %v, want %s", args, err, want[0])
		}
		reply, err := calls[i].Reply.AppendJSON(nil, m.Reply(), dynamic.JSONOptions{})
		if err != nil || string(reply) != want[1] {
			t.Errorf("reply %s, %v, want %s", reply, err, want[1])
		}
		value, f, ok := calls[i].Reply.AppendResult(nil, m.Reply(), dynamic.JSONOptions{})
		if !ok || f != m.Reply().Fields[i] || `{"`+f.Name+`":`+string(value)+"}" != want[1] {
			t.Errorf("result %s, %v, %v, want %s", value, f, ok, want[1])
		}
		sent, err := calls[i].Request.Sent(m.Args)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := dynamic.AppendJSON(nil, sent.Schema().Type(), dynamic.StructValue(sent), dynamic.JSONOptions{}); err != nil || string(text) != want[0] {
			t.Errorf("sent %s, %v, want %s", text, err, want[0])
		}
	}
	got, err := calls[1].Request.Decode(m.Args)
	if err != nil || got.Get("n").Int() != 5 {
		t.Errorf("as received: %v, %v", got, err)
	}
}

// What is sensitive stays so where a struct has defaults.
func TestDefaultsSensitive(t *testing.T) {
	file, err := thriftkit.Parse("sensitive.thrift", `
		typedef string Secret (sensitive = "true")
		struct Inner { 1: string password (sensitive = "true"), 2: list<Secret> keys, 3: i32 n = 1 }
		service S { void put(1: Secret a, 2: Inner b, 3: i32 n = 5) }`)
	if err != nil {
		t.Fatal(err)
	}
	network := &capturetest.Network{}
	conn := network.Open()
	conn.Send(0, []byte("\x80\x01\x00\x01\x00\x00\x00\x03put\x00\x00\x00\x01\x0b\x00\x01\x00\x00\x00\x02aa"+
		"\x0c\x00\x02\x0b\x00\x01\x00\x00\x00\x02bb\x0f\x00\x02\x0b\x00\x00\x00\x01\x00\x00\x00\x02cc\x00\x00"))
	conn.Close()
	calls, _ := analyze(network.Packets(), capture.Options{})
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	args := file.Service("S").Method("put").Args
	plain, err := calls[0].Request.AppendJSON(nil, args, dynamic.JSONOptions{})
	if want := `{"a":"aa","b":{"password":"bb","keys":["cc"]}}`; err != nil || string(plain) != want {
		t.Errorf("%s, %v, want %s", plain, err, want)
	}
	hidden, err := calls[0].Request.AppendJSON(nil, args, dynamic.JSONOptions{Redact: true})
	for _, secret := range []string{"aa", "bb", "cc"} {
		if err != nil || strings.Contains(string(hidden), secret) {
			t.Errorf("%s, %v", hidden, err)
		}
	}
}
