package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/edits"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/runtime/thriftimpl"
	"github.com/thriftkit/thriftkit/schema"
)

// A Mismatch is one reason why a handler or a struct of funcs does not fit the IDL. Bind and
// Register return all of them joined; errors.As finds the first.
type Mismatch = schema.Mismatch

// A DynamicHandler answers every method of a service without Go types. args holds the
// arguments by name. The result may be a dynamic.Value or anything that dynamic.Of converts;
// it is ignored for void. To throw a declared exception, return an *Exception.
type DynamicHandler func(ctx context.Context, method *schema.Method, args *dynamic.Struct) (any, error)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	dynamicType = reflect.TypeFor[*dynamic.Struct]()
)

// signature is a method of a schema bound to Go types.
type signature struct {
	method *schema.Method
	args   *plan.Type // a struct with the parameters, or a *dynamic.Struct
	reply  *plan.Type // a struct with *T for the result and a nilable type for each exception, or a *dynamic.Struct
	holds  bool       // what stands for the result in reply is a pointer to it
}

// tuple wraps a plan of plan.Tuple for the protocols.
func tuple(desc *schema.Struct, types []reflect.Type, paths []string) (*plan.Type, error) {
	st, err := plan.Tuple(desc, types, paths)
	if err != nil {
		return nil, err
	}
	return &plan.Type{Op: plan.OpStruct, Schema: desc.Type(), Go: st.Go, Size: st.Go.Size(), Struct: st}, nil
}

type dynamicKey struct{}

// dynamicSignature returns the signature of m without Go types.
func dynamicSignature(m *schema.Method) *signature {
	return m.Args.Type().Memo(dynamicKey{}, func() any {
		args, err := plan.ForType(dynamicType, m.Args.Type())
		if err != nil {
			panic(err) // a *dynamic.Struct stands for every struct
		}
		reply, err := plan.ForType(dynamicType, m.Reply().Type())
		if err != nil {
			panic(err)
		}
		return &signature{method: m, args: args, reply: reply}
	}).(*signature)
}

// exceptionTypes maps a declared exception to the Go type that stands for it.
type exceptionTypes map[*schema.Struct]reflect.Type

// goExceptions pairs the Go exception types with the exceptions that svc declares.
func goExceptions(svc *schema.Service, exceptions []error) (exceptionTypes, error) {
	types := make(exceptionTypes)
	var errs []error
next:
	for _, e := range exceptions {
		t := reflect.TypeOf(e)
		for _, m := range svc.AllMethods() {
			for _, f := range m.Throws {
				if !plan.SameName(f.Type.Struct.Name, exceptionName(t)) {
					continue
				}
				types[f.Type.Struct] = t
				if _, err := plan.ForType(t, f.Type); err != nil {
					errs = append(errs, err)
				}
				continue next
			}
		}
		errs = append(errs, &Mismatch{Pos: svc.Pos, IDL: "service " + svc.Name, Go: t.String(), Message: "the service declares no exception of this name"})
	}
	return types, errors.Join(errs...)
}

// bindFunc pairs a Go func type, without receiver, with m.
func bindFunc(m *schema.Method, t reflect.Type, goPath string, exceptionType func(*schema.Field) reflect.Type) (*signature, error) {
	var problems []string
	if t.IsVariadic() {
		problems = append(problems, "it must not be variadic")
	}
	if t.NumIn() == 0 || t.In(0) != contextType {
		problems = append(problems, "its first parameter must be context.Context")
	}
	isVoid := m.Result.Kind == schema.KindVoid
	results := 2
	if isVoid {
		results = 1
	}
	switch {
	case t.NumOut() == 0 || t.Out(t.NumOut()-1) != errorType:
		problems = append(problems, "its last result must be error")
	case t.NumOut() != results && isVoid:
		problems = append(problems, "it must return error alone: the method is void")
	case t.NumOut() != results:
		problems = append(problems, fmt.Sprintf("it must return (%s, error)", m.Result))
	}
	if len(problems) == 0 && t.NumIn()-1 != len(m.Args.Fields) {
		problems = append(problems, fmt.Sprintf("got %s after context.Context, the IDL has %d", plural.Of(t.NumIn()-1, "parameter"), len(m.Args.Fields)))
	}
	if len(problems) > 0 {
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: goPath + " (" + t.String() + ")", Message: strings.Join(problems, "; ")}
	}
	var params []reflect.Type
	var paths []string
	for i := range m.Args.Fields {
		params = append(params, t.In(i+1))
		paths = append(paths, fmt.Sprintf("%s: parameter %d", goPath, i+1))
	}
	args, err1 := tuple(m.Args, params, paths)
	var result reflect.Type
	if !isVoid {
		result = t.Out(0)
	}
	reply, err2 := replyTuple(m, result, goPath, exceptionType)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return &signature{method: m, args: args, reply: reply, holds: true}, nil
}

// replyTuple returns the plan of m's reply with the Go result type result, nil for void.
func replyTuple(m *schema.Method, result reflect.Type, goPath string, exceptionType func(*schema.Field) reflect.Type) (*plan.Type, error) {
	var types []reflect.Type
	var paths []string
	if result != nil {
		types = append(types, reflect.PointerTo(result))
		paths = append(paths, goPath+": result")
	}
	for _, f := range m.Throws {
		types = append(types, exceptionType(f))
		paths = append(paths, goPath+": exception "+f.Type.String())
	}
	return tuple(m.Reply(), types, paths)
}

// anyException is the Go type of exceptions in a server's replies: handlers throw what they like.
func anyException(*schema.Field) reflect.Type { return reflect.TypeFor[any]() }

// of returns the Go types of exceptions in a client's replies.
func (x exceptionTypes) of(f *schema.Field) reflect.Type {
	t, ok := x[f.Type.Struct]
	switch {
	case !ok:
		return dynamicType
	case t.Kind() != reflect.Pointer:
		return reflect.PointerTo(t)
	}
	return t
}

// bindHandler pairs the methods of handler with those of svc. It returns a Handler for each.
func bindHandler(svc *schema.Service, handler any) (map[*schema.Method]*boundMethod, error) {
	if h, ok := handler.(DynamicHandler); ok {
		bound := make(map[*schema.Method]*boundMethod)
		for _, m := range svc.AllMethods() {
			b := &boundMethod{signature: dynamicSignature(m), handler: dynamicCaller(h)}
			bound[m] = b
		}
		return bound, nil
	}
	if d, ok := handler.(thriftimpl.Dispatcher); ok {
		return bindRoutes(svc, d)
	}
	rv := reflect.ValueOf(handler)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		return nil, fmt.Errorf("service %s: the handler is nil", svc.Name)
	}
	bound := make(map[*schema.Method]*boundMethod)
	var errs []error
	for _, m := range svc.AllMethods() {
		b, err := bindMethod(m, rv)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		bound[m] = b
	}
	return bound, errors.Join(errs...)
}

func bindMethod(m *schema.Method, rv reflect.Value) (*boundMethod, error) {
	t := rv.Type()
	found := -1
	for i := range t.NumMethod() {
		name := t.Method(i).Name
		if !plan.SameName(m.Name, name) {
			continue
		}
		if found >= 0 {
			return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: t.String(), Message: fmt.Sprintf("it could be %s or %s", t.Method(found).Name, name)}
		}
		found = i
	}
	if found < 0 {
		hint := ""
		if t.Kind() != reflect.Pointer && reflect.PointerTo(t).NumMethod() > t.NumMethod() {
			hint = ": pass a pointer, *" + t.String() + " has more methods"
		} else if near := nearMethod(m, t); near != "" {
			hint = ": did you mean it by " + near + "?"
		}
		return nil, &Mismatch{Pos: m.Pos, IDL: m.String(), Go: plan.GoName(t), Message: "the handler has no method for it" + hint}
	}
	fn := rv.Method(found)
	goPath := t.String() + "." + t.Method(found).Name
	if m.Stream != schema.Unary {
		sig, err := bindStream(m, fn.Type(), goPath, anyException, true)
		if err != nil {
			return nil, err
		}
		b := &boundMethod{signature: sig, handler: streamCaller(m, t.Method(found).Func, 0), receiver: rv}
		return b, nil
	}
	sig, err := bindFunc(m, fn.Type(), goPath, anyException)
	if err != nil {
		return nil, err
	}
	b := &boundMethod{signature: sig, handler: caller(m, t.Method(found).Func), receiver: rv}
	if plain, ok := plainFor(fn.Type()); ok {
		b.handler = plain.handle(fn)
		if direct, ok := mem.Method(rv, t.Method(found).Name); ok {
			b.handler = plain.method(direct)
		}
	}
	return b, nil
}

// caller returns a Handler that calls fn, which takes its receiver first, with the arguments and
// stores its result.
func caller(m *schema.Method, fn reflect.Value) Handler {
	isVoid := m.Result.Kind == schema.KindVoid
	return func(ctx context.Context, call *Call) error {
		x := call.bound
		x.ctx = ctx
		out := fn.Call(x.in)
		x.ctx = nil
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return err
		}
		if !isVoid {
			x.storeResult(call, out[0])
		}
		return nil
	}
}

// boundCall is what a call of a bound handler has besides, made once for many calls: the parameters of
// the method, which lie where the arguments are read to, and room for its result.
type boundCall struct {
	ctx    context.Context
	in     []reflect.Value
	result reflect.Value // a pointer to it; invalid for void

	// The same for a plainFunc.
	args          []mem.Pointer
	room, success mem.Pointer
}

func newBoundCall(call *Call, receiver reflect.Value) *boundCall {
	x := new(boundCall)
	x.in = append(x.in, receiver, reflect.ValueOf(&x.ctx).Elem())
	args, reply := call.sig.args.Struct, call.sig.reply.Struct
	for i := range args.Fields {
		f := &args.Fields[i]
		x.in = append(x.in, call.args.Add(f.Offset).Value(f.Type.Go))
	}
	x.args = fieldPlaces(call.sig, call.args)
	if call.Method.Result.Kind != schema.KindVoid {
		x.result = reflect.New(reply.Fields[0].Type.Elem.Go)
		x.room, x.success = mem.Of(x.result), successPlace(call.sig, call.reply)
	}
	return x
}

// storeResult puts v into the reply, unless it is a nil where a struct should be: then the
// caller gets a missing result, as with the other libraries.
func (x *boundCall) storeResult(call *Call, v reflect.Value) {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return
	}
	x.result.Elem().Set(v)
	call.reply.Add(call.sig.reply.Struct.Fields[0].Offset).Store(mem.Of(x.result))
}

func dynamicCaller(h DynamicHandler) Handler {
	return func(ctx context.Context, call *Call) error {
		result, err := h(ctx, call.Method, *mem.As[*dynamic.Struct](call.args))
		if err != nil || call.Method.Result.Kind == schema.KindVoid || call.Method.Stream.ServerStreams() {
			return err
		}
		return (*mem.As[*dynamic.Struct](call.reply)).Set("success", result)
	}
}

// newCall returns a call of m, whose memory was used before if that cannot be noticed: release takes
// it back then.
func (m *boundMethod) newCall() *Call {
	call, ok := m.calls.Get().(*Call)
	if !ok {
		made := newCall(m.svc, m.signature)
		call, made.server = &made, true
		if m.receiver.IsValid() {
			call.bound = newBoundCall(call, m.receiver)
		}
	}
	if m.reply.Op == plan.OpDynStruct {
		*mem.As[*dynamic.Struct](call.reply) = dynamic.New(m.method.Reply())
	}
	return call
}

// release takes back a call whose reply has been made. What the handler got was copied out of it.
func (m *boundMethod) release(call *Call) {
	if !call.reset() {
		return
	}
	call.empty()
	if x := call.bound; x != nil && x.result.IsValid() {
		x.result.Elem().SetZero()
	}
	m.calls.Put(call)
}

// bindClient fills the func fields of the struct that target points to.
func (c *Client) bindClient(svc *schema.Service, target any, exceptions []error) error {
	rv := reflect.ValueOf(target)
	if rv.Kind() != reflect.Pointer || rv.IsNil() || rv.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("bind %s: want a pointer to a struct of funcs, got %T", svc.Name, target)
	}
	rv = rv.Elem()
	types, err := goExceptions(svc, exceptions)
	if err != nil {
		return err
	}
	stubs := make(map[int]reflect.Value)
	var errs []error
	for i := range rv.NumField() {
		f := rv.Type().Field(i)
		if !f.IsExported() || f.Type.Kind() != reflect.Func || f.Tag.Get("thrift") == "-" {
			continue
		}
		goPath := plan.GoName(rv.Type()) + "." + f.Name
		m, err := findMethod(svc, f, goPath)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if m.Stream != schema.Unary {
			sig, err := bindStream(m, f.Type, goPath, types.of, false)
			if err == nil {
				err = c.carries(m, goPath)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			stubs[i] = c.streamStub(svc, sig, f.Type)
			continue
		}
		sig, err := bindFunc(m, f.Type, goPath, types.of)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		stubs[i] = c.stub(svc, sig, f.Type)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(stubs) == 0 {
		return fmt.Errorf("bind %s: %s has no exported func field", svc.Name, plan.GoName(rv.Type()))
	}
	for i, stub := range stubs {
		rv.Field(i).Set(stub)
	}
	return nil
}

// nearMethod returns the method of a handler that was probably meant for m, among those that are for no other; "" if none was.
func nearMethod(m *schema.Method, t reflect.Type) string {
	var names []string
	for i := range t.NumMethod() {
		name := t.Method(i).Name
		if !slices.ContainsFunc(m.Service.AllMethods(), func(other *schema.Method) bool { return plan.SameName(other.Name, name) }) {
			names = append(names, name)
		}
	}
	return edits.Nearest(m.Name, names)
}

func findMethod(svc *schema.Service, f reflect.StructField, goPath string) (*schema.Method, error) {
	name := f.Tag.Get("thrift")
	if name != "" {
		if m := svc.Method(name); m != nil {
			return m, nil
		}
		return nil, &Mismatch{Pos: svc.Pos, IDL: "service " + svc.Name, Go: goPath, Message: fmt.Sprintf("its tag names method %q, which the IDL does not have%s", name, meant(svc, name))}
	}
	var found *schema.Method
	for _, m := range svc.AllMethods() {
		if !plan.SameName(m.Name, f.Name) {
			continue
		}
		if found != nil {
			return nil, &Mismatch{Pos: m.Pos, IDL: "service " + svc.Name, Go: goPath, Message: fmt.Sprintf("it could be %s or %s: use a tag such as `thrift:%q`", found.Name, m.Name, m.Name)}
		}
		found = m
	}
	if found == nil {
		return nil, &Mismatch{Pos: svc.Pos, IDL: "service " + svc.Name, Go: goPath, Message: "the service has no method of this name" + meant(svc, f.Name)}
	}
	return found, nil
}

// meant returns the end of an error about a method that svc does not have: which one was probably meant.
func meant(svc *schema.Service, name string) string {
	var names []string
	for _, m := range svc.AllMethods() {
		names = append(names, m.Name)
	}
	if near := edits.Nearest(name, names); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// stub returns a func of type t that calls sig's method over c.
func (c *Client) stub(svc *schema.Service, sig *signature, t reflect.Type) reflect.Value {
	if plain, ok := plainFor(t); ok {
		return mem.Func(plain.stub(&plainStubs{client: c, svc: svc, sig: sig}), t)
	}
	isVoid := sig.method.Result.Kind == schema.KindVoid
	noError := reflect.Zero(errorType)
	var calls sync.Pool // of *stubCall
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		x, ok := calls.Get().(*stubCall)
		if !ok {
			x = newStubCall(svc, sig)
		}
		for i, v := range in[1:] {
			x.args[i].Set(v)
		}
		ctx, _ := in[0].Interface().(context.Context)
		if ctx == nil {
			ctx = context.Background()
		}
		err := c.run(ctx, &x.call)
		out := make([]reflect.Value, 0, 2)
		if !isVoid {
			if err != nil || x.result.IsNil() {
				out = append(out, reflect.Zero(t.Out(0)))
			} else {
				out = append(out, x.result.Elem()) // which was made when the reply was read
			}
		}
		if err != nil {
			failed := err // which is allocated, unlike err
			out = append(out, reflect.ValueOf(&failed).Elem())
		} else {
			out = append(out, noError)
		}
		if x.call.reset() {
			x.call.empty()
			calls.Put(x)
		}
		return out
	})
}

// stubCall is a call by a bound func, with views of its memory.
type stubCall struct {
	call   Call
	args   []reflect.Value
	result reflect.Value // a pointer; invalid for void
}

func newStubCall(svc *schema.Service, sig *signature) *stubCall {
	x := &stubCall{call: newCall(svc, sig)}
	for i := range sig.args.Struct.Fields {
		f := &sig.args.Struct.Fields[i]
		x.args = append(x.args, x.call.args.Add(f.Offset).Value(f.Type.Go))
	}
	if sig.method.Result.Kind != schema.KindVoid {
		f := &sig.reply.Struct.Fields[0]
		x.result = x.call.reply.Add(f.Offset).Value(f.Type.Go)
	}
	return x
}
