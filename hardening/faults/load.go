package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

const (
	callers = 8
	pause   = 2 * time.Millisecond // between the calls of one caller
)

// callTimeout is how long a call may take. The short form is for machines that do other things as well.
func callTimeout(short bool) time.Duration {
	if short {
		return 3 * time.Second
	}
	return time.Second
}

// load is callers that share a client and make one call after the other, each with a text of its own, which the server
// records when it executes the call.
type load struct {
	client  *thriftkit.Client
	method  *schema.Method
	prefix  string
	timeout time.Duration
	stop    chan struct{}
	wg      sync.WaitGroup
	next    atomic.Int64
	began   atomic.Int64 // when, in Unix nanoseconds, the latest failed call had begun

	mu       sync.Mutex
	answered map[string]bool
	failed   map[string]rpc.Outcome
	wrong    int // answers that are not the call's
	errs     map[rpc.Code]int
	example  error
}

func startLoad(client *thriftkit.Client, method *schema.Method, prefix string, timeout time.Duration) *load {
	l := &load{
		client: client, method: method, prefix: prefix, timeout: timeout, stop: make(chan struct{}),
		answered: make(map[string]bool), failed: make(map[string]rpc.Outcome), errs: make(map[rpc.Code]int),
	}
	for range callers {
		l.wg.Go(l.run)
	}
	return l
}

func (l *load) run() {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			l.call()
		}
	}
}

func (l *load) call() {
	token := fmt.Sprint(l.prefix, l.next.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	begin := time.Now()
	got, err := thriftkit.Invoke[string](ctx, l.client, l.method, token)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		var e *rpc.Error
		if !errors.As(err, &e) {
			l.wrong++ // no method here declares an exception
			l.example = err
			return
		}
		l.failed[token] = e.Outcome
		l.errs[e.Code]++
		l.example = err
		l.began.Store(max(l.began.Load(), begin.UnixNano()))
	case got != token:
		l.wrong++
		l.example = fmt.Errorf("the answer to %q is %q", token, got)
	default:
		l.answered[token] = true
	}
}

// end stops the callers and waits for the calls under way.
func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

// calls returns how many calls there were, and how many were answered.
func (l *load) calls() (all, ok int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered) + len(l.failed) + l.wrong, len(l.answered)
}

// recovered waits until calls have been going well for a while, and returns how long after start the last failed one had
// begun; 0 if none failed after it.
func (l *load) recovered(start time.Time, limit time.Duration) (time.Duration, bool) {
	const well = 500 * time.Millisecond
	for end := start.Add(limit + well); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		last := time.Unix(0, l.began.Load())
		_, before := l.calls()
		if time.Since(last) < well || time.Since(start) < well {
			continue
		}
		time.Sleep(10 * pause)
		if _, now := l.calls(); now > before {
			return max(0, last.Sub(start)), true
		}
	}
	return limit, false
}

// A tally is what the server's record says about the calls.
type tally struct {
	twice      int // executed more than once
	unrecorded int // answered and not executed
	denied     int // executed, although the error says that they were not
}

func (l *load) tally(record string) (tally, error) {
	f, err := os.Open(record)
	if err != nil {
		return tally{}, err
	}
	defer f.Close()
	times := make(map[string]int)
	s := bufio.NewScanner(f)
	for s.Scan() {
		if strings.HasPrefix(s.Text(), l.prefix) {
			times[s.Text()]++
		}
	}
	var t tally
	for _, n := range times {
		if n > 1 {
			t.twice++
		}
	}
	for token := range l.answered {
		if times[token] == 0 {
			t.unrecorded++
		}
	}
	for token, outcome := range l.failed {
		if times[token] > 0 && (outcome == rpc.OutcomeNotSent || outcome == rpc.OutcomeRefused) {
			t.denied++
		}
	}
	return t, s.Err()
}
