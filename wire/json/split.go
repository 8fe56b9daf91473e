package json

import (
	"encoding/binary"

	"github.com/thriftkit/thriftkit/internal/jsontext"
	"github.com/thriftkit/thriftkit/wire"
)

// splitter finds the end of arrays that follow each other. It keeps its place between calls, so
// every byte is looked at once.
type splitter struct {
	max      int // bytes of one message
	off      int // everything in front of it has been looked at
	depth    int // how many brackets are open
	inString bool
	escaped  bool // the byte at off is part of an escape
}

// maxBrackets is how many brackets deep a message may be: those of its value, and its own.
const maxBrackets = maxSkip + 1

// Split implements [wire.Splitter].
func (s *splitter) Split(buf []byte) (n, need int, err error) {
	for end := min(len(buf), s.max); s.off < end; {
		if s.inString {
			s.off = s.skipString(buf[:end])
			continue
		}
		c := buf[s.off]
		if s.depth == 0 && c != '[' && c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return 0, 0, jsontext.Unexpected(s.off, c, "'['")
		}
		switch c {
		case '"':
			s.inString = true
		case '[', '{':
			if s.depth++; s.depth > maxBrackets {
				return 0, 0, wire.TooDeep(s.off)
			}
		case ']', '}':
			if s.depth--; s.depth == 0 {
				n = s.off + 1
				*s = splitter{max: s.max}
				return n, 0, nil
			}
		}
		s.off++
	}
	if s.off == s.max {
		return 0, 0, wire.Errorf(s.off, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
	}
	return 0, len(buf) + 1, nil
}

// skipString returns the offset behind the rest of a string, or the end of buf.
func (s *splitter) skipString(buf []byte) int {
	for i := s.off; i < len(buf); i++ {
		switch c := buf[i]; {
		case s.escaped:
			s.escaped = false
		case c == '"':
			s.inString = false
			return i + 1
		case c == '\\':
			s.escaped = true
		}
	}
	return len(buf)
}

// lengthSplitter finds the end of messages that have their length in front.
type lengthSplitter struct{ max int }

// Split implements [wire.Splitter].
func (s lengthSplitter) Split(buf []byte) (n, need int, err error) {
	if len(buf) < 4 {
		return 0, 4, nil
	}
	end := 4 + int64(binary.BigEndian.Uint32(buf))
	switch {
	case end > int64(s.max):
		return 0, 0, wire.Errorf(0, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
	case end > int64(len(buf)):
		return 0, int(end), nil
	}
	return int(end), 0, nil
}
