package potentialtest_test

import (
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// embedded is a small potential that exchanges features, written to be read:
//
//	n_i = Σ_j w_j f(r_ij)                     f(r) = (1 − (r/r_c)²)³
//	E_i = n_i² + 0.3 n_i + 0.05 Σ_j f(r_ij) n_j
//
// with w = 1 or 1.5 by element. Its ghosts' n come by Forward, and ∂E/∂n goes
// back by Reverse. fault breaks it in one way, for the test of the suite.
type embedded struct {
	rc    float64
	fault string
	calls int

	n, dn []float64
	j     []int32
	r, g  [][3]float64
}

// chiral is no fault: the potential says that it tells mirror images apart.
const chiral = "inversion, but SO(3)"

func (p *embedded) Cutoff() float64 { return p.rc }

func (p *embedded) Supports(z int) bool { return z == 6 || z == 8 || p.fault == "supports" && z > 0 }

func (p *embedded) Group() potential.Group {
	if p.fault == chiral {
		return potential.SO3
	}
	return potential.O3
}

func weight(z int32) float64 {
	if z == 8 {
		return 1.5
	}
	return 1
}

// f and f′/r.
func (p *embedded) f(r2 float64) (f, df float64) {
	q := 1 - r2/(p.rc*p.rc)
	if p.fault == "cutoff" {
		return q + 0.1, -2 / (p.rc * p.rc)
	}
	return q * q * q, -6 * q * q / (p.rc * p.rc)
}

// edges fills j and r with the neighbours of i within the cutoff.
func (p *embedded) edges(fr *potential.Frame, i int) {
	p.j, p.r = p.j[:0], p.r[:0]
	for _, k := range fr.List.J[fr.List.Row[i]:fr.List.Row[i+1]] {
		if p.fault == "ghosts" && int(fr.Home[k]) >= fr.N {
			continue
		}
		d := fr.X[k]
		for c := range d {
			d[c] -= fr.X[i][c]
		}
		if dot(d) < p.rc*p.rc || p.fault == "skin" {
			p.j, p.r = append(p.j, k), append(p.r, d)
		}
	}
	p.g = append(p.g[:0], p.r...)
}

func dot(d [3]float64) float64 { return d[0]*d[0] + d[1]*d[1] + d[2]*d[2] }

func (p *embedded) Compute(fr *potential.Frame, res *potential.Result) error {
	if p.fault == "allocations" {
		p.n = nil
	}
	if len(p.n) < fr.Rows {
		p.n, p.dn = make([]float64, fr.Rows), make([]float64, fr.Rows)
	}
	n, dn := p.n[:fr.Rows], p.dn[:fr.Rows]
	for i := range fr.N {
		n[i] = 0
		p.edges(fr, i)
		for e, k := range p.j {
			f, _ := p.f(dot(p.r[e]))
			n[i] += weight(fr.Species[k]) * f
		}
	}
	if p.fault != "forward" {
		if err := fr.Halo.Forward(domain.Rows{Width: 1, F64: n}); err != nil {
			return err
		}
	}
	clear(dn)
	for i := range fr.N {
		p.edges(fr, i)
		e := n[i]*n[i] + 0.3*n[i]
		dn[i] += 2*n[i] + 0.3
		for k, j := range p.j {
			f, df := p.f(dot(p.r[k]))
			h := fr.Home[j]
			e += 0.05 * f * n[h]
			dn[h] += 0.05 * f
			for c := range 3 {
				p.g[k][c] = 0.05 * n[h] * df * p.r[k][c]
			}
			p.j[k] = h
		}
		res.Energy[i] = e + p.wrong(fr, i)
		res.Bonds.Add(int32(i), p.j, p.r, p.g)
	}
	if p.fault != "reverse" {
		if err := fr.Halo.Reverse(domain.Rows{Width: 1, F64: dn}); err != nil {
			return err
		}
	}
	for i := range fr.N {
		p.edges(fr, i)
		for k, j := range p.j {
			_, df := p.f(dot(p.r[k]))
			if p.fault == "gradient" {
				df *= 1.001
			}
			for c := range 3 {
				p.g[k][c] = dn[i] * weight(fr.Species[j]) * df * p.r[k][c]
			}
			p.j[k] = fr.Home[j]
		}
		res.Bonds.Add(int32(i), p.j, p.r, p.g)
	}
	p.calls++
	return nil
}

// wrong is an energy that breaks one symmetry.
func (p *embedded) wrong(fr *potential.Frame, i int) float64 {
	switch p.fault {
	case "permutation":
		return 1e-3 * float64(fr.ID[i])
	case "translation":
		return 1e-3 * math.Sin(fr.X[i][0])
	case "rotation":
		s := 0.0
		for _, d := range p.r {
			s += 1e-3 * d[2] * d[2] * (1 - dot(d)/(p.rc*p.rc))
		}
		return s
	case "inversion", chiral:
		if len(p.r) < 3 {
			return 0
		}
		a, b, c := p.r[0], p.r[1], p.r[2]
		return 1e-3 * (a[0]*(b[1]*c[2]-b[2]*c[1]) + a[1]*(b[2]*c[0]-b[0]*c[2]) + a[2]*(b[0]*c[1]-b[1]*c[0]))
	case "empty":
		if len(p.r) == 0 {
			return math.NaN()
		}
	case "interior":
		for _, s := range fr.Interior {
			if s.From <= i && i < s.To {
				return 1e-12
			}
		}
	case "state":
		return 1e-3 * float64(p.calls)
	}
	return 0
}

func TestSuite(t *testing.T) {
	potentialtest.Run(t, func() potential.Potential { return &embedded{rc: 4} }, potentialtest.Options{Elements: []int{6, 8}})
}

// TestFaulty runs the suite on a faulty potential when TestSuiteFindsFaults says
// which.
func TestFaulty(t *testing.T) {
	fault := os.Getenv("POTENTIALTEST_FAULT")
	if fault == "" {
		t.Skip("run by TestSuiteFindsFaults")
	}
	potentialtest.Run(t, func() potential.Potential { return &embedded{rc: 4, fault: fault} },
		potentialtest.Options{Elements: []int{6, 8}, Ranks: []int{1, 4}})
}

// Each fault must make the test fail that is there to find it.
func TestSuiteFindsFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for fault, test := range map[string]string{
		"supports":    "Supports",
		"gradient":    "Forces Virial",
		"rotation":    "Rotation",
		"inversion":   "Rotation",
		"translation": "Translation",
		"permutation": "Permutation",
		"ghosts":      "Ranks OpenBoundaries",
		"forward":     "Ranks MoreRanksThanAtoms OpenBoundaries",
		"reverse":     "Ranks MoreRanksThanAtoms OpenBoundaries Translation",
		"empty":       "Isolated",
		"cutoff":      "Cutoff",
		"skin":        "Skin",
		"allocations": "Allocations",
		"state":       "Allocations",
		"interior":    "Interior",
		"none":        "",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$", "-test.v")
			cmd.Env = append(os.Environ(), "POTENTIALTEST_FAULT="+fault)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (test == "") {
				t.Errorf("the suite ended with %v", err)
			}
			for name := range strings.FieldsSeq(test) {
				if !strings.Contains(string(out), "--- FAIL: TestFaulty/"+name+" ") {
					t.Errorf("%s passes:\n%s", name, out)
				}
			}
		})
	}
}

// A potential of SO(3) only may tell mirror images apart: reported, not failed.
func TestMirrorImagesOfSO3(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestFaulty$/^Rotation$", "-test.v")
	cmd.Env = append(os.Environ(), "POTENTIALTEST_FAULT="+chiral)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the mirror image differs by") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestEvaluateErrors(t *testing.T) {
	mk := func() potential.Potential { return &embedded{rc: 4} }
	for name, c := range map[string]struct {
		sys  potentialtest.System
		want string
	}{
		"cell":    {potentialtest.System{Periodic: [3]bool{true, true, true}}, "lattice vector a is zero"},
		"element": {potentialtest.System{Z: []int{7}, X: [][3]float64{{}}}, "element 7"},
		"place":   {potentialtest.System{Z: []int{6, 6}, X: [][3]float64{{}, {}}}, "same place"},
		"nan":     {potentialtest.System{Z: []int{6, 6}, X: [][3]float64{{}, {math.NaN(), 0, 0}}}, "atom 2 has no finite position"},
	} {
		if _, err := potentialtest.Evaluate(c.sys, potentialtest.Setup{Ranks: 3}, mk); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
