package attack

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/hardening/child"
	"github.com/thriftkit/thriftkit/wire"
)

// An attack is one entry of the list.
type attack struct {
	name     string
	bound    int64 // of the growth of memory, in bytes; 0 means 64 MiB
	needsTLS bool
	guarded  bool // is on the guarded server
	thrift   bool // makes sense only for a server of Thrift
	dubbo    bool // or only for one of Dubbo
	motan    bool // or only for one of Motan
	rpcx     bool // or only for one of rpcx
	run      func(*run) error
}

// attacks is the list.
func attacks() []attack {
	inputs := func(make func(speech) []input) func(*run) error {
		return func(x *run) error {
			return x.eachDialect(func(d Dialect) ([]input, error) { return make(calls(d)), nil })
		}
	}
	ofCorpus := func(change func(in input, step int) []input) func(*run) error {
		return func(x *run) error {
			return x.eachDialect(func(d Dialect) ([]input, error) {
				calls, err := corpus(d)
				var all []input
				for _, in := range calls {
					all = append(all, change(in, 1)...)
				}
				return all, err
			})
		}
	}
	return []attack{
		{name: "lengths and counts that lie", thrift: true, run: inputs(ofBytes(lengths))},
		{name: "types that do not exist", thrift: true, run: inputs(ofBytes(kinds))},
		{name: "100,000 levels", thrift: true, run: inputs(ofBytes(depths))},
		{name: "hostile JSON", thrift: true, run: inputs(ofTexts)},
		{name: "frames and headers that lie", thrift: true, run: inputs(envelopes)},
		{name: "bombs of zlib", thrift: true, bound: 256 << 20, run: func(x *run) error {
			mib := 1 << 10
			if x.Short {
				mib = 1 << 7
			}
			return x.eachDialect(func(d Dialect) ([]input, error) { return bombs(calls(d), mib), nil })
		}},
		{name: "truncation at every byte", thrift: true, run: ofCorpus(truncated)},
		{name: "a change of every byte", thrift: true, run: ofCorpus(flipped)},
		{name: "wrong protocols on the port", run: foreign},
		{name: "random bytes", run: noise},
		{name: "sequence ids wrong and twice", thrift: true, run: sequences},
		{name: "frames of Motan that lie", motan: true, run: motanFrames},
		{name: "frames of Dubbo that lie", dubbo: true, run: dubboFrames},
		{name: "frames of rpcx that lie", rpcx: true, run: rpcxFrames},
		{name: "bombs of gzip in rpcx and Motan", rpcx: true, bound: 256 << 20, run: foreignBombs},
		{name: "one byte a second", run: slowLoris},
		{name: "calls whose answers nobody reads", thrift: true, bound: 128 << 20, run: neverReading},
		{name: "connections that rest after 10 MiB", thrift: true, bound: 128 << 20, run: resting},
		{name: "8 MiB of messages that never end", thrift: true, bound: 2*child.MaxBufferedBytes + 128<<20, run: unfinished},
		{name: "silence in the TLS handshake", needsTLS: true, run: silentTLS},
		{name: "a flood of oneway calls", thrift: true, run: onewayFlood},
		{name: "connect and close", run: storm},
		{name: "forged identities and tokens", guarded: true, run: identities},
		{name: "PROXY headers from strangers", guarded: true, run: proxies},
		{name: "rules that contradict", guarded: true, run: contradictions},
		{name: "10,000 methods that do not exist", guarded: true, run: labels},
		{name: "a flood of headers", guarded: true, bound: 128 << 20, run: headers},
		{name: "admin pages asked across origins", guarded: true, run: origins},
		{name: "10,000 idle connections", bound: 128 << 20, run: idle},
	}
}

// ofBytes keeps make to the protocols that are not text.
func ofBytes(make func(speech) []input) func(speech) []input {
	return func(s speech) []input {
		if s.isBytes() {
			return make(s)
		}
		return nil
	}
}

// ofTexts is texts for the protocols that are.
func ofTexts(s speech) []input {
	if s.isBytes() {
		return nil
	}
	return texts(s)
}

// foreign speaks what is not Thrift.
func foreign(x *run) error {
	hello := clientHello()
	x.throwAll(x.Addr, []input{
		{name: "HTTP/1", bytes: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
		{name: "HTTP/2", bytes: []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00")},
		{name: "TLS", bytes: hello},
		{name: "TLS, cut", bytes: hello[:len(hello)/2]},
		{name: "TLS records that lie", bytes: []byte{0x16, 3, 1, 0xff, 0xff, 1}},
		{name: "SSL 2", bytes: []byte{0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10}},
		{name: "SSH", bytes: []byte("SSH-2.0-OpenSSH_9.6\r\n")},
		{name: "Redis", bytes: []byte("*1\r\n$4\r\nPING\r\n")},
		{name: "PostgreSQL", bytes: []byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}},
		{name: "MySQL", bytes: []byte{0x20, 0, 0, 1, 0x85, 0xa6, 3, 0}},
		{name: "MongoDB", bytes: []byte{0x3a, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xd4, 7, 0, 0}},
		{name: "AMQP", bytes: []byte("AMQP\x00\x00\x09\x01")},
		{name: "PROXY", bytes: []byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")},
		{name: "PROXY, version 2", bytes: []byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff")},
		{name: "Dubbo", bytes: []byte{0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff}},
		{name: "Motan", bytes: []byte{0xf1, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff}},
		{name: "rpcx", bytes: child.RPCXMessage(1)},
		{name: "SASL with a length that lies", bytes: []byte{1, 0x7f, 0xff, 0xff, 0xff, 'P'}},
		{name: "SASL with a mechanism that nobody has", bytes: []byte("\x01\x00\x00\x00\x04NONE\x05\x00\x00\x00\x00")},
		{name: "SASL that goes on for ever", bytes: append([]byte("\x01\x00\x00\x00\x05PLAIN"), bytes.Repeat([]byte("\x02\x00\x00\x00\x01x"), 10_000)...)},
		{name: "zeros", bytes: make([]byte, 1<<20)},
		{name: "ones", bytes: bytes.Repeat([]byte{0xff}, 1<<20)},
		{name: "text", bytes: []byte(strings.Repeat("hello, is anybody there?\r\n", 1000))},
	})
	return x.ctx.Err()
}

// clientHello returns what a client of TLS says first.
func clientHello() []byte {
	here, there := net.Pipe()
	defer there.Close()
	defer here.Close()
	go tls.Client(here, &tls.Config{InsecureSkipVerify: true}).Handshake()
	hello := make([]byte, 1<<16)
	n, _ := there.Read(hello) // the one record that the client writes at once
	return hello[:n]
}

// noise throws random bytes after every beginning that a dialect has.
func noise(x *run) error {
	starts := [][]byte{
		nil, {0x80, 1, 0, 1}, {0x82, 0x21}, {0, 0, 1, 0}, {0, 0, 1, 0, 0x80, 1, 0, 1}, {0, 0, 1, 0, 0x82, 0x21}, {0, 0, 1, 0, 0x0f, 0xff}, {0, 0, 1, 0, 0x10, 0},
		[]byte("[1,"), []byte("POST / HTTP/1.1\r\n"), {0x16, 3, 1}, {0x78, 0x9c}, {0, 0, 0, 5}, {1, 0, 0, 0, 5}, []byte(`{"metadata"`), {0x08, 0},
	}
	n := 300
	if x.Short {
		n = 10
	}
	var all []input
	for _, start := range starts {
		for range n {
			b := make([]byte, 300)
			rand.Read(b)
			all = append(all, input{name: "noise", bytes: append(start[:len(start):len(start)], b...)})
		}
	}
	x.throwAll(x.Addr, all)
	return x.ctx.Err()
}

// sequences sends many calls with the same sequence id, with negative ones, in one write.
func sequences(x *run) error {
	return x.eachDialect(func(d Dialect) ([]input, error) {
		if !d.isBytes() || d.Transport == "http" || d.Transport == "zlib" {
			return nil, nil
		}
		var all []input
		for _, seq := range []int32{0, 1, -1, -1 << 31, 1<<31 - 1, 0x40000000} {
			var b []byte
			for range 200 {
				w := newWriter(d.Protocol)
				w.message("ping", 4, byte(wire.Call), seq)
				w.stop()
				b = append(b, calls(d).wrap(w.bytes())...)
			}
			all = append(all, input{name: "200 calls with one sequence id", bytes: b})
		}
		return all, nil
	})
}

// together runs n goroutines and waits for them.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// slowLoris opens many connections and sends a byte now and then.
func slowLoris(x *run) error {
	n := 1000
	if x.Short {
		n = 200
	}
	w := newWriter("binary")
	w.message("echoString", 10, byte(wire.Call), 1)
	w.field(wire.String, 1)
	w.text(strings.Repeat("x", 1000), 1000)
	w.stop()
	msg := w.bytes()
	if x.RPCXOnly {
		msg = child.RPCXMessage(1)
	}
	d := Dialect{"binary", "framed"}
	addr := x.Addr
	if !x.RPCXOnly {
		msg, addr = calls(d).wrap(msg), x.addr(d)
	}
	conns := make([]net.Conn, 0, n)
	for range n {
		x.inputs.Add(1)
		if nc, err := x.dial(addr); err == nil {
			conns = append(conns, nc)
		}
	}
	end := time.Now().Add(x.hold())
	for i := 0; time.Now().Before(end) && i < len(msg) && x.ctx.Err() == nil; i++ {
		for _, nc := range conns {
			nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			nc.Write(msg[i : i+1])
		}
		time.Sleep(time.Second / 4)
	}
	for _, nc := range conns {
		nc.Close()
	}
	return x.ctx.Err()
}

// neverReading makes calls with long answers and reads none.
func neverReading(x *run) error {
	d := Dialect{"binary", "framed"}
	b := echoBinary(d, 256<<10)
	n := 32
	if x.Short {
		n = 16
	}
	var mu sync.Mutex
	var most int64
	together(n, func(int) {
		x.inputs.Add(1)
		nc, err := x.dial(x.addr(d))
		if err != nil {
			return
		}
		defer nc.Close()
		got := flood(nc, b, x.hold())
		mu.Lock()
		most = max(most, got)
		mu.Unlock()
	})
	x.say("%d connections; the server took at most %d MiB of one", n, most>>20)
	return x.ctx.Err()
}

// echoBinary returns a call with so many bytes, which the server returns.
func echoBinary(d Dialect, size int) []byte {
	w := newWriter(d.Protocol)
	w.message("echoBinary", 10, byte(wire.Call), 1)
	w.field(wire.String, 1)
	w.text(strings.Repeat("x", size), int64(size))
	w.stop()
	return calls(d).wrap(w.bytes())
}

// resting makes a long call on each of some connections, one after the other, and then leaves them open: the server must not keep
// what they needed once.
func resting(x *run) error {
	const size = 10 << 20
	n := 60
	if x.Short {
		n = 30
	}
	var conns []net.Conn
	defer func() {
		for _, nc := range conns {
			nc.Close()
		}
	}()
	for i := range n {
		d := []Dialect{{"binary", "buffered"}, {"binary", "framed"}, {"compact", "framed"}}[i%3]
		x.inputs.Add(1)
		nc, err := x.dial(x.addr(d))
		if err != nil {
			return err
		}
		conns = append(conns, nc)
		b := echoBinary(d, size)
		nc.SetDeadline(time.Now().Add(time.Minute))
		written := make(chan error, 1)
		go func() {
			_, err := nc.Write(b)
			written <- err
		}()
		if _, err := io.CopyN(io.Discard, nc, size); err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
		if err := <-written; err != nil {
			return err
		}
	}
	time.Sleep(x.hold())
	return x.ctx.Err()
}

// unfinished sends half of a long message on each of many connections, and no more.
func unfinished(x *run) error {
	const size, part = 15 << 20, 8 << 20
	n := 200
	if x.Short {
		n = 80
	}
	var conns []net.Conn
	defer func() {
		for _, nc := range conns {
			nc.Close()
		}
	}()
	var starts []input
	for _, d := range []Dialect{{"binary", "buffered"}, {"binary", "framed"}, {"compact", "framed"}, {"binary", "http"}} {
		if x.addr(d) != "" {
			starts = append(starts, input{name: x.addr(d), bytes: echoBinary(d, size)[:part]})
		}
	}
	long := make([]byte, size)
	if x.RPCX {
		starts = append(starts, input{name: x.Addr, bytes: child.RPCXCall("EchoString", 0, 1, long)[:part]})
	}
	if x.Motan {
		starts = append(starts, input{name: x.Addr, bytes: motanMessage(0, "M_p\nConformance\nM_m\nechoString", long)[:part]})
	}
	if x.Dubbo {
		b := append([]byte{0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0, 0, 0, 0)
		binary.BigEndian.PutUint32(b[12:], size)
		starts = append(starts, input{name: x.Addr, bytes: append(b, long...)[:part]})
	}
	if !x.Foreign { // 8 MiB of a body that is compressed
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(echoBinary(Dialect{"binary", "buffered"}, size)[:part])
		w.Flush()
		head := "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Type: application/x-thrift\r\nContent-Length: 1000000\r\n\r\n"
		starts = append(starts, input{name: x.Addr, bytes: append([]byte(head), out.Bytes()...)})
	}
	for i := range n {
		in := starts[i%len(starts)]
		x.inputs.Add(1)
		nc, err := x.dial(in.name)
		if err != nil {
			return err
		}
		conns = append(conns, nc)
		nc.SetWriteDeadline(time.Now().Add(time.Minute))
		nc.Write(in.bytes) // it may have been closed
	}
	time.Sleep(x.hold())
	return x.ctx.Err()
}

// silentTLS begins handshakes and says nothing more.
func silentTLS(x *run) error {
	n := 500
	if x.Short {
		n = 100
	}
	hello := clientHello()
	conns := make([]net.Conn, 0, n)
	for i := range n {
		x.inputs.Add(1)
		nc, err := x.dial(x.Addr)
		if err != nil {
			continue
		}
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		nc.Write(hello[:len(hello)*(1+i%2)/2]) // half of them the whole of it
		conns = append(conns, nc)
	}
	time.Sleep(x.hold())
	for _, nc := range conns {
		nc.Close()
	}
	return x.ctx.Err()
}

// onewayFlood sends oneway calls as fast as the server takes them, up to a rate that leaves a processor to others.
func onewayFlood(x *run) error {
	d := Dialect{"binary", "framed"}
	w := newWriter(d.Protocol)
	w.message("notify", 6, byte(wire.Oneway), 1)
	w.field(wire.String, 1)
	w.text("flood", 5)
	w.stop()
	one := calls(d).wrap(w.bytes())
	const batch = 100
	b := bytes.Repeat(one, batch)
	end := time.Now().Add(x.hold())
	together(4, func(int) {
		nc, err := x.dial(x.addr(d))
		if err != nil {
			return
		}
		defer nc.Close()
		for time.Now().Before(end) && x.ctx.Err() == nil {
			nc.SetWriteDeadline(end.Add(time.Second))
			if _, err := nc.Write(b); err != nil {
				return
			}
			x.inputs.Add(batch)
			time.Sleep(10 * time.Millisecond)
		}
	})
	return x.ctx.Err()
}

// storm connects and closes, with and without a byte.
func storm(x *run) error {
	end := time.Now().Add(x.hold())
	more := func(n int64) bool {
		if x.Conns > 0 {
			return n <= int64(x.Conns)
		}
		return time.Now().Before(end)
	}
	together(4, func(int) {
		for i := 0; x.ctx.Err() == nil && more(x.inputs.Add(1)); i++ {
			if nc, err := x.dial(x.Addr); err == nil {
				if i%2 == 0 {
					nc.Write([]byte{0x80})
				}
				nc.Close()
			}
			if x.Conns == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
	return x.ctx.Err()
}

// idle opens connections that say nothing.
func idle(x *run) error {
	n := 10_000
	if x.Short {
		n = 2000
	}
	conns := make([]net.Conn, 0, n)
	for range n {
		nc, err := x.dial(x.Addr)
		if err != nil {
			x.say("only %d connections were taken: %v", len(conns), err)
			break
		}
		x.inputs.Add(1)
		conns = append(conns, nc)
	}
	time.Sleep(x.hold())
	for _, nc := range conns {
		nc.Close()
	}
	return x.ctx.Err()
}
