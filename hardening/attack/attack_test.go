package attack

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/hardening/child"
)

func TestMain(m *testing.M) {
	child.Main()
	m.Run()
}

// TestFaults shows that each kind of fault is one.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		what string
		r    Result
		want string
	}{
		{"nothing", Result{Before: 6e6, During: 12e6, Growth: 5, Bound: 5}, ""},
		{"noise", Result{Before: 1e5, During: 14e6}, ""},
		{"a panic", Result{Panicked: true}, "the server panicked"},
		{"memory", Result{Growth: 3 << 20, Bound: 2 << 20}, "its memory grew by 3 MiB, the bound is 2 MiB"},
		{"errors", Result{Errors: 2}, "2 calls of correct clients failed"},
		{"a call that began", Result{Wrong: []string{"a call began"}}, "a call began"},
		{"slowness", Result{Before: 6e6, During: 18e6}, "the 99th percentile of correct clients rose from 6ms to 18ms"},
	} {
		tt.r.Attack = "attack"
		switch err := tt.r.Faults(); {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.what, err)
		case tt.want != "" && (err == nil || err.Error() != "attack: "+tt.want):
			t.Errorf("%s: %v, want %s", tt.what, err, tt.want)
		}
	}
}

// TestInputs looks at the list: every dialect has inputs, and what is meant to differ does.
func TestInputs(t *testing.T) {
	for _, d := range All() {
		back, err := ParseDialect(d.String())
		if back != d || err != nil {
			t.Errorf("%s is read as %s, %v", d, back, err)
		}
		for _, s := range []speech{calls(d), {Dialect: d, reply: true, seq: 7}} {
			var n int
			seen := make(map[string]bool)
			if d.Transport == "zlib" || d.Transport == "header+zlib" {
				continue // as the others, and slow to make
			}
			for _, f := range []func(speech) []input{ofBytes(lengths), ofBytes(kinds), ofTexts, envelopes} {
				for _, in := range f(s) {
					n++
					if seen[in.name] {
						t.Errorf("%s: %q is there twice", d, in.name)
					}
					seen[in.name] = true
				}
			}
			if n < 40 {
				t.Errorf("%s: only %d inputs", d, n)
			}
		}
	}
	if _, err := ParseDialect("binary/morse"); err == nil || !strings.Contains(err.Error(), `unknown dialect "binary/morse"`) {
		t.Errorf("%v", err)
	}
}

// TestCorpus makes sure that what is cut and changed is correct to begin with.
func TestCorpus(t *testing.T) {
	target, stop, err := Thriftkit("")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	x := &run{Target: target, ctx: t.Context()}
	together(len(All()), func(i int) {
		d := All()[i]
		calls, err := corpus(d)
		if err != nil {
			t.Error(err)
		}
		for _, in := range calls {
			nc, err := x.dial(target.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			nc.SetDeadline(time.Now().Add(recording))
			nc.Write(in.bytes)
			nc.(*net.TCPConn).CloseWrite() // the server answers, and closes the connection
			answer, err := io.ReadAll(nc)
			nc.Close()
			if err != nil {
				t.Errorf("%s, %s: %v", d, in.name, err)
			}
			if (len(answer) == 0) != (in.method == "notify" && d.Transport != "http") {
				t.Errorf("%s, %s: an answer of %d bytes", d, in.name, len(answer))
			}
		}
	})
}
