package codec

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/cloudwego/dynamicgo/conv"
	"github.com/cloudwego/dynamicgo/conv/j2t"
	"github.com/cloudwego/dynamicgo/conv/t2j"
	dgthrift "github.com/cloudwego/dynamicgo/thrift"
	"github.com/cloudwego/gopkg/bufiox"
	"github.com/cloudwego/kitex/pkg/generic"
	gthrift "github.com/cloudwego/kitex/pkg/generic/thrift"

	"github.com/thriftkit/thriftkit/bench/internal/payload"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/protocol"
	"github.com/thriftkit/thriftkit/wire/transcode"
)

// shapes is a service with a method for each struct: the libraries below reach structs through
// methods only.
const shapes = `
service Shapes {
  Login Login(1: Login v),
  Simple Simple(1: Simple v),
  Nested Nested(1: Nested v),
  Large Large(1: Large v),
}
`

// kitexMap is Kitex's generic call with maps. It knows only the arguments of methods: its bytes are
// those of a struct with the value as its one field, 4 bytes more than what others handle.
func kitexMap(v value) (encode, decode Op, err error) {
	provider, err := generic.NewThriftContentWithAbsIncludePathProvider("bench.thrift", map[string]string{"bench.thrift": payload.IDL + shapes}, generic.WithIDLServiceName("Shapes"))
	if err != nil {
		return encode, decode, err
	}
	defer provider.Close()
	svc := <-provider.Provide()
	writer, reader := gthrift.NewWriteStruct(svc), gthrift.NewReadStruct(svc)
	reader.SetBinaryOption(false, true)
	ctx := context.Background()
	bytes := append([]byte{12, 0, 1}, v.bytes...)
	bytes = append(bytes, 0)
	read := func() (any, error) {
		return reader.Read(ctx, v.desc.Name, false, len(bytes), bufiox.NewBytesReader(bytes))
	}
	from, err := read()
	if err != nil {
		return encode, decode, err
	}
	var dst []byte
	var got any
	encode = Op{Side: "kitex-map", Check: wantLen(&dst, len(bytes)), Run: func() error {
		dst = dst[:0]
		out := bufiox.NewBytesWriter(&dst)
		if err := writer.Write(ctx, out, from, v.desc.Name, true, nil); err != nil {
			return err
		}
		return out.Flush()
	}}
	decode = Op{Side: "kitex-map", Run: func() (err error) {
		got, err = read()
		return err
	}, Check: func() error { return wantSame(got, from) }}
	return encode, decode, nil
}

// transcodeRows turn JSON text into Thrift's binary protocol and back, with binary fields in
// base64. thriftkit-dynamic goes by way of a dynamic value.
func transcodeRows() ([]Row, error) {
	all, err := values()
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	svc, err := dgthrift.NewDescritorFromContent(ctx, "bench.thrift", payload.IDL+shapes, nil, false)
	if err != nil {
		return nil, err
	}
	toThrift, toJSON := j2t.NewBinaryConv(conv.Options{}), t2j.NewBinaryConv(conv.Options{})
	var rows []Row
	for _, v := range all {
		method, err := svc.LookupFunctionByMethod(v.desc.Name)
		if err != nil {
			return nil, err
		}
		desc := method.Request().Struct().FieldByKey("v").Type()
		t := v.desc.Type()
		binary, err := protocol.ByName("binary")
		if err != nil {
			return nil, err
		}
		p, err := plan.ForType(reflect.TypeFor[dynamic.Value](), t)
		if err != nil {
			return nil, err
		}
		var dv dynamic.Value
		if _, err := binary.ConsumeValue(v.bytes, 0, p, mem.To(&dv)); err != nil {
			return nil, err
		}
		text, err := dynamic.AppendJSON(nil, t, dv, dynamic.JSONOptions{})
		if err != nil {
			return nil, err
		}
		var direct, ours, theirs, directText, ourText, theirText []byte
		in := Row{
			Name: "JSON-to-Thrift/" + v.name, About: fmt.Sprintf("JSON of %d bytes to the binary protocol, %d bytes; %s", len(text), len(v.bytes), abouts(v.name)),
			Ops: []Op{
				{Side: "thriftkit", Check: wantLen(&direct, len(v.bytes)), Run: func() error {
					var err error
					direct, err = transcode.AppendThrift(direct[:0], text, v.desc, transcode.Options{})
					return err
				}},
				{Side: "thriftkit-dynamic", Check: wantLen(&ours, len(v.bytes)), Run: func() error {
					dv, err := dynamic.ParseJSON(t, text, dynamic.JSONOptions{})
					if err != nil {
						return err
					}
					ours, err = binary.AppendValue(ours[:0], p, mem.To(&dv))
					return err
				}},
				{Side: "dynamicgo", Check: wantLen(&theirs, len(v.bytes)), Run: func() error {
					theirs = theirs[:0]
					return toThrift.DoInto(ctx, desc, text, &theirs)
				}},
			},
		}
		out := Row{
			Name: "Thrift-to-JSON/" + v.name, About: fmt.Sprintf("the binary protocol, %d bytes, to JSON of %d bytes; %s", len(v.bytes), len(text), abouts(v.name)),
			Ops: []Op{
				{Side: "thriftkit", Check: wantJSON(&directText, text), Run: func() error {
					var err error
					directText, err = transcode.AppendJSON(directText[:0], v.bytes, v.desc, transcode.Options{})
					return err
				}},
				{Side: "thriftkit-dynamic", Check: wantJSON(&ourText, text), Run: func() error {
					var dv dynamic.Value
					if _, err := binary.ConsumeValue(v.bytes, 0, p, mem.To(&dv)); err != nil {
						return err
					}
					var err error
					ourText, err = dynamic.AppendJSON(ourText[:0], t, dv, dynamic.JSONOptions{})
					return err
				}},
				{Side: "dynamicgo", Check: wantJSON(&theirText, text), Run: func() error {
					theirText = theirText[:0]
					return toJSON.DoInto(ctx, desc, v.bytes, &theirText)
				}},
			},
		}
		rows = append(rows, in, out)
	}
	return rows, nil
}

// wantJSON is a check that two texts say the same.
func wantJSON(got *[]byte, want []byte) func() error {
	return func() error {
		var g, w any
		if err := json.Unmarshal(*got, &g); err != nil {
			return err
		}
		if err := json.Unmarshal(want, &w); err != nil {
			return err
		}
		if !reflect.DeepEqual(g, w) {
			return fmt.Errorf("other JSON: %.200s", *got)
		}
		return nil
	}
}
