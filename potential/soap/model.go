package soap

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// Model is a power spectrum with coefficients. Evaluators that share it must not run while
// the coefficients are written to.
type Model struct {
	*Descriptor
	Reference []float64 // e_z by element, eV
	// Zeta is ζ of the kernel; 0: the linear model.
	Zeta int
	// Points are q̂ by element, [k][Features], of unit length; the linear model has none.
	Points [][]float64
	// Theta are the coefficients by element, w or α, one after another.
	Theta []float64

	first []int                    // of each element's coefficients, and their number
	bare  [][]float64              // φ of an atom alone: p⁰ or its kernels, by element
	to    []kernel.Matrix[float64] // q̂ᵀ, for p·q̂
	from  []kernel.Matrix[float64] // q̂
}

// NewModel makes a model with coefficients of zero. Without points it is linear in p.
func NewModel(d *Descriptor, reference []float64, zeta int, pts [][]float64) (*Model, error) {
	m := &Model{Descriptor: d, Reference: reference, Zeta: zeta, Points: pts}
	if err := m.prepare(); err != nil {
		return nil, err
	}
	m.Theta = make([]float64, m.Coefficients())
	return m, nil
}

func (m *Model) prepare() error {
	n, f := len(m.Elements), m.Features()
	if len(m.Reference) != n {
		return fmt.Errorf("soap: %d reference energies for %d elements", len(m.Reference), n)
	}
	if m.Zeta < 0 || m.Zeta > 16 {
		return fmt.Errorf("soap: zeta %d: 1 to 16 are possible", m.Zeta)
	}
	if m.Zeta > 0 && len(m.Points) != n {
		return fmt.Errorf("soap: points of %d elements, of %d", len(m.Points), n)
	}
	m.first = []int{0}
	w := newPlace(m.Descriptor)
	for z := range n {
		w.begin(z)
		w.expand()
		w.power()
		if m.Zeta == 0 {
			m.first = append(m.first, m.first[z]+f)
			m.bare = append(m.bare, append([]float64(nil), w.p...))
			continue
		}
		pts := m.Points[z]
		k := len(pts) / f
		if len(pts) == 0 || len(pts)%f != 0 {
			return fmt.Errorf("soap: %d numbers of points for element %d: no multiple of %d", len(pts), m.Elements[z], f)
		}
		if !(w.normalise() > 0) {
			return fmt.Errorf("soap: the kernel compares directions of spectra, and an atom alone has none: give the central atom a weight")
		}
		m.first = append(m.first, m.first[z]+k)
		m.to, m.from = append(m.to, kernel.PackT[float64](pts, f, k, 1)), append(m.from, kernel.Pack[float64](pts, k, f, 1))
		phi := make([]float64, k)
		kernel.Gemm(1, w.p, f, m.to[z], phi, k, false)
		for i, s := range phi {
			phi[i] = power(s, m.Zeta)
		}
		m.bare = append(m.bare, phi)
	}
	return nil
}

// power is sⁿ.
func power(s float64, n int) float64 {
	v := 1.0
	for range n {
		v *= s
	}
	return v
}

// normalise divides p by its length, which it returns.
func (w *place) normalise() float64 {
	sum := 0.0
	for _, v := range w.p {
		sum += v * v
	}
	n := math.Sqrt(sum)
	if n > 0 {
		for k := range w.p {
			w.p[k] /= n
		}
	}
	return n
}

// Coefficients is their number.
func (m *Model) Coefficients() int { return m.first[len(m.first)-1] }

// Potential is one rank's evaluation of a model, and fits it: a potential.Trainable.
type Potential struct {
	*Model
	w    *place
	row  []int32   // feature row of each edge
	s, u []float64 // p̂·q̂, and ∂E/∂ of them
	rows rows
}

// Potential makes one for a rank.
func (m *Model) Potential() *Potential {
	most := 0
	for z := range m.Elements {
		most = max(most, m.first[z+1]-m.first[z])
	}
	return &Potential{Model: m, w: newPlace(m.Descriptor), s: make([]float64, most), u: make([]float64, most)}
}

// Cutoff is part of potential.Potential.
func (p *Potential) Cutoff() float64 { return p.Settings.Cutoff }

// environment gathers the neighbours of atom i and finds its power spectrum.
func (p *Potential) environment(f *potential.Frame, i int) {
	w, rc2 := p.w, p.Settings.Cutoff*p.Settings.Cutoff
	w.begin(int(p.species[f.Species[i]]))
	p.row = p.row[:0]
	x := f.X[i]
	for _, j := range f.List.J[f.List.Row[i]:f.List.Row[i+1]] {
		d := f.X[j]
		d2 := 0.0
		for c := range d {
			d[c] -= x[c]
			d2 += d[c] * d[c]
		}
		if d2 >= rc2 {
			continue
		}
		w.add(p.species[f.Species[j]], d, math.Sqrt(d2))
		p.row = append(p.row, f.Home[j])
	}
	w.expand()
	w.power()
}

// Compute is part of potential.Potential.
func (p *Potential) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		p.environment(f, i)
		res.Energy[i] = p.energy()
		p.w.back()
		p.w.edges()
		res.Bonds.Add(int32(i), p.row, p.w.r, p.w.grad[:len(p.row)])
	}
	return nil
}

// energy is E_i of the environment in hand; it sets gp = ∂E/∂p.
func (p *Potential) energy() float64 {
	w, z := p.w, p.w.centre
	theta, bare := p.Theta[p.first[z]:p.first[z+1]], p.bare[z]
	e := 0.0
	if p.Zeta == 0 {
		for k, c := range theta {
			e += c * (w.p[k] - bare[k])
			w.gp[k] = c
		}
		return p.Reference[z] + e
	}
	n := len(theta)
	length := p.compare()
	s, u := p.s[:n], p.u[:n]
	along := 0.0
	for k, c := range theta {
		q := power(s[k], p.Zeta-1)
		e += c * (q*s[k] - bare[k])
		u[k] = c * float64(p.Zeta) * q / length
		along += u[k] * s[k]
	}
	kernel.Gemm(1, u, n, p.from[z], w.gp, len(w.gp), false)
	for k, v := range w.p {
		w.gp[k] -= along * v
	}
	return p.Reference[z] + e
}

// compare normalises p and sets s = p̂·q̂; it returns |p|.
func (p *Potential) compare() float64 {
	w, z := p.w, p.w.centre
	length := w.normalise()
	n := p.first[z+1] - p.first[z]
	kernel.Gemm(1, w.p, len(w.p), p.to[z], p.s, n, false)
	return length
}

// phi writes the derivatives of E_i by the coefficients of its element to dst; it returns
// |p|, by which the kernel model has divided p, or 1.
func (p *Potential) phi(dst []float64) (length float64) {
	bare := p.bare[p.w.centre]
	if p.Zeta == 0 {
		for k, v := range p.w.p {
			dst[k] = v - bare[k]
		}
		return 1
	}
	length = p.compare()
	for k, v := range bare {
		dst[k] = power(p.s[k], p.Zeta) - v
	}
	return length
}

// Params is part of potential.Trainable.
func (p *Potential) Params() []potential.Param {
	return []potential.Param{{Name: "coefficients", Shape: []int{len(p.Theta)}, Value: p.Theta}}
}

// Update is part of potential.Trainable.
func (p *Potential) Update() {}

// ParamGradient is part of potential.Trainable.
func (p *Potential) ParamGradient(f *potential.Frame, dEnergy, e, dst []float64) error {
	for i := range f.N {
		p.environment(f, i)
		z := p.w.centre
		n := p.first[z+1] - p.first[z]
		p.phi(p.u[:n])
		e[i] = p.Reference[z]
		at := p.first[z]
		for k, v := range p.u[:n] {
			e[i] += p.Theta[at+k] * v
			dst[at+k] += dEnergy[i] * v
		}
	}
	return nil
}
