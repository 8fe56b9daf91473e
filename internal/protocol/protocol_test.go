package protocol

import (
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit/internal/mem"
	"github.com/thriftkit/thriftkit/internal/plan"
	"github.com/thriftkit/thriftkit/internal/schematest"
	"github.com/thriftkit/thriftkit/wire"
	"github.com/thriftkit/thriftkit/wire/detect"
)

// TestOf writes a message in the protocol of a dialect: it is of the same dialect.
func TestOf(t *testing.T) {
	nothing, err := plan.ForType(reflect.TypeFor[struct{}](), schematest.Struct("Nothing").Type())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []detect.Dialect{
		{Protocol: "binary"}, {Protocol: "binary", Old: true}, {Protocol: "compact"}, {Protocol: "compact", Version2: true},
		{Protocol: "json"}, {Protocol: "thriftpy2-json"}, {Protocol: "simple-json"},
	} {
		p := Of(d)
		msg, err := p.AppendMessage(nil, wire.Header{Name: "ping", Type: wire.Call, SeqID: 1}, nothing, mem.To(&struct{}{}))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := detect.Bytes(msg, 1<<20); got != d || !ok || p.Name() != d.Protocol {
			t.Errorf("%+v: %s writes % x, which is %+v", d, p.Name(), msg, got)
		}
		framed := append([]byte{0, 0, 0, byte(len(msg))}, msg...)
		d.Framed = true
		if got, _ := detect.Bytes(framed, 1<<20); got != d {
			t.Errorf("% x is %+v, want %+v", framed, got, d)
		}
	}
}

func TestByName(t *testing.T) {
	for _, name := range Names() {
		if p, err := ByName(name); err != nil || p.Name() != name {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if p, err := ByName(""); err != nil || p.Name() != "binary" {
		t.Errorf("the default: %v, %v", p, err)
	}
	want := `unknown protocol "thrift" (known: binary, compact, json, thriftpy2-json, simple-json)`
	if _, err := ByName("thrift"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
