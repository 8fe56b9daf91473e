package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/thriftkit/thriftkit/internal/mem"
)

// A Live captures the packets of a network interface, from a ring of blocks that the kernel fills (TPACKET_V3 of
// Documentation/networking/packet_mmap.rst in Linux). Not for concurrent use, except Close.
type Live struct {
	packet []byte // the last one
	block  int    // the next one
	next   int    // in ring, the next packet of the block
	left   int    // packets of the block that were not read

	mu      sync.Mutex // held while the ring or a descriptor is in use
	fd      int
	poll    int
	ring    []byte
	closed  atomic.Bool
	dropped int64
}

const ethAll = 0x0003 // ETH_P_ALL

// What Linux's <linux/if_packet.h> has and package syscall lacks.
const (
	packetVersion = 10 // PACKET_VERSION
	tpacketV3     = 2  // TPACKET_V3
	blockOfUser   = 1  // TP_STATUS_USER
)

// The ring holds what the kernel keeps while nobody reads. A block is handed over when it is full, or after blockWait.
const (
	liveBlockBytes  = 1 << 20
	liveBlocks      = 64
	liveBlocksLeast = 2 // if there is no memory for more
	liveBlockWait   = 50 * time.Millisecond
	liveQuiet       = 100 * time.Millisecond
	maxLivePacket   = 256 << 10
)

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
	l := &Live{fd: fd, poll: -1}
	if err := l.open(index); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Live) open(index int) error {
	//lint:ignore SA1019 the successor is golang.org/x/net, and this module has no dependencies
	if err := syscall.AttachLsf(l.fd, liveFilter()); err != nil {
		return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	if err := syscall.SetsockoptInt(l.fd, syscall.SOL_PACKET, packetVersion, tpacketV3); err != nil {
		return os.NewSyscallError("setsockopt PACKET_VERSION", err)
	}
	if err := l.openRing(); err != nil {
		return err
	}
	var err error
	if l.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.EpollCtl(l.poll, syscall.EPOLL_CTL_ADD, l.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLERR}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	err = syscall.Bind(l.fd, &syscall.SockaddrLinklayer{Protocol: bits.ReverseBytes16(ethAll), Ifindex: index})
	return os.NewSyscallError("bind", err)
}

// openRing makes a ring of as many blocks as there is memory for.
func (l *Live) openRing() error {
	for blocks := liveBlocks; ; blocks /= 2 {
		const frame = 2048 // of no use to this version, and still checked
		var request []byte // struct tpacket_req3
		for _, v := range []int{liveBlockBytes, blocks, frame, blocks * liveBlockBytes / frame, int(liveBlockWait / time.Millisecond), 0, 0} {
			request = binary.NativeEndian.AppendUint32(request, uint32(v))
		}
		err := os.NewSyscallError("setsockopt PACKET_RX_RING", syscall.SetsockoptString(l.fd, syscall.SOL_PACKET, syscall.PACKET_RX_RING, string(request)))
		if err == nil {
			l.ring, err = syscall.Mmap(l.fd, 0, blocks*liveBlockBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
			return os.NewSyscallError("mmap", err)
		}
		if !errors.Is(err, syscall.ENOMEM) || blocks/2 < liveBlocksLeast {
			return err
		}
	}
}

// liveFilter selects IP in the kernel, and of each packet of a loopback interface, which is seen when it is sent and when it is received,
// the second.
func liveFilter() []syscall.SockFilter {
	loopback := 0
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			if i.Flags&net.FlagLoopback != 0 {
				loopback = i.Index
			}
		}
	}
	const ( // SKF_AD_OFF of <linux/filter.h>, and what is there
		ancillary = -0x1000
		protocol  = ancillary & (1<<32 - 1)
		direction = (ancillary + 4) & (1<<32 - 1)
		device    = (ancillary + 8) & (1<<32 - 1)
	)
	load := func(what uint32) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS, K: what}
	}
	equal := func(v, yes, no int) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, Jt: uint8(yes), Jf: uint8(no), K: uint32(v)}
	}
	accept := func(n int) syscall.SockFilter {
		return syscall.SockFilter{Code: syscall.BPF_RET | syscall.BPF_K, K: uint32(n)}
	}
	return []syscall.SockFilter{
		load(protocol),
		equal(etherIPv4, 1, 0),
		equal(etherIPv6, 0, 5), // else drop
		load(direction),
		equal(syscall.PACKET_OUTGOING, 0, 2), // else accept
		load(device),
		equal(loopback, 1, 0),
		accept(maxLivePacket),
		accept(0),
	}
}

// ErrQuiet says that no packet came for a while; Next may be called again.
var ErrQuiet = errors.New("no packet yet")

// Next returns the next packet, which begins with IP. Its data is valid until the call after. The error is ErrQuiet if none came
// for a tenth of a second, io.EOF after Close.
func (l *Live) Next() (Packet, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.left == 0 {
		if err := l.nextBlock(); err != nil {
			return Packet{}, err
		}
	}
	// struct tpacket3_hdr
	h := l.ring[l.next:]
	word := func(at int) uint32 { return binary.NativeEndian.Uint32(h[at:]) }
	offset, captured, length := word(0), word(12), word(16)
	data := int(binary.NativeEndian.Uint16(h[26:])) // tp_net
	l.packet = append(l.packet[:0], h[data:data+int(captured)]...)
	p := Packet{Time: time.Unix(int64(word(4)), int64(word(8))), Link: LinkRaw, Data: l.packet, Length: int(length)}
	l.next += int(offset)
	if l.left--; l.left == 0 {
		l.release()
	}
	return p, nil
}

// nextBlock waits for the next block.
func (l *Live) nextBlock() error {
	if l.closed.Load() {
		return io.EOF
	}
	// struct tpacket_block_desc
	head := l.ring[l.block*liveBlockBytes:]
	status := mem.As[uint32](mem.BytesPointer(head[8:]))
	if atomic.LoadUint32(status)&blockOfUser == 0 {
		var events [1]syscall.EpollEvent
		if _, err := syscall.EpollWait(l.poll, events[:], int(liveQuiet/time.Millisecond)); err != nil && err != syscall.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		if events[0].Events&syscall.EPOLLERR != 0 { // the interface went down, or away
			if err := l.pending(); err != nil {
				return err
			}
		}
		if atomic.LoadUint32(status)&blockOfUser == 0 {
			return ErrQuiet
		}
	}
	l.left = int(binary.NativeEndian.Uint32(head[12:]))
	l.next = l.block*liveBlockBytes + int(binary.NativeEndian.Uint32(head[16:]))
	if l.left == 0 {
		l.release()
	}
	return nil
}

// release gives the block back to the kernel.
func (l *Live) release() {
	atomic.StoreUint32(mem.As[uint32](mem.BytesPointer(l.ring[l.block*liveBlockBytes+8:])), 0)
	l.block = (l.block + 1) % (len(l.ring) / liveBlockBytes)
}

// pending returns the error that the socket has.
func (l *Live) pending() error {
	code, err := syscall.GetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case code != 0:
		return os.NewSyscallError("capture", syscall.Errno(code))
	}
	return nil
}

// Dropped returns how many packets the kernel has dropped since the capture began, because they were not read in time.
func (l *Live) Dropped() (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return l.dropped, nil
	}
	// struct tpacket_stats_v3: packets, drops, and how often the ring was full, since the last call.
	v, err := syscall.GetsockoptIPv6Mreq(l.fd, syscall.SOL_PACKET, syscall.PACKET_STATISTICS)
	if err != nil {
		return l.dropped, os.NewSyscallError("getsockopt", err)
	}
	l.dropped += int64(binary.NativeEndian.Uint32(v.Multiaddr[4:]))
	return l.dropped, nil
}

// Close ends the capture.
func (l *Live) Close() error {
	l.closed.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return nil
	}
	var errs []error
	if l.ring != nil {
		errs = append(errs, syscall.Munmap(l.ring))
	}
	if l.poll >= 0 {
		errs = append(errs, syscall.Close(l.poll))
	}
	errs = append(errs, syscall.Close(l.fd))
	l.ring, l.fd, l.poll, l.left = nil, -1, -1, 0
	return errors.Join(errs...)
}
