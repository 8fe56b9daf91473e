package plan

import "github.com/thriftkit/thriftkit/internal/mem"

// GrowSlice makes the full slice at v, of type t, longer, up to n elements.
func GrowSlice(v mem.Pointer, t *Type, n int) (have int, data mem.Pointer) {
	rv := v.Value(t.Go)
	rv.Grow(1)
	have = min(n, rv.Cap())
	rv.SetLen(have)
	return have, v.SliceData()
}
