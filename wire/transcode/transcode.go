// Package transcode turns JSON, in the form of package dynamic, into the bytes of the binary or the
// compact protocol and back, by schema and without building values.
//
// What comes out, and every error, is what the way over dynamic values gives: [dynamic.ParseJSON]
// and then encoding, or decoding and then [dynamic.AppendJSON]. What is common and right goes
// straight; at the first thing that is rare or wrong the whole is done over values, which knows what
// to say of it. Rare are maps that are no JSON objects, strings that are not UTF-8, structs of more
// than 64 fields, required fields that take their default when JSON is read, fields and keys given
// twice when JSON is written, indented JSON, and JSON without what is sensitive.
package transcode

import (
	"reflect"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/binary"
	"github.com/thriftkit/thriftkit/wire/compact"
)

// A Protocol is one of those that values are written and read in.
type Protocol uint8

// The protocols.
const (
	Binary  Protocol = iota
	Compact          // version 1, Apache Thrift's
)

// Options vary the two forms. The zero value is right for most uses.
type Options struct {
	Protocol Protocol // default Binary
	JSON     dynamic.JSONOptions
}

// AppendThrift reads the JSON text of one value of the struct desc and appends the value to dst in
// opts.Protocol, without the header of a message. It returns dst, extended; as it was, if there is
// an error: *dynamic.JSONError, or several joined, for the text, *wire.Error for a value that cannot
// be written. It does not keep text.
func AppendThrift(dst, text []byte, desc *schema.Struct, opts Options) ([]byte, error) {
	if useDirect {
		r := reader{text: text, dst: dst, compact: opts.Protocol == Compact, form: opts.JSON.Binary}
		if r.whole(objectOf(desc)) {
			return r.dst, nil
		}
	}
	return thriftOverValues(dst, text, desc, opts)
}

// AppendJSON reads one value of the struct desc in opts.Protocol from src, without the header of a
// message, and appends it to dst as JSON. It returns dst, extended; as it was, if there is an error:
// a *wire.Error. It does not keep src.
func AppendJSON(dst, src []byte, desc *schema.Struct, opts Options) ([]byte, error) {
	if useDirect && opts.JSON.Indent == "" && !(opts.JSON.Redact && desc.HoldsSensitive()) {
		w := writer{src: src, dst: dst, compact: opts.Protocol == Compact, opts: opts.JSON}
		if w.whole(objectOf(desc)) {
			return w.dst, nil
		}
	}
	return jsonOverValues(dst, src, desc, opts)
}

// AppendOnly is [AppendJSON] of a struct that has one field, such as the reply of a method: it appends the value alone, and returns
// the field. It is nil, and dst as it was, of a struct without fields, and false if there are several, or ones that desc does not
// have, or anything that is rare or wrong: AppendJSON says what.
func AppendOnly(dst, src []byte, desc *schema.Struct, opts Options) ([]byte, *schema.Field, bool) {
	if !useDirect || opts.JSON.Indent != "" || opts.JSON.Redact && desc.HoldsSensitive() || len(src)+len(dst) > most {
		return dst, nil, false
	}
	w := writer{src: src, dst: dst, compact: opts.Protocol == Compact, opts: opts.JSON}
	if f, ok := w.only(objectOf(desc)); ok {
		return w.dst, f, true
	}
	return dst, nil, false
}

const useDirect = true // false: all goes over values

type codec interface {
	AppendValue(dst []byte, t *plan.Type, v mem.Pointer) ([]byte, error)
	ConsumeValue(src []byte, off int, t *plan.Type, v mem.Pointer) (int, error)
}

func (p Protocol) codec() codec {
	if p == Compact {
		return compact.Protocol{}
	}
	return binary.Protocol{}
}

func thriftOverValues(dst, text []byte, desc *schema.Struct, opts Options) ([]byte, error) {
	v, err := dynamic.ParseJSON(desc.Type(), text, opts.JSON)
	if err != nil {
		return dst, err
	}
	t, err := plan.ForType(reflect.TypeFor[dynamic.Value](), desc.Type())
	if err != nil {
		return dst, err
	}
	out, err := opts.Protocol.codec().AppendValue(dst, t, mem.To(&v))
	if err != nil {
		return dst, err
	}
	return out, nil
}

func jsonOverValues(dst, src []byte, desc *schema.Struct, opts Options) ([]byte, error) {
	t, err := plan.ForType(reflect.TypeFor[dynamic.Value](), desc.Type())
	if err != nil {
		return dst, err
	}
	var v dynamic.Value
	end, err := opts.Protocol.codec().ConsumeValue(src, 0, t, mem.To(&v))
	if err != nil {
		return dst, err
	}
	if end != len(src) {
		return dst, wire.Errorf(end, wire.ErrInvalid, "unexpected bytes after the %s: %d", desc.Kind, len(src)-end)
	}
	return dynamic.AppendJSON(dst, desc.Type(), v, opts.JSON)
}
