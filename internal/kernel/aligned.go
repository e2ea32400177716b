package kernel

import "unsafe"

// Make is make([]T, n) beginning at a cache line of 64 bytes. The vector
// functions work at any alignment, but a vector that straddles two lines costs
// two loads: give them records made here, with widths of whole lines.
//
// From some megabytes on the memory begins at a multiple of 2 MiB and the system
// is asked for huge pages, which spare misses in the translation of addresses.
func Make[T Float](n int) []T {
	var t T
	size := int(unsafe.Sizeof(t))
	align := 64
	if n*size >= 2*hugePage {
		align = hugePage
	}
	b := make([]T, n+align/size)
	skip := 0
	if r := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) & uintptr(align-1)); r != 0 {
		skip = (align - r) / size
	}
	b = b[skip : skip+n : skip+n]
	if align == hugePage {
		adviseHuge(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), n*size&^(hugePage-1)))
	}
	return b
}

const hugePage = 2 << 20

// Room is x with length n, its content undefined: scratch that grows with some to spare.
func Room[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n, n+n/4)
	}
	return x[:n]
}
