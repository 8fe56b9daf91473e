package zstd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/x/zstd"
)

type echo struct{}

func (echo) Say(ctx context.Context, text string) (string, error) { return text, nil }

// Example calls a server over THeader with payloads compressed by Zstandard.
func Example() {
	file, err := thriftkit.Parse("echo.thrift", "service Echo { string say(1: string text) }")
	if err != nil {
		panic(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := thriftkit.NewServer(thriftkit.WithTransforms(zstd.New()))
	if err := server.Register(file.Service("Echo"), echo{}); err != nil {
		panic(err)
	}
	go server.Serve(l)
	defer server.Close()

	client, err := thriftkit.Dial(context.Background(), l.Addr().String()+"?transport=header&compression=zstd", thriftkit.WithTransforms(zstd.New()))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	text, err := thriftkit.Invoke[string](context.Background(), client, file.Service("Echo").Method("say"), strings.Repeat("a", 100_000))
	fmt.Println(len(text), err)
	// Output: 100000 <nil>
}

func TestTransform(t *testing.T) {
	z := zstd.New()
	if z.ID() != 5 || z.Name() != "zstd" {
		t.Errorf("%d %s", z.ID(), z.Name())
	}
	for _, n := range []int{0, 1, 1000, 1 << 20} {
		text := bytes.Repeat([]byte("x"), n)
		b, err := z.Append([]byte("before"), text)
		if err != nil || !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal(err)
		}
		b = b[len("before"):]
		if got, err := z.Undo(b, n); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
		if _, err := z.Undo(b, n-1); n > 0 && !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("%d bytes, one too many: %v", n, err)
		}
		for end := range min(len(b), 100) {
			if _, err := z.Undo(b[:end], 1<<20); n > 0 && end > 0 && !errors.Is(err, wire.ErrInvalid) {
				t.Errorf("%d bytes, cut off at %d: %v", n, end, err)
			}
		}
	}
}

// TestBomb has a small payload become a large one: memory stays near the limit.
func TestBomb(t *testing.T) {
	z := zstd.New()
	bomb, err := z.Append(nil, make([]byte, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	const limit = 1 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := z.Undo(bomb, limit); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("%d bytes: %v", len(bomb), err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 32*limit {
		t.Errorf("%d MB were allocated", got>>20)
	}
}

func FuzzUndo(f *testing.F) {
	z := zstd.New()
	seed, err := z.Append(nil, []byte("payload payload payload"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 12
		if got, err := z.Undo(b, limit); err == nil && len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
	})
}
