package transport

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in   string
		want Target
		out  string // of String
	}{
		{"localhost:9000", Target{Network: "tcp", Address: "localhost:9000"}, "tcp://localhost:9000"},
		{"tcp://127.0.0.1:9000/", Target{Network: "tcp", Address: "127.0.0.1:9000"}, "tcp://127.0.0.1:9000"},
		{"[::1]:9000", Target{Network: "tcp", Address: "[::1]:9000"}, "tcp://[::1]:9000"},
		{"h:1?transport=framed", Target{Network: "tcp", Address: "h:1", Framing: wire.Framed}, "tcp://h:1?transport=framed"},
		{"h:1?transport=buffered&protocol=binary", Target{Network: "tcp", Address: "h:1", Protocol: "binary"}, "tcp://h:1?protocol=binary"},
		{"h:1?service=Calc", Target{Network: "tcp", Address: "h:1", Service: "Calc"}, "tcp://h:1?service=Calc"},
		{"unix:///run/a.sock", Target{Network: "unix", Address: "/run/a.sock"}, "unix:///run/a.sock"},
		{"unix://a.sock?transport=framed", Target{Network: "unix", Address: "a.sock", Framing: wire.Framed}, "unix://a.sock?transport=framed"},
		{"tls://h:1", Target{Network: "tcp", Address: "h:1", TLS: true}, "tls://h:1"},
		{"tls://h:1?ca=a.pem&cert=c.pem&key=k.pem&servername=foo&transport=framed",
			Target{Network: "tcp", Address: "h:1", TLS: true, Framing: wire.Framed, ServerName: "foo", Files: TLSFiles{CA: "a.pem", Cert: "c.pem", Key: "k.pem"}},
			"tls://h:1?ca=a.pem&cert=c.pem&key=k.pem&servername=foo&transport=framed"},
		{"http://h:1/a/b", Target{Network: "tcp", Address: "h:1", HTTP: true, Path: "/a/b"}, "http://h:1/a/b"},
		{"http://h", Target{Network: "tcp", Address: "h:80", HTTP: true, Path: "/"}, "http://h/"},
		{"http://[::1]", Target{Network: "tcp", Address: "[::1]:80", HTTP: true, Path: "/"}, "http://[::1]/"},
		{"https://h:/?protocol=compact&transport=http", Target{Network: "tcp", Address: "h:443", HTTP: true, Path: "/", TLS: true, Protocol: "compact"}, "https://h/?protocol=compact"},
		{"https://h:443/x?ca=a.pem&servername=foo&transport=buffered",
			Target{Network: "tcp", Address: "h:443", HTTP: true, Path: "/x", TLS: true, ServerName: "foo", Files: TLSFiles{CA: "a.pem"}},
			"https://h/x?ca=a.pem&servername=foo"},
		{"http://h:443/a%20b%2fc%0d%0a", Target{Network: "tcp", Address: "h:443", HTTP: true, Path: "/a%20b%2fc%0d%0a"}, "http://h:443/a%20b%2fc%0d%0a"},
		{"h:1?transport=http", Target{Network: "tcp", Address: "h:1", HTTP: true, Path: "/"}, "http://h:1/"},
		{"tls://h:1?transport=http&service=S", Target{Network: "tcp", Address: "h:1", HTTP: true, Path: "/", TLS: true, Service: "S"}, "https://h:1/?service=S"},
		{"h:1?transport=header&protocol=compact&compression=zlib", Target{Network: "tcp", Address: "h:1", Framing: wire.THeader, Protocol: "compact", Compression: "zlib"},
			"tcp://h:1?compression=zlib&protocol=compact&transport=header"},
		{"h:1?transport=header&compression=zstd", Target{Network: "tcp", Address: "h:1", Framing: wire.THeader, Compression: "zstd"}, "tcp://h:1?compression=zstd&transport=header"},
		{"unix:///s?transport=ttheader", Target{Network: "unix", Address: "/s", Framing: wire.TTHeader}, "unix:///s?transport=ttheader"},
		{"http://h:1/?transport=header", Target{Network: "tcp", Address: "h:1", HTTP: true, Path: "/", Framing: wire.THeader}, "http://h:1/?transport=header"},
		{"h:1?transport=framed-header&compression=zlib-stream", Target{Network: "tcp", Address: "h:1", Framing: wire.FramedTHeader, Compression: "zlib-stream"},
			"tcp://h:1?compression=zlib-stream&transport=framed-header"},
		{"http://h:1/a?z=1&b=%26&protocol=compact", Target{Network: "tcp", Address: "h:1", HTTP: true, Path: "/a", Protocol: "compact", Query: "b=%26&z=1"}, "http://h:1/a?protocol=compact&b=%26&z=1"},
		{"https://me@h/?b=1&b=2", Target{Network: "tcp", Address: "h:443", HTTP: true, Path: "/", TLS: true, User: "me", Query: "b=1&b=2"}, "https://me@h/?b=1&b=2"},
		{"http://me:p%40%3Aw@h/", Target{Network: "tcp", Address: "h:80", HTTP: true, Path: "/", User: "me:p%40%3Aw"}, "http://me:p%40%3Aw@h/"},
		{"udp://h:1?protocol=compact&service=S", Target{Network: "udp", Address: "h:1", Protocol: "compact", Service: "S"}, "udp://h:1?protocol=compact&service=S"},
		{"h:1?transport=udp", Target{Network: "udp", Address: "h:1"}, "udp://h:1"},
		{"udp://[::1]:1?transport=udp", Target{Network: "udp", Address: "[::1]:1"}, "udp://[::1]:1"},
		{"tls://h:1?compression=zlib", Target{Network: "tcp", Address: "h:1", TLS: true, Compression: "zlib"}, "tls://h:1?compression=zlib"},
		{"dubbo://h", Target{Network: "tcp", Address: "h:20880", Foreign: "dubbo", Path: "/"}, "dubbo://h:20880"},
		{"tri://h", Target{Network: "tcp", Address: "h:50051", Foreign: "tri", Path: "/"}, "tri://h:50051"},
		{"tris://h:1/com.acme.Calc?group=g&version=1.0&protocol=proto", Target{Network: "tcp", Address: "h:1", Foreign: "tri", Path: "/", TLS: true, Protocol: "proto", Service: "com.acme.Calc", Group: "g", Version: "1.0"},
			"tris://h:1?group=g&protocol=proto&service=com.acme.Calc&version=1.0"},
		{"dubbos://h:1/com.acme.Calc?group=g&version=1.0&protocol=hessian2", Target{Network: "tcp", Address: "h:1", Foreign: "dubbo", Path: "/", TLS: true, Service: "com.acme.Calc", Group: "g", Version: "1.0"},
			"dubbos://h:1?group=g&service=com.acme.Calc&version=1.0"},
		{"unix:///a%20b", Target{Network: "unix", Address: "/a b"}, "unix:///a%20b"},
		{"unix:///a%3fb%25", Target{Network: "unix", Address: "/a?b%"}, "unix:///a%3Fb%25"},
	}
	for _, test := range tests {
		got, err := ParseTarget(test.in)
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v", test.in, got, err)
			continue
		}
		if got.String() != test.out {
			t.Errorf("%s: String is %s, want %s", test.in, got, test.out)
		}
		if back, err := ParseTarget(got.String()); err != nil || back != got {
			t.Errorf("%s: read back as %+v, %v", got, back, err)
		}
	}
}

func TestParseTargetBad(t *testing.T) {
	tests := []struct{ in, err string }{
		{"", "the host is missing: want host:port"},
		{":9000", "the host is missing: want host:port"},
		{"localhost", "the port is missing: want host:port"},
		{"localhost:", "the port is missing: want host:port"},
		{"localhost:http", `not a URL: invalid port ":http" after host`},
		{"localhost:1/path", "a tcp target has no path"},
		{"a:1,b:2", "a target here is one server: lists are for thriftkit.Dial"},
		{"me@localhost:1", "a target has neither user nor fragment; one of HTTP may have a user"},
		{"localhost:1#top", "a target has neither user nor fragment; one of HTTP may have a user"},
		{"unix://", "the path of the socket is missing: want unix:///path"},
		{"ftp://localhost:1", `unknown scheme "ftp" (known: connect, connects, dubbo, dubbos, grpc, grpcs, http, https, motan2, motan2s, rpcx, rpcxs, tcp, tls, tri, tris, udp, unix)`},
		{"motan://localhost:1", `unknown scheme "motan" (did you mean motan2?)`},
		{"triple://localhost:1", `unknown scheme "triple" (did you mean tri?)`},
		{"tri://", "the host is missing: want tri://host:port"},
		{"tri://h:1?protocol=json", `unknown protocol "json" of tri (known: hessian2, proto)`},
		{"rpcx://localhost:1?group=g", `unknown key "group" (known: compression, protocol, service)`},
		{"h:1?transport=fast", `unknown transport "fast" (known: buffered, framed, header, ttheader, framed-header, http, udp)`},
		{"unix:///s?transport=fast", `unknown transport "fast" (want buffered, framed, header, ttheader, framed-header)`},
		{"unix:///s?transport=http", "transport http does not go over a unix socket"},
		{"http:///path", "the host is missing: want http://host:port/path"},
		{"http://h:1/?transport=framed", "messages over HTTP are not framed"},
		{"http://h:1/?transport=framed-header", "messages over HTTP are not framed-header"},
		{"http://h:1/?transport=header&protocol=json", `transport header carries the protocols binary and compact, not "json"`},
		{"udp://h", "the port is missing: want host:port"},
		{"udp://h:1/path", "a udp target has no path"},
		{"udp://h:1?transport=framed", "a udp target has no other transport"},
		{"udp://h:1?transport=http", "a udp target has no other transport"},
		{"udp://h:1?compression=zlib", "a udp target has no compression"},
		{"udp://h:1?ca=a.pem", `unknown key "ca" (known: compression, protocol, service, transport)`},
		{"tls://h:1?transport=udp", "transport udp goes with udp://host:port alone"},
		{"http://h:1/?transport=udp", "transport udp goes with udp://host:port alone"},
		{"unix:///s?transport=udp", "transport udp does not go over a unix socket"},
		{"h:1?compression=zlib-stream", `unknown compression "zlib-stream" (known: zlib)`},
		{"http://h:1/?ca=a.pem", `unknown key "ca" (known: compression, protocol, service, transport)`},
		{"http://h%0d%0aX:1/", `not a URL: invalid URL escape "%0d"`},
		{"h:1?framed", `unknown key "framed" (known: compression, protocol, service, transport)`},
		{"h:1?ca=a.pem", `unknown key "ca" (known: compression, protocol, service, transport)`},
		{"tls://h:1?cb=a.pem", `unknown key "cb" (known: ca, cert, compression, crl, key, protocol, servername, service, transport)`},
		{"h:1?transport=ttheader&compression=zlib", "messages of the transport ttheader are not compressed: compression is zlib-stream, of the connection"},
		{"http://h:1/?compression=zlib", `unknown compression "zlib" over HTTP (known: gzip)`},
		{"h:1?compression=zstd", `unknown compression "zstd" (known: zlib)`},
		{"h:1?transport=header&protocol=json", `transport header carries the protocols binary and compact, not "json"`},
		{"tls://h:1?cert=a.pem", "cert and key go together"},
		{"tls://h:1/path", "a tls target has no path"},
		{"h:1?service=a&service=b", `key "service" is given twice`},
		{"h:1?service=%zz", `invalid URL escape "%zz"`},
		{"http://h:1/?protocl=compact", `unknown key "protocl" (known: compression, protocol, service, transport)`},
		{"http://h:1/?Compression=gzip", `unknown key "Compression" (known: compression, protocol, service, transport)`},
		{"dubbo://", "the host is missing: want dubbo://host:port"},
		{"dubbo://h:1?protocol=json", `unknown protocol "json" of dubbo (known: hessian2)`},
		{"dubbo://h:1?transport=framed", "dubbo targets have no transport and no compression"},
		{"dubbo://h:1?own=1", `unknown key "own" (known: group, protocol, service, version)`},
		{"grpc://h:1?own=1", `unknown key "own" (known: protocol, service)`},
	}
	for _, test := range tests {
		got, err := ParseTarget(test.in)
		if want := `target "` + test.in + `": ` + test.err; err == nil || err.Error() != want || got != (Target{}) {
			t.Errorf("%+v, %v; want %s", got, err, want)
		}
	}
}

// TestPassword checks that errors do not show passwords.
func TestPassword(t *testing.T) {
	_, err := ParseTarget("http://me:secret@h/?transport=framed")
	if want := `target "http://me:xxxxx@h/?transport=framed": messages over HTTP are not framed`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	sock := filepath.Join(dir, "s")
	for _, target := range []string{":0", "tcp://:0", "127.0.0.1:0", "tcp://127.0.0.1:0", "unix://" + sock} {
		l, err := Listen(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		l.Close()
	}
	for target, want := range map[string]string{
		"ftp://x:1":        `target "ftp://x:1": unknown scheme "ftp" (known: connect, connects, dubbo, dubbos, grpc, grpcs, http, https, motan2, motan2s, rpcx, rpcxs, tcp, tls, tri, tris, udp, unix)`,
		"http://x:1":       `listen on "http://x:1": a server takes HTTP on any listener, give its host:port`,
		"unix://" + dir:    "listen unix " + dir + ": bind: address already in use",
		"tcp://127.0.0.1/": `target "tcp://127.0.0.1/": the port is missing: want host:port`,
	} {
		if l, err := Listen(target); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v; want %s", target, l, err, want)
		}
	}
}

// TestListenStale finds the file of a server that is gone, and leaves alone that of one that is not.
func TestListenStale(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	first, err := Listen("unix://" + sock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix://" + sock); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("while a server listens: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	second, err := Listen("unix://" + sock)
	if err != nil {
		t.Fatalf("the file is left: %v", err)
	}
	second.Close()
	if err := os.WriteFile(sock, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix://" + sock); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	if b, _ := os.ReadFile(sock); string(b) != "data" {
		t.Error("a file that is no socket was removed")
	}
}
