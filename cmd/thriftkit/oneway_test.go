package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/idl/compile"
)

// A fireCounter counts oneway calls by their argument.
type fireCounter struct {
	mu    sync.Mutex
	calls map[string]int
	more  chan struct{}
}

func (f *fireCounter) Fire(_ context.Context, who string) error {
	f.mu.Lock()
	f.calls[who]++
	f.mu.Unlock()
	f.more <- struct{}{}
	return nil
}

// TestOnewayThenClose closes clients right after oneway calls have returned, in each protocol: the server gets them all.
func TestOnewayThenClose(t *testing.T) {
	const clients, calls = 20, 3
	file, diags := compile.Compile("fire.thrift", compile.Options{Source: compile.Texts{"fire.thrift": "service Svc { oneway void fire(1: string who) }"}})
	if file == nil {
		t.Fatal(diags)
	}
	svc := file.Service("Svc")
	targets := []string{"tcp://ADDR", "tcp://ADDR?protocol=compact&transport=framed", "tcp://ADDR?transport=header", "tcp://ADDR?compression=zlib", "http://ADDR/",
		"grpc://ADDR", "connect://ADDR", "dubbo://ADDR", "motan2://ADDR", "rpcx://ADDR"}
	counter := &fireCounter{calls: make(map[string]int), more: make(chan struct{}, len(targets)*clients*calls)}
	server := thriftkit.NewServer(thriftkit.WithDialects(clientDialects()...))
	if err := server.Register(svc, counter); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()
	for _, target := range targets {
		for range clients {
			c, err := thriftkit.Dial(t.Context(), strings.Replace(target, "ADDR", l.Addr().String(), 1), foreignDialects())
			if err != nil {
				t.Fatal(err)
			}
			for range calls {
				if _, err := thriftkit.Invoke[struct{}](t.Context(), c, svc.Method("fire"), target); err != nil {
					t.Errorf("%s: %v", target, err)
				}
			}
			c.Close()
		}
	}
	late := time.After(time.Minute)
	for range len(targets) * clients * calls {
		select {
		case <-counter.more:
			continue
		case <-late:
		}
		break
	}
	counter.mu.Lock()
	defer counter.mu.Unlock()
	for _, target := range targets {
		if n := counter.calls[target]; n != clients*calls {
			t.Errorf("%s: %d of %d calls came", target, n, clients*calls)
		}
	}
}
