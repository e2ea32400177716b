package property

import (
	"errors"
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/relax"
)

// argon is 2³ cells of fcc argon at rest, on a rank. The cutoff, 2.5 σ, lies
// between two shells of neighbours.
func argon(c comm.Comm) (*md.Evaluator, error) {
	const n, a = 2, 5.3
	cell, err := domain.NewCell([3][3]float64{{n * a, 0, 0}, {0, n * a, 0}, {0, 0, n * a}}, [3]bool{true, true, true})
	if err != nil {
		return nil, err
	}
	at := &domain.Atoms{}
	id := int64(0)
	for i := range n * n * n {
		for _, b := range [][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}} {
			if id++; int(id)%c.Size() == c.Rank() {
				at.ID, at.Species = append(at.ID, id), append(at.Species, 18)
				at.X = append(at.X, [3]float64{a * (float64(i/4) + b[0]), a * (float64(i/2%2) + b[1]), a * (float64(i%2) + b[2])})
			}
		}
	}
	at.N = len(at.ID)
	pot, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 0.0103, Sigma: 3.405, Cutoff: 8.5125}}, true)
	e := &md.Evaluator{
		Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
		Cell: cell, Atoms: at, Potential: pot, Skin: 0.3,
	}
	if err != nil {
		return nil, err
	}
	_, err = relax.Run(e, relax.Options{Force: 1e-6, Stress: 1e-10, Cell: relax.Full})
	return e, err
}

var tight = relax.Options{Force: 1e-6}

// A crystal held together by pairs alone, each atom a centre of inversion, at no
// pressure: Cauchy's C₁₂ = C₄₄. Its bulk modulus is that of its equation of state.
func TestArgon(t *testing.T) {
	var first Matrix
	for _, ranks := range []int{1, 4} {
		err := inproc.Run(ranks, func(c comm.Comm) error {
			e, err := argon(c)
			if err != nil {
				return err
			}
			k, err := Elastic(e, ElasticOptions{Strain: 0.001, Points: 1, Internal: true, Relax: tight})
			if err != nil {
				return err
			}
			_, b, err := EOS(e, EOSOptions{Range: 0.004, Points: 7, Internal: true, Relax: tight})
			if err != nil || c.Rank() > 0 {
				return err
			}
			if ranks == 1 {
				first = k.C
			}
			c11, c12, c44 := k.C[0][0], k.C[0][1], k.C[3][3]
			t.Logf("C11 %.4f C12 %.4f C44 %.4f GPa, B %.4f GPa, B' %.2f", c11*160.21766, c12*160.21766, c44*160.21766, b.Bulk*160.21766, b.Slope)
			if math.Abs(c12-c44) > 1e-3*c12 {
				t.Errorf("C12 %v, C44 %v", c12, c44)
			}
			if bulk := (c11 + 2*c12) / 3; math.Abs(b.Bulk-bulk) > 2e-3*bulk {
				t.Errorf("bulk modulus %v by strains, %v by the equation of state", bulk, b.Bulk)
			}
			if v := e.Cell.Volume(); math.Abs(b.Volume-v) > 1e-4*v {
				t.Errorf("V₀ = %v, relaxed %v", b.Volume, v)
			}
			if k.Asymmetry > 1e-5*c11 || k.Curvature > 0.05 {
				t.Errorf("asymmetry %v, curvature %v", k.Asymmetry, k.Curvature)
			}
			for i := range k.C {
				for j := range k.C {
					want := 0.0
					switch {
					case i == j && i < 3:
						want = c11
					case i == j:
						want = c44
					case i < 3 && j < 3:
						want = c12
					}
					if math.Abs(k.C[i][j]-want) > 1e-4*c11 {
						t.Errorf("C%d%d = %v, want %v", i+1, j+1, k.C[i][j], want)
					}
					if math.Abs(k.C[i][j]-first[i][j]) > 1e-7*c11 {
						t.Errorf("C%d%d on %d ranks is %v, on one %v", i+1, j+1, ranks, k.C[i][j], first[i][j])
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A strain of one half breaks it, and positions that do not come to rest in the
// steps that they have.
func TestBreak(t *testing.T) {
	err := inproc.Run(2, func(c comm.Comm) error {
		e, err := argon(c)
		if err != nil {
			return err
		}
		if _, err = Elastic(e, ElasticOptions{Strain: 0.5, Points: 1}); err == nil {
			t.Error("a strain of one half was taken")
		}
		for i := range e.Atoms.N {
			e.Atoms.X[i][0] += 0.1 * float64(e.Atoms.ID[i]%3)
		}
		_, err = Elastic(e, ElasticOptions{Strain: 0.01, Points: 1, Internal: true, Relax: relax.Options{Force: 1e-9, Steps: 3}})
		var broken *BreakError
		if !errors.As(err, &broken) || broken.Pattern != "xx" {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Copper, C11 = 168.4, C12 = 121.4, C44 = 75.4 GPa (Nye, table 15), by the closed
// forms for cubic crystals: K = (C11 + 2 C12)/3, G_V = (C11 − C12 + 3 C44)/5,
// G_R = 5 (C11 − C12) C44/(4 C44 + 3 (C11 − C12)).
func TestAverages(t *testing.T) {
	var c Matrix
	for i := range 3 {
		for j := range 3 {
			c[i][j] = 121.4
		}
		c[i][i], c[i+3][i+3] = 168.4, 75.4
	}
	m, err := c.Averages()
	if err != nil {
		t.Fatal(err)
	}
	k, gv, gr := (168.4+2*121.4)/3, (168.4-121.4+3*75.4)/5, 5*(168.4-121.4)*75.4/(4*75.4+3*(168.4-121.4))
	for _, x := range [][2]float64{{m.BulkVoigt, k}, {m.BulkReuss, k}, {m.ShearVoigt, gv}, {m.ShearReuss, gr}, {m.Anisotropy, 5*gv/gr - 5}, {m.Young, 9 * k * (gv + gr) / 2 / (3*k + (gv+gr)/2)}} {
		if math.Abs(x[0]-x[1]) > 1e-9*x[1] {
			t.Errorf("%v, want %v", x[0], x[1])
		}
	}
	// Eigenvalues of a cubic crystal: C11 + 2 C12, C11 − C12 twice, C44 three times.
	e, stable := c.Stability()
	if !stable || math.Abs(e[0]-47) > 1e-9 || math.Abs(e[5]-411.2) > 1e-9 {
		t.Errorf("%v", e)
	}
	c[0][1], c[1][0] = 200, 200
	if _, stable := c.Stability(); stable {
		t.Error("C12 > C11 is stable")
	}
	if _, err := c.Averages(); err == nil {
		t.Error("averages of an unstable crystal")
	}
}

// Energies made of Birch and Murnaghan's formula as Birch wrote it give back its
// parameters.
func TestBirch(t *testing.T) {
	const v0, e0, b0, b1 = 40.3, -3.2, 0.55, 5.1
	var points []VolumePoint
	for i := range 9 {
		v := v0 * (0.93 + 0.02*float64(i))
		x := math.Pow(v0/v, 2.0/3)
		e := e0 + 9*v0*b0/16*(math.Pow(x-1, 3)*b1+(x-1)*(x-1)*(6-4*x))
		points = append(points, VolumePoint{Volume: v, Energy: e})
	}
	f, err := FitBirch(points)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][2]float64{{f.Volume, v0}, {f.Energy, e0}, {f.Bulk, b0}, {f.Slope, b1}, {f.At(41), points[4].Energy + f.At(41) - f.At(points[4].Volume)}} {
		if math.Abs(x[0]-x[1]) > 1e-8*math.Abs(x[1]) {
			t.Errorf("%v, want %v", x[0], x[1])
		}
	}
	if f.Residual > 1e-12 {
		t.Errorf("residual %v", f.Residual)
	}
	for i := range points {
		points[i].Energy = -points[i].Volume
	}
	if _, err := FitBirch(points); err == nil {
		t.Error("a line has a minimum")
	}
}
