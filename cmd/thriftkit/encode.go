package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/fill"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/raw"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/msgio"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
	"github.com/thriftkit/thriftkit/wire/header"
	"go.yaml.in/yaml/v3"
)

type encodeOptions struct {
	includeDirs         []string
	idl                 string
	out                 string
	binary              string
	structName          string
	bare                bool
	call                string
	protocol, transport string
	seqID               int32
}

const encodeLong = `encode writes Thrift messages as bytes: what decode prints, or with --call the call of a method.

JSON is one object, or several one after the other; @FILE reads a file, and @- or nothing standard input. Each is a message as
decode prints it, of which "type", "seqid", "protocol" and "transport" may be missing: they are call, 1, binary and buffered then,
or what the flags say, which go first. "args", "result", "exception" with "value" need --idl; "fields" have ids and types, and do without.

With --call METHOD the arguments are ARG or a JSON object, as those of call. With --struct NAME or --bare it is a struct alone.`

const encodeExample = `  thriftkit encode --idl foo.thrift --call login root secret
  thriftkit encode --idl foo.thrift --transport framed '{"name": "login", "args": {"username": "root", "password": "secret"}}'
  thriftkit encode --out base64 '{"name": "ping", "fields": {"1": {"i32": 5}}}'`

func newEncode() *cobra.Command {
	o := &encodeOptions{}
	cmd := &cobra.Command{
		Use:     "encode [flags] [JSON | @FILE | @-], or encode --idl FILE --call METHOD [ARG…]",
		Short:   "Write messages as bytes",
		Long:    encodeLong,
		Example: encodeExample,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addIncludeFlag(cmd, &o.includeDirs)
	f := cmd.Flags()
	f.StringVar(&o.idl, "idl", "", "the `FILE` that declares the methods")
	f.StringVar(&o.out, "out", "hex", "what the bytes are written in: `FORM` hex, base64 or raw")
	f.StringVar(&o.binary, "binary", "base64", "how binary values are written: `FORM` base64, hex or text")
	f.StringVar(&o.structName, "struct", "", "write the struct `NAME` of the file of --idl, alone")
	f.BoolVar(&o.bare, "bare", false, "write a struct alone, of fields with ids and types")
	f.StringVar(&o.call, "call", "", "write a call of `METHOD`, whose arguments follow")
	f.StringVar(&o.protocol, "protocol", "", "the protocol: `P` "+strings.Join(protocol.Names(), ", "))
	f.StringVar(&o.transport, "transport", "", "the transport: `T` buffered, framed, header or ttheader")
	f.Int32Var(&o.seqID, "seqid", 0, "the sequence id: `N` (default: what the JSON says, else 1)")
	mustComplete(cmd.RegisterFlagCompletionFunc("idl", completeFiles))
	mustComplete(cmd.RegisterFlagCompletionFunc("out", cobra.FixedCompletions(raw.Forms[1:], cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("protocol", cobra.FixedCompletions(protocol.Names(), cobra.ShellCompDirectiveNoFileComp)))
	mustComplete(cmd.RegisterFlagCompletionFunc("transport", cobra.FixedCompletions([]string{"buffered", "framed", "header", "ttheader"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *encodeOptions) run(cmd *cobra.Command, args []string) error {
	e := &encoder{o: o}
	var err error
	if e.form, err = dynamic.ParseBinaryForm(o.binary); err != nil {
		return usagef("--binary: %w", err)
	}
	chosen := 0
	for _, given := range []bool{o.call != "", o.structName != "", o.bare} {
		if given {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return usagef("give one of --call, --struct and --bare")
	case (o.call != "" || o.structName != "") && o.idl == "":
		return usagef("--idl FILE is needed")
	case o.call == "" && len(args) > 1:
		return usagef("encode takes one JSON text; unexpected %s (--call METHOD takes arguments)", shorten(args[1]))
	}
	if _, err := raw.Text(nil, o.out); err != nil {
		return usagef("--out: %w", err)
	}
	if _, err := protocol.ByName(o.protocol); err != nil {
		return usagef("--protocol: %w", err)
	}
	if o.idl != "" {
		if e.file, err = load(o.idl, o.includeDirs); err != nil {
			return err
		}
	}
	var data []byte
	if o.call != "" {
		data, err = e.calls(args)
	} else {
		data, err = e.texts(cmd.InOrStdin(), args)
	}
	if err != nil {
		return err
	}
	text, err := raw.Text(data, o.out)
	if err == nil {
		_, err = cmd.OutOrStdout().Write(text)
	}
	return err
}

// An encoder turns JSON into messages.
type encoder struct {
	o    *encodeOptions
	file *schema.File // nil: fields have ids
	form dynamic.BinaryForm
}

// calls returns the call of --call.
func (e *encoder) calls(words []string) ([]byte, error) {
	m, _, err := findMethod(e.file, e.o.call)
	if err != nil {
		return nil, err
	}
	var args *dynamic.Struct
	if len(words) == 1 && strings.HasPrefix(words[0], "{") && len(m.Args.Fields) > 0 && !isComposite(m.Args.Fields[0].Type) {
		args, err = parseData(m, "JSON", []byte(words[0]), e.form)
	} else {
		args, err = parseWords(m, words, e.form)
	}
	if err != nil {
		return nil, err
	}
	kind := wire.Call
	if m.Oneway {
		kind = wire.Oneway
	}
	return e.message(&jsonMessage{Name: m.Name, seqID: 1}, kind, args)
}

// A jsonMessage is a message as decode prints it.
type jsonMessage struct {
	Type       string            `yaml:"type"`
	Name       string            `yaml:"name"`
	SeqID      *int32            `yaml:"seqid"`
	Protocol   string            `yaml:"protocol"`
	Old        bool              `yaml:"old"`     // the binary protocol without a version
	Version    int               `yaml:"version"` // of the compact protocol; 0 is 1
	Transport  string            `yaml:"transport"`
	Flags      uint16            `yaml:"flags"`      // of the header
	Framed     bool              `yaml:"framed"`     // the message in TTHeader has a frame of its own
	Transforms []uint32          `yaml:"transforms"` // of THeader
	Metadata   map[string]string `yaml:"metadata"`
	Persistent map[string]string `yaml:"persistent"`
	Args       yaml.Node         `yaml:"args"`
	Result     yaml.Node         `yaml:"result"`
	Exception  string            `yaml:"exception"`
	Value      yaml.Node         `yaml:"value"`
	Fields     yaml.Node         `yaml:"fields"`
	Error      *jsonError        `yaml:"error"`
	Unknown    yaml.Node         `yaml:"unknown"`
	Defaults   []string          `yaml:"defaults"` // places of fields that were not in the message

	seqID int32
}

type jsonError struct {
	Code    *int32  `yaml:"code"`
	Kind    string  `yaml:"kind"`
	Message *string `yaml:"message"`
}

// texts returns the bytes of the JSON texts that the argument, or standard input, has.
func (e *encoder) texts(in io.Reader, args []string) ([]byte, error) {
	source, text, err := "standard input", []byte(nil), error(nil)
	if len(args) == 0 {
		text, err = io.ReadAll(in)
	} else if source, text, err = dataText(args[0], in); source == "-d" {
		source = "JSON"
	}
	if err != nil {
		return nil, err
	}
	var out []byte
	rest := text
	for line := 0; ; {
		trimmed := bytes.TrimLeft(rest, " \t\r\n")
		line += bytes.Count(rest[:len(rest)-len(trimmed)], []byte("\n"))
		if len(trimmed) == 0 {
			break
		}
		one, n, err := firstObject(trimmed)
		if err != nil {
			return nil, usagef("%s:%d:1: %w", source, line+1, err)
		}
		data, err := e.text(one)
		if err != nil {
			return nil, e.placed(source, line, err)
		}
		out = append(out, data...)
		line += bytes.Count(trimmed[:n], []byte("\n"))
		rest = trimmed[n:]
	}
	if len(out) == 0 {
		return nil, usagef("%s: there is no message", source)
	}
	return out, nil
}

// placed adds the lines before a text to the places in errors.
func (e *encoder) placed(source string, line int, err error) error {
	var errs []error
	for _, err := range flat(err) {
		var bad *fill.Error
		if errors.As(err, &bad) {
			at := *bad
			at.Line += line
			err = fmt.Errorf("%s:%w", source, &at)
		}
		errs = append(errs, err)
	}
	return &exitError{code: exitUsage, err: errors.Join(errs...)}
}

// firstObject returns the tree of the JSON object at the beginning of text, and its length.
func firstObject(text []byte) (*yaml.Node, int, error) {
	end, err := objectEnd(text)
	if err != nil {
		return nil, 0, err
	}
	node, err := fill.JSON(text[:end])
	return node, end, err
}

func (e *encoder) text(node *yaml.Node) ([]byte, error) {
	switch {
	case e.o.bare:
		fields, err := raw.ParseJSON(node)
		if err != nil {
			return nil, err
		}
		s := dynamic.New(anything())
		s.SetUnknown(fields)
		return thriftkit.Marshal(s.Schema(), s, thriftkit.WithProtocol(e.o.protocol))
	case e.o.structName != "":
		desc, err := (&decoder{file: e.file}).structCalled(e.o.structName)
		if err != nil {
			return nil, err
		}
		v, err := e.value(node, desc.Type())
		if err != nil {
			return nil, err
		}
		return thriftkit.Marshal(desc, v.Struct(), thriftkit.WithProtocol(e.o.protocol))
	}
	var m jsonMessage
	if err := node.Decode(&m); err != nil {
		return nil, yamlError("message", err)
	}
	kind, s, err := e.content(node, &m)
	if err != nil {
		return nil, err
	}
	if err := unsetDefaults(s, m.Defaults); err != nil {
		return nil, err
	}
	m.seqID = 1
	if m.SeqID != nil {
		m.seqID = *m.SeqID
	}
	return e.message(&m, kind, s)
}

// unsetDefaults takes the fields at places out of s whose values are their defaults; others were changed since.
func unsetDefaults(s *dynamic.Struct, places []string) error {
	if len(places) == 0 {
		return nil
	}
	var errs []error
	var unset []func() error
	eachField(s, func(at string, in *dynamic.Struct, f *schema.Field) {
		if f.Default == nil || !slices.Contains(places, at) {
			return
		}
		have, err := dynamic.AppendJSON(nil, f.Type, in.Get(f.Name), dynamic.JSONOptions{})
		errs = append(errs, err)
		usual, err := dynamic.AppendJSON(nil, f.Type, dynamic.FromLiteral(f.Default), dynamic.JSONOptions{})
		if errs = append(errs, err); bytes.Equal(have, usual) {
			unset = append(unset, func() error { return in.Set(f.Name, nil) })
		}
	})
	for _, f := range unset {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// value reads a value by name.
func (e *encoder) value(node *yaml.Node, t *schema.Type) (dynamic.Value, error) {
	tmpl, err := fill.Literal(node, t)
	if err != nil {
		return dynamic.Value{}, err
	}
	text, err := tmpl.Append(nil, nil)
	if err != nil {
		return dynamic.Value{}, err
	}
	v, err := dynamic.ParseJSON(t, text, dynamic.JSONOptions{Binary: e.form})
	if err == nil {
		return v, nil
	}
	return v, misfits(tmpl, node, err)
}

// content returns what kind of message m is, and its struct.
func (e *encoder) content(node *yaml.Node, m *jsonMessage) (wire.MessageType, *dynamic.Struct, error) {
	kinds := map[string]wire.MessageType{"call": wire.Call, "oneway": wire.Oneway, "reply": wire.Reply, "exception": wire.Exception}
	kind := wire.Call
	switch {
	case m.Type != "":
		var ok bool
		if kind, ok = kinds[m.Type]; !ok {
			return 0, nil, fill.Errorf(node, "unknown type %q (known: call, reply, exception, oneway)", m.Type)
		}
	case m.Error != nil:
		kind = wire.Exception
	case m.Result.Kind != 0 || m.Exception != "":
		kind = wire.Reply
	}
	switch {
	case m.Name == "":
		return 0, nil, fill.Errorf(node, `"name" is missing: the method's`)
	case m.Unknown.Kind != 0:
		return 0, nil, errUnknownFields
	case kind == wire.Exception:
		s := dynamic.New(rpcError())
		if m.Error == nil {
			return 0, nil, fill.Errorf(node, `"error" is missing: {"code": 6, "message": "…"}`)
		}
		var err error
		if m.Error.Message != nil {
			err = s.Set("message", *m.Error.Message)
		}
		if m.Error.Code != nil {
			err = errors.Join(err, s.Set("type", *m.Error.Code))
		}
		return kind, s, err
	case m.Fields.Kind != 0:
		fields, err := raw.ParseJSON(&m.Fields)
		s := dynamic.New(anything())
		s.SetUnknown(fields)
		return kind, s, err
	case e.file == nil:
		return 0, nil, fill.Errorf(node, `without --idl the message needs "fields", by id`)
	}
	method := (&decoder{file: e.file}).method(m.Name)
	if method == nil {
		_, _, err := findMethod(e.file, m.Name)
		if err == nil {
			err = fmt.Errorf("%s has no method %q", e.file.Path, m.Name)
		}
		return 0, nil, fill.Errorf(node, "%v", err)
	}
	if kind == wire.Reply {
		s, err := e.reply(node, m, method)
		return kind, s, err
	}
	if m.Type == "" && method.Oneway {
		kind = wire.Oneway
	}
	args := &m.Args
	if args.Kind == 0 {
		args = &yaml.Node{Kind: yaml.MappingNode, Line: node.Line, Column: node.Column}
	}
	v, err := e.value(args, method.Args.Type())
	return kind, v.Struct(), err
}

// reply returns the struct that answers a call.
func (e *encoder) reply(node *yaml.Node, m *jsonMessage, method *schema.Method) (*dynamic.Struct, error) {
	s := dynamic.New(method.Reply())
	if m.Exception == "" {
		if method.Result.Kind == schema.KindVoid {
			return s, nil
		}
		if m.Result.Kind == 0 {
			return nil, fill.Errorf(node, `"result" is missing, of type %s`, method.Result)
		}
		v, err := e.value(&m.Result, method.Result)
		if err != nil {
			return nil, err
		}
		return s, s.Set(s.Schema().Fields[0].Name, v)
	}
	for _, f := range method.Reply().Fields {
		if f.ID != 0 && f.Type.Struct.Name == m.Exception {
			value := &m.Value
			if value.Kind == 0 {
				value = &yaml.Node{Kind: yaml.MappingNode, Line: node.Line, Column: node.Column}
			}
			v, err := e.value(value, f.Type)
			if err != nil {
				return nil, err
			}
			return s, s.Set(f.Name, v)
		}
	}
	return nil, fill.Errorf(node, "%s declares no exception %q%s", method, m.Exception, fill.Declared(method))
}

// message returns the bytes of a message, with what its transport has around it.
func (e *encoder) message(m *jsonMessage, kind wire.MessageType, s *dynamic.Struct) ([]byte, error) {
	p, err := protocol.ByName(orElse(e.o.protocol, m.Protocol))
	if err != nil {
		return nil, usagef("%w", err)
	}
	name := orElse(e.o.transport, m.Transport)
	framing, err := wire.ParseFraming(name)
	if err != nil {
		return nil, usagef("transport %q cannot be written (known: %s)", name, strings.Join(wire.FramingNames(), ", "))
	}
	if framing.HasHeader() && p.Name() != "binary" && p.Name() != "compact" {
		return nil, usagef("the transport %s carries binary and compact, not %s", framing, p.Name())
	}
	switch {
	case m.Old && p.Name() == "binary":
		p = binary.Protocol{Old: true}
	case m.Version == 2 && p.Name() == "compact":
		p = compact.Protocol{Version2: true}
	}
	if e.o.seqID != 0 {
		m.seqID = e.o.seqID
	}
	t, err := plan.ForType(reflect.TypeFor[*dynamic.Struct](), s.Schema().Type())
	if err != nil {
		return nil, err
	}
	if !hasIDs(p) && len(s.Unknown()) > 0 {
		return nil, usagef("messages in %s have names in place of ids: --idl is needed", p.Name())
	}
	write := func(dst []byte) ([]byte, error) {
		return p.AppendMessage(dst, wire.Header{Name: m.Name, Type: kind, SeqID: m.seqID}, t, mem.To(&s))
	}
	if !framing.HasHeader() {
		if len(m.Metadata)+len(m.Persistent) > 0 {
			return nil, usagef("the transport %s does not carry metadata", framing)
		}
		data, err := write(framing.Begin(nil))
		if err != nil {
			return nil, err
		}
		framing.End(data, 0)
		return data, nil
	}
	codec, err := msgio.NewHeaderCodec(framing, header.NewCodec(), "", math.MaxInt32)
	if err != nil {
		return nil, err
	}
	env := codec.Envelope(m.seqID, p.Name())
	env.Reply = kind == wire.Reply || kind == wire.Exception
	env.Transient, env.Persistent = m.Metadata, m.Persistent
	env.SetForm(msgio.Form{Flags: m.Flags, Transforms: m.Transforms, Framed: m.Framed})
	data, payload, err := codec.Begin(nil, env)
	if err == nil {
		if data, err = write(data); err == nil {
			data, err = codec.End(data, 0, payload, env)
		}
	}
	return data, err
}

// objectEnd returns the length of the JSON value at the beginning of text.
func objectEnd(text []byte) (int, error) {
	if text[0] != '{' {
		return 0, errors.New("want an object")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	var one json.RawMessage
	if err := dec.Decode(&one); err != nil {
		return 0, err
	}
	return int(dec.InputOffset()), nil
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}
