package gentest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/thriftkit/thriftkit"
	kept "github.com/thriftkit/thriftkit/gen/gentest/kept/things"
)

// failing is a handler whose exceptions have a prefix in Go, and so other names than in the IDL.
type failing struct{ kept.MyThings }

func (failing) FailVoid(_ context.Context, kind string) error {
	if kind == "wrapped" {
		return errors.Join(errors.New("looking it up"), &kept.MyNotFound{Name: "lamp"})
	}
	return &kept.MyNotFound{Name: "lamp"}
}

func TestPrefixedException(t *testing.T) {
	addr := serve(t, kept.MyThingsService(), kept.MyThingsHandler(failing{}))
	c, err := thriftkit.Dial(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, kind := range []string{"plain", "wrapped"} {
		err := kept.NewMyThingsClient(c).FailVoid(context.Background(), kind)
		if want := (&kept.MyNotFound{Name: "lamp"}); !reflect.DeepEqual(err, want) {
			t.Errorf("%s: got %#v, want %#v", kind, err, want)
		}
	}
}
