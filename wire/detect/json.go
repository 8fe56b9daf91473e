package detect

import "encoding/binary"

// minText is the length of the shortest text of thriftpy2's that is a message.
const minText = len(`{"metadata":{"version":1,"name":"","ttype":1,"seqid":0},"payload":{}}`)

// text returns the dialect of JSON that starts with the 8 bytes of b. A message of thriftpy2's
// is an object after its length; in a frame two lengths precede it, the second one less by
// its own size. Messages of the others are arrays.
func text(b []byte, maxFrame int) (Dialect, bool) {
	if name := array(b); name != "" {
		return Dialect{Protocol: name}, true
	}
	first, second := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if first > uint32(maxFrame) {
		return Dialect{}, false
	}
	if name := array(b[4:]); name != "" {
		return Dialect{Protocol: name, Framed: true}, true
	}
	inFrame := first == second+4 && second >= uint32(minText)
	if inFrame || b[4] == '{' && (b[5] == '"' || isSpace(b[5])) {
		return Dialect{Protocol: "thriftpy2-json", Framed: inFrame}, true
	}
	return Dialect{}, false
}

// array returns the protocol whose messages are arrays that start with b, or "": the first item
// is the version, or the method's name.
func array(b []byte) string {
	var seen byte
	for _, c := range b {
		switch {
		case isSpace(c):
		case seen == 0 && c == '[':
			seen = c
		case seen == '[' && c == '1':
			return "json"
		case seen == '[' && c == '"':
			return "simple-json"
		default:
			return ""
		}
	}
	return ""
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
