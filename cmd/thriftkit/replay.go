package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/plural"
)

type replayOptions struct {
	target string
	speed  float64 // 0: as fast as possible
}

// A replayer sends captured calls to another server, and compares the answers.
type replayer struct {
	o      *replayOptions
	v      *callView
	ctx    context.Context
	client *thriftkit.Client
	out    io.Writer

	first time.Time // of the calls
	began time.Time
	slots chan struct{}
	wait  sync.WaitGroup

	mu                                     sync.Mutex
	sent, same, different, failed, skipped int64
	err                                    error
}

// replayInFlight is how many calls may wait for answers.
const replayInFlight = 256

func (o *replayOptions) start(ctx context.Context, v *callView, out io.Writer) (*replayer, error) {
	client, err := thriftkit.Dial(ctx, o.target, append(registries(), foreignDialects())...)
	if err != nil {
		return nil, err
	}
	return &replayer{o: o, v: v, ctx: ctx, client: client, out: out, slots: make(chan struct{}, replayInFlight)}, nil
}

// add sends a call when it is due.
func (p *replayer) add(c *capture.Call) error {
	if !p.v.r.matches(p.v.filter, c) {
		return nil
	}
	m := p.v.r.methodOf(c)
	if c.Request == nil || m == nil || c.Request.Missing > 0 {
		p.skipped++
		return nil
	}
	args, err := c.Request.Value(m)
	if err != nil {
		p.skipped++
		return nil
	}
	want := p.v.r.outcome(c)
	if p.began.IsZero() {
		p.first, p.began = c.Time(), time.Now()
	}
	if p.o.speed > 0 {
		due := time.Duration(float64(c.Time().Sub(p.first))/p.o.speed) - time.Since(p.began)
		select {
		case <-time.After(due):
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	line := p.v.r.appendLine(nil, c) // the reader of calls is not for concurrent use
	p.sent++
	p.slots <- struct{}{}
	p.wait.Go(func() {
		defer func() { <-p.slots }()
		ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		defer cancel()
		v, err := p.client.Invoke(ctx, m, args)
		var got answerText
		var ex *thriftkit.Exception
		var remote *thriftkit.Error
		switch {
		case errors.As(err, &ex):
			got.kind, got.name = "exception", ex.Value.Schema().Name
			got.json, got.err = dynamic.AppendJSON(nil, ex.Value.Schema().Type(), dynamic.StructValue(ex.Value), dynamic.JSONOptions{Binary: p.v.r.form})
		case errors.As(err, &remote) && remote.Remote:
			got.kind, got.name, got.text = "error", remote.Code.String(), remote.Message
		case err != nil:
			p.note(&p.failed, fmt.Sprintf("failed: %s: %v\n", m, err))
			return
		case v.IsSet():
			got.kind = "result"
			got.json, got.err = dynamic.AppendJSON(nil, m.Result, v, dynamic.JSONOptions{Binary: p.v.r.form})
		default:
			got.kind = "result"
		}
		switch {
		case c.Reply == nil || want.err != nil:
			p.note(&p.same, "") // there is nothing to compare with
		case got.kind == want.kind && (got.name == want.name || c.Reply.Failure != nil) && got.text == want.text && bytes.Equal(got.json, want.json):
			p.note(&p.same, "")
		default:
			p.note(&p.different, fmt.Sprintf("different: %s       now: %s\n", line, got.String()))
		}
	})
	return nil
}

// String says what a reply is, in short.
func (o answerText) String() string {
	switch {
	case o.kind == "error":
		return fmt.Sprintf("error %s: %q", o.name, o.text)
	case o.json == nil:
		return "void"
	case o.kind == "exception":
		return o.name + " " + inShort(o.json)
	}
	return inShort(o.json)
}

func (p *replayer) note(count *int64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*count++
	if text != "" && p.err == nil {
		_, p.err = io.WriteString(p.out, text)
	}
}

// finish waits for the last answers and says how many were the same. It is an error if one was not.
func (p *replayer) finish() error {
	p.wait.Wait()
	p.client.Close()
	if p.err != nil {
		return p.err
	}
	if _, err := fmt.Fprintf(p.out, "%s: %d answered as recorded, %d differently, %d failed; %d of the capture could not be sent\n",
		plural.Of(p.sent, "call"), p.same, p.different, p.failed, p.skipped); err != nil {
		return err
	}
	if p.different+p.failed > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}
