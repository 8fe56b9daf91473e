package gentest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/common"
	"github.com/thriftkit/thriftkit/gen/gentest/coded/streams"
	kept "github.com/thriftkit/thriftkit/gen/gentest/kept/streams"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/thrifttest"
)

type flows struct{}

func (flows) Ping(context.Context) (string, error) { return "pong", nil }

func (flows) Streams(_ context.Context, text string) (string, error) { return text, nil }

func (flows) Up(_ context.Context, in *rpc.Receiver[*streams.Part]) (sum int32, err error) {
	for part, err := range in.All() {
		if err != nil {
			return 0, err
		}
		sum += part.N
	}
	return sum, nil
}

func (flows) Down(_ context.Context, n int32, out *rpc.Sender[*streams.Part]) error {
	for i := range n {
		if err := out.Send(&streams.Part{N: i, At: &common.Point{X: i}}); err != nil {
			return err
		}
	}
	if n == 2 {
		return &streams.Gone{Why: "two"}
	}
	return nil
}

func (flows) Both(_ context.Context, in *rpc.Receiver[*streams.Part], out *rpc.Sender[*streams.Part]) error {
	for part, err := range in.All() {
		if err != nil {
			return err
		}
		part.N *= 2
		if err := out.Send(part); err != nil {
			return err
		}
	}
	return nil
}

func (flows) Drop(_ context.Context, in *rpc.Receiver[string]) error {
	for _, err := range in.All() {
		if err != nil {
			return err
		}
	}
	return nil
}

type sinks struct{}

func (sinks) Count(_ context.Context, upto int32, _ string, out *rpc.Sender[int32]) error {
	for i := range upto {
		if err := out.Send(i); err != nil {
			return err
		}
	}
	return nil
}

func (sinks) Fill(ctx context.Context, name string, in *rpc.Receiver[*streams.Part]) (int32, error) {
	n, err := flows{}.Up(ctx, in)
	return n + int32(len(name)), err
}

// TestStreams has generated clients and servers stream within the process.
func TestStreams(t *testing.T) {
	s := thriftkit.NewServer()
	if err := errors.Join(s.Register(streams.FlowsService(), streams.FlowsHandler(flows{})), s.Register(streams.SinksService(), streams.SinksHandler(sinks{}))); err != nil {
		t.Fatal(err)
	}
	conn := thriftkit.NewClient(s.Handle)
	c, ctx := streams.NewFlowsClient(conn), t.Context()
	if got, err := c.Ping(ctx); got != "pong" || err != nil {
		t.Error(got, err)
	}
	if got, err := c.Streams(ctx, "x"); got != "x" || err != nil {
		t.Error(got, err)
	}
	up, err := c.Up(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := up.Send(&streams.Part{N: int32(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := up.CloseAndRecv(); sum != 10 || err != nil {
		t.Error(sum, err)
	}
	for n, want := range []string{"<nil>", "0 <nil>", "0 1 two", "0 1 2 <nil>"} {
		down, err := c.Down(ctx, int32(n))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		end := "<nil>"
		for part, err := range down.All() {
			var gone *streams.Gone
			if errors.As(err, &gone) {
				end = gone.Why
				break
			}
			if err != nil || part.At.X != part.N {
				t.Fatal(part, err)
			}
			got = append(got, fmt.Sprint(part.N))
		}
		if text := strings.Join(append(got, end), " "); text != want {
			t.Errorf("down %d: %s, want %s", n, text, want)
		}
	}
	both, err := c.Both(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := both.Send(&streams.Part{N: int32(i)}); err != nil {
			t.Fatal(err)
		}
		if part, err := both.Recv(); err != nil || part.N != int32(2*i) {
			t.Fatal(part, err)
		}
	}
	both.CloseSend()
	if part, err := both.Recv(); err != io.EOF {
		t.Error(part, err)
	}
	drop, err := c.Drop(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := drop.Send("x"); err != nil {
		t.Error(err)
	}
	if _, err := drop.CloseAndRecv(); err != nil {
		t.Error(err)
	}

	sink := streams.NewSinksClient(conn)
	count, err := sink.Count(ctx, 4, "")
	if err != nil {
		t.Fatal(err)
	}
	n := int32(0)
	for i, err := range count.All() {
		if err != nil || i != n {
			t.Fatal(i, err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d messages", n)
	}
	fill, err := sink.Fill(ctx, "four")
	if err != nil {
		t.Fatal(err)
	}
	if err := fill.Send(&streams.Part{N: 3}); err != nil {
		t.Error(err)
	}
	if sum, err := fill.CloseAndRecv(); sum != 7 || err != nil {
		t.Error(sum, err)
	}

	// The exceptions of code with a prefix have other names.
	down, err := kept.NewMyFlowsClient(conn).Down(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, err = range down.All() {
	}
	var gone *kept.MyGone
	if !errors.As(err, &gone) || gone.Why != "two" {
		t.Error(err)
	}
}

// TestStreamsNotCarried has a client of a connection that carries no streams: its other methods work.
func TestStreamsNotCarried(t *testing.T) {
	s := thrifttest.NewServer(t, streams.FlowsService(), streams.FlowsHandler(flows{}))
	c := streams.NewFlowsClient(s.Client())
	if got, err := c.Ping(t.Context()); got != "pong" || err != nil {
		t.Error(got, err)
	}
	if _, err := c.Up(t.Context()); err == nil || err.Error() != "Flows.up: invalid argument: the method streams, which connections of Thrift do not carry" {
		t.Error(err)
	}
}
