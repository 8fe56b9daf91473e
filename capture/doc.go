// Package capture reads calls of Thrift out of captured packets: it puts the streams of TCP together, finds out which dialect
// each connection speaks, on whatever port, and pairs calls with their replies.
//
//	packets -> streams -> TLS, zlib, HTTP -> messages -> calls
//
// [Calls] does all of it for a file:
//
//	f, err := capture.Open(r) // pcap or pcapng, compressed by gzip or not
//	for call, err := range capture.Calls(f, capture.Options{}) { … }
//
// An [Assembler] is the same for packets that come one by one. What is missing in a capture, because packets were lost, cut
// or sent before it began, is reported as missing: a call says that its reply was not captured, a message how many of its
// bytes are there. Nothing is guessed. Memory is bounded, see [Options].
//
// Everything that servers of this module speak is recognized, with the same first bytes: docs/dialects.md in the repository
// lists it. [Options.Protocols] adds other frameworks: gRPC and Connect come with x/grpc. Messages are decoded by package schema's descriptors, or without any by their fields' ids.
package capture

import (
	"errors"
	"io"
	"iter"

	"github.com/thriftkit/thriftkit/capture/pcapfile"
)

// A File is a capture file.
type File struct {
	r *pcapfile.Reader
}

// Open returns the capture that r has: pcap or pcapng, either of them also compressed by gzip. The error is a *FormatError if
// it is none.
func Open(r io.Reader) (*File, error) {
	p, err := pcapfile.NewReader(r)
	if err != nil {
		return nil, err
	}
	return &File{r: p}, nil
}

// Next returns the next packet, whose data is valid until the call after. The error is io.EOF at the end, and a *FormatError
// where the file cannot be understood; its cause is io.ErrUnexpectedEOF if the file ends in the middle of a packet.
func (f *File) Next() (Packet, error) { return f.r.Next() }

// A Source has packets, such as a File or an interface.
type Source interface {
	// Next returns the next packet, whose data is valid until the call after; io.EOF at the end.
	Next() (Packet, error)
}

// Calls ranges over the calls in the packets of src: each once it is answered, or once it is clear that no answer will come. An
// error of src is the last element, after the calls up to there.
func Calls(src Source, opts Options) iter.Seq2[*Call, error] {
	return func(yield func(*Call, error) bool) {
		var ready []*Call
		opts.ReuseCalls = false
		a := NewAssembler(opts, func(c *Call) { ready = append(ready, c) })
		if f, ok := src.(*File); ok {
			f.KeepSecrets(a)
		}
		for {
			p, err := src.Next()
			if err == nil {
				a.Packet(p)
			} else {
				a.Flush()
			}
			for i, c := range ready {
				ready[i] = nil
				if !yield(c, nil) {
					return
				}
			}
			ready = ready[:0]
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, err)
				}
				return
			}
		}
	}
}
