package syntax

// A slab hands out values of one type from larger and larger pieces of memory: a tree has many
// small nodes, which live and die together.
type slab[T any] struct {
	free []T
	size int
}

func (s *slab[T]) alloc() *T {
	if len(s.free) == 0 {
		s.size = min(max(2*s.size, 4), 256)
		s.free = make([]T, s.size)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// A lists builds many slices of one element type, which may be nested: each is collected on top of
// the stack and cut off when it is complete.
type lists[T any] struct {
	stack []T
	free  []T
	size  int
}

func (l *lists[T]) push(v T)  { l.stack = append(l.stack, v) }
func (l *lists[T]) mark() int { return len(l.stack) }

// cut returns what was pushed since mark, nil if nothing was.
func (l *lists[T]) cut(mark int) []T {
	n := len(l.stack) - mark
	if n == 0 {
		return nil
	}
	if n > len(l.free) {
		l.size = min(max(2*l.size, 8), 512)
		l.free = make([]T, max(n, l.size))
	}
	list := l.free[:n:n]
	l.free = l.free[n:]
	copy(list, l.stack[mark:])
	clear(l.stack[mark:])
	l.stack = l.stack[:mark]
	return list
}
