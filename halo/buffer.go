package halo

import "unsafe"

// view reads bytes of a buffer as n values of another type. Buffers are aligned to 64
// bytes, and callers place values of eight bytes at multiples of eight.
func view[T any](b []byte, n int) []T {
	if n == 0 {
		return nil
	}
	var t T
	if len(b) < n*int(unsafe.Sizeof(t)) {
		panic("halo: view beyond the buffer")
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), n)
}

// resize makes s n long, keeping its content; what is new is zero. It grows
// with headroom, so that numbers of atoms that go up and down do not allocate.
func resize[T any](s []T, n int) []T {
	if n > cap(s) {
		t := make([]T, n, n+n/8+16)
		copy(t, s)
		return t
	}
	old := len(s)
	s = s[:n]
	if n > old {
		clear(s[old:])
	}
	return s
}
