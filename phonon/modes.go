package phonon

import (
	"errors"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/mat"
)

// terahertz is 1 THz as an angular frequency in √(eV/amu)/Å: 2π × 10¹² s⁻¹ × the unit of
// time Å·√(amu/eV), 10.180505710774 fs (CODATA 2018, as in md).
const terahertz = 2 * math.Pi * 1e-3 / 0.09822694750253276

// Wavenumber is 1 THz in cm⁻¹: 10¹²/(299792458·100).
const Wavenumber = 1e10 / 299792458

// Modes computes frequencies; one per goroutine.
type Modes struct {
	s   *Supercell
	phi Constants
	d   []complex128
	eig mat.EigenSym
	sym *mat.SymDense
	vec mat.Dense

	Freq   []float64   // THz, rising, of the last call; imaginary ones negative
	Weight [][]float64 // by mode and basis atom: the atom's part of the motion; see Solve
}

// Modes makes a solver.
func (s *Supercell) Modes(phi Constants) *Modes {
	n := 3 * len(s.Basis)
	m := &Modes{s: s, phi: phi, d: make([]complex128, n*n), sym: mat.NewSymDense(2*n, nil), Freq: make([]float64, n)}
	for range n {
		m.Weight = append(m.Weight, make([]float64, len(s.Basis)))
	}
	return m
}

// Matrix is the dynamical matrix at q, by rows, eV/(Å²·amu); valid until the next call.
func (m *Modes) Matrix(q [3]float64) []complex128 {
	s, n := m.s, 3*len(m.s.Basis)
	clear(m.d)
	for i, b := range s.Basis {
		for j, images := range s.images[i] {
			var phase complex128
			for _, x := range images {
				phase += cmplx.Rect(1, 2*math.Pi*(q[0]*x[0]+q[1]*x[1]+q[2]*x[2]))
			}
			k := s.Kind[j]
			phase /= complex(float64(len(images))*math.Sqrt(s.Mass[s.From[b]]*s.Mass[s.From[j]]), 0)
			for a := range 3 {
				for c := range 3 {
					m.d[(3*i+a)*n+3*k+c] += phase * complex(m.phi[i][j][a][c], 0)
				}
			}
		}
	}
	for a := range n {
		for c := range a + 1 {
			x := (m.d[a*n+c] + cmplx.Conj(m.d[c*n+a])) / 2
			m.d[a*n+c], m.d[c*n+a] = x, cmplx.Conj(x)
		}
	}
	return m.d
}

// Solve fills Freq at q, and Weight where it is asked for.
func (m *Modes) Solve(q [3]float64, weights bool) error {
	n := len(m.Freq)
	d := m.Matrix(q)
	// A Hermitian A + iB has each eigenvalue of the symmetric ((A, −B), (B, A)), which has it
	// twice.
	for a := range n {
		for c := range n {
			x := d[a*n+c]
			if c >= a {
				m.sym.SetSym(a, c, real(x))
				m.sym.SetSym(n+a, n+c, real(x))
			}
			m.sym.SetSym(a, n+c, -imag(x))
		}
	}
	if !m.eig.Factorize(m.sym, weights) {
		return errors.New("phonon: the dynamical matrix has no eigenvalues: are its force constants finite?")
	}
	values := m.eig.Values(nil)
	for k := range m.Freq {
		v := (values[2*k] + values[2*k+1]) / 2
		m.Freq[k] = math.Copysign(math.Sqrt(math.Abs(v)), v) / terahertz
	}
	if !weights {
		return nil
	}
	m.eig.VectorsTo(&m.vec)
	for k, w := range m.Weight {
		clear(w)
		for r := range 2 * n {
			for _, c := range []int{2 * k, 2*k + 1} {
				x := m.vec.At(r, c)
				w[r%n/3] += x * x / 2
			}
		}
	}
	return nil
}
