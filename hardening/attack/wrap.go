package attack

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
)

// wrap returns the bytes by which msg goes over a connection.
func (s speech) wrap(msg []byte) []byte {
	switch s.Transport {
	case "framed":
		return frame(int64(len(msg)), msg)
	case "http":
		return s.http(fmt.Sprint(len(msg)), msg)
	case "zlib":
		return deflate(msg)
	case "header":
		return theader(headerFields{protocol: s.headerProtocol()}, msg)
	case "header+zlib":
		return theader(headerFields{protocol: s.headerProtocol(), transforms: []uint64{transformZlib}}, deflate(msg))
	case "ttheader":
		return ttheader(ttheaderFields{}, msg)
	}
	return msg
}

// frame returns msg after a length of n bytes.
func frame(n int64, msg []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), msg...)
}

// http returns a request, or an answer, that claims a length.
func (s speech) http(contentLength string, body []byte) []byte {
	start := "POST / HTTP/1.1\r\nHost: localhost"
	if s.reply {
		start = "HTTP/1.1 200 OK"
	}
	head := start + "\r\nContent-Type: application/x-thrift\r\nContent-Length: " + contentLength + "\r\n\r\n"
	return append([]byte(head), body...)
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(b)
	w.Flush()
	return out.Bytes()
}

// bomb returns a stream of zlib that begins with head and goes on with so many MiB of zeros.
func bomb(head []byte, mib int) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	w.Write(head)
	zeros := make([]byte, 1<<20)
	for range mib {
		w.Write(zeros)
	}
	w.Flush()
	return out.Bytes()
}

func (d Dialect) headerProtocol() uint64 {
	if d.Protocol == "compact" {
		return 2
	}
	return 0
}

const transformZlib = 1

// headerFields are what a frame of THeader says of itself (Apache Thrift, doc/specs/HeaderFormat.md). The counts that
// are claimed are those of the slices unless they are set.
type headerFields struct {
	protocol       uint64
	transforms     []uint64
	transformCount uint64
	info           []byte // the blocks after the transforms
	words          int    // the size of the header in words; 0 says the true one
	length         int64  // of the frame; 0 says the true one
}

func theader(f headerFields, payload []byte) []byte {
	head := binary.AppendUvarint(nil, f.protocol)
	count := uint64(len(f.transforms))
	if f.transformCount > 0 {
		count = f.transformCount
	}
	head = binary.AppendUvarint(head, count)
	for _, t := range f.transforms {
		head = binary.AppendUvarint(head, t)
	}
	head = append(head, f.info...)
	for len(head)%4 != 0 {
		head = append(head, 0)
	}
	words := len(head) / 4
	if f.words > 0 {
		words = f.words
	}
	b := []byte{0x0f, 0xff, 0, 0, 0, 0, 0, 1, byte(words >> 8), byte(words)}
	b = append(append(b, head...), payload...)
	n := int64(len(b))
	if f.length != 0 {
		n = f.length
	}
	return frame(n, b)
}

// keyValues returns a block of names and values that claims n of them.
func keyValues(n uint64, pairs ...string) []byte {
	b := binary.AppendUvarint([]byte{1}, n)
	for _, s := range pairs {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// ttheaderFields are what a frame of Kitex's TTHeader says of itself (cloudwego.io, "TTHeader").
type ttheaderFields struct {
	protocol   byte
	transforms byte
	info       []byte
	words      int
	length     int64
}

func ttheader(f ttheaderFields, payload []byte) []byte {
	head := append([]byte{f.protocol, f.transforms}, f.info...)
	for len(head)%4 != 0 {
		head = append(head, 0)
	}
	words := len(head) / 4
	if f.words > 0 {
		words = f.words
	}
	b := []byte{0x10, 0x00, 0, 0, 0, 0, 0, 1, byte(words >> 8), byte(words)}
	b = append(append(b, head...), payload...)
	n := int64(len(b))
	if f.length != 0 {
		n = f.length
	}
	return frame(n, b)
}
