package muxconn

import (
	"fmt"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/callvalues"
	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// AppendHessianArgs writes the arguments of a call one after the other. Those that are unset are null.
func AppendHessianArgs(e *hessian2.Encoder, call *rpc.Call) error {
	t, at := callvalues.Arguments(call)
	if t.Op == plan.OpStruct {
		return e.Fields(t.Struct, at)
	}
	for i := range call.Method.Args.Fields {
		if err := AppendHessianArg(e, call, i); err != nil {
			return err
		}
	}
	return nil
}

// AppendHessianArg writes argument i of a call, null if it is unset.
func AppendHessianArg(e *hessian2.Encoder, call *rpc.Call, i int) error {
	t, at := callvalues.Arguments(call)
	if t.Op == plan.OpStruct {
		f := &t.Struct.Fields[i]
		if f.Presence != plan.Always && !f.IsSet(at) {
			e.Null()
			return nil
		}
		return e.Value(f.Type, at.Add(f.Offset))
	}
	var v dynamic.Value
	if s := *mem.As[*dynamic.Struct](at); s != nil {
		v = s.At(i)
	}
	if !v.IsSet() {
		e.Null()
		return nil
	}
	return e.Dynamic(call.Method.Args.Fields[i].Type, v)
}

// ReadHessianArg reads the next value as argument i of a call, which has more than i.
func ReadHessianArg(d *hessian2.Decoder, call *rpc.Call, i int) error {
	f := call.Method.Args.Fields[i]
	t, at := callvalues.Arguments(call)
	var err error
	if t.Op == plan.OpStruct {
		x := &t.Struct.Fields[i]
		_, err = d.Value(x.Type, at.Add(x.Offset))
	} else {
		var v dynamic.Value
		if v, err = d.Dynamic(f.Type); err == nil && v.IsSet() {
			err = call.SetArg(i, v)
		}
	}
	if err != nil {
		return wire.InField(err, call.Method.Args.Name, f.Name, f.ID)
	}
	return nil
}

// AppendHessianResult writes the result of a call of a method that has one.
func AppendHessianResult(e *hessian2.Encoder, call *rpc.Call) error {
	t, at := callvalues.Reply(call)
	if t.Op != plan.OpStruct {
		return e.Dynamic(call.Method.Result, (*mem.As[*dynamic.Struct](at)).At(0))
	}
	f := &t.Struct.Fields[0]
	return e.Value(f.Type, at.Add(f.Offset))
}

// SetHessianResult reads the result of a call.
func SetHessianResult(d *hessian2.Decoder, call *rpc.Call) error {
	if call.Method.Result.Kind == schema.KindVoid {
		return nil
	}
	t, at := callvalues.Reply(call)
	if t.Op == plan.OpStruct {
		f := &t.Struct.Fields[0]
		_, err := d.Value(f.Type, at.Add(f.Offset))
		return err
	}
	v, err := d.Dynamic(call.Method.Result)
	if err != nil || !v.IsSet() {
		return err
	}
	return call.SetResult(v)
}

// HessianArg reads the next value of a captured call as argument i, which is set in args.
func HessianArg(d *hessian2.Decoder, method *schema.Method, i int, args *dynamic.Struct) error {
	if i >= len(method.Args.Fields) {
		return wire.Errorf(d.Offset(), wire.ErrInvalid, "more arguments than the %d of %s", len(method.Args.Fields), method)
	}
	f := method.Args.Fields[i]
	v, err := d.Dynamic(f.Type)
	if err == nil && v.IsSet() {
		err = args.Set(f.Name, v)
	}
	if err != nil {
		return wire.InField(err, method.Args.Name, f.Name, f.ID)
	}
	return nil
}

// ThrownHessian returns the error that the exception which d reads next stands for. md is the metadata that came with it.
func ThrownHessian(m *schema.Method, d *hessian2.Decoder, md map[string]string) error {
	at := d.Offset()
	class, text, err := d.Exception()
	if err != nil {
		return err
	}
	if desc := DeclaredException(m, class, md[ExceptionMetadata]); desc != nil {
		d.Rewind(at)
		v, err := d.Dynamic(desc.Type())
		if err != nil {
			return fmt.Errorf("exception %s: %w", desc.Name, err)
		}
		return &rpc.Exception{Value: v.Struct()}
	}
	if class != "" && class != hessian2.FallbackException {
		text = class + ": " + text
	}
	return ErrorOf(m, md, rpc.CodeInternal, text)
}

// DeclaredException returns the exception that a method declares and that has the class, or the name; nil if there is none.
func DeclaredException(m *schema.Method, class, name string) *schema.Struct {
	for _, f := range m.Throws {
		if javamap.Class(f.Type.Struct) == class && class != "" {
			return f.Type.Struct
		}
	}
	for _, f := range m.Throws {
		if f.Type.Struct.Name == name {
			return f.Type.Struct
		}
	}
	for _, f := range m.Throws {
		if class != "" && f.Type.Struct.Name == javamap.SimpleName(class) {
			return f.Type.Struct
		}
	}
	return nil
}
