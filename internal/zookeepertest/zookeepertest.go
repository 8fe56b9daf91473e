// Package zookeepertest runs ZooKeeper for tests.
package zookeepertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/thriftkit/thriftkit/internal/freeport"
)

// A Server is ZooKeeper on loopback, which a test may end and start again.
type Server struct {
	Addr string
	Data string // the folder of its data

	t   *testing.T
	dir string
	cmd *exec.Cmd // nil: it does not run
}

// Start runs ZooKeeper for the time of the test, from $THRIFTKIT_ZOOKEEPER. Without it the test is skipped, or fails where peers are required.
func Start(t *testing.T) *Server {
	t.Helper()
	jars := os.Getenv("THRIFTKIT_ZOOKEEPER")
	_, err := os.Stat(filepath.Join(jars, "zookeeper.jar"))
	if _, java := exec.LookPath("java"); err != nil || java != nil || jars == "" {
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatalf("THRIFTKIT_ZOOKEEPER (%q) has no ZooKeeper, or there is no java", jars)
		}
		t.Skipf("THRIFTKIT_ZOOKEEPER (%q) has no ZooKeeper, or there is no java (make test-all sets it up)", jars)
	}
	s := &Server{t: t, Addr: freeport.Addr(t), dir: t.TempDir()}
	s.Data = filepath.Join(s.dir, "data")
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts the server after Kill.
func (s *Server) Start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	config := filepath.Join(s.dir, "zoo.cfg")
	text := fmt.Sprintf("tickTime=500\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", s.Data, port)
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("java", "-Xmx256m", "-cp", filepath.Join(os.Getenv("THRIFTKIT_ZOOKEEPER"), "*"), "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the server without a chance to clean up.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Signal sends a signal to the server.
func (s *Server) Signal(sig os.Signal) { s.cmd.Process.Signal(sig) }
