package phonon

import "math"

// Point of a mesh: q, and how many points of the whole mesh it stands for.
type Point struct {
	Q      [3]float64
	Weight float64
}

// Mesh is the mesh of Monkhorst and Pack with so many points along each reciprocal
// vector (even numbers miss Γ); of q and −q, which have the same frequencies, one.
func Mesh(n [3]int) []Point {
	var out []Point
	odd := func(i, n int) int { return 2*i + 1 - n%2 } // 2n·q
	for i := range n[0] {
		for j := range n[1] {
			for k := range n[2] {
				a := [3]int{odd(i, n[0]), odd(j, n[1]), odd(k, n[2])}
				var b [3]int // of −q
				for c := range a {
					b[c] = (4*n[c] - a[c]) % (2 * n[c])
				}
				w := 2.0
				switch {
				case a == b:
					w = 1
				case b[0] < a[0] || b[0] == a[0] && (b[1] < a[1] || b[1] == a[1] && b[2] < a[2]):
					continue // its opposite stands for both
				}
				p := Point{Weight: w}
				for c := range a {
					p.Q[c] = float64(a[c]) / float64(2*n[c])
				}
				out = append(out, p)
			}
		}
	}
	return out
}

// Translations marks, among so many frequencies of each point as they come one after
// another, the three of the smallest size at Γ. They are translations of the crystal, which
// no force opposes: their frequencies are zero but for rounding, to either side, and they
// are no vibrations.
func Translations(points []Point, freq []float64) []bool {
	out := make([]bool, len(freq))
	n := len(freq) / max(1, len(points))
	for i, p := range points {
		if p.Q != ([3]float64{}) {
			continue
		}
		for range min(3, n) {
			least := -1
			for k := i * n; k < (i+1)*n; k++ {
				if !out[k] && (least < 0 || math.Abs(freq[k]) < math.Abs(freq[least])) {
					least = k
				}
			}
			out[least] = true
		}
	}
	return out
}

// States is a density of states: the numbers of modes per THz and primitive cell.
type States struct {
	Freq  []float64   // THz
	Total []float64   // 1/THz; the integral is the number of modes
	Part  [][]float64 // by basis atom
}

// NewStates is an empty density between two frequencies.
func NewStates(lo, hi float64, points, atoms int) *States {
	g := &States{Total: make([]float64, points)}
	for k := range points {
		g.Freq = append(g.Freq, lo+(hi-lo)*float64(k)/float64(points-1))
	}
	for range atoms {
		g.Part = append(g.Part, make([]float64, points))
	}
	return g
}

// Add adds a mode as a Gaussian of standard deviation sigma; weight is the share of its
// q among all, parts are those of the atoms.
func (g *States) Add(freq, weight, sigma float64, parts []float64) {
	step := g.Freq[1] - g.Freq[0]
	from := max(0, int((freq-6*sigma-g.Freq[0])/step))
	for k := from; k < len(g.Freq) && g.Freq[k] < freq+6*sigma; k++ {
		x := (g.Freq[k] - freq) / sigma
		y := weight * math.Exp(-x*x/2) / (sigma * math.Sqrt(2*math.Pi))
		g.Total[k] += y
		for a, p := range parts {
			g.Part[a][k] += p * y
		}
	}
}

// Thermal is what harmonic vibrations contribute at a temperature, per primitive cell.
type Thermal struct {
	T             float64 // K
	Free          float64 // free energy with the zero-point energy, eV
	Entropy, Heat float64 // entropy and heat capacity at constant volume, eV/K
}

const (
	planck    = 4.135667696e-3 // h in eV/THz (exact in SI: 6.62607015e-34 J s / 1.602176634e-19 C)
	boltzmann = 8.617333262e-5 // eV/K (1.380649e-23/1.602176634e-19)
)

// Add adds a mode of a weight. Modes that are not real add nothing; translations (see
// Translations), whose part would be that of a rounding error, must not be added.
func (t *Thermal) Add(freq, weight float64) {
	if freq <= 0 {
		return
	}
	e := planck * freq
	t.Free += weight * e / 2
	if t.T <= 0 {
		return
	}
	kT := boltzmann * t.T
	x := e / kT
	n := 1 / math.Expm1(x)
	log := math.Log(-math.Expm1(-x))
	t.Free += weight * kT * log
	t.Entropy += weight * boltzmann * (x*n - log)
	if x < 500 {
		t.Heat += weight * boltzmann * x * x * n * (n + 1)
	}
}
