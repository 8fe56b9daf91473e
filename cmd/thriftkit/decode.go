package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/raw"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
	"github.com/thriftkit/thriftkit/wire/explain"
)

type decodeOptions struct {
	includeDirs []string
	idl         string
	in          string
	binary      string
	structName  string
	bare        bool
	protocol    string
	explain     bool
}

const decodeLong = `decode prints Thrift messages as JSON, one on each line, in any dialect.

BYTES is hex or base64, @FILE a file with either or with the bytes themselves, and @- or nothing standard input. The dialect
is detected from the bytes: frames, THeader, TTHeader, HTTP, zlib; binary, compact and the forms of JSON. Any number of
messages may follow each other, as in one direction of a connection. Messages of rpcx, Motan2 and Dubbo are read as well,
by --idl: without it, and in a reply that does not say which method it is of, their values are "bytes". A reply that
follows its call is of that method.

With --idl values have the names of the file; what the file does not know follows under "unknown". Without it fields have
their ids and types, as in {"1": {"string": "root"}}. encode accepts both forms.

--struct and --bare are for a struct alone, without a message around it; it is binary unless --protocol says otherwise.
--explain prints every range of bytes with its meaning instead.`

const decodeExample = `  thriftkit decode --idl foo.thrift 80010001000000056c6f67696e000000010b000100000004726f6f740b00020000000370776400
  thriftkit decode gAEAAQAAAARwaW5nAAAAAQA=
  thriftkit decode --explain --idl foo.thrift @login.bin`

func newDecode() *cobra.Command {
	o := &decodeOptions{}
	cmd := &cobra.Command{
		Use:     "decode [flags] [BYTES | @FILE | @-]",
		Short:   "Print the bytes of messages as JSON",
		Long:    decodeLong,
		Example: decodeExample,
		Args:    needArgs(0, 1, "BYTES"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.InOrStdin(), cmd.OutOrStdout(), args)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addIncludeFlag(cmd, &o.includeDirs)
	f := cmd.Flags()
	f.StringVar(&o.idl, "idl", "", "the `FILE` that declares the methods")
	f.StringVar(&o.in, "in", "auto", "what the bytes are written in: `FORM` auto, hex, base64 or raw")
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written: `FORM` base64, hex or text")
	f.StringVar(&o.structName, "struct", "", "the bytes are the struct `NAME` alone, of the file of --idl")
	f.BoolVar(&o.bare, "bare", false, "the bytes are a struct alone, whose type is unknown")
	f.StringVar(&o.protocol, "protocol", "", "the protocol of a struct alone: `P` "+strings.Join(protocol.Names(), ", ")+" (default: binary)")
	f.BoolVar(&o.explain, "explain", false, "print every range of bytes with its meaning")
	mustComplete(cmd.RegisterFlagCompletionFunc("idl", completeFiles))
	mustComplete(cmd.RegisterFlagCompletionFunc("in", cobra.FixedCompletions(raw.Forms, cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(protocol.Names(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *decodeOptions) run(in io.Reader, out io.Writer, args []string) error {
	form, err := dynamic.ParseBinaryForm(o.binary)
	switch {
	case err != nil:
		return usagef("--binary: %w", err)
	case o.structName != "" && o.idl == "":
		return usagef("--struct needs --idl FILE, which declares it; --bare does without")
	case o.structName != "" && o.bare:
		return usagef("give either --struct or --bare")
	case o.protocol != "" && o.structName == "" && !o.bare:
		return usagef("--protocol is for --struct and --bare: messages say what they are in")
	}
	data, err := readBytes(in, args, o.in)
	if err != nil {
		return err
	}
	d := &decoder{form: form}
	if o.idl != "" {
		if d.file, err = load(o.idl, o.includeDirs); err != nil {
			return err
		}
	}
	f := foreignIn(data)
	switch {
	case f != nil && o.structName == "" && !o.bare:
		return f.decode(out, d, data, o.explain)
	case o.explain:
		return o.print(out, d, data)
	case o.structName != "" || o.bare:
		return d.alone(out, o.structName, o.protocol, data)
	}
	return raw.Messages(data, func(m *raw.Message) error {
		text, err := d.message(m)
		if err == nil {
			_, err = out.Write(append(text, '\n'))
		}
		return err
	})
}

// print explains the bytes.
func (o *decodeOptions) print(out io.Writer, d *decoder, data []byte) error {
	opts := explain.Options{Protocol: o.protocol, Method: func(name string) *schema.Method {
		if d.file != nil {
			if m, _, err := findMethod(d.file, name); err == nil {
				return m
			}
		}
		return nil
	}}
	var ranges []explain.Range
	var err error
	if o.structName != "" || o.bare {
		var desc *schema.Struct
		if o.structName != "" {
			if desc, err = d.structCalled(o.structName); err != nil {
				return err
			}
		}
		ranges, err = explain.Value(data, desc, opts)
	} else {
		ranges, err = explain.Stream(data, opts)
	}
	if _, writeErr := out.Write(explain.AppendDump(nil, data, ranges)); writeErr != nil {
		return writeErr
	}
	return err
}

// readBytes returns the bytes that the argument, or standard input, has.
func readBytes(in io.Reader, args []string, form string) ([]byte, error) {
	text := []byte(nil)
	var err error
	switch name, isFile := strings.CutPrefix(strings.Join(args, ""), "@"); {
	case len(args) == 0 || isFile && name == "-":
		text, err = io.ReadAll(in)
	case isFile:
		text, err = os.ReadFile(name)
	case form == "raw":
		return nil, usagef("--in raw needs @FILE or standard input: an argument is text")
	default:
		text = []byte(args[0])
		if form == "auto" {
			for _, form := range []string{"hex", "base64"} {
				if b, err := raw.Bytes(text, form); err == nil && len(b) > 0 {
					return b, nil
				}
			}
			return nil, usagef("%s is neither hex nor base64 (@FILE reads a file)", shorten(args[0]))
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := raw.Bytes(text, form)
	if err != nil {
		return nil, usagef("%w", err)
	}
	if len(b) == 0 {
		return nil, errors.New("there are no bytes")
	}
	return b, nil
}

// A decoder turns messages into JSON.
type decoder struct {
	file *schema.File // nil: fields have ids
	form dynamic.BinaryForm
}

func (d *decoder) structCalled(name string) (*schema.Struct, error) {
	if s := d.file.Struct(name); s != nil {
		return s, nil
	}
	var names []string
	for _, s := range d.file.Structs {
		names = append(names, s.Name)
	}
	return nil, usagef("%s has no struct %q%s", d.file.Path, name, didYouMean(name, names))
}

// alone prints a struct without a message.
func (d *decoder) alone(out io.Writer, name, protocolName string, data []byte) error {
	desc := anything()
	if name != "" {
		var err error
		if desc, err = d.structCalled(name); err != nil {
			return err
		}
	}
	p, err := protocol.ByName(protocolName)
	if err != nil {
		return usagef("--protocol: %w", err)
	}
	if name == "" && !hasIDs(p) {
		return usagef("values in %s have names in place of ids: --struct and --idl are needed", p.Name())
	}
	var s *dynamic.Struct
	if err := thriftkit.Unmarshal(desc, data, &s, thriftkit.WithProtocol(p.Name())); err != nil {
		return err
	}
	text, err := d.value(nil, s)
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// hasIDs reports whether messages in p can be read without a schema.
func hasIDs(p protocol.Protocol) bool {
	return p.Name() == "binary" || p.Name() == "compact" || p.Name() == "json"
}

// anything returns a struct that knows no field, so that all of them are kept as unknown ones.
var anything = sync.OnceValue(func() *schema.Struct {
	desc := &schema.Struct{Name: "message"}
	if err := schema.Link(&schema.File{Structs: []*schema.Struct{desc}}); err != nil {
		panic(err) // the literal above is wrong
	}
	return desc
})

// value appends a struct as JSON: by names, or by ids if nothing is known of it.
func (d *decoder) value(dst []byte, s *dynamic.Struct) ([]byte, error) {
	if len(s.Schema().Fields) == 0 && len(s.Unknown()) > 0 {
		return raw.AppendJSON(dst, s.Unknown())
	}
	return dynamic.AppendJSON(dst, s.Schema().Type(), dynamic.StructValue(s), dynamic.JSONOptions{Binary: d.form})
}

// message returns a message as JSON.
func (d *decoder) message(m *raw.Message) ([]byte, error) {
	h, off, err := m.Protocol.ConsumeHeader(m.Bytes)
	if err != nil {
		return nil, err
	}
	if d.file == nil && !hasIDs(m.Protocol) {
		return nil, usagef("messages in %s have names in place of ids: --idl is needed", m.Protocol.Name())
	}
	method := d.method(h.Name)
	desc := anything()
	switch {
	case h.Type == wire.Exception:
		desc = rpcError()
	case method == nil:
	case h.Type == wire.Reply:
		desc = method.Reply()
	default:
		desc = method.Args
	}
	t, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), desc.Type())
	if err != nil {
		return nil, err
	}
	var s *dynamic.Struct
	end, err := m.Protocol.ConsumeValue(m.Bytes, off, t, mem.To(&s))
	if err == nil {
		end, err = m.Protocol.ConsumeTrailer(m.Bytes, end)
	}
	if err == nil && end != len(m.Bytes) {
		err = wire.Errorf(end, wire.ErrInvalid, "%s after the message", plural.Of(len(m.Bytes)-end, "byte"))
	}
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"type":`), quoteJSON(h.Type.String())...)
	out = append(out, `,"name":`+quoteJSON(strings.ToValidUTF8(h.Name, "\ufffd"))...)
	out = append(out, `,"seqid":`+strconv.Itoa(int(h.SeqID))...)
	out = append(out, `,"protocol":`+quoteJSON(m.Protocol.Name())...)
	switch p := m.Protocol.(type) {
	case binary.Protocol:
		if len(m.Bytes) > 0 && m.Bytes[0] < 0x80 {
			out = append(out, `,"old":true`...)
		}
	case compact.Protocol:
		if p.Version2 {
			out = append(out, `,"version":2`...)
		}
	}
	out = append(out, `,"transport":`+quoteJSON(m.Transport)...)
	if e := m.Envelope; e != nil {
		if out, err = appendForm(out, e.Form()); err != nil {
			return nil, err
		}
		for name, md := range map[string]map[string]string{"metadata": e.Transient, "persistent": e.Persistent} {
			if len(md) > 0 {
				text, err := json.Marshal(md) // sorted by name
				if err != nil {
					return nil, err
				}
				out = append(append(out, `,"`+name+`":`...), text...)
			}
		}
	}
	if out, err = d.content(out, h, method, s); err != nil {
		return nil, err
	}
	if method != nil && h.Type != wire.Exception {
		if out, err = appendDefaults(out, m, off, s); err != nil {
			return nil, err
		}
	}
	return append(d.unknown(out, method, s), '}'), nil
}

// appendDefaults appends the places of fields in s that have their defaults because the message, whose value is at off, does not have
// them: encode leaves them out.
func appendDefaults(out []byte, m *raw.Message, off int, s *dynamic.Struct) ([]byte, error) {
	bare := plan.WithoutDefaults(s.Schema())
	if bare == s.Schema() {
		return out, nil
	}
	t, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), bare.Type())
	if err != nil {
		return out, err
	}
	var sent *dynamic.Struct
	if _, err := m.Protocol.ConsumeValue(m.Bytes, off, t, mem.To(&sent)); err != nil {
		return out, err
	}
	had := make(map[string]bool)
	eachField(sent, func(at string, _ *dynamic.Struct, _ *schema.Field) { had[at] = true })
	var places []string
	eachField(s, func(at string, _ *dynamic.Struct, f *schema.Field) {
		if f.Default != nil && !had[at] {
			places = append(places, at)
		}
	})
	if len(places) == 0 {
		return out, nil
	}
	text, err := json.Marshal(places)
	return append(append(out, `,"defaults":`...), text...), err
}

// eachField calls f for each field that is set in the structs of s, with its place, such as "args.user.tags[2].name".
func eachField(s *dynamic.Struct, f func(at string, s *dynamic.Struct, field *schema.Field)) {
	var walk func(path string, v dynamic.Value)
	walk = func(path string, v dynamic.Value) {
		switch {
		case v.Struct() != nil:
			in := v.Struct()
			for field, v := range in.Fields() {
				f(path+"."+field.Name, in, field)
				walk(path+"."+field.Name, v)
			}
		case v.List() != nil:
			for i, v := range v.List().All() {
				walk(path+"["+strconv.Itoa(i)+"]", v)
			}
		case v.Map() != nil:
			for i, e := range v.Map().Entries() {
				walk(path+"{"+strconv.Itoa(i)+"}", e.Key)
				walk(path+"{"+strconv.Itoa(i)+"}", e.Value)
			}
		}
	}
	walk(s.Schema().Kind.String(), dynamic.StructValue(s))
}

// appendForm appends how a message with a header was written, where that is not as usual.
func appendForm(out []byte, f msgio.Form) ([]byte, error) {
	if f.Flags != 0 {
		out = append(out, `,"flags":`+strconv.Itoa(int(f.Flags))...)
	}
	if f.Framed {
		out = append(out, `,"framed":true`...)
	}
	if len(f.Transforms) > 0 {
		text, err := json.Marshal(f.Transforms)
		if err != nil {
			return nil, err
		}
		out = append(append(out, `,"transforms":`...), text...)
	}
	return out, nil
}

// method returns what the file has for the name in a message, which may have a service before, or nil.
func (d *decoder) method(name string) *schema.Method {
	if d.file == nil {
		return nil
	}
	if service, method, ok := strings.Cut(name, ":"); ok {
		if svc := d.file.Service(service); svc != nil {
			return svc.Method(method)
		}
		name = method
	}
	// Services that have methods of one name have others for it, maybe; the first one is as good as any.
	if list := methodsCalled(d.file, name); len(list) > 0 {
		return list[0]
	}
	return nil
}

// content appends what a message is about.
func (d *decoder) content(out []byte, h wire.Header, m *schema.Method, s *dynamic.Struct) ([]byte, error) {
	switch {
	case h.Type == wire.Exception:
		code := rpc.Code(s.Get("type").Int())
		out = append(out, `,"error":{`...)
		if s.Has("type") {
			out = append(out, `"code":`+strconv.Itoa(int(code))+`,`...)
		}
		out = append(out, `"kind":`+quoteJSON(code.String())...)
		if s.Has("message") {
			out = append(out, `,"message":`+quoteJSON(strings.ToValidUTF8(s.Get("message").Text(), "\ufffd"))...)
		}
		return append(out, '}'), nil
	case m == nil:
		return d.value(append(out, `,"fields":`...), s)
	case h.Type != wire.Reply:
		return d.value(append(out, `,"args":`...), s)
	}
	for f, v := range s.Fields() {
		if f.ID == 0 {
			return dynamic.AppendJSON(append(out, `,"result":`...), f.Type, v, dynamic.JSONOptions{Binary: d.form})
		}
		out = append(out, `,"exception":`+quoteJSON(f.Type.Struct.Name)+`,"value":`...)
		return d.value(out, v.Struct())
	}
	return append(out, `,"result":null`...), nil
}

// unknown appends the fields that the file does not know, each with where they are.
func (d *decoder) unknown(out []byte, m *schema.Method, s *dynamic.Struct) []byte {
	if m == nil {
		return out
	}
	n := 0
	var walk func(path string, v dynamic.Value)
	walk = func(path string, v dynamic.Value) {
		switch {
		case v.Struct() != nil:
			if u := v.Struct().Unknown(); len(u) > 0 {
				if n++; n == 1 {
					out = append(out, `,"unknown":[`...)
				} else {
					out = append(out, ',')
				}
				out = append(out, `{"in":`+quoteJSON(path)+`,"fields":`...)
				out, _ = raw.AppendJSON(out, u) // which the decoder has seen to be whole
				out = append(out, '}')
			}
			for f, v := range v.Struct().Fields() {
				walk(path+"."+f.Name, v)
			}
		case v.List() != nil:
			for i, v := range v.List().All() {
				walk(path+"["+strconv.Itoa(i)+"]", v)
			}
		case v.Map() != nil:
			for i, e := range v.Map().Entries() {
				walk(path+"{"+strconv.Itoa(i)+"}", e.Key)
				walk(path+"{"+strconv.Itoa(i)+"}", e.Value)
			}
		}
	}
	walk(s.Schema().Kind.String(), dynamic.StructValue(s))
	if n > 0 {
		out = append(out, ']')
	}
	return out
}

// rpcError returns the struct of TApplicationException, which no file declares.
var rpcError = sync.OnceValue(func() *schema.Struct {
	desc := &schema.Struct{Name: "TApplicationException", Kind: schema.Exception, Fields: []*schema.Field{
		{ID: 1, Name: "message", Type: schema.Base(schema.KindString), Requiredness: schema.Optional},
		{ID: 2, Name: "type", Type: schema.Base(schema.KindI32), Requiredness: schema.Optional},
	}}
	if err := schema.Link(&schema.File{Structs: []*schema.Struct{desc}}); err != nil {
		panic(err) // the literal above is wrong
	}
	return desc
})

var errUnknownFields = fmt.Errorf("fields that the file does not know cannot be written by name: leave --idl out in decode and encode")
