package capture

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
)

// A Packet is one captured packet. Link is the link-layer type, as LINKTYPE_ of tcpdump.org numbers it.
type Packet = pcapfile.Packet

// A FormatError says at which byte a file is no capture.
type FormatError = pcapfile.Error

// The link-layer types that are understood (tcpdump.org/linktypes.html).
const (
	LinkNull     = 0   // BSD loopback: the address family in the order of the host
	LinkEthernet = 1   // with any number of VLAN tags
	LinkRaw      = 101 // IP alone
	LinkLoop     = 108 // OpenBSD loopback
	LinkSLL      = 113 // Linux cooked, version 1: tcpdump -i any
	LinkIPv4     = 228
	LinkIPv6     = 229
	LinkSLL2     = 276 // Linux cooked, version 2

	linkRawOld1, linkRawOld2 = 12, 14
)

// A segment is what a packet has for a stream: TCP with its numbers, or a datagram of UDP.
type segment struct {
	time     int64 // nanoseconds since 1970
	from, to netip.AddrPort
	udp      bool
	seq, ack uint32
	flags    uint8
	payload  []byte // what was captured of it
	missing  int    // bytes that were cut off after payload
}

const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
)

const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	protoTCP   = 6
	protoUDP   = 17
	maxNesting = 8 // VLAN tags or extension headers
)

// parsePacket finds the segment in p. It reports false if there is none: another protocol, or too little of it.
func (a *Assembler) parsePacket(p Packet) (segment, bool) {
	b, length := p.Data, p.Length
	family := uint16(0)
	skip := func(n int) bool {
		if len(b) < n {
			return false
		}
		b, length = b[n:], length-n
		return true
	}
	switch p.Link {
	case LinkNull, LinkLoop:
		if !skip(4) {
			return segment{}, false
		}
	case LinkEthernet:
		if len(b) < 14 {
			return segment{}, false
		}
		family = binary.BigEndian.Uint16(b[12:])
		skip(14)
	case LinkSLL:
		if len(b) < 16 {
			return segment{}, false
		}
		family = binary.BigEndian.Uint16(b[14:])
		skip(16)
	case LinkSLL2:
		if len(b) < 20 {
			return segment{}, false
		}
		family = binary.BigEndian.Uint16(b)
		skip(20)
	case LinkRaw, LinkIPv4, LinkIPv6, linkRawOld1, linkRawOld2:
	default:
		a.counters.OtherLinks++
		return segment{}, false
	}
	for n := 0; (family == 0x8100 || family == 0x88a8 || family == 0x9100) && n < maxNesting; n++ {
		if len(b) < 4 {
			return segment{}, false
		}
		family = binary.BigEndian.Uint16(b[2:])
		skip(4)
	}
	if family != 0 && family != etherIPv4 && family != etherIPv6 || len(b) == 0 {
		return segment{}, false
	}
	var nanos int64
	if !p.Time.IsZero() {
		nanos = p.Time.UnixNano()
	}
	switch b[0] >> 4 {
	case 4:
		return a.parseIPv4(nanos, b, length)
	case 6:
		return a.parseIPv6(nanos, b, length)
	}
	return segment{}, false
}

// parseIPv4 reads a packet of RFC 791. length is what was on the wire from here on.
func (a *Assembler) parseIPv4(now int64, b []byte, length int) (segment, bool) {
	if len(b) < 20 {
		return segment{}, false
	}
	head, total := int(b[0]&0x0f)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // the card cuts it into packets later
		total = length
	}
	if head < 20 || len(b) < head || total < head {
		return segment{}, false
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	proto, frag := b[9], binary.BigEndian.Uint16(b[6:])
	payload, rest := limit(b[head:], total-head)
	if frag&0x3fff != 0 { // more fragments, or an offset
		key := fragmentKey{src, dst, uint32(binary.BigEndian.Uint16(b[4:])), proto}
		payload, rest = a.fragments.add(now, key, int(frag&0x1fff)*8, payload, rest, frag&0x2000 != 0)
		if payload == nil {
			return segment{}, false
		}
	}
	return parseTransport(now, src, dst, proto, payload, rest)
}

// limit returns the first n bytes of b, and how many of n it lacks.
func limit(b []byte, n int) (payload []byte, missing int) {
	if n <= len(b) {
		return b[:max(n, 0)], 0
	}
	return b, n - len(b)
}

// parseIPv6 reads a packet of RFC 8200.
func (a *Assembler) parseIPv6(now int64, b []byte, length int) (segment, bool) {
	if len(b) < 40 {
		return segment{}, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 { // the card cuts it into packets later
		n = length - 40
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	next := b[6]
	payload, missing := limit(b[40:], n)
	for range maxNesting {
		switch next {
		case protoTCP, protoUDP:
			return parseTransport(now, src, dst, next, payload, missing)
		case 44: // fragment
			if len(payload) < 8 {
				return segment{}, false
			}
			next = payload[0]
			off := binary.BigEndian.Uint16(payload[2:])
			id := binary.BigEndian.Uint32(payload[4:])
			payload = payload[8:]
			if off&^7 == 0 && off&1 == 0 {
				continue // the only one
			}
			payload, missing = a.fragments.add(now, fragmentKey{src, dst, id, next}, int(off&^7), payload, missing, off&1 != 0)
			if payload == nil {
				return segment{}, false
			}
		case 0, 43, 60, 135, 51: // options of hops, routing, of the destination, mobility, authentication
			if len(payload) < 8 {
				return segment{}, false
			}
			size := 8 + int(payload[1])*8
			if next == 51 {
				size = 8 + int(payload[1])*4
			}
			if size > len(payload) {
				return segment{}, false
			}
			next, payload = payload[0], payload[size:]
		default:
			return segment{}, false
		}
	}
	return segment{}, false
}

func parseTransport(now int64, src, dst netip.Addr, proto uint8, b []byte, missing int) (segment, bool) {
	s := segment{time: now}
	switch {
	case proto == protoTCP && len(b) >= 20:
		head := int(b[12]>>4) * 4
		if head < 20 || head > len(b)+missing {
			return segment{}, false
		}
		s.seq, s.ack, s.flags = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[13]
		if head > len(b) { // options were cut off
			missing -= head - len(b)
			head = len(b)
		}
		s.payload, s.missing = b[head:], missing
	case proto == protoUDP && len(b) >= 8:
		n := int(binary.BigEndian.Uint16(b[4:])) - 8
		if n < 0 {
			return segment{}, false
		}
		s.udp = true
		var cut int
		s.payload, cut = limit(b[8:], n)
		s.missing = max(cut, missing)
	default:
		return segment{}, false
	}
	s.from = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	s.to = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return s, true
}

// Fragments of IP packets wait for each other, a limited number of them for a limited time.
const (
	maxFragmented   = 256
	maxFragmentWait = int64(30 * time.Second)
)

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

type fragmentList struct {
	key      fragmentKey
	since    int64
	data     []byte
	have     []bool // by units of 8 bytes
	total    int    // -1 until the last one has come
	received int
}

// fragments puts packets together that were sent in parts.
type fragments struct {
	lists map[fragmentKey]*fragmentList
	order []*fragmentList // by age
}

// add adds a part and returns the whole once all parts are there. Of parts that overlap the first one counts.
func (f *fragments) add(now int64, key fragmentKey, off int, b []byte, missing int, more bool) ([]byte, int) {
	if off+len(b)+missing > 65535 || missing > 0 { // a packet with a hole is no use
		return nil, 0
	}
	for len(f.order) > 0 && (len(f.order) > maxFragmented || now-f.order[0].since > maxFragmentWait) {
		f.remove(f.order[0])
	}
	l := f.lists[key]
	if l == nil {
		if f.lists == nil {
			f.lists = make(map[fragmentKey]*fragmentList)
		}
		l = &fragmentList{key: key, since: now, total: -1}
		f.lists[key] = l
		f.order = append(f.order, l)
	}
	end := off + len(b)
	if !more {
		l.total = end
	} else if len(b)%8 != 0 {
		return nil, 0
	}
	if end > len(l.data) {
		l.data = append(l.data, make([]byte, end-len(l.data))...)
		l.have = append(l.have, make([]bool, (end+7)/8-len(l.have))...)
	}
	for at := off; at < end; at += 8 {
		if !l.have[at/8] {
			l.have[at/8] = true
			l.received += copy(l.data[at:min(at+8, end)], b[at-off:])
		}
	}
	if l.total < 0 || l.received < l.total || l.total != len(l.data) {
		return nil, 0
	}
	f.remove(l)
	return l.data, 0
}

func (f *fragments) remove(l *fragmentList) {
	delete(f.lists, l.key)
	for i, other := range f.order {
		if other == l {
			f.order = append(f.order[:i], f.order[i+1:]...)
			return
		}
	}
}
