package grpc_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
)

// TestMaxBufferedBytes has strangers send much of a message that does not end, by gRPC and by Connect: the server holds no more than
// the bound, and gives up the slowest.
func TestMaxBufferedBytes(t *testing.T) {
	const bound, size, part = 24 << 20, 15 << 20, 6 << 20
	for _, kind := range []string{"application/grpc", "application/proto"} {
		t.Run(kind, func(t *testing.T) {
			addr, s := serve(t, thriftkit.WithMaxBufferedBytes(bound), thriftkit.WithErrorLog(nil))
			var protocols http.Protocols
			protocols.SetUnencryptedHTTP2(true)
			transport := &http.Transport{Protocols: &protocols}
			defer transport.CloseIdleConnections()
			ended := make(chan struct{}, 100)
			for i := 0; s.Stats().SlowConns == 0; i++ {
				if i > 2*bound/part {
					t.Fatalf("nobody was given up: %+v", s.Stats())
				}
				r, w := io.Pipe()
				defer w.Close()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/shop.v1.Shop/add", r)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", kind)
				go func() {
					if resp, err := transport.RoundTrip(request); err == nil {
						resp.Body.Close()
					}
					r.Close()
					ended <- struct{}{}
				}()
				before := s.Stats().BufferedBytes
				if kind == "application/grpc" {
					w.Write(binary.BigEndian.AppendUint32([]byte{0}, size))
				}
				w.Write(bytes.Repeat([]byte("x"), part)) // it may have been given up
				for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
					now := s.Stats()
					if now.BufferedBytes >= before+part || now.SlowConns > 0 {
						break
					}
					if now.BufferedBytes > bound || time.Now().After(end) {
						t.Fatalf("%+v", now)
					}
				}
			}
			select {
			case <-ended:
			case <-time.After(time.Minute):
				t.Error("no request was given up")
			}
		})
	}
}
