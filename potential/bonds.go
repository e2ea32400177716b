package potential

import "github.com/wigner-md/wigner/domain"

// Bonds gathers the edge gradients g = ∂E/∂r_ij (eV/Å, r_ij = x_j − x_i) and
// makes of them the forces and the virial. It holds the only sign:
//
//	F_i += g,  F_j −= g,  W −= r_ij ⊗ g
//
// so that W = −Σ r ⊗ ∂E/∂r (eV) is positive under compression and the stress
// in ASE's sign is σ = −W/|det cell|. With a strain ε that takes every x to
// x·(1+ε), W_kl = −∂E/∂ε_kl.
//
// Where PerAtom is set, each edge gives half of its −r_ij ⊗ g to either of its
// atoms, so that W is the sum of Each, as LAMMPS's compute stress/atom has it for
// pair potentials and embedded atoms.
type Bonds struct {
	F [][3]float64  // by feature row; Reset makes it long enough and zero
	W [3][3]float64 // this rank's part; the sum over all ranks is symmetric

	PerAtom bool            // asks for Each; set before Reset
	Each    [][3][3]float64 // W of the atoms by feature row, eV; empty unless PerAtom
}

// Reset prepares for a new evaluation with this many feature rows, zeroing F and W.
func (b *Bonds) Reset(rows int) {
	if cap(b.F) < rows {
		b.F = make([][3]float64, rows, rows+rows/8)
	}
	b.F = b.F[:rows]
	clear(b.F)
	b.W = [3][3]float64{}
	if !b.PerAtom {
		b.Each = b.Each[:0]
		return
	}
	if cap(b.Each) < rows {
		b.Each = make([][3][3]float64, rows, rows+rows/8)
	}
	b.Each = b.Each[:rows]
	clear(b.Each)
}

// Add takes edges of the owned atom i to the feature rows j with vectors r and
// gradients g. It may be called several times for an atom, once per layer;
// parts add.
func (b *Bonds) Add(i int32, j []int32, r, g [][3]float64) {
	r, g = r[:len(j)], g[:len(j)]
	var fi [3]float64
	var w [3][3]float64 // of this atom: sums of few terms round less
	for e, row := range j {
		f, v, q := &b.F[row], r[e], g[e]
		for k := range q {
			fi[k] += q[k]
			f[k] -= q[k]
			for l := range q {
				w[k][l] += v[k] * q[l]
			}
		}
	}
	f := &b.F[i]
	for k := range fi {
		f[k] += fi[k]
		for l := range w[k] {
			b.W[k][l] -= w[k][l]
		}
	}
	if b.PerAtom {
		for e, row := range j {
			b.share(i, row, r[e], g[e])
		}
	}
}

// share gives an edge's part of the virial to its atoms.
func (b *Bonds) share(i, j int32, r, g [3]float64) {
	for k := range r {
		for l := range g {
			h := r[k] * g[l] / 2
			b.Each[i][k][l] -= h
			b.Each[j][k][l] -= h
		}
	}
}

// AddSummed is Add for vectors and gradients given by axes, of which the caller
// knows the sums Σ g and Σ r ⊗ g.
func AddSummed[T float32 | float64](b *Bonds, i int32, j []int32, r, g [3][]T, sum [3]float64, virial [3][3]float64) {
	x, y, z := g[0][:len(j)], g[1][:len(j)], g[2][:len(j)]
	for e, row := range j {
		f := &b.F[row]
		f[0] -= float64(x[e])
		f[1] -= float64(y[e])
		f[2] -= float64(z[e])
	}
	f := &b.F[i]
	for k := range sum {
		f[k] += sum[k]
		for l := range sum {
			b.W[k][l] -= virial[k][l]
		}
	}
	if b.PerAtom {
		for e, row := range j {
			b.share(i, row, vector(&r, e), vector(&g, e))
		}
	}
}

func vector[T float32 | float64](x *[3][]T, e int) [3]float64 {
	return [3]float64{float64(x[0][e]), float64(x[1][e]), float64(x[2][e])}
}

// AddAtom takes the gradient g = ∂E/∂x_i of an owned atom at x, for energies that are no
// functions of edges (package naive): F_i −= g, W −= x ⊗ g.
func (b *Bonds) AddAtom(i int32, x, g [3]float64) {
	f := &b.F[i]
	for k := range g {
		f[k] -= g[k]
		for l := range g {
			b.W[k][l] -= x[k] * g[l]
		}
	}
}

// Close sends the ghosts' forces home: afterwards F[i] of every owned row is
// the whole force, and so is Each[i]. It is collective.
func (b *Bonds) Close(h Exchanger) error {
	if err := h.Reverse(domain.Rows{Width: 3, F64: flat(b.F)}); err != nil || !b.PerAtom {
		return err
	}
	return h.Reverse(domain.Rows{Width: 9, F64: flat9(b.Each)})
}
