//go:build linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm"
)

// arena is memory outside Go's heap that is never given back. Transports such
// as UCX keep memory registered with the network card and learn that it was
// unmapped from the C library's functions only; Go's own memory comes and goes
// by system calls, so that a registration could outlive it and the wrong bytes
// would be sent.
type arena struct {
	mu     sync.Mutex
	chunks [][]byte
	free   []byte // rest of the last chunk
}

const (
	hugePage   = 2 << 20
	chunkBytes = 8 << 20
)

// alloc returns zeroed memory, 64-byte aligned. It panics where the system has
// no address space left, as make does.
func (a *arena) alloc(n int) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	need := comm.Lines(n)
	if need > len(a.free) {
		size := (max(need, chunkBytes) + hugePage - 1) &^ (hugePage - 1)
		m, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			panic(fmt.Sprintf("mpi: no memory for %d bytes: %v", n, err))
		}
		skip := int(-address(m) & (hugePage - 1))
		c := m[skip : skip+size]
		_ = unix.Madvise(c, unix.MADV_HUGEPAGE) // only a wish
		a.chunks = append(a.chunks, c)
		if need > chunkBytes/2 { // a chunk of its own: keep the rest of the last one
			return c[:n:n]
		}
		a.free = c
	}
	b := a.free[:n:n]
	a.free = a.free[need:]
	return b
}

// has says whether b lies in the arena.
func (a *arena) has(b []byte) bool {
	p := address(b)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.chunks {
		if lo := address(c); p >= lo && p+uintptr(len(b)) <= lo+uintptr(len(c)) {
			return true
		}
	}
	return false
}

// address is where b begins; b stays there: arena memory is never moved.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func int64s(b []byte) []int64 {
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}

func float64s(b []byte) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
