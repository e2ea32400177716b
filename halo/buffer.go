package halo

import (
	"unsafe"

	"github.com/wigner-md/wigner/comm"
)

// buffer is memory for an Exchange. What comm.Alloc has given is never returned:
// it grows geometrically, and with headroom from the first time on, because
// numbers of ghosts go up and down.
type buffer struct{ b []byte }

func (b *buffer) bytes(c comm.Comm, n int) []byte {
	if len(b.b) < n {
		b.b = c.Alloc(max(n+n/8, len(b.b)+len(b.b)/2, 4096))
	}
	return b.b[:n]
}

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
