package rpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// spoken returns the targets of what is spoken, without what is in front of their queries.
func spoken(found []rpc.Finding) (all []string) {
	for _, f := range found {
		if f.Speaks {
			_, query, _ := strings.Cut(f.Target, "?")
			scheme, _, _ := strings.Cut(f.Target, "://")
			all = append(all, scheme+"?"+query)
		}
	}
	return all
}

func TestProbe(t *testing.T) {
	leaks(t)
	everything := []string{"tcp?", "tcp?transport=framed", "tcp?protocol=compact&transport=framed", "tcp?protocol=compact", "tcp?transport=ttheader",
		"tcp?transport=header", "tcp?protocol=compact&transport=header", "tcp?protocol=json", "tcp?protocol=json&transport=framed",
		"tcp?protocol=thriftpy2-json", "tcp?compression=zlib", "http?", "http?protocol=compact", "http?protocol=json"}
	overTLS := slices.Clone(everything)
	for i, s := range overTLS {
		overTLS[i] = strings.NewReplacer("tcp?", "tls?", "http?", "https?").Replace(s)
	}
	config := newAuthority(t, "root").serverTLS(t, "ca", "")
	tests := []struct {
		what  string
		query string // of the target
		opts  rpc.ServerOptions
		want  []string
	}{
		{"everything", "", rpc.ServerOptions{}, everything},
		{"of a target only its address counts", "?protocol=compact&service=S&transport=framed", rpc.ServerOptions{}, everything},
		{"one dialect", "", rpc.ServerOptions{Accept: []string{"compact/framed"}}, []string{"tcp?protocol=compact&transport=framed"}},
		{"one transport", "", rpc.ServerOptions{Accept: []string{"http"}}, []string{"http?", "http?protocol=compact", "http?protocol=json"}},
		{"nothing", "", rpc.ServerOptions{Accept: []string{}}, nil},
		{"only TLS", "", rpc.ServerOptions{TLS: config, RequireTLS: true}, overTLS},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			executed := false
			test.opts.Interceptors = []rpc.Interceptor{func(next rpc.Handler) rpc.Handler {
				return func(ctx context.Context, call *rpc.Call) error {
					executed = true
					return next(ctx, call)
				}
			}}
			l := listenTCP(t)
			serve(t, l, newHandler(), test.opts)
			found, err := rpc.Probe(context.Background(), l.Addr().String()+test.query, 10*time.Second, rpc.ClientOptions{})
			if err != nil || !slices.Equal(spoken(found), test.want) {
				t.Errorf("%v, %v\nwant %v", spoken(found), err, test.want)
			}
			if executed {
				t.Error("a method was executed")
			}
			for _, f := range found {
				if f.Speaks != (f.Err == nil) {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestProbeDeaf probes servers that never answer, or hang up.
func TestProbeDeaf(t *testing.T) {
	for what, behave := range map[string]func(net.Conn){
		"silent":   func(nc net.Conn) { io.Copy(io.Discard, nc) },
		"hangs up": func(nc net.Conn) { nc.Close() },
		"talks nonsense": func(nc net.Conn) {
			nc.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n"))
			io.Copy(io.Discard, nc)
		},
	} {
		t.Run(what, func(t *testing.T) {
			leaks(t)
			l := listenTCP(t)
			defer l.Close()
			go func() {
				for {
					nc, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer nc.Close()
						behave(nc)
					}()
				}
			}()
			found, err := rpc.Probe(context.Background(), l.Addr().String(), 30*time.Millisecond, rpc.ClientOptions{})
			if err != nil || len(spoken(found)) > 0 || len(found) < 10 {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
	l := listenTCP(t)
	l.Close()
	var e *rpc.Error
	if _, err := rpc.Probe(context.Background(), l.Addr().String(), time.Second, rpc.ClientOptions{}); !errors.As(err, &e) || e.Code != rpc.CodeUnavailable {
		t.Errorf("no server: %v", err)
	}
	if _, err := rpc.Probe(context.Background(), "nowhere", time.Second, rpc.ClientOptions{}); err == nil {
		t.Error("a target that is none")
	}
}
