package capture_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

// relink returns packets of Ethernet as packets of another link layer: head comes in place of the header.
func relink(packets []pcapfile.Packet, link int, head func(family []byte) []byte) []pcapfile.Packet {
	return each(packets, func(p pcapfile.Packet) []pcapfile.Packet {
		p.Link, p.Data = link, append(head(p.Data[12:14]), p.Data[14:]...)
		p.Length = len(p.Data)
		return []pcapfile.Packet{p}
	})
}

func each(packets []pcapfile.Packet, f func(pcapfile.Packet) []pcapfile.Packet) []pcapfile.Packet {
	var all []pcapfile.Packet
	for _, p := range packets {
		all = append(all, f(p)...)
	}
	return all
}

// fragmented cuts what IP carries into fragments of size bytes, a multiple of 8, each a packet of Ethernet. IPv6 has an extension
// header of hops before that of the fragment.
func fragmented(packets []pcapfile.Packet, size int) []pcapfile.Packet {
	id := uint32(0)
	return each(packets, func(p pcapfile.Packet) []pcapfile.Packet {
		ether, ip := p.Data[:14], p.Data[14:]
		head := 20
		if ip[0]>>4 == 6 {
			head = 40
		}
		id++
		var all []pcapfile.Packet
		for off := 0; off < len(ip)-head; off += size {
			part := ip[head+off : min(head+off+size, len(ip))]
			more := head+off+size < len(ip)
			data := slices.Concat(ether, ip[:head])
			h := data[14:]
			if head == 20 {
				frag := uint16(off / 8)
				if more {
					frag |= 0x2000
				}
				binary.BigEndian.PutUint16(h[2:], uint16(20+len(part)))
				binary.BigEndian.PutUint16(h[4:], uint16(id))
				binary.BigEndian.PutUint16(h[6:], frag)
			} else {
				binary.BigEndian.PutUint16(h[4:], uint16(16+len(part)))
				h[6] = 0 // options of hops
				frag := uint16(off)
				if more {
					frag |= 1
				}
				data = append(data, 44, 0, 1, 4, 0, 0, 0, 0, ip[6], 0, byte(frag>>8), byte(frag), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
			}
			q := p
			q.Data = append(data, part...)
			q.Length = len(q.Data)
			all = append(all, q)
		}
		slices.Reverse(all) // they may come in any order
		return all
	})
}

// Every link layer, and IP in fragments, gives the same calls.
func TestLayers(t *testing.T) {
	svc := service(t)
	for _, server := range []string{"10.0.0.2:9090", "[fd00::2]:9090"} {
		network := &capturetest.Network{Server: netip.MustParseAddrPort(server)}
		want := record(t, network, svc, "protocol=compact&transport=framed", 4, true)
		packets := network.Packets()
		af := byte(2)
		if server[0] == '[' {
			af = 30
		}
		for name, packets := range map[string][]pcapfile.Packet{
			"Ethernet":         packets,
			"VLAN":             relink(packets, capture.LinkEthernet, func(f []byte) []byte { return append(make([]byte, 12), 0x81, 0, 0, 7, f[0], f[1]) }),
			"two VLANs":        relink(packets, capture.LinkEthernet, func(f []byte) []byte { return append(make([]byte, 12), 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, f[0], f[1]) }),
			"BSD loopback":     relink(packets, capture.LinkNull, func([]byte) []byte { return []byte{af, 0, 0, 0} }),
			"OpenBSD loopback": relink(packets, capture.LinkLoop, func([]byte) []byte { return []byte{0, 0, 0, af} }),
			"IP alone":         relink(packets, capture.LinkRaw, func([]byte) []byte { return nil }),
			"Linux cooked":     relink(packets, capture.LinkSLL, func(f []byte) []byte { return append(make([]byte, 14), f...) }),
			"Linux cooked 2":   relink(packets, capture.LinkSLL2, func(f []byte) []byte { return append(slices.Clone(f), make([]byte, 18)...) }),
			"fragments":        fragmented(packets, 504),
			"fragments of 8":   fragmented(packets, 8),
			"padded to 60 byte": each(packets, func(p pcapfile.Packet) []pcapfile.Packet {
				p.Data = append(slices.Clone(p.Data), 0, 0, 0, 0, 0, 0)
				p.Length += 6
				return []pcapfile.Packet{p}
			}),
		} {
			t.Run(server+"/"+name, func(t *testing.T) {
				calls, counters := analyze(packets, capture.Options{})
				var got []known
				for _, c := range calls {
					got = append(got, describe(t, svc, c))
					if c.Server.String() != server {
						t.Errorf("server %s", c.Server)
					}
				}
				compare(t, got, want)
				if counters.Gaps+counters.Incomplete+counters.OtherLinks > 0 {
					t.Errorf("%+v", counters)
				}
			})
		}
	}
	calls, counters := analyze([]pcapfile.Packet{{Link: 147, Data: make([]byte, 100), Length: 100}}, capture.Options{})
	if len(calls) != 0 || counters.OtherLinks != 1 {
		t.Errorf("%v, %+v", calls, counters)
	}
}

// The client is the one that a header of the PROXY protocol names.
func TestProxyProtocol(t *testing.T) {
	call, reply := "\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00", "\x80\x01\x00\x02\x00\x00\x00\x04ping\x00\x00\x00\x01\x00"
	v2 := "\r\n\r\n\x00\r\nQUIT\n"
	for _, test := range []struct{ name, header, client string }{
		{"version 1", "PROXY TCP4 192.0.2.1 10.0.0.2 4711 9090\r\n", "192.0.2.1:4711"},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::1 fd00::2 4711 9090\r\n", "[2001:db8::1]:4711"},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", "10.0.0.1:40001"},
		{"version 2", v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x01\x0a\x00\x00\x02\x12\x67\x23\x82", "192.0.2.1:4711"},
		{"version 2, local", v2 + "\x20\x00\x00\x00", "10.0.0.1:40001"},
	} {
		for _, together := range []bool{true, false} {
			network := &capturetest.Network{}
			c := network.Open()
			if together {
				c.Send(0, []byte(test.header+call))
			} else {
				c.Send(0, []byte(test.header))
				c.Send(0, []byte(call))
			}
			c.Send(1, []byte(reply))
			calls, _ := analyze(network.Packets(), capture.Options{})
			if len(calls) != 1 || calls[0].Method() != "ping" || calls[0].Status != capture.StatusOK || calls[0].Client.String() != test.client {
				t.Errorf("%s (together: %t): %+v", test.name, together, calls)
			}
		}
	}
}

// Datagrams with a message each, as agents of tracing get them; others are none.
func TestDatagrams(t *testing.T) {
	datagram := func(payload string) pcapfile.Packet {
		b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x41, 0x1a, 0xaf, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(b[16:], uint16(28+len(payload)))
		binary.BigEndian.PutUint16(b[38:], uint16(8+len(payload)))
		b = append(b, payload...)
		return pcapfile.Packet{Link: capture.LinkEthernet, Data: b, Length: len(b)}
	}
	spans := "\x82\x81\x01\x09emitBatch\x00"
	calls, _ := analyze([]pcapfile.Packet{
		datagram(spans), datagram("\x80\x01\x00\x04\x00\x00\x00\x04note\x00\x00\x00\x02\x00"),
		datagram(spans + "\x00"), datagram(spans[:8]), datagram("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x00\x00\x01\x00\x01"), datagram(strings.Repeat("\x00", 40)),
	}, capture.Options{})
	var got []string
	for _, c := range calls {
		got = append(got, fmt.Sprintf("%s %s %s %s", c.Method(), c.Request.Protocol, c.Request.Transport, c.Status))
	}
	if want := []string{"emitBatch compact udp oneway", "note binary udp oneway"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Bodies of HTTP may be compressed, as Go's servers and clients do.
func TestHTTPGzip(t *testing.T) {
	svc := service(t)
	network := &capturetest.Network{}
	want := record(t, network, svc, "transport=http&compression=gzip", 4, true)
	calls, _ := analyze(network.Packets(), capture.Options{})
	var got []known
	compressed := 0
	for _, c := range calls {
		got = append(got, describe(t, svc, c))
		if c.Request.Over == "gzip" {
			compressed++
		}
	}
	compare(t, got, want)
	if compressed == 0 {
		t.Error("nothing was compressed")
	}
}
