package child

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// role makes this test one of the programs that it starts.
const role = "THRIFTKIT_BENCH_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "server":
		Serve(func(l net.Listener, ready func()) error {
			ready()
			_, err := l.Accept()
			return fmt.Errorf("accepted: %v", err)
		})
	case "silent":
		time.Sleep(time.Minute)
	case "broken":
		fail(fmt.Errorf("it does not work"))
	}
	os.Exit(m.Run())
}

func start(t *testing.T, as string) *Process {
	t.Setenv(role, as)
	p, err := Start(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestServe(t *testing.T) {
	p := start(t, "server")
	addr, err := p.Expect("READY", patience)
	if err != nil {
		t.Fatal(err)
	}
	_, before, err := p.Stat()
	if err != nil || before == 0 {
		t.Errorf("STAT: %d allocations, %v", before, err)
	}
	if cpu, after, err := p.Stat(); err != nil || cpu <= 0 || after < before {
		t.Errorf("STAT: %v of CPU, %d allocations after %d, %v", cpu, after, before, err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := p.Expect("STAT", patience); err == nil || !strings.Contains(err.Error(), "ended: accepted: <nil>") {
		t.Errorf("a server whose serve ends: %v", err)
	}
}

func TestStop(t *testing.T) {
	p := start(t, "server")
	if _, err := p.Expect("READY", patience); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	p.Stop()
	if err := p.Tell("stat"); err == nil {
		t.Error("a line reaches a process that was stopped")
	}
}

func TestExpect(t *testing.T) {
	for _, test := range []struct{ role, prefix, want string }{
		{"broken", "READY", "ended: it does not work"},
		{"server", "HELLO", "not HELLO"},
	} {
		if _, err := start(t, test.role).Expect(test.prefix, patience); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.role, err, test.want)
		}
	}
	silent := start(t, "silent")
	if _, err := silent.Expect("READY", 10*time.Millisecond); err == nil || !strings.Contains(err.Error(), "said nothing for 10ms") {
		t.Errorf("a silent program: %v", err)
	}
	silent.cmd.Process.Kill() // it would heed the end of its input only after a minute
}
