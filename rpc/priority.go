package rpc

import (
	"context"
	"strconv"
)

// A Priority says how important a call is to its caller. Where a server has too much to do, those of low priority wait longest and are
// refused first; see the queue of package govern/limit. The zero value is PriorityNormal.
type Priority int8

// The priorities, the most important first. They are those of fbthrift.
const (
	PriorityHighImportant Priority = iota - 3
	PriorityHigh
	PriorityImportant
	PriorityNormal
	PriorityBestEffort

	lowestPriority = PriorityBestEffort
)

// NumPriorities is how many priorities there are.
const NumPriorities = int(lowestPriority-PriorityHighImportant) + 1

var priorityNames = [NumPriorities]string{"high-important", "high", "important", "normal", "best-effort"}

// Rank returns the number of the priority from 0, the most important one, to NumPriorities-1. It is what travels. Priorities that do not
// exist have the rank of PriorityNormal.
func (p Priority) Rank() int {
	if p < PriorityHighImportant || p > lowestPriority {
		p = PriorityNormal
	}
	return int(p - PriorityHighImportant)
}

// String returns the name of the priority, as in "best-effort".
func (p Priority) String() string { return priorityNames[p.Rank()] }

// priorityName is the metadata of a call that has its priority, as the rank in decimal digits: THeader::PRIORITY_HEADER of fbthrift.
const priorityName = "thrift_priority"

// WithPriority returns a context for calls of clients that have the priority p. It travels as the metadata "thrift_priority", which
// servers of fbthrift know as well, in the transports that carry metadata; elsewhere it is left out, and the call has PriorityNormal.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return AddMetadata(ctx, map[string]string{priorityName: strconv.Itoa(p.Rank())})
}

// PriorityOf returns the priority that the caller asks for, of the call that a handler, a gate or an interceptor of a server runs with
// ctx: PriorityNormal if it asks for none, or for one that does not exist. Nothing verifies that the caller may ask for it.
func PriorityOf(ctx context.Context) Priority {
	text := MetadataValue(ctx, priorityName)
	if len(text) != 1 || text[0] < '0' || int(text[0]-'0') >= NumPriorities {
		return PriorityNormal
	}
	return PriorityHighImportant + Priority(text[0]-'0')
}
