package msgio

// A thriftkit client shows what it is by its sequence ids, because the bare protocols have no other place for it, and other servers
// repeat any id: the call number n of a connection, from 1 on, has the id 2^30 + (n × idStep mod 2^30). Nobody else's ids go on like
// that, whether they count by one, are random, or come from several clients that share a connection behind a proxy. (Some peers
// cannot write negative ids.)
const (
	firstID   = 1 << 30
	idMask    = firstID - 1
	idStep    = 0x2545f491 // odd, so that ids differ, and calls that follow each other differ in the lower bits
	idInverse = 0x01444c71 // idStep × idInverse mod 2^30 = 1
)

// SequenceID returns the id of the call number n of a connection. It is never GoAwayID except for n = 0, and again after 2^30 calls.
func SequenceID(n uint32) int32 { return int32(firstID | n*idStep&idMask) }

// SequenceNumber is the inverse of SequenceID, n below 2^30; ok is false for an id that no thriftkit client uses.
func SequenceNumber(id int32) (n uint32, ok bool) {
	return uint32(id) * idInverse & idMask, id >= firstID
}

// A Sequence follows the sequence ids of a connection.
type Sequence struct{ last uint32 }

const (
	firstCalls = 64   // among which the first call on a connection may be, when several begin at once
	callWindow = 4096 // calls by which one may come earlier or later than its number says
)

// Begins reports whether a connection whose first call has that id is of a thriftkit client.
func (s *Sequence) Begins(id int32) bool {
	n, ok := SequenceNumber(id)
	s.last = n
	return ok && n > 0 && n <= firstCalls
}

// Follows reports whether it still is after a call with that id.
func (s *Sequence) Follows(id int32) bool {
	n, ok := SequenceNumber(id)
	ahead := int32((n-s.last)<<2) >> 2 // between -2^29 and 2^29
	if ahead > 0 {
		s.last = n
	}
	return ok && -callWindow <= ahead && ahead <= callWindow
}
