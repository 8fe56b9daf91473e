package bench

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/idltest"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"go.uber.org/thriftrw/compile"
)

func mustLoad(tb testing.TB) *schema.File {
	tb.Helper()
	file, err := Load()
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// memory is a file system in memory for thriftrw.
type memory struct{ fstest.MapFS }

func (m memory) Read(name string) ([]byte, error) { return fs.ReadFile(m.MapFS, name) }

func (memory) Abs(name string) (string, error) { return name, nil }

// BenchmarkLoad reads and checks a program of 108 KB, from memory.
func BenchmarkLoad(b *testing.B) {
	text := idltest.Large()
	b.Run("thriftkit", func(b *testing.B) {
		texts := map[string]string{"large.thrift": string(text)}
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := thriftkit.Load("large.thrift", thriftkit.WithTexts(texts)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("thriftrw", func(b *testing.B) {
		files := compile.Filesystem(memory{fstest.MapFS{"large.thrift": {Data: text}}})
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := compile.Compile("large.thrift", files, compile.NonStrict()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A value is one struct in all its forms.
type value struct {
	name     string
	protocol string // of bytes and of what is measured
	desc     *schema.Struct
	bound    thrift.TStruct // also what Apache's code writes
	empty    func() thrift.TStruct
	dyn      *dynamic.Struct
	bytes    []byte
}

func values(tb testing.TB) []value {
	tb.Helper()
	file := mustLoad(tb)
	var values []value
	for _, protocol := range []string{"binary", "compact", "json"} {
		values = append(values,
			value{name: "login", protocol: protocol, desc: file.Struct("Login"), bound: NewLogin(), empty: func() thrift.TStruct { return new(Login) }},
			value{name: "order", protocol: protocol, desc: file.Struct("Order"), bound: NewOrder(), empty: func() thrift.TStruct { return new(Order) }})
	}
	for i := range values {
		v := &values[i]
		var err error
		if v.bytes, err = thriftkit.Marshal(v.desc, v.bound, v.option()); err != nil {
			tb.Fatal(err)
		}
		if err := thriftkit.Unmarshal(v.desc, v.bytes, &v.dyn, v.option()); err != nil {
			tb.Fatal(err)
		}
	}
	return values
}

func (v *value) option() thriftkit.EncodingOption { return thriftkit.WithProtocol(v.protocol) }

// apache returns Apache's protocol on a buffer of its own.
func (v *value) apache() (*thrift.TMemoryBuffer, thrift.TProtocol) {
	buf := thrift.NewTMemoryBufferLen(8 << 10)
	switch v.protocol {
	case "compact":
		return buf, thrift.NewTCompactProtocolConf(buf, nil)
	case "json":
		return buf, thrift.NewTJSONProtocol(buf)
	}
	return buf, thrift.NewTBinaryProtocolConf(buf, nil)
}

func (v *value) serializer() *thrift.TSerializer {
	buf, p := v.apache()
	return &thrift.TSerializer{Transport: buf, Protocol: p}
}

func (v *value) deserializer() *thrift.TDeserializer {
	buf, p := v.apache()
	return &thrift.TDeserializer{Transport: buf, Protocol: p}
}

// TestSame makes sure that all do the same work.
func TestSame(t *testing.T) {
	for _, v := range values(t) {
		apache, err := v.serializer().Write(t.Context(), v.bound)
		if err != nil || len(apache) != len(v.bytes) {
			t.Errorf("%s: Apache writes %d bytes, %v, want %d", v.name, len(apache), err, len(v.bytes))
		}
		for name, src := range map[string][]byte{"Apache's bytes": apache, "our bytes": v.bytes} {
			ours, theirs := v.empty(), v.empty()
			if err := thriftkit.Unmarshal(v.desc, src, ours, v.option()); err != nil || !reflect.DeepEqual(ours, v.bound) {
				t.Errorf("%s: %s read by thriftkit: %+v, %v", v.name, name, ours, err)
			}
			if err := v.deserializer().Read(t.Context(), theirs, src); err != nil || !reflect.DeepEqual(theirs, v.bound) {
				t.Errorf("%s: %s read by Apache: %+v, %v", v.name, name, theirs, err)
			}
		}
	}
}

// measure runs f as a sub-benchmark that handles v's bytes at each turn.
func measure(b *testing.B, v value, name string, f func() error) {
	b.Run(v.protocol+"/"+v.name+"/"+name, func(b *testing.B) {
		b.SetBytes(int64(len(v.bytes)))
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEncode turns a value into new bytes.
func BenchmarkEncode(b *testing.B) {
	for _, v := range values(b) {
		measure(b, v, "thriftkit-bound", func() error {
			_, err := thriftkit.Marshal(v.desc, v.bound, v.option())
			return err
		})
		measure(b, v, "thriftkit-dynamic", func() error {
			_, err := thriftkit.Marshal(v.desc, v.dyn, v.option())
			return err
		})
		s := v.serializer()
		measure(b, v, "apache", func() error {
			_, err := s.Write(b.Context(), v.bound)
			return err
		})
	}
}

// BenchmarkAppend turns a value into bytes in a buffer that is used again, as calls do.
func BenchmarkAppend(b *testing.B) {
	for _, v := range values(b) {
		proto, err := protocol.ByName(v.protocol)
		if err != nil {
			b.Fatal(err)
		}
		for _, form := range []struct {
			name string
			ptr  any
		}{{"thriftkit-bound", v.bound}, {"thriftkit-dynamic", &v.dyn}} {
			rv := reflect.ValueOf(form.ptr)
			p, err := plan.ForType(rv.Type().Elem(), v.desc.Type())
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, 8<<10)
			measure(b, v, form.name, func() error {
				_, err := proto.AppendValue(dst, p, mem.Of(rv))
				return err
			})
		}
		s := v.serializer()
		measure(b, v, "apache", func() error {
			s.Transport.Reset()
			return v.bound.Write(b.Context(), s.Protocol)
		})
	}
}

// BenchmarkDecode turns bytes into a new value.
func BenchmarkDecode(b *testing.B) {
	for _, v := range values(b) {
		measure(b, v, "thriftkit-bound", func() error { return thriftkit.Unmarshal(v.desc, v.bytes, v.empty(), v.option()) })
		measure(b, v, "thriftkit-dynamic", func() error {
			var s *dynamic.Struct
			return thriftkit.Unmarshal(v.desc, v.bytes, &s, v.option())
		})
		d := v.deserializer()
		measure(b, v, "apache", func() error { return d.Read(b.Context(), v.empty(), v.bytes) })
	}
}

// BenchmarkConsume turns bytes into a new value where all else is ready, as calls do.
func BenchmarkConsume(b *testing.B) {
	for _, v := range values(b) {
		proto, err := protocol.ByName(v.protocol)
		if err != nil {
			b.Fatal(err)
		}
		bound, err1 := plan.ForType(reflect.TypeOf(v.empty()).Elem(), v.desc.Type())
		dyn, err2 := plan.ForType(reflect.TypeFor[*dynamic.Struct](), v.desc.Type())
		if err1 != nil || err2 != nil {
			b.Fatal(err1, err2)
		}
		measure(b, v, "thriftkit-bound", func() error {
			_, err := proto.ConsumeValue(v.bytes, 0, bound, mem.Of(reflect.ValueOf(v.empty())))
			return err
		})
		measure(b, v, "thriftkit-dynamic", func() error {
			var s *dynamic.Struct
			_, err := proto.ConsumeValue(v.bytes, 0, dyn, mem.To(&s))
			return err
		})
		buf, p := v.apache()
		measure(b, v, "apache", func() error {
			buf.Reset()
			buf.Write(v.bytes)
			return v.empty().Read(b.Context(), p)
		})
	}
}

type echo struct{}

func (echo) Echo(_ context.Context, v string) (string, error) { return v, nil }

// BenchmarkEcho makes one call with a short string over TCP. All callers share one thriftkit
// client; of Apache's, which is not made for that, each caller has one with a connection of its
// own.
func BenchmarkEcho(b *testing.B) {
	svc := mustLoad(b).Service("Echo")
	for _, callers := range []int{1, 16, 100} {
		b.Run(fmt.Sprintf("callers=%d/thriftkit", callers), func(b *testing.B) {
			client := dialThriftkit(b, serveThriftkit(b, svc))
			var funcs struct {
				Echo func(ctx context.Context, v string) (string, error)
			}
			if err := client.Bind(svc, &funcs); err != nil {
				b.Fatal(err)
			}
			run(b, callers, func(int) func(string) (string, error) {
				return func(s string) (string, error) { return funcs.Echo(context.Background(), s) }
			})
		})
		b.Run(fmt.Sprintf("callers=%d/apache", callers), func(b *testing.B) { echoApache(b, callers) })
		b.Run(fmt.Sprintf("callers=%d/apache-lean", callers), func(b *testing.B) {
			interval := thrift.ServerConnectivityCheckInterval
			thrift.ServerConnectivityCheckInterval = 0
			b.Cleanup(func() { thrift.ServerConnectivityCheckInterval = interval })
			echoApache(b, callers)
		})
	}
}

func echoApache(b *testing.B, callers int) {
	addr := serveApache(b)
	clients := make([]*thrift.TStandardClient, callers)
	for i := range clients {
		clients[i] = dialApache(b, addr)
	}
	run(b, callers, func(i int) func(string) (string, error) {
		return func(s string) (string, error) {
			var result echoResult
			if _, err := clients[i].Call(context.Background(), "echo", &echoArgs{s}, &result); err != nil {
				return "", err
			}
			return *result.Success, nil
		}
	})
}

// run makes b.N calls from so many callers at once.
func run(b *testing.B, callers int, caller func(i int) func(string) (string, error)) {
	const word = "hello"
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range callers {
		go func() {
			call := caller(i)
			for left.Add(-1) >= 0 {
				got, err := call(word)
				if err == nil && got != word {
					err = fmt.Errorf("got %q, want %q", got, word)
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
}

func serveThriftkit(b *testing.B, svc *schema.Service) (addr string) {
	server := thriftkit.NewServer()
	if err := server.Register(svc, echo{}); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go server.Serve(l)
	b.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

func dialThriftkit(b *testing.B, addr string) *thriftkit.Client {
	client, err := thriftkit.Dial(b.Context(), addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close() })
	return client
}

const apacheBuffer = 8 << 10

func serveApache(b *testing.B) (addr string) {
	socket, err := thrift.NewTServerSocket("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	if err := socket.Listen(); err != nil {
		b.Fatal(err)
	}
	server := thrift.NewTSimpleServer4(apacheEcho{}, socket,
		thrift.NewTBufferedTransportFactory(apacheBuffer), thrift.NewTBinaryProtocolFactoryConf(nil))
	go server.AcceptLoop()
	b.Cleanup(func() { server.Stop() })
	return socket.Addr().String()
}

func dialApache(b *testing.B, addr string) *thrift.TStandardClient {
	socket := thrift.NewTSocketConf(addr, nil)
	transport := thrift.NewTBufferedTransport(socket, apacheBuffer)
	if err := transport.Open(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { transport.Close() })
	p := thrift.NewTBinaryProtocolConf(transport, nil)
	return thrift.NewTStandardClient(p, p)
}
