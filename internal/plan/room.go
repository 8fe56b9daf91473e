package plan

import "github.com/thriftkit/thriftkit/internal/mem"

// Room bounds what is allocated for n promised elements of size bytes by a multiple of what is
// there to be read; more grows as it is read.
func Room(n int, size uintptr, remain int) int {
	const factor = 4
	if size == 0 {
		return n
	}
	return min(n, max(1, int(uintptr(remain)*factor/size)))
}

// GrowSlice makes the full slice at v, of type t, longer, up to n elements.
func GrowSlice(v mem.Pointer, t *Type, n int) (have int, data mem.Pointer) {
	rv := v.Value(t.Go)
	rv.Grow(1)
	have = min(n, rv.Cap())
	rv.SetLen(have)
	return have, v.SliceData()
}
