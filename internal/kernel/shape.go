package kernel

import "fmt"

// Block is one irrep of a record: component m of channel u is number
// Offset + m·Mul + u of the record.
type Block struct{ L, Mul, Offset int }

// Width is the number of numbers in the block.
func (b Block) Width() int { return (2*b.L + 1) * b.Mul }

// Term is one non-zero element C[I,J,K] of a coupling.
type Term struct {
	I, J, K int // components of l1, l2, l3
	C       float64
}

// Path is one coupling (l1, l2, l3) of a convolution. Each path has the Mul of
// its X block, and columns of its own in its Agg block.
type Path struct {
	X     int    // block of the incoming record
	L2    int    // degree of the harmonics
	Agg   int    // block of the aggregate
	Col   int    // first channel within that block
	W     int    // first weight within the radial row
	Terms []Term // every normalisation folded in
}

// Shape is one layer's convolution.
type Shape struct {
	X        []Block // the record that neighbours send
	XWidth   int
	Agg      []Block // the aggregate: per irrep, all paths that lead to it side by side
	AggWidth int
	LMax     int // harmonics 0 … LMax
	Weights  int // length of a radial row
	Paths    []Path
}

// Check panics when the shape contradicts itself.
func (s *Shape) Check() {
	for n, p := range s.Paths {
		x, a := s.X[p.X], s.Agg[p.Agg]
		bad := p.W < 0 || p.W+x.Mul > s.Weights || p.Col < 0 || p.Col+x.Mul > a.Mul || p.L2 > s.LMax
		for _, t := range p.Terms {
			bad = bad || t.I > 2*x.L || t.J > 2*p.L2 || t.K > 2*a.L
		}
		if bad {
			panic(fmt.Sprintf("kernel: path %d does not fit its shape", n))
		}
	}
	for _, r := range []struct {
		b []Block
		w int
	}{{s.X, s.XWidth}, {s.Agg, s.AggWidth}} {
		for _, b := range r.b {
			if b.Offset+b.Width() > r.w {
				panic("kernel: block outside its record")
			}
		}
	}
}
