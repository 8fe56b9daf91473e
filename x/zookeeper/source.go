package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/discovery"
)

// Source returns what reports the data of a node: a configuration of clients, for govern.OpenConfig. A node that does not exist, or was
// deleted, is reported as no document. Of opts only the time-outs matter.
func Source(servers []string, node string, opts Options) discovery.Source {
	return &source{servers, node, opts.withDefaults()}
}

type source struct {
	servers []string
	node    string
	opts    Options
}

// String says where the document is, as errors do.
func (s *source) String() string { return "zookeeper " + s.node }

// Watch implements [discovery.Source].
func (s *source) Watch(ctx context.Context, report func([]byte)) error {
	l, err := connect(s.servers, s.opts)
	if err != nil {
		return err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, l.Close)() // it ends what waits for ZooKeeper
	if err := l.wait(ctx, s.servers, s.opts); err != nil {
		return err
	}
	for {
		text, changed, err := s.read(l.Conn)
		switch {
		case err == nil:
			report(text)
		case errors.Is(err, zk.ErrSessionExpired) || errors.Is(err, zk.ErrConnectionClosed): // the next request waits for a connection
			soon := make(chan zk.Event)
			time.AfterFunc(100*time.Millisecond, func() { close(soon) })
			changed = soon
		default:
			return fmt.Errorf("zookeeper: %w", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.lost:
			return fmt.Errorf("zookeeper: no session with %s for %s", strings.Join(s.servers, ","), 2*s.opts.SessionTimeout)
		case <-changed: // or the session was lost, and with it the watch
		}
	}
}

// read returns the data of the node, nil if there is none, and a channel by which a change comes.
func (s *source) read(c *zk.Conn) ([]byte, <-chan zk.Event, error) {
	for {
		exists, _, changed, err := c.ExistsW(s.node)
		if err != nil || !exists {
			return nil, changed, err
		}
		text, _, changed, err := c.GetW(s.node)
		if errors.Is(err, zk.ErrNoNode) { // it was deleted meanwhile
			continue
		}
		if text == nil {
			text = []byte{}
		}
		return text, changed, err
	}
}
