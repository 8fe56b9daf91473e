package json

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/wire"
)

const version = 1 // of the forms that name one

// consumeHeader reads the items of a message's array before the value.
func (p Protocol) consumeHeader(src []byte) (h wire.Header, off int, err error) {
	if off, err = jsontext.Expect(src, 0, '['); err != nil {
		return h, off, err
	}
	if p == Apache {
		if off, err = consumeVersion(src, off); err != nil {
			return h, off, err
		}
		if off, err = jsontext.Expect(src, off, ','); err != nil {
			return h, off, err
		}
	}
	name, off, err := jsontext.String(src, off)
	if err != nil {
		return h, off, err
	}
	h.Name = mem.String(name)
	if off, err = jsontext.Expect(src, off, ','); err != nil {
		return h, off, err
	}
	if h.Type, off, err = consumeMessageType(src, off); err != nil {
		return h, off, err
	}
	if off, err = jsontext.Expect(src, off, ','); err != nil {
		return h, off, err
	}
	if h.SeqID, off, err = consumeSeqID(src, off); err != nil {
		return h, off, err
	}
	off, err = jsontext.Expect(src, off, ',')
	return h, off, err
}

func consumeVersion(src []byte, off int) (int, error) {
	v, next, err := consumeInt(src, off, 32)
	if err == nil && v != version {
		err = wire.Errorf(off, wire.ErrInvalid, "version %d, not %d", v, version)
	}
	return next, err
}

func consumeMessageType(src []byte, off int) (wire.MessageType, int, error) {
	t, next, err := consumeInt(src, off, 8)
	if err == nil && t < 0 {
		err = wire.Errorf(off, wire.ErrInvalid, "message type %d", t)
	}
	return wire.MessageType(t), next, err
}

func consumeSeqID(src []byte, off int) (int32, int, error) {
	id, next, err := consumeInt(src, off, 32)
	return int32(id), next, err
}

// maxSkip is how many brackets deep a text of depth wire.MaxDepth may be: some forms have two
// for a level.
const maxSkip = 2 * wire.MaxDepth

// enclosed returns the part of src that ends where the length at its start says.
func enclosed(src []byte) ([]byte, error) {
	if len(src) < 4 {
		return nil, wire.Truncated(len(src))
	}
	n := binary.BigEndian.Uint32(src)
	if int64(n) > int64(len(src)-4) {
		return nil, wire.Errorf(0, wire.ErrTruncated, "length %d, but only %s left", n, plural.Of(len(src)-4, "byte"))
	}
	return src[:4+n], nil
}

// consumeEnvelope reads up to the payload of a thriftpy2 text, and its metadata if they are
// wanted; members may come in any order.
func consumeEnvelope(src []byte, metadata bool) (h wire.Header, payload int, err error) {
	if src, err = enclosed(src); err != nil {
		return h, 0, err
	}
	off, err := jsontext.Expect(src, 4, '{')
	for i := 0; err == nil; i++ {
		var more bool
		if off, more, err = jsontext.Item(src, off, i, '}'); err != nil || !more {
			break
		}
		var name []byte
		if name, off, err = jsontext.Key(src, off); err != nil {
			break
		}
		switch string(name) {
		case "metadata":
			h, off, err = consumeMetadata(src, off)
			metadata = false
		case "payload":
			payload = off
			fallthrough
		default:
			if payload == 0 || metadata { // else it is where we stop
				off, err = jsontext.Skip(src, off, maxSkip, true)
			}
		}
		if err == nil && payload > 0 && !metadata {
			return h, payload, nil
		}
	}
	if err == nil {
		missing := "payload"
		if metadata {
			missing = "metadata"
		}
		err = wire.Errorf(off, wire.ErrInvalid, "the message has no %s", missing)
	}
	return h, off, err
}

func consumeMetadata(src []byte, off int) (h wire.Header, next int, err error) {
	if off, err = jsontext.Expect(src, off, '{'); err != nil {
		return h, off, err
	}
	for i := 0; ; i++ {
		next, more, err := jsontext.Item(src, off, i, '}')
		if err != nil || !more {
			return h, next, err
		}
		name, next, err := jsontext.Key(src, next)
		if err != nil {
			return h, next, err
		}
		switch string(name) {
		case "version":
			next, err = consumeVersion(src, next)
		case "name":
			var text []byte
			text, next, err = jsontext.String(src, next)
			h.Name = mem.String(text)
		case "ttype":
			h.Type, next, err = consumeMessageType(src, next)
		case "seqid":
			h.SeqID, next, err = consumeSeqID(src, next)
		default:
			next, err = jsontext.Skip(src, next, maxSkip, true)
		}
		if err != nil {
			return h, next, err
		}
		off = next
	}
}

// closeEnvelope reads what follows the payload, which ends at off.
func closeEnvelope(src []byte, off int) (int, error) {
	src, err := enclosed(src)
	if err != nil {
		return off, err
	}
	if off > len(src) {
		return off, wire.Errorf(0, wire.ErrInvalid, "length %d, but the text goes on", len(src)-4)
	}
	return skipMembers(src, off)
}

// skipMembers moves past the object of which one member, that ends at off, was read.
func skipMembers(src []byte, off int) (int, error) {
	for {
		next, more, err := jsontext.Item(src, off, 1, '}')
		if err != nil || !more {
			return next, err
		}
		if _, next, err = jsontext.Key(src, next); err != nil {
			return next, err
		}
		if off, err = jsontext.Skip(src, next, maxSkip, true); err != nil {
			return off, err
		}
	}
}
