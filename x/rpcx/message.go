package rpcx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/thriftkit/thriftkit/internal/muxconn"
)

// A message is a header of 12 bytes, the length of the rest, and in that, each after its length, the path of the service, the
// method, metadata and the payload (rpcx, protocol/message.go):
//
//	0 magic 08 | 1 version 0 | 2 flags | 3 serialization << 4 | 4-11 id | 12-15 length of the rest
//	path | method | metadata: keys and values, each after its length | payload

const (
	magic      = 0x08
	headerSize = 12
	headSize   = headerSize + 4
	leastRest  = 4 * 4 // the four lengths
)

// The flags.
const (
	flagResponse  = 0x80
	flagHeartbeat = 0x40
	flagOneway    = 0x20
	maskCompress  = 0x1c
	flagGzip      = 0x04
	maskStatus    = 0x03
	flagError     = 0x01
)

// A serialization is how payloads are encoded.
type serialization byte

// The serializations, by rpcx's numbers.
const (
	rawBytes serialization = iota
	jsonText
	protobuf
	msgPack
	thriftBinary
)

// The names of metadata that rpcx uses itself.
const (
	// AuthMetadata is the name of the metadata that has the token of a client.
	AuthMetadata = "__AUTH"

	timeoutMetadata = "__ServerTimeout" // in milliseconds
	errorMetadata   = "__rpcx_error__"
)

// maxMetadata is how many names and values a message may have.
const maxMetadata = 1024

// A message is one that was read or is to be written.
type message struct {
	flags         byte
	serialization serialization
	id            uint64
	path, method  string
	metadata      map[string]string
	payload       []byte // shares the memory of what was read
}

var errMagic = errors.New("not a message of rpcx: it does not begin with 08 00")

// size is the Size of a muxconn.Format.
func size(b []byte) (int, bool, error) {
	if b[0] != magic || b[1] != 0 {
		return 0, false, errMagic
	}
	n := binary.BigEndian.Uint32(b[headerSize:])
	if n < leastRest {
		return 0, false, fmt.Errorf("a message of rpcx with %d bytes after its header: the least is %d", n, leastRest)
	}
	if n > 1<<31-1-headSize {
		return 1<<31 - 1, true, nil // above every limit, also where int has 32 bits
	}
	return headSize + int(n), true, nil
}

var format = muxconn.Format{Head: headSize, Size: size}

// parseHead returns the message that begins with b, without what follows the header.
func parseHead(b []byte) *message {
	return &message{flags: b[2], serialization: serialization(b[3] >> 4), id: binary.BigEndian.Uint64(b[4:])}
}

// parse reads a whole message, of which it keeps the memory. With an error, m has what the header says.
func parse(b []byte) (m *message, err error) {
	m = parseHead(b)
	rest := b[headSize:]
	var part [4][]byte
	for i, name := range []string{"the path", "the method", "the metadata", "the payload"} {
		if len(rest) < 4 {
			return m, fmt.Errorf("the message ends before %s", name)
		}
		n := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if uint64(n) > uint64(len(rest)) {
			return m, fmt.Errorf("%s claims %d bytes, %d remain", name, n, len(rest))
		}
		part[i], rest = rest[:n:n], rest[n:]
	}
	if len(rest) > 0 {
		return m, fmt.Errorf("%d bytes follow the payload", len(rest))
	}
	m.path, m.method, m.payload = string(part[0]), string(part[1]), part[3]
	m.metadata, err = parseMetadata(part[2])
	return m, err
}

func parseMetadata(b []byte) (map[string]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	md := make(map[string]string)
	for len(b) > 0 {
		if len(md) == maxMetadata {
			return nil, fmt.Errorf("more than %d names of metadata", maxMetadata)
		}
		var pair [2]string
		for i := range pair {
			if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
				return nil, errors.New("the metadata ends within a name or a value")
			}
			n := 4 + int(binary.BigEndian.Uint32(b))
			pair[i], b = string(b[4:n]), b[n:]
		}
		md[pair[0]] = pair[1]
	}
	return md, nil
}

// append appends the message to dst. Its metadata is in the order of the names.
func (m *message) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic, 0, m.flags, byte(m.serialization)<<4)
	dst = binary.BigEndian.AppendUint64(dst, m.id)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendPart(dst, m.path)
	dst = appendPart(dst, m.method)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if len(m.metadata) > 0 {
		for _, k := range slices.Sorted(maps.Keys(m.metadata)) {
			dst = appendPart(appendPart(dst, k), m.metadata[k])
		}
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	dst = appendPart(dst, m.payload)
	binary.BigEndian.PutUint32(dst[start+headerSize:], uint32(len(dst)-start-headSize))
	return dst
}

func appendPart[T string | []byte](dst []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(part))), part...)
}

// compressAbove is how long a payload is that is worth compressing, as for rpcx's client.
const compressAbove = 1024

// compress compresses the payload, if it is long.
func (m *message) compress() {
	if len(m.payload) <= compressAbove {
		return
	}
	m.payload = muxconn.Gzip(m.payload)
	m.flags |= flagGzip
}

// decompress decompresses the payload, to max bytes at most.
func (m *message) decompress(max int) error {
	switch m.flags & maskCompress {
	case 0:
		return nil
	case flagGzip:
	default:
		return fmt.Errorf("unknown compression %d (known: 0 none, 1 gzip)", m.flags&maskCompress>>2)
	}
	b, err := muxconn.Gunzip(m.payload, max)
	if err != nil {
		return err
	}
	m.payload = b
	m.flags &^= maskCompress
	return nil
}
