package thriftimpl

import (
	"fmt"
	"testing"

	"github.com/thriftkit/thriftkit/wire"
)

func TestCheckUnion(t *testing.T) {
	for _, test := range []struct {
		unknown wire.UnknownFields
		members []bool
		want    string
	}{
		{nil, []bool{true}, "<nil>"},
		{nil, []bool{false, true, false}, "<nil>"},
		{wire.UnknownFields{1}, nil, "<nil>"},
		{wire.UnknownFields{1}, []bool{false}, "<nil>"},
		{nil, nil, "invalid value: union U must have exactly one member set, it has 0"},
		{nil, []bool{true, false, true}, "invalid value: union U must have exactly one member set, it has 2"},
		{wire.UnknownFields{1}, []bool{true, true}, "invalid value: union U must have exactly one member set, it has 2"},
	} {
		if got := fmt.Sprint(CheckUnion("U", test.unknown, test.members...)); got != test.want {
			t.Errorf("%v: %s\nwant %s", test.members, got, test.want)
		}
	}
}

func TestMakeSlab(t *testing.T) {
	for _, test := range []struct{ n, remain, want int }{
		{3, 1000, 3}, {1000, 1 << 20, 1000}, {1 << 30, 160, 40}, {5, 0, 1},
	} {
		if got := len(MakeSlab[[2]int64](test.n, test.remain)); got != test.want {
			t.Errorf("%d promised, %d bytes: %d, want %d", test.n, test.remain, got, test.want)
		}
	}
	if got := len(MakeSlab[struct{}](5, 0)); got != 5 {
		t.Errorf("%d of nothing", got)
	}
}
