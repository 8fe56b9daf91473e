// Package dubbo lets a server answer Dubbo's classic protocol on its port, next to all dialects of Thrift, from the same .thrift file
// and the same handlers, and lets a client call servers of Dubbo:
//
//	server := thriftkit.NewServer(thriftkit.WithDialects(dubbo.Dialect()))
//	client, err := thriftkit.Dial(ctx, "dubbo://localhost:20880", thriftkit.WithDialects(dubbo.Dialect()))
//
// The server's clients are programs of Dubbo 2 and 3 in Java with an interface that "thriftkit gen java-interface" writes, dubbo-go, and
// both without an interface, by generic calls ($invoke). The serialization is hessian2. Interceptors, limits, deadlines, metadata,
// statistics and shutdown are those of the server; attachments are metadata.
//
// Targets of a client are dubbo://host:port, with the keys service, group and version, and dubbos by TLS. Calls share one connection.
// Bind, Invoke and generated clients work as over Thrift; methods that stream do not.
//
// docs/dubbo.md is the specification: names, types, errors, metadata. The source of the protocol is "Dubbo2 Protocol"
// (dubbo.apache.org, reference manual, protocols).
package dubbo

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/thriftkit/thriftkit/rpc"
)

// Name is the name of the dialect, for thriftkit.WithAccept.
const Name = "dubbo"

// Dialect returns the dialect with the default options.
func Dialect() rpc.Dialect { return New(Options{}) }

// Options say what a dialect does. The zero value is right for most.
type Options struct {
	// Group and Version are what callers must name. "" accepts all of them.
	Group, Version string
}

// New returns a dialect, which may be given to any number of servers and clients.
func New(o Options) rpc.Dialect { return &dialect{o} }

type dialect struct{ opts Options }

func (*dialect) Name() string { return Name }

// The flags of a message, beside the number of its serialization.
const (
	flagRequest = 0x80
	flagTwoWay  = 0x40
	flagEvent   = 0x20
	serialMask  = 0x1f
)

// hessian2Serial is the number of the serialization hessian2.
const hessian2Serial = 2

var serialNames = map[byte]string{
	2: "hessian2", 3: "java", 4: "compactedjava", 6: "fastjson", 7: "nativejava", 8: "kryo", 9: "fst", 10: "native-hessian", 11: "avro", 12: "protostuff",
	16: "gson", 21: "protobuf-json", 22: "protobuf", 23: "fastjson2", 25: "kryo2",
}

// Name of a serialization, for errors.
func serialName(n byte) string {
	if name, ok := serialNames[n]; ok {
		return fmt.Sprintf("%s (%d)", name, n)
	}
	return fmt.Sprint(n)
}

// A status says how a call ended.
type status byte

const (
	statusOK              status = 20
	statusClientTimeout   status = 30
	statusServerTimeout   status = 31
	statusChannelInactive status = 35
	statusBadRequest      status = 40
	statusBadResponse     status = 50
	statusNotFound        status = 60
	statusServiceError    status = 70
	statusServerError     status = 80
	statusClientError     status = 90
	statusExhausted       status = 100
)

var statusNames = map[status]string{
	statusClientTimeout: "client timeout", statusServerTimeout: "server timeout", statusChannelInactive: "channel inactive", statusBadRequest: "bad request",
	statusBadResponse: "bad response", statusNotFound: "service not found", statusServiceError: "service error", statusServerError: "server error",
	statusClientError: "client error", statusExhausted: "too many calls",
}

func (s status) String() string {
	if name, ok := statusNames[s]; ok {
		return fmt.Sprintf("%s (%d)", name, byte(s))
	}
	return fmt.Sprintf("status %d", byte(s))
}

// What the body of a response with statusOK begins with.
const (
	tagException = 0
	tagValue     = 1
	tagNull      = 2
	withMetadata = 3 // more: attachments follow the value
)

// protocolVersion is what we say we are: its responses may have attachments.
const protocolVersion = "2.0.2"

const (
	headerSize = 16
	magic      = 0xdabb
)

// A header is the beginning of a message.
type header struct {
	flags  byte
	status status
	id     uint64
	length int
}

func (h header) serial() byte { return h.flags & serialMask }

// parseHeader reads a header of headerSize bytes.
func parseHeader(b []byte) (header, error) {
	if m := binary.BigEndian.Uint16(b); m != magic {
		return header{}, fmt.Errorf("dubbo: not a message: it begins with %#x, want %#x", m, magic)
	}
	return header{b[2], status(b[3]), binary.BigEndian.Uint64(b[4:]), int(int32(binary.BigEndian.Uint32(b[12:])))}, nil
}

// putHeader writes the header of the message whose body is msg[headerSize:].
func putHeader(msg []byte, flags byte, s status, id uint64) {
	binary.BigEndian.PutUint16(msg, magic)
	msg[2], msg[3] = flags|hessian2Serial, byte(s)
	binary.BigEndian.PutUint64(msg[4:], id)
	binary.BigEndian.PutUint32(msg[12:], uint32(len(msg)-headerSize))
}

// readBody reads n bytes, and allocates no more than twice of what has come. hold, which may be nil, learns before how much that is; its
// error ends reading.
func readBody(r io.Reader, n int, hold func(size, came int) error) ([]byte, error) {
	const first = 64 << 10
	if hold == nil {
		hold = func(int, int) error { return nil }
	}
	if err := hold(min(n, first), 0); err != nil {
		return nil, err
	}
	b := make([]byte, min(n, first))
	for done := 0; ; {
		m, err := io.ReadFull(r, b[done:])
		done += m
		if err == io.EOF && n > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return b, err
		}
		if done == n {
			return b, hold(0, n)
		}
		if err := hold(min(n, 2*len(b)), done); err != nil {
			return b, err
		}
		more := make([]byte, min(n, 2*len(b)))
		copy(more, b)
		b = more
	}
}

// heartbeat returns the response to an event.
func heartbeat(id uint64, flags byte) []byte {
	msg := make([]byte, headerSize+1)
	msg[headerSize] = 'N'
	s := statusOK
	if flags&flagRequest != 0 {
		s = 0
	}
	putHeader(msg, flags, s, id)
	return msg
}
