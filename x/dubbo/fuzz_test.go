package dubbo

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// FuzzRequest reads the body of a request: what is read has as many arguments as its types say, and can be read again.
func FuzzRequest(f *testing.F) {
	for _, args := range [][]any{
		{"add", "II", int32(1), int32(2), map[string]string{"path": "x"}}, {"ping", ""}, {"$echo", "Ljava/lang/Object;", []any{nil}},
		{"$invoke", "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", "add", []string{"int"}, []any{int32(1)}, map[string]any{"generic": "true"}},
	} {
		e := hessian2.NewEncoder(nil)
		for _, v := range append([]any{"2.0.2", "com.acme.Shop", "0.0.0"}, args...) {
			if err := e.Any(v); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(e.Bytes())
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parse(bytes.Clone(body))
		if err != nil {
			return
		}
		split(r.attachments)
		timeoutOf(r.attachments)
		takesAttachments(r.version)
		for range r.count {
			if err := r.d.Skip(); err != nil {
				t.Fatalf("read again: %v", err)
			}
		}
		if n := r.d.Offset(); n != r.args+len(r.value) {
			t.Fatalf("the arguments end at %d, want %d", n, r.args+len(r.value))
		}
	})
}

// FuzzResponse has a server that answers with any bytes: a client gets an error or ends the connection.
func FuzzResponse(f *testing.F) {
	f.Add(heartbeat(1, flagEvent))
	f.Add(heartbeat(1, flagRequest|flagTwoWay|flagEvent))
	f.Add([]byte{0xda, 0xbb, 2, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x91, 0x91})
	f.Add([]byte{0xda, 0xbb, 0xa2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 'R'})
	f.Fuzz(func(t *testing.T, src []byte) {
		here, there := net.Pipe()
		x := newClientConn(here, 1<<16)
		_, ch, err := x.begin(true)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(x.read)
		wg.Go(x.write)
		go func() { // what the client says
			buf := make([]byte, 1<<10)
			for {
				if _, err := there.Read(buf); err != nil {
					return
				}
			}
		}()
		there.Write(src)
		there.Close()
		wg.Wait()
		if r := <-ch; r.err == nil && len(r.body) > len(src) {
			t.Errorf("a reply of %d bytes", len(r.body))
		}
	})
}
