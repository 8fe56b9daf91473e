package msgio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	"github.com/thriftkit/thriftkit/wire"
)

// The negotiation of Apache Thrift's SASL transport (doc/specs/thrift-sasl-spec.txt), which Hive
// and Impala use: each message has a status, the length of what follows, 4 bytes big-endian,
// and the payload. When both sides have said saslComplete, frames follow: a stream in pieces with
// their lengths in front, whose ends need not be those of messages.
const (
	saslStart    = 1
	saslOK       = 2
	saslBad      = 3
	saslError    = 4
	saslComplete = 5

	maxSASL = 64 << 10 // bytes of a payload
)

// plain is the one mechanism that is spoken (RFC 4616).
const plain = "PLAIN"

// ErrSASL is the error for a negotiation that ended without success; test with errors.Is.
var ErrSASL = errors.New("SASL")

// DialSASL negotiates on nc, as the client, with the mechanism PLAIN, and returns what the calls go
// over. nc's deadlines hold. The password goes over nc as it is: nc should be TLS.
func DialSASL(nc net.Conn, user, password string) (net.Conn, error) {
	if strings.ContainsRune(user+password, 0) {
		return nil, fmt.Errorf("%w: a NUL in the user's name or password", ErrSASL)
	}
	hello := appendSASL(nil, saslStart, plain)
	if _, err := nc.Write(appendSASL(hello, saslComplete, "\x00"+user+"\x00"+password)); err != nil {
		return nil, err
	}
	for {
		status, payload, err := readSASL(nc)
		switch {
		case err != nil:
			return nil, err
		case status == saslComplete:
			return &saslConn{Conn: nc}, nil
		case status != saslOK:
			return nil, fmt.Errorf("%w: the server refused: %q", ErrSASL, payload)
		}
		if len(payload) > 0 { // PLAIN has no challenges
			return nil, fmt.Errorf("%w: the server sent a challenge of %d bytes", ErrSASL, len(payload))
		}
	}
}

// saslConn is a connection after the negotiation.
type saslConn struct {
	net.Conn
	head [4]byte // of the next frame, as far as it has come
	have int
	left int // bytes of the frame that have not been read
}

// Read returns what is in frames. After a timeout it goes on where it was.
func (c *saslConn) Read(b []byte) (int, error) {
	for c.left == 0 {
		n, err := c.Conn.Read(c.head[c.have:])
		c.have += n
		if c.have < len(c.head) {
			if errors.Is(err, io.EOF) && c.have > 0 {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return 0, err
			}
			continue
		}
		size := int32(binary.BigEndian.Uint32(c.head[:]))
		if size < 0 {
			return 0, wire.Errorf(-1, wire.ErrInvalid, "a SASL frame of %d bytes", size)
		}
		c.have, c.left = 0, int(size)
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// Write sends b as one frame.
func (c *saslConn) Write(b []byte) (int, error) {
	frame := append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...)
	n, err := c.Conn.Write(frame)
	return max(0, n-4), err
}

// Unwrap returns the connection below; see [Alive].
func (c *saslConn) Unwrap() net.Conn { return c.Conn }

// ServeSASL negotiates on nc, as the server, with the mechanism PLAIN, and returns the user that
// verify accepted and what the calls come over. The client learns of a failure only that there
// was one.
func ServeSASL(nc net.Conn, verify func(user, password string) error) (over net.Conn, user string, err error) {
	user, err = serveSASL(nc, verify)
	answer := appendSASL(nil, saslComplete, "")
	if errors.Is(err, ErrSASL) {
		answer = appendSASL(nil, saslBad, "authentication failed")
	} else if err != nil {
		return nil, "", err
	}
	_, writeErr := nc.Write(answer)
	return &saslConn{Conn: nc}, user, errors.Join(err, writeErr)
}

func serveSASL(nc net.Conn, verify func(user, password string) error) (string, error) {
	status, mechanism, err := readSASL(nc)
	if err != nil {
		return "", err
	}
	if status != saslStart || string(mechanism) != plain {
		return "", fmt.Errorf("%w: status %d and mechanism %.20q, there is only PLAIN", ErrSASL, status, mechanism)
	}
	status, response, err := readSASL(nc)
	if err != nil {
		return "", err
	}
	parts := strings.Split(string(response), "\x00")
	switch {
	case status != saslOK && status != saslComplete:
		return "", fmt.Errorf("%w: the client gave up with status %d", ErrSASL, status)
	case len(parts) != 3:
		return "", fmt.Errorf("%w: a PLAIN response of %d parts, there must be 3", ErrSASL, len(parts))
	case parts[0] != "" && parts[0] != parts[1]:
		return "", fmt.Errorf("%w: %.40q wants to act as %.40q", ErrSASL, parts[1], parts[0])
	}
	if err := verify(parts[1], parts[2]); err != nil {
		return "", fmt.Errorf("%w: user %.40q: %w", ErrSASL, parts[1], err)
	}
	return parts[1], nil
}

// SASLRefusal returns what a server says that wants SASL, when b is the beginning of its answer to a call without.
func SASLRefusal(b []byte) (text string, ok bool) {
	if len(b) < 5 || b[0] != saslBad && b[0] != saslError {
		return "", false
	}
	n, text := binary.BigEndian.Uint32(b[1:]), string(b[5:])
	if n == 0 || n > maxSASL || uint64(len(text)) > uint64(n) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", false
	}
	return text, true
}

func appendSASL(dst []byte, status byte, payload string) []byte {
	dst = append(dst, status)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	return append(dst, payload...)
}

func readSASL(r io.Reader) (status byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxSASL {
		return 0, nil, wire.Errorf(1, wire.ErrTooLarge, "a SASL message of %d bytes, at most %d are accepted", n, maxSASL)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[0], payload, err
}
