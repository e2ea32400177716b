package kernel

import "syscall"

// adviseHuge asks for huge pages; a system without them is as good.
func adviseHuge(b []byte) {
	const madvHugePage = 14
	_ = syscall.Madvise(b, madvHugePage)
}
