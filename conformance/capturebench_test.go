package conformance

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// writeFramed writes a capture of about size bytes: framed binary calls and replies of about 200 bytes, one after the other on 20
// connections at a time.
func writeFramed(b *testing.B, name string, size int64) (calls int) {
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := pcapfile.NewWriter(buffered, 1)
	framed := func(kind byte, seqid uint32, value string) []byte {
		m := "\x80\x01\x00" + string(kind) + "\x00\x00\x00\x08echoItem"
		out := binary.BigEndian.AppendUint32(nil, uint32(len(m)+4+len(value)))
		out = append(out, m...)
		out = binary.BigEndian.AppendUint32(out, seqid)
		return append(out, value...)
	}
	item := "\x0b\x00\x01\x00\x00\x00\x64" + string(slices.Repeat([]byte("n"), 100)) + "\x08\x00\x02\x00\x00\x00\x07\x04\x00\x03\x3f\xf0\x00\x00\x00\x00\x00\x00\x00"
	var written int64
	for round := 0; written < size; round++ {
		network := &capturetest.Network{Server: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(round >> 8), byte(round)}), 9090)}
		var conns []*capturetest.Conn
		for range 20 {
			conns = append(conns, network.Open())
		}
		for i := range 5000 {
			c := conns[i%len(conns)]
			calls++
			c.Send(0, framed(1, uint32(i), "\x0c\x00\x01"+item+"\x00"))
			c.Send(1, framed(2, uint32(i), "\x0c\x00\x00"+item+"\x00"))
		}
		for _, c := range conns {
			c.Close()
		}
		for _, p := range network.Packets() {
			p.Time = p.Time.Add(time.Duration(round) * 10 * time.Second)
			written += int64(len(p.Data)) + 16
			if err := w.Write(p); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := buffered.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return calls
}

type lineCounter struct{ n int }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

// BenchmarkCaptureAgainstTshark reads the same capture by turns with thriftkit capture, on one core, and with tshark and its own Thrift
// dissector. THRIFTKIT_CAPTURE_MB is its size; 20 by default.
func BenchmarkCaptureAgainstTshark(b *testing.B) {
	tshark := os.Getenv("THRIFTKIT_TSHARK")
	if _, err := exec.LookPath(tshark); err != nil {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			b.Fatalf("THRIFTKIT_TSHARK (%q) names no tshark", tshark)
		}
		b.Skip("no tshark (make peers sets it up)")
	}
	megabytes := int64(20)
	if text := os.Getenv("THRIFTKIT_CAPTURE_MB"); text != "" {
		if _, err := fmt.Sscan(text, &megabytes); err != nil {
			b.Fatal(err)
		}
	}
	dir := b.TempDir()
	program := filepath.Join(dir, "thriftkit")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/thriftkit").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	trace := filepath.Join(dir, "trace.pcap")
	calls := writeFramed(b, trace, megabytes<<20)
	type usage struct {
		seconds []float64
		memory  int64 // KiB
	}
	commands := []struct {
		name  string
		args  []string
		lines func(calls int) int // that it prints; 0: a few
		usage
	}{
		{name: "stats", args: []string{program, "capture", "--stats", trace}, lines: func(int) int { return 0 }},
		{name: "json", args: []string{program, "capture", "--idl", "testdata/conformance.thrift", "--json", trace}, lines: func(calls int) int { return calls }},
		{name: "tshark", args: []string{tshark, "-n", "-r", trace, "-Y", "thrift", "-T", "fields", "-e", "thrift.method", "-e", "thrift.mtype"}, lines: func(calls int) int { return 2 * calls }},
	}
	for b.Loop() {
		for i := range commands {
			c := &commands[i]
			cmd := exec.Command(c.args[0], c.args[1:]...)
			cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "HOME="+dir)
			lines := new(lineCounter)
			cmd.Stdout = lines
			if err := cmd.Run(); err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			if want := c.lines(calls); lines.n != want && want != 0 {
				b.Fatalf("%s printed %d lines, want %d", c.name, lines.n, want)
			}
			c.seconds = append(c.seconds, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()) // others use the cores, too
			c.memory = max(c.memory, maxRSS(cmd.ProcessState))
		}
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return list[len(list)/2]
	}
	info, err := os.Stat(trace)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range commands {
		b.ReportMetric(float64(info.Size())/1e6/median(c.seconds), c.name+"-MB/cpu-s")
		b.ReportMetric(float64(c.memory)/1024, c.name+"-MiB")
	}
	b.ReportMetric(median(commands[2].seconds)/median(commands[0].seconds), "tshark/stats")
	b.ReportMetric(median(commands[2].seconds)/median(commands[1].seconds), "tshark/json")
}
