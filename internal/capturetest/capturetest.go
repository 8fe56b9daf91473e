// Package capturetest makes captures for tests: it writes the packets of connections that never were on a network.
package capturetest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
)

// A Network collects the packets of connections, in the order in which they were sent. It is safe for concurrent use.
type Network struct {
	// MSS is how many bytes a segment has at most; default 1448.
	MSS int
	// Step is how much later than the one before each packet is; default 100 microseconds.
	Step time.Duration
	// Server is the address of all servers; default 10.0.0.2:9090.
	Server netip.AddrPort

	mu      sync.Mutex
	packets []pcapfile.Packet
	now     time.Time
	conns   int
}

const protoTCP = 6 // in headers of IP

// Flags of TCP.
const (
	FIN = 1
	SYN = 2
	PSH = 8
	ACK = 16
)

// Packets returns what was sent, as packets of Ethernet.
func (n *Network) Packets() []pcapfile.Packet {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]pcapfile.Packet(nil), n.packets...)
}

// A Conn is a connection whose packets are collected.
type Conn struct {
	n    *Network
	ends [2]netip.AddrPort // the client first
	seq  [2]uint32
	base [2]uint32 // seq of the first byte
}

// Open opens a connection by the three packets of its handshake.
func (n *Network) Open() *Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.MSS == 0 {
		n.MSS = 1448
	}
	if n.Step == 0 {
		n.Step = 100 * time.Microsecond
	}
	if !n.Server.IsValid() {
		n.Server = netip.MustParseAddrPort("10.0.0.2:9090")
	}
	if n.now.IsZero() {
		n.now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	}
	n.conns++
	client := netip.MustParseAddr("10.0.0.1")
	if n.Server.Addr().Is6() {
		client = netip.MustParseAddr("fd00::1")
	}
	c := &Conn{n: n, ends: [2]netip.AddrPort{netip.AddrPortFrom(client, uint16(40000+n.conns)), n.Server}}
	c.seq = [2]uint32{uint32(n.conns) * 0x71234567, uint32(n.conns) * 0x3fffffff}
	c.send(0, SYN, nil)
	c.seq[0]++
	c.send(1, SYN|ACK, nil)
	c.seq[1]++
	c.send(0, ACK, nil)
	c.base = c.seq
	return c
}

// SendHaving is Send by a side that has received the first have bytes of the other one: more may be on their way. Of no bytes it is
// an acknowledgment.
func (c *Conn) SendHaving(dir int, b []byte, have int) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	ack := c.base[1-dir] + uint32(have)
	if len(b) == 0 {
		c.sendAck(dir, ACK, nil, ack)
	}
	for len(b) > 0 {
		part := b[:min(len(b), c.n.MSS)]
		c.sendAck(dir, ACK|PSH, part, ack)
		c.seq[dir] += uint32(len(part))
		b = b[len(part):]
	}
}

// Send sends b, in segments: dir 0 is the client's direction.
func (c *Conn) Send(dir int, b []byte) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for len(b) > 0 {
		part := b[:min(len(b), c.n.MSS)]
		c.send(dir, ACK|PSH, part)
		c.seq[dir] += uint32(len(part))
		b = b[len(part):]
	}
}

// Close closes both directions, that of the client first.
func (c *Conn) Close() {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	for dir := range 2 {
		c.send(dir, FIN|ACK, nil)
		c.seq[dir]++
	}
	c.send(0, ACK, nil)
}

func (c *Conn) send(dir int, flags byte, b []byte) { c.sendAck(dir, flags, b, c.seq[1-dir]) }

func (c *Conn) sendAck(dir int, flags byte, b []byte, ack uint32) {
	from, to := c.ends[dir], c.ends[1-dir]
	tcp := binary.BigEndian.AppendUint16(nil, from.Port())
	tcp = binary.BigEndian.AppendUint16(tcp, to.Port())
	tcp = binary.BigEndian.AppendUint32(tcp, c.seq[dir])
	if flags&ACK == 0 {
		ack = 0
	}
	tcp = binary.BigEndian.AppendUint32(tcp, ack)
	tcp = append(tcp, 8<<4, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1) // with time stamps, as hosts have them
	c.n.addTCP(from.Addr(), to.Addr(), append(tcp, b...))
}

func (n *Network) addTCP(from, to netip.Addr, payload []byte) {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	if from.Is6() {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
		frame = append(frame, protoTCP, 64)
	} else {
		frame = append(frame, 8, 0, 0x45, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(20+len(payload)))
		frame = append(frame, 0, 0, 0x40, 0, 64, protoTCP, 0, 0)
	}
	frame = append(append(append(frame, from.AsSlice()...), to.AsSlice()...), payload...)
	n.now = n.now.Add(n.Step)
	n.packets = append(n.packets, pcapfile.Packet{Time: n.now, Link: 1, Data: frame, Length: len(frame)})
}

// Record returns nc, the client's end of a connection, such that what goes over it is sent on n as well.
func (n *Network) Record(nc net.Conn) net.Conn { return &recorded{Conn: nc, c: n.Open()} }

type recorded struct {
	net.Conn
	c    *Conn
	once sync.Once
}

func (r *recorded) Write(b []byte) (int, error) {
	r.c.Send(0, b)
	return r.Conn.Write(b)
}

func (r *recorded) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.c.Send(1, b[:n])
	return n, err
}

func (r *recorded) Close() error {
	r.once.Do(r.c.Close)
	return r.Conn.Close()
}

// A Listener accepts the connections that Dial makes in memory.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewListener returns a Listener.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to l.
func (l *Listener) Dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9090} }
