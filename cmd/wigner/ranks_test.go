package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpitest"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/md"
)

// rankCounts are the issue's: primes, cubes, more ranks than atoms.
var rankCounts = []int{1, 2, 3, 4, 6, 8, 12, 27, 64}

// TestRanks: in double precision the results do not depend on the ranks, for
// every structure of the reference set: cells smaller than the cutoff, slabs,
// molecules, lone atoms, more ranks than atoms. The bound, 1e-10 × max(1, the
// largest magnitude in the frame), is the issue's. The published models take
// minutes: WIGNER_LONG=1 has them.
func TestRanks(t *testing.T) {
	in := filepath.Join(repo, "testdata/reference/sevennet-0.extxyz")
	if os.Getenv("WIGNER_LONG") == "1" {
		for _, name := range []string{"sevennet-0", "sevennet-l3i5"} {
			onRanks(t, published(t, name), in)
		}
	}
	// The small models know few elements: one that knows all of its own file's.
	onRanks(t, filepath.Join(tiny, "linear-l2.pth"), filepath.Join(tiny, "linear-l2.extxyz"))
	onRanks(t, filepath.Join(tiny, "linear-l3.pth"), filepath.Join(tiny, "linear-l3.extxyz"))
}

// TestRanksOfShapes: a slab and a particle in vacuum, where bricks are uneven or empty;
// with WIGNER_LONG=1 by SevenNet-0, and 100,800 atoms of an alloy by embedded atoms.
func TestRanksOfShapes(t *testing.T) {
	dir := t.TempDir()
	shapes := write(t, filepath.Join(dir, "shapes.extxyz"), copperBox([3]int{4, 4, 3}, [3]float64{0, 0, 30}, "T T F", nil)+
		copperBox([3]int{6, 6, 6}, [3]float64{25, 25, 25}, "F F F", func(x [3]float64) bool {
			d := 0.0
			for _, v := range x {
				d += (v - 3*3.61) * (v - 3*3.61)
			}
			return d < 8*8
		}))
	if os.Getenv("WIGNER_LONG") != "1" {
		onRanks(t, filepath.Join(tiny, "linear-l2.pth"), shapes)
		return
	}
	onRanks(t, published(t, "sevennet-0"), shapes)
	lines := strings.Split(copperBox([3]int{30, 30, 28}, [3]float64{}, "T T T", nil), "\n")
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range lines[2:] {
		if rng.IntN(3) == 0 {
			lines[i+2] = strings.Replace(lines[i+2], "Cu ", "Al ", 1)
		}
	}
	onRanks(t, filepath.Join(eamTables, "ab.eam.alloy"), write(t, filepath.Join(dir, "alloy.extxyz"), strings.Join(lines, "\n")))
}

// copperBox is rattled fcc of so many cells with vacuum along the axes, of it the atoms
// that are in.
func copperBox(n [3]int, vacuum [3]float64, pbc string, in func(x [3]float64) bool) string {
	const a = 3.61
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	count := 0
	for i := range n[0] {
		for j := range n[1] {
			for k := range n[2] {
				for _, f := range [4][3]float64{{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}} {
					x := [3]float64{a * (float64(i) + f[0]), a * (float64(j) + f[1]), a * (float64(k) + f[2])}
					if in != nil && !in(x) {
						continue
					}
					count++
					fmt.Fprintf(&b, "Cu %.8f %.8f %.8f\n", x[0]+0.08*rng.NormFloat64(), x[1]+0.08*rng.NormFloat64(), x[2]+0.08*rng.NormFloat64())
				}
			}
		}
	}
	return fmt.Sprintf("%d\nLattice=\"%g 0 0 0 %g 0 0 0 %g\" Properties=species:S:1:pos:R:3 pbc=\"%s\"\n%s", count,
		a*float64(n[0])+vacuum[0], a*float64(n[1])+vacuum[1], a*float64(n[2])+vacuum[2], pbc, b.String())
}

// onRanks evaluates a file on all counts, in one process and, where there are
// MPIs, under each of them with up to three processes.
func onRanks(t *testing.T, model, in string) {
	t.Helper()
	dir := t.TempDir()
	first := filepath.Join(dir, "first.extxyz")
	mustRun(t, "eval", in, "-m", model, "-o", first, "--precision", "float64", "--ranks", "1")
	want := frames(t, first)
	out := filepath.Join(dir, "out.extxyz")
	worst := 0.0
	for _, n := range rankCounts[1:] {
		mustRun(t, "eval", in, "-m", model, "-o", out, "--precision", "float64", "--ranks", fmt.Sprint(n))
		worst = max(worst, apart(t, frames(t, out), want))
	}
	t.Logf("%s: on %v ranks the results differ by %.1e at most", filepath.Base(model), rankCounts, worst)
	if testing.Short() {
		return
	}
	for _, l := range mpitest.Launchers(t) {
		worst := 0.0
		for _, n := range rankCounts {
			p := 1
			for _, q := range []int{2, 3} {
				if n%q == 0 {
					p = q
				}
			}
			r := mpirun(t, l, p, "eval", in, "-m", model, "-o", out, "--precision", "float64", "--ranks", fmt.Sprint(n/p))
			if r.code != 0 {
				t.Fatalf("%s: exit status %d\n%s", l, r.code, r.err)
			}
			worst = max(worst, apart(t, frames(t, out), want))
		}
		t.Logf("%s under %s: at most %.1e", filepath.Base(model), l, worst)
		if os.Getenv("WIGNER_LONG") != "1" {
			continue
		}
		worst = 0
		for _, n := range rankCounts[3:] {
			r := mpirun(t, l, n, "eval", in, "-m", model, "-o", out, "--precision", "float64", "--ranks", "1")
			if r.code != 0 {
				t.Fatalf("%s, %d processes: exit status %d\n%s", l, n, r.code, r.err)
			}
			worst = max(worst, apart(t, frames(t, out), want))
		}
		t.Logf("%s under %s, one rank in each of %v processes: at most %.1e", filepath.Base(model), l, rankCounts[3:], worst)
	}
}

// TestSamePlaceLater: atoms that come to the same place between two builds of the
// list, seen by one rank alone and in the middle of a potential's exchanges, are the
// guard's trouble, the same on all ranks.
func TestSamePlaceLater(t *testing.T) {
	for _, memory := range []string{"normal", "low"} {
		src, err := openModel(filepath.Join(tiny, "linear-l2.pth"), variant{precision: "float64", memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		s := &system{Vectors: [3][3]float64{{40}, {0, 9}, {0, 0, 9}}, PBC: [3]bool{true, true, true}}
		for i := range 12 {
			s.X = append(s.X, [3]float64{1 + 3.2*float64(i), 4, 4})
			s.Z = append(s.Z, 14)
		}
		s.X[1][0] = 2.5 // atoms 1 and 2 are owned by the first of the ranks
		errs := make([]error, 3)
		_ = inproc.Run(3, func(c comm.Comm) error {
			x, err := share(c, s, [3]int{})
			if err != nil {
				return err
			}
			pot, err := src.New()
			if err != nil {
				return err
			}
			e := md.Evaluator{Comm: c, Potential: pot, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Skin: 4, Guard: anyForce}
			if err := e.Evaluate(); err != nil {
				return err
			}
			for i, id := range e.Atoms.ID[:e.Atoms.N] {
				if id == 1 || id == 2 {
					e.Atoms.X[i] = [3]float64{1.75, 4, 4}
				}
			}
			if err = e.Evaluate(); err == nil {
				err = e.Check()
			}
			errs[c.Rank()] = err
			return nil
		})
		for r, err := range errs {
			var trouble *md.TroubleError
			if !errors.As(err, &trouble) || len(trouble.IDs) < 2 || trouble.IDs[0] != 1 || trouble.IDs[1] != 2 || err.Error() != errs[0].Error() {
				t.Errorf("%s memory, rank %d: %v", memory, r, err)
			}
		}
	}
}

// apart is the largest difference of any result, over max(1, the largest
// magnitude in its frame); above 1e-10 is an error. Energies are per atom.
func apart(t *testing.T, got, want []*extxyz.Frame) (worst float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for k, w := range want {
		g, scale := got[k], 1.0
		compare := func(what string, a, b []float64, divide float64) {
			for _, x := range b {
				scale = max(scale, math.Abs(x)/divide)
			}
			for i := range a {
				d := math.Abs(a[i]-b[i]) / divide / scale
				worst = max(worst, d)
				if !(d <= 1e-10) {
					t.Errorf("frame %d: %s: %v and %v", k+1, what, a[i], b[i])
					return
				}
			}
		}
		compare("energies", g.Column("energies").Real, w.Column("energies").Real, 1)
		compare("forces", g.Column("forces").Real, w.Column("forces").Real, 1)
		compare("energy", reals(t, g, "energy"), reals(t, w, "energy"), float64(w.N))
		compare("virial", reals(t, g, "virial"), reals(t, w, "virial"), float64(w.N))
		if _, ok := w.Get("stress"); ok {
			compare("stress", reals(t, g, "stress"), reals(t, w, "stress"), 1)
		}
	}
	return worst
}
