package child

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The parts of a message of rpcx (its protocol/message.go): a fixed header, the length of the rest, and in that
// path, method, metadata and payload, each after its length.
const (
	rpcxMagic      = 0x08
	rpcxHeaderSize = 12
	rpcxError      = 0x01 // in the low two bits of the third byte: the message's status
)

// RPCXMessage returns a call of the method ping of the service Conformance with no arguments, in raw bytes.
func RPCXMessage(seq uint64) []byte {
	b := RPCXCall("Ping", 0, 0, nil)
	binary.BigEndian.PutUint64(b[4:], seq)
	return b
}

// RPCXCall returns a call of a method of the service Conformance, of version 0, that wants an answer.
func RPCXCall(method string, flags, serialization byte, payload []byte) []byte {
	b := []byte{rpcxMagic, 0, flags, serialization << 4}
	b = binary.BigEndian.AppendUint64(b, 1)
	var body []byte
	for _, part := range []string{"Conformance", method, "", string(payload)} {
		body = binary.BigEndian.AppendUint32(body, uint32(len(part)))
		body = append(body, part...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// rpcxCaller returns what makes a call of rpcx and reads the answer.
func rpcxCaller(addr string) (call func() error, hangUp func(), err error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(nc)
	var seq uint64
	return func() error {
		seq++
		nc.SetDeadline(time.Now().Add(callTimeout))
		if _, err := nc.Write(RPCXMessage(seq)); err != nil {
			return err
		}
		var head [rpcxHeaderSize + 4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		if got := binary.BigEndian.Uint64(head[4:]); head[0] != rpcxMagic || got != seq {
			return fmt.Errorf("an answer that begins with % x", head)
		}
		if _, err := r.Discard(int(binary.BigEndian.Uint32(head[rpcxHeaderSize:]))); err != nil {
			return err
		}
		if head[2]&3 == rpcxError {
			return errors.New("rpcx answers an error")
		}
		return nil
	}, func() { nc.Close() }, nil
}
