package commtest

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/wigner-md/wigner/comm"
)

func checkAlloc(c comm.Comm) error {
	sizes := []int{0, 1, 63, 64, 65, 4096, 1 << 18, 5, 3 << 18}
	var all [][]byte
	for k, n := range sizes {
		b := c.Alloc(n)
		if len(b) != n || cap(b) != n {
			return fmt.Errorf("Alloc(%d) has length %d and capacity %d", n, len(b), cap(b))
		}
		if n > 0 && uintptr(unsafe.Pointer(&b[0]))%64 != 0 {
			return fmt.Errorf("Alloc(%d) is not 64-byte aligned", n)
		}
		for i := range b {
			if b[i] != 0 {
				return fmt.Errorf("Alloc(%d): byte %d is %d, not zero", n, i, b[i])
			}
			b[i] = byte(k + 1)
		}
		all = append(all, b)
	}
	for k, b := range all {
		for i := range b {
			if b[i] != byte(k+1) {
				return fmt.Errorf("memory of two Allocs overlaps (%d bytes)", sizes[k])
			}
		}
	}
	return nil
}

// number is of very different magnitude from rank to rank, so that a sum in
// another order has other bits.
func number(rank, i, round int) float64 {
	h := hash(rank, i, round)
	// a sign, an exponent of 2⁻³² … 2³¹, a full mantissa
	return math.Float64frombits(h&(1<<63|1<<52-1) | (1023-32+h>>52&63)<<52)
}

func checkReduce(c comm.Comm) error {
	long := 40000 / c.Size() // every rank makes the numbers of all
	for round, n := range []int{1, 0, 2, 3, 10, 300, long, 1} {
		for _, op := range []comm.Op{comm.Sum, comm.Max, comm.Min} {
			x, want := make([]float64, n), make([]float64, n)
			for i := range x {
				x[i] = number(c.Rank(), i, round)
				want[i] = number(0, i, round)
				for r := 1; r < c.Size(); r++ { // in the order of the ranks
					switch v := number(r, i, round); op {
					case comm.Sum:
						want[i] += v
					case comm.Max:
						want[i] = math.Max(want[i], v)
					case comm.Min:
						want[i] = math.Min(want[i], v)
					}
				}
			}
			if err := c.Allreduce(x, op); err != nil {
				return err
			}
			for i := range x {
				if math.Float64bits(x[i]) != math.Float64bits(want[i]) {
					return fmt.Errorf("operation %d, element %d of %d: %v, want %v", op, i, n, x[i], want[i])
				}
			}
		}
	}
	return nil
}

// checkSpecial: a NaN on one rank reaches all, −0 < +0, infinities compare.
func checkSpecial(c comm.Comm) error {
	n := c.Size()
	at := func(r int, v, others float64) float64 {
		if c.Rank() == r {
			return v
		}
		return others
	}
	negZero, inf := math.Copysign(0, -1), math.Inf(1)
	for r := range n {
		lone := n == 1
		type row struct {
			x    float64
			op   comm.Op
			want float64
		}
		rows := []row{
			{at(r, math.NaN(), inf), comm.Max, math.NaN()},
			{at(r, math.NaN(), -inf), comm.Min, math.NaN()},
			{at(r, math.NaN(), 1), comm.Sum, math.NaN()},
			{at(r, inf, 3), comm.Max, inf},
			{at(r, -inf, 3), comm.Min, -inf},
			{at(r, negZero, 0), comm.Min, negZero},
		}
		if !lone {
			rows = append(rows, row{at(r, 0, negZero), comm.Max, 0}, row{at(r, -inf, -3), comm.Max, -3})
		}
		for k, v := range rows {
			x := []float64{v.x}
			if err := c.Allreduce(x, v.op); err != nil {
				return err
			}
			same := math.Float64bits(x[0]) == math.Float64bits(v.want) || math.IsNaN(x[0]) && math.IsNaN(v.want)
			if !same {
				return fmt.Errorf("row %d, odd rank %d: %v, want %v", k, r, x[0], v.want)
			}
		}
	}
	return nil
}

func checkReduceInt(c comm.Comm) error {
	for round, n := range []int{1, 0, 3, 17, 10000 / c.Size()} {
		for _, op := range []comm.Op{comm.Sum, comm.Max, comm.Min} {
			x, want := make([]int64, n), make([]int64, n)
			for i := range x {
				x[i] = int64(hash(c.Rank(), i, round)) // full range: sums wrap
				want[i] = int64(hash(0, i, round))
				for r := 1; r < c.Size(); r++ {
					switch v := int64(hash(r, i, round)); op {
					case comm.Sum:
						want[i] += v
					case comm.Max:
						want[i] = max(want[i], v)
					case comm.Min:
						want[i] = min(want[i], v)
					}
				}
			}
			if err := c.AllreduceInt(x, op); err != nil {
				return err
			}
			for i := range x {
				if x[i] != want[i] {
					return fmt.Errorf("operation %d, element %d of %d: %d, want %d", op, i, n, x[i], want[i])
				}
			}
		}
	}
	return nil
}
