package rpc

import (
	"context"

	"github.com/thriftkit/thriftkit/internal/protocol"
)

// Answer answers one message; the reply is empty for a oneway call.
func (s *Server) Answer(msg []byte, p protocol.Protocol) ([]byte, error) {
	return s.answer(context.Background(), nil, p, msg, nil, nil)
}
