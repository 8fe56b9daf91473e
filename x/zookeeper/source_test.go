//go:build unix

package zookeeper

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/govern"
)

// TestSource has a configuration of clients in ZooKeeper: it is not there, comes, changes, is wrong, and is deleted.
func TestSource(t *testing.T) {
	s := startServer(t)
	hand, err := connect([]string{s.Addr}, quick)
	if err != nil {
		t.Fatal(err)
	}
	defer hand.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	src := Source([]string{s.Addr}, "/shop", quick)
	if _, err := govern.OpenConfig(ctx, src, nil); err == nil || err.Error() != "zookeeper /shop: there is no configuration" {
		t.Errorf("without a node: %v", err)
	}
	if _, err := hand.Create("/shop", []byte("services: {Shop: {timeout: 1s}}"), 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	live, err := govern.OpenConfig(ctx, src, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	first := live.Status().Applied
	see := func(what string, applied int, wrong string) {
		t.Helper()
		for {
			st := live.Status()
			if st.Applied >= applied && (st.Err != nil) == (wrong != "") && (st.Err == nil || strings.Contains(st.Err.Error(), wrong)) {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("%s: %+v", what, st)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	set := func(text string) {
		t.Helper()
		if _, err := hand.Set("/shop", []byte(text), -1); err != nil {
			t.Fatal(err)
		}
	}
	set("services: {Shop: {timeout: 2s}}")
	see("a change", first+1, "")
	set("services: {Shop: {timeout: 0s}}")
	see("a mistake", first+1, "zookeeper /shop:1:28: services.Shop.timeout: want a time above 0")
	if err := hand.Delete("/shop", -1); err != nil {
		t.Fatal(err)
	}
	see("deleted", first+1, "there is no configuration")
}
