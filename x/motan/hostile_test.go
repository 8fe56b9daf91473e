package motan_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/x/motan"
)

// message returns a call of Shop.echo, with a body as it is.
func message(kind, serialization byte, metadata string, body []byte) []byte {
	b := []byte{0xf1, 0xf1, kind, 8, serialization << 3, 0, 0, 0, 0, 0, 0, 0, 7}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(metadata))), metadata...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

const echoMetadata = "M_p\nShop\nM_m\necho"

// The body of a call of Shop.echo, in simple and in hessian2.
var (
	echo        = []byte{1, 0, 0, 0, 2, 'h', 'i'}
	hessianEcho = []byte{2, 'h', 'i'}
)

// say sends b and returns all that comes back until the connection ends.
func say(t *testing.T, addr string, b []byte) []byte {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	nc.Write(b)
	nc.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(nc)
	return got
}

// alive fails unless the server still answers.
func alive(t *testing.T, addr string) {
	t.Helper()
	if got := say(t, addr, message(0, 6, echoMetadata, echo)); !bytes.HasSuffix(got, echo) || got[2] != 1 || got[3] != 8 {
		t.Errorf("afterwards: %q", got)
	}
}

// TestHostile sends what no client sends.
func TestHostile(t *testing.T) {
	var log strings.Builder
	addr, _, _ := serve(t, motan.Options{}, thriftkit.WithMaxMessageBytes(1<<20), thriftkit.WithErrorLog(func(err error) {
		if strings.Contains(err.Error(), "panic") {
			log.WriteString(err.Error())
		}
	}))
	good := message(0, 6, echoMetadata, echo)
	for _, good := range [][]byte{good, message(0, 0, echoMetadata, hessianEcho)} {
		for i := range good {
			say(t, addr, good[:i])
		}
		for i := range good {
			for bit := range 8 {
				b := bytes.Clone(good)
				b[i] ^= 1 << bit
				say(t, addr, b)
			}
		}
	}
	for _, at := range []int{13, 17 + len(echoMetadata), len(good) - len(echo) + 1} {
		for _, n := range []uint32{0xffffffff, 0x80000000, 0x7fffffff, 1 << 20, 0} {
			b := bytes.Clone(good)
			binary.BigEndian.PutUint32(b[at:], n)
			say(t, addr, b)
		}
	}
	alive(t, addr)
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// TestErrorsOnTheWire has an exception of Motan for what is wrong, where one can be given.
func TestErrorsOnTheWire(t *testing.T) {
	addr, _, _ := serve(t, motan.Options{Version: "1.0"}, thriftkit.WithMaxMessageBytes(1<<20), thriftkit.WithErrorLog(nil))
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, 4<<20))
	w.Close()
	long := message(0, 6, "", nil)[:17]
	binary.BigEndian.PutUint32(long[13:], 0xfffffff0)
	longBody := message(0, 6, echoMetadata, nil)
	binary.BigEndian.PutUint32(longBody[len(longBody)-4:], 0xfffffff0)
	for _, test := range []struct {
		name, want string
		b          []byte
	}{
		{"no such method", `"errcode":404,"errmsg":"unknown method`, message(0, 6, "M_p\nShop\nM_m\nnope", nil)},
		{"no method", `"errcode":404`, message(0, 6, "", nil)},
		{"hessian2 that is cut", `"errcode":400`, message(0, 0, echoMetadata, hessianEcho[:2])},
		{"hessian2 of another type", "want a string, got", message(0, 0, echoMetadata, []byte{'T'})},
		{"too many arguments in hessian2", "after the last value", message(0, 0, echoMetadata, append(bytes.Clone(hessianEcho), 'N'))},
		{"breeze", "the serialization breeze is not supported", message(0, 8, echoMetadata, echo)},
		{"unknown serialization", "unknown serialization 31", message(0, 31, echoMetadata, echo)},
		{"another version", `this server has the version \"1.0\", not \"2\"`, message(0, 6, echoMetadata+"\nM_v\n2", echo)},
		{"a name without a value", "a name without a value", message(0, 6, echoMetadata+"\nx", echo)},
		{"a bomb of gzip", "exceeds 1048576 bytes when decompressed", message(8, 6, echoMetadata, bomb.Bytes())},
		{"not gzip", "the payload is not gzip", message(8, 6, echoMetadata, echo)},
		{"body that is cut", "2 bytes claimed, 1 remain", message(0, 6, echoMetadata, echo[:6])},
		{"argument of another type", "want string, got a bool", message(0, 6, echoMetadata, []byte{5, 1})},
		{"too many arguments", "bytes after the last argument", message(0, 6, echoMetadata, append(bytes.Clone(echo), 0))},
		{"metadata that is too long", "exceeds 1048576 bytes", long},
		{"a body that is too long", "exceeds 1048576 bytes", longBody},
	} {
		got := say(t, addr, test.b)
		if len(got) < 17 || got[2] != 1 || got[3] != 9 || got[12] != 7 || !bytes.Contains(got, []byte("M_e\n{")) || !strings.Contains(string(got), test.want) {
			t.Errorf("%s: %q, want %s", test.name, got, test.want)
		}
	}
	if got := say(t, addr, message(4, 6, "M_m\nnope", nil)); len(got) > 0 {
		t.Errorf("a oneway call is answered: %q", got)
	}
	if got := say(t, addr, message(0x12, 6, "", nil)); len(got) != 21 || got[2] != 0x13 || got[12] != 7 {
		t.Errorf("a heartbeat: %q", got)
	}
	alive(t, addr)
}

// TestFirstVersion closes connections of the protocol's first version, and the error log says why.
func TestFirstVersion(t *testing.T) {
	logged := make(chan error, 10)
	addr, _, _ := serve(t, motan.Options{}, thriftkit.WithErrorLog(func(err error) { logged <- err }))
	b := message(0, 6, echoMetadata, echo)
	b[3] = 0
	if got := say(t, addr, b); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if err := <-logged; !strings.Contains(err.Error(), "version 1 of Motan's protocol (motan), which is not supported: have the client use motan2") {
		t.Error(err)
	}
}

// TestMemory claims 1 GiB from many connections: a server has no memory for what does not come.
func TestMemory(t *testing.T) {
	addr, _, _ := serve(t, motan.Options{}, thriftkit.WithMaxMessageBytes(2<<30-100))
	meta, body := message(0, 6, "", nil)[:17], message(0, 6, echoMetadata, nil)
	binary.BigEndian.PutUint32(meta[13:], 1<<30)
	binary.BigEndian.PutUint32(body[len(body)-4:], 1<<30)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 50 {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.Write([][]byte{meta, body}[i%2])
	}
	alive(t, addr)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 50<<20 {
		t.Errorf("%d MiB for nothing", grown>>20)
	}
}
