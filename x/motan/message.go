package motan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/thriftkit/thriftkit/internal/muxconn"
)

// A message is a header of 13 bytes, metadata and a body, each after its length (motan-go, protocol/motanProtocol.go):
//
//	0-1 magic f1 f1 | 2 type | 3 version << 3 | status | 4 serialization << 3 | 5-12 id
//	13-16 length, metadata: names and values, separated by line breaks | length, body

const (
	headerSize = 13
	headSize   = headerSize + 4
	version2   = 1
)

// The bits of the type.
const (
	typeHeartbeat = 0x10
	typeGzip      = 0x08
	typeOneway    = 0x04
	typeProxy     = 0x02
	typeResponse  = 0x01
)

const statusException = 1

// The serializations, by Motan's numbers.
const (
	hessian = 0
	simple  = 6
	breeze  = 8
)

// The names of Motan's own metadata. Handlers see those of the group, the version, the module and the application.
const (
	pathMetadata      = "M_p"
	methodMetadata    = "M_m"
	descMetadata      = "M_md"
	proxyMetadata     = "M_pp"
	requestIDMetadata = "M_rid"
	timeoutMetadata   = "M_tmo" // milliseconds
	processMetadata   = "M_pt"
	exceptionMetadata = "M_e"
	frameworkMetadata = "M_fws"

	// GroupMetadata is the name of the metadata that has the group of a call; the others likewise.
	GroupMetadata       = "M_g"
	VersionMetadata     = "M_v"
	ModuleMetadata      = "M_mdu"
	ApplicationMetadata = "M_s"
)

// isOwn reports whether the metadata of that name is only for the protocol.
func isOwn(name string) bool {
	switch name {
	case pathMetadata, methodMetadata, descMetadata, proxyMetadata, requestIDMetadata, timeoutMetadata, processMetadata, exceptionMetadata, frameworkMetadata:
		return true
	}
	return false
}

// maxMetadata is how many names and values a message may have.
const maxMetadata = 1024

// A message is one that was read or is to be written.
type message struct {
	kind          byte
	status        byte
	serialization byte
	id            uint64
	metadata      map[string]string
	body          []byte // shares the memory of what was read
}

// size is the Size of a muxconn.Format.
func size(b []byte) (int, bool, error) {
	switch {
	case b[0] != 0xf1 || b[1] != 0xf1:
		return 0, false, errors.New("not a message of Motan: it does not begin with f1 f1")
	case b[3]>>3 == 0:
		return 0, false, errors.New("a message of version 1 of Motan's protocol (motan), which is not supported: have the client use motan2")
	case b[3]>>3 != version2:
		return 0, false, fmt.Errorf("a message of the unknown version %d of Motan's protocol", b[3]>>3)
	}
	const most = 1<<31 - 1 // above every limit, also where int has 32 bits
	n := uint64(binary.BigEndian.Uint32(b[headerSize:])) + headSize + 4
	if n > most {
		return most, true, nil
	}
	if uint64(len(b)) < n {
		return int(n), false, nil
	}
	n += uint64(binary.BigEndian.Uint32(b[n-4:]))
	return int(min(n, most)), true, nil
}

var format = muxconn.Format{Head: headSize, Size: size}

// parseHead returns the message that begins with b, without what follows the header.
func parseHead(b []byte) *message {
	return &message{kind: b[2], status: b[3] & 7, serialization: b[4] >> 3, id: binary.BigEndian.Uint64(b[5:])}
}

// parse reads a whole message, as size says, of which it keeps the memory. With an error, m has what the header says.
func parse(b []byte) (m *message, err error) {
	m = parseHead(b)
	n := headSize + int(binary.BigEndian.Uint32(b[headerSize:]))
	m.body = b[n+4:]
	m.metadata, err = parseMetadata(string(b[headSize:n]))
	return m, err
}

func parseMetadata(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	lines := strings.Count(text, "\n") + 1
	switch {
	case lines > 2*maxMetadata:
		return nil, fmt.Errorf("more than %d names of metadata", maxMetadata)
	case lines%2 != 0:
		return nil, errors.New("the metadata has a name without a value")
	}
	md := make(map[string]string, lines/2)
	for text != "" {
		var name, value string
		name, text, _ = strings.Cut(text, "\n")
		value, text, _ = strings.Cut(text, "\n")
		md[name] = value
	}
	return md, nil
}

// checkMetadata returns an error for what Motan cannot carry.
func checkMetadata(md map[string]string) error {
	for k, v := range md {
		if k == "" || v == "" || strings.Contains(k, "\n") || strings.Contains(v, "\n") {
			return fmt.Errorf("metadata %.60q: Motan carries no empty values and no line breaks", k)
		}
	}
	return nil
}

// append appends the message to dst. Its metadata, which checkMetadata allows, is in the order of the names.
func (m *message) append(dst []byte) []byte {
	dst = append(dst, 0xf1, 0xf1, m.kind, version2<<3|m.status, m.serialization<<3)
	dst = binary.BigEndian.AppendUint64(dst, m.id)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, k := range slices.Sorted(maps.Keys(m.metadata)) {
		if len(dst) > at+4 {
			dst = append(dst, '\n')
		}
		dst = append(append(append(dst, k...), '\n'), m.metadata[k]...)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(m.body))), m.body...)
}

// compressAbove is how long a body is that is worth compressing.
const compressAbove = 1000

// compress compresses the body, if it is long.
func (m *message) compress() {
	if len(m.body) > compressAbove {
		m.body = muxconn.Gzip(m.body)
		m.kind |= typeGzip
	}
}

// decompress decompresses the body, to max bytes at most.
func (m *message) decompress(max int) error {
	if m.kind&typeGzip == 0 || len(m.body) == 0 {
		return nil
	}
	b, err := muxconn.Gunzip(m.body, max)
	if err != nil {
		return err
	}
	m.body = b
	m.kind &^= typeGzip
	return nil
}
