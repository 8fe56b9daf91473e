package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// streamed calls m, which streams: what the client sends is read from -d, one JSON value after the other, and what comes
// is written as it comes.
func (c *caller) streamed(m *schema.Method, r request, in io.Reader, std io.Writer) error {
	if c.o.repeat > 1 || c.o.dryRun || c.o.verbose {
		return usagef("%s streams: --repeat, --dry-run and --verbose do not go with it", m)
	}
	var items io.Reader
	var args *dynamic.Struct
	var err error
	if m.ClientItem() == nil {
		args, err = c.o.arguments(m, r, in)
	} else {
		items, err = openItems(m, r, in)
	}
	if err != nil {
		return err
	}
	if err := c.dial(); err != nil {
		return c.failure(err)
	}
	ctx, err := c.o.dialect.context(c.ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, done, err := c.o.output.open(std)
	if err != nil {
		return err
	}
	defer done()
	s, err := c.client.OpenStream(ctx, m, args)
	if err != nil {
		return c.failure(err)
	}
	if items != nil {
		go func() {
			if err := c.sendItems(s, m, items); err != nil {
				cancel(err)
			}
		}()
	}
	for {
		var v dynamic.Value
		err := s.Recv(&v)
		var input *inputError
		switch {
		case errors.As(context.Cause(ctx), &input):
			return input
		case err == io.EOF:
			return done()
		case err != nil:
			return c.failure(err)
		}
		if err := c.o.output.write(out, m.Result, v); err != nil {
			return err
		}
	}
}

// openItems returns the text of what is streamed to the server.
func openItems(m *schema.Method, r request, in io.Reader) (io.Reader, error) {
	if r.data == nil {
		return nil, usagef("%s streams to the server: give the messages with -d, one JSON value after the other (-d @- reads them from standard input as they come)", m)
	}
	name, isFile := strings.CutPrefix(*r.data, "@")
	switch {
	case !isFile:
		return strings.NewReader(*r.data), nil
	case name == "-":
		return in, nil
	}
	return os.Open(name) // the program ends soon
}

// An inputError says what is wrong with what is to be sent.
type inputError struct{ error }

func (e *inputError) Unwrap() error { return e.error }

// sendItems sends the values in text, and the end. Errors of the network are what Recv tells.
func (c *caller) sendItems(s rpc.Stream, m *schema.Method, text io.Reader) error {
	dec := json.NewDecoder(text)
	for i := 1; ; i++ {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if err == io.EOF {
			s.CloseSend()
			return nil
		}
		var v dynamic.Value
		if err == nil {
			v, err = dynamic.ParseJSON(m.ClientItem(), raw, dynamic.JSONOptions{Binary: c.o.output.form})
		}
		if err != nil {
			return &inputError{fmt.Errorf("-d, message %d: %w", i, err)}
		}
		if s.Send(v) != nil {
			return nil
		}
	}
}
