package kernel

import "unsafe"

// Make is make([]T, n) beginning at a cache line of 64 bytes. The vector
// functions work at any alignment, but a vector that straddles two lines costs
// two loads: give them records made here, with widths of whole lines.
func Make[T Float](n int) []T {
	var t T
	size := int(unsafe.Sizeof(t))
	b := make([]T, n+64/size)
	skip := 0
	if r := int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63); r != 0 {
		skip = (64 - r) / size
	}
	return b[skip : skip+n : skip+n]
}
