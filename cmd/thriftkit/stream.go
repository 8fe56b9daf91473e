package main

import (
	"bytes"
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
	var items itemSource
	var args *dynamic.Struct
	var err error
	if m.ClientItem() == nil {
		args, err = c.o.arguments(m, r, in)
	} else {
		items, err = c.items(m, r, in)
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
			if err := sendItems(s, items); err != nil {
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

// An itemSource returns what is to be streamed to the server, one message after the other, and io.EOF after the last one.
type itemSource func() (dynamic.Value, error)

// An inputError says what is wrong with what is to be sent.
type inputError struct{ error }

func (e *inputError) Unwrap() error { return e.error }

// items returns what -d says. All of it is read before the call, except what comes from standard input.
func (c *caller) items(m *schema.Method, r request, in io.Reader) (itemSource, error) {
	if r.data == nil {
		return nil, usagef("%s streams to the server: give the messages with -d, one JSON value after the other (-d @- reads them from standard input as they come)", m)
	}
	name, isFile := strings.CutPrefix(*r.data, "@")
	text := io.Reader(strings.NewReader(*r.data))
	switch {
	case isFile && name == "-":
		return c.decodeItems(m, in), nil
	case isFile:
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("-d: %w", err)
		}
		text = bytes.NewReader(b)
	}
	var list []dynamic.Value
	for next := c.decodeItems(m, text); ; {
		v, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return func() (v dynamic.Value, err error) {
		if len(list) == 0 {
			return v, io.EOF
		}
		v, list = list[0], list[1:]
		return v, nil
	}, nil
}

func (c *caller) decodeItems(m *schema.Method, text io.Reader) itemSource {
	dec := json.NewDecoder(text)
	i := 0
	return func() (v dynamic.Value, err error) {
		i++
		var raw json.RawMessage
		if err = dec.Decode(&raw); err == io.EOF {
			return v, io.EOF
		}
		if err == nil {
			v, err = dynamic.ParseJSON(m.ClientItem(), raw, dynamic.JSONOptions{Binary: c.o.output.form})
		}
		if err != nil {
			return v, &inputError{fmt.Errorf("-d, message %d: %w", i, err)}
		}
		return v, nil
	}
}

// sendItems sends what items returns, and the end. Errors of the network are what Recv tells.
func sendItems(s rpc.Stream, items itemSource) error {
	for {
		v, err := items()
		if err == io.EOF {
			s.CloseSend()
			return nil
		}
		if err != nil {
			return err
		}
		if s.Send(v) != nil {
			return nil
		}
	}
}
