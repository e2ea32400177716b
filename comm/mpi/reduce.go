//go:build linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"unsafe"

	"github.com/wigner-md/wigner/comm"
)

const (
	scratchLimit = 4 << 20  // bytes of scratch that a reduction uses at most
	smallGather  = 64 << 10 // bytes up to which gather does not need the library's
)

// Allreduce replaces x by the reduction over all ranks; sums are in the order
// of the ranks.
func (c *Comm) Allreduce(x []float64, op comm.Op) error {
	if op < comm.Sum || op > comm.Min {
		return fmt.Errorf("mpi: unknown reduction %d", op)
	}
	if c.size == 1 {
		return nil
	}
	for len(x) > 0 {
		n := min(len(x), max(1, scratchLimit/8/c.size))
		if op != comm.Sum && 8*n*c.size > smallGather {
			return c.extremum(x, op)
		}
		buf := c.scratch(8 * n * c.size)
		all := float64s(buf)
		copy(all[c.rank*n:], x[:n])
		if err := c.gather(buf); err != nil {
			return err
		}
		copy(x, all[:n])
		for r := 1; r < c.size; r++ {
			comm.Combine(x[:n], all[r*n:(r+1)*n], op)
		}
		x = x[n:]
	}
	return nil
}

// extremum reduces the integers that compare as the numbers do.
func (c *Comm) extremum(x []float64, op comm.Op) error {
	for len(x) > 0 {
		n := min(len(x), scratchLimit/8)
		buf := int64s(c.scratch(8 * n))
		for i, v := range x[:n] {
			buf[i] = comm.Ordered(v, op)
		}
		if err := c.reduceInts(buf, op); err != nil {
			return err
		}
		for i, k := range buf {
			x[i] = comm.FromOrdered(k)
		}
		x = x[n:]
	}
	return nil
}

// AllreduceInt is Allreduce for integers.
func (c *Comm) AllreduceInt(x []int64, op comm.Op) error {
	if op < comm.Sum || op > comm.Min {
		return fmt.Errorf("mpi: unknown reduction %d", op)
	}
	if c.size == 1 {
		return nil
	}
	if n := len(x); 8*n*c.size <= smallGather {
		buf := c.scratch(8 * n * c.size)
		all := int64s(buf)
		copy(all[c.rank*n:], x)
		if err := c.gather(buf); err != nil {
			return err
		}
		copy(x, all[:n])
		for r := 1; r < c.size; r++ {
			comm.CombineInt(x, all[r*n:(r+1)*n], op)
		}
		return nil
	}
	for len(x) > 0 {
		n := min(len(x), scratchLimit/8)
		buf := int64s(c.scratch(8 * n))
		copy(buf, x[:n])
		if err := c.reduceInts(buf, op); err != nil {
			return err
		}
		copy(x, buf)
		x = x[n:]
	}
	return nil
}

// reduceInts is MPI_Allreduce in place on memory of the arena.
func (c *Comm) reduceInts(buf []int64, op comm.Op) error {
	lib := c.lib
	ops := [...]uintptr{comm.Sum: lib.sum, comm.Max: lib.max, comm.Min: lib.min}
	return c.collective(fnAllreduce, fnIallreduce,
		lib.inPlace, address(bytesOf(buf)), uintptr(len(buf)), lib.int64s, ops[op], c.world)
}

// gather fills every rank's part of buf, which has one of the same size for
// each; this rank's is there.
func (c *Comm) gather(buf []byte) error {
	part := len(buf) / c.size
	if len(buf) > smallGather {
		lib := c.lib
		return c.collective(fnAllgather, fnIallgather,
			lib.inPlace, 0, lib.bytes, address(buf), uintptr(part), lib.bytes, c.world)
	}
	// Bruck's algorithm: parts are held in the order rank, rank+1, …; each
	// round passes all that is there to the left and so doubles it.
	//
	// J. Bruck et al., IEEE Trans. Parallel Distrib. Syst. 8, 1143 (1997).
	held := c.gathered[:len(buf)]
	copy(held, buf[c.rank*part:][:part])
	x := &c.own
	c.ensure(x, 2)
	for have := 1; have < c.size; {
		n := min(have, c.size-have)
		x.n, x.polls, x.parts, x.bounce = 0, 0, x.parts[:0], x.bounce[:0]
		if err := c.postOne(x, fnIrecv, held[have*part:][:n*part], (c.rank+have)%c.size, 0, c.side); err != nil {
			return err
		}
		if err := c.postOne(x, fnIsend, held[:n*part], (c.rank-have+c.size)%c.size, 0, c.side); err != nil {
			return err
		}
		if err := c.wait(x); err != nil {
			return err
		}
		have += n
	}
	for j := range c.size {
		copy(buf[(c.rank+j)%c.size*part:][:part], held[j*part:])
	}
	return nil
}

// collective calls a collective operation. Where there are more ranks than
// cores it is the form that does not block: a library that waits for a rank
// without yielding its core to it can take a thousand times longer.
func (c *Comm) collective(blocks, starts int, args ...uintptr) error {
	if !c.crowded {
		return c.lib.call(blocks, args...)
	}
	x := &c.own
	c.ensure(x, 1)
	var all [9]uintptr
	n := copy(all[:], args)
	all[n] = address(x.requests)
	if err := c.lib.call(starts, all[:n+1]...); err != nil {
		return err
	}
	x.n, x.polls, x.parts, x.bounce = 1, 0, x.parts[:0], x.bounce[:0]
	return c.wait(x)
}

func (c *Comm) scratch(n int) []byte {
	if n > len(c.red) {
		c.red = c.Alloc(max(2*len(c.red), n))
	}
	return c.red[:n]
}

func bytesOf(x []int64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 8*len(x))
}
