package msgio

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 returns a header of version 2: the byte for version and command, that for the family, and what follows the length.
func v2(command, family byte, body string) string {
	head := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(body)))) + body
}

// summed returns a header of version 2 with a checksum, which is right or not.
func summed(right bool) string {
	h := []byte(v2(0x21, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"+"\x03\x00\x04\x00\x00\x00\x00"))
	sum := crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli))
	if !right {
		sum++
	}
	binary.BigEndian.PutUint32(h[len(h)-4:], sum)
	return string(h)
}

var proxyTests = []struct {
	what, header string
	client       string // "": none is named
	err          string // "": none
}{
	{"IPv4", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 9090\r\n", "192.0.2.1:56324", ""},
	{"IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 9090\r\n", "[2001:db8::1]:56324", ""},
	{"unknown", "PROXY UNKNOWN\r\n", "", ""},
	{"unknown, the longest line", "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "", ""},
	{"another family", "PROXY TCP6 192.0.2.1 192.0.2.2 56324 9090\r\n", "", `PROXY protocol: the client's address "192.0.2.1" for TCP6`},
	{"a port too high", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 9090\r\n", "", `PROXY protocol: the client's port "65536"`},
	{"a word missing", "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", "", `PROXY protocol: the line "PROXY TCP4 192.0.2.1 192.0.2.2 56324"`},
	{"no end of line", "PROXY TCP4 " + strings.Repeat("1", 200), "", "PROXY protocol: a line of more than 107 bytes"},
	{"cut", "PROXY TCP4 192.0.2.1", "", "PROXY protocol: EOF"},

	{"2, IPv4", v2(0x21, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"), "192.0.2.1:56324", ""},
	{"2, IPv4, UDP", v2(0x21, 0x12, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"), "192.0.2.1:56324", ""},
	{"2, IPv6", v2(0x21, 0x21, "\x20\x01\x0d\xb8"+strings.Repeat("\x00", 11)+"\x01"+strings.Repeat("\x00", 16)+"\xdc\x04\x23\x82"), "[2001:db8::1]:56324", ""},
	{"2, unix", v2(0x21, 0x31, "/tmp/a"+strings.Repeat("\x00", 210)), "/tmp/a", ""},
	{"2, unspecified", v2(0x21, 0x00, ""), "", ""},
	{"2, local", v2(0x20, 0x00, ""), "", ""},
	{"2, local with an address", v2(0x20, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"), "", ""},
	{"2, more values", v2(0x21, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"+"\x04\x00\x00\xe0\x00\x02ab"), "192.0.2.1:56324", ""},
	{"2, a checksum", summed(true), "192.0.2.1:56324", ""},
	{"2, a wrong checksum", summed(false), "", "PROXY protocol: the checksum is wrong"},
	{"2, a checksum of 2 bytes", v2(0x21, 0x00, "\x03\x00\x02ab"), "", "PROXY protocol: a checksum of 2 bytes"},
	{"2, a value that is cut", v2(0x21, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82"+"\x04\x00\x05ab"), "", "PROXY protocol: 5 bytes at the end, which are no value with its type and length"},
	{"2, no room for the addresses", v2(0x21, 0x11, "\xc0\x00"), "", "PROXY protocol: 2 bytes for addresses that take 12"},
	{"2, a family that nobody knows", v2(0x21, 0x41, ""), "", "PROXY protocol: address family 4"},
	{"2, a command that nobody knows", v2(0x22, 0x00, ""), "", "PROXY protocol: command 2"},
	{"version 3", v2(0x31, 0x00, ""), "", "PROXY protocol: version 3"},
	{"2, too long", v2(0x21, 0x00, strings.Repeat("\x04\x00\x00", 1366)), "", "PROXY protocol: a header of 4098 bytes, at most 4096 are accepted"},
	{"2, cut", v2(0x21, 0x11, "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x23\x82")[:20], "", "PROXY protocol: EOF"},
}

// TestReadProxy reads headers, byte by byte and at once, and the message after them.
func TestReadProxy(t *testing.T) {
	for _, test := range proxyTests {
		for _, stream := range []io.Reader{strings.NewReader(test.header + "message"), iotest.OneByteReader(strings.NewReader(test.header + "message"))} {
			if test.err != "" {
				stream = strings.NewReader(test.header)
			}
			r := NewReader(stream, 1000)
			client, found, err := ReadProxy(r)
			if !found {
				t.Errorf("%s: not found", test.what)
			}
			if test.err != "" {
				if err == nil || err.Error() != test.err || !errors.Is(err, ErrProxy) {
					t.Errorf("%s: %v, want %s", test.what, err, test.err)
				}
				continue
			}
			got := ""
			if client != nil {
				got = client.String()
			}
			if got != test.client || err != nil {
				t.Errorf("%s: %s, %v; want %s", test.what, got, err, test.client)
			}
			if b, err := r.Peek(7); string(b) != "message" {
				t.Errorf("%s: %q, %v after it", test.what, b, err)
			}
		}
	}
}

// TestNoProxy has beginnings of connections that are no header: nothing of them is taken.
func TestNoProxy(t *testing.T) {
	for _, start := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST / HTTP/1.1\r\n", "PROXIMA", "PR", "\r\n\r\n", "\x80\x01\x00\x01", "\x16\x03\x01"} {
		r := NewReader(strings.NewReader(start), 1000)
		if client, found, err := ReadProxy(r); client != nil || found || err != nil {
			t.Errorf("%q: %v, %v, %v", start, client, found, err)
		}
		if b, _ := r.Peek(len(start)); string(b) != start {
			t.Errorf("%q: %q is left", start, b)
		}
	}
}

func FuzzReadProxy(f *testing.F) {
	for _, test := range proxyTests {
		f.Add([]byte(test.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b), 1000)
		client, found, err := ReadProxy(r)
		if client != nil && (!found || err != nil) {
			t.Errorf("%s: %v, %v, %v", hex.EncodeToString(b), client, found, err)
		}
		if !found && err == nil && !bytes.Contains(b, r.Peeked()) {
			t.Errorf("%s: something was taken", hex.EncodeToString(b))
		}
	})
}
