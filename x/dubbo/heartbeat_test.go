package dubbo

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeartbeat has a server answer two heartbeats of a client, and then no more.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		x := newClientConn(here, 1<<16)
		start := time.Now()
		go x.write()
		ended := make(chan struct{})
		go func() {
			x.read()
			close(ended)
		}()
		for i := range 5 {
			msg := make([]byte, headerSize+1)
			if _, err := io.ReadFull(there, msg); err != nil {
				t.Fatal(err)
			}
			h, err := parseHeader(msg)
			if err != nil || h.flags != flagRequest|flagTwoWay|flagEvent|hessian2Serial || h.id != uint64(i+1) || h.length != 1 || msg[headerSize] != 'N' {
				t.Errorf("%+v, %v", h, err)
			}
			if d := time.Since(start); d != time.Duration(i+1)*heartbeatTime {
				t.Errorf("heartbeat %d after %v", i, d)
			}
			if i < 2 {
				there.Write(heartbeat(h.id, flagEvent))
			}
		}
		<-ended
		if d := time.Since(start); d != 6*heartbeatTime || x.err.Error() != "the server does not answer heartbeats" {
			t.Errorf("ended after %v: %v", d, x.err)
		}
	})
}

// TestAsked answers the heartbeats of a server.
func TestAsked(t *testing.T) {
	here, there := net.Pipe()
	x := newClientConn(here, 1<<16)
	go x.read()
	go x.write()
	defer there.Close()
	there.Write(heartbeat(7, flagRequest|flagTwoWay|flagEvent))
	msg := make([]byte, headerSize+1)
	if _, err := io.ReadFull(there, msg); err != nil {
		t.Fatal(err)
	}
	if h, err := parseHeader(msg); err != nil || h.flags != flagEvent|hessian2Serial || h.status != statusOK || h.id != 7 {
		t.Errorf("%+v, %v", h, err)
	}
}
