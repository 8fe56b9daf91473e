package msgio

import (
	"sync"
	"sync/atomic"
)

// Buffers keeps the buffers of messages that were written for new ones. The zero value is ready.
type Buffers struct {
	pool    sync.Pool // of *[]byte
	typical atomic.Int64
}

// Get returns an empty buffer.
func (s *Buffers) Get() *[]byte {
	if b, ok := s.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 512)
	return &b
}

// Put takes back a buffer. It drops one that is much larger than recent messages.
func (s *Buffers) Put(b *[]byte) {
	const (
		always = 64 << 10
		never  = 4 << 20
	)
	if n := int64(len(*b)); cap(*b) > always {
		t := s.typical.Load()
		t = max(n, t-t/64)
		s.typical.Store(t)
		if int64(cap(*b)) > 4*t || cap(*b) > never {
			return
		}
	}
	s.pool.Put(b)
}
