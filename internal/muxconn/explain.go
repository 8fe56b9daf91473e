package muxconn

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/explain"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// Parts say what the bytes of a message mean, from its beginning to its end.
type Parts struct {
	Ranges []explain.Range
	msg    []byte
	end    int // up to where there are ranges
}

// PartsOf returns the parts of msg, of which there are none yet.
func PartsOf(msg []byte) *Parts { return &Parts{msg: msg} }

// Rest returns the bytes that have no meaning yet.
func (p *Parts) Rest() []byte { return p.msg[p.end:] }

// Add says what the next n bytes are; it adds nothing if n is 0.
func (p *Parts) Add(n, depth int, name, format string, args ...any) {
	if n == 0 {
		return
	}
	p.Ranges = append(p.Ranges, explain.Range{Start: p.end, End: p.end + n, Depth: depth, Name: name, Value: fmt.Sprintf(format, args...)})
	p.end += n
}

// Sized says what bytes are that follow their length, of 4 bytes.
func (p *Parts) Sized(depth int, name string, show func(b []byte) string) {
	n := int(binary.BigEndian.Uint32(p.Rest()))
	p.Add(4, depth, "length of the "+name, "%d", n)
	p.Add(n, depth, name, "%s", show(p.Rest()[:n]))
}

// Append adds what is known of the next bytes, as offsets in Rest.
func (p *Parts) Append(depth int, ranges []explain.Range) {
	from := p.end
	for _, r := range ranges {
		r.Start, r.End, r.Depth = from+r.Start, from+r.End, depth+r.Depth
		p.Ranges, p.end = append(p.Ranges, r), r.End
	}
}

// Hessian says what the next value of hessian2 is. d reads Rest from an offset of its own, from.
func (p *Parts) Hessian(d *hessian2.Decoder, depth int, name string) error {
	at := d.Offset()
	v, err := d.Any()
	if err != nil {
		return err
	}
	p.Add(d.Offset()-at, depth, name, "%s", textOf(v))
	return nil
}

// Argument names an argument of a method, which may be nil, by its place from 0.
func Argument(method *schema.Method, i int) string {
	if method == nil || i >= len(method.Args.Fields) {
		return "argument " + strconv.Itoa(i+1)
	}
	f := method.Args.Fields[i]
	return fmt.Sprintf("%s (argument %d, %s)", f.Name, i+1, f.Type)
}

// Quote returns text as a literal that is not long.
func Quote(b []byte) string {
	const most = 100 // bytes
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}

// textOf returns a value of hessian2 as a text that is not long.
func textOf(v any) string {
	const most = 200 // bytes
	var b strings.Builder
	appendText(&b, v, most)
	if b.Len() > most {
		return strings.ToValidUTF8(b.String()[:most], "") + "…"
	}
	return b.String()
}

func appendText(b *strings.Builder, v any, most int) {
	if b.Len() > most {
		return
	}
	each := func(open, end string, n int, item func(i int)) {
		b.WriteString(open)
		for i := range n {
			if b.Len() > most {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			item(i)
		}
		b.WriteString(end)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case string:
		b.WriteString(Quote([]byte(v)))
	case []byte:
		b.WriteString(Quote(v))
	case time.Time:
		b.WriteString(v.Format(time.RFC3339Nano))
	case []any:
		each("[", "]", len(v), func(i int) { appendText(b, v[i], most) })
	case *hessian2.List:
		each(v.Type+"[", "]", len(v.Items), func(i int) { appendText(b, v.Items[i], most) })
	case *hessian2.Map:
		each(v.Type+"{", "}", len(v.Entries), func(i int) {
			appendText(b, v.Entries[i].Key, most)
			b.WriteString(": ")
			appendText(b, v.Entries[i].Value, most)
		})
	case *hessian2.Object:
		each(v.Class+"{", "}", len(v.Fields), func(i int) {
			b.WriteString(v.Fields[i].Name + ": ")
			appendText(b, v.Fields[i].Value, most)
		})
	default:
		fmt.Fprint(b, v)
	}
}
