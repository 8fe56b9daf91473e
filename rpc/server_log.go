package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A server's error log has two kinds of lines: those of its handlers, which are all there, and those that clients cause by
// what they send, of which there may be as many as clients like.

// clientLines is how many lines clients may cause in a second. How many were left out follows when the next one comes.
const clientLines = 100

// clientLog bounds how many lines clients cause.
type clientLog struct {
	mu      sync.Mutex
	second  int64
	lines   int
	leftOut int
}

// admit reports whether there is room for another line, and how many were left out before it.
func (l *clientLog) admit(now time.Time) (ok bool, leftOut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := now.Unix(); s != l.second {
		l.second, l.lines = s, 0
	}
	if l.lines >= clientLines {
		l.leftOut++
		return false, 0
	}
	l.lines++
	leftOut, l.leftOut = l.leftOut, 0
	return true, leftOut
}

// logClient tells the error log what a client has caused.
func (s *Server) logClient(err error) {
	ok, leftOut := s.clientLog.admit(time.Now())
	if leftOut > 0 {
		s.opts.ErrorLog(fmt.Errorf("rpc: %d lines like the next were left out: clients cause more than %d in a second", leftOut, clientLines))
	}
	if ok {
		s.opts.ErrorLog(&loggedError{err})
	}
}

// logRefused tells the error log of a call that no interceptor sees.
func (s *Server) logRefused(ctx context.Context, err error) {
	if peer, ok := PeerOf(ctx); ok {
		s.logClient(fmt.Errorf("rpc: call from %s: %w", peer.Addr, err))
		return
	}
	s.logClient(fmt.Errorf("rpc: %w", err))
}

// report tells the error log of an error that the caller does not see.
func (s *Server) report(ctx context.Context, m *boundMethod, err error) {
	var p *panicError
	if errors.As(err, &p) {
		s.opts.ErrorLog(err)
		return
	}
	err = fmt.Errorf("rpc: %s: %w", m.method, err)
	if peer, ok := PeerOf(ctx); ok {
		err = fmt.Errorf("%w (called from %s)", err, peer.Addr)
	}
	s.opts.ErrorLog(&loggedError{err})
}

// A loggedError is an error whose text may have come from a client: it has no control characters.
type loggedError struct{ error }

func (e *loggedError) Error() string {
	text := e.error.Error()
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (e *loggedError) Unwrap() error { return e.error }
