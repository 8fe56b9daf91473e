package call

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/thriftkit/thriftkit/bench/internal/child"
)

// A window is what a client measured in one turn.
type window struct {
	Calls   int64         `json:"calls"`
	Took    time.Duration `json:"took"`
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	CPU     time.Duration `json:"cpu"`
	Mallocs uint64        `json:"mallocs"`
}

// Client is the main function of a client process. It reads a Spec as a line of JSON, connects, makes a call
// for each caller, and says READY. Each further line is a length of time, for which it calls, and is
// answered with a line of JSON; the client ends with its input. "hold N" instead connects N clients more,
// each of which makes a call and stays, and is answered with how long that took.
func Client(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	var spec Spec
	if err := readJSON(lines, &spec); err != nil {
		return err
	}
	s, err := find(spec.Side)
	if err != nil {
		return err
	}
	ses, err := s.dial(spec)
	if err != nil {
		return err
	}
	defer ses.close()
	for _, call := range append(append([]caller(nil), ses.callers...), ses.slow...) {
		if err := call(); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "READY")
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var answer any
		var n int
		if _, scanErr := fmt.Sscanf(line, "hold %d", &n); scanErr == nil {
			answer, err = hold(s, spec, n)
		} else {
			var d time.Duration
			if d, err = time.ParseDuration(strings.TrimSpace(line)); err == nil {
				answer, err = ses.run(d)
			}
		}
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(answer); err != nil {
			return err
		}
	}
}

func readJSON(r *bufio.Reader, into any) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

func find(name string) (side, error) {
	for _, s := range sides() {
		if s.name == name {
			return s, nil
		}
	}
	return side{}, fmt.Errorf("no side %q", name)
}

// hold connects n clients, each with a connection on which a call is made, and keeps them.
func hold(s side, spec Spec, n int) (took time.Duration, err error) {
	start := time.Now()
	spec.Callers = 1
	for range n {
		ses, err := s.dial(spec)
		if err != nil {
			return 0, err
		}
		if err := ses.callers[0](); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// run has all callers call for d, and at least once. Slow ones end a little later, which no figure includes.
func (ses *session) run(d time.Duration) (window, error) {
	// Two digits, from 100 ns: some 30 KB a caller, made beforehand.
	histograms := make([]*hdrhistogram.Histogram, len(ses.callers))
	for i := range histograms {
		histograms[i] = hdrhistogram.New(100, int64(time.Minute), 2)
	}
	failures := make(chan error, len(ses.callers)+len(ses.slow))
	var stop atomic.Bool
	var fast, slow sync.WaitGroup
	cpu, mallocs := child.Usage()
	start := time.Now()
	for _, call := range ses.slow {
		slow.Go(func() {
			for !stop.Load() {
				if err := call(); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	for i, call := range ses.callers {
		fast.Go(func() {
			h := histograms[i]
			for began := time.Now(); ; {
				if err := call(); err != nil {
					failures <- err
					return
				}
				now := time.Now()
				h.RecordValue(int64(now.Sub(began))) // more than a minute fails as a call first
				began = now
				if stop.Load() {
					return
				}
			}
		})
	}
	time.Sleep(d)
	stop.Store(true)
	fast.Wait()
	took := time.Since(start)
	cpuAfter, mallocsAfter := child.Usage()
	slow.Wait()
	select {
	case err := <-failures:
		return window{}, err
	default:
	}
	all := histograms[0]
	for _, h := range histograms[1:] {
		all.Merge(h)
	}
	return window{
		Calls: all.TotalCount(), Took: took, P50: time.Duration(all.ValueAtQuantile(50)), P99: time.Duration(all.ValueAtQuantile(99)),
		CPU: cpuAfter - cpu, Mallocs: mallocsAfter - mallocs,
	}, nil
}

// ClientMain runs Client on the process's own input and output and ends the process.
func ClientMain() {
	if err := Client(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
