package rpc

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
)

// A chargedBody is the body of a request. What has come of a message in it counts in MaxBufferedBytes, until the message has come whole:
// it is taken to be twice that, as buffers grow, and no more than the message can have.
type chargedBody struct {
	io.ReadCloser
	account *msgio.Account
	most    int
	came    int  // bytes of the message
	decodes bool // decoded counts in place of Read

	streams bool   // the body is a stream of messages, each after a flag and its length
	head    []byte // of the next one, as far as it has come
	left    int    // bytes of the message that are to come

	mu      sync.Mutex
	rc      *http.ResponseController // nil when the request has ended
	evicted bool
}

// chargeBody returns r with a body that counts, whose end is to be called when the request has ended; it may be nil. Short ones do not
// count. r itself keeps its body: net/http looks at how much of it is left.
func (s *Server) chargeBody(w http.ResponseWriter, r *http.Request) (*http.Request, *chargedBody) {
	const short = 16 << 10
	switch {
	case s.group.Budget == nil || r.Body == nil || r.Body == http.NoBody,
		0 <= r.ContentLength && r.ContentLength <= short && r.Header.Get("Content-Encoding") == "":
		return r, nil
	}
	b := &chargedBody{ReadCloser: r.Body, most: s.opts.MaxMessageBytes, rc: http.NewResponseController(w)}
	if r.ContentLength > 0 {
		b.most = int(min(int64(b.most), r.ContentLength))
	}
	// The envelopes of gRPC (its "PROTOCOL-HTTP2", Length-Prefixed-Message), which gRPC-Web and Connect's streams have as well.
	kind := r.Header.Get("Content-Type")
	b.streams = strings.HasPrefix(kind, "application/grpc") || strings.HasPrefix(kind, "application/connect+")
	b.account = s.group.Budget.NewAccount(b.evict)
	r = r.WithContext(r.Context())
	r.Body = b
	return r, b
}

// evict ends reading: the message comes most slowly.
func (b *chargedBody) evict(error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.evicted = true; b.rc != nil {
		b.rc.SetReadDeadline(time.Unix(1, 0))
	}
}

// end gives back what is held.
func (b *chargedBody) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.rc = nil
	b.mu.Unlock()
	b.account.Hold(0, 0)
}

// Read implements [io.Reader].
func (b *chargedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.decodes {
		return n, b.charge(0, err)
	}
	if !b.streams {
		return n, b.charge(n, err)
	}
	for rest := p[:n]; len(rest) > 0; {
		if b.left > 0 {
			part := min(b.left, len(rest))
			if b.left, rest = b.left-part, rest[part:]; b.left == 0 {
				b.came = 0
				b.account.Hold(0, 0)
			} else if err := b.charge(part, nil); err != nil {
				return n, err
			}
			continue
		}
		const head = 5
		part := min(head-len(b.head), len(rest))
		b.head, rest = append(b.head, rest[:part]...), rest[part:]
		if len(b.head) == head {
			b.left = int(binary.BigEndian.Uint32(b.head[1:]) & (1<<31 - 1))
			b.head = b.head[:0]
		}
	}
	return n, b.charge(0, err)
}

// charge counts n bytes more, which came with err, and returns the error of reading.
func (b *chargedBody) charge(n int, err error) error {
	if err == nil || n > 0 {
		b.came += n
		if full := b.account.Hold(min(2*b.came, max(b.came, b.most)), b.came); full != nil {
			return full
		}
		if err == nil {
			return nil
		}
	}
	b.account.Hold(0, 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.evicted && err != io.EOF {
		return msgio.ErrBudget
	}
	return err
}

// Decoded returns r, what the body is decompressed to, whose bytes count in place of the body's.
func (b *chargedBody) Decoded(r io.Reader) io.Reader {
	b.decodes = true
	return decodedBody{r, b}
}

type decodedBody struct {
	io.Reader
	of *chargedBody
}

func (d decodedBody) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	return n, d.of.charge(n, err)
}
