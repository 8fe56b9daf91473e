// Package etcdtest runs etcd for tests.
package etcdtest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thriftkit/thriftkit/internal/freeport"
)

// Patient is how long a test waits for what takes a moment on a machine that is not busy.
const Patient = 2 * time.Minute

// A Cluster is etcd on loopback, in members that a test may end and start again.
type Cluster struct {
	t       *testing.T
	dir     string
	members []*member
}

type member struct {
	client, peer string
	cmd          *exec.Cmd // nil: it does not run
}

// Start runs n members for the time of the test, from $THRIFTKIT_ETCD, and waits until they answer. Without it the test is skipped, or fails where
// peers are required.
func Start(t *testing.T, n int) *Cluster {
	t.Helper()
	if program := os.Getenv("THRIFTKIT_ETCD"); program == "" || exec.Command(program, "--version").Run() != nil {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("THRIFTKIT_ETCD (%q) names no etcd", program)
		}
		t.Skipf("THRIFTKIT_ETCD (%q) names no etcd (make test-all sets it up)", program)
	}
	c := &Cluster{t: t, dir: t.TempDir()}
	for range n {
		c.members = append(c.members, &member{client: freeport.Addr(t), peer: freeport.Addr(t)})
	}
	for i := range c.members {
		c.Start(i)
	}
	t.Cleanup(func() {
		for i := range c.members {
			c.Kill(i)
		}
	})
	c.Wait()
	return c
}

// Start starts a member that does not run.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	var all []string
	for k, m := range c.members {
		all = append(all, fmt.Sprintf("m%d=http://%s", k, m.peer))
	}
	m := c.members[i]
	m.cmd = exec.Command(os.Getenv("THRIFTKIT_ETCD"), "--name", fmt.Sprint("m", i), "--data-dir", c.Data(i),
		"--listen-client-urls", "http://"+m.client, "--advertise-client-urls", "http://"+m.client,
		"--listen-peer-urls", "http://"+m.peer, "--initial-advertise-peer-urls", "http://"+m.peer,
		"--initial-cluster", strings.Join(all, ","), "--initial-cluster-state", "new", "--initial-cluster-token", c.dir, "--log-level", "error", "--logger", "zap")
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	m.cmd.Stderr, m.cmd.Stdout = log, log
	if err := m.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// Data is where a member keeps its data.
func (c *Cluster) Data(i int) string { return filepath.Join(c.dir, fmt.Sprint("m", i)) }

// Kill ends a member without a chance to clean up.
func (c *Cluster) Kill(i int) {
	if m := c.members[i]; m.cmd != nil {
		m.cmd.Process.Kill()
		m.cmd.Wait()
		m.cmd = nil
	}
}

// Signal sends a signal to a member.
func (c *Cluster) Signal(i int, s os.Signal) { c.members[i].cmd.Process.Signal(s) }

// Endpoints are the addresses of all members, or only of some, with commas between them.
func (c *Cluster) Endpoints(only ...int) string {
	var all []string
	for i, m := range c.members {
		for _, k := range only {
			if k == i {
				all = append(all, m.client)
			}
		}
		if len(only) == 0 {
			all = append(all, m.client)
		}
	}
	return strings.Join(all, ",")
}

// Wait waits until one of the members says that the cluster has a leader.
func (c *Cluster) Wait() {
	c.t.Helper()
	client := &http.Client{Timeout: time.Second}
	for end := time.Now().Add(Patient); ; time.Sleep(20 * time.Millisecond) {
		for _, m := range c.members {
			if resp, err := client.Get("http://" + m.client + "/health"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			c.t.Fatalf("the cluster does not answer; etcd printed:\n%s", log)
		}
	}
}
