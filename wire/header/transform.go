package header

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/thriftkit/thriftkit/wire"
)

// The transforms that have numbers in THeader. This package has Zlib; others are given to
// NewCodec.
const (
	ZlibID = 1
	ZstdID = 5 // fbthrift's
)

// A Transform changes payloads on their way, most often to make them shorter. Many goroutines
// may use it at once.
type Transform interface {
	// ID is its number in THeader.
	ID() uint32
	// Name is how targets and flags call it.
	Name() string
	// Append appends src, transformed, to dst.
	Append(dst, src []byte) ([]byte, error)
	// Undo returns what src was, at most maxBytes: more is wire.ErrTooLarge. src stays as it is.
	Undo(src []byte, maxBytes int) ([]byte, error)
}

// A Codec is the transforms that one side knows, with their scratch memory. It is safe for
// concurrent use.
type Codec struct {
	transforms []Transform
	buffers    sync.Pool // of *[]byte
}

// NewCodec returns a Codec with zlib and further transforms.
func NewCodec(further ...Transform) *Codec {
	return &Codec{transforms: append([]Transform{new(zlibTransform)}, further...)}
}

func (c *Codec) transform(id uint32) Transform {
	for _, t := range c.transforms {
		if t.ID() == id {
			return t
		}
	}
	return nil
}

// Named returns the number of the transform called name, or an error that lists what there is.
func (c *Codec) Named(name string) (uint32, error) {
	var names []byte
	for _, t := range c.transforms {
		if t.Name() == name {
			return t.ID(), nil
		}
		names = fmt.Appendf(names, ", %s", t.Name())
	}
	return 0, fmt.Errorf("unknown compression %q (known: %s)", name, names[2:])
}

func (c *Codec) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (c *Codec) putBuffer(b *[]byte) {
	const keep = 64 << 10
	if cap(*b) <= keep {
		c.buffers.Put(b)
	}
}

// zlibTransform makes each payload a zlib stream of its own (RFC 1950).
type zlibTransform struct {
	writers sync.Pool // of *zlib.Writer: one has hundreds of kilobytes
	readers sync.Pool // of io.ReadCloser that are zlib.Resetters
}

func (*zlibTransform) ID() uint32   { return ZlibID }
func (*zlibTransform) Name() string { return "zlib" }

func (z *zlibTransform) Append(dst, src []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w, ok := z.writers.Get().(*zlib.Writer)
	if !ok {
		w = zlib.NewWriter(out)
	} else {
		w.Reset(out)
	}
	_, err := w.Write(src)
	err = errors.Join(err, w.Close())
	z.writers.Put(w)
	return out.Bytes(), err
}

func (z *zlibTransform) Undo(src []byte, maxBytes int) ([]byte, error) {
	r, err := z.reader(src)
	if err != nil {
		return nil, zlibError(err)
	}
	defer z.readers.Put(r)
	return readAtMost(r, len(src), maxBytes)
}

func (z *zlibTransform) reader(src []byte) (io.ReadCloser, error) {
	r, ok := z.readers.Get().(io.ReadCloser)
	if !ok {
		return zlib.NewReader(bytes.NewReader(src))
	}
	err := r.(zlib.Resetter).Reset(bytes.NewReader(src), nil)
	if err != nil {
		z.readers.Put(r)
	}
	return r, err
}

// readAtMost reads what r has, which was compressed to have bytes, and fails with
// wire.ErrTooLarge when it is more than maxBytes. Memory grows only with what has come.
func readAtMost(r io.Reader, have, maxBytes int) ([]byte, error) {
	buf := make([]byte, 0, min(2*have, maxBytes)+1)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > maxBytes:
			return nil, wire.Errorf(-1, wire.ErrTooLarge, "a payload of more than %d bytes when it is decompressed", maxBytes)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, zlibError(err)
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

func zlibError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return wire.Errorf(-1, wire.ErrTruncated, "the compressed payload")
	}
	return wire.Errorf(-1, wire.ErrInvalid, "the compressed payload: %v", err)
}
