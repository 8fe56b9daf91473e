package gentest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	kept "github.com/thriftkit/thriftkit/gen/gentest/kept/things"
	"github.com/thriftkit/thriftkit/rpc"
)

// failing is a handler whose exceptions have a prefix in Go, and so other names than in the IDL.
type failing struct{ kept.MyThings }

func (failing) FailVoid(_ context.Context, kind string) error {
	if kind == "wrapped" {
		return errors.Join(errors.New("looking it up"), &kept.MyNotFound{Name: "lamp"})
	}
	return &kept.MyNotFound{Name: "lamp"}
}

// TestPrefixedExceptionByName has exceptions found by their names: by a func, and in an error of a call without Go types.
func TestPrefixedExceptionByName(t *testing.T) {
	want := &kept.MyNotFound{Name: "lamp"}
	svc := kept.ThriftSchema().Service("Things")
	c := serve(t, kept.MyThingsService(), kept.MyThingsHandler(failing{})).Client()
	var funcs struct {
		FailVoid func(ctx context.Context, kind string) error
	}
	if err := c.Bind(svc, &funcs, want); err != nil {
		t.Fatal(err)
	}
	if err := funcs.FailVoid(context.Background(), "plain"); !reflect.DeepEqual(err, want) {
		t.Errorf("got %#v, want %#v", err, want)
	}
	_, err := rpc.Invoke[any](context.Background(), c, svc.Method("failVoid"), "plain")
	var got *kept.MyNotFound
	if !errors.As(err, &got) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v in %#v, want %#v", got, err, want)
	}
}

func TestPrefixedException(t *testing.T) {
	c := serve(t, kept.MyThingsService(), kept.MyThingsHandler(failing{})).Client()
	for _, kind := range []string{"plain", "wrapped"} {
		err := kept.NewMyThingsClient(c).FailVoid(context.Background(), kind)
		if want := (&kept.MyNotFound{Name: "lamp"}); !reflect.DeepEqual(err, want) {
			t.Errorf("%s: got %#v, want %#v", kind, err, want)
		}
	}
}
