package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// runShort runs the program with args, built without the race detector: what counts here are memory and time. Its exit code says
// whether everything is as it should be.
func runShort(t *testing.T, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	program := filepath.Join(t.TempDir(), "hardening")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

func TestAttack(t *testing.T) { runShort(t, "attack", "-short") }

// TestPeers makes some of the attacks on the servers of other libraries, so that the comparison does not rot.
func TestPeers(t *testing.T) {
	for _, variable := range []string{"THRIFTKIT_APACHEGO", "THRIFTKIT_KITEX", "THRIFTKIT_RPCX"} {
		if _, err := os.Stat(os.Getenv(variable)); err == nil {
			continue
		}
		why := variable + " names no peer (make test-all sets it up)"
		if os.Getenv("THRIFTKIT_PEERS") == "required" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	runShort(t, "attack", "-peers", "-short", "-run", "rpcx|protocols|connect")
}

func TestFaults(t *testing.T) { runShort(t, "faults", "-short") }

func TestSoak(t *testing.T) { runShort(t, "soak", "-duration", "20s") }
