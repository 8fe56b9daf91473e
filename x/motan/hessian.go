package motan

import (
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/muxconn"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// What follows is the serialization hessian2: the arguments one after the other, and the result (Motan for Java, Hessian2Serialization).

// readHessianArgs decodes the body of a request. Arguments that it does not have are unset.
func readHessianArgs(call *rpc.Call, body []byte) error {
	d := hessian2.NewDecoder(body)
	for i := 0; i < call.NumArgs() && d.More(); i++ {
		if err := muxconn.ReadHessianArg(d, call, i); err != nil {
			return err
		}
	}
	return d.End()
}

// appendHessianReply returns the body for the result of a call, or for its declared exception if that is not nil.
func appendHessianReply(call *rpc.Call, x *rpc.Exception) ([]byte, error) {
	e := hessian2.NewEncoder(nil)
	var err error
	switch m := call.Method; {
	case x != nil:
		err = e.Dynamic(x.Value.Schema().Type(), dynamic.StructValue(x.Value))
	case m.Oneway || m.Result.Kind == schema.KindVoid:
		e.Null()
	default:
		err = muxconn.AppendHessianResult(e, call)
	}
	return e.Bytes(), err
}

// setHessianResult decodes the body of a reply that is no error.
func setHessianResult(call *rpc.Call, body []byte) error {
	d := hessian2.NewDecoder(body)
	if !d.More() || d.IsNull() {
		return isNull(call.Method)
	}
	if err := muxconn.SetHessianResult(d, call); err != nil {
		return err
	}
	return d.End()
}

// capturedHessian reads a captured body: the arguments, or with f that field of the reply.
func capturedHessian(body []byte, method *schema.Method, f *schema.Field) (*dynamic.Struct, error) {
	d := hessian2.NewDecoder(body)
	if f != nil {
		s := dynamic.New(method.Reply())
		v, err := d.Dynamic(f.Type)
		if err == nil && v.IsSet() {
			err = s.Set(f.Name, v)
		}
		return s, err
	}
	s := dynamic.New(method.Args)
	for i := 0; d.More(); i++ {
		if err := muxconn.HessianArg(d, method, i, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}
