package msgio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The header by which a proxy tells the server behind it who the client is: the PROXY protocol of haproxy, versions 1 and 2
// (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt, sections 2.1 and 2.2).

var (
	proxyV1 = []byte("PROXY ")
	proxyV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

const (
	maxProxyV1 = 107     // bytes of a line, CR and LF included
	maxProxyV2 = 4 << 10 // bytes after the first 16; addresses take 216 at most, the rest is what proxies add
)

// ErrProxy is the error for a header of the PROXY protocol that cannot be read; test with errors.Is.
var ErrProxy = errors.New("PROXY protocol")

// ReadProxy takes a header of the PROXY protocol from r, if the connection begins with one, and returns the address of the client: nil
// when the proxy speaks for itself, or does not know. found says whether there was a header. No dialect begins as one does.
func ReadProxy(r *Reader) (client net.Addr, found bool, err error) {
	b, err := r.Peek(1)
	if err != nil {
		return nil, false, err
	}
	for _, start := range [][]byte{proxyV1, proxyV2} {
		if b[0] != start[0] {
			continue
		}
		if b, err = r.Peek(len(start)); err != nil || !bytes.Equal(b, start) {
			return nil, false, nil // whoever looks next finds the error again
		}
		if b[0] == proxyV1[0] {
			client, err = readProxyV1(r)
		} else {
			client, err = readProxyV2(r)
		}
		if err != nil {
			return nil, true, fmt.Errorf("%w: %w", ErrProxy, err)
		}
		return client, true, nil
	}
	return nil, false, nil
}

func readProxyV1(r *Reader) (net.Addr, error) {
	var line []byte
	for n := len(proxyV1) + 1; ; n = max(n+1, r.Unread()) {
		b, err := r.Peek(min(n, maxProxyV1))
		if end := bytes.Index(b, []byte("\r\n")); end >= 0 {
			line = b[:end]
			break
		}
		if err != nil {
			return nil, err
		}
		if n >= maxProxyV1 {
			return nil, fmt.Errorf("a line of more than %d bytes", maxProxyV1)
		}
	}
	defer r.skip(len(line) + 2)
	words := strings.Split(string(line), " ") // PROXY TCP4 192.0.2.1 192.0.2.2 56324 9090
	if words[1] == "UNKNOWN" {
		return nil, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return nil, fmt.Errorf("the line %.120q", line)
	}
	ip, err := netip.ParseAddr(words[2])
	if err != nil || ip.Is4() != (words[1] == "TCP4") {
		return nil, fmt.Errorf("the client's address %.40q for %s", words[2], words[1])
	}
	port, err := strconv.ParseUint(words[4], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the client's port %.40q", words[4])
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port))), nil
}

func readProxyV2(r *Reader) (net.Addr, error) {
	head, err := r.Peek(16)
	if err != nil {
		return nil, err
	}
	command, family, size := head[12], head[13], int(binary.BigEndian.Uint16(head[14:]))
	if command>>4 != 2 {
		return nil, fmt.Errorf("version %d", command>>4)
	}
	if size > maxProxyV2 {
		return nil, fmt.Errorf("a header of %d bytes, at most %d are accepted", size, maxProxyV2)
	}
	header, err := r.Peek(16 + size)
	if err != nil {
		return nil, err
	}
	defer r.skip(len(header))
	var addresses int // bytes of both addresses with their ports
	switch family >> 4 {
	case 0: // unspecified
	case 1:
		addresses = 2 * (4 + 2)
	case 2:
		addresses = 2 * (16 + 2)
	case 3: // of unix
		addresses = 2 * 108
	default:
		return nil, fmt.Errorf("address family %d", family>>4)
	}
	if addresses > size {
		return nil, fmt.Errorf("%d bytes for addresses that take %d", size, addresses)
	}
	if err := checkProxyV2(header, 16+addresses); err != nil {
		return nil, err
	}
	body := header[16:]
	switch command & 15 {
	case 0: // LOCAL: the proxy's own, such as a check of the server's health
		return nil, nil
	case 1: // PROXY
	default:
		return nil, fmt.Errorf("command %d", command&15)
	}
	switch family >> 4 {
	case 1:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))), nil
	case 2:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)), binary.BigEndian.Uint16(body[32:]))), nil
	case 3:
		path, _, _ := bytes.Cut(body[:108], []byte{0})
		return &net.UnixAddr{Net: "unix", Name: string(path)}, nil
	}
	return nil, nil
}

// checkProxyV2 looks through what follows the addresses, from byte at on: it must end where the header does, and a checksum must be
// right.
func checkProxyV2(header []byte, at int) error {
	const crc32c = 3 // PP2_TYPE_CRC32C
	for at < len(header) {
		rest := header[at:]
		if len(rest) < 3 || len(rest)-3 < int(binary.BigEndian.Uint16(rest[1:])) {
			return fmt.Errorf("%d bytes at the end, which are no value with its type and length", len(rest))
		}
		size := int(binary.BigEndian.Uint16(rest[1:]))
		if rest[0] == crc32c {
			if size != crc32.Size {
				return fmt.Errorf("a checksum of %d bytes", size)
			}
			zeroed := bytes.Clone(header)
			clear(zeroed[at+3 : at+3+size])
			if crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(rest[3:]) {
				return errors.New("the checksum is wrong")
			}
		}
		at += 3 + size
	}
	return nil
}
