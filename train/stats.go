package train

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/wigner-md/wigner/potential"
)

// Statistics are what a new network is normalised by.
type Statistics struct {
	Elements  []int     // atomic numbers, ascending
	Reference []float64 // eV, by element
	Scale     float64   // root mean square of the force components, eV/Å
	Neighbors float64   // mean number of neighbours within the cutoff
}

// Elements are the atomic numbers in the structures, ascending.
func Elements(list []*Structure) []int {
	var out []int
	for _, s := range list {
		for _, z := range s.Z {
			if k, ok := slices.BinarySearch(out, z); !ok {
				out = slices.Insert(out, k, z)
			}
		}
	}
	return out
}

// Describe finds the statistics of structures; reference energies are left out.
func Describe(list []*Structure, cutoff float64) (*Statistics, error) {
	st := &Statistics{Elements: Elements(list)}
	var sum, n, edges, atoms float64
	for _, s := range list {
		x, err := s.sample(cutoff)
		if err != nil {
			return nil, err
		}
		atoms += float64(len(s.X))
		edges += x.within(cutoff)
		for _, f := range s.Forces {
			for _, v := range f {
				if v == v {
					sum, n = sum+v*v, n+1
				}
			}
		}
	}
	if atoms == 0 {
		return nil, fmt.Errorf("train: no atoms in the training structures")
	}
	st.Scale, st.Neighbors = math.Sqrt(sum/n), edges/atoms
	if !(st.Scale > 1e-6) {
		st.Scale = 1
	}
	if st.Neighbors == 0 {
		return nil, fmt.Errorf("train: no atom of the training structures has a neighbour within %g Å", cutoff)
	}
	return st, nil
}

// Remainder are the structures with what a potential leaves of their labels; cutoff is
// that of the training.
func Remainder(list []*Structure, p potential.Potential, cutoff float64) ([]*Structure, error) {
	var u union
	var b potential.Bonds
	var out []*Structure
	for _, s := range list {
		x, err := s.sample(cutoff)
		if err != nil {
			return nil, err
		}
		f := u.only(x, cutoff)
		b.Reset(f.Rows)
		e := make([]float64, len(s.X))
		if err := p.Compute(f, &potential.Result{Energy: e, Bonds: &b}); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Source, err)
		}
		r := s.Clone()
		r.Forces, r.made, r.cutoff = slices.Clone(s.Forces), x, cutoff
		for _, v := range e {
			r.Energy -= v
		}
		for i := range r.Forces {
			for k := range r.Forces[i] {
				r.Forces[i][k] -= b.F[i][k]
			}
		}
		for k := range r.Stress {
			for m := range r.Stress {
				r.Stress[k][m] += b.W[k][m] / x.volume
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// Frames calls see with the frame of each structure, its images among the positions, for
// a cutoff in Å. The frame holds until see returns.
func Frames(list []*Structure, cutoff float64, see func(*potential.Frame) error) error {
	var u union
	for _, s := range list {
		x, err := s.sample(cutoff)
		if err != nil {
			return err
		}
		if err := see(u.only(x, cutoff)); err != nil {
			return fmt.Errorf("%s: %w", s.Source, err)
		}
	}
	return nil
}

// within is the number of directed edges shorter than the cutoff.
func (s *sample) within(cutoff float64) (n float64) {
	at := func(j int32) (x [3]float64) {
		if int(j) < len(s.X) {
			return s.X[j]
		}
		m := int(j) - len(s.X)
		for k := range x {
			x[k] = s.X[s.home[m]][k] + s.shift[m][k]
		}
		return x
	}
	for i, xi := range s.X {
		for _, j := range s.j[s.row[i]:s.row[i+1]] {
			d2 := 0.0
			for k, v := range at(j) {
				d2 += (v - xi[k]) * (v - xi[k])
			}
			if d2 < cutoff*cutoff {
				n++
			}
		}
	}
	return n
}

// FitReference finds the energy of each element that gives the structures' energies best
// (least squares of the energy per atom; the shortest solution where several do).
func FitReference(list []*Structure, elements []int) ([]float64, error) {
	var rows [][]float64
	var rhs []float64
	for _, s := range list {
		if s.Energy != s.Energy {
			continue
		}
		row := make([]float64, len(elements))
		for _, z := range s.Z {
			k, ok := slices.BinarySearch(elements, z)
			if !ok {
				return nil, fmt.Errorf("%s: element %d is not among those of the training", s.Source, z)
			}
			row[k] += 1 / float64(len(s.Z))
		}
		rows = append(rows, row)
		rhs = append(rhs, s.Energy/float64(len(s.Z)))
	}
	if len(rows) == 0 {
		return make([]float64, len(elements)), nil
	}
	a := mat.NewDense(len(rows), len(elements), nil)
	for i, r := range rows {
		a.SetRow(i, r)
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		return nil, fmt.Errorf("train: reference energies: the least-squares fit failed")
	}
	var x mat.Dense
	svd.SolveTo(&x, mat.NewDense(len(rhs), 1, rhs), svd.Rank(1e-10))
	return mat.Col(nil, 0, &x), nil
}

// TargetSize is the root mean square of the components of the targets; 1 where it is zero.
func TargetSize(list []*Structure) float64 {
	sum, n := 0.0, 0.0
	for _, s := range list {
		for _, v := range s.Target {
			sum, n = sum+v*v, n+1
		}
	}
	if !(sum > 0) {
		return 1
	}
	return math.Sqrt(sum / n)
}

// Isolated finds the energies of single atoms among structures, by element.
func Isolated(list []*Structure, elements []int) ([]float64, error) {
	out := make([]float64, len(elements))
	for k, z := range elements {
		out[k] = math.NaN()
		for _, s := range list {
			if len(s.Z) == 1 && s.Z[0] == z && s.Type == "IsolatedAtom" {
				out[k] = s.Energy
			}
		}
		if out[k] != out[k] {
			return nil, fmt.Errorf("train: no structure of one atom of element %d with config_type IsolatedAtom and an energy", z)
		}
	}
	return out, nil
}

// Shortest is the shortest distance between atoms of the structures, Å, of those within the
// cutoff; infinite without any.
func Shortest(list []*Structure, cutoff float64) (float64, error) {
	least := math.Inf(1)
	for _, s := range list {
		x, err := s.sample(cutoff)
		if err != nil {
			return 0, err
		}
		least = min(least, x.short)
	}
	return least, nil
}
