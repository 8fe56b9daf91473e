package plan

// Room bounds what is allocated for n promised elements of size bytes by a multiple of what is
// there to be read; more grows as it is read.
func Room(n int, size uintptr, remain int) int {
	const factor = 4
	if size == 0 {
		return n
	}
	return min(n, max(1, int(uintptr(remain)*factor/size)))
}
