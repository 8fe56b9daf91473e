package pcapfile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// header is the header of a pcap file in a byte order, with a magic number.
func header(order binary.ByteOrder, magic uint32) []byte {
	b := make([]byte, 24)
	order.PutUint32(b, magic)
	order.PutUint16(b[4:], 2)
	order.PutUint16(b[6:], 4)
	order.PutUint32(b[16:], 65535)
	order.PutUint32(b[20:], 1)
	return b
}

// packet is a packet of a pcap file, of which data was captured.
func packet(order binary.ByteOrder, seconds, fraction uint32, data string, length int) []byte {
	b := make([]byte, 16)
	for i, v := range []uint32{seconds, fraction, uint32(len(data)), uint32(length)} {
		order.PutUint32(b[4*i:], v)
	}
	return append(b, data...)
}

// block is a block of a pcapng file in little-endian order.
func block(kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, n)
	b = append(b, body...)
	return binary.LittleEndian.AppendUint32(b, n)
}

func words(v ...uint32) (b []byte) {
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// pcapng is a file with a section, an interface of Ethernet with microseconds, and a packet.
func pcapng() []byte {
	b := block(0x0a0d0d0a, append(words(0x1a2b3c4d, 1), bytes.Repeat([]byte{0xff}, 8)...))
	b = append(b, block(1, words(1, 0))...)
	stamp := uint64(1_700_000_000_000_007)
	return append(b, block(6, append(words(0, uint32(stamp>>32), uint32(stamp), 3, 60), "abc"...))...)
}

func zipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

// TestFormats reads a packet of three bytes out of each format.
func TestFormats(t *testing.T) {
	const magic, nanos = 0xa1b2c3d4, 0xa1b23c4d
	little, big := binary.LittleEndian, binary.BigEndian
	var written bytes.Buffer
	w := NewWriter(&written, 1)
	if err := w.Write(Packet{Time: time.Unix(1_700_000_000, 7000), Link: 1, Data: []byte("abc"), Length: 60}); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"pcap, little-endian": append(header(little, magic), packet(little, 1_700_000_000, 7, "abc", 60)...),
		"pcap, big-endian":    append(header(big, magic), packet(big, 1_700_000_000, 7, "abc", 60)...),
		"pcap, nanoseconds":   append(header(little, nanos), packet(little, 1_700_000_000, 7000, "abc", 60)...),
		"pcapng":              pcapng(),
		"pcapng, compressed":  zipped(pcapng()),
		"written":             written.Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.Next()
			if err != nil || string(p.Data) != "abc" || p.Length != 60 || p.Link != 1 || !p.Time.Equal(time.Unix(1_700_000_000, 7000)) {
				t.Errorf("%+v, %v", p, err)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

// TestDamaged reads files that end early or are none: the error says where.
func TestDamaged(t *testing.T) {
	little := binary.LittleEndian
	whole := append(header(little, 0xa1b2c3d4), packet(little, 1, 2, "abc", 3)...)
	for name, test := range map[string]struct {
		file  []byte
		early bool
	}{
		"empty":                     {nil, true},
		"text":                      {[]byte("GET / HTTP/1.1\r\n\r\nmore text than a header has"), false},
		"half a header":             {whole[:20], true},
		"half a packet's header":    {whole[:30], true},
		"half a packet":             {whole[:len(whole)-1], true},
		"a packet of 4 GB":          {append(header(little, 0xa1b2c3d4), packet(little, 1, 2, "", 0)[:8]...), true},
		"pcapng, half a packet":     {pcapng()[:len(pcapng())-6], true},
		"pcapng, a block too short": {append(pcapng(), words(6, 4, 4)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(test.file))
			for err == nil {
				_, err = r.Next()
			}
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "at byte ") {
				t.Fatalf("%v", err)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) != test.early {
				t.Errorf("%v, ends early: %v", err, test.early)
			}
		})
	}
	huge := append(header(little, 0xa1b2c3d4), words(1, 2, 1<<31, 1<<31)...)
	r, err := NewReader(bytes.NewReader(huge))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1, func() { _, err = r.Next() }); err == nil || n > 10 {
		t.Errorf("a packet of two gigabytes: %v, %v allocations", err, n)
	}
}
