package main

import (
	"io"
	"testing"

	"github.com/thriftkit/thriftkit/rpc"
)

// TestFailure says what to do about calls that failed, from what is known without asking anybody: nobody listens there.
func TestFailure(t *testing.T) {
	timeout, lost, unavailable := &rpc.Error{Code: rpc.CodeTimeout}, &rpc.Error{Code: rpc.CodeConnectionLost}, &rpc.Error{Code: rpc.CodeUnavailable}
	for _, test := range []struct {
		about string
		f     failure
		want  string
	}{
		{"silent", failure{err: timeout, connected: true},
			`it may be slow (see --timeout), or not speak binary over buffered: "thriftkit probe 127.0.0.1:1" finds its dialects`},
		{"silent, the dialect is said", failure{err: timeout, connected: true, named: true, target: "127.0.0.1:1?transport=framed"},
			`it may be slow (see --timeout), or not speak binary over framed: "thriftkit probe 127.0.0.1:1?transport=framed" finds its dialects`},
		{"slow, but answered before", failure{err: timeout, connected: true, answered: true},
			"the server speaks binary over buffered: the method may take longer, see --timeout"},
		{"slow, and began to answer", failure{err: timeout, connected: true, received: []byte("\x80\x01\x00\x02\x00\x00\x00\x03sum\x00\x00\x00\x01")},
			"the server speaks binary over buffered: the method may take longer, see --timeout"},
		{"slow over HTTP", failure{err: timeout, connected: true, target: "http://127.0.0.1:1/"}, ""},
		{"closed, but answered before", failure{err: lost, connected: true, answered: true},
			"the server speaks binary over buffered, and closed the connection during this call: its log may say why"},
		{"closed, the dialect is said", failure{err: lost, connected: true, named: true, target: "127.0.0.1:1?protocol=compact"},
			`if the server does not speak compact over buffered, "thriftkit probe 127.0.0.1:1?protocol=compact" finds its dialects`},
		{"closed after SASL", failure{err: lost, connected: true, user: true}, ""},
		{"closed, HTTP", failure{err: lost, connected: true, target: "http://127.0.0.1:1/"}, ""},
		{"another dialect", failure{err: lost, connected: true, received: []byte("\x82\x41\x01\x03sum\x16\x02\x00")},
			"the answer seems to be compact over buffered, the call was binary over buffered"},
		{"HTTP", failure{err: lost, connected: true, received: []byte("HTTP/1.1 400 Bad Request\r\n")},
			`the server answered with HTTP ("HTTP/1.1 400 Bad Request"): try the target "http://127.0.0.1:1/"`},
		{"TLS", failure{err: lost, connected: true, received: []byte{21, 3, 1, 0, 2, 2, 70}},
			`the server answered with TLS: try the target "tls://127.0.0.1:1"`},
		{"nobody", failure{err: unavailable}, ""},
		{"gRPC", failure{err: lost, connected: true, target: "grpc://127.0.0.1:1"}, ""},
	} {
		if test.f.target == "" {
			test.f.target = "127.0.0.1:1"
		}
		if got := test.f.next(t.Context(), io.Discard); got != test.want {
			t.Errorf("%s: %q, want %q", test.about, got, test.want)
		}
	}
}
