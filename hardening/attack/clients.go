package attack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/binary"
)

// Clients lets servers answer the calls of clients of thriftkit in this process with hostile bytes. Growth of the
// results is the most that one reply made the client allocate; there is no Before and During. A call that does not
// end in time is an error of the result; a panic ends the program.
func Clients(ctx context.Context, o Options) ([]Result, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	file, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	svc := file.Service("Conformance")
	seq, err := firstSequence(svc)
	if err != nil {
		return nil, err
	}
	mib := 1 << 10
	if o.Short {
		mib = 1 << 7
	}
	const most = 4 << 20
	var results []Result
	for _, family := range []struct {
		name  string
		bound int64
		make  func(speech) []input
	}{
		{"replies: lengths and counts that lie", most, ofBytes(lengths)},
		{"replies: types that do not exist", most, ofBytes(kinds)},
		{"replies: 100,000 levels", 16 << 20, ofBytes(depths)}, // a message of up to 800 kB is read in growing buffers
		{"replies: hostile JSON", 32 << 20, ofTexts},           // of 1 MB, the same
		{"replies: frames and headers that lie", most, envelopes},
		{"replies: sequence ids wrong and many times", most, ofBytes(sequenceReplies)},
		{"replies: bombs of zlib", 128 << 20, func(s speech) []input { return bombs(s, mib) }},
	} {
		if o.Only != nil && !o.Only(family.name) {
			continue
		}
		r := Result{Attack: family.name, Short: o.Short, Bound: family.bound}
		for _, d := range All() {
			all := family.make(speech{Dialect: d, reply: true, seq: seq})
			if o.Short {
				all = sample(all, 40)
			}
			if err := answer(ctx, &r, d, svc, all); err != nil {
				return results, fmt.Errorf("%s: %s: %w", family.name, d, err)
			}
		}
		results = append(results, r)
		o.Log("%s: %d inputs, at most %s for one, %d errors %s", r.Attack, r.Inputs, mebibytes(r.Growth), r.Errors, r.Note)
	}
	return results, nil
}

// firstSequence returns the sequence id of the first call on a connection.
func firstSequence(svc *schema.Service) (int32, error) {
	b, err := record(Dialect{"binary", "buffered"}, svc.Method("ping"), nil)
	if err != nil {
		return 0, err
	}
	h, _, err := binary.ConsumeHeader(b)
	return h.SeqID, err
}

// answer calls a server that answers each call with the next input and then hangs up.
func answer(ctx context.Context, r *Result, d Dialect, svc *schema.Service, all []input) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	replies := make(chan []byte, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			hangUp(nc, replies)
		}
	}()
	defer func() { l.Close(); <-stopped }()
	for _, in := range all {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Inputs++
		replies <- in.bytes
		allocated, err := callOnce(ctx, d.Target(l.Addr().String()), svc.Method(in.method))
		select { // the client may have ended before the server had the input
		case <-replies:
		default:
		}
		r.Growth = max(r.Growth, allocated)
		if err != nil {
			r.Errors++
			r.Note = fmt.Sprintf("%s, %s: %v", d, in.name, err)
		}
	}
	return nil
}

// hangUp answers the first bytes of a connection with the next reply, and ends it. A connection without bytes, as
// clients of HTTP begin with, takes no reply.
func hangUp(nc net.Conn, replies <-chan []byte) {
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(clientPatience))
	if n, _ := nc.Read(make([]byte, 4096)); n == 0 {
		return
	}
	select {
	case b := <-replies:
		nc.Write(b)
	default:
	}
}

// clientPatience bounds the calls of clients.
const clientPatience = 30 * time.Second

// callOnce calls m with a new client and returns how many bytes were allocated meanwhile. That the call fails is as
// it should be; the error is of one that does not end in time.
func callOnce(ctx context.Context, target string, m *schema.Method) (allocated int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	c, err := thriftkit.Dial(ctx, target)
	if err != nil {
		return 0, nil // the server hung up at once
	}
	defer c.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err = thriftkit.Invoke[any](ctx, c, m)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	allocated = int64(after.TotalAlloc - before.TotalAlloc)
	if took > clientPatience+time.Second || errors.Is(err, context.DeadlineExceeded) {
		return allocated, fmt.Errorf("it took %v: %w", took, err)
	}
	return allocated, nil
}
