// Package raw takes apart and puts together the bytes of messages: it finds out what a text of bytes is written in, which
// dialect of Thrift a stream speaks, and where its messages are; and it turns fields without names into JSON and back.
package raw

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
	"github.com/thriftkit/thriftkit/wire/header"
)

// Forms are how bytes are written as text.
var Forms = []string{"auto", "hex", "base64", "raw"}

// Bytes returns the bytes that text is, in a form of Forms. Hex may have blanks and colons between bytes, and 0x or \x in
// front of them. "auto" takes what is hex for that, else what is base64 for that, else the text itself.
func Bytes(text []byte, form string) ([]byte, error) {
	switch form {
	case "raw":
		return text, nil
	case "hex":
		b, err := fromHex(text)
		if err != nil {
			return nil, fmt.Errorf("this is not hex: %w", err)
		}
		return b, nil
	case "base64":
		b, err := fromBase64(text)
		if err != nil {
			return nil, fmt.Errorf("this is not base64: %w", err)
		}
		return b, nil
	case "auto":
	default:
		return nil, fmt.Errorf("unknown form %q (known: %s)", form, strings.Join(Forms, ", "))
	}
	if b, err := fromHex(text); err == nil && len(b) > 0 {
		return b, nil
	}
	if b, err := fromBase64(text); err == nil && len(b) > 0 {
		return b, nil
	}
	return text, nil
}

func fromHex(text []byte) ([]byte, error) {
	s := strings.NewReplacer("0x", "", `\x`, "", ":", "", ",", "").Replace(string(text))
	return hex.DecodeString(strings.Join(strings.Fields(s), ""))
}

func fromBase64(text []byte) ([]byte, error) {
	s := strings.Join(strings.Fields(string(text)), "")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}

// Text returns b in a form of Forms but "auto".
func Text(b []byte, form string) ([]byte, error) {
	switch form {
	case "hex":
		return append(hex.AppendEncode(nil, b), '\n'), nil
	case "base64":
		return append(base64.StdEncoding.AppendEncode(nil, b), '\n'), nil
	case "raw":
		return b, nil
	}
	return nil, fmt.Errorf("unknown form %q (known: hex, base64, raw)", form)
}

// A Message is one message of a stream.
type Message struct {
	Protocol  protocol.Protocol
	Transport string // as targets name it
	Bytes     []byte // without what the transport has around it
	Envelope  *msgio.Envelope
}

// Messages calls f with each message of a stream, until f returns an error. The stream may be compressed by zlib as a whole.
func Messages(stream []byte, f func(*Message) error) error {
	switch {
	case len(stream) > 2 && msgio.IsTLS(stream[:3]):
		return errors.New("this is TLS, which cannot be decoded")
	case len(stream) > 1 && msgio.IsZlib(stream[:2]):
		r, err := zlib.NewReader(bytes.NewReader(stream))
		if err != nil {
			return err
		}
		const most = 16 * wire.DefaultMaxMessageBytes
		plain, err := io.ReadAll(io.LimitReader(r, most))
		if len(plain) == most {
			return errors.New("the decompressed data is too large")
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // the streams of connections have no end
			return fmt.Errorf("zlib: %w", err)
		}
		return Messages(plain, f)
	case bytes.HasPrefix(stream, []byte("HTTP/1.")) || len(stream) >= 8 && msgio.IsHTTP(stream[:8]):
		return httpMessages(stream, f)
	}
	limit := max(wire.DefaultMaxMessageBytes, len(stream)) // what is here already is not too long
	d, ok := detect.Bytes(stream, limit)
	if !ok {
		if other := detect.Foreign(stream); other != "" {
			return fmt.Errorf("not Thrift but %s", other)
		}
		return fmt.Errorf("not a Thrift message in any dialect (%s)", plural.Of(len(stream), "byte"))
	}
	r := msgio.NewReader(bytes.NewReader(stream), limit)
	m := &Message{Transport: "buffered"}
	var codec *msgio.HeaderCodec
	switch d.Envelope {
	case detect.None:
		m.Protocol = protocol.Of(d)
		if d.Framed {
			m.Transport = "framed"
			r.Start(wire.Framed, nil)
		} else {
			r.Start(wire.Buffered, m.Protocol.NewSplitter(limit))
		}
	case detect.THeader, detect.TTHeader:
		framing := wire.THeader
		switch {
		case d.Envelope == detect.TTHeader:
			framing = wire.TTHeader
		case d.Framed:
			framing = wire.FramedTHeader
		}
		m.Transport = framing.String()
		var err error
		if codec, err = msgio.NewHeaderCodec(framing, header.NewCodec(), "", limit); err != nil {
			return err
		}
		r.Start(framing, nil)
	default:
		return errors.New("this is a SASL negotiation: decode what follows it")
	}
	for i := 1; ; i++ {
		msg, err := r.Recv()
		if err == io.EOF {
			return nil
		}
		one := *m
		one.Bytes = msg
		if err == nil && codec != nil {
			if one.Envelope, one.Bytes, err = codec.Decode(msg); err == nil {
				one.Protocol = protocol.InHeader(one.Envelope.Protocol, one.Bytes)
			}
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		if err := f(&one); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
}

// httpMessages is Messages for requests or responses of HTTP, one after the other.
func httpMessages(stream []byte, f func(*Message) error) error {
	r := bufio.NewReader(bytes.NewReader(stream))
	for i := 1; ; i++ {
		next, err := r.Peek(1)
		for err == nil && (next[0] == '\r' || next[0] == '\n') { // RFC 9112, section 2.2, allows empty lines before
			r.Discard(1)
			next, err = r.Peek(1)
		}
		if err == io.EOF {
			return nil
		}
		var from io.Reader
		if bytes.HasPrefix(stream, []byte("HTTP/")) {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				return fmt.Errorf("response %d of HTTP: %w", i, err)
			}
			from = res.Body
		} else {
			req, err := http.ReadRequest(r)
			if err != nil {
				return fmt.Errorf("request %d of HTTP: %w", i, err)
			}
			from = req.Body
		}
		body, err := io.ReadAll(from)
		if err == nil && len(body) > 0 {
			err = Messages(body, func(m *Message) error {
				m.Transport = "http"
				return f(m)
			})
		}
		if err != nil {
			return fmt.Errorf("body %d of HTTP: %w", i, err)
		}
	}
}
