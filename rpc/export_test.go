package rpc

import (
	"context"

	"github.com/thriftkit/thriftkit/internal/protocol"
)

// Answer answers one message; the reply is empty for a oneway call.
func (s *Server) Answer(msg []byte, p protocol.Protocol) ([]byte, error) {
	return s.answer(context.Background(), nil, p, msg, nil, nil)
}

// BindPlain has bind bind funcs with reflection alone, or without where that can be.
func BindPlain(plain bool, bind func() error) error {
	defer func(was bool) { usePlain = was }(usePlain)
	usePlain = plain
	return bind()
}
