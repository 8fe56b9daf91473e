package rpc

import (
	"errors"
	"time"
)

// Limits are the bounds of a server that may change while it runs; see the fields of the same names in [ServerOptions].
type Limits struct {
	MaxConns         int // not above 0: no bound
	MaxCalls         int // likewise
	QueueTimeout     time.Duration
	MaxBufferedBytes int
}

// Limits returns the bounds as they are now, with the defaults entered.
func (s *Server) Limits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits
}

// SetLimits replaces the bounds, for the connections, calls and messages from now on: what there is above a lower bound stays until it
// ends. Zeros are no defaults here: start with [Server.Limits]. With an error nothing changes. A server without a bound for buffered
// bytes cannot get one, nor lose it.
func (s *Server) SetLimits(l Limits) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case l.QueueTimeout < 0:
		return errors.New("rpc: QueueTimeout is negative")
	case l.MaxBufferedBytes != s.limits.MaxBufferedBytes && (s.group.Budget == nil || l.MaxBufferedBytes <= 0):
		return errors.New("rpc: a bound for buffered bytes cannot begin or end while the server runs")
	}
	if s.group.Budget != nil {
		s.group.Budget.SetMax(int64(l.MaxBufferedBytes))
	}
	s.limits = l
	s.limiter.set(l.MaxCalls, l.QueueTimeout)
	return nil
}
