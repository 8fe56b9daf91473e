package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/explain"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// A foreignCodec reads messages of another framework.
type foreignCodec struct {
	capture.MessageProtocol
	name string
}

var foreignCodecs = []*foreignCodec{
	{dubbo.Capture().(capture.MessageProtocol), dubbo.Name},
	{motan.Capture().(capture.MessageProtocol), motan.Name},
	{rpcx.Capture().(capture.MessageProtocol), rpcx.Name},
}

// foreignNamed returns what reads the messages whose transport has that name; nil if there is none.
func foreignNamed(name string) *foreignCodec {
	if i := slices.IndexFunc(foreignCodecs, func(f *foreignCodec) bool { return f.name == name }); i >= 0 {
		return foreignCodecs[i]
	}
	return nil
}

// foreignIn returns what reads the messages of a stream; nil if they are not of another framework.
func foreignIn(stream []byte) *foreignCodec {
	for _, p := range foreignCodecs {
		const least = 2 // bytes by which they tell themselves apart
		side, more := p.Match(stream)
		if side == capture.NoSide && (!more || len(stream) < least) {
			continue
		}
		return p
	}
	return nil
}

// decode prints the messages of a stream: each as JSON, or what its bytes mean.
func (f *foreignCodec) decode(out io.Writer, d *decoder, stream []byte, explained bool) error {
	r := &callReader{decoder: *d}
	calls := make(map[int32]*capture.Message) // by their ids
	methodOf := func(c *capture.Call) *schema.Method {
		if c == nil {
			return nil
		}
		if c.Request != nil {
			calls[c.Request.SeqID] = c.Request
		} else if call := calls[c.Reply.SeqID]; call != nil && c.Reply.Name == "" {
			c.Reply.Name = call.Name
		}
		return r.methodOf(c)
	}
	if explained {
		ranges, err := f.explain(stream, methodOf)
		_, writeErr := out.Write(explain.AppendDump(nil, stream, ranges))
		return cmp.Or(err, writeErr)
	}
	for i, off := 1, 0; off < len(stream); i++ {
		c, n, err := f.ReadMessage(stream[off:])
		if err != nil {
			return fmt.Errorf("message %d of %s: %w", i, f.name, err)
		}
		text, err := f.appendJSON(nil, r, c, methodOf(c))
		if err != nil {
			return fmt.Errorf("message %d of %s: %w", i, f.name, err)
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return err
		}
		off += n
	}
	return nil
}

// explain says what the bytes of messages mean. methodOf tells what a message is of, which may be nil; so may the message, if it is neither
// a call nor a reply. With an error, the ranges are those up to it and the rest.
func (f *foreignCodec) explain(stream []byte, methodOf func(*capture.Call) *schema.Method) ([]explain.Range, error) {
	var ranges []explain.Range
	for i, off := 1, 0; off < len(stream); i++ {
		c, n, err := f.ReadMessage(stream[off:])
		if err != nil {
			ranges = append(ranges, explain.Range{Start: off, End: len(stream), Name: "not understood"})
			return ranges, fmt.Errorf("message %d of %s: %w", i, f.name, err)
		}
		for _, x := range f.ExplainMessage(stream[off:off+n], methodOf(c)) {
			x.Start, x.End = x.Start+off, x.End+off
			ranges = append(ranges, x)
		}
		off += n
	}
	return ranges, nil
}

// appendJSON appends a message as JSON.
func (f *foreignCodec) appendJSON(out []byte, r *callReader, c *capture.Call, method *schema.Method) ([]byte, error) {
	if c == nil {
		return append(out, `{"type":"heartbeat","transport":`+quoteJSON(f.name)+`}`...), nil
	}
	m := c.Request
	if m == nil {
		m = c.Reply
	}
	out = append(out, `{"type":`+quoteJSON(m.Type.String())...)
	if m.Name != "" {
		out = append(out, `,"name":`+quoteJSON(m.Name)...)
	}
	out = append(out, `,"seqid":`+strconv.Itoa(int(m.SeqID))+`,"protocol":`+quoteJSON(m.Protocol)+`,"transport":`+quoteJSON(m.Transport)...)
	if m.Over != "" {
		out = append(out, `,"over":`+quoteJSON(m.Over)...)
	}
	if m.Target != "" {
		out = append(out, `,"target":`+quoteJSON(m.Target)...)
	}
	if len(m.Metadata) > 0 {
		text, err := json.Marshal(m.Metadata) // sorted by name
		if err != nil {
			return nil, err
		}
		out = append(append(out, `,"metadata":`...), text...)
	}
	switch {
	case m.Type == wire.Exception:
		o := r.outcome(c)
		text := fmt.Sprintf(`,"error":{"code":%d,"kind":%s,"message":%s}`, o.code, quoteJSON(o.name), quoteJSON(o.text))
		return append(append(out, text...), '}'), o.err
	case method == nil:
		out = append(out, `,"bytes":"`+base64.StdEncoding.EncodeToString(m.Bytes[m.Offset:])+`"`...)
	case c.Request != nil:
		args, err := r.appendArgs(append(out, `,"args":`...), c)
		if err != nil {
			return nil, err
		}
		out = args
	default:
		o := r.outcome(c)
		if o.err != nil {
			return nil, o.err
		}
		key := "result"
		if o.kind == "exception" {
			out = append(out, `,"exception":`+quoteJSON(o.name)...)
			key = "value"
		}
		if o.json == nil {
			o.json = []byte("null")
		}
		out = append(append(out, `,"`+key+`":`...), o.json...)
	}
	return append(out, '}'), nil
}
