package rpc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
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
	p, _ := AskedPriority(ctx)
	return p
}

// AskedPriority is PriorityOf, and reports whether the caller asks for a priority that exists.
func AskedPriority(ctx context.Context) (p Priority, ok bool) {
	text := MetadataValue(ctx, priorityName)
	if len(text) != 1 || text[0] < '0' || int(text[0]-'0') >= NumPriorities {
		return PriorityNormal, false
	}
	return PriorityHighImportant + Priority(text[0]-'0'), true
}

// DeclaredPriority returns the priority that the IDL gives a method, and whether it gives one: by an annotation of the method, else of
// its service, whose name is thriftkit.priority or, as in fbthrift, priority. The value is one of high-important, high, important,
// normal and best-effort; letters of both cases and "_" in place of "-" do as well. Any other value counts as none; with thriftkit.priority a
// server does not register the service.
//
//	service Shop {
//	  void report(1: string text) (thriftkit.priority = "best-effort")
//	}
func DeclaredPriority(svc *schema.Service, m *schema.Method) (p Priority, ok bool) {
	for _, all := range []schema.Annotations{m.Annotations, svc.Annotations} {
		for _, name := range []string{priorityAnnotation, "priority"} {
			if value, ok := all.Get(name); ok {
				if p, ok = parsePriority(value); ok {
					return p, true
				}
			}
		}
	}
	return PriorityNormal, false
}

const priorityAnnotation = "thriftkit.priority"

func parsePriority(s string) (p Priority, ok bool) {
	i := slices.Index(priorityNames[:], strings.ReplaceAll(strings.ToLower(s), "_", "-"))
	if i < 0 {
		return PriorityNormal, false
	}
	return PriorityHighImportant + Priority(i), true
}

// checkPriorities returns an error if an annotation of svc names a priority that does not exist.
func checkPriorities(svc *schema.Service) error {
	check := func(what string, meta schema.Meta) error {
		value, ok := meta.Annotations.Get(priorityAnnotation)
		if _, known := parsePriority(value); !ok || known {
			return nil
		}
		return fmt.Errorf("%s: %s: %s %q: want high-important, high, important, normal or best-effort", meta.Pos, what, priorityAnnotation, value)
	}
	if err := check(svc.Name, svc.Meta); err != nil {
		return err
	}
	for _, m := range svc.AllMethods() {
		if err := check(m.String(), m.Meta); err != nil {
			return err
		}
	}
	return nil
}
