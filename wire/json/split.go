package json

import (
	"encoding/binary"

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
	for ; s.off < min(len(buf), s.max); s.off++ {
		switch c := buf[s.off]; {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped, s.inString = c == '\\', c != '"'
		case c == '"':
			s.inString = true
			if s.depth == 0 {
				return 0, 0, unwanted(s.off, c, "'['")
			}
		case c == '[', c == '{' && s.depth > 0:
			if s.depth++; s.depth > maxBrackets {
				return 0, 0, wire.TooDeep(s.off)
			}
		case s.depth == 0 && c != ' ' && c != '\n' && c != '\r' && c != '\t':
			return 0, 0, unwanted(s.off, c, "'['")
		case c == ']', c == '}':
			if s.depth--; s.depth == 0 {
				n = s.off + 1
				*s = splitter{max: s.max}
				return n, 0, nil
			}
		}
	}
	if s.off == s.max {
		return 0, 0, wire.Errorf(s.off, wire.ErrTooLarge, "the message has more than %d bytes", s.max)
	}
	return 0, len(buf) + 1, nil
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
