// Package chaos has a TCP proxy that makes a network behave badly, for tests of clients and
// servers of any protocol:
//
//	proxy, err := chaos.New(server.Addr().String())
//	defer proxy.Close()
//	client, err := thriftkit.Dial(ctx, proxy.Addr())
//	proxy.Set(chaos.Faults{Latency: 50 * time.Millisecond}, chaos.Faults{ChunkBytes: 1})
//
// Faults are those of one direction and hold, from when they are set, for the connections that
// there are and those that come. What happens to whole connections are methods: End, Refuse. Nothing
// is random but by the seed of the faults.
package chaos

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Faults are what happens to the bytes of one direction. The zero value passes them on as they come.
type Faults struct {
	Latency   time.Duration // each byte arrives so much later; the order stays
	Jitter    time.Duration // up to so much more, different from one piece to the next
	Bandwidth int           // bytes a second; 0 is without bound

	ChunkBytes int           // each write has so many bytes at most; 0 is without bound
	Coalesce   time.Duration // what comes within so much time is one write

	// CutAfter ends a connection when so many bytes of it have passed in this direction; 0 is
	// never. It ends by Cut.
	CutAfter int64
	Cut      Ending

	Drop       bool          // bytes are taken and vanish, and so does the end of the connection: a black hole
	Stall      bool          // bytes are not even taken: whoever sends fills the buffers and waits
	CloseDelay time.Duration // the end of the connection arrives so much later

	FlipBit int64 // the bit of the connection's bytes in this direction that is turned over, counted from 1; 0 is none
	Seed    int64 // of Jitter
}

// An Ending is how a connection ends.
type Ending int

// The endings.
const (
	Close   Ending = iota // as a program closes it: FIN
	Reset                 // RST
	Abandon               // the one side is closed, the other is left open and hears nothing more: half-open
)

// A Proxy passes connections on to a server. Its methods may be called by any number of goroutines.
type Proxy struct {
	l       net.Listener
	network string
	address string

	faults  [2]atomic.Pointer[Faults] // up, down
	refuse  atomic.Bool
	changed atomic.Pointer[chan struct{}] // closed when faults change

	mu     sync.Mutex
	conns  map[*pair]struct{}
	closed bool
	wg     sync.WaitGroup
}

// New returns a proxy, on a free port of the loopback interface, for the server at address:
// host:port, or the path of a unix socket that begins with a slash.
func New(address string) (*Proxy, error) {
	network := "tcp"
	if len(address) > 0 && address[0] == '/' {
		network = "unix"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("chaos: %w", err)
	}
	p := &Proxy{l: l, network: network, address: address, conns: make(map[*pair]struct{})}
	p.Set(Faults{}, Faults{})
	p.wg.Add(1)
	go p.accept()
	return p, nil
}

// Addr returns the address for clients: host:port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Set replaces the faults: up is what clients send, down what the server sends.
func (p *Proxy) Set(up, down Faults) {
	p.faults[0].Store(&up)
	p.faults[1].Store(&down)
	c := make(chan struct{})
	if old := p.changed.Swap(&c); old != nil {
		close(*old)
	}
}

// Refuse makes new connections end as soon as they are made, by RST; or no longer, with false.
func (p *Proxy) Refuse(refuse bool) { p.refuse.Store(refuse) }

// Conns returns how many connections are passed on.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// End ends all connections that there are. With [Abandon] the server's sides are closed, and the
// clients' hear nothing of it until Close.
func (p *Proxy) End(how Ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.end(how)
	}
}

// Close ends everything and waits until no goroutine is left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	err := p.l.Close()
	for c := range p.conns {
		c.end(Close)
	}
	p.mu.Unlock()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	defer p.wg.Done()
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		if p.refuse.Load() {
			reset(client)
			continue
		}
		p.wg.Add(1)
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.wg.Done()
	server, err := net.Dial(p.network, p.address)
	if err != nil {
		reset(client)
		return
	}
	c := &pair{p: p, client: client, server: server, done: make(chan struct{})}
	p.mu.Lock()
	closed := p.closed
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	if closed {
		c.end(Close)
	}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); c.pass(0, client, server) }()
	go func() { defer wg.Done(); c.pass(1, server, client) }()
	wg.Wait()
	c.end(Close)
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// pair is one connection: the client's side and the server's.
type pair struct {
	p              *Proxy
	client, server net.Conn
	abandoned      atomic.Bool
	once           sync.Once
	done           chan struct{} // closed when it ends at once
}

func (c *pair) end(how Ending) {
	if how == Abandon {
		c.abandoned.Store(true)
		c.server.Close()
		return
	}
	c.once.Do(func() {
		for _, nc := range []net.Conn{c.client, c.server} {
			if how == Reset {
				reset(nc)
			} else {
				nc.Close()
			}
		}
		close(c.done)
	})
}

// reset closes a connection by RST.
func reset(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	nc.Close()
}

// piece is bytes on their way.
type piece struct {
	b   []byte
	due time.Time
}

// pass moves bytes from one side to the other until one ends.
func (c *pair) pass(direction int, from, to net.Conn) {
	d := &flow{c: c, direction: direction, to: to, random: rand.New(rand.NewSource(c.faults(direction).Seed))}
	const inFlight = 1024 // pieces
	pieces := make(chan piece, inFlight)
	written := make(chan struct{})
	go func() {
		defer close(written)
		d.write(pieces)
	}()
	err := d.read(from, pieces)
	close(pieces)
	<-written
	if c.faults(direction).Drop && err != nil {
		c.wait(func(f *Faults) bool { return !f.Drop }, direction)
	}
	if c.abandoned.Load() {
		<-c.done
	}
	c.sleep(c.faults(direction).CloseDelay)
	if errors.Is(err, io.EOF) {
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
			return
		}
	}
	to.Close()
}

func (c *pair) faults(direction int) *Faults { return c.p.faults[direction].Load() }

// wait returns when the faults are as ok wants them, or the connection ends.
func (c *pair) wait(ok func(*Faults) bool, direction int) {
	for {
		changed := *c.p.changed.Load()
		if ok(c.faults(direction)) {
			return
		}
		select {
		case <-changed:
		case <-c.done:
			return
		}
	}
}

func (c *pair) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-c.done:
	}
}

// flow is one direction of a connection.
type flow struct {
	c         *pair
	direction int
	to        net.Conn
	random    *rand.Rand
	passed    int64 // bytes
}

func (d *flow) read(from net.Conn, pieces chan<- piece) error {
	for {
		d.c.wait(func(f *Faults) bool { return !f.Stall }, d.direction)
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			f := d.c.faults(d.direction)
			delay := f.Latency
			if f.Jitter > 0 {
				delay += time.Duration(d.random.Int63n(int64(f.Jitter)))
			}
			select {
			case pieces <- piece{buf[:n], time.Now().Add(delay)}:
			case <-d.c.done:
				return net.ErrClosed
			}
		}
		if err != nil {
			return err
		}
	}
}

func (d *flow) write(pieces <-chan piece) {
	for p := range pieces {
		d.c.sleep(time.Until(p.due))
		b := p.b
		if wait := d.c.faults(d.direction).Coalesce; wait > 0 {
			b = d.coalesce(b, pieces, wait)
		}
		if !d.send(b) {
			break
		}
	}
	for range pieces { // the other side reads on, or it would see more than it should
	}
}

// coalesce adds to b what comes within a time.
func (d *flow) coalesce(b []byte, pieces <-chan piece, wait time.Duration) []byte {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case p, ok := <-pieces:
			if !ok {
				return b
			}
			b = append(b, p.b...)
		case <-timer.C:
			return b
		case <-d.c.done:
			return b
		}
	}
}

// send writes b as the faults want it, and reports whether the direction goes on.
func (d *flow) send(b []byte) bool {
	for len(b) > 0 {
		f := d.c.faults(d.direction)
		n := len(b)
		if f.ChunkBytes > 0 {
			n = min(n, f.ChunkBytes)
		}
		if f.Bandwidth > 0 {
			n = min(n, max(1, f.Bandwidth/100))
		}
		cut := f.CutAfter > 0 && d.passed+int64(n) >= f.CutAfter
		if cut {
			n = int(max(0, f.CutAfter-d.passed))
		}
		chunk := b[:n]
		if at := f.FlipBit - 1 - 8*d.passed; f.FlipBit > 0 && at >= 0 && at < int64(8*n) {
			chunk[at/8] ^= 1 << (at % 8)
		}
		d.passed += int64(n)
		b = b[n:]
		if !f.Drop {
			if _, err := d.to.Write(chunk); err != nil {
				return false
			}
		}
		if cut {
			d.c.end(f.Cut)
			return false
		}
		if f.Bandwidth > 0 {
			d.c.sleep(time.Duration(n) * time.Second / time.Duration(f.Bandwidth))
		}
	}
	return true
}
