package gentest

import (
	"context"
	"errors"
	"reflect"
	"testing"

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
	c := serve(t, kept.MyThingsService(), kept.MyThingsHandler(failing{})).Client()
	for _, kind := range []string{"plain", "wrapped"} {
		err := kept.NewMyThingsClient(c).FailVoid(context.Background(), kind)
		if want := (&kept.MyNotFound{Name: "lamp"}); !reflect.DeepEqual(err, want) {
			t.Errorf("%s: got %#v, want %#v", kind, err, want)
		}
	}
}
