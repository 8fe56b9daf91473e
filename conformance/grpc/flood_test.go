package grpc_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// TestFloods sends floods of HTTP/2 on connections of their own: other connections are served meanwhile, and memory stays bounded.
func TestFloods(t *testing.T) {
	addr := serve(t, "testdata/interop.thrift", "TestService", testService{})
	tc := testgrpc.NewTestServiceClient(dial(t, addr, insecure.NewCredentials()))
	call := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := tc.EmptyCall(ctx, &testgrpc.Empty{})
		return err
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	var headers bytes.Buffer
	enc := hpack.NewEncoder(&headers)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/grpc.testing.TestService/EmptyCall"}, {":authority", "a"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	block := headers.Bytes()
	long := bytes.Repeat([]byte{0x40, 1, 'a', 1, 'b'}, 3000)
	frames := 20_000
	if testing.Short() {
		frames = 2000
	}
	for name, send := range map[string]func(f *http2.Framer, i int) error{
		"rapid reset": func(f *http2.Framer, i int) error {
			id := uint32(2*i + 1)
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true}); err != nil {
				return err
			}
			return f.WriteRSTStream(id, http2.ErrCodeCancel)
		},
		"CONTINUATION": func(f *http2.Framer, i int) error {
			if i == 0 {
				return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
			}
			return f.WriteContinuation(1, false, long)
		},
		"SETTINGS": func(f *http2.Framer, i int) error {
			return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(i)})
		},
		"PING":           func(f *http2.Framer, i int) error { return f.WritePing(false, [8]byte{byte(i)}) },
		"empty DATA":     func(f *http2.Framer, i int) error { return f.WriteRawFrame(http2.FrameData, 0, uint32(2*i+1), nil) },
		"unknown frames": func(f *http2.Framer, i int) error { return f.WriteRawFrame(0x77, 0xff, uint32(i), long) },
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(30 * time.Second)) // nothing is read: what the server answers stays with it
			f := http2.NewFramer(nc, nil)
			if _, err := nc.Write([]byte(http2.ClientPreface)); err != nil {
				t.Fatal(err)
			}
			if err := f.WriteSettings(); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			sent := 0
			for ; sent < frames; sent++ {
				if err := send(f, sent); err != nil {
					break // the server has had enough
				}
				if sent == frames/2 {
					if err := call(); err != nil {
						t.Errorf("another connection: %v", err)
					}
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err := call(); err != nil {
				t.Errorf("another connection, afterwards: %v", err)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
				t.Errorf("%d bytes are held after %d frames", grown, sent)
			}
			t.Logf("%d frames of %d were accepted", sent, frames)
		})
	}
}
