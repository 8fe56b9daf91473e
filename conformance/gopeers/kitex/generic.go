package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/cloudwego/kitex/client/genericclient"
	"github.com/cloudwego/kitex/pkg/generic"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/server"
	"github.com/cloudwego/kitex/server/genericserver"

	"peer/contract"
)

// provider reads the IDL, which is beside the program, for calls without generated code.
func provider() (generic.DescriptorProvider, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(exe), "idl")
	return generic.NewThriftFileProviderWithOption(filepath.Join(dir, "kitex.thrift"),
		[]generic.ThriftIDLProviderOption{generic.WithIDLServiceName("Generic")}, dir)
}

// genericHandler answers what it gets; the arguments and results are maps, slices and plain values.
type genericHandler struct{}

func (*genericHandler) GenericCall(_ context.Context, method string, request any) (any, error) {
	if strings.HasPrefix(method, "echo") {
		return request, nil
	}
	return nil, remote.NewTransErrorWithMsg(remote.ProtocolError, "as asked")
}

// serveGeneric serves Generic on a new listener and returns its address.
func serveGeneric() (string, error) {
	p, err := provider()
	if err != nil {
		return "", err
	}
	g, err := generic.MapThriftGeneric(p)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go genericserver.NewServer(&genericHandler{}, g, append(serverOptions(), server.WithListener(l))...).Run()
	return l.Addr().String(), nil
}

// genericChecks are checks of calls without generated code, with values as maps and as JSON.
func genericChecks(r contract.Route, address string) []contract.Check {
	options := clientOptions(r, address)
	maps := must(genericclient.NewClient("Generic", must(generic.MapThriftGeneric(must(provider()))), options...))
	texts := must(genericclient.NewClient("Generic", must(generic.JSONThriftGeneric(must(provider()))), options...))
	var all []contract.Check
	for _, e := range genericEchoes {
		all = append(all, contract.Check{Name: "map: " + e.method, Run: func() {
			got := must(maps.GenericCall(context.Background(), e.method, e.value))
			if !reflect.DeepEqual(got, e.value) {
				contract.Failf("got %#v, want %#v", got, e.value)
			}
		}})
	}
	for _, e := range jsonEchoes {
		all = append(all, contract.Check{Name: "JSON: " + e.method, Run: func() {
			text := must(texts.GenericCall(context.Background(), e.method, e.text)).(string)
			var got, want any
			if json.Unmarshal([]byte(text), &got) != nil || json.Unmarshal([]byte(e.text), &want) != nil || !reflect.DeepEqual(got, want) {
				contract.Failf("got %s, want %s", text, e.text)
			}
		}})
	}
	return append(all, contract.Check{Name: "fields go by declaration", Run: func() {
		got := must(maps.GenericCall(context.Background(), "describeScrambled", map[string]any{"last": "z", "first": int32(-1), "middle": 0.5, "zeroth": true}))
		contract.Same(got, `Scrambled{last="z",first=-1,middle=3fe0000000000000,zeroth=true}`)
	}}, contract.Check{Name: "a declared exception", Run: func() {
		// Kitex knows only the first of a method without generated code.
		got, err := maps.GenericCall(context.Background(), "fail", "zero")
		if want := `"dividend":7`; err == nil || !strings.Contains(err.Error(), want) {
			contract.Failf("%v, error %v, want one with %s", got, err, want)
		}
	}}, contract.Check{Name: "application exception", Run: func() {
		for range 3 {
			_, err := maps.GenericCall(context.Background(), "fail", "application")
			if typeOf(err) != remote.ProtocolError {
				contract.Failf("error %v, want an application exception of type 7", err)
			}
		}
	}})
}

type (
	object  = map[string]any
	list    = []any
	mapEcho struct {
		method string
		value  any
	}
	jsonEcho struct{ method, text string }
)

// genericEchoes are methods with an argument that they answer. Sets come as lists, in any order.
var genericEchoes = []mapEcho{
	{"echoBool", true}, {"echoByte", int8(-128)}, {"echoI16", int16(-2)}, {"echoI32", int32(-3)}, {"echoI64", int64(-1 << 63)},
	{"echoDouble", 0.1}, {"echoString", "é水🦉"}, {"echoColor", int32(-3)},
	{"echoBools", list{true, false}}, {"echoMatrix", list{list{}, list{int32(1), int32(2)}}}, {"echoStringSet", list{"🦉"}},
	{"echoIntToString", map[any]any{int32(1): "one", int32(-1): "minus"}},
	{"echoItem", object{"name": "n", "count": int32(5), "price": 0.5}},
	{"echoScrambled", object{"last": "z", "first": int32(-1), "middle": 0.5, "zeroth": true}},
	{"echoChoice", object{"many": list{object{"number": int32(1)}, object{"flag": true}}}},
	{"echoStringToItems", map[any]any{"one": list{object{"name": "a", "count": int32(1)}}, "none": list{}}},
	{"echoPerson", object{"name": "boss", "employer": object{"name": "inner", "staff": list{object{"name": "a"}}}}},
}

var jsonEchoes = []jsonEcho{
	{"echoItem", `{"name":"n 水","count":5,"price":0.5}`},
	{"echoSparse", `{"one":1,"seventeen":17,"threeHundred":"x","most":true}`},
	{"echoTree", `{"name":"root","children":[{"name":"a"},{"name":"b","named":{"c":{"name":"d"}}}]}`},
	{"echoItems", `[{"name":"a","count":1},{"name":"b","count":-1,"price":1.5}]`},
	{"echoNames", `["a","","é🦉"]`},
}
