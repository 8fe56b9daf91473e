package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"os"
	"syscall"
	"time"
)

// A Live captures the packets of a network interface. Not for concurrent use, except Close.
type Live struct {
	fd       int
	loopback map[int]bool // by the index of the interface
	buf      []byte
	oob      []byte
	packets  int64
	dropped  int64
}

const ethAll = 0x0003 // ETH_P_ALL

// liveBuffer is how much the kernel keeps while nobody reads.
const liveBuffer = 64 << 20

// OpenLive captures from the interface called name; "any" is all of them. It needs the right to do so: root, or the
// capability CAP_NET_RAW; without it the error is os.ErrPermission (errors.Is). On systems other than Linux it is
// errors.ErrUnsupported.
func OpenLive(name string) (*Live, error) {
	index := 0
	if name != "any" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %q: %w", name, err)
		}
		index = i.Index
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	l := &Live{fd: fd, buf: make([]byte, 256<<10), oob: make([]byte, 256), loopback: make(map[int]bool)}
	for _, what := range []struct{ option, value int }{{syscall.SO_RCVBUFFORCE, liveBuffer}, {syscall.SO_TIMESTAMPNS, 1}} {
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, what.option, what.value); err != nil && what.option == syscall.SO_TIMESTAMPNS {
			syscall.Close(fd)
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	// So that Next notices what happened meanwhile.
	wait := syscall.Timeval{Usec: 100_000}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: bits.ReverseBytes16(ethAll), Ifindex: index}); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			l.loopback[i.Index] = i.Flags&net.FlagLoopback != 0
		}
	}
	return l, nil
}

// ErrQuiet says that no packet came for a while; Next may be called again.
var ErrQuiet = errors.New("no packet yet")

// Next returns the next packet, which begins with IP. Its data is valid until the call after. The error is ErrQuiet if none came
// for a tenth of a second, io.EOF after Close.
func (l *Live) Next() (Packet, error) {
	for {
		n, oobn, _, from, err := syscall.Recvmsg(l.fd, l.buf, l.oob, syscall.MSG_TRUNC)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return Packet{}, ErrQuiet
		case err == syscall.EBADF:
			return Packet{}, io.EOF
		case err != nil:
			return Packet{}, os.NewSyscallError("recvmsg", err)
		}
		ll, ok := from.(*syscall.SockaddrLinklayer)
		if !ok || ll.Pkttype == syscall.PACKET_OUTGOING && l.loopback[ll.Ifindex] {
			continue // each packet of a loopback interface is seen twice
		}
		if p := bits.ReverseBytes16(ll.Protocol); p != etherIPv4 && p != etherIPv6 {
			continue
		}
		l.packets++
		return Packet{Time: l.time(l.oob[:oobn]), Link: LinkRaw, Data: l.buf[:min(n, len(l.buf))], Length: n}, nil
	}
}

// time returns when the kernel got a packet.
func (l *Live) time(oob []byte) time.Time {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SO_TIMESTAMPNS && len(m.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

// Dropped returns how many packets the kernel has dropped since the capture began, because they were not read in time.
func (l *Live) Dropped() (int64, error) {
	// struct tpacket_stats: packets and drops since the last call.
	v, err := syscall.GetsockoptIPv6Mreq(l.fd, syscall.SOL_PACKET, syscall.PACKET_STATISTICS)
	if err != nil {
		return l.dropped, os.NewSyscallError("getsockopt", err)
	}
	l.dropped += int64(binary.NativeEndian.Uint32(v.Multiaddr[4:]))
	return l.dropped, nil
}

// Close ends the capture.
func (l *Live) Close() error { return syscall.Close(l.fd) }
