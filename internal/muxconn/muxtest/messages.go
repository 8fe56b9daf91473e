package muxtest

import (
	"errors"
	"slices"
	"testing"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
)

// Messages reads the messages of captured connections one by one, without their connection, and has each explained: every byte has one
// meaning. A message that is cut is one that ends early.
func Messages(t *testing.T, p capture.Protocol, svc *schema.Service, chunks []Chunk) {
	t.Helper()
	var sides [2][]byte
	for _, c := range chunks {
		sides[c.From-capture.ClientSide] = append(sides[c.From-capture.ClientSide], c.Data...)
	}
	m, ok := p.(capture.MessageProtocol)
	if !ok {
		t.Fatalf("%T reads no messages by themselves", p)
	}
	for i, b := range sides {
		count := 0
		for len(b) > 0 {
			c, n, err := m.ReadMessage(b)
			if err != nil || n <= 0 {
				t.Fatalf("message %d of side %d: %d bytes, %v", count, i, n, err)
			}
			if c != nil && (c.Request == nil) != (i == 1) {
				t.Errorf("message %d of side %d: a call %v, a reply %v", count, i, c.Request, c.Reply)
			}
			explained(t, m, svc, b[:n])
			if count == 0 {
				for cut := range n {
					if _, _, err := m.ReadMessage(b[:cut]); !errors.Is(err, wire.ErrTruncated) {
						t.Errorf("%d of %d bytes: %v", cut, n, err)
					}
				}
			}
			b = b[n:]
			count++
		}
		if count < 5 {
			t.Errorf("side %d: %d messages", i, count)
		}
	}
}

// explained checks that the ranges of a message follow each other from its beginning to its end, whatever method it is said to be of.
func explained(t *testing.T, p capture.MessageProtocol, svc *schema.Service, msg []byte) {
	t.Helper()
	for _, method := range slices.Concat(svc.AllMethods(), []*schema.Method{nil}) {
		end := 0
		for _, r := range p.ExplainMessage(msg, method) {
			if r.Start != end || r.End <= r.Start {
				t.Fatalf("% x of method %v: the range %+v follows %d", msg, method, r, end)
			}
			end = r.End
		}
		if end != len(msg) {
			t.Fatalf("% x of method %v: the ranges end at %d of %d", msg, method, end, len(msg))
		}
	}
}
