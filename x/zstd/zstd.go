// Package zstd has the Zstandard transform of THeader, number 5, as fbthrift's programs use it:
//
//	server := thriftkit.NewServer(thriftkit.WithTransforms(zstd.New()))
//	client, err := thriftkit.Dial(ctx, "host:9090?transport=header&compression=zstd", thriftkit.WithTransforms(zstd.New()))
//
// It is a module of its own, for the sake of the library that it needs.
package zstd

import (
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/header"
)

// New returns the transform. It may be given to any number of servers and clients.
func New() header.Transform {
	// Each call works alone, so that no goroutines are left behind. Options that are right do not fail.
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return &transform{w: w}
}

type transform struct {
	w       *zstd.Encoder
	readers sync.Map // *zstd.Decoder by its limit; a program has one or two
}

func (*transform) ID() uint32   { return header.ZstdID }
func (*transform) Name() string { return "zstd" }

func (t *transform) Append(dst, src []byte) ([]byte, error) { return t.w.EncodeAll(src, dst), nil }

// Undo makes room only for what has been decompressed, whatever the frame announces.
func (t *transform) Undo(src []byte, maxBytes int) ([]byte, error) {
	r, err := t.reader(maxBytes)
	if err != nil {
		return nil, err
	}
	b, err := r.DecodeAll(src, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), len(b) > maxBytes:
		return nil, wire.Errorf(-1, wire.ErrTooLarge, "a payload of more than %d bytes when it is decompressed", maxBytes)
	case err != nil:
		return nil, wire.Errorf(-1, wire.ErrInvalid, "the compressed payload: %v", err)
	}
	return b, nil
}

const least = 64 << 10 // bytes of a window: below it the library refuses what is small enough

func (t *transform) reader(maxBytes int) (*zstd.Decoder, error) {
	if r, ok := t.readers.Load(maxBytes); ok {
		return r.(*zstd.Decoder), nil
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(maxBytes, least))))
	if err != nil {
		return nil, err
	}
	kept, _ := t.readers.LoadOrStore(maxBytes, r)
	return kept.(*zstd.Decoder), nil
}
