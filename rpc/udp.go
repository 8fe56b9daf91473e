package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/transport"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// maxDatagrams is how many datagrams are under way at once. With each goes a copy of it, of 64 KiB at most.
const maxDatagrams = 256

// ServePacket answers the calls that come in datagrams of pc, such as a socket of UDP: each is one message, in any protocol of
// Thrift without a frame, and its reply, if it has one, goes back in a datagram. It serves until pc fails, or Shutdown
// or Close is called: then it returns ErrServerClosed. It closes pc. [Server.Serve] calls it for a listener of
// [transport.Listen] for UDP.
//
// Each call has a goroutine of its own, 256 at once; meanwhile no more datagrams are read, and the system drops those for which it
// has no room. A reply that does not fit a datagram becomes an exception that says so. What is no call is never
// answered, so that two servers do not talk to each other for ever. The address of a client is as true as the network makes it.
// Options of connections mean nothing here; with RequireTLS or RequireSASL ServePacket fails.
func (s *Server) ServePacket(pc net.PacketConn) error {
	err := s.checkOptions()
	if s.opts.RequireTLS || s.opts.RequireSASL {
		err = errors.Join(err, errors.New("rpc: datagrams have neither TLS nor SASL, which the options require"))
	}
	if err != nil {
		pc.Close()
		return err
	}
	u := &datagrams{s: s, pc: pc, room: make(chan struct{}, maxDatagrams)}
	s.mu.Lock()
	if s.state != serverOpen {
		s.mu.Unlock()
		pc.Close()
		return ErrServerClosed
	}
	ended := make(chan struct{})
	s.listeners[u] = ended
	s.wg.Add(1)
	s.mu.Unlock()
	err = u.receive()
	s.mu.Lock()
	delete(s.listeners, u)
	s.mu.Unlock()
	close(ended)
	stop := context.AfterFunc(s.ctx, func() { pc.Close() })
	go func() {
		defer s.wg.Done()
		u.calls.Wait()
		stop()
		pc.Close()
	}()
	return err
}

// datagrams is a socket that a Server serves. As a net.Listener of the Server it is what Shutdown closes.
type datagrams struct {
	s     *Server
	pc    net.PacketConn
	room  chan struct{} // holds one for each datagram under way
	calls sync.WaitGroup
}

// Accept implements [net.Listener].
func (u *datagrams) Accept() (net.Conn, error) { return nil, errors.ErrUnsupported }

// Addr implements [net.Listener].
func (u *datagrams) Addr() net.Addr { return u.pc.LocalAddr() }

// Close implements [net.Listener]: it ends the reading, of what has come already as well after a moment. The socket is closed when
// the calls under way are answered.
func (u *datagrams) Close() error {
	const moment = 20 * time.Millisecond
	return u.pc.SetReadDeadline(time.Now().Add(moment))
}

// receive reads datagrams until that fails or the server is to end.
func (u *datagrams) receive() error {
	const firstDelay, maxDelay = 5 * time.Millisecond, time.Second
	delay := firstDelay
	buf := make([]byte, 1<<16)
	for {
		select {
		case u.room <- struct{}{}:
		case <-u.s.ctx.Done():
			return ErrServerClosed
		}
		n, from, err := u.pc.ReadFrom(buf)
		if err == nil {
			delay = firstDelay
			msg := append([]byte(nil), buf[:n]...)
			u.calls.Go(func() {
				defer func() { <-u.room }()
				u.serve(msg, from)
			})
			continue
		}
		<-u.room
		if !u.s.isOpen() {
			return ErrServerClosed
		}
		if !passes(err) {
			return err
		}
		u.s.opts.ErrorLog(fmt.Errorf("rpc: receive, next try in %v: %w", delay, err))
		select {
		case <-time.After(delay):
		case <-u.s.ctx.Done():
		}
		delay = min(2*delay, maxDelay)
	}
}

// serve answers the call in a datagram.
func (u *datagrams) serve(msg []byte, from net.Addr) {
	s := u.s
	ctx, cancel := context.WithCancel(context.WithValue(s.ctx, peerKey{}, Peer{Addr: from}))
	defer cancel()
	p, err := s.inDatagram(msg)
	if err != nil {
		s.logClient(fmt.Errorf("rpc: datagram from %s: %w", from, err))
		return
	}
	in := incoming{ctx: ctx, p: p, msg: msg}
	if s.opts.Stats != nil {
		in.from = &source{dialect: p.Name() + "/udp"}
	}
	if err := s.prepare(&in); err != nil {
		s.logClient(fmt.Errorf("rpc: datagram from %s: %w", from, err))
		return
	}
	in.execute()
	reply := s.finish(nil, &in)
	if len(reply) > msgio.MaxDatagram {
		err := msgio.DatagramTooLarge(len(reply))
		s.report(ctx, in.m, err)
		reply = s.refuse(nil, p, in.h, nil, Errorf(CodeInternal, "the reply is too large: %s", err))
	}
	if len(reply) > 0 && s.ctx.Err() == nil { // else nobody wants what a handler returned because it was cancelled
		if _, err := u.pc.WriteTo(reply, from); err != nil {
			s.logClient(fmt.Errorf("rpc: reply in a datagram to %s: %w", from, err))
		}
	}
}

// inDatagram returns the protocol of the call in a datagram.
func (s *Server) inDatagram(msg []byte) (protocol.Protocol, error) {
	if len(msg) == 0 {
		s.counters.unknownStarts.Add(1)
		return nil, errors.New("it is empty")
	}
	d, ok := detect.Bytes(msg, len(msg))
	if !ok || d.Framed || d.Envelope != detect.None {
		s.counters.unknownStarts.Add(1)
		return nil, fmt.Errorf("no message of Thrift without a frame starts with the bytes %s", hex.EncodeToString(msg[:min(len(msg), 10)]))
	}
	p := s.protocols.Of(d)
	if !s.accepts("udp", p.Name()) {
		s.counters.refusedDialects.Add(1)
		return nil, fmt.Errorf("it is in %s, which this server does not accept", p.Name())
	}
	h, _, err := p.ConsumeHeader(msg)
	if err != nil {
		return nil, err
	}
	if h.Type != wire.Call && h.Type != wire.Oneway {
		return nil, fmt.Errorf("it is not a call but of the type %s", h.Type)
	}
	return p, nil
}

// packets returns the socket of a listener for datagrams.
func packets(l net.Listener) (net.PacketConn, bool) {
	p, ok := l.(*transport.PacketListener)
	if !ok {
		return nil, false
	}
	return p.PacketConn, true
}
