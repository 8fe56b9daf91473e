package codec

import (
	"fmt"
	"reflect"

	hessian "github.com/apache/dubbo-go-hessian2"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// hessianRows have the sides that encode whole values in Hessian, as objects of Java classes.
func hessianRows() ([]Row, error) {
	all, err := values()
	if err != nil {
		return nil, err
	}
	file, err := thriftkit.Parse("bench.thrift", "namespace java bench\n"+payload.IDL)
	if err != nil {
		return nil, err
	}
	for _, v := range []any{&payload.Login{}, &payload.Simple{}, &payload.Nested{}, &payload.Large{}} {
		hessian.RegisterPOJOMapping("bench."+reflect.TypeOf(v).Elem().Name(), v)
	}
	var rows []Row
	for _, v := range all {
		v.desc = file.Struct(v.desc.Name)
		encode, decode, err := ops(v, hessianBound, dubboGoHessian)
		if err != nil {
			return nil, err
		}
		rows = append(rows, pair("hessian2", v, abouts(v.name), encode, decode)...)
	}
	return rows, nil
}

// hessianBound is thriftkit with plain Go structs.
func hessianBound(v value) (encode, decode Op, err error) {
	p, err := plan.ForType(reflect.TypeOf(v.bound).Elem(), v.desc.Type())
	if err != nil {
		return encode, decode, err
	}
	at := mem.Of(reflect.ValueOf(v.bound))
	e := hessian2.NewEncoder(nil)
	if err := e.Value(p, at); err != nil {
		return encode, decode, err
	}
	src := e.Bytes()
	var dst []byte
	var got any
	encode = Op{Side: "thriftkit-bound", Check: wantLen(&dst, len(src)), Run: func() error {
		e := hessian2.NewEncoder(dst[:0])
		err := e.Value(p, at)
		dst = e.Bytes()
		return err
	}}
	decode = Op{Side: "thriftkit-bound", Run: func() error {
		got = v.empty()
		_, err := hessian2.NewDecoder(src).Value(p, mem.Of(reflect.ValueOf(got)))
		return err
	}, Check: func() error { return wantSame(got, v.bound) }}
	return encode, decode, nil
}

// dubboGoHessian is dubbo-go-hessian2, with its own bytes.
func dubboGoHessian(v value) (encode, decode Op, err error) {
	e := hessian.NewEncoder()
	if err := e.Encode(v.bound); err != nil {
		return encode, decode, err
	}
	src := append([]byte(nil), e.Buffer()...)
	var got any
	encode = Op{Side: "dubbo-go-hessian2", Run: func() error {
		e.ReuseBufferClean()
		return e.Encode(v.bound)
	}, Check: func() error {
		if n := len(e.Buffer()); n != len(src) {
			return fmt.Errorf("encoded %d bytes, want %d", n, len(src))
		}
		return nil
	}}
	d := hessian.NewDecoder(src)
	decode = Op{Side: "dubbo-go-hessian2", Run: func() (err error) {
		d.Reset(src)
		got, err = d.Decode()
		return err
	}, Check: func() error { return wantSame(got, v.bound) }}
	return encode, decode, nil
}
